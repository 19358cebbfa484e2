
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_visitor.h"
#include "../identity/ngx_rd_cookie.h"
#include "../../ngx_rd_module.h"


static ngx_uint_t ngx_rd_visitor_origin_allowed(ngx_http_request_t *r,
    ngx_str_t origin);
static ngx_uint_t ngx_rd_visitor_over_tls(ngx_http_request_t *r);
static ngx_inline ngx_uint_t ngx_rd_visitor_is(ngx_table_elt_t *h,
    const char *name);
static ngx_uint_t ngx_rd_visitor_secret(ngx_table_elt_t *h);
static ngx_uint_t ngx_rd_visitor_has_token(ngx_str_t *value,
    const char *token);


ngx_str_t
ngx_rd_visitor_header(ngx_http_request_t *r, const char *name)
{
    ngx_str_t         none = ngx_null_string;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_rd_visitor_is(&h[i], name)) {
                return h[i].value;
            }
        }
    }

    return none;
}


ngx_str_t
ngx_rd_visitor_cookie(ngx_http_request_t *r, ngx_str_t *name)
{
    size_t            len;
    ngx_str_t         value = ngx_null_string;
    ngx_uint_t        i;
    const u_char     *data;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            /* HTTP/2 may split the cookies over several headers */

            if (ngx_rd_visitor_is(&h[i], "cookie")
                && ngx_rd_cookie_find(h[i].value.data, h[i].value.len,
                                      name->data, name->len, &data, &len)
                   == NGX_OK)
            {
                value.data = (u_char *) data;
                value.len = len;
                return value;
            }
        }
    }

    return value;
}


ngx_uint_t
ngx_rd_visitor_wants_html(ngx_http_request_t *r)
{
    ngx_str_t  accept;

    accept = ngx_rd_visitor_header(r, "accept");

    return ngx_rd_visitor_has_token(&accept, "text/html");
}


ngx_uint_t
ngx_rd_visitor_websocket(ngx_http_request_t *r)
{
    ngx_str_t  upgrade, connection, key, version;

    if (r->headers_in.upgrade == NULL) {
        return 0;
    }

    upgrade = ngx_rd_visitor_header(r, "upgrade");
    connection = ngx_rd_visitor_header(r, "connection");
    key = ngx_rd_visitor_header(r, "sec-websocket-key");
    version = ngx_rd_visitor_header(r, "sec-websocket-version");

    return r->method == NGX_HTTP_GET
           && r->http_version == NGX_HTTP_VERSION_11
           && ngx_rd_visitor_has_token(&upgrade, "websocket")
           && ngx_rd_visitor_has_token(&connection, "upgrade")
           && key.len == 24
           && version.len == 2 && ngx_memcmp(version.data, "13", 2) == 0;
}


ngx_uint_t
ngx_rd_visitor_same_origin(ngx_http_request_t *r)
{
    return ngx_rd_visitor_origin_allowed(r, ngx_rd_visitor_header(r, "origin"));
}


ngx_str_t
ngx_rd_visitor_page_origin(ngx_http_request_t *r)
{
    ngx_str_t  origin;

    origin = ngx_rd_visitor_header(r, "origin");

    return origin.len ? origin : ngx_rd_visitor_header(r, "x-rd-origin");
}


ngx_uint_t
ngx_rd_visitor_page_allowed(ngx_http_request_t *r)
{
    ngx_str_t  origin;

    origin = ngx_rd_visitor_page_origin(r);

    return origin.len == 0 || ngx_rd_visitor_origin_allowed(r, origin);
}


static ngx_uint_t
ngx_rd_visitor_origin_allowed(ngx_http_request_t *r, ngx_str_t origin)
{
    ngx_str_t           host, *allowed;
    ngx_uint_t          i;
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    if (rlcf->allowed_origins) {
        allowed = rlcf->allowed_origins->elts;

        for (i = 0; i < rlcf->allowed_origins->nelts; i++) {

            if (origin.len == allowed[i].len
                && ngx_strncasecmp(origin.data, allowed[i].data, origin.len)
                   == 0)
            {
                return 1;
            }
        }

        return 0;
    }

    host = ngx_rd_visitor_header(r, "host");

    if (origin.len > 8
        && ngx_strncasecmp(origin.data, (u_char *) "https://", 8) == 0)
    {
        origin.data += 8;
        origin.len -= 8;

    } else if (origin.len > 7 && !ngx_rd_visitor_over_tls(r)
               && ngx_strncasecmp(origin.data, (u_char *) "http://", 7) == 0)
    {
        origin.data += 7;
        origin.len -= 7;

    } else {
        return 0;
    }

    return origin.len == host.len
           && ngx_strncasecmp(origin.data, host.data, host.len) == 0;
}


ngx_uint_t
ngx_rd_visitor_foreign_write(ngx_http_request_t *r)
{
    return !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
           && ngx_rd_visitor_header(r, "origin").len
           && !ngx_rd_visitor_same_origin(r);
}


ngx_uint_t
ngx_rd_visitor_one_host(ngx_http_request_t *r)
{
    size_t      len;
    ngx_str_t   host;

    if (r->host_start == NULL || r->host_end == NULL) {
        return 1;
    }

    host = ngx_rd_visitor_header(r, "host");
    len = r->host_end - r->host_start;

    return host.len >= len
           && ngx_strncasecmp(host.data, r->host_start, len) == 0
           && (host.len == len || host.data[len] == ':');
}


/*
 * nginx keeps pointers to single headers, so none may move: the list gets a
 * part for each run of those that stay.
 */

ngx_int_t
ngx_rd_visitor_forget_secrets(ngx_http_request_t *r)
{
    ngx_uint_t        i, from;
    ngx_list_t       *headers;
    ngx_list_part_t   first, *old, *part;
    ngx_table_elt_t  *h;

    headers = &r->headers_in.headers;
    first = headers->part;

    part = &headers->part;
    part->nelts = 0;
    part->next = NULL;

    for (old = &first; old; old = old->next) {
        h = old->elts;

        for (i = 0; i < old->nelts; i++) {
            from = i;

            while (i < old->nelts && !ngx_rd_visitor_secret(&h[i])) {
                i++;
            }

            if (i == from) {
                continue;
            }

            /* only the first one may be empty: who reads them trusts in it */

            if (part->nelts) {
                part->next = ngx_palloc(r->pool, sizeof(ngx_list_part_t));

                if (part->next == NULL) {
                    return NGX_ERROR;
                }

                part = part->next;
            }

            part->elts = &h[from];
            part->nelts = i - from;
            part->next = NULL;
        }
    }

    /* full: what somebody adds begins a part of its own */

    headers->last = part;
    headers->nalloc = part->nelts;

    if (part->nelts == 0) {
        headers->nalloc = 1;
        part->elts = ngx_palloc(r->pool, headers->size);
    }

    return part->elts ? NGX_OK : NGX_ERROR;
}


/*
 * Anybody on the way can make up a page of http://host, so it does not speak
 * for https://host.  Behind a proxy that ends TLS nobody can tell.
 */

static ngx_uint_t
ngx_rd_visitor_over_tls(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


/* of a name that is known here, two words are compared instead of a string */

static ngx_inline ngx_uint_t
ngx_rd_visitor_is(ngx_table_elt_t *h, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    return h->key.len == len && ngx_memcmp(h->lowcase_key, name, len) == 0;
}


/* each has a length of its own */

static ngx_uint_t
ngx_rd_visitor_secret(ngx_table_elt_t *h)
{
    switch (h->key.len) {

    case sizeof("cookie") - 1:
        return ngx_rd_visitor_is(h, "cookie");

    case sizeof("csrf-token") - 1:
        return ngx_rd_visitor_is(h, "csrf-token");

    case sizeof("authorization") - 1:
        return ngx_rd_visitor_is(h, "authorization");

    case sizeof("x-rd-signature") - 1:
        return ngx_rd_visitor_is(h, "x-rd-signature");

    case sizeof("proxy-authorization") - 1:
        return ngx_rd_visitor_is(h, "proxy-authorization");

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_rd_visitor_has_token(ngx_str_t *value, const char *token)
{
    return value->len
           && ngx_strlcasestrn(value->data, value->data + value->len,
                               (u_char *) token, ngx_strlen(token) - 1)
              != NULL;
}
