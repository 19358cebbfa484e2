
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_kill_all.h"
#include "ngx_rd_api_session.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_text.h"
#include "../fleet/ngx_rd_removal.h"
#include "../session/ngx_rd_audit.h"
#include "../session/ngx_rd_session.h"


#define NGX_RD_API_KILL_ALL_MAX      10000      /* sessions */
#define NGX_RD_API_KILL_ALL_AT_ONCE  16         /* asked of Redis */


typedef struct ngx_rd_api_kill_all_s  ngx_rd_api_kill_all_t;

typedef struct {
    ngx_rd_api_kill_all_t     *all;
    ngx_str_t                  id;
    ngx_str_t                  username;
    uint64_t                   user_id;
    const char                *result;
} ngx_rd_api_kill_all_one_t;


struct ngx_rd_api_kill_all_s {
    ngx_rd_api_ctx_t          *ctx;             /* NULL: he has left */
    ngx_pool_t                *pool;            /* ours; holds this, too */
    ngx_rd_store_t            *store;
    ngx_rd_store_admin_who_t   who;

    ngx_rd_api_kill_all_one_t *ones;
    ngx_uint_t                 n;
    ngx_uint_t                 next;            /* to be asked for */
    ngx_uint_t                 running;
    ngx_uint_t                 killed;
};


static void ngx_rd_api_kill_all_listed(ngx_rd_redis_call_t *call);
static ngx_int_t ngx_rd_api_kill_all_copy(ngx_rd_api_kill_all_t *all,
    const ngx_rd_redis_reply_t *list);
static void ngx_rd_api_kill_all_go(ngx_rd_api_kill_all_t *all);
static void ngx_rd_api_kill_all_done(ngx_rd_redis_call_t *call);
static void ngx_rd_api_kill_all_finish(ngx_rd_api_kill_all_t *all,
    ngx_rd_error_e error);
static void ngx_rd_api_kill_all_report(ngx_rd_api_kill_all_t *all);


void
ngx_rd_api_kill_all(ngx_rd_api_ctx_t *ctx)
{
    ngx_pool_t             *pool;
    ngx_rd_api_kill_all_t  *all;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
        return;
    }

    all = ngx_pcalloc(pool, sizeof(ngx_rd_api_kill_all_t));
    if (all == NULL) {
        goto failed;
    }

    all->pool = pool;
    all->store = &ctx->rmcf->store;
    all->who.id = ctx->identity.session.user_id;
    all->who.name.len = ctx->identity.name.len;
    all->who.name.data = ngx_pstrdup(pool, &ctx->identity.name);

    if ((all->who.name.data == NULL && all->who.name.len)
        || ngx_rd_store_admin_list(all->store, NGX_RD_API_KILL_ALL_MAX,
                                   ngx_rd_api_kill_all_listed, all)
           == NULL)
    {
        goto failed;
    }

    all->ctx = ctx;
    ctx->action = &all->ctx;

    return;

failed:

    ngx_destroy_pool(pool);
    ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
}


static void
ngx_rd_api_kill_all_listed(ngx_rd_redis_call_t *call)
{
    ngx_rd_api_kill_all_t  *all;

    all = call->owner;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_api_kill_all_finish(all, call->error);
        return;
    }

    if (ngx_rd_api_kill_all_copy(all, call->reply) != NGX_OK) {
        ngx_rd_api_kill_all_finish(all, NGX_RD_ERR_MEMORY);
        return;
    }

    ngx_rd_api_kill_all_go(all);
}


static ngx_int_t
ngx_rd_api_kill_all_copy(ngx_rd_api_kill_all_t *all,
    const ngx_rd_redis_reply_t *list)
{
    ngx_str_t                    id, name, owner;
    ngx_uint_t                   i, n;
    ngx_rd_api_kill_all_one_t   *one;
    const ngx_rd_redis_reply_t  *row;

    n = ngx_rd_redis_reply_count(list);

    all->ones = ngx_pcalloc(all->pool, ngx_max(n, 1)
                                       * sizeof(ngx_rd_api_kill_all_one_t));
    if (all->ones == NULL) {
        return NGX_ERROR;
    }

    /* the first one is the time */

    for (i = 1; i < n; i++) {
        row = ngx_rd_redis_reply_at(list, i);
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(row, "id"));
        name = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(row,
                                                                 "username"));
        owner = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(row,
                                                                   "owner"));
        one = &all->ones[all->n];

        one->all = all;
        one->user_id = ngx_rd_text_id(owner.data, owner.len);
        one->id.len = id.len;
        one->id.data = ngx_pnalloc(all->pool, id.len + name.len + 1);

        if (one->id.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(one->id.data, id.data, id.len);

        one->username.data = one->id.data + id.len;
        one->username.len = name.len;
        ngx_memcpy(one->username.data, name.data, name.len);

        all->n++;
    }

    return NGX_OK;
}


static void
ngx_rd_api_kill_all_go(ngx_rd_api_kill_all_t *all)
{
    ngx_rd_api_kill_all_one_t    *one;
    ngx_rd_store_admin_target_t   target;

    while (all->next < all->n && all->running < NGX_RD_API_KILL_ALL_AT_ONCE) {

        one = &all->ones[all->next++];

        target.session = one->id;
        target.user_id = 0;

        if (ngx_rd_store_admin_kill(all->store, &target, &all->who, 0,
                                    ngx_rd_api_kill_all_done, one)
            == NULL)
        {
            one->result = ngx_rd_error_code(NGX_RD_ERR_MEMORY);
            continue;
        }

        all->running++;
    }

    if (all->running == 0) {
        ngx_rd_api_kill_all_finish(all, NGX_RD_ERR_NONE);
    }
}


static void
ngx_rd_api_kill_all_done(ngx_rd_redis_call_t *call)
{
    int64_t                      answer, epoch;
    ngx_str_t                    id, host, container;
    const ngx_rd_redis_reply_t  *reply;
    ngx_rd_api_kill_all_one_t   *one;

    one = call->owner;
    reply = call->reply;
    one->all->running--;

    if (call->error != NGX_RD_ERR_NONE) {
        one->result = ngx_rd_error_code(call->error);
        ngx_rd_api_kill_all_go(one->all);
        return;
    }

    answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 0), 0);

    if (answer == 1) {
        id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));
        host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 2));
        container = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 3));
        epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 4), 0);

        ngx_rd_removal_end(&id, &host, &container, epoch);
    }

    /* somebody else may have ended it since the list was made */

    one->result = (answer == 1) ? "stopping" : (answer == 2) ? "ended" : "gone";
    one->all->killed += (answer != 0);

    ngx_rd_api_kill_all_go(one->all);
}


static void
ngx_rd_api_kill_all_finish(ngx_rd_api_kill_all_t *all, ngx_rd_error_e error)
{
    ngx_rd_api_ctx_t  *ctx;

    ctx = all->ctx;

    if (error == NGX_RD_ERR_NONE) {
        ngx_rd_audit_kill_all(all->store, &all->who, all->killed);
    }

    if (ctx) {
        ctx->action = NULL;
        ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

        if (error == NGX_RD_ERR_NONE) {
            ngx_rd_api_kill_all_report(all);
        } else {
            ngx_rd_api_finish_error(ctx, error);
        }
    }

    ngx_destroy_pool(all->pool);
}


static void
ngx_rd_api_kill_all_report(ngx_rd_api_kill_all_t *all)
{
    ngx_uint_t                  i;
    ngx_rd_json_t              *json, *sessions, *row;
    ngx_rd_api_kill_all_one_t  *one;

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);
    ngx_rd_json_set_integer(json, "killed", all->killed);
    sessions = ngx_rd_json_set_array(json, "sessions");

    for (i = 0; i < all->n; i++) {
        one = &all->ones[i];

        row = ngx_rd_json_push_object(sessions);
        ngx_rd_json_set_text(row, "session", one->id.data, one->id.len);
        ngx_rd_json_set_integer(row, "user_id", one->user_id);
        ngx_rd_json_set_text(row, "username", one->username.data,
                             one->username.len);
        ngx_rd_json_set_string(row, "result", one->result);
    }

    ngx_rd_api_session_send(all->ctx, json);
}
