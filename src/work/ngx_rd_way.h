
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_WAY_H_INCLUDED_
#define _NGX_RD_WAY_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_settings.h"
#include "ngx_rd_deadline.h"


/*
 * A way to a Docker engine: a stream of bytes in both directions, over a unix
 * socket or an SSH channel.  Owned and used by one thread at a time; nothing
 * here waits longer than its deadline.
 */

typedef struct ngx_rd_way_s  ngx_rd_way_t;


typedef struct {
    /* all of data, or an error */
    ngx_rd_error_e  (*write)(ngx_rd_way_t *way, const u_char *data, size_t len,
                             ngx_rd_deadline_t deadline,
                             ngx_rd_detail_t *detail);

    /* 1 .. size bytes into *n; 0 when the engine closed */
    ngx_rd_error_e  (*read)(ngx_rd_way_t *way, u_char *buf, size_t size,
                            size_t *n, ngx_rd_deadline_t deadline,
                            ngx_rd_detail_t *detail);

    /* open, and nothing came that nobody asked for?  Never waits. */
    ngx_uint_t      (*quiet)(ngx_rd_way_t *way);

    /*
     * Why the engine closed before it said anything: the error to give, and
     * what is known of the reason.
     */
    ngx_rd_error_e  (*closed)(ngx_rd_way_t *way, ngx_rd_deadline_t deadline,
                              ngx_rd_detail_t *detail);

    /* never waits for the peer; frees way */
    void            (*close)(ngx_rd_way_t *way);
} ngx_rd_way_ops_t;


/* first member of every kind of way */

struct ngx_rd_way_s {
    const ngx_rd_way_ops_t    *ops;
    const ngx_rd_host_conf_t  *host;    /* borrowed */
};


/*
 * (pool thread) Opens a way to the engine of host: through its unix socket
 * when it is local, else through SSH.  On an error *way is NULL.
 */
ngx_rd_error_e  ngx_rd_way_open(const ngx_rd_host_conf_t *host,
    ngx_rd_way_t **way, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);


#endif /* _NGX_RD_WAY_H_INCLUDED_ */
