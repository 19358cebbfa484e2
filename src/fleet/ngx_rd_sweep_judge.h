
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SWEEP_JUDGE_H_INCLUDED_
#define _NGX_RD_SWEEP_JUDGE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_docker_json.h"
#include "../session/ngx_rd_store.h"


#define NGX_RD_SWEEP_JUDGE_ORPHAN  1


/* rc: NGX_OK, or NGX_ERROR: Redis is away or a later sweep has been begun */

typedef void (*ngx_rd_sweep_judge_done_pt)(void *owner, ngx_int_t rc);


/*
 * The list of a host compared with Redis, in pieces: which containers are
 * orphans (sweep_judge.lua), which sessions have lost theirs
 * (sweep_missing.lua); the latter are ended.  Event loop.  The caller fills the
 * first fields and keeps all they point to until done was called, once; that
 * may be before _start returns.
 */

typedef struct {
    ngx_rd_store_t                        *store;
    const ngx_str_t                       *host;
    int64_t                                number;      /* of the sweep */
    int64_t                                began_ms;    /* by Redis' clock */
    const ngx_rd_docker_json_container_t  *list;
    ngx_uint_t                             n;
    int64_t                                now_s;       /* the engine's clock */
    u_char                                *marks;       /* one for each of list,
                                                           set for an orphan */
    ngx_rd_sweep_judge_done_pt             done;
    void                                  *owner;

    ngx_uint_t                             judged;      /* so many of list */
    ngx_uint_t                             orphans;
    ngx_uint_t                             ended;       /* sessions */
} ngx_rd_sweep_judge_t;


void  ngx_rd_sweep_judge_start(ngx_rd_sweep_judge_t *judge);


#endif /* _NGX_RD_SWEEP_JUDGE_H_INCLUDED_ */
