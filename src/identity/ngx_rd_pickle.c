
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_pickle.h"


/* Python's pickletools names */
#define NGX_RD_PICKLE_PROTO             0x80
#define NGX_RD_PICKLE_FRAME             0x95    /* since protocol 4 */
#define NGX_RD_PICKLE_SHORT_BINUNICODE  0x8c    /* since protocol 4 */
#define NGX_RD_PICKLE_BINUNICODE        'X'
#define NGX_RD_PICKLE_MEMOIZE           0x94    /* since protocol 4 */
#define NGX_RD_PICKLE_BINPUT            'q'     /* before protocol 4 */
#define NGX_RD_PICKLE_STOP              '.'


typedef struct {
    const u_char  *p;
    const u_char  *last;
} ngx_rd_pickle_reader_t;


static ngx_int_t ngx_rd_pickle_frame(ngx_rd_pickle_reader_t *reader);
static ngx_int_t ngx_rd_pickle_string(ngx_rd_pickle_reader_t *reader,
    ngx_uint_t protocol, const u_char **text, size_t *text_len);
static ngx_int_t ngx_rd_pickle_end(ngx_rd_pickle_reader_t *reader,
    ngx_uint_t protocol);
static ngx_int_t ngx_rd_pickle_number(ngx_rd_pickle_reader_t *reader,
    ngx_uint_t bytes, uint64_t *n);


ngx_int_t
ngx_rd_pickle_text(const u_char *value, size_t len, const u_char **text,
    size_t *text_len)
{
    ngx_uint_t              protocol;
    ngx_rd_pickle_reader_t  reader;

    if (len == 0 || len > NGX_RD_PICKLE_BYTES_MAX) {
        return NGX_DECLINED;
    }

    if (value[0] == '{') {
        *text = value;
        *text_len = len;
        return NGX_OK;
    }

    if (len < 3 || value[0] != '!' || value[1] != NGX_RD_PICKLE_PROTO
        || value[2] < 2 || value[2] > 5)
    {
        return NGX_DECLINED;
    }

    protocol = value[2];

    reader.p = value + 3;
    reader.last = value + len;

    if (protocol >= 4 && ngx_rd_pickle_frame(&reader) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_rd_pickle_string(&reader, protocol, text, text_len) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_rd_pickle_end(&reader, protocol);
}


/* optional: Python leaves it out around a text of 64 KB and more */

static ngx_int_t
ngx_rd_pickle_frame(ngx_rd_pickle_reader_t *reader)
{
    uint64_t  n;

    if (reader->p == reader->last || *reader->p != NGX_RD_PICKLE_FRAME) {
        return NGX_OK;
    }

    reader->p++;

    if (ngx_rd_pickle_number(reader, 8, &n) != NGX_OK) {
        return NGX_DECLINED;
    }

    return (n == (uint64_t) (reader->last - reader->p)) ? NGX_OK
                                                        : NGX_DECLINED;
}


static ngx_int_t
ngx_rd_pickle_string(ngx_rd_pickle_reader_t *reader, ngx_uint_t protocol,
    const u_char **text, size_t *text_len)
{
    uint64_t   n;
    ngx_int_t  rc;

    if (reader->p == reader->last) {
        return NGX_DECLINED;
    }

    switch (*reader->p++) {

    case NGX_RD_PICKLE_SHORT_BINUNICODE:
        rc = (protocol >= 4) ? ngx_rd_pickle_number(reader, 1, &n)
                             : NGX_DECLINED;
        break;

    case NGX_RD_PICKLE_BINUNICODE:
        rc = ngx_rd_pickle_number(reader, 4, &n);
        break;

    default:
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK || n > (uint64_t) (reader->last - reader->p)) {
        return NGX_DECLINED;
    }

    *text = reader->p;
    *text_len = (size_t) n;
    reader->p += n;

    return NGX_OK;
}


static ngx_int_t
ngx_rd_pickle_end(ngx_rd_pickle_reader_t *reader, ngx_uint_t protocol)
{
    const u_char  *p = reader->p;
    const size_t   rest = reader->last - reader->p;

    if (protocol >= 4) {
        return (rest == 2 && p[0] == NGX_RD_PICKLE_MEMOIZE
                && p[1] == NGX_RD_PICKLE_STOP)
               ? NGX_OK : NGX_DECLINED;
    }

    return (rest == 3 && p[0] == NGX_RD_PICKLE_BINPUT && p[1] == 0
            && p[2] == NGX_RD_PICKLE_STOP)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_rd_pickle_number(ngx_rd_pickle_reader_t *reader, ngx_uint_t bytes,
    uint64_t *n)
{
    ngx_uint_t  i;

    if ((size_t) (reader->last - reader->p) < bytes) {
        return NGX_DECLINED;
    }

    *n = 0;

    for (i = 0; i < bytes; i++) {
        *n |= (uint64_t) *reader->p++ << (8 * i);
    }

    return NGX_OK;
}
