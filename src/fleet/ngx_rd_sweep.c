
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_pools.h"
#include "ngx_rd_removal.h"
#include "ngx_rd_sweep.h"
#include "ngx_rd_sweep_due.h"
#include "ngx_rd_sweep_judge.h"
#include "../base/ngx_rd_error.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_session.h"
#include "../work/ngx_rd_job.h"
#include "../../ngx_rd_ssh_pool.h"

#include <stdlib.h>


#define NGX_RD_SWEEP_RUNNING_MAX      4         /* hosts at once, of a worker */
#define NGX_RD_SWEEP_LIST_TIMEOUT_MS  10000

/* docker rm -f takes 0.2 s: so long one job keeps its thread */
#define NGX_RD_SWEEP_REMOVE_MAX       4
#define NGX_RD_SWEEP_REMOVE_TIMEOUT_MS  5000

#define NGX_RD_SWEEP_SITE_BYTES_MAX   64


/* what becomes of a container of the list */

enum {
    NGX_RD_SWEEP_STAYS = 0,
    NGX_RD_SWEEP_ORPHAN = NGX_RD_SWEEP_JUDGE_ORPHAN,    /* to be removed */
    NGX_RD_SWEEP_REMOVED,
    NGX_RD_SWEEP_REFUSED                /* somebody else is at it */
};


/*
 * One sweep of one host.  While one of its jobs runs it belongs to the pool
 * thread, otherwise to the loop.
 */

typedef struct {
    ngx_rd_host_t                   *host;
    int64_t                          number;
    int64_t                          began_ms;      /* by Redis' clock */
    ngx_msec_t                       started;

    ngx_rd_ssh_pool_t               *pool;
    char                             site[NGX_RD_SWEEP_SITE_BYTES_MAX];

    ngx_rd_docker_json_container_t  *list;          /* of malloc() */
    u_char                          *marks;         /* one for each of list */
    ngx_uint_t                       n;
    int64_t                          now_s;         /* the engine's clock */

    ngx_rd_sweep_judge_t             judge;
    ngx_uint_t                       orphans;
    ngx_uint_t                       removed;
    ngx_uint_t                       ended;

    ngx_rd_error_e                   error;
    ngx_rd_detail_t                  detail;
} ngx_rd_sweep_t;


typedef struct {
    ngx_rd_sweep_conf_t              conf;
    ngx_uint_t                       running;
} ngx_rd_sweeps_t;


static void ngx_rd_sweep_list_work(ngx_rd_job_t *job);
static void ngx_rd_sweep_list_done(ngx_rd_job_t *job);
static void ngx_rd_sweep_ours(ngx_rd_sweep_t *sweep);

static void ngx_rd_sweep_judge(ngx_rd_sweep_t *sweep);
static void ngx_rd_sweep_judge_done(void *owner, ngx_int_t rc);

static void ngx_rd_sweep_remove(ngx_rd_sweep_t *sweep);
static void ngx_rd_sweep_remove_work(ngx_rd_job_t *job);
static void ngx_rd_sweep_remove_done(ngx_rd_job_t *job);

static void ngx_rd_sweep_finish(ngx_rd_sweep_t *sweep);
static void ngx_rd_sweep_tell(ngx_rd_sweep_t *sweep);
static void ngx_rd_sweep_finish_done(ngx_rd_redis_call_t *call);
static ngx_int_t ngx_rd_sweep_post(ngx_rd_sweep_t *sweep, const char *name,
    ngx_rd_job_work_pt work, ngx_rd_job_done_pt done);
static void ngx_rd_sweep_free(ngx_rd_sweep_t *sweep);


static ngx_rd_sweeps_t  ngx_rd_sweeps;


void
ngx_rd_sweep_init(const ngx_rd_sweep_conf_t *conf)
{
    ngx_rd_sweeps.conf = *conf;

    ngx_rd_sweep_due_init(&ngx_rd_sweeps.conf);
}


void
ngx_rd_sweep_exit(void)
{
    ngx_rd_sweep_due_exit();
}


ngx_uint_t
ngx_rd_sweep_room(void)
{
    return NGX_RD_SWEEP_RUNNING_MAX - ngx_rd_sweeps.running;
}


/* when nothing comes of it, the next interval sees to it */

void
ngx_rd_sweep_begin(ngx_str_t *name, int64_t number, int64_t began_ms)
{
    ngx_rd_host_t   *host;
    ngx_rd_sweep_t  *sweep;

    host = ngx_rd_host_find(ngx_rd_sweeps.conf.fleet, name);

    if (host == NULL
        || ngx_rd_sweeps.conf.site.len >= NGX_RD_SWEEP_SITE_BYTES_MAX)
    {
        return;
    }

    sweep = ngx_calloc(sizeof(ngx_rd_sweep_t), ngx_cycle->log);
    if (sweep == NULL) {
        return;
    }

    sweep->host = host;
    sweep->number = number;
    sweep->began_ms = began_ms;
    sweep->started = ngx_current_msec;
    sweep->pool = ngx_rd_pools_get(host);
    ngx_cpystrn((u_char *) sweep->site, ngx_rd_sweeps.conf.site.data,
                ngx_rd_sweeps.conf.site.len + 1);

    ngx_rd_sweeps.running++;

    if (ngx_rd_sweep_post(sweep, "sweep", ngx_rd_sweep_list_work,
                          ngx_rd_sweep_list_done)
        != NGX_OK)
    {
        ngx_rd_sweep_free(sweep);
    }
}


/* pool thread */

static void
ngx_rd_sweep_list_work(ngx_rd_job_t *job)
{
    ngx_rd_sweep_t  *sweep;

    sweep = *(ngx_rd_sweep_t **) job->data;

    sweep->error = ngx_rd_ssh_pool_list(sweep->pool, sweep->site, &sweep->list,
                                        &sweep->n, &sweep->now_s,
                                        NGX_RD_SWEEP_LIST_TIMEOUT_MS,
                                        &sweep->detail);
}


static void
ngx_rd_sweep_list_done(ngx_rd_job_t *job)
{
    ngx_rd_sweep_t  *sweep;

    sweep = *(ngx_rd_sweep_t **) job->data;

    if (sweep->error != NGX_RD_ERR_NONE) {

        if (job->cut) {
            ngx_rd_sweep_free(sweep);       /* the host has done nothing */
            return;
        }

        ngx_rd_sweep_finish(sweep);
        return;
    }

    ngx_rd_sweep_ours(sweep);

    sweep->marks = ngx_calloc(sweep->n + 1, ngx_cycle->log);

    if (sweep->marks == NULL) {
        sweep->n = 0;
        sweep->error = NGX_RD_ERR_MEMORY;
        ngx_rd_sweep_finish(sweep);
        return;
    }

    ngx_rd_sweep_judge(sweep);
}


/* the engine was asked for our site alone; this is not left to its word */

static void
ngx_rd_sweep_ours(ngx_rd_sweep_t *sweep)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < sweep->n; i++) {
        if (ngx_strcmp(sweep->list[i].site, sweep->site) == 0) {
            sweep->list[n++] = sweep->list[i];
        }
    }

    sweep->n = n;
}


static void
ngx_rd_sweep_judge(ngx_rd_sweep_t *sweep)
{
    ngx_rd_sweep_judge_t  *judge;

    judge = &sweep->judge;

    judge->store = ngx_rd_sweeps.conf.store;
    judge->host = &sweep->host->name;
    judge->number = sweep->number;
    judge->began_ms = sweep->began_ms;
    judge->list = sweep->list;
    judge->n = sweep->n;
    judge->now_s = sweep->now_s;
    judge->marks = sweep->marks;
    judge->done = ngx_rd_sweep_judge_done;
    judge->owner = sweep;

    ngx_rd_sweep_judge_start(judge);
}


static void
ngx_rd_sweep_judge_done(void *owner, ngx_int_t rc)
{
    ngx_rd_sweep_t  *sweep = owner;

    if (rc != NGX_OK) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "rd sweep: host %V, left to the next one",
                       &sweep->host->name);
        ngx_rd_sweep_free(sweep);
        return;
    }

    sweep->orphans = sweep->judge.orphans;
    sweep->ended = sweep->judge.ended;

    ngx_rd_sweep_remove(sweep);
}


/* a few at a time, so that no sweep keeps a thread from a player */

static void
ngx_rd_sweep_remove(ngx_rd_sweep_t *sweep)
{
    if (sweep->orphans == 0 || sweep->error != NGX_RD_ERR_NONE || ngx_exiting
        || ngx_current_msec - sweep->started > ngx_rd_sweeps.conf.interval_ms
        || ngx_rd_sweep_post(sweep, "sweep remove", ngx_rd_sweep_remove_work,
                             ngx_rd_sweep_remove_done)
           != NGX_OK)
    {
        ngx_rd_sweep_finish(sweep);
    }
}


/* pool thread */

static void
ngx_rd_sweep_remove_work(ngx_rd_job_t *job)
{
    ngx_uint_t                       i, n;
    ngx_rd_sweep_t                  *sweep;
    ngx_rd_docker_json_container_t  *c;

    sweep = *(ngx_rd_sweep_t **) job->data;
    n = 0;

    for (i = 0; i < sweep->n && n < NGX_RD_SWEEP_REMOVE_MAX; i++) {

        if (sweep->marks[i] != NGX_RD_SWEEP_ORPHAN) {
            continue;
        }

        c = &sweep->list[i];
        n++;

        sweep->error = ngx_rd_ssh_pool_remove_container(sweep->pool, c->id,
                                         sweep->site, c->session, -1,
                                         NGX_RD_SWEEP_REMOVE_TIMEOUT_MS,
                                         &sweep->detail);

        if (sweep->error == NGX_RD_ERR_NONE) {
            sweep->marks[i] = NGX_RD_SWEEP_REMOVED;

        } else if (sweep->error == NGX_RD_ERR_DOCKER_NAME
                   || sweep->error == NGX_RD_ERR_DOCKER_REFUSED)
        {
            /* of this one; the others may do better */
            sweep->marks[i] = NGX_RD_SWEEP_REFUSED;
            sweep->error = NGX_RD_ERR_NONE;

        } else {
            return;
        }

        sweep->orphans--;
    }
}


static void
ngx_rd_sweep_remove_done(ngx_rd_job_t *job)
{
    ngx_rd_sweep_remove(*(ngx_rd_sweep_t **) job->data);
}


static void
ngx_rd_sweep_finish(ngx_rd_sweep_t *sweep)
{
    ngx_rd_fleet_store_swept_t  swept;

    ngx_rd_sweep_tell(sweep);

    if (sweep->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd sweep: host %V could not be swept, %s, detail:%s",
                      &sweep->host->name, ngx_rd_error_code(sweep->error),
                      sweep->detail.text);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd sweep: host %V swept, containers:%ui removed:%ui "
                   "ended:%ui", &sweep->host->name, sweep->n, sweep->removed,
                   sweep->ended);

    swept.host = &sweep->host->name;
    swept.number = sweep->number;
    swept.error = sweep->error;
    swept.detail = sweep->error == NGX_RD_ERR_NONE ? "" : sweep->detail.text;
    swept.ended = sweep->ended;
    swept.keep_ms = ngx_rd_sweeps.conf.keep_ms;
    swept.list = sweep->list;
    swept.removed = sweep->marks;
    swept.nremoved = sweep->removed;
    swept.n = sweep->n;
    swept.now_s = sweep->now_s;

    if (ngx_rd_fleet_store_sweep_done(ngx_rd_sweeps.conf.store, &swept,
                                      ngx_rd_sweep_finish_done, NULL)
        == NULL)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd sweep: host %V, what was done is not written down",
                      &sweep->host->name);
    }

    ngx_rd_sweep_free(sweep);
}


/* a few lines, then numbers; marks are 1 for what was removed, else 0 */

static void
ngx_rd_sweep_tell(ngx_rd_sweep_t *sweep)
{
    ngx_uint_t  i, refused;

    refused = 0;

    for (i = 0; i < sweep->n; i++) {
        switch (sweep->marks[i]) {

        case NGX_RD_SWEEP_REMOVED:
            sweep->marks[i] = 1;

            if (sweep->removed++ < NGX_RD_FLEET_STORE_TELL_MAX) {
                ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                              "rd sweep: orphan %s removed from host %V",
                              sweep->list[i].name, &sweep->host->name);
            }

            break;

        case NGX_RD_SWEEP_REFUSED:
            if (refused++ < NGX_RD_FLEET_STORE_TELL_MAX) {
                ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                              "rd sweep: orphan %s stays on host %V, detail:%s",
                              sweep->list[i].name, &sweep->host->name,
                              sweep->detail.text);
            }

            /* fall through */

        default:
            sweep->marks[i] = 0;
        }
    }

    if (sweep->removed > NGX_RD_FLEET_STORE_TELL_MAX
        || refused > NGX_RD_FLEET_STORE_TELL_MAX
        || sweep->ended > NGX_RD_FLEET_STORE_TELL_MAX)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd sweep: host %V in all: orphans removed:%ui not "
                      "removed:%ui sessions without a container:%ui",
                      &sweep->host->name, sweep->removed, refused,
                      sweep->ended);
    }
}


static void
ngx_rd_sweep_finish_done(ngx_rd_redis_call_t *call)
{
    if (call->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd sweep: what was done is not written down, %s",
                      ngx_rd_error_code(call->error));
    }
}


static ngx_int_t
ngx_rd_sweep_post(ngx_rd_sweep_t *sweep, const char *name,
    ngx_rd_job_work_pt work, ngx_rd_job_done_pt done)
{
    ngx_rd_job_t  *job;

    job = ngx_rd_job_create(name, sizeof(ngx_rd_sweep_t *));
    if (job == NULL) {
        return NGX_ERROR;
    }

    *(ngx_rd_sweep_t **) job->data = sweep;
    job->work = work;
    job->done = done;
    job->looks = (work == ngx_rd_sweep_list_work);
    job->bound_ms = job->looks ? NGX_RD_SWEEP_LIST_TIMEOUT_MS : 0;

    return ngx_rd_job_start(job, ngx_rd_sweeps.conf.thread_pool,
                            ngx_cycle->log);
}


static void
ngx_rd_sweep_free(ngx_rd_sweep_t *sweep)
{
    ngx_rd_sweeps.running--;

    free(sweep->list);

    if (sweep->marks) {
        ngx_free(sweep->marks);
    }

    ngx_free(sweep);
}
