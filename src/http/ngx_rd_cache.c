
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_cache.h"
#include "../identity/ngx_rd_identity_cache.h"


/* rises with every change of what entries look like */
#define NGX_RD_CACHE_LAYOUT  2


static ngx_int_t ngx_rd_cache_prefixes(ngx_cycle_t *cycle,
    ngx_rd_main_conf_t *rmcf);
static ngx_str_t *ngx_rd_cache_prefix(ngx_rd_redis_subscribe_conf_t *conf);
static uint64_t ngx_rd_cache_mark(ngx_rd_main_conf_t *rmcf);
static uint32_t ngx_rd_cache_mark_server(ngx_rd_redis_conf_t *conf);

static void ngx_rd_cache_changed(void *owner, const ngx_str_t *key);
static void ngx_rd_cache_flushed(void *owner);


ngx_int_t
ngx_rd_cache_init_worker(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf)
{
    ngx_uint_t                   i;
    ngx_rd_identity_conf_t      *identity;
    ngx_rd_session_find_conf_t  *find;

    identity = &rmcf->identity;
    find = &rmcf->find;

    find->store = &rmcf->store;
    find->stale_max_ms = rmcf->stale_max_ms;

    for (i = 0; i < NGX_RD_SESSION_FIND_NLOOKUPS; i++) {
        ngx_queue_init(&find->lookups[i]);
    }

    if (rmcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_rd_cache_prefixes(cycle, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_rd_zone_mark(rmcf->zone, ngx_rd_cache_mark(rmcf));

    identity->own_changes = ngx_rd_redis_subscribe_create(rmcf->own_redis,
                                                          &rmcf->own_watch,
                                                          cycle->log);
    if (identity->own_changes == NULL) {
        return NGX_ERROR;
    }

    identity->ctfd_changes = identity->own_changes;

    if (rmcf->ctfd_redis != rmcf->own_redis) {
        identity->ctfd_changes =
            ngx_rd_redis_subscribe_create(rmcf->ctfd_redis, &rmcf->ctfd_watch,
                                          cycle->log);
        if (identity->ctfd_changes == NULL) {
            return NGX_ERROR;
        }
    }

    identity->stale_max_ms = rmcf->stale_max_ms;
    identity->zone = rmcf->zone;

    find->changes = identity->own_changes;
    find->zone = rmcf->zone;

    return NGX_OK;
}


void
ngx_rd_cache_exit_worker(ngx_rd_main_conf_t *rmcf)
{
    ngx_rd_identity_conf_t  *identity;

    identity = &rmcf->identity;

    if (identity->zone == NULL) {
        return;
    }

    /* calls that are answered now do not look at it any more */

    identity->zone = NULL;
    rmcf->find.zone = NULL;

    if (identity->ctfd_changes != identity->own_changes) {
        ngx_rd_redis_subscribe_destroy(identity->ctfd_changes);
    }

    ngx_rd_redis_subscribe_destroy(identity->own_changes);
}


static ngx_int_t
ngx_rd_cache_prefixes(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf)
{
    u_char                         *p;
    ngx_str_t                      *prefix;
    ngx_uint_t                      i;
    ngx_rd_redis_subscribe_conf_t  *own, *ctfd;
    static const char *const        parts[] = { "session:", "owner:", "user:",
                                                 "switch", "records" };

    own = &rmcf->own_watch;
    ctfd = (rmcf->ctfd_redis == rmcf->own_redis) ? own : &rmcf->ctfd_watch;

    own->nprefixes = 0;
    ctfd->nprefixes = 0;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        p = ngx_pnalloc(cycle->pool, rmcf->store.prefix.len
                                     + ngx_strlen(parts[i]));
        if (p == NULL) {
            return NGX_ERROR;
        }

        prefix = ngx_rd_cache_prefix(own);
        prefix->data = p;
        prefix->len = ngx_sprintf(p, "%V%s", &rmcf->store.prefix, parts[i])
                      - p;
    }

    *ngx_rd_cache_prefix(ctfd) = rmcf->session_prefix;

    own->ttl_ms = rmcf->cache_ttl_ms;
    own->changed = ngx_rd_cache_changed;
    own->flushed = ngx_rd_cache_flushed;
    own->owner = rmcf;

    if (ctfd != own) {
        ctfd->ttl_ms = own->ttl_ms;
        ctfd->changed = own->changed;
        ctfd->flushed = own->flushed;
        ctfd->owner = own->owner;
    }

    return NGX_OK;
}


static ngx_str_t *
ngx_rd_cache_prefix(ngx_rd_redis_subscribe_conf_t *conf)
{
    ngx_rd_assert(conf->nprefixes < NGX_RD_REDIS_SUBSCRIBE_PREFIXES_MAX);

    return &conf->prefixes[conf->nprefixes++];
}


/* everything that decides what an entry means */

static uint64_t
ngx_rd_cache_mark(ngx_rd_main_conf_t *rmcf)
{
    uint32_t  key, place;

    key = ngx_murmur_hash2(rmcf->identity.key.bytes,
                           sizeof(rmcf->identity.key.bytes));

    place = ngx_rd_cache_mark_server(rmcf->own_redis);
    place = place * 31 + ngx_rd_cache_mark_server(rmcf->ctfd_redis);
    place = place * 31 + ngx_murmur_hash2(rmcf->store.prefix.data,
                                          rmcf->store.prefix.len);
    place = place * 31 + ngx_murmur_hash2(rmcf->session_prefix.data,
                                          rmcf->session_prefix.len);

    place = place * 31 + NGX_RD_CACHE_LAYOUT;

    return (uint64_t) key << 32 | place;
}


static uint32_t
ngx_rd_cache_mark_server(ngx_rd_redis_conf_t *conf)
{
    return ngx_murmur_hash2(conf->addr->name.data, conf->addr->name.len)
           + conf->database;
}


static void
ngx_rd_cache_changed(void *owner, const ngx_str_t *key)
{
    ngx_rd_main_conf_t  *rmcf = owner;

    ngx_rd_identity_cache_changed(&rmcf->identity, key);
    ngx_rd_session_find_changed(&rmcf->find, key);
}


static void
ngx_rd_cache_flushed(void *owner)
{
    ngx_rd_main_conf_t  *rmcf = owner;

    ngx_rd_zone_flush(rmcf->zone);
}
