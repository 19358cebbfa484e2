
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_identity_known.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX  512


static void ngx_rd_identity_known_done(ngx_rd_redis_call_t *call);
static void ngx_rd_identity_known_remember(ngx_rd_identity_t *identity);
static void ngx_rd_identity_known_remember_done(ngx_rd_redis_call_t *call);
static ngx_str_t ngx_rd_identity_known_key(ngx_rd_identity_t *identity,
    u_char buf[NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX]);


ngx_int_t
ngx_rd_identity_known_start(ngx_rd_identity_t *identity)
{
    u_char     user[NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX];
    u_char     all[NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX];
    ngx_str_t  argv[4];

    /* a key that is named twice counts twice: two bits in one number */

    ngx_str_set(&argv[0], "EXISTS");
    argv[1].data = all;
    argv[1].len = ngx_snprintf(all, sizeof(all), "%Vrecords",
                               &identity->conf->prefix)
                  - all;
    argv[2] = ngx_rd_identity_known_key(identity, user);
    argv[3] = argv[2];

    identity->known = 0;
    identity->known_all = 0;
    identity->known_error = NGX_RD_ERR_NONE;
    identity->known_call = ngx_rd_redis_call_start(identity->conf->own, 4,
                                                   argv,
                                                   ngx_rd_identity_known_done,
                                                   identity);

    return identity->known_call ? NGX_OK : NGX_ERROR;
}


void
ngx_rd_identity_known_cancel(ngx_rd_identity_t *identity)
{
    if (identity->known_call) {
        ngx_rd_redis_call_cancel(identity->known_call);
        identity->known_call = NULL;
    }
}


ngx_rd_error_e
ngx_rd_identity_known_check(ngx_rd_identity_t *identity,
    const ngx_rd_redis_reply_t *record)
{
    ngx_rd_assert(identity->known_call == NULL);

    if (ngx_rd_redis_reply_count(record)) {

        if (!identity->known && identity->known_error == NGX_RD_ERR_NONE) {
            ngx_rd_identity_known_remember(identity);
        }

        return NGX_RD_ERR_NONE;
    }

    if (identity->known_error != NGX_RD_ERR_NONE) {
        return identity->known_error;
    }

    /* a signed call speaks for users that the site may not publish */

    return (identity->known
            || (identity->known_all && !identity->by_signature))
           ? NGX_RD_ERR_ACCOUNT_GONE : NGX_RD_ERR_NONE;
}


static void
ngx_rd_identity_known_done(ngx_rd_redis_call_t *call)
{
    int64_t             count;
    ngx_rd_identity_t  *identity;

    identity = call->owner;

    identity->known_call = NULL;
    identity->known_error = call->error;

    if (call->error == NGX_RD_ERR_NONE) {
        count = ngx_rd_redis_reply_integer(call->reply, 0);

        identity->known_all = ((count & 1) != 0);
        identity->known = ((count & 2) != 0);
    }
}


/* when it fails the next look at the record tries again */

static void
ngx_rd_identity_known_remember(ngx_rd_identity_t *identity)
{
    u_char     key[NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX];
    ngx_str_t  argv[3];

    ngx_str_set(&argv[0], "SET");
    argv[1] = ngx_rd_identity_known_key(identity, key);
    ngx_str_set(&argv[2], "1");

    (void) ngx_rd_redis_call_start(identity->conf->own, 3, argv,
                                   ngx_rd_identity_known_remember_done, NULL);
}


static void
ngx_rd_identity_known_remember_done(ngx_rd_redis_call_t *call)
{
    /* void */
}


static ngx_str_t
ngx_rd_identity_known_key(ngx_rd_identity_t *identity,
    u_char buf[NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX])
{
    ngx_str_t  key;

    key.data = buf;
    key.len = ngx_snprintf(buf, NGX_RD_IDENTITY_KNOWN_KEY_BYTES_MAX,
                           "%Vknown:%uL", &identity->conf->prefix,
                           identity->session.user_id)
              - buf;

    return key;
}
