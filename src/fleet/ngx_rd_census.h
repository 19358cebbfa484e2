
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_CENSUS_H_INCLUDED_
#define _NGX_RD_CENSUS_H_INCLUDED_


#include "ngx_rd_host.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_store.h"


/* How many sessions there are, and how the hosts are: a look at Redis. */

typedef struct {
    int64_t     queued;
    int64_t     creating;
    int64_t     starting;
    int64_t     ready;
    int64_t     stopping;
} ngx_rd_census_t;


typedef struct {
    ngx_str_t   health;             /* "up"; borrowed from the reply */
    ngx_str_t   mode;               /* "active" */
    int64_t     sessions;
    int64_t     swept_ms;           /* 0: never */
} ngx_rd_census_host_t;


/* Event loop.  Like ngx_rd_redis_call_start(). */
ngx_rd_redis_call_t  *ngx_rd_census_start(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_rd_redis_done_pt done, void *owner);

/* NGX_ERROR: the reply is not the one of census.lua */
ngx_int_t  ngx_rd_census_read(ngx_rd_census_t *census,
    const ngx_rd_fleet_t *fleet, const ngx_rd_redis_reply_t *reply);

/* of the host of this number in the fleet */
void  ngx_rd_census_read_host(ngx_rd_census_host_t *host, ngx_uint_t i,
    const ngx_rd_redis_reply_t *reply);


#endif /* _NGX_RD_CENSUS_H_INCLUDED_ */
