
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_reconcile.h"
#include "ngx_rd_removal.h"
#include "../redis/ngx_rd_redis_reply.h"


/* between two calls */
#define NGX_RD_RECONCILE_MS_MIN   50
#define NGX_RD_RECONCILE_MS_MAX   5000
#define NGX_RD_RECONCILE_AWAY_MS  1000      /* Redis is unreachable */


typedef struct {
    ngx_rd_reconcile_conf_t   conf;
    ngx_event_t               timer;
    ngx_rd_redis_call_t      *call;
} ngx_rd_reconcile_t;


static void ngx_rd_reconcile_handler(ngx_event_t *ev);
static void ngx_rd_reconcile_done(ngx_rd_redis_call_t *call);


static ngx_rd_reconcile_t  ngx_rd_reconcile;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_reconcile_dumb = { .fd = (ngx_socket_t) -1 };


void
ngx_rd_reconcile_init(const ngx_rd_reconcile_conf_t *conf)
{
    ngx_rd_reconcile.conf = *conf;

    ngx_rd_reconcile.timer.handler = ngx_rd_reconcile_handler;
    ngx_rd_reconcile.timer.log = ngx_cycle->log;
    ngx_rd_reconcile.timer.data = &ngx_rd_reconcile_dumb;
    ngx_rd_reconcile.timer.cancelable = 1;
    ngx_add_timer(&ngx_rd_reconcile.timer, NGX_RD_RECONCILE_AWAY_MS);
}


void
ngx_rd_reconcile_exit(void)
{
    if (ngx_rd_reconcile.call) {
        ngx_rd_redis_call_cancel(ngx_rd_reconcile.call);
        ngx_rd_reconcile.call = NULL;
    }

    if (ngx_rd_reconcile.timer.timer_set) {
        ngx_del_timer(&ngx_rd_reconcile.timer);
    }
}


static void
ngx_rd_reconcile_handler(ngx_event_t *ev)
{
    ngx_rd_reconcile_conf_t  *conf;

    conf = &ngx_rd_reconcile.conf;

    if (ngx_exiting) {
        return;
    }

    if (ngx_rd_redis_ready(conf->store->redis)) {
        ngx_rd_reconcile.call =
            ngx_rd_fleet_store_reconcile(conf->store, conf->fleet,
                                         conf->interval_ms,
                                         ngx_rd_reconcile_done, NULL);
    }

    if (ngx_rd_reconcile.call == NULL) {
        ngx_add_timer(ev, NGX_RD_RECONCILE_AWAY_MS);
    }
}


static void
ngx_rd_reconcile_done(ngx_rd_redis_call_t *call)
{
    int64_t                      removed, repaired, wait_ms;
    ngx_uint_t                   i;
    const ngx_rd_redis_reply_t  *ends;

    ngx_rd_reconcile.call = NULL;
    wait_ms = NGX_RD_RECONCILE_AWAY_MS;

    if (call->error == NGX_RD_ERR_NONE) {
        wait_ms = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 0), 0);
        removed = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 1), 0);
        repaired = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 2), 0);
        ends = ngx_rd_redis_reply_at(call->reply, 3);

        for (i = 0; i < ngx_rd_redis_reply_count(ends); i++) {
            ngx_rd_removal_end_item(ngx_rd_redis_reply_at(ends, i));
        }

        if (removed || repaired) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "rd fleet: keys were missing in Redis: entries "
                          "without a session removed:%L sessions repaired:%L; "
                          "does somebody delete keys, or Redis evict them? "
                          "maxmemory-policy must be noeviction",
                          removed, repaired);
        }

        wait_ms = ngx_min(wait_ms, NGX_RD_RECONCILE_MS_MAX);
        wait_ms = ngx_max(wait_ms, NGX_RD_RECONCILE_MS_MIN);
    }

    if (!ngx_exiting) {
        ngx_add_timer(&ngx_rd_reconcile.timer, (ngx_msec_t) wait_ms);
    }
}
