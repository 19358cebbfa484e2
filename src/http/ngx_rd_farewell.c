
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_farewell.h"


#define NGX_RD_FAREWELL_FRAME_MS   500      /* for a frame to end */
#define NGX_RD_FAREWELL_LINGER_MS  1000     /* for the viewer to hear why */
#define NGX_RD_FAREWELL_BYTES_MAX  127      /* of a close frame */


static ngx_rd_farewell_t *ngx_rd_farewell_of(ngx_connection_t *c);
static ssize_t ngx_rd_farewell_send(ngx_connection_t *c, u_char *buf,
    size_t size);

static void ngx_rd_farewell_event_handler(ngx_event_t *ev);
static void ngx_rd_farewell_begin(ngx_rd_farewell_t *farewell);
static void ngx_rd_farewell_say(ngx_rd_farewell_t *farewell);
static ngx_int_t ngx_rd_farewell_send_close(ngx_rd_farewell_t *farewell);
static void ngx_rd_farewell_linger(ngx_rd_farewell_t *farewell);
static void ngx_rd_farewell_drain_handler(ngx_http_request_t *r);
static void ngx_rd_farewell_idle_handler(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
static void ngx_rd_farewell_cleanup(void *data);


/* what a viewer is told, by the error a new request would get */

static const struct {
    ngx_rd_error_e  error;
    ngx_uint_t      code;
    const char     *reason;
} ngx_rd_farewell_reasons[] = {
    { NGX_RD_ERR_EXPIRED,        4001, "time is over" },
    { NGX_RD_ERR_ENDED,          4002, "stopped" },
    { NGX_RD_ERR_NO_SESSION,     4002, "stopped" },
    { NGX_RD_ERR_NOT_READY,      4002, "stopped" },
    { NGX_RD_ERR_LOGIN_REQUIRED, 4003, "logged out" },
    { NGX_RD_ERR_BANNED,         4004, "banned" },
    { NGX_RD_ERR_DISABLED,       4006, "switched off" },
    { NGX_RD_ERR_NONE,           4005, "not allowed any more" },
    { NGX_RD_ERR_NONE,           1012, "server restarts" }
};

/* the index of the last one */
#define NGX_RD_FAREWELL_RESTART                                               \
    (sizeof(ngx_rd_farewell_reasons) / sizeof(ngx_rd_farewell_reasons[0]) - 1)


ngx_int_t
ngx_rd_farewell_init(ngx_rd_farewell_t *farewell, ngx_http_request_t *r)
{
    ngx_rd_farewell_t   *old;
    ngx_http_cleanup_t  *cln;

    /* an internal redirect may have led through a second gate */

    old = ngx_rd_farewell_of(r->connection);

    if (old) {
        ngx_rd_farewell_cleanup(old);
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_rd_farewell_cleanup;
    cln->data = farewell;

    farewell->request = r;

    farewell->event.handler = ngx_rd_farewell_event_handler;
    farewell->event.data = farewell;
    farewell->event.log = r->connection->log;

    /* frames are sent by this, all before them by send_chain */

    farewell->send = r->connection->send;
    r->connection->send = ngx_rd_farewell_send;

    return NGX_OK;
}


void
ngx_rd_farewell_start(ngx_rd_farewell_t *farewell, ngx_rd_error_e error)
{
    ngx_uint_t  i;

    for (i = 0; ngx_rd_farewell_reasons[i].error != NGX_RD_ERR_NONE; i++) {

        if (ngx_rd_farewell_reasons[i].error == error) {
            break;
        }
    }

    farewell->reason = i;
    ngx_rd_farewell_begin(farewell);
}


void
ngx_rd_farewell_restart(ngx_rd_farewell_t *farewell)
{
    farewell->reason = NGX_RD_FAREWELL_RESTART;
    ngx_rd_farewell_begin(farewell);
}


void
ngx_rd_farewell_now(ngx_rd_farewell_t *farewell)
{
    ngx_http_request_t  *r;

    r = farewell->request;

    if (farewell->send == NULL
        || farewell->state == NGX_RD_FAREWELL_LINGERING
        || !ngx_rd_frames_between(&farewell->frames)
        || r->upstream == NULL || !r->upstream->upgrade
        || r->connection->error)
    {
        return;
    }

    if (farewell->state == NGX_RD_FAREWELL_NONE) {
        farewell->reason = NGX_RD_FAREWELL_RESTART;
    }

    (void) ngx_rd_farewell_send_close(farewell);
}


static void
ngx_rd_farewell_begin(ngx_rd_farewell_t *farewell)
{
    if (farewell->send == NULL) {
        return;                         /* another one follows the frames */
    }

    farewell->state = NGX_RD_FAREWELL_WAITING;

    /* the next turn: the caller may be in the middle of anything */

    if (ngx_rd_frames_between(&farewell->frames)) {
        ngx_post_event(&farewell->event, &ngx_posted_events);

    } else {
        ngx_add_timer(&farewell->event, NGX_RD_FAREWELL_FRAME_MS);
    }
}


/*
 * With an upstream it has to end through that: terminated from outside, its
 * cleanup would free the request in the middle of the termination.
 */

void
ngx_rd_farewell_end(ngx_http_request_t *r)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    c = r->connection;
    u = r->upstream;

    if (u && u->cleanup && *u->cleanup) {

        /* we have lingered already */

        r->keepalive = 0;
        r->lingering_close = 0;
        r->header_in->pos = r->header_in->last;
        c->read->ready = 0;

        (*u->cleanup)(r);

    } else {
        ngx_http_finalize_request(r, NGX_ERROR);
    }

    ngx_http_run_posted_requests(c);
}


/* the cleanup handler marks a request that is one */

static ngx_rd_farewell_t *
ngx_rd_farewell_of(ngx_connection_t *c)
{
    ngx_http_request_t  *r;
    ngx_rd_farewell_t   *farewell;
    ngx_http_cleanup_t  *cln;

    r = c->data;

    for (cln = r->main->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_rd_farewell_cleanup) {
            farewell = cln->data;

            if (farewell->send) {
                return farewell;
            }
        }
    }

    return NULL;
}


static ssize_t
ngx_rd_farewell_send(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t             n;
    ngx_rd_farewell_t  *farewell;

    farewell = ngx_rd_farewell_of(c);

    if (farewell == NULL) {
        return NGX_ERROR;
    }

    if (farewell->state != NGX_RD_FAREWELL_NONE) {

        /* only what ends the frame under way */

        size = ngx_rd_frames_rest(&farewell->frames, buf, size);

        if (size == 0) {
            return NGX_AGAIN;
        }
    }

    n = farewell->send(c, buf, size);

    if (n > 0) {
        ngx_rd_frames_pass(&farewell->frames, buf, n);

        if (farewell->state == NGX_RD_FAREWELL_WAITING
            && ngx_rd_frames_between(&farewell->frames))
        {
            ngx_post_event(&farewell->event, &ngx_posted_events);
        }
    }

    return n;
}


static void
ngx_rd_farewell_event_handler(ngx_event_t *ev)
{
    ngx_rd_farewell_t     *farewell = ev->data;
    ngx_http_request_t  *r;

    r = farewell->request;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_http_set_log_request(r->connection->log, r);

    if (farewell->state == NGX_RD_FAREWELL_WAITING
        && ngx_rd_frames_between(&farewell->frames)
        && r->upstream && r->upstream->upgrade)
    {
        ngx_rd_farewell_say(farewell);
        return;
    }

    ngx_rd_farewell_end(r);
}


static void
ngx_rd_farewell_say(ngx_rd_farewell_t *farewell)
{
    if (ngx_rd_farewell_send_close(farewell) != NGX_OK) {
        ngx_rd_farewell_end(farewell->request);
        return;
    }

    ngx_rd_farewell_linger(farewell);
}


static ngx_int_t
ngx_rd_farewell_send_close(ngx_rd_farewell_t *farewell)
{
    u_char             buf[NGX_RD_FAREWELL_BYTES_MAX];
    size_t             len;
    ngx_connection_t  *c;

    c = farewell->request->connection;

    len = ngx_rd_frames_close(buf,
                              ngx_rd_farewell_reasons[farewell->reason].code,
                              ngx_rd_farewell_reasons[farewell->reason].reason);

    return farewell->send(c, buf, len) == (ssize_t) len ? NGX_OK : NGX_ERROR;
}


/*
 * Closed now, a connection with unread bytes of the viewer would be reset, and
 * he might never see why.
 */

static void
ngx_rd_farewell_linger(ngx_rd_farewell_t *farewell)
{
    ngx_connection_t     *c, *pc;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = farewell->request;
    c = r->connection;
    u = r->upstream;
    pc = u->peer.connection;

    farewell->state = NGX_RD_FAREWELL_LINGERING;

    /* the desktop is done with at once */

    u->read_event_handler = ngx_rd_farewell_idle_handler;
    u->write_event_handler = ngx_rd_farewell_idle_handler;

    if (pc) {
        if (pc->read->timer_set) {
            ngx_del_timer(pc->read);
        }

        if (pc->write->timer_set) {
            ngx_del_timer(pc->write);
        }

        (void) ngx_shutdown_socket(pc->fd, SHUT_RDWR);
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

#if (NGX_HTTP_SSL)
    if (c->ssl == NULL)
#endif
    {
        (void) ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN);
    }

    r->read_event_handler = ngx_rd_farewell_drain_handler;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_add_timer(&farewell->event, NGX_RD_FAREWELL_LINGER_MS);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static void
ngx_rd_farewell_drain_handler(ngx_http_request_t *r)
{
    u_char             buf[4096];
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->connection;

    do {
        n = c->recv(c, buf, sizeof(buf));
    } while (n > 0);

    if (n == NGX_AGAIN && ngx_handle_read_event(c->read, 0) == NGX_OK) {
        return;
    }

    ngx_rd_farewell_end(r);
}


static void
ngx_rd_farewell_idle_handler(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "rd tunnel: the desktop is not heard any more");
}


static void
ngx_rd_farewell_cleanup(void *data)
{
    ngx_rd_farewell_t *farewell = data;

    if (farewell->send == NULL) {
        return;                         /* has been here */
    }

    farewell->request->connection->send = farewell->send;
    farewell->send = NULL;

    if (farewell->event.timer_set) {
        ngx_del_timer(&farewell->event);
    }

    if (farewell->event.posted) {
        ngx_delete_posted_event(&farewell->event);
    }
}
