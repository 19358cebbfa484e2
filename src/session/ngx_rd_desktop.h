
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DESKTOP_H_INCLUDED_
#define _NGX_RD_DESKTOP_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_session.h"


/* a path in the file system, as in ngx_sockaddr_t, is none */

typedef union {
    struct sockaddr       sockaddr;
    struct sockaddr_in    sockaddr_in;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   sockaddr_in6;
#endif
} ngx_rd_desktop_addr_t;


/*
 * Of a session what a gate must know, and what its owner is told of it.  All
 * workers keep it as it stands here, so it has no pointers and is no longer
 * than need be.
 */

typedef struct {
    int64_t                now_ms;      /* Redis' clock */
    int64_t                expires_ms;  /* 0 before it is ready */
    uint64_t               team_id;     /* of its owner, when it was asked for
                                           and still; 0: none */
    uint64_t               login;       /* digest of the one login that may
                                           use it as its owner; 0: any */

    u_char                 id[NGX_RD_SESSION_ID_BYTES];
    ngx_rd_desktop_addr_t  addr;        /* how nginx reaches it; no port */

    uint16_t               web_port;    /* 0: not offered; so, too */
    uint16_t               terminal_port;

    u_char                 socklen;     /* of addr; 0: there is no address */

    unsigned               state:3;     /* ngx_rd_session_state_e */
    unsigned               live:1;      /* it is its owner's live session */
    unsigned               expired:1;   /* was the reason of its end */
    unsigned               drained:1;   /* its host is emptied, which ended it
                                           or will, before its time */
    unsigned               switched_off:1;  /* all of the site's are; it says
                                               so also of none; so, too */
    unsigned               owner_banned:1;
    unsigned               foreign:1;   /* its account is not the owner's */

    /* gates do without the rest */

    u_char                 ssh;         /* 1: is offered */

    int64_t                created_ms;
    uint32_t               extensions_used;
    uint32_t               extensions_max;
} ngx_rd_desktop_t;


#define NGX_RD_DESKTOP_GATE_BYTES  offsetof(ngx_rd_desktop_t, ssh)


/*
 * What find.lua has found, taken off its front: first what is so of the whole
 * site (now_ms, switched_off; of the rest nothing is there yet), then one
 * desktop after the other, into the same block.  NGX_ERROR: it is not there,
 * nor can it be told where the next one begins.
 */
ngx_int_t  ngx_rd_desktop_read_site(ngx_rd_desktop_t *desktop,
    ngx_str_t *found);
ngx_int_t  ngx_rd_desktop_read(ngx_rd_desktop_t *desktop, ngx_str_t *found);

/*
 * The socket address of a port of a container.  NGX_ERROR when address is no
 * IP literal.
 */
ngx_int_t  ngx_rd_desktop_address(ngx_rd_desktop_addr_t *addr,
    const ngx_str_t *address, ngx_uint_t port, socklen_t *len);

/* May its owner go in now?  As ngx_rd_session_open(). */
ngx_rd_error_e  ngx_rd_desktop_open(const ngx_rd_desktop_t *desktop);

/*
 * Does it belong to the account that has its owner's id now?  login is that of
 * the owner, or 0 for anybody else (ADR 008).
 */

static ngx_inline ngx_uint_t
ngx_rd_desktop_belongs(const ngx_rd_desktop_t *desktop, uint64_t login)
{
    return !desktop->foreign
           && (desktop->login == 0 || login == 0 || desktop->login == login);
}


#endif /* _NGX_RD_DESKTOP_H_INCLUDED_ */
