
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_store.h"
#include "ngx_rd_redis_lua.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_STORE_ARGS_MAX     16    /* of a script without a list */
#define NGX_RD_STORE_NUMBERS_MAX  9


/* the arguments of one script while they are put together, on the stack */

typedef struct {
    ngx_str_t   argv[NGX_RD_STORE_ARGS_MAX];
    ngx_uint_t  n;

    u_char      numbers[NGX_RD_STORE_NUMBERS_MAX][NGX_INT64_LEN + 1];
    ngx_uint_t  nnumbers;
} ngx_rd_store_args_t;


/* a list too long for that: one heap block */

typedef struct {
    ngx_uint_t  n;
    u_char     *text;           /* room for the numbers, behind argv */
    ngx_str_t   argv[1];
} ngx_rd_store_long_t;


static void ngx_rd_store_args(ngx_rd_store_args_t *args, ngx_rd_store_t *store);
static void ngx_rd_store_text(ngx_rd_store_args_t *args, const ngx_str_t *text);
static void ngx_rd_store_cstr(ngx_rd_store_args_t *args, const char *text);
static void ngx_rd_store_number(ngx_rd_store_args_t *args, int64_t number);
static void ngx_rd_store_login(ngx_rd_store_args_t *args, uint64_t login);
static u_char *ngx_rd_store_print(u_char *p, int64_t number);
static ngx_rd_store_long_t *ngx_rd_store_long(const ngx_rd_store_args_t *args,
    ngx_uint_t more);
static void ngx_rd_store_long_number(ngx_rd_store_long_t *list, int64_t number);
static ngx_rd_redis_call_t *ngx_rd_store_run_long(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_store_long_t *list,
    ngx_rd_redis_done_pt done, void *owner);
static ngx_rd_redis_call_t *ngx_rd_store_run(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_store_args_t *args,
    ngx_rd_redis_done_pt done, void *owner);


ngx_rd_redis_call_t *
ngx_rd_store_claim(ngx_rd_store_t *store, const ngx_rd_store_claim_t *claim,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_uint_t            i, n;
    ngx_rd_store_long_t  *list;
    ngx_rd_store_args_t   args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, &claim->id);
    ngx_rd_store_number(&args, claim->user_id);
    ngx_rd_store_text(&args, &claim->username);
    ngx_rd_store_text(&args, &claim->account);
    ngx_rd_store_text(&args, &claim->vnc_passwords);
    ngx_rd_store_number(&args, claim->initial_s);
    ngx_rd_store_number(&args, claim->extension_s);
    ngx_rd_store_number(&args, claim->extensions_max);
    ngx_rd_store_cstr(&args, "docker");
    ngx_rd_store_number(&args, claim->rate_max);
    ngx_rd_store_number(&args, claim->rate_window_ms);
    ngx_rd_store_number(&args, claim->queue_max);
    ngx_rd_store_number(&args, claim->team_id);
    ngx_rd_store_login(&args, claim->login);

    n = claim->nhosts;

    list = ngx_rd_store_long(&args, n * 2);
    if (list == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        list->argv[list->n++] = claim->hosts[i].name;
        ngx_rd_store_long_number(list, claim->hosts[i].weight);
    }

    return ngx_rd_store_run_long(store, &ngx_rd_redis_lua_claim, list, done,
                                 owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_look(ngx_rd_store_t *store, uint64_t user_id, uint64_t login,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, user_id);
    ngx_rd_store_login(&args, login);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_look, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_find(ngx_rd_store_t *store, const uint64_t *user_ids,
    ngx_uint_t n, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_uint_t            i;
    ngx_rd_store_long_t  *list;
    ngx_rd_store_args_t   args;

    ngx_rd_store_args(&args, store);

    list = ngx_rd_store_long(&args, n);
    if (list == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        ngx_rd_store_long_number(list, user_ids[i]);
    }

    return ngx_rd_store_run_long(store, &ngx_rd_redis_lua_find, list, done,
                                 owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_extend(ngx_rd_store_t *store, uint64_t user_id, uint64_t login,
    const ngx_rd_store_rate_t *rate, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, user_id);
    ngx_rd_store_number(&args, rate->max);
    ngx_rd_store_number(&args, rate->window_ms);
    ngx_rd_store_login(&args, login);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_extend, &args, done,
                            owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_stop(ngx_rd_store_t *store, uint64_t user_id, uint64_t login,
    const char *reason, const ngx_rd_store_rate_t *rate,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_cstr(&args, "");
    ngx_rd_store_number(&args, user_id);
    ngx_rd_store_cstr(&args, reason);
    ngx_rd_store_number(&args, rate->max);
    ngx_rd_store_number(&args, rate->window_ms);
    ngx_rd_store_login(&args, login);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_stop, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_dispatch(ngx_rd_store_t *store, ngx_str_t *driver,
    ngx_msec_t lease_ms, ngx_uint_t at_most, ngx_str_t *container_prefix,
    int64_t memory_bytes, int64_t nano_cpus, const ngx_rd_store_host_t *hosts,
    ngx_uint_t nhosts, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_uint_t            i;
    ngx_rd_store_long_t  *list;
    ngx_rd_store_args_t   args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, driver);
    ngx_rd_store_number(&args, lease_ms);
    ngx_rd_store_number(&args, at_most);
    ngx_rd_store_text(&args, container_prefix);
    ngx_rd_store_number(&args, memory_bytes);
    ngx_rd_store_number(&args, nano_cpus);

    list = ngx_rd_store_long(&args, nhosts * 6);
    if (list == NULL) {
        return NULL;
    }

    for (i = 0; i < nhosts; i++) {
        list->argv[list->n++] = hosts[i].name;
        ngx_rd_store_long_number(list, hosts[i].weight);
        ngx_rd_store_long_number(list, hosts[i].sessions_max);
        ngx_rd_store_long_number(list, hosts[i].creates_max);
        ngx_rd_store_long_number(list, hosts[i].memory_bytes);
        ngx_rd_store_long_number(list, hosts[i].nano_cpus);
    }

    return ngx_rd_store_run_long(store, &ngx_rd_redis_lua_dispatch, list, done,
                                 owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_tick(ngx_rd_store_t *store, ngx_str_t *driver,
    ngx_msec_t lease_ms, ngx_uint_t at_most, ngx_msec_t queue_timeout_ms,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, driver);
    ngx_rd_store_number(&args, lease_ms);
    ngx_rd_store_number(&args, at_most);
    ngx_rd_store_number(&args, queue_timeout_ms);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_tick, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_close(ngx_rd_store_t *store, ngx_uint_t at_most,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, at_most);

    return ngx_rd_store_run(store, &ngx_rd_redis_lua_close, &args, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_renew(ngx_rd_store_t *store, ngx_msec_t lease_ms,
    const ngx_str_t *ids, const int64_t *epochs, ngx_uint_t n,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_uint_t            i;
    ngx_rd_store_long_t  *list;
    ngx_rd_store_args_t   args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_number(&args, lease_ms);

    list = ngx_rd_store_long(&args, n * 2);
    if (list == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        list->argv[list->n++] = ids[i];
        ngx_rd_store_long_number(list, epochs[i]);
    }

    return ngx_rd_store_run_long(store, &ngx_rd_redis_lua_renew, list, done,
                                 owner);
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
    ngx_rd_error_e error, const char *detail, ngx_uint_t attempts_max,
    ngx_uint_t nhosts, ngx_uint_t host_full, ngx_rd_redis_done_pt done,
    void *owner)
{
    ngx_rd_store_args_t  args;

    ngx_rd_store_args(&args, store);
    ngx_rd_store_text(&args, id);
    ngx_rd_store_number(&args, epoch);
    ngx_rd_store_cstr(&args, ngx_rd_error_code(error));
    ngx_rd_store_cstr(&args, detail);
    ngx_rd_store_number(&args, attempts_max);
    ngx_rd_store_number(&args, nhosts);
    ngx_rd_store_cstr(&args, host_full ? "1"
                             : ngx_rd_error_unreached(error) ? "2" : "0");

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
    str.len = ngx_rd_store_print(buf, number) - buf;

    ngx_rd_store_text(args, &str);
}


static void
ngx_rd_store_login(ngx_rd_store_args_t *args, uint64_t login)
{
    u_char  *buf;

    ngx_rd_assert(args->nnumbers < NGX_RD_STORE_NUMBERS_MAX);

    buf = args->numbers[args->nnumbers++];
    ngx_rd_text_digest_hex((char *) buf, login);

    ngx_rd_store_cstr(args, (char *) buf);
}


static u_char *
ngx_rd_store_print(u_char *p, int64_t number)
{
    return number < 0 ? ngx_sprintf(p, "%L", number)
                      : ngx_rd_text_decimal(p, (uint64_t) number);
}


static ngx_rd_redis_call_t *
ngx_rd_store_run(ngx_rd_store_t *store, const ngx_rd_redis_script_t *script,
    ngx_rd_store_args_t *args, ngx_rd_redis_done_pt done, void *owner)
{
    return ngx_rd_redis_script_start(store->redis, script, 1, args->n,
                                     args->argv, done, owner);
}


static ngx_rd_store_long_t *
ngx_rd_store_long(const ngx_rd_store_args_t *args, ngx_uint_t more)
{
    ngx_rd_store_long_t  *list;

    list = ngx_alloc(sizeof(ngx_rd_store_long_t)
                     + (args->n + more) * sizeof(ngx_str_t)
                     + more * NGX_INT64_LEN, ngx_cycle->log);

    if (list) {
        list->n = args->n;
        list->text = (u_char *) &list->argv[args->n + more];
        ngx_memcpy(list->argv, args->argv, args->n * sizeof(ngx_str_t));

        /* the short ones' numbers live on the caller's stack until it ran */
    }

    return list;
}


static void
ngx_rd_store_long_number(ngx_rd_store_long_t *list, int64_t number)
{
    ngx_str_t  *arg;

    arg = &list->argv[list->n++];
    arg->data = list->text;
    list->text = ngx_rd_store_print(list->text, number);
    arg->len = list->text - arg->data;
}


static ngx_rd_redis_call_t *
ngx_rd_store_run_long(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script, ngx_rd_store_long_t *list,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_redis_call_t  *call;

    call = ngx_rd_redis_script_start(store->redis, script, 1, list->n,
                                     list->argv, done, owner);
    ngx_free(list);

    return call;
}
