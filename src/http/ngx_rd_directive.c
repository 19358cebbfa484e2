
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_api.h"
#include "ngx_rd_directive.h"
#include "../base/ngx_rd_complaint.h"
#include "../base/ngx_rd_settings.h"


#define NGX_RD_SITE_BYTES_MAX        32     /* it is part of container names */
#define NGX_RD_SECRET_BYTES_MAX      4096   /* CTFd's own has 64 */

#define NGX_RD_INTERVAL_MS_MIN       100    /* more often is only load */
#define NGX_RD_KEEPALIVE_MIN_MS      1000   /* of every listener */

#define NGX_RD_RATE_WINDOW_MS        300000
#define NGX_RD_RATE_MAX              10000  /* each counted one is a member */


static ngx_uint_t ngx_rd_directive_is_line(ngx_str_t *text);
static ngx_int_t ngx_rd_directive_gate_owner(ngx_conf_t *cf,
    ngx_rd_loc_conf_t *rlcf, ngx_str_t name);
static ngx_uint_t ngx_rd_directive_is_word(u_char c);
static void ngx_rd_directive_free_hosts(void *data);


char *
ngx_rd_directive_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    ngx_str_t  *value;

    if (rmcf->secret.len) {
        return "is duplicate, or there is a file, too";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "is empty";
    }

    rmcf->secret = value[1];

    return NGX_CONF_OK;
}


char *
ngx_rd_directive_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    ngx_str_t  *value;

    if (rmcf->secret.len) {
        return "is duplicate, or there is a text, too";
    }

    value = cf->args->elts;

    /* 64 random bytes when CTFd made it: never stripped */

    if (ngx_rd_directive_read_file(cf, &value[1], &rmcf->secret) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rmcf->secret_newline = ngx_rd_directive_is_line(&rmcf->secret);

    if (rmcf->secret_newline) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" ends in a newline, which is taken as part "
                           "of CTFd's SECRET_KEY: write it with \"printf %%s "
                           "KEY\" unless CTFd's own key has one", &value[1]);
    }

    return NGX_CONF_OK;
}


/* printable text and a newline: what an editor or echo makes of a key */

static ngx_uint_t
ngx_rd_directive_is_line(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len - 1; i++) {

        if (text->data[i] < 0x20 || text->data[i] >= 0x7f) {
            return text->data[i] == CR && i == text->len - 2
                   && text->data[i + 1] == LF;
        }
    }

    return text->data[i] == LF;
}


char *
ngx_rd_directive_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    ngx_int_t             n;
    ngx_str_t            *value;
    ngx_rd_store_rate_t  *rate;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "create") == 0) {
        rate = &rmcf->rate_create;

    } else if (ngx_strcmp(value[1].data, "destroy") == 0) {
        rate = &rmcf->rate_destroy;

    } else if (ngx_strcmp(value[1].data, "extend") == 0) {
        rate = &rmcf->rate_extend;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"create\", "
                           "\"destroy\" or \"extend\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (rate->max != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    rate->max = 0;
    rate->window_ms = NGX_RD_RATE_WINDOW_MS;

    if (ngx_strcmp(value[2].data, "off") == 0) {
        return cf->args->nelts == 3 ? NGX_CONF_OK : "is off, it has no time";
    }

    n = ngx_atoi(value[2].data, value[2].len);

    if (n == NGX_ERROR || n == 0 || n > NGX_RD_RATE_MAX) {
        return "needs a number from 1 to 10000, or \"off\"";
    }

    rate->max = n;

    if (cf->args->nelts == 4) {
        n = ngx_parse_time(&value[3], 0);

        if (n == NGX_ERROR || n == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                               &value[3]);
            return NGX_CONF_ERROR;
        }

        rate->window_ms = n;
    }

    return NGX_CONF_OK;
}


void
ngx_rd_directive_rate_default(ngx_rd_store_rate_t *rate, ngx_uint_t max)
{
    if (rate->max == NGX_CONF_UNSET_UINT) {
        rate->max = max;
        rate->window_ms = NGX_RD_RATE_WINDOW_MS;
    }
}


char *
ngx_rd_directive_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    u_char     *colon;
    ssize_t     size;
    ngx_str_t  *value, name, text;

    if (rmcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    colon = (u_char *) ngx_strchr(value[1].data, ':');

    if (colon == NULL || colon == value[1].data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", it must be NAME:SIZE",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data;
    name.len = colon - value[1].data;
    text.data = colon + 1;
    text.len = value[1].data + value[1].len - text.data;

    size = ngx_parse_size(&text);

    if (size == NGX_ERROR || size < NGX_RD_ZONE_BYTES_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size of zone \"%V\", it must be 64k or "
                           "more", &value[1]);
        return NGX_CONF_ERROR;
    }

    rmcf->zone = ngx_rd_zone_add(cf, &name, size, &ngx_rd_module);

    return rmcf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_rd_directive_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_loc_conf_t  *rlcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_rd_main_conf_t                *rmcf;
    ngx_http_compile_complex_value_t   ccv;

    if (rlcf->gate) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->gate = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (rlcf->gate == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = rlcf->gate;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK
        || ngx_rd_directive_gate_owner(cf, rlcf, value[1]) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rlcf->gate_http = 0;
    rlcf->gate_mode = NGX_RD_MODE_DESKTOP;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "http") == 0) {
            rlcf->gate_http = 1;

        } else if (ngx_strcmp(value[i].data, "terminal") == 0) {
            rlcf->gate_mode = NGX_RD_MODE_TERMINAL;

        } else if (ngx_strcmp(value[i].data, "websocket") != 0
                   && ngx_strcmp(value[i].data, "desktop") != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\", it must be "
                               "\"websocket\" or \"http\", "
                               "\"desktop\" or \"terminal\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_rd_module);
    rmcf->used = 1;

    return NGX_CONF_OK;
}


/* What is one capture, or one variable, can be had without being copied. */

static ngx_int_t
ngx_rd_directive_gate_owner(ngx_conf_t *cf, ngx_rd_loc_conf_t *rlcf,
    ngx_str_t name)
{
    size_t  i;

    rlcf->gate_capture = 0;
    rlcf->gate_variable = NGX_ERROR;

    if (name.len < 2 || name.data[0] != '$') {
        return NGX_OK;
    }

    name.data++;
    name.len--;

    if (name.data[0] >= '1' && name.data[0] <= '9') {
        rlcf->gate_capture = (name.len == 1) ? name.data[0] - '0' : 0;
        return NGX_OK;
    }

    for (i = 0; i < name.len; i++) {

        if (!ngx_rd_directive_is_word(name.data[i])) {
            return NGX_OK;
        }
    }

    rlcf->gate_variable = ngx_http_get_variable_index(cf, &name);

    return rlcf->gate_variable == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* of what nginx takes as a part of a variable's name */

static ngx_uint_t
ngx_rd_directive_is_word(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}


char *
ngx_rd_directive_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_loc_conf_t  *rlcf = conf;

    ngx_str_t                 *value;
    ngx_rd_main_conf_t        *rmcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (rlcf->location.data) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

#if (NGX_PCRE)
    if (clcf->regex) {
        return "may not stand in a location given by a regular expression";
    }
#endif

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (ngx_strcmp(value[1].data, "admin") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\", it may only be "
                               "\"admin\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        rlcf->api_admin = 1;
    }

    clcf->handler = ngx_rd_api_handler;
    rlcf->location = clcf->name;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_rd_module);
    rmcf->used = 1;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_rd_directive_read_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *content)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_str_t        path;

    path = *name;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    content->data = ngx_pnalloc(cf->pool, NGX_RD_SECRET_BYTES_MAX + 1);
    if (content->data == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &path);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, content->data, NGX_RD_SECRET_BYTES_MAX + 1);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &path);
    }

    if (n <= 0 || n > NGX_RD_SECRET_BYTES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                           "\"%V\" %s", &path,
                           n < 0 ? "cannot be read"
                                 : n == 0 ? "is empty" : "is too long");
        return NGX_ERROR;
    }

    content->len = n;

    return NGX_OK;
}


char *
ngx_rd_directive_check_site(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t  *site = data;

    u_char      c;
    ngx_uint_t  i;

    if (site->len == 0 || site->len > NGX_RD_SITE_BYTES_MAX) {
        return "must have 1 to 32 characters";
    }

    for (i = 0; i < site->len; i++) {
        c = site->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (c == '-' && i > 0)))
        {
            return "may only have a-z, 0-9 and, not at first, \"-\"";
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_rd_directive_check_interval(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t  *interval_ms = data;

    if (*interval_ms < NGX_RD_INTERVAL_MS_MIN) {
        return "must be at least 100ms";
    }

    return NGX_CONF_OK;
}


char *
ngx_rd_directive_check_keepalive(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t  *ms = data;

    return *ms < NGX_RD_KEEPALIVE_MIN_MS ? "must be at least 1s" : NGX_CONF_OK;
}


ngx_int_t
ngx_rd_directive_load_hosts(ngx_conf_t *cf, ngx_rd_main_conf_t *rmcf)
{
    ngx_uint_t            i;
    ngx_rd_settings_t    *settings;
    ngx_pool_cleanup_t   *cln;
    ngx_rd_complaints_t   complaints;

    if (rmcf->hosts_file.len == 0) {
        ngx_str_set(&rmcf->hosts_file, "hosts.yml");
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL
        || ngx_conf_full_name(cf->cycle, &rmcf->hosts_file, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&complaints, sizeof(ngx_rd_complaints_t));

    settings = ngx_rd_settings_load((char *) rmcf->hosts_file.data,
                                    &complaints);
    cln->handler = ngx_rd_directive_free_hosts;
    cln->data = settings;

    rmcf->settings = settings;

    if (settings
        && ngx_rd_host_init(&rmcf->fleet, cf, settings,
                            (char *) rmcf->hosts_file.data, &complaints)
           == NGX_OK)
    {
        if (settings->fallback) {
            ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                          "rd fleet: no \"%V\", the local Docker socket is "
                          "the only host", &rmcf->hosts_file);
        }

        for (i = 0; i < settings->nhosts; i++) {
            if (settings->hosts[i].insecure) {
                ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                              "%V:%ui: host_key_check: is off for %s, anybody "
                              "on the way can take its place",
                              &rmcf->hosts_file, settings->hosts[i].line,
                              settings->hosts[i].name);
            }
        }

        return NGX_OK;
    }

    for (i = 0; i < ngx_min(complaints.n, NGX_RD_COMPLAINTS_MAX); i++) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s", complaints.text[i]);
    }

    if (complaints.n > NGX_RD_COMPLAINTS_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%V: and %ui more",
                      &rmcf->hosts_file,
                      complaints.n - NGX_RD_COMPLAINTS_MAX);
    }

    return NGX_ERROR;
}


static void
ngx_rd_directive_free_hosts(void *data)
{
    ngx_rd_settings_free(data);
}
