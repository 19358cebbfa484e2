
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_REPLY_H_INCLUDED_
#define _NGX_RD_REDIS_REPLY_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * Looking at a reply (RESP2).  Everything given is borrowed and dies when the
 * call's done returns.  A NULL reply is nil to all of them.
 */

typedef enum {
    NGX_RD_REDIS_NIL = 0,
    NGX_RD_REDIS_STRING,        /* bulk string and status */
    NGX_RD_REDIS_INTEGER,
    NGX_RD_REDIS_ARRAY,
    NGX_RD_REDIS_ERROR
} ngx_rd_redis_type_e;


ngx_rd_redis_type_e  ngx_rd_redis_reply_type(const ngx_rd_redis_reply_t *reply);

/* text of a string or an error; empty (len 0, data "") for anything else */
ngx_str_t  ngx_rd_redis_reply_string(const ngx_rd_redis_reply_t *reply);

/* an integer, or a string that is a decimal number; otherwise fallback */
int64_t  ngx_rd_redis_reply_integer(const ngx_rd_redis_reply_t *reply,
    int64_t fallback);

ngx_uint_t  ngx_rd_redis_reply_count(const ngx_rd_redis_reply_t *reply);
const ngx_rd_redis_reply_t  *ngx_rd_redis_reply_at(
    const ngx_rd_redis_reply_t *reply, ngx_uint_t i);

/*
 * The value of a field in an array of name, value, name, value (HGETALL);
 * NULL when it is not there.
 */
const ngx_rd_redis_reply_t  *ngx_rd_redis_reply_field(
    const ngx_rd_redis_reply_t *reply, const char *name);


#endif /* _NGX_RD_REDIS_REPLY_H_INCLUDED_ */
