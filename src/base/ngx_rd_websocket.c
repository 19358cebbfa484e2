
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "ngx_rd_websocket.h"


#define NGX_RD_WEBSOCKET_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define NGX_RD_WEBSOCKET_FIN            0x80
#define NGX_RD_WEBSOCKET_RESERVED       0x70
#define NGX_RD_WEBSOCKET_MASKED         0x80

#define NGX_RD_WEBSOCKET_CONTINUATION   0x0
#define NGX_RD_WEBSOCKET_TEXT           0x1
#define NGX_RD_WEBSOCKET_BINARY         0x2
#define NGX_RD_WEBSOCKET_CLOSE          0x8
#define NGX_RD_WEBSOCKET_PONG           0xa

#define NGX_RD_WEBSOCKET_CONTROL_BYTES_MAX  125

/* pings before the greeting; a desktop sends none, a flood is no desktop */
#define NGX_RD_WEBSOCKET_SKIPPED_BYTES_MAX  4096


static ngx_uint_t ngx_rd_websocket_is_plain(const char *text);
static ngx_uint_t ngx_rd_websocket_is_valid(
    const ngx_rd_websocket_frame_t *frame);

static ngx_int_t ngx_rd_websocket_feed_head(ngx_rd_websocket_t *ws,
    const u_char **data, size_t *len);
static ngx_int_t ngx_rd_websocket_check_head(ngx_rd_websocket_t *ws);
static ngx_int_t ngx_rd_websocket_feed_frame_head(ngx_rd_websocket_t *ws,
    const u_char **data, size_t *len);
static ngx_int_t ngx_rd_websocket_check_frame(ngx_rd_websocket_t *ws,
    const ngx_rd_websocket_frame_t *frame);
static ngx_int_t ngx_rd_websocket_feed_payload(ngx_rd_websocket_t *ws,
    const u_char **data, size_t *len);
static ngx_int_t ngx_rd_websocket_refuse(ngx_rd_websocket_t *ws,
    const char *reason);


ngx_int_t
ngx_rd_websocket_key(char key[NGX_RD_WEBSOCKET_KEY_BYTES + 1])
{
    u_char  bytes[16];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NGX_ERROR;
    }

    (void) EVP_EncodeBlock((u_char *) key, bytes, sizeof(bytes));

    return NGX_OK;
}


void
ngx_rd_websocket_accept(char accept[NGX_RD_WEBSOCKET_ACCEPT_BYTES + 1],
    const char *key)
{
    int     len;
    char    text[NGX_RD_WEBSOCKET_KEY_BYTES + sizeof(NGX_RD_WEBSOCKET_GUID)];
    u_char  digest[SHA_DIGEST_LENGTH];

    len = snprintf(text, sizeof(text), "%.*s%s", NGX_RD_WEBSOCKET_KEY_BYTES,
                   key, NGX_RD_WEBSOCKET_GUID);

    (void) SHA1((u_char *) text, len, digest);
    (void) EVP_EncodeBlock((u_char *) accept, digest, sizeof(digest));
}


size_t
ngx_rd_websocket_request(u_char *buf, size_t size, const char *host,
    const char *path, const char *key)
{
    int  len;

    if (path[0] != '/' || !ngx_rd_websocket_is_plain(path)
        || !ngx_rd_websocket_is_plain(host))
    {
        return 0;
    }

    len = snprintf((char *) buf, size,
                   "GET %s HTTP/1.1\r\n"
                   "Host: %s\r\n"
                   "Connection: Upgrade\r\n"
                   "Upgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Protocol: binary\r\n"
                   "Sec-WebSocket-Key: %s\r\n"
                   "\r\n",
                   path, host, key);

    return (len > 0 && (size_t) len < size) ? (size_t) len : 0;
}


static ngx_uint_t
ngx_rd_websocket_is_plain(const char *text)
{
    const u_char  *p;

    for (p = (const u_char *) text; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f) {
            return 0;
        }
    }

    return p != (const u_char *) text;
}


ngx_int_t
ngx_rd_websocket_frame(ngx_rd_websocket_frame_t *frame, const u_char *data,
    size_t len)
{
    size_t    i, n;
    uint64_t  least;

    if (len < 2) {
        return NGX_AGAIN;
    }

    if ((data[0] & NGX_RD_WEBSOCKET_RESERVED)
        || (data[1] & NGX_RD_WEBSOCKET_MASKED))
    {
        return NGX_ERROR;
    }

    frame->fin = (data[0] & NGX_RD_WEBSOCKET_FIN) ? 1 : 0;
    frame->opcode = data[0] & 0x0f;
    frame->payload_len = data[1];

    n = (data[1] == 127) ? 8 : (data[1] == 126) ? 2 : 0;
    least = (data[1] == 127) ? 0x10000 : (data[1] == 126) ? 126 : 0;

    if (len < 2 + n) {
        return NGX_AGAIN;
    }

    if (n) {
        frame->payload_len = 0;

        for (i = 0; i < n; i++) {
            frame->payload_len = frame->payload_len << 8 | data[2 + i];
        }
    }

    frame->head_len = 2 + n;

    if (frame->payload_len < least || frame->payload_len >> 63
        || !ngx_rd_websocket_is_valid(frame))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_rd_websocket_is_valid(const ngx_rd_websocket_frame_t *frame)
{
    switch (frame->opcode) {

    case NGX_RD_WEBSOCKET_CONTINUATION:
    case NGX_RD_WEBSOCKET_TEXT:
    case NGX_RD_WEBSOCKET_BINARY:
        return 1;

    default:
        return frame->opcode >= NGX_RD_WEBSOCKET_CLOSE
               && frame->opcode <= NGX_RD_WEBSOCKET_PONG
               && frame->fin
               && frame->payload_len <= NGX_RD_WEBSOCKET_CONTROL_BYTES_MAX;
    }
}


ngx_int_t
ngx_rd_websocket_init(ngx_rd_websocket_t *ws, const char *key)
{
    ngx_rd_websocket_accept(ws->accept, key);

    if (ngx_rd_http_response_init(&ws->res, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ws->res_made = 1;

    return NGX_OK;
}


void
ngx_rd_websocket_free(ngx_rd_websocket_t *ws)
{
    if (ws->res_made) {
        ws->res_made = 0;
        ngx_rd_http_response_free(&ws->res);
    }
}


ngx_int_t
ngx_rd_websocket_feed(ngx_rd_websocket_t *ws, const u_char *data, size_t len)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (!ws->upgraded) {
            rc = ngx_rd_websocket_feed_head(ws, &data, &len);

        } else if (ws->payload_left == 0) {
            rc = ngx_rd_websocket_feed_frame_head(ws, &data, &len);

        } else {
            rc = ngx_rd_websocket_feed_payload(ws, &data, &len);
        }

        /* NGX_DONE: one part is through, what follows is the next */

        if (rc != NGX_DONE) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_rd_websocket_feed_head(ngx_rd_websocket_t *ws, const u_char **data,
    size_t *len)
{
    size_t  consumed;

    if (*len == 0) {
        return NGX_AGAIN;
    }

    consumed = 0;

    switch (ngx_rd_http_response_feed(&ws->res, *data, *len, &consumed)) {

    case NGX_RD_HTTP_BAD:
        (void) snprintf(ws->reason, sizeof(ws->reason), "no HTTP response: %s",
                        ws->res.reason ? ws->res.reason : "unreadable");
        return NGX_ERROR;

    case NGX_RD_HTTP_MORE:

        /* the body of an error page is not worth waiting for */

        if (ws->res.status >= 200) {
            return ngx_rd_websocket_check_head(ws);
        }

        return NGX_AGAIN;

    default: /* NGX_RD_HTTP_DONE */
        *data += consumed;
        *len -= consumed;

        return ngx_rd_websocket_check_head(ws);
    }
}


static ngx_int_t
ngx_rd_websocket_check_head(ngx_rd_websocket_t *ws)
{
    const char  *value;

    if (ws->res.status != 101) {
        (void) snprintf(ws->reason, sizeof(ws->reason), "HTTP status %u",
                        (unsigned) ws->res.status);
        return NGX_ERROR;
    }

    value = ngx_rd_http_response_header(&ws->res, "Upgrade");

    if (value == NULL || strcasecmp(value, "websocket") != 0) {
        return ngx_rd_websocket_refuse(ws, "101 without Upgrade: websocket");
    }

    value = ngx_rd_http_response_header(&ws->res, "Sec-WebSocket-Accept");

    if (value == NULL || strcmp(value, ws->accept) != 0) {
        return ngx_rd_websocket_refuse(ws, "wrong Sec-WebSocket-Accept");
    }

    value = ngx_rd_http_response_header(&ws->res, "Sec-WebSocket-Protocol");

    if (value != NULL && strcmp(value, "binary") != 0) {
        return ngx_rd_websocket_refuse(ws, "another subprotocol than binary");
    }

    if (ngx_rd_http_response_header(&ws->res, "Sec-WebSocket-Extensions")) {
        return ngx_rd_websocket_refuse(ws, "an extension nobody asked for");
    }

    ws->upgraded = 1;

    return NGX_DONE;
}


static ngx_int_t
ngx_rd_websocket_feed_frame_head(ngx_rd_websocket_t *ws, const u_char **data,
    size_t *len)
{
    ngx_int_t                 rc;
    ngx_rd_websocket_frame_t  frame;

    for ( ;; ) {
        rc = ngx_rd_websocket_frame(&frame, ws->head, ws->head_len);

        if (rc == NGX_ERROR) {
            return ngx_rd_websocket_refuse(ws, "no WebSocket frame");
        }

        if (rc == NGX_OK) {
            ws->head_len = 0;
            return ngx_rd_websocket_check_frame(ws, &frame);
        }

        if (*len == 0) {
            return NGX_AGAIN;
        }

        ws->head[ws->head_len++] = *(*data)++;
        (*len)--;
    }
}


static ngx_int_t
ngx_rd_websocket_check_frame(ngx_rd_websocket_t *ws,
    const ngx_rd_websocket_frame_t *frame)
{
    ws->payload_left = frame->payload_len;
    ws->opcode = frame->opcode;

    switch (frame->opcode) {

    case NGX_RD_WEBSOCKET_CLOSE:
        return ngx_rd_websocket_refuse(ws, "closed by the desktop");

    case NGX_RD_WEBSOCKET_BINARY:
        ws->started = 1;
        break;

    case NGX_RD_WEBSOCKET_CONTINUATION:
        if (!ws->started) {
            return ngx_rd_websocket_refuse(ws, "no WebSocket frame");
        }

        break;

    case NGX_RD_WEBSOCKET_TEXT:
        return ngx_rd_websocket_refuse(ws, "text where RFB was expected");

    default: /* ping, pong */
        break;
    }

    /* empty frames count too, else a flood of them would never end */

    ws->skipped += frame->head_len;

    if (ws->skipped > NGX_RD_WEBSOCKET_SKIPPED_BYTES_MAX) {
        return ngx_rd_websocket_refuse(ws, "too many control frames");
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_rd_websocket_feed_payload(ngx_rd_websocket_t *ws, const u_char **data,
    size_t *len)
{
    size_t  n;

    if (*len == 0) {
        return NGX_AGAIN;
    }

    n = (*len < ws->payload_left) ? *len : (size_t) ws->payload_left;

    if (ws->opcode >= NGX_RD_WEBSOCKET_CLOSE) {
        ws->skipped += n;

    } else {
        if (n > sizeof(ws->greeting) - ws->greeting_len) {
            n = sizeof(ws->greeting) - ws->greeting_len;
        }

        memcpy(ws->greeting + ws->greeting_len, *data, n);
        ws->greeting_len += n;

        if (memcmp(ws->greeting, "RFB ", ws->greeting_len) != 0) {
            return ngx_rd_websocket_refuse(ws, "no RFB greeting");
        }

        if (ws->greeting_len == sizeof(ws->greeting)) {
            return NGX_OK;
        }
    }

    *data += n;
    *len -= n;
    ws->payload_left -= n;

    return NGX_DONE;
}


static ngx_int_t
ngx_rd_websocket_refuse(ngx_rd_websocket_t *ws, const char *reason)
{
    (void) snprintf(ws->reason, sizeof(ws->reason), "%s", reason);

    return NGX_ERROR;
}
