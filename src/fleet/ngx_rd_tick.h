
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_TICK_H_INCLUDED_
#define _NGX_RD_TICK_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_placement.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"


/* a session is this worker's to drive */
typedef void (*ngx_rd_tick_placed_pt)(const ngx_rd_placement_t *placement);


typedef struct {
    ngx_rd_store_t              *store;
    ngx_rd_fleet_t              *fleet;
    ngx_rd_settings_t           *settings;
    ngx_str_t                    site;
    ngx_str_t                    driver;        /* this worker */
    ngx_uint_t                   jobs_max;
    ngx_msec_t                   queue_timeout_ms;
    ngx_rd_tick_placed_pt        placed;
} ngx_rd_tick_conf_t;


/*
 * Asks Redis once a second what time has brought (tick.lua): sessions to end,
 * removals nobody finished, sessions whose worker has gone; and lets the queue
 * move (dispatch.lua).  Event loop; conf is copied.  Who asks first does it, so
 * every worker of every machine may ask.
 */
ngx_int_t  ngx_rd_tick_init(const ngx_rd_tick_conf_t *conf);
void       ngx_rd_tick_exit(void);

/* something has become free, or somebody has come: let the queue move now */
void  ngx_rd_tick_dispatch(void);


#endif /* _NGX_RD_TICK_H_INCLUDED_ */
