
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ERROR_H_INCLUDED_
#define _NGX_RD_ERROR_H_INCLUDED_


#include "../ngx_rd.h"


/* The only questions asked of an error.  Pure; any thread. */

ngx_uint_t   ngx_rd_error_status(ngx_rd_error_e error);     /* HTTP status */
const char  *ngx_rd_error_code(ngx_rd_error_e error);       /* machine code */
const char  *ngx_rd_error_text(ngx_rd_error_e error);       /* one sentence */
ngx_uint_t   ngx_rd_error_retryable(ngx_rd_error_e error);
ngx_uint_t   ngx_rd_error_unreached(ngx_rd_error_e error);  /* the host was */

/*
 * The error whose machine code is this (len bytes, no NUL needed), or
 * NGX_RD_ERR_INTERNAL when there is none.
 */
ngx_rd_error_e  ngx_rd_error_by_code(const char *code, size_t len);

/*
 * Writes a printf(3) sentence into detail, cut at its bound.  detail may be
 * NULL.  Control characters are replaced by '?', so that foreign text can
 * never forge a log line.  Returns error, so that one can
 * return ngx_rd_error_detail(NGX_RD_ERR_X, detail, "...");
 */
ngx_rd_error_e  ngx_rd_error_detail(ngx_rd_error_e error,
    ngx_rd_detail_t *detail, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* _NGX_RD_ERROR_H_INCLUDED_ */
