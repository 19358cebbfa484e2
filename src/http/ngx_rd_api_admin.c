
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_admin.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_reply.h"
#include "../base/ngx_rd_text.h"
#include "../fleet/ngx_rd_fleet_store.h"
#include "../fleet/ngx_rd_removal.h"
#include "../session/ngx_rd_session.h"
#include "../session/ngx_rd_store_admin.h"


#define NGX_RD_API_ADMIN_GRACE_S      600       /* of a draining host */
#define NGX_RD_API_ADMIN_GRACE_S_MAX  86400


/*
 * A kill that Redis was asked for.  It outlives its request: an administrator
 * who closes the page has still pressed the button.
 */

typedef struct {
    ngx_rd_api_ctx_t  *ctx;                     /* NULL: he has left */
} ngx_rd_api_admin_kill_t;


static ngx_int_t ngx_rd_api_admin_target(ngx_rd_api_ctx_t *ctx,
    ngx_rd_store_admin_target_t *target);
static void ngx_rd_api_admin_kill_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_admin_extend_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_admin_peek_done(ngx_rd_redis_call_t *call);

static void ngx_rd_api_admin_mode(ngx_rd_api_ctx_t *ctx, const char *mode);
static void ngx_rd_api_admin_mode_done(ngx_rd_redis_call_t *call);

static void ngx_rd_api_admin_complain(ngx_rd_api_ctx_t *ctx,
    const char *sentence);


void
ngx_rd_api_admin_kill(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_admin_kill_t      *kill;
    ngx_rd_store_admin_who_t      who;
    ngx_rd_store_admin_target_t   target;

    if (ngx_rd_api_admin_target(ctx, &target) != NGX_OK) {
        return;
    }

    kill = ngx_calloc(sizeof(ngx_rd_api_admin_kill_t), ngx_cycle->log);
    if (kill == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    kill->ctx = ctx;
    ctx->action = &kill->ctx;

    who.id = ctx->identity.session.user_id;
    who.name = ctx->identity.name;

    if (ngx_rd_store_admin_kill(&ctx->rmcf->store, &target, &who, 1,
                                ngx_rd_api_admin_kill_done, kill)
        == NULL)
    {
        ctx->action = NULL;
        ngx_free(kill);
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_admin_kill_done(ngx_rd_redis_call_t *call)
{
    int64_t                      answer, epoch;
    ngx_str_t                    id, host, container;
    ngx_rd_json_t               *json;
    ngx_rd_api_ctx_t            *ctx;
    const ngx_rd_redis_reply_t  *reply;
    ngx_rd_api_admin_kill_t     *kill;

    kill = call->owner;
    ctx = kill->ctx;
    ngx_free(kill);

    reply = call->reply;
    answer = (call->error == NGX_RD_ERR_NONE)
             ? ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 0), -1)
             : -1;
    id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));

    if (answer == 1) {
        host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 2));
        container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 3));
        epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 4), 0);

        ngx_rd_removal_end(&id, &host, &container, epoch);
    }

    if (ctx == NULL) {
        return;
    }

    ctx->action = NULL;
    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    if (call->error != NGX_RD_ERR_NONE || answer == 0) {
        ngx_rd_api_finish_error(ctx, answer == 0 ? NGX_RD_ERR_NO_SESSION
                                                 : call->error);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);
    ngx_rd_json_set_text(json, "session", id.data, id.len);
    ngx_rd_json_set_string(json, "state", answer == 1 ? "stopping" : "ended");

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_admin_extend(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_store_admin_who_t      who;
    ngx_rd_store_admin_target_t   target;

    if (ngx_rd_api_admin_target(ctx, &target) != NGX_OK) {
        return;
    }

    who.id = ctx->identity.session.user_id;
    who.name = ctx->identity.name;

    ctx->call = ngx_rd_store_admin_prolong(&ctx->rmcf->store, &target, &who,
                                           ngx_rd_api_admin_extend_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_admin_extend_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t     *json, *timer;
    ngx_rd_error_e     error;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_returned(call);
    error = call->error;

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_api_session_extended(call->reply, &timer);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);
    ngx_rd_json_set(json, "timer", timer);
    ngx_rd_api_session_send(ctx, json);
}


/*
 * Says where somebody's desktop is seen.  The event is the gate's: it tells
 * of who really goes in.
 */

void
ngx_rd_api_admin_peek(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_store_admin_target_t  target;

    if (ngx_rd_api_admin_target(ctx, &target) != NGX_OK) {
        return;
    }

    if (target.user_id == 0) {
        ngx_rd_api_admin_complain(ctx, "user_id is missing");
        return;
    }

    ctx->call = ngx_rd_store_look(&ctx->rmcf->store, target.user_id, 0,
                                  ngx_rd_api_admin_peek_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_admin_peek_done(ngx_rd_redis_call_t *call)
{
    u_char             url[sizeof("/remote-desktop/vnc//") + NGX_INT64_LEN];
    ngx_rd_json_t     *json;
    ngx_rd_error_e     error;
    ngx_rd_session_t   session;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_returned(call);
    error = call->error;

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_session_read(&session, call->reply) == NGX_OK
                ? ngx_rd_session_open(&session) : NGX_RD_ERR_REDIS_REPLY;
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, error);
        return;
    }

    *ngx_snprintf(url, sizeof(url) - 1, "/remote-desktop/vnc/%V/",
                  &session.owner)
        = '\0';

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);
    ngx_rd_json_set_string(json, "vnc_url", (char *) url);

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_admin_cordon(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_admin_mode(ctx, "cordoned");
}


void
ngx_rd_api_admin_drain(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_admin_mode(ctx, "draining");
}


void
ngx_rd_api_admin_activate(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_admin_mode(ctx, "active");
}


static void
ngx_rd_api_admin_mode(ngx_rd_api_ctx_t *ctx, const char *mode)
{
    int64_t    grace;
    ngx_int_t  rc;
    ngx_str_t  host;

    rc = ngx_rd_body_text(&ctx->body, "host", &host);

    if (rc != NGX_OK) {
        ngx_rd_api_admin_complain(ctx, rc == NGX_DECLINED ? "host is missing"
                                                   : "host must be a name");
        return;
    }

    grace = NGX_RD_API_ADMIN_GRACE_S;

    if (ngx_rd_body_integer(&ctx->body, "grace", &grace) == NGX_ERROR
        || grace < 0 || grace > NGX_RD_API_ADMIN_GRACE_S_MAX)
    {
        ngx_rd_api_admin_complain(ctx, "grace must be seconds, 0 to 86400");
        return;
    }

    if (ngx_rd_host_find(&ctx->rmcf->fleet, &host) == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_NO_SUCH_HOST);
        return;
    }

    ctx->call = ngx_rd_fleet_store_host_mode(&ctx->rmcf->store, &host, mode,
                                          grace * 1000,
                                          ctx->identity.session.user_id,
                                          &ctx->identity.name,
                                          ngx_rd_api_admin_mode_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_admin_mode_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t          before;
    ngx_rd_json_t     *json;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    before = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 1));

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);
    ngx_rd_json_set_text(json, "mode_before", before.data, before.len);
    ngx_rd_json_set_integer(json, "sessions", ngx_rd_redis_reply_integer(
                                  ngx_rd_redis_reply_at(call->reply, 2), 0));

    ngx_rd_api_session_send(ctx, json);
}


/* NGX_OK, or the request is answered */

static ngx_int_t
ngx_rd_api_admin_target(ngx_rd_api_ctx_t *ctx,
    ngx_rd_store_admin_target_t *target)
{
    int64_t    user;
    ngx_int_t  rc;

    ngx_memzero(target, sizeof(ngx_rd_store_admin_target_t));

    rc = ngx_rd_body_integer(&ctx->body, "user_id", &user);

    if (rc == NGX_OK && user > 0) {
        target->user_id = user;
        return NGX_OK;
    }

    if (rc != NGX_DECLINED) {
        ngx_rd_api_admin_complain(ctx, "user_id must be an integer");
        return NGX_ERROR;
    }

    rc = ngx_rd_body_text(&ctx->body, "session", &target->session);

    if (rc == NGX_DECLINED) {
        ngx_rd_api_admin_complain(ctx, "user_id or session is missing");
        return NGX_ERROR;
    }

    if (rc != NGX_OK || !ngx_rd_session_is_id(&target->session)) {
        ngx_rd_api_admin_complain(ctx, "session must be 32 hex digits");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_rd_api_admin_complain(ngx_rd_api_ctx_t *ctx, const char *sentence)
{
    ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_BAD_REQUEST, sentence);
}
