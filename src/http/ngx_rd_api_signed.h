
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_SIGNED_H_INCLUDED_
#define _NGX_RD_API_SIGNED_H_INCLUDED_


#include "ngx_rd_api.h"


/*
 * Who is asking, by the header X-RD-Signature and nothing else.  Reads the
 * body, which is signed, too; the route finds it in r->request_body.  The
 * answer goes to ctx->identity.done, or the request is ended here.  Returns
 * what a content handler returns.
 */
ngx_int_t  ngx_rd_api_signed_start(ngx_rd_api_ctx_t *ctx);

/* is this request to be judged by its signature? */
ngx_uint_t  ngx_rd_api_signed_wanted(ngx_http_request_t *r);


#endif /* _NGX_RD_API_SIGNED_H_INCLUDED_ */
