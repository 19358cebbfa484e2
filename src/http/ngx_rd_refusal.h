
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REFUSAL_H_INCLUDED_
#define _NGX_RD_REFUSAL_H_INCLUDED_


#include "../../ngx_rd_module.h"
#include "../base/ngx_rd_reason.h"


/*
 * Refused requests, of the gate and of the API: each is counted by its reason
 * (ngx_rd_refusals_total), and a reason that an operator can act on is logged
 * at warn: the first request at once, then one line per rd_refusal_interval
 * with the number of requests since.  The limit is shared by all workers, so
 * a hostile client costs one line per reason and interval.  What a request
 * says is quoted and bounded; cookies and keys are never logged.  Event loop.
 */

typedef enum {
    NGX_RD_REFUSAL_GATE = 0,
    NGX_RD_REFUSAL_API,
    NGX_RD_REFUSAL_BY
} ngx_rd_refusal_by_e;


/*
 * Once per refused request.  identity may be NULL.  Returns the word that the
 * visitor is told beside login_required, or NULL: it says whether a cookie
 * came and counts, and not why one does not, which would help only a forger.
 */
const char  *ngx_rd_refusal_count(ngx_http_request_t *r,
    ngx_rd_refusal_by_e by, ngx_rd_error_e error,
    const ngx_rd_identity_t *identity);

/* The same, then the error and that word as the answer. */
ngx_int_t  ngx_rd_refusal_reply(ngx_http_request_t *r, ngx_rd_refusal_by_e by,
    ngx_rd_error_e error, const ngx_rd_identity_t *identity);

/* code of the i-th counter of a slot, 0 <= i < NGX_RD_METRICS_REFUSALS */
const char  *ngx_rd_refusal_code(ngx_uint_t i);


#endif /* _NGX_RD_REFUSAL_H_INCLUDED_ */
