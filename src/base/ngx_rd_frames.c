
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_frames.h"


#define NGX_RD_FRAMES_REASON_BYTES_MAX  123


static size_t ngx_rd_frames_step(ngx_rd_frames_t *frames, const u_char *data,
    size_t len);
static ngx_uint_t ngx_rd_frames_head_len(const ngx_rd_frames_t *frames);
static uint64_t ngx_rd_frames_payload_len(const ngx_rd_frames_t *frames);


void
ngx_rd_frames_pass(ngx_rd_frames_t *frames, const u_char *data, size_t len)
{
    size_t  n;

    while (len) {
        n = ngx_rd_frames_step(frames, data, len);
        data += n;
        len -= n;
    }
}


ngx_uint_t
ngx_rd_frames_between(const ngx_rd_frames_t *frames)
{
    return frames->head_len == 0 && frames->left == 0;
}


size_t
ngx_rd_frames_rest(const ngx_rd_frames_t *frames, const u_char *data,
    size_t len)
{
    size_t           rest;
    ngx_rd_frames_t  ahead;

    rest = 0;
    ahead = *frames;

    while (rest < len && !ngx_rd_frames_between(&ahead)) {
        rest += ngx_rd_frames_step(&ahead, data + rest, len - rest);
    }

    return rest;
}


size_t
ngx_rd_frames_close(u_char *buf, ngx_uint_t code, const char *reason)
{
    size_t  len;

    len = ngx_min(strlen(reason), NGX_RD_FRAMES_REASON_BYTES_MAX);

    buf[0] = 0x88;
    buf[1] = (u_char) (2 + len);
    buf[2] = (u_char) (code >> 8);
    buf[3] = (u_char) code;
    ngx_memcpy(&buf[4], reason, len);

    return 4 + len;
}


/* takes a piece of payload, or one byte of a head */

static size_t
ngx_rd_frames_step(ngx_rd_frames_t *frames, const u_char *data, size_t len)
{
    size_t  n;

    if (frames->left) {
        n = (size_t) ngx_min(frames->left, (uint64_t) len);
        frames->left -= n;
        return n;
    }

    frames->head[frames->head_len++] = *data;

    if (frames->head_len >= 2
        && frames->head_len == ngx_rd_frames_head_len(frames))
    {
        frames->left = ngx_rd_frames_payload_len(frames);
        frames->head_len = 0;
    }

    return 1;
}


static ngx_uint_t
ngx_rd_frames_head_len(const ngx_rd_frames_t *frames)
{
    ngx_uint_t  len;

    len = 2;

    switch (frames->head[1] & 0x7f) {

    case 126:
        len += 2;
        break;

    case 127:
        len += 8;
        break;
    }

    return (frames->head[1] & 0x80) ? len + 4 : len;
}


static uint64_t
ngx_rd_frames_payload_len(const ngx_rd_frames_t *frames)
{
    uint64_t    len;
    ngx_uint_t  i, n;

    len = frames->head[1] & 0x7f;

    if (len < 126) {
        return len;
    }

    n = (len == 126) ? 2 : 8;
    len = 0;

    for (i = 0; i < n; i++) {
        len = len << 8 | frames->head[2 + i];
    }

    return len;
}
