
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_metrics_text.h"


#define NGX_RD_METRICS_TEXT_BYTES       (128 * 1024)    /* all but hosts */
#define NGX_RD_METRICS_TEXT_HOST_LINES  8
#define NGX_RD_METRICS_TEXT_HOST_BYTES  128             /* of a line */


ngx_int_t
ngx_rd_metrics_text_init(ngx_rd_metrics_text_t *text, ngx_pool_t *pool,
    const ngx_rd_fleet_t *fleet)
{
    size_t      len;
    ngx_uint_t  i;

    len = NGX_RD_METRICS_TEXT_BYTES;

    for (i = 0; i < fleet->n; i++) {
        len += NGX_RD_METRICS_TEXT_HOST_LINES
               * (NGX_RD_METRICS_TEXT_HOST_BYTES
                  + 2 * fleet->hosts[i].name.len);
    }

    text->start = ngx_pnalloc(pool, len);
    if (text->start == NULL) {
        return NGX_ERROR;
    }

    text->pos = text->start;
    text->last = text->start + len;

    return NGX_OK;
}


ngx_int_t
ngx_rd_metrics_text_get(ngx_rd_metrics_text_t *text, ngx_str_t *body)
{
    body->data = text->start;
    body->len = text->pos - text->start;

    return (text->pos < text->last) ? NGX_OK : NGX_ERROR;
}


void
ngx_rd_metrics_text_family(ngx_rd_metrics_text_t *text, const char *name,
    const char *type, const char *help)
{
    ngx_rd_metrics_text_line(text, "# HELP %s %s\n# TYPE %s %s\n", name, help,
                             name, type);
}


void
ngx_rd_metrics_text_line(ngx_rd_metrics_text_t *text, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    text->pos = ngx_vslprintf(text->pos, text->last, fmt, args);
    va_end(args);
}


void
ngx_rd_metrics_text_host(ngx_rd_metrics_text_t *text, const char *name,
    const ngx_str_t *host, int64_t value)
{
    u_char      c;
    ngx_uint_t  i;

    ngx_rd_metrics_text_line(text, "%s{host=\"", name);

    for (i = 0; i < host->len; i++) {
        c = host->data[i];

        if (c == '"' || c == '\\') {
            ngx_rd_metrics_text_line(text, "\\%c", c);

        } else if (c == LF) {
            ngx_rd_metrics_text_line(text, "\\n");

        } else {
            ngx_rd_metrics_text_line(text, "%c", c);
        }
    }

    ngx_rd_metrics_text_line(text, "\"} %L\n", value);
}


void
ngx_rd_metrics_text_histogram(ngx_rd_metrics_text_t *text, const char *name,
    const char *label, const char *value, const ngx_rd_histogram_t *histogram,
    uint64_t from_us, uint64_t to_us)
{
    uint64_t    us, n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < NGX_RD_HISTOGRAM_BOUNDS; i++) {

        us = ngx_rd_histogram_bounds_us[i];
        n += histogram->n[i];

        if (us >= from_us && us <= to_us) {
            ngx_rd_metrics_text_line(text, "%s_bucket{%s=\"%s\",le=\"%uL.%06uL"
                                     "\"} %uL\n", name, label, value,
                                     us / 1000000, us % 1000000, n);
        }
    }

    n += histogram->n[i];

    ngx_rd_metrics_text_line(text, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %uL\n"
                             "%s_sum{%s=\"%s\"} %uL.%06uL\n"
                             "%s_count{%s=\"%s\"} %uL\n",
                             name, label, value, n,
                             name, label, value, histogram->sum_us / 1000000,
                             histogram->sum_us % 1000000,
                             name, label, value, n);
}
