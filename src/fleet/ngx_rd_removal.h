
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REMOVAL_H_INCLUDED_
#define _NGX_RD_REMOVAL_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"
#include <ngx_thread_pool.h>


/* a slot of some host is free now */
typedef void (*ngx_rd_removal_freed_pt)(void);


/*
 * The end of a session: its container is removed and then the session is
 * finished.  Event loop.
 */
ngx_int_t  ngx_rd_removal_init(ngx_rd_store_t *store, ngx_rd_fleet_t *fleet,
    const ngx_str_t *site, ngx_thread_pool_t *thread_pool,
    ngx_rd_removal_freed_pt freed);


/*
 * Of one host a worker removes as many at a time as it has connections; the
 * others wait here and hold no thread, so that a host which hangs keeps none
 * from the others.
 *
 * Removes the container of a session that is stopping and then finishes it.
 * When the host cannot be reached the session stays as it is and tick.lua hands
 * it out again, for as long as it takes.
 */
void  ngx_rd_removal_end(const ngx_str_t *id, const ngx_str_t *host,
    const ngx_str_t *container, int64_t epoch);


/* the same for {id, host, container, epoch}, as scripts hand it out */
void  ngx_rd_removal_end_item(const ngx_rd_redis_reply_t *item);


/* removed: a healthy engine said that it is gone */
typedef void (*ngx_rd_removal_done_pt)(void *owner, ngx_uint_t removed);

/*
 * Removes a container of this epoch or an earlier one and tells the session
 * nothing.  NGX_AGAIN: done (may be NULL) will be called once.  NGX_ERROR:
 * nothing was begun.
 */
ngx_int_t  ngx_rd_removal_start(const ngx_str_t *id, int64_t epoch,
    ngx_rd_host_t *host, const ngx_str_t *container,
    ngx_rd_removal_done_pt done, void *owner);


#endif /* _NGX_RD_REMOVAL_H_INCLUDED_ */
