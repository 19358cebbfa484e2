
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_session_find.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_SESSION_FIND_BURST_MS  200   /* of one who has no desktop */


/* keeps the script short for others who need Redis */
#define NGX_RD_SESSION_FIND_LOOKUPS_MAX  32


/* of one user, and all who wait for it; a line of memory */

struct ngx_rd_session_lookup_s {
    ngx_rd_session_ask_t        *ask;       /* NULL: is being answered */
    uint64_t                     user_id;

    ngx_queue_t                  queue;     /* of one of conf->lookups */
    ngx_queue_t                  waiting;   /* ngx_rd_session_find_t; empty:
                                               nobody waits any more */

    ngx_uint_t                   generation;
    ngx_msec_t                   asked_ms;
};


/* one Redis call, and what it looks for: a heap block of ours */

struct ngx_rd_session_ask_s {
    ngx_rd_session_find_conf_t  *conf;
    ngx_rd_redis_call_t         *call;      /* NULL: not sent, or answered */

    ngx_uint_t                   n;
    ngx_uint_t                   nwanted;   /* of the lookups */
    ngx_rd_session_lookup_t      lookups[NGX_RD_SESSION_FIND_LOOKUPS_MAX];
};


static ngx_int_t ngx_rd_session_find_kept(ngx_rd_session_find_t *find,
    ngx_uint_t stale);
static ngx_int_t ngx_rd_session_find_share(ngx_rd_session_find_t *find);
static ngx_rd_session_lookup_t *ngx_rd_session_find_lookup(
    ngx_rd_session_find_conf_t *conf);
static void ngx_rd_session_find_post(ngx_rd_session_find_conf_t *conf);
static void ngx_rd_session_find_turn_handler(ngx_event_t *ev);
static void ngx_rd_session_find_send(ngx_rd_session_ask_t *ask);
static void ngx_rd_session_find_done(ngx_rd_redis_call_t *call);
static void ngx_rd_session_find_over(ngx_rd_session_find_conf_t *conf);
static void ngx_rd_session_find_found(ngx_rd_session_ask_t *ask,
    ngx_rd_error_e error, ngx_str_t found);
static void ngx_rd_session_find_unwanted(ngx_rd_session_lookup_t *lookup);
static void ngx_rd_session_find_answer(ngx_rd_session_lookup_t *lookup,
    ngx_rd_error_e error, const ngx_rd_desktop_t *desktop);
static void ngx_rd_session_find_put(ngx_rd_session_find_conf_t *conf,
    ngx_rd_session_lookup_t *lookup, const ngx_rd_desktop_t *desktop);

static ngx_str_t ngx_rd_session_find_key(uint64_t *user_id);
static void ngx_rd_session_find_drop(ngx_rd_session_find_conf_t *conf,
    const ngx_str_t *user);


ngx_int_t
ngx_rd_session_find_start(ngx_rd_session_find_t *find)
{
    if (ngx_rd_session_find_kept(find, 0) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_rd_session_find_share(find);
}


ngx_rd_zone_way_t *
ngx_rd_session_find_way(ngx_rd_session_find_conf_t *conf, uint64_t user_id)
{
    ngx_str_t  key;

    if (conf->zone == NULL) {
        return NULL;
    }

    key = ngx_rd_session_find_key(&user_id);

    return ngx_rd_zone_way(conf->zone, NGX_RD_ZONE_SESSION, &key);
}


void
ngx_rd_session_find_cancel(ngx_rd_session_find_t *find)
{
    ngx_rd_session_lookup_t  *lookup;

    lookup = find->lookup;

    if (lookup == NULL) {
        return;
    }

    find->lookup = NULL;
    ngx_queue_remove(&find->queue);

    /* ask is NULL while the others are being answered */

    if (lookup->ask && ngx_queue_empty(&lookup->waiting)) {
        ngx_rd_session_find_unwanted(lookup);
    }
}


void
ngx_rd_session_find_forget(ngx_rd_session_find_conf_t *conf, uint64_t user_id)
{
    ngx_str_t  key;

    if (conf->zone) {
        key = ngx_rd_session_find_key(&user_id);
        ngx_rd_zone_drop(conf->zone, NGX_RD_ZONE_SESSION, &key);
    }
}


void
ngx_rd_session_find_changed(ngx_rd_session_find_conf_t *conf,
    const ngx_str_t *key)
{
    ngx_str_t  *prefix, rest;

    prefix = &conf->store->prefix;

    if (key->len < prefix->len
        || ngx_memcmp(key->data, prefix->data, prefix->len) != 0)
    {
        return;
    }

    rest.data = key->data + prefix->len;
    rest.len = key->len - prefix->len;

    if (rest.len > 8 && ngx_memcmp(rest.data, "session:", 8) == 0) {
        rest.data += 8;
        rest.len -= 8;
        ngx_rd_zone_drop_alias(conf->zone, NGX_RD_ZONE_SESSION, &rest);

    } else if (rest.len > 6 && ngx_memcmp(rest.data, "owner:", 6) == 0) {
        rest.data += 6;
        rest.len -= 6;
        ngx_rd_session_find_drop(conf, &rest);

    } else if (rest.len > 5 && ngx_memcmp(rest.data, "user:", 5) == 0) {

        /* the entry says whether he is banned */

        rest.data += 5;
        rest.len -= 5;
        ngx_rd_session_find_drop(conf, &rest);

    } else if ((rest.len == 6 && ngx_memcmp(rest.data, "switch", 6) == 0)
               || (rest.len == 7 && ngx_memcmp(rest.data, "records", 7) == 0))
    {
        /* every entry of sessions says the one, of identities the other */

        ngx_rd_zone_flush(conf->zone);
    }
}


static ngx_int_t
ngx_rd_session_find_kept(ngx_rd_session_find_t *find, ngx_uint_t stale)
{
    ngx_str_t                    key;
    ngx_msec_t                   asked_ms;
    ngx_rd_session_find_conf_t  *conf;

    conf = find->conf;

    if (conf->zone == NULL
        || (find->strict && !stale
            && !ngx_rd_redis_subscribe_live(conf->changes)))
    {
        return NGX_DECLINED;
    }

    if (find->way == NULL) {
        find->way = ngx_rd_session_find_way(conf, find->user_id);
    }

    key = ngx_rd_session_find_key(&find->user_id);

    if (ngx_rd_zone_get(conf->zone, find->way, NGX_RD_ZONE_SESSION, &key,
                        &find->desktop,
                        find->whole ? sizeof(ngx_rd_desktop_t)
                                    : NGX_RD_DESKTOP_GATE_BYTES,
                        &asked_ms)
        == 0)
    {
        return NGX_DECLINED;
    }

    if (stale ? ngx_rd_redis_subscribe_age(conf->changes, asked_ms)
                > conf->stale_max_ms
              : !ngx_rd_redis_subscribe_fresh(conf->changes, asked_ms))
    {
        return NGX_DECLINED;
    }

    if (find->desktop.state == NGX_RD_SESSION_NONE
        && ngx_current_msec - asked_ms > NGX_RD_SESSION_FIND_BURST_MS)
    {
        return NGX_DECLINED;
    }

    /* Redis' clock has gone on as ours; nobody needs to know the time of day */

    find->desktop.now_ms += ngx_current_msec - asked_ms;
    find->error = NGX_RD_ERR_NONE;

    return NGX_OK;
}


/* Only what was asked since the last change anybody told of is shared. */

static ngx_int_t
ngx_rd_session_find_share(ngx_rd_session_find_t *find)
{
    ngx_uint_t                   generation;
    ngx_queue_t                 *q, *same;
    ngx_rd_session_lookup_t     *lookup;
    ngx_rd_session_find_conf_t  *conf;

    conf = find->conf;
    same = &conf->lookups[find->user_id & (NGX_RD_SESSION_FIND_NLOOKUPS - 1)];
    generation = conf->zone ? ngx_rd_zone_generation(conf->zone) : 0;

    for (q = ngx_queue_head(same);
         conf->zone && q != ngx_queue_sentinel(same);
         q = ngx_queue_next(q))
    {
        lookup = ngx_queue_data(q, ngx_rd_session_lookup_t, queue);

        if (lookup->user_id == find->user_id
            && lookup->generation == generation)
        {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                           "rd session: lookup shared, user:%uL",
                           find->user_id);
            goto found;
        }
    }

    lookup = ngx_rd_session_find_lookup(conf);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->user_id = find->user_id;
    lookup->generation = generation;

    ngx_queue_init(&lookup->waiting);
    ngx_queue_insert_tail(same, &lookup->queue);

found:

    find->lookup = lookup;
    ngx_queue_insert_tail(&lookup->waiting, &find->queue);

    return NGX_AGAIN;
}


/* it goes with all that is looked for in this turn of the event loop */

static ngx_rd_session_lookup_t *
ngx_rd_session_find_lookup(ngx_rd_session_find_conf_t *conf)
{
    ngx_rd_session_ask_t     *ask;
    ngx_rd_session_lookup_t  *lookup;

    ask = conf->ask;

    if (ask && ask->n == NGX_RD_SESSION_FIND_LOOKUPS_MAX) {
        ngx_rd_session_find_send(ask);
        ask = NULL;
    }

    if (ask == NULL) {
        ask = ngx_alloc(sizeof(ngx_rd_session_ask_t), ngx_cycle->log);
        if (ask == NULL) {
            return NULL;
        }

        ask->conf = conf;
        ask->call = NULL;
        ask->n = 0;
        ask->nwanted = 0;

        conf->ask = ask;
        ngx_rd_session_find_post(conf);
    }

    lookup = &ask->lookups[ask->n++];
    lookup->ask = ask;
    ask->nwanted++;

    return lookup;
}


/* when this turn is over, or was before, look whether there is one to send */

static void
ngx_rd_session_find_post(ngx_rd_session_find_conf_t *conf)
{
    conf->turn.handler = ngx_rd_session_find_turn_handler;
    conf->turn.data = conf;
    conf->turn.log = ngx_cycle->log;

    ngx_post_event(&conf->turn, &ngx_posted_events);
}


static void
ngx_rd_session_find_turn_handler(ngx_event_t *ev)
{
    ngx_rd_session_find_conf_t  *conf = ev->data;

    if (conf->ask && conf->nsent == 0) {
        ngx_rd_session_find_send(conf->ask);
    }
}


static void
ngx_rd_session_find_send(ngx_rd_session_ask_t *ask)
{
    uint64_t    user_ids[NGX_RD_SESSION_FIND_LOOKUPS_MAX];
    ngx_str_t   nothing = ngx_null_string;
    ngx_uint_t  i;

    ask->conf->ask = NULL;

    if (ask->nwanted == 0) {
        ngx_free(ask);
        return;
    }

    for (i = 0; i < ask->n; i++) {
        user_ids[i] = ask->lookups[i].user_id;
        ask->lookups[i].asked_ms = ngx_current_msec;
    }

    ask->call = ngx_rd_store_find(ask->conf->store, user_ids, ask->n,
                                  ngx_rd_session_find_done, ask);

    ask->conf->nsent++;

    if (ask->call == NULL) {
        ngx_rd_session_find_found(ask, NGX_RD_ERR_MEMORY, nothing);
    }
}


static void
ngx_rd_session_find_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_session_find_found(call->owner, call->error,
                              ngx_rd_redis_reply_string(call->reply));
}


static void
ngx_rd_session_find_over(ngx_rd_session_find_conf_t *conf)
{
    conf->nsent--;

    if (conf->ask) {
        ngx_rd_session_find_post(conf);
    }
}


/* A done may make lookups of this very ask unwanted. */

static void
ngx_rd_session_find_found(ngx_rd_session_ask_t *ask, ngx_rd_error_e error,
    ngx_str_t found)
{
    ngx_uint_t                i;
    ngx_rd_desktop_t          desktop;
    ngx_rd_session_lookup_t  *lookup;

    ask->call = NULL;
    ngx_rd_session_find_over(ask->conf);

    if (error == NGX_RD_ERR_NONE
        && ngx_rd_desktop_read_site(&desktop, &found) != NGX_OK)
    {
        error = NGX_RD_ERR_REDIS_REPLY;
    }

    for (i = 0; i < ask->n; i++) {

        if (error == NGX_RD_ERR_NONE
            && ngx_rd_desktop_read(&desktop, &found) != NGX_OK)
        {
            error = NGX_RD_ERR_REDIS_REPLY;
        }

        lookup = &ask->lookups[i];

        if (ngx_queue_empty(&lookup->waiting)) {
            continue;
        }

        if (error == NGX_RD_ERR_NONE) {
            ngx_rd_session_find_put(ask->conf, lookup, &desktop);
        }

        lookup->ask = NULL;
        ngx_queue_remove(&lookup->queue);

        ngx_rd_session_find_answer(lookup, error, &desktop);
    }

    ngx_free(ask);
}


static void
ngx_rd_session_find_unwanted(ngx_rd_session_lookup_t *lookup)
{
    ngx_rd_session_ask_t  *ask;

    ask = lookup->ask;

    ask->nwanted--;
    ngx_queue_remove(&lookup->queue);

    /* without a call it is still to be sent, or others are being answered */

    if (ask->call && ask->nwanted == 0) {
        ngx_rd_redis_call_cancel(ask->call);
        ngx_rd_session_find_over(ask->conf);
        ngx_free(ask);
    }
}


/* A done may cancel others that wait here, so the queue is asked each time. */

static void
ngx_rd_session_find_answer(ngx_rd_session_lookup_t *lookup,
    ngx_rd_error_e error, const ngx_rd_desktop_t *desktop)
{
    ngx_queue_t            *q;
    ngx_rd_session_find_t  *find;

    while (!ngx_queue_empty(&lookup->waiting)) {
        q = ngx_queue_head(&lookup->waiting);
        ngx_queue_remove(q);

        find = ngx_queue_data(q, ngx_rd_session_find_t, queue);
        find->lookup = NULL;
        find->error = error;

        if (error == NGX_RD_ERR_NONE) {
            find->desktop = *desktop;

        } else if (error != NGX_RD_ERR_REDIS_REPLY
                   && error != NGX_RD_ERR_MEMORY)
        {

            /* Redis cannot be asked */

            (void) ngx_rd_session_find_kept(find, 1);
        }

        find->done(find);
    }
}


static void
ngx_rd_session_find_put(ngx_rd_session_find_conf_t *conf,
    ngx_rd_session_lookup_t *lookup, const ngx_rd_desktop_t *desktop)
{
    ngx_str_t  key, id;

    if (conf->zone == NULL) {
        return;
    }

    key = ngx_rd_session_find_key(&lookup->user_id);

    id.data = (u_char *) desktop->id;
    id.len = (desktop->state == NGX_RD_SESSION_NONE) ? 0
                                                     : NGX_RD_SESSION_ID_BYTES;

    ngx_rd_zone_put(conf->zone, lookup->generation, NGX_RD_ZONE_SESSION, &key,
                    &id, desktop, sizeof(ngx_rd_desktop_t), lookup->asked_ms);
}


/* his number as it stands in memory */

static ngx_str_t
ngx_rd_session_find_key(uint64_t *user_id)
{
    ngx_str_t  key;

    key.data = (u_char *) user_id;
    key.len = sizeof(uint64_t);

    return key;
}


static void
ngx_rd_session_find_drop(ngx_rd_session_find_conf_t *conf,
    const ngx_str_t *user)
{
    uint64_t  user_id;

    user_id = ngx_rd_text_id(user->data, user->len);

    /* what else may stand behind such a prefix is no desktop of anybody */

    if (user_id) {
        ngx_rd_session_find_forget(conf, user_id);
    }
}
