
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_MODULE_H_INCLUDED_
#define _NGX_RD_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "src/ngx_rd.h"
#include "src/redis/ngx_rd_redis.h"
#include "src/redis/ngx_rd_redis_subscribe.h"
#include "src/redis/ngx_rd_zone.h"
#include "src/session/ngx_rd_session_find.h"
#include "src/session/ngx_rd_store.h"
#include "src/identity/ngx_rd_identity.h"
#include "src/identity/ngx_rd_signed.h"
#include "src/fleet/ngx_rd_host.h"


/* What http{} says, and what a worker makes of it. */

typedef struct {
    ngx_str_t                 hosts_file;
    ngx_rd_settings_t        *settings;
    ngx_rd_fleet_t            fleet;

    ngx_str_t                 site;             /* slug; labels, hash tag */
    ngx_str_t                 prefix;           /* "rd:" */
    ngx_str_t                 session_prefix;   /* of CTFd */
    ngx_str_t                 cookie_name;
    ngx_str_t                 secret;           /* wiped when read */
    ngx_flag_t                secret_newline;   /* a text that ends in one */
    ngx_str_t                 login_url;

    ngx_rd_redis_conf_t      *own_redis;
    ngx_rd_redis_conf_t      *ctfd_redis;       /* may be own_redis */

    ngx_str_t                 thread_pool_name;
    ngx_thread_pool_t        *thread_pool;
    ngx_uint_t                jobs_max;         /* of a worker, at once */

    ngx_msec_t                create_timeout_ms;
    ngx_msec_t                ready_timeout_ms;
    ngx_uint_t                queue_max;        /* sessions that may wait */
    ngx_msec_t                queue_timeout_ms; /* how long one may */
    ngx_msec_t                end_on_stop_ms;   /* 0: sessions are kept */
    ngx_msec_t                probe_interval_ms;
    ngx_msec_t                sweep_interval_ms;
    ngx_msec_t                history_keep_ms;
    ngx_flag_t                require_verified;

    ngx_msec_t                events_keepalive_ms;

    ngx_rd_store_rate_t       rate_create;      /* max 0: no limit */
    ngx_rd_store_rate_t       rate_destroy;
    ngx_rd_store_rate_t       rate_extend;

    ngx_rd_zone_t            *zone;             /* NULL: nothing is kept */
    ngx_msec_t                cache_ttl_ms;
    ngx_msec_t                stale_max_ms;
    ngx_flag_t                team_access;

    ngx_rd_signed_keys_t      signed_keys;
    ngx_msec_t                signed_window_ms;

    ngx_msec_t                refusal_interval_ms;  /* 0: no lines */

    ngx_shm_zone_t           *metrics_zone;

    unsigned                  used:1;           /* rd_api or rd_gate is there */

    /* a worker's own, made by init_process */

    ngx_rd_store_t            store;
    ngx_rd_identity_conf_t    identity;
    ngx_rd_session_find_conf_t     find;
    ngx_rd_redis_subscribe_conf_t  own_watch;
    ngx_rd_redis_subscribe_conf_t  ctfd_watch;
} ngx_rd_main_conf_t;


typedef struct {
    ngx_http_complex_value_t  *gate;            /* id of the desktop's owner */
    ngx_uint_t                 gate_capture;    /* it is $1, $2, ...; 0: not */
    ngx_int_t                  gate_variable;   /* its index, when it is just
                                                   one; NGX_ERROR: it is not */
    ngx_flag_t                 gate_http;       /* not only WebSocket */
    ngx_uint_t                 gate_mode;       /* NGX_RD_MODE_DESKTOP... */
    ngx_msec_t                 handshake_timeout_ms;
    ngx_str_t                  location;        /* where rd_api stands */
    ngx_uint_t                 identity;        /* what rd_api believes */
    ngx_uint_t                 api_admin;       /* its routes are admins' */
    ngx_array_t               *allowed_origins; /* of ngx_str_t; NULL: that
                                                   of the Host header */
} ngx_rd_loc_conf_t;


#define NGX_RD_BY_COOKIE     0x0002
#define NGX_RD_BY_SIGNATURE  0x0004


/* what a request's module context is: its first member says so */

#define NGX_RD_CTX_GATE  1
#define NGX_RD_CTX_API   2
#define NGX_RD_CTX_METRICS  3


extern ngx_module_t  ngx_rd_module;


#endif /* _NGX_RD_MODULE_H_INCLUDED_ */
