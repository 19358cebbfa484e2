
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_http_head.c */

#include "../../../src/base/ngx_rd_http_response.c"
#include "tap.h"


static ngx_rd_http_response_t  res;


/* fed in pieces of at most step bytes, each a block of its own for ASan */

static ngx_rd_http_state_e
feed(const char *text, size_t len, size_t step, ngx_uint_t head_request,
    size_t *used)
{
    size_t               n, consumed;
    u_char              *piece;
    ngx_rd_http_state_e  state;

    if (ngx_rd_http_response_init(&res, head_request) != NGX_OK) {
        abort();
    }

    state = NGX_RD_HTTP_MORE;
    *used = 0;

    while (state == NGX_RD_HTTP_MORE && *used < len) {
        n = ngx_min(step, len - *used);

        piece = malloc(n);
        memcpy(piece, text + *used, n);
        state = ngx_rd_http_response_feed(&res, piece, n, &consumed);
        free(piece);

        if (state == NGX_RD_HTTP_MORE && consumed != n) {
            abort();
        }

        *used += consumed;
    }

    return state;
}


static void
refuses(const char *text, const char *reason)
{
    size_t             used, step;
    static ngx_uint_t  n;

    static const size_t  steps[] = { 1, 7, 100000 };

    for (step = 0; step < 3; step++) {
        if (feed(text, strlen(text), steps[step], 0, &used) != NGX_RD_HTTP_BAD
            || strcmp(res.reason, reason) != 0 || res.keepalive)
        {
            break;
        }

        ngx_rd_http_response_free(&res);
    }

    ok(step == 3, "refused %u: %s", (unsigned) ++n, reason);
    ngx_rd_http_response_free(&res);
}


static void
test_length(void)
{
    size_t  step, used, bad;

    static const char  text[] =
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json\r\n"
        "content-length:  5 \r\n"
        "Content-Type: second\r\n"
        "X-Empty:\r\n"
        "\r\n"
        "helloHTTP/1.1";

    bad = 0;

    for (step = 1; step <= sizeof(text); step++) {
        bad += (feed(text, sizeof(text) - 1, step, 0, &used)
                != NGX_RD_HTTP_DONE);
        bad += (used != sizeof(text) - 1 - 8);
        bad += (res.status != 200 || !res.keepalive || res.upgraded);
        bad += (res.body_len != 5 || strcmp((char *) res.body, "hello") != 0);

        if (step != sizeof(text)) {
            ngx_rd_http_response_free(&res);
        }
    }

    is_int(bad, 0, "the same in pieces of any size, to the last byte of it");

    is_str(ngx_rd_http_response_header(&res, "CONTENT-TYPE"),
           "application/json", "a header by name, the first of them");
    is_str(ngx_rd_http_response_header(&res, "X-Empty"), "", "an empty one");
    ok(ngx_rd_http_response_header(&res, "X") == NULL, "one that is missing");
    is_int(ngx_rd_http_response_feed(&res, (u_char *) "x", 1, &used),
           NGX_RD_HTTP_DONE, "done stays done");
    is_int(used, 0, "and takes no more");
    is_int(ngx_rd_http_response_eof(&res), NGX_RD_HTTP_DONE,
           "also when the peer leaves");

    ngx_rd_http_response_free(&res);
    ngx_rd_http_response_free(&res);
}


static void
test_chunked(void)
{
    size_t  step, used, bad;

    static const char  text[] =
        "HTTP/1.1 201 Created\r\n"
        "Transfer-Encoding: Chunked\r\n"
        "\r\n"
        "5\r\nhello\r\n"
        "00A;name=\"v\"\r\n, world: 1\r\n"
        "0\r\n"
        "X-Trailer: 1\r\n"
        "\r\n"
        "next";

    bad = 0;

    for (step = 1; step <= sizeof(text); step++) {
        bad += (feed(text, sizeof(text) - 1, step, 0, &used)
                != NGX_RD_HTTP_DONE);
        bad += (used != sizeof(text) - 1 - 4 || !res.keepalive);
        bad += (strcmp((char *) res.body, "hello, world: 1") != 0);
        ngx_rd_http_response_free(&res);
    }

    is_int(bad, 0, "chunks, an extension, a trailer, in any pieces");
}


static void
test_others(void)
{
    size_t  used;

    ngx_uint_t           i;
    ngx_rd_http_state_e  state;

    static const struct {
        const char  *text;
        ngx_uint_t   head;
        ngx_uint_t   status;
        ngx_uint_t   keepalive;
        const char  *name;
    } v[] = {
        { "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 0, 204, 1,
          "204 has no body" },
        { "HTTP/1.1 304\r\n\r\n", 0, 304, 1, "304 has none" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 1, 200, 1,
          "the answer to HEAD has none" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, 1,
          "an empty body" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n",
          0, 200, 1, "the same length twice" },
        { "HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0, 200, 1,
          "bare line feeds" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n"
          "\r\n", 0, 200, 0, "Connection: close" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, 0,
          "HTTP/1.0 closes" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"
          "\r\n", 0, 200, 1, "unless it says otherwise" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, 1,
          "100 and 103 are passed over" },
        { "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n", 0, 101, 0,
          "101 ends with its head" },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        state = feed(v[i].text, strlen(v[i].text), 3, v[i].head, &used);

        ok(state == NGX_RD_HTTP_DONE && used == strlen(v[i].text)
           && res.status == v[i].status && res.keepalive == v[i].keepalive
           && res.body_len == 0 && res.body[0] == '\0'
           && res.upgraded == (v[i].status == 101)
           && ngx_rd_http_response_header(&res, "A") == NULL,
           "%s", v[i].name);

        ngx_rd_http_response_free(&res);
    }
}


static void
test_eof(void)
{
    size_t  n, used, bad;

    static const char  text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    static const char  open[] = "HTTP/1.1 200 OK\r\n\r\nuntil the end";

    bad = 0;

    for (n = 0; n < sizeof(text) - 1; n++) {
        bad += (feed(text, n, 9, 0, &used) != NGX_RD_HTTP_MORE);
        bad += (ngx_rd_http_response_eof(&res) != NGX_RD_HTTP_BAD);
        bad += (res.reason == NULL || strcmp(res.reason, "truncated") != 0);
        bad += (ngx_rd_http_response_feed(&res, (u_char *) "x", 1, &used)
                != NGX_RD_HTTP_BAD);
        bad += (ngx_rd_http_response_eof(&res) != NGX_RD_HTTP_BAD);
        ngx_rd_http_response_free(&res);
    }

    is_int(bad, 0, "truncated at any byte it is bad, and stays so");

    is_int(feed(open, sizeof(open) - 1, 4, 0, &used), NGX_RD_HTTP_MORE,
           "a body without a length");
    is_int(ngx_rd_http_response_eof(&res), NGX_RD_HTTP_DONE,
           "ends with the connection");
    is_str((char *) res.body, "until the end", "and is whole");
    ok(!res.keepalive, "the connection is not used again");
    ngx_rd_http_response_free(&res);
}


#define OK1  "HTTP/1.1 200 OK\r\n"

static void
test_refused(void)
{
    static const char  line[] = "no HTTP/1 status line";
    static const char  name[] = "a bad header name";
    static const char  value[] = "a bad header value";
    static const char  length[] = "a bad Content-Length";
    static const char  coding[] = "a bad Transfer-Encoding";
    static const char  size[] = "a bad chunk size";

    refuses("SSH-2.0-OpenSSH\r\n", line);
    refuses("\r\n", line);
    refuses("HTTP/2 200 OK\r\n", line);
    refuses("HTTP/1.2 200 OK\r\n", line);
    refuses("HTTP/1.1 99 OK\r\n", line);
    refuses("HTTP/1.1 600 OK\r\n", line);
    refuses("HTTP/1.1 2000 OK\r\n", line);
    refuses("HTTP/1.1  200 OK\r\n", line);
    refuses("HTTP/1.1 200 O\x01K\r\n", line);
    refuses("http/1.1 200 OK\r\n", line);

    refuses(OK1 "nothing\r\n", name);
    refuses(OK1 ": x\r\n", name);
    refuses(OK1 "A : x\r\n", name);
    refuses(OK1 " folded: x\r\n", name);
    refuses(OK1 "A\x80: x\r\n", name);
    refuses(OK1 "A: x\ry\r\n", value);
    refuses(OK1 "A: \x7f\r\n", value);

    refuses(OK1 "Content-Length: \r\n\r\n", length);
    refuses(OK1 "Content-Length: -1\r\n\r\n", length);
    refuses(OK1 "Content-Length: +1\r\n\r\n", length);
    refuses(OK1 "Content-Length: 1 2\r\n\r\n", length);
    refuses(OK1 "Content-Length: 5, 5\r\n\r\n", length);
    refuses(OK1 "Content-Length: 0x5\r\n\r\n", length);
    refuses(OK1 "Content-Length: 99999999999999999999999\r\n\r\n", length);
    refuses(OK1 "Content-Length: 8388609\r\n\r\n", "the body is too long");
    refuses(OK1 "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "two Content-Length");

    refuses(OK1 "Transfer-Encoding: gzip\r\n\r\n", coding);
    refuses(OK1 "Transfer-Encoding: gzip, chunked\r\n\r\n", coding);
    refuses(OK1 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            coding);
    refuses(OK1 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
            "\r\n", coding);
    refuses("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", coding);

#define CHUNKED  OK1 "Transfer-Encoding: chunked\r\n\r\n"

    refuses(CHUNKED "\r\n", size);
    refuses(CHUNKED "x\r\n", size);
    refuses(CHUNKED "-1\r\n", size);
    refuses(CHUNKED "5x\r\n", size);
    refuses(CHUNKED "ffffffffffffffff\r\n", "the body is too long");
    refuses(CHUNKED "00000000000000001\r\n", size);
    refuses(CHUNKED "800001\r\n", "the body is too long");
    refuses(CHUNKED "1\r\na\r\n800000\r\n", "the body is too long");
    refuses(CHUNKED "1\r\nab\r\n", "a chunk is longer than its size");
}


static void
test_bounds(void)
{
    char    *text;
    size_t   i, n, used;

    text = malloc(NGX_RD_HTTP_BODY_BYTES_MAX + 2 * NGX_RD_HTTP_HEAD_BYTES_MAX);

    n = sprintf(text, OK1 "A: ");
    memset(text + n, 'x', NGX_RD_HTTP_HEAD_BYTES_MAX);
    is_int(feed(text, n + NGX_RD_HTTP_HEAD_BYTES_MAX, 1000, 0, &used),
           NGX_RD_HTTP_BAD, "a header without end");
    is_str(res.reason, "the head is too long", "is named so");
    ngx_rd_http_response_free(&res);

    n = sprintf(text, CHUNKED "0\r\n");

    while (n < NGX_RD_HTTP_HEAD_BYTES_MAX + 100) {
        n += sprintf(text + n, "A: b\r\n");
    }

    is_int(feed(text, n, 1000, 0, &used), NGX_RD_HTTP_BAD,
           "trailers without end");
    is_str(res.reason, "the head is too long", "count as head");
    ngx_rd_http_response_free(&res);

    n = sprintf(text, CHUNKED);

    for (i = 0; i < 20000; i++) {
        n += sprintf(text + n, "1;x\r\na\r\n");
    }

    n += sprintf(text + n, "0\r\n\r\n");
    is_int(feed(text, n, 1000, 0, &used), NGX_RD_HTTP_DONE,
           "twenty thousand chunk lines do not");
    is_int(res.body_len, 20000, "all their bytes are there");
    ngx_rd_http_response_free(&res);

    n = sprintf(text, OK1);

    for (i = 0; i <= NGX_RD_HTTP_HEADERS_MAX; i++) {
        n += sprintf(text + n, "A: b\r\n");
    }

    is_int(feed(text, n, 1000, 0, &used), NGX_RD_HTTP_BAD, "65 headers");
    is_str(res.reason, "too many headers", "are too many");
    ngx_rd_http_response_free(&res);

    for (n = 0, i = 0; i < 9; i++) {
        n += sprintf(text + n, "HTTP/1.1 100 Continue\r\n\r\n");
    }

    is_int(feed(text, n, 1000, 0, &used), NGX_RD_HTTP_BAD, "nine 100");
    is_str(res.reason, "too many 1xx responses", "are too many");
    ngx_rd_http_response_free(&res);

    n = sprintf(text, OK1 "\r\n");
    memset(text + n, 'x', NGX_RD_HTTP_BODY_BYTES_MAX + 1);
    is_int(feed(text, n + NGX_RD_HTTP_BODY_BYTES_MAX, 100000, 0, &used),
           NGX_RD_HTTP_MORE, "a body as long as allowed");
    is_int(ngx_rd_http_response_eof(&res), NGX_RD_HTTP_DONE, "is fine");
    ngx_rd_http_response_free(&res);

    is_int(feed(text, n + NGX_RD_HTTP_BODY_BYTES_MAX + 1, 100000, 0, &used),
           NGX_RD_HTTP_BAD, "one byte more is not");
    ngx_rd_http_response_free(&res);

    free(text);
}


static void
test_no_memory(void)
{
    long                 n, bad;
    ngx_rd_http_state_e  state;

    static const char  text[] = OK1 "Content-Length: 9000\r\n\r\n";

    u_char  body[9000];
    size_t  consumed;

    memset(body, 'x', sizeof(body));
    bad = 0;
    state = NGX_RD_HTTP_BAD;

    for (n = 1; n < 100; n++) {
        tap_alloc_fail(n);

        if (ngx_rd_http_response_init(&res, 0) == NGX_OK) {
            (void) ngx_rd_http_response_feed(&res, (u_char *) text,
                                             sizeof(text) - 1, &consumed);
            (void) ngx_rd_http_response_feed(&res, body, 1000, &consumed);
            state = ngx_rd_http_response_feed(&res, body, 8000, &consumed);
            bad += (state == NGX_RD_HTTP_BAD
                    && strcmp(res.reason, "out of memory") != 0);
        }

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (state == NGX_RD_HTTP_DONE);
        ngx_rd_http_response_free(&res);
    }

    ok(state == NGX_RD_HTTP_DONE && n > 3, "read at last, after %ld failures",
       n - 1);
    is_int(bad, 0, "each of which was named");
    ngx_rd_http_response_free(&res);
}


int
main(void)
{
    test_length();
    test_chunked();
    test_others();
    test_eof();
    test_refused();
    test_bounds();
    test_no_memory();

    return tap_done();
}
