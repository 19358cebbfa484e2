
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_POOLS_H_INCLUDED_
#define _NGX_RD_POOLS_H_INCLUDED_


#include "../ngx_rd.h"
#include "../work/ngx_rd_job.h"
#include "ngx_rd_host.h"


/* configuration time: what the pools of all workers share */
ngx_int_t  ngx_rd_pools_zone(ngx_conf_t *cf, void *tag);

/*
 * The pools of connections of this worker, one per host.  Event loop.
 *
 * _init makes them and has idle connections retired.  _exit is called when
 * nginx has joined its pool threads.
 */
ngx_int_t  ngx_rd_pools_init(ngx_cycle_t *cycle, ngx_rd_fleet_t *fleet,
    ngx_thread_pool_t *thread_pool);
void       ngx_rd_pools_exit(void);

ngx_rd_ssh_pool_t  *ngx_rd_pools_get(const ngx_rd_host_t *host);


#endif /* _NGX_RD_POOLS_H_INCLUDED_ */
