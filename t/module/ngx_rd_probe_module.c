
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <openssl/sha.h>
#include "../../src/ngx_rd.h"
#include "../../src/base/ngx_rd_error.h"
#include "../../src/redis/ngx_rd_redis.h"
#include "../../src/redis/ngx_rd_redis_reply.h"
#include "../../src/redis/ngx_rd_redis_script.h"
#include "../../src/fleet/ngx_rd_ready.h"


/*
 * For tests only: asks Redis, or waits for a desktop, because a request came
 * in, and shows what came back.
 *
 *     probe_redis   NAME ADDRESS [user=] [password=] [database=]
 *                   [version_min=] [connect_timeout=] [timeout=] [calls_max=];
 *     probe_call    NAME ARG...;             prints the reply
 *     probe_calls   NAME N ARG...;           N at once: prints error:count
 *     probe_cancel  NAME N ARG...;           N at once, cancelled at once
 *     probe_script  NAME TEXT NKEYS ARG...;  prints the reply
 *     probe_state   NAME;                    prints ready or not
 *     probe_ready   ADDRESS PATH GIVE_UP;    prints error, attempts, detail
 */

#define NGX_RD_PROBE_REDIS_MAX        4
#define NGX_RD_PROBE_ARGS_MAX         16
#define NGX_RD_PROBE_CALLS_MAX        20000
#define NGX_RD_PROBE_BODY_BYTES_MAX   (256 * 1024)
#define NGX_RD_PROBE_DEPTH_MAX        8


typedef struct {
    ngx_rd_redis_conf_t     conf;
    ngx_rd_redis_t         *redis;
} ngx_rd_probe_redis_t;


typedef struct {
    ngx_rd_probe_redis_t    redis[NGX_RD_PROBE_REDIS_MAX];
    ngx_uint_t              nredis;
} ngx_rd_probe_main_conf_t;


typedef struct {
    ngx_str_t               name;
    ngx_uint_t              n;
    ngx_rd_redis_script_t   script;
    ngx_uint_t              nkeys;
    ngx_array_t             args;       /* of ngx_http_complex_value_t */

    ngx_addr_t              addr;
    ngx_str_t               path;
    ngx_msec_t              give_up_ms;
} ngx_rd_probe_loc_conf_t;


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


static ngx_int_t ngx_rd_probe_call_handler(ngx_http_request_t *r);
static ngx_int_t ngx_rd_probe_cancel_handler(ngx_http_request_t *r);
static ngx_int_t ngx_rd_probe_state_handler(ngx_http_request_t *r);
static ngx_int_t ngx_rd_probe_ready_handler(ngx_http_request_t *r);

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

static void *ngx_rd_probe_create_main_conf(ngx_conf_t *cf);
static void *ngx_rd_probe_create_loc_conf(ngx_conf_t *cf);
static char *ngx_rd_probe_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_rd_probe_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rd_probe_script(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rd_probe_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_rd_probe_args(ngx_conf_t *cf, ngx_array_t *args,
    ngx_uint_t first);
static ngx_int_t ngx_rd_probe_address(ngx_conf_t *cf, ngx_str_t *text,
    ngx_addr_t *addr);

static ngx_int_t ngx_rd_probe_init_process(ngx_cycle_t *cycle);
static void ngx_rd_probe_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_rd_probe_commands[] = {

    { ngx_string("probe_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("probe_call"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_rd_probe_call_handler },

    { ngx_string("probe_calls"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      ngx_rd_probe_call_handler },

    { ngx_string("probe_cancel"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      ngx_rd_probe_cancel_handler },

    { ngx_string("probe_script"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_script,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("probe_state"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_rd_probe_state_handler },

    { ngx_string("probe_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE3,
      ngx_rd_probe_ready,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_rd_probe_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_rd_probe_create_main_conf,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_rd_probe_create_loc_conf,          /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_rd_probe_module = {
    NGX_MODULE_V1,
    &ngx_rd_probe_module_ctx,              /* module context */
    ngx_rd_probe_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_rd_probe_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rd_probe_exit_process,             /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
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


static ngx_int_t
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


static ngx_int_t
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


static ngx_int_t
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


static void *
ngx_rd_probe_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rd_probe_main_conf_t));
}


static void *
ngx_rd_probe_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rd_probe_loc_conf_t));
}


static char *
ngx_rd_probe_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_main_conf_t  *pmcf = conf;

    ngx_int_t             n;
    ngx_str_t            *value, text;
    ngx_uint_t            i;
    ngx_rd_redis_conf_t  *rcf;

    value = cf->args->elts;

    if (pmcf->nredis == NGX_RD_PROBE_REDIS_MAX) {
        return "is repeated too often";
    }

    rcf = &pmcf->redis[pmcf->nredis++].conf;

    rcf->name = value[1];
    rcf->version_min = 602;
    rcf->connect_timeout_ms = 1000;
    rcf->timeout_ms = 1000;
    rcf->calls_max = 1000;

    rcf->addr = ngx_pcalloc(cf->pool, sizeof(ngx_addr_t));
    if (rcf->addr == NULL
        || ngx_rd_probe_address(cf, &value[2], rcf->addr) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        text.data = (u_char *) ngx_strchr(value[i].data, '=');
        if (text.data == NULL) {
            return "has an argument without \"=\"";
        }

        text.data++;
        text.len = value[i].data + value[i].len - text.data;
        n = ngx_atoi(text.data, text.len);

        switch (value[i].data[0]) {

        case 'u':
            rcf->user = text;
            continue;

        case 'p':
            rcf->password = text;
            continue;

        case 'd':
            rcf->database = n;
            break;

        case 'v':
            rcf->version_min = n;
            break;

        case 't':
            rcf->timeout_ms = n;
            break;

        default:
            if (ngx_strncmp(value[i].data, "calls", 5) == 0) {
                rcf->calls_max = n;
            } else {
                rcf->connect_timeout_ms = n;
            }
        }

        if (n == NGX_ERROR) {
            return "has a bad number";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_rd_probe_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    ngx_int_t                  n;
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    plcf->name = value[1];

    if (cmd->offset) {
        n = ngx_atoi(value[2].data, value[2].len);
        if (n == NGX_ERROR || n < 1 || n > NGX_RD_PROBE_CALLS_MAX) {
            return "has a bad number";
        }

        plcf->n = n;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return ngx_rd_probe_args(cf, &plcf->args, cmd->offset ? 3 : 2);
}


static char *
ngx_rd_probe_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    u_char                     sha[SHA_DIGEST_LENGTH];
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (cf->args->nelts < 4) {
        return "needs a name, a text and a number";
    }

    value = cf->args->elts;
    plcf->name = value[1];

    plcf->script.name = "probe";
    plcf->script.text = (char *) value[2].data;
    plcf->script.len = value[2].len;
    plcf->nkeys = ngx_atoi(value[3].data, value[3].len);

    (void) SHA1(value[2].data, value[2].len, sha);
    (void) ngx_hex_dump((u_char *) plcf->script.sha, sha, sizeof(sha));

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_rd_probe_call_handler;

    return ngx_rd_probe_args(cf, &plcf->args, 4);
}


static char *
ngx_rd_probe_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (ngx_rd_probe_address(cf, &value[1], &plcf->addr) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    plcf->path = value[2];
    plcf->give_up_ms = ngx_parse_time(&value[3], 0);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_rd_probe_ready_handler;

    return NGX_CONF_OK;
}


static char *
ngx_rd_probe_args(ngx_conf_t *cf, ngx_array_t *args, ngx_uint_t first)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    if (cf->args->nelts - first > NGX_RD_PROBE_ARGS_MAX) {
        return "has too many arguments";
    }

    if (ngx_array_init(args, cf->pool, NGX_RD_PROBE_ARGS_MAX,
                       sizeof(ngx_http_complex_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        cv = ngx_array_push(args);

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rd_probe_address(ngx_conf_t *cf, ngx_str_t *text, ngx_addr_t *addr)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *text;
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"", u.err, text);
        return NGX_ERROR;
    }

    *addr = u.addrs[0];

    return NGX_OK;
}


static ngx_int_t
ngx_rd_probe_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_rd_probe_main_conf_t  *pmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_probe_module);

    for (i = 0; pmcf && i < pmcf->nredis; i++) {
        pmcf->redis[i].redis = ngx_rd_redis_create(&pmcf->redis[i].conf,
                                                   cycle->log);
        if (pmcf->redis[i].redis == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_rd_probe_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_rd_probe_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_probe_module);

    for (i = 0; pmcf && i < pmcf->nredis; i++) {
        if (pmcf->redis[i].redis) {
            ngx_rd_redis_destroy(pmcf->redis[i].redis);
        }
    }
}
