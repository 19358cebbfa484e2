
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_TLS_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_TLS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "../redis/ngx_rd_redis.h"


/* The parameters tls= and tls_*= of rd_redis and rd_ctfd_redis. */

typedef struct {
    ngx_rd_redis_tls_conf_t   conf;
    ngx_uint_t                on;
    ngx_uint_t                given;    /* one of tls_*= */
} ngx_rd_directive_tls_t;


/* Before the first parameter. */
void  ngx_rd_directive_tls_init(ngx_rd_directive_tls_t *tls);

/* NGX_DECLINED: it is none of these; NGX_ERROR: a bad value, said why */
ngx_int_t  ngx_rd_directive_tls_param(ngx_conf_t *cf,
    ngx_rd_directive_tls_t *tls, ngx_str_t *name, ngx_str_t *value);

/* After the last: sets redis->tls.  NGX_ERROR: said why. */
ngx_int_t  ngx_rd_directive_tls_end(ngx_conf_t *cf,
    ngx_rd_directive_tls_t *tls, ngx_rd_redis_conf_t *redis);


#endif /* _NGX_RD_DIRECTIVE_TLS_H_INCLUDED_ */
