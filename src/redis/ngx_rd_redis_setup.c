
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_redis_internal.h"


#define NGX_RD_REDIS_SETUP_VALUE_BYTES_MAX  32


static void ngx_rd_redis_setup_auth_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_setup_select_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_setup_info_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_setup_memory(ngx_rd_redis_t *redis,
    const char *info);
static void ngx_rd_redis_setup_write_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_setup_ping_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);

static const redisReply *ngx_rd_redis_setup_reply(ngx_rd_redis_t *redis,
    const redisReply *reply);
static ngx_uint_t ngx_rd_redis_setup_version(const char *info,
    char *version);
static const char *ngx_rd_redis_setup_field(const char *info,
    const char *name, char *value);


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
    { "ERR AUTH ",            "password= is set, but the server has none" },
    { "ERR Client sent AUTH", "password= is set, but the server has none" },
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
    u_char                      number[NGX_INT_T_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   argv[NGX_RD_REDIS_REFUSAL_ARGS_MAX];
    ngx_uint_t                  argc;
    const ngx_rd_redis_conf_t  *conf;

    conf = redis->conf;
    redis->replica = 0;
    rc = NGX_OK;

    if (conf->password.len) {
        ngx_str_set(&argv[0], "AUTH");
        argc = 1;

        if (conf->user.len) {
            argv[argc++] = conf->user;
        }

        argv[argc++] = conf->password;

        rc |= ngx_rd_redis_conn_command(redis, argc, argv,
                                        ngx_rd_redis_setup_auth_done, NULL);
    }

    if (conf->database) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = number;
        argv[1].len = ngx_sprintf(number, "%ui", conf->database) - number;

        rc |= ngx_rd_redis_conn_command(redis, 2, argv,
                                        ngx_rd_redis_setup_select_done, NULL);
    }

    if (conf->version_min) {
        ngx_str_set(&argv[0], "INFO");

        rc |= ngx_rd_redis_conn_command(redis, 1, argv,
                                        ngx_rd_redis_setup_info_done, NULL);
    }

    if (conf->write_key.len) {
        argc = ngx_rd_redis_refusal_question(conf, argv);

        rc |= ngx_rd_redis_conn_command(redis, argc, argv,
                                        ngx_rd_redis_setup_write_done, NULL);
    }

    /* of these only PING waits for a server that still loads its data */

    ngx_str_set(&argv[0], "PING");

    rc |= ngx_rd_redis_conn_command(redis, 1, argv,
                                    ngx_rd_redis_setup_ping_done, NULL);

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_rd_redis_setup_auth_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    ngx_uint_t         i;
    const char        *code;
    reply = ngx_rd_redis_setup_reply(redis, reply);

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
ngx_rd_redis_setup_select_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    reply = ngx_rd_redis_setup_reply(redis, reply);

    if (reply == NULL || reply->type != REDIS_REPLY_ERROR) {
        return;
    }

    ngx_rd_redis_refuse(redis, "database %lu: %s",
                        (unsigned long) redis->conf->database, reply->str);
}


static void
ngx_rd_redis_setup_info_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    char               version[NGX_RD_REDIS_SETUP_VALUE_BYTES_MAX];
    ngx_uint_t         n;
    reply = ngx_rd_redis_setup_reply(redis, reply);

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
        return;
    }

    if (redis->conf->write_key.len) {
        ngx_rd_redis_setup_memory(redis, reply->str);
    }
}


/* Nothing is lost yet, so one worker says it for all. */

static void
ngx_rd_redis_setup_memory(ngx_rd_redis_t *redis, const char *info)
{
    char  value[NGX_RD_REDIS_SETUP_VALUE_BYTES_MAX];

    redis->replica = ngx_rd_redis_setup_field(info, "role:", value)
                     && ngx_strcmp(value, "slave") == 0;

    if (ngx_worker != 0
        || !ngx_rd_redis_setup_field(info, "maxmemory_policy:", value)
        || ngx_strcmp(value, "noeviction") == 0)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                  "rd redis %V: maxmemory-policy is %s: Redis may delete "
                  "records that are in use; set \"maxmemory-policy "
                  "noeviction\" in redis.conf (%V %V)",
                  &redis->conf->name, value, &redis->conf->directive,
                  &redis->server);
}


static void
ngx_rd_redis_setup_write_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    reply = ngx_rd_redis_setup_reply(redis, reply);

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_ERROR) {
        ngx_rd_redis_refusal_none(redis);

        if (redis->replica && ngx_worker == 0) {
            ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                          "rd redis %V: this is a replica, its master "
                          "overwrites what is written here; use the master's "
                          "address (%V %V)",
                          &redis->conf->name, &redis->conf->directive,
                          &redis->server);
        }

        return;
    }

    /* PING tells that the data is being loaded; an ACL may forbid just this */

    if (ngx_strncmp(reply->str, "LOADING", 7) != 0
        && ngx_strncmp(reply->str, "NOPERM", 6) != 0)
    {
        (void) ngx_rd_redis_refusal_note(redis, reply->str, 0);
    }
}


static void
ngx_rd_redis_setup_ping_done(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data)
{
    reply = ngx_rd_redis_setup_reply(redis, reply);

    if (reply == NULL) {
        return;
    }

    /*
     * An ACL may forbid PING and still allow what we need; a server that
     * cannot save refuses PING, but reads go on.
     */

    if (reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "MISCONF", 7) == 0)
    {
        if (redis->conf->write_key.len == 0) {
            (void) ngx_rd_redis_refusal_note(redis, reply->str, 0);
        }

    } else if (reply->type == REDIS_REPLY_ERROR
               && ngx_strncmp(reply->str, "NOPERM", 6) != 0)
    {
        ngx_rd_redis_refuse(redis, "%s", reply->str);
        return;

    } else if (redis->conf->write_key.len == 0) {
        ngx_rd_redis_refusal_none(redis);
    }

    if (redis->subscribe) {
        ngx_rd_redis_subscribe_setup(redis->subscribe);
        return;
    }

    ngx_rd_redis_set_ready(redis);
}


/* NULL: there is nothing to decide any more */

static const redisReply *
ngx_rd_redis_setup_reply(ngx_rd_redis_t *redis, const redisReply *reply)
{
    return redis->state == NGX_RD_REDIS_OPENING ? reply : NULL;
}


/* "redis_version:6.2.14" -> 602; 0 when there is no such line */

static ngx_uint_t
ngx_rd_redis_setup_version(const char *info, char *version)
{
    char        *p;
    ngx_uint_t   major, minor;

    if (ngx_rd_redis_setup_field(info, "redis_version:", version) == NULL) {
        return 0;
    }

    major = strtoul(version, &p, 10);
    minor = (*p == '.') ? strtoul(p + 1, NULL, 10) : 0;

    return major * 100 + ngx_min(minor, 99);
}


/* The value behind "name:" at the beginning of a line; NULL: no such line. */

static const char *
ngx_rd_redis_setup_field(const char *info, const char *name, char *value)
{
    size_t  len, name_len;

    name_len = ngx_strlen(name);

    while (ngx_strncmp(info, name, name_len) != 0) {
        info = strchr(info, '\n');
        if (info == NULL) {
            return NULL;
        }

        info++;
    }

    info += name_len;
    len = ngx_min(strcspn(info, "\r\n"),
                  NGX_RD_REDIS_SETUP_VALUE_BYTES_MAX - 1);

    (void) ngx_cpystrn((u_char *) value, (u_char *) info, len + 1);

    return value;
}
