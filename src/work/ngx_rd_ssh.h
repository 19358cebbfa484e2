
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSH_H_INCLUDED_
#define _NGX_RD_SSH_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_pace.h"
#include "ngx_rd_way.h"


/* The one door to libssh2. */


/* event loop, once per worker, before any thread runs; and at its exit */
ngx_int_t  ngx_rd_ssh_init_worker(ngx_rd_pace_t *pace);
void       ngx_rd_ssh_exit_worker(void);

/*
 * (pool thread) A way to the Docker engine of host through SSH: connects,
 * believes the host only by its key in known_hosts (unless host->insecure),
 * proves who we are, and opens one channel to the engine's socket, or to
 * `docker system dial-stdio` where the host forwards no sockets.
 *
 * Errors: SSH_CONNECT, SSH_TIMEOUT, SSH_HOST_KEY, SSH_ALGORITHM, SSH_AUTH,
 * SSH_CHANNEL, SSH_LOST, MEMORY; each with a detail that names the host.
 */
ngx_rd_error_e  ngx_rd_ssh_open(const ngx_rd_host_conf_t *host,
    ngx_rd_way_t **way, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);


#endif /* _NGX_RD_SSH_H_INCLUDED_ */
