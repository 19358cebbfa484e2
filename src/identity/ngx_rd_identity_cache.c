
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_identity_cache.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_IDENTITY_CACHE_BURST_MS  200     /* of one who is logged out */


/* of an entry: all of most names, and none of a nonce that nobody needs */
#define NGX_RD_IDENTITY_CACHE_BRIEF_BYTES                                     \
    (NGX_RD_ZONE_NEAR_BYTES - NGX_RD_COOKIE_SID_BYTES)


static ngx_uint_t ngx_rd_identity_cache_find(ngx_rd_identity_t *identity,
    const ngx_str_t *sid, const u_char *mac, ngx_msec_t *asked_ms);
static void ngx_rd_identity_cache_unpack(ngx_rd_identity_t *identity,
    const ngx_str_t *sid);
static ngx_uint_t ngx_rd_identity_cache_starts(const ngx_str_t *key,
    const ngx_str_t *prefix, ngx_str_t *rest);


ngx_int_t
ngx_rd_identity_cache_get(ngx_rd_identity_t *identity, const ngx_str_t *sid,
    const u_char *mac)
{
    ngx_msec_t               asked_ms;
    ngx_rd_identity_conf_t  *conf;

    conf = identity->conf;

    if (conf->zone == NULL
        || (identity->strict
            && !(ngx_rd_redis_subscribe_live(conf->own_changes)
                 && ngx_rd_redis_subscribe_live(conf->ctfd_changes)))
        || !ngx_rd_identity_cache_find(identity, sid, mac, &asked_ms)
        || !ngx_rd_redis_subscribe_fresh(conf->own_changes, asked_ms)
        || !ngx_rd_redis_subscribe_fresh(conf->ctfd_changes, asked_ms))
    {
        return NGX_DECLINED;
    }

    if (identity->kept.user_id == 0) {

        if (ngx_current_msec - asked_ms > NGX_RD_IDENTITY_CACHE_BURST_MS) {
            return NGX_DECLINED;
        }

        identity->error = NGX_RD_ERR_LOGIN_REQUIRED;
        identity->reason = identity->kept.reason;
        return NGX_OK;
    }

    ngx_rd_identity_cache_unpack(identity, sid);
    identity->error = NGX_RD_ERR_NONE;

    return NGX_OK;
}


ngx_int_t
ngx_rd_identity_cache_get_stale(ngx_rd_identity_t *identity)
{
    ngx_str_t                sid;
    ngx_msec_t               asked_ms;
    ngx_rd_identity_conf_t  *conf;

    conf = identity->conf;
    sid.data = identity->sid;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    if (conf->zone == NULL
        || !ngx_rd_identity_cache_find(identity, &sid, NULL, &asked_ms)
        || ngx_rd_redis_subscribe_age(conf->own_changes, asked_ms)
           > conf->stale_max_ms
        || ngx_rd_redis_subscribe_age(conf->ctfd_changes, asked_ms)
           > conf->stale_max_ms)
    {
        return NGX_DECLINED;
    }

    if (identity->kept.user_id == 0) {
        return NGX_DECLINED;
    }

    ngx_rd_identity_cache_unpack(identity, &sid);
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
    u_char                  *p, number[NGX_INT64_LEN];
    size_t                   nonce_len;
    ngx_str_t                sid, user;
    ngx_rd_identity_kept_t   kept;

    if (identity->conf->zone == NULL) {
        return;
    }

    ngx_memzero(&kept, offsetof(ngx_rd_identity_kept_t, texts));
    ngx_memcpy(kept.mac, identity->mac, sizeof(kept.mac));

    p = kept.texts;

    if (identity->error == NGX_RD_ERR_NONE) {
        nonce_len = ngx_strlen(identity->session.nonce);

        if (identity->name.len + nonce_len > sizeof(kept.texts)) {
            return;
        }

        kept.user_id = identity->session.user_id;
        kept.team_id = identity->team_id;
        kept.login = identity->login;
        kept.admin = identity->admin;
        kept.banned = identity->banned;
        kept.verified = identity->verified;
        kept.name_len = identity->name.len;
        kept.nonce_len = nonce_len;

        p = ngx_cpymem(p, identity->name.data, identity->name.len);
        p = ngx_cpymem(p, identity->session.nonce, nonce_len);
    }

    kept.reason = identity->reason;

    /* a record that refused him may change, too */

    user.data = number;
    user.len = identity->session.user_id
               ? ngx_sprintf(number, "%uL", identity->session.user_id) - number
               : 0;

    sid.data = identity->sid;
    sid.len = NGX_RD_COOKIE_SID_BYTES;

    ngx_rd_zone_put(identity->conf->zone, identity->generation,
                    NGX_RD_ZONE_IDENTITY, &sid, &user, &kept,
                    p - (u_char *) &kept, identity->asked_ms);
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


/* is there one, for this signature? */

static ngx_uint_t
ngx_rd_identity_cache_find(ngx_rd_identity_t *identity, const ngx_str_t *sid,
    const u_char *mac, ngx_msec_t *asked_ms)
{
    size_t                   size, want, len;
    ngx_rd_zone_t           *zone;
    ngx_rd_identity_kept_t  *kept;

    zone = identity->conf->zone;
    kept = &identity->kept;

    if (identity->way == NULL) {
        identity->way = ngx_rd_zone_way(zone, NGX_RD_ZONE_IDENTITY, sid);
    }

    size = identity->brief ? NGX_RD_IDENTITY_CACHE_BRIEF_BYTES : sizeof(*kept);

    for ( ;; ) {
        len = ngx_rd_zone_get(zone, identity->way, NGX_RD_ZONE_IDENTITY, sid,
                              kept, size, asked_ms);
        if (len == 0) {
            return 0;
        }

        /* of a brief answer only an admin's name is used, by the audit */

        if (identity->brief && !kept->admin) {
            kept->name_len = 0;
        }

        want = offsetof(ngx_rd_identity_kept_t, texts) + kept->name_len;

        if (want <= size) {
            break;
        }

        size = sizeof(*kept);
    }

    return mac == NULL
           || ngx_rd_text_equal_secret(kept->mac, NGX_RD_COOKIE_MAC_BYTES, mac,
                                       NGX_RD_COOKIE_MAC_BYTES);
}


static void
ngx_rd_identity_cache_unpack(ngx_rd_identity_t *identity,
    const ngx_str_t *sid)
{
    ngx_rd_identity_kept_t  *kept;

    kept = &identity->kept;

    ngx_memcpy(identity->sid, sid->data, NGX_RD_COOKIE_SID_BYTES);
    ngx_memcpy(identity->mac, kept->mac, NGX_RD_COOKIE_MAC_BYTES);

    identity->session.user_id = kept->user_id;
    identity->session.hash[0] = '\0';       /* was compared before */
    identity->session.nonce[0] = '\0';

    identity->name.data = kept->texts;
    identity->name.len = kept->name_len;

    identity->team_id = kept->team_id;
    identity->login = kept->login;
    identity->admin = kept->admin;
    identity->banned = kept->banned;
    identity->verified = kept->verified;

    if (!identity->brief) {
        ngx_memcpy(identity->session.nonce, kept->texts + kept->name_len,
                   kept->nonce_len);
        identity->session.nonce[kept->nonce_len] = '\0';
    }
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
