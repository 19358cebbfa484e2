
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_deadline.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>


/* how often a wait looks at what cannot wake it */
#define NGX_RD_DEADLINE_LOOK_MS  100


static ngx_uint_t ngx_rd_deadline_is_cut(void);
static int64_t ngx_rd_deadline_now(void);


/* readable from the cut on; opened before the first thread that may be cut */
static int                  ngx_rd_deadline_cut_fd = -1;

static const volatile sig_atomic_t  *ngx_rd_deadline_ended;

static __thread ngx_uint_t         ngx_rd_deadline_may_be_cut;
static __thread const ngx_uint_t  *ngx_rd_deadline_stop;


/* event loop */

ngx_int_t
ngx_rd_deadline_cut_init(const volatile sig_atomic_t *ended)
{
    ngx_rd_deadline_ended = ended;

    if (ngx_rd_deadline_cut_fd == -1) {
        ngx_rd_deadline_cut_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }

    return ngx_rd_deadline_cut_fd == -1 ? NGX_ERROR : NGX_OK;
}


void
ngx_rd_deadline_cut(void)
{
    (void) eventfd_write(ngx_rd_deadline_cut_fd, 1);
}


/* pool thread */

void
ngx_rd_deadline_cut_on(const ngx_uint_t *flag)
{
    ngx_rd_deadline_stop = flag;
}


void
ngx_rd_deadline_cut_begin(void)
{
    ngx_rd_deadline_may_be_cut = 1;
}


ngx_uint_t
ngx_rd_deadline_cut_end(void)
{
    ngx_uint_t  cut;

    cut = ngx_rd_deadline_is_cut();
    ngx_rd_deadline_may_be_cut = 0;

    return cut;
}


static ngx_uint_t
ngx_rd_deadline_is_cut(void)
{
    struct pollfd  pfd;

    if (!ngx_rd_deadline_may_be_cut) {
        return 0;
    }

    if (*ngx_rd_deadline_ended) {
        return 1;
    }

    pfd.fd = ngx_rd_deadline_cut_fd;
    pfd.events = POLLIN;

    return poll(&pfd, 1, 0) > 0;
}


ngx_rd_deadline_t
ngx_rd_deadline_in(int64_t ms)
{
    return ngx_rd_deadline_now() + ms;
}


int64_t
ngx_rd_deadline_left_ms(ngx_rd_deadline_t deadline)
{
    if (ngx_rd_deadline_is_cut()
        || (ngx_rd_deadline_stop
            && __atomic_load_n(ngx_rd_deadline_stop, __ATOMIC_RELAXED)))
    {
        return 0;
    }

    return ngx_max(deadline - ngx_rd_deadline_now(), 0);
}


ngx_rd_deadline_t
ngx_rd_deadline_cap(ngx_rd_deadline_t deadline, int64_t ms)
{
    return ngx_min(deadline, ngx_rd_deadline_in(ms));
}


ngx_int_t
ngx_rd_deadline_poll(int fd, short events, ngx_rd_deadline_t deadline)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd[2];

    pfd[0].fd = fd;
    pfd[0].events = events;

    /* one below zero is not looked at */

    pfd[1].fd = ngx_rd_deadline_may_be_cut ? ngx_rd_deadline_cut_fd : -1;
    pfd[1].events = POLLIN;

    for ( ;; ) {
        left = deadline - ngx_rd_deadline_now();

        /* a byte now and then is no reason to go on for ever */

        if (left <= 0) {
            return NGX_AGAIN;
        }

        if (ngx_rd_deadline_may_be_cut) {

            if (*ngx_rd_deadline_ended) {
                return NGX_AGAIN;
            }

            left = ngx_min(left, NGX_RD_DEADLINE_LOOK_MS);
        }

        n = poll(pfd, 2, (int) ngx_min(left, NGX_MAX_INT32_VALUE));

        if (n > 0) {
            return pfd[1].revents ? NGX_AGAIN : NGX_OK;
        }

        /* a broken fd is told by the next read or write, not here */
        if (n == -1 && errno != EINTR) {
            return NGX_OK;
        }
    }
}


void
ngx_rd_deadline_pause(int64_t ms, ngx_rd_deadline_t deadline)
{
    (void) ngx_rd_deadline_poll(-1, 0, ngx_rd_deadline_cap(deadline, ms));
}


ngx_int_t
ngx_rd_deadline_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
    ngx_rd_deadline_t deadline)
{
    struct timespec    until;
    ngx_rd_deadline_t  turn;

    if (ngx_rd_deadline_left_ms(deadline) == 0) {
        return NGX_AGAIN;
    }

    turn = ngx_rd_deadline_may_be_cut
           ? ngx_rd_deadline_cap(deadline, NGX_RD_DEADLINE_LOOK_MS) : deadline;

    until.tv_sec = turn / 1000;
    until.tv_nsec = turn % 1000 * 1000000;

    (void) pthread_cond_timedwait(cond, mutex, &until);

    return NGX_OK;
}


static int64_t
ngx_rd_deadline_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
