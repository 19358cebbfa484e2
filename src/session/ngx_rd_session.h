
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SESSION_H_INCLUDED_
#define _NGX_RD_SESSION_H_INCLUDED_


#include "../ngx_rd.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_SESSION_ID_BYTES  32     /* 16 random bytes in hex */
#define NGX_RD_SESSION_ID_SHORT  8      /* as much as the log shows */


/* Named by what we wait for; what may become what stands in prelude.lua. */

typedef enum {
    NGX_RD_SESSION_NONE = 0,
    NGX_RD_SESSION_QUEUED,
    NGX_RD_SESSION_CREATING,
    NGX_RD_SESSION_STARTING,
    NGX_RD_SESSION_READY,
    NGX_RD_SESSION_STOPPING,
    NGX_RD_SESSION_FAILED,
    NGX_RD_SESSION_ENDED
} ngx_rd_session_state_e;


/*
 * One session as Redis has it.  Strings are borrowed from the reply.  They
 * stand together, from id to the last one before web_port.
 */

typedef struct {
    ngx_rd_session_state_e  state;
    unsigned                live:1;     /* it is its owner's live session */
    unsigned                switched_off:1;     /* all of the site's are; it
                                                   says so also of none */

    ngx_str_t               id;
    ngx_str_t               owner;
    ngx_str_t               username;
    ngx_str_t               host;
    ngx_str_t               container;
    ngx_str_t               address;    /* how nginx reaches the container */
    ngx_str_t               public_host;    /* what a player types */
    ngx_str_t               account;    /* inside */
    ngx_str_t               vnc_password;
    ngx_str_t               view_password;  /* empty: made by an old release */
    ngx_str_t               step;       /* progress, as the API says it */
    ngx_str_t               message;
    ngx_str_t               error;      /* machine code */
    ngx_str_t               reason;     /* of its end */

    ngx_uint_t              web_port;
    ngx_uint_t              vnc_port;
    ngx_uint_t              terminal_port;  /* 0: not offered */
    ngx_uint_t              ssh_port;       /* 0: not offered */

    uint64_t                team_id;    /* of its owner; 0: none */

    int64_t                 now_ms;     /* Redis' clock when it was read */
    int64_t                 created_ms;
    int64_t                 expires_ms; /* 0 before it is ready */

    int64_t                 extensions_used;
    int64_t                 extensions_max;

    unsigned                drained:1;  /* as in ngx_rd_desktop_t */

    /* while it waits for a host */
    int64_t                 position;   /* 1 is next; 0: it does not wait */
    int64_t                 estimate_ms;    /* -1: nobody can say */
    ngx_str_t               why_waiting;
    ngx_str_t               why_code;
} ngx_rd_session_t;


/*
 * Reads the reply of look.lua.  NGX_OK, also when there is no session (state
 * NONE), or NGX_ERROR when the reply is none of look.lua's.
 */
ngx_int_t  ngx_rd_session_read(ngx_rd_session_t *session,
    const ngx_rd_redis_reply_t *look);

/* "queued", "creating", ...; "none" */
const char  *ngx_rd_session_state_name(ngx_rd_session_state_e state);

/* the state of such a name; NONE of any other */
ngx_rd_session_state_e  ngx_rd_session_state(const ngx_str_t *name);

/* May its owner go in now?  NONE, NO_SESSION, NOT_READY or EXPIRED. */
ngx_rd_error_e  ngx_rd_session_open(const ngx_rd_session_t *session);
ngx_rd_error_e  ngx_rd_session_may_open(ngx_uint_t live,
    ngx_rd_session_state_e state, int64_t left_ms);

/* 32 hex digits, lower case? */
ngx_uint_t  ngx_rd_session_is_id(const ngx_str_t *id);


/* is a field of it this text? */

static ngx_inline ngx_uint_t
ngx_rd_session_is(const ngx_str_t *field, const char *text)
{
    size_t  len;

    len = ngx_strlen(text);

    return field->len == len && ngx_memcmp(field->data, text, len) == 0;
}


#endif /* _NGX_RD_SESSION_H_INCLUDED_ */
