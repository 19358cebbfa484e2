
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_KEEPALIVE_H_INCLUDED_
#define _NGX_RD_KEEPALIVE_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * Bounds how long a client's connection outlives its path, for connections
 * that stay open for hours: TCP gives a silent path up after a quarter of an
 * hour, and an idle one never.  Event loop; once per connection.  30 to 55 s
 * after the last sign of the client the kernel reports ETIMEDOUT, whatever
 * `listen` says.  Does nothing for a unix socket.
 */
void  ngx_rd_keepalive_set(ngx_connection_t *c);


#endif /* _NGX_RD_KEEPALIVE_H_INCLUDED_ */
