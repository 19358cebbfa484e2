
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_closing.h"
#include "ngx_rd_health.h"
#include "ngx_rd_pools.h"
#include "ngx_rd_removal.h"
#include "../base/ngx_rd_error.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_session.h"
#include "../work/ngx_rd_container.h"
#include "../../ngx_rd_ssh_pool.h"


#define NGX_RD_REMOVAL_TIMEOUT_MS     30000     /* docker rm -f: ~ 200 ms */
#define NGX_RD_REMOVAL_TEXT_BYTES_MAX 64


/* event loop only */

typedef struct {
    ngx_queue_t              running;       /* of tasks */
    ngx_queue_t              waiting;
    ngx_uint_t               n;             /* running */
} ngx_rd_removal_host_t;


typedef struct {
    ngx_queue_t              queue;         /* loop only, as what follows */
    ngx_rd_job_t            *job;
    ngx_rd_removal_host_t   *place;
    ngx_rd_removal_done_pt   done;
    void                    *owner;
    unsigned                 finish:1;      /* the session, when it is gone */

    int64_t                  epoch;         /* a later container stays */
    ngx_msec_t               timeout_ms;
    ngx_rd_ssh_pool_t       *pool;
    ngx_rd_host_conf_t      *host;

    char                     name[NGX_RD_CONTAINER_NAME_BYTES_MAX];
    char                     site[NGX_RD_REMOVAL_TEXT_BYTES_MAX];
    char                     session[NGX_RD_SESSION_ID_BYTES + 1];
} ngx_rd_removal_task_t;


typedef struct {
    ngx_rd_store_t          *store;
    ngx_rd_fleet_t          *fleet;
    ngx_str_t                site;
    ngx_thread_pool_t       *thread_pool;
    ngx_rd_removal_freed_pt  freed;
    ngx_rd_removal_host_t   *hosts;         /* in the order of the fleet */
} ngx_rd_removal_t;


static ngx_rd_removal_task_t *ngx_rd_removal_task(const ngx_str_t *id,
    int64_t epoch, ngx_rd_host_t *host, const ngx_str_t *container);
static ngx_uint_t ngx_rd_removal_known(ngx_rd_host_t *host,
    const ngx_str_t *id);
static ngx_int_t ngx_rd_removal_post(ngx_rd_removal_task_t *task);
static ngx_int_t ngx_rd_removal_run(ngx_rd_removal_task_t *task);
static void ngx_rd_removal_next(ngx_rd_removal_host_t *place);
static void ngx_rd_removal_put_off(ngx_rd_removal_host_t *place);

static void ngx_rd_removal_work(ngx_rd_job_t *job);
static void ngx_rd_removal_done(ngx_rd_job_t *job);

static void ngx_rd_removal_finish(ngx_str_t *id, int64_t epoch);
static void ngx_rd_removal_finish_done(ngx_rd_redis_call_t *call);


static ngx_rd_removal_t  ngx_rd_removal;


ngx_int_t
ngx_rd_removal_init(ngx_rd_store_t *store, ngx_rd_fleet_t *fleet,
    const ngx_str_t *site, ngx_thread_pool_t *thread_pool,
    ngx_rd_removal_freed_pt freed)
{
    ngx_uint_t  i;

    ngx_rd_removal.store = store;
    ngx_rd_removal.fleet = fleet;
    ngx_rd_removal.site = *site;
    ngx_rd_removal.thread_pool = thread_pool;
    ngx_rd_removal.freed = freed;
    ngx_rd_removal.hosts = ngx_pcalloc(ngx_cycle->pool, fleet->n
                                       * sizeof(ngx_rd_removal_host_t));

    if (ngx_rd_removal.hosts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < fleet->n; i++) {
        ngx_queue_init(&ngx_rd_removal.hosts[i].running);
        ngx_queue_init(&ngx_rd_removal.hosts[i].waiting);
    }

    return NGX_OK;
}


void
ngx_rd_removal_end(const ngx_str_t *id, const ngx_str_t *host_name,
    const ngx_str_t *container, int64_t epoch)
{
    ngx_str_t               copy = *id;
    ngx_rd_host_t          *host;
    ngx_rd_removal_task_t  *task;

    if (container->len == 0) {
        ngx_rd_removal_finish(&copy, epoch);
        return;
    }

    host = ngx_rd_host_find(ngx_rd_removal.fleet, host_name);

    if (host == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session %*s: its host %V is not in hosts.yml, "
                      "container %V stays",
                      NGX_RD_SESSION_ID_SHORT, id->data, host_name, container);
        return;
    }

    /* tick.lua knows nothing of what waits here and hands it out again */

    if (ngx_rd_removal_known(host, id)) {
        return;
    }

    task = ngx_rd_removal_task(id, epoch, host, container);

    if (task) {
        task->finish = 1;
    }

    if (task == NULL || ngx_rd_removal_post(task) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session %*s: removal put off, no thread is free",
                      NGX_RD_SESSION_ID_SHORT, id->data);
    }
}


void
ngx_rd_removal_end_item(const ngx_rd_redis_reply_t *item)
{
    int64_t    epoch;
    ngx_str_t  id, host, container;

    id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(item, 0));
    host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(item, 1));
    container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(item, 2));
    epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(item, 3), -1);

    if (id.len == NGX_RD_SESSION_ID_BYTES && epoch >= 0) {
        ngx_rd_removal_end(&id, &host, &container, epoch);
    }
}


ngx_int_t
ngx_rd_removal_start(const ngx_str_t *id, int64_t epoch, ngx_rd_host_t *host,
    const ngx_str_t *container, ngx_rd_removal_done_pt done, void *owner)
{
    ngx_rd_removal_task_t  *task;

    task = ngx_rd_removal_task(id, epoch, host, container);
    if (task == NULL) {
        return NGX_ERROR;
    }

    task->done = done;
    task->owner = owner;

    return ngx_rd_removal_post(task) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}


static ngx_rd_removal_task_t *
ngx_rd_removal_task(const ngx_str_t *id, int64_t epoch, ngx_rd_host_t *host,
    const ngx_str_t *container)
{
    ngx_rd_job_t           *job;
    ngx_rd_removal_task_t  *task;

    if (id->len != NGX_RD_SESSION_ID_BYTES
        || container->len >= sizeof(task->name)
        || ngx_rd_removal.site.len >= sizeof(task->site))
    {
        return NULL;
    }

    job = ngx_rd_job_create("remove", sizeof(ngx_rd_removal_task_t));
    if (job == NULL) {
        return NULL;
    }

    task = job->data;

    task->job = job;
    task->place = &ngx_rd_removal.hosts[host - ngx_rd_removal.fleet->hosts];
    task->epoch = epoch;
    task->pool = ngx_rd_pools_get(host);
    task->host = host->conf;

    ngx_cpystrn((u_char *) task->name, container->data, container->len + 1);
    ngx_cpystrn((u_char *) task->site, ngx_rd_removal.site.data,
                ngx_rd_removal.site.len + 1);
    ngx_cpystrn((u_char *) task->session, id->data, id->len + 1);

    job->work = ngx_rd_removal_work;
    job->done = ngx_rd_removal_done;

    return task;
}


static ngx_uint_t
ngx_rd_removal_known(ngx_rd_host_t *host, const ngx_str_t *id)
{
    ngx_uint_t              i;
    ngx_queue_t            *q, *list[2];
    ngx_rd_removal_host_t  *place;
    ngx_rd_removal_task_t  *task;

    place = &ngx_rd_removal.hosts[host - ngx_rd_removal.fleet->hosts];
    list[0] = &place->running;
    list[1] = &place->waiting;

    for (i = 0; i < 2; i++) {
        for (q = ngx_queue_head(list[i]);
             q != ngx_queue_sentinel(list[i]);
             q = ngx_queue_next(q))
        {
            task = ngx_queue_data(q, ngx_rd_removal_task_t, queue);

            if (task->finish && ngx_rd_session_is(id, task->session)) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_rd_removal_post(ngx_rd_removal_task_t *task)
{
    if (task->place->n < task->host->connections_max) {
        return ngx_rd_removal_run(task);
    }

    ngx_queue_insert_tail(&task->place->waiting, &task->queue);

    return NGX_OK;
}


/* NGX_ERROR: the task is gone */

static ngx_int_t
ngx_rd_removal_run(ngx_rd_removal_task_t *task)
{
    ngx_msec_t              left_ms;
    ngx_rd_removal_host_t  *place;

    place = task->place;
    left_ms = ngx_rd_closing_left_ms();
    task->timeout_ms = NGX_RD_REMOVAL_TIMEOUT_MS;

    if (left_ms != 0) {
        task->timeout_ms = ngx_min(task->timeout_ms, left_ms);
    }

    task->job->host = task->host->name;
    task->job->bound_ms = task->timeout_ms;

    if (ngx_rd_job_start(task->job, ngx_rd_removal.thread_pool, ngx_cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* of a task that runs, the thread leaves this alone */

    ngx_queue_insert_tail(&place->running, &task->queue);
    place->n++;

    return NGX_OK;
}


/*
 * A worker that leaves finishes what it has begun.  The ends that wait are for
 * others, unless it is to end them; a drive that waits is waited for.
 */

static void
ngx_rd_removal_next(ngx_rd_removal_host_t *place)
{
    void                    *owner;
    ngx_queue_t             *q;
    ngx_rd_removal_task_t   *task;
    ngx_rd_removal_done_pt   done;

    while (!ngx_queue_empty(&place->waiting)) {
        q = ngx_queue_head(&place->waiting);
        ngx_queue_remove(q);

        task = ngx_queue_data(q, ngx_rd_removal_task_t, queue);

        if (task->finish && ngx_rd_closing_left_ms() == 0) {
            ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                          "rd session %*s: its end is left to another worker",
                          NGX_RD_SESSION_ID_SHORT, task->session);
            ngx_rd_job_discard(task->job);
            continue;
        }

        done = task->done;
        owner = task->owner;

        if (ngx_rd_removal_run(task) == NGX_OK) {
            return;
        }

        if (done) {
            done(owner, 0);
        }
    }
}


/*
 * The host was not reached.  The ends that wait would knock one after the
 * other; tick.lua hands them out again when its back-off is over.  As long as
 * another removal runs, its connection may still carry them.
 */

static void
ngx_rd_removal_put_off(ngx_rd_removal_host_t *place)
{
    ngx_uint_t              n;
    ngx_queue_t            *q, *next;
    ngx_rd_removal_task_t  *task;

    if (place->n) {
        return;
    }

    n = 0;

    for (q = ngx_queue_head(&place->waiting);
         q != ngx_queue_sentinel(&place->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        task = ngx_queue_data(q, ngx_rd_removal_task_t, queue);

        if (task->finish) {
            ngx_queue_remove(q);
            ngx_rd_job_discard(task->job);
            n++;
        }
    }

    if (n) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "rd fleet: %ui removals are put off, the host is not "
                      "reached", n);
    }
}


/* pool thread */

static void
ngx_rd_removal_work(ngx_rd_job_t *job)
{
    ngx_rd_removal_task_t  *task;

    task = job->data;

    job->error = ngx_rd_ssh_pool_remove_container(task->pool, task->name,
                                                  task->site, task->session,
                                                  task->epoch,
                                                  task->timeout_ms,
                                                  &job->detail);
}


static void
ngx_rd_removal_done(ngx_rd_job_t *job)
{
    ngx_str_t               id;
    ngx_rd_removal_task_t  *task;

    task = job->data;

    ngx_queue_remove(&task->queue);
    task->place->n--;

    if (ngx_rd_error_unreached(job->error)) {
        ngx_rd_health_unreached(task->host->name);
        ngx_rd_removal_put_off(task->place);
    }

    ngx_rd_removal_next(task->place);

    id.data = (u_char *) task->session;
    id.len = NGX_RD_SESSION_ID_BYTES;

    if (job->error == NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "rd session %*s: container removed, host:%s",
                      NGX_RD_SESSION_ID_SHORT, id.data, task->host->name);

        if (task->finish) {
            ngx_rd_removal_finish(&id, task->epoch);
        }

    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session %*s: container not yet removed, %s, "
                      "host:%s detail:%s", NGX_RD_SESSION_ID_SHORT, id.data,
                      ngx_rd_error_code(job->error), task->host->name,
                      job->detail.text);
    }

    if (task->done) {
        task->done(task->owner, job->error == NGX_RD_ERR_NONE);
    }
}


static void
ngx_rd_removal_finish(ngx_str_t *id, int64_t epoch)
{
    /* when this is lost, tick.lua hands the session out again */

    (void) ngx_rd_store_finish(ngx_rd_removal.store, id, epoch,
                               ngx_rd_removal_finish_done, NULL);
}


static void
ngx_rd_removal_finish_done(ngx_rd_redis_call_t *call)
{
    if (call->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session: end not written, %s",
                      ngx_rd_error_code(call->error));
        return;
    }

    ngx_rd_removal.freed();
}
