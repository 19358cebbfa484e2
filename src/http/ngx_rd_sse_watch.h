
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSE_WATCH_H_INCLUDED_
#define _NGX_RD_SSE_WATCH_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * Is a listener still the administrator he was when he came?  He is looked at
 * after every change that Redis tells of, or every few seconds where nobody
 * does.  Event loop.
 */

typedef struct {
    ngx_http_request_t   *request;
    ngx_rd_main_conf_t   *rmcf;
    void                (*over)(void *owner);
    void                 *owner;        /* the caller's, never touched */

    /* ours */
    ngx_event_t           look;
    ngx_rd_identity_t     identity;
    ngx_uint_t            generation;   /* of the zone, when looked at */
    ngx_msec_t            checked_ms;
    unsigned              asking:1;
    unsigned              unsure:1;     /* nobody could be asked */
} ngx_rd_sse_watch_t;


/*
 * The caller has filled the first four and zeroed the rest.  over is called
 * when he has logged out, is banned or demoted; it may end the request.
 */
void  ngx_rd_sse_watch_start(ngx_rd_sse_watch_t *watch);

/* over will not be called; fine when it never began */
void  ngx_rd_sse_watch_stop(ngx_rd_sse_watch_t *watch);


#endif /* _NGX_RD_SSE_WATCH_H_INCLUDED_ */
