
/*
 * Copyright (C) the ngx_rd authors
 */

/* libs: -lcrypto */

#include "../../../src/identity/ngx_rd_cookie.c"
#include "tap.h"


#define SECRET  "ctfd-nginx-test-secret-key-0001"

#define SID1    "00000000-0000-4000-8000-000000000000"
#define SID2    "3f8bb1e8-5de3-4205-a3c7-b32865b552c6"
#define COOKIE1  SID1 ".L1fltEstb7r2c80Yq0s7GutDb1Y"
#define COOKIE2  SID2 ".RVTaQyusA_1yP6YrspESWozOcW8"


static ngx_rd_cookie_key_t  key;


/* from a block of exactly that size, so that ASan sees a byte too far */

static ngx_int_t
verify(const char *value, size_t len, char *sid)
{
    u_char     *copy;
    ngx_int_t   rc;

    copy = malloc(len ? len : 1);
    memcpy(copy, value, len);
    rc = ngx_rd_cookie_verify(&key, copy, len, sid);
    free(copy);

    return rc;
}


static void
test_key(void)
{
    static const u_char  want[] =
        "\x30\xeb\x37\x96\x5a\x07\x8d\xf0\xac\x62"
        "\xbd\x9e\x6d\xda\xf5\x08\x29\x33\x79\xb1";

    static const u_char  binary[64] = { 0, '\n', 0xff };
    ngx_rd_cookie_key_t  other;

    is_int(ngx_rd_cookie_key(&key, (const u_char *) SECRET,
                             sizeof(SECRET) - 1), NGX_OK, "a key");
    ok(memcmp(key.bytes, want, 20) == 0, "as itsdangerous derives it");

    is_int(ngx_rd_cookie_key(&other, binary, 64), NGX_OK,
           "a secret of any bytes");
    ok(memcmp(key.bytes, other.bytes, 20) != 0, "gives another key");
}


static void
test_genuine(void)
{
    char  sid[NGX_RD_COOKIE_SID_BYTES + 1];

    is_int(verify(COOKIE1, sizeof(COOKIE1) - 1, sid), NGX_OK, "vector 1");
    is_str(sid, SID1, "has its sid");
    is_int(verify(COOKIE2, sizeof(COOKIE2) - 1, sid), NGX_OK,
           "vector 2, of a real CTFd");
    is_str(sid, SID2, "has its sid");
    is_int(verify("\"" COOKIE2 "\"", sizeof(COOKIE2) + 1, sid), NGX_OK,
           "in double quotes, as CTFd takes it");
    is_str(sid, SID2, "has its sid, too");
}


static void
test_forged(void)
{
    char        sid[NGX_RD_COOKIE_SID_BYTES + 1], text[NGX_RD_COOKIE_BYTES + 1];
    size_t      i, n, bad;
    ngx_uint_t  bit;

    strcpy(sid, "untouched");
    bad = 0;

    for (i = 0; i < NGX_RD_COOKIE_BYTES; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(text, COOKIE2, sizeof(text));
            text[i] ^= 1 << bit;
            bad += (verify(text, NGX_RD_COOKIE_BYTES, sid) != NGX_DECLINED);
        }
    }

    is_int(bad, 0, "any bit changed is refused, each of 512");

    for (bad = 0, n = 0; n < NGX_RD_COOKIE_BYTES; n++) {
        bad += (verify(COOKIE2, n, sid) != NGX_DECLINED);
    }

    is_int(bad, 0, "truncated at any byte it is refused");

    is_int(verify(COOKIE2 "=", sizeof(COOKIE2), sid), NGX_DECLINED,
           "padding is refused");
    is_int(verify("\"" COOKIE2, sizeof(COOKIE2), sid), NGX_DECLINED,
           "one quote is refused");
    is_int(verify(SID1 ".RVTaQyusA_1yP6YrspESWozOcW8", NGX_RD_COOKIE_BYTES,
                  sid), NGX_DECLINED, "the signature of another sid");
    is_int(verify("3F8BB1E8-5DE3-4205-A3C7-B32865B552C6"
                  ".RVTaQyusA_1yP6YrspESWozOcW8", NGX_RD_COOKIE_BYTES, sid),
           NGX_DECLINED, "capital letters");
    is_str(sid, "untouched", "no sid is given for any of these");

    key.bytes[19] ^= 1;
    is_int(verify(COOKIE2, sizeof(COOKIE2) - 1, sid), NGX_DECLINED,
           "another key");
    key.bytes[19] ^= 1;
}


static void
test_no_uuid(void)
{
    char  sid[NGX_RD_COOKIE_SID_BYTES + 1];

    /* signed with our own key, hence genuine but for its form */

    static const struct { const char *sid; const char *name; } v[] = {
        { "../../../../../../../../../../../x00", "a path" },
        { "3f8bb1e85de34205a3c7b32865b552c6----", "dashes elsewhere" },
        { "3f8bb1e8-5de3-4205-a3c7-b32865b552cg", "a letter that is no hex" },
    };

    u_char      mac[EVP_MAX_MD_SIZE], text[NGX_RD_COOKIE_BYTES];
    ngx_uint_t  i;

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        memcpy(text, v[i].sid, NGX_RD_COOKIE_SID_BYTES);
        text[NGX_RD_COOKIE_SID_BYTES] = '.';
        HMAC(EVP_sha1(), key.bytes, 20, text, NGX_RD_COOKIE_SID_BYTES, mac,
             NULL);
        ngx_rd_cookie_base64url(text + NGX_RD_COOKIE_SID_BYTES + 1, mac);

        is_int(verify((char *) text, sizeof(text), sid), NGX_DECLINED,
               v[i].name);
    }
}


static void
test_find(void)
{
    char           got[128];
    size_t         len, value_len;
    u_char        *copy;
    ngx_int_t      rc;
    ngx_uint_t     i;
    const u_char  *value;

    static const struct { const char *header, *value; } v[] = {
        { "session=abc", "abc" },
        { "a=b; session=abc; c=d", "abc" },
        { "a=b;session=abc;c=d", "abc" },
        { "session=first; session=second", "first" },
        { "session= abc \t; x", "abc" },
        { " \tsession\t = abc", "abc" },
        { "session=", "" },
        { "session=a=b=c", "a=b=c" },
        { "session=\"abc\"", "\"abc\"" },
        { "xsession=1; session=2", "2" },
        { "sessionx=1; session=2", "2" },
        { "x; session=2", "2" },
        { ";;;session=2;;", "2" },
        { "a=session=1; session=2", "2" },
        { "Session=1", NULL }, { "session", NULL }, { "session;=1", NULL },
        { "", NULL }, { ";", NULL }, { "=", NULL }, { "=session", NULL },
        { "a=session", NULL },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        len = strlen(v[i].header);
        copy = malloc(len ? len : 1);
        memcpy(copy, v[i].header, len);

        rc = ngx_rd_cookie_find(copy, len, (const u_char *) "session", 7,
                                &value, &value_len);

        if (rc == NGX_OK) {
            memcpy(got, value, value_len);
            got[value_len] = '\0';
        }

        is_str((rc == NGX_OK) ? got : NULL, v[i].value, v[i].header);
        free(copy);
    }
}


static void
test_next(void)
{
    size_t         i;
    u_char        *copy;
    ngx_str_t      name, value;
    const u_char  *p;

    static const char  header[] = "a=1; b ; =x;; session = v w ;c=\"q\"";
    static const char  *names[] = { "a", "b ", "", "", "session ", "c" };
    static const char  *values[] = { "1", "", "x", "", "v w", "\"q\"" };

    copy = malloc(sizeof(header) - 1);
    memcpy(copy, header, sizeof(header) - 1);
    p = copy;

    for (i = 0; i < 6; i++) {
        ok(ngx_rd_cookie_next(&p, copy + sizeof(header) - 1, &name, &value)
           == NGX_OK, "another cookie");
        ok(name.len == strlen(names[i])
           && memcmp(name.data, names[i], name.len) == 0, names[i]);
        ok(value.len == strlen(values[i])
           && memcmp(value.data, values[i], value.len) == 0, values[i]);
    }

    is_int(ngx_rd_cookie_next(&p, copy + sizeof(header) - 1, &name, &value),
           NGX_DECLINED, "and no more");
    free(copy);
}


int
main(void)
{
    test_key();
    test_genuine();
    test_forged();
    test_no_uuid();
    test_find();
    test_next();

    return tap_done();
}
