
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_identity_known.h"
#include "ngx_rd_identity_signed.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_IDENTITY_SIGNED_KEY_BYTES_MAX  512


static void ngx_rd_identity_signed_nonce_done(ngx_rd_redis_call_t *call);
static void ngx_rd_identity_signed_user_done(ngx_rd_redis_call_t *call);
static void ngx_rd_identity_signed_answer(ngx_rd_identity_t *identity,
    ngx_rd_error_e error);


ngx_int_t
ngx_rd_identity_signed_start(ngx_rd_identity_t *identity,
    const ngx_rd_signed_t *what, int64_t window_ms)
{
    u_char      key[NGX_RD_IDENTITY_SIGNED_KEY_BYTES_MAX];
    u_char      ttl[NGX_INT64_LEN];
    ngx_str_t   argv[6];

    identity->session.user_id = what->user_id;
    identity->by_signature = 1;
    identity->admin = what->admin;

    ngx_str_set(&argv[0], "SET");
    argv[1].data = key;
    argv[1].len = ngx_snprintf(key, sizeof(key), "%Vnonce:%V",
                               &identity->conf->prefix, &what->nonce)
                  - key;
    ngx_str_set(&argv[2], "1");
    ngx_str_set(&argv[3], "NX");
    ngx_str_set(&argv[4], "PX");
    argv[5].data = ttl;
    argv[5].len = ngx_sprintf(ttl, "%L", 2 * window_ms + 1000) - ttl;

    identity->call = ngx_rd_redis_call_start(identity->conf->own, 6, argv,
                                             ngx_rd_identity_signed_nonce_done,
                                             identity);

    return identity->call ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_rd_identity_signed_nonce_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_identity_t  *identity;

    identity = call->owner;
    identity->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_identity_signed_answer(identity, call->error);
        return;
    }

    /* nil: the key was there */

    if (ngx_rd_redis_reply_type(call->reply) != NGX_RD_REDIS_STRING) {
        ngx_rd_identity_signed_answer(identity, NGX_RD_ERR_SIGNATURE_REPLAYED);
        return;
    }

    if (ngx_rd_identity_user(identity, ngx_rd_identity_signed_user_done)
        != NGX_OK)
    {
        ngx_rd_identity_signed_answer(identity, NGX_RD_ERR_MEMORY);
    }
}


static void
ngx_rd_identity_signed_user_done(ngx_rd_redis_call_t *call)
{
    ngx_uint_t          admin;
    ngx_rd_error_e      error;
    ngx_rd_identity_t  *identity;

    identity = call->owner;
    identity->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_identity_known_cancel(identity);
        ngx_rd_identity_signed_answer(identity, call->error);
        return;
    }

    admin = identity->admin;
    error = ngx_rd_identity_record(identity, call->reply);

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_identity_signed_answer(identity, error);
        return;
    }

    /* an application may act for an admin whom nobody wrote a record of */

    identity->admin = admin
                      && (identity->admin
                          || ngx_rd_redis_reply_count(call->reply) == 0);

    ngx_rd_identity_signed_answer(identity, NGX_RD_ERR_NONE);
}


static void
ngx_rd_identity_signed_answer(ngx_rd_identity_t *identity,
    ngx_rd_error_e error)
{
    if (error != NGX_RD_ERR_NONE) {
        identity->admin = 0;
    }

    identity->error = error;
    identity->done(identity);
}
