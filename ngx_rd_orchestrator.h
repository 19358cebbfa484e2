
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ORCHESTRATOR_H_INCLUDED_
#define _NGX_RD_ORCHESTRATOR_H_INCLUDED_


#include "ngx_rd_module.h"


/* Everything here runs on the event loop. */

/* Once per worker, with Redis connections being opened already. */
ngx_int_t  ngx_rd_orchestrator_init_worker(ngx_cycle_t *cycle,
    ngx_rd_main_conf_t *rmcf);

/* Ends all waiting; sessions are kept. */
void  ngx_rd_orchestrator_exit_worker(void);

/*
 * Drives a session that was just claimed to ready, or to failed, and undoes
 * what was made on the way when it cannot go on.  Nobody waits for it: what
 * happens is read from the session.  NGX_ERROR: out of memory, nothing was
 * begun.
 */
ngx_int_t  ngx_rd_orchestrator_drive(const ngx_str_t *id, int64_t epoch);


#endif /* _NGX_RD_ORCHESTRATOR_H_INCLUDED_ */
