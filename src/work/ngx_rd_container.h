
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_CONTAINER_H_INCLUDED_
#define _NGX_RD_CONTAINER_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_CONTAINER_PORTS_MAX       8
#define NGX_RD_CONTAINER_NAME_BYTES_MAX  128
#define NGX_RD_CONTAINER_ENV_MAX         16

#define NGX_RD_CONTAINER_TERMINAL        7682   /* unless the image's label
                                                   rd.terminal.port says 7681 */


/*
 * What is wanted.  Strings are NUL-terminated and borrowed; they live as long
 * as the job that carries them.
 */

struct ngx_rd_container_spec_s {
    const char           *name;         /* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
    const char           *image;
    const char           *hostname;     /* inside */

    const char           *site;         /* label rd.site */
    const char           *installation; /* label rd.installation */
    const char           *session;      /* label rd.session */
    int64_t               epoch;        /* label rd.epoch */

    int64_t               memory_bytes;
    int64_t               shm_bytes;
    int64_t               nano_cpus;
    ngx_uint_t            pids_max;
    char *const          *cap_add;
    ngx_uint_t            ncap_add;
    char *const          *cap_drop;
    ngx_uint_t            ncap_drop;

    const char           *env_name[NGX_RD_CONTAINER_ENV_MAX];
    const char           *env_value[NGX_RD_CONTAINER_ENV_MAX];
    ngx_uint_t            nenv;

    const char           *publish_address;  /* an IP literal */
    in_port_t             ports[NGX_RD_CONTAINER_PORTS_MAX];  /* inside, tcp */
    ngx_uint_t            nports;
    unsigned              terminal:1;       /* _TERMINAL is one of them */
};


typedef enum {
    NGX_RD_CONTAINER_UNKNOWN = 0,   /* nobody could say */
    NGX_RD_CONTAINER_RUNNING,
    NGX_RD_CONTAINER_GONE           /* said by a healthy engine */
} ngx_rd_container_state_e;


/* What there is. */

struct ngx_rd_container_s {
    char                  id[65];
    in_port_t             ports[NGX_RD_CONTAINER_PORTS_MAX]; /* outside, in the
                                                       order of spec->ports */
    unsigned              leftover:1;   /* it failed and may still be there */
};


#endif /* _NGX_RD_CONTAINER_H_INCLUDED_ */
