
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_PROBE_H_INCLUDED_
#define _NGX_RD_PROBE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../../src/ngx_rd.h"
#include "../../src/base/ngx_rd_error.h"
#include "../../src/redis/ngx_rd_redis.h"
#include "../../src/redis/ngx_rd_redis_reply.h"
#include "../../src/redis/ngx_rd_redis_script.h"
#include "../../src/fleet/ngx_rd_ready.h"


/*
 * For tests only: asks Redis, or waits for a desktop, because a request came
 * in, and shows what came back.
 *
 *     probe_redis   NAME ADDRESS [user=] [password=] [database=]
 *                   [version_min=] [connect_timeout=] [timeout=] [calls_max=]
 *                   [tls=CA_FILE];
 *     probe_call    NAME ARG...;             prints the reply
 *     probe_calls   NAME N ARG...;           N at once: prints error:count
 *     probe_cancel  NAME N ARG...;           N at once, cancelled at once
 *     probe_script  NAME TEXT NKEYS ARG...;  prints the reply
 *     probe_state   NAME;                    prints ready or not
 *     probe_ready   ADDRESS PATH GIVE_UP;    prints error, attempts, detail
 */

#define NGX_RD_PROBE_REDIS_MAX  16
#define NGX_RD_PROBE_ARGS_MAX   16
#define NGX_RD_PROBE_CALLS_MAX  20000


typedef struct {
    ngx_rd_redis_conf_t     conf;
    ngx_rd_redis_t         *redis;
} ngx_rd_probe_redis_t;


typedef struct {
    ngx_rd_probe_redis_t    redis[NGX_RD_PROBE_REDIS_MAX];
    ngx_uint_t              nredis;
} ngx_rd_probe_main_conf_t;


typedef struct {
    ngx_str_t               name;
    ngx_uint_t              n;
    ngx_rd_redis_script_t   script;
    ngx_uint_t              nkeys;
    ngx_array_t             args;       /* of ngx_http_complex_value_t */

    ngx_addr_t              addr;
    ngx_str_t               path;
    ngx_msec_t              give_up_ms;
} ngx_rd_probe_loc_conf_t;


extern ngx_module_t  ngx_rd_probe_module;

ngx_int_t  ngx_rd_probe_call_handler(ngx_http_request_t *r);
ngx_int_t  ngx_rd_probe_cancel_handler(ngx_http_request_t *r);
ngx_int_t  ngx_rd_probe_state_handler(ngx_http_request_t *r);
ngx_int_t  ngx_rd_probe_ready_handler(ngx_http_request_t *r);


#endif /* _NGX_RD_PROBE_H_INCLUDED_ */
