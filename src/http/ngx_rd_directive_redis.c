
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_directive.h"
#include "ngx_rd_directive_redis.h"
#include "ngx_rd_directive_tls.h"


#define NGX_RD_REDIS_TIMEOUT_MS      2000
#define NGX_RD_REDIS_CONNECT_MS      2000
#define NGX_RD_REDIS_CALLS_MAX       10000
#define NGX_RD_REDIS_PORT            6379

/* keys are made in 512 bytes: cut off, two users' would be the same */
#define NGX_RD_REDIS_PREFIX_BYTES_MAX  128


static char *ngx_rd_directive_redis_param(ngx_conf_t *cf,
    ngx_rd_redis_conf_t *redis, ngx_rd_directive_tls_t *tls, ngx_str_t *prefix,
    const char *prefix_name, ngx_str_t *param);
static ngx_int_t ngx_rd_directive_redis_host(ngx_conf_t *cf,
    ngx_rd_redis_conf_t *redis, ngx_url_t *u);


char *
ngx_rd_directive_redis_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    char                    *rv;
    ngx_str_t               *value;
    ngx_uint_t               i, own;
    ngx_rd_redis_conf_t    **redis;
    ngx_rd_directive_tls_t   tls;

    redis = (ngx_rd_redis_conf_t **) ((u_char *) conf + cmd->offset);

    if (*redis) {
        return "is duplicate";
    }

    own = (cmd->offset == offsetof(ngx_rd_main_conf_t, own_redis));
    value = cf->args->elts;

    *redis = ngx_rd_directive_redis_server(cf, &value[1]);
    if (*redis == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_rd_directive_tls_init(&tls);

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_rd_directive_redis_param(cf, *redis, &tls,
                                       own ? &rmcf->prefix
                                           : &rmcf->session_prefix,
                                       own ? "prefix=" : "session_prefix=",
                                       &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if ((*redis)->user.len && (*redis)->password.len == 0) {
        return "has a user but no password";
    }

    if (ngx_rd_directive_tls_end(cf, &tls, *redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_rd_directive_redis_param(ngx_conf_t *cf, ngx_rd_redis_conf_t *redis,
    ngx_rd_directive_tls_t *tls, ngx_str_t *prefix, const char *prefix_name,
    ngx_str_t *param)
{
    size_t      len;
    ngx_int_t   n;
    ngx_str_t   value, name;

    len = ngx_strlen(prefix_name);

    if (param->len > len && ngx_strncmp(param->data, prefix_name, len) == 0) {
        prefix->data = param->data + len;
        prefix->len = param->len - len;

        if (ngx_strlchr(prefix->data, prefix->data + prefix->len, '{')) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a prefix must not contain \"{\"");
            return NGX_CONF_ERROR;
        }

        if (prefix->len > NGX_RD_REDIS_PREFIX_BYTES_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a prefix must not have more than %d bytes",
                               NGX_RD_REDIS_PREFIX_BYTES_MAX);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    for (len = 0; len < param->len && param->data[len] != '='; len++) {
        /* void */
    }

    if (len == param->len) {
        goto invalid;
    }

    name.data = param->data;
    name.len = len;
    value.data = param->data + len + 1;
    value.len = param->len - len - 1;

    n = ngx_rd_directive_tls_param(cf, tls, &name, &value);

    if (n != NGX_DECLINED) {
        return n == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

#define ngx_rd_directive_is(s)                                                \
    (name.len == sizeof(s) - 1 && ngx_strncmp(name.data, s, name.len) == 0)

    if (ngx_rd_directive_is("password")) {
        redis->password = value;
        return NGX_CONF_OK;
    }

    if (ngx_rd_directive_is("password_file")) {

        if (ngx_rd_directive_read_file(cf, &value, &redis->password)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        /* written with an editor, it ends with a line feed */

        while (redis->password.len
               && (redis->password.data[redis->password.len - 1] == LF
                   || redis->password.data[redis->password.len - 1] == CR))
        {
            redis->password.len--;
        }

        return NGX_CONF_OK;
    }

    if (ngx_rd_directive_is("user")) {
        redis->user = value;
        return NGX_CONF_OK;
    }

    if (ngx_rd_directive_is("db")) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n > 65535) {
            goto invalid;
        }

        redis->database = n;
        return NGX_CONF_OK;
    }

    if (ngx_rd_directive_is("calls_max")) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n == 0) {
            goto invalid;
        }

        redis->calls_max = n;
        return NGX_CONF_OK;
    }

    if (ngx_rd_directive_is("timeout")
        || ngx_rd_directive_is("connect_timeout"))
    {
        n = ngx_parse_time(&value, 0);

        if (n == NGX_ERROR || n == 0) {
            goto invalid;
        }

        if (ngx_rd_directive_is("timeout")) {
            redis->timeout_ms = n;
        } else {
            redis->connect_timeout_ms = n;
        }

        return NGX_CONF_OK;
    }

#undef ngx_rd_directive_is

invalid:

    /* the name only: the value may be a password */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%*s\" (its value is not shown)",
                       len, param->data);
    return NGX_CONF_ERROR;
}


ngx_rd_redis_conf_t *
ngx_rd_directive_redis_server(ngx_conf_t *cf, ngx_str_t *address)
{
    ngx_url_t             u;
    ngx_rd_redis_conf_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_rd_redis_conf_t));
    if (redis == NULL) {
        return NULL;
    }

    if (ngx_strlcasestrn(address->data, address->data + address->len,
                         (u_char *) "://", 3 - 1))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a Redis address is host:port or unix:/path, not a "
                           "URL; rediss:// is the parameter tls=on");
        return NULL;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *address;
    u.default_port = NGX_RD_REDIS_PORT;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in Redis address \"%V\"",
                           u.err ? u.err : "no address found", address);
        return NULL;
    }

    redis->addr = u.addrs;
    redis->naddrs = u.naddrs;
    redis->timeout_ms = NGX_RD_REDIS_TIMEOUT_MS;
    redis->connect_timeout_ms = NGX_RD_REDIS_CONNECT_MS;
    redis->calls_max = NGX_RD_REDIS_CALLS_MAX;

    if (ngx_rd_directive_redis_host(cf, redis, &u) != NGX_OK) {
        return NULL;
    }

    return redis;
}


static ngx_int_t
ngx_rd_directive_redis_host(ngx_conf_t *cf, ngx_rd_redis_conf_t *redis,
    ngx_url_t *u)
{
    ngx_str_t  host;

    if (u->family == AF_UNIX) {
        return NGX_OK;
    }

    host = u->host;

    if (host.len > 2 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    redis->host.len = host.len;
    redis->host.data = ngx_pnalloc(cf->pool, host.len + 1);
    if (redis->host.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(redis->host.data, host.data, host.len + 1);

    return NGX_OK;
}
