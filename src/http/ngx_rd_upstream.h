
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_UPSTREAM_H_INCLUDED_
#define _NGX_RD_UPSTREAM_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_http.h>


/*
 * rd_backend in upstream{}: the only peer of a request is the desktop that the
 * gate found for it, and without the gate's word there is none (502).  Made
 * for "keepalive", which wraps it and keeps its idle connections by address.
 */

/* configuration time */
char  *ngx_rd_upstream_backend(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_RD_UPSTREAM_H_INCLUDED_ */
