
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_KILL_ALL_H_INCLUDED_
#define _NGX_RD_API_KILL_ALL_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * Ends all live sessions, some at a time, and reports what became of each.
 * Goes on when the administrator leaves.
 */
void  ngx_rd_api_kill_all(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_KILL_ALL_H_INCLUDED_ */
