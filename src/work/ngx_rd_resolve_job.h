
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_RESOLVE_JOB_H_INCLUDED_
#define _NGX_RD_RESOLVE_JOB_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_job.h"
#include "ngx_rd_resolve.h"


/* found NULL: why says what went wrong.  Once, on the event loop. */
typedef void (*ngx_rd_resolve_job_pt)(void *owner,
    const ngx_rd_resolve_t *found, const char *why);

typedef struct ngx_rd_resolve_job_s  ngx_rd_resolve_job_t;


/*
 * (event loop) Has a pool thread look up name.  NULL: the name is too long,
 * out of memory, or the pool's queue is full; done will not be called.
 */
ngx_rd_resolve_job_t  *ngx_rd_resolve_job_start(const ngx_str_t *name,
    in_port_t port, ngx_msec_t timeout_ms, ngx_thread_pool_t *pool,
    ngx_rd_resolve_job_pt done, void *owner);

/* (event loop) done will not be called. */
void  ngx_rd_resolve_job_cancel(ngx_rd_resolve_job_t *lookup);


#endif /* _NGX_RD_RESOLVE_JOB_H_INCLUDED_ */
