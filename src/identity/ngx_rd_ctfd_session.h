
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_CTFD_SESSION_H_INCLUDED_
#define _NGX_RD_CTFD_SESSION_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_NONCE_BYTES_MAX  128     /* CTFd: 64 hex digits */
#define NGX_RD_HASH_BYTES_MAX   64      /* CTFd: 40 hex digits */


/* What a CTFd session says.  Strings are NUL-terminated, "" when absent. */

typedef struct {
    uint64_t  user_id;                          /* 0: nobody is logged in */
    char      nonce[NGX_RD_NONCE_BYTES_MAX + 1];  /* CSRF token */
    char      hash[NGX_RD_HASH_BYTES_MAX + 1];    /* of the password hash */
} ngx_rd_ctfd_session_t;


/*
 * Reads the value CTFd's Redis holds for a session (ngx_rd_pickle_text(), then
 * a full JSON parse; only top-level id, nonce and hash count).  NGX_OK, also
 * for an anonymous session; NGX_DECLINED when the value is anything else (id
 * that is no positive whole number, nonce or hash that is no string or too
 * long, no object).  Pure; any thread.
 */
ngx_int_t  ngx_rd_ctfd_session_parse(ngx_rd_ctfd_session_t *session,
    const u_char *value, size_t len);


#endif /* _NGX_RD_CTFD_SESSION_H_INCLUDED_ */
