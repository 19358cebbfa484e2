
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_closing.h"
#include "ngx_rd_removal.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../work/ngx_rd_job.h"


#define NGX_RD_CLOSING_LOOK_MS   200        /* is it time? */
#define NGX_RD_CLOSING_AT_ONCE   32         /* sessions, each time */


typedef struct {
    ngx_rd_closing_conf_t   conf;
    ngx_atomic_t           *reloads;        /* shared memory */
    ngx_atomic_uint_t       mine;           /* what it was when we began */

    ngx_event_t             timer;
    ngx_rd_redis_call_t    *call;
    ngx_msec_t              until;          /* set when the end has begun */
    unsigned                empty:1;        /* Redis has no more to end */
} ngx_rd_closing_t;


static ngx_int_t ngx_rd_closing_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_uint_t ngx_rd_closing_replaced(void);
static void ngx_rd_closing_handler(ngx_event_t *ev);
static void ngx_rd_closing_done(ngx_rd_redis_call_t *call);


static ngx_rd_closing_t  ngx_rd_closing;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_closing_dumb = { .fd = (ngx_socket_t) -1 };


ngx_int_t
ngx_rd_closing_zone(ngx_conf_t *cf, void *tag)
{
    ngx_str_t        name = ngx_string("rd_closing");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_rd_closing_zone_init;

    return NGX_OK;
}


void
ngx_rd_closing_init(const ngx_rd_closing_conf_t *conf)
{
    ngx_rd_closing.conf = *conf;

    if (conf->bound_ms == 0) {
        return;
    }

    ngx_rd_closing.mine = *ngx_rd_closing.reloads;

    ngx_rd_closing.timer.handler = ngx_rd_closing_handler;
    ngx_rd_closing.timer.log = ngx_cycle->log;
    ngx_rd_closing.timer.data = &ngx_rd_closing_dumb;

    /* not cancelable: the worker has to live until it looks */
    ngx_add_timer(&ngx_rd_closing.timer, NGX_RD_CLOSING_LOOK_MS);
}


void
ngx_rd_closing_exit(void)
{
    if (ngx_rd_closing.call) {
        ngx_rd_redis_call_cancel(ngx_rd_closing.call);
        ngx_rd_closing.call = NULL;
    }

    if (ngx_rd_closing.timer.timer_set) {
        ngx_del_timer(&ngx_rd_closing.timer);
    }
}


/* called in the master for each configuration that comes into force */

static ngx_int_t
ngx_rd_closing_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    if (data) {
        zone->data = data;

    } else {
        pool = (ngx_slab_pool_t *) zone->shm.addr;

        zone->data = ngx_slab_calloc(pool, sizeof(ngx_atomic_t));
        if (zone->data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_rd_closing.reloads = zone->data;
    (void) ngx_atomic_fetch_add(ngx_rd_closing.reloads, 1);

    return NGX_OK;
}


ngx_msec_t
ngx_rd_closing_left_ms(void)
{
    ngx_rd_closing_t  *c;

    c = &ngx_rd_closing;

    if (!ngx_exiting) {
        return NGX_TIMER_INFINITE;
    }

    if (c->conf.bound_ms == 0 || ngx_rd_closing_replaced()) {
        return 0;
    }

    if (c->until == 0) {
        return c->conf.bound_ms;
    }

    return ((ngx_msec_int_t) (c->until - ngx_current_msec) > 0)
           ? c->until - ngx_current_msec : 0;
}


static ngx_uint_t
ngx_rd_closing_replaced(void)
{
    ngx_core_conf_t  *ccf;

    if (*ngx_rd_closing.reloads != ngx_rd_closing.mine) {
        return 1;                           /* a reload */
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    /* during an upgrade the old master's pid file has this name */

    return access((char *) ccf->oldpid.data, F_OK) == 0;
}


static void
ngx_rd_closing_handler(ngx_event_t *ev)
{
    ngx_rd_closing_t  *c;

    c = &ngx_rd_closing;

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_RD_CLOSING_LOOK_MS);
        return;
    }

    if (c->until == 0) {

        if (ngx_rd_closing_replaced()) {
            return;
        }

        c->until = ngx_current_msec + c->conf.bound_ms;

        ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                      "rd fleet: nginx stops, sessions are ended");
    }

    if ((ngx_msec_int_t) (c->until - ngx_current_msec) <= 0) {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                      "rd fleet: not all sessions could be ended in time, "
                      "jobs:%ui", ngx_rd_job_count());
        return;
    }

    if (c->call == NULL && !c->empty) {
        c->call = ngx_rd_store_close(c->conf.store, NGX_RD_CLOSING_AT_ONCE,
                                     ngx_rd_closing_done, NULL);
    }

    if (!c->empty || ngx_rd_job_count()) {
        ngx_add_timer(ev, NGX_RD_CLOSING_LOOK_MS);
    }
}


static void
ngx_rd_closing_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t  i, n;

    ngx_rd_closing.call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        return;                             /* asked again, until the bound */
    }

    n = ngx_rd_redis_reply_count(call->reply);
    ngx_rd_closing.empty = (n == 0);

    for (i = 0; i < n; i++) {
        ngx_rd_removal_end_item(ngx_rd_redis_reply_at(call->reply, i));
    }
}
