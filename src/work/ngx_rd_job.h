
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_JOB_H_INCLUDED_
#define _NGX_RD_JOB_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_thread_pool.h>


typedef void (*ngx_rd_job_work_pt)(ngx_rd_job_t *job);
typedef void (*ngx_rd_job_done_pt)(ngx_rd_job_t *job);


/*
 * One piece of work that may block.  One heap block, made by the loop, lent
 * to a pool thread, and freed by the loop when done has returned.
 */

struct ngx_rd_job_s {
    const char          *name;      /* for the log */
    ngx_rd_job_work_pt   work;      /* pool thread: reads and writes data */
    ngx_rd_job_done_pt   done;      /* event loop; NULL once cancelled */
    ngx_rd_job_done_pt   farewell;  /* event loop; frees what data owns */
    void                *owner;     /* event loop only, never read by work */
    void                *data;      /* the job's own in and out */

    ngx_uint_t           looks;     /* 1: only that, so it may be cut off */
    ngx_uint_t           cut;       /* it was, for the worker leaves */

    ngx_rd_error_e       error;     /* written by work, read by done */
    ngx_rd_detail_t      detail;
};


/* event loop; data is zeroed and lives in the job; NULL: out of memory */
ngx_rd_job_t  *ngx_rd_job_create(const char *name, size_t data_size);

/*
 * Event loop.  NGX_OK: done will be called once, on the loop.  NGX_ERROR (the
 * pool's queue is full): done will not be called and the job is freed.
 * A running job keeps a worker that shuts down alive until done was called.
 * With looks set the deadlines of its work are over then, and cut says so.
 */
ngx_int_t  ngx_rd_job_start(ngx_rd_job_t *job, ngx_thread_pool_t *pool,
    ngx_log_t *log);

/* event loop; frees a job that is not to be started after all */
void  ngx_rd_job_discard(ngx_rd_job_t *job);

/* event loop; jobs of this worker that are queued or running */
ngx_uint_t  ngx_rd_job_count(void);

/* event loop; from now on that number stands here, too; NULL: no more */
void  ngx_rd_job_watch(ngx_uint_t *count);


#endif /* _NGX_RD_JOB_H_INCLUDED_ */
