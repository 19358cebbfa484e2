
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_COOKIE_H_INCLUDED_
#define _NGX_RD_COOKIE_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * CTFd's session cookie "<sid>.<signature>" (itsdangerous Signer with its
 * defaults: HMAC-SHA1, key derivation "django-concat").  Pure; any thread.
 */

#define NGX_RD_COOKIE_SID_BYTES  36     /* a uuid4 as text */
#define NGX_RD_COOKIE_MAC_BYTES  27     /* a SHA-1 in base64 */
#define NGX_RD_COOKIE_BYTES                                                   \
    (NGX_RD_COOKIE_SID_BYTES + 1 + NGX_RD_COOKIE_MAC_BYTES)

typedef struct {
    u_char  bytes[20];
} ngx_rd_cookie_key_t;


/* NGX_ERROR when libcrypto refuses; secret may hold any bytes, len >= 1. */
ngx_int_t  ngx_rd_cookie_key(ngx_rd_cookie_key_t *key, const u_char *secret,
    size_t len);

/*
 * NGX_OK: genuine; sid gets 36 characters and a NUL.  NGX_DECLINED: not in
 * the strict form, or the signature is wrong.  A value in double quotes is
 * accepted like CTFd does.  The comparison takes constant time.
 */
ngx_int_t  ngx_rd_cookie_verify(const ngx_rd_cookie_key_t *key,
    const u_char *value, size_t len, char sid[NGX_RD_COOKIE_SID_BYTES + 1]);

/* Is it in that form?  Says nothing of the signature; quotes are not taken. */
ngx_uint_t  ngx_rd_cookie_formed(const u_char *value, size_t len);

/*
 * The next cookie of one Cookie header value, from *p on; moves *p behind it.
 * NGX_OK and slices of header (name may be empty), or NGX_DECLINED: no more.
 */
ngx_int_t  ngx_rd_cookie_next(const u_char **p, const u_char *last,
    ngx_str_t *name, ngx_str_t *value);

/*
 * The first cookie of this name in one Cookie header value (RFC 6265, 4.2.1).
 * NGX_OK and a slice of header, or NGX_DECLINED.
 */
ngx_int_t  ngx_rd_cookie_find(const u_char *header, size_t header_len,
    const u_char *name, size_t name_len, const u_char **value,
    size_t *value_len);


#endif /* _NGX_RD_COOKIE_H_INCLUDED_ */
