
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_VISITOR_H_INCLUDED_
#define _NGX_RD_VISITOR_H_INCLUDED_


#include "../ngx_rd.h"
#include <ngx_http.h>


/* What a visitor's request says of itself.  Nothing here is believed. */


/* the value of the first header of this (lower case) name, or empty */
ngx_str_t  ngx_rd_visitor_header(ngx_http_request_t *r, const char *name);

/* the value of the first cookie of this name, or empty */
ngx_str_t  ngx_rd_visitor_cookie(ngx_http_request_t *r, ngx_str_t *name);

/* does the client ask for a page, as a browser does? */
ngx_uint_t  ngx_rd_visitor_wants_html(ngx_http_request_t *r);

/* is this a WebSocket handshake (RFC 6455, 4.2.1)? */
ngx_uint_t  ngx_rd_visitor_websocket(ngx_http_request_t *r);

/*
 * Is there an Origin header, and is it one of rd_allowed_origins?  Without
 * these: the host that was asked; over TLS only https is the same.
 */
ngx_uint_t  ngx_rd_visitor_same_origin(ngx_http_request_t *r);

/*
 * The origin of the page that asks, or empty.  A browser sends no Origin with
 * a plain GET to the page's own site, so our page names it in X-RD-Origin; that
 * header counts only where it can refuse, never where it lets somebody in.
 */
ngx_str_t  ngx_rd_visitor_page_origin(ngx_http_request_t *r);

/* Would a WebSocket of the page that asks be let in, as far as it says? */
ngx_uint_t  ngx_rd_visitor_page_allowed(ngx_http_request_t *r);

/* does a page of another site want to change something (a form, a POST)? */
ngx_uint_t  ngx_rd_visitor_foreign_write(ngx_http_request_t *r);

/*
 * Does the request line (GET http://host/path) name no other host than the
 * Host header?  nginx goes by the first, and Origin is compared to the second.
 */
ngx_uint_t  ngx_rd_visitor_one_host(ngx_http_request_t *r);

/*
 * Takes Cookie, Authorization and whatever else proves who he is out of the
 * request, so that proxy_pass cannot hand it to a container.  NGX_ERROR: out
 * of memory.
 */
ngx_int_t  ngx_rd_visitor_forget_secrets(ngx_http_request_t *r);


#endif /* _NGX_RD_VISITOR_H_INCLUDED_ */
