
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_COMPLAINT_H_INCLUDED_
#define _NGX_RD_COMPLAINT_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_COMPLAINTS_MAX           32
#define NGX_RD_COMPLAINT_BYTES_MAX      512


/*
 * All that is wrong with a file, each as "file:line: key: reason".  The 33rd
 * complaint and later ones are counted, not kept.  Lives on the caller's
 * stack; starts as all zero.
 */

typedef struct {
    char        text[NGX_RD_COMPLAINTS_MAX][NGX_RD_COMPLAINT_BYTES_MAX];
    ngx_uint_t  n;      /* complaints made, may be > NGX_RD_COMPLAINTS_MAX */
} ngx_rd_complaints_t;


/* line 0 leaves the line out, key "" leaves the key out. */
void  ngx_rd_complaint_add(ngx_rd_complaints_t *complaints, const char *file,
    ngx_uint_t line, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));


#endif /* _NGX_RD_COMPLAINT_H_INCLUDED_ */
