
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_CACHE_H_INCLUDED_
#define _NGX_RD_CACHE_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * A worker's part in the cache of rd_zone: the subscriptions that keep it
 * truthful, one for each Redis server.  After the Redis connections are made
 * and before they are destroyed; without rd_zone both do nothing.
 */
ngx_int_t  ngx_rd_cache_init_worker(ngx_cycle_t *cycle,
    ngx_rd_main_conf_t *rmcf);
void       ngx_rd_cache_exit_worker(ngx_rd_main_conf_t *rmcf);


#endif /* _NGX_RD_CACHE_H_INCLUDED_ */
