
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_rd_text.h"


/* random bytes fetched at once; a password or an id is shorter */
#define NGX_RD_TEXT_RANDOM_BYTES  32

#define NGX_RD_TEXT_CUT_WORD      40


static ngx_uint_t ngx_rd_text_reserved(const char *name);


/* accounts a desktop image has of its own, or may get with a package */

static const char  *ngx_rd_text_accounts[] = {
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail",
    "news", "uucp", "proxy", "www", "backup", "list", "irc", "gnats",
    "nobody", "systemd", "sshd", "messagebus", "avahi", "polkitd",
    "kali", "ubuntu", "debian", "admin", "www-data", "docker", "_apt",
    NULL
};


ngx_int_t
ngx_rd_text_random_hex(char *hex, size_t n)
{
    u_char             bytes[NGX_RD_TEXT_RANDOM_BYTES];
    size_t             i, chunk;
    static const char  digits[] = "0123456789abcdef";

    while (n != 0) {
        chunk = ngx_min(n, sizeof(bytes));

        if (RAND_bytes(bytes, (int) chunk) != 1) {
            return NGX_ERROR;
        }

        for (i = 0; i < chunk; i++) {
            *hex++ = digits[bytes[i] >> 4];
            *hex++ = digits[bytes[i] & 0xf];
        }

        n -= chunk;
    }

    *hex = '\0';
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return NGX_OK;
}


ngx_int_t
ngx_rd_text_random_password(char *password, size_t len)
{
    u_char             bytes[NGX_RD_TEXT_RANDOM_BYTES];
    size_t             i, chunk;

    /* 64 letters, so that six random bits choose one without a bias */
    static const char  letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    while (len != 0) {
        chunk = ngx_min(len, sizeof(bytes));

        if (RAND_bytes(bytes, (int) chunk) != 1) {
            return NGX_ERROR;
        }

        for (i = 0; i < chunk; i++) {
            *password++ = letters[bytes[i] & 63];
        }

        len -= chunk;
    }

    *password = '\0';
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return NGX_OK;
}


ngx_uint_t
ngx_rd_text_equal_secret(const u_char *a, size_t a_len, const u_char *b,
    size_t b_len)
{
    return a_len == b_len
           && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}


uint64_t
ngx_rd_text_digest(const u_char *text, size_t len)
{
    u_char      sha1[SHA_DIGEST_LENGTH];
    uint64_t    digest;
    ngx_uint_t  i;

    if (len == 0) {
        return 0;
    }

    (void) SHA1(text, len, sha1);

    digest = 0;

    for (i = 0; i < sizeof(uint64_t); i++) {
        digest = digest << 8 | sha1[i];
    }

    return digest;
}


void
ngx_rd_text_digest_hex(char hex[NGX_RD_TEXT_DIGEST_BYTES + 1],
    uint64_t digest)
{
    ngx_uint_t         i;
    static const char  digits[] = "0123456789abcdef";

    if (digest == 0) {
        hex[0] = '\0';
        return;
    }

    for (i = NGX_RD_TEXT_DIGEST_BYTES; i > 0; i--) {
        hex[i - 1] = digits[digest & 0xf];
        digest >>= 4;
    }

    hex[NGX_RD_TEXT_DIGEST_BYTES] = '\0';
}


uint64_t
ngx_rd_text_digest_read(const u_char *hex, size_t len)
{
    u_char      c;
    uint64_t    digest;
    ngx_uint_t  i;

    if (len == 0) {
        return 0;
    }

    if (len != NGX_RD_TEXT_DIGEST_BYTES) {
        return NGX_RD_TEXT_DIGEST_NONE;
    }

    digest = 0;

    for (i = 0; i < len; i++) {
        c = hex[i];

        if (c >= '0' && c <= '9') {
            digest = digest << 4 | (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            digest = digest << 4 | (c - 'a' + 10);

        } else {
            return NGX_RD_TEXT_DIGEST_NONE;
        }
    }

    return digest;
}


void
ngx_rd_text_username(char *out, const u_char *name, size_t len, uint64_t id)
{
    char    c;
    size_t  i, n;

    n = 0;

    for (i = 0; i < len && n < NGX_RD_USERNAME_BYTES_MAX; i++) {
        c = (char) ngx_tolower(name[i]);

        if (c >= 'a' && c <= 'z') {
            out[n++] = c;
            continue;
        }

        if (c == '_' || (n != 0 && (c == '-' || (c >= '0' && c <= '9')))) {
            out[n++] = c;
        }
    }

    out[n] = '\0';

    if (n == 0 || ngx_rd_text_reserved(out)) {
        (void) snprintf(out, NGX_RD_USERNAME_BYTES_MAX + 1, "user%llu",
                        (unsigned long long) id);
    }
}


uint64_t
ngx_rd_text_id(const u_char *text, size_t len)
{
    u_char    digit;
    size_t    i;
    uint64_t  id;

    /* 19 digits never overflow 64 bits */

    if (len == 0 || len > 19 || text[0] == '0') {
        return 0;
    }

    id = 0;

    for (i = 0; i < len; i++) {
        digit = (u_char) (text[i] - '0');

        if (digit > 9) {
            return 0;
        }

        id = id * 10 + digit;
    }

    return (id > INT64_MAX) ? 0 : id;
}


u_char *
ngx_rd_text_decimal(u_char *p, uint64_t n)
{
    u_char  *end, digits[NGX_INT64_LEN];

    if (n < 10) {
        *p++ = (u_char) ('0' + n);
        return p;
    }

    if (n < 100) {
        *p++ = (u_char) ('0' + n / 10);
        *p++ = (u_char) ('0' + n % 10);
        return p;
    }

    end = digits + NGX_INT64_LEN;

    do {
        *--end = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, end, digits + NGX_INT64_LEN - end);
}


u_char *
ngx_rd_text_quoted(u_char *p, const u_char *text, size_t len)
{
    u_char               c, *last;
    size_t               i;
    static const char    digits[] = "0123456789abcdef";

    last = p + NGX_RD_TEXT_QUOTED_MAX;

    for (i = 0; i < len; i++) {

        if (p >= last) {
            return ngx_cpymem(p, "...", 3);
        }

        c = text[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *p++ = c;
            continue;
        }

        *p++ = '\\';
        *p++ = 'x';
        *p++ = (u_char) digits[c >> 4];
        *p++ = (u_char) digits[c & 0xf];
    }

    return p;
}


void
ngx_rd_text_cut(char *text, size_t max)
{
    size_t  n;

    if (strlen(text) <= max) {
        return;
    }

    for (n = max; n > 0 && max - n < NGX_RD_TEXT_CUT_WORD; n--) {
        if (text[n] == ' ') {
            break;
        }
    }

    if (text[n] != ' ') {
        for (n = max; n > 0 && ((u_char) text[n] & 0xc0) == 0x80; n--) {
            /* void */
        }
    }

    memcpy(text + n, "...", sizeof("..."));
}


ngx_uint_t
ngx_rd_text_distance(const char *a, const char *b)
{
    size_t      i, j, a_len, b_len;
    ngx_uint_t  row[NGX_RD_TEXT_FAR], corner, above, cost;

    a_len = strlen(a);
    b_len = strlen(b);

    if (a_len >= NGX_RD_TEXT_FAR || b_len >= NGX_RD_TEXT_FAR) {
        return NGX_RD_TEXT_FAR;
    }

    for (j = 0; j <= b_len; j++) {
        row[j] = j;
    }

    for (i = 1; i <= a_len; i++) {
        corner = row[0];
        row[0] = i;

        for (j = 1; j <= b_len; j++) {
            above = row[j];
            cost = corner + (a[i - 1] != b[j - 1]);

            row[j] = ngx_min(ngx_min(above, row[j - 1]) + 1, cost);
            corner = above;
        }
    }

    return row[b_len];
}


static ngx_uint_t
ngx_rd_text_reserved(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_rd_text_accounts[i] != NULL; i++) {
        if (strcmp(ngx_rd_text_accounts[i], name) == 0) {
            return 1;
        }
    }

    return 0;
}
