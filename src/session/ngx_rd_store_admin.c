
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_store_admin.h"
#include "ngx_rd_redis_lua.h"


static ngx_rd_redis_call_t *ngx_rd_store_admin_act(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, const char *last,
    ngx_rd_redis_done_pt done, void *owner);


ngx_rd_redis_call_t *
ngx_rd_store_admin_list(ngx_rd_store_t *store, ngx_uint_t max,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char     number[NGX_INT_T_LEN];
    ngx_str_t  argv[2];

    argv[0] = store->prefix;
    argv[1].data = number;
    argv[1].len = ngx_sprintf(number, "%ui", max) - number;

    return ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_list, 1,
                                     2, argv, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_admin_hosts(ngx_rd_store_t *store, const ngx_str_t *names,
    ngx_uint_t n, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_str_t            *argv;
    ngx_rd_redis_call_t  *call;

    argv = ngx_alloc((n + 1) * sizeof(ngx_str_t), ngx_cycle->log);
    if (argv == NULL) {
        return NULL;
    }

    argv[0] = store->prefix;
    ngx_memcpy(&argv[1], names, n * sizeof(ngx_str_t));

    call = ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_hosts, 1,
                                     n + 1, argv, done, owner);
    ngx_free(argv);

    return call;
}


ngx_rd_redis_call_t *
ngx_rd_store_admin_story(ngx_rd_store_t *store, const ngx_str_t *session,
    const ngx_str_t *before, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_str_t  argv[3];

    argv[0] = store->prefix;
    argv[1] = *session;
    argv[2] = *before;

    return ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_story, 1,
                                     3, argv, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_admin_kill(ngx_rd_store_t *store,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t audited,
    ngx_rd_redis_done_pt done, void *owner)
{
    return ngx_rd_store_admin_act(store, &ngx_rd_redis_lua_kill, target, who,
                                  audited ? "1" : "0", done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_admin_prolong(ngx_rd_store_t *store,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, ngx_rd_redis_done_pt done,
    void *owner)
{
    return ngx_rd_store_admin_act(store, &ngx_rd_redis_lua_prolong, target, who,
                                  "", done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_store_admin_switch(ngx_rd_store_t *store,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t on,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char     number[NGX_INT64_LEN];
    ngx_str_t  argv[4];

    argv[0] = store->prefix;
    argv[1].data = number;
    argv[1].len = ngx_sprintf(number, "%uL", who->id) - number;
    argv[2] = who->name;
    argv[3].data = (u_char *) (on ? "on" : "off");
    argv[3].len = on ? 2 : 3;

    return ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_switch, 1,
                                     4, argv, done, owner);
}


static ngx_rd_redis_call_t *
ngx_rd_store_admin_act(ngx_rd_store_t *store,
    const ngx_rd_redis_script_t *script,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, const char *last,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char     numbers[2][NGX_INT64_LEN];
    ngx_str_t  argv[6];

    argv[0] = store->prefix;
    argv[1] = target->session;
    argv[2].data = numbers[0];
    argv[2].len = ngx_sprintf(numbers[0], "%uL", target->user_id) - numbers[0];
    argv[3].data = numbers[1];
    argv[3].len = ngx_sprintf(numbers[1], "%uL", who->id) - numbers[1];
    argv[4] = who->name;
    argv[5].data = (u_char *) last;
    argv[5].len = ngx_strlen(last);

    return ngx_rd_redis_script_start(store->redis, script, 1, 6, argv, done,
                                     owner);
}
