
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_way.h"
#include "ngx_rd_ssh.h"
#include "../base/ngx_rd_error.h"

#include <poll.h>
#include <stdlib.h>


/* the local kind: a unix socket */

typedef struct {
    ngx_rd_way_t         way;       /* first: ops take it for this */
    int                  fd;
} ngx_rd_way_local_t;


/* an operator's first contact with "local: true" on a stock Debian */
static const char  ngx_rd_way_local_cure[] =
    "; add the user of nginx's workers to the socket's group (usually docker),"
    " or reach this machine over SSH";


static ngx_rd_error_e ngx_rd_way_local_open(const ngx_rd_host_conf_t *host,
    ngx_rd_way_t **way, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_way_local_connect(ngx_rd_way_local_t *local,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_way_local_write(ngx_rd_way_t *way,
    const u_char *data, size_t len, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_way_local_read(ngx_rd_way_t *way, u_char *buf,
    size_t size, size_t *n, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_way_local_quiet(ngx_rd_way_t *way);
static ngx_rd_error_e ngx_rd_way_local_closed(ngx_rd_way_t *way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_way_local_close(ngx_rd_way_t *way);


static const ngx_rd_way_ops_t  ngx_rd_way_local_ops = {
    .write  = ngx_rd_way_local_write,
    .read   = ngx_rd_way_local_read,
    .quiet  = ngx_rd_way_local_quiet,
    .closed = ngx_rd_way_local_closed,
    .close  = ngx_rd_way_local_close,
};


/* pool thread */

ngx_rd_error_e
ngx_rd_way_open(const ngx_rd_host_conf_t *host, ngx_rd_way_t **way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    *way = NULL;

    if (host->local) {
        return ngx_rd_way_local_open(host, way, deadline, detail);
    }

    return ngx_rd_ssh_open(host, way, deadline, detail);
}


static ngx_rd_error_e
ngx_rd_way_local_open(const ngx_rd_host_conf_t *host, ngx_rd_way_t **way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e       error;
    ngx_rd_way_local_t  *local;

    local = calloc(1, sizeof(ngx_rd_way_local_t));
    if (local == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    local->way.ops = &ngx_rd_way_local_ops;
    local->way.host = host;

    local->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (local->fd == -1) {
        error = ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                    "%s: socket() failed: %s", host->name,
                                    strerror(errno));
    } else {
        error = ngx_rd_way_local_connect(local, deadline, detail);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_way_local_close(&local->way);
        return error;
    }

    *way = &local->way;

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_way_local_connect(ngx_rd_way_local_t *local, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    struct sockaddr_un         sun;
    const ngx_rd_host_conf_t  *host;

    host = local->way.host;

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;

    if (strlen(host->docker_socket) >= sizeof(sun.sun_path)) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                   "%s: docker_socket is longer than %d bytes",
                                   host->name, (int) sizeof(sun.sun_path) - 1);
    }

    (void) strcpy(sun.sun_path, host->docker_socket);

    for ( ;; ) {
        if (connect(local->fd, (struct sockaddr *) &sun, sizeof(sun)) == 0) {
            return NGX_RD_ERR_NONE;
        }

        /* of a unix socket: its backlog is full, and no event will tell */
        if (errno != EAGAIN) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                       "%s: %s: %s%s", host->name,
                                       host->docker_socket, strerror(errno),
                                       errno == EACCES
                                       ? ngx_rd_way_local_cure : "");
        }

        if (ngx_rd_deadline_left_ms(deadline) == 0) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                       "%s: %s accepts no connection",
                                       host->name, host->docker_socket);
        }

        ngx_rd_deadline_pause(10, deadline);
    }
}


static ngx_rd_error_e
ngx_rd_way_local_write(ngx_rd_way_t *way, const u_char *data, size_t len,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_way_local_t  *local = (ngx_rd_way_local_t *) way;

    ssize_t  n;

    while (len) {
        n = send(local->fd, data, len, MSG_NOSIGNAL);

        if (n >= 0) {
            data += n;
            len -= n;
            continue;
        }

        if (errno == EINTR) {
            continue;
        }

        if (errno != EAGAIN) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                       "%s: sending to %s failed: %s",
                                       way->host->name,
                                       way->host->docker_socket,
                                       strerror(errno));
        }

        if (ngx_rd_deadline_poll(local->fd, POLLOUT, deadline) != NGX_OK) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                       "%s: the engine takes no request",
                                       way->host->name);
        }
    }

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_way_local_read(ngx_rd_way_t *way, u_char *buf, size_t size, size_t *n,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_way_local_t  *local = (ngx_rd_way_local_t *) way;

    ssize_t  rc;

    for ( ;; ) {
        rc = recv(local->fd, buf, size, 0);

        if (rc >= 0) {
            *n = rc;
            return NGX_RD_ERR_NONE;
        }

        if (errno == EINTR) {
            continue;
        }

        if (errno != EAGAIN) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                       "%s: reading from %s failed: %s",
                                       way->host->name,
                                       way->host->docker_socket,
                                       strerror(errno));
        }

        if (ngx_rd_deadline_poll(local->fd, POLLIN, deadline) != NGX_OK) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                       "%s: the engine did not answer in time",
                                       way->host->name);
        }
    }
}


static ngx_uint_t
ngx_rd_way_local_quiet(ngx_rd_way_t *way)
{
    ngx_rd_way_local_t  *local = (ngx_rd_way_local_t *) way;

    u_char  byte;

    return recv(local->fd, &byte, 1, MSG_PEEK) == -1 && errno == EAGAIN;
}


static ngx_rd_error_e
ngx_rd_way_local_closed(ngx_rd_way_t *way, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                               "%s: the engine closed the connection",
                               way->host->name);
}


static void
ngx_rd_way_local_close(ngx_rd_way_t *way)
{
    ngx_rd_way_local_t  *local = (ngx_rd_way_local_t *) way;

    if (local->fd != -1) {
        (void) close(local->fd);
    }

    free(local);
}
