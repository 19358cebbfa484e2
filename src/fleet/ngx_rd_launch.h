
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_LAUNCH_H_INCLUDED_
#define _NGX_RD_LAUNCH_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_text.h"
#include "../work/ngx_rd_container.h"
#include "ngx_rd_host.h"
#include <ngx_thread_pool.h>


/*
 * Makes the container of one desktop on one host, on a pool thread.  All of
 * it is copied or lives as long as the worker.
 */

typedef struct {
    ngx_rd_host_t        *host;
    ngx_rd_settings_t    *settings;
    ngx_str_t             site;
    ngx_str_t             installation;
    ngx_str_t             session;          /* its id */
    ngx_str_t             name;             /* of the container */
    int64_t               epoch;
    ngx_str_t             account;          /* CTFD_USERNAME */
    ngx_str_t             passwords;        /* VNC_PASSWORD and
                                               VNC_VIEW_PASSWORD, a line each */
    ngx_uint_t            lifetime_s;       /* MAX_LIFETIME */
    ngx_msec_t            timeout_ms;
} ngx_rd_launch_t;


/* container is borrowed; its first ports stand in this order */

#define NGX_RD_LAUNCH_PORT_WEB  0
#define NGX_RD_LAUNCH_PORT_VNC  1

typedef void (*ngx_rd_launch_done_pt)(void *owner, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail, const ngx_rd_container_t *container);


/*
 * Event loop.  NGX_AGAIN: done will be called once, on the loop, within
 * timeout_ms and the time a thread takes to become free.  NGX_ERROR: nothing
 * was begun (no memory, or the pool's queue is full).
 */
ngx_int_t  ngx_rd_launch_start(const ngx_rd_launch_t *launch,
    ngx_thread_pool_t *thread_pool, ngx_rd_launch_done_pt done, void *owner);


/* where a container that was made so can be reached; strings are borrowed */
void  ngx_rd_launch_endpoints(ngx_rd_store_endpoints_t *endpoints,
    ngx_rd_host_t *host, ngx_rd_settings_t *settings,
    const ngx_rd_container_t *container);


#endif /* _NGX_RD_LAUNCH_H_INCLUDED_ */
