
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_body.h"


static ngx_int_t ngx_rd_body_collect(ngx_http_request_t *r, ngx_str_t *text);
static ngx_uint_t ngx_rd_body_is(ngx_str_t *type, const char *name);
static ngx_int_t ngx_rd_body_field(ngx_rd_body_t *body, const char *name,
    ngx_str_t *value);
static void ngx_rd_body_cleanup(void *data);


ngx_uint_t
ngx_rd_body_too_long(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > NGX_RD_BODY_BYTES_MAX;
}


const char *
ngx_rd_body_parse(ngx_rd_body_t *body, ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_str_t            text, none = ngx_null_string, *type;
    ngx_pool_cleanup_t  *cln;

    body->pool = r->pool;

    rc = ngx_rd_body_collect(r, &text);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? "the body is longer than 16 KB"
                                  : "the body could not be read";
    }

    type = r->headers_in.content_type ? &r->headers_in.content_type->value
                                      : &none;

    if (ngx_rd_body_is(type, "application/x-www-form-urlencoded")
        || text.len == 0)
    {
        body->form = text;
        return NULL;
    }

    if (!ngx_rd_body_is(type, "application/json")) {
        return "the body must be application/json or"
               " application/x-www-form-urlencoded";
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return "the body could not be read";
    }

    cln->handler = ngx_rd_body_cleanup;
    cln->data = body;

    body->json = ngx_rd_json_parse(text.data, text.len);

    return ngx_rd_json_is_object(body->json) ? NULL
                                         : "the body must be one JSON object";
}


ngx_int_t
ngx_rd_body_text(ngx_rd_body_t *body, const char *name, ngx_str_t *value)
{
    const char     *text;
    ngx_rd_json_t  *member;

    if (body->json == NULL) {
        return ngx_rd_body_field(body, name, value);
    }

    member = ngx_rd_json_get(body->json, name);

    if (member == NULL) {
        return NGX_DECLINED;
    }

    text = ngx_rd_json_string(member);

    if (text == NULL) {
        return NGX_ERROR;
    }

    value->data = (u_char *) text;
    value->len = ngx_strlen(text);

    return value->len ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_rd_body_integer(ngx_rd_body_t *body, const char *name, int64_t *value)
{
    ngx_int_t       n, rc;
    ngx_str_t       text;
    ngx_rd_json_t  *member;

    if (body->json) {
        member = ngx_rd_json_get(body->json, name);

        if (member == NULL) {
            return NGX_DECLINED;
        }

        return ngx_rd_json_integer(member, value) == NGX_OK ? NGX_OK
                                                            : NGX_ERROR;
    }

    rc = ngx_rd_body_field(body, name, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_atoi(text.data, text.len);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *value = n;

    return NGX_OK;
}


/* NGX_DECLINED: it is too long */

static ngx_int_t
ngx_rd_body_collect(ngx_http_request_t *r, ngx_str_t *text)
{
    off_t         size;
    u_char       *p;
    ssize_t       n;
    ngx_chain_t  *cl;

    ngx_str_null(text);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_RD_BODY_BYTES_MAX) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        if (ngx_buf_in_memory(cl->buf)) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
            continue;
        }

        /* client_body_buffer_size is small; nginx wrote it just now */

        if (cl->buf->file_last == cl->buf->file_pos) {
            continue;
        }

        n = ngx_read_file(cl->buf->file, p,
                          (size_t) (cl->buf->file_last - cl->buf->file_pos),
                          cl->buf->file_pos);

        if (n != (ssize_t) (cl->buf->file_last - cl->buf->file_pos)) {
            return NGX_ERROR;
        }

        p += n;
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* a media type without its parameters */

static ngx_uint_t
ngx_rd_body_is(ngx_str_t *type, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    return type->len >= len
           && ngx_strncasecmp(type->data, (u_char *) name, len) == 0
           && (type->len == len || type->data[len] == ';'
               || type->data[len] == ' ');
}


/* the first field of this name in a form */

static ngx_int_t
ngx_rd_body_field(ngx_rd_body_t *body, const char *name, ngx_str_t *value)
{
    size_t   len;
    u_char  *p, *end, *next, *src, *dst;

    len = ngx_strlen(name);
    end = body->form.data + body->form.len;

    for (p = body->form.data; p < end; p = next + 1) {

        next = ngx_strlchr(p, end, '&');
        if (next == NULL) {
            next = end;
        }

        if ((size_t) (next - p) > len && p[len] == '='
            && ngx_strncmp(p, name, len) == 0)
        {
            break;
        }
    }

    if (p >= end) {
        return NGX_DECLINED;
    }

    src = p + len + 1;
    dst = ngx_pnalloc(body->pool, next - src + 1);

    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;

    for (p = src; p < next; p++) {
        if (*p == '+') {
            *p = ' ';
        }
    }

    ngx_unescape_uri(&dst, &src, next - src, 0);
    value->len = dst - value->data;

    return value->len ? NGX_OK : NGX_DECLINED;
}


static void
ngx_rd_body_cleanup(void *data)
{
    ngx_rd_body_t  *body = data;

    ngx_rd_json_free(body->json);
    body->json = NULL;
}
