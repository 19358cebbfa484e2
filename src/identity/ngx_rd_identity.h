
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_IDENTITY_H_INCLUDED_
#define _NGX_RD_IDENTITY_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_reason.h"
#include "../redis/ngx_rd_redis.h"
#include "../redis/ngx_rd_redis_subscribe.h"
#include "../redis/ngx_rd_zone.h"
#include "ngx_rd_cookie.h"
#include "ngx_rd_ctfd_session.h"


#define NGX_RD_IDENTITY_NAME_BYTES_MAX  512     /* 128 characters of CTFd */


typedef struct ngx_rd_identity_s  ngx_rd_identity_t;

typedef void (*ngx_rd_identity_done_pt)(ngx_rd_identity_t *identity);


typedef struct {
    ngx_rd_redis_t       *ctfd;             /* holds CTFd's sessions */
    ngx_rd_redis_t       *own;              /* holds the user records */
    ngx_str_t             session_prefix;   /* "flask_cache_session" */
    ngx_str_t             prefix;           /* "rd:{site}:" */
    ngx_str_t             user_prefix;      /* "rd:{site}:user:" */
    ngx_rd_cookie_key_t   key;

    ngx_rd_zone_t             *zone;            /* NULL: nothing is kept */
    ngx_rd_redis_subscribe_t  *own_changes;     /* with a zone, always */
    ngx_rd_redis_subscribe_t  *ctfd_changes;    /* may be own_changes */
    ngx_msec_t                 stale_max_ms;
} ngx_rd_identity_conf_t;


/* what all workers keep of somebody, as it stands here */

typedef struct {
    uint64_t                  user_id;      /* 0: not logged in */
    uint64_t                  team_id;
    uint64_t                  login;
    uint16_t                  name_len;
    uint16_t                  nonce_len;
    u_char                    mac[NGX_RD_COOKIE_MAC_BYTES];

    unsigned                  admin:1;
    unsigned                  banned:1;
    unsigned                  verified:1;
    unsigned                  reason:8;     /* why not logged in */

    u_char                    texts[NGX_RD_IDENTITY_NAME_BYTES_MAX];
                                            /* the name, then the nonce */
} ngx_rd_identity_kept_t;


/*
 * Who is asking, by CTFd's session cookie.  It says who somebody is and what
 * CTFd thinks of him; what he may do is decided elsewhere.
 */

struct ngx_rd_identity_s {
    ngx_rd_identity_conf_t   *conf;
    ngx_rd_identity_done_pt   done;
    void                     *owner;        /* the caller's, never touched */
    unsigned                  strict:1;     /* what is kept counts only while
                                               every change is told */
    unsigned                  brief:1;      /* nobody needs the CSRF nonce */

    /* the answer */

    ngx_rd_error_e            error;        /* NONE, LOGIN_REQUIRED,
                                               ACCOUNT_GONE, REDIS_* */
    ngx_rd_ctfd_session_t     session;      /* user_id, CSRF nonce */
    ngx_str_t                 name;         /* points into kept; with brief it
                                               may be empty, but for an admin */
    uint64_t                  team_id;      /* 0: none */
    uint64_t                  login;        /* digest of CTFd's tag of the
                                               password; 0: none, or signed */
    unsigned                  admin:1;
    unsigned                  banned:1;
    unsigned                  verified:1;
    unsigned                  by_signature:1;   /* no browser: no CSRF token */
    ngx_rd_reason_e           reason;       /* of LOGIN_REQUIRED */
    size_t                    seen_bytes;   /* of an unreadable session; 0:
                                               unknown (a cached answer) */
    u_char                    seen_first;   /* its first byte */

    /* ours */

    ngx_rd_redis_call_t      *call;
    ngx_rd_redis_call_t      *known_call;
    ngx_rd_error_e            known_error;
    unsigned                  known:1;      /* the user has had a record */
    unsigned                  known_all:1;  /* every user has one */
    ngx_rd_zone_way_t        *way;          /* NULL: not looked for yet */
    ngx_uint_t                generation;
    ngx_msec_t                asked_ms;
    u_char                    sid[NGX_RD_COOKIE_SID_BYTES + 1];
    u_char                    mac[NGX_RD_COOKIE_MAC_BYTES];
    ngx_rd_identity_kept_t    kept;
};


/*
 * Event loop.  The caller fills conf, done and owner; cookie is the value of
 * the session cookie (empty: there is none).
 *
 * NGX_OK: the answer is there, done will not be called (no cookie, a forged
 * one, or one that is known: no Redis traffic).  NGX_AGAIN: done will be called
 * once.  NGX_ERROR: out of memory, done will not be called.
 *
 * A user without a record is a plain, verified player named "user<id>", but
 * for one who has had a record or whose site keeps records: ACCOUNT_GONE.  A
 * record whose hash differs from the session's (password changed, user
 * deleted and id re-used) means LOGIN_REQUIRED.  When Redis cannot be asked,
 * what was true stale_max_ms ago still counts.
 */
ngx_int_t  ngx_rd_identity_start(ngx_rd_identity_t *identity,
    const ngx_str_t *cookie);

/*
 * As ngx_rd_zone_way(); who knows it before may set it before _start().  NULL:
 * nothing is kept of such a cookie.
 */
ngx_rd_zone_way_t  *ngx_rd_identity_way(ngx_rd_identity_conf_t *conf,
    const ngx_str_t *cookie);

/*
 * Asks again about the session of a cookie that _start() found genuine.
 * Returns and calls done as _start().
 */
ngx_int_t  ngx_rd_identity_again(ngx_rd_identity_t *identity);

/* the owner goes away; done will not be called; fine when nothing waits */
void  ngx_rd_identity_cancel(ngx_rd_identity_t *identity);

/*
 * Asks for the user record of session.user_id, and whether there was one; done
 * gets the record, then ngx_rd_identity_record() may be called.  NGX_ERROR: no
 * memory, done will not be called.
 */
ngx_int_t  ngx_rd_identity_user(ngx_rd_identity_t *identity,
    ngx_rd_redis_done_pt done);

/*
 * Takes name, team, role and the rest from the user record (HGETALL; empty:
 * there is none).  session.user_id is known.  NONE, ACCOUNT_GONE or REDIS_*.
 */
ngx_rd_error_e  ngx_rd_identity_record(ngx_rd_identity_t *identity,
    const ngx_rd_redis_reply_t *record);


#endif /* _NGX_RD_IDENTITY_H_INCLUDED_ */
