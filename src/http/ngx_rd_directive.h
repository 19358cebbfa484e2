
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * What directives with a grammar of their own do; docs/DIRECTIVES.md is their
 * contract.  Configuration time only.
 */

char  *ngx_rd_directive_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char  *ngx_rd_directive_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char  *ngx_rd_directive_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char  *ngx_rd_directive_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char  *ngx_rd_directive_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char  *ngx_rd_directive_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* post handlers: is this a site's name, a time between two lines? */
char  *ngx_rd_directive_check_site(ngx_conf_t *cf, void *post, void *data);
char  *ngx_rd_directive_check_keepalive(ngx_conf_t *cf, void *post,
    void *data);

/* so many in five minutes, unless the directive said something else */
void  ngx_rd_directive_rate_default(ngx_rd_store_rate_t *rate, ngx_uint_t max);

/* a post handler: is this time long enough between two looks at a host? */
char  *ngx_rd_directive_check_interval(ngx_conf_t *cf, void *post, void *data);

/* a small file, whole, never empty; NGX_ERROR: said why */
ngx_int_t  ngx_rd_directive_read_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *content);

/* reads hosts.yml and resolves it; NGX_ERROR: every fault was said */
ngx_int_t  ngx_rd_directive_load_hosts(ngx_conf_t *cf,
    ngx_rd_main_conf_t *rmcf);


#endif /* _NGX_RD_DIRECTIVE_H_INCLUDED_ */
