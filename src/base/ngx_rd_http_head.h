
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_HTTP_HEAD_H_INCLUDED_
#define _NGX_RD_HTTP_HEAD_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_HTTP_HEAD_BYTES_MAX  (32 * 1024)
#define NGX_RD_HTTP_HEADERS_MAX     64


/*
 * The head of an HTTP/1 response, line by line, and a place where the lines
 * of its chunked body are gathered.  Pure; any thread.
 */

typedef struct {
    uint32_t                   name;        /* offsets into bytes */
    uint32_t                   value;
} ngx_rd_http_head_field_t;


typedef struct {
    ngx_uint_t                 status;      /* 0 before the status line */
    ngx_uint_t                 minor;       /* HTTP/1.<minor> */

    u_char                    *bytes;       /* NGX_RD_HTTP_HEAD_BYTES_MAX */
    size_t                     len;
    size_t                     line;        /* where the open line starts */

    ngx_rd_http_head_field_t   field[NGX_RD_HTTP_HEADERS_MAX];
    ngx_uint_t                 nfields;
} ngx_rd_http_head_t;


ngx_int_t  ngx_rd_http_head_init(ngx_rd_http_head_t *head);
void       ngx_rd_http_head_free(ngx_rd_http_head_t *head);

/* forgets what was read: an interim response is over */
void  ngx_rd_http_head_reset(ngx_rd_http_head_t *head);

/*
 * Takes *used bytes of data.  NGX_OK: a line is whole, without its end and
 * NUL-terminated.  NGX_AGAIN: it goes on.  NGX_ERROR: the bound is reached.
 */
ngx_int_t  ngx_rd_http_head_gather(ngx_rd_http_head_t *head,
    const u_char *data, size_t len, size_t *used, u_char **line,
    size_t *line_len);

/* after NGX_OK: the bytes of this line stay, or make room for the next */
void  ngx_rd_http_head_keep(ngx_rd_http_head_t *head);
void  ngx_rd_http_head_drop(ngx_rd_http_head_t *head);

/*
 * Reads a gathered line that is not empty: the status line, then headers.
 * NULL when it is fine, else what is wrong with it; static text.
 */
const char  *ngx_rd_http_head_read(ngx_rd_http_head_t *head, u_char *line,
    size_t len);

/* value of the first header of this name, whatever the case; NULL: none */
const char  *ngx_rd_http_head_value(const ngx_rd_http_head_t *head,
    const char *name);

/* may the connection be used again, as far as the head says */
ngx_uint_t  ngx_rd_http_head_keepalive(const ngx_rd_http_head_t *head);


#endif /* _NGX_RD_HTTP_HEAD_H_INCLUDED_ */
