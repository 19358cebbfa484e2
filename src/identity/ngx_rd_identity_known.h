
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_IDENTITY_KNOWN_H_INCLUDED_
#define _NGX_RD_IDENTITY_KNOWN_H_INCLUDED_


#include "ngx_rd_identity.h"


/*
 * Which users have had a record: the keys known:ID and records in our Redis
 * (docs/REDIS.md).  A record that was there and is gone is not the same as one
 * that never was.  Event loop.
 */

/*
 * Asks for it, of session.user_id.  Started before the call that reads the
 * record, it is answered before that.  NGX_ERROR: no memory.
 */
ngx_int_t  ngx_rd_identity_known_start(ngx_rd_identity_t *identity);

void  ngx_rd_identity_known_cancel(ngx_rd_identity_t *identity);

/*
 * May the user go on with this record (HGETALL; empty: there is none)?  NONE,
 * ACCOUNT_GONE, or what kept Redis from saying so.  The first record of a user
 * is remembered.
 */
ngx_rd_error_e  ngx_rd_identity_known_check(ngx_rd_identity_t *identity,
    const ngx_rd_redis_reply_t *record);


#endif /* _NGX_RD_IDENTITY_KNOWN_H_INCLUDED_ */
