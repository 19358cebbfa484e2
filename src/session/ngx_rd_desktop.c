
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_desktop.h"
#include "../base/ngx_rd_text.h"


static void ngx_rd_desktop_account(ngx_rd_desktop_t *desktop,
    const ngx_str_t *record_tag, const ngx_str_t *record_hash,
    const ngx_str_t *tag, const ngx_str_t *login);
static ngx_int_t ngx_rd_desktop_next(ngx_str_t *values, ngx_str_t *value);
static ngx_int_t ngx_rd_desktop_next_id(ngx_str_t *values, ngx_str_t *id);
static ngx_int_t ngx_rd_desktop_next_number(ngx_str_t *values,
    uint64_t *number);
static ngx_int_t ngx_rd_desktop_next_port(ngx_str_t *values, uint16_t *port);


/* the order is that of find.lua, and of for_gates() in prelude.lua */

ngx_int_t
ngx_rd_desktop_read_site(ngx_rd_desktop_t *desktop, ngx_str_t *found)
{
    uint64_t   now_ms;
    ngx_str_t  master;

    if (ngx_rd_desktop_next_number(found, &now_ms) != NGX_OK
        || now_ms == 0
        || ngx_rd_desktop_next(found, &master) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(desktop, sizeof(ngx_rd_desktop_t));

    desktop->now_ms = (int64_t) now_ms;
    desktop->switched_off = ngx_rd_session_is(&master, "off");

    return NGX_OK;
}


ngx_int_t
ngx_rd_desktop_read(ngx_rd_desktop_t *desktop, ngx_str_t *found)
{
    uint16_t   ssh_port;
    uint64_t   expires_ms, team_id, created_ms, used, max;
    socklen_t  len;
    ngx_str_t  what, banned, id, state, address, reason;
    ngx_str_t  record_tag, record_hash, record_team, tag, login, end;

    if (ngx_rd_desktop_next(found, &what) != NGX_OK
        || ngx_rd_desktop_next(found, &banned) != NGX_OK
        || ngx_rd_desktop_next(found, &record_tag) != NGX_OK
        || ngx_rd_desktop_next(found, &record_hash) != NGX_OK
        || ngx_rd_desktop_next(found, &record_team) != NGX_OK
        || ngx_rd_desktop_next_id(found, &id) != NGX_OK
        || ngx_rd_desktop_next(found, &state) != NGX_OK
        || ngx_rd_desktop_next(found, &address) != NGX_OK
        || ngx_rd_desktop_next_port(found, &desktop->web_port) != NGX_OK
        || ngx_rd_desktop_next_port(found, &desktop->terminal_port) != NGX_OK
        || ngx_rd_desktop_next_number(found, &expires_ms) != NGX_OK
        || ngx_rd_desktop_next_number(found, &team_id) != NGX_OK
        || ngx_rd_desktop_next(found, &reason) != NGX_OK
        || ngx_rd_desktop_next_port(found, &ssh_port) != NGX_OK
        || ngx_rd_desktop_next_number(found, &created_ms) != NGX_OK
        || ngx_rd_desktop_next_number(found, &used) != NGX_OK
        || ngx_rd_desktop_next_number(found, &max) != NGX_OK
        || ngx_rd_desktop_next(found, &tag) != NGX_OK
        || ngx_rd_desktop_next(found, &login) != NGX_OK
        || ngx_rd_desktop_next(found, &end) != NGX_OK)
    {
        return NGX_ERROR;
    }

    desktop->owner_banned = ngx_rd_session_is(&banned, "1");
    desktop->live = ngx_rd_session_is(&what, "live");
    desktop->expired = ngx_rd_session_is(&reason, "expired");
    desktop->drained = ngx_rd_session_is(&reason, "drained");

    desktop->ssh = (ssh_port != 0);

    ngx_rd_desktop_account(desktop, &record_tag, &record_hash, &tag, &login);

    desktop->expires_ms = (int64_t) expires_ms;

    /* only while its owner is still in the team */

    desktop->team_id = (ngx_rd_text_id(record_team.data, record_team.len)
                        == team_id) ? team_id : 0;

    desktop->created_ms = (int64_t) created_ms;
    desktop->extensions_used = (uint32_t) used;
    desktop->extensions_max = (uint32_t) max;

    /* "none", too, has no id */

    if (id.len) {
        desktop->state = ngx_rd_session_state(&state);
        ngx_memcpy(desktop->id, id.data, NGX_RD_SESSION_ID_BYTES);

    } else {
        desktop->state = NGX_RD_SESSION_NONE;
        ngx_memzero(desktop->id, NGX_RD_SESSION_ID_BYTES);
    }

    /* 0: it may not have one yet */

    if (ngx_rd_desktop_address(&desktop->addr, &address, 0, &len) != NGX_OK) {
        len = 0;
    }

    desktop->socklen = len;

    return NGX_OK;
}


/* the rule of belongs() in prelude.lua, as far as it needs no visitor */

static void
ngx_rd_desktop_account(ngx_rd_desktop_t *desktop, const ngx_str_t *record_tag,
    const ngx_str_t *record_hash, const ngx_str_t *tag, const ngx_str_t *login)
{
    uint64_t  digest;

    desktop->foreign = 0;
    desktop->login = 0;

    digest = ngx_rd_text_digest_read(login->data, login->len);

    if (tag->len && record_tag->len) {
        desktop->foreign = (tag->len != record_tag->len
                            || ngx_memcmp(tag->data, record_tag->data,
                                          tag->len) != 0);

    } else if (digest && record_hash->len) {
        desktop->foreign = (digest != ngx_rd_text_digest(record_hash->data,
                                                         record_hash->len));

    } else if (tag->len) {
        desktop->foreign = 1;               /* the account has gone */

    } else {
        desktop->login = digest;
    }
}


ngx_rd_error_e
ngx_rd_desktop_open(const ngx_rd_desktop_t *desktop)
{
    return ngx_rd_session_may_open(desktop->live, desktop->state,
                                   desktop->expires_ms - desktop->now_ms);
}


ngx_int_t
ngx_rd_desktop_address(ngx_rd_desktop_addr_t *addr, const ngx_str_t *address,
    ngx_uint_t port, socklen_t *len)
{
    in_addr_t  inaddr;

    ngx_memzero(addr, sizeof(ngx_rd_desktop_addr_t));

    inaddr = ngx_inet_addr(address->data, address->len);

    if (inaddr != INADDR_NONE) {
        addr->sockaddr_in.sin_family = AF_INET;
        addr->sockaddr_in.sin_addr.s_addr = inaddr;
        addr->sockaddr_in.sin_port = htons((in_port_t) port);
        *len = sizeof(struct sockaddr_in);

        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(address->data, address->len,
                       addr->sockaddr_in6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        addr->sockaddr_in6.sin6_family = AF_INET6;
        addr->sockaddr_in6.sin6_port = htons((in_port_t) port);
        *len = sizeof(struct sockaddr_in6);

        return NGX_OK;
    }

#endif

    return NGX_ERROR;
}


/* takes "\0value" off the front; most are a few bytes long */

static ngx_int_t
ngx_rd_desktop_next(ngx_str_t *values, ngx_str_t *value)
{
    u_char  *p, *last;

    if (values->len == 0 || values->data[0] != '\0') {
        return NGX_ERROR;
    }

    last = values->data + values->len;

    for (p = values->data + 1; p < last && *p != '\0'; p++) { /* void */ }

    value->data = values->data + 1;
    value->len = p - value->data;

    values->data = p;
    values->len = last - p;

    return NGX_OK;
}


/* empty where there is none */

static ngx_int_t
ngx_rd_desktop_next_id(ngx_str_t *values, ngx_str_t *id)
{
    id->data = values->data + 1;
    id->len = NGX_RD_SESSION_ID_BYTES;

    if (values->len > 1 + NGX_RD_SESSION_ID_BYTES
        && values->data[0] == '\0'
        && id->data[NGX_RD_SESSION_ID_BYTES] == '\0'
        && ngx_rd_session_is_id(id))
    {
        values->data += 1 + NGX_RD_SESSION_ID_BYTES;
        values->len -= 1 + NGX_RD_SESSION_ID_BYTES;

        return NGX_OK;
    }

    if (ngx_rd_desktop_next(values, id) != NGX_OK) {
        return NGX_ERROR;
    }

    id->len = 0;

    return NGX_OK;
}


/* 0 where there is none */

static ngx_int_t
ngx_rd_desktop_next_number(ngx_str_t *values, uint64_t *number)
{
    ngx_str_t  value;

    if (ngx_rd_desktop_next(values, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    *number = ngx_rd_text_id(value.data, value.len);

    return NGX_OK;
}


/* so, too: what is no port */

static ngx_int_t
ngx_rd_desktop_next_port(ngx_str_t *values, uint16_t *port)
{
    uint64_t  number;

    if (ngx_rd_desktop_next_number(values, &number) != NGX_OK) {
        return NGX_ERROR;
    }

    *port = (number > 65535) ? 0 : (uint16_t) number;

    return NGX_OK;
}
