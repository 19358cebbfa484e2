
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SESSION_FIND_H_INCLUDED_
#define _NGX_RD_SESSION_FIND_H_INCLUDED_


#include "../ngx_rd.h"
#include "../redis/ngx_rd_redis_subscribe.h"
#include "../redis/ngx_rd_zone.h"
#include "ngx_rd_desktop.h"
#include "ngx_rd_store.h"


#define NGX_RD_SESSION_FIND_NLOOKUPS  64    /* a power of two */


typedef struct ngx_rd_session_find_s    ngx_rd_session_find_t;
typedef struct ngx_rd_session_lookup_s  ngx_rd_session_lookup_t;
typedef struct ngx_rd_session_ask_s     ngx_rd_session_ask_t;

typedef void (*ngx_rd_session_find_done_pt)(ngx_rd_session_find_t *find);


typedef struct {
    ngx_rd_store_t            *store;
    ngx_rd_zone_t             *zone;        /* NULL: nothing is kept */
    ngx_rd_redis_subscribe_t  *changes;     /* with a zone, always */
    ngx_msec_t                 stale_max_ms;

    /* ours */

    ngx_queue_t                lookups[NGX_RD_SESSION_FIND_NLOOKUPS];
                                            /* initialized queues; by user */
    ngx_rd_session_ask_t      *ask;         /* goes when the turn is over, and
                                               no other is under way */
    ngx_uint_t                 nsent;       /* of those, not yet answered */
    ngx_event_t                turn;
} ngx_rd_session_find_conf_t;


/*
 * What desktop a user has.  now_ms is Redis' clock now, also when the rest was
 * read before.
 */

struct ngx_rd_session_find_s {
    ngx_rd_session_find_conf_t   *conf;
    uint64_t                      user_id;
    ngx_rd_session_find_done_pt   done;
    void                         *owner;    /* the caller's, never touched */
    unsigned                      strict:1; /* what is kept counts only while
                                               every change is told */
    unsigned                      whole:1;  /* also what gates do without */

    /* the answer */

    ngx_rd_error_e                error;    /* NONE, also when he has none;
                                               REDIS_* */
    ngx_rd_desktop_t              desktop;

    /* ours */

    ngx_rd_session_lookup_t      *lookup;
    ngx_queue_t                   queue;
    ngx_rd_zone_way_t            *way;      /* NULL: not looked for yet */
};


/*
 * Event loop.  NGX_OK: the answer is there, done will not be called.
 * NGX_AGAIN: done will be called once.  NGX_ERROR: out of memory, done will
 * not be called.
 *
 * Those who ask for the same user share one lookup, and the lookups of one turn
 * of the event loop one Redis call, with those that came while a call was under
 * way: answers come in the order of the calls, so nobody had his sooner.  When
 * Redis cannot be asked, what was true stale_max_ms ago still counts.
 */
ngx_int_t  ngx_rd_session_find_start(ngx_rd_session_find_t *find);

/*
 * As ngx_rd_zone_way(); who knows it before may set it before _start().  NULL:
 * nothing is kept.
 */
ngx_rd_zone_way_t  *ngx_rd_session_find_way(ngx_rd_session_find_conf_t *conf,
    uint64_t user_id);

/* the owner goes away; done will not be called; fine when nothing waits */
void  ngx_rd_session_find_cancel(ngx_rd_session_find_t *find);

/*
 * Somebody's session was changed by this worker: whoever asks from now on is
 * told of it, before Redis has told all of us.
 */
void  ngx_rd_session_find_forget(ngx_rd_session_find_conf_t *conf,
    uint64_t user_id);

/* A key of our Redis has changed; others' keys are ignored. */
void  ngx_rd_session_find_changed(ngx_rd_session_find_conf_t *conf,
    const ngx_str_t *key);


#endif /* _NGX_RD_SESSION_FIND_H_INCLUDED_ */
