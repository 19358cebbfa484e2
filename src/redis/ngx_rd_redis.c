
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <stdarg.h>
#include "ngx_rd_redis_internal.h"


#define NGX_RD_REDIS_PAUSE_MS_MIN  100
#define NGX_RD_REDIS_PAUSE_MS_MAX  2000     /* a player can wait for that */
#define NGX_RD_REDIS_SAY_MS        60000


static void ngx_rd_redis_open(ngx_rd_redis_t *redis);
static void ngx_rd_redis_timer_handler(ngx_event_t *ev);

static void ngx_rd_redis_give_up(ngx_rd_redis_t *redis, ngx_uint_t refused,
    const char *fmt, va_list args);
static void ngx_rd_redis_broken_handler(ngx_event_t *ev);
static ngx_msec_t ngx_rd_redis_pause(ngx_rd_redis_t *redis);
static void ngx_rd_redis_say(ngx_rd_redis_t *redis);

static void ngx_rd_redis_answer_handler(ngx_event_t *ev);


ngx_rd_redis_t *
ngx_rd_redis_create(const ngx_rd_redis_conf_t *conf, ngx_log_t *log)
{
    ngx_rd_redis_t  *redis;

    redis = ngx_calloc(sizeof(ngx_rd_redis_t), log);
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->log = log;
    redis->state = NGX_RD_REDIS_PAUSING;

    ngx_queue_init(&redis->waiting);
    ngx_queue_init(&redis->sent);
    ngx_queue_init(&redis->answered);
    ngx_queue_init(&redis->spare);

    redis->timer.handler = ngx_rd_redis_timer_handler;
    redis->timer.data = redis;
    redis->timer.log = log;
    redis->timer.cancelable = 1;    /* only calls keep a worker from leaving */

    redis->broken.handler = ngx_rd_redis_broken_handler;
    redis->broken.data = redis;
    redis->broken.log = log;

    ngx_rd_redis_refusal_init(redis);

    redis->answer.handler = ngx_rd_redis_answer_handler;
    redis->answer.data = redis;
    redis->answer.log = log;

    ngx_rd_redis_open(redis);

    return redis;
}


void
ngx_rd_redis_destroy(ngx_rd_redis_t *redis)
{
    /* a done that starts another call gets NULL from now on */
    redis->state = NGX_RD_REDIS_CLOSING;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    if (redis->broken.posted) {
        ngx_delete_posted_event(&redis->broken);
    }

    ngx_rd_redis_refusal_stop(redis);
    ngx_rd_redis_address_cancel(redis);
    ngx_rd_redis_conn_close(redis);
    ngx_rd_redis_call_refuse_waiting(redis, NGX_RD_ERR_REDIS_LOST);
    ngx_rd_redis_call_deliver_answered(redis);

    if (redis->answer.posted) {
        ngx_delete_posted_event(&redis->answer);
    }

    ngx_rd_assert(redis->ncalls == 0);

    ngx_rd_redis_call_free_spare(redis);
    ngx_free(redis);
}


void
ngx_rd_redis_watch(ngx_rd_redis_t *redis, ngx_rd_redis_watch_t *watch)
{
    redis->watch = watch;
}


ngx_uint_t
ngx_rd_redis_ready(const ngx_rd_redis_t *redis)
{
    return redis->state == NGX_RD_REDIS_READY
           && !redis->trouble[NGX_RD_REDIS_REFUSAL_AWAY].on;
}


ngx_uint_t
ngx_rd_redis_writable(const ngx_rd_redis_t *redis)
{
    return ngx_rd_redis_ready(redis)
           && !redis->trouble[NGX_RD_REDIS_REFUSAL_NO_WRITE].on;
}


static void
ngx_rd_redis_open(ngx_rd_redis_t *redis)
{
    redis->state = NGX_RD_REDIS_OPENING;
    redis->was_ready = 0;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, redis->log, 0,
                   "rd redis %V: connecting", &redis->conf->name);

    if (ngx_rd_redis_address_resolve(redis) == NGX_AGAIN) {
        ngx_add_timer(&redis->timer, redis->conf->connect_timeout_ms);
        return;
    }

    ngx_rd_redis_dial(redis);
}


void
ngx_rd_redis_dial(ngx_rd_redis_t *redis)
{
    ngx_addr_t  addr;

    ngx_rd_redis_address_next(redis, &addr);

    if (ngx_rd_redis_conn_open(redis, &addr) != NGX_OK) {
        return;
    }

    if (ngx_rd_redis_setup_start(redis) != NGX_OK) {
        ngx_rd_redis_break(redis, "the set-up could not be queued");
        return;
    }

    ngx_add_timer(&redis->timer, redis->conf->connect_timeout_ms);
}


static void
ngx_rd_redis_timer_handler(ngx_event_t *ev)
{
    ngx_rd_redis_t  *redis = ev->data;

    if (redis->state == NGX_RD_REDIS_PAUSING) {
        ngx_rd_redis_open(redis);
        return;
    }

    if (redis->state == NGX_RD_REDIS_READY) {
        ngx_rd_redis_call_check_silence(redis);
        return;
    }

    if (redis->lookup && redis->state == NGX_RD_REDIS_OPENING) {
        ngx_rd_redis_address_cancel(redis);
        ngx_rd_redis_address_say(redis, "its name was not resolved in time");
        ngx_rd_redis_dial(redis);
        return;
    }

    ngx_rd_redis_break(redis, "no answer to the %s within %lums",
                       ngx_rd_redis_conn_waits_for(redis),
                       (unsigned long) redis->conf->connect_timeout_ms);
}


void
ngx_rd_redis_heard(ngx_rd_redis_t *redis)
{
    redis->silent_since = ngx_current_msec;

    if (!redis->suspect) {
        return;
    }

    redis->suspect = 0;

    /* that of a connection which is being opened has another meaning */

    if (redis->state == NGX_RD_REDIS_READY && redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }
}


void
ngx_rd_redis_set_ready(ngx_rd_redis_t *redis)
{
    ngx_del_timer(&redis->timer);

    redis->state = NGX_RD_REDIS_READY;
    redis->was_ready = 1;
    redis->ready_since = ngx_current_msec;

    /* the next attempt begins with this address, the one after it does not */

    redis->address_try--;

    if (redis->down) {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "rd redis %V: ready, attempts:%ui down:%Mms",
                      &redis->conf->name, redis->down_attempts,
                      ngx_current_msec - redis->down_since);
        redis->down = 0;

    } else {
        ngx_log_error(NGX_LOG_INFO, redis->log, 0,
                      "rd redis %V: ready", &redis->conf->name);
    }

    ngx_rd_redis_call_send_waiting(redis);
}


void
ngx_rd_redis_set_old(ngx_rd_redis_t *redis, const char *version)
{
    ngx_rd_redis_set_idle(redis);

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "rd redis %V: the server is too old, version:%s "
                  "needed:%ui.%ui server:%V",
                  &redis->conf->name, version,
                  redis->conf->version_min / 100,
                  redis->conf->version_min % 100, &redis->server);

    ngx_rd_redis_call_refuse_waiting(redis, NGX_RD_ERR_REDIS_OLD);
}


void
ngx_rd_redis_set_idle(ngx_rd_redis_t *redis)
{
    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    redis->state = NGX_RD_REDIS_OLD;
    redis->was_ready = 1;
    redis->ready_since = ngx_current_msec;
    redis->down = 0;
}


void
ngx_rd_redis_break(ngx_rd_redis_t *redis, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_rd_redis_give_up(redis, 0, fmt, args);
    va_end(args);
}


void
ngx_rd_redis_refuse(ngx_rd_redis_t *redis, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_rd_redis_give_up(redis, 1, fmt, args);
    va_end(args);
}


static void
ngx_rd_redis_give_up(ngx_rd_redis_t *redis, ngx_uint_t refused,
    const char *fmt, va_list args)
{
    char  text[NGX_RD_DETAIL_BYTES_MAX];

    if (redis->state == NGX_RD_REDIS_BREAKING
        || redis->state == NGX_RD_REDIS_CLOSING)
    {
        return;
    }

    redis->state = NGX_RD_REDIS_BREAKING;
    redis->refused = refused;

    (void) vsnprintf(text, sizeof(text), fmt, args);
    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_LOST, &redis->reason, "%s",
                               text);

    /* conn may be above us on the stack: it must survive it */

    ngx_post_event(&redis->broken, &ngx_posted_events);
}


static void
ngx_rd_redis_broken_handler(ngx_event_t *ev)
{
    ngx_rd_redis_t  *redis = ev->data;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    ngx_rd_redis_address_cancel(redis);
    ngx_rd_redis_conn_close(redis);

    if (redis->subscribe) {
        ngx_rd_redis_subscribe_lost(redis->subscribe);
    }

    redis->state = NGX_RD_REDIS_PAUSING;

    ngx_rd_redis_call_refuse_waiting(redis, NGX_RD_ERR_REDIS_DOWN);
    ngx_rd_redis_say(redis);

    ngx_add_timer(&redis->timer, ngx_rd_redis_pause(redis));
}


/* A server that takes us and drops us at once is not asked more often. */

static ngx_msec_t
ngx_rd_redis_pause(ngx_rd_redis_t *redis)
{
    ngx_msec_t  half;

    if (redis->pause_ms == 0
        || (redis->was_ready
            && ngx_current_msec - redis->ready_since
               > NGX_RD_REDIS_PAUSE_MS_MAX))
    {
        redis->pause_ms = NGX_RD_REDIS_PAUSE_MS_MIN;

    } else {
        redis->pause_ms = ngx_min(redis->pause_ms * 2,
                                  NGX_RD_REDIS_PAUSE_MS_MAX);
    }

    half = redis->pause_ms / 2;

    return half + (ngx_msec_t) ngx_random() % (half + 1);
}


static void
ngx_rd_redis_say(ngx_rd_redis_t *redis)
{
    if (!redis->down) {
        redis->down = 1;
        redis->down_since = ngx_current_msec;
        redis->down_said = ngx_current_msec;
        redis->down_attempts = 1;
        redis->refused_said = redis->refused;

        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "rd redis %V: %s, server:%V reason: %s",
                      &redis->conf->name,
                      redis->refused ? "refused"
                                     : redis->was_ready ? "connection lost"
                                                        : "not reachable",
                      &redis->server, redis->reason.text);
        return;
    }

    redis->down_attempts++;

    if (redis->refused && !redis->refused_said) {

        /* the outage has become one that only a person can end */

        redis->refused_said = 1;

        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "rd redis %V: refused, server:%V reason: %s",
                      &redis->conf->name, &redis->server,
                      redis->reason.text);
        return;
    }

    if (ngx_current_msec - redis->down_said < NGX_RD_REDIS_SAY_MS) {
        return;
    }

    redis->down_said = ngx_current_msec;

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "rd redis %V: still down, attempts:%ui down:%Mms server:%V "
                  "reason: %s",
                  &redis->conf->name, redis->down_attempts,
                  ngx_current_msec - redis->down_since,
                  &redis->server, redis->reason.text);
}


static void
ngx_rd_redis_answer_handler(ngx_event_t *ev)
{
    ngx_rd_redis_call_deliver_answered(ev->data);
}
