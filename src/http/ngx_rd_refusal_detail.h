
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REFUSAL_DETAIL_H_INCLUDED_
#define _NGX_RD_REFUSAL_DETAIL_H_INCLUDED_


#include "../../ngx_rd_module.h"
#include "../base/ngx_rd_reason.h"


/*
 * What was seen and what was expected, in words for the log: NUL-terminated,
 * all that the client sent quoted and bounded, no cookie, key or session id.
 * Event loop.
 */
void  ngx_rd_refusal_detail(u_char *detail, size_t size,
    ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf, ngx_rd_reason_e reason,
    const ngx_rd_identity_t *identity);

/*
 * Is there a cookie that CTFd signed, under any name?  NGX_OK and the name, a
 * slice of the request; NGX_DECLINED.  Looks at 16 cookies of the form.
 */
ngx_int_t  ngx_rd_refusal_detail_genuine(ngx_http_request_t *r,
    ngx_rd_main_conf_t *rmcf, ngx_str_t *name);


#endif /* _NGX_RD_REFUSAL_DETAIL_H_INCLUDED_ */
