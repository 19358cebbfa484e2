
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_metrics.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_refusal_detail.h"
#include "ngx_rd_refusal_evidence.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"


#define NGX_RD_REFUSAL_DETAIL_BYTES  768


static ngx_rd_reason_e ngx_rd_refusal_reason(ngx_http_request_t *r,
    ngx_rd_error_e error, const ngx_rd_identity_t *identity);
static ngx_rd_reason_e ngx_rd_refusal_of_cookie(ngx_http_request_t *r,
    ngx_rd_reason_e reason);
static const char *ngx_rd_refusal_why(ngx_rd_error_e error,
    ngx_rd_reason_e reason);

static void ngx_rd_refusal_tell(ngx_http_request_t *r, ngx_rd_reason_e reason,
    const ngx_rd_identity_t *identity);
static ngx_uint_t ngx_rd_refusal_due(ngx_rd_reason_e reason,
    ngx_msec_t interval_ms);
static ngx_uint_t ngx_rd_refusal_suspect(ngx_rd_reason_e reason,
    ngx_rd_metrics_limit_t *limit, ngx_uint_t n, ngx_msec_t interval_ms);
static void ngx_rd_refusal_write(ngx_rd_main_conf_t *rmcf,
    ngx_rd_reason_e reason, ngx_log_t *log);
static void ngx_rd_refusal_summary_handler(ngx_event_t *ev);


/* of the last request with a reason that this worker has not logged yet */
static u_char       ngx_rd_refusal_details[NGX_RD_REASON_N]
                                          [NGX_RD_REFUSAL_DETAIL_BYTES];
static ngx_event_t  ngx_rd_refusal_summary;
static ngx_log_t   *ngx_rd_refusal_log;


const char *
ngx_rd_refusal_count(ngx_http_request_t *r, ngx_rd_refusal_by_e by,
    ngx_rd_error_e error, const ngx_rd_identity_t *identity)
{
    ngx_rd_reason_e  reason;

    reason = ngx_rd_refusal_reason(r, error, identity);

    ngx_rd_metrics_refusal(by, error, reason);

    if (ngx_rd_reason_row(reason)->after) {
        ngx_rd_refusal_tell(r, reason, identity);
    }

    return ngx_rd_refusal_why(error, reason);
}


ngx_int_t
ngx_rd_refusal_reply(ngx_http_request_t *r, ngx_rd_refusal_by_e by,
    ngx_rd_error_e error, const ngx_rd_identity_t *identity)
{
    const char  *why;

    why = ngx_rd_refusal_count(r, by, error, identity);

    return ngx_rd_reply_error_why(r, error, ngx_rd_error_status(error), why);
}


const char *
ngx_rd_refusal_code(ngx_uint_t i)
{
    return i < NGX_RD_REASON_N ? ngx_rd_reason_row(i)->code
                               : ngx_rd_error_code(i - NGX_RD_REASON_N);
}


static ngx_rd_reason_e
ngx_rd_refusal_reason(ngx_http_request_t *r, ngx_rd_error_e error,
    const ngx_rd_identity_t *identity)
{
    if (identity && identity->reason
        && (error == NGX_RD_ERR_LOGIN_REQUIRED
            || error == NGX_RD_ERR_FORBIDDEN))
    {
        return ngx_rd_refusal_of_cookie(r, identity->reason);
    }

    /* a handshake, and what a proxy of HTTP/1.0 leaves of it */

    if (error == NGX_RD_ERR_UPGRADE
        && ngx_rd_visitor_header(r, "sec-websocket-key").len
        && (r->headers_in.upgrade == NULL
            || r->http_version < NGX_HTTP_VERSION_11))
    {
        return NGX_RD_REASON_UPGRADE_LOST;
    }

    return ngx_rd_reason_of_error(error);
}


/* CTFd's cookie may have come all the same: under another name, or second */

static ngx_rd_reason_e
ngx_rd_refusal_of_cookie(ngx_http_request_t *r, ngx_rd_reason_e reason)
{
    ngx_str_t            name, after;
    ngx_rd_main_conf_t  *rmcf;

    switch (reason) {

    case NGX_RD_REASON_NO_COOKIE:
    case NGX_RD_REASON_COOKIE_MALFORMED:
    case NGX_RD_REASON_COOKIE_SIGNATURE:
        break;

    default:
        return reason;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);

    if (ngx_rd_refusal_detail_genuine(r, rmcf, &name) == NGX_OK) {

        return (name.len == rmcf->cookie_name.len
                && ngx_strncmp(name.data, rmcf->cookie_name.data, name.len)
                   == 0)
               ? NGX_RD_REASON_COOKIE_SHADOWED : NGX_RD_REASON_COOKIE_NAME;
    }

    /* the page says so when the browser came to it from there */

    if (reason == NGX_RD_REASON_NO_COOKIE
        && ngx_http_arg(r, (u_char *) "after", 5, &after) == NGX_OK
        && after.len == 5 && ngx_strncmp(after.data, "login", 5) == 0)
    {
        return NGX_RD_REASON_NO_COOKIE_AFTER_LOGIN;
    }

    return reason;
}


static const char *
ngx_rd_refusal_why(ngx_rd_error_e error, ngx_rd_reason_e reason)
{
    if (error != NGX_RD_ERR_LOGIN_REQUIRED) {
        return NULL;
    }

    switch (reason) {

    case NGX_RD_REASON_NO_COOKIE:
    case NGX_RD_REASON_NO_COOKIE_AFTER_LOGIN:
    case NGX_RD_REASON_COOKIE_NAME:
        return "no_cookie";

    case NGX_RD_REASON_LOGGED_OUT:
        return "logged_out";

    default:
        return "cookie_refused";
    }
}


static void
ngx_rd_refusal_tell(ngx_http_request_t *r, ngx_rd_reason_e reason,
    const ngx_rd_identity_t *identity)
{
    u_char                    *detail;
    ngx_uint_t                 due;
    ngx_rd_main_conf_t        *rmcf;
    ngx_http_core_loc_conf_t  *clcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);

    if (rmcf->refusal_interval_ms == 0) {
        return;
    }

    due = ngx_rd_refusal_due(reason, rmcf->refusal_interval_ms);
    detail = ngx_rd_refusal_details[reason];

    /* one for this line, or for the next; more would only cost time */

    if (due || detail[0] == '\0') {
        ngx_rd_refusal_detail(detail, NGX_RD_REFUSAL_DETAIL_BYTES, r, rmcf,
                              reason, identity);
    }

    /* without a request's handler, which would add the client's raw headers */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_rd_refusal_log = clcf->error_log;

    if (due) {
        ngx_rd_refusal_write(rmcf, reason, clcf->error_log);
    }

    if (!ngx_rd_refusal_summary.timer_set && !ngx_exiting) {
        ngx_rd_refusal_summary.handler = ngx_rd_refusal_summary_handler;
        ngx_rd_refusal_summary.data = rmcf;
        ngx_rd_refusal_summary.log = ngx_cycle->log;
        ngx_rd_refusal_summary.cancelable = 1;

        ngx_add_timer(&ngx_rd_refusal_summary, rmcf->refusal_interval_ms);
    }
}


/*
 * Counts one more of this reason, in all workers together.  1: the caller
 * writes the line.  Two workers may race for it: the one whose cmp_set
 * succeeds writes.
 */

static ngx_uint_t
ngx_rd_refusal_due(ngx_rd_reason_e reason, ngx_msec_t interval_ms)
{
    ngx_uint_t               n;
    ngx_atomic_uint_t        said_ms;
    ngx_rd_metrics_limit_t  *limit;

    limit = ngx_rd_metrics_limit(reason);

    if (limit == NULL) {
        return 0;
    }

    n = ngx_atomic_fetch_add(&limit->n, 1) + 1;
    said_ms = limit->said_ms;

    if (said_ms && ngx_current_msec - said_ms < interval_ms) {
        return 0;
    }

    if (!ngx_rd_refusal_suspect(reason, limit, n, interval_ms)) {
        return 0;
    }

    return ngx_atomic_cmp_set(&limit->said_ms, said_ms, ngx_current_msec);
}


/* so many in one interval, and without a cookie only while nobody has one */

static ngx_uint_t
ngx_rd_refusal_suspect(ngx_rd_reason_e reason, ngx_rd_metrics_limit_t *limit,
    ngx_uint_t n, ngx_msec_t interval_ms)
{
    ngx_uint_t  after;

    after = ngx_rd_reason_row(reason)->after;

    if (after == 1) {
        return 1;
    }

    if (n == 1 || ngx_current_msec - limit->since_ms >= interval_ms) {
        limit->n = 1;
        limit->since_ms = ngx_current_msec;
        limit->known = ngx_rd_metrics_known();
        return 0;
    }

    return n >= after
           && (reason != NGX_RD_REASON_NO_COOKIE
               || limit->known == ngx_rd_metrics_known());
}


static void
ngx_rd_refusal_write(ngx_rd_main_conf_t *rmcf, ngx_rd_reason_e reason,
    ngx_log_t *log)
{
    u_char                     *detail;
    ngx_uint_t                  n;
    ngx_rd_metrics_limit_t     *limit;
    const ngx_rd_reason_row_t  *row;

    limit = ngx_rd_metrics_limit(reason);
    row = ngx_rd_reason_row(reason);
    detail = ngx_rd_refusal_details[reason];

    n = limit->n;
    (void) ngx_atomic_fetch_add(&limit->n, -(ngx_atomic_int_t) n);

    if (n > 1) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "rd refusal: %s: %ui requests in the last %Ms %s%s%s: "
                      "%s", row->code, n,
                      (rmcf->refusal_interval_ms + 999) / 1000, row->what,
                      detail[0] ? ": " : "", detail, row->check);

    } else {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "rd refusal: %s: a request %s%s%s: %s", row->code,
                      row->what, detail[0] ? ": " : "", detail, row->check);
    }

    detail[0] = '\0';

    if (reason == NGX_RD_REASON_SESSION_UNKNOWN) {
        ngx_rd_refusal_evidence(rmcf, log);
    }
}


/* what came after the last line of its reason, when nothing comes any more */

static void
ngx_rd_refusal_summary_handler(ngx_event_t *ev)
{
    ngx_msec_t               interval_ms;
    ngx_uint_t               i, wait;
    ngx_atomic_uint_t        said_ms;
    ngx_rd_main_conf_t      *rmcf;
    ngx_rd_metrics_limit_t  *limit;

    rmcf = ev->data;
    interval_ms = rmcf->refusal_interval_ms;
    wait = 0;

    for (i = 1; i < NGX_RD_REASON_N; i++) {
        limit = ngx_rd_metrics_limit(i);

        if (limit == NULL || limit->n == 0 || ngx_rd_reason_row(i)->after != 1)
        {
            continue;
        }

        wait = 1;
        said_ms = limit->said_ms;

        if (ngx_current_msec - said_ms < interval_ms) {
            continue;
        }

        if (ngx_atomic_cmp_set(&limit->said_ms, said_ms, ngx_current_msec)) {
            ngx_rd_refusal_write(rmcf, i, ngx_rd_refusal_log);
        }
    }

    if (wait && !ngx_exiting) {
        ngx_add_timer(ev, interval_ms);
    }
}
