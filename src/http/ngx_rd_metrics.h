
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_METRICS_H_INCLUDED_
#define _NGX_RD_METRICS_H_INCLUDED_


#include "../../ngx_rd_module.h"
#include "../base/ngx_rd_histogram.h"
#include "../base/ngx_rd_reason.h"


/*
 * What is counted.  Each worker writes into a slot of its own in shared
 * memory, so nobody waits and nothing is lost with a worker; who wants to
 * know adds the slots up.  Numbers only ever rise, but for the gauges, which
 * a worker's successor in the slot takes back to zero.  Event loop.
 *
 * No user, team or session is ever a label.
 */

typedef enum {
    NGX_RD_METRICS_QUEUE = 0,       /* asked for -> a host was chosen */
    NGX_RD_METRICS_CREATE,          /* -> its container runs */
    NGX_RD_METRICS_READY,           /* -> the desktop answers */
    NGX_RD_METRICS_PHASES
} ngx_rd_metrics_phase_e;


/* refusals: by reason, or by error where that says it all */
#define NGX_RD_METRICS_REFUSALS  (NGX_RD_REASON_N + NGX_RD_ERR_N)


typedef struct {
    uint64_t                 decisions[NGX_RD_ERR_N][2];    /* [cold] */
    ngx_rd_histogram_t       decision_us[2];                /* [cold] */

    ngx_rd_redis_watch_t     own;
    ngx_rd_redis_watch_t     ctfd;

    ngx_rd_histogram_t       phase_us[NGX_RD_METRICS_PHASES];
    uint64_t                 starts[NGX_RD_ERR_N];
    uint64_t                 jobs_overdue;

    uint64_t                 refusals[2][NGX_RD_METRICS_REFUSALS];  /* [by] */
    uint64_t                 logins;        /* API calls of known visitors */

    /* gauges */

    uint64_t                 tunnels;
    ngx_uint_t               jobs;
} ngx_rd_metrics_slot_t;


/* of the log lines about one reason, shared by all workers */

typedef struct {
    ngx_atomic_t             n;             /* since the last line */
    ngx_atomic_t             said_ms;       /* when that was; 0: never */
    ngx_atomic_t             since_ms;      /* when n was 1 */
    ngx_atomic_t             known;         /* visitors then */
} ngx_rd_metrics_limit_t;


/* Configuration time: the zone.  NULL: said why. */
ngx_shm_zone_t  *ngx_rd_metrics_zone(ngx_conf_t *cf);

/*
 * Once per worker, when its Redis connections are made.  A full zone is one
 * warning; then nothing is counted.
 */
void  ngx_rd_metrics_init_worker(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf);
void  ngx_rd_metrics_exit_worker(void);

/* all workers together */
void  ngx_rd_metrics_sum(ngx_rd_metrics_slot_t *sum);


/*
 * Where a decision begins: ngx_rd_histogram_now_us(), or mostly 0.  To ask the
 * clock twice is a good part of what a warm decision costs, so one in sixteen
 * is measured, and its time counts for those after it, too.
 */
uint64_t  ngx_rd_metrics_begin(void);

/*
 * The gate has decided; began_us is from ngx_rd_metrics_begin(), but that of a
 * cold decision is never 0.
 */
void  ngx_rd_metrics_decision(ngx_rd_error_e error, ngx_uint_t cold,
    uint64_t began_us);

/* A request was refused; by is a ngx_rd_refusal_by_e. */
void  ngx_rd_metrics_refusal(ngx_uint_t by, ngx_rd_error_e error,
    ngx_rd_reason_e reason);

/* An API call of a visitor who is logged in. */
void  ngx_rd_metrics_login(void);

/* Requests of visitors whose cookie counted, of all workers together. */
ngx_uint_t  ngx_rd_metrics_known(void);

/* NULL: the zone is full or there is none */
ngx_rd_metrics_limit_t  *ngx_rd_metrics_limit(ngx_rd_reason_e reason);

/* A WebSocket was let in; it counts until the request ends. */
void  ngx_rd_metrics_tunnel(ngx_http_request_t *r);

/* A start has come through a phase; a negative time does not count. */
void  ngx_rd_metrics_phase(ngx_rd_metrics_phase_e phase, int64_t took_ms);

/*
 * The same.  began is ngx_current_msec of when the phase began, and becomes
 * that of the next one.
 */
void  ngx_rd_metrics_phase_since(ngx_rd_metrics_phase_e phase,
    ngx_msec_t *began);

/* A start is over: ready (NONE), or failed for this reason. */
void  ngx_rd_metrics_started(ngx_rd_error_e error);


#endif /* _NGX_RD_METRICS_H_INCLUDED_ */
