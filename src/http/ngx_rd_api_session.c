
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_peek.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_json.h"
#include "../base/ngx_rd_text.h"
#include "../session/ngx_rd_session.h"


/* what a player is told of his desktop, when it is open */

typedef struct {
    ngx_str_t  id;
    uint64_t   owner;
    int64_t    created_ms;
    int64_t    left_ms;
    int64_t    extensions_used;
    int64_t    extensions_max;
    unsigned   terminal:1;
    unsigned   ssh:1;
    unsigned   drained:1;
} ngx_rd_api_session_said_t;


static void ngx_rd_api_session_look(ngx_rd_api_ctx_t *ctx,
    ngx_rd_redis_done_pt done);
static ngx_int_t ngx_rd_api_session_looked(ngx_rd_redis_call_t *call,
    ngx_rd_session_t *session);
static void ngx_rd_api_session_find_cleanup(void *data);
static void ngx_rd_api_session_status_done(ngx_rd_session_find_t *find);
static void ngx_rd_api_session_status_answer(ngx_rd_api_ctx_t *ctx,
    ngx_rd_session_find_t *find);
static void ngx_rd_api_session_progress_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_session_credentials_done(ngx_rd_redis_call_t *call);

static ngx_rd_json_t *ngx_rd_api_session_json(
    const ngx_rd_api_session_said_t *said);
static ngx_rd_json_t *ngx_rd_api_session_ssh(ngx_rd_session_t *session);


ngx_rd_session_find_t *
ngx_rd_api_session_find(ngx_rd_api_ctx_t *ctx, uint64_t user_id,
    ngx_rd_session_find_done_pt done)
{
    ngx_http_cleanup_t     *cln;
    ngx_rd_session_find_t  *find;

    cln = ngx_http_cleanup_add(ctx->request, sizeof(ngx_rd_session_find_t));
    if (cln == NULL) {
        return NULL;
    }

    find = cln->data;
    ngx_memzero(find, sizeof(ngx_rd_session_find_t));
    cln->handler = ngx_rd_api_session_find_cleanup;

    find->conf = &ctx->rmcf->find;
    find->user_id = user_id;
    find->done = done;
    find->owner = ctx;

    return find;
}


static void
ngx_rd_api_session_find_cleanup(void *data)
{
    ngx_rd_session_find_cancel(data);
}


void
ngx_rd_api_session_status(ngx_rd_api_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_rd_session_find_t  *find;

    rc = NGX_ERROR;
    find = ngx_rd_api_session_find(ctx, ctx->identity.session.user_id,
                                   ngx_rd_api_session_status_done);

    if (find) {
        find->strict = 1;
        find->whole = 1;
        rc = ngx_rd_session_find_start(find);
    }

    if (rc == NGX_OK) {
        ngx_rd_api_session_status_answer(ctx, find);

    } else if (rc == NGX_ERROR) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_session_status_done(ngx_rd_session_find_t *find)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = find->owner;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    ngx_rd_api_session_status_answer(ctx, find);
}


static void
ngx_rd_api_session_status_answer(ngx_rd_api_ctx_t *ctx,
    ngx_rd_session_find_t *find)
{
    ngx_rd_json_t              *json, *user;
    ngx_rd_desktop_t           *desktop;
    ngx_rd_identity_t          *identity;
    ngx_rd_api_session_said_t   said;

    if (find->error != NGX_RD_ERR_NONE) {
        ngx_rd_api_finish_error(ctx, find->error);
        return;
    }

    desktop = &find->desktop;
    identity = &ctx->identity;

    json = ngx_rd_json_object();

    if (ngx_rd_desktop_open(desktop) == NGX_RD_ERR_NONE
        && ngx_rd_desktop_belongs(desktop, identity->login))
    {
        said.id.data = desktop->id;
        said.id.len = NGX_RD_SESSION_ID_BYTES;
        said.owner = find->user_id;
        said.created_ms = desktop->created_ms;
        said.left_ms = desktop->expires_ms - desktop->now_ms;
        said.extensions_used = desktop->extensions_used;
        said.extensions_max = desktop->extensions_max;
        said.terminal = (desktop->terminal_port != 0);
        said.ssh = desktop->ssh;
        said.drained = desktop->drained;

        ngx_rd_json_set(json, "session", ngx_rd_api_session_json(&said));

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
    ngx_rd_api_session_look(ctx, ngx_rd_api_session_progress_done);
}


static void
ngx_rd_api_session_progress_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t              *json;
    ngx_rd_error_e              open;
    ngx_rd_api_ctx_t           *ctx;
    ngx_rd_session_t            session;
    ngx_rd_api_session_said_t   said;

    if (ngx_rd_api_session_looked(call, &session) != NGX_OK) {
        return;
    }

    ctx = call->owner;
    json = ngx_rd_json_object();
    open = ngx_rd_session_open(&session);

    if (open == NGX_RD_ERR_EXPIRED || session.step.len == 0
        || ngx_rd_session_is(&session.step, "none")
        || (open == NGX_RD_ERR_NO_SESSION
            && ngx_rd_session_is(&session.step, "ready")))
    {
        ngx_rd_json_set_string(json, "status", "none");
        ngx_rd_api_session_send(ctx, json);
        return;
    }

    ngx_rd_json_set_text(json, "status", session.step.data, session.step.len);
    ngx_rd_json_set_text(json, "message", session.message.data,
                         session.message.len);

    if (session.position > 0) {
        ngx_rd_json_set_integer(json, "position", session.position);

        if (session.estimate_ms < 0) {
            ngx_rd_json_set_null(json, "estimate");

        } else {
            ngx_rd_json_set_integer(json, "estimate",
                                    (session.estimate_ms + 999) / 1000);
        }

        ngx_rd_json_set_text(json, "reason", session.why_waiting.data,
                             session.why_waiting.len);
        ngx_rd_json_set_text(json, "reason_code", session.why_code.data,
                             session.why_code.len);
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
        said.id = session.id;
        said.owner = ctx->identity.session.user_id;
        said.created_ms = session.created_ms;
        said.left_ms = session.expires_ms - session.now_ms;
        said.extensions_used = session.extensions_used;
        said.extensions_max = session.extensions_max;
        said.terminal = (session.terminal_port != 0);
        said.ssh = (session.ssh_port != 0);
        said.drained = session.drained;

        ngx_rd_json_set(json, "session", ngx_rd_api_session_json(&said));
    }

    ngx_rd_api_session_send(ctx, json);
}


void
ngx_rd_api_session_credentials(ngx_rd_api_ctx_t *ctx)
{
    uint64_t   owner;
    ngx_str_t  value;

    owner = ctx->identity.session.user_id;

    if (ngx_http_arg(ctx->request, (u_char *) "user", 4, &value) == NGX_OK) {
        owner = ngx_rd_text_id(value.data, value.len);
    }

    if (owner != ctx->identity.session.user_id) {
        ngx_rd_api_peek(ctx, owner);
        return;
    }

    ngx_rd_api_session_look(ctx, ngx_rd_api_session_credentials_done);
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
    ngx_str_t            site, origin;
    ngx_rd_json_t       *json;
    ngx_http_request_t  *r;

    r = ctx->request;

    /*
     * Browsers let no other site read the answer; this refuses to give it.
     * Older ones send no Sec-Fetch-Site, and Origin only from other sites.
     */

    site = ngx_rd_visitor_header(r, "sec-fetch-site");
    origin = ngx_rd_visitor_header(r, "origin");

    if ((site.len && !ngx_rd_session_is(&site, "same-origin"))
        || (origin.len && !ngx_rd_visitor_same_origin(r)))
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_ORIGIN);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "nonce", ctx->identity.session.nonce);

    ngx_rd_api_session_send(ctx, json);
}


static void
ngx_rd_api_session_look(ngx_rd_api_ctx_t *ctx, ngx_rd_redis_done_pt done)
{
    ctx->call = ngx_rd_store_look(&ctx->rmcf->store,
                                  ctx->identity.session.user_id,
                                  ctx->identity.login, done, ctx);

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
ngx_rd_api_session_json(const ngx_rd_api_session_said_t *said)
{
    u_char          url[sizeof("/remote-desktop/vnc//") + NGX_INT64_LEN];
    ngx_rd_json_t  *json, *modes, *timer;

    *ngx_snprintf(url, sizeof(url) - 1, "/remote-desktop/vnc/%uL/",
                  said->owner)
        = '\0';

    modes = ngx_rd_json_array();
    ngx_rd_json_push_string(modes, "desktop");

    if (said->terminal) {
        ngx_rd_json_push_string(modes, "terminal");
    }

    if (said->ssh) {
        ngx_rd_json_push_string(modes, "ssh");
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "id", said->id.data, said->id.len);
    ngx_rd_json_set_string(json, "state",
                           ngx_rd_session_state_name(NGX_RD_SESSION_READY));
    ngx_rd_json_set_number(json, "created_at",
                           (double) said->created_ms / 1000);
    ngx_rd_json_set_string(json, "vnc_url", (char *) url);
    ngx_rd_json_set(json, "modes", modes);

    timer = ngx_rd_api_session_timer((said->left_ms + 999) / 1000,
                                     said->extensions_used,
                                     said->extensions_max);
    if (said->drained) {
        ngx_rd_json_set_bool(timer, "draining", 1);
    }

    ngx_rd_json_set(json, "timer", timer);

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


ngx_rd_error_e
ngx_rd_api_session_extended(const ngx_rd_redis_reply_t *reply,
    ngx_rd_json_t **timer)
{
    int64_t     n[5];
    ngx_str_t   why;
    ngx_uint_t  i;

    static const struct {
        char            *why;
        ngx_rd_error_e   error;
    } refusals[] = {
        { "max", NGX_RD_ERR_MAX_EXTENSIONS },
        { "not_ready", NGX_RD_ERR_NOT_READY },
        { "draining", NGX_RD_ERR_DRAINING },
        { "expired", NGX_RD_ERR_EXPIRED },
        { NULL, NGX_RD_ERR_NO_SESSION }
    };

    for (i = 0; i < 5; i++) {
        n[i] = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, i), -1);
    }

    if (n[0] == 1) {
        *timer = ngx_rd_api_session_timer((n[2] - n[1] + 999) / 1000, n[3],
                                          n[4]);
        return NGX_RD_ERR_NONE;
    }

    why = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));

    for (i = 0; refusals[i].why; i++) {
        if (ngx_rd_session_is(&why, refusals[i].why)) {
            break;
        }
    }

    return refusals[i].error;
}


void
ngx_rd_api_session_send(ngx_rd_api_ctx_t *ctx, ngx_rd_json_t *json)
{
    ngx_rd_api_finish(ctx, ngx_rd_reply_json(ctx->request, NGX_HTTP_OK, json));
}
