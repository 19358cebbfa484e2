
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_placement.h"


#define NGX_RD_PLACEMENT_FIELDS  14


ngx_int_t
ngx_rd_placement_read(ngx_rd_placement_t *placement,
    const ngx_rd_redis_reply_t *item)
{
    ngx_str_t   text[NGX_RD_PLACEMENT_FIELDS];
    int64_t     number[NGX_RD_PLACEMENT_FIELDS];
    ngx_uint_t  i;

    if (ngx_rd_redis_reply_count(item) < NGX_RD_PLACEMENT_FIELDS) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_RD_PLACEMENT_FIELDS; i++) {
        text[i] = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(item, i));
        number[i] = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(item, i),
                                               -1);
    }

    placement->id = text[0];
    placement->epoch = number[1];
    placement->host = text[3];
    placement->container = text[4];
    placement->account = text[5];
    placement->passwords = text[6];
    placement->attempt = number[7];
    placement->address = text[8];
    placement->web_port = (ngx_uint_t) number[9];
    placement->vnc_port = (ngx_uint_t) number[10];
    placement->lifetime_s = number[11];
    placement->waited_ms = (placement->attempt == 1) ? number[12] : -1;

    placement->installation = text[13];

    if (ngx_rd_session_is(&text[2], "creating")) {
        placement->state = NGX_RD_SESSION_CREATING;

    } else if (ngx_rd_session_is(&text[2], "starting")) {
        placement->state = NGX_RD_SESSION_STARTING;

    } else {
        return NGX_ERROR;
    }

    if (placement->id.len != NGX_RD_SESSION_ID_BYTES
        || placement->epoch < 1 || placement->attempt < 1
        || placement->lifetime_s < 0 || placement->container.len == 0
        || placement->installation.len != NGX_RD_SESSION_ID_BYTES)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
