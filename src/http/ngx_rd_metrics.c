
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_metrics.h"
#include "../work/ngx_rd_job.h"


/* slots of 100 workers, reloads with old workers still there included */
#define NGX_RD_METRICS_ZONE_BYTES  (1024 * 1024)
#define NGX_RD_METRICS_MEASURED    16       /* one of so many warm ones is */


/* lives in the zone; survives reloads */

typedef struct {
    ngx_rd_metrics_slot_t  *slots[NGX_MAX_PROCESSES];
    ngx_rd_metrics_limit_t  limits[NGX_RD_REASON_N];
} ngx_rd_metrics_table_t;


static ngx_int_t ngx_rd_metrics_init_zone(ngx_shm_zone_t *zone, void *data);
static void ngx_rd_metrics_tunnel_cleanup(void *data);


/* of this worker; NULL: nothing is counted */
static ngx_rd_metrics_slot_t   *ngx_rd_metrics_own;
static ngx_uint_t               ngx_rd_metrics_begun;
static uint64_t                 ngx_rd_metrics_warm_us;     /* of the last */
static ngx_rd_metrics_table_t  *ngx_rd_metrics_table;


ngx_shm_zone_t *
ngx_rd_metrics_zone(ngx_conf_t *cf)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("rd_metrics");

    zone = ngx_shared_memory_add(cf, &name, NGX_RD_METRICS_ZONE_BYTES,
                                 &ngx_rd_module);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = ngx_rd_metrics_init_zone;

    return zone;
}


static ngx_int_t
ngx_rd_metrics_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        zone->data = shpool->data;
        return NGX_OK;
    }

    zone->data = ngx_slab_calloc(shpool, sizeof(ngx_rd_metrics_table_t));
    shpool->data = zone->data;

    return zone->data ? NGX_OK : NGX_ERROR;
}


void
ngx_rd_metrics_init_worker(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf)
{
    ngx_shm_zone_t          *zone;
    ngx_rd_metrics_slot_t   *slot;
    ngx_rd_metrics_table_t  *table;

    zone = rmcf->metrics_zone;
    table = zone->data;
    ngx_rd_metrics_table = table;

    slot = table->slots[ngx_process_slot];

    if (slot == NULL) {
        slot = ngx_slab_calloc((ngx_slab_pool_t *) zone->shm.addr,
                               sizeof(ngx_rd_metrics_slot_t));
        if (slot == NULL) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "rd metrics: no room, this worker is not counted");
            return;
        }

        table->slots[ngx_process_slot] = slot;
    }

    slot->tunnels = 0;

    ngx_rd_job_watch(&slot->jobs, &slot->jobs_overdue);
    ngx_rd_redis_watch(rmcf->store.redis, &slot->own);

    if (rmcf->identity.ctfd != rmcf->store.redis) {
        ngx_rd_redis_watch(rmcf->identity.ctfd, &slot->ctfd);
    }

    ngx_rd_metrics_own = slot;
}


void
ngx_rd_metrics_exit_worker(void)
{
    if (ngx_rd_metrics_own) {
        ngx_rd_metrics_own->tunnels = 0;
        ngx_rd_metrics_own->jobs = 0;
        ngx_rd_metrics_own = NULL;
        ngx_rd_job_watch(NULL, NULL);
    }
}


void
ngx_rd_metrics_sum(ngx_rd_metrics_slot_t *sum)
{
    ngx_uint_t              i, k;
    ngx_rd_metrics_slot_t  *slot;

    ngx_memzero(sum, sizeof(ngx_rd_metrics_slot_t));

    for (i = 0; ngx_rd_metrics_table && i < NGX_MAX_PROCESSES; i++) {
        slot = ngx_rd_metrics_table->slots[i];

        if (slot == NULL) {
            continue;
        }

        for (k = 0; k < NGX_RD_ERR_N; k++) {
            sum->decisions[k][0] += slot->decisions[k][0];
            sum->decisions[k][1] += slot->decisions[k][1];
            sum->starts[k] += slot->starts[k];
            sum->own.errors[k] += slot->own.errors[k];
            sum->ctfd.errors[k] += slot->ctfd.errors[k];
        }

        for (k = 0; k < NGX_RD_METRICS_REFUSALS; k++) {
            sum->refusals[0][k] += slot->refusals[0][k];
            sum->refusals[1][k] += slot->refusals[1][k];
        }

        for (k = 0; k < NGX_RD_METRICS_PHASES; k++) {
            ngx_rd_histogram_add(&sum->phase_us[k], &slot->phase_us[k]);
        }

        ngx_rd_histogram_add(&sum->decision_us[0], &slot->decision_us[0]);
        ngx_rd_histogram_add(&sum->decision_us[1], &slot->decision_us[1]);
        ngx_rd_histogram_add(&sum->own.took_us, &slot->own.took_us);
        ngx_rd_histogram_add(&sum->ctfd.took_us, &slot->ctfd.took_us);

        sum->jobs_overdue += slot->jobs_overdue;
        sum->tunnels += slot->tunnels;
        sum->jobs += slot->jobs;
    }
}


uint64_t
ngx_rd_metrics_begin(void)
{
    return ngx_rd_metrics_begun++ % NGX_RD_METRICS_MEASURED
           ? 0 : ngx_rd_histogram_now_us();
}


void
ngx_rd_metrics_decision(ngx_rd_error_e error, ngx_uint_t cold,
    uint64_t began_us)
{
    uint64_t                us;
    ngx_rd_metrics_slot_t  *slot;

    slot = ngx_rd_metrics_own;

    if (slot == NULL) {
        return;
    }

    us = began_us ? ngx_rd_histogram_now_us() - began_us
                  : ngx_rd_metrics_warm_us;

    if (!cold) {
        ngx_rd_metrics_warm_us = us;
    }

    slot->decisions[error][cold]++;
    ngx_rd_histogram_observe(&slot->decision_us[cold], us);
}


void
ngx_rd_metrics_refusal(ngx_uint_t by, ngx_rd_error_e error,
    ngx_rd_reason_e reason)
{
    if (ngx_rd_metrics_own) {
        ngx_rd_metrics_own->refusals[by][reason ? (ngx_uint_t) reason
                                                : NGX_RD_REASON_N + error]++;
    }
}


void
ngx_rd_metrics_login(void)
{
    if (ngx_rd_metrics_own) {
        ngx_rd_metrics_own->logins++;
    }
}


ngx_uint_t
ngx_rd_metrics_known(void)
{
    ngx_uint_t              i, n;
    ngx_rd_metrics_slot_t  *slot;

    n = 0;

    for (i = 0; ngx_rd_metrics_table && i < NGX_MAX_PROCESSES; i++) {
        slot = ngx_rd_metrics_table->slots[i];

        if (slot) {
            n += slot->logins + slot->decisions[NGX_RD_ERR_NONE][0]
                 + slot->decisions[NGX_RD_ERR_NONE][1];
        }
    }

    return n;
}


ngx_rd_metrics_limit_t *
ngx_rd_metrics_limit(ngx_rd_reason_e reason)
{
    return ngx_rd_metrics_table ? &ngx_rd_metrics_table->limits[reason] : NULL;
}


void
ngx_rd_metrics_tunnel(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    if (ngx_rd_metrics_own == NULL) {
        return;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_rd_metrics_tunnel_cleanup;

    ngx_rd_metrics_own->tunnels++;
}


static void
ngx_rd_metrics_tunnel_cleanup(void *data)
{
    /* a worker that exits has taken all of its tunnels back already */

    if (ngx_rd_metrics_own && ngx_rd_metrics_own->tunnels) {
        ngx_rd_metrics_own->tunnels--;
    }
}


void
ngx_rd_metrics_phase(ngx_rd_metrics_phase_e phase, int64_t took_ms)
{
    if (ngx_rd_metrics_own && took_ms >= 0) {
        ngx_rd_histogram_observe(&ngx_rd_metrics_own->phase_us[phase],
                                 (uint64_t) took_ms * 1000);
    }
}


void
ngx_rd_metrics_phase_since(ngx_rd_metrics_phase_e phase, ngx_msec_t *began)
{
    ngx_rd_metrics_phase(phase, ngx_current_msec - *began);

    *began = ngx_current_msec;
}


void
ngx_rd_metrics_started(ngx_rd_error_e error)
{
    if (ngx_rd_metrics_own) {
        ngx_rd_metrics_own->starts[error]++;
    }
}
