
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_REDIS_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_REDIS_H_INCLUDED_


#include "../../ngx_rd_module.h"


/* rd_redis and rd_ctfd_redis; configuration time only */
char  *ngx_rd_directive_redis_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a server with all defaults; NULL: said why */
ngx_rd_redis_conf_t  *ngx_rd_directive_redis_server(ngx_conf_t *cf,
    ngx_str_t *address);


#endif /* _NGX_RD_DIRECTIVE_REDIS_H_INCLUDED_ */
