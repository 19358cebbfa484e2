
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_deadline.h"
#include "ngx_rd_pace.h"


static ngx_uint_t ngx_rd_pace_slot(const ngx_rd_host_conf_t *host);


/* until a table is given, of this process alone */
static ngx_rd_pace_t   ngx_rd_pace_own;
static ngx_rd_pace_t  *ngx_rd_pace = &ngx_rd_pace_own;


/* event loop */

void
ngx_rd_pace_use(ngx_rd_pace_t *shared)
{
    ngx_rd_pace = shared;
}


/* pool thread */

int64_t
ngx_rd_pace_take(const ngx_rd_host_conf_t *host, int64_t max_ms)
{
    int64_t  now, *next, was, from, wait;

    next = &ngx_rd_pace->next_ms[ngx_rd_pace_slot(host)];
    now = ngx_rd_deadline_in(0);
    was = __atomic_load_n(next, __ATOMIC_RELAXED);

    do {
        from = ngx_max(was, now);
        wait = from - now - (NGX_RD_PACE_BURST - 1) * NGX_RD_PACE_INTERVAL_MS;
        wait = ngx_max(wait, 0);

        if (wait > max_ms) {
            return -1;
        }

    } while (!__atomic_compare_exchange_n(next, &was,
                                          from + NGX_RD_PACE_INTERVAL_MS, 0,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));

    return wait;
}


/* FNV-1a of name and port */

static ngx_uint_t
ngx_rd_pace_slot(const ngx_rd_host_conf_t *host)
{
    uint32_t     hash;
    const char  *p;

    hash = 2166136261u ^ host->port;

    for (p = host->hostname; *p; p++) {
        hash = (hash ^ (u_char) *p) * 16777619u;
    }

    return hash % NGX_RD_PACE_SLOTS;
}
