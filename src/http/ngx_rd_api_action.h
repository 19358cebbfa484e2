
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_ACTION_H_INCLUDED_
#define _NGX_RD_API_ACTION_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * What a player does.  Each is called when it is known who asks, and ends the
 * request; create and destroy go on when the player has left meanwhile.
 */

void  ngx_rd_api_action_create(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_action_destroy(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_action_extend(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_ACTION_H_INCLUDED_ */
