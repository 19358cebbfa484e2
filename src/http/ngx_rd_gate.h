
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_GATE_H_INCLUDED_
#define _NGX_RD_GATE_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_http.h>


/*
 * The gate in front of a desktop: identify, authorise, resolve, go on.  A
 * request that passes has $rd_backend set and carries no Cookie and no
 * Authorization any more; one that does not is answered here.
 */

/* access phase */
ngx_int_t  ngx_rd_gate_handler(ngx_http_request_t *r);

/* $rd_backend: "address:port", empty unless the gate said yes */
ngx_int_t  ngx_rd_gate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/*
 * Where the request goes that passed the gate: the same, to connect to.  What
 * is given lives as long as the request.  NGX_DECLINED: it did not pass, or
 * this is a subrequest or an internal redirect, which no gate looks at.
 */
ngx_int_t  ngx_rd_gate_backend(ngx_http_request_t *r,
    struct sockaddr **sockaddr, socklen_t *socklen, ngx_str_t **name);


#endif /* _NGX_RD_GATE_H_INCLUDED_ */
