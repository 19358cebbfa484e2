
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_sse_queue.h"
#include "../../ngx_rd_module.h"


/* a buffer remembers whose text it shows */

typedef struct {
    ngx_buf_t                buf;           /* first: nginx hands it back */
    ngx_rd_event_text_t     *text;
} ngx_rd_sse_queue_buf_t;


static ngx_chain_t *ngx_rd_sse_queue_link(ngx_rd_sse_queue_t *queue,
    ngx_rd_event_text_t *text);
static void ngx_rd_sse_queue_recycle(ngx_rd_sse_queue_t *queue,
    ngx_chain_t *out);
static ngx_int_t ngx_rd_sse_queue_wait(ngx_rd_sse_queue_t *queue);
static ngx_uint_t ngx_rd_sse_queue_blocked(ngx_rd_sse_queue_t *queue);


ngx_int_t
ngx_rd_sse_queue_send(ngx_rd_sse_queue_t *queue)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_chain_t         *out, **ll;
    ngx_http_request_t  *r;

    r = queue->request;
    out = NULL;
    ll = &out;

    for (i = 0; i < queue->n; i++) {
        *ll = ngx_rd_sse_queue_link(queue, queue->texts[i]);
        ngx_rd_event_release(queue->texts[i]);

        if (*ll == NULL) {
            ngx_memmove(queue->texts, &queue->texts[i + 1],
                        (queue->n - i - 1) * sizeof(queue->texts[0]));
            queue->n -= i + 1;
            ngx_rd_sse_queue_recycle(queue, out);
            return NGX_ERROR;
        }

        ll = &(*ll)->next;
    }

    queue->n = 0;

    rc = ngx_http_output_filter(r, out);
    ngx_rd_sse_queue_recycle(queue, out);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_rd_sse_queue_wait(queue) == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_rd_sse_queue_drain(ngx_rd_sse_queue_t *queue)
{
    ngx_event_t  *wev;

    wev = queue->request->connection->write;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (!ngx_rd_sse_queue_blocked(queue)) {
        return NGX_OK;
    }

    if (ngx_http_output_filter(queue->request, NULL) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_rd_sse_queue_recycle(queue, NULL);

    return ngx_rd_sse_queue_wait(queue);
}


void
ngx_rd_sse_queue_forget(ngx_rd_sse_queue_t *queue)
{
    while (queue->n) {
        ngx_rd_event_release(queue->texts[--queue->n]);
    }
}


void
ngx_rd_sse_queue_free(ngx_rd_sse_queue_t *queue)
{
    ngx_chain_t             *cl;
    ngx_rd_sse_queue_buf_t  *b;

    ngx_rd_sse_queue_forget(queue);

    for (cl = queue->busy; cl; cl = cl->next) {
        b = (ngx_rd_sse_queue_buf_t *) cl->buf;
        ngx_rd_event_release(b->text);
        b->text = NULL;
    }
}


static ngx_chain_t *
ngx_rd_sse_queue_link(ngx_rd_sse_queue_t *queue, ngx_rd_event_text_t *text)
{
    ngx_chain_t       *cl;
    ngx_rd_sse_queue_buf_t  *b;

    /* a link keeps its buffer for the life of the stream */

    if (queue->free) {
        cl = queue->free;
        queue->free = cl->next;
        b = (ngx_rd_sse_queue_buf_t *) cl->buf;

    } else {
        cl = ngx_alloc_chain_link(queue->request->pool);
        b = ngx_palloc(queue->request->pool, sizeof(ngx_rd_sse_queue_buf_t));

        if (cl == NULL || b == NULL) {
            return NULL;
        }
    }

    ngx_memzero(b, sizeof(ngx_rd_sse_queue_buf_t));

    b->buf.start = text->data;
    b->buf.pos = text->data;
    b->buf.last = text->data + text->len;
    b->buf.end = b->buf.last;
    b->buf.memory = 1;
    b->buf.flush = 1;
    b->buf.tag = (ngx_buf_tag_t) &ngx_rd_module;
    b->text = text;
    text->refs++;

    cl->buf = &b->buf;
    cl->next = NULL;

    return cl;
}


static void
ngx_rd_sse_queue_recycle(ngx_rd_sse_queue_t *queue, ngx_chain_t *out)
{
    ngx_chain_t       *cl;
    ngx_rd_sse_queue_buf_t  *b;

    ngx_chain_update_chains(queue->request->pool, &queue->free, &queue->busy,
                            &out, (ngx_buf_tag_t) &ngx_rd_module);

    for (cl = queue->free; cl; cl = cl->next) {
        b = (ngx_rd_sse_queue_buf_t *) cl->buf;

        if (b->text == NULL) {
            break;              /* new ones stand in front */
        }

        ngx_rd_event_release(b->text);
        b->text = NULL;
    }
}


/* NGX_OK: nothing is left; NGX_AGAIN: nginx will say when he takes more */

static ngx_int_t
ngx_rd_sse_queue_wait(ngx_rd_sse_queue_t *queue)
{
    ngx_event_t               *wev;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = queue->request;
    wev = r->connection->write;

    if (!ngx_rd_sse_queue_blocked(queue)) {

        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }

        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->timer_set) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, 0) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}


/* the end of a chunk may be left when the last of our buffers is gone */

static ngx_uint_t
ngx_rd_sse_queue_blocked(ngx_rd_sse_queue_t *queue)
{
    return queue->busy != NULL || queue->request->connection->buffered;
}
