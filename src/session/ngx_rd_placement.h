
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_PLACEMENT_H_INCLUDED_
#define _NGX_RD_PLACEMENT_H_INCLUDED_


#include "../ngx_rd.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "ngx_rd_session.h"


/*
 * A session that is given to this worker to drive, as dispatch.lua and
 * tick.lua hand it out (placement() in prelude.lua).  Strings are borrowed
 * from the reply.
 */

typedef struct {
    ngx_str_t               id;
    int64_t                 epoch;
    ngx_rd_session_state_e  state;      /* CREATING, or STARTING of another */
    ngx_str_t               host;
    ngx_str_t               container;
    ngx_str_t               account;
    ngx_str_t               passwords;  /* full, view-only: a line each */
    int64_t                 attempt;
    ngx_str_t               installation;

    /* known from STARTING on */
    ngx_str_t               address;
    ngx_uint_t              web_port;
    ngx_uint_t              vnc_port;

    int64_t                 lifetime_s; /* with all extensions */
    int64_t                 waited_ms;  /* for its first host; else -1 */
} ngx_rd_placement_t;


/* NGX_ERROR when item is none, or a field has no sensible value */
ngx_int_t  ngx_rd_placement_read(ngx_rd_placement_t *placement,
    const ngx_rd_redis_reply_t *item);


#endif /* _NGX_RD_PLACEMENT_H_INCLUDED_ */
