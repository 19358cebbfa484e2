
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_EVENTS_H_INCLUDED_
#define _NGX_RD_API_EVENTS_H_INCLUDED_


#include "ngx_rd_api.h"


/* Routes that tell administrators what happened. */

void  ngx_rd_api_events_recent(ngx_rd_api_ctx_t *ctx);
void  ngx_rd_api_events_stream(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_API_EVENTS_H_INCLUDED_ */
