
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_deadline.h"
#include "ngx_rd_job.h"


/*
 * The bridge between the event loop and the pool's threads, and the only file
 * that stands on both sides.  What makes it safe:
 *
 * - A job is one block of its own.  The loop makes and frees it; in between
 *   the thread has it, and the loop touches only done and owner, which the
 *   thread never reads.
 *
 * - nginx ends a worker that shuts down as soon as no timer is left, and then
 *   spins at full speed until the pool's threads are back.  A timer that is
 *   not cancelable keeps the loop alive until the job is done, as nginx itself
 *   does since 1.26.
 *
 * - The timer is no time-out: when it fires, it is set again.  How long a job
 *   may take is for the job's own deadlines to say.  But nothing tells that a
 *   worker has begun to leave, so the timer of a job that may be cut off then
 *   comes more often and looks.  It also notices work that is overdue.
 *
 * - The event needs a log and data: a timer of an nginx with --with-debug
 *   writes both down.
 */

#define NGX_RD_JOB_TIMER_MS  60000
#define NGX_RD_JOB_BOUND_MS  1000
#define NGX_RD_JOB_LOOK_MS   250
#define NGX_RD_JOB_LOOKS     4      /* a host that answers is done by then */


typedef struct {
    ngx_thread_task_t    task;      /* first: the pool hands this back */
    ngx_rd_job_t         job;

    ngx_msec_t           started_ms;
    ngx_uint_t           looked;        /* while the worker leaves */
    unsigned             finished:1;
    unsigned             overdue:1;

    /* atomic, between both threads */
    ngx_uint_t           working;       /* a thread has begun */
    ngx_uint_t           stop;          /* its deadlines are over */

    ngx_msec_t           seen_ms;       /* the loop saw it working; 0: no */
} ngx_rd_job_block_t;


static void ngx_rd_job_work_handler(void *data, ngx_log_t *log);
static void ngx_rd_job_done_handler(ngx_event_t *ev);
static void ngx_rd_job_look(ngx_rd_job_block_t *block);
static void ngx_rd_job_timer(ngx_rd_job_block_t *block);
static void ngx_rd_job_free(ngx_rd_job_block_t *block);

static void ngx_rd_job_counted(void);
static void ngx_rd_job_leave(void *data, ngx_log_t *log);


/*
 * nginx has no call that makes a pool smaller: a thread ends in a task, as in
 * ngx_thread_pool_destroy(), which then waits for as many as tp->threads says.
 * So that field has to follow.  These are the first members of struct
 * ngx_thread_pool_s (ngx_thread_pool.c), the same since nginx 1.7.11; what is
 * read is checked before anything is written.
 */

typedef struct {
    ngx_thread_mutex_t    mtx;
    ngx_thread_task_t    *first;
    ngx_thread_task_t   **last;
    ngx_int_t             waiting;
    ngx_thread_cond_t     cond;
    ngx_log_t            *log;
    ngx_str_t             name;
    ngx_uint_t            threads;
    ngx_int_t             max_queue;
    u_char               *file;
    ngx_uint_t            line;
} ngx_rd_job_pool_t;

#define NGX_RD_JOB_THREADS_MAX  65536


/* event loop only */
static ngx_uint_t   ngx_rd_job_running;
static ngx_uint_t  *ngx_rd_job_watched;
static uint64_t    *ngx_rd_job_overdue;

static ngx_thread_task_t  *ngx_rd_job_leaving;


/* event loop */

ngx_rd_job_t *
ngx_rd_job_create(const char *name, size_t data_size)
{
    size_t               size;
    ngx_rd_job_block_t  *block;

    size = ngx_align(sizeof(ngx_rd_job_block_t), 16);

    block = ngx_calloc(size + data_size, ngx_cycle->log);
    if (block == NULL) {
        return NULL;
    }

    block->job.name = name;
    block->job.data = (u_char *) block + size;

    block->task.handler = ngx_rd_job_work_handler;
    block->task.ctx = block;
    block->task.event.handler = ngx_rd_job_done_handler;
    block->task.event.data = block;

    return &block->job;
}


ngx_int_t
ngx_rd_job_start(ngx_rd_job_t *job, ngx_thread_pool_t *pool, ngx_log_t *log)
{
    ngx_event_t         *ev;
    ngx_rd_job_block_t  *block;

    block = (ngx_rd_job_block_t *) ((u_char *) job
                                    - offsetof(ngx_rd_job_block_t, job));

    ngx_rd_assert(!block->task.event.active);
    ngx_rd_assert(job->work != NULL);

    ev = &block->task.event;
    ev->log = log;

    if (job->looks && ngx_rd_deadline_cut_init(&ngx_terminate) != NGX_OK) {
        job->looks = 0;
    }

    block->started_ms = ngx_current_msec;

    if (ngx_thread_task_post(pool, &block->task) != NGX_OK) {
        ngx_rd_job_free(block);
        return NGX_ERROR;
    }

    /* done cannot come before we are back in the loop */

    ngx_rd_job_running++;
    ngx_rd_job_counted();
    ngx_rd_job_timer(block);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, log, 0,
                   "rd job: %s started, running:%ui",
                   job->name, ngx_rd_job_running);

    return NGX_OK;
}


ngx_uint_t
ngx_rd_job_count(void)
{
    return ngx_rd_job_running;
}


void
ngx_rd_job_watch(ngx_uint_t *count, uint64_t *overdue)
{
    ngx_rd_job_watched = count;
    ngx_rd_job_overdue = overdue;
    ngx_rd_job_counted();
}


void
ngx_rd_job_shrink(ngx_thread_pool_t *pool, ngx_log_t *log)
{
    ngx_uint_t          n;
    ngx_rd_job_pool_t  *p;

    p = (ngx_rd_job_pool_t *) pool;

    /* an idle thread counts as -1 of those that wait */

    if (ngx_rd_job_running || ngx_rd_job_leaving || p->log != log
        || p->waiting != -(ngx_int_t) p->threads
        || p->first != NULL || p->last != &p->first
        || p->threads < 2 || p->threads > NGX_RD_JOB_THREADS_MAX
        || p->max_queue < (ngx_int_t) p->threads)
    {
        return;
    }

    /* a thread that takes one never gives it back: they live to the end */

    ngx_rd_job_leaving = ngx_calloc((p->threads - 1)
                                    * sizeof(ngx_thread_task_t), log);
    if (ngx_rd_job_leaving == NULL) {
        return;
    }

    for (n = 0; p->threads > 1; n++) {

        ngx_rd_job_leaving[n].handler = ngx_rd_job_leave;

        if (ngx_thread_task_post(pool, &ngx_rd_job_leaving[n]) != NGX_OK) {
            break;
        }

        p->threads--;
    }

    ngx_log_error(NGX_LOG_INFO, log, 0,
                  "rd job: %ui idle threads given back", n);
}


/* pool thread */

static void
ngx_rd_job_leave(void *data, ngx_log_t *log)
{
    pthread_exit(NULL);
}


/* event loop */

void
ngx_rd_job_discard(ngx_rd_job_t *job)
{
    ngx_rd_job_free((ngx_rd_job_block_t *) ((u_char *) job
                                            - offsetof(ngx_rd_job_block_t,
                                                       job)));
}


static void
ngx_rd_job_counted(void)
{
    if (ngx_rd_job_watched) {
        *ngx_rd_job_watched = ngx_rd_job_running;
    }
}


/* pool thread */

static void
ngx_rd_job_work_handler(void *data, ngx_log_t *log)
{
    ngx_rd_job_block_t  *block = data;

    __atomic_store_n(&block->working, 1, __ATOMIC_RELAXED);
    ngx_rd_deadline_cut_on(&block->stop);

    if (block->job.looks) {
        ngx_rd_deadline_cut_begin();
        block->job.work(&block->job);
        block->job.cut = ngx_rd_deadline_cut_end();

    } else {
        block->job.work(&block->job);
    }

    ngx_rd_deadline_cut_on(NULL);
}


/* event loop: the pool's completion, or the timer */

static void
ngx_rd_job_done_handler(ngx_event_t *ev)
{
    ngx_rd_job_block_t  *block = ev->data;

    if (!ev->complete) {
        ev->timedout = 0;

        if (ngx_exiting && block->job.looks
            && ++block->looked == NGX_RD_JOB_LOOKS)
        {
            ngx_rd_deadline_cut();
        }

        ngx_rd_job_look(block);
        ngx_rd_job_timer(block);
        return;
    }

    if (block->finished) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0, "rd job: done called twice");
        ngx_rd_assert(0);
        return;
    }

    block->finished = 1;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_rd_job_running--;
    ngx_rd_job_counted();

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, ev->log, 0,
                   "rd job: %s %s, took:%Mms running:%ui", block->job.name,
                   block->job.done ? "done" : "done, nobody waits",
                   ngx_current_msec - block->started_ms, ngx_rd_job_running);

    if (block->job.done) {
        block->job.done(&block->job);
    }

    ngx_rd_job_free(block);
}


/* is its work overdue?  Time in the queue does not count. */

static void
ngx_rd_job_look(ngx_rd_job_block_t *block)
{
    ngx_rd_job_t  *job;

    job = &block->job;

    if (job->bound_ms == 0 || block->overdue
        || !__atomic_load_n(&block->working, __ATOMIC_RELAXED))
    {
        return;
    }

    if (block->seen_ms == 0) {
        block->seen_ms = ngx_max(ngx_current_msec, 1);
        return;
    }

    if (ngx_current_msec - block->seen_ms
        < job->bound_ms + NGX_RD_JOB_GRACE_MS)
    {
        return;
    }

    block->overdue = 1;
    __atomic_store_n(&block->stop, 1, __ATOMIC_RELAXED);

    ngx_log_error(NGX_LOG_WARN, block->task.event.log, 0,
                  "rd job: %s still runs %Mms after its bound of %Mms, host:%s "
                  "its thread is told to stop", job->name,
                  ngx_current_msec - block->seen_ms - job->bound_ms,
                  job->bound_ms, job->host ? job->host : "-");

    if (ngx_rd_job_overdue) {
        (*ngx_rd_job_overdue)++;
    }

    if (job->overdue) {
        job->overdue(job);
    }
}


static void
ngx_rd_job_timer(ngx_rd_job_block_t *block)
{
    ngx_msec_t  ms;

    ms = NGX_RD_JOB_TIMER_MS;

    if (block->job.bound_ms && !block->overdue) {
        ms = NGX_RD_JOB_BOUND_MS;
    }

    if (block->job.looks) {
        ms = NGX_RD_JOB_LOOK_MS;
    }

    ngx_add_timer(&block->task.event, ms);
}


static void
ngx_rd_job_free(ngx_rd_job_block_t *block)
{
    if (block->job.farewell) {
        block->job.farewell(&block->job);
    }

    ngx_free(block);
}
