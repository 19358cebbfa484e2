/* libs: -lhiredis */

/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/redis/ngx_rd_redis_reply.c"
#include "tap.h"


static void test_types(void);
static void test_integer(void);
static void test_array(void);
static void test_field(void);

static redisReply *reply(const char *resp);
static const char *shown(const char *resp);


int
main(void)
{
    test_types();
    test_integer();
    test_array();
    test_field();

    return tap_done();
}


/* the library's own reader makes what it will give us */

static redisReply *
reply(const char *resp)
{
    void         *r;
    redisReader  *reader;

    r = NULL;
    reader = redisReaderCreate();

    if (redisReaderFeed(reader, resp, strlen(resp)) != REDIS_OK
        || redisReaderGetReply(reader, &r) != REDIS_OK || r == NULL)
    {
        printf("Bail out! no RESP: %s\n", resp);
        exit(1);
    }

    redisReaderFree(reader);

    return r;
}


/* in one line */

static const char *
shown(const char *resp)
{
    char         *p;
    static char   text[64];

    snprintf(text, sizeof(text), "%s", resp);

    for (p = text; *p; p++) {
        if (*p == '\r' || *p == '\n') {
            *p = '.';
        }
    }

    return text;
}


static void
test_types(void)
{
    ngx_str_t                    text;
    ngx_uint_t                   i;
    const ngx_rd_redis_reply_t  *r;

    static const struct {
        const char           *resp;
        ngx_rd_redis_type_e   type;
        const char           *text;
    } cases[] = {
        { "$-1\r\n",            NGX_RD_REDIS_NIL,     "" },
        { "*-1\r\n",            NGX_RD_REDIS_NIL,     "" },
        { "$0\r\n\r\n",         NGX_RD_REDIS_STRING,  "" },
        { "$5\r\na\r\nbc\r\n",  NGX_RD_REDIS_STRING,  "a\r\nbc" },
        { "+OK\r\n",            NGX_RD_REDIS_STRING,  "OK" },
        { ":12\r\n",            NGX_RD_REDIS_INTEGER, "" },
        { "-ERR no\r\n",        NGX_RD_REDIS_ERROR,   "ERR no" },
        { "*1\r\n+a\r\n",       NGX_RD_REDIS_ARRAY,   "" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = (ngx_rd_redis_reply_t *) reply(cases[i].resp);

        text = ngx_rd_redis_reply_string(r);

        is_int(ngx_rd_redis_reply_type(r), cases[i].type, shown(cases[i].resp));
        is_int(text.len, strlen(cases[i].text), "its length");
        ok(memcmp(text.data, cases[i].text, text.len) == 0, "its text");

        freeReplyObject((void *) r);
    }

    text = ngx_rd_redis_reply_string(NULL);

    is_int(ngx_rd_redis_reply_type(NULL), NGX_RD_REDIS_NIL, "nothing is nil");
    ok(text.len == 0 && text.data != NULL, "and has an empty text");
}


static void
test_integer(void)
{
    ngx_uint_t   i;
    redisReply  *r;

    static const struct {
        const char  *resp;
        int64_t      n;
    } cases[] = {
        { ":0\r\n",                           0 },
        { ":-7\r\n",                          -7 },
        { ":9223372036854775807\r\n",         INT64_MAX },
        { "$2\r\n42\r\n",                     42 },
        { "$2\r\n-1\r\n",                     -1 },
        { "$19\r\n9223372036854775807\r\n",   INT64_MAX },
        { "$20\r\n-9223372036854775808\r\n",  INT64_MIN },
        { "+15\r\n",                          15 },

        /* -1000 is the fallback */

        { "$19\r\n9223372036854775808\r\n",   -1000 },
        { "$0\r\n\r\n",                       -1000 },
        { "$1\r\n-\r\n",                      -1000 },
        { "$2\r\n+1\r\n",                     -1000 },
        { "$2\r\n 1\r\n",                     -1000 },
        { "$2\r\n1 \r\n",                     -1000 },
        { "$3\r\n1.5\r\n",                    -1000 },
        { "$4\r\n0x10\r\n",                   -1000 },
        { "$2\r\n--\r\n",                     -1000 },
        { "+OK\r\n",                          -1000 },
        { "-1\r\n",                           -1000 },
        { "$-1\r\n",                          -1000 },
        { "*1\r\n:1\r\n",                     -1000 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = reply(cases[i].resp);

        is_int(ngx_rd_redis_reply_integer((ngx_rd_redis_reply_t *) r, -1000),
               cases[i].n, shown(cases[i].resp));

        freeReplyObject(r);
    }

    /* a NUL is a byte like others, and no digit */

    r = reply("$2\r\n1a\r\n");
    r->str[1] = '\0';
    is_int(ngx_rd_redis_reply_integer((ngx_rd_redis_reply_t *) r, -1000),
           -1000, "a digit and a NUL");
    freeReplyObject(r);

    is_int(ngx_rd_redis_reply_integer(NULL, 5), 5, "nothing");
}


static void
test_array(void)
{
    redisReply                  *array;
    const ngx_rd_redis_reply_t  *r;

    array = reply("*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n:3\r\n");
    r = (ngx_rd_redis_reply_t *) array;

    is_int(ngx_rd_redis_reply_count(r), 3, "three elements");
    is_int(ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(r, 2), 0), 3,
           "the last");
    ok(ngx_rd_redis_reply_at(r, 3) == NULL, "one too far is nothing");

    r = ngx_rd_redis_reply_at(r, 1);

    is_int(ngx_rd_redis_reply_count(r), 2, "an array in it");
    is_int(ngx_rd_redis_reply_type(ngx_rd_redis_reply_at(r, 1)),
           NGX_RD_REDIS_NIL, "and a nil in that");

    freeReplyObject(array);

    array = reply("$3\r\nabc\r\n");
    r = (ngx_rd_redis_reply_t *) array;

    is_int(ngx_rd_redis_reply_count(r), 0, "a string has no elements");
    ok(ngx_rd_redis_reply_at(r, 0) == NULL, "nor a first one");
    ok(ngx_rd_redis_reply_field(r, "a") == NULL, "nor fields");

    freeReplyObject(array);

    is_int(ngx_rd_redis_reply_count(NULL), 0, "neither has nothing");
    ok(ngx_rd_redis_reply_field(NULL, "a") == NULL, "nor fields");
}


static void
test_field(void)
{
    redisReply                  *hash;
    const ngx_rd_redis_reply_t  *r;

    hash = reply("*7\r\n+id\r\n$2\r\n12\r\n+name\r\n+id\r\n+last\r\n$-1\r\n"
                 "+odd\r\n");
    r = (ngx_rd_redis_reply_t *) hash;

    is_int(ngx_rd_redis_reply_integer(ngx_rd_redis_reply_field(r, "id"), 0),
           12, "a field");
    is_int(ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(r, "name")).len,
           2, "another");
    ok(ngx_rd_redis_reply_field(r, "12") == NULL, "a value is no name");
    ok(ngx_rd_redis_reply_field(r, "nam") == NULL, "nor is half a name");
    ok(ngx_rd_redis_reply_field(r, "names") == NULL, "nor more than one");
    ok(ngx_rd_redis_reply_field(r, "odd") == NULL, "a name without a value");
    ok(ngx_rd_redis_reply_type(ngx_rd_redis_reply_field(r, "last"))
       == NGX_RD_REDIS_NIL, "a value that is nil");

    freeReplyObject(hash);
}
