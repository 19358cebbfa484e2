
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_redis_pipeline.h"


#define NGX_RD_REDIS_PIPELINE_BYTES       4096      /* at first */
#define NGX_RD_REDIS_PIPELINE_BYTES_KEPT  65536     /* when it is empty */
#define NGX_RD_REDIS_PIPELINE_EXPECTED    64        /* at first */


static ngx_int_t ngx_rd_redis_pipeline_grow(
    ngx_rd_redis_pipeline_t *pipeline);


u_char *
ngx_rd_redis_pipeline_room(ngx_rd_redis_pipeline_t *pipeline, size_t len)
{
    size_t   size;
    u_char  *out;

    if (pipeline->nexpected == pipeline->ring_size
        && ngx_rd_redis_pipeline_grow(pipeline) != NGX_OK)
    {
        return NULL;
    }

    if (pipeline->size - pipeline->len >= len) {
        return pipeline->out + pipeline->len;
    }

    size = ngx_max(pipeline->size * 2, NGX_RD_REDIS_PIPELINE_BYTES);

    while (size - (pipeline->len - pipeline->sent) < len) {
        size *= 2;
    }

    out = ngx_alloc(size, ngx_cycle->log);
    if (out == NULL) {
        return NULL;
    }

    pipeline->len -= pipeline->sent;

    if (pipeline->out) {
        ngx_memcpy(out, pipeline->out + pipeline->sent, pipeline->len);
        ngx_free(pipeline->out);
    }

    pipeline->out = out;
    pipeline->size = size;
    pipeline->sent = 0;

    return out + pipeline->len;
}


static ngx_int_t
ngx_rd_redis_pipeline_grow(ngx_rd_redis_pipeline_t *pipeline)
{
    ngx_uint_t                i, size;
    ngx_rd_redis_expected_t  *ring;

    size = ngx_max(pipeline->ring_size * 2, NGX_RD_REDIS_PIPELINE_EXPECTED);

    ring = ngx_alloc(size * sizeof(ngx_rd_redis_expected_t), ngx_cycle->log);
    if (ring == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < pipeline->nexpected; i++) {
        ring[i] = pipeline->ring[(pipeline->first + i)
                                 & (pipeline->ring_size - 1)];
    }

    if (pipeline->ring) {
        ngx_free(pipeline->ring);
    }

    pipeline->ring = ring;
    pipeline->ring_size = size;
    pipeline->first = 0;

    return NGX_OK;
}


void
ngx_rd_redis_pipeline_add(ngx_rd_redis_pipeline_t *pipeline, size_t len,
    ngx_rd_redis_reply_pt handler, void *data)
{
    ngx_rd_redis_expected_t  *expected;

    pipeline->len += len;

    if (handler == NULL) {
        return;
    }

    expected = &pipeline->ring[(pipeline->first + pipeline->nexpected)
                               & (pipeline->ring_size - 1)];
    expected->handler = handler;
    expected->data = data;

    pipeline->nexpected++;
}


void
ngx_rd_redis_pipeline_written(ngx_rd_redis_pipeline_t *pipeline, size_t n)
{
    pipeline->sent += n;

    if (pipeline->sent < pipeline->len) {
        return;
    }

    pipeline->sent = 0;
    pipeline->len = 0;

    if (pipeline->size > NGX_RD_REDIS_PIPELINE_BYTES_KEPT) {
        ngx_free(pipeline->out);
        pipeline->out = NULL;
        pipeline->size = 0;
    }
}


ngx_int_t
ngx_rd_redis_pipeline_next(ngx_rd_redis_pipeline_t *pipeline,
    ngx_rd_redis_expected_t *expected)
{
    if (pipeline->nexpected == 0) {
        return NGX_DECLINED;
    }

    *expected = pipeline->ring[pipeline->first];

    pipeline->first = (pipeline->first + 1) & (pipeline->ring_size - 1);
    pipeline->nexpected--;

    return NGX_OK;
}


void
ngx_rd_redis_pipeline_free(ngx_rd_redis_pipeline_t *pipeline)
{
    if (pipeline->ring) {
        ngx_free(pipeline->ring);
    }

    if (pipeline->out) {
        ngx_free(pipeline->out);
    }

    ngx_memzero(pipeline, sizeof(ngx_rd_redis_pipeline_t));
}
