
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_SESSION_H_INCLUDED_
#define _NGX_RD_API_SESSION_H_INCLUDED_


#include "ngx_rd_api.h"
#include "../base/ngx_rd_json.h"


/*
 * The routes of a player.  Each is called when it is known who asks, and ends
 * with ngx_rd_api_finish() or ngx_rd_api_finish_error().
 */

void  ngx_rd_api_session_status(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_progress(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_credentials(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_session_csrf(ngx_rd_api_ctx_t *ctx);


/* for other routes */

/*
 * To be started by ngx_rd_session_find_start(); owner is ctx.  Cancelled when
 * the request ends.  NULL: no memory.
 */
ngx_rd_session_find_t  *ngx_rd_api_session_find(ngx_rd_api_ctx_t *ctx,
    uint64_t user_id, ngx_rd_session_find_done_pt done);

/*
 * Reads the reply of extend.lua or prolong.lua: NONE and T of docs/API.md, or
 * why there is no more time.  The rate limit of a player is read before it.
 */
ngx_rd_error_e  ngx_rd_api_session_extended(const ngx_rd_redis_reply_t *reply,
    ngx_rd_json_t **timer);

/* T of docs/API.md */
ngx_rd_json_t  *ngx_rd_api_session_timer(int64_t left_s, int64_t used,
    int64_t max);

/* 200 with json, which is taken over; ends the request */
void  ngx_rd_api_session_send(ngx_rd_api_ctx_t *ctx, ngx_rd_json_t *json);


#endif /* _NGX_RD_API_SESSION_H_INCLUDED_ */
