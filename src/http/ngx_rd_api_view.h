
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_VIEW_H_INCLUDED_
#define _NGX_RD_API_VIEW_H_INCLUDED_


#include "ngx_rd_api.h"


/* Routes by which administrators see what there is; docs/API.md. */

void  ngx_rd_api_view_containers(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_view_hosts(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_view_explain(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_VIEW_H_INCLUDED_ */
