
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_RECONCILE_H_INCLUDED_
#define _NGX_RD_RECONCILE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"


/*
 * The indexes of Redis (slots, queue, owner keys, ...) compared with the
 * session records, once per interval, by reconcile.lua.  Event loop.  All
 * workers ask; Redis gives each piece of the work to one of them.  What was
 * removed or repaired is one line in the log per pass: somebody else has
 * deleted keys.
 *
 * What store and fleet point to must outlive it.
 */

typedef struct {
    ngx_rd_store_t  *store;
    ngx_rd_fleet_t  *fleet;
    ngx_msec_t       interval_ms;
} ngx_rd_reconcile_conf_t;


void  ngx_rd_reconcile_init(const ngx_rd_reconcile_conf_t *conf);
void  ngx_rd_reconcile_exit(void);


#endif /* _NGX_RD_RECONCILE_H_INCLUDED_ */
