
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_rd_keepalive.h"


#define NGX_RD_KEEPALIVE_IDLE_S      20
#define NGX_RD_KEEPALIVE_INTERVAL_S  10
#define NGX_RD_KEEPALIVE_PROBES      3

/* probes are not sent while data wait for an acknowledgement */
#define NGX_RD_KEEPALIVE_UNACKED_MS  25000


static const struct {
    int  level;
    int  name;
    int  value;
} ngx_rd_keepalive_options[] = {

    { IPPROTO_TCP, TCP_KEEPIDLE, NGX_RD_KEEPALIVE_IDLE_S },
    { IPPROTO_TCP, TCP_KEEPINTVL, NGX_RD_KEEPALIVE_INTERVAL_S },
    { IPPROTO_TCP, TCP_KEEPCNT, NGX_RD_KEEPALIVE_PROBES },
    { IPPROTO_TCP, TCP_USER_TIMEOUT, NGX_RD_KEEPALIVE_UNACKED_MS },
    { SOL_SOCKET, SO_KEEPALIVE, 1 }
};


void
ngx_rd_keepalive_set(ngx_connection_t *c)
{
    ngx_uint_t  i, n;

    if (c->sockaddr->sa_family == AF_UNIX) {
        return;
    }

    n = sizeof(ngx_rd_keepalive_options) / sizeof(ngx_rd_keepalive_options[0]);

    for (i = 0; i < n; i++) {

        if (setsockopt(c->fd, ngx_rd_keepalive_options[i].level,
                       ngx_rd_keepalive_options[i].name,
                       &ngx_rd_keepalive_options[i].value, sizeof(int))
            == -1)
        {
            ngx_log_error(NGX_LOG_WARN, c->log, ngx_socket_errno,
                          "rd tunnel: setsockopt(%d) failed: a dead client is "
                          "noticed late", ngx_rd_keepalive_options[i].name);
            return;
        }
    }
}
