
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REPLY_H_INCLUDED_
#define _NGX_RD_REPLY_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_json.h"
#include <ngx_http.h>


/*
 * Answers.  Each sends the whole response, never to be cached, and returns
 * what a content handler returns; the caller finalizes with it.  r->pool owns
 * what is sent.
 */

/* takes json over; NULL (memory was short on the way) becomes a 500 */
ngx_int_t  ngx_rd_reply_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_rd_json_t *json);

/*
 * The sentence and code of an error: a small page with a way forward when the
 * client asks for HTML, else {"error":sentence,"code":code}.  503 gets a
 * Retry-After.
 */
ngx_int_t  ngx_rd_reply_error(ngx_http_request_t *r, ngx_rd_error_e error);

/* the same with a "reason" in the JSON, unless why is NULL */
ngx_int_t  ngx_rd_reply_error_why(ngx_http_request_t *r, ngx_rd_error_e error,
    ngx_uint_t status, const char *why);

/* the same with another HTTP status */
ngx_int_t  ngx_rd_reply_error_status(ngx_http_request_t *r,
    ngx_rd_error_e error, ngx_uint_t status);

/* the same with a sentence that says more; NUL-terminated, copied */
ngx_int_t  ngx_rd_reply_sentence(ngx_http_request_t *r, ngx_rd_error_e error,
    const char *sentence);

/* with a Retry-After of so many seconds */
ngx_int_t  ngx_rd_reply_retry(ngx_http_request_t *r, ngx_rd_error_e error,
    int64_t seconds);

/* 200 with plain text, as Prometheus wants it; body is borrowed */
ngx_int_t  ngx_rd_reply_plain(ngx_http_request_t *r, ngx_str_t *body);

/* 405 with Allow */
ngx_int_t  ngx_rd_reply_method(ngx_http_request_t *r, const char *allow);

/* adds a header to the response; both strings are borrowed */
ngx_int_t  ngx_rd_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


#endif /* _NGX_RD_REPLY_H_INCLUDED_ */
