
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SWEEP_DUE_H_INCLUDED_
#define _NGX_RD_SWEEP_DUE_H_INCLUDED_


#include "ngx_rd_sweep.h"


/*
 * Which hosts this worker sweeps, and when: sweep_due.lua is asked, and
 * ngx_rd_sweep_begin() called for each host it gives out.  Event loop.
 */

/* conf is borrowed until exit */
void  ngx_rd_sweep_due_init(const ngx_rd_sweep_conf_t *conf);
void  ngx_rd_sweep_due_exit(void);

/*
 * A gate could not connect to the ready session of this user: its host is
 * swept within seconds instead of at the next interval.  Bounded per session
 * and host by sweep_force.lua, per worker here; a call too many is dropped.
 */
void  ngx_rd_sweep_due_force(uint64_t owner);


#endif /* _NGX_RD_SWEEP_DUE_H_INCLUDED_ */
