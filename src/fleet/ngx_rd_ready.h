
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_READY_H_INCLUDED_
#define _NGX_RD_READY_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_event.h>


typedef struct ngx_rd_ready_s  ngx_rd_ready_t;

/* error NONE: it answers as a desktop does; NOT_UP_IN_TIME: it never did, and
 * detail says what the last attempt saw ("connection refused") */
typedef void (*ngx_rd_ready_done_pt)(void *owner, ngx_rd_error_e error,
    const char *detail);


/*
 * Waits, on the event loop and by timers alone, until the WebSocket endpoint
 * of a desktop answers as a desktop does: the TCP connection is made, a GET of
 * path with a WebSocket handshake (RFC 6455, 4.1; subprotocol "binary") gets
 * 101 with the right Sec-WebSocket-Accept, and the first binary data starts
 * with "RFB " (RFC 6143, 7.1.1).  Everything else (refused, reset, 502,
 * silence) means another attempt: the first at once, then with pauses of a
 * twentieth of the time waited, 50 to 500 ms, each attempt bounded by 3 s, all
 * of them by give_up_ms.
 *
 * done is called exactly once, from the event loop, never from inside _start;
 * not after _cancel.  The object frees itself after done or in _cancel.  addr
 * and name are copied.  NULL: out of memory.  The timers are not cancelable:
 * a worker that shuts down waits for them.
 */
ngx_rd_ready_t  *ngx_rd_ready_start(const struct sockaddr *addr,
    socklen_t addr_len, const char *path, ngx_msec_t give_up_ms,
    ngx_rd_ready_done_pt done, void *owner, ngx_log_t *log);

void  ngx_rd_ready_cancel(ngx_rd_ready_t *ready);

/* attempts made so far, for the progress message */
ngx_uint_t  ngx_rd_ready_attempts(const ngx_rd_ready_t *ready);


#endif /* _NGX_RD_READY_H_INCLUDED_ */
