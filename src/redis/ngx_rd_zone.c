
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_zone.h"
#include "ngx_rd_zone_memory.h"


#define NGX_RD_ZONE_HASH_BYTES_MAX  16


#if (__GNUC__)
#define ngx_rd_zone_touch(p)  __builtin_prefetch(p)
#else
#define ngx_rd_zone_touch(p)  (void) (p)
#endif


static size_t ngx_rd_zone_glance(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *home,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms);
static size_t ngx_rd_zone_copy(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *node,
    void *value, size_t size, ngx_msec_t *asked_ms);
static void ngx_rd_zone_hit(ngx_rd_zone_t *zone);
static ngx_rd_zone_node_t *ngx_rd_zone_home(ngx_rd_zone_t *zone,
    ngx_rd_zone_kind_e kind, const ngx_str_t *name);
static ngx_rd_zone_node_t *ngx_rd_zone_find(ngx_rd_zone_t *zone,
    ngx_rd_zone_node_t *home, ngx_rd_zone_kind_e kind, const ngx_str_t *key);
static ngx_uint_t ngx_rd_zone_is(ngx_rd_zone_t *zone,
    const ngx_rd_zone_node_t *node, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key);
static void ngx_rd_zone_evict(ngx_rd_zone_memory_t *memory);
static void ngx_rd_zone_release(ngx_rd_zone_memory_t *memory,
    ngx_rd_zone_node_t *node);


ngx_rd_zone_t *
ngx_rd_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    ngx_rd_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_rd_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (zone->shm_zone == NULL) {
        return NULL;
    }

    if (zone->shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is used twice", name);
        return NULL;
    }

    zone->shm_zone->init = ngx_rd_zone_memory_init;
    zone->shm_zone->data = zone;

    return zone;
}


void
ngx_rd_zone_mark(ngx_rd_zone_t *zone, uint64_t mark)
{
    zone->mark = mark;
}


ngx_uint_t
ngx_rd_zone_generation(ngx_rd_zone_t *zone)
{
    return zone->memory->generation;
}


/* No lock: it is only fetched, and is looked at later. */

ngx_rd_zone_way_t *
ngx_rd_zone_way(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key)
{
    ngx_rd_zone_node_t  *home;

    home = ngx_rd_zone_home(zone, kind, key);

    ngx_rd_zone_touch(home);
    ngx_rd_zone_touch((u_char *) home + NGX_RD_ZONE_LINE_BYTES);

    return home;
}


size_t
ngx_rd_zone_get(ngx_rd_zone_t *zone, ngx_rd_zone_way_t *way,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms)
{
    size_t               len;
    ngx_rd_zone_node_t  *node;

    len = ngx_rd_zone_glance(zone, way, kind, key, value, size, asked_ms);

    if (len) {
        return len;
    }

    ngx_rd_zone_memory_lock(zone);

    node = ngx_rd_zone_find(zone, way, kind, key);

    if (node) {
        len = ngx_rd_zone_copy(zone, node, value, size, asked_ms);

    } else {
        zone->memory->count.misses++;
    }

    ngx_rd_zone_memory_unlock(zone);

    if (len) {
        ngx_rd_zone_hit(zone);
    }

    return len;
}


void
ngx_rd_zone_put(ngx_rd_zone_t *zone, ngx_uint_t generation,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, const ngx_str_t *alias,
    const void *value, size_t len, ngx_msec_t asked_ms)
{
    size_t                 near;
    ngx_uint_t             i;
    ngx_queue_t           *q;
    ngx_rd_zone_node_t    *home, *home_alias, *node;
    ngx_rd_zone_rest_t    *rest;
    ngx_rd_zone_memory_t  *memory;

    if (len == 0 || len > NGX_RD_ZONE_VALUE_BYTES_MAX
        || key->len > NGX_RD_ZONE_KEY_BYTES_MAX
        || alias->len > NGX_RD_ZONE_KEY_BYTES_MAX)
    {
        return;
    }

    memory = zone->memory;
    home = ngx_rd_zone_home(zone, kind, key);
    home_alias = ngx_rd_zone_home(zone, kind, alias);

    ngx_rd_zone_memory_lock(zone);

    if (memory->generation != generation) {
        ngx_rd_zone_memory_unlock(zone);
        return;
    }

    node = ngx_rd_zone_find(zone, home, kind, key);

    if (node) {
        ngx_rd_zone_release(memory, node);
    }

    if (ngx_queue_empty(&memory->free)) {
        ngx_rd_zone_evict(memory);
    }

    q = ngx_queue_head(&memory->free);
    node = ngx_rd_zone_node(memory,
                            ngx_queue_data(q, ngx_rd_zone_rest_t, by_age));

    for (i = 0; i < NGX_RD_ZONE_NPLACES; i++) {

        if (ngx_rd_zone_place(memory, home, i)->len == 0) {
            node = ngx_rd_zone_place(memory, home, i);
            break;
        }
    }

    rest = ngx_rd_zone_rest(memory, node);
    ngx_queue_remove(&rest->by_age);

    node->used = 0;
    node->mark = zone->mark;
    node->asked_ms = asked_ms;
    node->kind = kind;
    node->len = len;
    node->key_len = key->len;
    node->alias_len = alias->len;
    ngx_memcpy(node->near, key->data, key->len);
    ngx_memcpy(rest->alias, alias->data, alias->len);

    near = ngx_min(len, NGX_RD_ZONE_NEAR_BYTES - key->len);
    ngx_memcpy(node->near + key->len, value, near);
    ngx_memcpy(rest->far, (u_char *) value + near, len - near);

    ngx_queue_insert_head(&ngx_rd_zone_rest(memory, home)->keys, &rest->by_key);
    ngx_queue_insert_head(&ngx_rd_zone_rest(memory, home_alias)->aliases,
                          &rest->by_alias);
    ngx_queue_insert_head(&memory->used, &rest->by_age);

    memory->count.entries++;

    ngx_rd_zone_memory_unlock(zone);
}


void
ngx_rd_zone_drop(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key)
{
    ngx_rd_zone_node_t    *home, *node;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    home = ngx_rd_zone_home(zone, kind, key);

    ngx_rd_zone_memory_lock(zone);

    memory->generation++;
    node = ngx_rd_zone_find(zone, home, kind, key);

    if (node) {
        ngx_rd_zone_release(memory, node);
        memory->count.drops++;
    }

    ngx_rd_zone_memory_unlock(zone);
}


void
ngx_rd_zone_drop_alias(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *alias)
{
    ngx_queue_t           *aliases, *q, *next;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_rest_t    *rest;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    rest = ngx_rd_zone_rest(memory, ngx_rd_zone_home(zone, kind, alias));
    aliases = &rest->aliases;

    ngx_rd_zone_memory_lock(zone);

    memory->generation++;

    for (q = ngx_queue_head(aliases);
         q != ngx_queue_sentinel(aliases);
         q = next)
    {
        next = ngx_queue_next(q);
        rest = ngx_queue_data(q, ngx_rd_zone_rest_t, by_alias);
        node = ngx_rd_zone_node(memory, rest);

        if (node->kind == kind && node->mark == zone->mark
            && node->alias_len == alias->len
            && ngx_memcmp(rest->alias, alias->data, alias->len) == 0)
        {
            ngx_rd_zone_release(memory, node);
            memory->count.drops++;
        }
    }

    ngx_rd_zone_memory_unlock(zone);
}


/* what is there stays allocated but belongs to nobody: O(entries), rare */

void
ngx_rd_zone_flush(ngx_rd_zone_t *zone)
{
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_rd_zone_memory_lock(zone);

    memory->generation++;
    memory->count.drops += memory->count.entries;
    ngx_rd_zone_memory_clear(memory);

    ngx_rd_zone_memory_unlock(zone);
}


void
ngx_rd_zone_count(ngx_rd_zone_t *zone, ngx_rd_zone_count_t *count)
{
    ngx_uint_t             i;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_rd_zone_memory_lock(zone);

    *count = memory->count;

    ngx_rd_zone_memory_unlock(zone);

    for (i = 0; i < NGX_RD_ZONE_NHITS; i++) {
        count->hits += memory->hits[i].n;
    }
}


/*
 * An entry at one of its places is copied without the lock, and the copy counts
 * when nobody has written meanwhile.  Nothing here follows a pointer, and every
 * length that ever was in a node is one it has room for.  0: look again, with
 * the lock.
 */

static size_t
ngx_rd_zone_glance(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *home,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms)
{
    size_t               len;
    ngx_uint_t           i;
    ngx_atomic_uint_t    version;
    ngx_rd_zone_node_t  *node;

    version = zone->memory->version;
    ngx_memory_barrier();

    if (ngx_rd_zone_is_written(version)) {
        return 0;
    }

    i = 0;
    node = home;

    while (!ngx_rd_zone_is(zone, node, kind, key)) {

        if (++i == NGX_RD_ZONE_NPLACES) {
            return 0;
        }

        node = ngx_rd_zone_place(zone->memory, home, i);
    }

    len = ngx_rd_zone_copy(zone, node, value, size, asked_ms);

    ngx_memory_barrier();

    if (zone->memory->version != version) {
        return 0;
    }

    ngx_rd_zone_hit(zone);

    return len;
}


static size_t
ngx_rd_zone_copy(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *node, void *value,
    size_t size, ngx_msec_t *asked_ms)
{
    size_t  len, near;

    len = node->len;
    *asked_ms = node->asked_ms;

    size = ngx_min(size, len);
    near = ngx_min(size, NGX_RD_ZONE_NEAR_BYTES - (size_t) node->key_len);

    ngx_memcpy(value, node->near + node->key_len, near);

    if (near < size) {
        ngx_memcpy((u_char *) value + near,
                   ngx_rd_zone_rest(zone->memory, node)->far, size - near);
    }

    /* mostly it is set, and what is not written need not be brought back */

    if (!node->used) {
        node->used = 1;
    }

    return len;
}


/* each worker in a line of his own, unless there are very many */

static void
ngx_rd_zone_hit(ngx_rd_zone_t *zone)
{
    ngx_rd_zone_hits_t  *hits;

    hits = &zone->memory->hits[ngx_worker % NGX_RD_ZONE_NHITS];

    (void) ngx_atomic_fetch_add(&hits->n, 1);
}


static ngx_rd_zone_node_t *
ngx_rd_zone_home(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *name)
{
    size_t                 n;
    uint32_t               hash;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    /* what differs most is random, and the end of it is enough */

    n = ngx_min(name->len, NGX_RD_ZONE_HASH_BYTES_MAX);
    hash = ngx_murmur_hash2(name->data + name->len - n, n) + kind * 0x9e3779b1;

    return &memory->nodes[(uint64_t) hash * memory->nnodes >> 32];
}


static ngx_rd_zone_node_t *
ngx_rd_zone_find(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *home,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key)
{
    ngx_queue_t         *q, *keys;
    ngx_rd_zone_node_t  *node;

    keys = &ngx_rd_zone_rest(zone->memory, home)->keys;

    for (q = ngx_queue_head(keys);
         q != ngx_queue_sentinel(keys);
         q = ngx_queue_next(q))
    {
        node = ngx_rd_zone_node(zone->memory,
                                ngx_queue_data(q, ngx_rd_zone_rest_t, by_key));

        if (ngx_rd_zone_is(zone, node, kind, key)) {
            return node;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_rd_zone_is(ngx_rd_zone_t *zone, const ngx_rd_zone_node_t *node,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key)
{
    return node->len && node->kind == kind && node->mark == zone->mark
           && node->key_len == key->len
           && ngx_memcmp(node->near, key->data, key->len) == 0;
}


/*
 * The oldest goes that nobody has looked at since it was last the oldest: who
 * looks at one only marks it, and four other entries stay out of the
 * processor's caches.
 */

static void
ngx_rd_zone_evict(ngx_rd_zone_memory_t *memory)
{
    ngx_rd_zone_node_t  *node;
    ngx_rd_zone_rest_t  *rest;

    for ( ;; ) {
        rest = ngx_queue_data(ngx_queue_last(&memory->used),
                              ngx_rd_zone_rest_t, by_age);
        node = ngx_rd_zone_node(memory, rest);

        if (!node->used) {
            break;
        }

        node->used = 0;
        ngx_queue_remove(&rest->by_age);
        ngx_queue_insert_head(&memory->used, &rest->by_age);
    }

    ngx_rd_zone_release(memory, node);
    memory->count.evictions++;
}


static void
ngx_rd_zone_release(ngx_rd_zone_memory_t *memory, ngx_rd_zone_node_t *node)
{
    ngx_rd_zone_rest_t  *rest;

    rest = ngx_rd_zone_rest(memory, node);

    ngx_queue_remove(&rest->by_key);
    ngx_queue_remove(&rest->by_alias);
    ngx_queue_remove(&rest->by_age);

    node->len = 0;
    ngx_queue_insert_head(&memory->free, &rest->by_age);

    memory->count.entries--;
}
