
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_host.h"


static ngx_int_t ngx_rd_host_resolve(ngx_conf_t *cf, ngx_rd_host_t *host,
    const char *file, ngx_rd_complaints_t *complaints);


ngx_int_t
ngx_rd_host_init(ngx_rd_fleet_t *fleet, ngx_conf_t *cf,
    ngx_rd_settings_t *settings, const char *file,
    ngx_rd_complaints_t *complaints)
{
    ngx_uint_t      i;
    ngx_rd_host_t  *host;

    fleet->n = settings->nhosts;
    fleet->hosts = ngx_pcalloc(cf->pool, fleet->n * sizeof(ngx_rd_host_t));
    fleet->places = ngx_pcalloc(cf->pool,
                                fleet->n * sizeof(ngx_rd_store_host_t));

    if (fleet->hosts == NULL || fleet->places == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < fleet->n; i++) {
        host = &fleet->hosts[i];

        host->conf = &settings->hosts[i];
        host->name.data = (u_char *) host->conf->name;
        host->name.len = ngx_strlen(host->conf->name);

        if (ngx_rd_host_resolve(cf, host, file, complaints) != NGX_OK) {
            return NGX_ERROR;
        }

        fleet->places[i].name = host->name;
        fleet->places[i].weight = host->conf->weight;
        fleet->places[i].sessions_max = host->conf->max_sessions;
        fleet->places[i].creates_max = host->conf->creates_max;
        fleet->places[i].memory_bytes = host->conf->memory_bytes;
        fleet->places[i].nano_cpus = host->conf->nano_cpus;
    }

    return complaints->n ? NGX_ERROR : NGX_OK;
}


ngx_rd_host_t *
ngx_rd_host_find(ngx_rd_fleet_t *fleet, const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < fleet->n; i++) {

        if (fleet->hosts[i].name.len == name->len
            && ngx_memcmp(fleet->hosts[i].name.data, name->data, name->len)
               == 0)
        {
            return &fleet->hosts[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_rd_host_resolve(ngx_conf_t *cf, ngx_rd_host_t *host, const char *file,
    ngx_rd_complaints_t *complaints)
{
    u_char     *p;
    ngx_url_t   u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.len = ngx_strlen(host->conf->proxy_hostname) + 2;
    u.url.data = ngx_pnalloc(cf->pool, u.url.len);
    if (u.url.data == NULL) {
        return NGX_ERROR;
    }

    /* an IPv6 literal is written without brackets in hosts.yml */

    p = ngx_sprintf(u.url.data,
                    ngx_strchr(host->conf->proxy_hostname, ':') ? "[%s]" : "%s",
                    host->conf->proxy_hostname);
    u.url.len = p - u.url.data;
    u.default_port = 80;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_rd_complaint_add(complaints, file, host->conf->line,
                             "proxy_hostname", "\"%s\": %s",
                             host->conf->proxy_hostname,
                             u.err ? u.err : "no address found");
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    host->address.data = p;
    host->address.len = ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen,
                                      p, NGX_SOCKADDR_STRLEN, 0);
    p[host->address.len] = '\0';

#if (NGX_HAVE_INET6)
    host->ipv6 = (u.addrs[0].sockaddr->sa_family == AF_INET6);
#endif

    /* never on all addresses by guess: where nginx looks, or what is named */

    if (host->conf->publish_address) {
        host->publish.data = (u_char *) host->conf->publish_address;
        host->publish.len = ngx_strlen(host->conf->publish_address);

    } else {
        host->publish = host->address;
    }

    return NGX_OK;
}
