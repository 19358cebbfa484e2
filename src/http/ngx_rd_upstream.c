
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_gate.h"
#include "ngx_rd_upstream.h"


static ngx_int_t ngx_rd_upstream_init(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_rd_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_rd_upstream_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_rd_upstream_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);

#if (NGX_HTTP_SSL)
static ngx_int_t ngx_rd_upstream_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_rd_upstream_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif


char *
ngx_rd_upstream_backend(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_server_t    *server;
    ngx_http_upstream_srv_conf_t  *us;

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (us->peer.init_upstream == ngx_rd_upstream_init) {
        return "is duplicate";
    }

    /* it would take the place of what stands before it, and nobody would see */

    if (us->peer.init_upstream) {
        return "must stand before \"keepalive\" and any other balancer";
    }

    if (us->servers->nelts) {
        return "may not stand beside \"server\"";
    }

    /* an upstream without a server is refused by nginx; nobody reads this */

    server = ngx_array_push(us->servers);
    if (server == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_http_upstream_server_t));

    server->down = 1;

    us->peer.init_upstream = ngx_rd_upstream_init;
    us->flags = NGX_HTTP_UPSTREAM_CREATE;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rd_upstream_init(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    if (us->servers->nelts > 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"rd_backend\" may not stand beside \"server\" in "
                      "upstream \"%V\" in %s:%ui",
                      &us->host, us->file_name, us->line);
        return NGX_ERROR;
    }

#if (NGX_HTTP_UPSTREAM_ZONE)

    /* the zone's module would copy a list of peers that is not there */

    if (us->shm_zone) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"rd_backend\" may not stand beside \"zone\" in "
                      "upstream \"%V\" in %s:%ui",
                      &us->host, us->file_name, us->line);
        return NGX_ERROR;
    }

#endif

    us->peer.init = ngx_rd_upstream_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_rd_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_peer_connection_t  *pc;

    pc = &r->upstream->peer;

    pc->data = r;
    pc->get = ngx_rd_upstream_get_peer;
    pc->free = ngx_rd_upstream_free_peer;
    pc->tries = 1;

#if (NGX_HTTP_SSL)
    pc->set_session = ngx_rd_upstream_set_session;
    pc->save_session = ngx_rd_upstream_save_session;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_rd_upstream_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_request_t  *r = data;

    ngx_str_t        *name;
    socklen_t         socklen;
    struct sockaddr  *sockaddr;

    if (ngx_rd_gate_backend(r, &sockaddr, &socklen, &name) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0,
                      "rd upstream: refused, the request did not pass a gate, "
                      "so no desktop is meant");
        return NGX_BUSY;
    }

    pc->cached = 0;
    pc->connection = NULL;

    pc->sockaddr = sockaddr;
    pc->socklen = socklen;
    pc->name = name;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "rd upstream: peer chosen, address:%V", name);

    return NGX_OK;
}


static void
ngx_rd_upstream_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    /* nginx gives back the try when an idle connection turned out dead */

    if (pc->tries) {
        pc->tries--;
    }
}


#if (NGX_HTTP_SSL)

/* TLS sessions are not kept: an address has another desktop tomorrow */

static ngx_int_t
ngx_rd_upstream_set_session(ngx_peer_connection_t *pc, void *data)
{
    return NGX_OK;
}


static void
ngx_rd_upstream_save_session(ngx_peer_connection_t *pc, void *data)
{
    /* void */
}

#endif
