
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_sse_watch.h"
#include "ngx_rd_visitor.h"


#define NGX_RD_SSE_WATCH_LOOK_MS  500       /* has anything changed? */
#define NGX_RD_SSE_WATCH_ASK_MS   3000      /* where nobody tells what does */


static void ngx_rd_sse_watch_look_handler(ngx_event_t *ev);
static ngx_uint_t ngx_rd_sse_watch_due(ngx_rd_sse_watch_t *watch);
static void ngx_rd_sse_watch_ask(ngx_rd_sse_watch_t *watch);
static void ngx_rd_sse_watch_identity_done(ngx_rd_identity_t *identity);
static void ngx_rd_sse_watch_judge(ngx_rd_sse_watch_t *watch);


void
ngx_rd_sse_watch_start(ngx_rd_sse_watch_t *watch)
{
    watch->look.handler = ngx_rd_sse_watch_look_handler;
    watch->look.data = watch->request->connection;
    watch->look.log = watch->request->connection->log;

    /* something may have changed since he was let in: look at it soon */

    watch->unsure = 1;

    ngx_add_timer(&watch->look, NGX_RD_SSE_WATCH_LOOK_MS);
}


void
ngx_rd_sse_watch_stop(ngx_rd_sse_watch_t *watch)
{
    ngx_rd_identity_cancel(&watch->identity);

    if (watch->look.timer_set) {
        ngx_del_timer(&watch->look);
    }
}


static void
ngx_rd_sse_watch_look_handler(ngx_event_t *ev)
{
    ngx_rd_sse_watch_t  *watch;

    watch = (ngx_rd_sse_watch_t *) ((u_char *) ev
                                    - offsetof(ngx_rd_sse_watch_t, look));

    ngx_http_set_log_request(watch->request->connection->log, watch->request);

    ngx_add_timer(ev, NGX_RD_SSE_WATCH_LOOK_MS);

    if (!watch->asking && ngx_rd_sse_watch_due(watch)) {
        ngx_rd_sse_watch_ask(watch);
    }
}


static ngx_uint_t
ngx_rd_sse_watch_due(ngx_rd_sse_watch_t *watch)
{
    ngx_rd_identity_conf_t  *conf;

    conf = &watch->rmcf->identity;

    if (watch->unsure) {
        return 1;
    }

    if (conf->zone
        && ngx_rd_redis_subscribe_live(conf->own_changes)
        && ngx_rd_redis_subscribe_live(conf->ctfd_changes)
        && ngx_rd_redis_subscribe_fresh(conf->own_changes, watch->checked_ms)
        && ngx_rd_redis_subscribe_fresh(conf->ctfd_changes,
                                        watch->checked_ms))
    {
        return watch->generation != ngx_rd_zone_generation(conf->zone);
    }

    return ngx_current_msec - watch->checked_ms >= NGX_RD_SSE_WATCH_ASK_MS;
}


static void
ngx_rd_sse_watch_ask(ngx_rd_sse_watch_t *watch)
{
    ngx_str_t                cookie;
    ngx_rd_identity_conf_t  *conf;

    conf = &watch->rmcf->identity;

    watch->checked_ms = ngx_current_msec;
    watch->unsure = 1;

    if (conf->zone) {
        watch->generation = ngx_rd_zone_generation(conf->zone);
    }

    ngx_memzero(&watch->identity, sizeof(ngx_rd_identity_t));

    watch->identity.conf = conf;
    watch->identity.done = ngx_rd_sse_watch_identity_done;
    watch->identity.owner = watch;
    watch->identity.strict = 1;

    cookie = ngx_rd_visitor_cookie(watch->request, &watch->rmcf->cookie_name);

    switch (ngx_rd_identity_start(&watch->identity, &cookie)) {

    case NGX_OK:
        ngx_rd_sse_watch_judge(watch);
        break;

    case NGX_AGAIN:
        watch->asking = 1;
        break;

    default: /* NGX_ERROR: short of memory, the next look asks again */
        break;
    }
}


static void
ngx_rd_sse_watch_identity_done(ngx_rd_identity_t *identity)
{
    ngx_rd_sse_watch_t  *watch;

    watch = identity->owner;
    watch->asking = 0;

    ngx_http_set_log_request(watch->request->connection->log, watch->request);

    ngx_rd_sse_watch_judge(watch);
}


/* when Redis cannot say so, nobody is demoted */

static void
ngx_rd_sse_watch_judge(ngx_rd_sse_watch_t *watch)
{
    ngx_rd_identity_t  *identity;

    identity = &watch->identity;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, watch->request->connection->log, 0,
                   "rd sse: listener looked at, user:%uL",
                   identity->session.user_id);

    if (identity->error == NGX_RD_ERR_LOGIN_REQUIRED
        || identity->error == NGX_RD_ERR_ACCOUNT_GONE
        || (identity->error == NGX_RD_ERR_NONE
            && (identity->banned || !identity->admin)))
    {
        watch->over(watch->owner);
        return;
    }

    watch->unsure = (identity->error != NGX_RD_ERR_NONE);
}
