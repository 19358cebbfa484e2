
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_text.c */
/* libs: -lcrypto */

#include "../../../src/identity/ngx_rd_signed.c"
#include <openssl/sha.h>
#include "tap.h"


#define SECRET  "0123456789abcdef0123456789abcdef"
#define OTHER   "fedcba9876543210fedcba9876543210"
#define NOW     1700000000000LL
#define WINDOW  30000

/* made by tools/rd_sign.py */
#define GOOD  "v1:1700000000000:abcdefghijklmnop:17:user:"                    \
              "771596ac550f389e6e55bb956b8c7fef28ba00157facdb0e812fe2517372664c"
#define ADMIN "v1:1700000000000:0123456789-_ABCDEF:1:admin:"                  \
              "cbc542c87f5af8b3192c3ac072fd2ad2000560ca612877ae0338b43deffcfd87"


static ngx_rd_signed_keys_t     keys;
static ngx_rd_signed_request_t  request;
static ngx_rd_signed_t          what;


static void
set(ngx_str_t *text, const char *value)
{
    text->data = (u_char *) value;
    text->len = strlen(value);
}


/* from a block of exactly that size, so that ASan sees a byte too far */

static ngx_rd_error_e
check_bytes(const char *header, size_t len, int64_t now_ms)
{
    ngx_str_t       text;
    ngx_rd_error_e  error;

    text.len = len;
    text.data = malloc(len ? len : 1);
    memcpy(text.data, header, len);

    error = ngx_rd_signed_check(&keys, &text, &request, now_ms, WINDOW, &what);

    free(text.data);
    return error;
}


static ngx_rd_error_e
check(const char *header)
{
    return check_bytes(header, strlen(header), NOW);
}


static void
begin(void)
{
    keys.n = 1;
    set(&keys.secrets[0], SECRET);
    set(&request.method, "GET");
    set(&request.target, "/x?a=1");
    SHA256((u_char *) "", 0, request.body);
}


static void
test_genuine(void)
{
    begin();

    is_int(check(GOOD), NGX_RD_ERR_NONE, "what Python signed is genuine");
    is_int(what.user_id, 17, "it names the user");
    is_int(what.admin, 0, "who is a player");
    is_int(what.time_ms, NOW, "and the time");
    is_int(what.nonce.len, 16, "and the nonce");

    set(&request.method, "POST");
    set(&request.target, "/remote-desktop/api/create");
    is_int(check(ADMIN), NGX_RD_ERR_NONE, "another request");
    is_int(what.admin, 1, "of an admin");
}


static void
test_other_request(void)
{
    begin();
    set(&request.method, "POST");
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "another method");
    is_int(what.user_id, 0, "names nobody");

    begin();
    set(&request.target, "/x?a=2");
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "another query");

    set(&request.target, "/x");
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "no query");

    begin();
    SHA256((u_char *) "x", 1, request.body);
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "another body");
}


static void
test_secrets(void)
{
    begin();
    set(&keys.secrets[0], OTHER);
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "another secret");

    keys.n = 2;
    set(&keys.secrets[1], SECRET);
    is_int(check(GOOD), NGX_RD_ERR_NONE, "the second of two counts");

    set(&keys.secrets[0], SECRET);
    set(&keys.secrets[1], OTHER);
    is_int(check(GOOD), NGX_RD_ERR_NONE, "the first of two counts");

    keys.n = 0;
    is_int(check(GOOD), NGX_RD_ERR_SIGNATURE_WRONG, "without a secret none");
}


static void
test_time(void)
{
    size_t  len;

    begin();
    len = strlen(GOOD);

    is_int(check_bytes(GOOD, len, NOW + WINDOW), NGX_RD_ERR_NONE,
           "as old as the window is good");
    is_int(check_bytes(GOOD, len, NOW + WINDOW + 1),
           NGX_RD_ERR_SIGNATURE_OLD, "a millisecond older is not");
    is_int(check_bytes(GOOD, len, NOW - WINDOW), NGX_RD_ERR_NONE,
           "a clock that is a window ahead is good");
    is_int(check_bytes(GOOD, len, NOW - WINDOW - 1),
           NGX_RD_ERR_SIGNATURE_OLD, "a millisecond more is not");
}


static void
test_changed(void)
{
    char        text[sizeof(GOOD)];
    size_t      i, bad, len;
    ngx_uint_t  bit;

    begin();
    len = sizeof(GOOD) - 1;
    bad = 0;

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(text, GOOD, sizeof(text));
            text[i] ^= 1 << bit;
            bad += (check_bytes(text, len, NOW) == NGX_RD_ERR_NONE);
        }
    }

    is_int(bad, 0, "any bit changed is refused");

    for (bad = 0, i = 1; i < len; i++) {
        bad += (check_bytes(GOOD, i, NOW) != NGX_RD_ERR_SIGNATURE_MALFORMED);
    }

    is_int(bad, 0, "truncated at any byte it has another form");
    is_int(check_bytes(GOOD, 0, NOW), NGX_RD_ERR_SIGNATURE_MISSING,
           "nothing is missing");
}


#define MAC  "771596ac550f389e6e55bb956b8c7fef28ba00157facdb0e812fe2517372664c"
#define NONCE  "abcdefghijklmnop"
#define LONG   NONCE NONCE NONCE NONCE

static void
test_form(void)
{
    ngx_uint_t  i;

    static const struct { const char *header, *name; } v[] = {
        { "v2:1700000000000:" NONCE ":17:user:" MAC, "another version" },
        { "V1:1700000000000:" NONCE ":17:user:" MAC, "a capital version" },
        { "v1:01700000000000:" NONCE ":17:user:" MAC, "a time with a zero" },
        { "v1:-1:" NONCE ":17:user:" MAC, "a negative time" },
        { "v1:0:" NONCE ":17:user:" MAC, "the year 1970" },
        { "v1:99999999999999999999:" NONCE ":17:user:" MAC, "10^20 as time" },
        { "v1:1.7e12:" NONCE ":17:user:" MAC, "a time with a point" },
        { "v1:1700000000000:abc:17:user:" MAC, "a short nonce" },
        { "v1:1700000000000:" LONG "x:17:user:" MAC, "a long nonce" },
        { "v1:1700000000000:abcdefgh{jklmnop:17:user:" MAC, "a brace" },
        { "v1:1700000000000:abcdefgh jklmnop:17:user:" MAC, "a space" },
        { "v1:1700000000000::17:user:" MAC, "no nonce" },
        { "v1:1700000000000:" NONCE ":0:user:" MAC, "user 0" },
        { "v1:1700000000000:" NONCE ":-17:user:" MAC, "user -17" },
        { "v1:1700000000000:" NONCE ":017:user:" MAC, "user 017" },
        { "v1:1700000000000:" NONCE ":100000000000000000000:user:" MAC,
          "user 10^20" },
        { "v1:1700000000000:" NONCE ":17:root:" MAC, "another role" },
        { "v1:1700000000000:" NONCE ":17::" MAC, "no role" },
        { "v1:1700000000000:" NONCE ":17:user:" MAC "0", "a long signature" },
        { "v1:1700000000000:" NONCE ":17:user:" MAC ":", "a seventh part" },
        { "v1:1700000000000:" NONCE ":17:user", "five parts" },
        { ":::::", "six empty parts" },
        { "::::::::::::::::", "only colons" },
        { " " GOOD, "a space in front" },
    };

    begin();

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        is_int(check(v[i].header), NGX_RD_ERR_SIGNATURE_MALFORMED, v[i].name);
    }

    is_int(check("v1:1700000000000:" NONCE ":17:user:"
                 "771596AC550F389E6E55BB956B8C7FEF28BA00157FACDB0E812FE2517372"
                 "664C"), NGX_RD_ERR_SIGNATURE_WRONG, "capital digits");
    is_int(check("v1:1700000000000:" NONCE ":17:admin:" MAC),
           NGX_RD_ERR_SIGNATURE_WRONG, "a player who calls himself admin");
    is_int(what.admin, 0, "is none");
}


int
main(void)
{
    test_genuine();
    test_other_request();
    test_secrets();
    test_time();
    test_changed();
    test_form();

    return tap_done();
}
