
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api.h"
#include "ngx_rd_api_action.h"
#include "ngx_rd_api_admin.h"
#include "ngx_rd_api_check.h"
#include "ngx_rd_api_events.h"
#include "ngx_rd_api_kill_all.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_api_switch.h"
#include "ngx_rd_api_signed.h"
#include "ngx_rd_api_view.h"
#include "ngx_rd_metrics.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_text.h"


typedef struct {
    ngx_str_t             name;         /* what follows the location */
    ngx_uint_t            method;       /* GET means HEAD, too */
    ngx_rd_api_route_pt   route;
} ngx_rd_api_entry_t;


static ngx_rd_api_entry_t *ngx_rd_api_find(ngx_http_request_t *r);
static void ngx_rd_api_identify(ngx_http_request_t *r);
static void ngx_rd_api_identity_done(ngx_rd_identity_t *identity);
static void ngx_rd_api_go(ngx_rd_api_ctx_t *ctx);
static ngx_rd_error_e ngx_rd_api_csrf(ngx_rd_api_ctx_t *ctx);
static void ngx_rd_api_cleanup(void *data);


static ngx_rd_api_entry_t  ngx_rd_api_entries[] = {

    { ngx_string("status"), NGX_HTTP_GET, ngx_rd_api_session_status },
    { ngx_string("creation-status"), NGX_HTTP_GET,
      ngx_rd_api_session_progress },
    { ngx_string("credentials"), NGX_HTTP_GET, ngx_rd_api_session_credentials },
    { ngx_string("csrf"), NGX_HTTP_GET, ngx_rd_api_session_csrf },
    { ngx_string("auth-check"), NGX_HTTP_GET, ngx_rd_api_check },

    { ngx_string("create"), NGX_HTTP_POST, ngx_rd_api_action_create },
    { ngx_string("destroy"), NGX_HTTP_POST, ngx_rd_api_action_destroy },
    { ngx_string("extend"), NGX_HTTP_POST, ngx_rd_api_action_extend },

    { ngx_null_string, 0, NULL }
};


static ngx_rd_api_entry_t  ngx_rd_api_admin_entries[] = {

    { ngx_string("containers"), NGX_HTTP_GET, ngx_rd_api_view_containers },
    { ngx_string("hosts"), NGX_HTTP_GET, ngx_rd_api_view_hosts },
    { ngx_string("explain"), NGX_HTTP_GET, ngx_rd_api_view_explain },

    { ngx_string("kill"), NGX_HTTP_POST, ngx_rd_api_admin_kill },
    { ngx_string("kill-all"), NGX_HTTP_POST, ngx_rd_api_kill_all },
    { ngx_string("extend"), NGX_HTTP_POST, ngx_rd_api_admin_extend },
    { ngx_string("peek"), NGX_HTTP_POST, ngx_rd_api_admin_peek },
    { ngx_string("enable"), NGX_HTTP_POST, ngx_rd_api_switch_on },
    { ngx_string("disable"), NGX_HTTP_POST, ngx_rd_api_switch_off },

    { ngx_string("hosts/cordon"), NGX_HTTP_POST, ngx_rd_api_admin_cordon },
    { ngx_string("hosts/drain"), NGX_HTTP_POST, ngx_rd_api_admin_drain },
    { ngx_string("hosts/activate"), NGX_HTTP_POST, ngx_rd_api_admin_activate },

    { ngx_string("events/stream"), NGX_HTTP_GET, ngx_rd_api_events_stream },
    { ngx_string("events/recent"), NGX_HTTP_GET, ngx_rd_api_events_recent },

    { ngx_null_string, 0, NULL }
};


ngx_int_t
ngx_rd_api_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_uint_t           reads, by_signature;
    ngx_rd_api_ctx_t    *ctx;
    ngx_rd_loc_conf_t   *rlcf;
    ngx_rd_api_entry_t  *entry;
    ngx_http_cleanup_t  *cln;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);
    entry = ngx_rd_api_find(r);
    by_signature = ngx_rd_api_signed_wanted(r);

    /* players' buttons say nothing but which they are */

    reads = entry && rlcf->api_admin && r->method == NGX_HTTP_POST
            && !ngx_rd_body_too_long(r);

    if (!reads && !by_signature) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!ngx_rd_visitor_one_host(r)) {
        return ngx_rd_refusal_reply(r, NGX_RD_REFUSAL_API,
                                    NGX_RD_ERR_BAD_REQUEST, NULL);
    }

    if (entry == NULL) {
        return ngx_rd_refusal_reply(r, NGX_RD_REFUSAL_API,
                                    NGX_RD_ERR_NOT_FOUND, NULL);
    }

    if (!(r->method & entry->method)
        && !(r->method == NGX_HTTP_HEAD && entry->method == NGX_HTTP_GET))
    {
        (void) ngx_rd_refusal_count(r, NGX_RD_REFUSAL_API, NGX_RD_ERR_METHOD,
                                    NULL);

        return ngx_rd_reply_method(r, entry->method == NGX_HTTP_GET
                                      ? "GET, HEAD" : "POST");
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_rd_api_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_rd_api_cleanup;
    cln->data = ctx;

    ctx->kind = NGX_RD_CTX_API;
    ctx->began_us = ngx_rd_histogram_now_us();
    ctx->request = r;
    ctx->rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);
    ctx->route = entry->route;
    ctx->admin = rlcf->api_admin;
    ctx->reads = reads;
    ngx_http_set_ctx(r, ctx, ngx_rd_module);

    ctx->identity.conf = &ctx->rmcf->identity;
    ctx->identity.done = ngx_rd_api_identity_done;
    ctx->identity.owner = ctx;

    if (by_signature) {
        return ngx_rd_api_signed_start(ctx);
    }

    ctx->inside = 1;

    if (reads) {
        rc = ngx_http_read_client_request_body(r, ngx_rd_api_identify);

    } else {
        rc = NGX_OK;
        r->main->count++;
        ngx_rd_api_identify(r);
    }

    /* nginx holds the request until it has our answer, so ctx is there */

    ctx->inside = 0;

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_rd_api_identify(ngx_http_request_t *r)
{
    ngx_int_t          rc;
    ngx_str_t          cookie;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_rd_module);

    cookie = ngx_rd_visitor_cookie(r, &ctx->rmcf->cookie_name);
    rc = ngx_rd_identity_start(&ctx->identity, &cookie);

    r->read_event_handler = ngx_http_test_reading;

    if (rc == NGX_AGAIN) {
        ctx->cold = 1;
        return;
    }

    if (rc == NGX_ERROR) {
        ctx->identity.error = NGX_RD_ERR_MEMORY;
    }

    ngx_rd_api_go(ctx);
}


ngx_rd_api_ctx_t *
ngx_rd_api_returned(ngx_rd_redis_call_t *call)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = call->owner;
    ctx->call = NULL;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    return ctx;
}


ngx_rd_api_ctx_t *
ngx_rd_api_answered(ngx_rd_redis_call_t *call)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_returned(call);

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, call->error);
        return NULL;
    }

    return ctx;
}


void
ngx_rd_api_finish_error(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error)
{
    ngx_rd_api_finish_status(ctx, error, ngx_rd_error_status(error));
}


void
ngx_rd_api_finish_status(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error,
    ngx_uint_t status)
{
    const char  *why;

    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "rd api: refused, %s, user:%uL", ngx_rd_error_code(error),
                  ctx->identity.session.user_id);

    why = ngx_rd_refusal_count(ctx->request, NGX_RD_REFUSAL_API, error,
                               &ctx->identity);

    ngx_rd_api_finish(ctx, ngx_rd_reply_error_why(ctx->request, error, status,
                                                  why));
}


void
ngx_rd_api_finish_sentence(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error,
    const char *sentence)
{
    (void) ngx_rd_refusal_count(ctx->request, NGX_RD_REFUSAL_API, error,
                                &ctx->identity);

    ngx_rd_api_finish(ctx, ngx_rd_reply_sentence(ctx->request, error,
                                                 sentence));
}


void
ngx_rd_api_finish(ngx_rd_api_ctx_t *ctx, ngx_int_t rc)
{
    ngx_uint_t         inside;
    ngx_connection_t  *c;

    c = ctx->request->connection;
    inside = ctx->inside;

    ngx_http_finalize_request(ctx->request, rc);

    /* a visitor who is gone already is posted: nginx, our caller, runs that */

    if (!inside) {
        ngx_http_run_posted_requests(c);
    }
}


static ngx_rd_api_entry_t *
ngx_rd_api_find(ngx_http_request_t *r)
{
    u_char              *p;
    ngx_str_t            name;
    ngx_rd_loc_conf_t   *rlcf;
    ngx_rd_api_entry_t  *entry;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    name = r->uri;

    if (rlcf->location.len < r->uri.len) {
        name.data += rlcf->location.len;
        name.len -= rlcf->location.len;

        if (name.data[0] == '/') {
            name.data++;
            name.len--;
        }

    } else {
        for (p = name.data + name.len; p > name.data && p[-1] != '/'; p--) {
            /* void */
        }

        name.len -= p - name.data;
        name.data = p;
    }

    entry = rlcf->api_admin ? ngx_rd_api_admin_entries : ngx_rd_api_entries;

    for ( ; entry->route; entry++) {

        if (entry->name.len == name.len
            && ngx_memcmp(entry->name.data, name.data, name.len) == 0)
        {
            return entry;
        }
    }

    return NULL;
}


static void
ngx_rd_api_identity_done(ngx_rd_identity_t *identity)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = identity->owner;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    ngx_rd_api_go(ctx);
}


static void
ngx_rd_api_go(ngx_rd_api_ctx_t *ctx)
{
    const char      *complaint;
    ngx_rd_error_e   error;

    /* it decides as a gate does, and says it in a gate's words */

    if (ctx->route == ngx_rd_api_check) {
        ctx->route(ctx);
        return;
    }

    error = ctx->identity.error;

    if (error == NGX_RD_ERR_NONE) {
        ngx_rd_metrics_login();
    }

    if (error == NGX_RD_ERR_NONE && ctx->identity.banned) {
        error = NGX_RD_ERR_BANNED;
    }

    if (error == NGX_RD_ERR_NONE && ctx->admin && !ctx->identity.admin) {
        error = NGX_RD_ERR_ADMIN_ONLY;
    }

    /* no other site can make a browser sign */

    if (error == NGX_RD_ERR_NONE && ctx->request->method == NGX_HTTP_POST
        && !ctx->identity.by_signature)
    {
        error = ngx_rd_api_csrf(ctx);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    if (ctx->admin && ctx->request->method == NGX_HTTP_POST) {
        complaint = ctx->reads ? ngx_rd_body_parse(&ctx->body, ctx->request)
                               : "the body is longer than 16 KB";

        if (complaint) {
            ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_BAD_REQUEST, complaint);
            return;
        }
    }

    ctx->route(ctx);
}


/* CTFd's rule: the header must be the nonce of the session */

static ngx_rd_error_e
ngx_rd_api_csrf(ngx_rd_api_ctx_t *ctx)
{
    ngx_str_t    token;
    const char  *nonce;

    token = ngx_rd_visitor_header(ctx->request, "csrf-token");
    nonce = ctx->identity.session.nonce;

    if (token.len == 0
        || !ngx_rd_text_equal_secret(token.data, token.len, (u_char *) nonce,
                                     ngx_strlen(nonce)))
    {
        return NGX_RD_ERR_CSRF;
    }

    return NGX_RD_ERR_NONE;
}


static void
ngx_rd_api_cleanup(void *data)
{
    ngx_rd_api_ctx_t  *ctx = data;

    ngx_rd_identity_cancel(&ctx->identity);

    if (ctx->call) {
        ngx_rd_redis_call_cancel(ctx->call);
        ctx->call = NULL;
    }

    if (ctx->action) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "rd api: visitor left, his click counts");
        *ctx->action = NULL;
        ctx->action = NULL;
    }
}
