
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api_events.h"
#include "ngx_rd_reply.h"
#include "ngx_rd_sse.h"
#include "../session/ngx_rd_event.h"


#define NGX_RD_API_EVENTS_DEFAULT  100
#define NGX_RD_API_EVENTS_MAX      2000     /* as many as the stream keeps */


static void ngx_rd_api_events_recent_done(ngx_rd_redis_call_t *call);


void
ngx_rd_api_events_stream(ngx_rd_api_ctx_t *ctx)
{
    ngx_rd_sse_start(ctx);
}


void
ngx_rd_api_events_recent(ngx_rd_api_ctx_t *ctx)
{
    ngx_int_t  n;
    ngx_str_t  limit;

    n = NGX_RD_API_EVENTS_DEFAULT;

    if (ngx_http_arg(ctx->request, (u_char *) "limit", 5, &limit) == NGX_OK) {
        n = ngx_atoi(limit.data, limit.len);

        if (n < 1 || n > NGX_RD_API_EVENTS_MAX) {
            ngx_rd_api_finish_sentence(ctx, NGX_RD_ERR_BAD_REQUEST,
                                       "limit must be from 1 to 2000");
            return;
        }
    }

    ctx->call = ngx_rd_event_newest(&ctx->rmcf->store, n,
                                    ngx_rd_api_events_recent_done, ctx);
    if (ctx->call == NULL) {
        ngx_rd_api_finish_error(ctx, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_api_events_recent_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t         i;
    ngx_rd_json_t     *json, *events;
    ngx_rd_api_ctx_t  *ctx;

    ctx = ngx_rd_api_answered(call);

    if (ctx == NULL) {
        return;
    }

    json = ngx_rd_json_object();
    events = ngx_rd_json_set_array(json, "events");

    /* oldest first, as the stream tells them */

    for (i = ngx_rd_redis_reply_count(call->reply); i > 0; i--) {
        ngx_rd_json_push(events, ngx_rd_event_json(
                                   ngx_rd_redis_reply_at(call->reply, i - 1)));
    }

    ngx_rd_api_finish(ctx, ngx_rd_reply_json(ctx->request, NGX_HTTP_OK, json));
}
