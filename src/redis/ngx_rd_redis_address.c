
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_redis_internal.h"


/* a replica that was the master: has the name moved meanwhile? */
#define NGX_RD_REDIS_ADDRESS_CHECK_MS  5000
#define NGX_RD_REDIS_ADDRESS_SAY_MS    60000


static ngx_uint_t ngx_rd_redis_address_is_name(const ngx_rd_redis_t *redis);
static void ngx_rd_redis_address_opened(void *data,
    const ngx_rd_resolve_t *found, const char *why);
static void ngx_rd_redis_address_checked(void *data,
    const ngx_rd_resolve_t *found, const char *why);


ngx_int_t
ngx_rd_redis_address_resolve(ngx_rd_redis_t *redis)
{
    if (!redis->opened || !ngx_rd_redis_address_is_name(redis)) {
        redis->opened = 1;
        return NGX_OK;
    }

    redis->lookup = ngx_rd_resolve_job_start(&redis->conf->host,
                        ngx_inet_get_port(redis->conf->addr->sockaddr),
                        redis->conf->connect_timeout_ms,
                        redis->conf->thread_pool,
                        ngx_rd_redis_address_opened, redis);

    return redis->lookup ? NGX_AGAIN : NGX_OK;
}


void
ngx_rd_redis_address_check(ngx_rd_redis_t *redis)
{
    if (redis->lookup || !ngx_rd_redis_address_is_name(redis)
        || ngx_current_msec - redis->looked_up < NGX_RD_REDIS_ADDRESS_CHECK_MS)
    {
        return;
    }

    redis->looked_up = ngx_current_msec;
    redis->lookup = ngx_rd_resolve_job_start(&redis->conf->host,
                        ngx_inet_get_port(redis->conf->addr->sockaddr),
                        redis->conf->connect_timeout_ms,
                        redis->conf->thread_pool,
                        ngx_rd_redis_address_checked, redis);
}


void
ngx_rd_redis_address_cancel(ngx_rd_redis_t *redis)
{
    if (redis->lookup) {
        ngx_rd_resolve_job_cancel(redis->lookup);
        redis->lookup = NULL;
    }
}


void
ngx_rd_redis_address_next(ngx_rd_redis_t *redis, ngx_addr_t *addr)
{
    ngx_uint_t         i;
    ngx_rd_resolve_t  *found;

    found = &redis->found;

    if (found->n) {
        i = redis->address_try++ % found->n;

        addr->sockaddr = (struct sockaddr *) &found->addr[i];
        addr->socklen = found->addr_len[i];

    } else {
        i = redis->address_try++ % ngx_max(redis->conf->naddrs, 1);

        *addr = redis->conf->addr[i];
    }

    if (addr->sockaddr->sa_family == AF_UNIX) {
        redis->server = redis->conf->addr->name;
        return;
    }

    redis->server.data = redis->server_text;
    redis->server.len = ngx_sock_ntop(addr->sockaddr, addr->socklen,
                                      redis->server_text, NGX_SOCKADDR_STRLEN,
                                      1);
}


static ngx_uint_t
ngx_rd_redis_address_is_name(const ngx_rd_redis_t *redis)
{
    u_char            in6[16];
    const ngx_str_t  *host;

    host = &redis->conf->host;

    return host->len && redis->conf->thread_pool
           && ngx_inet_addr(host->data, host->len) == INADDR_NONE
           && ngx_inet6_addr(host->data, host->len, in6) != NGX_OK;
}


static void
ngx_rd_redis_address_opened(void *data, const ngx_rd_resolve_t *found,
    const char *why)
{
    ngx_rd_redis_t  *redis = data;

    redis->lookup = NULL;

    if (found) {
        redis->found = *found;

    } else {
        ngx_rd_redis_address_say(redis, why);
    }

    ngx_rd_redis_dial(redis);
}


static void
ngx_rd_redis_address_checked(void *data, const ngx_rd_resolve_t *found,
    const char *why)
{
    u_char           text[NGX_SOCKADDR_STRLEN];
    size_t           len;
    ngx_uint_t       i;
    ngx_rd_redis_t  *redis = data;

    redis->lookup = NULL;

    if (found == NULL || redis->state != NGX_RD_REDIS_READY) {
        return;
    }

    for (i = 0; i < found->n; i++) {
        len = ngx_sock_ntop((struct sockaddr *) &found->addr[i],
                            found->addr_len[i], text, NGX_SOCKADDR_STRLEN, 1);

        if (len == redis->server.len
            && ngx_memcmp(text, redis->server.data, len) == 0)
        {
            return;
        }
    }

    redis->found = *found;
    redis->address_try = 0;

    ngx_rd_redis_break(redis, "%s has another address now",
                       (char *) redis->conf->host.data);
}


void
ngx_rd_redis_address_say(ngx_rd_redis_t *redis, const char *why)
{
    if (redis->lookup_said
        && ngx_current_msec - redis->lookup_said < NGX_RD_REDIS_ADDRESS_SAY_MS)
    {
        return;
    }

    redis->lookup_said = ngx_current_msec;

    ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                  "rd redis %V: %s; its last address is used (%V)",
                  &redis->conf->name, why, &redis->conf->directive);
}
