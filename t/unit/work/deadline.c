
/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/work/ngx_rd_deadline.c"
#include "tap.h"


#define SHORT_MS  50
#define LONG_MS   30000


static void test_ready(void);
static void test_silent(void);
static void test_always_ready(void);
static void test_over(void);

static int  ends[2];            /* of a pipe */


int
main(void)
{
    if (pipe(ends) != 0) {
        printf("Bail out! no pipe\n");
        return 1;
    }

    test_silent();

    if (write(ends[1], "x", 1) != 1) {
        printf("Bail out! the pipe takes nothing\n");
        return 1;
    }

    test_ready();
    test_always_ready();
    test_over();

    return tap_done();
}


static void
test_silent(void)
{
    ngx_rd_deadline_t  deadline;

    deadline = ngx_rd_deadline_in(SHORT_MS);

    is_int(ngx_rd_deadline_poll(ends[0], POLLIN, deadline), NGX_AGAIN,
           "who is waited for in vain is late");
    is_int(ngx_rd_deadline_left_ms(deadline), 0, "when the time is over");
}


static void
test_ready(void)
{
    ngx_rd_deadline_t  began;

    began = ngx_rd_deadline_in(0);

    is_int(ngx_rd_deadline_poll(ends[0], POLLIN, ngx_rd_deadline_in(LONG_MS)),
           NGX_OK, "what is there is not waited for");
    ok(ngx_rd_deadline_in(0) - began < LONG_MS, "but taken at once");
}


/* a byte now and then, each in time, would hold a thread for ever */

static void
test_always_ready(void)
{
    ngx_rd_deadline_t  began, deadline;

    began = ngx_rd_deadline_in(0);
    deadline = ngx_rd_deadline_in(SHORT_MS);

    while (ngx_rd_deadline_poll(ends[0], POLLIN, deadline) == NGX_OK
           && ngx_rd_deadline_in(0) - began < LONG_MS)
    { /* void */ }

    ok(ngx_rd_deadline_in(0) - began < LONG_MS,
       "who always has something is late, too");
    is_int(ngx_rd_deadline_left_ms(deadline), 0, "when the time is over");
}


static void
test_over(void)
{
    is_int(ngx_rd_deadline_poll(ends[0], POLLIN, ngx_rd_deadline_in(-1)),
           NGX_AGAIN, "after the deadline nothing is taken");
}
