
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_lease.h"
#include "ngx_rd_removal.h"
#include "ngx_rd_tick.h"
#include "../base/ngx_rd_settings.h"
#include "../work/ngx_rd_job.h"


#define NGX_RD_TICK_MS        1000      /* expiry acts within this */
#define NGX_RD_TICK_MAX       64        /* of each kind, each time */


typedef struct {
    ngx_rd_tick_conf_t     conf;
    ngx_str_t              container_prefix;
    u_char                 prefix_buf[64];

    ngx_event_t            timer;
    ngx_rd_redis_call_t   *tick;
    ngx_rd_redis_call_t   *dispatch;
    unsigned               again:1;     /* asked for while one was under way */
} ngx_rd_tick_t;


static void ngx_rd_tick_handler(ngx_event_t *ev);
static void ngx_rd_tick_done(ngx_rd_redis_call_t *call);

static void ngx_rd_tick_dispatch_done(ngx_rd_redis_call_t *call);
static ngx_uint_t ngx_rd_tick_place(const ngx_rd_redis_reply_t *list);


static ngx_rd_tick_t  ngx_rd_tick;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_tick_dumb = { .fd = (ngx_socket_t) -1 };


ngx_int_t
ngx_rd_tick_init(const ngx_rd_tick_conf_t *conf)
{
    u_char  *p;

    ngx_rd_tick.conf = *conf;

    p = ngx_snprintf(ngx_rd_tick.prefix_buf, sizeof(ngx_rd_tick.prefix_buf),
                     "rd-%V-", &conf->site);
    ngx_rd_tick.container_prefix.data = ngx_rd_tick.prefix_buf;
    ngx_rd_tick.container_prefix.len = p - ngx_rd_tick.prefix_buf;

    ngx_rd_tick.timer.handler = ngx_rd_tick_handler;
    ngx_rd_tick.timer.log = ngx_cycle->log;
    ngx_rd_tick.timer.data = &ngx_rd_tick_dumb;
    ngx_rd_tick.timer.cancelable = 1;
    ngx_add_timer(&ngx_rd_tick.timer, NGX_RD_TICK_MS);

    return NGX_OK;
}


void
ngx_rd_tick_exit(void)
{
    if (ngx_rd_tick.tick) {
        ngx_rd_redis_call_cancel(ngx_rd_tick.tick);
        ngx_rd_tick.tick = NULL;
    }

    if (ngx_rd_tick.dispatch) {
        ngx_rd_redis_call_cancel(ngx_rd_tick.dispatch);
        ngx_rd_tick.dispatch = NULL;
    }

    if (ngx_rd_tick.timer.timer_set) {
        ngx_del_timer(&ngx_rd_tick.timer);
    }
}


void
ngx_rd_tick_dispatch(void)
{
    ngx_uint_t           jobs;
    ngx_rd_tick_conf_t  *conf;

    conf = &ngx_rd_tick.conf;

    if (ngx_rd_tick.dispatch) {
        ngx_rd_tick.again = 1;
        return;
    }

    /* a worker that leaves takes nothing more; the others do */

    jobs = ngx_rd_job_count();

    if (ngx_exiting || jobs >= conf->jobs_max) {
        return;
    }

    ngx_rd_tick.dispatch =
        ngx_rd_store_dispatch(conf->store, &conf->driver, NGX_RD_LEASE_MS,
                              ngx_min(conf->jobs_max - jobs, NGX_RD_TICK_MAX),
                              &ngx_rd_tick.container_prefix,
                              conf->settings->memory_bytes,
                              conf->settings->nano_cpus
                              / conf->settings->cpu_overcommit,
                              conf->fleet->places, conf->fleet->n,
                              ngx_rd_tick_dispatch_done, NULL);
}


static void
ngx_rd_tick_handler(ngx_event_t *ev)
{
    ngx_rd_tick_conf_t  *conf;

    conf = &ngx_rd_tick.conf;

    if (ngx_exiting) {
        return;
    }

    if (ngx_rd_tick.tick == NULL && ngx_rd_redis_ready(conf->store->redis)) {
        ngx_rd_tick.tick = ngx_rd_store_tick(conf->store, &conf->driver,
                                             NGX_RD_LEASE_MS,
                                             NGX_RD_TICK_MAX,
                                             conf->queue_timeout_ms,
                                             ngx_rd_tick_done, NULL);
    }

    ngx_add_timer(ev, NGX_RD_TICK_MS);
}


static void
ngx_rd_tick_done(ngx_rd_redis_call_t *call)
{
    int64_t                      waiting;
    ngx_uint_t                   i;
    const ngx_rd_redis_reply_t  *ends;

    ngx_rd_tick.tick = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        return;                             /* asked again in a second */
    }

    waiting = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                         0);
    ends = ngx_rd_redis_reply_at(call->reply, 2);

    for (i = 0; i < ngx_rd_redis_reply_count(ends); i++) {
        ngx_rd_removal_end_item(ngx_rd_redis_reply_at(ends, i));
    }

    (void) ngx_rd_tick_place(ngx_rd_redis_reply_at(call->reply, 1));

    if (waiting > 0) {
        ngx_rd_tick_dispatch();
    }
}


static void
ngx_rd_tick_dispatch_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t  n, again;

    ngx_rd_tick.dispatch = NULL;
    again = ngx_rd_tick.again;
    ngx_rd_tick.again = 0;

    if (call->error != NGX_RD_ERR_NONE) {
        return;                             /* the tick sees that they wait */
    }

    n = ngx_rd_tick_place(call->reply);

    if (again || n == NGX_RD_TICK_MAX) {
        ngx_rd_tick_dispatch();
    }
}


static ngx_uint_t
ngx_rd_tick_place(const ngx_rd_redis_reply_t *list)
{
    ngx_uint_t          i, n;
    ngx_rd_placement_t  placement;

    n = ngx_rd_redis_reply_count(list);

    for (i = 0; i < n; i++) {

        if (ngx_rd_placement_read(&placement, ngx_rd_redis_reply_at(list, i))
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "rd tick: a placement makes no sense");
            continue;
        }

        ngx_rd_tick.conf.placed(&placement);
    }

    return n;
}
