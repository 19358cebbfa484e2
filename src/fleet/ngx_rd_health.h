
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_HEALTH_H_INCLUDED_
#define _NGX_RD_HEALTH_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"
#include <ngx_thread_pool.h>


/*
 * Which hosts are fit.  Event loop.
 *
 * Every worker of every machine asks Redis which hosts are due (host_due.lua);
 * who is given one probes it on a connection of its own and writes down what
 * it saw (host_seen.lua): the hash host:NAME.  So a host is probed once per
 * interval however many workers there are, and goes on being probed when one
 * of them dies.  The first worker of a machine probes all hosts when it
 * starts.  The log names a host whose health or its reason has changed, and at
 * a start every host that takes no sessions.
 *
 * What store, fleet and settings point to must outlive it.
 */

typedef struct {
    ngx_rd_store_t      *store;
    ngx_rd_fleet_t      *fleet;
    ngx_rd_settings_t   *settings;
    ngx_thread_pool_t   *thread_pool;
    ngx_msec_t           interval_ms;
} ngx_rd_health_conf_t;


void  ngx_rd_health_init(const ngx_rd_health_conf_t *conf);
void  ngx_rd_health_exit(void);

/*
 * A job could not reach a host (ngx_rd_error_unreached).  Its back-off begins
 * for all workers, and a probe is due at the end of each pause.
 */
void  ngx_rd_health_unreached(const char *host);

/*
 * To be told of every creation that failed.  Says no more of a host than what
 * its engine said of itself: that its disk is full (host_full.lua).
 */
void  ngx_rd_health_failed(const char *host, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail);


#endif /* _NGX_RD_HEALTH_H_INCLUDED_ */
