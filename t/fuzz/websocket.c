
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_websocket.c src/base/ngx_rd_frames.c */
/* sources: src/base/ngx_rd_http_response.c src/base/ngx_rd_http_head.c */
/* libs: -lcrypto */

#include "fuzz.h"
#include "../../src/base/ngx_rd_frames.h"
#include "../../src/base/ngx_rd_websocket.h"


/* the example of RFC 6455; its accept stands in the dictionary */
#define KEY  "dGhlIHNhbXBsZSBub25jZQ=="

#define HANDSHAKE                                                             \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"              \
    "Connection: Upgrade\r\n"                                                 \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


/* what a container says to the one that asks whether it is a desktop */

static ngx_int_t
read_all(ngx_rd_websocket_t *ws, ngx_uint_t upgraded, const u_char *data,
    size_t size, size_t step)
{
    size_t     n, at;
    ngx_int_t  rc;

    memset(ws, 0, sizeof(ngx_rd_websocket_t));
    must(ngx_rd_websocket_init(ws, KEY) == NGX_OK);

    rc = NGX_AGAIN;

    if (upgraded) {
        rc = ngx_rd_websocket_feed(ws, (const u_char *) HANDSHAKE,
                                   sizeof(HANDSHAKE) - 1);
        must(rc == NGX_AGAIN && ws->upgraded);
    }

    for (at = 0; at < size && rc == NGX_AGAIN; at += n) {
        n = ngx_min(step, size - at);
        rc = ngx_rd_websocket_feed(ws, data + at, n);
    }

    must(rc == NGX_OK || rc == NGX_AGAIN || rc == NGX_ERROR);
    must(ws->greeting_len <= sizeof(ws->greeting));
    must(ws->head_len < sizeof(ws->head));
    must_be_clean(ws->reason, sizeof(ws->reason));
    must((rc == NGX_ERROR) == (ws->reason[0] != '\0'));
    must(rc != NGX_OK || memcmp(ws->greeting, "RFB ", 4) == 0);

    ngx_rd_websocket_free(ws);

    return rc;
}


static void
readiness(ngx_uint_t upgraded, const u_char *data, size_t size, size_t step)
{
    ngx_int_t           rc, rc_too;
    ngx_rd_websocket_t  ws, ws_too;

    rc = read_all(&ws, upgraded, data, size, size + 1);
    rc_too = read_all(&ws_too, upgraded, data, size, step);

    /* how the network cuts it must make no difference */

    must(rc == rc_too);
    must(rc != NGX_AGAIN || ws.payload_left == ws_too.payload_left);
    must(rc != NGX_AGAIN || ws.head_len == ws_too.head_len);
}


/* what passes through a tunnel, and where it may be ended */

static void
tunnel(const u_char *data, size_t size, size_t step)
{
    size_t                    n, at, rest;
    ngx_rd_frames_t           frames, frames_too, after;
    ngx_rd_websocket_frame_t  frame;

    memset(&frames, 0, sizeof(frames));
    memset(&frames_too, 0, sizeof(frames_too));

    ngx_rd_frames_pass(&frames, data, size);

    for (at = 0; at < size; at += n) {
        n = ngx_min(step, size - at);

        rest = ngx_rd_frames_rest(&frames_too, data + at, n);
        must(rest <= n);

        after = frames_too;
        ngx_rd_frames_pass(&after, data + at, rest);
        must(rest == n || ngx_rd_frames_between(&after));

        ngx_rd_frames_pass(&frames_too, data + at, n);
        must(frames_too.head_len < sizeof(frames_too.head));
    }

    must(frames.head_len == frames_too.head_len);
    must(frames.left == frames_too.left);
    must(memcmp(frames.head, frames_too.head, frames.head_len) == 0);

    /* both readers agree on where the first frame of a server ends */

    if (ngx_rd_websocket_frame(&frame, data, size) != NGX_OK) {
        return;
    }

    must(frame.head_len <= size && frame.head_len <= 10);

    memset(&frames, 0, sizeof(frames));
    ngx_rd_frames_pass(&frames, data, frame.head_len);

    must(frames.head_len == 0 && frames.left == frame.payload_len);

    rest = ngx_rd_frames_rest(&frames, data + frame.head_len,
                              size - frame.head_len);

    must(rest == ngx_min(frame.payload_len, size - frame.head_len));
}


/* a farewell with any reason is a close frame of a server */

static void
farewell(const u_char *data, size_t size)
{
    char                      reason[256];
    size_t                    len;
    u_char                    buf[127];
    ngx_rd_websocket_frame_t  frame;

    len = ngx_min(size, sizeof(reason) - 1);
    memcpy(reason, data, len);
    reason[len] = '\0';

    len = ngx_rd_frames_close(buf, 1008, reason);

    must(len >= 4 && len <= sizeof(buf));
    must(ngx_rd_websocket_frame(&frame, buf, len) == NGX_OK);
    must(frame.opcode == 8 && frame.fin);
    must(frame.head_len + frame.payload_len == len);
    must(buf[2] == 1008 >> 8 && buf[3] == (1008 & 0xff));
}


/* the first byte chooses, the rest is what comes in */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      step;
    ngx_uint_t  upgraded;

    if (size == 0) {
        return 0;
    }

    step = (data[0] & 0x7f) + 1;
    upgraded = data[0] >> 7;
    data++;
    size--;

    readiness(upgraded, data, size, step);
    tunnel(data, size, step);
    farewell(data, size);

    return 0;
}
