
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_redis_internal.h"


#define NGX_RD_REDIS_VERSION_BYTES_MAX  32


static void ngx_rd_redis_setup_auth_done(redisAsyncContext *ac, void *data,
    void *privdata);
static void ngx_rd_redis_setup_select_done(redisAsyncContext *ac, void *data,
    void *privdata);
static void ngx_rd_redis_setup_info_done(redisAsyncContext *ac, void *data,
    void *privdata);
static void ngx_rd_redis_setup_ping_done(redisAsyncContext *ac, void *data,
    void *privdata);

static const redisReply *ngx_rd_redis_setup_reply(ngx_rd_redis_t *redis,
    void *data);
static ngx_uint_t ngx_rd_redis_setup_version(const char *info,
    char *version);


/*
 * What AUTH may be answered by.  The server's own sentence is never shown: to
 * an unknown command some servers answer with its arguments.
 */

static const struct {
    const char  *code;
    const char  *sentence;
} ngx_rd_redis_setup_auth_errors[] = {
    { "WRONGPASS",            "wrong user or password" },
    { "ERR invalid password", "wrong password" },
    { "ERR AUTH ",            "the server has no password, ours has" },
    { "ERR Client sent AUTH", "the server has no password, ours has" },
    { "ERR wrong number",     "the server knows no users" },
    { "ERR max number",       "the server has too many clients" },
    { "NOPERM",               "no permission" },
    { "",                     "AUTH was refused" }
};


/* All at once: the answers come in the same order, and the first bad one
 * decides. */

ngx_int_t
ngx_rd_redis_setup_start(ngx_rd_redis_t *redis)
{
    int                         rc;
    redisAsyncContext          *ac;
    const ngx_rd_redis_conf_t  *conf;

    ac = redis->ac;
    conf = redis->conf;
    rc = REDIS_OK;

    if (conf->user.len) {
        rc |= redisAsyncCommand(ac, ngx_rd_redis_setup_auth_done, redis,
                                "AUTH %b %b", conf->user.data, conf->user.len,
                                conf->password.data, conf->password.len);

    } else if (conf->password.len) {
        rc |= redisAsyncCommand(ac, ngx_rd_redis_setup_auth_done, redis,
                                "AUTH %b", conf->password.data,
                                conf->password.len);
    }

    if (conf->database) {
        rc |= redisAsyncCommand(ac, ngx_rd_redis_setup_select_done, redis,
                                "SELECT %d", (int) conf->database);
    }

    if (conf->version_min) {
        rc |= redisAsyncCommand(ac, ngx_rd_redis_setup_info_done, redis,
                                "INFO server");
    }

    /* of these only PING waits for a server that still loads its data */

    rc |= redisAsyncCommand(ac, ngx_rd_redis_setup_ping_done, redis, "PING");

    return rc == REDIS_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_rd_redis_setup_auth_done(redisAsyncContext *ac, void *data, void *privdata)
{
    ngx_uint_t         i;
    const char        *code;
    ngx_rd_redis_t    *redis = privdata;
    const redisReply  *reply;

    reply = ngx_rd_redis_setup_reply(redis, data);

    if (reply == NULL || reply->type != REDIS_REPLY_ERROR) {
        return;
    }

    for (i = 0; /* void */ ; i++) {
        code = ngx_rd_redis_setup_auth_errors[i].code;

        if (ngx_strncmp(reply->str, code, ngx_strlen(code)) == 0) {
            break;
        }
    }

    ngx_rd_redis_refuse(redis, "%s",
                        ngx_rd_redis_setup_auth_errors[i].sentence);
}


static void
ngx_rd_redis_setup_select_done(redisAsyncContext *ac, void *data,
    void *privdata)
{
    ngx_rd_redis_t    *redis = privdata;
    const redisReply  *reply;

    reply = ngx_rd_redis_setup_reply(redis, data);

    if (reply == NULL || reply->type != REDIS_REPLY_ERROR) {
        return;
    }

    ngx_rd_redis_refuse(redis, "database %lu: %s",
                        (unsigned long) redis->conf->database, reply->str);
}


static void
ngx_rd_redis_setup_info_done(redisAsyncContext *ac, void *data, void *privdata)
{
    char               version[NGX_RD_REDIS_VERSION_BYTES_MAX];
    ngx_uint_t         n;
    ngx_rd_redis_t    *redis = privdata;
    const redisReply  *reply;

    reply = ngx_rd_redis_setup_reply(redis, data);

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_STRING) {
        ngx_rd_redis_refuse(redis, "INFO: %s",
                            reply->str ? reply->str : "unexpected answer");
        return;
    }

    n = ngx_rd_redis_setup_version(reply->str, version);

    if (n == 0) {
        ngx_rd_redis_refuse(redis, "INFO names no redis_version");
        return;
    }

    if (n < redis->conf->version_min) {
        ngx_rd_redis_set_old(redis, version);
    }
}


static void
ngx_rd_redis_setup_ping_done(redisAsyncContext *ac, void *data, void *privdata)
{
    ngx_rd_redis_t    *redis = privdata;
    const redisReply  *reply;

    reply = ngx_rd_redis_setup_reply(redis, data);

    if (reply == NULL) {
        return;
    }

    /* an ACL may forbid PING and still allow what we need */

    if (reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "NOPERM", 6) != 0)
    {
        ngx_rd_redis_refuse(redis, "%s", reply->str);
        return;
    }

    if (redis->subscribe) {
        ngx_rd_redis_subscribe_setup(redis->subscribe);
        return;
    }

    ngx_rd_redis_set_ready(redis);
}


/* NULL: there is nothing to decide any more */

static const redisReply *
ngx_rd_redis_setup_reply(ngx_rd_redis_t *redis, void *data)
{
    return redis->state == NGX_RD_REDIS_OPENING ? data : NULL;
}


/* "redis_version:6.2.14" -> 602; 0 when there is no such line */

static ngx_uint_t
ngx_rd_redis_setup_version(const char *info, char *version)
{
    size_t       len;
    ngx_uint_t   major, minor;
    const char  *p, *end;

    p = info;

    while (ngx_strncmp(p, "redis_version:", 14) != 0) {
        p = strchr(p, '\n');
        if (p == NULL) {
            return 0;
        }

        p++;
    }

    p += 14;
    end = p + strspn(p, "0123456789.");

    len = ngx_min((size_t) (end - p), NGX_RD_REDIS_VERSION_BYTES_MAX - 1);
    ngx_memcpy(version, p, len);
    version[len] = '\0';

    major = strtoul(version, (char **) &p, 10);
    minor = (*p == '.') ? strtoul(p + 1, NULL, 10) : 0;

    return major * 100 + ngx_min(minor, 99);
}
