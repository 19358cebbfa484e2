
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_store.h"
#include "ngx_rd_redis_lua.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_settings.h"


#define NGX_RD_STORE_ARGS_MAX     16    /* of every script but place */
#define NGX_RD_STORE_NUMBERS_MAX  8


/* the arguments of one script while they are put together, on the stack */

typedef struct {
    ngx_str_t   argv[NGX_RD_STORE_ARGS_MAX];
    ngx_uint_t  n;

    u_char      numbers[NGX_RD_STORE_NUMBERS_MAX][NGX_INT64_LEN + 1];
    ngx_uint_t  nnumbers;
} ngx_rd_store_args_t;


static void ngx_rd_store_args(ngx_rd_store_args_t *args, ngx_rd_store_t *store);
static void ngx_rd_store_text(ngx_rd_store_args_t *args, const ngx_str_t *text);
static void ngx_rd_store_cstr(ngx_rd_store_args_t *args, const char *text);
static void ngx_rd_store_number(ngx_rd_store_args_t *args, int64_t number);
static ngx_rd_redis_call_t *ngx_rd_store_run(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_store_args_t *args,
    ngx_rd_redis_done_pt done, void *owner);


ngx_rd_redis_call_t *
ngx_rd_store_claim(ngx_rd_store_t *store, const ngx_rd_store_claim_t *claim,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, &claim->id);
    ngx_rd_store_number(&args, claim->user_id);
    ngx_rd_store_text(&args, &claim->username);
    ngx_rd_store_text(&args, &claim->account);
    ngx_rd_store_text(&args, &claim->vnc_password);
    ngx_rd_store_number(&args, claim->initial_s);
    ngx_rd_store_number(&args, claim->extension_s);
    ngx_rd_store_number(&args, claim->extensions_max);
    ngx_rd_store_cstr(&args, "docker");
    ngx_rd_store_number(&args, claim->rate_max);
    ngx_rd_store_number(&args, claim->rate_window_ms);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_claim, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_look(ngx_rd_store_t *store, uint64_t user_id,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, user_id);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_look, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_extend(ngx_rd_store_t *store, uint64_t user_id,
    const ngx_rd_store_rate_t *rate, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, user_id);
    ngx_rd_store_number(&args, rate->max);
    ngx_rd_store_number(&args, rate->window_ms);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_extend, &args, done,
                            owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_stop(ngx_rd_store_t *store, uint64_t user_id, const char *reason,
    const ngx_rd_store_rate_t *rate, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_cstr(&args, "");
    ngx_rd_store_number(&args, user_id);
    ngx_rd_store_cstr(&args, reason);
    ngx_rd_store_number(&args, rate->max);
    ngx_rd_store_number(&args, rate->window_ms);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_stop, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_place(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_str_t *driver, ngx_uint_t attempts_max, ngx_str_t *container,
    const ngx_rd_store_host_t *hosts, ngx_uint_t nhosts,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char               *p, *numbers;
    ngx_str_t            *argv;
    ngx_uint_t            i, n;
    ngx_rd_store_args_t   args;
    ngx_rd_redis_call_t  *call;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);
    ngx_rd_store_text(&args, driver);
    ngx_rd_store_number(&args, attempts_max);
    ngx_rd_store_text(&args, container);

    /* a fleet does not fit on the stack */

    argv = ngx_alloc((args.n + nhosts * 3) * sizeof(ngx_str_t)
                     + nhosts * 2 * NGX_INT_T_LEN, ngx_cycle->log);
    if (argv == NULL) {
        return NULL;
    }

    ngx_memcpy(argv, args.argv, args.n * sizeof(ngx_str_t));
    numbers = (u_char *) (argv + args.n + nhosts * 3);
    n = args.n;

    for (i = 0; i < nhosts; i++) {
        argv[n++] = hosts[i].name;

        p = ngx_sprintf(numbers, "%ui", hosts[i].weight);
        argv[n].data = numbers;
        argv[n++].len = p - numbers;
        numbers = p;

        p = ngx_sprintf(numbers, "%ui", hosts[i].sessions_max);
        argv[n].data = numbers;
        argv[n++].len = p - numbers;
        numbers = p;
    }

    call = ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_place, 1,
                                     n, argv, done, owner);
    ngx_free(argv);

    return call;
}


ngx_rd_redis_call_t *
ngx_rd_store_advance(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_str_t *container_id, const ngx_rd_store_endpoints_t *endpoints,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);
    ngx_rd_store_text(&args, container_id);
    ngx_rd_store_text(&args, &endpoints->address);
    ngx_rd_store_number(&args, endpoints->web_port);
    ngx_rd_store_number(&args, endpoints->vnc_port);
    ngx_rd_store_number(&args, endpoints->terminal_port);
    ngx_rd_store_number(&args, endpoints->ssh_port);
    ngx_rd_store_text(&args, &endpoints->public_host);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_advance, &args, done,
                            owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_commit(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_commit, &args, done,
                            owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_retry(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_rd_error_e error, const char *detail, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);
    ngx_rd_store_cstr(&args, ngx_rd_error_code(error));
    ngx_rd_store_cstr(&args, detail);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_retry, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_fail(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_rd_error_e error, const char *detail, ngx_uint_t leftover,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);
    ngx_rd_store_cstr(&args, ngx_rd_error_code(error));
    ngx_rd_store_cstr(&args, ngx_rd_error_text(error));
    ngx_rd_store_cstr(&args, detail);
    ngx_rd_store_cstr(&args, leftover ? "1" : "0");

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_fail, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_finish(ngx_rd_store_t *store, ngx_str_t *id, int64_t epoch,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_finish, &args, done,
                            owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_due(ngx_rd_store_t *store, ngx_uint_t n,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, n);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_due, &args, done, owner);
}


static void
ngx_rd_store_args(ngx_rd_store_args_t *args, ngx_rd_store_t *store)
{
    args->argv[0] = store->prefix;
    args->n = 1;
    args->nnumbers = 0;
}


static void
ngx_rd_store_text(ngx_rd_store_args_t *args, const ngx_str_t *text)
{
    ngx_rd_assert(args->n < NGX_RD_STORE_ARGS_MAX);

    args->argv[args->n++] = *text;
}


static void
ngx_rd_store_cstr(ngx_rd_store_args_t *args, const char *text)
{
    ngx_str_t  str;

    str.data = (u_char *) text;
    str.len = ngx_strlen(text);

    ngx_rd_store_text(args, &str);
}


static void
ngx_rd_store_number(ngx_rd_store_args_t *args, int64_t number)
{
    u_char     *buf;
    ngx_str_t   str;

    ngx_rd_assert(args->nnumbers < NGX_RD_STORE_NUMBERS_MAX);

    buf = args->numbers[args->nnumbers++];

    str.data = buf;
    str.len = ngx_sprintf(buf, "%L", number) - buf;

    ngx_rd_store_text(args, &str);
}


static ngx_rd_redis_call_t *
ngx_rd_store_run(ngx_rd_store_t *store, const ngx_rd_redis_script_t *script,
    ngx_rd_store_args_t *args, ngx_rd_redis_done_pt done, void *owner)
{
    return ngx_rd_redis_script_start(store->redis, script, 1, args->n,
                                     args->argv, done, owner);
}
