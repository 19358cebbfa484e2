
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ZONE_MEMORY_H_INCLUDED_
#define _NGX_RD_ZONE_MEMORY_H_INCLUDED_


#include "ngx_rd_zone.h"


/* How ngx_rd_zone.c keeps it; nobody else's. */

#define NGX_RD_ZONE_LINE_BYTES  64      /* of the processor's caches */
#define NGX_RD_ZONE_NPLACES     4       /* beside each other; a power of two */
#define NGX_RD_ZONE_NHITS       8


/*
 * Most of what a look costs is waiting for memory.  So the hash of a key says
 * where its node is: its home, when that is free as the entry comes, or one
 * beside it; else any free node, found by the list that begins at the home.  A
 * node is what a look needs mostly, and no more, so that the memory of many is
 * small; the rest of it stands elsewhere, at the same place of another array.
 */

struct ngx_rd_zone_node_s {
    uint64_t            mark;
    ngx_msec_t          asked_ms;

    uint16_t            len;        /* of the value; 0: free */
    u_char              kind;
    u_char              used;       /* since somebody last looked for room */
    u_char              key_len;
    u_char              alias_len;
    u_char              near[NGX_RD_ZONE_NEAR_BYTES];
                                    /* the key, then the value begins */
} __attribute__((aligned(NGX_RD_ZONE_LINE_BYTES)));

typedef struct ngx_rd_zone_node_s  ngx_rd_zone_node_t;


typedef struct {
    ngx_queue_t         by_key;     /* in a list of keys */
    ngx_queue_t         by_alias;   /* in one of aliases */
    ngx_queue_t         by_age;     /* in use or free */

    ngx_queue_t         keys;       /* entries whose home this is */
    ngx_queue_t         aliases;    /* the same of their aliases */

    u_char              alias[NGX_RD_ZONE_KEY_BYTES_MAX];
    u_char              far[NGX_RD_ZONE_VALUE_BYTES_MAX];
                                    /* the value goes on */
} ngx_rd_zone_rest_t;


typedef struct {
    ngx_atomic_t        n;
} __attribute__((aligned(NGX_RD_ZONE_LINE_BYTES))) ngx_rd_zone_hits_t;


/* in shared memory, followed by the nodes and the rest of them */

typedef struct {
    ngx_atomic_t        version;    /* rises before a change and after it */
    ngx_atomic_t        generation;

    ngx_queue_t         used;       /* the newest first, but see _evict() */
    ngx_queue_t         free;

    ngx_uint_t          nnodes;
    ngx_rd_zone_node_t *nodes;
    ngx_rd_zone_rest_t *rests;      /* as many */

    ngx_rd_zone_count_t count;      /* its hits stand below */
    ngx_rd_zone_hits_t  hits[NGX_RD_ZONE_NHITS];
} ngx_rd_zone_memory_t;


#define ngx_rd_zone_rest(memory, node)                                        \
    (&(memory)->rests[(node) - (memory)->nodes])

#define ngx_rd_zone_node(memory, rest)                                        \
    (&(memory)->nodes[(rest) - (memory)->rests])

/* the first place of an entry is its home, the others stand beside it */
#define ngx_rd_zone_place(memory, home, i)                                    \
    (&(memory)->nodes[((home) - (memory)->nodes) ^ (ptrdiff_t) (i)])

/* by somebody who is at it, or has died at it */
#define ngx_rd_zone_is_written(version)  ((version) & 1)


struct ngx_rd_zone_s {
    ngx_shm_zone_t        *shm_zone;
    ngx_slab_pool_t       *slab;    /* only its mutex is used later on */
    ngx_rd_zone_memory_t  *memory;
    uint64_t               mark;
};


/*
 * Configuration time; data is the same zone in the configuration before a
 * reload.
 */
ngx_int_t  ngx_rd_zone_memory_init(ngx_shm_zone_t *shm_zone, void *data);

/* with the mutex: nothing is kept any more; O(entries), rare */
void  ngx_rd_zone_memory_clear(ngx_rd_zone_memory_t *memory);

/* The mutex, for one short change or look; the version rises with both. */
void  ngx_rd_zone_memory_lock(ngx_rd_zone_t *zone);
void  ngx_rd_zone_memory_unlock(ngx_rd_zone_t *zone);


#endif /* _NGX_RD_ZONE_MEMORY_H_INCLUDED_ */
