
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_farewell.h"
#include "ngx_rd_loan.h"


#define NGX_RD_LOAN_FREE_MAX  8         /* buffers that wait for a borrower */


typedef struct ngx_rd_loan_free_s  ngx_rd_loan_free_t;

/* at the start of a buffer that nobody has */

struct ngx_rd_loan_free_s {
    ngx_rd_loan_free_t  *next;
};


static ngx_rd_loan_t *ngx_rd_loan_of(ngx_http_request_t *r);
static void ngx_rd_loan_event_handler(ngx_event_t *ev);

static void ngx_rd_loan_read_upstream(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
static void ngx_rd_loan_write_upstream(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
static void ngx_rd_loan_read_downstream(ngx_http_request_t *r);
static void ngx_rd_loan_write_downstream(ngx_http_request_t *r);

static ngx_rd_loan_t *ngx_rd_loan_borrow(ngx_http_request_t *r);
static ngx_int_t ngx_rd_loan_borrow_one(ngx_buf_t *b, u_char **borrowed);
static void ngx_rd_loan_give_back(void);
static void ngx_rd_loan_give_back_one(ngx_rd_loan_t *loan, ngx_buf_t *b,
    u_char **borrowed);
static void ngx_rd_loan_put(u_char *buf);
static void ngx_rd_loan_cleanup(void *data);


static ngx_rd_loan_free_t  *ngx_rd_loan_free;
static ngx_uint_t           ngx_rd_loan_nfree;

/* whose event is handled; NULL when its request has ended meanwhile */
static ngx_rd_loan_t       *ngx_rd_loan_running;


ngx_int_t
ngx_rd_loan_init(ngx_rd_loan_t *loan, ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_rd_loan_cleanup;
    cln->data = loan;

    loan->request = r;

    loan->event.handler = ngx_rd_loan_event_handler;
    loan->event.data = loan;
    loan->event.log = r->connection->log;

    return NGX_OK;
}


/* nginx is about to put its handlers in place; ours come over them */

void
ngx_rd_loan_begin(ngx_http_request_t *r)
{
    ngx_rd_loan_t  *loan;

    loan = ngx_rd_loan_of(r);

    if (loan && loan->read_upstream == NULL) {
        ngx_post_event(&loan->event, &ngx_posted_events);
    }
}


void
ngx_rd_loan_exit_worker(void)
{
    ngx_rd_loan_free_t  *next;

    while (ngx_rd_loan_free) {
        next = ngx_rd_loan_free->next;
        ngx_free(ngx_rd_loan_free);
        ngx_rd_loan_free = next;
    }

    ngx_rd_loan_nfree = 0;
}


/* the newest: an internal redirect may have led through a second gate */

static ngx_rd_loan_t *
ngx_rd_loan_of(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    for (cln = r->main->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_rd_loan_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_rd_loan_event_handler(ngx_event_t *ev)
{
    ngx_rd_loan_t        *loan = ev->data;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = loan->request;
    u = r->upstream;

    if (u == NULL || !u->upgrade || u->peer.connection == NULL) {
        return;
    }

    loan->read_upstream = u->read_event_handler;
    loan->write_upstream = u->write_event_handler;
    loan->read_downstream = r->read_event_handler;
    loan->write_downstream = r->write_event_handler;

    u->read_event_handler = ngx_rd_loan_read_upstream;
    u->write_event_handler = ngx_rd_loan_write_upstream;
    r->read_event_handler = ngx_rd_loan_read_downstream;
    r->write_event_handler = ngx_rd_loan_write_downstream;

    ngx_rd_loan_running = loan;
    ngx_rd_loan_give_back();
}


static void
ngx_rd_loan_read_upstream(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    ngx_rd_loan_t  *loan;

    loan = ngx_rd_loan_borrow(r);

    if (loan) {
        loan->read_upstream(r, u);
        ngx_rd_loan_give_back();
    }
}


static void
ngx_rd_loan_write_upstream(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    ngx_rd_loan_t  *loan;

    loan = ngx_rd_loan_borrow(r);

    if (loan) {
        loan->write_upstream(r, u);
        ngx_rd_loan_give_back();
    }
}


static void
ngx_rd_loan_read_downstream(ngx_http_request_t *r)
{
    ngx_rd_loan_t  *loan;

    loan = ngx_rd_loan_borrow(r);

    if (loan) {
        loan->read_downstream(r);
        ngx_rd_loan_give_back();
    }
}


static void
ngx_rd_loan_write_downstream(ngx_http_request_t *r)
{
    ngx_rd_loan_t  *loan;

    loan = ngx_rd_loan_borrow(r);

    if (loan) {
        loan->write_downstream(r);
        ngx_rd_loan_give_back();
    }
}


/* NULL: there was no memory, and the request has ended */

static ngx_rd_loan_t *
ngx_rd_loan_borrow(ngx_http_request_t *r)
{
    ngx_rd_loan_t        *loan;
    ngx_http_upstream_t  *u;

    loan = ngx_rd_loan_of(r);
    u = r->upstream;

    if (ngx_rd_loan_borrow_one(&u->buffer, &loan->down) != NGX_OK
        || ngx_rd_loan_borrow_one(&u->from_client, &loan->up) != NGX_OK)
    {
        ngx_rd_farewell_end(r);
        return NULL;
    }

    ngx_rd_loan_running = loan;

    return loan;
}


static ngx_int_t
ngx_rd_loan_borrow_one(ngx_buf_t *b, u_char **borrowed)
{
    u_char  *buf;

    if (b->start) {
        return NGX_OK;                  /* it still holds something */
    }

    if (ngx_rd_loan_free) {
        buf = (u_char *) ngx_rd_loan_free;
        ngx_rd_loan_free = ngx_rd_loan_free->next;
        ngx_rd_loan_nfree--;

    } else {
        buf = ngx_alloc(NGX_RD_LOAN_BYTES, ngx_cycle->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }
    }

    *borrowed = buf;

    b->start = buf;
    b->pos = buf;
    b->last = buf;
    b->end = buf + NGX_RD_LOAN_BYTES;
    b->temporary = 1;

    return NGX_OK;
}


static void
ngx_rd_loan_give_back(void)
{
    ngx_rd_loan_t        *loan;
    ngx_http_upstream_t  *u;

    loan = ngx_rd_loan_running;
    ngx_rd_loan_running = NULL;

    if (loan == NULL) {
        return;                         /* the cleanup has been here */
    }

    u = loan->request->upstream;

    ngx_rd_loan_give_back_one(loan, &u->buffer, &loan->down);
    ngx_rd_loan_give_back_one(loan, &u->from_client, &loan->up);

    if (u->buffer.start || u->from_client.start) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, loan->event.log, 0,
                       "rd loan: kept, to viewer:%uz to desktop:%uz",
                       (size_t) (u->buffer.last - u->buffer.pos),
                       (size_t) (u->from_client.last - u->from_client.pos));
    }
}


static void
ngx_rd_loan_give_back_one(ngx_rd_loan_t *loan, ngx_buf_t *b, u_char **borrowed)
{
    if (b->pos != b->last) {
        return;
    }

    if (*borrowed) {
        ngx_rd_loan_put(*borrowed);
        *borrowed = NULL;

    } else if (b->start) {

        /* nginx's own; a small one is a piece of the pool and stays there */

        (void) ngx_pfree(loan->request->pool, b->start);
    }

    b->start = NULL;
    b->pos = NULL;
    b->last = NULL;
    b->end = NULL;
}


static void
ngx_rd_loan_put(u_char *buf)
{
    ngx_rd_loan_free_t  *head;

    if (ngx_rd_loan_nfree == NGX_RD_LOAN_FREE_MAX) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "rd loan: enough of them wait, one is freed");
        ngx_free(buf);
        return;
    }

    head = (ngx_rd_loan_free_t *) buf;
    head->next = ngx_rd_loan_free;
    ngx_rd_loan_free = head;
    ngx_rd_loan_nfree++;
}


static void
ngx_rd_loan_cleanup(void *data)
{
    ngx_rd_loan_t *loan = data;

    if (ngx_rd_loan_running == loan) {
        ngx_rd_loan_running = NULL;
    }

    if (loan->event.posted) {
        ngx_delete_posted_event(&loan->event);
    }

    if (loan->down) {
        ngx_rd_loan_put(loan->down);
        loan->down = NULL;
    }

    if (loan->up) {
        ngx_rd_loan_put(loan->up);
        loan->up = NULL;
    }
}
