
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_http_head.h"
#include "ngx_rd_http_response.h"


/* 100 and 103 before the real one; a peer that goes on is playing with us */
#define NGX_RD_HTTP_RESPONSE_INTERIM_MAX  8

/* digits of a length; sixteen of them still fit 64 bits in hex */
#define NGX_RD_HTTP_RESPONSE_DIGITS_MAX   16

/* first step of a body that has not said how long it will be */
#define NGX_RD_HTTP_RESPONSE_BODY_BYTES   4096


typedef enum {
    NGX_RD_HTTP_RESPONSE_HEAD = 0,
    NGX_RD_HTTP_RESPONSE_LENGTH,        /* a body of so many bytes */
    NGX_RD_HTTP_RESPONSE_CLOSE,         /* a body until the peer closes */
    NGX_RD_HTTP_RESPONSE_CHUNK_SIZE,
    NGX_RD_HTTP_RESPONSE_CHUNK_DATA,
    NGX_RD_HTTP_RESPONSE_CHUNK_END,     /* the line break behind the data */
    NGX_RD_HTTP_RESPONSE_TRAILER,
    NGX_RD_HTTP_RESPONSE_ENDED,
    NGX_RD_HTTP_RESPONSE_BROKEN
} ngx_rd_http_response_wait_e;


typedef struct {
    ngx_rd_http_response_wait_e  wait;

    ngx_rd_http_head_t           head;
    ngx_uint_t                   interim;

    size_t                       rest;      /* of the body or the chunk */
    size_t                       room;      /* of res->body, without the NUL */
    u_char                       empty[1];  /* the body while there is none */

    unsigned                     head_request:1;
} ngx_rd_http_response_priv_t;


static ngx_rd_http_state_e ngx_rd_http_response_step(
    ngx_rd_http_response_t *res, const u_char *data, size_t len,
    size_t *used);
static ngx_rd_http_state_e ngx_rd_http_response_read_line(
    ngx_rd_http_response_t *res, const u_char *data, size_t len,
    size_t *used);

static ngx_rd_http_state_e ngx_rd_http_response_head_line(
    ngx_rd_http_response_t *res, u_char *line, size_t len);

static ngx_rd_http_state_e ngx_rd_http_response_head_done(
    ngx_rd_http_response_t *res);
static ngx_rd_http_state_e ngx_rd_http_response_framing(
    ngx_rd_http_response_t *res);
static ngx_rd_http_state_e ngx_rd_http_response_length(
    ngx_rd_http_response_t *res, const char *value);

static ngx_rd_http_state_e ngx_rd_http_response_chunk_size(
    ngx_rd_http_response_t *res, const u_char *line, size_t len);
static ngx_rd_http_state_e ngx_rd_http_response_body(
    ngx_rd_http_response_t *res, const u_char *data, size_t len,
    size_t *used);
static ngx_rd_http_state_e ngx_rd_http_response_append(
    ngx_rd_http_response_t *res, const u_char *data, size_t len);

static ngx_rd_http_state_e ngx_rd_http_response_end(
    ngx_rd_http_response_t *res);
static ngx_rd_http_state_e ngx_rd_http_response_refuse(
    ngx_rd_http_response_t *res, const char *reason);


ngx_int_t
ngx_rd_http_response_init(ngx_rd_http_response_t *res,
    ngx_uint_t head_request)
{
    ngx_rd_http_response_priv_t  *priv;

    memset(res, 0, sizeof(ngx_rd_http_response_t));

    priv = calloc(1, sizeof(ngx_rd_http_response_priv_t));
    if (priv == NULL) {
        return NGX_ERROR;
    }

    if (ngx_rd_http_head_init(&priv->head) != NGX_OK) {
        free(priv);
        return NGX_ERROR;
    }

    priv->head_request = (head_request != 0);

    res->priv = priv;
    res->body = priv->empty;

    return NGX_OK;
}


ngx_rd_http_state_e
ngx_rd_http_response_feed(ngx_rd_http_response_t *res, const u_char *data,
    size_t len, size_t *consumed)
{
    size_t                        used;
    ngx_rd_http_state_e           state;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    *consumed = 0;

    if (priv->wait == NGX_RD_HTTP_RESPONSE_ENDED) {
        return NGX_RD_HTTP_DONE;
    }

    if (priv->wait == NGX_RD_HTTP_RESPONSE_BROKEN) {
        return NGX_RD_HTTP_BAD;
    }

    state = NGX_RD_HTTP_MORE;

    while (state == NGX_RD_HTTP_MORE && *consumed < len) {
        used = 0;
        state = ngx_rd_http_response_step(res, data + *consumed,
                                          len - *consumed, &used);
        *consumed += used;
    }

    return state;
}


ngx_rd_http_state_e
ngx_rd_http_response_eof(ngx_rd_http_response_t *res)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    switch (priv->wait) {

    case NGX_RD_HTTP_RESPONSE_ENDED:
    case NGX_RD_HTTP_RESPONSE_CLOSE:
        res->keepalive = 0;
        return ngx_rd_http_response_end(res);

    case NGX_RD_HTTP_RESPONSE_BROKEN:
        return NGX_RD_HTTP_BAD;

    default:
        return ngx_rd_http_response_refuse(res, "truncated");
    }
}


const char *
ngx_rd_http_response_header(const ngx_rd_http_response_t *res,
    const char *name)
{
    const ngx_rd_http_response_priv_t  *priv = res->priv;

    return ngx_rd_http_head_value(&priv->head, name);
}


void
ngx_rd_http_response_free(ngx_rd_http_response_t *res)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    if (priv == NULL) {
        return;
    }

    if (res->body != priv->empty) {
        free(res->body);
    }

    ngx_rd_http_head_free(&priv->head);
    free(priv);

    res->body = NULL;
    res->body_len = 0;
    res->priv = NULL;
}


/* one line or one piece of body */

static ngx_rd_http_state_e
ngx_rd_http_response_step(ngx_rd_http_response_t *res, const u_char *data,
    size_t len, size_t *used)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    switch (priv->wait) {

    case NGX_RD_HTTP_RESPONSE_LENGTH:
    case NGX_RD_HTTP_RESPONSE_CLOSE:
    case NGX_RD_HTTP_RESPONSE_CHUNK_DATA:
        return ngx_rd_http_response_body(res, data, len, used);

    default:
        return ngx_rd_http_response_read_line(res, data, len, used);
    }
}


/*
 * Lines are gathered in the head: those of the head and the trailer stay
 * there, those of the chunked coding make room again.
 */

static ngx_rd_http_state_e
ngx_rd_http_response_read_line(ngx_rd_http_response_t *res,
    const u_char *data, size_t len, size_t *used)
{
    u_char                       *line;
    size_t                        n;
    ngx_int_t                     rc;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    rc = ngx_rd_http_head_gather(&priv->head, data, len, used, &line, &n);

    if (rc == NGX_AGAIN) {
        return NGX_RD_HTTP_MORE;
    }

    if (rc == NGX_ERROR) {
        return ngx_rd_http_response_refuse(res, "the head is too long");
    }

    switch (priv->wait) {

    case NGX_RD_HTTP_RESPONSE_HEAD:
        ngx_rd_http_head_keep(&priv->head);
        return ngx_rd_http_response_head_line(res, line, n);

    case NGX_RD_HTTP_RESPONSE_CHUNK_SIZE:
        ngx_rd_http_head_drop(&priv->head);
        return ngx_rd_http_response_chunk_size(res, line, n);

    case NGX_RD_HTTP_RESPONSE_CHUNK_END:
        ngx_rd_http_head_drop(&priv->head);
        priv->wait = NGX_RD_HTTP_RESPONSE_CHUNK_SIZE;
        return (n == 0) ? NGX_RD_HTTP_MORE
                        : ngx_rd_http_response_refuse(res,
                                            "a chunk is longer than its size");

    default: /* NGX_RD_HTTP_RESPONSE_TRAILER */
        ngx_rd_http_head_keep(&priv->head);
        return (n == 0) ? ngx_rd_http_response_end(res) : NGX_RD_HTTP_MORE;
    }
}


static ngx_rd_http_state_e
ngx_rd_http_response_head_line(ngx_rd_http_response_t *res, u_char *line,
    size_t len)
{
    const char                   *fault;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    if (len == 0 && priv->head.status != 0) {
        return ngx_rd_http_response_head_done(res);
    }

    fault = ngx_rd_http_head_read(&priv->head, line, len);

    if (fault != NULL) {
        return ngx_rd_http_response_refuse(res, fault);
    }

    res->status = priv->head.status;

    return NGX_RD_HTTP_MORE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_head_done(ngx_rd_http_response_t *res)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    if (res->status == 101) {
        res->upgraded = 1;
        return ngx_rd_http_response_end(res);
    }

    if (res->status < 200) {
        if (++priv->interim > NGX_RD_HTTP_RESPONSE_INTERIM_MAX) {
            return ngx_rd_http_response_refuse(res,
                                               "too many 1xx responses");
        }

        res->status = 0;
        ngx_rd_http_head_reset(&priv->head);

        return NGX_RD_HTTP_MORE;
    }

    res->keepalive = (ngx_rd_http_head_keepalive(&priv->head) != 0);

    return ngx_rd_http_response_framing(res);
}


/* RFC 9112, 6.3; two opinions on the length are one too many */

static ngx_rd_http_state_e
ngx_rd_http_response_framing(ngx_rd_http_response_t *res)
{
    ngx_uint_t                    i, ncodings;
    const char                   *name, *value, *coding, *length;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    coding = NULL;
    length = NULL;
    ncodings = 0;

    for (i = 0; i < priv->head.nfields; i++) {
        name = (const char *) priv->head.bytes + priv->head.field[i].name;
        value = (const char *) priv->head.bytes + priv->head.field[i].value;

        if (strcasecmp(name, "Transfer-Encoding") == 0) {
            coding = value;
            ncodings++;
        }

        if (strcasecmp(name, "Content-Length") == 0) {

            if (length != NULL && strcmp(length, value) != 0) {
                return ngx_rd_http_response_refuse(res,
                                                   "two Content-Length");
            }

            length = value;
        }
    }

    if (priv->head_request || res->status == 204 || res->status == 304) {
        return ngx_rd_http_response_end(res);
    }

    if (coding != NULL) {
        if (length != NULL || ncodings != 1 || priv->head.minor == 0
            || strcasecmp(coding, "chunked") != 0)
        {
            return ngx_rd_http_response_refuse(res,
                                               "a bad Transfer-Encoding");
        }

        priv->wait = NGX_RD_HTTP_RESPONSE_CHUNK_SIZE;
        return NGX_RD_HTTP_MORE;
    }

    if (length != NULL) {
        return ngx_rd_http_response_length(res, length);
    }

    res->keepalive = 0;
    priv->wait = NGX_RD_HTTP_RESPONSE_CLOSE;

    return NGX_RD_HTTP_MORE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_length(ngx_rd_http_response_t *res, const char *value)
{
    size_t                        n;
    const char                   *p;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    n = 0;

    for (p = value; *p >= '0' && *p <= '9'; p++) {
        if (p - value == NGX_RD_HTTP_RESPONSE_DIGITS_MAX) {
            break;
        }

        n = n * 10 + (*p - '0');
    }

    if (p == value || *p != '\0') {
        return ngx_rd_http_response_refuse(res, "a bad Content-Length");
    }

    if (n > NGX_RD_HTTP_BODY_BYTES_MAX) {
        return ngx_rd_http_response_refuse(res, "the body is too long");
    }

    if (n == 0) {
        return ngx_rd_http_response_end(res);
    }

    priv->rest = n;
    priv->wait = NGX_RD_HTTP_RESPONSE_LENGTH;

    return NGX_RD_HTTP_MORE;
}


/* "1a3f;extension", or 0 before the trailer */

static ngx_rd_http_state_e
ngx_rd_http_response_chunk_size(ngx_rd_http_response_t *res,
    const u_char *line, size_t len)
{
    size_t                        i, n;
    u_char                        c;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    n = 0;

    for (i = 0; i < len && i < NGX_RD_HTTP_RESPONSE_DIGITS_MAX; i++) {
        c = ngx_tolower(line[i]);

        if (c >= '0' && c <= '9') {
            n = (n << 4) + (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            n = (n << 4) + (c - 'a' + 10);

        } else {
            break;
        }
    }

    if (i == 0
        || (i < len && line[i] != ';' && line[i] != ' ' && line[i] != '\t'))
    {
        return ngx_rd_http_response_refuse(res, "a bad chunk size");
    }

    if (n > NGX_RD_HTTP_BODY_BYTES_MAX - res->body_len) {
        return ngx_rd_http_response_refuse(res, "the body is too long");
    }

    priv->rest = n;
    priv->wait = (n != 0) ? NGX_RD_HTTP_RESPONSE_CHUNK_DATA
                          : NGX_RD_HTTP_RESPONSE_TRAILER;

    return NGX_RD_HTTP_MORE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_body(ngx_rd_http_response_t *res, const u_char *data,
    size_t len, size_t *used)
{
    ngx_rd_http_state_e           state;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    if (priv->wait != NGX_RD_HTTP_RESPONSE_CLOSE) {
        len = ngx_min(len, priv->rest);
    }

    state = ngx_rd_http_response_append(res, data, len);

    if (state != NGX_RD_HTTP_MORE) {
        return state;
    }

    *used = len;

    if (priv->wait == NGX_RD_HTTP_RESPONSE_CLOSE) {
        return NGX_RD_HTTP_MORE;
    }

    priv->rest -= len;

    if (priv->rest != 0) {
        return NGX_RD_HTTP_MORE;
    }

    if (priv->wait == NGX_RD_HTTP_RESPONSE_LENGTH) {
        return ngx_rd_http_response_end(res);
    }

    priv->wait = NGX_RD_HTTP_RESPONSE_CHUNK_END;

    return NGX_RD_HTTP_MORE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_append(ngx_rd_http_response_t *res, const u_char *data,
    size_t len)
{
    u_char                       *body;
    size_t                        room;
    ngx_rd_http_response_priv_t  *priv = res->priv;

    if (len > NGX_RD_HTTP_BODY_BYTES_MAX - res->body_len) {
        return ngx_rd_http_response_refuse(res, "the body is too long");
    }

    if (res->body_len + len > priv->room) {

        /*
         * Grown by what has come, never by what was announced: a header
         * costs the peer nothing, memory costs us.
         */

        room = ngx_max(priv->room * 2, NGX_RD_HTTP_RESPONSE_BODY_BYTES);
        room = ngx_max(room, res->body_len + len);

        body = (res->body != priv->empty) ? res->body : NULL;
        body = realloc(body, room + 1);

        if (body == NULL) {
            return ngx_rd_http_response_refuse(res, "out of memory");
        }

        res->body = body;
        priv->room = room;
    }

    memcpy(res->body + res->body_len, data, len);
    res->body_len += len;
    res->body[res->body_len] = '\0';

    return NGX_RD_HTTP_MORE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_end(ngx_rd_http_response_t *res)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    priv->wait = NGX_RD_HTTP_RESPONSE_ENDED;

    return NGX_RD_HTTP_DONE;
}


static ngx_rd_http_state_e
ngx_rd_http_response_refuse(ngx_rd_http_response_t *res, const char *reason)
{
    ngx_rd_http_response_priv_t  *priv = res->priv;

    priv->wait = NGX_RD_HTTP_RESPONSE_BROKEN;

    res->keepalive = 0;
    res->reason = reason;

    return NGX_RD_HTTP_BAD;
}
