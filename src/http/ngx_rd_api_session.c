
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_session.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_json.h"
#include "../session/ngx_rd_session.h"


static void ngx_rd_api_session_look(ngx_rd_api_ctx_t *ctx, uint64_t user_id,
    ngx_rd_redis_done_pt done);
static ngx_int_t ngx_rd_api_session_looked(ngx_rd_redis_call_t *call,
    ngx_rd_session_t *session);
static void ngx_rd_api_session_status_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_progress_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_credentials_done(ngx_rd_redis_call_t *call);

static ngx_rd_json_t *ngx_rd_api_session_json(ngx_rd_session_t *session);
static ngx_rd_json_t *ngx_rd_api_session_modes(ngx_rd_session_t *session);
static ngx_rd_json_t *ngx_rd_api_session_ssh(ngx_rd_session_t *session);


void
ngx_rd_api_session_status(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_session_look(ctx, ctx->identity.session.user_id,
                            ngx_rd_api_session_status_done);
}


static void
ngx_rd_api_session_status_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t      *json, *user;
    ngx_rd_session_t    session;
    ngx_rd_api_ctx_t   *ctx;
    ngx_rd_identity_t  *identity;

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    ctx = call->owner;
    identity = &ctx->identity;

    json = ngx_rd_json_object();

    if (ngx_rd_session_open(&session) == NGX_RD_ERR_NONE) {
        ngx_rd_json_set(json, "session", ngx_rd_api_session_json(&session));
    } else {
        ngx_rd_json_set_null(json, "session");
    }

    user = ngx_rd_json_object();
    ngx_rd_json_set_integer(user, "id", identity->session.user_id);
    ngx_rd_json_set_text(user, "name", identity->name.data,
                         identity->name.len);
    ngx_rd_json_set(json, "user", user);

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_session_progress(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_session_look(ctx, ctx->identity.session.user_id,
                            ngx_rd_api_session_progress_done);
}


static void
ngx_rd_api_session_progress_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t     *json;
    ngx_rd_error_e     open;
    ngx_rd_session_t   session;

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    json = ngx_rd_json_object();
    open = ngx_rd_session_open(&session);

    if (open == NGX_RD_ERR_EXPIRED || session.step.len == 0
        || ngx_rd_session_is(&session.step, "none")
        || (open == NGX_RD_ERR_NO_SESSION
            && ngx_rd_session_is(&session.step, "ready")))
    {
        ngx_rd_json_set_string(json, "status", "none");
        ngx_rd_api_session_send(call->owner, json);
        return;
    }

    ngx_rd_json_set_text(json, "status", session.step.data, session.step.len);
    ngx_rd_json_set_text(json, "message", session.message.data,
                         session.message.len);

    if (session.position > 0) {
        ngx_rd_json_set_integer(json, "position", session.position);
        ngx_rd_json_set_integer(json, "estimate",
                                (session.estimate_ms + 999) / 1000);
        ngx_rd_json_set_text(json, "reason", session.why_waiting.data,
                             session.why_waiting.len);
    }

    if (ngx_rd_session_is(&session.step, "failed")) {
        ngx_rd_json_set_text(json, "error", session.message.data,
                             session.message.len);
        ngx_rd_json_set_text(json, "code", session.error.data,
                             session.error.len);
        ngx_rd_json_set_text(json, "hostname", session.host.data,
                             session.host.len);
    }

    if (open == NGX_RD_ERR_NONE) {
        ngx_rd_json_set(json, "session", ngx_rd_api_session_json(&session));
    }

    ngx_rd_api_session_send(call->owner, json);
}


void
ngx_rd_api_session_credentials(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_session_look(ctx, ctx->identity.session.user_id,
                            ngx_rd_api_session_credentials_done);
}


static void
ngx_rd_api_session_credentials_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t     *json;
    ngx_rd_error_e     open;
    ngx_rd_session_t   session;
    ngx_rd_api_ctx_t  *ctx;

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    ctx = call->owner;
    open = ngx_rd_session_open(&session);

    if (session.switched_off && !ctx->identity.admin) {
        open = NGX_RD_ERR_DISABLED;
    }

    if (open != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, open);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "vnc_password", session.vnc_password.data,
                         session.vnc_password.len);

    if (session.ssh_port) {
        ngx_rd_json_set(json, "ssh", ngx_rd_api_session_ssh(&session));
    }

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_session_csrf(ngx_rd_api_ctx_t *ctx)
{
    ngx_str_t       site;
    ngx_rd_json_t  *json;

    /* browsers let no other site read the answer; this refuses to give it */

    site = ngx_rd_visitor_header(ctx->request, "sec-fetch-site");

    if (site.len && !ngx_rd_session_is(&site, "same-origin")) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_ORIGIN);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "nonce", ctx->identity.session.nonce);

    ngx_rd_api_session_send(ctx, json);
}


static void
ngx_rd_api_session_look(ngx_rd_api_ctx_t *ctx, uint64_t user_id,
    ngx_rd_redis_done_pt done)
{
    ctx->call = ngx_rd_store_look(&ctx->rmcf->store, user_id, done, ctx);

    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


/* NGX_OK: session was read; otherwise the request is answered */

static ngx_int_t
ngx_rd_api_session_looked(ngx_rd_redis_call_t *call, ngx_rd_session_t *session)
{
    ngx_rd_error_e     error;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_returned(call);
    error = call->error;

    if (error == NGX_RD_ERR_NONE
        && ngx_rd_session_read(session, call->reply) != NGX_OK)
    {
        error = NGX_RD_ERR_REDIS_REPLY;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* S of docs/API.md; only of a session that is open */

static ngx_rd_json_t *
ngx_rd_api_session_json(ngx_rd_session_t *session)
{
    u_char          url[sizeof("/remote-desktop/vnc//") + NGX_INT64_LEN];
    ngx_rd_json_t  *json;

    *ngx_snprintf(url, sizeof(url) - 1, "/remote-desktop/vnc/%V/",
                  &session->owner)
        = '\0';

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "id", session->id.data, session->id.len);
    ngx_rd_json_set_string(json, "state",
                           ngx_rd_session_state_name(session->state));
    ngx_rd_json_set_number(json, "created_at",
                           (double) session->created_ms / 1000);
    ngx_rd_json_set_string(json, "vnc_url", (char *) url);
    ngx_rd_json_set(json, "modes", ngx_rd_api_session_modes(session));
    ngx_rd_json_set(json, "timer",
                    ngx_rd_api_session_timer(ngx_rd_session_left_s(session),
                                             session->extensions_used,
                                             session->extensions_max));
    return json;
}


static ngx_rd_json_t *
ngx_rd_api_session_modes(ngx_rd_session_t *session)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_array();
    ngx_rd_json_push_string(json, "desktop");

    if (session->terminal_port) {
        ngx_rd_json_push_string(json, "terminal");
    }

    if (session->ssh_port) {
        ngx_rd_json_push_string(json, "ssh");
    }

    return json;
}


/* what a player types; the password is the one of all modes */

static ngx_rd_json_t *
ngx_rd_api_session_ssh(ngx_rd_session_t *session)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "host", session->public_host.data,
                         session->public_host.len);
    ngx_rd_json_set_integer(json, "port", session->ssh_port);
    ngx_rd_json_set_text(json, "user", session->account.data,
                         session->account.len);
    ngx_rd_json_set_text(json, "password", session->vnc_password.data,
                         session->vnc_password.len);

    return json;
}


ngx_rd_json_t *
ngx_rd_api_session_timer(int64_t left_s, int64_t used, int64_t max)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "active", 1);
    ngx_rd_json_set_integer(json, "time_remaining", left_s);
    ngx_rd_json_set_integer(json, "extensions_used", used);
    ngx_rd_json_set_integer(json, "max_extensions", max);

    return json;
}


void
ngx_rd_api_session_send(ngx_rd_api_ctx_t *ctx, ngx_rd_json_t *json)
{
    ngx_rd_api_finish(ctx, ngx_rd_reply_json(ctx->request, NGX_HTTP_OK, json));
}
