
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_directive_origins.h"


static const char *ngx_rd_directive_origins_check(ngx_str_t *origin);
static ngx_uint_t ngx_rd_directive_origins_ends(ngx_str_t *origin,
    const char *port);


char *
ngx_rd_directive_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_loc_conf_t  *rlcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;
    const char  *complaint;

    if (rlcf->allowed_origins) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->allowed_origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                             sizeof(ngx_str_t));
    if (rlcf->allowed_origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        complaint = ngx_rd_directive_origins_check(&value[i]);

        if (complaint) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, complaint);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(rlcf->allowed_origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* it is compared with what a browser sends (RFC 6454, 6.2) */

static const char *
ngx_rd_directive_origins_check(ngx_str_t *origin)
{
    size_t  scheme, i;
    u_char  c;

    if (ngx_strncasecmp(origin->data, (u_char *) "https://", 8) == 0) {
        scheme = 8;

    } else if (ngx_strncasecmp(origin->data, (u_char *) "http://", 7) == 0) {
        scheme = 7;

    } else {
        return "it must begin with \"https://\" or \"http://\"";
    }

    if (origin->len == scheme) {
        return "it has no host";
    }

    for (i = scheme; i < origin->len; i++) {
        c = origin->data[i];

        if (c == '/' || c == '?' || c == '#') {
            return "an origin ends with its host and port, without \"/\"";
        }

        if (c <= 0x20 || c >= 0x7f || c == '*' || c == '@') {
            return "a host is written out, in ASCII, and without \"*\"";
        }
    }

    if (ngx_rd_directive_origins_ends(origin, scheme == 8 ? ":443" : ":80")) {
        return "browsers leave out the default port of a scheme";
    }

    return NULL;
}


static ngx_uint_t
ngx_rd_directive_origins_ends(ngx_str_t *origin, const char *port)
{
    size_t  len;

    len = ngx_strlen(port);

    return origin->len > len
           && ngx_strncmp(origin->data + origin->len - len, port, len) == 0;
}
