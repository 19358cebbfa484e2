
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_PIPELINE_H_INCLUDED_
#define _NGX_RD_REDIS_PIPELINE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_redis.h"
#include <hiredis/hiredis.h>


/*
 * Commands on their way to a server: the bytes that are not written yet, and
 * who expects which reply, in order.  Private to this room.
 */

/*
 * Called once for a command: with its reply, or with NULL when the connection
 * is lost.
 */
typedef void (*ngx_rd_redis_reply_pt)(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);


typedef struct {
    ngx_rd_redis_reply_pt   handler;
    void                   *data;
} ngx_rd_redis_expected_t;


typedef struct {
    u_char                   *out;
    size_t                    size;
    size_t                    len;
    size_t                    sent;

    ngx_rd_redis_expected_t  *ring;
    ngx_uint_t                ring_size;    /* a power of 2 */
    ngx_uint_t                first;
    ngx_uint_t                nexpected;
} ngx_rd_redis_pipeline_t;


/* Where the next command of len bytes at most goes.  NULL: out of memory. */
u_char  *ngx_rd_redis_pipeline_room(ngx_rd_redis_pipeline_t *pipeline,
    size_t len);

/* It was written there and has len bytes; handler NULL: expects no reply. */
void  ngx_rd_redis_pipeline_add(ngx_rd_redis_pipeline_t *pipeline, size_t len,
    ngx_rd_redis_reply_pt handler, void *data);

/* n bytes have left. */
void  ngx_rd_redis_pipeline_written(ngx_rd_redis_pipeline_t *pipeline,
    size_t n);

/* Who expects the next reply; NGX_DECLINED: nobody. */
ngx_int_t  ngx_rd_redis_pipeline_next(ngx_rd_redis_pipeline_t *pipeline,
    ngx_rd_redis_expected_t *expected);

void  ngx_rd_redis_pipeline_free(ngx_rd_redis_pipeline_t *pipeline);


#endif /* _NGX_RD_REDIS_PIPELINE_H_INCLUDED_ */
