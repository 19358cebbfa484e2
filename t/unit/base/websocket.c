/* sources: src/base/ngx_rd_http_response.c src/base/ngx_rd_http_head.c */
/* libs: -lcrypto */

/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/base/ngx_rd_websocket.c"
#include "tap.h"


/* the example of RFC 6455, 1.3 */
#define KEY     "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define HEAD    "HTTP/1.1 101 Switching Protocols\r\n"                        \
                "upgrade: WebSocket\r\n"                                      \
                "Connection: Upgrade\r\n"                                     \
                "Sec-WebSocket-Accept: " ACCEPT "\r\n"

#define HELLO   "\x82\x0cRFB 003.008\n"

#define bytes(text)  (const u_char *) text, sizeof(text) - 1


static void test_key(void);
static void test_request(void);
static void test_frame(void);
static void test_frame_refused(void);
static void test_answers(void);
static void test_flood(void);
static void test_memory(void);

static ngx_int_t feed(const u_char *text, size_t len, size_t piece,
    const char **reason);


int
main(void)
{
    test_key();
    test_request();
    test_frame();
    test_frame_refused();
    test_answers();
    test_flood();
    test_memory();

    return tap_done();
}


static void
test_key(void)
{
    char  one[NGX_RD_WEBSOCKET_KEY_BYTES + 1];
    char  two[NGX_RD_WEBSOCKET_KEY_BYTES + 1];
    char  accept[NGX_RD_WEBSOCKET_ACCEPT_BYTES + 1];

    ngx_rd_websocket_accept(accept, KEY);
    is_str(accept, ACCEPT, "the accept of the RFC's example");

    is_int(ngx_rd_websocket_key(one), NGX_OK, "a key");
    is_int(ngx_rd_websocket_key(two), NGX_OK, "another key");
    is_int(strlen(one), NGX_RD_WEBSOCKET_KEY_BYTES, "16 bytes in base64");
    ok(strcmp(one, two) != 0, "no two keys are the same");
}


static void
test_request(void)
{
    size_t       len;
    u_char       buf[512];
    const char  *expected;

    expected = "GET /websockify?token=a HTTP/1.1\r\n"
               "Host: [::1]:6080\r\n"
               "Connection: Upgrade\r\n"
               "Upgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: binary\r\n"
               "Sec-WebSocket-Key: " KEY "\r\n"
               "\r\n";

    len = ngx_rd_websocket_request(buf, sizeof(buf), "[::1]:6080",
                                   "/websockify?token=a", KEY);

    is_int(len, strlen(expected), "the length of a request");
    is_str((char *) buf, expected, "a request");

    is_int(ngx_rd_websocket_request(buf, len + 1, "[::1]:6080",
                                    "/websockify?token=a", KEY),
           len, "it just fits");
    is_int(ngx_rd_websocket_request(buf, len, "[::1]:6080",
                                    "/websockify?token=a", KEY),
           0, "it does not fit");

    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "h", "websockify", KEY),
           0, "a path without a slash");
    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "h", "", KEY),
           0, "no path");
    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "h",
                                    "/ HTTP/1.1\r\nX: y", KEY),
           0, "a path that would add a header");
    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "h\r\nX: y", "/", KEY),
           0, "a host that would add a header");
    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "h", "/\xc3\xa4", KEY),
           0, "a path that is no ASCII");
    is_int(ngx_rd_websocket_request(buf, sizeof(buf), "", "/", KEY),
           0, "no host");
}


static void
test_frame(void)
{
    ngx_uint_t                i;
    ngx_rd_websocket_frame_t  frame;

    static const struct {
        const char  *name;
        u_char       head[10];
        size_t       head_len;
        ngx_uint_t   fin;
        ngx_uint_t   opcode;
        uint64_t     payload_len;
    } cases[] = {
        { "empty",       { 0x82, 0 },                2, 1, 2, 0 },
        { "not the last", { 0x02, 1 },               2, 0, 2, 1 },
        { "continuation", { 0x80, 125 },             2, 1, 0, 125 },
        { "126",         { 0x81, 126, 0, 126 },      4, 1, 1, 126 },
        { "65535",       { 0x82, 126, 0xff, 0xff },  4, 1, 2, 65535 },
        { "65536",       { 0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0 },
                                                    10, 1, 2, 65536 },
        { "2^63 - 1",    { 0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                           0xff },                  10, 1, 2, INT64_MAX },
        { "close",       { 0x88, 2 },                2, 1, 8, 2 },
        { "ping",        { 0x89, 125 },              2, 1, 9, 125 },
        { "pong",        { 0x8a, 0 },                2, 1, 10, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&frame, 0xff, sizeof(frame));

        is_int(ngx_rd_websocket_frame(&frame, cases[i].head,
                                      cases[i].head_len - 1),
               NGX_AGAIN, cases[i].name);
        is_int(ngx_rd_websocket_frame(&frame, cases[i].head,
                                      cases[i].head_len),
               NGX_OK, cases[i].name);
        ok(frame.fin == cases[i].fin && frame.opcode == cases[i].opcode
           && frame.payload_len == cases[i].payload_len
           && frame.head_len == cases[i].head_len,
           "%s: what it says", cases[i].name);
    }

    is_int(ngx_rd_websocket_frame(&frame, cases[0].head, 0), NGX_AGAIN,
           "no byte at all");
}


static void
test_frame_refused(void)
{
    ngx_uint_t                i;
    ngx_rd_websocket_frame_t  frame;

    static const struct {
        const char  *name;
        u_char       head[10];
    } cases[] = {
        { "masked",                  { 0x82, 0x81 } },
        { "reserved bit 1",          { 0xc2, 1 } },
        { "reserved bit 2",          { 0xa2, 1 } },
        { "reserved bit 3",          { 0x92, 1 } },
        { "opcode 3",                { 0x83, 1 } },
        { "opcode 11",               { 0x8b, 1 } },
        { "a ping in parts",         { 0x09, 1 } },
        { "a ping too long",         { 0x89, 126, 0, 126 } },
        { "125 in two bytes",        { 0x82, 126, 0, 125 } },
        { "65535 in eight bytes",    { 0x82, 127, 0, 0, 0, 0, 0, 0, 0xff,
                                       0xff } },
        { "2^63",                    { 0x82, 127, 0x80 } }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(ngx_rd_websocket_frame(&frame, cases[i].head, 10), NGX_ERROR,
               cases[i].name);
    }
}


static void
test_answers(void)
{
    size_t       piece;
    ngx_int_t    rc;
    ngx_uint_t   i;
    const char  *reason;

    static const struct {
        const char    *name;
        const u_char  *text;
        size_t         len;
        ngx_int_t      rc;
        const char    *reason;
    } cases[] = {
        { "a desktop", bytes(HEAD "\r\n" HELLO), NGX_OK, "" },
        { "the subprotocol we asked for",
          bytes(HEAD "Sec-WebSocket-Protocol: binary\r\n\r\n" HELLO),
          NGX_OK, "" },
        { "a greeting in parts",
          bytes(HEAD "\r\n" "\x02\x01R" "\x89\x01!" "\x00\x00" "\x80\x01" "F"
                "\x82\x02" "B "),
          NGX_OK, "" },
        { "a greeting that is not whole",
          bytes(HEAD "\r\n" "\x82\x0cRFB"), NGX_AGAIN, "" },
        { "nothing after the head", bytes(HEAD "\r\n"), NGX_AGAIN, "" },
        { "half a head", bytes(HEAD), NGX_AGAIN, "" },
        { "an interim response first",
          bytes("HTTP/1.1 100 Continue\r\n\r\n" HEAD "\r\n" HELLO),
          NGX_OK, "" },

        { "200", bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"),
          NGX_ERROR, "HTTP status 200" },
        { "502 whose body never ends",
          bytes("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\n"),
          NGX_ERROR, "HTTP status 502" },
        { "no accept",
          bytes("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n"),
          NGX_ERROR, "wrong Sec-WebSocket-Accept" },
        { "another accept",
          bytes("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Accept: " KEY "\r\n\r\n"),
          NGX_ERROR, "wrong Sec-WebSocket-Accept" },
        { "another upgrade",
          bytes("HTTP/1.1 101 X\r\nUpgrade: h2c\r\n"
                "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n"),
          NGX_ERROR, "101 without Upgrade: websocket" },
        { "another subprotocol",
          bytes(HEAD "Sec-WebSocket-Protocol: base64\r\n\r\n" HELLO),
          NGX_ERROR, "another subprotocol than binary" },
        { "an extension",
          bytes(HEAD "Sec-WebSocket-Extensions: x\r\n\r\n" HELLO),
          NGX_ERROR, "an extension nobody asked for" },

        { "text", bytes(HEAD "\r\n" "\x81\x0cRFB 003.008\n"),
          NGX_ERROR, "text where RFB was expected" },
        { "another greeting", bytes(HEAD "\r\n" "\x82\x04RFC "),
          NGX_ERROR, "no RFB greeting" },
        { "a close", bytes(HEAD "\r\n" "\x88\x00"),
          NGX_ERROR, "closed by the desktop" },
        { "a continuation of nothing", bytes(HEAD "\r\n" "\x80\x04RFB "),
          NGX_ERROR, "no WebSocket frame" },
        { "a masked frame", bytes(HEAD "\r\n" "\x82\x8cRFB 003.008\n"),
          NGX_ERROR, "no WebSocket frame" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        rc = NGX_OK;

        /* however the bytes come, the verdict is the same */

        for (piece = 1; piece <= cases[i].len; piece++) {
            rc = feed(cases[i].text, cases[i].len, piece, &reason);

            if (rc != cases[i].rc || strcmp(reason, cases[i].reason) != 0) {
                break;
            }
        }

        is_int(rc, cases[i].rc, cases[i].name);
        is_str(reason, cases[i].reason, cases[i].name);
    }

    rc = feed(bytes("SSH-2.0-OpenSSH_9.2\r\n"), 100, &reason);
    is_int(rc, NGX_ERROR, "another protocol");
    ok(strncmp(reason, "no HTTP response", 16) == 0, "is called so");
}


static void
test_flood(void)
{
    u_char       buf[8192];
    size_t       len, i;
    const char  *reason;

    len = sizeof(HEAD "\r\n") - 1;
    memcpy(buf, HEAD "\r\n", len);

    for (i = len; i < sizeof(buf); i += 2) {
        buf[i] = 0x89;
        if (i + 1 < sizeof(buf)) {
            buf[i + 1] = 0;
        }
    }

    is_int(feed(buf, sizeof(buf), 1000, &reason), NGX_ERROR,
           "pings without end");
    is_str(reason, "too many control frames", "have an end");

    for (i = len; i < sizeof(buf); i++) {
        buf[i] = (i == len) ? 0x02 : 0;
    }

    is_int(feed(buf, sizeof(buf), 1000, &reason), NGX_ERROR,
           "empty frames without end have one, too");
}


static void
test_memory(void)
{
    long                n;
    ngx_int_t           rc;
    ngx_rd_websocket_t  ws;

    for (n = 1; /* void */ ; n++) {
        memset(&ws, 0, sizeof(ws));

        tap_alloc_fail(n);

        rc = ngx_rd_websocket_init(&ws, KEY);
        if (rc == NGX_OK) {
            rc = ngx_rd_websocket_feed(&ws, bytes(HEAD "\r\n" HELLO));
        }

        ngx_rd_websocket_free(&ws);
        ngx_rd_websocket_free(&ws);

        if (!tap_alloc_failed()) {
            break;
        }

        is_int(rc, NGX_ERROR, "no memory");
    }

    is_int(rc, NGX_OK, "enough memory");
    ok(n > 1, "memory was asked for");
}


static ngx_int_t
feed(const u_char *text, size_t len, size_t piece, const char **reason)
{
    size_t              n;
    ngx_int_t           rc;
    static char         said[64];
    ngx_rd_websocket_t  ws;

    memset(&ws, 0, sizeof(ws));

    rc = ngx_rd_websocket_init(&ws, KEY);

    if (rc == NGX_OK) {
        rc = NGX_AGAIN;
    }

    while (rc == NGX_AGAIN && len > 0) {
        n = (len < piece) ? len : piece;
        rc = ngx_rd_websocket_feed(&ws, text, n);
        text += n;
        len -= n;
    }

    snprintf(said, sizeof(said), "%s", ws.reason);
    *reason = said;

    ngx_rd_websocket_free(&ws);

    return rc;
}
