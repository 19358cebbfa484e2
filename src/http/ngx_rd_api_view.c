
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_view.h"
#include "ngx_rd_api_session.h"
#include "ngx_rd_reply.h"
#include "../base/ngx_rd_text.h"
#include "../session/ngx_rd_event.h"
#include "../session/ngx_rd_session.h"
#include "../session/ngx_rd_store_admin.h"


#define NGX_RD_API_VIEW_SESSIONS_MAX  10000


static void ngx_rd_api_view_containers_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_view_container(ngx_rd_json_t *row,
    const ngx_rd_redis_reply_t *fields, int64_t now_ms);
static void ngx_rd_api_view_hosts_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_view_host(ngx_rd_json_t *row, ngx_rd_host_t *host,
    const ngx_rd_redis_reply_t *known);

static void ngx_rd_api_view_explain_ask(ngx_rd_api_ctx_t *ctx,
    const ngx_str_t *before);
static void ngx_rd_api_view_explain_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_view_summary(ngx_rd_json_t *json,
    const ngx_rd_redis_reply_t *record, const ngx_rd_redis_reply_t *history);
static void ngx_rd_api_view_steps(ngx_rd_json_t *steps,
    const ngx_rd_redis_reply_t *notes, int64_t now_ms);

static void ngx_rd_api_view_copy(ngx_rd_json_t *step, ngx_rd_json_t *note,
    const char *name);

static int64_t ngx_rd_api_view_integer(const ngx_rd_redis_reply_t *fields,
    const char *name);
static void ngx_rd_api_view_text(ngx_rd_json_t *json, const char *name,
    const ngx_rd_redis_reply_t *fields, const char *field);
static void ngx_rd_api_view_seconds(ngx_rd_json_t *json, const char *name,
    int64_t ms);


void
ngx_rd_api_view_containers(ngx_rd_api_ctx_t *ctx)
{
    ctx->call = ngx_rd_store_admin_list(&ctx->rmcf->store,
                                        NGX_RD_API_VIEW_SESSIONS_MAX,
                                        ngx_rd_api_view_containers_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_view_containers_done(ngx_rd_redis_call_t *call)
{
    int64_t            now_ms;
    ngx_uint_t         i, n;
    ngx_rd_json_t     *json, *rows;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    json = ngx_rd_json_object();
    rows = ngx_rd_json_set_array(json, "containers");

    n = ngx_rd_redis_reply_count(call->reply);
    now_ms = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                        0);

    for (i = 1; i < n; i++) {
        ngx_rd_api_view_container(ngx_rd_json_push_object(rows),
                                  ngx_rd_redis_reply_at(call->reply, i),
                                  now_ms);
    }

    ngx_rd_api_session_send(ctx, json);
}


static void
ngx_rd_api_view_container(ngx_rd_json_t *row,
    const ngx_rd_redis_reply_t *fields, int64_t now_ms)
{
    u_char     url[sizeof("/remote-desktop/vnc//") + NGX_INT64_LEN];
    int64_t    expires_ms;
    ngx_str_t  owner, flags;

    owner = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(fields,
                                                               "owner"));
    flags = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(fields,
                                                               "flags"));
    expires_ms = ngx_rd_api_view_integer(fields, "expires_ms");

    ngx_rd_api_view_text(row, "session", fields, "id");
    ngx_rd_api_view_text(row, "state", fields, "state");
    ngx_rd_json_set_integer(row, "user_id",
                            ngx_rd_text_id(owner.data, owner.len));
    ngx_rd_api_view_text(row, "username", fields, "username");
    ngx_rd_event_flags(row, flags);
    ngx_rd_api_view_text(row, "container_name", fields, "container");
    ngx_rd_api_view_text(row, "container_id", fields, "container_id");
    ngx_rd_api_view_text(row, "docker_context", fields, "host");
    ngx_rd_api_view_text(row, "message", fields, "message");
    ngx_rd_api_view_seconds(row, "created_at",
                            ngx_rd_api_view_integer(fields, "created_ms"));
    ngx_rd_json_set_integer(row, "vnc_port",
                            ngx_rd_api_view_integer(fields, "vnc_port"));
    ngx_rd_json_set_integer(row, "novnc_port",
                            ngx_rd_api_view_integer(fields, "web_port"));

    ngx_rd_json_set_integer(row, "tunnels",
                            ngx_rd_api_view_integer(fields, "tunnels"));

    *ngx_snprintf(url, sizeof(url) - 1, "/remote-desktop/vnc/%V/", &owner)
        = '\0';
    ngx_rd_json_set_string(row, "vnc_url", (char *) url);

    if (expires_ms == 0) {
        ngx_rd_json_set_null(row, "timer");
        return;
    }

    ngx_rd_json_set(row, "timer",
        ngx_rd_api_session_timer(ngx_max(expires_ms - now_ms + 999, 0) / 1000,
                             ngx_rd_api_view_integer(fields, "extensions_used"),
                             ngx_rd_api_view_integer(fields,
                                                     "extensions_max")));
}


void
ngx_rd_api_view_hosts(ngx_rd_api_ctx_t *ctx)
{
    ngx_str_t       *names;
    ngx_uint_t       i;
    ngx_rd_fleet_t  *fleet;

    fleet = &ctx->rmcf->fleet;

    names = ngx_palloc(ctx->request->pool,
                       ngx_max(fleet->n, 1) * sizeof(ngx_str_t));
    if (names == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    for (i = 0; i < fleet->n; i++) {
        names[i] = fleet->hosts[i].name;
    }

    ctx->call = ngx_rd_store_admin_hosts(&ctx->rmcf->store, names, fleet->n,
                                         ngx_rd_api_view_hosts_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_view_hosts_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t         i;
    ngx_rd_json_t     *json, *rows;
    ngx_rd_fleet_t    *fleet;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    fleet = &ctx->rmcf->fleet;

    json = ngx_rd_json_object();
    rows = ngx_rd_json_set_array(json, "hosts");

    for (i = 0; i < fleet->n; i++) {
        ngx_rd_api_view_host(ngx_rd_json_push_object(rows), &fleet->hosts[i],
                             ngx_rd_redis_reply_at(call->reply, i));
    }

    ngx_rd_api_session_send(ctx, json);
}


static void
ngx_rd_api_view_host(ngx_rd_json_t *row, ngx_rd_host_t *host,
    const ngx_rd_redis_reply_t *known)
{
    ngx_str_t                    health, mode;
    const ngx_rd_redis_reply_t  *f;

    f = ngx_rd_redis_reply_at(known, 1);
    health = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(f, "health"));
    mode = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(f, "mode"));

    if (health.len == 0) {
        ngx_str_set(&health, "unknown");
    }

    if (mode.len == 0) {
        ngx_str_set(&mode, "active");
    }

    ngx_rd_json_set_text(row, "context_name", host->name.data, host->name.len);
    ngx_rd_json_set_string(row, "pub_hostname", host->conf->pub_hostname);
    ngx_rd_json_set_integer(row, "active_containers",
                            ngx_rd_redis_reply_integer(
                                        ngx_rd_redis_reply_at(known, 0), 0));
    ngx_rd_json_set_integer(row, "max_sessions", host->conf->max_sessions);
    ngx_rd_json_set_integer(row, "weight", host->conf->weight);
    ngx_rd_json_set_bool(row, "healthy", ngx_rd_session_is(&health, "up")
                                      || ngx_rd_session_is(&health, "suspect"));
    ngx_rd_json_set_text(row, "health", health.data, health.len);
    ngx_rd_json_set_text(row, "mode", mode.data, mode.len);
    ngx_rd_api_view_text(row, "reason", f, "reason");
    ngx_rd_api_view_text(row, "detail", f, "detail");
    ngx_rd_api_view_seconds(row, "checked_at",
                            ngx_rd_api_view_integer(f, "checked_ms"));
}


void
ngx_rd_api_view_explain(ngx_rd_api_ctx_t *ctx)
{
    ngx_str_t  before = ngx_null_string;

    ngx_rd_api_view_explain_ask(ctx, &before);
}


static void
ngx_rd_api_view_explain_ask(ngx_rd_api_ctx_t *ctx, const ngx_str_t *before)
{
    ngx_str_t  session;

    if (ngx_http_arg(ctx->request, (u_char *) "session", 7, &session) != NGX_OK
        || !ngx_rd_session_is_id(&session))
    {
        ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_BAD_REQUEST,
                                   "session must be 32 hex digits");
        return;
    }

    ctx->call = ngx_rd_store_admin_story(&ctx->rmcf->store, &session, before,
                                         ngx_rd_api_view_explain_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_view_explain_done(ngx_rd_redis_call_t *call)
{
    int64_t                      now_ms;
    ngx_str_t                    before;
    ngx_uint_t                   i, n;
    ngx_rd_json_t               *json, *events;
    ngx_rd_api_ctx_t            *ctx;
    const ngx_rd_redis_reply_t  *record, *notes, *entries, *history;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    now_ms = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                        0);
    record = ngx_rd_redis_reply_at(call->reply, 1);
    notes = ngx_rd_redis_reply_at(call->reply, 2);
    entries = ngx_rd_redis_reply_at(call->reply, 3);
    history = ngx_rd_redis_reply_at(call->reply, 4);
    before = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 5));

    if (before.len) {
        ngx_rd_api_view_explain_ask(ctx, &before);
        return;
    }

    if (ngx_rd_redis_reply_count(record) == 0
        && ngx_rd_redis_reply_count(notes) == 0
        && ngx_rd_redis_reply_count(history) == 0)
    {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_NO_SESSION);
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_api_view_summary(ngx_rd_json_set_object(json, "session"), record,
                            history);
    ngx_rd_api_view_steps(ngx_rd_json_set_array(json, "steps"), notes, now_ms);

    events = ngx_rd_json_set_array(json, "events");
    n = ngx_rd_redis_reply_count(entries);

    for (i = 0; i < n; i++) {
        ngx_rd_json_push(events, ngx_rd_event_json(
                                         ngx_rd_redis_reply_at(entries, i)));
    }

    ngx_rd_api_session_send(ctx, json);
}


/* from its record, else from history, which has the same names */

static void
ngx_rd_api_view_summary(ngx_rd_json_t *json,
    const ngx_rd_redis_reply_t *record, const ngx_rd_redis_reply_t *history)
{
    ngx_str_t                    owner;
    ngx_uint_t                   i;
    const ngx_rd_redis_reply_t  *f;
    static const char *const     texts[] = { "username", "state", "host",
                                             "container", "reason", "error",
                                             "detail", "message", "tried" };
    static const char *const     times[][2] = {
        { "created_at", "created_ms" }, { "ready_at", "ready_ms" },
        { "expires_at", "expires_ms" }, { "ended_at", "ended_ms" }
    };

    f = ngx_rd_redis_reply_count(record) ? record : history;

    owner = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(f, "owner"));
    ngx_rd_json_set_integer(json, "user_id",
                            ngx_rd_text_id(owner.data, owner.len));

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ngx_rd_api_view_text(json, texts[i], f, texts[i]);
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ngx_rd_api_view_seconds(json, times[i][0],
                                ngx_rd_api_view_integer(f, times[i][1]));
    }

    ngx_rd_json_set_integer(json, "attempts",
                            ngx_rd_api_view_integer(f, "attempts"));
}


/* a step lasts until the next one; the last one of a live session until now */

static void
ngx_rd_api_view_steps(ngx_rd_json_t *steps, const ngx_rd_redis_reply_t *notes,
    int64_t now_ms)
{
    int64_t         ms, next;
    ngx_str_t       text;
    ngx_uint_t      i, n;
    ngx_rd_json_t  *note, *step, *after;

    n = ngx_rd_redis_reply_count(notes);

    for (i = 0; i < n; i++) {
        text = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(notes, i));
        note = ngx_rd_json_parse(text.data, text.len);

        text = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(notes, i + 1));
        after = (i + 1 < n) ? ngx_rd_json_parse(text.data, text.len) : NULL;

        if (ngx_rd_json_integer(ngx_rd_json_get(note, "ms"), &ms) != NGX_OK) {
            ngx_rd_json_free(note);
            ngx_rd_json_free(after);
            continue;
        }

        if (ngx_rd_json_integer(ngx_rd_json_get(after, "ms"), &next)
            != NGX_OK)
        {
            next = now_ms;
        }

        step = ngx_rd_json_push_object(steps);
        ngx_rd_json_set_number(step, "at", (double) ms / 1000);
        ngx_rd_json_set_number(step, "took", (double) (next - ms) / 1000);

        ngx_rd_api_view_copy(step, note, "state");
        ngx_rd_api_view_copy(step, note, "host");
        ngx_rd_api_view_copy(step, note, "message");
        ngx_rd_api_view_copy(step, note, "reason");
        ngx_rd_api_view_copy(step, note, "error");
        ngx_rd_api_view_copy(step, note, "detail");

        ngx_rd_json_free(note);
        ngx_rd_json_free(after);
    }
}


static void
ngx_rd_api_view_copy(ngx_rd_json_t *step, ngx_rd_json_t *note, const char *name)
{
    const char  *text;

    text = ngx_rd_json_string(ngx_rd_json_get(note, name));

    if (text && *text) {
        ngx_rd_json_set_string(step, name, text);
    }
}


static int64_t
ngx_rd_api_view_integer(const ngx_rd_redis_reply_t *fields, const char *name)
{
    return ngx_rd_redis_reply_integer(ngx_rd_redis_reply_field(fields, name),
                                      0);
}


static void
ngx_rd_api_view_text(ngx_rd_json_t *json, const char *name,
    const ngx_rd_redis_reply_t *fields, const char *field)
{
    ngx_str_t  text;

    text = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(fields, field));
    ngx_rd_json_set_text(json, name, text.data, text.len);
}


/* null: it has not happened */

static void
ngx_rd_api_view_seconds(ngx_rd_json_t *json, const char *name, int64_t ms)
{
    if (ms > 0) {
        ngx_rd_json_set_number(json, name, (double) ms / 1000);
    } else {
        ngx_rd_json_set_null(json, name);
    }
}
