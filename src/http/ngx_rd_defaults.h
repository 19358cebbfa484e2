
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DEFAULTS_H_INCLUDED_
#define _NGX_RD_DEFAULTS_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * What http{} leaves unsaid, and what follows from what it says.
 * NGX_CONF_ERROR: said why.  Configuration time.
 */
char  *ngx_rd_defaults_main(ngx_conf_t *cf, ngx_rd_main_conf_t *rmcf);


#endif /* _NGX_RD_DEFAULTS_H_INCLUDED_ */
