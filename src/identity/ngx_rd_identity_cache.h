
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_IDENTITY_CACHE_H_INCLUDED_
#define _NGX_RD_IDENTITY_CACHE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_identity.h"


/*
 * Who somebody was when CTFd's session and the user record were last read, by
 * the session's id.  The signature that was found genuine stands in the entry,
 * so a known cookie is compared instead of verified.  That somebody is not
 * logged in is kept for a burst of requests only.  Event loop; all of it does
 * nothing without a zone.
 */

/*
 * NGX_OK: the answer is there (error NONE or LOGIN_REQUIRED).  NGX_DECLINED:
 * somebody has to ask.  mac NULL: the cookie was verified before.
 */
ngx_int_t  ngx_rd_identity_cache_get(ngx_rd_identity_t *identity,
    const ngx_str_t *sid, const u_char *mac);

/* The same when nobody can be asked: what was true rd_stale_max ago. */
ngx_int_t  ngx_rd_identity_cache_get_stale(ngx_rd_identity_t *identity);

/* right before and after Redis is asked */
void  ngx_rd_identity_cache_begin(ngx_rd_identity_t *identity);
void  ngx_rd_identity_cache_put(ngx_rd_identity_t *identity);

/* A key of one of the Redis servers has changed; others' keys are ignored. */
void  ngx_rd_identity_cache_changed(ngx_rd_identity_conf_t *conf,
    const ngx_str_t *key);


#endif /* _NGX_RD_IDENTITY_CACHE_H_INCLUDED_ */
