
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ZONE_H_INCLUDED_
#define _NGX_RD_ZONE_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * What was read from Redis, kept in memory that all workers share.  Entries
 * have one size and are found by a key or by an alias (several may share
 * one); when there is no free one the oldest goes.  Nothing here can fail,
 * and all of it can be read again: a worker that dies inside leaves an empty
 * zone behind.  Event loop; no function holds the zone's mutex for longer than
 * a short look, and most looks do without.
 */

#define NGX_RD_ZONE_KEY_BYTES_MAX    40
#define NGX_RD_ZONE_VALUE_BYTES_MAX  480
#define NGX_RD_ZONE_BYTES_MIN        (64 * 1024)

/* of a key and its value are had sooner than the rest */
#define NGX_RD_ZONE_NEAR_BYTES       106


typedef struct ngx_rd_zone_s       ngx_rd_zone_t;
typedef struct ngx_rd_zone_node_s  ngx_rd_zone_way_t;  /* to be passed on */


typedef enum {
    NGX_RD_ZONE_IDENTITY = 1,       /* key: sid; alias: user */
    NGX_RD_ZONE_SESSION             /* key: owner's 8 bytes; alias: session */
} ngx_rd_zone_kind_e;


typedef struct {
    uint64_t    hits;
    uint64_t    misses;
    uint64_t    evictions;
    uint64_t    drops;              /* because something changed */
    ngx_uint_t  entries;
    ngx_uint_t  entries_max;
} ngx_rd_zone_count_t;


/* Configuration time.  NULL: said why. */
ngx_rd_zone_t  *ngx_rd_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag);

/*
 * Entries are seen only under the mark they were put with, so that after a
 * reload nothing counts that another key or another server vouched for.
 */
void  ngx_rd_zone_mark(ngx_rd_zone_t *zone, uint64_t mark);


/*
 * Rises with every drop and flush of any worker.  Who reads from Redis takes
 * it before, and what he puts with an old one is not kept.
 */
ngx_uint_t  ngx_rd_zone_generation(ngx_rd_zone_t *zone);

/*
 * The way to the entry of a key, whether or not there is one; good for as long
 * as the zone.  The processor fetches what is there while something else is
 * done: most of what a look costs is waiting for memory.
 */
ngx_rd_zone_way_t  *ngx_rd_zone_way(ngx_rd_zone_t *zone,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key);

/*
 * Copies the first size bytes of a value, or as many as it has; its length, or
 * 0 when there is none.  asked_ms is as it was put.  way is that of the key.
 */
size_t  ngx_rd_zone_get(ngx_rd_zone_t *zone, ngx_rd_zone_way_t *way,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, void *value, size_t size,
    ngx_msec_t *asked_ms);

/*
 * asked_ms is ngx_current_msec from when Redis was asked.  alias may be empty.
 * What is too long is not kept.
 */
void  ngx_rd_zone_put(ngx_rd_zone_t *zone, ngx_uint_t generation,
    ngx_rd_zone_kind_e kind, const ngx_str_t *key, const ngx_str_t *alias,
    const void *value, size_t len, ngx_msec_t asked_ms);


void  ngx_rd_zone_drop(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *key);
void  ngx_rd_zone_drop_alias(ngx_rd_zone_t *zone, ngx_rd_zone_kind_e kind,
    const ngx_str_t *alias);
void  ngx_rd_zone_flush(ngx_rd_zone_t *zone);


void  ngx_rd_zone_count(ngx_rd_zone_t *zone, ngx_rd_zone_count_t *count);


#endif /* _NGX_RD_ZONE_H_INCLUDED_ */
