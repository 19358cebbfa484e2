
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_ORIGINS_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_ORIGINS_H_INCLUDED_


#include "../../ngx_rd_module.h"


/* rd_allowed_origins; configuration time */
char  *ngx_rd_directive_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_RD_DIRECTIVE_ORIGINS_H_INCLUDED_ */
