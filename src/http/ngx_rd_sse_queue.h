
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSE_QUEUE_H_INCLUDED_
#define _NGX_RD_SSE_QUEUE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_event.h"
#include <ngx_http.h>


#define NGX_RD_SSE_QUEUE_MAX  100       /* texts a listener is behind */


/*
 * What is on its way to one listener.  Texts are shared by all listeners; a
 * buffer and a link are made once and used again for the life of the stream.
 */

typedef struct {
    ngx_http_request_t      *request;           /* borrowed */
    ngx_rd_event_text_t     *texts[NGX_RD_SSE_QUEUE_MAX + 1];   /* and old */
    ngx_uint_t               n;                 /* of these, each a reference */

    ngx_chain_t             *free;
    ngx_chain_t             *busy;              /* nginx has them still */
} ngx_rd_sse_queue_t;


/*
 * Hands all texts to nginx.  When the listener does not take all at once, his
 * send_timeout begins, and the request's write handler is called when he does.
 */
ngx_int_t  ngx_rd_sse_queue_send(ngx_rd_sse_queue_t *queue);

/* from the write handler: NGX_OK, all is gone; NGX_AGAIN; NGX_ERROR */
ngx_int_t  ngx_rd_sse_queue_drain(ngx_rd_sse_queue_t *queue);

/* what nginx was not given yet */
void  ngx_rd_sse_queue_forget(ngx_rd_sse_queue_t *queue);

/* the request ends: all references are given back */
void  ngx_rd_sse_queue_free(ngx_rd_sse_queue_t *queue);


#endif /* _NGX_RD_SSE_QUEUE_H_INCLUDED_ */
