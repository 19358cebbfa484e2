
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ORCHESTRATOR_H_INCLUDED_
#define _NGX_RD_ORCHESTRATOR_H_INCLUDED_


#include "ngx_rd_module.h"


/*
 * The mind: sessions that are given to this worker are driven to ready, or to
 * failed, and what was made on the way is undone when they cannot go on.
 * Nobody waits for a drive: what happens is read from the session.
 *
 * Event loop.  _init once per worker, when the connections to Redis are being
 * opened already.  _exit leaves the sessions as they are; another worker takes
 * over when their lease is over.
 */
ngx_int_t  ngx_rd_orchestrator_init_worker(ngx_cycle_t *cycle,
    ngx_rd_main_conf_t *rmcf);
void       ngx_rd_orchestrator_exit_worker(void);


#endif /* _NGX_RD_ORCHESTRATOR_H_INCLUDED_ */
