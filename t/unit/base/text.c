
/*
 * Copyright (C) the ngx_rd authors
 */

/* libs: -lcrypto */

#include "../../../src/base/ngx_rd_text.c"
#include "tap.h"


static const char  hex[] = "0123456789abcdef";
static const char  letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static void
test_random(void)
{
    char  a[201], b[201];

    is_int(ngx_rd_text_random_hex(a, 100), NGX_OK, "100 random bytes");
    is_int(ngx_rd_text_random_hex(b, 100), NGX_OK, "and 100 more");
    ok(strlen(a) == 200 && strspn(a, hex) == 200, "are 200 hex digits");
    ok(strcmp(a, b) != 0, "never the same twice");

    is_int(ngx_rd_text_random_hex(a, 0), NGX_OK, "no bytes at all");
    is_str(a, "", "are an empty text");

    is_int(ngx_rd_text_random_password(a, 77), NGX_OK, "a password");
    ok(strlen(a) == 77 && strspn(a, letters) == 77,
       "is of its length and alphabet");
    is_int(ngx_rd_text_random_password(b, 77), NGX_OK, "another one");
    ok(strcmp(a, b) != 0, "differs");
}


static void
test_secret(void)
{
    const u_char  *a = (const u_char *) "abc", *b = (const u_char *) "abd";

    ok(ngx_rd_text_equal_secret(a, 3, a, 3), "equal");
    ok(!ngx_rd_text_equal_secret(a, 3, b, 3), "another last byte");
    ok(ngx_rd_text_equal_secret(a, 2, b, 2), "equal as far as counted");
    ok(!ngx_rd_text_equal_secret(a, 2, a, 3), "another length");
    ok(ngx_rd_text_equal_secret(a, 0, NULL, 0), "nothing equals nothing");
}


static void
test_username(void)
{
    char        name[NGX_RD_USERNAME_BYTES_MAX + 1];
    ngx_uint_t  i;

    static const struct { const char *from, *to; } vectors[] = {
        { "Alice B.", "aliceb" },
        { "12345", "user42" },
        { "9lives-", "lives-" },
        { "\xc3\xbcn\xc3\xaf" "code", "ncode" },
        { "-_-", "_-" },
        { "Sshd", "user42" },
        { "", "user42" },
        { "root", "user42" },
        { "roots", "roots" },
        { "WWW-Data", "user42" },
        { "a;rm -rf /", "arm-rf" },
        { "$(id)", "id" },
        { "abcdefghijklmnopqrstuvwxyz0123456789",
          "abcdefghijklmnopqrstuvwxyz012345" },
    };

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ngx_rd_text_username(name, (const u_char *) vectors[i].from,
                             strlen(vectors[i].from), 42);
        is_str(name, vectors[i].to, vectors[i].to);
    }

    ngx_rd_text_username(name, (const u_char *) "", 0, INT64_MAX);
    is_str(name, "user9223372036854775807", "the largest id fits");

    ngx_rd_text_username(name, (const u_char *) "ab\0cd", 5, 42);
    is_str(name, "abcd", "a NUL is dropped like any other byte");
}


static void
test_id(void)
{
    ngx_uint_t  i;

    static const struct { const char *text; uint64_t id; } vectors[] = {
        { "1", 1 }, { "42", 42 }, { "9223372036854775807", INT64_MAX },
        { "9223372036854775808", 0 }, { "9999999999999999999", 0 },
        { "100000000000000000000", 0 }, { "", 0 }, { "0", 0 }, { "01", 0 },
        { "-1", 0 }, { "+1", 0 }, { " 1", 0 }, { "1 ", 0 }, { "1.5", 0 },
        { "1e3", 0 }, { "0x1", 0 },
    };

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ok(ngx_rd_text_id((const u_char *) vectors[i].text,
                          strlen(vectors[i].text))
           == vectors[i].id,
           "id \"%s\"", vectors[i].text);
    }

    is_int(ngx_rd_text_id((const u_char *) "12x", 2), 12, "an id is counted");
}


static void
test_decimal(void)
{
    u_char  buf[NGX_INT64_LEN + 1];

    static const struct {
        uint64_t     n;
        const char  *text;
    } vectors[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 1203, "1203" },
        { INT64_MAX, "9223372036854775807" },
        { UINT64_MAX, "18446744073709551615" },
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        *ngx_rd_text_decimal(buf, vectors[i].n) = '\0';

        is_str((char *) buf, vectors[i].text, "it writes it in decimal");
    }
}


static void
test_digest(void)
{
    char      hex[NGX_RD_TEXT_DIGEST_BYTES + 1];
    uint64_t  digest;

    /* SHA-1 of "abc" (FIPS 180) begins a9993e364706816a */

    digest = ngx_rd_text_digest((u_char *) "abc", 3);
    is_int(digest == 0xa9993e364706816aULL, 1, "the digest begins as SHA-1");

    ngx_rd_text_digest_hex(hex, digest);
    is_str(hex, "a9993e364706816a", "the digest is written in hex");
    is_int(ngx_rd_text_digest_read((u_char *) hex, 16) == digest, 1,
           "the digest is read back");

    ngx_rd_text_digest_hex(hex, 0x1f);
    is_str(hex, "000000000000001f", "leading zeros are written");

    is_int(ngx_rd_text_digest((u_char *) "", 0), 0, "an empty text has none");
    ngx_rd_text_digest_hex(hex, 0);
    is_str(hex, "", "no digest is an empty text");
    is_int(ngx_rd_text_digest_read((u_char *) "", 0), 0,
           "an empty text is no digest");

    is_int(ngx_rd_text_digest_read((u_char *) "a9993e364706816", 15),
           NGX_RD_TEXT_DIGEST_NONE, "a short digest is nobody's");
    is_int(ngx_rd_text_digest_read((u_char *) "A9993E364706816A", 16),
           NGX_RD_TEXT_DIGEST_NONE, "a digest in capitals is nobody's");
}


static void
test_distance(void)
{
    char  far[NGX_RD_TEXT_FAR + 1];

    memset(far, 'a', NGX_RD_TEXT_FAR);
    far[NGX_RD_TEXT_FAR] = '\0';

    is_int(ngx_rd_text_distance("hostname", "hostname"), 0, "the same word");
    is_int(ngx_rd_text_distance("hostname", "hostnam"), 1, "one letter less");
    is_int(ngx_rd_text_distance("port", "prot"), 2, "two letters swapped");
    is_int(ngx_rd_text_distance("", "abc"), 3, "from nothing");
    is_int(ngx_rd_text_distance("abc", ""), 3, "to nothing");
    is_int(ngx_rd_text_distance("kitten", "sitting"), 3, "kitten, sitting");
    is_int(ngx_rd_text_distance(far, "a"), NGX_RD_TEXT_FAR,
           "a word of 64 letters is far");

    far[NGX_RD_TEXT_FAR - 1] = '\0';
    is_int(ngx_rd_text_distance(far, far), 0, "one of 63 is measured");
}


static void
test_quoted(void)
{
    u_char      out[NGX_RD_TEXT_QUOTED_BYTES + 1], long_text[200];
    size_t      i, worst;
    ngx_uint_t  n;

    static const u_char  raw[] = "a b\"\\\x1b\n\xff~";

    *ngx_rd_text_quoted(out, raw, sizeof(raw) - 1) = '\0';
    is_str((char *) out, "a b\\x22\\x5c\\x1b\\x0a\\xff~",
           "what a line of the log cannot hold is escaped");

    worst = 0;

    for (n = 0; n < 4; n++) {

        /* escapes may begin just before the end */

        memset(long_text, 'e', sizeof(long_text));

        for (i = n; i < sizeof(long_text); i++) {
            long_text[i] = 0x01;
        }

        i = ngx_rd_text_quoted(out, long_text, sizeof(long_text)) - out;
        worst = ngx_max(worst, i);
    }

    ok(worst <= NGX_RD_TEXT_QUOTED_BYTES, "and cut where its room ends");
    ok(memcmp(out + i - 3, "...", 3) == 0, "which is shown");
}


static void
test_cut(void)
{
    size_t  n;
    char    text[100];

    (void) strcpy(text, "permission denied: /run/docker.sock");
    ngx_rd_text_cut(text, 35);
    is_str(text, "permission denied: /run/docker.sock",
           "a text that fits is not cut");

    ngx_rd_text_cut(text, 25);
    is_str(text, "permission denied:...",
           "a longer one ends with a whole word");

    memset(text, 'x', sizeof(text));
    text[99] = '\0';
    text[10] = ' ';
    ngx_rd_text_cut(text, 90);
    is_int(strlen(text), 93, "a very long word is cut");

    for (n = 0; n < 10; n++) {
        memcpy(text + 2 * n, "\xc3\xa9", 3);
    }

    ngx_rd_text_cut(text, 5);
    is_str(text, "\xc3\xa9\xc3\xa9...", "but no character of UTF-8");
}


int
main(void)
{
    test_random();
    test_secret();
    test_username();
    test_id();
    test_decimal();
    test_digest();
    test_distance();
    test_quoted();
    test_cut();

    return tap_done();
}
