
/*
 * Copyright (C) the ngx_rd authors
 */


#include "ngx_rd_probe.h"
#include <openssl/sha.h>


static void *ngx_rd_probe_create_main_conf(ngx_conf_t *cf);
static void *ngx_rd_probe_create_loc_conf(ngx_conf_t *cf);
static char *ngx_rd_probe_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_rd_probe_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rd_probe_script(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rd_probe_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_rd_probe_args(ngx_conf_t *cf, ngx_array_t *args,
    ngx_uint_t first);
static ngx_int_t ngx_rd_probe_address(ngx_conf_t *cf, ngx_str_t *text,
    ngx_addr_t *addr);

static ngx_int_t ngx_rd_probe_init_process(ngx_cycle_t *cycle);
static void ngx_rd_probe_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_rd_probe_commands[] = {

    { ngx_string("probe_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("probe_call"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_rd_probe_call_handler },

    { ngx_string("probe_calls"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      ngx_rd_probe_call_handler },

    { ngx_string("probe_cancel"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      ngx_rd_probe_cancel_handler },

    { ngx_string("probe_script"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_rd_probe_script,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("probe_state"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_rd_probe_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_rd_probe_state_handler },

    { ngx_string("probe_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE3,
      ngx_rd_probe_ready,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_rd_probe_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_rd_probe_create_main_conf,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_rd_probe_create_loc_conf,          /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_rd_probe_module = {
    NGX_MODULE_V1,
    &ngx_rd_probe_module_ctx,              /* module context */
    ngx_rd_probe_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_rd_probe_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rd_probe_exit_process,             /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_rd_probe_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rd_probe_main_conf_t));
}


static void *
ngx_rd_probe_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rd_probe_loc_conf_t));
}


static char *
ngx_rd_probe_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_main_conf_t  *pmcf = conf;

    ngx_int_t             n;
    ngx_str_t            *value, text;
    ngx_uint_t            i;
    ngx_rd_detail_t       detail;
    ngx_rd_redis_conf_t  *rcf;

    value = cf->args->elts;

    if (pmcf->nredis == NGX_RD_PROBE_REDIS_MAX) {
        return "is repeated too often";
    }

    rcf = &pmcf->redis[pmcf->nredis++].conf;

    rcf->name = value[1];
    rcf->version_min = 602;
    rcf->connect_timeout_ms = 10000;
    rcf->timeout_ms = 10000;
    rcf->calls_max = 1000;

    rcf->addr = ngx_pcalloc(cf->pool, sizeof(ngx_addr_t));
    if (rcf->addr == NULL
        || ngx_rd_probe_address(cf, &value[2], rcf->addr) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "tls=", 4) == 0) {
            rcf->tls = ngx_pcalloc(cf->pool, sizeof(ngx_rd_redis_tls_conf_t));
            if (rcf->tls == NULL) {
                return NGX_CONF_ERROR;
            }

            rcf->tls->ca.data = value[i].data + 4;
            rcf->tls->ca.len = value[i].len - 4;
            rcf->tls->verify = 1;
            ngx_str_set(&rcf->tls->name, "127.0.0.1");

            if (ngx_rd_redis_tls_load(rcf->tls, &detail) != NULL) {
                return "has a bad CA";
            }

            continue;
        }

        text.data = (u_char *) ngx_strchr(value[i].data, '=');
        if (text.data == NULL) {
            return "has an argument without \"=\"";
        }

        text.data++;
        text.len = value[i].data + value[i].len - text.data;
        n = ngx_atoi(text.data, text.len);

        switch (value[i].data[0]) {

        case 'u':
            rcf->user = text;
            continue;

        case 'p':
            rcf->password = text;
            continue;

        case 'd':
            rcf->database = n;
            break;

        case 'v':
            rcf->version_min = n;
            break;

        case 't':
            rcf->timeout_ms = n;
            break;

        default:
            if (ngx_strncmp(value[i].data, "calls", 5) == 0) {
                rcf->calls_max = n;
            } else {
                rcf->connect_timeout_ms = n;
            }
        }

        if (n == NGX_ERROR) {
            return "has a bad number";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_rd_probe_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    ngx_int_t                  n;
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    plcf->name = value[1];

    if (cmd->offset) {
        n = ngx_atoi(value[2].data, value[2].len);
        if (n == NGX_ERROR || n < 1 || n > NGX_RD_PROBE_CALLS_MAX) {
            return "has a bad number";
        }

        plcf->n = n;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return ngx_rd_probe_args(cf, &plcf->args, cmd->offset ? 3 : 2);
}


static char *
ngx_rd_probe_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    u_char                     sha[SHA_DIGEST_LENGTH];
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (cf->args->nelts < 4) {
        return "needs a name, a text and a number";
    }

    value = cf->args->elts;
    plcf->name = value[1];

    plcf->script.name = "probe";
    plcf->script.text = (char *) value[2].data;
    plcf->script.len = value[2].len;
    plcf->nkeys = ngx_atoi(value[3].data, value[3].len);

    (void) SHA1(value[2].data, value[2].len, sha);
    (void) ngx_hex_dump((u_char *) plcf->script.sha, sha, sizeof(sha));

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_rd_probe_call_handler;

    return ngx_rd_probe_args(cf, &plcf->args, 4);
}


static char *
ngx_rd_probe_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_probe_loc_conf_t  *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (ngx_rd_probe_address(cf, &value[1], &plcf->addr) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    plcf->path = value[2];
    plcf->give_up_ms = ngx_parse_time(&value[3], 0);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_rd_probe_ready_handler;

    return NGX_CONF_OK;
}


static char *
ngx_rd_probe_args(ngx_conf_t *cf, ngx_array_t *args, ngx_uint_t first)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    if (cf->args->nelts - first > NGX_RD_PROBE_ARGS_MAX) {
        return "has too many arguments";
    }

    if (ngx_array_init(args, cf->pool, NGX_RD_PROBE_ARGS_MAX,
                       sizeof(ngx_http_complex_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        cv = ngx_array_push(args);

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rd_probe_address(ngx_conf_t *cf, ngx_str_t *text, ngx_addr_t *addr)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *text;
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"", u.err, text);
        return NGX_ERROR;
    }

    *addr = u.addrs[0];

    return NGX_OK;
}


static ngx_int_t
ngx_rd_probe_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_rd_probe_main_conf_t  *pmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_probe_module);

    for (i = 0; pmcf && i < pmcf->nredis; i++) {
        pmcf->redis[i].redis = ngx_rd_redis_create(&pmcf->redis[i].conf,
                                                   cycle->log);
        if (pmcf->redis[i].redis == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_rd_probe_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_rd_probe_main_conf_t  *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_rd_probe_module);

    for (i = 0; pmcf && i < pmcf->nredis; i++) {
        if (pmcf->redis[i].redis) {
            ngx_rd_redis_destroy(pmcf->redis[i].redis);
        }
    }
}
