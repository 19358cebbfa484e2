
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_JOB_H_INCLUDED_
#define _NGX_RD_JOB_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_thread_pool.h>


#define NGX_RD_JOB_GRACE_MS  2000


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
    ngx_rd_job_done_pt   overdue;   /* event loop; may be NULL, see below */
    void                *owner;     /* event loop only, never read by work */
    void                *data;      /* the job's own in and out */

    const char          *host;      /* event loop; for the log, may be NULL */
    ngx_msec_t           bound_ms;  /* event loop; of the work, once begun */

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
 *
 * Work that still runs NGX_RD_JOB_GRACE_MS after its bound_ms (0: none) is
 * overdue: one warning names it, it is counted, all deadlines of its thread
 * are over from then on, and overdue is called once, with nothing of the job
 * to look at but owner.  done still follows if the work ever returns.
 */
ngx_int_t  ngx_rd_job_start(ngx_rd_job_t *job, ngx_thread_pool_t *pool,
    ngx_log_t *log);

/* event loop; frees a job that is not to be started after all */
void  ngx_rd_job_discard(ngx_rd_job_t *job);

/* event loop; jobs of this worker that are queued or running */
ngx_uint_t  ngx_rd_job_count(void);

/*
 * Event loop, once, in a worker that leaves and has no job: all threads of the
 * pool but one end.  What is started later waits for that one.
 */
void  ngx_rd_job_shrink(ngx_thread_pool_t *pool, ngx_log_t *log);

/*
 * Event loop; from now on that number stands in *count, too, and jobs that are
 * overdue are added to *overdue; both NULL: no more.
 */
void  ngx_rd_job_watch(ngx_uint_t *count, uint64_t *overdue);


#endif /* _NGX_RD_JOB_H_INCLUDED_ */
