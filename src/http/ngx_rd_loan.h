
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_LOAN_H_INCLUDED_
#define _NGX_RD_LOAN_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_http.h>


/*
 * Buffers of tunnels.  nginx gives every tunnel two for its whole life, though
 * most of the time neither holds anything.  Here a tunnel borrows them while an
 * event of it is handled, and keeps one only as long as it holds bytes that the
 * other side did not take yet.  So an idle tunnel has none, and a busy one
 * reads in larger pieces.
 */

#define NGX_RD_LOAN_BYTES  16384        /* of a buffer; a record of TLS */


/* all of it belongs to the loan */

typedef struct {
    ngx_http_request_t             *request;
    ngx_event_t                     event;      /* the upgrade is done */

    u_char                         *down;       /* borrowed; or NULL */
    u_char                         *up;

    /* nginx's own */

    ngx_http_upstream_handler_pt    read_upstream;
    ngx_http_upstream_handler_pt    write_upstream;
    ngx_http_event_handler_pt       read_downstream;
    ngx_http_event_handler_pt       write_downstream;
} ngx_rd_loan_t;


/*
 * Before the request goes upstream; loan is all zero, lives as long as the
 * request and ends with it.  NGX_ERROR: out of memory.
 */
ngx_int_t  ngx_rd_loan_init(ngx_rd_loan_t *loan, ngx_http_request_t *r);

/* Header filter, with a status of 101: from now on it borrows. */
void  ngx_rd_loan_begin(ngx_http_request_t *r);

/* at worker exit */
void  ngx_rd_loan_exit_worker(void);


#endif /* _NGX_RD_LOAN_H_INCLUDED_ */
