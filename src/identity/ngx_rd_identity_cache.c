
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_identity_cache.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_IDENTITY_CACHE_BURST_MS  200     /* of one who is logged out */


/* in the zone, followed by the nonce and the name */

typedef struct {
    uint64_t  user_id;                          /* 0: not logged in */
    uint64_t  team_id;
    uint16_t  nonce_len;
    uint16_t  name_len;
    u_char    mac[NGX_RD_COOKIE_MAC_BYTES];

    unsigned  admin:1;
    unsigned  banned:1;
    unsigned  verified:1;
} ngx_rd_identity_cache_value_t;


static size_t ngx_rd_identity_cache_find(ngx_rd_identity_t *identity,
    const ngx_str_t *sid, const u_char *mac, u_char *value,
    ngx_msec_t *asked_ms);
static void ngx_rd_identity_cache_unpack(ngx_rd_identity_t *identity,
    const ngx_str_t *sid, u_char *value);
static ngx_uint_t ngx_rd_identity_cache_starts(const ngx_str_t *key,
    const ngx_str_t *prefix, ngx_str_t *rest);


ngx_int_t
ngx_rd_identity_cache_get(ngx_rd_identity_t *identity, const ngx_str_t *sid,
    const u_char *mac)
{
    u_char                         value[NGX_RD_ZONE_VALUE_BYTES_MAX];
    ngx_msec_t                     asked_ms;
    ngx_rd_identity_conf_t        *conf;
    ngx_rd_identity_cache_value_t  v;

    conf = identity->conf;

    if (conf->zone == NULL
        || (identity->strict
            && !(ngx_rd_redis_subscribe_live(conf->own_changes)
                 && ngx_rd_redis_subscribe_live(conf->ctfd_changes)))
        || ngx_rd_identity_cache_find(identity, sid, mac, value, &asked_ms)
           == 0
        || !ngx_rd_redis_subscribe_fresh(conf->own_changes, asked_ms)
        || !ngx_rd_redis_subscribe_fresh(conf->ctfd_changes, asked_ms))
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&v, value, sizeof(v));

    if (v.user_id == 0) {

        if (ngx_current_msec - asked_ms > NGX_RD_IDENTITY_CACHE_BURST_MS) {
            return NGX_DECLINED;
        }

        identity->error = NGX_RD_ERR_LOGIN_REQUIRED;
        return NGX_OK;
    }

    ngx_rd_identity_cache_unpack(identity, sid, value);
    identity->error = NGX_RD_ERR_NONE;

    return NGX_OK;
}


ngx_int_t
ngx_rd_identity_cache_get_stale(ngx_rd_identity_t *identity)
{
    u_char                         value[NGX_RD_ZONE_VALUE_BYTES_MAX];
    ngx_str_t                      sid;
    ngx_msec_t                     asked_ms;
    ngx_rd_identity_conf_t        *conf;
    ngx_rd_identity_cache_value_t  v;

    conf = identity->conf;
    sid.data = identity->sid;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    if (conf->zone == NULL
        || ngx_rd_identity_cache_find(identity, &sid, NULL, value, &asked_ms)
           == 0
        || ngx_rd_redis_subscribe_age(conf->own_changes, asked_ms)
           > conf->stale_max_ms
        || ngx_rd_redis_subscribe_age(conf->ctfd_changes, asked_ms)
           > conf->stale_max_ms)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&v, value, sizeof(v));

    if (v.user_id == 0) {
        return NGX_DECLINED;
    }

    ngx_rd_identity_cache_unpack(identity, &sid, value);
    identity->error = NGX_RD_ERR_NONE;

    return NGX_OK;
}


void
ngx_rd_identity_cache_begin(ngx_rd_identity_t *identity)
{
    if (identity->conf->zone) {
        identity->generation = ngx_rd_zone_generation(identity->conf->zone);
        identity->asked_ms = ngx_current_msec;
    }
}


void
ngx_rd_identity_cache_put(ngx_rd_identity_t *identity)
{
    u_char                        *p, number[NGX_INT64_LEN];
    u_char                         value[NGX_RD_ZONE_VALUE_BYTES_MAX];
    size_t                         nonce_len;
    ngx_str_t                      sid, user;
    ngx_rd_identity_cache_value_t  v;

    if (identity->conf->zone == NULL) {
        return;
    }

    ngx_memzero(&v, sizeof(v));
    ngx_memcpy(v.mac, identity->mac, sizeof(v.mac));

    p = value + sizeof(v);
    user.data = number;
    user.len = 0;

    if (identity->error == NGX_RD_ERR_NONE) {
        nonce_len = ngx_strlen(identity->session.nonce);

        if (sizeof(v) + nonce_len + identity->name.len > sizeof(value)) {
            return;
        }

        v.user_id = identity->session.user_id;
        v.team_id = identity->team_id;
        v.admin = identity->admin;
        v.banned = identity->banned;
        v.verified = identity->verified;
        v.nonce_len = nonce_len;
        v.name_len = identity->name.len;

        p = ngx_cpymem(p, identity->session.nonce, nonce_len);
        p = ngx_cpymem(p, identity->name.data, identity->name.len);

        user.len = ngx_sprintf(number, "%uL", v.user_id) - number;

    } else if (identity->session.user_id) {

        /* the record refused him: it may change, too */

        user.len = ngx_sprintf(number, "%uL", identity->session.user_id)
                   - number;
    }

    ngx_memcpy(value, &v, sizeof(v));

    sid.data = identity->sid;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    ngx_rd_zone_put(identity->conf->zone, identity->generation,
                    NGX_RD_ZONE_IDENTITY, &sid, &user, value, p - value,
                    identity->asked_ms);
}


void
ngx_rd_identity_cache_changed(ngx_rd_identity_conf_t *conf,
    const ngx_str_t *key)
{
    ngx_str_t  rest;

    if (ngx_rd_identity_cache_starts(key, &conf->user_prefix, &rest)) {
        ngx_rd_zone_drop_alias(conf->zone, NGX_RD_ZONE_IDENTITY, &rest);

    } else if (ngx_rd_identity_cache_starts(key, &conf->session_prefix,
                                            &rest))
    {
        ngx_rd_zone_drop(conf->zone, NGX_RD_ZONE_IDENTITY, &rest);
    }
}


/* the length of the value; 0: there is none, or not for this signature */

static size_t
ngx_rd_identity_cache_find(ngx_rd_identity_t *identity, const ngx_str_t *sid,
    const u_char *mac, u_char *value, ngx_msec_t *asked_ms)
{
    size_t          len;
    ngx_rd_zone_t  *zone;

    zone = identity->conf->zone;

    if (identity->way == NULL) {
        identity->way = ngx_rd_zone_way(zone, NGX_RD_ZONE_IDENTITY, sid);
    }

    len = ngx_rd_zone_get(zone, identity->way, NGX_RD_ZONE_IDENTITY, sid,
                          value, asked_ms);

    if (len == 0 || mac == NULL) {
        return len;
    }

    return ngx_rd_text_equal_secret(
               value + offsetof(ngx_rd_identity_cache_value_t, mac),
               NGX_RD_COOKIE_MAC_BYTES, mac, NGX_RD_COOKIE_MAC_BYTES)
           ? len : 0;
}


static void
ngx_rd_identity_cache_unpack(ngx_rd_identity_t *identity,
    const ngx_str_t *sid, u_char *value)
{
    u_char                         *p;
    ngx_rd_identity_cache_value_t   v;

    ngx_memcpy(&v, value, sizeof(v));
    p = value + sizeof(v);

    ngx_memcpy(identity->sid, sid->data, NGX_RD_COOKIE_SID_BYTES);
    ngx_memcpy(identity->mac, v.mac, sizeof(v.mac));

    identity->session.user_id = v.user_id;
    ngx_memcpy(identity->session.nonce, p, v.nonce_len);
    identity->session.nonce[v.nonce_len] = '\0';
    identity->session.hash[0] = '\0';       /* was compared before */

    identity->name.data = identity->name_buf;
    identity->name.len = v.name_len;
    ngx_memcpy(identity->name_buf, p + v.nonce_len, v.name_len);

    identity->team_id = v.team_id;
    identity->admin = v.admin;
    identity->banned = v.banned;
    identity->verified = v.verified;
}


static ngx_uint_t
ngx_rd_identity_cache_starts(const ngx_str_t *key, const ngx_str_t *prefix,
    ngx_str_t *rest)
{
    if (key->len < prefix->len
        || ngx_memcmp(key->data, prefix->data, prefix->len) != 0)
    {
        return 0;
    }

    rest->data = key->data + prefix->len;
    rest->len = key->len - prefix->len;

    return 1;
}
