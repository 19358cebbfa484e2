
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_deadline.h"

#include <poll.h>
#include <time.h>


static int64_t ngx_rd_deadline_now(void);


/* pool thread */

ngx_rd_deadline_t
ngx_rd_deadline_in(int64_t ms)
{
    return ngx_rd_deadline_now() + ms;
}


int64_t
ngx_rd_deadline_left_ms(ngx_rd_deadline_t deadline)
{
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
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = events;

    for ( ;; ) {
        left = ngx_rd_deadline_left_ms(deadline);
        n = poll(&pfd, 1, (int) ngx_min(left, NGX_MAX_INT32_VALUE));

        if (n > 0) {
            return NGX_OK;
        }

        /* a broken fd is told by the next read or write, not here */
        if (n == -1 && errno != EINTR) {
            return NGX_OK;
        }

        if (left == 0) {
            return NGX_AGAIN;
        }
    }
}


void
ngx_rd_deadline_pause(int64_t ms, ngx_rd_deadline_t deadline)
{
    (void) ngx_rd_deadline_poll(-1, 0, ngx_rd_deadline_cap(deadline, ms));
}


static int64_t
ngx_rd_deadline_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
