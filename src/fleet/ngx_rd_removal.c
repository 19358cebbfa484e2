
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_pools.h"
#include "ngx_rd_removal.h"
#include "../base/ngx_rd_error.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_session.h"
#include "../work/ngx_rd_container.h"
#include "../../ngx_rd_ssh_pool.h"


#define NGX_RD_REMOVAL_TIMEOUT_MS     30000     /* docker rm -f: ~ 200 ms */
#define NGX_RD_REMOVAL_TEXT_BYTES_MAX 64


typedef struct {
    ngx_rd_removal_done_pt   done;          /* loop only */
    void                    *owner;         /* loop only */
    int64_t                  epoch;         /* to finish with; -1: do not */

    ngx_rd_ssh_pool_t       *pool;
    const char              *host;

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
} ngx_rd_removal_t;


static ngx_int_t ngx_rd_removal_post(const ngx_str_t *id, ngx_rd_host_t *host,
    const ngx_str_t *container, int64_t epoch, ngx_rd_removal_done_pt done,
    void *owner);
static void ngx_rd_removal_work(ngx_rd_job_t *job);
static void ngx_rd_removal_done(ngx_rd_job_t *job);

static void ngx_rd_removal_finish(ngx_str_t *id, int64_t epoch);
static void ngx_rd_removal_finish_done(ngx_rd_redis_call_t *call);


static ngx_rd_removal_t  ngx_rd_removal;


void
ngx_rd_removal_init(ngx_rd_store_t *store, ngx_rd_fleet_t *fleet,
    const ngx_str_t *site, ngx_thread_pool_t *thread_pool,
    ngx_rd_removal_freed_pt freed)
{
    ngx_rd_removal.store = store;
    ngx_rd_removal.fleet = fleet;
    ngx_rd_removal.site = *site;
    ngx_rd_removal.thread_pool = thread_pool;
    ngx_rd_removal.freed = freed;
}


void
ngx_rd_removal_end(const ngx_str_t *id, const ngx_str_t *host_name,
    const ngx_str_t *container, int64_t epoch)
{
    ngx_str_t       copy = *id;
    ngx_rd_host_t  *host;

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

    if (ngx_rd_removal_post(id, host, container, epoch, NULL, NULL) != NGX_OK) {
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
ngx_rd_removal_start(const ngx_str_t *id, ngx_rd_host_t *host,
    const ngx_str_t *container, ngx_rd_removal_done_pt done, void *owner)
{
    return ngx_rd_removal_post(id, host, container, -1, done, owner) == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


static ngx_int_t
ngx_rd_removal_post(const ngx_str_t *id, ngx_rd_host_t *host,
    const ngx_str_t *container, int64_t epoch, ngx_rd_removal_done_pt done,
    void *owner)
{
    ngx_rd_job_t           *job;
    ngx_rd_removal_task_t  *task;

    if (id->len != NGX_RD_SESSION_ID_BYTES
        || container->len >= sizeof(task->name)
        || ngx_rd_removal.site.len >= sizeof(task->site))
    {
        return NGX_ERROR;
    }

    job = ngx_rd_job_create("remove", sizeof(ngx_rd_removal_task_t));
    if (job == NULL) {
        return NGX_ERROR;
    }

    task = job->data;

    task->done = done;
    task->owner = owner;
    task->epoch = epoch;
    task->pool = ngx_rd_pools_get(host);
    task->host = host->conf->name;

    ngx_cpystrn((u_char *) task->name, container->data, container->len + 1);
    ngx_cpystrn((u_char *) task->site, ngx_rd_removal.site.data,
                ngx_rd_removal.site.len + 1);
    ngx_cpystrn((u_char *) task->session, id->data, id->len + 1);

    job->work = ngx_rd_removal_work;
    job->done = ngx_rd_removal_done;

    return ngx_rd_job_start(job, ngx_rd_removal.thread_pool, ngx_cycle->log);
}


/* pool thread */

static void
ngx_rd_removal_work(ngx_rd_job_t *job)
{
    ngx_rd_removal_task_t  *task;

    task = job->data;

    job->error = ngx_rd_ssh_pool_remove_container(task->pool, task->name,
                                                  task->site, task->session,
                                                  NGX_RD_REMOVAL_TIMEOUT_MS,
                                                  &job->detail);
}


static void
ngx_rd_removal_done(ngx_rd_job_t *job)
{
    ngx_str_t               id;
    ngx_rd_removal_task_t  *task;

    task = job->data;

    id.data = (u_char *) task->session;
    id.len = NGX_RD_SESSION_ID_BYTES;

    if (job->error == NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "rd session %*s: container removed, host:%s",
                      NGX_RD_SESSION_ID_SHORT, id.data, task->host);

        if (task->epoch >= 0) {
            ngx_rd_removal_finish(&id, task->epoch);
        }

    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd session %*s: container not yet removed, %s, "
                      "host:%s detail:%s", NGX_RD_SESSION_ID_SHORT, id.data,
                      ngx_rd_error_code(job->error), task->host,
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
