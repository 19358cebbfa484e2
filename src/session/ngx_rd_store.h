
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_STORE_H_INCLUDED_
#define _NGX_RD_STORE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../redis/ngx_rd_redis.h"


/*
 * What can be done to sessions in Redis: one function per script of
 * src/redis/lua, where the reply (RETURN) is described.  Event loop.  done is
 * called as ngx_rd_redis_call_start() promises; NULL means out of memory and
 * that it will not be called.
 */

typedef struct {
    ngx_rd_redis_t  *redis;
    ngx_str_t        prefix;            /* "rd:{site}:" */
} ngx_rd_store_t;


/* what dispatch.lua wants to know of a host */

typedef struct {
    ngx_str_t        name;
    ngx_uint_t       weight;
    ngx_uint_t       sessions_max;
    ngx_uint_t       creates_max;
    int64_t          memory_bytes;      /* 0: what its engine reports */
    int64_t          nano_cpus;         /* likewise */
} ngx_rd_store_host_t;


typedef struct {
    ngx_str_t        id;
    uint64_t         user_id;
    ngx_str_t        username;
    ngx_str_t        account;
    ngx_str_t        vnc_passwords;     /* full, view-only: a line each */
    ngx_uint_t       initial_s;
    ngx_uint_t       extension_s;
    ngx_uint_t       extensions_max;
    ngx_uint_t       rate_max;          /* as in ngx_rd_store_rate_t */
    ngx_msec_t       rate_window_ms;
    ngx_uint_t       queue_max;
    uint64_t         team_id;           /* of the user; 0: none */
    uint64_t         login;             /* digest of the login; 0: none */

    const ngx_rd_store_host_t  *hosts;  /* for the event */
    ngx_uint_t       nhosts;
} ngx_rd_store_claim_t;


/*
 * How often a user may do something.  Redis counts, in a sliding window, what
 * would have been done; the answer is {-2, ms until the next is allowed}.
 */

typedef struct {
    ngx_uint_t       max;               /* 0: no limit */
    ngx_msec_t       window_ms;
} ngx_rd_store_rate_t;


/* where a session's container can be reached; port 0: not offered */

typedef struct {
    ngx_str_t        address;           /* for nginx */
    ngx_str_t        public_host;       /* for a player */
    ngx_uint_t       web_port;
    ngx_uint_t       vnc_port;
    ngx_uint_t       terminal_port;
    ngx_uint_t       ssh_port;
} ngx_rd_store_endpoints_t;


ngx_rd_redis_call_t  *ngx_rd_store_claim(ngx_rd_store_t *store,
    const ngx_rd_store_claim_t *claim, ngx_rd_redis_done_pt done, void *owner);

/* login: of the user, who is asking; 0: somebody else asks, or by signature */
ngx_rd_redis_call_t  *ngx_rd_store_look(ngx_rd_store_t *store,
    uint64_t user_id, uint64_t login, ngx_rd_redis_done_pt done, void *owner);

/* the same for a gate: fewer fields, n users, and nobody waits in line */
ngx_rd_redis_call_t  *ngx_rd_store_find(ngx_rd_store_t *store,
    const uint64_t *user_ids, ngx_uint_t n, ngx_rd_redis_done_pt done,
    void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_extend(ngx_rd_store_t *store,
    uint64_t user_id, uint64_t login, const ngx_rd_store_rate_t *rate,
    ngx_rd_redis_done_pt done, void *owner);

/* the live session of this user */
ngx_rd_redis_call_t  *ngx_rd_store_stop(ngx_rd_store_t *store,
    uint64_t user_id, uint64_t login, const char *reason,
    const ngx_rd_store_rate_t *rate, ngx_rd_redis_done_pt done, void *owner);


/* the queue, the clock, the lease of a worker */

ngx_rd_redis_call_t  *ngx_rd_store_dispatch(ngx_rd_store_t *store,
    ngx_str_t *driver, ngx_msec_t lease_ms, ngx_uint_t at_most,
    ngx_str_t *container_prefix, int64_t memory_bytes, int64_t nano_cpus,
    const ngx_rd_store_host_t *hosts, ngx_uint_t nhosts,
    ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_tick(ngx_rd_store_t *store,
    ngx_str_t *driver, ngx_msec_t lease_ms, ngx_uint_t at_most,
    ngx_msec_t queue_timeout_ms, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_close(ngx_rd_store_t *store,
    ngx_uint_t at_most, ngx_rd_redis_done_pt done, void *owner);

/* ids and epochs: n of each */
ngx_rd_redis_call_t  *ngx_rd_store_renew(ngx_rd_store_t *store,
    ngx_msec_t lease_ms, const ngx_str_t *ids, const int64_t *epochs,
    ngx_uint_t n, ngx_rd_redis_done_pt done, void *owner);


/* the steps of the orchestrator; epoch says who may still take them */

ngx_rd_redis_call_t  *ngx_rd_store_advance(ngx_rd_store_t *store,
    ngx_str_t *id, int64_t epoch, ngx_str_t *container_id,
    const ngx_rd_store_endpoints_t *endpoints, ngx_rd_redis_done_pt done,
    void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_commit(ngx_rd_store_t *store,
    ngx_str_t *id, int64_t epoch, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_retry(ngx_rd_store_t *store,
    ngx_str_t *id, int64_t epoch, ngx_rd_error_e error, const char *detail,
    ngx_uint_t attempts_max, ngx_uint_t nhosts, ngx_uint_t host_full,
    ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_fail(ngx_rd_store_t *store,
    ngx_str_t *id, int64_t epoch, ngx_rd_error_e error, const char *detail,
    ngx_uint_t leftover, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_finish(ngx_rd_store_t *store,
    ngx_str_t *id, int64_t epoch, ngx_rd_redis_done_pt done, void *owner);


#endif /* _NGX_RD_STORE_H_INCLUDED_ */
