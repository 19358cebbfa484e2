
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ANSWER_H_INCLUDED_
#define _NGX_RD_ANSWER_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_tunnel.h"
#include <ngx_http.h>


/*
 * What the container behind a gate may answer.  Its bytes reach the visitor
 * only as a response that nginx has parsed: anything else, HTTP/0.9 and
 * interim responses included, becomes a 502 and closes the connection.  The
 * headers that are left speak for the container's page, never for the site
 * (docs/API.md has both lists).
 */

/* the part of the gate's request context that the header filter needs */

typedef struct {
    ngx_uint_t        kind;             /* NGX_RD_CTX_GATE */
    ngx_uint_t        http_version;     /* of the request; 0: gate not passed */
    uint64_t          owner;            /* user id */
    ngx_rd_tunnel_t  *tunnel;           /* NULL: not a WebSocket handshake */
    ngx_rd_error_e    error;            /* why the answer was not passed on */
    unsigned          websocket_only:1; /* rd_gate without "http" */
    unsigned          ours:1;           /* the response is the gate's own */
} ngx_rd_answer_t;


/*
 * While a location with rd_gate is merged: no upstream module of this location
 * obeys X-Accel-* headers, whatever proxy_ignore_headers says, nor intercepts
 * errors, whatever proxy_intercept_errors says.
 */
void  ngx_rd_answer_ignore_accel(ngx_conf_t *cf);

/* installs the header filter */
ngx_int_t  ngx_rd_answer_filter_init(ngx_conf_t *cf);

/*
 * The container did not answer the handshake within rd_handshake_timeout: the
 * gate does, with 504, and the request may be gone on return.  NGX_DECLINED:
 * nothing was done, since the request waits for something else.
 */
ngx_int_t  ngx_rd_answer_timeout(ngx_http_request_t *r);


#endif /* _NGX_RD_ANSWER_H_INCLUDED_ */
