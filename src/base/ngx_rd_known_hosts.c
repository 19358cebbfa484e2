
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_known_hosts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define NGX_RD_KNOWN_HOSTS_HASH_MAGIC         "|1|"
#define NGX_RD_KNOWN_HOSTS_HASH_BYTES         20    /* SHA-1, and its salt */
#define NGX_RD_KNOWN_HOSTS_PATTERN_BYTES_MAX  1023  /* as OpenSSH has it */


static char *ngx_rd_known_hosts_field(char **pos);
static ngx_uint_t ngx_rd_known_hosts_key(ngx_rd_known_hosts_t *out,
    char *text);
static ngx_int_t ngx_rd_known_hosts_base64(const char *text, size_t len,
    u_char *out);
static ngx_uint_t ngx_rd_known_hosts_hashed(const char *hosts,
    const char *name);
static ngx_uint_t ngx_rd_known_hosts_pattern(const char *pattern, size_t len,
    const char *name);


ngx_rd_known_hosts_e
ngx_rd_known_hosts_line(char *line, size_t len, ngx_rd_known_hosts_t *out)
{
    char                  *p, *marker, *key;
    ngx_rd_known_hosts_e   kind, failed;

    ngx_memzero(out, sizeof(ngx_rd_known_hosts_t));

    while (len && strchr("\r\n \t", line[len - 1]) && line[len - 1]) {
        len--;
    }

    line[len] = '\0';

    /* whatever follows would not be seen, a revocation perhaps */

    if (memchr(line, '\0', len)) {
        out->reason = "it holds a zero byte";
        return NGX_RD_KNOWN_HOSTS_BROKEN;
    }

    if (memchr(line, '\r', len)) {
        out->reason = "it holds a carriage return: lines end with LF or CR LF";
        return NGX_RD_KNOWN_HOSTS_BROKEN;
    }

    if (strncmp(line, "\xef\xbb\xbf", 3) == 0) {
        out->reason = "it begins with a byte order mark: save the file "
                      "without";
        return NGX_RD_KNOWN_HOSTS_BROKEN;
    }

    p = line + strspn(line, " \t");

    if (*p == '\0' || *p == '#') {
        return NGX_RD_KNOWN_HOSTS_EMPTY;
    }

    kind = NGX_RD_KNOWN_HOSTS_KEY;
    failed = NGX_RD_KNOWN_HOSTS_UNREADABLE;

    if (*p == '@') {
        marker = ngx_rd_known_hosts_field(&p);

        if (strcmp(marker, "@revoked") == 0) {
            kind = NGX_RD_KNOWN_HOSTS_REVOKED;
            failed = NGX_RD_KNOWN_HOSTS_BROKEN;

        } else if (strcmp(marker, "@cert-authority") == 0) {
            kind = NGX_RD_KNOWN_HOSTS_AUTHORITY;

        } else {
            out->reason = "its marker is neither @revoked nor @cert-authority";
            return NGX_RD_KNOWN_HOSTS_BROKEN;
        }

        if (*p == '@') {
            out->reason = "it has two markers";
            return NGX_RD_KNOWN_HOSTS_BROKEN;
        }
    }

    out->hosts = ngx_rd_known_hosts_field(&p);
    out->type = ngx_rd_known_hosts_field(&p);
    key = ngx_rd_known_hosts_field(&p);

    if (*key == '\0') {
        out->reason = "it has no key: names, type and key are needed";
        return failed;
    }

    if (!ngx_rd_known_hosts_key(out, key)) {
        out->reason = "its key is no base64, or not of the type it names";
        return failed;
    }

    return kind;
}


/* the next word, "" at the end; *pos goes behind it */

static char *
ngx_rd_known_hosts_field(char **pos)
{
    char  *field, *p;

    field = *pos;
    p = field + strcspn(field, " \t");

    if (*p) {
        *p++ = '\0';
        p += strspn(p, " \t");
    }

    *pos = p;

    return field;
}


/* decodes in place; the blob begins with its type, as a string of SSH */

static ngx_uint_t
ngx_rd_known_hosts_key(ngx_rd_known_hosts_t *out, char *text)
{
    size_t      type_len, n;
    u_char     *key;
    ngx_int_t   len;

    key = (u_char *) text;
    len = ngx_rd_known_hosts_base64(text, strlen(text), key);

    if (len < 4) {
        return 0;
    }

    type_len = strlen(out->type);
    n = (size_t) key[0] << 24 | key[1] << 16 | key[2] << 8 | key[3];

    if (n != type_len || (size_t) len - 4 <= n
        || ngx_memcmp(key + 4, out->type, n) != 0)
    {
        return 0;
    }

    out->key = key;
    out->len = len;

    return 1;
}


/*
 * The number of bytes, NGX_ERROR for anything that is not base64 with its
 * padding.  out may be text: a group is read before it is written.
 */

static ngx_int_t
ngx_rd_known_hosts_base64(const char *text, size_t len, u_char *out)
{
    size_t       i, n, pad;
    uint32_t     group;
    ngx_uint_t   k;
    const char  *at;

    static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789+/";

    if (len == 0 || len % 4) {
        return NGX_ERROR;
    }

    pad = (text[len - 1] == '=') + (text[len - 1] == '='
                                    && text[len - 2] == '=');
    n = 0;

    for (i = 0; i < len; i += 4) {
        group = 0;

        for (k = 0; k < 4; k++) {
            group <<= 6;

            if (i + k >= len - pad) {
                continue;
            }

            at = text[i + k] ? strchr(alphabet, text[i + k]) : NULL;

            if (at == NULL) {
                return NGX_ERROR;
            }

            group |= at - alphabet;
        }

        for (k = 0; k < 3 && n < len / 4 * 3 - pad; k++) {
            out[n++] = group >> (16 - 8 * k);
        }
    }

    return n;
}


ngx_uint_t
ngx_rd_known_hosts_match(const char *hosts, const char *name)
{
    size_t       len;
    ngx_uint_t   matched, negated;
    const char  *p;

    if (*hosts == '|') {
        return ngx_rd_known_hosts_hashed(hosts, name);
    }

    matched = 0;

    for (p = hosts; *p; /* void */ ) {
        negated = (*p == '!');
        p += negated;

        len = strcspn(p, ",");

        if (len >= NGX_RD_KNOWN_HOSTS_PATTERN_BYTES_MAX) {
            return 0;
        }

        if (ngx_rd_known_hosts_pattern(p, len, name)) {
            if (negated) {
                return 0;
            }

            matched = 1;
        }

        p += len;

        if (*p == ',') {
            p++;
        }
    }

    return matched;
}


/* |1|salt|HMAC-SHA1 of the name, keyed with the salt */

static ngx_uint_t
ngx_rd_known_hosts_hashed(const char *hosts, const char *name)
{
    size_t       len;
    u_char       salt[32], hash[32], mac[EVP_MAX_MD_SIZE];
    unsigned     n;
    const char  *end;

    /* 20 bytes are 28 characters of base64 */

    len = sizeof(NGX_RD_KNOWN_HOSTS_HASH_MAGIC) - 1;

    if (strncmp(hosts, NGX_RD_KNOWN_HOSTS_HASH_MAGIC, len) != 0) {
        return 0;
    }

    hosts += len;
    end = strchr(hosts, '|');

    if (end == NULL || end - hosts != 28 || strlen(end + 1) != 28
        || ngx_rd_known_hosts_base64(hosts, 28, salt)
           != NGX_RD_KNOWN_HOSTS_HASH_BYTES
        || ngx_rd_known_hosts_base64(end + 1, 28, hash)
           != NGX_RD_KNOWN_HOSTS_HASH_BYTES)
    {
        return 0;
    }

    return HMAC(EVP_sha1(), salt, NGX_RD_KNOWN_HOSTS_HASH_BYTES,
                (const u_char *) name, strlen(name), mac, &n)
           && n == NGX_RD_KNOWN_HOSTS_HASH_BYTES
           && CRYPTO_memcmp(mac, hash, n) == 0;
}


/* linear: of several stars only the last one is ever gone back to */

static ngx_uint_t
ngx_rd_known_hosts_pattern(const char *pattern, size_t len, const char *name)
{
    const char  *p, *end, *star, *from;

    p = pattern;
    end = pattern + len;
    star = NULL;
    from = NULL;

    while (*name) {

        if (p < end && *p == '*') {
            star = p++;
            from = name;

        } else if (p < end && (*p == '?' || ngx_tolower(*p) == *name)) {
            p++;
            name++;

        } else if (star) {
            p = star + 1;
            name = ++from;

        } else {
            return 0;
        }
    }

    while (p < end && *p == '*') {
        p++;
    }

    return p == end;
}
