
/*
 * Copyright (C) the ngx_rd authors
 */


#include "ngx_rd_directive_tls.h"
#include "../redis/ngx_rd_redis_tls.h"


static ngx_int_t ngx_rd_directive_tls_flag(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t *flag);
static void ngx_rd_directive_tls_cleanup(void *data);


void
ngx_rd_directive_tls_init(ngx_rd_directive_tls_t *tls)
{
    ngx_memzero(tls, sizeof(ngx_rd_directive_tls_t));

    tls->conf.verify = 1;
}


ngx_int_t
ngx_rd_directive_tls_param(ngx_conf_t *cf, ngx_rd_directive_tls_t *tls,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t  i;

    const struct {
        const char  *name;
        ngx_str_t   *text;
    } texts[] = {
        { "tls_ca",   &tls->conf.ca },
        { "tls_cert", &tls->conf.cert },
        { "tls_key",  &tls->conf.key },
        { "tls_name", &tls->conf.name },
    };

    if (name->len == 3 && ngx_strncmp(name->data, "tls", 3) == 0) {
        return ngx_rd_directive_tls_flag(cf, name, value, &tls->on);
    }

    if (name->len == 10 && ngx_strncmp(name->data, "tls_verify", 10) == 0) {
        tls->given = 1;
        return ngx_rd_directive_tls_flag(cf, name, value, &tls->conf.verify);
    }

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        if (name->len != ngx_strlen(texts[i].name)
            || ngx_strncmp(name->data, texts[i].name, name->len) != 0)
        {
            continue;
        }

        if (value->len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V= is empty", name);
            return NGX_ERROR;
        }

        tls->given = 1;
        *texts[i].text = *value;

        return texts[i].text == &tls->conf.name
               ? NGX_OK : ngx_conf_full_name(cf->cycle, texts[i].text, 1);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_rd_directive_tls_flag(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    ngx_uint_t *flag)
{
    if (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0) {
        *flag = 1;
        return NGX_OK;
    }

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        *flag = 0;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "%V= is \"on\" or \"off\", not \"%V\"", name, value);
    return NGX_ERROR;
}


ngx_int_t
ngx_rd_directive_tls_end(ngx_conf_t *cf, ngx_rd_directive_tls_t *tls,
    ngx_rd_redis_conf_t *redis)
{
    const char               *why;
    ngx_rd_detail_t           detail;
    ngx_pool_cleanup_t       *cln;
    ngx_rd_redis_tls_conf_t  *conf;

    if (!tls->on) {

        if (tls->given) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "tls_... parameters need tls=on");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (redis->addr->sockaddr->sa_family == AF_UNIX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tls=on needs host:port: Redis has no TLS on a "
                           "unix socket");
        return NGX_ERROR;
    }

    if ((tls->conf.cert.len == 0) != (tls->conf.key.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tls_cert= and tls_key= need each other");
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_rd_redis_tls_conf_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    conf = cln->data;
    *conf = tls->conf;

    if (conf->name.len == 0) {
        conf->name = redis->host;
    }

    cln->handler = ngx_rd_directive_tls_cleanup;

    why = ngx_rd_redis_tls_load(conf, &detail);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", why);
        return NGX_ERROR;
    }

    if (!conf->verify) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "tls_verify=off: whoever is between nginx and Redis "
                           "can read the password and everything else");
    }

    redis->tls = conf;

    return NGX_OK;
}


static void
ngx_rd_directive_tls_cleanup(void *data)
{
    ngx_rd_redis_tls_unload(data);
}
