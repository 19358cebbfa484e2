
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_FEED_H_INCLUDED_
#define _NGX_RD_FEED_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_event.h"


/*
 * New events for all listeners of this worker, by one Redis connection that
 * is there while somebody listens.  Event loop.  A lost connection loses no
 * event: the feed goes on where it was.
 */

typedef struct ngx_rd_feed_listener_s  ngx_rd_feed_listener_t;

/*
 * The next event, borrowed; NULL: the worker exits, nothing more will come.
 * The listener may leave in it.
 */
typedef void (*ngx_rd_feed_handler_pt)(ngx_rd_feed_listener_t *listener,
    ngx_rd_event_text_t *text);

struct ngx_rd_feed_listener_s {
    ngx_queue_t              queue;
    ngx_rd_feed_handler_pt   handler;
};


/* once per worker; both are borrowed */
void  ngx_rd_feed_init(ngx_rd_store_t *store, const ngx_rd_redis_conf_t *conf);
void  ngx_rd_feed_exit(void);

/*
 * Who wants old events too is added first, reads them, and then starts the
 * feed at the last of them: what happens in between comes by one way or the
 * other, or by both.  NGX_ERROR: no memory.
 */
void       ngx_rd_feed_add(ngx_rd_feed_listener_t *listener);
ngx_int_t  ngx_rd_feed_start(const ngx_rd_event_id_t *after);
void       ngx_rd_feed_remove(ngx_rd_feed_listener_t *listener);


#endif /* _NGX_RD_FEED_H_INCLUDED_ */
