
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_PICKLE_H_INCLUDED_
#define _NGX_RD_PICKLE_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_PICKLE_BYTES_MAX  (256 * 1024)   /* a session is < 1 KB */


/*
 * The text in a value CTFd keeps in Redis: "!" and a pickle (protocols 2 to 5)
 * of exactly one str, or raw JSON as it is (it starts with '{').  Any other
 * opcode, a truncated or a trailing byte, or more than the bound is refused:
 * NGX_DECLINED.  On NGX_OK text is a slice of value.  Pure; any thread.
 */
ngx_int_t  ngx_rd_pickle_text(const u_char *value, size_t len,
    const u_char **text, size_t *text_len);


#endif /* _NGX_RD_PICKLE_H_INCLUDED_ */
