
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_INTERNAL_H_INCLUDED_
#define _NGX_RD_REDIS_INTERNAL_H_INCLUDED_


/* Private to this room: the shared structs. */

#include "../ngx_rd.h"
#include "../base/ngx_rd_error.h"
#include "ngx_rd_redis.h"
#include "ngx_rd_redis_reply.h"
#include "ngx_rd_redis_script.h"
#include "ngx_rd_redis_subscribe.h"
#include "ngx_rd_redis_conn.h"
#include "../work/ngx_rd_resolve_job.h"


/* what an error reply says of the server */

typedef enum {
    NGX_RD_REDIS_REFUSAL_AWAY = 0,      /* cannot serve now */
    NGX_RD_REDIS_REFUSAL_NO_WRITE,      /* only reads go on */
    NGX_RD_REDIS_REFUSAL_CONFIG,        /* somebody has to set something else */
    NGX_RD_REDIS_REFUSAL_OTHER
} ngx_rd_redis_refusal_kind_e;

#define NGX_RD_REDIS_REFUSAL_STATES    2    /* kinds that begin and end */
#define NGX_RD_REDIS_REFUSAL_ROWS_MAX  32
#define NGX_RD_REDIS_REFUSAL_ARGS_MAX  6


typedef struct {
    ngx_msec_t                    since;
    ngx_msec_t                    last;
    uint64_t                      count;        /* refusals since then */
    unsigned                      on:1;
    unsigned                      said:1;       /* its end is to be logged */
} ngx_rd_redis_trouble_t;


typedef enum {
    NGX_RD_REDIS_PAUSING = 0,   /* for the next attempt: calls answer DOWN */
    NGX_RD_REDIS_OPENING,       /* for connection and set-up: calls wait */
    NGX_RD_REDIS_READY,
    NGX_RD_REDIS_OLD,           /* for the server to go away: calls answer */
    NGX_RD_REDIS_BREAKING,      /* for the end of this turn of the loop */
    NGX_RD_REDIS_CLOSING        /* for the worker to be gone */
} ngx_rd_redis_state_e;


struct ngx_rd_redis_s {
    const ngx_rd_redis_conf_t    *conf;         /* borrowed */
    ngx_log_t                    *log;          /* borrowed */

    ngx_rd_redis_watch_t         *watch;        /* borrowed; may be NULL */

    ngx_rd_redis_state_e          state;
    ngx_rd_redis_conn_t           conn;

    ngx_rd_resolve_job_t         *lookup;       /* under way; NULL: none */
    ngx_rd_resolve_t              found;        /* n is 0: as configured */
    ngx_uint_t                    address_try;
    ngx_msec_t                    looked_up;
    ngx_msec_t                    lookup_said;
    ngx_str_t                     server;       /* its address, for the log */
    u_char                        server_text[NGX_SOCKADDR_STRLEN];

    ngx_rd_redis_subscribe_t     *subscribe;    /* whose it is; NULL: calls' */

    ngx_event_t                   timer;        /* end of pause or of set-up */
    ngx_event_t                   broken;       /* posted, see _break() */
    ngx_event_t                   answer;       /* posted, see answered */

    ngx_queue_t                   waiting;      /* for a connection */
    ngx_queue_t                   sent;         /* conn expects their replies */
    ngx_queue_t                   answered;     /* done is still to be called */
    ngx_uint_t                    ncalls;       /* waiting and sent */
    ngx_queue_t                   spare;        /* blocks for the next ones */
    ngx_uint_t                    nspare;
    ngx_msec_t                    silent_since; /* with something in sent */

    ngx_msec_t                    pause_ms;
    ngx_msec_t                    ready_since;

    ngx_rd_redis_trouble_t        trouble[NGX_RD_REDIS_REFUSAL_STATES];
    ngx_event_t                   check;        /* is the trouble over? */
    uint32_t                      refusals_said;    /* bit by row */
    ngx_msec_t                    refusal_said[NGX_RD_REDIS_REFUSAL_ROWS_MAX];

    ngx_msec_t                    down_since;
    ngx_msec_t                    down_said;
    ngx_uint_t                    down_attempts;
    unsigned                      opened:1;     /* once at least */
    unsigned                      checking:1;
    unsigned                      replica:1;    /* of another server */
    unsigned                      down:1;
    unsigned                      suspect:1;    /* a call was not answered, nor
                                                   any after it */
    unsigned                      was_ready:1;  /* in this connection */
    unsigned                      refused:1;    /* by a server that talks */
    unsigned                      refused_said:1;
    ngx_rd_detail_t               reason;
};


typedef enum {
    NGX_RD_REDIS_CALL_WAITING = 0,
    NGX_RD_REDIS_CALL_SENT,
    NGX_RD_REDIS_CALL_ANSWERED,
    NGX_RD_REDIS_CALL_DELIVERING
} ngx_rd_redis_call_state_e;


typedef struct {
    ngx_rd_redis_call_t           call;         /* first: the public face */

    ngx_rd_redis_t               *redis;
    ngx_rd_redis_call_state_e     state;
    ngx_queue_t                   queue;
    ngx_event_t                   timer;

    const ngx_rd_redis_script_t  *script;       /* NULL: not to be sent whole */
    ngx_uint_t                    argc;
    u_char                       *text;         /* the command in RESP: room,
                                                   or a block of ours */
    size_t                        len;
    size_t                        tail;         /* from the third argument on */
    uint64_t                      sent_us;
    unsigned                      large:1;      /* not to be spare */
    u_char                        room[1];      /* as the command needs */
} ngx_rd_redis_pending_t;


/*
 * Gives the connection up: at the end of this turn of the event loop it is
 * closed, sent calls answer LOST, waiting ones DOWN, and the next attempt is
 * scheduled.  May be called from anywhere, also from a reply's handler.  The
 * reason is a printf(3) sentence for the log.
 */
void  ngx_rd_redis_break(ngx_rd_redis_t *redis, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, when a server that talks does not want us: logged each time. */
void  ngx_rd_redis_refuse(ngx_rd_redis_t *redis, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Something has come: the server is not suspect any more. */
void  ngx_rd_redis_heard(ngx_rd_redis_t *redis);

/* Connects and begins the set-up; the state is OPENING. */
void  ngx_rd_redis_dial(ngx_rd_redis_t *redis);

/*
 * Before a reconnect to a name: NGX_AGAIN when it is being looked up on a
 * pool thread, ngx_rd_redis_dial() follows; NGX_OK: dial now.
 */
ngx_int_t  ngx_rd_redis_address_resolve(ngx_rd_redis_t *redis);

/*
 * While a replica refuses writes: breaks the connection when the name stands
 * for other addresses by now.
 */
void  ngx_rd_redis_address_check(ngx_rd_redis_t *redis);

void  ngx_rd_redis_address_cancel(ngx_rd_redis_t *redis);

/* The name was not looked up; logs it, at most once a minute. */
void  ngx_rd_redis_address_say(ngx_rd_redis_t *redis, const char *why);

/* The address for this attempt; those of a name take turns. */
void  ngx_rd_redis_address_next(ngx_rd_redis_t *redis, ngx_addr_t *addr);


/*
 * Classifies an error reply, logs it (at most once a minute per kind of
 * reply, with Redis' words and the cure) and gives the error for the call:
 * REDIS_DOWN, REDIS_NO_WRITE, REDIS_REFUSED or REDIS_REPLY.  asked: the reply
 * is to our own question, of which only AWAY and NO_WRITE count.
 */
ngx_rd_error_e  ngx_rd_redis_refusal_note(ngx_rd_redis_t *redis,
    const char *text, ngx_uint_t asked);

/* The server serves, and takes writes. */
void  ngx_rd_redis_refusal_none(ngx_rd_redis_t *redis);

/* The command that finds out; argv has NGX_RD_REDIS_REFUSAL_ARGS_MAX places. */
ngx_uint_t  ngx_rd_redis_refusal_question(const ngx_rd_redis_conf_t *conf,
    ngx_str_t *argv);

/* 1: the call is that question. */
ngx_uint_t  ngx_rd_redis_refusal_asked(const ngx_rd_redis_call_t *call);

void  ngx_rd_redis_refusal_init(ngx_rd_redis_t *redis);
void  ngx_rd_redis_refusal_stop(ngx_rd_redis_t *redis);


/* What the set-up ends with; both are called from a reply's handler. */
void  ngx_rd_redis_set_ready(ngx_rd_redis_t *redis);
void  ngx_rd_redis_set_old(ngx_rd_redis_t *redis, const char *version);

/* Stays open only to see the server go away; calls answer OLD. */
void  ngx_rd_redis_set_idle(ngx_rd_redis_t *redis);


/* A subscription's own part of the set-up, instead of _set_ready(). */
void  ngx_rd_redis_subscribe_setup(ngx_rd_redis_subscribe_t *subscribe);

/* Its connection is gone; also when it never was one. */
void  ngx_rd_redis_subscribe_lost(ngx_rd_redis_subscribe_t *subscribe);


/* Queues AUTH, SELECT, INFO and PING.  NGX_ERROR: out of memory. */
ngx_int_t  ngx_rd_redis_setup_start(ngx_rd_redis_t *redis);


/*
 * The head arguments and then argv, in one command.  done and owner as in
 * ngx_rd_redis_call_start().  NULL: no memory, or the room is closing.
 */
ngx_rd_redis_pending_t  *ngx_rd_redis_call_create(ngx_rd_redis_t *redis,
    ngx_uint_t nhead, const ngx_str_t *head, ngx_uint_t argc,
    const ngx_str_t *argv);

/* Sends it, lets it wait, or refuses it; the answer comes later. */
ngx_rd_redis_call_t  *ngx_rd_redis_call_accept(ngx_rd_redis_pending_t *pending,
    ngx_rd_redis_done_pt done, void *owner);

/*
 * From a reply's handler, with a pending that is in no queue: the script goes
 * out again, as text.
 */
ngx_int_t  ngx_rd_redis_script_resend(ngx_rd_redis_pending_t *pending);

void  ngx_rd_redis_call_send(ngx_rd_redis_pending_t *pending);

/* At the end: no call is left. */
void  ngx_rd_redis_call_free_spare(ngx_rd_redis_t *redis);

/* Another text is to take its place. */
void  ngx_rd_redis_call_forget_text(ngx_rd_redis_pending_t *pending);

/*
 * Sent calls wait and nothing comes: after one deadline the server is suspect
 * and calls are answered at once, after three the connection is given up.
 */
void  ngx_rd_redis_call_check_silence(ngx_rd_redis_t *redis);

void  ngx_rd_redis_call_send_waiting(ngx_rd_redis_t *redis);
void  ngx_rd_redis_call_refuse_waiting(ngx_rd_redis_t *redis,
    ngx_rd_error_e error);

/* Calls done of all that are answered by now. */
void  ngx_rd_redis_call_deliver_answered(ngx_rd_redis_t *redis);


#endif /* _NGX_RD_REDIS_INTERNAL_H_INCLUDED_ */
