
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_STORE_ADMIN_H_INCLUDED_
#define _NGX_RD_STORE_ADMIN_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_store.h"


/*
 * What administrators ask and do: one function per script, like ngx_rd_store.h.
 * A target is a session by its id, or the live session of a user.
 */

typedef struct {
    ngx_str_t        session;           /* empty: of the user */
    uint64_t         user_id;
} ngx_rd_store_admin_target_t;


typedef struct {
    uint64_t         id;
    ngx_str_t        name;
} ngx_rd_store_admin_who_t;


/* all live sessions, max at most */
ngx_rd_redis_call_t  *ngx_rd_store_admin_list(ngx_rd_store_t *store,
    ngx_uint_t max, ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_admin_hosts(ngx_rd_store_t *store,
    const ngx_str_t *names, ngx_uint_t n, ngx_rd_redis_done_pt done,
    void *owner);

/* before: empty, or what the call before has answered, to look on */
ngx_rd_redis_call_t  *ngx_rd_store_admin_story(ngx_rd_store_t *store,
    const ngx_str_t *session, const ngx_str_t *before,
    ngx_rd_redis_done_pt done, void *owner);

/* audited: it gets an event of its own */
ngx_rd_redis_call_t  *ngx_rd_store_admin_kill(ngx_rd_store_t *store,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t audited,
    ngx_rd_redis_done_pt done, void *owner);

ngx_rd_redis_call_t  *ngx_rd_store_admin_prolong(ngx_rd_store_t *store,
    const ngx_rd_store_admin_target_t *target,
    const ngx_rd_store_admin_who_t *who, ngx_rd_redis_done_pt done,
    void *owner);

/* switch.lua: may players start desktops? */
ngx_rd_redis_call_t  *ngx_rd_store_admin_switch(ngx_rd_store_t *store,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t on,
    ngx_rd_redis_done_pt done, void *owner);


#endif /* _NGX_RD_STORE_ADMIN_H_INCLUDED_ */
