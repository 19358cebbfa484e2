
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_METRICS_TEXT_H_INCLUDED_
#define _NGX_RD_METRICS_TEXT_H_INCLUDED_


#include "../base/ngx_rd_histogram.h"
#include "../fleet/ngx_rd_host.h"


/*
 * Prometheus' text format, version 0.0.4, into one buffer.  What does not fit
 * is said at the end, by _get.
 */

typedef struct {
    u_char      *start;
    u_char      *pos;
    u_char      *last;
} ngx_rd_metrics_text_t;


/* room for every family, and for some lines of each host */
ngx_int_t  ngx_rd_metrics_text_init(ngx_rd_metrics_text_t *text,
    ngx_pool_t *pool, const ngx_rd_fleet_t *fleet);

/* NGX_ERROR: it did not fit */
ngx_int_t  ngx_rd_metrics_text_get(ngx_rd_metrics_text_t *text,
    ngx_str_t *body);

void  ngx_rd_metrics_text_family(ngx_rd_metrics_text_t *text,
    const char *name, const char *type, const char *help);

/* ngx_sprintf() */
void  ngx_rd_metrics_text_line(ngx_rd_metrics_text_t *text, const char *fmt,
    ...);

/* one value of a host, whose name may hold any character */
void  ngx_rd_metrics_text_host(ngx_rd_metrics_text_t *text, const char *name,
    const ngx_str_t *host, int64_t value);

/* the bounds from..to in microseconds are printed */
void  ngx_rd_metrics_text_histogram(ngx_rd_metrics_text_t *text,
    const char *name, const char *label, const char *value,
    const ngx_rd_histogram_t *histogram, uint64_t from_us, uint64_t to_us);


#endif /* _NGX_RD_METRICS_TEXT_H_INCLUDED_ */
