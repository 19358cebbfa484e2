
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <time.h>

#include "ngx_rd_histogram.h"


const uint64_t  ngx_rd_histogram_bounds_us[NGX_RD_HISTOGRAM_BOUNDS] = {
    5, 10, 25, 50, 100, 250, 500,
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, 25000000, 60000000, 120000000,
    300000000, 600000000
};


uint64_t
ngx_rd_histogram_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_rd_histogram_observe(ngx_rd_histogram_t *histogram, uint64_t us)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RD_HISTOGRAM_BOUNDS; i++) {
        if (us <= ngx_rd_histogram_bounds_us[i]) {
            break;
        }
    }

    histogram->n[i]++;
    histogram->sum_us += us;
}


void
ngx_rd_histogram_add(ngx_rd_histogram_t *to, const ngx_rd_histogram_t *from)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_RD_HISTOGRAM_BOUNDS; i++) {
        to->n[i] += from->n[i];
    }

    to->sum_us += from->sum_us;
}
