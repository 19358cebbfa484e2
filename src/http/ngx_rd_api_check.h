
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_CHECK_H_INCLUDED_
#define _NGX_RD_API_CHECK_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * auth-check, for a foreign proxy (auth_request and its like) that asks for
 * every request: the gate's decision, from the gate's cache and counted with
 * the gate's, as 200 with the address, 401, or 403; those proxies know no
 * other answer.  503 means that it could not be decided.
 */

/* also of somebody who is not logged in */
void  ngx_rd_api_check(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_CHECK_H_INCLUDED_ */
