
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_rd_cookie.h"


#define NGX_RD_COOKIE_SIGNATURE_BYTES  27   /* 20 bytes in base64url */

/* itsdangerous: salt, and the word that its key derivation adds to it */
#define NGX_RD_COOKIE_SALT  "itsdangerous.Signersigner"


static ngx_uint_t ngx_rd_cookie_is_sid(const u_char *sid);
static void ngx_rd_cookie_base64url(
    u_char text[NGX_RD_COOKIE_SIGNATURE_BYTES], const u_char mac[20]);
static ngx_inline const u_char *ngx_rd_cookie_skip(const u_char *p,
    const u_char *last);


ngx_int_t
ngx_rd_cookie_key(ngx_rd_cookie_key_t *key, const u_char *secret, size_t len)
{
    int          ok;
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return NGX_ERROR;
    }

    ok = EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1
         && EVP_DigestUpdate(md, NGX_RD_COOKIE_SALT,
                             sizeof(NGX_RD_COOKIE_SALT) - 1) == 1
         && EVP_DigestUpdate(md, secret, len) == 1
         && EVP_DigestFinal_ex(md, key->bytes, NULL) == 1;

    EVP_MD_CTX_free(md);

    return ok ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_rd_cookie_verify(const ngx_rd_cookie_key_t *key, const u_char *value,
    size_t len, char sid[NGX_RD_COOKIE_SID_BYTES + 1])
{
    u_char  mac[EVP_MAX_MD_SIZE], text[NGX_RD_COOKIE_SIGNATURE_BYTES];

    if (len == NGX_RD_COOKIE_BYTES + 2
        && value[0] == '"' && value[len - 1] == '"')
    {
        value++;
        len -= 2;
    }

    if (!ngx_rd_cookie_formed(value, len)) {
        return NGX_DECLINED;
    }

    if (HMAC(EVP_sha1(), key->bytes, sizeof(key->bytes), value,
             NGX_RD_COOKIE_SID_BYTES, mac, NULL)
        == NULL)
    {
        return NGX_DECLINED;
    }

    ngx_rd_cookie_base64url(text, mac);

    if (CRYPTO_memcmp(text, value + NGX_RD_COOKIE_SID_BYTES + 1,
                      NGX_RD_COOKIE_SIGNATURE_BYTES)
        != 0)
    {
        return NGX_DECLINED;
    }

    memcpy(sid, value, NGX_RD_COOKIE_SID_BYTES);
    sid[NGX_RD_COOKIE_SID_BYTES] = '\0';

    return NGX_OK;
}


ngx_uint_t
ngx_rd_cookie_formed(const u_char *value, size_t len)
{
    return len == NGX_RD_COOKIE_BYTES
           && value[NGX_RD_COOKIE_SID_BYTES] == '.'
           && ngx_rd_cookie_is_sid(value);
}


ngx_int_t
ngx_rd_cookie_next(const u_char **p, const u_char *last, ngx_str_t *name,
    ngx_str_t *value)
{
    const u_char  *start, *end, *equals;

    if (*p >= last) {
        return NGX_DECLINED;
    }

    end = memchr(*p, ';', last - *p);
    end = (end != NULL) ? end : last;

    start = ngx_rd_cookie_skip(*p, end);
    *p = end + 1;

    equals = memchr(start, '=', end - start);
    equals = (equals != NULL) ? equals : end;

    name->data = (u_char *) start;
    name->len = equals - start;

    start = (equals < end) ? ngx_rd_cookie_skip(equals + 1, end) : end;

    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    value->data = (u_char *) start;
    value->len = end - start;

    return NGX_OK;
}


ngx_int_t
ngx_rd_cookie_find(const u_char *header, size_t header_len,
    const u_char *name, size_t name_len, const u_char **value,
    size_t *value_len)
{
    const u_char  *p, *last, *end;

    last = header + header_len;

    for (p = header; p < last; p = end + 1) {
        end = memchr(p, ';', last - p);
        end = (end != NULL) ? end : last;

        p = ngx_rd_cookie_skip(p, end);

        if ((size_t) (end - p) <= name_len
            || memcmp(p, name, name_len) != 0)
        {
            continue;
        }

        p = ngx_rd_cookie_skip(p + name_len, end);

        if (p == end || *p != '=') {
            continue;
        }

        p = ngx_rd_cookie_skip(p + 1, end);

        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        *value = p;
        *value_len = end - p;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* a uuid as Python prints it: what is checked here becomes part of a key */

static ngx_uint_t
ngx_rd_cookie_is_sid(const u_char *sid)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_RD_COOKIE_SID_BYTES; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (sid[i] != '-') {
                return 0;
            }

            continue;
        }

        if ((sid[i] < '0' || sid[i] > '9') && (sid[i] < 'a' || sid[i] > 'f')) {
            return 0;
        }
    }

    return 1;
}


/* 18 bytes in groups of three, then two, without padding */

static void
ngx_rd_cookie_base64url(u_char text[NGX_RD_COOKIE_SIGNATURE_BYTES],
    const u_char mac[20])
{
    u_char     *out;
    uint32_t    group;
    ngx_uint_t  i;

    static const char  letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    out = text;

    for (i = 0; i < 18; i += 3) {
        group = (uint32_t) mac[i] << 16 | (uint32_t) mac[i + 1] << 8
                | mac[i + 2];

        *out++ = letters[group >> 18];
        *out++ = letters[group >> 12 & 63];
        *out++ = letters[group >> 6 & 63];
        *out++ = letters[group & 63];
    }

    group = (uint32_t) mac[18] << 8 | mac[19];

    *out++ = letters[group >> 10];
    *out++ = letters[group >> 4 & 63];
    *out = letters[group << 2 & 63];
}


static ngx_inline const u_char *
ngx_rd_cookie_skip(const u_char *p, const u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}
