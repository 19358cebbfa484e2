
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_API_H_INCLUDED_
#define _NGX_RD_API_H_INCLUDED_


#include "../../ngx_rd_module.h"
#include "ngx_rd_body.h"


/*
 * The API below the location that says rd_api.  Finds the route by what
 * follows the location's name (or by the last segment when the location is an
 * exact one), asks who it is, checks the CSRF token of what changes things,
 * and lets the route answer.  Below rd_api admin are the routes for
 * administrators, and no others.  docs/API.md describes the routes.
 */
ngx_int_t  ngx_rd_api_handler(ngx_http_request_t *r);


/* For the routes (ngx_rd_api_session.c). */

typedef struct ngx_rd_api_ctx_s  ngx_rd_api_ctx_t;

/* starts what it has to and returns; ends with ngx_rd_api_finish(), once */
typedef void (*ngx_rd_api_route_pt)(ngx_rd_api_ctx_t *ctx);

struct ngx_rd_api_ctx_s {
    ngx_uint_t             kind;            /* NGX_RD_CTX_API */

    ngx_http_request_t    *request;
    ngx_rd_main_conf_t    *rmcf;
    ngx_rd_api_route_pt    route;
    ngx_rd_identity_t      identity;
    ngx_rd_body_t          body;            /* of a route that wants it */
    uint64_t               began_us;
    unsigned               admin:1;         /* only for administrators */
    unsigned               reads:1;         /* wants a body */
    unsigned               inside:1;        /* its content handler runs */
    unsigned               cold:1;          /* Redis was asked who it is */
    ngx_rd_redis_call_t   *call;            /* cancelled when he leaves */
    void                  *stream;          /* ngx_rd_sse.c's */
    ngx_rd_api_ctx_t     **action;          /* of an action that goes on; is
                                               set to NULL when he leaves */
};


/*
 * In the done of ctx->call: the call is over, the log is that of its request.
 * _answered sends an error of Redis, and is NULL then.
 */
ngx_rd_api_ctx_t  *ngx_rd_api_returned(ngx_rd_redis_call_t *call);
ngx_rd_api_ctx_t  *ngx_rd_api_answered(ngx_rd_redis_call_t *call);

/* sends the error, or finalizes with rc (an answer was sent); ctx is gone */
void  ngx_rd_api_finish_error(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error);
void  ngx_rd_api_finish(ngx_rd_api_ctx_t *ctx, ngx_int_t rc);

/* the same for an error with another status, or a sentence of its own */
void  ngx_rd_api_finish_status(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error,
    ngx_uint_t status);
void  ngx_rd_api_finish_sentence(ngx_rd_api_ctx_t *ctx, ngx_rd_error_e error,
    const char *sentence);


#endif /* _NGX_RD_API_H_INCLUDED_ */
