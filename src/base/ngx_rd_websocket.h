
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_WEBSOCKET_H_INCLUDED_
#define _NGX_RD_WEBSOCKET_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_http_response.h"


/*
 * The client's half of a WebSocket handshake (RFC 6455, 4.1) and as much of
 * the frames as is needed to hear a desktop say hello.  Pure: no socket; any
 * thread.
 */

#define NGX_RD_WEBSOCKET_KEY_BYTES     24       /* base64 of 16 bytes */
#define NGX_RD_WEBSOCKET_ACCEPT_BYTES  28       /* base64 of a SHA-1 */


typedef struct {
    unsigned    fin:1;
    ngx_uint_t  opcode;         /* 0 .. 15 */
    size_t      head_len;
    uint64_t    payload_len;
} ngx_rd_websocket_frame_t;


/* What is still to come of the answer; all of it belongs to the room. */

typedef struct {
    char                      accept[NGX_RD_WEBSOCKET_ACCEPT_BYTES + 1];

    ngx_rd_http_response_t    res;
    unsigned                  res_made:1;
    unsigned                  upgraded:1;
    unsigned                  started:1;    /* the first data frame has come */

    u_char                    head[14];     /* of the frame that comes in */
    size_t                    head_len;
    uint64_t                  payload_left;
    ngx_uint_t                opcode;

    u_char                    greeting[4];
    size_t                    greeting_len;
    size_t                    skipped;      /* bytes of control frames */

    char                      reason[64];   /* of NGX_ERROR; one sentence */
} ngx_rd_websocket_t;


/* A random Sec-WebSocket-Key and a NUL.  NGX_ERROR: no randomness. */
ngx_int_t  ngx_rd_websocket_key(char key[NGX_RD_WEBSOCKET_KEY_BYTES + 1]);

/* The Sec-WebSocket-Accept that belongs to a key, and a NUL. */
void  ngx_rd_websocket_accept(
    char accept[NGX_RD_WEBSOCKET_ACCEPT_BYTES + 1], const char *key);

/*
 * Writes the request for path at host ("10.0.0.7:6080") into buf; its length,
 * or 0 when it does not fit, or path or host hold anything a request line may
 * not.
 */
size_t  ngx_rd_websocket_request(u_char *buf, size_t size, const char *host,
    const char *path, const char *key);

/*
 * Reads the head of one frame a server sent.  NGX_OK; NGX_AGAIN: more bytes
 * are needed; NGX_ERROR: no frame a server may send (masked, reserved bits or
 * opcodes, a control frame that is long or in parts, a length that is not
 * written in its shortest form).
 */
ngx_int_t  ngx_rd_websocket_frame(ngx_rd_websocket_frame_t *frame,
    const u_char *data, size_t len);


/* NGX_ERROR: no memory.  ws starts as all zero; free it in every case. */
ngx_int_t  ngx_rd_websocket_init(ngx_rd_websocket_t *ws, const char *key);
void       ngx_rd_websocket_free(ngx_rd_websocket_t *ws);

/*
 * Takes the bytes of the answer as they come, up to the first four bytes of
 * data.  NGX_OK: 101 with the right accept, and binary messages that start
 * with "RFB " (RFC 6143, 7.1.1; where one message ends and the next begins
 * means nothing to RFB).  NGX_AGAIN: more bytes are needed.  NGX_ERROR: it is
 * no desktop; ws->reason says why, without any text of the peer.
 */
ngx_int_t  ngx_rd_websocket_feed(ngx_rd_websocket_t *ws, const u_char *data,
    size_t len);


#endif /* _NGX_RD_WEBSOCKET_H_INCLUDED_ */
