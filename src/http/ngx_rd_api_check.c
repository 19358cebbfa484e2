
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_check.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_decision.h"
#include "ngx_rd_metrics.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_json.h"
#include "../base/ngx_rd_text.h"


static ngx_rd_error_e ngx_rd_api_check_asked(ngx_http_request_t *r,
    uint64_t *owner, ngx_uint_t *mode);
static void ngx_rd_api_check_find_done(ngx_rd_session_find_t *find);
static void ngx_rd_api_check_decide(ngx_rd_api_ctx_t *ctx,
    ngx_rd_session_find_t *find, ngx_uint_t mode);
static void ngx_rd_api_check_refuse(ngx_rd_api_ctx_t *ctx,
    ngx_rd_error_e error);
static ngx_int_t ngx_rd_api_check_address(ngx_http_request_t *r,
    ngx_rd_desktop_t *desktop, ngx_uint_t port);


void
ngx_rd_api_check(ngx_rd_api_ctx_t *ctx)
{
    uint64_t                owner;
    ngx_uint_t              mode;
    ngx_rd_error_e          error, asked;
    ngx_rd_session_find_t  *find;

    asked = ngx_rd_api_check_asked(ctx->request, &owner, &mode);
    error = ngx_rd_decision_visitor(ctx->rmcf, &ctx->identity, owner);

    if (error == NGX_RD_ERR_NONE) {
        error = asked;
    }

    if (owner == 0 && ctx->identity.error == NGX_RD_ERR_NONE) {
        ctx->identity.reason = NGX_RD_REASON_OWNER_MISSING;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_check_refuse(ctx, error);
        return;
    }

    find = ngx_rd_api_session_find(ctx, owner, ngx_rd_api_check_find_done);
    if (find == NULL) {
        ngx_rd_api_check_refuse(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    switch (ngx_rd_session_find_start(find)) {

    case NGX_OK:
        ngx_rd_api_check_decide(ctx, find, mode);
        break;

    case NGX_ERROR:
        ngx_rd_api_check_refuse(ctx, NGX_RD_ERR_MEMORY);
        break;

    default: /* NGX_AGAIN */
        ctx->cold = 1;
    }
}


/* whose desktop is meant; who is asking is said by the cookie alone */

static ngx_rd_error_e
ngx_rd_api_check_asked(ngx_http_request_t *r, uint64_t *owner,
    ngx_uint_t *mode)
{
    ngx_str_t  id, value;

    id = ngx_rd_visitor_header(r, "x-user-id");
    *owner = ngx_rd_text_id(id.data, id.len);
    *mode = NGX_RD_MODE_DESKTOP;

    if (*owner == 0) {
        return NGX_RD_ERR_FORBIDDEN;
    }

    if (ngx_http_arg(r, (u_char *) "mode", 4, &value) != NGX_OK) {
        return NGX_RD_ERR_NONE;
    }

    if (ngx_rd_session_is(&value, "terminal")) {
        *mode = NGX_RD_MODE_TERMINAL;
        return NGX_RD_ERR_NONE;
    }

    return ngx_rd_session_is(&value, "vnc") ? NGX_RD_ERR_NONE
                                            : NGX_RD_ERR_MODE;
}


static void
ngx_rd_api_check_find_done(ngx_rd_session_find_t *find)
{
    uint64_t           owner;
    ngx_uint_t         mode;
    ngx_rd_api_ctx_t  *ctx;

    ctx = find->owner;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    (void) ngx_rd_api_check_asked(ctx->request, &owner, &mode);
    ngx_rd_api_check_decide(ctx, find, mode);
}


static void
ngx_rd_api_check_decide(ngx_rd_api_ctx_t *ctx, ngx_rd_session_find_t *find,
    ngx_uint_t mode)
{
    ngx_uint_t         port;
    ngx_rd_error_e     error;
    ngx_rd_desktop_t  *desktop;

    error = find->error;
    desktop = &find->desktop;

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_decision_desktop(&ctx->identity, desktop,
                                        find->user_id);
    }

    port = (mode == NGX_RD_MODE_TERMINAL) ? desktop->terminal_port
                                          : desktop->web_port;

    if (error == NGX_RD_ERR_NONE && port == 0) {
        error = NGX_RD_ERR_MODE;
    }

    if (error == NGX_RD_ERR_NONE && desktop->socklen == 0) {
        error = NGX_RD_ERR_REDIS_REPLY;
    }

    if (error == NGX_RD_ERR_NONE
        && ngx_rd_api_check_address(ctx->request, desktop, port)
           != NGX_OK)
    {
        error = NGX_RD_ERR_MEMORY;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_check_refuse(ctx, error);
        return;
    }

    ngx_rd_metrics_decision(error, ctx->cold, ctx->began_us);
    ngx_rd_api_session_send(ctx, ngx_rd_json_object());
}


static void
ngx_rd_api_check_refuse(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error)
{
    ngx_uint_t  status;

    ngx_rd_metrics_decision(error, ctx->cold, ctx->began_us);

    status = ngx_rd_error_status(error);

    if (status != NGX_HTTP_UNAUTHORIZED
        && status != NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        status = NGX_HTTP_FORBIDDEN;
    }

    ngx_rd_api_finish_status(ctx, error, status);
}


static ngx_int_t
ngx_rd_api_check_address(ngx_http_request_t *r, ngx_rd_desktop_t *desktop,
    ngx_uint_t port)
{
    u_char     *p;
    ngx_str_t   host, number;

    host.data = ngx_pnalloc(r->pool, NGX_SOCKADDR_STRLEN);
    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);

    if (host.data == NULL || p == NULL) {
        return NGX_ERROR;
    }

    host.len = ngx_sock_ntop(&desktop->addr.sockaddr, desktop->socklen,
                             host.data, NGX_SOCKADDR_STRLEN, 0);

    number.data = p;
    number.len = ngx_sprintf(p, "%ui", port) - p;

    if (ngx_rd_reply_header(r, "X-VNC-Host", &host) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_rd_reply_header(r, "X-VNC-Port", &number);
}
