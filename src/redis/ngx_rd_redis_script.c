
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_redis_internal.h"
#include "../base/ngx_rd_text.h"


ngx_rd_redis_call_t *
ngx_rd_redis_script_start(ngx_rd_redis_t *redis,
    const ngx_rd_redis_script_t *script, ngx_uint_t nkeys, ngx_uint_t argc,
    const ngx_str_t *argv, ngx_rd_redis_done_pt done, void *owner)
{
    u_char                   number[NGX_INT_T_LEN];
    ngx_str_t                head[3];
    ngx_rd_redis_pending_t  *pending;

    ngx_rd_assert(nkeys <= argc);

    ngx_str_set(&head[0], "EVALSHA");

    head[1].data = (u_char *) script->sha;
    head[1].len = sizeof(script->sha) - 1;

    head[2].data = number;
    head[2].len = ngx_rd_text_decimal(number, nkeys) - number;

    pending = ngx_rd_redis_call_create(redis, 3, head, argc, argv);
    if (pending == NULL) {
        return NULL;
    }

    pending->script = script;

    return ngx_rd_redis_call_accept(pending, done, owner);
}


/* EVALSHA sha nkeys ... and EVAL text nkeys ... differ in two arguments */

ngx_int_t
ngx_rd_redis_script_resend(ngx_rd_redis_pending_t *pending)
{
    u_char                       *p, *text;
    size_t                        len, tail;
    const ngx_rd_redis_script_t  *script;

    script = pending->script;
    tail = pending->len - pending->tail;

    len = sizeof("*\r\n$4\r\nEVAL\r\n$\r\n\r\n") - 1 + NGX_INT_T_LEN
          + NGX_SIZE_T_LEN + script->len + tail;

    text = ngx_alloc(len + 1, pending->redis->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text, "*%ui\r\n$4\r\nEVAL\r\n$%uz\r\n", pending->argc,
                    script->len);
    p = ngx_cpymem(p, script->text, script->len);
    p = ngx_cpymem(p, "\r\n", 2);
    p = ngx_cpymem(p, pending->text + pending->tail, tail);
    ngx_rd_redis_call_forget_text(pending);

    pending->text = text;
    pending->len = p - text;
    pending->script = NULL;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, pending->redis->log, 0,
                   "rd redis call: script %s sent whole", script->name);

    ngx_rd_redis_call_send(pending);

    return NGX_OK;
}
