
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSE_H_INCLUDED_
#define _NGX_RD_SSE_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * A listener to the events (text/event-stream).  First what he missed: all
 * after Last-Event-ID (the header, or last_event_id of the query), else the
 * last 200; then what happens, for as long as he may hear it and reads it.
 * Takes the request over; before the first byte is sent an error is a JSON
 * answer like any other.
 */
void  ngx_rd_sse_start(ngx_rd_api_ctx_t *ctx);


#endif /* _NGX_RD_SSE_H_INCLUDED_ */
