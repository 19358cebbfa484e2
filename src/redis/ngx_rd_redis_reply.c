
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <hiredis/hiredis.h>
#include "ngx_rd_redis_reply.h"


/* An ngx_rd_redis_reply_t is a redisReply that nobody outside may look into. */

#define ngx_rd_redis_reply_open(reply)  ((const redisReply *) (reply))


ngx_rd_redis_type_e
ngx_rd_redis_reply_type(const ngx_rd_redis_reply_t *reply)
{
    if (reply == NULL) {
        return NGX_RD_REDIS_NIL;
    }

    switch (ngx_rd_redis_reply_open(reply)->type) {

    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return NGX_RD_REDIS_STRING;

    case REDIS_REPLY_INTEGER:
        return NGX_RD_REDIS_INTEGER;

    case REDIS_REPLY_ARRAY:
        return NGX_RD_REDIS_ARRAY;

    case REDIS_REPLY_ERROR:
        return NGX_RD_REDIS_ERROR;

    default:
        return NGX_RD_REDIS_NIL;
    }
}


ngx_str_t
ngx_rd_redis_reply_string(const ngx_rd_redis_reply_t *reply)
{
    ngx_str_t  text;

    switch (ngx_rd_redis_reply_type(reply)) {

    case NGX_RD_REDIS_STRING:
    case NGX_RD_REDIS_ERROR:
        text.data = (u_char *) ngx_rd_redis_reply_open(reply)->str;
        text.len = ngx_rd_redis_reply_open(reply)->len;
        break;

    default:
        ngx_str_set(&text, "");
    }

    return text;
}


int64_t
ngx_rd_redis_reply_integer(const ngx_rd_redis_reply_t *reply, int64_t fallback)
{
    char       *end;
    int64_t     n;
    ngx_str_t   text;

    if (ngx_rd_redis_reply_type(reply) == NGX_RD_REDIS_INTEGER) {
        return ngx_rd_redis_reply_open(reply)->integer;
    }

    if (ngx_rd_redis_reply_type(reply) != NGX_RD_REDIS_STRING) {
        return fallback;
    }

    text = ngx_rd_redis_reply_string(reply);

    /* strtoll() would also take leading white space and '+' */

    if (text.len == 0
        || !(text.data[0] == '-' || (text.data[0] >= '0'
                                     && text.data[0] <= '9')))
    {
        return fallback;
    }

    errno = 0;
    n = strtoll((char *) text.data, &end, 10);

    if (errno != 0 || end != (char *) text.data + text.len || end[-1] == '-') {
        return fallback;
    }

    return n;
}


ngx_uint_t
ngx_rd_redis_reply_count(const ngx_rd_redis_reply_t *reply)
{
    if (ngx_rd_redis_reply_type(reply) != NGX_RD_REDIS_ARRAY) {
        return 0;
    }

    return ngx_rd_redis_reply_open(reply)->elements;
}


const ngx_rd_redis_reply_t *
ngx_rd_redis_reply_at(const ngx_rd_redis_reply_t *reply, ngx_uint_t i)
{
    if (i >= ngx_rd_redis_reply_count(reply)) {
        return NULL;
    }

    return (const ngx_rd_redis_reply_t *)
               ngx_rd_redis_reply_open(reply)->element[i];
}


const ngx_rd_redis_reply_t *
ngx_rd_redis_reply_field(const ngx_rd_redis_reply_t *reply, const char *name)
{
    size_t      len;
    ngx_str_t   text;
    ngx_uint_t  i, n;

    len = ngx_strlen(name);
    n = ngx_rd_redis_reply_count(reply);

    for (i = 0; i + 1 < n; i += 2) {
        text = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, i));

        if (text.len == len && ngx_memcmp(text.data, name, len) == 0) {
            return ngx_rd_redis_reply_at(reply, i + 1);
        }
    }

    return NULL;
}
