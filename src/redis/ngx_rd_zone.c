
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_zone.h"


#define NGX_RD_ZONE_LINE_BYTES  64      /* of the processor's caches */
#define NGX_RD_ZONE_LINES       4       /* of a node that a look needs mostly */


/*
 * A look costs as many lines of the cache as it touches, so what it needs
 * comes first, without gaps, from the beginning of a line.
 */

typedef struct {
    ngx_queue_t         by_key;     /* in a bucket */

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
    ngx_queue_t         by_alias;   /* in a bucket, when there is an alias */
    ngx_queue_t         by_age;     /* in use or free */
} __attribute__((aligned(NGX_RD_ZONE_LINE_BYTES))) ngx_rd_zone_node_t;


/* in shared memory, followed by the buckets and the nodes */

typedef struct {
    ngx_uint_t          busy;       /* somebody writes, or died writing */
    ngx_atomic_t        generation;

    ngx_queue_t         used;       /* the newest first, but see _evict() */
    ngx_queue_t         free;

    ngx_uint_t          nbuckets;   /* of each kind; a power of two */
    ngx_queue_t        *keys;
    ngx_queue_t        *aliases;
    ngx_uint_t          nnodes;
    ngx_rd_zone_node_t *nodes;

    ngx_rd_zone_count_t count;
} ngx_rd_zone_memory_t;


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

static ngx_queue_t *ngx_rd_zone_bucket(ngx_rd_zone_t *zone,
    ngx_queue_t *buckets, ngx_rd_zone_kind_e kind, const ngx_str_t *name);
static ngx_rd_zone_node_t *ngx_rd_zone_find(ngx_rd_zone_t *zone,
    ngx_queue_t *bucket, ngx_rd_zone_kind_e kind, const ngx_str_t *key);
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
    size_t                 size, one;
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

    ngx_memzero(memory, sizeof(ngx_rd_zone_memory_t));

    /* at least one bucket of each sort for every node */

    one = sizeof(ngx_rd_zone_node_t) + 4 * sizeof(ngx_queue_t);

    memory->nnodes = (size - sizeof(ngx_rd_zone_memory_t)
                      - NGX_RD_ZONE_LINE_BYTES)
                     / one;
    memory->nbuckets = 1;

    while (memory->nbuckets < memory->nnodes) {
        memory->nbuckets *= 2;
    }

    memory->keys = (ngx_queue_t *) (memory + 1);
    memory->aliases = memory->keys + memory->nbuckets;
    memory->nodes = (ngx_rd_zone_node_t *)
                    ngx_align_ptr(memory->aliases + memory->nbuckets,
                                  NGX_RD_ZONE_LINE_BYTES);

    ngx_rd_zone_clear(memory);

    memory->count.entries_max = memory->nnodes;

    slab->data = memory;
    zone->memory = memory;

    return NGX_OK;
}


static void
ngx_rd_zone_clear(ngx_rd_zone_memory_t *memory)
{
    ngx_uint_t  i;

    ngx_queue_init(&memory->used);
    ngx_queue_init(&memory->free);

    for (i = 0; i < memory->nbuckets; i++) {
        ngx_queue_init(&memory->keys[i]);
        ngx_queue_init(&memory->aliases[i]);
    }

    for (i = 0; i < memory->nnodes; i++) {
        memory->nodes[i].len = 0;
        ngx_queue_insert_tail(&memory->free, &memory->nodes[i].by_age);
    }

    memory->count.entries = 0;
    memory->busy = 0;
}


ngx_uint_t
ngx_rd_zone_generation(ngx_rd_zone_t *zone)
{
    return zone->memory->generation;
}


ngx_rd_zone_way_t *
ngx_rd_zone_way(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key)
{
    ngx_queue_t  *bucket;

    bucket = ngx_rd_zone_bucket(zone, zone->memory->keys, kind, key);

    ngx_rd_zone_touch(bucket);

    return bucket;
}


/* No lock: what is read here may be gone already; it is only fetched. */

void
ngx_rd_zone_prefetch(const ngx_rd_zone_way_t *way)
{
    ngx_uint_t     i;
    const u_char  *node;

    /* the first of a bucket is mostly the only one */

    node = (const u_char *) ngx_queue_head(way);

    for (i = 0; i < NGX_RD_ZONE_LINES; i++) {
        ngx_rd_zone_touch(node + i * NGX_RD_ZONE_LINE_BYTES);
    }
}


size_t
ngx_rd_zone_get(ngx_rd_zone_t *zone, ngx_rd_zone_way_t *way,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value,
    ngx_msec_t *asked_ms)
{
    size_t                 len;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_memory_t  *memory;

    len = 0;
    memory = zone->memory;

    ngx_rd_zone_lock(zone);

    node = ngx_rd_zone_find(zone, way, kind, key);

    if (node) {
        len = node->len;
        *asked_ms = node->asked_ms;
        ngx_memcpy(value, node->value, len);

        /* mostly it is set, and what is not written need not be brought back */

        if (!node->used) {
            node->used = 1;
        }

        memory->count.hits++;

    } else {
        memory->count.misses++;
    }

    ngx_rd_zone_unlock(zone);

    return len;
}


void
ngx_rd_zone_put(ngx_rd_zone_t *zone, ngx_uint_t generation,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, const ngx_str_t *alias,
    const void *value, size_t len, ngx_msec_t asked_ms)
{
    ngx_queue_t           *bucket, *bucket_alias;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_memory_t  *memory;

    if (len == 0 || len > NGX_RD_ZONE_VALUE_BYTES_MAX
        || key->len > NGX_RD_ZONE_KEY_BYTES_MAX
        || alias->len > NGX_RD_ZONE_KEY_BYTES_MAX)
    {
        return;
    }

    memory = zone->memory;
    bucket = ngx_rd_zone_bucket(zone, memory->keys, kind, key);
    bucket_alias = ngx_rd_zone_bucket(zone, memory->aliases, kind, alias);

    ngx_rd_zone_lock(zone);

    if (memory->generation != generation) {
        ngx_rd_zone_unlock(zone);
        return;
    }

    node = ngx_rd_zone_find(zone, bucket, kind, key);

    if (node) {
        ngx_rd_zone_release(memory, node);
    }

    if (ngx_queue_empty(&memory->free)) {
        ngx_rd_zone_evict(memory);
    }

    node = ngx_queue_data(ngx_queue_head(&memory->free), ngx_rd_zone_node_t,
                          by_age);
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

    ngx_queue_insert_head(bucket, &node->by_key);
    ngx_queue_insert_head(bucket_alias, &node->by_alias);
    ngx_queue_insert_head(&memory->used, &node->by_age);

    memory->count.entries++;

    ngx_rd_zone_unlock(zone);
}


void
ngx_rd_zone_drop(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key)
{
    ngx_queue_t           *bucket;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    bucket = ngx_rd_zone_bucket(zone, memory->keys, kind, key);

    ngx_rd_zone_lock(zone);

    memory->generation++;
    node = ngx_rd_zone_find(zone, bucket, kind, key);

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
    ngx_queue_t           *bucket, *q, *next;
    ngx_rd_zone_node_t    *node;
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;
    bucket = ngx_rd_zone_bucket(zone, memory->aliases, kind, alias);

    ngx_rd_zone_lock(zone);

    memory->generation++;

    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket); q = next)
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
    ngx_rd_zone_lock(zone);

    *count = zone->memory->count;

    ngx_rd_zone_unlock(zone);
}


/* The mutex of a dead worker is opened by nginx, in the middle of things. */

static void
ngx_rd_zone_lock(ngx_rd_zone_t *zone)
{
    ngx_shmtx_lock(&zone->slab->mutex);

    if (zone->memory->busy) {
        zone->memory->generation++;
        ngx_rd_zone_clear(zone->memory);
    }

    zone->memory->busy = 1;
    ngx_memory_barrier();
}


static void
ngx_rd_zone_unlock(ngx_rd_zone_t *zone)
{
    ngx_memory_barrier();
    zone->memory->busy = 0;

    ngx_shmtx_unlock(&zone->slab->mutex);
}


static ngx_queue_t *
ngx_rd_zone_bucket(ngx_rd_zone_t *zone, ngx_queue_t *buckets,
    ngx_rd_zone_kind_e kind, const ngx_str_t *name)
{
    uint32_t  hash;

    hash = ngx_murmur_hash2(name->data, name->len) + kind * 0x9e3779b1;

    return &buckets[hash & (zone->memory->nbuckets - 1)];
}


static ngx_rd_zone_node_t *
ngx_rd_zone_find(ngx_rd_zone_t *zone, ngx_queue_t *bucket,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key)
{
    ngx_queue_t         *q;
    ngx_rd_zone_node_t  *node;

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_rd_zone_node_t, by_key);

        if (node->kind == kind && node->mark == zone->mark
            && node->key_len == key->len
            && ngx_memcmp(node->key, key->data, key->len) == 0)
        {
            return node;
        }
    }

    return NULL;
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
