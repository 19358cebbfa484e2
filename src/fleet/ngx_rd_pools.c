
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_pools.h"
#include "../../ngx_rd_ssh_pool.h"


#define NGX_RD_POOLS_RETIRE_MS   30000
#define NGX_RD_POOLS_LOOK_MS     1000   /* does the worker leave? */
#define NGX_RD_POOLS_QUIET_LOOKS 3      /* without a job, while it leaves */


typedef struct {
    ngx_rd_fleet_t       *fleet;
    ngx_rd_ssh_pool_t   **pools;            /* same order as fleet->hosts */
    ngx_thread_pool_t    *thread_pool;
    ngx_rd_pace_t        *pace;             /* shared memory */
    ngx_event_t           retire;
    ngx_uint_t            looks;            /* since the last retire, or in a
                                               row without a job */
    unsigned              leaving:1;
} ngx_rd_pools_t;


typedef struct {
    ngx_rd_ssh_pool_t    *pool;
    const char           *host;
    ngx_uint_t            all;
} ngx_rd_pools_task_t;


static ngx_int_t ngx_rd_pools_zone_init(ngx_shm_zone_t *zone, void *data);
static void ngx_rd_pools_retire_handler(ngx_event_t *ev);
static void ngx_rd_pools_retire_start(ngx_uint_t i);
static void ngx_rd_pools_retire_work(ngx_rd_job_t *job);
static void ngx_rd_pools_retire_done(ngx_rd_job_t *job);


static ngx_rd_pools_t  ngx_rd_pools;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_pools_dumb = { .fd = (ngx_socket_t) -1 };


ngx_int_t
ngx_rd_pools_zone(ngx_conf_t *cf, void *tag)
{
    ngx_str_t        name = ngx_string("rd_pace");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_rd_pools_zone_init;

    return NGX_OK;
}


static ngx_int_t
ngx_rd_pools_zone_init(ngx_shm_zone_t *zone, void *data)
{
    zone->data = data;

    if (zone->data == NULL) {
        zone->data = ngx_slab_calloc((ngx_slab_pool_t *) zone->shm.addr,
                                     sizeof(ngx_rd_pace_t));
        if (zone->data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_rd_pools.pace = zone->data;

    return NGX_OK;
}


ngx_int_t
ngx_rd_pools_init(ngx_cycle_t *cycle, ngx_rd_fleet_t *fleet,
    ngx_thread_pool_t *thread_pool)
{
    ngx_uint_t  i;

    ngx_rd_pools.fleet = fleet;
    ngx_rd_pools.thread_pool = thread_pool;

    ngx_rd_pools.pools = ngx_pcalloc(cycle->pool,
                                     fleet->n * sizeof(ngx_rd_ssh_pool_t *));

    if (ngx_rd_pools.pools == NULL
        || ngx_rd_ssh_pool_init_worker(ngx_rd_pools.pace) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < fleet->n; i++) {
        ngx_rd_pools.pools[i] = ngx_rd_ssh_pool_create(fleet->hosts[i].conf);
        if (ngx_rd_pools.pools[i] == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_rd_pools.retire.handler = ngx_rd_pools_retire_handler;
    ngx_rd_pools.retire.log = cycle->log;
    ngx_rd_pools.retire.data = &ngx_rd_pools_dumb;
    ngx_rd_pools.retire.cancelable = 1;
    ngx_add_timer(&ngx_rd_pools.retire, NGX_RD_POOLS_LOOK_MS);

    return NGX_OK;
}


void
ngx_rd_pools_exit(void)
{
    ngx_uint_t  i;

    if (ngx_rd_pools.retire.timer_set) {
        ngx_del_timer(&ngx_rd_pools.retire);
    }

    for (i = 0; ngx_rd_pools.pools && i < ngx_rd_pools.fleet->n; i++) {
        if (ngx_rd_pools.pools[i]) {
            ngx_rd_ssh_pool_destroy(ngx_rd_pools.pools[i]);
        }
    }

    ngx_rd_pools.pools = NULL;
    ngx_rd_ssh_pool_exit_worker();
}


ngx_rd_ssh_pool_t *
ngx_rd_pools_get(const ngx_rd_host_t *host)
{
    return ngx_rd_pools.pools[host - ngx_rd_pools.fleet->hosts];
}


/*
 * A worker that leaves may have tunnels for hours.  When it has nothing else
 * to do it closes its idle connections, then gives its threads back.
 */

static void
ngx_rd_pools_retire_handler(ngx_event_t *ev)
{
    ngx_uint_t  i, n;

    if (ngx_exiting && !ngx_rd_pools.leaving) {
        ngx_rd_pools.leaving = 1;
        ngx_rd_pools.looks = 0;
    }

    ngx_add_timer(ev, NGX_RD_POOLS_LOOK_MS);
    ngx_rd_pools.looks++;

    if (ngx_exiting && ngx_rd_job_count()) {
        ngx_rd_pools.looks = 0;
        return;
    }

    if (!ngx_exiting && ngx_rd_pools.looks
                        < NGX_RD_POOLS_RETIRE_MS / NGX_RD_POOLS_LOOK_MS)
    {
        return;
    }

    n = 0;

    for (i = 0; i < ngx_rd_pools.fleet->n; i++) {
        if (ngx_rd_ssh_pool_connections(ngx_rd_pools.pools[i])) {
            ngx_rd_pools_retire_start(i);
            n++;
        }
    }

    if (!ngx_exiting) {
        ngx_rd_pools.looks = 0;

    } else if (n == 0 && ngx_rd_pools.looks == NGX_RD_POOLS_QUIET_LOOKS) {
        ngx_rd_job_shrink(ngx_rd_pools.thread_pool, ngx_cycle->log);
    }
}


static void
ngx_rd_pools_retire_start(ngx_uint_t i)
{
    ngx_rd_job_t         *job;
    ngx_rd_pools_task_t  *task;

    job = ngx_rd_job_create("retire", sizeof(ngx_rd_pools_task_t));
    if (job == NULL) {
        return;
    }

    task = job->data;
    task->pool = ngx_rd_pools.pools[i];
    task->all = ngx_exiting;
    task->host = ngx_rd_pools.fleet->hosts[i].conf->name;

    job->work = ngx_rd_pools_retire_work;
    job->done = ngx_rd_pools_retire_done;

    /* a full queue: this time nobody looks */

    (void) ngx_rd_job_start(job, ngx_rd_pools.thread_pool, ngx_cycle->log);
}


/* pool thread */

static void
ngx_rd_pools_retire_work(ngx_rd_job_t *job)
{
    ngx_rd_pools_task_t  *task;

    task = job->data;

    ngx_rd_ssh_pool_retire(task->pool, task->all);
}


static void
ngx_rd_pools_retire_done(ngx_rd_job_t *job)
{
    ngx_rd_pools_task_t  *task;

    task = job->data;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd fleet: host %s looked over, connections:%ui",
                   task->host, ngx_rd_ssh_pool_connections(task->pool));
}
