
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_IDENTITY_SIGNED_H_INCLUDED_
#define _NGX_RD_IDENTITY_SIGNED_H_INCLUDED_


#include "ngx_rd_identity.h"
#include "ngx_rd_signed.h"


/*
 * Event loop.  Who is asking, by a header that ngx_rd_signed_check() found
 * genuine; the answer is given like ngx_rd_identity_start() does.  Its nonce
 * is written down for two windows, since a time may also lie a window ahead:
 * the same header a second time is SIGNATURE_REPLAYED, also for another worker
 * or another nginx.  Then the user record is read: it can ban and it can
 * withhold the role of an admin, never give it.
 *
 * NGX_AGAIN: done will be called once.  NGX_ERROR: out of memory, done will not
 * be called.  ngx_rd_identity_cancel() is for this, too.
 */
ngx_int_t  ngx_rd_identity_signed_start(ngx_rd_identity_t *identity,
    const ngx_rd_signed_t *what, int64_t window_ms);


#endif /* _NGX_RD_IDENTITY_SIGNED_H_INCLUDED_ */
