
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_session.h"
#include "../base/ngx_rd_text.h"


static int64_t ngx_rd_session_integer(const ngx_rd_redis_reply_t *fields,
    const char *name);
static ngx_str_t ngx_rd_session_text(const ngx_rd_redis_reply_t *fields,
    const char *name);


static const ngx_str_t  ngx_rd_session_states[] = {
    [NGX_RD_SESSION_NONE]     = ngx_string("none"),
    [NGX_RD_SESSION_QUEUED]   = ngx_string("queued"),
    [NGX_RD_SESSION_CREATING] = ngx_string("creating"),
    [NGX_RD_SESSION_STARTING] = ngx_string("starting"),
    [NGX_RD_SESSION_READY]    = ngx_string("ready"),
    [NGX_RD_SESSION_STOPPING] = ngx_string("stopping"),
    [NGX_RD_SESSION_FAILED]   = ngx_string("failed"),
    [NGX_RD_SESSION_ENDED]    = ngx_string("ended"),
};

#define NGX_RD_SESSION_NSTATES                                               \
    (sizeof(ngx_rd_session_states) / sizeof(ngx_str_t))


ngx_int_t
ngx_rd_session_read(ngx_rd_session_t *session, const ngx_rd_redis_reply_t *look)
{
    ngx_str_t                    what, master, state;
    const ngx_rd_redis_reply_t  *f;

    ngx_memzero(session, sizeof(ngx_rd_session_t));

    if (ngx_rd_redis_reply_count(look) < 3) {
        return NGX_ERROR;
    }

    session->now_ms = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(look, 0),
                                                 0);
    what = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(look, 1));
    f = ngx_rd_redis_reply_at(look, 2);

    if (session->now_ms <= 0) {
        return NGX_ERROR;
    }

    master = ngx_rd_session_text(f, "switch");
    session->switched_off = ngx_rd_session_is(&master, "off");

    if (ngx_rd_session_is(&what, "none")) {
        return NGX_OK;
    }

    session->live = ngx_rd_session_is(&what, "live");

    state = ngx_rd_session_text(f, "state");
    session->state = ngx_rd_session_state(&state);

    session->id = ngx_rd_session_text(f, "id");
    session->owner = ngx_rd_session_text(f, "owner");
    session->username = ngx_rd_session_text(f, "username");
    session->host = ngx_rd_session_text(f, "host");
    session->container = ngx_rd_session_text(f, "container");
    session->address = ngx_rd_session_text(f, "address");
    session->public_host = ngx_rd_session_text(f, "public_host");
    session->account = ngx_rd_session_text(f, "account");
    session->vnc_password = ngx_rd_session_text(f, "vnc_password");
    session->view_password = ngx_rd_session_text(f, "view_password");
    session->step = ngx_rd_session_text(f, "step");
    session->message = ngx_rd_session_text(f, "message");
    session->error = ngx_rd_session_text(f, "error");
    session->reason = ngx_rd_session_text(f, "reason");

    session->web_port = (ngx_uint_t) ngx_rd_session_integer(f, "web_port");
    session->vnc_port = (ngx_uint_t) ngx_rd_session_integer(f, "vnc_port");
    session->terminal_port = (ngx_uint_t) ngx_rd_session_integer(f,
                                                             "terminal_port");
    session->ssh_port = (ngx_uint_t) ngx_rd_session_integer(f, "ssh_port");

    session->team_id = (uint64_t) ngx_rd_session_integer(f, "team_id");

    session->created_ms = ngx_rd_session_integer(f, "created_ms");
    session->expires_ms = ngx_rd_session_integer(f, "expires_ms");
    session->extensions_used = ngx_rd_session_integer(f, "extensions_used");
    session->extensions_max = ngx_rd_session_integer(f, "extensions_max");

    session->drained = (ngx_rd_session_integer(f, "drained") != 0);

    session->position = ngx_rd_redis_reply_integer(
                                        ngx_rd_redis_reply_at(look, 3), 0);
    session->estimate_ms = ngx_rd_redis_reply_integer(
                                        ngx_rd_redis_reply_at(look, 4), 0);
    session->why_waiting = ngx_rd_redis_reply_string(
                                        ngx_rd_redis_reply_at(look, 5));
    session->why_code = ngx_rd_redis_reply_string(
                                        ngx_rd_redis_reply_at(look, 6));

    return NGX_OK;
}


const char *
ngx_rd_session_state_name(ngx_rd_session_state_e state)
{
    return (const char *) ngx_rd_session_states[state].data;
}


ngx_rd_session_state_e
ngx_rd_session_state(const ngx_str_t *name)
{
    ngx_uint_t        i;
    const ngx_str_t  *state;

    for (i = 0; i < NGX_RD_SESSION_NSTATES; i++) {
        state = &ngx_rd_session_states[i];

        if (name->len == state->len
            && ngx_memcmp(name->data, state->data, state->len) == 0)
        {
            return i;
        }
    }

    return NGX_RD_SESSION_NONE;
}


ngx_rd_error_e
ngx_rd_session_open(const ngx_rd_session_t *session)
{
    return ngx_rd_session_may_open(session->live, session->state,
                                   session->expires_ms - session->now_ms);
}


ngx_rd_error_e
ngx_rd_session_may_open(ngx_uint_t live, ngx_rd_session_state_e state,
    int64_t left_ms)
{
    if (!live) {
        return NGX_RD_ERR_NO_SESSION;
    }

    switch (state) {

    case NGX_RD_SESSION_QUEUED:
    case NGX_RD_SESSION_CREATING:
    case NGX_RD_SESSION_STARTING:
        return NGX_RD_ERR_NOT_READY;

    case NGX_RD_SESSION_READY:
        break;

    default:
        return NGX_RD_ERR_NO_SESSION;
    }

    /* the clock counts at once, whether somebody has swept or not */

    return left_ms > 0 ? NGX_RD_ERR_NONE : NGX_RD_ERR_EXPIRED;
}


ngx_uint_t
ngx_rd_session_is_id(const ngx_str_t *id)
{
    u_char  c, other;
    size_t  i;

    if (id->len != NGX_RD_SESSION_ID_BYTES) {
        return 0;
    }

    /* without a branch the compiler takes many bytes at once */

    other = 0;

    for (i = 0; i < NGX_RD_SESSION_ID_BYTES; i++) {
        c = id->data[i];
        other |= ((u_char) (c - '0') > 9) & ((u_char) (c - 'a') > 5);
    }

    return !other;
}


static int64_t
ngx_rd_session_integer(const ngx_rd_redis_reply_t *fields, const char *name)
{
    return ngx_rd_redis_reply_integer(ngx_rd_redis_reply_field(fields, name),
                                      0);
}


static ngx_str_t
ngx_rd_session_text(const ngx_rd_redis_reply_t *fields, const char *name)
{
    return ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(fields, name));
}
