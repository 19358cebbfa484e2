
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_HOST_H_INCLUDED_
#define _NGX_RD_HOST_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_settings.h"
#include "../session/ngx_rd_store.h"


/*
 * The Docker hosts of hosts.yml as nginx sees them.  Made when the
 * configuration is read, the same in all workers, never changed afterwards.
 */

typedef struct {
    ngx_rd_host_conf_t   *conf;
    ngx_str_t             name;         /* conf->name */
    ngx_str_t             address;      /* where nginx reaches its ports; IP */
    ngx_str_t             publish;      /* where Docker publishes them; IP, C
                                           string */
    unsigned              ipv6:1;       /* address is to stand in brackets */
} ngx_rd_host_t;


typedef struct {
    ngx_rd_host_t        *hosts;
    ngx_uint_t            n;
    ngx_rd_store_host_t  *places;       /* the same, as dispatch.lua wants it */
} ngx_rd_fleet_t;


/*
 * Resolves what the settings name (blocking: at configuration time only, like
 * a server in an upstream).  Complaints are added for names that do not
 * resolve; NGX_ERROR then, or when memory is short.
 */
ngx_int_t  ngx_rd_host_init(ngx_rd_fleet_t *fleet, ngx_conf_t *cf,
    ngx_rd_settings_t *settings, const char *file,
    ngx_rd_complaints_t *complaints);

/* NULL: hosts.yml does not name it (any more) */
ngx_rd_host_t  *ngx_rd_host_find(ngx_rd_fleet_t *fleet, const ngx_str_t *name);


#endif /* _NGX_RD_HOST_H_INCLUDED_ */
