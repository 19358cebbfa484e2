
/*
 * Copyright (C) the ngx_rd authors
 */

/* libs: -lcjson */

#include "../../../src/base/ngx_rd_json.c"
#include "tap.h"


static ngx_rd_json_t *
parse(const char *text)
{
    return ngx_rd_json_parse((const u_char *) text, strlen(text));
}


/* from a block of exactly that size, so that ASan sees a byte too far */

static ngx_rd_json_t *
parse_exactly(const char *text, size_t len)
{
    u_char         *copy;
    ngx_rd_json_t  *json;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    json = ngx_rd_json_parse(copy, len);
    free(copy);

    return json;
}


static void
test_refused(void)
{
    ngx_uint_t      i;
    ngx_rd_json_t  *json;

    static const char  *texts[] = {
        "", " ", "{", "}", "[", "]", "{]", "[}", "tru", "nul", "\"", "\"a",
        "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "[1,",
        "[1,]", "[1 2]", "{\"a\" 1}", "{a:1}", "{'a':1}", "{} {}", "{}x",
        "1 2", "\"\\u00\"", "\"\\x\"", "\"\\ud800\"", "\"a\\u0000b\"",
        "{\"id\\u0000x\":1}", "\"\\\\\\u0000\"", "\"a\nb\"", "\"a\tb\"",
        "{\x01}", "{\"a\":\x0b" "1}", "{\x0c}",
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json = parse_exactly(texts[i], strlen(texts[i]));
        ok(json == NULL, "refused: text %u", (unsigned) i);
        ngx_rd_json_free(json);
    }

    json = ngx_rd_json_parse((const u_char *) "{\"a\":1}\0", 8);
    ok(json == NULL, "refused: a NUL behind the value");

    json = ngx_rd_json_parse((const u_char *) "{\"a\0b\":1}", 9);
    ok(json == NULL, "refused: a NUL in a string");
}


static void
test_truncated(void)
{
    size_t          n, len, bad;
    ngx_rd_json_t  *json;

    static const char  whole[] =
        "{\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\\"\"],"
        " \"b\": {\"c\": {}}}";

    len = sizeof(whole) - 1;
    bad = 0;

    for (n = 0; n < len; n++) {
        json = parse_exactly(whole, n);
        bad += (json != NULL);
        ngx_rd_json_free(json);
    }

    is_int(bad, 0, "truncated at any byte it is refused");

    json = parse_exactly(whole, len);
    ok(json != NULL, "and whole it is read");
    ngx_rd_json_free(json);
}


static void
test_bounds(void)
{
    char           *text;
    size_t          i, n;
    ngx_rd_json_t  *json;

    text = malloc(NGX_RD_JSON_BYTES_MAX + 2);

    memset(text, ' ', NGX_RD_JSON_BYTES_MAX + 1);
    text[0] = '1';

    json = ngx_rd_json_parse((u_char *) text, NGX_RD_JSON_BYTES_MAX);
    ok(json != NULL, "as long as allowed");
    ngx_rd_json_free(json);

    json = ngx_rd_json_parse((u_char *) text, NGX_RD_JSON_BYTES_MAX + 1);
    ok(json == NULL, "a byte longer");

    n = 0;
    text[n++] = '[';

    for (i = 0; i < NGX_RD_JSON_VALUES_MAX; i++) {
        text[n++] = '1';
        text[n++] = ',';
    }

    text[n - 1] = ']';

    json = ngx_rd_json_parse((u_char *) text, n);
    ok(json == NULL, "too many values");

    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);

    json = ngx_rd_json_parse((u_char *) text, 200000);
    ok(json == NULL, "too deep");

    json = ngx_rd_json_parse((u_char *) text + 100000 - 999, 1998);
    ok(json != NULL, "as deep as allowed");
    ngx_rd_json_free(json);

    free(text);
}


static void
test_look(void)
{
    int64_t         n;
    ngx_rd_json_t  *json, *list, *member;

    json = parse(" {\"s\": \"x\\u00e9\", \"t\": true, \"f\": false,"
                 " \"z\": null, \"l\": [1, \"2\", {}], \"S\": 0} \r\n");

    ok(ngx_rd_json_is_object(json), "an object");
    ok(!ngx_rd_json_is_array(json), "is no array");
    is_int(ngx_rd_json_count(json), 6, "with six members");
    is_str(ngx_rd_json_string(ngx_rd_json_get(json, "s")), "x\xc3\xa9",
           "a string in UTF-8");
    is_int(ngx_rd_json_integer(ngx_rd_json_get(json, "S"), &n), NGX_OK,
           "names are told apart by case");
    ok(ngx_rd_json_is_true(ngx_rd_json_get(json, "t")), "true is true");
    ok(!ngx_rd_json_is_true(ngx_rd_json_get(json, "f")), "false is not");
    ok(!ngx_rd_json_is_true(ngx_rd_json_get(json, "s")), "nor is a string");
    ok(ngx_rd_json_get(json, "q") == NULL, "what is not there is NULL");
    ok(ngx_rd_json_string(ngx_rd_json_get(json, "z")) == NULL,
       "null is no string");

    list = ngx_rd_json_get(json, "l");

    ok(ngx_rd_json_is_array(list), "an array");
    ok(ngx_rd_json_get(list, "s") == NULL, "has no names");
    is_str(ngx_rd_json_string(ngx_rd_json_at(list, 1)), "2", "its second");
    ok(ngx_rd_json_at(list, 3) == NULL, "it has no fourth");
    ok(ngx_rd_json_string(ngx_rd_json_at(list, 0)) == NULL,
       "a number is no string");
    ok(ngx_rd_json_integer(ngx_rd_json_at(list, 1), &n) == NGX_ERROR,
       "a string is no number");

    member = ngx_rd_json_next(ngx_rd_json_first(json));
    is_str(ngx_rd_json_name(member), "t", "a walk keeps the order");
    ok(ngx_rd_json_next(ngx_rd_json_at(list, 2)) == NULL, "and ends");
    ok(ngx_rd_json_name(ngx_rd_json_first(list)) == NULL,
       "an array's member has no name");

    ngx_rd_json_free(json);

    ok(ngx_rd_json_get(NULL, "a") == NULL && ngx_rd_json_at(NULL, 0) == NULL
       && ngx_rd_json_count(NULL) == 0 && ngx_rd_json_string(NULL) == NULL
       && ngx_rd_json_first(NULL) == NULL && ngx_rd_json_next(NULL) == NULL
       && ngx_rd_json_name(NULL) == NULL && !ngx_rd_json_is_true(NULL)
       && !ngx_rd_json_is_object(NULL) && !ngx_rd_json_is_array(NULL)
       && ngx_rd_json_integer(NULL, &n) == NGX_ERROR,
       "NULL has nothing and is nothing");
}


static void
test_integer(void)
{
    int64_t         n;
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_rd_json_t  *json;

    static const struct { const char *text; ngx_int_t rc; int64_t n; } v[] = {
        { "0", NGX_OK, 0 }, { "-1", NGX_OK, -1 }, { "2", NGX_OK, 2 },
        { "9007199254740991", NGX_OK, 9007199254740991 },
        { "-9007199254740991", NGX_OK, -9007199254740991 },
        { "9007199254740992", NGX_ERROR, 0 },
        { "9007199254740993", NGX_ERROR, 0 },
        { "100000000000000000000", NGX_ERROR, 0 },
        { "1e999", NGX_ERROR, 0 }, { "-1e999", NGX_ERROR, 0 },
        { "1.5", NGX_ERROR, 0 }, { "-0.1", NGX_ERROR, 0 },
        { "\"2\"", NGX_ERROR, 0 }, { "true", NGX_ERROR, 0 },
        { "null", NGX_ERROR, 0 }, { "[1]", NGX_ERROR, 0 },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        json = parse(v[i].text);
        n = 0;
        rc = ngx_rd_json_integer(json, &n);
        ok(rc == v[i].rc && n == v[i].n, "integer %s", v[i].text);
        ngx_rd_json_free(json);
    }
}


static ngx_rd_json_t *
build(void)
{
    ngx_rd_json_t  *root, *list, *child;

    root = ngx_rd_json_object();

    ngx_rd_json_set_string(root, "s", "a\"b\\c\n\x01");
    ngx_rd_json_set_text(root, "t", (const u_char *) "ab\0\xff\xc3\xa9", 6);
    ngx_rd_json_set_integer(root, "i", -7);
    ngx_rd_json_set_integer(root, "big", 1LL << 52);
    ngx_rd_json_set_integer(root, "max", INT64_MAX);
    ngx_rd_json_set_integer(root, "min", INT64_MIN);
    ngx_rd_json_set_integer(root, "15", 1000000000000000LL);
    ngx_rd_json_set_number(root, "n", 0.5);
    ngx_rd_json_set_bool(root, "y", 1);
    ngx_rd_json_set_bool(root, "f", 0);
    ngx_rd_json_set_null(root, "z");

    list = ngx_rd_json_set_array(root, "l");
    ngx_rd_json_push_string(list, "x");
    child = ngx_rd_json_push_object(list);
    ngx_rd_json_set_string(child, "k", "v");

    child = ngx_rd_json_set_object(root, "o");
    ngx_rd_json_set_null(child, "p");

    child = ngx_rd_json_object();
    ngx_rd_json_set_string(child, "c", "d");
    ngx_rd_json_set(root, "m", child);

    child = ngx_rd_json_array();
    ngx_rd_json_push(list, child);

    return root;
}


static void
test_write(void)
{
    char           *text;
    ngx_rd_json_t  *json;

    json = build();
    text = ngx_rd_json_print(json);

    is_str(text,
           "{\"s\":\"a\\\"b\\\\c\\n\\u0001\",\"t\":\"ab\xef\xbf\xbd"
           "\xef\xbf\xbd\xc3\xa9\",\"i\":-7,\"big\":4503599627370496,"
           "\"max\":9223372036854775807,\"min\":-9223372036854775808,"
           "\"15\":1000000000000000,\"n\":0.5,\"y\":true,\"f\":false,"
           "\"z\":null,\"l\":[\"x\",{\"k\":\"v\"},[]],\"o\":{\"p\":null},"
           "\"m\":{\"c\":\"d\"}}",
           "all kinds of values in one line");

    free(text);
    ngx_rd_json_free(json);

    ngx_rd_json_set_string(NULL, "a", "b");
    ngx_rd_json_set_text(NULL, "a", NULL, 0);
    ngx_rd_json_set_integer(NULL, "a", 1);
    ngx_rd_json_set_number(NULL, "a", 1);
    ngx_rd_json_set_bool(NULL, "a", 1);
    ngx_rd_json_set_null(NULL, "a");
    ngx_rd_json_set(NULL, "a", ngx_rd_json_object());
    ngx_rd_json_push(NULL, ngx_rd_json_array());
    ngx_rd_json_push_string(NULL, "a");

    ok(ngx_rd_json_set_object(NULL, "a") == NULL
       && ngx_rd_json_set_array(NULL, "a") == NULL
       && ngx_rd_json_push_object(NULL) == NULL
       && ngx_rd_json_print(NULL) == NULL,
       "writing to nothing is nothing, and leaks nothing");
}


static void
test_utf8(void)
{
    char           *text;
    ngx_uint_t      i;
    ngx_rd_json_t  *json;

    static const struct { const char *from; const char *to; } v[] = {
        { "\xc3\xa9", "\xc3\xa9" },
        { "\xe2\x82\xac", "\xe2\x82\xac" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
        { "\x80", "\xef\xbf\xbd" },
        { "\xc3", "\xef\xbf\xbd" },
        { "\xc3x", "\xef\xbf\xbdx" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xff", "\xef\xbf\xbd" },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        json = ngx_rd_json_object();
        ngx_rd_json_set_string(json, "a", v[i].from);
        text = ngx_rd_json_print(json);
        text[strlen(text) - 2] = '\0';
        ok(strcmp(text + 6, v[i].to) == 0, "UTF-8 vector %u", (unsigned) i);
        free(text);
        ngx_rd_json_free(json);
    }
}


static void
test_no_memory(void)
{
    char           *text;
    long            n, bad;
    ngx_rd_json_t  *json;

    cJSON_Hooks  hooks = { __wrap_malloc, free };

    cJSON_InitHooks(&hooks);

    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);

        json = build();
        text = ngx_rd_json_print(json);
        ngx_rd_json_free(json);

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (text != NULL);
        free(text);
    }

    ok(text != NULL && n > 20, "written at last, after %ld failures", n - 1);
    is_int(bad, 0, "and never in part");
    free(text);

    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);

        json = parse("{\"a\":[1,{\"b\":\"c\"}]}");

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (json != NULL);
        ngx_rd_json_free(json);
    }

    ok(json != NULL && n > 5, "read at last, after %ld failures", n - 1);
    is_int(bad, 0, "and never in part");
    ngx_rd_json_free(json);
}


int
main(void)
{
    test_refused();
    test_truncated();
    test_bounds();
    test_look();
    test_integer();
    test_write();
    test_utf8();
    test_no_memory();

    return tap_done();
}
