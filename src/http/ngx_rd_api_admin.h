
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_ADMIN_H_INCLUDED_
#define _NGX_RD_API_ADMIN_H_INCLUDED_


#include "ngx_rd_api.h"


/* Routes by which administrators do something; docs/API.md. */

void  ngx_rd_api_admin_kill(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_admin_extend(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_admin_peek(ngx_rd_api_ctx_t *ctx);

void  ngx_rd_api_admin_cordon(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_admin_drain(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_admin_activate(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_ADMIN_H_INCLUDED_ */
