
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_H_INCLUDED_
#define _NGX_RD_REDIS_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_histogram.h"
#include "ngx_rd_redis_tls.h"
#include <ngx_event.h>
#include <ngx_thread_pool.h>


/* Everything in this room runs on the event loop and never blocks it. */

typedef struct {
    ngx_str_t    name;                  /* for the log: "own", "ctfd" */

    ngx_str_t    directive;             /* for the log: "rd_redis" */

    ngx_addr_t  *addr;                  /* TCP or unix, resolved at start */
    ngx_uint_t   naddrs;                /* of a name with several */
    ngx_str_t    host;                  /* as it is configured, NUL behind it;
                                           empty for unix */
    ngx_thread_pool_t  *thread_pool;    /* looks the name up again before each
                                           reconnect; NULL: never */
    ngx_rd_redis_tls_conf_t  *tls;      /* NULL: plain */
    ngx_str_t    user;                  /* ACL user, empty: none */
    ngx_str_t    password;              /* empty: none; never logged */
    ngx_uint_t   database;
    ngx_uint_t   version_min;           /* 602 is 6.2; 0: any */

    ngx_msec_t   connect_timeout_ms;
    ngx_msec_t   timeout_ms;            /* deadline of one call */
    ngx_uint_t   calls_max;             /* waiting at once; more are refused */

    ngx_str_t    write_key;             /* a key nobody makes: writes are needed
                                           and tried with it; empty: reads are
                                           all that is needed */
    unsigned     secondary:1;           /* another connection logs what the
                                           server refuses */
} ngx_rd_redis_conf_t;


typedef void (*ngx_rd_redis_done_pt)(ngx_rd_redis_call_t *call);


/*
 * A call in flight: one heap block that belongs to the room, which frees it
 * when done returns.
 */

struct ngx_rd_redis_call_s {
    ngx_rd_redis_done_pt         done;      /* NULL: nobody waits any more */
    void                        *owner;     /* the caller's, never touched */

    ngx_rd_error_e               error;     /* valid in done */
    const ngx_rd_redis_reply_t  *reply;     /* valid in done, when no error */
};


/*
 * Opens one connection for this worker and keeps it open: reconnects with
 * back-off (100 ms doubling to 2 s, with jitter), AUTH, SELECT and the version
 * check first.  A server older than version_min is named in one line, once per
 * connection, and every call answers NGX_RD_ERR_REDIS_OLD.  Outages are logged
 * once, then counted once a minute.  Returns at once; NULL when memory is
 * short.  conf must outlive it.
 */
ngx_rd_redis_t  *ngx_rd_redis_create(const ngx_rd_redis_conf_t *conf,
    ngx_log_t *log);

/*
 * Answers every waiter with NGX_RD_ERR_REDIS_LOST, closes, frees.  At worker
 * exit, never from inside a done; a call that a done starts meanwhile gets
 * NULL.
 */
void  ngx_rd_redis_destroy(ngx_rd_redis_t *redis);

/* 1 while calls can be sent and the server serves them. */
ngx_uint_t  ngx_rd_redis_ready(const ngx_rd_redis_t *redis);

/* 1 while it is ready and does not refuse writes. */
ngx_uint_t  ngx_rd_redis_writable(const ngx_rd_redis_t *redis);


/* what a connection's owner may want to know of its calls */

typedef struct {
    ngx_rd_histogram_t  took_us;                /* from sent to answered */
    uint64_t            errors[NGX_RD_ERR_N];   /* that done was told */
} ngx_rd_redis_watch_t;

/* from now on counted in watch, which outlives redis; NULL: no more */
void  ngx_rd_redis_watch(ngx_rd_redis_t *redis, ngx_rd_redis_watch_t *watch);


/*
 * Sends one command.  done is called exactly once, later, from the event loop
 * (never from inside this function): with the reply, with
 * NGX_RD_ERR_REDIS_LOST when the connection breaks, REDIS_TIMEOUT at the
 * deadline, REDIS_DOWN when there is no connection and none is being opened,
 * REDIS_QUEUE_FULL above calls_max, REDIS_OLD, or for an error reply what it
 * means: REDIS_DOWN (the server answers but cannot serve: LOADING, BUSY ...),
 * REDIS_NO_WRITE (MISCONF, READONLY, OOM ...), REDIS_REFUSED (NOPERM, MOVED
 * ...), else REDIS_REPLY (reply is then set and holds its text).  Such replies
 * are logged with cause and cure.  While a connection is being
 * opened calls wait for it.  A late reply after a deadline is dropped; until
 * it comes the call still counts against calls_max.  When nothing at all came
 * for one deadline, further calls answer REDIS_TIMEOUT at once and are not sent
 * until something comes; after three, the connection is given up and made anew,
 * and calls answer REDIS_DOWN until the server has said something.
 *
 * No SUBSCRIBE and no MONITOR: they change what a reply is.
 *
 * The arguments are copied.  NULL only when memory is short; done will then
 * not be called.  The waiting of a call keeps a worker that shuts down alive
 * (its timer is not cancelable); idle reconnecting does not.
 */
ngx_rd_redis_call_t  *ngx_rd_redis_call_start(ngx_rd_redis_t *redis,
    ngx_uint_t argc, const ngx_str_t *argv, ngx_rd_redis_done_pt done,
    void *owner);

/*
 * The owner is gone: done will not be called, the reply is dropped.  Not after
 * done has returned: the call is freed then.
 */
void  ngx_rd_redis_call_cancel(ngx_rd_redis_call_t *call);


#endif /* _NGX_RD_REDIS_H_INCLUDED_ */
