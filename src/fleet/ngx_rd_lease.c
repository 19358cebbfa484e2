
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_lease.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_LEASE_RENEW_MS   3000    /* two may be missed */
#define NGX_RD_LEASE_CALL_MAX   512     /* leases in one call */


typedef struct {
    ngx_rd_store_t        *store;
    ngx_queue_t            leases;
    ngx_uint_t             n;
    ngx_uint_t             left;    /* to be renewed in this round */

    ngx_event_t            timer;
    ngx_rd_redis_call_t   *call;
} ngx_rd_lease_keeper_t;


static void ngx_rd_lease_handler(ngx_event_t *ev);
static void ngx_rd_lease_renew(void);
static void ngx_rd_lease_done(ngx_rd_redis_call_t *call);
static void ngx_rd_lease_lose(const ngx_str_t *id);


static ngx_rd_lease_keeper_t  ngx_rd_lease;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_lease_dumb = { .fd = (ngx_socket_t) -1 };


void
ngx_rd_lease_init(ngx_rd_store_t *store)
{
    ngx_rd_lease.store = store;
    ngx_queue_init(&ngx_rd_lease.leases);

    ngx_rd_lease.timer.handler = ngx_rd_lease_handler;
    ngx_rd_lease.timer.log = ngx_cycle->log;
    ngx_rd_lease.timer.data = &ngx_rd_lease_dumb;
}


void
ngx_rd_lease_exit(void)
{
    if (ngx_rd_lease.call) {
        ngx_rd_redis_call_cancel(ngx_rd_lease.call);
        ngx_rd_lease.call = NULL;
    }

    if (ngx_rd_lease.timer.timer_set) {
        ngx_del_timer(&ngx_rd_lease.timer);
    }
}


void
ngx_rd_lease_hold(ngx_rd_lease_t *lease)
{
    ngx_queue_insert_tail(&ngx_rd_lease.leases, &lease->queue);
    ngx_rd_lease.n++;

    if (!ngx_rd_lease.timer.timer_set) {
        ngx_add_timer(&ngx_rd_lease.timer, NGX_RD_LEASE_RENEW_MS);
    }
}


void
ngx_rd_lease_release(ngx_rd_lease_t *lease)
{
    ngx_queue_remove(&lease->queue);

    if (--ngx_rd_lease.n == 0 && ngx_rd_lease.timer.timer_set) {
        ngx_del_timer(&ngx_rd_lease.timer);
    }
}


static void
ngx_rd_lease_handler(ngx_event_t *ev)
{
    if (ngx_rd_lease.call == NULL) {
        ngx_rd_lease.left = ngx_rd_lease.n;
        ngx_rd_lease_renew();
    }

    ngx_add_timer(ev, NGX_RD_LEASE_RENEW_MS);
}


/* as many as one call takes */

static void
ngx_rd_lease_renew(void)
{
    ngx_str_t        ids[NGX_RD_LEASE_CALL_MAX];
    int64_t          epochs[NGX_RD_LEASE_CALL_MAX];
    ngx_uint_t       n;
    ngx_queue_t     *q;
    ngx_rd_lease_t  *lease;

    for (n = 0; ngx_rd_lease.left && n < NGX_RD_LEASE_CALL_MAX;
         ngx_rd_lease.left--)
    {
        if (ngx_queue_empty(&ngx_rd_lease.leases)) {
            ngx_rd_lease.left = 0;
            break;
        }

        /* whose turn it was goes to the end */
        q = ngx_queue_head(&ngx_rd_lease.leases);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_rd_lease.leases, q);

        lease = ngx_queue_data(q, ngx_rd_lease_t, queue);

        if (!lease->gone) {
            ids[n] = lease->id;
            epochs[n++] = lease->epoch;
        }
    }

    if (n == 0) {
        return;
    }

    ngx_rd_lease.call = ngx_rd_store_renew(ngx_rd_lease.store, NGX_RD_LEASE_MS,
                                           ids, epochs, n, ngx_rd_lease_done,
                                           NULL);
}


static void
ngx_rd_lease_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t   id;
    ngx_uint_t  i;

    ngx_rd_lease.call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        return;                             /* asked again in time */
    }

    for (i = 0; i < ngx_rd_redis_reply_count(call->reply); i++) {
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, i));
        ngx_rd_lease_lose(&id);
    }

    ngx_rd_lease_renew();                   /* those that are left */
}


static void
ngx_rd_lease_lose(const ngx_str_t *id)
{
    ngx_queue_t     *q;
    ngx_rd_lease_t  *lease;

    for (q = ngx_queue_head(&ngx_rd_lease.leases);
         q != ngx_queue_sentinel(&ngx_rd_lease.leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_rd_lease_t, queue);

        if (!lease->gone && lease->id.len == id->len
            && ngx_memcmp(lease->id.data, id->data, id->len) == 0)
        {
            lease->gone = 1;
            lease->lost(lease);         /* may release it */
            return;
        }
    }
}
