
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_SIGNED_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_SIGNED_H_INCLUDED_


#include "../../ngx_rd_module.h"


/* rd_signed_secret_file: one or two, a line feed at the end is no part of it */
char  *ngx_rd_directive_signed_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_RD_DIRECTIVE_SIGNED_H_INCLUDED_ */
