
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SETTINGS_H_INCLUDED_
#define _NGX_RD_SETTINGS_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_complaint.h"


#define NGX_RD_HOSTS_MAX   256
#define NGX_RD_LABELS_MAX  32


/* how a player may use a session; bits of modes */

#define NGX_RD_MODE_DESKTOP   0x01
#define NGX_RD_MODE_TERMINAL  0x02
#define NGX_RD_MODE_SSH       0x04


typedef struct {
    char                 *key;
    char                 *value;
} ngx_rd_label_t;


/*
 * One Docker host.  Every string is NUL-terminated, owned by the settings and
 * never NULL unless the comment says so.
 */

struct ngx_rd_host_conf_s {
    char                 *name;             /* unique, whatever the case:
                                               "hostname", "hostname:port"
                                               unless the port is 22 */

    /* control: how we reach its Docker engine */
    char                 *hostname;         /* local: default "localhost" */
    char                 *user;             /* default: "root" */
    ngx_uint_t            port;             /* 22 */
    char                 *key_file;         /* NULL: agent, default names */
    char                 *known_hosts;      /* NULL: ~/.ssh/known_hosts, then
                                               /etc/ssh/ssh_known_hosts */
    char                 *docker_socket;    /* /var/run/docker.sock */

    /* proxy target: how nginx reaches a published port */
    char                 *proxy_hostname;   /* default: hostname; of a local
                                               "localhost": "127.0.0.1" */

    /* the address Docker publishes ports on; an IP literal */
    char                 *publish_address;  /* NULL: what proxy_hostname
                                               resolves to */

    /* what a user types, for SSH and the like */
    char                 *pub_hostname;     /* default: hostname */

    ngx_uint_t            weight;           /* 1 .. 1000, default 1 */
    ngx_uint_t            max_sessions;     /* 1 .. 10000, default 50 */
    ngx_uint_t            connections_max;  /* 1 .. 20, default 4 */
    ngx_uint_t            creates_max;      /* at once; 1 .. 64, default 4 */
    int64_t               memory_bytes;     /* it may give away; 0: what its
                                               engine reports */
    int64_t               nano_cpus;        /* likewise */

    ngx_rd_label_t       *labels;
    ngx_uint_t            nlabels;

    ngx_uint_t            line;             /* where it stands in the file */

    unsigned              local:1;          /* no SSH: our own socket */
    unsigned              insecure:1;       /* host_key_check: off */
};


struct ngx_rd_settings_s {
    ngx_rd_host_conf_t   *hosts;
    ngx_uint_t            nhosts;

    char                 *docker_image;     /* ctfd-remote-desktop:latest */

    /* container_defaults */
    int64_t               memory_bytes;     /* memory_limit, 4g */
    int64_t               shm_bytes;        /* shm_size, 512m */
    int64_t               nano_cpus;        /* cpu_limit, 2 -> 2000000000 */
    ngx_uint_t            cpu_overcommit;   /* 1 .. 100, default 4 */
    ngx_uint_t            pids_max;         /* pids_limit, 4096 */
    char                 *resolution;       /* 1920x1080 */
    char                **cap_add;          /* of the facts sheet */
    ngx_uint_t            ncap_add;
    char                **cap_drop;         /* ALL */
    ngx_uint_t            ncap_drop;
    ngx_uint_t            modes;            /* NGX_RD_MODE_*; desktop always */

    /* session_defaults */
    ngx_uint_t            initial_duration_s;
    ngx_uint_t            extension_duration_s;
    ngx_uint_t            extensions_max;

    unsigned              fallback:1;       /* no file: the local socket */
};


/*
 * Reads hosts.yml.  Pure but for reading the file; no nginx event, no pool.
 *
 * A missing file gives the local Docker socket as only host and sets
 * fallback.  Anything wrong (unknown key, wrong type, bad size, doubled host,
 * value out of bounds, bad YAML) adds a complaint per fault, all of them in
 * one pass, and the result is NULL.  Also NULL when memory is short, with a
 * complaint that says so.
 *
 * The caller owns the result and frees it with ngx_rd_settings_free().
 */
ngx_rd_settings_t  *ngx_rd_settings_load(const char *path,
    ngx_rd_complaints_t *complaints);

/* The same from memory; file is the name used in complaints. */
ngx_rd_settings_t  *ngx_rd_settings_parse(const char *file, const u_char *text,
    size_t len, ngx_rd_complaints_t *complaints);

/* NULL is fine. */
void  ngx_rd_settings_free(ngx_rd_settings_t *settings);

/*
 * "4g", "512m", "2gb", "1.5g", "1024" -> bytes (suffixes b, k, m, g, t, kb,
 * mb, gb, tb; powers of 1024; case is ignored).  -1 when it is none, is
 * negative, or does not fit.
 */
int64_t  ngx_rd_settings_bytes(const char *text);


#endif /* _NGX_RD_SETTINGS_H_INCLUDED_ */
