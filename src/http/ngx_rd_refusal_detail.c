
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_refusal_detail.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_REFUSAL_DETAIL_COOKIES  16


static u_char *ngx_rd_refusal_detail_cookie(u_char *p, u_char *last,
    ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf, ngx_rd_reason_e reason);
static u_char *ngx_rd_refusal_detail_session(u_char *p, u_char *last,
    ngx_rd_main_conf_t *rmcf, const ngx_rd_identity_t *identity);
static u_char *ngx_rd_refusal_detail_origin(u_char *p, u_char *last,
    ngx_http_request_t *r);
static u_char *ngx_rd_refusal_detail_signature(u_char *p, u_char *last,
    ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf);
static u_char *ngx_rd_refusal_detail_quote(u_char *p, u_char *last,
    const char *name, const ngx_str_t *text);


void
ngx_rd_refusal_detail(u_char *detail, size_t size, ngx_http_request_t *r,
    ngx_rd_main_conf_t *rmcf, ngx_rd_reason_e reason,
    const ngx_rd_identity_t *identity)
{
    u_char     *p, *last;
    ngx_str_t   value;

    p = detail;
    last = detail + size - 1;

    switch (reason) {

    case NGX_RD_REASON_NO_COOKIE:
    case NGX_RD_REASON_NO_COOKIE_AFTER_LOGIN:
    case NGX_RD_REASON_COOKIE_NAME:
    case NGX_RD_REASON_COOKIE_SHADOWED:
    case NGX_RD_REASON_COOKIE_MALFORMED:
    case NGX_RD_REASON_COOKIE_SIGNATURE:
        p = ngx_rd_refusal_detail_cookie(p, last, r, rmcf, reason);
        break;

    case NGX_RD_REASON_SESSION_UNKNOWN:
    case NGX_RD_REASON_SESSION_UNREADABLE:
        p = ngx_rd_refusal_detail_session(p, last, rmcf, identity);
        break;

    case NGX_RD_REASON_RECORD_HASH:
    case NGX_RD_REASON_ACCOUNT_GONE:
    case NGX_RD_REASON_NOT_VERIFIED:
        if (identity) {
            p = ngx_slprintf(p, last, "record %V%uL, ",
                             &rmcf->identity.user_prefix,
                             identity->session.user_id);
        }
        break;

    case NGX_RD_REASON_ORIGIN:
        p = ngx_rd_refusal_detail_origin(p, last, r);
        break;

    case NGX_RD_REASON_UPGRADE_LOST:
        value = ngx_rd_visitor_header(r, "upgrade");
        p = ngx_rd_refusal_detail_quote(p, last, "Upgrade", &value);
        value = ngx_rd_visitor_header(r, "connection");
        p = ngx_rd_refusal_detail_quote(p, last, "Connection", &value);
        p = ngx_slprintf(p, last, "HTTP/%ui.%ui, ", r->http_version / 1000,
                         r->http_version % 1000);
        break;

    case NGX_RD_REASON_OWNER_MISSING:
        value = ngx_rd_visitor_header(r, "x-user-id");
        p = ngx_rd_refusal_detail_quote(p, last, "X-User-ID", &value);
        break;

    case NGX_RD_REASON_SIGNATURE_OLD:
        p = ngx_rd_refusal_detail_signature(p, last, r, rmcf);
        break;

    default:
        break;
    }

    p = ngx_slprintf(p, last, "client %V", &r->connection->addr_text);
    *p = '\0';
}


ngx_int_t
ngx_rd_refusal_detail_genuine(ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf,
    ngx_str_t *name)
{
    char              sid[NGX_RD_COOKIE_SID_BYTES + 1];
    ngx_str_t         value;
    ngx_uint_t        i, tried;
    const u_char     *p, *last;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    tried = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != 6
                || ngx_memcmp(h[i].lowcase_key, "cookie", 6) != 0)
            {
                continue;
            }

            p = h[i].value.data;
            last = p + h[i].value.len;

            while (ngx_rd_cookie_next(&p, last, name, &value) == NGX_OK) {

                if (!ngx_rd_cookie_formed(value.data, value.len)) {
                    continue;
                }

                if (ngx_rd_cookie_verify(&rmcf->identity.key, value.data,
                                         value.len, sid)
                    == NGX_OK)
                {
                    return NGX_OK;
                }

                if (++tried == NGX_RD_REFUSAL_DETAIL_COOKIES) {
                    return NGX_DECLINED;
                }
            }
        }
    }

    return NGX_DECLINED;
}


static u_char *
ngx_rd_refusal_detail_cookie(u_char *p, u_char *last, ngx_http_request_t *r,
    ngx_rd_main_conf_t *rmcf, ngx_rd_reason_e reason)
{
    ngx_str_t  name, value;

    p = ngx_slprintf(p, last, "expected cookie \"%V\", ", &rmcf->cookie_name);

    switch (reason) {

    case NGX_RD_REASON_COOKIE_NAME:
        if (ngx_rd_refusal_detail_genuine(r, rmcf, &name) == NGX_OK) {
            p = ngx_rd_refusal_detail_quote(p, last, "seen as", &name);
        }
        break;

    case NGX_RD_REASON_COOKIE_MALFORMED:
        value = ngx_rd_visitor_cookie(r, &rmcf->cookie_name);
        p = ngx_slprintf(p, last, "seen %uz characters, expected %d "
                         "(id.signature), ", value.len, NGX_RD_COOKIE_BYTES);
        break;

    case NGX_RD_REASON_COOKIE_SIGNATURE:
        if (rmcf->secret_newline) {
            p = ngx_slprintf(p, last, "the key ends in a newline, ");
        }
        break;

    case NGX_RD_REASON_NO_COOKIE:
    case NGX_RD_REASON_NO_COOKIE_AFTER_LOGIN:
        p = ngx_slprintf(p, last, ngx_rd_visitor_header(r, "cookie").len
                                  ? "seen only others, " : "seen none, ");
        break;

    default:
        break;
    }

    return p;
}


static u_char *
ngx_rd_refusal_detail_session(u_char *p, u_char *last,
    ngx_rd_main_conf_t *rmcf, const ngx_rd_identity_t *identity)
{
    p = ngx_slprintf(p, last, "expected key \"%V<id>\" in database %ui of %V, ",
                     &rmcf->session_prefix, rmcf->ctfd_redis->database,
                     &rmcf->ctfd_redis->addr->name);

    if (identity && identity->seen_bytes) {
        p = ngx_slprintf(p, last, "seen a value of %uz bytes that begins with "
                         "0x%02xi, expected \"!\" and a pickle, or JSON, ",
                         identity->seen_bytes,
                         (ngx_int_t) identity->seen_first);
    }

    return p;
}


static u_char *
ngx_rd_refusal_detail_origin(u_char *p, u_char *last, ngx_http_request_t *r)
{
    ngx_str_t           origin, host;
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    origin = ngx_rd_visitor_page_origin(r);
    host = ngx_rd_visitor_header(r, "host");

    p = ngx_rd_refusal_detail_quote(p, last, "seen Origin", &origin);

    if (rlcf->allowed_origins) {
        return ngx_slprintf(p, last, "expected one of the %ui of "
                            "rd_allowed_origins, ",
                            rlcf->allowed_origins->nelts);
    }

    return ngx_rd_refusal_detail_quote(p, last, "expected that of Host", &host);
}


static u_char *
ngx_rd_refusal_detail_signature(u_char *p, u_char *last,
    ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf)
{
    u_char      *from, *to, *end;
    int64_t      ms;
    ngx_str_t    header;
    ngx_time_t  *tp;

    /* v1:<unix ms>:...; the form was checked */

    header = ngx_rd_visitor_header(r, "x-rd-signature");
    end = header.data + header.len;
    from = ngx_strlchr(header.data, end, ':');
    to = from ? ngx_strlchr(from + 1, end, ':') : NULL;

    if (to == NULL) {
        return p;
    }

    tp = ngx_timeofday();
    ms = (int64_t) ngx_rd_text_id(from + 1, to - from - 1)
         - ((int64_t) tp->sec * 1000 + tp->msec);

    return ngx_slprintf(p, last, "seen a time %L ms %s ours, expected at most "
                        "%M ms, ", ms < 0 ? -ms : ms,
                        ms < 0 ? "before" : "after", rmcf->signed_window_ms);
}


static u_char *
ngx_rd_refusal_detail_quote(u_char *p, u_char *last, const char *name,
    const ngx_str_t *text)
{
    u_char  quoted[NGX_RD_TEXT_QUOTED_BYTES], *end;

    if (text->len == 0) {
        return ngx_slprintf(p, last, "%s none, ", name);
    }

    end = ngx_rd_text_quoted(quoted, text->data, text->len);

    return ngx_slprintf(p, last, "%s \"%*s\", ", name, (size_t) (end - quoted),
                        quoted);
}
