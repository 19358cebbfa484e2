
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_SWITCH_H_INCLUDED_
#define _NGX_RD_API_SWITCH_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * The master switch, for administrators: while it is off no player starts a
 * desktop or goes into one.  Those that run go on unseen.
 */

void  ngx_rd_api_switch_on(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_switch_off(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_SWITCH_H_INCLUDED_ */
