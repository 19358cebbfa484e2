
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_health.h"
#include "ngx_rd_pools.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_settings.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "../session/ngx_rd_session.h"
#include "../work/ngx_rd_job.h"
#include "../../ngx_rd_ssh_pool.h"


/* of a probe; an interval in between is its deadline */
#define NGX_RD_HEALTH_TIMEOUT_MS_MIN  2000
#define NGX_RD_HEALTH_TIMEOUT_MS_MAX  10000

/* the wait for a thread and the probe: then somebody else may try */
#define NGX_RD_HEALTH_LEASE_MS        30000

/* between two looks for what is due */
#define NGX_RD_HEALTH_LOOK_MS_MIN     50
#define NGX_RD_HEALTH_LOOK_MS_MAX     5000
#define NGX_RD_HEALTH_REDIS_AWAY_MS   1000


typedef struct {
    ngx_rd_health_conf_t        conf;

    ngx_event_t                 look;
    ngx_rd_redis_call_t        *due;
    unsigned                    all:1;      /* the next look takes every host */
} ngx_rd_health_t;


/* "3.8 GiB", "0.25 processors" */

typedef char  ngx_rd_health_amount_t[32];


typedef struct {
    const char                 *host;
    int64_t                     number;
    unsigned                    first:1;    /* of this start of nginx */

    ngx_rd_ssh_pool_t          *pool;
    const ngx_rd_host_conf_t   *conf;
    const char                 *image;
    ngx_msec_t                  timeout_ms;
    ngx_rd_docker_json_info_t   info;

    ngx_rd_health_amount_t      needs;      /* of a host that is too small */
    ngx_rd_health_amount_t      has;
} ngx_rd_health_task_t;


/* the log line of a probe, written when Redis has the result */

typedef struct {
    const char                 *host;
    unsigned                    first:1;
    ngx_rd_error_e              error;
    ngx_rd_detail_t             detail;
} ngx_rd_health_news_t;


static void ngx_rd_health_look_handler(ngx_event_t *ev);
static void ngx_rd_health_look_done(ngx_rd_redis_call_t *call);

static void ngx_rd_health_probe(ngx_str_t *name, int64_t number,
    ngx_uint_t first);
static void ngx_rd_health_probe_work(ngx_rd_job_t *job);
static void ngx_rd_health_probe_done(ngx_rd_job_t *job);
static void ngx_rd_health_probe_overdue(ngx_rd_job_t *job);
static void ngx_rd_health_report(const ngx_rd_health_task_t *task,
    ngx_rd_error_e error, const ngx_rd_detail_t *detail,
    const ngx_rd_docker_json_info_t *info);
static const char *ngx_rd_health_reason(ngx_rd_error_e error);
static void ngx_rd_health_size(ngx_rd_health_task_t *task, ngx_rd_job_t *job);
static void ngx_rd_health_memory(ngx_rd_health_amount_t out, int64_t bytes,
    const char *after);
static void ngx_rd_health_cpus(ngx_rd_health_amount_t out, int64_t nano_cpus,
    const char *after);
static const char *ngx_rd_health_words(const char *host,
    const ngx_rd_detail_t *detail);

static void ngx_rd_health_seen_done(ngx_rd_redis_call_t *call);
static void ngx_rd_health_full_done(ngx_rd_redis_call_t *call);
static void ngx_rd_health_away_done(ngx_rd_redis_call_t *call);


static ngx_rd_health_t  ngx_rd_health;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_health_dumb = { .fd = (ngx_socket_t) -1 };


void
ngx_rd_health_init(const ngx_rd_health_conf_t *conf)
{
    ngx_rd_health.conf = *conf;
    ngx_rd_health.all = (ngx_worker == 0);

    ngx_rd_health.look.handler = ngx_rd_health_look_handler;
    ngx_rd_health.look.log = ngx_cycle->log;
    ngx_rd_health.look.data = &ngx_rd_health_dumb;
    ngx_rd_health.look.cancelable = 1;
    ngx_add_timer(&ngx_rd_health.look, NGX_RD_HEALTH_LOOK_MS_MIN);
}


void
ngx_rd_health_exit(void)
{
    if (ngx_rd_health.due) {
        ngx_rd_redis_call_cancel(ngx_rd_health.due);
        ngx_rd_health.due = NULL;
    }

    if (ngx_rd_health.look.timer_set) {
        ngx_del_timer(&ngx_rd_health.look);
    }

    ngx_rd_health.conf.store = NULL;
}


static void
ngx_rd_health_look_handler(ngx_event_t *ev)
{
    if (ngx_exiting) {
        return;
    }

    if (ngx_rd_redis_ready(ngx_rd_health.conf.store->redis)) {
        ngx_rd_health.due =
            ngx_rd_fleet_store_host_due(ngx_rd_health.conf.store,
                                        ngx_rd_health.conf.fleet,
                                        NGX_RD_HEALTH_LEASE_MS,
                                        ngx_rd_health.all,
                                        ngx_rd_health_look_done, NULL);
    }

    if (ngx_rd_health.due == NULL) {
        ngx_add_timer(ev, ngx_rd_health.all ? NGX_RD_HEALTH_LOOK_MS_MIN
                                            : NGX_RD_HEALTH_REDIS_AWAY_MS);
    }
}


static void
ngx_rd_health_look_done(ngx_rd_redis_call_t *call)
{
    int64_t                      number, wait_ms;
    ngx_str_t                    name;
    ngx_uint_t                   i, n;
    const ngx_rd_redis_reply_t  *due;

    ngx_rd_health.due = NULL;
    wait_ms = NGX_RD_HEALTH_REDIS_AWAY_MS;

    if (call->error == NGX_RD_ERR_NONE) {
        n = ngx_rd_redis_reply_count(call->reply);

        for (i = 1; i < n && !ngx_exiting; i++) {
            due = ngx_rd_redis_reply_at(call->reply, i);

            name = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(due, 0));
            number = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(due, 1),
                                                0);

            ngx_rd_health_probe(&name, number, ngx_rd_health.all);
        }

        ngx_rd_health.all = 0;

        wait_ms = ngx_rd_redis_reply_integer(
                                      ngx_rd_redis_reply_at(call->reply, 0), 0);
        wait_ms = ngx_min(wait_ms, NGX_RD_HEALTH_LOOK_MS_MAX);
        wait_ms = ngx_min(wait_ms, (int64_t) ngx_rd_health.conf.interval_ms);
        wait_ms = ngx_max(wait_ms, NGX_RD_HEALTH_LOOK_MS_MIN);
    }

    if (!ngx_exiting) {
        ngx_add_timer(&ngx_rd_health.look, (ngx_msec_t) wait_ms);
    }
}


/* when nothing comes of it, the next look after the lease finds it due */

static void
ngx_rd_health_probe(ngx_str_t *name, int64_t number, ngx_uint_t first)
{
    ngx_msec_t             timeout_ms;
    ngx_rd_job_t          *job;
    ngx_rd_host_t         *host;
    ngx_rd_health_task_t  *task;

    host = ngx_rd_host_find(ngx_rd_health.conf.fleet, name);
    if (host == NULL) {
        return;
    }

    job = ngx_rd_job_create("probe", sizeof(ngx_rd_health_task_t));
    if (job == NULL) {
        return;
    }

    timeout_ms = ngx_min(ngx_rd_health.conf.interval_ms,
                         NGX_RD_HEALTH_TIMEOUT_MS_MAX);

    task = job->data;
    task->host = host->conf->name;
    task->number = number;
    task->first = first;
    task->pool = ngx_rd_pools_get(host);
    task->conf = host->conf;
    task->image = ngx_rd_health.conf.settings->docker_image;
    task->timeout_ms = ngx_max(timeout_ms, NGX_RD_HEALTH_TIMEOUT_MS_MIN);

    job->work = ngx_rd_health_probe_work;
    job->done = ngx_rd_health_probe_done;
    job->overdue = ngx_rd_health_probe_overdue;
    job->host = task->host;
    job->bound_ms = task->timeout_ms;
    job->looks = 1;

    (void) ngx_rd_job_start(job, ngx_rd_health.conf.thread_pool,
                            ngx_cycle->log);
}


/* pool thread */

static void
ngx_rd_health_probe_work(ngx_rd_job_t *job)
{
    ngx_rd_health_task_t  *task;

    task = job->data;

    job->error = ngx_rd_ssh_pool_check(task->pool, task->image, &task->info,
                                       task->timeout_ms, &job->detail);
}


static void
ngx_rd_health_probe_done(ngx_rd_job_t *job)
{
    ngx_rd_health_task_t  *task;

    task = job->data;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "rd health: host %s %s, %s", task->host,
                   job->cut ? "not probed to the end" : "probed",
                   ngx_rd_error_code(job->error));

    /* that we leave, or are short of memory, says nothing of the host */

    if (ngx_rd_health.conf.store == NULL || job->error == NGX_RD_ERR_MEMORY
        || (job->cut && job->error != NGX_RD_ERR_NONE))
    {
        return;
    }

    if (job->error == NGX_RD_ERR_NONE) {
        ngx_rd_health_size(task, job);
    }

    if (job->owner == NULL) {
        ngx_rd_health_report(task, job->error, &job->detail, &task->info);
    }
}


/* a host that keeps its probe from ending is reported all the same, once */

static void
ngx_rd_health_probe_overdue(ngx_rd_job_t *job)
{
    ngx_rd_detail_t             detail;
    ngx_rd_health_task_t       *task;
    ngx_rd_docker_json_info_t   info;

    task = job->data;
    job->owner = &ngx_rd_health;

    if (ngx_rd_health.conf.store == NULL || ngx_exiting) {
        return;
    }

    ngx_memzero(&info, sizeof(ngx_rd_docker_json_info_t));
    (void) ngx_rd_error_detail(NGX_RD_ERR_SSH_TIMEOUT, &detail,
                               "%s: its probe does not end", task->host);

    ngx_rd_health_report(task, NGX_RD_ERR_SSH_TIMEOUT, &detail, &info);
}


static void
ngx_rd_health_report(const ngx_rd_health_task_t *task, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail, const ngx_rd_docker_json_info_t *info)
{
    ngx_rd_health_news_t       *news;
    ngx_rd_fleet_store_seen_t   seen;

    news = ngx_alloc(sizeof(ngx_rd_health_news_t), ngx_cycle->log);
    if (news == NULL) {
        return;
    }

    news->host = task->host;
    news->first = task->first;
    news->error = error;
    news->detail = *detail;

    seen.host = task->host;
    seen.number = task->number;
    seen.reason = ngx_rd_health_reason(error);
    seen.error = error;
    seen.detail = detail->text;
    seen.interval_ms = ngx_rd_health.conf.interval_ms;
    seen.info = *info;
    seen.needs = task->needs;
    seen.has = task->has;

    if (ngx_rd_fleet_store_host_seen(ngx_rd_health.conf.store, &seen,
                                     ngx_rd_health_seen_done, news)
        == NULL)
    {
        ngx_free(news);
    }
}


static const char *
ngx_rd_health_reason(ngx_rd_error_e error)
{
    switch (error) {

    case NGX_RD_ERR_NONE:
        return "";

    case NGX_RD_ERR_DOCKER_NO_IMAGE:
        return "no_image";

    case NGX_RD_ERR_HOST_TOO_SMALL:
        return "too_small";

    case NGX_RD_ERR_DOCKER_CONNECT:
    case NGX_RD_ERR_DOCKER_TIMEOUT:
    case NGX_RD_ERR_DOCKER_ANSWER:
    case NGX_RD_ERR_DOCKER_REFUSED:
    case NGX_RD_ERR_SSH_CHANNEL:
        return "daemon";

    default:
        return "unreachable";
    }
}


/*
 * A host that can never hold one desktop.  How much desktops may take together
 * is compared with memory_limit in hosts.yml already (memory), unless it is
 * what the engine reports.  An engine refuses a cpu_limit above its own number
 * of processors, whatever hosts.yml says.
 */

static void
ngx_rd_health_size(ngx_rd_health_task_t *task, ngx_rd_job_t *job)
{
    const char               *key;
    const ngx_rd_settings_t  *settings;

    settings = ngx_rd_health.conf.settings;

    if (task->conf->memory_bytes == 0 && task->info.memory_bytes > 0
        && task->info.memory_bytes < settings->memory_bytes)
    {
        key = "memory_limit";
        ngx_rd_health_memory(task->needs, settings->memory_bytes, " of memory");
        ngx_rd_health_memory(task->has, task->info.memory_bytes, "");

    } else if (task->info.nano_cpus > 0
               && task->info.nano_cpus < settings->nano_cpus)
    {
        key = "cpu_limit";
        ngx_rd_health_cpus(task->needs, settings->nano_cpus, " processors");
        ngx_rd_health_cpus(task->has, task->info.nano_cpus, "");

    } else {
        return;
    }

    job->error = ngx_rd_error_detail(NGX_RD_ERR_HOST_TOO_SMALL, &job->detail,
                                     "a desktop needs %s (%s in hosts.yml), "
                                     "the host has %s", task->needs, key,
                                     task->has);
}


static void
ngx_rd_health_memory(ngx_rd_health_amount_t out, int64_t bytes,
    const char *after)
{
    double  mib;

    mib = (double) bytes / (1024 * 1024);

    (void) snprintf(out, sizeof(ngx_rd_health_amount_t), "%.1f %s%s",
                    mib < 1024 ? mib : mib / 1024,
                    mib < 1024 ? "MiB" : "GiB", after);
}


static void
ngx_rd_health_cpus(ngx_rd_health_amount_t out, int64_t nano_cpus,
    const char *after)
{
    (void) snprintf(out, sizeof(ngx_rd_health_amount_t), "%g%s",
                    (double) nano_cpus / 1000000000, after);
}


/* a detail begins with the name of its host, which the line has already */

static const char *
ngx_rd_health_words(const char *host, const ngx_rd_detail_t *detail)
{
    size_t  len;

    len = ngx_strlen(host);

    if (ngx_strncmp(detail->text, host, len) == 0
        && ngx_strncmp(detail->text + len, ": ", 2) == 0)
    {
        return detail->text + len + 2;
    }

    return detail->text;
}


/* also called when the worker exits, with nothing but call to look at */

static void
ngx_rd_health_seen_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t              health, was, reason;
    ngx_uint_t             changed;
    ngx_rd_health_news_t  *news;

    news = call->owner;

    if (call->error != NGX_RD_ERR_NONE
        || ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0), 0)
           != 1)
    {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "rd health: host %s, this probe does not count",
                       news->host);
        goto done;
    }

    health = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 1));
    was = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 2));
    reason = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 3));

    changed = health.len != was.len
              || ngx_memcmp(health.data, was.data, was.len) != 0
              || !ngx_rd_session_is(&reason,
                                    ngx_rd_health_reason(news->error));

    if (news->error == NGX_RD_ERR_NONE) {

        if (changed) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "rd fleet: host %s up, was %V", news->host, &was);
        }

    } else if (changed || news->first) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd fleet: host %s %V: %s (%s)", news->host, &health,
                      ngx_rd_health_words(news->host, &news->detail),
                      ngx_rd_error_code(news->error));
    }

done:

    ngx_free(news);
}


void
ngx_rd_health_unreached(const char *host)
{
    if (ngx_rd_health.conf.store == NULL) {
        return;
    }

    /* when this is lost, the next failure says so again */

    (void) ngx_rd_fleet_store_host_away(ngx_rd_health.conf.store, host,
                                        ngx_rd_health_away_done, NULL);
}


/* the probe at the end of the pause comes before the next look would */

static void
ngx_rd_health_away_done(ngx_rd_redis_call_t *call)
{
    /* without a timer a look is under way, or there are none any more */

    if (call->error == NGX_RD_ERR_NONE && ngx_rd_health.look.timer_set) {
        ngx_del_timer(&ngx_rd_health.look);
        ngx_add_timer(&ngx_rd_health.look, NGX_RD_HEALTH_LOOK_MS_MIN);
    }
}


void
ngx_rd_health_failed(const char *host, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail)
{
    if (ngx_rd_health.conf.store == NULL
        || error != NGX_RD_ERR_DOCKER_DISK_FULL)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "rd fleet: host %s down: its disk is full: %s (%s)", host,
                  ngx_rd_health_words(host, detail), ngx_rd_error_code(error));

    /* when this is lost, the next creation there says so again */

    (void) ngx_rd_fleet_store_host_full(ngx_rd_health.conf.store, host, error,
                                        detail->text, ngx_rd_health_full_done,
                                        NULL);
}


static void
ngx_rd_health_full_done(ngx_rd_redis_call_t *call)
{
    if (call->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rd fleet: Redis did not take that a disk is full: "
                      "%s",
                      ngx_rd_error_code(call->error));
    }
}
