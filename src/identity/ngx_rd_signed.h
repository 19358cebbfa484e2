
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SIGNED_H_INCLUDED_
#define _NGX_RD_SIGNED_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * The header X-RD-Signature of a trusted application (docs/SIGNED.md):
 *
 *     v1:<unix ms>:<nonce>:<user id>:<admin|user>:<hex HMAC-SHA256>
 *
 * Pure; any thread.
 */

#define NGX_RD_SIGNED_SECRETS_MAX       2       /* old and new one */
#define NGX_RD_SIGNED_SECRET_BYTES_MIN  32      /* as much as the HMAC has */
#define NGX_RD_SIGNED_DIGEST_BYTES      32      /* SHA-256 */
#define NGX_RD_SIGNED_NONCE_BYTES_MIN   16
#define NGX_RD_SIGNED_NONCE_BYTES_MAX   64


typedef struct {
    ngx_str_t   secrets[NGX_RD_SIGNED_SECRETS_MAX];
    ngx_uint_t  n;                              /* 0: signing is off */
} ngx_rd_signed_keys_t;


/* the request as it came */

typedef struct {
    ngx_str_t   method;
    ngx_str_t   target;                         /* path and query, as sent */
    u_char      body[NGX_RD_SIGNED_DIGEST_BYTES];   /* SHA-256 of it */
} ngx_rd_signed_request_t;


/* what a genuine header says; nonce is a slice of the header */

typedef struct {
    int64_t     time_ms;
    ngx_str_t   nonce;                          /* [A-Za-z0-9_-] */
    uint64_t    user_id;                        /* never 0 */
    unsigned    admin:1;
} ngx_rd_signed_t;


/*
 * NONE: genuine, signed with one of the secrets for just this request, and
 * now_ms is at most window_ms away; whether it was seen before is asked
 * elsewhere.  Otherwise SIGNATURE_MISSING, SIGNATURE_MALFORMED,
 * SIGNATURE_WRONG, SIGNATURE_OLD or MEMORY, and what is empty.  The comparison
 * takes constant time.
 */
ngx_rd_error_e  ngx_rd_signed_check(const ngx_rd_signed_keys_t *keys,
    const ngx_str_t *header, const ngx_rd_signed_request_t *request,
    int64_t now_ms, int64_t window_ms, ngx_rd_signed_t *what);


#endif /* _NGX_RD_SIGNED_H_INCLUDED_ */
