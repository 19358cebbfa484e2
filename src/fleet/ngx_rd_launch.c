
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_health.h"
#include "ngx_rd_launch.h"
#include "ngx_rd_pools.h"
#include "../base/ngx_rd_error.h"
#include "../session/ngx_rd_session.h"
#include "../../ngx_rd_ssh_pool.h"


#define NGX_RD_LAUNCH_VNC              5900
#define NGX_RD_LAUNCH_WEB              6080
#define NGX_RD_LAUNCH_SSH              22
#define NGX_RD_LAUNCH_TEXT_BYTES_MAX   64


/* in and out of the job: its own copies, the session may end meanwhile */

typedef struct {
    ngx_rd_launch_done_pt     done;         /* loop only */

    ngx_rd_ssh_pool_t        *pool;
    const char               *host;
    ngx_msec_t                timeout_ms;
    ngx_rd_container_spec_t   spec;
    ngx_rd_container_t        container;

    char                      name[NGX_RD_CONTAINER_NAME_BYTES_MAX];
    char                      site[NGX_RD_LAUNCH_TEXT_BYTES_MAX];
    char                      installation[NGX_RD_LAUNCH_TEXT_BYTES_MAX];
    char                      session[NGX_RD_LAUNCH_TEXT_BYTES_MAX];
    char                      account[NGX_RD_LAUNCH_TEXT_BYTES_MAX];
    char                      password[NGX_RD_LAUNCH_TEXT_BYTES_MAX];
    char                      lifetime[NGX_INT_T_LEN + 1];
} ngx_rd_launch_task_t;


static void ngx_rd_launch_spec(ngx_rd_launch_task_t *task,
    const ngx_rd_launch_t *launch);
static const char *ngx_rd_launch_modes(ngx_uint_t modes);
static void ngx_rd_launch_env(ngx_rd_container_spec_t *spec, const char *name,
    const char *value);
static const char *ngx_rd_launch_copy(char *buf, size_t size,
    const ngx_str_t *text);

static void ngx_rd_launch_work(ngx_rd_job_t *job);
static void ngx_rd_launch_done(ngx_rd_job_t *job);
static void ngx_rd_launch_farewell(ngx_rd_job_t *job);


ngx_int_t
ngx_rd_launch_start(const ngx_rd_launch_t *launch,
    ngx_thread_pool_t *thread_pool, ngx_rd_launch_done_pt done, void *owner)
{
    ngx_rd_job_t          *job;
    ngx_rd_launch_task_t  *task;

    job = ngx_rd_job_create("launch", sizeof(ngx_rd_launch_task_t));
    if (job == NULL) {
        return NGX_ERROR;
    }

    task = job->data;
    task->done = done;
    task->pool = ngx_rd_pools_get(launch->host);
    task->host = launch->host->conf->name;
    task->timeout_ms = launch->timeout_ms;
    ngx_rd_launch_spec(task, launch);

    job->work = ngx_rd_launch_work;
    job->done = ngx_rd_launch_done;
    job->farewell = ngx_rd_launch_farewell;
    job->host = task->host;
    job->bound_ms = task->timeout_ms;
    job->owner = owner;

    return ngx_rd_job_start(job, thread_pool, ngx_cycle->log) == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_rd_launch_spec(ngx_rd_launch_task_t *task, const ngx_rd_launch_t *launch)
{
    char                     *view_password;
    ngx_rd_settings_t        *settings;
    ngx_rd_container_spec_t  *spec;

    spec = &task->spec;
    settings = launch->settings;

    spec->name = ngx_rd_launch_copy(task->name, sizeof(task->name),
                                    &launch->name);
    spec->site = ngx_rd_launch_copy(task->site, sizeof(task->site),
                                    &launch->site);
    spec->installation = ngx_rd_launch_copy(task->installation,
                                            sizeof(task->installation),
                                            &launch->installation);
    spec->session = ngx_rd_launch_copy(task->session, sizeof(task->session),
                                       &launch->session);
    spec->image = settings->docker_image;
    spec->hostname = "desktop";
    spec->epoch = launch->epoch;

    spec->memory_bytes = settings->memory_bytes;
    spec->shm_bytes = settings->shm_bytes;
    spec->nano_cpus = settings->nano_cpus;
    spec->pids_max = settings->pids_max;
    spec->cap_add = settings->cap_add;
    spec->ncap_add = settings->ncap_add;
    spec->cap_drop = settings->cap_drop;
    spec->ncap_drop = settings->ncap_drop;

    (void) ngx_rd_launch_copy(task->account, sizeof(task->account),
                              &launch->account);
    (void) ngx_rd_launch_copy(task->password, sizeof(task->password),
                              &launch->passwords);

    /* a session queued by an earlier release has one password only */

    view_password = strchr(task->password, '\n');

    if (view_password) {
        *view_password++ = '\0';
    }

    *ngx_sprintf((u_char *) task->lifetime, "%ui", launch->lifetime_s) = '\0';

    ngx_rd_launch_env(spec, "VNC_PASSWORD", task->password);

    if (view_password && *view_password) {
        ngx_rd_launch_env(spec, "VNC_VIEW_PASSWORD", view_password);
    }

    ngx_rd_launch_env(spec, "RESOLUTION", settings->resolution);
    ngx_rd_launch_env(spec, "CTFD_USERNAME", task->account);
    ngx_rd_launch_env(spec, "MAX_LIFETIME", task->lifetime);
    ngx_rd_launch_env(spec, "MODES", ngx_rd_launch_modes(settings->modes));

    spec->publish_address = (char *) launch->host->publish.data;
    spec->ports[NGX_RD_LAUNCH_PORT_WEB] = NGX_RD_LAUNCH_WEB;
    spec->ports[NGX_RD_LAUNCH_PORT_VNC] = NGX_RD_LAUNCH_VNC;
    spec->nports = 2;

    /* in this order, see ngx_rd_launch_endpoints() */

    if (settings->modes & NGX_RD_MODE_TERMINAL) {
        spec->ports[spec->nports++] = NGX_RD_CONTAINER_TERMINAL;
        spec->terminal = 1;
    }

    if (settings->modes & NGX_RD_MODE_SSH) {
        spec->ports[spec->nports++] = NGX_RD_LAUNCH_SSH;
    }
}


/* as the image reads them: what it need not start */

static const char *
ngx_rd_launch_modes(ngx_uint_t modes)
{
    switch (modes & (NGX_RD_MODE_TERMINAL | NGX_RD_MODE_SSH)) {

    case NGX_RD_MODE_TERMINAL:
        return "desktop terminal";

    case NGX_RD_MODE_SSH:
        return "desktop ssh";

    case NGX_RD_MODE_TERMINAL | NGX_RD_MODE_SSH:
        return "desktop terminal ssh";

    default:
        return "desktop";
    }
}


void
ngx_rd_launch_endpoints(ngx_rd_store_endpoints_t *endpoints,
    ngx_rd_host_t *host, ngx_rd_settings_t *settings,
    const ngx_rd_container_t *container)
{
    ngx_uint_t  n;

    ngx_memzero(endpoints, sizeof(ngx_rd_store_endpoints_t));

    endpoints->address = host->address;
    endpoints->web_port = container->ports[NGX_RD_LAUNCH_PORT_WEB];
    endpoints->vnc_port = container->ports[NGX_RD_LAUNCH_PORT_VNC];

    endpoints->public_host.data = (u_char *) host->conf->pub_hostname;
    endpoints->public_host.len = ngx_strlen(host->conf->pub_hostname);

    n = NGX_RD_LAUNCH_PORT_VNC + 1;

    if (settings->modes & NGX_RD_MODE_TERMINAL) {
        endpoints->terminal_port = container->ports[n++];
    }

    if (settings->modes & NGX_RD_MODE_SSH) {
        endpoints->ssh_port = container->ports[n++];
    }
}


static void
ngx_rd_launch_env(ngx_rd_container_spec_t *spec, const char *name,
    const char *value)
{
    ngx_rd_assert(spec->nenv < NGX_RD_CONTAINER_ENV_MAX);

    spec->env_name[spec->nenv] = name;
    spec->env_value[spec->nenv++] = value;
}


static const char *
ngx_rd_launch_copy(char *buf, size_t size, const ngx_str_t *text)
{
    ngx_rd_assert(text->len < size);

    ngx_cpystrn((u_char *) buf, text->data, ngx_min(text->len + 1, size));

    return buf;
}


/* pool thread */

static void
ngx_rd_launch_work(ngx_rd_job_t *job)
{
    ngx_rd_launch_task_t  *task;

    task = job->data;

    job->error = ngx_rd_ssh_pool_start_container(task->pool, &task->spec,
                                                 &task->container,
                                                 task->timeout_ms,
                                                 &job->detail);
}


static void
ngx_rd_launch_done(ngx_rd_job_t *job)
{
    ngx_rd_launch_task_t  *task;

    task = job->data;

    if (job->error != NGX_RD_ERR_NONE) {
        ngx_rd_health_failed(task->host, job->error, &job->detail);
    }

    if (ngx_rd_error_unreached(job->error)) {
        ngx_rd_health_unreached(task->host);
    }

    task->done(job->owner, job->error, &job->detail, &task->container);
}


static void
ngx_rd_launch_farewell(ngx_rd_job_t *job)
{
    ngx_rd_launch_task_t  *task;

    task = job->data;

    explicit_bzero(task->password, sizeof(task->password));
}
