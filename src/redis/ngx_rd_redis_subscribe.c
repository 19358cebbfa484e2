
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_redis_internal.h"


#define NGX_RD_REDIS_SUBSCRIBE_CHANNEL    "__redis__:invalidate"
#define NGX_RD_REDIS_SUBSCRIBE_PING_MS    1000
#define NGX_RD_REDIS_SUBSCRIBE_SILENT_MS  3000

/* CLIENT TRACKING ON REDIRECT id BCAST, and two words a prefix */
#define NGX_RD_REDIS_SUBSCRIBE_ARGS_MAX                                       \
    (6 + 2 * NGX_RD_REDIS_SUBSCRIBE_PREFIXES_MAX)


typedef enum {
    NGX_RD_REDIS_SUBSCRIBE_LOST = 0,
    NGX_RD_REDIS_SUBSCRIBE_LIVE,
    NGX_RD_REDIS_SUBSCRIBE_REFUSED      /* by a server that cannot track */
} ngx_rd_redis_subscribe_state_e;


struct ngx_rd_redis_subscribe_s {
    const ngx_rd_redis_subscribe_conf_t  *conf;     /* borrowed */
    ngx_rd_redis_conf_t                   server;   /* ours: another name */
    ngx_rd_redis_t                       *redis;
    ngx_log_t                            *log;

    ngx_rd_redis_subscribe_state_e        state;
    ngx_msec_t                            since_ms; /* told without a gap */
    ngx_msec_t                            until_ms; /* when it is lost */
    ngx_event_t                           ping;

    unsigned                              ever:1;   /* since_ms is set */
    unsigned                              refused_said:1;
    u_char                                name[32];
};


static void ngx_rd_redis_subscribe_id_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_subscribe_track(ngx_rd_redis_subscribe_t *subscribe,
    long long id);
static void ngx_rd_redis_subscribe_track_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_subscribe_message(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);

static void ngx_rd_redis_subscribe_set_live(
    ngx_rd_redis_subscribe_t *subscribe);
static void ngx_rd_redis_subscribe_set_refused(
    ngx_rd_redis_subscribe_t *subscribe, const char *why);
static void ngx_rd_redis_subscribe_flushed(
    ngx_rd_redis_subscribe_t *subscribe);
static void ngx_rd_redis_subscribe_ping_handler(ngx_event_t *ev);


ngx_rd_redis_subscribe_t *
ngx_rd_redis_subscribe_create(const ngx_rd_redis_conf_t *redis,
    const ngx_rd_redis_subscribe_conf_t *conf, ngx_log_t *log)
{
    ngx_rd_redis_subscribe_t  *subscribe;

    subscribe = ngx_calloc(sizeof(ngx_rd_redis_subscribe_t), log);
    if (subscribe == NULL) {
        return NULL;
    }

    subscribe->conf = conf;
    subscribe->log = log;

    /* what it needs it asks for itself, so no version is */

    subscribe->server = *redis;
    subscribe->server.version_min = 0;
    subscribe->server.write_key.len = 0;
    subscribe->server.secondary = 1;
    subscribe->server.name.data = subscribe->name;
    subscribe->server.name.len =
        ngx_snprintf(subscribe->name, sizeof(subscribe->name), "%V tracking",
                     &redis->name)
        - subscribe->name;

    subscribe->ping.handler = ngx_rd_redis_subscribe_ping_handler;
    subscribe->ping.data = subscribe;
    subscribe->ping.log = log;
    subscribe->ping.cancelable = 1;

    subscribe->redis = ngx_rd_redis_create(&subscribe->server, log);
    if (subscribe->redis == NULL) {
        ngx_free(subscribe);
        return NULL;
    }

    /* nothing has been answered yet */

    subscribe->redis->subscribe = subscribe;

    return subscribe;
}


void
ngx_rd_redis_subscribe_destroy(ngx_rd_redis_subscribe_t *subscribe)
{
    subscribe->redis->subscribe = NULL;

    ngx_rd_redis_destroy(subscribe->redis);

    if (subscribe->ping.timer_set) {
        ngx_del_timer(&subscribe->ping);
    }

    ngx_free(subscribe);
}


ngx_uint_t
ngx_rd_redis_subscribe_live(const ngx_rd_redis_subscribe_t *subscribe)
{
    return subscribe->state == NGX_RD_REDIS_SUBSCRIBE_LIVE;
}


ngx_uint_t
ngx_rd_redis_subscribe_fresh(const ngx_rd_redis_subscribe_t *subscribe,
    ngx_msec_t asked_ms)
{
    switch (subscribe->state) {

    case NGX_RD_REDIS_SUBSCRIBE_LIVE:
        return (ngx_msec_int_t) (asked_ms - subscribe->since_ms) > 0;

    case NGX_RD_REDIS_SUBSCRIBE_REFUSED:
        return ngx_current_msec - asked_ms < subscribe->conf->ttl_ms;

    default: /* LOST */
        return 0;
    }
}


ngx_msec_t
ngx_rd_redis_subscribe_age(const ngx_rd_redis_subscribe_t *subscribe,
    ngx_msec_t asked_ms)
{
    ngx_msec_t  known_ms;

    known_ms = asked_ms;

    if (subscribe->state == NGX_RD_REDIS_SUBSCRIBE_LOST && subscribe->ever
        && (ngx_msec_int_t) (asked_ms - subscribe->since_ms) > 0
        && (ngx_msec_int_t) (subscribe->until_ms - asked_ms) > 0)
    {
        /* nothing was said against it as long as somebody spoke */

        known_ms = subscribe->until_ms;

    } else if (ngx_rd_redis_subscribe_live(subscribe)
               && ngx_rd_redis_subscribe_fresh(subscribe, asked_ms))
    {
        return 0;
    }

    return ngx_current_msec - known_ms;
}


/* AUTH, SELECT and PING have been answered */

void
ngx_rd_redis_subscribe_setup(ngx_rd_redis_subscribe_t *subscribe)
{
    static const ngx_str_t  argv[] = {
        ngx_string("CLIENT"), ngx_string("ID")
    };

    if (ngx_rd_redis_conn_command(subscribe->redis, 2, argv,
                                  ngx_rd_redis_subscribe_id_done, subscribe)
        != NGX_OK)
    {
        ngx_rd_redis_break(subscribe->redis, "the set-up could not be queued");
    }
}


void
ngx_rd_redis_subscribe_lost(ngx_rd_redis_subscribe_t *subscribe)
{
    if (subscribe->ping.timer_set) {
        ngx_del_timer(&subscribe->ping);
    }

    if (subscribe->state == NGX_RD_REDIS_SUBSCRIBE_LIVE) {

        /* the adapter notes here when it last read something */

        subscribe->until_ms = subscribe->redis->silent_since;
        subscribe->ever = 1;

        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, subscribe->log, 0,
                       "rd redis %V: lost, the cache is bypassed",
                       &subscribe->server.name);
    }

    subscribe->state = NGX_RD_REDIS_SUBSCRIBE_LOST;
}


static void
ngx_rd_redis_subscribe_id_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    ngx_rd_redis_subscribe_t  *subscribe = data;

    if (reply == NULL || subscribe->redis->state != NGX_RD_REDIS_OPENING) {
        return;
    }

    if (reply->type != REDIS_REPLY_INTEGER) {
        ngx_rd_redis_subscribe_set_refused(subscribe,
                                           reply->str ? reply->str : "CLIENT");
        return;
    }

    ngx_rd_redis_subscribe_track(subscribe, reply->integer);
}


static void
ngx_rd_redis_subscribe_track(ngx_rd_redis_subscribe_t *subscribe,
    long long id)
{
    u_char      number[NGX_INT64_LEN];
    ngx_str_t   argv[NGX_RD_REDIS_SUBSCRIBE_ARGS_MAX];
    ngx_uint_t  i, n;

    ngx_str_set(&argv[0], "CLIENT");
    ngx_str_set(&argv[1], "TRACKING");
    ngx_str_set(&argv[2], "ON");
    ngx_str_set(&argv[3], "REDIRECT");
    argv[4].data = number;
    argv[4].len = ngx_sprintf(number, "%L", (int64_t) id) - number;
    ngx_str_set(&argv[5], "BCAST");

    n = 6;

    for (i = 0; i < subscribe->conf->nprefixes; i++) {
        ngx_str_set(&argv[n], "PREFIX");
        argv[n + 1] = subscribe->conf->prefixes[i];
        n += 2;
    }

    if (ngx_rd_redis_conn_command(subscribe->redis, n, argv,
                                  ngx_rd_redis_subscribe_track_done, subscribe)
        != NGX_OK)
    {
        ngx_rd_redis_break(subscribe->redis, "the set-up could not be queued");
    }
}


static void
ngx_rd_redis_subscribe_track_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    ngx_rd_redis_subscribe_t  *subscribe = data;

    static const ngx_str_t  argv[] = {
        ngx_string("SUBSCRIBE"), ngx_string(NGX_RD_REDIS_SUBSCRIBE_CHANNEL)
    };

    if (reply == NULL || subscribe->redis->state != NGX_RD_REDIS_OPENING) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_rd_redis_subscribe_set_refused(subscribe, reply->str);
        return;
    }

    if (ngx_rd_redis_conn_command(redis, 2, argv,
                                  ngx_rd_redis_subscribe_message, subscribe)
        != NGX_OK)
    {
        ngx_rd_redis_break(redis, "the set-up could not be queued");
        return;
    }

    redis->conn.push = ngx_rd_redis_subscribe_message;
    redis->conn.push_data = subscribe;
}


/* {"subscribe", channel, n}, {"message", channel, {key, ...} or nil} */

static void
ngx_rd_redis_subscribe_message(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    size_t                     i;
    ngx_str_t                  key;
    redisReply                *keys;
    ngx_rd_redis_subscribe_t  *subscribe = data;

    if (reply == NULL || subscribe->redis->subscribe == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        /* to a PING then: a server that cannot save still reports changes */

        if (subscribe->state != NGX_RD_REDIS_SUBSCRIBE_LIVE) {
            ngx_rd_redis_subscribe_set_refused(subscribe, reply->str);
        }

        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) {
        return;
    }

    if (subscribe->state != NGX_RD_REDIS_SUBSCRIBE_LIVE) {

        if (subscribe->redis->state == NGX_RD_REDIS_OPENING) {
            ngx_rd_redis_subscribe_set_live(subscribe);
        }

        return;
    }

    keys = reply->element[2];

    if (keys->type != REDIS_REPLY_ARRAY) {
        ngx_rd_redis_subscribe_flushed(subscribe);
        return;
    }

    for (i = 0; i < keys->elements; i++) {

        if (keys->element[i]->type != REDIS_REPLY_STRING) {
            continue;
        }

        key.data = (u_char *) keys->element[i]->str;
        key.len = keys->element[i]->len;

        subscribe->conf->changed(subscribe->conf->owner, &key);
    }
}


static void
ngx_rd_redis_subscribe_set_live(ngx_rd_redis_subscribe_t *subscribe)
{
    /* the cached time may be from before the server began to tell */

    ngx_time_update();

    subscribe->state = NGX_RD_REDIS_SUBSCRIBE_LIVE;
    subscribe->since_ms = ngx_current_msec;
    subscribe->refused_said = 0;

    ngx_rd_redis_set_ready(subscribe->redis);

    subscribe->redis->silent_since = ngx_current_msec;
    ngx_add_timer(&subscribe->ping, NGX_RD_REDIS_SUBSCRIBE_PING_MS);
}


static void
ngx_rd_redis_subscribe_set_refused(ngx_rd_redis_subscribe_t *subscribe,
    const char *why)
{
    ngx_uint_t       level;
    ngx_rd_detail_t  words;

    subscribe->state = NGX_RD_REDIS_SUBSCRIBE_REFUSED;

    ngx_rd_redis_set_idle(subscribe->redis);

    if (subscribe->refused_said) {
        return;
    }

    subscribe->refused_said = 1;

    /* the server says it to every worker; one warns */

    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, &words, "%s", why);
    level = (ngx_worker == 0) ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, subscribe->log, 0,
                  "rd redis %V: CLIENT TRACKING refused, a change counts after "
                  "%Mms (rd_cache_ttl): %s (%V %V)",
                  &subscribe->server.name, subscribe->conf->ttl_ms, words.text,
                  &subscribe->server.directive, &subscribe->redis->server);
}


static void
ngx_rd_redis_subscribe_flushed(ngx_rd_redis_subscribe_t *subscribe)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, subscribe->log, 0,
                   "rd redis %V: flushed", &subscribe->server.name);

    ngx_time_update();
    subscribe->since_ms = ngx_current_msec;

    subscribe->conf->flushed(subscribe->conf->owner);
}


static void
ngx_rd_redis_subscribe_ping_handler(ngx_event_t *ev)
{
    ngx_msec_t                 silent_ms;
    ngx_rd_redis_subscribe_t  *subscribe = ev->data;

    static const ngx_str_t  ping = ngx_string("PING");

    silent_ms = ngx_current_msec - subscribe->redis->silent_since;

    if (silent_ms > NGX_RD_REDIS_SUBSCRIBE_SILENT_MS) {
        ngx_rd_redis_break(subscribe->redis, "silent for %lums",
                           (unsigned long) silent_ms);
        return;
    }

    /* its answer, {"pong", ""}, comes as the messages do */

    if (ngx_rd_redis_conn_command(subscribe->redis, 1, &ping, NULL, NULL)
        != NGX_OK)
    {
        ngx_rd_redis_break(subscribe->redis, "a command could not be queued");
        return;
    }

    ngx_add_timer(ev, NGX_RD_REDIS_SUBSCRIBE_PING_MS);
}
