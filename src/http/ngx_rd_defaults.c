
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_answer.h"
#include "ngx_rd_defaults.h"
#include "ngx_rd_directive_redis.h"
#include "ngx_rd_directive.h"


#define NGX_RD_HISTORY_KEEP_MS    (365LL * 86400 * 1000)
#define NGX_RD_REDIS_VERSION_MIN  602    /* 6.2 */


void *
ngx_rd_defaults_create_main(ngx_conf_t *cf)
{
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_rd_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rmcf->hosts_file = { 0, NULL };
     *     rmcf->site = { 0, NULL };
     *     rmcf->secret = { 0, NULL };
     *     rmcf->signed_keys = { ... };
     *     rmcf->own_redis = NULL;
     *     rmcf->ctfd_redis = NULL;
     *     rmcf->zone = NULL;
     *     rmcf->used = 0;
     */

    rmcf->jobs_max = NGX_CONF_UNSET_UINT;
    rmcf->create_timeout_ms = NGX_CONF_UNSET_MSEC;
    rmcf->ready_timeout_ms = NGX_CONF_UNSET_MSEC;
    rmcf->queue_max = NGX_CONF_UNSET_UINT;
    rmcf->queue_timeout_ms = NGX_CONF_UNSET_MSEC;
    rmcf->end_on_stop_ms = NGX_CONF_UNSET_MSEC;
    rmcf->probe_interval_ms = NGX_CONF_UNSET_MSEC;
    rmcf->sweep_interval_ms = NGX_CONF_UNSET_MSEC;
    rmcf->history_keep_ms = NGX_CONF_UNSET_MSEC;
    rmcf->require_verified = NGX_CONF_UNSET;
    rmcf->cache_ttl_ms = NGX_CONF_UNSET_MSEC;
    rmcf->stale_max_ms = NGX_CONF_UNSET_MSEC;
    rmcf->team_access = NGX_CONF_UNSET;
    rmcf->events_keepalive_ms = NGX_CONF_UNSET_MSEC;
    rmcf->rate_create.max = NGX_CONF_UNSET_UINT;
    rmcf->rate_destroy.max = NGX_CONF_UNSET_UINT;
    rmcf->rate_extend.max = NGX_CONF_UNSET_UINT;
    rmcf->signed_window_ms = NGX_CONF_UNSET_MSEC;
    rmcf->refusal_interval_ms = NGX_CONF_UNSET_MSEC;

    return rmcf;
}


char *
ngx_rd_defaults_init_main(ngx_conf_t *cf, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    u_char     *p;
    ngx_str_t   local = ngx_string("127.0.0.1:6379");

    ngx_conf_init_uint_value(rmcf->jobs_max, 512);
    ngx_conf_init_msec_value(rmcf->create_timeout_ms, 30000);
    ngx_conf_init_msec_value(rmcf->ready_timeout_ms, 90000);
    ngx_conf_init_uint_value(rmcf->queue_max, 1000);
    ngx_conf_init_msec_value(rmcf->queue_timeout_ms, 1800000);
    ngx_conf_init_msec_value(rmcf->end_on_stop_ms, 0);
    ngx_conf_init_msec_value(rmcf->probe_interval_ms, 30000);
    ngx_conf_init_msec_value(rmcf->sweep_interval_ms, 60000);
    ngx_conf_init_msec_value(rmcf->history_keep_ms, NGX_RD_HISTORY_KEEP_MS);
    ngx_conf_init_value(rmcf->require_verified, 1);
    ngx_conf_init_msec_value(rmcf->cache_ttl_ms, 5000);
    ngx_conf_init_msec_value(rmcf->stale_max_ms, 60000);
    ngx_conf_init_value(rmcf->team_access, 0);
    ngx_conf_init_msec_value(rmcf->signed_window_ms, 30000);
    ngx_conf_init_msec_value(rmcf->events_keepalive_ms, 30000);
    ngx_conf_init_msec_value(rmcf->refusal_interval_ms, 60000);

    ngx_rd_directive_rate_default(&rmcf->rate_create, 5);
    ngx_rd_directive_rate_default(&rmcf->rate_destroy, 20);
    ngx_rd_directive_rate_default(&rmcf->rate_extend, 10);

    if (rmcf->site.len == 0) {
        ngx_str_set(&rmcf->site, "ctf");
    }

    if (rmcf->cookie_name.len == 0) {
        ngx_str_set(&rmcf->cookie_name, "session");
    }

    if (rmcf->login_url.len == 0) {
        ngx_str_set(&rmcf->login_url, "/login?next=/remote-desktop");
    }

    if (rmcf->prefix.len == 0) {
        ngx_str_set(&rmcf->prefix, "rd:");
    }

    if (rmcf->session_prefix.len == 0) {
        ngx_str_set(&rmcf->session_prefix, "flask_cache_session");
    }

    if (rmcf->thread_pool_name.len == 0) {
        ngx_str_set(&rmcf->thread_pool_name, "default");
    }

    rmcf->thread_pool = ngx_thread_pool_add(cf, &rmcf->thread_pool_name);
    if (rmcf->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

    if (rmcf->own_redis == NULL) {
        rmcf->own_redis = ngx_rd_directive_redis_server(cf, &local);
        if (rmcf->own_redis == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (rmcf->ctfd_redis == NULL) {
        rmcf->ctfd_redis = rmcf->own_redis;
    }

    ngx_str_set(&rmcf->own_redis->name, "own");
    ngx_str_set(&rmcf->own_redis->directive, "rd_redis");
    rmcf->own_redis->thread_pool = rmcf->thread_pool;
    rmcf->own_redis->version_min = NGX_RD_REDIS_VERSION_MIN;

    if (rmcf->ctfd_redis != rmcf->own_redis) {
        ngx_str_set(&rmcf->ctfd_redis->name, "ctfd");
        ngx_str_set(&rmcf->ctfd_redis->directive, "rd_ctfd_redis");
        rmcf->ctfd_redis->thread_pool = rmcf->thread_pool;
    }

    /* the hash tag keeps all keys of a site in one slot of a cluster */

    p = ngx_pnalloc(cf->pool, 2 * (rmcf->prefix.len + rmcf->site.len
                                   + sizeof("{}:user:")));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rmcf->store.prefix.data = p;
    p = ngx_sprintf(p, "%V{%V}:", &rmcf->prefix, &rmcf->site);
    rmcf->store.prefix.len = p - rmcf->store.prefix.data;

    rmcf->identity.prefix = rmcf->store.prefix;
    rmcf->identity.user_prefix.data = rmcf->store.prefix.data;
    p = ngx_sprintf(p, "user:");
    rmcf->identity.user_prefix.len = p - rmcf->store.prefix.data;

    rmcf->own_redis->write_key.data = p;
    rmcf->own_redis->write_key.len = ngx_sprintf(p, "%Vwrite",
                                                 &rmcf->store.prefix) - p;

    rmcf->identity.session_prefix = rmcf->session_prefix;

    return NGX_CONF_OK;
}


void *
ngx_rd_defaults_create_loc(ngx_conf_t *cf)
{
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_pcalloc(cf->pool, sizeof(ngx_rd_loc_conf_t));
    if (rlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rlcf->gate = NULL;
     *     rlcf->gate_capture = 0;
     *     rlcf->gate_variable = 0;         read where there is a gate
     *     rlcf->location = { 0, NULL };
     *     rlcf->identity = 0;
     *     rlcf->api_admin = 0;
     *     rlcf->allowed_origins = NULL;
     */

    rlcf->gate_http = NGX_CONF_UNSET;
    rlcf->handshake_timeout_ms = NGX_CONF_UNSET_MSEC;

    return rlcf;
}


char *
ngx_rd_defaults_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rd_loc_conf_t  *prev = parent;
    ngx_rd_loc_conf_t  *conf = child;

    ngx_rd_main_conf_t  *rmcf;

    /* a location inside a gated one is gated, too */

    if (conf->gate == NULL) {
        conf->gate = prev->gate;
        conf->gate_capture = prev->gate_capture;
        conf->gate_variable = prev->gate_variable;
        conf->gate_mode = prev->gate_mode;
    }

    if (conf->allowed_origins == NULL) {
        conf->allowed_origins = prev->allowed_origins;
    }

    if (conf->location.data == NULL) {
        conf->location = prev->location;
    }

    if (conf->gate) {
        ngx_rd_answer_ignore_accel(cf);
    }

    ngx_conf_merge_value(conf->gate_http, prev->gate_http, 0);
    ngx_conf_merge_msec_value(conf->handshake_timeout_ms,
                              prev->handshake_timeout_ms, 10000);
    ngx_conf_merge_bitmask_value(conf->identity, prev->identity,
                                 NGX_CONF_BITMASK_SET|NGX_RD_BY_COOKIE);

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_rd_module);

    if (conf->location.data && (conf->identity & NGX_RD_BY_SIGNATURE)
        && rmcf->signed_keys.n == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"rd_identity signed\" in location \"%V\" needs "
                      "\"rd_signed_secret_file\"", &conf->location);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
