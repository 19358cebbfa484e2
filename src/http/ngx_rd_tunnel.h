
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_TUNNEL_H_INCLUDED_
#define _NGX_RD_TUNNEL_H_INCLUDED_


#include "ngx_rd_inquiry.h"


/*
 * The WebSockets of this worker that passed a gate, and the promise that what
 * would refuse them now ends them within a second: the session ended or its
 * time is over, the viewer is banned, logged out, no admin and no member of
 * the team any more.  While Redis cannot be asked nobody is put out.
 *
 * Where the cache is told of every change, a tunnel is looked at after one;
 * otherwise Redis is asked every half second.
 *
 * How it is told to the viewer stands in ngx_rd_farewell.h.
 */

typedef struct ngx_rd_tunnel_s  ngx_rd_tunnel_t;

/*
 * Access phase, once for a WebSocket that may pass; inquiry is what it was
 * decided by, and stays the caller's.  Ends with the request.  A container
 * that does not answer the handshake within timeout_ms costs its viewer a 504.
 * NULL: out of memory.
 */
ngx_rd_tunnel_t *ngx_rd_tunnel_open(ngx_http_request_t *r,
    const ngx_rd_inquiry_t *inquiry, ngx_msec_t timeout_ms);

/* the handshake was answered, or failed: its time limit is over */
void  ngx_rd_tunnel_answered(ngx_rd_tunnel_t *tunnel);

/*
 * At worker exit.  What is still open is told to connect again, as it is before
 * worker_shutdown_timeout cuts it.
 */
void  ngx_rd_tunnel_exit_worker(void);


#endif /* _NGX_RD_TUNNEL_H_INCLUDED_ */
