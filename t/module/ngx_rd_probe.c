
/*
 * Copyright (C) the ngx_rd authors
 */


#include "ngx_rd_probe.h"


#define NGX_RD_PROBE_BODY_BYTES_MAX   (256 * 1024)
#define NGX_RD_PROBE_DEPTH_MAX        8


typedef struct {
    ngx_http_request_t     *request;
    ngx_rd_redis_call_t   **calls;      /* NULL where answered */
    ngx_uint_t              n;
    ngx_uint_t              waiting;
    ngx_uint_t              starting;   /* done may not be called */
    ngx_uint_t              count[NGX_RD_ERR_N];

    ngx_rd_ready_t         *ready;

    u_char                 *pos;
    u_char                 *last;
    u_char                 *end;
} ngx_rd_probe_ctx_t;


static ngx_rd_probe_ctx_t *ngx_rd_probe_create_ctx(ngx_http_request_t *r,
    ngx_uint_t n);
static ngx_rd_redis_t *ngx_rd_probe_find(ngx_http_request_t *r);
static ngx_int_t ngx_rd_probe_start(ngx_http_request_t *r,
    ngx_rd_probe_ctx_t *ctx);
static void ngx_rd_probe_call_done(ngx_rd_redis_call_t *call);
static void ngx_rd_probe_ready_done(void *owner, ngx_rd_error_e error,
    const char *detail);
static void ngx_rd_probe_cleanup(void *data);

static void ngx_rd_probe_print(ngx_rd_probe_ctx_t *ctx, const char *fmt, ...);
static void ngx_rd_probe_print_reply(ngx_rd_probe_ctx_t *ctx,
    const ngx_rd_redis_reply_t *reply, ngx_uint_t depth);
static void ngx_rd_probe_print_counts(ngx_rd_probe_ctx_t *ctx);
static ngx_int_t ngx_rd_probe_send(ngx_http_request_t *r,
    ngx_rd_probe_ctx_t *ctx);
static void ngx_rd_probe_finish(ngx_rd_probe_ctx_t *ctx);


ngx_int_t
ngx_rd_probe_call_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_rd_probe_ctx_t       *ctx;
    ngx_rd_probe_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_rd_probe_module);

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_rd_probe_create_ctx(r, ngx_max(plcf->n, 1));
    if (ctx == NULL || ngx_rd_probe_start(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    return NGX_DONE;
}


ngx_int_t
ngx_rd_probe_cancel_handler(ngx_http_request_t *r)
{
    ngx_rd_probe_ctx_t       *ctx;
    ngx_rd_probe_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_rd_probe_module);

    ctx = ngx_rd_probe_create_ctx(r, plcf->n);
    if (ctx == NULL || ngx_rd_probe_start(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_rd_probe_cleanup(ctx);
    ngx_rd_probe_print(ctx, "cancelled:%ui\n", plcf->n);

    return ngx_rd_probe_send(r, ctx);
}


ngx_int_t
ngx_rd_probe_state_handler(ngx_http_request_t *r)
{
    ngx_rd_redis_t      *redis;
    ngx_rd_probe_ctx_t  *ctx;

    redis = ngx_rd_probe_find(r);
    ctx = ngx_rd_probe_create_ctx(r, 0);

    if (redis == NULL || ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_rd_probe_print(ctx, "%s\n",
                       ngx_rd_redis_ready(redis) ? "ready" : "not ready");

    return ngx_rd_probe_send(r, ctx);
}


ngx_int_t
ngx_rd_probe_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_rd_probe_ctx_t       *ctx;
    ngx_rd_probe_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_rd_probe_module);

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_rd_probe_create_ctx(r, 0);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->starting = 1;

    ctx->ready = ngx_rd_ready_start(plcf->addr.sockaddr, plcf->addr.socklen,
                                    (char *) plcf->path.data, plcf->give_up_ms,
                                    ngx_rd_probe_ready_done, ctx,
                                    r->connection->log);
    ctx->starting = 0;

    if (ctx->ready == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    return NGX_DONE;
}


static ngx_rd_probe_ctx_t *
ngx_rd_probe_create_ctx(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_http_cleanup_t  *cln;
    ngx_rd_probe_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_rd_probe_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->n = n;

    if (n) {
        ctx->calls = ngx_pcalloc(r->pool, n * sizeof(ngx_rd_redis_call_t *));
        if (ctx->calls == NULL) {
            return NULL;
        }
    }

    ctx->pos = ngx_palloc(r->pool, NGX_RD_PROBE_BODY_BYTES_MAX);
    if (ctx->pos == NULL) {
        return NULL;
    }

    ctx->last = ctx->pos;
    ctx->end = ctx->pos + NGX_RD_PROBE_BODY_BYTES_MAX;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_rd_probe_cleanup;
    cln->data = ctx;

    return ctx;
}


static ngx_rd_redis_t *
ngx_rd_probe_find(ngx_http_request_t *r)
{
    ngx_uint_t                 i;
    ngx_rd_probe_loc_conf_t   *plcf;
    ngx_rd_probe_main_conf_t  *pmcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_rd_probe_module);
    pmcf = ngx_http_get_module_main_conf(r, ngx_rd_probe_module);

    for (i = 0; i < pmcf->nredis; i++) {
        if (pmcf->redis[i].conf.name.len == plcf->name.len
            && ngx_memcmp(pmcf->redis[i].conf.name.data, plcf->name.data,
                          plcf->name.len)
               == 0)
        {
            return pmcf->redis[i].redis;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_rd_probe_start(ngx_http_request_t *r, ngx_rd_probe_ctx_t *ctx)
{
    ngx_str_t                  argv[NGX_RD_PROBE_ARGS_MAX];
    ngx_uint_t                 i;
    ngx_rd_redis_t            *redis;
    ngx_rd_redis_call_t       *call;
    ngx_rd_probe_loc_conf_t   *plcf;
    ngx_http_complex_value_t  *args;

    redis = ngx_rd_probe_find(r);
    if (redis == NULL) {
        return NGX_ERROR;
    }

    plcf = ngx_http_get_module_loc_conf(r, ngx_rd_probe_module);
    args = plcf->args.elts;

    for (i = 0; i < plcf->args.nelts; i++) {
        if (ngx_http_complex_value(r, &args[i], &argv[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ctx->starting = 1;

    for (i = 0; i < ctx->n; i++) {

        if (plcf->script.text) {
            call = ngx_rd_redis_script_start(redis, &plcf->script, plcf->nkeys,
                                             plcf->args.nelts, argv,
                                             ngx_rd_probe_call_done, ctx);
        } else {
            call = ngx_rd_redis_call_start(redis, plcf->args.nelts, argv,
                                           ngx_rd_probe_call_done, ctx);
        }

        if (call == NULL) {
            return NGX_ERROR;
        }

        ctx->calls[i] = call;
        ctx->waiting++;
    }

    ctx->starting = 0;

    return NGX_OK;
}


static void
ngx_rd_probe_call_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t           i;
    ngx_rd_probe_ctx_t  *ctx = call->owner;

    if (ctx->starting) {
        ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                      "rd probe: done called inside the start");
    }

    for (i = 0; i < ctx->n && ctx->calls[i] != call; i++) { /* void */ }

    if (i == ctx->n) {
        ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                      "rd probe: done called twice, or after a cancel");
        return;
    }

    ctx->calls[i] = NULL;
    ctx->waiting--;
    ctx->count[call->error]++;

    if (ctx->n == 1) {
        ngx_rd_probe_print(ctx, "%s\n", ngx_rd_error_code(call->error));

        if (call->error == NGX_RD_ERR_NONE
            || call->error == NGX_RD_ERR_REDIS_REPLY)
        {
            ngx_rd_probe_print_reply(ctx, call->reply, 0);

        } else if (call->reply != NULL) {
            ngx_rd_probe_print(ctx, "a reply beside an error\n");
        }
    }

    if (ctx->waiting) {
        return;
    }

    if (ctx->n > 1) {
        ngx_rd_probe_print_counts(ctx);
    }

    ngx_rd_probe_finish(ctx);
}


static void
ngx_rd_probe_ready_done(void *owner, ngx_rd_error_e error, const char *detail)
{
    ngx_rd_probe_ctx_t  *ctx = owner;

    if (ctx->starting) {
        ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                      "rd probe: done called inside the start");
    }

    ngx_rd_probe_print(ctx, "%s attempts:%ui %s\n", ngx_rd_error_code(error),
                       ngx_rd_ready_attempts(ctx->ready), detail);
    ctx->ready = NULL;

    ngx_rd_probe_finish(ctx);
}


static void
ngx_rd_probe_cleanup(void *data)
{
    ngx_uint_t           i;
    ngx_rd_probe_ctx_t  *ctx = data;

    for (i = 0; i < ctx->n; i++) {
        if (ctx->calls[i]) {
            ngx_rd_redis_call_cancel(ctx->calls[i]);
            ctx->calls[i] = NULL;
        }
    }

    if (ctx->ready) {
        ngx_rd_ready_cancel(ctx->ready);
        ctx->ready = NULL;
    }
}


static void
ngx_rd_probe_print(ngx_rd_probe_ctx_t *ctx, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ctx->last = ngx_vslprintf(ctx->last, ctx->end, fmt, args);
    va_end(args);
}


static void
ngx_rd_probe_print_reply(ngx_rd_probe_ctx_t *ctx,
    const ngx_rd_redis_reply_t *reply, ngx_uint_t depth)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    for (i = 0; i < depth; i++) {
        ngx_rd_probe_print(ctx, "  ");
    }

    text = ngx_rd_redis_reply_string(reply);

    switch (ngx_rd_redis_reply_type(reply)) {

    case NGX_RD_REDIS_NIL:
        ngx_rd_probe_print(ctx, "nil\n");
        break;

    case NGX_RD_REDIS_STRING:
        ngx_rd_probe_print(ctx, "string %uz %V\n", text.len, &text);
        break;

    case NGX_RD_REDIS_INTEGER:
        ngx_rd_probe_print(ctx, "integer %L\n",
                           ngx_rd_redis_reply_integer(reply, 0));
        break;

    case NGX_RD_REDIS_ERROR:
        ngx_rd_probe_print(ctx, "error %V\n", &text);
        break;

    case NGX_RD_REDIS_ARRAY:
        ngx_rd_probe_print(ctx, "array %ui\n", ngx_rd_redis_reply_count(reply));

        for (i = 0; i < ngx_rd_redis_reply_count(reply); i++) {
            if (depth < NGX_RD_PROBE_DEPTH_MAX) {
                ngx_rd_probe_print_reply(ctx, ngx_rd_redis_reply_at(reply, i),
                                         depth + 1);
            }
        }

        break;
    }
}


static void
ngx_rd_probe_print_counts(ngx_rd_probe_ctx_t *ctx)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RD_ERR_N; i++) {
        if (ctx->count[i]) {
            ngx_rd_probe_print(ctx, "%s:%ui\n", ngx_rd_error_code(i),
                               ctx->count[i]);
        }
    }
}


static ngx_int_t
ngx_rd_probe_send(ngx_http_request_t *r, ngx_rd_probe_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = ctx->pos;
    b->last = ctx->last;
    b->memory = 1;
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = ctx->last - ctx->pos;
    ngx_str_set(&r->headers_out.content_type, "text/plain");

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


static void
ngx_rd_probe_finish(ngx_rd_probe_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_finalize_request(r, ngx_rd_probe_send(r, ctx));
    ngx_http_run_posted_requests(c);
}
