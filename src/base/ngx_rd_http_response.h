
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_HTTP_RESPONSE_H_INCLUDED_
#define _NGX_RD_HTTP_RESPONSE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_http_head.h"


#define NGX_RD_HTTP_BODY_BYTES_MAX  (8 * 1024 * 1024)  /* docker ps of a host */


/*
 * Reads one HTTP/1.1 response (RFC 9112) out of bytes as they come: status
 * line, headers, body by Content-Length, chunked, or until the peer closes.
 * 1xx responses other than 101 are skipped.  101 ends with the head.
 * Pure: no socket; any thread.
 */

typedef enum {
    NGX_RD_HTTP_MORE = 0,       /* feed more */
    NGX_RD_HTTP_DONE,           /* complete; consumed says where it ended */
    NGX_RD_HTTP_BAD             /* no HTTP, a bound was reached, no memory */
} ngx_rd_http_state_e;


typedef struct {
    ngx_uint_t           status;        /* 100 .. 599, 0 before the line */
    unsigned             keepalive:1;   /* may the connection be used again */
    unsigned             upgraded:1;    /* 101 */

    u_char              *body;          /* NUL-terminated for convenience */
    size_t               body_len;

    const char          *reason;        /* of NGX_RD_HTTP_BAD; static text */

    void                *priv;
} ngx_rd_http_response_t;


/*
 * head_request: the request was HEAD, so no body follows.  NGX_ERROR when
 * memory is short.
 */
ngx_int_t  ngx_rd_http_response_init(ngx_rd_http_response_t *res,
    ngx_uint_t head_request);

/*
 * Bytes of data that belong to this response go to *consumed: all of them
 * while the answer is MORE.  After DONE or BAD it says the same again and
 * consumes nothing.
 */
ngx_rd_http_state_e  ngx_rd_http_response_feed(ngx_rd_http_response_t *res,
    const u_char *data, size_t len, size_t *consumed);

/* the peer closed: DONE for a body that ends so, BAD (truncated) otherwise */
ngx_rd_http_state_e  ngx_rd_http_response_eof(ngx_rd_http_response_t *res);

/*
 * The value of the first header of this name (case is ignored); NULL when
 * there is none.  Borrowed, NUL-terminated.
 */
const char  *ngx_rd_http_response_header(const ngx_rd_http_response_t *res,
    const char *name);

void  ngx_rd_http_response_free(ngx_rd_http_response_t *res);


#endif /* _NGX_RD_HTTP_RESPONSE_H_INCLUDED_ */
