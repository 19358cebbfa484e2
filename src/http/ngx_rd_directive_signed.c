
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_directive.h"
#include "ngx_rd_directive_signed.h"


char *
ngx_rd_directive_signed_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_rd_main_conf_t  *rmcf = conf;

    ngx_str_t              *value, *secret;
    ngx_uint_t              i;
    ngx_rd_signed_keys_t   *keys;

    keys = &rmcf->signed_keys;

    if (keys->n) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        secret = &keys->secrets[keys->n];

        if (ngx_rd_directive_read_file(cf, &value[i], secret) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        /* an editor's; the same for everybody who signs */

        if (secret->data[secret->len - 1] == LF) {
            secret->len--;
        }

        if (secret->len < NGX_RD_SIGNED_SECRET_BYTES_MIN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has fewer than %d bytes", &value[i],
                               NGX_RD_SIGNED_SECRET_BYTES_MIN);
            return NGX_CONF_ERROR;
        }

        keys->n++;
    }

    return NGX_CONF_OK;
}
