
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_LENDER_H_INCLUDED_
#define _NGX_RD_LENDER_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_settings.h"
#include "ngx_rd_deadline.h"
#include "ngx_rd_docker.h"


/*
 * Lends the connections to one host: at most connections_max are out, the
 * idle ones are kept warm for a minute, and a sick one is replaced.
 */

typedef struct ngx_rd_lender_s        ngx_rd_lender_t;
typedef struct ngx_rd_lender_place_s  ngx_rd_lender_place_t;


/* what one job holds on its stack; all zero but for lender at first */

typedef struct {
    ngx_rd_lender_t         *lender;
    ngx_rd_lender_place_t   *place;     /* NULL: nothing is lent yet */
    unsigned                 used:1;    /* it has carried a call before */
} ngx_rd_lender_loan_t;


/* event loop; host must outlive it; NULL: no memory */
ngx_rd_lender_t  *ngx_rd_lender_create(const ngx_rd_host_conf_t *host);

/* event loop, when nothing is lent any more; waits for no peer */
void  ngx_rd_lender_destroy(ngx_rd_lender_t *lender);

/*
 * (pool thread) Makes one call, on the connection of this loan or, when it has
 * none yet, on one that comes free or is opened: SSH_POOL_FULL when none does
 * in time, or what opening it gives.  Else what the call gives.
 *
 * A connection that was fit a moment ago may be gone.  When it ends before a
 * byte of the answer, the call is made once more on a fresh one.  So a call
 * must be safe to repeat; a create is, for what it made is found by its name.
 */
ngx_rd_error_e  ngx_rd_lender_call(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_call_pt call, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);

/* (pool thread) Ends the loan, also one that never got a place. */
void  ngx_rd_lender_give_back(ngx_rd_lender_loan_t *loan);

/* (pool thread) Closes what has been idle for too long; all: what is idle. */
void  ngx_rd_lender_retire(ngx_rd_lender_t *lender, ngx_uint_t all);

/* any thread: the name of its host, for details */
const char  *ngx_rd_lender_name(const ngx_rd_lender_t *lender);

/* any thread: connections that are lent, idle, or being opened */
ngx_uint_t  ngx_rd_lender_connections(ngx_rd_lender_t *lender);


#endif /* _NGX_RD_LENDER_H_INCLUDED_ */
