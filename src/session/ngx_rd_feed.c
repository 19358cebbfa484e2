
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_rd_feed.h"
#include "../base/ngx_rd_error.h"


#define NGX_RD_FEED_BLOCK_MS    5000    /* one command in so long, when idle */
#define NGX_RD_FEED_EVENTS_MAX  100     /* of one answer */
#define NGX_RD_FEED_TICK_MS     1000    /* a worker that exits waits so long */


typedef struct {
    ngx_rd_store_t         store;       /* our connection, borrowed prefix */
    ngx_rd_redis_conf_t    conf;
    ngx_rd_redis_call_t   *call;
    ngx_rd_event_id_t      last;

    ngx_queue_t            listeners;
    ngx_event_t            tick;
    unsigned               silent:1;    /* an outage has been told */
} ngx_rd_feed_t;


static void ngx_rd_feed_ask(void);
static void ngx_rd_feed_done(ngx_rd_redis_call_t *call);
static void ngx_rd_feed_deliver(ngx_rd_event_text_t *text);
static void ngx_rd_feed_tick_handler(ngx_event_t *ev);
static void ngx_rd_feed_stop(void);


static ngx_rd_feed_t  ngx_rd_feed;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_feed_dumb = { .fd = (ngx_socket_t) -1 };


void
ngx_rd_feed_init(ngx_rd_store_t *store, const ngx_rd_redis_conf_t *conf)
{
    ngx_memzero(&ngx_rd_feed, sizeof(ngx_rd_feed_t));

    ngx_rd_feed.store.prefix = store->prefix;
    ngx_rd_feed.conf = *conf;
    ngx_str_set(&ngx_rd_feed.conf.name, "events");
    ngx_rd_feed.conf.timeout_ms += NGX_RD_FEED_BLOCK_MS;
    ngx_rd_feed.conf.write_key.len = 0;
    ngx_rd_feed.conf.secondary = 1;

    ngx_queue_init(&ngx_rd_feed.listeners);

    ngx_rd_feed.tick.handler = ngx_rd_feed_tick_handler;
    ngx_rd_feed.tick.data = &ngx_rd_feed_dumb;
    ngx_rd_feed.tick.log = ngx_cycle->log;
}


void
ngx_rd_feed_exit(void)
{
    if (ngx_rd_feed.store.redis) {
        ngx_rd_feed_stop();
    }
}


void
ngx_rd_feed_add(ngx_rd_feed_listener_t *listener)
{
    ngx_queue_insert_tail(&ngx_rd_feed.listeners, &listener->queue);
}


void
ngx_rd_feed_remove(ngx_rd_feed_listener_t *listener)
{
    ngx_queue_remove(&listener->queue);
}


ngx_int_t
ngx_rd_feed_start(const ngx_rd_event_id_t *after)
{
    if (ngx_rd_feed.store.redis) {
        return NGX_OK;
    }

    ngx_rd_feed.store.redis = ngx_rd_redis_create(&ngx_rd_feed.conf,
                                                  ngx_cycle->log);
    if (ngx_rd_feed.store.redis == NULL) {
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd feed: started, after:%uL-%uL", after->ms, after->n);

    ngx_rd_feed.last = *after;
    ngx_add_timer(&ngx_rd_feed.tick, NGX_RD_FEED_TICK_MS);
    ngx_rd_feed_ask();

    return NGX_OK;
}


static void
ngx_rd_feed_ask(void)
{
    ngx_rd_feed.call = ngx_rd_event_wait(&ngx_rd_feed.store, &ngx_rd_feed.last,
                                         NGX_RD_FEED_EVENTS_MAX,
                                         NGX_RD_FEED_BLOCK_MS,
                                         ngx_rd_feed_done, NULL);

    /* out of memory: the tick asks again, as it does after an outage */
}


static void
ngx_rd_feed_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t                    id;
    ngx_uint_t                   i, n;
    ngx_rd_event_text_t         *text;
    const ngx_rd_redis_reply_t  *entries, *entry;

    ngx_rd_feed.call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {

        if (!ngx_rd_feed.silent) {
            ngx_rd_feed.silent = 1;
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "rd feed: no events for listeners, %s",
                          ngx_rd_error_code(call->error));
        }

        return;
    }

    ngx_rd_feed.silent = 0;

    /* {{stream, {{id, {field, value, ...}}, ...}}}, or nil */

    entries = ngx_rd_redis_reply_at(ngx_rd_redis_reply_at(call->reply, 0), 1);
    n = ngx_rd_redis_reply_count(entries);

    for (i = 0; i < n; i++) {
        entry = ngx_rd_redis_reply_at(entries, i);
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(entry, 0));

        if (ngx_rd_event_id(&ngx_rd_feed.last, &id) != NGX_OK) {
            break;
        }

        text = ngx_rd_event_one(entry);

        if (text) {
            ngx_rd_feed_deliver(text);
            ngx_rd_event_release(text);
        }
    }

    ngx_rd_feed_ask();
}


static void
ngx_rd_feed_deliver(ngx_rd_event_text_t *text)
{
    ngx_queue_t             *q, *next;
    ngx_rd_feed_listener_t  *listener;

    for (q = ngx_queue_head(&ngx_rd_feed.listeners);
         q != ngx_queue_sentinel(&ngx_rd_feed.listeners);
         q = next)
    {
        next = ngx_queue_next(q);
        listener = ngx_queue_data(q, ngx_rd_feed_listener_t, queue);

        listener->handler(listener, text);
    }
}


static void
ngx_rd_feed_tick_handler(ngx_event_t *ev)
{
    if (ngx_exiting) {
        ngx_rd_feed_deliver(NULL);
        ngx_rd_feed_stop();
        return;
    }

    if (ngx_queue_empty(&ngx_rd_feed.listeners)) {
        ngx_rd_feed_stop();
        return;
    }

    if (ngx_rd_feed.call == NULL) {
        ngx_rd_feed_ask();
    }

    ngx_add_timer(ev, NGX_RD_FEED_TICK_MS);
}


static void
ngx_rd_feed_stop(void)
{
    ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd feed: stopped, nobody listens");

    if (ngx_rd_feed.call) {
        ngx_rd_redis_call_cancel(ngx_rd_feed.call);
        ngx_rd_feed.call = NULL;
    }

    if (ngx_rd_feed.tick.timer_set) {
        ngx_del_timer(&ngx_rd_feed.tick);
    }

    ngx_rd_redis_destroy(ngx_rd_feed.store.redis);
    ngx_rd_feed.store.redis = NULL;
}
