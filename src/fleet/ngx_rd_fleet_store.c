
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_fleet_store.h"
#include "ngx_rd_redis_lua.h"
#include "../base/ngx_rd_error.h"


#define NGX_RD_FLEET_STORE_POOL_BYTES  4096     /* it grows with the fleet */


/*
 * The arguments of one script while they are put together.  Short of memory,
 * argv is NULL from then on, which only _run needs to look at.
 */

typedef struct {
    ngx_pool_t    *pool;
    ngx_array_t   *argv;            /* of ngx_str_t */
} ngx_rd_fleet_store_args_t;


static void ngx_rd_fleet_store_args(ngx_rd_fleet_store_args_t *args,
    ngx_rd_store_t *store);
static void ngx_rd_fleet_store_text(ngx_rd_fleet_store_args_t *args,
    const ngx_str_t *text);
static void ngx_rd_fleet_store_cstr(ngx_rd_fleet_store_args_t *args,
    const char *text);
static void ngx_rd_fleet_store_number(ngx_rd_fleet_store_args_t *args,
    int64_t number);
static void ngx_rd_fleet_store_names(ngx_rd_fleet_store_args_t *args,
    const ngx_rd_fleet_t *fleet);
static const char *ngx_rd_fleet_store_state(
    const ngx_rd_docker_json_container_t *c);
static ngx_rd_redis_call_t *ngx_rd_fleet_store_run(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_fleet_store_args_t *args,
    ngx_rd_redis_done_pt done, void *owner);


ngx_rd_redis_call_t *
ngx_rd_fleet_store_host_due(ngx_rd_store_t *store, const ngx_rd_fleet_t *fleet,
    ngx_msec_t limit_ms, ngx_uint_t all, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_number(&args, limit_ms);
    ngx_rd_fleet_store_cstr(&args, all ? "1" : "0");
    ngx_rd_fleet_store_names(&args, fleet);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_host_due, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_host_seen(ngx_rd_store_t *store,
    const ngx_rd_fleet_store_seen_t *seen, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_cstr(&args, seen->host);
    ngx_rd_fleet_store_number(&args, seen->number);
    ngx_rd_fleet_store_cstr(&args, seen->reason);
    ngx_rd_fleet_store_cstr(&args, seen->error == NGX_RD_ERR_NONE ? ""
                                   : ngx_rd_error_code(seen->error));
    ngx_rd_fleet_store_cstr(&args, seen->detail);
    ngx_rd_fleet_store_number(&args, seen->interval_ms);
    ngx_rd_fleet_store_number(&args, seen->info.memory_bytes);
    ngx_rd_fleet_store_number(&args, seen->info.nano_cpus);
    ngx_rd_fleet_store_cstr(&args, seen->needs);
    ngx_rd_fleet_store_cstr(&args, seen->has);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_host_seen, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_host_away(ngx_rd_store_t *store, const char *host,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_cstr(&args, host);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_host_away, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_host_full(ngx_rd_store_t *store, const char *host,
    ngx_rd_error_e error, const char *detail, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_cstr(&args, host);
    ngx_rd_fleet_store_cstr(&args, ngx_rd_error_code(error));
    ngx_rd_fleet_store_cstr(&args, detail);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_host_full, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_host_mode(ngx_rd_store_t *store, const ngx_str_t *host,
    const char *mode, int64_t grace_ms, uint64_t admin_id,
    const ngx_str_t *admin, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_text(&args, host);
    ngx_rd_fleet_store_cstr(&args, mode);
    ngx_rd_fleet_store_number(&args, grace_ms);
    ngx_rd_fleet_store_number(&args, admin_id);
    ngx_rd_fleet_store_text(&args, admin);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_host_mode, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_sweep_due(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_msec_t interval_ms, ngx_uint_t max,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_number(&args, interval_ms);
    ngx_rd_fleet_store_number(&args, max);
    ngx_rd_fleet_store_names(&args, fleet);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_sweep_due, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_sweep_force(ngx_rd_store_t *store, uint64_t owner,
    ngx_msec_t pause_ms, ngx_msec_t once_ms, ngx_rd_redis_done_pt done,
    void *data)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_number(&args, (int64_t) owner);
    ngx_rd_fleet_store_number(&args, pause_ms);
    ngx_rd_fleet_store_number(&args, once_ms);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_sweep_force, &args,
                                  done, data);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_sweep_judge(ngx_rd_store_t *store, const ngx_str_t *host,
    int64_t number, int64_t began_ms,
    const ngx_rd_docker_json_container_t *list, ngx_uint_t n, int64_t now_s,
    ngx_uint_t first, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_uint_t                 i;
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_text(&args, host);
    ngx_rd_fleet_store_number(&args, number);
    ngx_rd_fleet_store_number(&args, began_ms);
    ngx_rd_fleet_store_cstr(&args, first ? "1" : "0");

    for (i = 0; i < n; i++) {
        ngx_rd_fleet_store_cstr(&args, list[i].id);
        ngx_rd_fleet_store_cstr(&args, list[i].session);
        ngx_rd_fleet_store_cstr(&args, list[i].installation);
        ngx_rd_fleet_store_cstr(&args, ngx_rd_fleet_store_state(&list[i]));
        ngx_rd_fleet_store_number(&args,
                                  ngx_rd_fleet_store_age_s(&list[i], now_s));
    }

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_sweep_judge, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_sweep_missing(ngx_rd_store_t *store, const ngx_str_t *host,
    int64_t number, int64_t began_ms, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_text(&args, host);
    ngx_rd_fleet_store_number(&args, number);
    ngx_rd_fleet_store_number(&args, began_ms);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_sweep_missing, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_reconcile(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_msec_t interval_ms,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_number(&args, interval_ms);
    ngx_rd_fleet_store_names(&args, fleet);

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_reconcile, &args,
                                  done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_fleet_store_sweep_done(ngx_rd_store_t *store,
    const ngx_rd_fleet_store_swept_t *swept, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_uint_t                 i, told;
    ngx_rd_fleet_store_args_t  args;

    ngx_rd_fleet_store_args(&args, store);
    ngx_rd_fleet_store_text(&args, swept->host);
    ngx_rd_fleet_store_number(&args, swept->number);
    ngx_rd_fleet_store_cstr(&args, swept->error == NGX_RD_ERR_NONE ? ""
                                   : ngx_rd_error_code(swept->error));
    ngx_rd_fleet_store_cstr(&args, swept->detail);
    ngx_rd_fleet_store_number(&args, swept->ended);
    ngx_rd_fleet_store_number(&args, swept->keep_ms);
    ngx_rd_fleet_store_number(&args, swept->nremoved);

    told = 0;

    for (i = 0; i < swept->n && told < NGX_RD_FLEET_STORE_TELL_MAX; i++) {
        if (swept->removed[i]) {
            told++;
            ngx_rd_fleet_store_cstr(&args, swept->list[i].name);
            ngx_rd_fleet_store_number(&args,
                       ngx_rd_fleet_store_age_s(&swept->list[i],
                                                swept->now_s));
        }
    }

    return ngx_rd_fleet_store_run(store, &ngx_rd_redis_lua_sweep_done, &args,
                                  done, owner);
}


int64_t
ngx_rd_fleet_store_age_s(const ngx_rd_docker_json_container_t *c,
    int64_t now_s)
{
    return (c->created_s > 0 && now_s >= c->created_s) ? now_s - c->created_s
                                                        : -1;
}


/* created, paused, restarting: neither runs nor is it over */

static const char *
ngx_rd_fleet_store_state(const ngx_rd_docker_json_container_t *c)
{
    if (c->running) {
        return "running";
    }

    if (ngx_strcmp(c->status, "exited") == 0
        || ngx_strcmp(c->status, "dead") == 0
        || ngx_strcmp(c->status, "removing") == 0)
    {
        return "gone";
    }

    return "unknown";
}


static void
ngx_rd_fleet_store_args(ngx_rd_fleet_store_args_t *args, ngx_rd_store_t *store)
{
    args->argv = NULL;
    args->pool = ngx_create_pool(NGX_RD_FLEET_STORE_POOL_BYTES,
                                 ngx_cycle->log);
    if (args->pool == NULL) {
        return;
    }

    args->argv = ngx_array_create(args->pool, 16, sizeof(ngx_str_t));

    ngx_rd_fleet_store_text(args, &store->prefix);
}


static void
ngx_rd_fleet_store_text(ngx_rd_fleet_store_args_t *args, const ngx_str_t *text)
{
    ngx_str_t  *arg;

    if (args->argv == NULL) {
        return;
    }

    arg = ngx_array_push(args->argv);
    if (arg == NULL) {
        args->argv = NULL;
        return;
    }

    *arg = *text;
}


static void
ngx_rd_fleet_store_cstr(ngx_rd_fleet_store_args_t *args, const char *text)
{
    ngx_str_t  str;

    str.data = (u_char *) text;
    str.len = ngx_strlen(text);

    ngx_rd_fleet_store_text(args, &str);
}


static void
ngx_rd_fleet_store_number(ngx_rd_fleet_store_args_t *args, int64_t number)
{
    ngx_str_t  str;

    if (args->argv == NULL) {
        return;
    }

    str.data = ngx_pnalloc(args->pool, NGX_INT64_LEN);
    if (str.data == NULL) {
        args->argv = NULL;
        return;
    }

    str.len = ngx_sprintf(str.data, "%L", number) - str.data;

    ngx_rd_fleet_store_text(args, &str);
}


static void
ngx_rd_fleet_store_names(ngx_rd_fleet_store_args_t *args,
    const ngx_rd_fleet_t *fleet)
{
    ngx_uint_t  i;

    for (i = 0; i < fleet->n; i++) {
        ngx_rd_fleet_store_text(args, &fleet->hosts[i].name);
    }
}


static ngx_rd_redis_call_t *
ngx_rd_fleet_store_run(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_fleet_store_args_t *args,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_redis_call_t  *call;

    if (args->pool == NULL) {
        return NULL;
    }

    call = NULL;

    if (args->argv) {
        call = ngx_rd_redis_script_start(store->redis, script, 1,
                                         args->argv->nelts, args->argv->elts,
                                         done, owner);
    }

    ngx_destroy_pool(args->pool);

    return call;
}
