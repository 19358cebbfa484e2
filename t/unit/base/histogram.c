
/*
 * Copyright (C) the ngx_rd authors
 */

#include "../../../src/base/ngx_rd_histogram.c"
#include "tap.h"


static ngx_rd_histogram_t  h;


static uint64_t
count(void)
{
    uint64_t    n;
    ngx_uint_t  i;

    for (n = 0, i = 0; i <= NGX_RD_HISTOGRAM_BOUNDS; i++) {
        n += h.n[i];
    }

    return n;
}


static void
test_bounds(void)
{
    ngx_uint_t  i, rising;

    for (rising = 1, i = 1; i < NGX_RD_HISTOGRAM_BOUNDS; i++) {
        rising &= ngx_rd_histogram_bounds_us[i - 1]
                  < ngx_rd_histogram_bounds_us[i];
    }

    ok(rising, "bounds rise");
}


static void
test_observe(void)
{
    ngx_uint_t  i, bad;

    for (bad = 0, i = 0; i < NGX_RD_HISTOGRAM_BOUNDS; i++) {
        memset(&h, 0, sizeof(h));

        ngx_rd_histogram_observe(&h, ngx_rd_histogram_bounds_us[i]);
        bad += (h.n[i] != 1);

        ngx_rd_histogram_observe(&h, ngx_rd_histogram_bounds_us[i] + 1);
        bad += (h.n[i + 1] != 1);

        bad += (h.sum_us != 2 * ngx_rd_histogram_bounds_us[i] + 1);
        bad += (count() != 2);
    }

    is_int(bad, 0, "a bound belongs to its bucket, one more to the next");

    memset(&h, 0, sizeof(h));
    ngx_rd_histogram_observe(&h, 0);
    is_int(h.n[0], 1, "nothing is in the first one");
    ngx_rd_histogram_observe(&h, 3600000000ULL);
    is_int(h.n[NGX_RD_HISTOGRAM_BOUNDS], 1, "an hour is beyond all");
}


static void
test_add(void)
{
    ngx_rd_histogram_t  other;

    memset(&h, 0, sizeof(h));
    ngx_rd_histogram_observe(&h, 7);
    memcpy(&other, &h, sizeof(h));
    ngx_rd_histogram_observe(&other, 3600000000ULL);
    ngx_rd_histogram_add(&h, &other);

    is_int(count(), 3, "two are added up");
    is_int(h.sum_us, 3600000014ULL, "with what they took");
}


static void
test_clock(void)
{
    uint64_t  before;

    before = ngx_rd_histogram_now_us();
    ok(before > 0 && ngx_rd_histogram_now_us() >= before,
       "the clock goes on");
}


int
main(void)
{
    test_bounds();
    test_observe();
    test_add();
    test_clock();

    return tap_done();
}
