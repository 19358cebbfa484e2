
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DEFAULTS_H_INCLUDED_
#define _NGX_RD_DEFAULTS_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * The configuration structures: made unset, then given their defaults and
 * what follows from what was set.  Configuration time; NULL or NGX_CONF_ERROR
 * after a line in the log.
 */
void  *ngx_rd_defaults_create_main(ngx_conf_t *cf);
char  *ngx_rd_defaults_init_main(ngx_conf_t *cf, void *conf);

void  *ngx_rd_defaults_create_loc(ngx_conf_t *cf);
char  *ngx_rd_defaults_merge_loc(ngx_conf_t *cf, void *parent, void *child);


#endif /* _NGX_RD_DEFAULTS_H_INCLUDED_ */
