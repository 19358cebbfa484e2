
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_metrics.h"
#include "ngx_rd_metrics_page.h"
#include "ngx_rd_metrics_text.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_reply.h"
#include "../base/ngx_rd_error.h"
#include "../fleet/ngx_rd_census.h"
#include "../redis/ngx_rd_zone.h"


typedef struct {
    ngx_uint_t             kind;        /* NGX_RD_CTX_METRICS */

    ngx_http_request_t    *request;
    ngx_rd_main_conf_t    *rmcf;
    ngx_rd_redis_call_t   *call;
    ngx_rd_metrics_text_t  text;
} ngx_rd_metrics_page_ctx_t;


static ngx_int_t ngx_rd_metrics_page_handler(ngx_http_request_t *r);
static void ngx_rd_metrics_page_census_done(ngx_rd_redis_call_t *call);
static void ngx_rd_metrics_page_finish(ngx_rd_metrics_page_ctx_t *ctx);
static void ngx_rd_metrics_page_cleanup(void *data);

static void ngx_rd_metrics_page_counted(ngx_rd_metrics_page_ctx_t *ctx);
static void ngx_rd_metrics_page_gate(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum);
static void ngx_rd_metrics_page_refusals(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum);
static void ngx_rd_metrics_page_cache(ngx_rd_metrics_text_t *text,
    ngx_rd_zone_t *zone);
static void ngx_rd_metrics_page_redis(ngx_rd_metrics_page_ctx_t *ctx,
    const ngx_rd_metrics_slot_t *sum);
static void ngx_rd_metrics_page_starts(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum);

static void ngx_rd_metrics_page_sessions(ngx_rd_metrics_text_t *text,
    const ngx_rd_census_t *census);
static void ngx_rd_metrics_page_hosts(ngx_rd_metrics_page_ctx_t *ctx,
    const ngx_rd_redis_reply_t *reply);


static const char  *ngx_rd_metrics_page_sources[] = { "warm", "cold" };

static const char  *ngx_rd_metrics_page_phases[NGX_RD_METRICS_PHASES] = {
    "queue", "create", "ready"
};


char *
ngx_rd_metrics_page_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_rd_metrics_page_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_rd_metrics_page_handler;
    rmcf->used = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rd_metrics_page_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_cleanup_t         *cln;
    ngx_rd_main_conf_t         *rmcf;
    ngx_rd_metrics_page_ctx_t  *ctx;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_rd_reply_method(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_rd_metrics_page_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);

    if (ngx_rd_metrics_text_init(&ctx->text, r->pool, &rmcf->fleet) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->kind = NGX_RD_CTX_METRICS;
    ctx->request = r;
    ctx->rmcf = rmcf;
    ngx_http_set_ctx(r, ctx, ngx_rd_module);

    ctx->call = ngx_rd_census_start(&rmcf->store, &rmcf->fleet,
                                    ngx_rd_metrics_page_census_done, ctx);
    if (ctx->call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_rd_metrics_page_cleanup;
    cln->data = ctx;

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    return NGX_DONE;
}


static void
ngx_rd_metrics_page_census_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_census_t             census;
    ngx_rd_metrics_page_ctx_t  *ctx;

    ctx = call->owner;
    ctx->call = NULL;

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    ngx_rd_metrics_page_counted(ctx);

    if (call->error != NGX_RD_ERR_NONE
        || ngx_rd_census_read(&census, &ctx->rmcf->fleet, call->reply)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "rd metrics: sessions and hosts are left out, %s",
                      ngx_rd_error_code(call->error));

    } else {
        ngx_rd_metrics_page_sessions(&ctx->text, &census);
        ngx_rd_metrics_page_hosts(ctx, call->reply);
    }

    ngx_rd_metrics_page_finish(ctx);
}


static void
ngx_rd_metrics_page_finish(ngx_rd_metrics_page_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_str_t            body;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ngx_rd_metrics_text_get(&ctx->text, &body) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "rd metrics: the page has outgrown its buffer");
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_rd_reply_plain(r, &body);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_rd_metrics_page_cleanup(void *data)
{
    ngx_rd_metrics_page_ctx_t  *ctx = data;

    if (ctx->call) {
        ngx_rd_redis_call_cancel(ctx->call);
        ctx->call = NULL;
    }
}


/* what the workers of this nginx have counted */

static void
ngx_rd_metrics_page_counted(ngx_rd_metrics_page_ctx_t *ctx)
{
    ngx_rd_metrics_slot_t   sum;
    ngx_rd_metrics_text_t  *text;

    text = &ctx->text;

    ngx_rd_metrics_sum(&sum);

    ngx_rd_metrics_page_gate(text, &sum);
    ngx_rd_metrics_page_refusals(text, &sum);

    if (ctx->rmcf->zone) {
        ngx_rd_metrics_page_cache(text, ctx->rmcf->zone);
    }

    ngx_rd_metrics_page_redis(ctx, &sum);
    ngx_rd_metrics_page_starts(text, &sum);

    ngx_rd_metrics_text_family(text, "ngx_rd_jobs", "gauge",
                               "Jobs for Docker hosts that wait or run.");
    ngx_rd_metrics_text_line(text, "ngx_rd_jobs %ui\n", sum.jobs);

    ngx_rd_metrics_text_family(text, "ngx_rd_jobs_overdue_total", "counter",
                               "Jobs whose work outlived its bound.");
    ngx_rd_metrics_text_line(text, "ngx_rd_jobs_overdue_total %uL\n",
                             sum.jobs_overdue);
}


static void
ngx_rd_metrics_page_gate(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum)
{
    ngx_uint_t   error, cold;
    const char  *label;

    ngx_rd_metrics_text_family(text, "ngx_rd_gate_decisions_total", "counter",
                               "Decisions of the gate, by result and by "
                               "whether Redis had to be asked.");

    for (error = 0; error < NGX_RD_ERR_N; error++) {
        for (cold = 0; cold < 2; cold++) {

            if (sum->decisions[error][cold] || error == NGX_RD_ERR_NONE) {
                ngx_rd_metrics_text_line(text, "ngx_rd_gate_decisions_total"
                                         "{result=\"%s\",source=\"%s\"} %uL\n",
                                         ngx_rd_error_code(error),
                                         ngx_rd_metrics_page_sources[cold],
                                         sum->decisions[error][cold]);
            }
        }
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_gate_decision_duration_seconds",
                               "histogram", "How long the gate took.");

    for (cold = 0; cold < 2; cold++) {
        label = ngx_rd_metrics_page_sources[cold];
        ngx_rd_metrics_text_histogram(text,
                                      "ngx_rd_gate_decision_duration_seconds",
                                      "source", label, &sum->decision_us[cold],
                                      5, 2500000);
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_tunnels", "gauge",
                               "WebSockets that the gate has let in and that "
                               "are open.");
    ngx_rd_metrics_text_line(text, "ngx_rd_tunnels %uL\n", sum->tunnels);
}


/* those that happened, and 0 for every reason that is worth an alarm */

static void
ngx_rd_metrics_page_refusals(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum)
{
    ngx_uint_t  by, i;

    static const char  *names[NGX_RD_REFUSAL_BY] = { "gate", "api" };

    ngx_rd_metrics_text_family(text, "ngx_rd_refusals_total", "counter",
                               "Refused requests, by who refused and why.");

    for (by = 0; by < NGX_RD_REFUSAL_BY; by++) {
        for (i = 1; i < NGX_RD_METRICS_REFUSALS; i++) {

            if (sum->refusals[by][i] || i < NGX_RD_REASON_N) {
                ngx_rd_metrics_text_line(text, "ngx_rd_refusals_total"
                                         "{by=\"%s\",reason=\"%s\"} %uL\n",
                                         names[by], ngx_rd_refusal_code(i),
                                         sum->refusals[by][i]);
            }
        }
    }
}


static void
ngx_rd_metrics_page_cache(ngx_rd_metrics_text_t *text, ngx_rd_zone_t *zone)
{
    ngx_rd_zone_count_t  count;

    ngx_rd_zone_count(zone, &count);

#define ngx_rd_metrics_page_of_cache(name, type, help, value)                 \
    ngx_rd_metrics_text_family(text, name, type, help);                       \
    ngx_rd_metrics_text_line(text, name " %uL\n", (uint64_t) (value))

    ngx_rd_metrics_page_of_cache("ngx_rd_cache_hits_total", "counter",
                                 "Answers found in rd_zone.", count.hits);
    ngx_rd_metrics_page_of_cache("ngx_rd_cache_misses_total", "counter",
                                 "Answers that were not there.", count.misses);
    ngx_rd_metrics_page_of_cache("ngx_rd_cache_evictions_total", "counter",
                                 "Entries that went to make room.",
                                 count.evictions);
    ngx_rd_metrics_page_of_cache("ngx_rd_cache_invalidations_total", "counter",
                                 "Entries that went because something changed.",
                                 count.drops);
    ngx_rd_metrics_page_of_cache("ngx_rd_cache_entries", "gauge",
                                 "Entries in rd_zone.", count.entries);
    ngx_rd_metrics_page_of_cache("ngx_rd_cache_entries_max", "gauge",
                                 "Entries that rd_zone has room for.",
                                 count.entries_max);

#undef ngx_rd_metrics_page_of_cache
}


static void
ngx_rd_metrics_page_redis(ngx_rd_metrics_page_ctx_t *ctx,
    const ngx_rd_metrics_slot_t *sum)
{
    ngx_uint_t                   i, n, error;
    ngx_rd_metrics_text_t       *text;
    const ngx_rd_redis_watch_t  *watch[2];

    static const char  *names[] = { "own", "ctfd" };
    ngx_rd_redis_t     *redis[2];

    text = &ctx->text;

    redis[0] = ctx->rmcf->store.redis;
    redis[1] = ctx->rmcf->identity.ctfd;
    watch[0] = &sum->own;
    watch[1] = &sum->ctfd;

    /* one server may be both */

    n = (redis[0] == redis[1]) ? 1 : 2;

    ngx_rd_metrics_text_family(text, "ngx_rd_redis_up", "gauge",
                               "Whether the worker that answers can ask this "
                               "Redis server.");

    for (i = 0; i < n; i++) {
        ngx_rd_metrics_text_line(text, "ngx_rd_redis_up{connection=\"%s\"} "
                                 "%ui\n", names[i],
                                 ngx_rd_redis_ready(redis[i]));
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_redis_writable", "gauge",
                               "Whether this Redis server accepts writes, as "
                               "far as the worker that answers was told.");

    for (i = 0; i < n; i++) {
        ngx_rd_metrics_text_line(text, "ngx_rd_redis_writable{connection="
                                 "\"%s\"} %ui\n", names[i],
                                 ngx_rd_redis_writable(redis[i]));
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_redis_errors_total", "counter",
                               "Calls to Redis that failed, by reason.");

    for (i = 0; i < n; i++) {
        for (error = 1; error < NGX_RD_ERR_N; error++) {

            if (watch[i]->errors[error]) {
                ngx_rd_metrics_text_line(text, "ngx_rd_redis_errors_total"
                                         "{connection=\"%s\",error=\"%s\"}"
                                         " %uL\n", names[i],
                                         ngx_rd_error_code(error),
                                         watch[i]->errors[error]);
            }
        }
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_redis_call_duration_seconds",
                               "histogram", "From a call sent to its answer.");

    for (i = 0; i < n; i++) {
        ngx_rd_metrics_text_histogram(text,
                                      "ngx_rd_redis_call_duration_seconds",
                                      "connection", names[i],
                                      &watch[i]->took_us, 25, 5000000);
    }
}


static void
ngx_rd_metrics_page_starts(ngx_rd_metrics_text_t *text,
    const ngx_rd_metrics_slot_t *sum)
{
    ngx_uint_t  i, error;

    ngx_rd_metrics_text_family(text, "ngx_rd_starts_total", "counter",
                               "Desktops that became ready, or why not.");

    for (error = 0; error < NGX_RD_ERR_N; error++) {

        if (sum->starts[error] || error == NGX_RD_ERR_NONE) {
            ngx_rd_metrics_text_line(text, "ngx_rd_starts_total"
                                     "{result=\"%s\"} %uL\n",
                                     ngx_rd_error_code(error),
                                     sum->starts[error]);
        }
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_start_phase_duration_seconds",
                               "histogram", "How long starts were in a phase: "
                               "until a host was chosen, until its container "
                               "ran, until the desktop answered.");

    for (i = 0; i < NGX_RD_METRICS_PHASES; i++) {
        ngx_rd_metrics_text_histogram(text,
                                      "ngx_rd_start_phase_duration_seconds",
                                      "phase", ngx_rd_metrics_page_phases[i],
                                      &sum->phase_us[i], 100000, 600000000);
    }
}


/* what Redis says, the same on every nginx of this site */

static void
ngx_rd_metrics_page_sessions(ngx_rd_metrics_text_t *text,
    const ngx_rd_census_t *census)
{
    ngx_uint_t  i;

    const struct { const char *state; int64_t n; } states[] = {
        { "queued", census->queued },
        { "creating", census->creating },
        { "starting", census->starting },
        { "ready", census->ready },
        { "stopping", census->stopping },
    };

    ngx_rd_metrics_text_family(text, "ngx_rd_sessions", "gauge",
                               "Sessions of the site, by state.");

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        ngx_rd_metrics_text_line(text, "ngx_rd_sessions{state=\"%s\"} %L\n",
                                 states[i].state, states[i].n);
    }

    ngx_rd_metrics_text_family(text, "ngx_rd_queue_length", "gauge",
                               "Sessions that wait for a host.");
    ngx_rd_metrics_text_line(text, "ngx_rd_queue_length %L\n", census->queued);
}


static void
ngx_rd_metrics_page_hosts(ngx_rd_metrics_page_ctx_t *ctx,
    const ngx_rd_redis_reply_t *reply)
{
    ngx_uint_t              i, what;
    ngx_rd_fleet_t         *fleet;
    ngx_rd_census_host_t    host;
    ngx_rd_metrics_text_t  *text;

    static const struct { const char *name, *help; } families[] = {
        { "ngx_rd_host_up", "Whether its probes say that it is fit." },
        { "ngx_rd_host_active", "Whether it takes new sessions: neither "
                                "cordoned nor draining." },
        { "ngx_rd_host_sessions", "Sessions that hold a slot on it." },
        { "ngx_rd_host_sessions_max", "Sessions that it has slots for." },
        { "ngx_rd_sweep_last_success_timestamp_seconds",
          "When it was last swept." },
    };

    text = &ctx->text;
    fleet = &ctx->rmcf->fleet;

    for (what = 0; what < sizeof(families) / sizeof(families[0]); what++) {

        ngx_rd_metrics_text_family(text, families[what].name, "gauge",
                                   families[what].help);

        for (i = 0; i < fleet->n; i++) {
            ngx_rd_census_read_host(&host, i, reply);

            if (what == 4 && host.swept_ms == 0) {
                continue;
            }

            ngx_rd_metrics_text_host(text, families[what].name,
                                     &fleet->hosts[i].name,
                what == 0 ? (host.health.len == 2
                             && ngx_strncmp(host.health.data, "up", 2) == 0)
                : what == 1 ? (host.mode.len == 6
                               && ngx_strncmp(host.mode.data, "active", 6) == 0)
                : what == 2 ? host.sessions
                : what == 3 ? (int64_t) fleet->places[i].sessions_max
                : host.swept_ms / 1000);
        }
    }
}
