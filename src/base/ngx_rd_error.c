
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_error.h"
#include "ngx_rd_text.h"


typedef struct {
    ngx_uint_t   status;
    const char  *code;
    const char  *text;
    ngx_uint_t   retryable;
} ngx_rd_error_row_t;


static const ngx_rd_error_row_t *ngx_rd_error_row(ngx_rd_error_e error);


#define NGX_RD_ERROR_ROW(name, status, code, sentence, retry)                 \
    { status, code, sentence, retry },

static const ngx_rd_error_row_t  ngx_rd_error_rows[] = {
    NGX_RD_ERRORS(NGX_RD_ERROR_ROW)
};


ngx_uint_t
ngx_rd_error_status(ngx_rd_error_e error)
{
    return ngx_rd_error_row(error)->status;
}


const char *
ngx_rd_error_code(ngx_rd_error_e error)
{
    return ngx_rd_error_row(error)->code;
}


const char *
ngx_rd_error_text(ngx_rd_error_e error)
{
    return ngx_rd_error_row(error)->text;
}


ngx_uint_t
ngx_rd_error_retryable(ngx_rd_error_e error)
{
    return ngx_rd_error_row(error)->retryable;
}


ngx_uint_t
ngx_rd_error_unreached(ngx_rd_error_e error)
{
    return ngx_rd_error_row(error)->retryable == 2;
}


ngx_rd_error_e
ngx_rd_error_by_code(const char *code, size_t len)
{
    ngx_uint_t   i;
    const char  *known;

    for (i = 0; i < NGX_RD_ERR_N; i++) {
        known = ngx_rd_error_rows[i].code;

        if (strlen(known) == len && memcmp(known, code, len) == 0) {
            return (ngx_rd_error_e) i;
        }
    }

    return NGX_RD_ERR_INTERNAL;
}


ngx_rd_error_e
ngx_rd_error_detail(ngx_rd_error_e error, ngx_rd_detail_t *detail,
    const char *fmt, ...)
{
    int       n;
    u_char   *p;
    va_list   args;

    if (detail == NULL) {
        return error;
    }

    va_start(args, fmt);
    n = vsnprintf(detail->text, sizeof(detail->text), fmt, args);
    va_end(args);

    if (n < 0) {
        detail->text[0] = '\0';

    } else if ((size_t) n >= sizeof(detail->text)) {
        ngx_rd_text_cut(detail->text,
                        sizeof(detail->text) - sizeof("..."));
    }

    for (p = (u_char *) detail->text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    return error;
}


static const ngx_rd_error_row_t *
ngx_rd_error_row(ngx_rd_error_e error)
{
    /* a number that came from a record may be of a newer version */

    if ((ngx_uint_t) error >= NGX_RD_ERR_N) {
        error = NGX_RD_ERR_INTERNAL;
    }

    return &ngx_rd_error_rows[error];
}
