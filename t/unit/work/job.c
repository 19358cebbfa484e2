/* sources: src/work/ngx_rd_deadline.c */
/* libs: -lpthread */

/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/work/ngx_rd_job.c"
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>


/*
 * nginx's side, as far as the bridge sees it: one queue, one timer tree, one
 * clock.  The work runs on a thread, the rest here, as in a worker.
 */

static ngx_thread_task_t   *queued;
static ngx_uint_t           queue_full;
static ngx_uint_t           timers;
static ngx_uint_t           alerts;
static ngx_uint_t           warnings;

static ngx_log_t            log_it;
static ngx_cycle_t          cycle_it;

volatile ngx_cycle_t       *ngx_cycle = &cycle_it;
volatile ngx_msec_t         ngx_current_msec;
ngx_rbtree_t                ngx_event_timer_rbtree;
ngx_uint_t                  ngx_exiting;
sig_atomic_t                ngx_terminate;


static void test_done(void);
static void test_timer(void);
static void test_cancelled(void);
static void test_full(void);
static void test_twice(void);
static void test_cut(void);
static void test_overdue(void);
static void test_memory(void);


/* what the tests look at */

static int          owner;
static pthread_t    loop, worked_on;
static ngx_uint_t   ndone, nfarewell;
static int          seen;
static void        *seen_owner;


ngx_int_t
ngx_thread_task_post(ngx_thread_pool_t *tp, ngx_thread_task_t *task)
{
    if (queue_full) {
        return NGX_ERROR;
    }

    task->event.active = 1;
    queued = task;

    return NGX_OK;
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timers++;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timers--;
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    if (level == NGX_LOG_ALERT) {
        alerts++;
    }

    if (level == NGX_LOG_WARN) {
        warnings++;
    }
}


static void
work(ngx_rd_job_t *job)
{
    int  *data = job->data;

    worked_on = pthread_self();
    *data += 1;
    job->error = NGX_RD_ERR_SSH_LOST;
}


static void
done(ngx_rd_job_t *job)
{
    int  *data = job->data;

    ndone++;
    seen = *data;
    seen_owner = job->owner;

    is_int(job->error, NGX_RD_ERR_SSH_LOST, "done reads what work wrote");
    is_int(nfarewell, 0, "done comes before the farewell");
}


static void
farewell(ngx_rd_job_t *job)
{
    nfarewell++;
}


static void *
pool_thread(void *data)
{
    ngx_thread_task_t  *task = data;

    task->handler(task->ctx, &log_it);

    return NULL;
}


/* the pool's thread, then the loop's notification */

static void
run(void)
{
    pthread_t           tid;
    ngx_thread_task_t  *task;

    task = queued;
    queued = NULL;

    pthread_create(&tid, NULL, pool_thread, task);
    pthread_join(tid, NULL);

    task->event.complete = 1;
    task->event.active = 0;
    task->event.handler(&task->event);
}


static ngx_rd_job_t *
job(void)
{
    ngx_rd_job_t  *job;

    ndone = nfarewell = 0;
    seen = -1;
    seen_owner = NULL;

    job = ngx_rd_job_create("test", sizeof(int));

    job->work = work;
    job->done = done;
    job->farewell = farewell;
    job->owner = &owner;

    return job;
}


int
main(void)
{
    loop = pthread_self();
    cycle_it.log = &log_it;
    log_it.log_level = NGX_LOG_DEBUG_ALL;

    test_done();
    test_timer();
    test_cancelled();
    test_full();
    test_twice();
    test_cut();
    test_overdue();
    test_memory();

    return tap_done();
}


static void
test_done(void)
{
    int           *data;
    ngx_rd_job_t  *j;

    j = job();
    data = j->data;

    is_int(*data, 0, "data is zeroed");
    is_int((uintptr_t) data % 16, 0, "data is aligned for anything");
    *data = 41;

    is_int(ngx_rd_job_start(j, NULL, &log_it), NGX_OK, "it starts");
    is_int(ngx_rd_job_count(), 1, "it is counted");
    is_int(timers, 1, "a timer keeps the worker alive");

    run();

    is_int(ndone, 1, "done was called once");
    is_int(nfarewell, 1, "the farewell too");
    is_int(seen, 42, "work changed the data");
    ok(seen_owner == &owner, "done knows the owner");
    ok(!pthread_equal(worked_on, loop), "work ran on a thread");
    is_int(ngx_rd_job_count(), 0, "it is counted no more");
    is_int(timers, 0, "no timer is left");
}


static void
test_timer(void)
{
    ngx_uint_t           i;
    ngx_event_t         *ev;
    ngx_rd_job_t        *j;

    j = job();
    (void) ngx_rd_job_start(j, NULL, &log_it);
    ev = &queued->event;

    for (i = 0; i < 3; i++) {
        is_int(ev->cancelable, 0, "the timer is not cancelable");

        /* as ngx_event_expire_timers() does */
        timers--;
        ev->timer_set = 0;
        ev->timedout = 1;
        ev->handler(ev);

        is_int(ndone, 0, "the timer alone ends nothing");
        is_int(timers, 1, "it is set again");
        is_int(ev->timedout, 0, "it is no time-out");
    }

    run();

    is_int(ndone, 1, "done was called once");
    is_int(timers, 0, "no timer is left");

    /* it fires in the same round in which the work ended */

    j = job();
    (void) ngx_rd_job_start(j, NULL, &log_it);
    timers--;
    queued->event.timer_set = 0;
    queued->event.timedout = 1;
    run();

    is_int(ndone, 1, "timer and completion together: done once");
    is_int(timers, 0, "no timer is left");
}


static void
test_cancelled(void)
{
    ngx_rd_job_t  *j;

    j = job();
    (void) ngx_rd_job_start(j, NULL, &log_it);

    j->done = NULL;
    is_int(ngx_rd_job_count(), 1, "a cancelled job still runs");

    run();

    is_int(ndone, 0, "nobody is told");
    is_int(nfarewell, 1, "what it owned is freed");
    is_int(ngx_rd_job_count(), 0, "it is counted no more");
}


static void
test_full(void)
{
    ngx_rd_job_t  *j;

    j = job();
    queue_full = 1;

    is_int(ngx_rd_job_start(j, NULL, &log_it), NGX_ERROR, "a full queue");
    is_int(ndone, 0, "done is not called");
    is_int(nfarewell, 1, "what it owned is freed");
    is_int(ngx_rd_job_count(), 0, "it is not counted");
    is_int(timers, 0, "no timer is left");

    queue_full = 0;
}


static ngx_event_t  *again;


static void
done_again(ngx_rd_job_t *job)
{
    if (ndone++ == 0) {
        again->handler(again);
    }
}


/* in a child: the assertion behind the alert ends a debug build */

static void
test_twice(void)
{
    int            status;
    pid_t          pid;
    ngx_rd_job_t  *j;

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        (void) freopen("/dev/null", "w", stdout);

        j = job();
        j->done = done_again;
        (void) ngx_rd_job_start(j, NULL, &log_it);
        again = &queued->event;
        run();

        _exit(alerts == 1 && ndone == 1 ? 7 : 8);
    }

    waitpid(pid, &status, 0);

#if (NGX_DEBUG)
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
       "done called twice is asserted on");
#else
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
       "done called twice is an alert, and not done");
#endif

    is_int(alerts, 0, "no other alert");
}


/* what waits for a host, as long as the test lets it */

#define WAIT_MS  20000

static ngx_rd_deadline_t  until;


static void
work_waits(ngx_rd_job_t *job)
{
    ngx_rd_deadline_pause(WAIT_MS, until);
}


static void
work_waits_for_turn(ngx_rd_job_t *job)
{
    pthread_cond_t      cond;
    pthread_mutex_t     mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t  attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cond, &attr);
    pthread_condattr_destroy(&attr);

    pthread_mutex_lock(&mutex);

    while (ngx_rd_deadline_wait(&cond, &mutex, until) == NGX_OK) {
        /* void */
    }

    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&cond);
}


static void
done_cut(ngx_rd_job_t *job)
{
    ndone++;
    seen = job->cut;
}


static void
fire(ngx_event_t *ev)
{
    timers--;
    ev->timer_set = 0;
    ev->timedout = 1;
    ev->handler(ev);
}


/* 1: its deadlines were over before their time */

static int
was_cut(ngx_rd_job_work_pt wait, ngx_uint_t looks, int64_t ms)
{
    ngx_uint_t           i;
    pthread_t            tid;
    ngx_rd_job_t        *j;
    ngx_thread_task_t   *task;

    j = job();
    j->work = wait;
    j->done = done_cut;
    j->looks = looks;
    until = ngx_rd_deadline_in(ms);

    (void) ngx_rd_job_start(j, NULL, &log_it);

    task = queued;
    pthread_create(&tid, NULL, pool_thread, task);

    for (i = 0; i < 2 * NGX_RD_JOB_LOOKS; i++) {
        fire(&task->event);
    }

    pthread_join(tid, NULL);

    task->event.complete = 1;
    task->event.active = 0;
    task->event.handler(&task->event);

    is_int(ndone, 1, "done was called once");

    return seen;
}


static void
test_cut(void)
{
    is_int(was_cut(work_waits, 1, 20), 0,
           "while the worker stays a look takes its time");

    ngx_terminate = 1;

    is_int(was_cut(work_waits, 1, WAIT_MS), 1,
           "a fast stop cuts a job that only reads, without an event loop");
    is_int(was_cut(work_waits, 0, 20), 0, "and no other job");

    ngx_terminate = 0;
    ngx_exiting = 1;

    is_int(was_cut(work_waits, 0, 20), 0,
           "what is more than a look takes its time also when it leaves");
    is_int(was_cut(work_waits, 1, WAIT_MS), 1,
           "a look is cut off when it leaves");
    is_int(was_cut(work_waits_for_turn, 1, WAIT_MS), 1,
           "also one that waits for its turn");
    is_int(was_cut(work_waits, 0, 20), 0, "nothing else is, then either");

    ngx_exiting = 0;
}


/* as a thread that is kept busy: it asks the time, but waits for nothing */

static int  begun;


static void
work_is_busy(ngx_rd_job_t *job)
{
    __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);

    while (ngx_rd_deadline_left_ms(until) > 0) {
        ngx_rd_deadline_pause(1, until);
    }
}


static void
overdue(ngx_rd_job_t *job)
{
    seen++;
    seen_owner = job->owner;
}


static void
done_late(ngx_rd_job_t *job)
{
    ndone++;
}


static void
test_overdue(void)
{
    uint64_t            late;
    pthread_t           tid;
    ngx_uint_t          count;
    ngx_rd_job_t       *j;
    ngx_thread_task_t  *task;

    late = 0;
    ngx_rd_job_watch(&count, &late);

    j = job();
    j->work = work_is_busy;
    j->done = done_late;
    j->overdue = overdue;
    j->bound_ms = 5000;
    until = ngx_rd_deadline_in(WAIT_MS);
    seen = 0;
    warnings = 0;

    (void) ngx_rd_job_start(j, NULL, &log_it);
    task = queued;

    ngx_current_msec += 60000;
    fire(&task->event);
    ngx_current_msec += 60000;
    fire(&task->event);
    is_int(seen, 0, "a job that waits for a thread is not overdue");

    pthread_create(&tid, NULL, pool_thread, task);

    while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE)) {
        ngx_rd_deadline_pause(1, until);
    }

    fire(&task->event);
    ngx_current_msec += 5000 + NGX_RD_JOB_GRACE_MS - 1;
    fire(&task->event);
    is_int(seen, 0, "a job within its bound and grace is not overdue");

    ngx_current_msec++;
    fire(&task->event);
    is_int(seen, 1, "a job beyond them is");
    is_int(warnings, 1, "one warning names it");
    is_int(late, 1, "it is counted");
    ok(seen_owner == &owner, "the callback gets the owner");

    ngx_current_msec += 60000;
    fire(&task->event);
    is_int(seen, 1, "the callback runs once");
    is_int(warnings, 1, "there is one warning");

    pthread_join(tid, NULL);
    ok(ngx_rd_deadline_left_ms(until) > WAIT_MS / 2,
       "the deadlines of its thread are over");
    is_int(ndone, 0, "done has not run yet");

    task->event.complete = 1;
    task->event.active = 0;
    task->event.handler(&task->event);
    is_int(ndone, 1, "done runs when the thread returns");

    ngx_rd_job_watch(NULL, NULL);
}


static void
test_memory(void)
{
    tap_alloc_fail(1);
    ok(ngx_rd_job_create("test", 64) == NULL, "no memory, no job");
    (void) tap_alloc_failed();
}
