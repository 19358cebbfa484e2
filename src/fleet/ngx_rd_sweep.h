
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SWEEP_H_INCLUDED_
#define _NGX_RD_SWEEP_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"
#include <ngx_thread_pool.h>


/*
 * What is on the hosts and what stands in Redis, compared.  Event loop.
 *
 * Once per interval one worker of all machines, the same for none of the
 * hosts by right, is given a host by sweep_due.lua, lists the containers of our
 * site there, and lets sweep_judge.lua compare.  A container without a live
 * record is removed when it is older than 30 s; a session whose container a
 * healthy engine does not know any more ends as reconciliation.  What nobody
 * can say for sure stays, and a container of another site is never looked at.
 *
 * What store and fleet point to must outlive it.
 */

typedef struct {
    ngx_rd_store_t      *store;
    ngx_rd_fleet_t      *fleet;
    ngx_str_t            site;
    ngx_thread_pool_t   *thread_pool;
    ngx_msec_t           interval_ms;
    int64_t              keep_ms;       /* history */
} ngx_rd_sweep_conf_t;


void  ngx_rd_sweep_init(const ngx_rd_sweep_conf_t *conf);
void  ngx_rd_sweep_exit(void);

/* sweeps this worker may begin now */
ngx_uint_t  ngx_rd_sweep_room(void);

/* one sweep of one host, which sweep_due.lua gave to this worker */
void  ngx_rd_sweep_begin(ngx_str_t *name, int64_t number, int64_t began_ms);


#endif /* _NGX_RD_SWEEP_H_INCLUDED_ */
