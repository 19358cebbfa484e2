
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_action.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_reply.h"
#include "../base/ngx_rd_settings.h"
#include "../base/ngx_rd_text.h"
#include "../fleet/ngx_rd_removal.h"
#include "../fleet/ngx_rd_tick.h"
#include "../session/ngx_rd_session.h"


#define NGX_RD_VNC_PASSWORD_CHARS  8        /* RFB looks at no more */


/*
 * A create or destroy that Redis was asked for.  It outlives its request:
 * a player who closes the page has still pressed the button.
 */

typedef struct {
    ngx_rd_api_ctx_t  *ctx;                 /* NULL: the player has left */
    char               id[NGX_RD_SESSION_ID_BYTES + 1];
} ngx_rd_api_action_t;


static ngx_rd_api_action_t *ngx_rd_api_action_make(
    ngx_rd_api_ctx_t *ctx);
static ngx_rd_api_ctx_t *ngx_rd_api_action_end(
    ngx_rd_api_action_t *action);
static void ngx_rd_api_action_create_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_action_disown(const ngx_rd_redis_reply_t *reply);
static void ngx_rd_api_action_created(ngx_rd_api_ctx_t *ctx);
static void ngx_rd_api_action_destroy_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_action_extend_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_action_too_small(ngx_rd_api_ctx_t *ctx,
    const ngx_str_t *sentence);
static void ngx_rd_api_action_forget(ngx_rd_api_ctx_t *ctx);
static void ngx_rd_api_action_too_often(ngx_rd_api_ctx_t *ctx, int64_t wait_ms);


void
ngx_rd_api_action_create(ngx_rd_api_ctx_t *ctx)
{
    char                   account[NGX_RD_USERNAME_BYTES_MAX + 1];
    char                   passwords[2 * (NGX_RD_VNC_PASSWORD_CHARS + 1)];
    ngx_rd_identity_t     *identity;
    ngx_rd_settings_t     *settings;
    ngx_rd_api_action_t   *action;
    ngx_rd_store_claim_t   claim;

    identity = &ctx->identity;
    settings = ctx->rmcf->settings;

    if (ctx->rmcf->require_verified && !identity->verified
        && !identity->admin)
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_NOT_VERIFIED);
        return;
    }

    action = ngx_rd_api_action_make(ctx);

    if (action == NULL
        || ngx_rd_text_random_hex(action->id, NGX_RD_SESSION_ID_BYTES / 2)
           != NGX_OK
        || ngx_rd_text_random_password(passwords, NGX_RD_VNC_PASSWORD_CHARS)
           != NGX_OK
        || ngx_rd_text_random_password(passwords
                                       + NGX_RD_VNC_PASSWORD_CHARS + 1,
                                       NGX_RD_VNC_PASSWORD_CHARS)
           != NGX_OK)
    {
        ngx_rd_api_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_INTERNAL);
        return;
    }

    passwords[NGX_RD_VNC_PASSWORD_CHARS] = '\n';

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
    claim.vnc_passwords.data = (u_char *) passwords;
    claim.vnc_passwords.len = sizeof(passwords) - 1;
    claim.initial_s = settings->initial_duration_s;
    claim.extension_s = settings->extension_duration_s;
    claim.extensions_max = settings->extensions_max;
    claim.rate_max = ctx->rmcf->rate_create.max;
    claim.rate_window_ms = ctx->rmcf->rate_create.window_ms;
    claim.queue_max = ctx->rmcf->queue_max;
    claim.team_id = identity->team_id;
    claim.login = identity->login;
    claim.hosts = ctx->rmcf->fleet.places;
    claim.nhosts = ctx->rmcf->fleet.n;

    if (ngx_rd_store_claim(&ctx->rmcf->store, &claim,
                           ngx_rd_api_action_create_done, action)
        == NULL)
    {
        ngx_rd_api_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }

    explicit_bzero(passwords, sizeof(passwords));
}


static void
ngx_rd_api_action_create_done(ngx_rd_redis_call_t *call)
{
    int64_t               answer, wait_ms;
    ngx_str_t             state, sentence;
    ngx_rd_error_e        error;
    ngx_rd_api_ctx_t     *ctx;
    ngx_rd_api_action_t  *action;

    action = call->owner;
    error = call->error;
    answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                        -9);
    wait_ms = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 1),
                                         0);

    if (error == NGX_RD_ERR_NONE && answer == -2) {
        error = NGX_RD_ERR_RATE_LIMITED;

    } else if (error == NGX_RD_ERR_NONE && answer == -3) {
        error = NGX_RD_ERR_DISABLED;

    } else if (error == NGX_RD_ERR_NONE && answer == -5) {
        error = NGX_RD_ERR_LOGIN_REQUIRED;

    } else if (error == NGX_RD_ERR_NONE && answer == 0) {
        state = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply,
                                                                2));
        error = ngx_rd_session_is(&state, "ready")
                ? NGX_RD_ERR_SESSION_EXISTS : NGX_RD_ERR_CREATING;

    } else if (error == NGX_RD_ERR_NONE && answer == -4) {
        error = NGX_RD_ERR_HOST_TOO_SMALL;

    } else if (error == NGX_RD_ERR_NONE && answer == -1) {
        error = NGX_RD_ERR_QUEUE_FULL;

    } else if (error == NGX_RD_ERR_NONE && answer != 1) {
        error = NGX_RD_ERR_REDIS_REPLY;
    }

    if (answer == 1 && ngx_rd_redis_reply_count(call->reply) > 2) {
        ngx_rd_api_action_disown(call->reply);
    }

    /* also when the answer was lost: the claim may stand */

    ngx_rd_tick_dispatch();

    ctx = ngx_rd_api_action_end(action);

    if (ctx == NULL) {
        return;
    }

    if (error == NGX_RD_ERR_RATE_LIMITED) {
        ngx_rd_api_action_too_often(ctx, wait_ms);
        return;
    }

    if (error == NGX_RD_ERR_HOST_TOO_SMALL) {
        sentence = ngx_rd_redis_reply_string(
                                       ngx_rd_redis_reply_at(call->reply, 1));
        ngx_rd_api_action_too_small(ctx, &sentence);
        return;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    ngx_rd_api_action_created(ctx);
}


/* the desktop of the account that had the id before; its slot is freed */

static void
ngx_rd_api_action_disown(const ngx_rd_redis_reply_t *reply)
{
    int64_t    epoch;
    ngx_str_t  id, host, container;

    id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 2));
    host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 3));
    container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 4));
    epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 5), 0);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "rd session %*s: ended, account_changed: another account "
                  "has its owner's id", (size_t) NGX_RD_SESSION_ID_SHORT,
                  id.data);

    ngx_rd_removal_end(&id, &host, &container, epoch);
}


static void
ngx_rd_api_action_created(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_json_t  *json;

    ngx_rd_api_action_forget(ctx);

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "status", "creating");
    ngx_rd_json_set_string(json, "message", "Container creation started");

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_action_destroy(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_action_t  *action;

    action = ngx_rd_api_action_make(ctx);

    if (action == NULL
        || ngx_rd_store_stop(&ctx->rmcf->store,
                             ctx->identity.session.user_id,
                             ctx->identity.login, "user_destroyed",
                             &ctx->rmcf->rate_destroy,
                             ngx_rd_api_action_destroy_done, action)
           == NULL)
    {
        ngx_rd_api_action_end(action);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_action_destroy_done(ngx_rd_redis_call_t *call)
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

    ctx = ngx_rd_api_action_end(call->owner);

    if (ctx == NULL) {
        return;
    }

    ngx_rd_api_action_forget(ctx);

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    if (answer == -2) {
        ngx_rd_api_action_too_often(ctx, ngx_rd_redis_reply_integer(
                                        ngx_rd_redis_reply_at(reply, 1), 0));
        return;
    }

    if (answer != 1 && answer != 2) {
        ngx_rd_api_finish_status(ctx, NGX_RD_ERR_NO_SESSION,
                                 NGX_HTTP_BAD_REQUEST);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_null(json, "session");

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_action_extend(ngx_rd_api_ctx_t *ctx)
{
    ctx->call = ngx_rd_store_extend(&ctx->rmcf->store,
                                    ctx->identity.session.user_id,
                                    ctx->identity.login,
                                    &ctx->rmcf->rate_extend,
                                    ngx_rd_api_action_extend_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_action_extend_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t     *json, *timer;
    ngx_rd_error_e     error;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    ngx_rd_api_action_forget(ctx);

    if (ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0), 0)
        == -2)
    {
        ngx_rd_api_action_too_often(ctx,
            ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 1),
                                       0));
        return;
    }

    error = ngx_rd_api_session_extended(call->reply, &timer);

    if (error == NGX_RD_ERR_NO_SESSION) {
        ngx_rd_api_finish_status(ctx, error, NGX_HTTP_BAD_REQUEST);
        return;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set(json, "timer", timer);
    ngx_rd_api_session_send(ctx, json);
}


/* who has been answered finds what he did, whichever worker he asks */

static void
ngx_rd_api_action_forget(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_session_find_forget(&ctx->rmcf->find,
                               ctx->identity.session.user_id);
}


static void
ngx_rd_api_action_too_often(ngx_rd_api_ctx_t *ctx, int64_t wait_ms)
{
    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "rd api: too often, user:%uL wait:%Lms",
                  ctx->identity.session.user_id, wait_ms);

    (void) ngx_rd_refusal_count(ctx->request, NGX_RD_REFUSAL_API,
                                NGX_RD_ERR_RATE_LIMITED, &ctx->identity);

    ngx_rd_api_finish(ctx, ngx_rd_reply_retry(ctx->request,
                                              NGX_RD_ERR_RATE_LIMITED,
                                              (wait_ms + 999) / 1000));
}


/* with the numbers, which claim.lua has */

static void
ngx_rd_api_action_too_small(ngx_rd_api_ctx_t *ctx, const ngx_str_t *sentence)
{
    char  text[NGX_RD_DETAIL_BYTES_MAX];

    (void) snprintf(text, sizeof(text), "%.*s", (int) sentence->len,
                    (char *) sentence->data);

    ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_HOST_TOO_SMALL, text);
}


static ngx_rd_api_action_t *
ngx_rd_api_action_make(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_action_t  *action;

    action = ngx_calloc(sizeof(ngx_rd_api_action_t), ngx_cycle->log);

    if (action) {
        action->ctx = ctx;
        ctx->action = &action->ctx;
    }

    return action;
}


/* frees it; the request to answer, or NULL when the player has left */

static ngx_rd_api_ctx_t *
ngx_rd_api_action_end(ngx_rd_api_action_t *action)
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
