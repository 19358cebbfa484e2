
/* libs: -lpthread */
/* sources: src/work/ngx_rd_deadline.c */

/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/work/ngx_rd_pace.c"
#include "tap.h"

#include <pthread.h>


#define THREADS  4
#define TURNS    25
#define LONG_MS  3600000


static ngx_rd_host_conf_t  host, other;
static int64_t             waits[THREADS * TURNS];


static void *
take(void *data)
{
    ngx_uint_t   i;
    int64_t     *wait = data;

    for (i = 0; i < TURNS; i++) {
        wait[i] = ngx_rd_pace_take(&host, LONG_MS);
    }

    return NULL;
}


static int
later(const void *one, const void *two)
{
    int64_t  a = *(const int64_t *) one, b = *(const int64_t *) two;

    return a < b ? -1 : a > b;
}


int
main(void)
{
    int64_t               last;
    pthread_t             tid[THREADS];
    ngx_uint_t            i, n;
    static ngx_rd_pace_t  shared;

    host.hostname = "host.example";
    host.port = 22;
    other.hostname = "host.example";
    other.port = 2222;

    ngx_rd_pace_use(&shared);

    for (i = 0; i < THREADS; i++) {
        pthread_create(&tid[i], NULL, take, &waits[i * TURNS]);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(tid[i], NULL);
    }

    qsort(waits, THREADS * TURNS, sizeof(int64_t), later);

    for (n = 0; n < THREADS * TURNS && waits[n] == 0; n++) { /* void */ }

    ok(n >= NGX_RD_PACE_BURST, "a burst is free");
    ok(n < NGX_RD_PACE_BURST + 8, "no more than that");

    last = (THREADS * TURNS - NGX_RD_PACE_BURST) * NGX_RD_PACE_INTERVAL_MS;
    ok(waits[THREADS * TURNS - 1] <= last
       && waits[THREADS * TURNS - 1] > last - 2000,
       "the last of many waits for one interval each");

    is_int(ngx_rd_pace_take(&host, 1000), -1,
           "a turn that is not due in time is refused");
    is_int(ngx_rd_pace_take(&other, 0), 0, "another host has its own pace");

    last = ngx_rd_pace_take(&host, LONG_MS);
    ok(last > 1000 && ngx_rd_pace_take(&host, 0) == -1
       && ngx_rd_pace_take(&host, LONG_MS)
          <= last + NGX_RD_PACE_INTERVAL_MS,
       "a turn that was refused was not taken");

    return tap_done();
}
