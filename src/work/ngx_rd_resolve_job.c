
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_resolve_job.h"


struct ngx_rd_resolve_job_s {
    ngx_rd_job_t           *job;
    ngx_rd_resolve_job_pt   done;       /* event loop only */

    ngx_msec_t              timeout_ms;
    in_port_t               port;
    ngx_rd_resolve_t        found;
    char                    name[NGX_MAXHOSTNAMELEN];
};


static void ngx_rd_resolve_job_work(ngx_rd_job_t *job);
static void ngx_rd_resolve_job_done(ngx_rd_job_t *job);


/* event loop */

ngx_rd_resolve_job_t *
ngx_rd_resolve_job_start(const ngx_str_t *name, in_port_t port,
    ngx_msec_t timeout_ms, ngx_thread_pool_t *pool, ngx_rd_resolve_job_pt done,
    void *owner)
{
    ngx_rd_job_t          *job;
    ngx_rd_resolve_job_t  *lookup;

    if (name->len >= NGX_MAXHOSTNAMELEN) {
        return NULL;
    }

    job = ngx_rd_job_create("resolve", sizeof(ngx_rd_resolve_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->work = ngx_rd_resolve_job_work;
    job->done = ngx_rd_resolve_job_done;
    job->owner = owner;
    job->looks = 1;

    lookup = job->data;
    lookup->job = job;
    lookup->done = done;
    lookup->timeout_ms = timeout_ms;
    lookup->port = port;

    (void) ngx_cpystrn((u_char *) lookup->name, name->data, name->len + 1);

    if (ngx_rd_job_start(job, pool, ngx_cycle->log) != NGX_OK) {
        return NULL;
    }

    return lookup;
}


void
ngx_rd_resolve_job_cancel(ngx_rd_resolve_job_t *lookup)
{
    lookup->job->done = NULL;
}


/* pool thread */

static void
ngx_rd_resolve_job_work(ngx_rd_job_t *job)
{
    ngx_rd_resolve_job_t  *lookup;

    lookup = job->data;

    job->error = ngx_rd_resolve_name(lookup->name, lookup->port,
                                     &lookup->found,
                                     ngx_rd_deadline_in(lookup->timeout_ms),
                                     &job->detail);
}


/* event loop */

static void
ngx_rd_resolve_job_done(ngx_rd_job_t *job)
{
    ngx_rd_resolve_job_t  *lookup;

    lookup = job->data;

    lookup->done(job->owner,
                 job->error == NGX_RD_ERR_NONE ? &lookup->found : NULL,
                 job->detail.text);
}
