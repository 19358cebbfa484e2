
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_module.h"
#include "ngx_rd_orchestrator.h"
#include "src/base/ngx_rd_settings.h"
#include "src/fleet/ngx_rd_closing.h"
#include "src/fleet/ngx_rd_pools.h"
#include "src/fleet/ngx_rd_health.h"
#include "src/fleet/ngx_rd_reconcile.h"
#include "src/fleet/ngx_rd_sweep.h"
#include "src/http/ngx_rd_answer.h"
#include "src/http/ngx_rd_cache.h"
#include "src/http/ngx_rd_defaults.h"
#include "src/http/ngx_rd_directive.h"
#include "src/http/ngx_rd_directive_origins.h"
#include "src/http/ngx_rd_directive_pages.h"
#include "src/http/ngx_rd_directive_redis.h"
#include "src/http/ngx_rd_directive_signed.h"
#include "src/http/ngx_rd_gate.h"
#include "src/http/ngx_rd_loan.h"
#include "src/http/ngx_rd_metrics.h"
#include "src/http/ngx_rd_metrics_page.h"
#include "src/http/ngx_rd_tunnel.h"
#include "src/http/ngx_rd_upstream.h"
#include "src/session/ngx_rd_feed.h"
#include "src/session/ngx_rd_viewers.h"


static ngx_int_t ngx_rd_module_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_rd_module_init(ngx_conf_t *cf);
static ngx_int_t ngx_rd_module_init_process(ngx_cycle_t *cycle);
static void ngx_rd_module_exit_process(ngx_cycle_t *cycle);


static ngx_conf_post_t  ngx_rd_module_site_post = {
    ngx_rd_directive_check_site
};

static ngx_conf_post_t  ngx_rd_module_interval_post = {
    ngx_rd_directive_check_interval
};

static ngx_conf_post_t  ngx_rd_module_keepalive_post = {
    ngx_rd_directive_check_keepalive
};

static ngx_conf_num_bounds_t  ngx_rd_module_jobs_bounds = {
    ngx_conf_check_num_bounds, 1, 65536
};


static ngx_conf_num_bounds_t  ngx_rd_module_queue_bounds = {
    ngx_conf_check_num_bounds, 1, 100000
};


static ngx_conf_bitmask_t  ngx_rd_module_identities[] = {
    { ngx_string("ctfd"), NGX_RD_BY_COOKIE },
    { ngx_string("signed"), NGX_RD_BY_SIGNATURE },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_rd_module_commands[] = {

    { ngx_string("rd_hosts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, hosts_file),
      NULL },

    { ngx_string("rd_site"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, site),
      &ngx_rd_module_site_post },

    { ngx_string("rd_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_rd_directive_redis_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, own_redis),
      NULL },

    { ngx_string("rd_ctfd_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_rd_directive_redis_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, ctfd_redis),
      NULL },

    { ngx_string("rd_ctfd_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, cookie_name),
      NULL },

    { ngx_string("rd_ctfd_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_rd_directive_secret,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_ctfd_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_rd_directive_secret_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_require_verified"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, require_verified),
      NULL },

    { ngx_string("rd_login_url"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, login_url),
      NULL },

    { ngx_string("rd_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, thread_pool_name),
      NULL },

    { ngx_string("rd_jobs_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, jobs_max),
      &ngx_rd_module_jobs_bounds },

    { ngx_string("rd_create_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, create_timeout_ms),
      NULL },

    { ngx_string("rd_ready_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, ready_timeout_ms),
      NULL },

    { ngx_string("rd_queue_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, queue_max),
      &ngx_rd_module_queue_bounds },

    { ngx_string("rd_queue_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, queue_timeout_ms),
      NULL },

    { ngx_string("rd_end_on_stop"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, end_on_stop_ms),
      NULL },

    { ngx_string("rd_probe_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, probe_interval_ms),
      &ngx_rd_module_interval_post },

    { ngx_string("rd_events_keepalive"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, events_keepalive_ms),
      &ngx_rd_module_keepalive_post },

    { ngx_string("rd_sweep_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, sweep_interval_ms),
      &ngx_rd_module_interval_post },

    { ngx_string("rd_history_keep"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, history_keep_ms),
      &ngx_rd_module_interval_post },

    { ngx_string("rd_rate_limit"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_rd_directive_rate_limit,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_pages"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_rd_directive_pages,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_rd_directive_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_cache_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, cache_ttl_ms),
      NULL },

    { ngx_string("rd_stale_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, stale_max_ms),
      NULL },

    { ngx_string("rd_team_access"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, team_access),
      NULL },

    { ngx_string("rd_gate"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_rd_directive_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_handshake_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_rd_loc_conf_t, handshake_timeout_ms),
      &ngx_rd_module_interval_post },

    { ngx_string("rd_backend"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_rd_upstream_backend,
      0,
      0,
      NULL },

    { ngx_string("rd_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_rd_metrics_page_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_signed_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_rd_directive_signed_secret,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_signed_window"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, signed_window_ms),
      NULL },

    { ngx_string("rd_identity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_rd_loc_conf_t, identity),
      &ngx_rd_module_identities },

    { ngx_string("rd_allowed_origins"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_rd_directive_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rd_refusal_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_rd_main_conf_t, refusal_interval_ms),
      NULL },

    { ngx_string("rd_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_rd_directive_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_rd_module_ctx = {
    ngx_rd_module_add_variables,           /* preconfiguration */
    ngx_rd_module_init,                    /* postconfiguration */

    ngx_rd_defaults_create_main,           /* create main configuration */
    ngx_rd_defaults_init_main,             /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_rd_defaults_create_loc,            /* create location configuration */
    ngx_rd_defaults_merge_loc              /* merge location configuration */
};


ngx_module_t  ngx_rd_module = {
    NGX_MODULE_V1,
    &ngx_rd_module_ctx,                    /* module context */
    ngx_rd_module_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_rd_module_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rd_module_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_rd_module_variables[] = {

    { ngx_string("rd_backend"), NULL, ngx_rd_gate_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_rd_module_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_rd_module_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_module_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_rd_main_conf_t         *rmcf;
    ngx_http_core_main_conf_t  *cmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_rd_module);

    if (rmcf->hosts_file.len || rmcf->used) {
        if (ngx_rd_directive_load_hosts(cf, rmcf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!rmcf->used) {
        return NGX_OK;
    }

    if (rmcf->secret.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "rd_api and rd_gate need CTFd's key: "
                      "set \"rd_ctfd_secret_file\" or \"rd_ctfd_secret\"");
        return NGX_ERROR;
    }

    if (ngx_rd_cookie_key(&rmcf->identity.key, rmcf->secret.data,
                          rmcf->secret.len)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "libcrypto refused HMAC-SHA1, which CTFd's cookies need");
        return NGX_ERROR;
    }

    explicit_bzero(rmcf->secret.data, rmcf->secret.len);

    if (ngx_rd_pools_zone(cf, &ngx_rd_module) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rmcf->end_on_stop_ms
        && ngx_rd_closing_zone(cf, &ngx_rd_module) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rd_gate_handler;

    rmcf->metrics_zone = ngx_rd_metrics_zone(cf);
    if (rmcf->metrics_zone == NULL) {
        return NGX_ERROR;
    }

    return ngx_rd_answer_filter_init(cf);
}


static ngx_int_t
ngx_rd_module_init_process(ngx_cycle_t *cycle)
{
    ngx_rd_main_conf_t       *rmcf;
    ngx_rd_sweep_conf_t       sweep;
    ngx_rd_health_conf_t      health;
    ngx_rd_reconcile_conf_t   reconcile;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_module);

    if (rmcf == NULL || !rmcf->used) {
        return NGX_OK;
    }

    rmcf->store.redis = ngx_rd_redis_create(rmcf->own_redis, cycle->log);
    if (rmcf->store.redis == NULL) {
        return NGX_ERROR;
    }

    rmcf->identity.own = rmcf->store.redis;
    rmcf->identity.ctfd = rmcf->store.redis;

    if (rmcf->ctfd_redis != rmcf->own_redis) {
        rmcf->identity.ctfd = ngx_rd_redis_create(rmcf->ctfd_redis, cycle->log);
        if (rmcf->identity.ctfd == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_rd_metrics_init_worker(cycle, rmcf);

    if (ngx_rd_cache_init_worker(cycle, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_rd_feed_init(&rmcf->store, rmcf->own_redis);

    if (ngx_rd_viewers_init(&rmcf->store) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_rd_orchestrator_init_worker(cycle, rmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    health.store = &rmcf->store;
    health.fleet = &rmcf->fleet;
    health.settings = rmcf->settings;
    health.thread_pool = rmcf->thread_pool;
    health.interval_ms = rmcf->probe_interval_ms;
    ngx_rd_health_init(&health);

    sweep.store = &rmcf->store;
    sweep.fleet = &rmcf->fleet;
    sweep.site = rmcf->site;
    sweep.thread_pool = rmcf->thread_pool;
    sweep.interval_ms = rmcf->sweep_interval_ms;
    sweep.keep_ms = rmcf->history_keep_ms;
    ngx_rd_sweep_init(&sweep);

    reconcile.store = &rmcf->store;
    reconcile.fleet = &rmcf->fleet;
    reconcile.interval_ms = rmcf->sweep_interval_ms;
    ngx_rd_reconcile_init(&reconcile);

    return NGX_OK;
}


static void
ngx_rd_module_exit_process(ngx_cycle_t *cycle)
{
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_module);

    if (rmcf == NULL || rmcf->store.redis == NULL) {
        return;
    }

    ngx_rd_reconcile_exit();
    ngx_rd_sweep_exit();
    ngx_rd_health_exit();
    ngx_rd_viewers_exit();
    ngx_rd_feed_exit();
    ngx_rd_orchestrator_exit_worker();

    ngx_rd_tunnel_exit_worker();
    ngx_rd_inquiry_exit_worker();
    ngx_rd_loan_exit_worker();
    ngx_rd_cache_exit_worker(rmcf);
    ngx_rd_metrics_exit_worker();

    if (rmcf->identity.ctfd != rmcf->store.redis) {
        ngx_rd_redis_destroy(rmcf->identity.ctfd);
    }

    ngx_rd_redis_destroy(rmcf->store.redis);
    rmcf->store.redis = NULL;
}
