
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_sweep_due.h"
#include "../base/ngx_rd_error.h"
#include "../redis/ngx_rd_redis_reply.h"


/* between two looks for what is due */
#define NGX_RD_SWEEP_LOOK_MS_MIN      50
#define NGX_RD_SWEEP_LOOK_MS_MAX      5000
#define NGX_RD_SWEEP_AWAY_MS          1000

/* forced by gates that could not connect */
#define NGX_RD_SWEEP_FORCE_CALLS_MAX  8         /* under way, of a worker */
#define NGX_RD_SWEEP_FORCE_PAUSE_MS   2000      /* between sweeps of a host */
#define NGX_RD_SWEEP_FORCE_ONCE_MS    10000     /* by one session */


typedef struct {
    const ngx_rd_sweep_conf_t       *conf;

    ngx_event_t                      look;
    ngx_rd_redis_call_t             *call;

    ngx_msec_t                       forced_ms;     /* a look by then */
    ngx_uint_t                       forcing;       /* calls under way */
    unsigned                         forced:1;
} ngx_rd_sweep_due_t;


static void ngx_rd_sweep_due_look_handler(ngx_event_t *ev);
static void ngx_rd_sweep_due_look_done(ngx_rd_redis_call_t *call);
static void ngx_rd_sweep_due_look_after(ngx_msec_t wait_ms);
static void ngx_rd_sweep_due_forced(ngx_rd_redis_call_t *call);


static ngx_rd_sweep_due_t  ngx_rd_sweep_due;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_sweep_due_dumb = { .fd = (ngx_socket_t) -1 };


void
ngx_rd_sweep_due_init(const ngx_rd_sweep_conf_t *conf)
{
    ngx_rd_sweep_due.conf = conf;

    ngx_rd_sweep_due.look.handler = ngx_rd_sweep_due_look_handler;
    ngx_rd_sweep_due.look.log = ngx_cycle->log;
    ngx_rd_sweep_due.look.data = &ngx_rd_sweep_due_dumb;
    ngx_rd_sweep_due.look.cancelable = 1;
    ngx_add_timer(&ngx_rd_sweep_due.look, NGX_RD_SWEEP_AWAY_MS);
}


void
ngx_rd_sweep_due_exit(void)
{
    if (ngx_rd_sweep_due.call) {
        ngx_rd_redis_call_cancel(ngx_rd_sweep_due.call);
        ngx_rd_sweep_due.call = NULL;
    }

    if (ngx_rd_sweep_due.look.timer_set) {
        ngx_del_timer(&ngx_rd_sweep_due.look);
    }
}


static void
ngx_rd_sweep_due_look_handler(ngx_event_t *ev)
{
    ngx_uint_t                  room;
    const ngx_rd_sweep_conf_t  *conf;

    if (ngx_exiting) {
        return;
    }

    ngx_rd_sweep_due.forced = 0;

    conf = ngx_rd_sweep_due.conf;
    room = ngx_rd_sweep_room();

    if (room && ngx_rd_redis_ready(conf->store->redis)) {
        ngx_rd_sweep_due.call =
            ngx_rd_fleet_store_sweep_due(conf->store, conf->fleet,
                                         conf->interval_ms, room,
                                         ngx_rd_sweep_due_look_done, NULL);
    }

    if (ngx_rd_sweep_due.call == NULL) {
        ngx_add_timer(ev, NGX_RD_SWEEP_AWAY_MS);
    }
}


static void
ngx_rd_sweep_due_look_done(ngx_rd_redis_call_t *call)
{
    int64_t                      began_ms, number, wait_ms;
    ngx_str_t                    name;
    ngx_uint_t                   i, n;
    const ngx_rd_redis_reply_t  *due;

    ngx_rd_sweep_due.call = NULL;
    wait_ms = NGX_RD_SWEEP_AWAY_MS;

    if (call->error == NGX_RD_ERR_NONE) {
        n = ngx_rd_redis_reply_count(call->reply);
        began_ms = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 1), 0);

        for (i = 2; i < n && !ngx_exiting; i++) {
            due = ngx_rd_redis_reply_at(call->reply, i);

            name = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(due, 0));
            number = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(due, 1),
                                                0);

            ngx_rd_sweep_begin(&name, number, began_ms);
        }

        wait_ms = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 0), 0);
        wait_ms = ngx_min(wait_ms, NGX_RD_SWEEP_LOOK_MS_MAX);
        wait_ms = ngx_min(wait_ms,
                          (int64_t) ngx_rd_sweep_due.conf->interval_ms);
        wait_ms = ngx_max(wait_ms, NGX_RD_SWEEP_LOOK_MS_MIN);
    }

    ngx_rd_sweep_due_look_after((ngx_msec_t) wait_ms);
}


/* a look that was forced while the last one ran is not forgotten */

static void
ngx_rd_sweep_due_look_after(ngx_msec_t wait_ms)
{
    ngx_msec_int_t  forced_ms;

    if (ngx_exiting) {
        return;
    }

    if (ngx_rd_sweep_due.forced) {
        forced_ms = (ngx_msec_int_t) (ngx_rd_sweep_due.forced_ms
                                      - ngx_current_msec);
        forced_ms = ngx_max(forced_ms, 1);
        wait_ms = ngx_min(wait_ms, (ngx_msec_t) forced_ms);
    }

    ngx_add_timer(&ngx_rd_sweep_due.look, wait_ms);
}


void
ngx_rd_sweep_due_force(uint64_t owner)
{
    if (ngx_exiting || ngx_rd_sweep_due.conf == NULL
        || ngx_rd_sweep_due.forcing == NGX_RD_SWEEP_FORCE_CALLS_MAX
        || !ngx_rd_redis_ready(ngx_rd_sweep_due.conf->store->redis))
    {
        return;
    }

    ngx_rd_sweep_due.forcing++;

    if (ngx_rd_fleet_store_sweep_force(ngx_rd_sweep_due.conf->store, owner,
                                       NGX_RD_SWEEP_FORCE_PAUSE_MS,
                                       NGX_RD_SWEEP_FORCE_ONCE_MS,
                                       ngx_rd_sweep_due_forced, NULL)
        == NULL)
    {
        ngx_rd_sweep_due.forcing--;
    }
}


static void
ngx_rd_sweep_due_forced(ngx_rd_redis_call_t *call)
{
    int64_t     wait_ms;
    ngx_msec_t  by_ms;

    ngx_rd_sweep_due.forcing--;

    wait_ms = call->error == NGX_RD_ERR_NONE
              ? ngx_rd_redis_reply_integer(call->reply, -1) : -1;

    if (wait_ms < 0 || wait_ms > (int64_t) ngx_rd_sweep_due.conf->interval_ms
        || ngx_exiting)
    {
        return;
    }

    by_ms = ngx_current_msec + (ngx_msec_t) wait_ms;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd sweep: forced by a gate, due in %L ms", wait_ms);

    if (!ngx_rd_sweep_due.forced
        || (ngx_msec_int_t) (by_ms - ngx_rd_sweep_due.forced_ms) < 0)
    {
        ngx_rd_sweep_due.forced = 1;
        ngx_rd_sweep_due.forced_ms = by_ms;
    }

    if (ngx_rd_sweep_due.look.timer_set
        && (ngx_msec_int_t) (ngx_rd_sweep_due.look.timer.key
                             - ngx_rd_sweep_due.forced_ms) > 0)
    {
        ngx_del_timer(&ngx_rd_sweep_due.look);
        ngx_rd_sweep_due_look_after(NGX_RD_SWEEP_LOOK_MS_MAX);
    }
}
