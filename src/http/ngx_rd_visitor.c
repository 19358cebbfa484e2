
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_visitor.h"
#include "../identity/ngx_rd_cookie.h"


static ngx_uint_t ngx_rd_visitor_is(ngx_table_elt_t *h, const char *name);
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
    ngx_str_t  origin, host;

    origin = ngx_rd_visitor_header(r, "origin");
    host = ngx_rd_visitor_header(r, "host");

    if (origin.len > 8
        && ngx_strncasecmp(origin.data, (u_char *) "https://", 8) == 0)
    {
        origin.data += 8;
        origin.len -= 8;

    } else if (origin.len > 7
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


ngx_int_t
ngx_rd_visitor_forget_secrets(ngx_http_request_t *r)
{
    ngx_list_t        kept;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    /*
     * nginx keeps pointers to single headers, so nothing may move: a new
     * list is made and the old elements stay where they are
     */

    if (ngx_list_init(&kept, r->pool, 20, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_rd_visitor_is(&h[i], "cookie")
                || ngx_rd_visitor_is(&h[i], "authorization")
                || ngx_rd_visitor_is(&h[i], "csrf-token"))
            {
                continue;
            }

            copy = ngx_list_push(&kept);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    r->headers_in.headers = kept;

    /* the list knows its last part by address */

    if (kept.last == &kept.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_rd_visitor_is(ngx_table_elt_t *h, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    return h->key.len == len && ngx_strncmp(h->lowcase_key, name, len) == 0;
}


static ngx_uint_t
ngx_rd_visitor_has_token(ngx_str_t *value, const char *token)
{
    return value->len
           && ngx_strlcasestrn(value->data, value->data + value->len,
                               (u_char *) token, ngx_strlen(token) - 1)
              != NULL;
}
