
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/identity/ngx_rd_pickle.c src/base/ngx_rd_json.c */
/* libs: -lcjson */

#include "../../../src/identity/ngx_rd_ctfd_session.c"
#include "tap.h"

#include <cjson/cJSON.h>


#define HASH   "818dfa6cca2a23b9b90272b9df8bc84662f7d448"
#define NONCE                                                                 \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


static ngx_rd_ctfd_session_t  session;


static ngx_int_t
parse(const char *text)
{
    memset(&session, 'x', sizeof(ngx_rd_ctfd_session_t));

    return ngx_rd_ctfd_session_parse(&session, (const u_char *) text,
                                     strlen(text));
}


static void
test_logged_in(void)
{
    ngx_int_t  rc;

    /* as CTFd writes it: 151 bytes of text */

    static const char  value[] =
        "!\x80\x05\x95\x9b\0\0\0\0\0\0\0\x8c\x97"
        "{\"_permanent\":true,\"hash\":\"" HASH "\",\"id\":2,"
        "\"nonce\":\"" NONCE "\"}\x94.";

    rc = ngx_rd_ctfd_session_parse(&session, (const u_char *) value,
                                   sizeof(value) - 1);

    is_int(rc, NGX_OK, "a session of CTFd");
    is_int(session.user_id, 2, "its user");
    is_str(session.hash, HASH, "its hash");
    is_str(session.nonce, NONCE, "its nonce");
}


static void
test_json(void)
{
    is_int(parse("{\"nonce\":\"" NONCE "\"}"), NGX_OK, "an anonymous session");
    ok(session.user_id == 0 && session.hash[0] == '\0', "has no user");
    is_str(session.nonce, NONCE, "but a nonce");

    is_int(parse("{}"), NGX_OK, "an empty session");
    ok(session.user_id == 0 && session.nonce[0] == '\0', "has nothing");

    is_int(parse("{\"a\":{\"id\":7,\"nonce\":\"x\"},\"id\":3,"
                 "\"_flashes\":[{\" t\":[\"id\",\"nonce\"]},{\"id\":9}]}"),
           NGX_OK, "other keys with ids inside");
    is_int(session.user_id, 3, "only the one on top counts");
    is_str(session.nonce, "", "and no nonce from below");

    is_int(parse("{\"view_mode\":\"\\\",\\\"id\\\":1,\\\"x\\\":\\\"\"}"),
           NGX_OK, "a user's text that looks like a key");
    is_int(session.user_id, 0, "is only a text");

    is_int(parse("{\"ID\":1,\"Id\":2,\"id \":3}"), NGX_OK, "names like id");
    is_int(session.user_id, 0, "are not id");

    is_int(parse("{\"id\":9007199254740991}"), NGX_OK, "the largest id");
    ok(session.user_id == 9007199254740991ULL, "is read exactly");
}


static void
test_refused(void)
{
    char        text[512];
    size_t      n;
    ngx_uint_t  i;

    static const char  *ids[] = {
        "0", "-1", "1.5", "\"2\"", "true", "null", "[2]", "{\"id\":2}",
        "100000000000000000000", "1e20", "9007199254740993", "1e999", "\"\"",
        "-0.5", "NaN", "Infinity", "0x2",
    };

    static const char  *texts[] = {
        "", "{", "[]", "2", "{\"id\":2", "{\"id\":2}}", "{\"id\":2}{\"id\":3}",
        "{\"id\":2,\"id\":3}", "{\"id\":2,\"id\":2}",
        "{\"nonce\":\"a\",\"nonce\":\"b\"}", "{\"hash\":\"\",\"hash\":\"a\"}",
        "{\"nonce\":1}", "{\"nonce\":null}", "{\"hash\":[\"a\"]}",
        "{\"id\\u0000\":2}", "{\"nonce\":\"a\\u0000b\"}", "{id:2}",
        "!{\"id\":2}",
    };

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"nonce\":\"n\",\"id\":%s}",
                        ids[i]);
        ok(parse(text) == NGX_DECLINED && session.user_id == 0
           && session.nonce[0] == '\0', "refused: %s", text);
    }

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(parse(texts[i]) == NGX_DECLINED && session.user_id == 0,
           "refused: %s", texts[i]);
    }

    n = sprintf(text, "{\"nonce\":\"");
    memset(text + n, 'n', NGX_RD_NONCE_BYTES_MAX + 1);
    strcpy(text + n + NGX_RD_NONCE_BYTES_MAX, "\"}");
    is_int(parse(text), NGX_OK, "a nonce as long as allowed");
    text[n + NGX_RD_NONCE_BYTES_MAX] = 'n';
    strcpy(text + n + NGX_RD_NONCE_BYTES_MAX + 1, "\"}");
    is_int(parse(text), NGX_DECLINED, "a byte longer");

    n = sprintf(text, "{\"hash\":\"");
    memset(text + n, 'h', NGX_RD_HASH_BYTES_MAX + 1);
    strcpy(text + n + NGX_RD_HASH_BYTES_MAX + 1, "\"}");
    is_int(parse(text), NGX_DECLINED, "too long a hash");
}


static void
test_deep(void)
{
    char    *text;
    size_t   n;

    text = malloc(300000);
    n = sprintf(text, "{\"a\":");
    memset(text + n, '[', 100000);
    memset(text + n + 100000, ']', 100000);
    strcpy(text + n + 200000, ",\"id\":1}");

    is_int(parse(text), NGX_DECLINED, "a hundred thousand brackets");

    free(text);
}


static void
test_no_memory(void)
{
    long       n, bad;
    ngx_int_t  rc;

    cJSON_Hooks  hooks = { __wrap_malloc, free };

    cJSON_InitHooks(&hooks);
    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);
        rc = parse("{\"id\":2,\"nonce\":\"n\",\"l\":[1,2]}");

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (rc != NGX_DECLINED || session.user_id != 0);
    }

    ok(rc == NGX_OK && n > 5, "read at last, after %ld failures", n - 1);
    is_int(bad, 0, "nobody was let in before");
}


int
main(void)
{
    test_logged_in();
    test_json();
    test_refused();
    test_deep();
    test_no_memory();

    return tap_done();
}
