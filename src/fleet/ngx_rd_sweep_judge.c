
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_removal.h"
#include "ngx_rd_sweep_judge.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_session.h"


/* containers judged in one call: a millisecond of Redis */
#define NGX_RD_SWEEP_JUDGE_CALL_MAX  250


static void ngx_rd_sweep_judge_next(ngx_rd_sweep_judge_t *judge);
static void ngx_rd_sweep_judge_judged(ngx_rd_redis_call_t *call);
static void ngx_rd_sweep_judge_mark(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *orphans);
static void ngx_rd_sweep_judge_in_use(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *in_use);

static void ngx_rd_sweep_judge_missing(ngx_rd_sweep_judge_t *judge);
static void ngx_rd_sweep_judge_missed(ngx_rd_redis_call_t *call);
static void ngx_rd_sweep_judge_end(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *ended);

static ngx_int_t ngx_rd_sweep_judge_counts(ngx_rd_redis_call_t *call);


void
ngx_rd_sweep_judge_start(ngx_rd_sweep_judge_t *judge)
{
    judge->judged = 0;
    judge->orphans = 0;
    judge->ended = 0;

    ngx_rd_sweep_judge_next(judge);
}


/* piece by piece: a host may have thousands of containers */

static void
ngx_rd_sweep_judge_next(ngx_rd_sweep_judge_t *judge)
{
    ngx_uint_t  n;

    n = ngx_min(judge->n - judge->judged, NGX_RD_SWEEP_JUDGE_CALL_MAX);

    if (ngx_rd_fleet_store_sweep_judge(judge->store,
                                       judge->host, judge->number,
                                       judge->began_ms,
                                       judge->list + judge->judged, n,
                                       judge->now_s, judge->judged == 0,
                                       ngx_rd_sweep_judge_judged, judge)
        == NULL)
    {
        judge->done(judge->owner, NGX_ERROR);
    }
}


static void
ngx_rd_sweep_judge_judged(ngx_rd_redis_call_t *call)
{
    ngx_rd_sweep_judge_t  *judge;

    judge = call->owner;

    if (ngx_rd_sweep_judge_counts(call) != NGX_OK) {
        return;
    }

    ngx_rd_sweep_judge_mark(judge, ngx_rd_redis_reply_at(call->reply, 1));
    ngx_rd_sweep_judge_in_use(judge, ngx_rd_redis_reply_at(call->reply, 2));

    judge->judged += ngx_min(judge->n - judge->judged,
                             NGX_RD_SWEEP_JUDGE_CALL_MAX);

    if (judge->judged < judge->n) {
        ngx_rd_sweep_judge_next(judge);
        return;
    }

    ngx_rd_sweep_judge_missing(judge);
}


/* both stand in the order of the list */

static void
ngx_rd_sweep_judge_mark(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *orphans)
{
    ngx_str_t   id;
    ngx_uint_t  i, k, n;

    k = 0;
    n = ngx_rd_redis_reply_count(orphans);

    for (i = judge->judged; i < judge->n && k < n; i++) {
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(orphans, k));

        if (ngx_rd_session_is(&id, judge->list[i].id)) {
            judge->marks[i] = NGX_RD_SWEEP_JUDGE_ORPHAN;
            judge->orphans++;
            k++;
        }
    }
}


static void
ngx_rd_sweep_judge_in_use(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *in_use)
{
    int64_t     tunnels;
    ngx_str_t   id;
    ngx_uint_t  i;

    for (i = 0; i + 1 < ngx_rd_redis_reply_count(in_use); i += 2) {
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(in_use, i));
        tunnels = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(in_use, i + 1), 0);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session %*s: its record is gone from Redis, but its "
                      "desktop on host %V is in use, tunnels:%L: it is removed "
                      "when they are closed, or in 15 minutes; does Redis "
                      "evict keys? maxmemory-policy must be noeviction",
                      (size_t) ngx_min(id.len, NGX_RD_SESSION_ID_SHORT),
                      id.data, judge->host, tunnels);
    }
}


static void
ngx_rd_sweep_judge_missing(ngx_rd_sweep_judge_t *judge)
{
    if (ngx_rd_fleet_store_sweep_missing(judge->store,
                                         judge->host, judge->number,
                                         judge->began_ms,
                                         ngx_rd_sweep_judge_missed, judge)
        == NULL)
    {
        judge->done(judge->owner, NGX_ERROR);
    }
}


static void
ngx_rd_sweep_judge_missed(ngx_rd_redis_call_t *call)
{
    ngx_rd_sweep_judge_t  *judge;

    judge = call->owner;

    if (ngx_rd_sweep_judge_counts(call) != NGX_OK) {
        return;
    }

    ngx_rd_sweep_judge_end(judge, ngx_rd_redis_reply_at(call->reply, 2));

    if (ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 1), 0)) {
        ngx_rd_sweep_judge_missing(judge);
        return;
    }

    judge->done(judge->owner, NGX_OK);
}


static void
ngx_rd_sweep_judge_end(ngx_rd_sweep_judge_t *judge,
    const ngx_rd_redis_reply_t *ended)
{
    int64_t                      epoch;
    ngx_str_t                    id, host, container;
    ngx_uint_t                   i;
    const ngx_rd_redis_reply_t  *stop;

    for (i = 0; i < ngx_rd_redis_reply_count(ended); i++) {
        stop = ngx_rd_redis_reply_at(ended, i);

        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(stop, 0));
        host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(stop, 1));
        container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(stop, 2));
        epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(stop, 3), -1);

        if (id.len != NGX_RD_SESSION_ID_BYTES || epoch < 0) {
            continue;
        }

        if (judge->ended++ < NGX_RD_FLEET_STORE_TELL_MAX) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "rd session %*s: its container is gone from host %V",
                          NGX_RD_SESSION_ID_SHORT, id.data,
                          judge->host);
        }

        ngx_rd_removal_end(&id, &host, &container, epoch);
    }
}


/* NGX_DECLINED: a later sweep has been begun, or Redis is away; this is over */

static ngx_int_t
ngx_rd_sweep_judge_counts(ngx_rd_redis_call_t *call)
{
    ngx_rd_sweep_judge_t  *judge;

    judge = call->owner;

    if (call->error == NGX_RD_ERR_NONE
        && ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0), 0)
           == 1)
    {
        return NGX_OK;
    }

    judge->done(judge->owner, NGX_ERROR);

    return NGX_DECLINED;
}
