
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_ask.h"
#include "ngx_rd_session.h"
#include "../base/ngx_rd_error.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_ASK_AGAIN_MS       500       /* a Redis restart: ~ 1 s */
#define NGX_RD_ASK_FAILURES_MAX   120       /* one minute of outage */


static void ngx_rd_ask_handler(ngx_event_t *ev);


void
ngx_rd_ask_put(ngx_rd_ask_t *ask, ngx_rd_redis_call_t *call,
    ngx_rd_ask_step_pt step, ngx_rd_ask_next_pt next)
{
    ask->call = call;
    ask->next = next;

    if (call == NULL) {
        ngx_rd_ask_later(ask, step);
        return;
    }

    ask->step = step;
}


void
ngx_rd_ask_done(ngx_rd_redis_call_t *call)
{
    int64_t        answer;
    ngx_str_t      state;
    ngx_uint_t     level;
    ngx_rd_ask_t  *ask;

    ask = call->owner;
    ask->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        /* asked twice a second: an outage is not to fill the log */

        level = ask->failures ? NGX_LOG_INFO : NGX_LOG_WARN;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "rd session %*s: waiting, %s", NGX_RD_SESSION_ID_SHORT,
                      ask->id->data, ngx_rd_error_code(call->error));
        ngx_rd_ask_later(ask, ask->step);
        return;
    }

    answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                        -1);
    if (answer >= 0) {
        ask->failures = 0;
        ask->next(ask->owner, answer);
        return;
    }

    state = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 1));

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "rd session %*s: is %V now, no longer ours",
                  NGX_RD_SESSION_ID_SHORT, ask->id->data, &state);

    ask->refused(ask->owner, &state);
}


void
ngx_rd_ask_later(ngx_rd_ask_t *ask, ngx_rd_ask_step_pt step)
{
    if (++ask->failures > NGX_RD_ASK_FAILURES_MAX) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "rd session %*s: given up, nobody could be told",
                      NGX_RD_SESSION_ID_SHORT, ask->id->data);
        ask->gave_up(ask->owner);
        return;
    }

    ask->step = step;
    ask->timer.handler = ngx_rd_ask_handler;
    ask->timer.log = ngx_cycle->log;
    ask->timer.data = ask;
    ngx_add_timer(&ask->timer, NGX_RD_ASK_AGAIN_MS);
}


void
ngx_rd_ask_cancel(ngx_rd_ask_t *ask)
{
    if (ask->call) {
        ngx_rd_redis_call_cancel(ask->call);
        ask->call = NULL;
    }

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }
}


static void
ngx_rd_ask_handler(ngx_event_t *ev)
{
    ngx_rd_ask_t  *ask;

    ask = ev->data;

    ask->step(ask->owner);
}
