
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_peek.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_decision.h"
#include "../base/ngx_rd_text.h"
#include "../session/ngx_rd_audit.h"
#include "../session/ngx_rd_session.h"


static void ngx_rd_api_peek_find_done(ngx_rd_session_find_t *find);
static void ngx_rd_api_peek_decide(ngx_rd_api_ctx_t *ctx,
    ngx_rd_session_find_t *find);
static void ngx_rd_api_peek_look_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_peek_give(ngx_rd_api_ctx_t *ctx,
    const ngx_rd_session_t *session);


void
ngx_rd_api_peek(ngx_rd_api_ctx_t *ctx, uint64_t owner)
{
    ngx_int_t               rc;
    ngx_rd_error_e          error;
    ngx_rd_session_find_t  *find;

    error = owner ? ngx_rd_decision_visitor(ctx->rmcf, &ctx->identity, owner)
                  : NGX_RD_ERR_NOT_FOUND;

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    rc = NGX_ERROR;
    find = ngx_rd_api_session_find(ctx, owner, ngx_rd_api_peek_find_done);

    if (find) {
        find->strict = 1;
        rc = ngx_rd_session_find_start(find);
    }

    if (rc == NGX_OK) {
        ngx_rd_api_peek_decide(ctx, find);

    } else if (rc == NGX_ERROR) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_peek_find_done(ngx_rd_session_find_t *find)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = find->owner;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    ngx_rd_api_peek_decide(ctx, find);
}


/* what gates read of a session has no password: that is asked for now */

static void
ngx_rd_api_peek_decide(ngx_rd_api_ctx_t *ctx, ngx_rd_session_find_t *find)
{
    ngx_rd_error_e  error;

    error = find->error;

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_decision_desktop(&ctx->identity, &find->desktop,
                                        find->user_id);
    }

    if (error == NGX_RD_ERR_NONE) {
        ctx->call = ngx_rd_store_look(&ctx->rmcf->store, find->user_id,
                                      find->user_id
                                      == ctx->identity.session.user_id
                                      ? ctx->identity.login : 0,
                                      ngx_rd_api_peek_look_done, ctx);
        if (ctx->call) {
            return;
        }

        error = NGX_RD_ERR_MEMORY;
    }

    ngx_rd_api_finish_error(ctx, error);
}


static void
ngx_rd_api_peek_look_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_error_e     error;
    ngx_rd_api_ctx_t  *ctx;
    ngx_rd_session_t   session;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    error = ngx_rd_session_read(&session, call->reply) == NGX_OK
            ? ngx_rd_session_open(&session) : NGX_RD_ERR_REDIS_REPLY;

    if (error == NGX_RD_ERR_NONE && session.view_password.len == 0) {
        error = NGX_RD_ERR_VIEW;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    ngx_rd_api_peek_give(ctx, &session);
}


static void
ngx_rd_api_peek_give(ngx_rd_api_ctx_t *ctx, const ngx_rd_session_t *session)
{
    uint64_t            owner;
    ngx_rd_json_t      *json, *user;
    ngx_rd_identity_t  *identity;

    identity = &ctx->identity;
    owner = ngx_rd_text_id(session->owner.data, session->owner.len);

    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                  "rd api: view-only password given, desktop of:%uL user:%uL",
                  owner, identity->session.user_id);

    if (identity->admin) {
        ngx_rd_audit_view_password(&ctx->rmcf->store,
                                   identity->session.user_id, &identity->name,
                                   owner);
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "vnc_password", session->view_password.data,
                         session->view_password.len);
    ngx_rd_json_set_bool(json, "view_only", 1);

    user = ngx_rd_json_object();
    ngx_rd_json_set_integer(user, "id", owner);
    ngx_rd_json_set_text(user, "name", session->username.data,
                         session->username.len);
    ngx_rd_json_set(json, "user", user);

    ngx_rd_api_session_send(ctx, json);
}
