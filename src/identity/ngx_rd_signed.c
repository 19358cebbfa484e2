
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_rd_signed.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_SIGNED_HEX_BYTES  (2 * NGX_RD_SIGNED_DIGEST_BYTES)


/* the parts of the header, in its order */

typedef enum {
    NGX_RD_SIGNED_VERSION = 0,
    NGX_RD_SIGNED_TIME,
    NGX_RD_SIGNED_NONCE,
    NGX_RD_SIGNED_USER,
    NGX_RD_SIGNED_ROLE,
    NGX_RD_SIGNED_MAC,
    NGX_RD_SIGNED_PARTS
} ngx_rd_signed_part_e;


static ngx_int_t ngx_rd_signed_split(const ngx_str_t *header,
    ngx_str_t part[NGX_RD_SIGNED_PARTS]);
static ngx_int_t ngx_rd_signed_read(ngx_str_t part[NGX_RD_SIGNED_PARTS],
    ngx_rd_signed_t *what);
static ngx_int_t ngx_rd_signed_is_nonce(const ngx_str_t *text);
static ngx_int_t ngx_rd_signed_is(const ngx_str_t *text, const char *word);

static ngx_rd_error_e ngx_rd_signed_genuine(const ngx_rd_signed_keys_t *keys,
    ngx_str_t part[NGX_RD_SIGNED_PARTS],
    const ngx_rd_signed_request_t *request);
static u_char *ngx_rd_signed_line(u_char *p, const ngx_str_t *line);
static void ngx_rd_signed_hex(u_char hex[NGX_RD_SIGNED_HEX_BYTES],
    const u_char bytes[NGX_RD_SIGNED_DIGEST_BYTES]);


ngx_rd_error_e
ngx_rd_signed_check(const ngx_rd_signed_keys_t *keys, const ngx_str_t *header,
    const ngx_rd_signed_request_t *request, int64_t now_ms, int64_t window_ms,
    ngx_rd_signed_t *what)
{
    ngx_str_t       part[NGX_RD_SIGNED_PARTS];
    ngx_rd_error_e  error;

    memset(what, 0, sizeof(ngx_rd_signed_t));

    if (header->len == 0) {
        return NGX_RD_ERR_SIGNATURE_MISSING;
    }

    if (ngx_rd_signed_split(header, part) != NGX_OK
        || ngx_rd_signed_read(part, what) != NGX_OK)
    {
        error = NGX_RD_ERR_SIGNATURE_MALFORMED;
        goto refused;
    }

    /* before the clock: who cannot sign learns nothing of ours */

    error = ngx_rd_signed_genuine(keys, part, request);

    if (error != NGX_RD_ERR_NONE) {
        goto refused;
    }

    /* neither side can overflow: a time is positive, and so is ours */

    if (what->time_ms < now_ms - window_ms
        || what->time_ms > now_ms + window_ms)
    {
        error = NGX_RD_ERR_SIGNATURE_OLD;
        goto refused;
    }

    return NGX_RD_ERR_NONE;

refused:

    memset(what, 0, sizeof(ngx_rd_signed_t));

    return error;
}


static ngx_int_t
ngx_rd_signed_split(const ngx_str_t *header,
    ngx_str_t part[NGX_RD_SIGNED_PARTS])
{
    u_char      *p, *last, *colon;
    ngx_uint_t   i;

    p = header->data;
    last = header->data + header->len;

    for (i = 0; i < NGX_RD_SIGNED_PARTS; i++) {

        colon = memchr(p, ':', last - p);

        /* after every part but the last one, and nowhere else */

        if ((colon != NULL) != (i < NGX_RD_SIGNED_MAC)) {
            return NGX_DECLINED;
        }

        part[i].data = p;
        part[i].len = (colon ? colon : last) - p;

        p = colon ? colon + 1 : last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_signed_read(ngx_str_t part[NGX_RD_SIGNED_PARTS], ngx_rd_signed_t *what)
{
    ngx_str_t  *role;

    role = &part[NGX_RD_SIGNED_ROLE];

    what->time_ms = ngx_rd_text_id(part[NGX_RD_SIGNED_TIME].data,
                                   part[NGX_RD_SIGNED_TIME].len);
    what->user_id = ngx_rd_text_id(part[NGX_RD_SIGNED_USER].data,
                                   part[NGX_RD_SIGNED_USER].len);
    what->nonce = part[NGX_RD_SIGNED_NONCE];
    what->admin = ngx_rd_signed_is(role, "admin");

    if (!ngx_rd_signed_is(&part[NGX_RD_SIGNED_VERSION], "v1")
        || what->time_ms == 0
        || what->user_id == 0
        || !ngx_rd_signed_is_nonce(&what->nonce)
        || (!what->admin && !ngx_rd_signed_is(role, "user"))
        || part[NGX_RD_SIGNED_MAC].len != NGX_RD_SIGNED_HEX_BYTES)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* it becomes part of a key in Redis */

static ngx_int_t
ngx_rd_signed_is_nonce(const ngx_str_t *text)
{
    u_char  c;
    size_t  i;

    if (text->len < NGX_RD_SIGNED_NONCE_BYTES_MIN
        || text->len > NGX_RD_SIGNED_NONCE_BYTES_MAX)
    {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_rd_signed_is(const ngx_str_t *text, const char *word)
{
    return text->len == strlen(word)
           && memcmp(text->data, word, text->len) == 0;
}


/*
 * The text that is signed has one line for each: version, time, nonce, method,
 * target, user, role, digest of the body.  None of them can hold a line feed,
 * so no two requests have the same text.
 */

static ngx_rd_error_e
ngx_rd_signed_genuine(const ngx_rd_signed_keys_t *keys,
    ngx_str_t part[NGX_RD_SIGNED_PARTS], const ngx_rd_signed_request_t *request)
{
    size_t           len;
    u_char          *text, *p;
    u_char           mac[EVP_MAX_MD_SIZE], hex[NGX_RD_SIGNED_HEX_BYTES];
    ngx_uint_t       i, genuine;

    len = request->method.len + request->target.len + NGX_RD_SIGNED_HEX_BYTES
          + NGX_RD_SIGNED_PARTS + 1;

    for (i = 0; i < NGX_RD_SIGNED_MAC; i++) {
        len += part[i].len;
    }

    text = malloc(len);
    if (text == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    p = ngx_rd_signed_line(text, &part[NGX_RD_SIGNED_VERSION]);
    p = ngx_rd_signed_line(p, &part[NGX_RD_SIGNED_TIME]);
    p = ngx_rd_signed_line(p, &part[NGX_RD_SIGNED_NONCE]);
    p = ngx_rd_signed_line(p, &request->method);
    p = ngx_rd_signed_line(p, &request->target);
    p = ngx_rd_signed_line(p, &part[NGX_RD_SIGNED_USER]);
    p = ngx_rd_signed_line(p, &part[NGX_RD_SIGNED_ROLE]);

    ngx_rd_signed_hex(p, request->body);
    p += NGX_RD_SIGNED_HEX_BYTES;

    /* all secrets are tried whatever fits, so time tells nothing */

    genuine = 0;

    for (i = 0; i < keys->n; i++) {

        if (HMAC(EVP_sha256(), keys->secrets[i].data, keys->secrets[i].len,
                 text, p - text, mac, NULL)
            == NULL)
        {
            continue;
        }

        ngx_rd_signed_hex(hex, mac);

        genuine |= (CRYPTO_memcmp(hex, part[NGX_RD_SIGNED_MAC].data,
                                  NGX_RD_SIGNED_HEX_BYTES)
                    == 0);
    }

    free(text);

    return genuine ? NGX_RD_ERR_NONE : NGX_RD_ERR_SIGNATURE_WRONG;
}


static u_char *
ngx_rd_signed_line(u_char *p, const ngx_str_t *line)
{
    memcpy(p, line->data, line->len);
    p += line->len;
    *p++ = '\n';

    return p;
}


static void
ngx_rd_signed_hex(u_char hex[NGX_RD_SIGNED_HEX_BYTES],
    const u_char bytes[NGX_RD_SIGNED_DIGEST_BYTES])
{
    size_t              i;
    static const char   digits[] = "0123456789abcdef";

    for (i = 0; i < NGX_RD_SIGNED_DIGEST_BYTES; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 0xf];
    }
}
