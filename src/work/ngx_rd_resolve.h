
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_RESOLVE_H_INCLUDED_
#define _NGX_RD_RESOLVE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_deadline.h"


#define NGX_RD_RESOLVE_ADDRS_MAX  8


typedef struct {
    struct sockaddr_storage  addr[NGX_RD_RESOLVE_ADDRS_MAX];
    socklen_t                addr_len[NGX_RD_RESOLVE_ADDRS_MAX];
    ngx_uint_t               n;         /* 1 .. NGX_RD_RESOLVE_ADDRS_MAX */
} ngx_rd_resolve_t;


/*
 * (pool thread) The addresses of a host name or IP literal, in the order in
 * which they are to be tried.  The system's resolver knows no deadline; this
 * does.  Errors: SSH_CONNECT (no such name), SSH_TIMEOUT, MEMORY.
 */
ngx_rd_error_e  ngx_rd_resolve_name(const char *name, in_port_t port,
    ngx_rd_resolve_t *out, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);


#endif /* _NGX_RD_RESOLVE_H_INCLUDED_ */
