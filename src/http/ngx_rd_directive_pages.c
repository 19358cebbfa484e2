
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_directive_pages.h"


static ngx_str_t  ngx_rd_directive_pages_files[] = {
    ngx_string("/current/index.html"),
    ngx_string("/current/viewer.html"),
    ngx_string("/current/terminal.html"),
    ngx_null_string
};


char *
ngx_rd_directive_pages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t        *value, *file, path;
    ngx_file_info_t   fi;

    value = cf->args->elts;

    for (file = ngx_rd_directive_pages_files; file->len; file++) {

        path.len = value[1].len + file->len;
        path.data = ngx_pnalloc(cf->pool, path.len + 1);
        if (path.data == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_snprintf(path.data, path.len + 1, "%V%V%Z",
                            &value[1], file);

        if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_file_info(path.data, &fi) == NGX_FILE_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "the page \"%V\" is missing; publish the pages "
                               "with \"make install\" or \"tools/pages.sh "
                               "DIR\"", &path);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
