
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_TLS_H_INCLUDED_
#define _NGX_RD_REDIS_TLS_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * TLS to a Redis server, with OpenSSL on the socket itself; TLS 1.2 or newer.
 * Event loop; nothing here blocks.
 */

/* What the directive says, and the context made of it. */

typedef struct {
    ngx_str_t    ca;            /* file; empty: the system's */
    ngx_str_t    cert;          /* files of a client certificate; or empty */
    ngx_str_t    key;
    ngx_str_t    name;          /* in the certificate: host name or address */
    ngx_uint_t   verify;

    void        *ctx;           /* made by _load() */
    unsigned     is_address:1;
} ngx_rd_redis_tls_conf_t;


typedef struct ngx_rd_redis_tls_s  ngx_rd_redis_tls_t;


/*
 * (configuration time) Reads the files, whose names end with a NUL.  NULL, or
 * a sentence that names what is wrong, in detail.
 */
const char  *ngx_rd_redis_tls_load(ngx_rd_redis_tls_conf_t *conf,
    ngx_rd_detail_t *detail);
void  ngx_rd_redis_tls_unload(ngx_rd_redis_tls_conf_t *conf);


/* NULL: out of memory */
ngx_rd_redis_tls_t  *ngx_rd_redis_tls_create(
    const ngx_rd_redis_tls_conf_t *conf, ngx_socket_t fd);
void  ngx_rd_redis_tls_destroy(ngx_rd_redis_tls_t *tls);

/*
 * Bytes read or written, or 0 done (handshake) or closed (read); NGX_AGAIN:
 * when the socket is readable, or with _wants_write() also when it is
 * writable; NGX_ERROR: _reason() says why.
 */
ngx_int_t  ngx_rd_redis_tls_handshake(ngx_rd_redis_tls_t *tls);
ssize_t  ngx_rd_redis_tls_recv(ngx_rd_redis_tls_t *tls, u_char *buf,
    size_t size);
ssize_t  ngx_rd_redis_tls_send(ngx_rd_redis_tls_t *tls, const u_char *buf,
    size_t size);

ngx_uint_t  ngx_rd_redis_tls_wants_write(const ngx_rd_redis_tls_t *tls);
const char  *ngx_rd_redis_tls_reason(const ngx_rd_redis_tls_t *tls);


#endif /* _NGX_RD_REDIS_TLS_H_INCLUDED_ */
