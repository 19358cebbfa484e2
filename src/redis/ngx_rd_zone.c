
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_zone.h"


#define NGX_RD_ZONE_LINE_BYTES  64      /* of the processor's caches */
#define NGX_RD_ZONE_LINES       3       /* of a node that a look needs mostly */
#define NGX_RD_ZONE_NHITS       8

#define NGX_RD_ZONE_HASH_BYTES_MAX  16


/*
 * Most of what a look costs is waiting for memory.  So the hash of a key says
 * where its node is: its home, when that is free as the entry comes, else any
 * free node, found by the list that begins at the home.  What a look needs
 * comes first, without gaps, and begins a line of the cache.
 */

struct ngx_rd_zone_node_s {
    uint64_t            mark;
    ngx_msec_t          asked_ms;

    uint16_t            len;        /* 0: free */
    u_char              kind;
    u_char              used;       /* since somebody last looked for room */
    u_char              key_len;
    u_char              alias_len;
    u_char              key[NGX_RD_ZONE_KEY_BYTES_MAX];
    u_char              value[NGX_RD_ZONE_VALUE_BYTES_MAX];

    u_char              alias[NGX_RD_ZONE_KEY_BYTES_MAX];
    ngx_queue_t         by_key;     /* in a list of keys */
    ngx_queue_t         by_alias;   /* in one of aliases */
    ngx_queue_t         by_age;     /* in use or free */

    ngx_queue_t         keys;       /* entries whose home this is */
    ngx_queue_t         aliases;    /* the same of their aliases */
} __attribute__((aligned(NGX_RD_ZONE_LINE_BYTES)));

typedef struct ngx_rd_zone_node_s  ngx_rd_zone_node_t;


typedef struct {
    ngx_atomic_t        n;
} __attribute__((aligned(NGX_RD_ZONE_LINE_BYTES))) ngx_rd_zone_hits_t;


/* in shared memory, followed by the nodes */

typedef struct {
    ngx_atomic_t        version;    /* rises before a change and after it */
    ngx_atomic_t        generation;

    ngx_queue_t         used;       /* the newest first, but see _evict() */
    ngx_queue_t         free;

    ngx_uint_t          nnodes;
    ngx_rd_zone_node_t *nodes;

    ngx_rd_zone_count_t count;      /* its hits stand below */
    ngx_rd_zone_hits_t  hits[NGX_RD_ZONE_NHITS];
} ngx_rd_zone_memory_t;


/* by somebody who is at it, or has died at it */
#define ngx_rd_zone_is_written(version)  ((version) & 1)


#if (__GNUC__)
#define ngx_rd_zone_touch(p)  __builtin_prefetch(p)
#else
#define ngx_rd_zone_touch(p)  (void) (p)
#endif


struct ngx_rd_zone_s {
    ngx_shm_zone_t        *shm_zone;
    ngx_slab_pool_t       *slab;    /* only its mutex is used later on */
    ngx_rd_zone_memory_t  *memory;
    uint64_t               mark;
};


static ngx_int_t ngx_rd_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static void ngx_rd_zone_clear(ngx_rd_zone_memory_t *memory);

static void ngx_rd_zone_lock(ngx_rd_zone_t *zone);
static void ngx_rd_zone_unlock(ngx_rd_zone_t *zone);

static size_t ngx_rd_zone_glance(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *home,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms);
static size_t ngx_rd_zone_copy(ngx_rd_zone_node_t *node, void *value,
    size_t size, ngx_msec_t *asked_ms);
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

    zone->shm_zone->init = ngx_rd_zone_init;
    zone->shm_zone->data = zone;

    return zone;
}


void
ngx_rd_zone_mark(ngx_rd_zone_t *zone, uint64_t mark)
{
    zone->mark = mark;
}


/* data is the same zone in the configuration before a reload */

static ngx_int_t
ngx_rd_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                 size;
    ngx_rd_zone_t         *zone, *old;
    ngx_slab_pool_t       *slab;
    ngx_rd_zone_memory_t  *memory;

    old = data;
    zone = shm_zone->data;
    slab = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone->slab = slab;

    if (old) {
        zone->memory = old->memory;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        zone->memory = slab->data;
        return NGX_OK;
    }

    /* one block of all there is: later on nothing is allocated */

    size = slab->pfree * ngx_pagesize;

    memory = ngx_slab_alloc(slab, size);
    if (memory == NULL) {
        return NGX_ERROR;
    }

    /* whole pages, so it begins a line, too */

    ngx_memzero(memory, sizeof(ngx_rd_zone_memory_t));

    memory->nodes = (ngx_rd_zone_node_t *)
                    ngx_align_ptr(memory + 1, NGX_RD_ZONE_LINE_BYTES);
    memory->nnodes = ((u_char *) memory + size - (u_char *) memory->nodes)
                     / sizeof(ngx_rd_zone_node_t);

    ngx_rd_zone_clear(memory);

    memory->count.entries_max = memory->nnodes;

    slab->data = memory;
    zone->memory = memory;

    return NGX_OK;
}


static void
ngx_rd_zone_clear(ngx_rd_zone_memory_t *memory)
{
    ngx_uint_t           i;
    ngx_rd_zone_node_t  *node;

    ngx_queue_init(&memory->used);
    ngx_queue_init(&memory->free);

    for (i = 0; i < memory->nnodes; i++) {
        node = &memory->nodes[i];

        node->len = 0;
        ngx_queue_init(&node->keys);
        ngx_queue_init(&node->aliases);
        ngx_queue_insert_tail(&memory->free, &node->by_age);
    }

    memory->count.entries = 0;
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
    ngx_uint_t           i;
    ngx_rd_zone_node_t  *home;

    home = ngx_rd_zone_home(zone, kind, key);

    for (i = 0; i < NGX_RD_ZONE_LINES; i++) {
        ngx_rd_zone_touch((u_char *) home + i * NGX_RD_ZONE_LINE_BYTES);
    }

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

    ngx_rd_zone_lock(zone);

    node = ngx_rd_zone_find(zone, way, kind, key);

    if (node) {
        len = ngx_rd_zone_copy(node, value, size, asked_ms);

    } else {
        zone->memory->count.misses++;
    }

    ngx_rd_zone_unlock(zone);

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
    ngx_rd_zone_node_t    *home, *home_alias, *node;
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

    ngx_rd_zone_lock(zone);

    if (memory->generation != generation) {
        ngx_rd_zone_unlock(zone);
        return;
    }

    node = ngx_rd_zone_find(zone, home, kind, key);

    if (node) {
        ngx_rd_zone_release(memory, node);
    }

    if (ngx_queue_empty(&memory->free)) {
        ngx_rd_zone_evict(memory);
    }

    node = (home->len == 0) ? home
                            : ngx_queue_data(ngx_queue_head(&memory->free),
                                             ngx_rd_zone_node_t, by_age);
    ngx_queue_remove(&node->by_age);

    node->used = 0;
    node->mark = zone->mark;
    node->asked_ms = asked_ms;
    node->kind = kind;
    node->len = len;
    node->key_len = key->len;
    node->alias_len = alias->len;
    ngx_memcpy(node->key, key->data, key->len);
    ngx_memcpy(node->alias, alias->data, alias->len);
    ngx_memcpy(node->value, value, len);

    ngx_queue_insert_head(&home->keys, &node->by_key);
    ngx_queue_insert_head(&home_alias->aliases, &node->by_alias);
    ngx_queue_insert_head(&memory->used, &node->by_age);

    memory->count.entries++;

    ngx_rd_zone_unlock(zone);
}


void
ngx_rd_zone_drop(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key)
{
    ngx_rd_zone_node_t    *home, *node;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    home = ngx_rd_zone_home(zone, kind, key);

    ngx_rd_zone_lock(zone);

    memory->generation++;
    node = ngx_rd_zone_find(zone, home, kind, key);

    if (node) {
        ngx_rd_zone_release(memory, node);
        memory->count.drops++;
    }

    ngx_rd_zone_unlock(zone);
}


void
ngx_rd_zone_drop_alias(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *alias)
{
    ngx_queue_t           *aliases, *q, *next;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    aliases = &ngx_rd_zone_home(zone, kind, alias)->aliases;

    ngx_rd_zone_lock(zone);

    memory->generation++;

    for (q = ngx_queue_head(aliases);
         q != ngx_queue_sentinel(aliases);
         q = next)
    {
        next = ngx_queue_next(q);
        node = ngx_queue_data(q, ngx_rd_zone_node_t, by_alias);

        if (node->kind == kind && node->mark == zone->mark
            && node->alias_len == alias->len
            && ngx_memcmp(node->alias, alias->data, alias->len) == 0)
        {
            ngx_rd_zone_release(memory, node);
            memory->count.drops++;
        }
    }

    ngx_rd_zone_unlock(zone);
}


/* what is there stays allocated but belongs to nobody: O(entries), rare */

void
ngx_rd_zone_flush(ngx_rd_zone_t *zone)
{
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_rd_zone_lock(zone);

    memory->generation++;
    memory->count.drops += memory->count.entries;
    ngx_rd_zone_clear(memory);

    ngx_rd_zone_unlock(zone);
}


void
ngx_rd_zone_count(ngx_rd_zone_t *zone, ngx_rd_zone_count_t *count)
{
    ngx_uint_t             i;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_rd_zone_lock(zone);

    *count = memory->count;

    ngx_rd_zone_unlock(zone);

    for (i = 0; i < NGX_RD_ZONE_NHITS; i++) {
        count->hits += memory->hits[i].n;
    }
}


/* The mutex of a dead worker is opened by nginx, in the middle of things. */

static void
ngx_rd_zone_lock(ngx_rd_zone_t *zone)
{
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_shmtx_lock(&zone->slab->mutex);

    if (ngx_rd_zone_is_written(memory->version)) {
        memory->generation++;
        ngx_rd_zone_clear(memory);

    } else {
        memory->version++;
    }

    ngx_memory_barrier();
}


static void
ngx_rd_zone_unlock(ngx_rd_zone_t *zone)
{
    ngx_memory_barrier();
    zone->memory->version++;

    ngx_shmtx_unlock(&zone->slab->mutex);
}


/*
 * An entry that is at home is copied without the lock, and the copy counts
 * when nobody has written meanwhile.  Nothing here follows a pointer, and every
 * length that ever was in a node is one it has room for.  0: look again, with
 * the lock.
 */

static size_t
ngx_rd_zone_glance(ngx_rd_zone_t *zone, ngx_rd_zone_node_t *home,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms)
{
    size_t             len;
    ngx_atomic_uint_t  version;

    version = zone->memory->version;
    ngx_memory_barrier();

    if (ngx_rd_zone_is_written(version)
        || !ngx_rd_zone_is(zone, home, kind, key))
    {
        return 0;
    }

    len = ngx_rd_zone_copy(home, value, size, asked_ms);

    ngx_memory_barrier();

    if (zone->memory->version != version) {
        return 0;
    }

    ngx_rd_zone_hit(zone);

    return len;
}


static size_t
ngx_rd_zone_copy(ngx_rd_zone_node_t *node, void *value, size_t size,
    ngx_msec_t *asked_ms)
{
    size_t  len;

    len = node->len;
    *asked_ms = node->asked_ms;
    ngx_memcpy(value, node->value, ngx_min(len, size));

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
    ngx_queue_t         *q;
    ngx_rd_zone_node_t  *node;

    if (ngx_rd_zone_is(zone, home, kind, key)) {
        return home;
    }

    for (q = ngx_queue_head(&home->keys);
         q != ngx_queue_sentinel(&home->keys);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_rd_zone_node_t, by_key);

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
           && ngx_memcmp(node->key, key->data, key->len) == 0;
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

    for ( ;; ) {
        node = ngx_queue_data(ngx_queue_last(&memory->used),
                              ngx_rd_zone_node_t, by_age);

        if (!node->used) {
            break;
        }

        node->used = 0;
        ngx_queue_remove(&node->by_age);
        ngx_queue_insert_head(&memory->used, &node->by_age);
    }

    ngx_rd_zone_release(memory, node);
    memory->count.evictions++;
}


static void
ngx_rd_zone_release(ngx_rd_zone_memory_t *memory, ngx_rd_zone_node_t *node)
{
    ngx_queue_remove(&node->by_key);
    ngx_queue_remove(&node->by_alias);
    ngx_queue_remove(&node->by_age);

    node->len = 0;
    ngx_queue_insert_head(&memory->free, &node->by_age);

    memory->count.entries--;
}
