
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_answer.h"
#include "ngx_rd_gate.h"
#include "ngx_rd_inquiry.h"
#include "ngx_rd_metrics.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_tunnel.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_text.h"
#include "../session/ngx_rd_audit.h"
#include "../session/ngx_rd_session.h"
#include "../../ngx_rd_module.h"


/*
 * The header filter may meet the context of an rd_api request, too: kind
 * tells them apart, so it is the first member of both.
 */

typedef struct {
    ngx_rd_answer_t       answer;           /* first, for its kind */

    ngx_http_request_t   *request;
    ngx_rd_inquiry_t     *inquiry;          /* NULL: not begun, or over */
    uint64_t              owner;            /* whose desktop it is */

    ngx_rd_desktop_addr_t addr;             /* set once the answer is yes */
    socklen_t             socklen;
    ngx_str_t             backend;          /* the same in words, if wanted */
    ngx_rd_error_e        error;            /* set once decided */
    uint64_t              began_us;
    unsigned              cold:1;           /* somebody had to be asked */
    unsigned              decided:1;
    unsigned              plain:1;          /* a GET that asks why a WebSocket
                                               would be refused */
} ngx_rd_gate_ctx_t;


static ngx_rd_error_e ngx_rd_gate_begin(ngx_http_request_t *r,
    ngx_rd_loc_conf_t *rlcf, ngx_rd_gate_ctx_t *ctx);
static ngx_rd_error_e ngx_rd_gate_precheck(ngx_http_request_t *r,
    ngx_rd_loc_conf_t *rlcf, ngx_rd_gate_ctx_t *ctx);
static ngx_int_t ngx_rd_gate_owner(ngx_http_request_t *r,
    ngx_rd_loc_conf_t *rlcf, ngx_str_t *owner);
static ngx_int_t ngx_rd_gate_ask(ngx_http_request_t *r,
    ngx_rd_gate_ctx_t *ctx);
static void ngx_rd_gate_inquiry_done(ngx_rd_inquiry_t *inquiry);
static ngx_rd_error_e ngx_rd_gate_resolve(ngx_http_request_t *r,
    ngx_rd_gate_ctx_t *ctx);
static ngx_rd_gate_ctx_t *ngx_rd_gate_passed(ngx_http_request_t *r);

static ngx_int_t ngx_rd_gate_verdict(ngx_http_request_t *r,
    ngx_rd_gate_ctx_t *ctx);
static ngx_int_t ngx_rd_gate_let_in(ngx_http_request_t *r,
    ngx_rd_gate_ctx_t *ctx);
static void ngx_rd_gate_audit(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx);
static void ngx_rd_gate_forget(ngx_rd_gate_ctx_t *ctx);
static void ngx_rd_gate_cleanup(void *data);


ngx_int_t
ngx_rd_gate_handler(ngx_http_request_t *r)
{
    ngx_rd_gate_ctx_t  *ctx;
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    if (rlcf->gate == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_rd_module);

    if (ctx != NULL) {
        return ctx->decided ? ngx_rd_gate_verdict(r, ctx) : NGX_AGAIN;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_rd_gate_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->answer.kind = NGX_RD_CTX_GATE;
    ctx->request = r;
    ngx_http_set_ctx(r, ctx, ngx_rd_module);

    /* what is kept has to come from far, and sets out first */

    ctx->error = ngx_rd_gate_begin(r, rlcf, ctx);
    ctx->began_us = ngx_rd_metrics_begin();

    if (ctx->error == NGX_RD_ERR_NONE) {
        ctx->error = ngx_rd_gate_precheck(r, rlcf, ctx);
    }

    if (ctx->error == NGX_RD_ERR_NONE
        && ngx_rd_gate_ask(r, ctx) == NGX_AGAIN)
    {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "rd access: lookup started, desktop of:%uL",
                       ctx->owner);

        /* otherwise a viewer who leaves is noticed only by the answer */

        r->read_event_handler = ngx_http_test_reading;
        return NGX_AGAIN;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "rd access: decided at once, %s, desktop of:%uL",
                   ngx_rd_error_code(ctx->error), ctx->owner);

    ctx->decided = 1;

    return ngx_rd_gate_verdict(r, ctx);
}


ngx_int_t
ngx_rd_gate_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_rd_gate_ctx_t  *ctx;

    ctx = ngx_rd_gate_passed(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ctx->backend.data;
    v->len = ctx->backend.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_rd_gate_backend(ngx_http_request_t *r, struct sockaddr **sockaddr,
    socklen_t *socklen, ngx_str_t **name)
{
    ngx_rd_gate_ctx_t  *ctx;

    ctx = ngx_rd_gate_passed(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    *sockaddr = &ctx->addr.sockaddr;
    *socklen = ctx->socklen;
    *name = &ctx->backend;

    return NGX_OK;
}


/* who is meant, and who may be asking: nothing is said of either yet */

static ngx_rd_error_e
ngx_rd_gate_begin(ngx_http_request_t *r, ngx_rd_loc_conf_t *rlcf,
    ngx_rd_gate_ctx_t *ctx)
{
    ngx_str_t            owner, cookie;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);

    if (ngx_rd_gate_owner(r, rlcf, &owner) != NGX_OK) {
        return NGX_RD_ERR_MEMORY;
    }

    ctx->owner = ngx_rd_text_id(owner.data, owner.len);

    cookie = ngx_rd_visitor_cookie(r, &rmcf->cookie_name);

    ctx->inquiry = ngx_rd_inquiry_create(rmcf, ctx->owner, &cookie,
                                         ngx_rd_gate_inquiry_done, ctx);

    return ctx->inquiry ? NGX_RD_ERR_NONE : NGX_RD_ERR_MEMORY;
}


/* what can be said without asking anybody */

static ngx_rd_error_e
ngx_rd_gate_precheck(ngx_http_request_t *r, ngx_rd_loc_conf_t *rlcf,
    ngx_rd_gate_ctx_t *ctx)
{
    if (!ngx_rd_visitor_one_host(r)) {
        return NGX_RD_ERR_BAD_REQUEST;
    }

    if (ctx->owner == 0) {
        return NGX_RD_ERR_NOT_FOUND;
    }

    if (ngx_rd_visitor_websocket(r)) {

        /* cookies travel with a WebSocket of any site, so Origin decides */

        return ngx_rd_visitor_same_origin(r) ? NGX_RD_ERR_NONE
                                             : NGX_RD_ERR_ORIGIN;
    }

    if (!rlcf->gate_http) {

        /*
         * A page is not told why its WebSocket was refused, so it asks with a
         * plain GET, which gets the same refusal, or 426 if there is none.
         */

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
            || r->headers_in.upgrade
            || ngx_rd_visitor_header(r, "sec-websocket-key").len)
        {
            return NGX_RD_ERR_UPGRADE;
        }

        ctx->plain = 1;

        return ngx_rd_visitor_page_allowed(r) ? NGX_RD_ERR_NONE
                                              : NGX_RD_ERR_ORIGIN;
    }

    /* so do they with its forms, which a container cannot tell from ours */

    return ngx_rd_visitor_foreign_write(r) ? NGX_RD_ERR_ORIGIN
                                           : NGX_RD_ERR_NONE;
}


/* as it stands in the request, when that is all of it */

static ngx_int_t
ngx_rd_gate_owner(ngx_http_request_t *r, ngx_rd_loc_conf_t *rlcf,
    ngx_str_t *owner)
{
    ngx_http_variable_value_t  *vv;

#if (NGX_PCRE)

    int         *at;
    ngx_uint_t   n;

    n = 2 * rlcf->gate_capture;

    if (n) {
        ngx_str_null(owner);
        at = r->captures;

        /* less than 0: the expression has it, but matched without */

        if (n < r->ncaptures && at[n] >= 0) {
            owner->data = r->captures_data + at[n];
            owner->len = at[n + 1] - at[n];
        }

        return NGX_OK;
    }

#endif

    if (rlcf->gate_variable == NGX_ERROR) {
        return ngx_http_complex_value(r, rlcf->gate, owner);
    }

    vv = ngx_http_get_flushed_variable(r, rlcf->gate_variable);

    if (vv == NULL) {
        return NGX_ERROR;
    }

    owner->data = vv->data;
    owner->len = vv->not_found ? 0 : vv->len;

    return NGX_OK;
}


/* NGX_AGAIN: somebody has to be asked; NGX_OK: ctx->error is the answer */

static ngx_int_t
ngx_rd_gate_ask(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx)
{
    ngx_http_cleanup_t  *cln;

    if (ngx_rd_inquiry_start(ctx->inquiry) == NGX_OK) {
        ctx->error = ngx_rd_gate_resolve(r, ctx);
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL) {
        ctx->error = NGX_RD_ERR_MEMORY;
        return NGX_OK;
    }

    cln->handler = ngx_rd_gate_cleanup;
    cln->data = ctx;

    ctx->cold = 1;

    if (ctx->began_us == 0) {
        ctx->began_us = ngx_rd_histogram_now_us();
    }

    return NGX_AGAIN;
}


static void
ngx_rd_gate_inquiry_done(ngx_rd_inquiry_t *inquiry)
{
    ngx_connection_t    *c;
    ngx_rd_gate_ctx_t   *ctx;
    ngx_http_request_t  *r;

    ctx = inquiry->data;
    r = ctx->request;
    c = r->connection;

    ctx->error = ngx_rd_gate_resolve(r, ctx);
    ctx->decided = 1;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "rd access: decided, %s, desktop of:%uL",
                   ngx_rd_error_code(ctx->error), ctx->owner);

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/* who may pass is told where to */

static ngx_rd_error_e
ngx_rd_gate_resolve(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx)
{
    ngx_uint_t          port;
    ngx_rd_desktop_t   *desktop;
    ngx_rd_loc_conf_t  *rlcf;

    if (ctx->inquiry->error != NGX_RD_ERR_NONE) {
        return ctx->inquiry->error;
    }

    desktop = &ctx->inquiry->find.desktop;
    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    port = (rlcf->gate_mode == NGX_RD_MODE_TERMINAL) ? desktop->terminal_port
                                                     : desktop->web_port;
    if (port == 0) {
        return NGX_RD_ERR_MODE;
    }

    if (desktop->socklen == 0) {
        return NGX_RD_ERR_REDIS_REPLY;
    }

    if (ctx->plain) {
        return NGX_RD_ERR_UPGRADE;
    }

    ctx->addr = desktop->addr;
    ctx->socklen = desktop->socklen;
    ngx_inet_set_port(&ctx->addr.sockaddr, (in_port_t) port);

    return NGX_RD_ERR_NONE;
}


/* NULL, or who has a backend, its name being made for the first who asks */

static ngx_rd_gate_ctx_t *
ngx_rd_gate_passed(ngx_http_request_t *r)
{
    size_t              len;
    u_char              name[NGX_SOCKADDR_STRLEN];
    ngx_rd_gate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_rd_module);

    if (ctx == NULL || ctx->answer.kind != NGX_RD_CTX_GATE
        || ctx->socklen == 0)
    {
        return NULL;
    }

    if (ctx->backend.len) {
        return ctx;
    }

    len = ngx_sock_ntop(&ctx->addr.sockaddr, ctx->socklen, name, sizeof(name),
                        1);

    ctx->backend.data = ngx_pnalloc(r->pool, len);
    if (ctx->backend.data == NULL) {
        return NULL;
    }

    ngx_memcpy(ctx->backend.data, name, len);
    ctx->backend.len = len;

    return ctx;
}


static ngx_int_t
ngx_rd_gate_verdict(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx)
{
    ngx_int_t    rc;
    const char  *why;

    ngx_rd_metrics_decision(ctx->error, ctx->cold, ctx->began_us);

    if (ctx->error == NGX_RD_ERR_NONE) {
        rc = ngx_rd_gate_let_in(r, ctx);
        ngx_rd_gate_forget(ctx);

        return rc;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rd access: refused, %s, desktop of:%uL visitor:%uL",
                  ngx_rd_error_code(ctx->error), ctx->owner,
                  ctx->inquiry ? ctx->inquiry->identity.session.user_id
                               : (uint64_t) 0);

    why = ngx_rd_refusal_count(r, NGX_RD_REFUSAL_GATE, ctx->error,
                               ctx->inquiry ? &ctx->inquiry->identity : NULL);

    ngx_rd_gate_forget(ctx);

    rc = ngx_http_discard_request_body(r);

    if (rc == NGX_OK) {
        rc = ngx_rd_reply_error_why(r, ctx->error,
                                    ngx_rd_error_status(ctx->error), why);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_rd_gate_let_in(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx)
{
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    ctx->answer.http_version = r->http_version;
    ctx->answer.owner = ctx->owner;
    ctx->answer.websocket_only = !rlcf->gate_http;

    if (ngx_rd_visitor_websocket(r)) {

        ctx->answer.tunnel = ngx_rd_tunnel_open(r, ctx->inquiry,
                                                rlcf->handshake_timeout_ms);

        if (ctx->answer.tunnel == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_rd_metrics_tunnel(r);
        ngx_rd_gate_audit(r, ctx);
    }

    return ngx_rd_visitor_forget_secrets(r) == NGX_OK
           ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* an administrator who goes into the desktop of somebody else is told of */

static void
ngx_rd_gate_audit(ngx_http_request_t *r, ngx_rd_gate_ctx_t *ctx)
{
    ngx_rd_identity_t   *identity;
    ngx_rd_main_conf_t  *rmcf;

    identity = &ctx->inquiry->identity;

    if (!identity->admin || identity->session.user_id == ctx->owner) {
        return;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);

    ngx_rd_audit_peek(&rmcf->store, identity->session.user_id,
                      &identity->name, ctx->owner);
}


static void
ngx_rd_gate_forget(ngx_rd_gate_ctx_t *ctx)
{
    if (ctx->inquiry) {
        ngx_rd_inquiry_free(ctx->inquiry);
        ctx->inquiry = NULL;
    }
}


static void
ngx_rd_gate_cleanup(void *data)
{
    ngx_rd_gate_ctx_t  *ctx = data;

    if (ctx->inquiry) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "rd access: viewer left");
        ngx_rd_gate_forget(ctx);
    }
}
