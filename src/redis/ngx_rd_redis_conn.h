
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_CONN_H_INCLUDED_
#define _NGX_RD_REDIS_CONN_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_redis.h"
#include "ngx_rd_redis_pipeline.h"
#include "ngx_rd_redis_tls.h"


/*
 * One socket to a Redis server, plain or TLS, on the event loop, and hiredis'
 * reader behind it.  Private to this room.
 */

typedef struct {
    ngx_connection_t         *connection;   /* NULL: none */
    redisReader              *reader;
    ngx_rd_redis_tls_t       *tls;          /* NULL: plain */

    ngx_rd_redis_pipeline_t   pipeline;

    ngx_rd_redis_reply_pt     push;         /* for replies nobody asked for */
    void                     *push_data;

    unsigned                  connected:1;  /* TLS handshake included */
    unsigned                  heard:1;      /* a byte has come */
} ngx_rd_redis_conn_t;


/*
 * Begins to connect; commands may be sent at once and wait.  NGX_ERROR: the
 * reason was given to ngx_rd_redis_break().
 */
ngx_int_t  ngx_rd_redis_conn_open(ngx_rd_redis_t *redis, ngx_addr_t *addr);

/*
 * Closes, and answers everything expected with NULL.  Never from inside a
 * handler of this connection: ngx_rd_redis_break() posts it.
 */
void  ngx_rd_redis_conn_close(ngx_rd_redis_t *redis);

/*
 * Copies a command in RESP; it leaves with the others of this turn of the
 * loop.  handler NULL: its reply goes to push.  NGX_ERROR: no connection or
 * no memory, handler will not be called.
 */
ngx_int_t  ngx_rd_redis_conn_send(ngx_rd_redis_t *redis, const u_char *text,
    size_t len, ngx_rd_redis_reply_pt handler, void *data);

/* The same with arguments. */
ngx_int_t  ngx_rd_redis_conn_command(ngx_rd_redis_t *redis, ngx_uint_t argc,
    const ngx_str_t *argv, ngx_rd_redis_reply_pt handler, void *data);

/* What hinders the set-up, when its deadline is over. */
const char  *ngx_rd_redis_conn_waits_for(const ngx_rd_redis_t *redis);


#endif /* _NGX_RD_REDIS_CONN_H_INCLUDED_ */
