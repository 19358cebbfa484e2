
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_SUBSCRIBE_H_INCLUDED_
#define _NGX_RD_REDIS_SUBSCRIBE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_redis.h"


/*
 * A connection on which a server tells which keys change (client-side caching,
 * CLIENT TRACKING ... BCAST), and with it the answer to one question: is what
 * was read then still true?  Event loop.
 *
 * The connection is redirected to itself: whoever made a change, also this
 * worker, it is told, and when it breaks that is noticed.  It is asked for a
 * sign of life every second.  A server that cannot track (older than 6.0, no
 * permission) is named in one line; then what was read counts for ttl_ms.
 */

#define NGX_RD_REDIS_SUBSCRIBE_PREFIXES_MAX  6

typedef struct ngx_rd_redis_subscribe_s  ngx_rd_redis_subscribe_t;


typedef struct {
    ngx_str_t    prefixes[NGX_RD_REDIS_SUBSCRIBE_PREFIXES_MAX];
    ngx_uint_t   nprefixes;
    ngx_msec_t   ttl_ms;

    /* a key with one of the prefixes was written, deleted or has expired */
    void       (*changed)(void *owner, const ngx_str_t *key);

    /* all of them, for all we know */
    void       (*flushed)(void *owner);

    void        *owner;             /* the caller's, never touched */
} ngx_rd_redis_subscribe_conf_t;


/*
 * Both confs must outlive it; prefixes may not begin with one another.  NULL:
 * out of memory.  Reconnects for ever, as ngx_rd_redis_create() does.
 */
ngx_rd_redis_subscribe_t  *ngx_rd_redis_subscribe_create(
    const ngx_rd_redis_conf_t *redis,
    const ngx_rd_redis_subscribe_conf_t *conf, ngx_log_t *log);

void  ngx_rd_redis_subscribe_destroy(ngx_rd_redis_subscribe_t *subscribe);


/* 1 while every change is told at once */
ngx_uint_t  ngx_rd_redis_subscribe_live(
    const ngx_rd_redis_subscribe_t *subscribe);

/*
 * May what was asked for at asked_ms (ngx_current_msec) be believed without
 * asking again?  While the connection is lost: nothing may.
 */
ngx_uint_t  ngx_rd_redis_subscribe_fresh(
    const ngx_rd_redis_subscribe_t *subscribe, ngx_msec_t asked_ms);

/* How long ago it was last known to be true, for when nobody can be asked. */
ngx_msec_t  ngx_rd_redis_subscribe_age(
    const ngx_rd_redis_subscribe_t *subscribe, ngx_msec_t asked_ms);


#endif /* _NGX_RD_REDIS_SUBSCRIBE_H_INCLUDED_ */
