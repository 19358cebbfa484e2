
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_identity.h"
#include "ngx_rd_identity_cache.h"
#include "ngx_rd_identity_known.h"
#include "../base/ngx_rd_text.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_IDENTITY_KEY_BYTES_MAX  512


static ngx_int_t ngx_rd_identity_ask(ngx_rd_identity_t *identity);
static void ngx_rd_identity_session_done(ngx_rd_redis_call_t *call);
static void ngx_rd_identity_user_done(ngx_rd_redis_call_t *call);
static void ngx_rd_identity_answer(ngx_rd_identity_t *identity,
    ngx_rd_error_e error);
static ngx_int_t ngx_rd_identity_is(const ngx_rd_redis_reply_t *record,
    const char *field, const char *value);


ngx_int_t
ngx_rd_identity_start(ngx_rd_identity_t *identity, const ngx_str_t *cookie)
{
    u_char     *mac;
    ngx_str_t   value, sid;

    value = *cookie;

    /* CTFd takes a value in quotes, too */

    if (value.len == NGX_RD_COOKIE_BYTES + 2
        && value.data[0] == '"' && value.data[value.len - 1] == '"')
    {
        value.data++;
        value.len -= 2;
    }

    if (value.len != NGX_RD_COOKIE_BYTES) {
        identity->error = NGX_RD_ERR_LOGIN_REQUIRED;
        identity->reason = value.len ? NGX_RD_REASON_COOKIE_MALFORMED
                                     : NGX_RD_REASON_NO_COOKIE;
        return NGX_OK;
    }

    sid.data = value.data;
    sid.len = NGX_RD_COOKIE_SID_BYTES;
    mac = value.data + NGX_RD_COOKIE_SID_BYTES + 1;

    if (mac[-1] == '.'
        && ngx_rd_identity_cache_get(identity, &sid, mac) == NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_rd_cookie_verify(&identity->conf->key, value.data, value.len,
                             (char *) identity->sid)
        != NGX_OK)
    {
        identity->error = NGX_RD_ERR_LOGIN_REQUIRED;
        identity->reason = ngx_rd_cookie_formed(value.data, value.len)
                           ? NGX_RD_REASON_COOKIE_SIGNATURE
                           : NGX_RD_REASON_COOKIE_MALFORMED;
        return NGX_OK;
    }

    ngx_memcpy(identity->mac, mac, NGX_RD_COOKIE_MAC_BYTES);

    return ngx_rd_identity_ask(identity);
}


ngx_rd_zone_way_t *
ngx_rd_identity_way(ngx_rd_identity_conf_t *conf, const ngx_str_t *cookie)
{
    ngx_str_t  sid;

    if (conf->zone == NULL || cookie->len != NGX_RD_COOKIE_BYTES) {
        return NULL;
    }

    sid.data = cookie->data;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    return ngx_rd_zone_way(conf->zone, NGX_RD_ZONE_IDENTITY, &sid);
}


ngx_int_t
ngx_rd_identity_again(ngx_rd_identity_t *identity)
{
    ngx_str_t  sid;

    ngx_rd_assert(identity->call == NULL);

    sid.data = identity->sid;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    if (ngx_rd_identity_cache_get(identity, &sid, NULL) == NGX_OK) {
        return NGX_OK;
    }

    ngx_memzero(&identity->session, sizeof(ngx_rd_ctfd_session_t));

    return ngx_rd_identity_ask(identity);
}


static ngx_int_t
ngx_rd_identity_ask(ngx_rd_identity_t *identity)
{
    u_char                   key[NGX_RD_IDENTITY_KEY_BYTES_MAX];
    ngx_str_t                argv[2];
    ngx_rd_identity_conf_t  *conf;

    conf = identity->conf;

    ngx_rd_identity_cache_begin(identity);

    ngx_str_set(&argv[0], "GET");
    argv[1].data = key;
    argv[1].len = ngx_snprintf(key, sizeof(key), "%V%s", &conf->session_prefix,
                               identity->sid)
                  - key;

    identity->call = ngx_rd_redis_call_start(conf->ctfd, 2, argv,
                                             ngx_rd_identity_session_done,
                                             identity);

    return identity->call ? NGX_AGAIN : NGX_ERROR;
}


void
ngx_rd_identity_cancel(ngx_rd_identity_t *identity)
{
    if (identity->call) {
        ngx_rd_redis_call_cancel(identity->call);
        identity->call = NULL;
    }

    ngx_rd_identity_known_cancel(identity);
}


static void
ngx_rd_identity_session_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t           value;
    ngx_rd_identity_t  *identity;

    identity = call->owner;
    identity->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_identity_answer(identity, call->error);
        return;
    }

    if (ngx_rd_redis_reply_type(call->reply) != NGX_RD_REDIS_STRING) {
        identity->reason = NGX_RD_REASON_SESSION_UNKNOWN;
        ngx_rd_identity_answer(identity, NGX_RD_ERR_LOGIN_REQUIRED);
        return;
    }

    value = ngx_rd_redis_reply_string(call->reply);

    if (ngx_rd_ctfd_session_parse(&identity->session, value.data, value.len)
        != NGX_OK)
    {
        identity->reason = NGX_RD_REASON_SESSION_UNREADABLE;
        identity->seen_bytes = value.len;
        identity->seen_first = value.len ? value.data[0] : 0;
        ngx_rd_identity_answer(identity, NGX_RD_ERR_LOGIN_REQUIRED);
        return;
    }

    if (identity->session.user_id == 0) {
        identity->reason = NGX_RD_REASON_LOGGED_OUT;
        ngx_rd_identity_answer(identity, NGX_RD_ERR_LOGIN_REQUIRED);
        return;
    }

    identity->login = ngx_rd_text_digest((u_char *) identity->session.hash,
                                         ngx_strlen(identity->session.hash));

    if (ngx_rd_identity_user(identity, ngx_rd_identity_user_done) != NGX_OK) {
        ngx_rd_identity_answer(identity, NGX_RD_ERR_MEMORY);
    }
}


ngx_int_t
ngx_rd_identity_user(ngx_rd_identity_t *identity, ngx_rd_redis_done_pt done)
{
    u_char     key[NGX_RD_IDENTITY_KEY_BYTES_MAX];
    ngx_str_t  argv[2];

    if (ngx_rd_identity_known_start(identity) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "HGETALL");
    argv[1].data = key;
    argv[1].len = ngx_snprintf(key, sizeof(key), "%V%uL",
                               &identity->conf->user_prefix,
                               identity->session.user_id)
                  - key;

    identity->call = ngx_rd_redis_call_start(identity->conf->own, 2, argv,
                                             done, identity);

    if (identity->call == NULL) {
        ngx_rd_identity_known_cancel(identity);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_rd_identity_user_done(ngx_rd_redis_call_t *call)
{
    ngx_str_t           hash;
    ngx_rd_identity_t  *identity;

    identity = call->owner;
    identity->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_identity_known_cancel(identity);
        ngx_rd_identity_answer(identity, call->error);
        return;
    }

    hash = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(call->reply,
                                                              "hash"));

    if (hash.len
        && !ngx_rd_text_equal_secret(hash.data, hash.len,
                                     (u_char *) identity->session.hash,
                                     ngx_strlen(identity->session.hash)))
    {
        identity->reason = NGX_RD_REASON_RECORD_HASH;
        ngx_rd_identity_answer(identity, NGX_RD_ERR_LOGIN_REQUIRED);
        return;
    }

    ngx_rd_identity_answer(identity, ngx_rd_identity_record(identity,
                                                            call->reply));
}


ngx_rd_error_e
ngx_rd_identity_record(ngx_rd_identity_t *identity,
    const ngx_rd_redis_reply_t *record)
{
    u_char          *p;
    ngx_str_t        name, team;
    ngx_rd_error_e   error;

    error = ngx_rd_identity_known_check(identity, record);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    name = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(record, "name"));
    team = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(record,
                                                              "team_id"));

    identity->name.data = identity->kept.texts;

    if (name.len) {
        identity->name.len = ngx_min(name.len, NGX_RD_IDENTITY_NAME_BYTES_MAX);
        ngx_memcpy(identity->kept.texts, name.data, identity->name.len);

    } else {
        p = ngx_snprintf(identity->kept.texts, NGX_RD_IDENTITY_NAME_BYTES_MAX,
                         "user%uL", identity->session.user_id);
        identity->name.len = p - identity->kept.texts;
    }

    identity->team_id = ngx_rd_text_id(team.data, team.len);
    identity->admin = ngx_rd_identity_is(record, "type", "admin");
    identity->banned = ngx_rd_identity_is(record, "banned", "1");

    /* a record that does not say is one of a verified user */
    identity->verified = !ngx_rd_identity_is(record, "verified", "0");

    return NGX_RD_ERR_NONE;
}


static void
ngx_rd_identity_answer(ngx_rd_identity_t *identity, ngx_rd_error_e error)
{
    identity->error = error;

    switch (error) {

    case NGX_RD_ERR_NONE:
    case NGX_RD_ERR_LOGIN_REQUIRED:
        ngx_rd_identity_cache_put(identity);
        break;

    case NGX_RD_ERR_ACCOUNT_GONE:
    case NGX_RD_ERR_MEMORY:
    case NGX_RD_ERR_REDIS_REPLY:
        break;

    default: /* Redis cannot be asked */
        (void) ngx_rd_identity_cache_get_stale(identity);
    }

    identity->done(identity);
}


static ngx_int_t
ngx_rd_identity_is(const ngx_rd_redis_reply_t *record, const char *field,
    const char *value)
{
    ngx_str_t  has;

    has = ngx_rd_redis_reply_string(ngx_rd_redis_reply_field(record, field));

    return has.len == ngx_strlen(value)
           && ngx_memcmp(has.data, value, has.len) == 0;
}
