
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_census.h"
#include "ngx_rd_redis_lua.h"
#include "../redis/ngx_rd_redis_script.h"


/* what census.lua answers: numbers of sessions, then so many for each host */
#define NGX_RD_CENSUS_STATES  5
#define NGX_RD_CENSUS_FIELDS  4


static int64_t ngx_rd_census_number(const ngx_rd_redis_reply_t *reply,
    ngx_uint_t i);


ngx_rd_redis_call_t *
ngx_rd_census_start(ngx_rd_store_t *store, const ngx_rd_fleet_t *fleet,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_str_t            *argv;
    ngx_uint_t            i;
    ngx_rd_redis_call_t  *call;

    argv = ngx_alloc((1 + fleet->n) * sizeof(ngx_str_t), ngx_cycle->log);
    if (argv == NULL) {
        return NULL;
    }

    argv[0] = store->prefix;

    for (i = 0; i < fleet->n; i++) {
        argv[1 + i] = fleet->hosts[i].name;
    }

    call = ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_census, 1,
                                     1 + fleet->n, argv, done, owner);
    ngx_free(argv);

    return call;
}


ngx_int_t
ngx_rd_census_read(ngx_rd_census_t *census, const ngx_rd_fleet_t *fleet,
    const ngx_rd_redis_reply_t *reply)
{
    if (ngx_rd_redis_reply_count(reply)
        != NGX_RD_CENSUS_STATES + fleet->n * NGX_RD_CENSUS_FIELDS)
    {
        return NGX_ERROR;
    }

    census->queued = ngx_rd_census_number(reply, 0);
    census->creating = ngx_rd_census_number(reply, 1);
    census->starting = ngx_rd_census_number(reply, 2);
    census->ready = ngx_rd_census_number(reply, 3);
    census->stopping = ngx_rd_census_number(reply, 4);

    return NGX_OK;
}


void
ngx_rd_census_read_host(ngx_rd_census_host_t *host, ngx_uint_t i,
    const ngx_rd_redis_reply_t *reply)
{
    i = NGX_RD_CENSUS_STATES + i * NGX_RD_CENSUS_FIELDS;

    host->health = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, i));
    host->mode = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, i + 1));
    host->sessions = ngx_rd_census_number(reply, i + 2);
    host->swept_ms = ngx_rd_census_number(reply, i + 3);
}


static int64_t
ngx_rd_census_number(const ngx_rd_redis_reply_t *reply, ngx_uint_t i)
{
    return ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, i), 0);
}
