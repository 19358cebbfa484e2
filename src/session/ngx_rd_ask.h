
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ASK_H_INCLUDED_
#define _NGX_RD_ASK_H_INCLUDED_


#include "../ngx_rd.h"
#include "../redis/ngx_rd_redis.h"


typedef struct ngx_rd_ask_s  ngx_rd_ask_t;

/* sends the question again, by ngx_rd_ask_put() */
typedef void (*ngx_rd_ask_step_pt)(void *owner);

/* the script's first number, 0 or more */
typedef void (*ngx_rd_ask_next_pt)(void *owner, int64_t answer);

/* the first number was negative: the session is in this state, not ours */
typedef void (*ngx_rd_ask_refused_pt)(void *owner, const ngx_str_t *state);

/* Redis could not be asked for a minute */
typedef void (*ngx_rd_ask_gave_up_pt)(void *owner);


/*
 * A question to a script that has to be answered: asked again every half
 * second while Redis is away, for a minute at most.  The scripts answer the
 * same when they are asked twice.  Part of its owner; event loop.  Its timer
 * keeps a worker that shuts down alive.
 */

struct ngx_rd_ask_s {

    /* set once by the owner */
    void                    *owner;
    const ngx_str_t         *id;            /* of the session, for the log */
    ngx_rd_ask_refused_pt    refused;
    ngx_rd_ask_gave_up_pt    gave_up;

    /* ours */
    ngx_rd_redis_call_t     *call;
    ngx_rd_ask_step_pt       step;
    ngx_rd_ask_next_pt       next;
    ngx_event_t              timer;
    ngx_uint_t               failures;
};


/*
 * call was just started with ngx_rd_ask_done and the ask as owner, or is NULL
 * when that failed.  One of next, refused and gave_up will be called once.
 */
void  ngx_rd_ask_put(ngx_rd_ask_t *ask, ngx_rd_redis_call_t *call,
    ngx_rd_ask_step_pt step, ngx_rd_ask_next_pt next);
void  ngx_rd_ask_done(ngx_rd_redis_call_t *call);

/* something else than Redis could not be begun: step again in a while */
void  ngx_rd_ask_later(ngx_rd_ask_t *ask, ngx_rd_ask_step_pt step);

/* nothing will be called any more */
void  ngx_rd_ask_cancel(ngx_rd_ask_t *ask);


#endif /* _NGX_RD_ASK_H_INCLUDED_ */
