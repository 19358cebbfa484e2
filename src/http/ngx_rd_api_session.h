
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_SESSION_H_INCLUDED_
#define _NGX_RD_API_SESSION_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * The routes of a player.  Each is called when it is known who asks, and ends
 * with ngx_rd_api_finish() or ngx_rd_api_finish_error().
 */

void  ngx_rd_api_session_status(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_progress(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_credentials(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_csrf(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_auth_check(ngx_rd_api_ctx_t *ctx);

/* these go on when the player has left meanwhile */
void  ngx_rd_api_session_create(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_destroy(ngx_rd_api_ctx_t *ctx);

void  ngx_rd_api_session_extend(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_SESSION_H_INCLUDED_ */
