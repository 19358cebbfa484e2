
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_CLOSING_H_INCLUDED_
#define _NGX_RD_CLOSING_H_INCLUDED_


#include "../ngx_rd.h"
#include "../session/ngx_rd_store.h"


/*
 * What becomes of sessions when nginx is stopped gracefully (QUIT).  By default
 * nothing.  Asked to end them, a worker that shuts down finds out whether its
 * configuration was replaced (a reload) or its binary (an upgrade): then
 * nothing, either.  Otherwise it ends all live sessions, together with the
 * other workers, and leaves when their containers are gone, or after bound_ms.
 *
 * Event loop.
 */

typedef struct {
    ngx_rd_store_t  *store;
    ngx_msec_t       bound_ms;      /* 0: sessions are kept */
} ngx_rd_closing_conf_t;


/*
 * Configuration time: a page of shared memory in which reloads are counted.
 * tag is the module.
 */
ngx_int_t  ngx_rd_closing_zone(ngx_conf_t *cf, void *tag);

/* a worker's beginning; conf is copied */
void  ngx_rd_closing_init(const ngx_rd_closing_conf_t *conf);
void  ngx_rd_closing_exit(void);


/*
 * Event loop.  How long an end of a session may still take: NGX_TIMER_INFINITE
 * while the worker lives, what is left of bound_ms while it ends sessions, and
 * 0 when it leaves them to others.
 */
ngx_msec_t  ngx_rd_closing_left_ms(void);


#endif /* _NGX_RD_CLOSING_H_INCLUDED_ */
