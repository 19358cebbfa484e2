
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_PEEK_H_INCLUDED_
#define _NGX_RD_API_PEEK_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * GET credentials?user=ID of another user's desktop.  Event loop.  The gate's
 * decision; whoever may pass gets the view-only password, never the other one.
 * An administrator is audited.  owner 0: the id was none.
 */
void  ngx_rd_api_peek(ngx_rd_api_ctx_t *ctx, uint64_t owner);


#endif /* _NGX_RD_API_PEEK_H_INCLUDED_ */
