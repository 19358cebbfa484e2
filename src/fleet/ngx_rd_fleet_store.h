
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_FLEET_STORE_H_INCLUDED_
#define _NGX_RD_FLEET_STORE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_docker_json.h"
#include "../session/ngx_rd_store.h"
#include "ngx_rd_host.h"


/*
 * What can be done to hosts in Redis: one function per script of
 * src/redis/lua, where the reply (RETURN) is described.  Event loop.  done is
 * called as ngx_rd_redis_call_start() promises; NULL means out of memory and
 * that it will not be called.
 */


/* host_due.lua; all: also those whose time has not come */
ngx_rd_redis_call_t  *ngx_rd_fleet_store_host_due(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_msec_t limit_ms, ngx_uint_t all,
    ngx_rd_redis_done_pt done, void *owner);


/* what a probe saw */

typedef struct {
    const char                 *host;
    int64_t                     number;     /* of the probe */
    const char                 *reason;     /* "" when the host is fit */
    ngx_rd_error_e              error;
    const char                 *detail;
    ngx_msec_t                  interval_ms;
    ngx_rd_docker_json_info_t   info;
    const char                 *needs;      /* of a host that is too small: */
    const char                 *has;        /* what a desktop needs, what it
                                               has; else "" */
} ngx_rd_fleet_store_seen_t;

ngx_rd_redis_call_t  *ngx_rd_fleet_store_host_seen(ngx_rd_store_t *store,
    const ngx_rd_fleet_store_seen_t *seen, ngx_rd_redis_done_pt done,
    void *owner);

ngx_rd_redis_call_t  *ngx_rd_fleet_store_host_away(ngx_rd_store_t *store,
    const char *host, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_fleet_store_host_full(ngx_rd_store_t *store,
    const char *host, ngx_rd_error_e error, const char *detail,
    ngx_rd_redis_done_pt done, void *owner);

/*
 * mode: "active", "cordoned" or "draining"; grace_ms is the time that sessions
 * of a draining host still get.  The administrator is named in the event.
 */
ngx_rd_redis_call_t  *ngx_rd_fleet_store_host_mode(ngx_rd_store_t *store,
    const ngx_str_t *host, const char *mode, int64_t grace_ms,
    uint64_t admin_id, const ngx_str_t *admin, ngx_rd_redis_done_pt done,
    void *owner);


ngx_rd_redis_call_t  *ngx_rd_fleet_store_sweep_due(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_msec_t interval_ms, ngx_uint_t max,
    ngx_rd_redis_done_pt done, void *owner);

/*
 * The host of this user's ready session is swept soon: pause_ms after its last
 * sweep began at the earliest, and not again for the same session within
 * once_ms.  The reply is an integer: ms until it is due, -1 if nothing changed.
 */
ngx_rd_redis_call_t  *ngx_rd_fleet_store_sweep_force(ngx_rd_store_t *store,
    uint64_t owner, ngx_msec_t pause_ms, ngx_msec_t once_ms,
    ngx_rd_redis_done_pt done, void *data);

/*
 * n containers of a list, a piece of it; first: the first piece.  now_s: the
 * engine's clock when it made the list, 0: not known.
 */
ngx_rd_redis_call_t  *ngx_rd_fleet_store_sweep_judge(ngx_rd_store_t *store,
    const ngx_str_t *host, int64_t number, int64_t began_ms,
    const ngx_rd_docker_json_container_t *list, ngx_uint_t n, int64_t now_s,
    ngx_uint_t first, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_fleet_store_sweep_missing(ngx_rd_store_t *store,
    const ngx_str_t *host, int64_t number, int64_t began_ms,
    ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_fleet_store_reconcile(ngx_rd_store_t *store,
    const ngx_rd_fleet_t *fleet, ngx_msec_t interval_ms,
    ngx_rd_redis_done_pt done, void *owner);


/* containers of one sweep that get a log line and an event of their own */
#define NGX_RD_FLEET_STORE_TELL_MAX  20

/* what a sweep did; only those of list count that are marked in removed */

typedef struct {
    const ngx_str_t                        *host;
    int64_t                                 number;
    ngx_rd_error_e                          error;
    const char                             *detail;
    ngx_uint_t                              ended;      /* sessions */
    int64_t                                 keep_ms;    /* history */

    const ngx_rd_docker_json_container_t   *list;
    const u_char                           *removed;
    ngx_uint_t                              nremoved;
    ngx_uint_t                              n;
    int64_t                                 now_s;
} ngx_rd_fleet_store_swept_t;

ngx_rd_redis_call_t  *ngx_rd_fleet_store_sweep_done(ngx_rd_store_t *store,
    const ngx_rd_fleet_store_swept_t *swept, ngx_rd_redis_done_pt done,
    void *owner);

/* seconds since the engine made it; -1 when it did not say */
int64_t  ngx_rd_fleet_store_age_s(const ngx_rd_docker_json_container_t *c,
    int64_t now_s);


#endif /* _NGX_RD_FLEET_STORE_H_INCLUDED_ */
