
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_sse.h"
#include "ngx_rd_sse_queue.h"
#include "ngx_rd_sse_watch.h"
#include "ngx_rd_keepalive.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../session/ngx_rd_feed.h"


#define NGX_RD_SSE_REPLAY          200      /* for who names no event */
#define NGX_RD_SSE_REPLAY_MAX      5000     /* the stream has some 2,000 */
#define NGX_RD_SSE_FUTURE_MS       60000    /* an id from there is forgotten */


typedef struct {
    ngx_rd_feed_listener_t   listener;
    ngx_rd_api_ctx_t        *ctx;
    ngx_http_request_t      *request;

    ngx_rd_event_id_t        last;          /* what he has, or will have */
    ngx_rd_sse_queue_t       queue;

    ngx_event_t              ping;
    ngx_rd_sse_watch_t       watch;

    unsigned                 newest:1;      /* he named none to begin at */
    unsigned                 open:1;        /* the header is sent */
    unsigned                 ending:1;      /* the last line is on its way */
    unsigned                 slow:1;
} ngx_rd_sse_t;


static ngx_int_t ngx_rd_sse_last_id(ngx_http_request_t *r,
    ngx_rd_event_id_t *id);
static void ngx_rd_sse_replay_done(ngx_rd_redis_call_t *call);
static ngx_int_t ngx_rd_sse_send_headers(ngx_http_request_t *r);
static void ngx_rd_sse_open(ngx_rd_sse_t *sse, ngx_rd_event_text_t *replay);

static void ngx_rd_sse_event_handler(ngx_rd_feed_listener_t *listener,
    ngx_rd_event_text_t *text);
static void ngx_rd_sse_ping_handler(ngx_event_t *ev);
static void ngx_rd_sse_demoted(void *owner);

static void ngx_rd_sse_say(ngx_rd_sse_t *sse, const char *line);
static void ngx_rd_sse_end(ngx_rd_sse_t *sse, const char *line);
static void ngx_rd_sse_flush(ngx_rd_sse_t *sse);
static void ngx_rd_sse_write_handler(ngx_http_request_t *r);
static void ngx_rd_sse_close(ngx_rd_sse_t *sse, ngx_int_t rc);

static void ngx_rd_sse_cleanup(void *data);


void
ngx_rd_sse_start(ngx_rd_api_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_rd_sse_t        *sse;
    ngx_http_cleanup_t  *cln;

    sse = ngx_pcalloc(ctx->request->pool, sizeof(ngx_rd_sse_t));
    cln = ngx_http_cleanup_add(ctx->request, 0);

    if (sse == NULL || cln == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    ctx->stream = sse;
    ctx->request->read_event_handler = ngx_http_test_reading;

    sse->ctx = ctx;
    sse->request = ctx->request;
    sse->queue.request = ctx->request;
    sse->listener.handler = ngx_rd_sse_event_handler;
    sse->ping.handler = ngx_rd_sse_ping_handler;
    sse->ping.data = ctx->request->connection;
    sse->ping.log = ctx->request->connection->log;
    sse->watch.request = ctx->request;
    sse->watch.rmcf = ctx->rmcf;
    sse->watch.over = ngx_rd_sse_demoted;
    sse->watch.owner = sse;

    rc = ngx_rd_sse_last_id(ctx->request, &sse->last);

    if (rc == NGX_ERROR) {
        ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_BAD_REQUEST,
                                   "Last-Event-ID is none that we gave");
        return;
    }

    /* before the old ones are asked for: none may be lost in between */

    sse->newest = (rc == NGX_DECLINED);
    ngx_rd_feed_add(&sse->listener);
    cln->handler = ngx_rd_sse_cleanup;
    cln->data = sse;

    ctx->call = (rc == NGX_OK)
                ? ngx_rd_event_after(&ctx->rmcf->store, &sse->last,
                                     NGX_RD_SSE_REPLAY_MAX,
                                     ngx_rd_sse_replay_done, sse)
                : ngx_rd_event_newest(&ctx->rmcf->store, NGX_RD_SSE_REPLAY,
                                      ngx_rd_sse_replay_done, sse);

    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


/* NGX_OK: id is set; NGX_DECLINED: he names none; NGX_ERROR: nonsense */

static ngx_int_t
ngx_rd_sse_last_id(ngx_http_request_t *r, ngx_rd_event_id_t *id)
{
    ngx_str_t           text;
    ngx_time_t         *now;
    ngx_rd_event_id_t   named;

    /* a browser that reconnects knows better than the address it has */

    text = ngx_rd_visitor_header(r, "last-event-id");

    if (text.len == 0
        && (ngx_http_arg(r, (u_char *) "last_event_id", 13, &text) != NGX_OK
            || text.len == 0))
    {
        return NGX_DECLINED;
    }

    if (ngx_rd_event_id(&named, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    now = ngx_timeofday();

    if (named.ms > (uint64_t) now->sec * 1000 + NGX_RD_SSE_FUTURE_MS) {
        return NGX_DECLINED;
    }

    *id = named;

    return NGX_OK;
}


static void
ngx_rd_sse_replay_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t            n;
    ngx_rd_sse_t         *sse;
    ngx_rd_event_text_t  *replay;

    sse = call->owner;
    sse->ctx->call = NULL;

    ngx_http_set_log_request(sse->request->connection->log, sse->request);

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(sse->ctx, call->error);
        return;
    }

    /* his end came with his request: no event is going to tell of it */

    if (sse->request->connection->read->pending_eof) {
        ngx_rd_api_finish(sse->ctx, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

    n = ngx_rd_redis_reply_count(call->reply);
    replay = ngx_rd_event_text(call->reply, sse->newest);

    if (replay) {
        sse->last = replay->id;

    } else if (n) {
        ngx_rd_api_finish_error(sse->ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, sse->request->connection->log, 0,
                   "rd sse: listener came, user:%uL replayed:%ui",
                   sse->ctx->identity.session.user_id, n);

    ngx_rd_sse_open(sse, replay);
}


static void
ngx_rd_sse_open(ngx_rd_sse_t *sse, ngx_rd_event_text_t *replay)
{
    ngx_int_t            rc;
    ngx_uint_t           i, n;
    ngx_http_request_t  *r;

    r = sse->request;

    if (ngx_rd_feed_start(&sse->last) != NGX_OK) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        goto closed;
    }

    rc = ngx_rd_sse_send_headers(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        goto closed;
    }

    sse->open = 1;
    ngx_rd_keepalive_set(r->connection);
    r->write_event_handler = ngx_rd_sse_write_handler;
    ngx_add_timer(&sse->ping, sse->ctx->rmcf->events_keepalive_ms);

    if (!sse->ctx->identity.by_signature) {
        ngx_rd_sse_watch_start(&sse->watch);
    }

    /* what came meanwhile may have been among the old ones */

    for (i = 0, n = 0; i < sse->queue.n; i++) {

        if (ngx_rd_event_later(&sse->queue.texts[i]->id, &sse->last)) {
            sse->queue.texts[n++] = sse->queue.texts[i];
        } else {
            ngx_rd_event_release(sse->queue.texts[i]);
        }
    }

    sse->queue.n = n;

    if (replay) {
        ngx_memmove(&sse->queue.texts[1], sse->queue.texts,
                    n * sizeof(sse->queue.texts[0]));
        sse->queue.texts[0] = replay;
        sse->queue.n++;
    }

    if (sse->slow) {
        ngx_rd_sse_end(sse, ": closed: this listener is too slow");
        return;
    }

    if (sse->queue.n) {
        ngx_rd_sse_flush(sse);
        return;
    }

    ngx_rd_sse_say(sse, ": welcome");
    return;

closed:

    if (replay) {
        ngx_rd_event_release(replay);
    }

    ngx_rd_api_finish(sse->ctx, rc);
}


static ngx_int_t
ngx_rd_sse_send_headers(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    static ngx_str_t  no_cache = ngx_string("no-cache");
    static ngx_str_t  no = ngx_string("no");

    if (ngx_rd_reply_header(r, "Cache-Control", &no_cache) != NGX_OK
        || ngx_rd_reply_header(r, "X-Accel-Buffering", &no) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

#if (NGX_HTTP_GZIP)
    /* 256 KB for each listener, to save the few bytes of an event */
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    r->keepalive = 0;
    r->disable_not_modified = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_send_special(r, NGX_HTTP_FLUSH);
}


static void
ngx_rd_sse_event_handler(ngx_rd_feed_listener_t *listener,
    ngx_rd_event_text_t *text)
{
    ngx_rd_sse_t  *sse;

    sse = (ngx_rd_sse_t *) listener;

    ngx_http_set_log_request(sse->request->connection->log, sse->request);

    if (text == NULL) {

        if (!sse->open) {
            ngx_rd_api_finish_error(sse->ctx, NGX_RD_ERR_REDIS_DOWN);
            return;
        }

        ngx_rd_sse_end(sse, "retry: 1000\n: the server reloads");
        return;
    }

    if (sse->ending || sse->slow) {
        return;
    }

    if (sse->open) {

        if (!ngx_rd_event_later(&text->id, &sse->last)) {
            return;
        }

        sse->last = text->id;
    }

    if (sse->queue.n >= NGX_RD_SSE_QUEUE_MAX) {
        ngx_log_error(NGX_LOG_INFO, sse->request->connection->log, 0,
                      "rd sse: listener is too slow, user:%uL",
                      sse->ctx->identity.session.user_id);
        sse->slow = 1;

        if (sse->open) {
            ngx_rd_sse_end(sse, ": closed: this listener is too slow");
        }

        return;
    }

    text->refs++;
    sse->queue.texts[sse->queue.n++] = text;

    if (sse->open) {
        ngx_rd_sse_flush(sse);
    }
}


static void
ngx_rd_sse_ping_handler(ngx_event_t *ev)
{
    ngx_rd_sse_t  *sse;

    sse = (ngx_rd_sse_t *) ((u_char *) ev - offsetof(ngx_rd_sse_t, ping));
    ngx_http_set_log_request(sse->request->connection->log, sse->request);

    if (sse->ending) {
        return;
    }

    ngx_add_timer(&sse->ping, sse->ctx->rmcf->events_keepalive_ms);

    /* a signature said who he was then: a new one has to say who he is */

    if (sse->ctx->identity.by_signature) {
        ngx_rd_sse_end(sse, "retry: 1000\n: please sign again");
        return;
    }

    ngx_rd_sse_say(sse, ": keepalive");
}


static void
ngx_rd_sse_demoted(void *owner)
{
    ngx_rd_sse_t  *sse = owner;

    ngx_rd_sse_end(sse, ": closed: you are no administrator any more");
}


/* a line that is no event, when there is room for it */

static void
ngx_rd_sse_say(ngx_rd_sse_t *sse, const char *line)
{
    ngx_rd_event_text_t  *text;

    if (sse->queue.n >= NGX_RD_SSE_QUEUE_MAX) {
        return;
    }

    text = ngx_rd_event_comment(line);

    if (text) {
        sse->queue.texts[sse->queue.n++] = text;
        ngx_rd_sse_flush(sse);
    }
}


/* the last line, instead of what still waits; may close at once */

static void
ngx_rd_sse_end(ngx_rd_sse_t *sse, const char *line)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, sse->request->connection->log, 0,
                   "rd sse: ending, %s", line);

    ngx_rd_sse_watch_stop(&sse->watch);
    ngx_rd_sse_queue_forget(&sse->queue);
    sse->ending = 1;

    sse->queue.texts[0] = ngx_rd_event_comment(line);
    sse->queue.n = (sse->queue.texts[0] != NULL);

    ngx_rd_sse_flush(sse);
}


/* sends what waits, unless the client has still to take what was sent */

static void
ngx_rd_sse_flush(ngx_rd_sse_t *sse)
{
    if (sse->queue.busy == NULL
        && ngx_rd_sse_queue_send(&sse->queue) != NGX_OK)
    {
        ngx_rd_sse_close(sse, NGX_ERROR);
        return;
    }

    if (sse->ending && sse->queue.n == 0 && sse->queue.busy == NULL) {
        ngx_rd_sse_close(sse, NGX_OK);
    }
}


static void
ngx_rd_sse_write_handler(ngx_http_request_t *r)
{
    ngx_int_t          rc;
    ngx_event_t       *wev;
    ngx_rd_sse_t      *sse;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_rd_module);
    sse = ctx->stream;
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "rd sse: listener reads nothing");
        r->connection->timedout = 1;
        ngx_rd_sse_close(sse, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed) {
        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_rd_sse_close(sse, NGX_ERROR);
        }
        return;
    }

    /* first what nginx still has of ours, then what has come meanwhile */

    rc = ngx_rd_sse_queue_drain(&sse->queue);

    if (rc == NGX_ERROR) {
        ngx_rd_sse_close(sse, NGX_ERROR);
        return;
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (sse->queue.n || sse->ending) {
        ngx_rd_sse_flush(sse);
    }
}


static void
ngx_rd_sse_close(ngx_rd_sse_t *sse, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        rc = ngx_http_send_special(sse->request, NGX_HTTP_LAST);
    }

    ngx_rd_api_finish(sse->ctx, rc);
}


static void
ngx_rd_sse_cleanup(void *data)
{
    ngx_rd_sse_t  *sse = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, sse->request->connection->log, 0,
                   "rd sse: listener left, user:%uL",
                   sse->ctx->identity.session.user_id);

    ngx_rd_feed_remove(&sse->listener);
    ngx_rd_sse_watch_stop(&sse->watch);

    if (sse->ping.timer_set) {
        ngx_del_timer(&sse->ping);
    }

    ngx_rd_sse_queue_free(&sse->queue);
}
