
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_LEASE_H_INCLUDED_
#define _NGX_RD_LEASE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"


#define NGX_RD_LEASE_MS  10000      /* a dead worker's sessions wait so long */


typedef struct ngx_rd_lease_s  ngx_rd_lease_t;

/* the session is somebody else's, or over; called once, event loop */
typedef void (*ngx_rd_lease_lost_pt)(ngx_rd_lease_t *lease);


/* The right of this worker to drive one session; part of the driver. */

struct ngx_rd_lease_s {
    ngx_queue_t            queue;
    ngx_str_t              id;          /* borrowed from the owner */
    int64_t                epoch;
    ngx_rd_lease_lost_pt   lost;
    unsigned               gone:1;      /* lost was called */
};


/*
 * Event loop.  Leases are renewed every third of their time, some hundreds by
 * one script; never from a pool thread, which may hang.  While one is held a
 * worker that shuts down goes on renewing.
 */
void  ngx_rd_lease_init(ngx_rd_store_t *store);
void  ngx_rd_lease_exit(void);

/* Redis has given it already; id, epoch and lost are set by the caller */
void  ngx_rd_lease_hold(ngx_rd_lease_t *lease);
void  ngx_rd_lease_release(ngx_rd_lease_t *lease);


#endif /* _NGX_RD_LEASE_H_INCLUDED_ */
