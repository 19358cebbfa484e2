
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_HISTOGRAM_H_INCLUDED_
#define _NGX_RD_HISTOGRAM_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * How long things took, counted in buckets whose bounds are the same for all.
 * Made of plain numbers: one thread writes, and who reads meanwhile may see a
 * count that is one behind.  Pure.
 */

#define NGX_RD_HISTOGRAM_BOUNDS  25


typedef struct {
    uint64_t  n[NGX_RD_HISTOGRAM_BOUNDS + 1];   /* the last: beyond all */
    uint64_t  sum_us;
} ngx_rd_histogram_t;


/* in microseconds, rising; 5 us to 10 minutes */
extern const uint64_t  ngx_rd_histogram_bounds_us[NGX_RD_HISTOGRAM_BOUNDS];


/* a clock that never jumps; its zero means nothing */
uint64_t  ngx_rd_histogram_now_us(void);

void  ngx_rd_histogram_observe(ngx_rd_histogram_t *histogram, uint64_t us);

void  ngx_rd_histogram_add(ngx_rd_histogram_t *to,
    const ngx_rd_histogram_t *from);


#endif /* _NGX_RD_HISTOGRAM_H_INCLUDED_ */
