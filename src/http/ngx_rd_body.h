
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_BODY_H_INCLUDED_
#define _NGX_RD_BODY_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_json.h"
#include <ngx_http.h>


#define NGX_RD_BODY_BYTES_MAX  (16 * 1024)      /* a form of a few fields */


/*
 * What a POST says, as a form (application/x-www-form-urlencoded) or as one
 * JSON object; the fields are the same.
 */

typedef struct {
    ngx_pool_t          *pool;          /* borrowed from the request */
    ngx_rd_json_t       *json;          /* NULL: a form */
    ngx_str_t            form;
} ngx_rd_body_t;


/* is it too long, as far as its head says? */
ngx_uint_t  ngx_rd_body_too_long(ngx_http_request_t *r);

/*
 * After ngx_http_read_client_request_body().  NULL, or a sentence that says
 * what is wrong with it.  An empty body has no fields.  What is made is freed
 * with the request.
 */
const char  *ngx_rd_body_parse(ngx_rd_body_t *body, ngx_http_request_t *r);

/*
 * A field by its name.  NGX_OK; NGX_DECLINED: it is not there (or empty, or
 * null); NGX_ERROR: it is of another type, or memory is short.
 */
ngx_int_t  ngx_rd_body_text(ngx_rd_body_t *body, const char *name,
    ngx_str_t *value);
ngx_int_t  ngx_rd_body_integer(ngx_rd_body_t *body, const char *name,
    int64_t *value);


#endif /* _NGX_RD_BODY_H_INCLUDED_ */
