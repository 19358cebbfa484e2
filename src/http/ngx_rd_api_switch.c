
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_session.h"
#include "ngx_rd_api_switch.h"
#include "../base/ngx_rd_json.h"
#include "../session/ngx_rd_store_admin.h"


static void ngx_rd_api_switch(ngx_rd_api_ctx_t *ctx, ngx_uint_t on);
static void ngx_rd_api_switch_done(ngx_rd_redis_call_t *call);


void
ngx_rd_api_switch_on(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_switch(ctx, 1);
}


void
ngx_rd_api_switch_off(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_api_switch(ctx, 0);
}


static void
ngx_rd_api_switch(ngx_rd_api_ctx_t *ctx, ngx_uint_t on)
{
    ngx_rd_store_admin_who_t  who;

    who.id = ctx->identity.session.user_id;
    who.name = ctx->identity.name;

    ctx->call = ngx_rd_store_admin_switch(&ctx->rmcf->store, &who, on,
                                          ngx_rd_api_switch_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_switch_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_json_t     *json;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_bool(json, "success", 1);

    ngx_rd_api_session_send(ctx, json);
}
