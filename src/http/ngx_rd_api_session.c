
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_session.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_json.h"
#include "../base/ngx_rd_settings.h"
#include "../base/ngx_rd_text.h"
#include "../fleet/ngx_rd_removal.h"
#include "../session/ngx_rd_session.h"
#include "../work/ngx_rd_job.h"
#include "../../ngx_rd_orchestrator.h"


#define NGX_RD_VNC_PASSWORD_CHARS  8        /* RFB looks at no more */


/*
 * A create or destroy that Redis was asked for.  It outlives its request:
 * a player who closes the page has still pressed the button.
 */

typedef struct {
    ngx_rd_api_ctx_t  *ctx;                 /* NULL: the player has left */
    char               id[NGX_RD_SESSION_ID_BYTES + 1];
} ngx_rd_api_session_action_t;


static void ngx_rd_api_session_look(ngx_rd_api_ctx_t *ctx, uint64_t user_id,
    ngx_rd_redis_done_pt done);
static ngx_int_t ngx_rd_api_session_looked(ngx_rd_redis_call_t *call,
    ngx_rd_session_t *session);
static void ngx_rd_api_session_status_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_progress_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_credentials_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_auth_check_done(ngx_rd_redis_call_t *call);

static ngx_rd_api_session_action_t *ngx_rd_api_session_action(
    ngx_rd_api_ctx_t *ctx);
static ngx_rd_api_ctx_t *ngx_rd_api_session_action_end(
    ngx_rd_api_session_action_t *action);
static void ngx_rd_api_session_create_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_created(ngx_rd_api_ctx_t *ctx);
static void ngx_rd_api_session_destroy_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_extend_done(ngx_rd_redis_call_t *call);

static ngx_rd_json_t *ngx_rd_api_session_json(ngx_rd_session_t *session);
static ngx_rd_json_t *ngx_rd_api_session_timer(int64_t left_s, int64_t used,
    int64_t max);
static void ngx_rd_api_session_send(ngx_rd_api_ctx_t *ctx,
    ngx_rd_json_t *json);
static ngx_uint_t ngx_rd_api_session_is(const ngx_str_t *str,
    const char *text);


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
        || ngx_rd_api_session_is(&session.step, "none")
        || (open == NGX_RD_ERR_NO_SESSION
            && ngx_rd_api_session_is(&session.step, "ready")))
    {
        ngx_rd_json_set_string(json, "status", "none");
        ngx_rd_api_session_send(call->owner, json);
        return;
    }

    ngx_rd_json_set_text(json, "status", session.step.data, session.step.len);
    ngx_rd_json_set_text(json, "message", session.message.data,
                         session.message.len);

    if (ngx_rd_api_session_is(&session.step, "failed")) {
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

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    open = ngx_rd_session_open(&session);

    if (open != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(call->owner, open);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "vnc_password", session.vnc_password.data,
                         session.vnc_password.len);

    ngx_rd_api_session_send(call->owner, json);
}


void
ngx_rd_api_session_csrf(ngx_rd_api_ctx_t *ctx)
{
    ngx_str_t       site;
    ngx_rd_json_t  *json;

    /* browsers let no other site read the answer; this refuses to give it */

    site = ngx_rd_visitor_header(ctx->request, "sec-fetch-site");

    if (site.len && !ngx_rd_api_session_is(&site, "same-origin")) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_ORIGIN);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "nonce", ctx->identity.session.nonce);

    ngx_rd_api_session_send(ctx, json);
}


/*
 * For a foreign proxy (auth_request and its like), which asks for every
 * request: 200 with the address, 401, or 403; those proxies know no other
 * answer.
 */

void
ngx_rd_api_session_auth_check(ngx_rd_api_ctx_t *ctx)
{
    uint64_t            owner;
    ngx_str_t           asked;
    ngx_rd_identity_t  *identity;

    identity = &ctx->identity;

    /* whose desktop is meant; who is asking is said by the cookie alone */

    asked = ngx_rd_visitor_header(ctx->request, "x-user-id");
    owner = ngx_rd_text_id(asked.data, asked.len);

    if (owner == 0 || (owner != identity->session.user_id && !identity->admin))
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_FORBIDDEN);
        return;
    }

    ngx_rd_api_session_look(ctx, owner, ngx_rd_api_session_auth_check_done);
}


static void
ngx_rd_api_session_auth_check_done(ngx_rd_redis_call_t *call)
{
    u_char              *p;
    ngx_str_t            host, port;
    ngx_rd_error_e       open;
    ngx_rd_session_t     session;
    ngx_rd_api_ctx_t    *ctx;
    ngx_http_request_t  *r;

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    ctx = call->owner;
    r = ctx->request;
    open = ngx_rd_session_open(&session);

    if (open != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish(ctx, ngx_rd_reply_error_status(r, open,
                                                       NGX_HTTP_FORBIDDEN));
        return;
    }

    host.len = session.address.len;
    host.data = ngx_pstrdup(r->pool, &session.address);
    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);

    if (host.data == NULL || p == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    port.data = p;
    port.len = ngx_sprintf(p, "%ui", session.web_port) - p;

    if (ngx_rd_reply_header(r, "X-VNC-Host", &host) != NGX_OK
        || ngx_rd_reply_header(r, "X-VNC-Port", &port) != NGX_OK)
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    ngx_rd_api_session_send(ctx, ngx_rd_json_object());
}


void
ngx_rd_api_session_create(ngx_rd_api_ctx_t *ctx)
{
    char                          account[NGX_RD_USERNAME_BYTES_MAX + 1];
    char                          password[NGX_RD_VNC_PASSWORD_CHARS + 1];
    ngx_rd_identity_t            *identity;
    ngx_rd_settings_t            *settings;
    ngx_rd_store_claim_t          claim;
    ngx_rd_api_session_action_t  *action;

    identity = &ctx->identity;
    settings = ctx->rmcf->settings;

    if (ctx->rmcf->require_verified && !identity->verified
        && !identity->admin)
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_NOT_VERIFIED);
        return;
    }

    if (ngx_rd_job_count() >= ctx->rmcf->jobs_max) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_JOBS_FULL);
        return;
    }

    action = ngx_rd_api_session_action(ctx);

    if (action == NULL
        || ngx_rd_text_random_hex(action->id, NGX_RD_SESSION_ID_BYTES / 2)
           != NGX_OK
        || ngx_rd_text_random_password(password, NGX_RD_VNC_PASSWORD_CHARS)
           != NGX_OK)
    {
        ngx_rd_api_session_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_INTERNAL);
        return;
    }

    ngx_rd_text_username(account, identity->name.data, identity->name.len,
                         identity->session.user_id);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "rd api: create asked for, user:%uL",
                   identity->session.user_id);

    claim.id.data = (u_char *) action->id;
    claim.id.len = NGX_RD_SESSION_ID_BYTES;
    claim.user_id = identity->session.user_id;
    claim.username = identity->name;
    claim.account.data = (u_char *) account;
    claim.account.len = ngx_strlen(account);
    claim.vnc_password.data = (u_char *) password;
    claim.vnc_password.len = NGX_RD_VNC_PASSWORD_CHARS;
    claim.initial_s = settings->initial_duration_s;
    claim.extension_s = settings->extension_duration_s;
    claim.extensions_max = settings->extensions_max;

    if (ngx_rd_store_claim(&ctx->rmcf->store, &claim,
                           ngx_rd_api_session_create_done, action)
        == NULL)
    {
        ngx_rd_api_session_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }

    explicit_bzero(password, sizeof(password));
}


static void
ngx_rd_api_session_create_done(ngx_rd_redis_call_t *call)
{
    int64_t                       answer;
    ngx_str_t                     id, state;
    ngx_rd_error_e                error;
    ngx_rd_api_ctx_t             *ctx;
    ngx_rd_api_session_action_t  *action;

    action = call->owner;
    error = call->error;
    answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                        -1);
    id.data = (u_char *) action->id;
    id.len = NGX_RD_SESSION_ID_BYTES;

    if (error == NGX_RD_ERR_NONE && answer == 0) {
        state = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply,
                                                                2));
        error = ngx_rd_api_session_is(&state, "ready")
                ? NGX_RD_ERR_SESSION_EXISTS : NGX_RD_ERR_CREATING;

    } else if (error == NGX_RD_ERR_NONE && answer != 1) {
        error = NGX_RD_ERR_REDIS_REPLY;

    } else if (error == NGX_RD_ERR_NONE
               || error == NGX_RD_ERR_REDIS_LOST
               || error == NGX_RD_ERR_REDIS_TIMEOUT)
    {
        /*
         * A claim whose answer was lost may stand: somebody has to drive it,
         * or the player is stuck.  If it does not stand, the drive sees so.
         */

        if (ngx_rd_orchestrator_drive(&id, 1) != NGX_OK) {
            error = NGX_RD_ERR_MEMORY;
        }
    }

    ctx = ngx_rd_api_session_action_end(action);

    if (ctx == NULL) {
        return;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    ngx_rd_api_session_created(ctx);
}


static void
ngx_rd_api_session_created(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "status", "creating");
    ngx_rd_json_set_string(json, "message", "Container creation started");

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_session_destroy(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_session_action_t  *action;

    action = ngx_rd_api_session_action(ctx);

    if (action == NULL
        || ngx_rd_store_stop(&ctx->rmcf->store,
                             ctx->identity.session.user_id, "user_destroyed",
                             ngx_rd_api_session_destroy_done, action)
           == NULL)
    {
        ngx_rd_api_session_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_session_destroy_done(ngx_rd_redis_call_t *call)
{
    int64_t                       answer, epoch;
    ngx_str_t                     id, host, container;
    ngx_rd_json_t                *json;
    ngx_rd_error_e                error;
    ngx_rd_api_ctx_t             *ctx;
    const ngx_rd_redis_reply_t   *reply;

    error = call->error;
    reply = call->reply;
    answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 0), -1);

    if (error == NGX_RD_ERR_NONE && answer == 1) {
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));
        host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 2));
        container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 3));
        epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 4), 0);

        ngx_rd_removal_end(&id, &host, &container, epoch);
    }

    ctx = ngx_rd_api_session_action_end(call->owner);

    if (ctx == NULL) {
        return;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    if (answer != 1 && answer != 2) {
        ngx_rd_api_finish(ctx, ngx_rd_reply_error_status(ctx->request,
                                                         NGX_RD_ERR_NO_SESSION,
                                                         NGX_HTTP_BAD_REQUEST));
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_null(json, "session");

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_session_extend(ngx_rd_api_ctx_t *ctx)
{
    ctx->call = ngx_rd_store_extend(&ctx->rmcf->store,
                                    ctx->identity.session.user_id,
                                    ngx_rd_api_session_extend_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_session_extend_done(ngx_rd_redis_call_t *call)
{
    int64_t                      n[5];
    ngx_str_t                    why;
    ngx_uint_t                   i;
    ngx_rd_json_t               *json;
    ngx_rd_api_ctx_t            *ctx;
    const ngx_rd_redis_reply_t  *reply;

    ctx = call->owner;
    ctx->call = NULL;
    reply = call->reply;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, call->error);
        return;
    }

    for (i = 0; i < 5; i++) {
        n[i] = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, i), -1);
    }

    if (n[0] == 1) {
        json = ngx_rd_json_object();
        ngx_rd_json_set(json, "timer",
                        ngx_rd_api_session_timer((n[2] - n[1] + 999) / 1000,
                                                 n[3], n[4]));
        ngx_rd_api_session_send(ctx, json);
        return;
    }

    why = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));

    if (ngx_rd_api_session_is(&why, "max")) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MAX_EXTENSIONS);

    } else if (ngx_rd_api_session_is(&why, "not_ready")) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_NOT_READY);

    } else if (ngx_rd_api_session_is(&why, "expired")) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_EXPIRED);

    } else {
        ngx_rd_api_finish(ctx, ngx_rd_reply_error_status(ctx->request,
                                                         NGX_RD_ERR_NO_SESSION,
                                                         NGX_HTTP_BAD_REQUEST));
    }
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

    ctx = call->owner;
    ctx->call = NULL;
    error = call->error;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

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


static ngx_rd_api_session_action_t *
ngx_rd_api_session_action(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_session_action_t  *action;

    action = ngx_calloc(sizeof(ngx_rd_api_session_action_t), ngx_cycle->log);

    if (action) {
        action->ctx = ctx;
        ctx->action = &action->ctx;
    }

    return action;
}


/* frees it; the request to answer, or NULL when the player has left */

static ngx_rd_api_ctx_t *
ngx_rd_api_session_action_end(ngx_rd_api_session_action_t *action)
{
    ngx_rd_api_ctx_t  *ctx;

    if (action == NULL) {
        return NULL;
    }

    ctx = action->ctx;

    if (ctx) {
        ctx->action = NULL;
        ngx_http_set_log_request(ctx->request->connection->log, ctx->request);
    }

    ngx_free(action);

    return ctx;
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
    ngx_rd_json_set(json, "timer",
                    ngx_rd_api_session_timer(ngx_rd_session_left_s(session),
                                             session->extensions_used,
                                             session->extensions_max));
    return json;
}


/* T of docs/API.md */

static ngx_rd_json_t *
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


static void
ngx_rd_api_session_send(ngx_rd_api_ctx_t *ctx, ngx_rd_json_t *json)
{
    ngx_rd_api_finish(ctx, ngx_rd_reply_json(ctx->request, NGX_HTTP_OK, json));
}


static ngx_uint_t
ngx_rd_api_session_is(const ngx_str_t *str, const char *text)
{
    return str->len == ngx_strlen(text)
           && ngx_memcmp(str->data, text, str->len) == 0;
}
