
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_internal.h"
#include "ngx_rd_resolve.h"
#include "../base/ngx_rd_error.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/ioctl.h>


/*
 * The session never blocks: libssh2 is asked, and when it says EAGAIN we wait
 * for the socket until our own deadline.  libssh2's timeouts count per call,
 * and libssh2_session_free() would wait for a dead peer once more.
 */

/* a request that the peer's kernel has not taken by then will not be taken */
#define NGX_RD_SSH_UNACKED_MS_MAX    10000

/* of libssh2_session_free() on a shut down socket: a step per EAGAIN */
#define NGX_RD_SSH_FREE_STEPS_MAX    64


static ngx_rd_error_e ngx_rd_ssh_connect(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static int ngx_rd_ssh_connect_to(const struct sockaddr *addr,
    socklen_t addr_len, int *err, ngx_rd_deadline_t deadline);
static ngx_rd_error_e ngx_rd_ssh_session(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_handshake(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_handshake_failed(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, int rc, ngx_rd_detail_t *detail);


static void ngx_rd_ssh_close(ngx_rd_way_t *way);


static const ngx_rd_way_ops_t  ngx_rd_ssh_ops = {
    .write  = ngx_rd_ssh_channel_write,
    .read   = ngx_rd_ssh_channel_read,
    .quiet  = ngx_rd_ssh_channel_quiet,
    .closed = ngx_rd_ssh_channel_closed,
    .close  = ngx_rd_ssh_close,
};


/* event loop */

ngx_int_t
ngx_rd_ssh_init_worker(ngx_rd_pace_t *pace)
{
    if (pace) {
        ngx_rd_pace_use(pace);
    }

    return libssh2_init(0) == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_rd_ssh_exit_worker(void)
{
    libssh2_exit();
}


/* pool thread */

ngx_rd_error_e
ngx_rd_ssh_open(const ngx_rd_host_conf_t *host, ngx_rd_way_t **way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t    *ssh;
    ngx_rd_error_e   error;

    *way = NULL;

    ssh = calloc(1, sizeof(ngx_rd_ssh_t));
    if (ssh == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    ssh->way.ops = &ngx_rd_ssh_ops;
    ssh->way.host = host;
    ssh->fd = -1;

    error = ngx_rd_ssh_connect(ssh, deadline, detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_session(ssh, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_login(ssh, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE) {
        ssh->authenticated = 1;
        error = ngx_rd_ssh_channel_dial(ssh, deadline, detail);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_ssh_close(&ssh->way);
        return error;
    }

    *way = &ssh->way;

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_connect(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int                        err, one, unacked_ms;
    int64_t                    share_ms;
    ngx_uint_t                 i;
    ngx_rd_error_e             error;
    ngx_rd_resolve_t           addrs;
    const ngx_rd_host_conf_t  *host;

    host = ssh->way.host;

    error = ngx_rd_resolve_name(host->hostname, host->port, &addrs, deadline,
                                detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    err = 0;

    for (i = 0; i < addrs.n && ssh->fd == -1; i++) {

        /* a dead first address leaves time for the others */
        share_ms = ngx_rd_deadline_left_ms(deadline) / (addrs.n - i);

        ssh->fd = ngx_rd_ssh_connect_to((struct sockaddr *) &addrs.addr[i],
                                        addrs.addr_len[i], &err,
                                        ngx_rd_deadline_cap(deadline,
                                                            share_ms));
    }

    if (ssh->fd == -1) {
        error = (err == ETIMEDOUT) ? NGX_RD_ERR_SSH_TIMEOUT
                                   : NGX_RD_ERR_SSH_CONNECT;
        return ngx_rd_error_detail(error, detail,
                                   "%s: connecting to %s port %u: %s",
                                   host->name, host->hostname,
                                   (unsigned) host->port, strerror(err));
    }

    one = 1;
    unacked_ms = NGX_RD_SSH_UNACKED_MS_MAX;

    (void) setsockopt(ssh->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));
    (void) setsockopt(ssh->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms,
                      sizeof(int));

    return NGX_RD_ERR_NONE;
}


static int
ngx_rd_ssh_connect_to(const struct sockaddr *addr, socklen_t addr_len,
    int *err, ngx_rd_deadline_t deadline)
{
    int        fd;
    socklen_t  len;

    fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                0);
    if (fd == -1) {
        *err = errno;
        return -1;
    }

    if (connect(fd, addr, addr_len) == 0) {
        return fd;
    }

    *err = errno;

    if (*err == EINPROGRESS) {

        if (ngx_rd_deadline_poll(fd, POLLOUT, deadline) != NGX_OK) {
            *err = ETIMEDOUT;

        } else {
            len = sizeof(int);

            if (getsockopt(fd, SOL_SOCKET, SO_ERROR, err, &len) == 0
                && *err == 0)
            {
                return fd;
            }
        }
    }

    (void) close(fd);

    return -1;
}


static ngx_rd_error_e
ngx_rd_ssh_session(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e       error;
    ngx_rd_ssh_trust_t   trust;

    ssh->session = libssh2_session_init_ex(NULL, NULL, NULL, ssh);
    if (ssh->session == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    libssh2_session_set_blocking(ssh->session, 0);
    ngx_rd_ssh_recv_init(ssh);

    ngx_memzero(&trust, sizeof(ngx_rd_ssh_trust_t));

    error = ngx_rd_ssh_trust_load(ssh, &trust, detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_handshake(ssh, &trust, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_trust_check(ssh, &trust, detail);
    }

    ngx_rd_ssh_trust_free(&trust);

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_handshake(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    int  rc;

    ssh->deadline = deadline;

    for ( ;; ) {
        rc = libssh2_session_handshake(ssh->session, ssh->fd);

        if (rc == 0) {
            return NGX_RD_ERR_NONE;
        }

        if (rc != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_handshake_failed(ssh, trust, rc, detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "the SSH handshake", detail);
        }
    }
}


static ngx_rd_error_e
ngx_rd_ssh_handshake_failed(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    int rc, ngx_rd_detail_t *detail)
{
    ngx_uint_t      rsa_only;
    const char     *said;
    ngx_rd_error_e  error;

    error = ngx_rd_ssh_recv_cut(ssh, "the SSH handshake", detail);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    rsa_only = trust->types == (ngx_uint_t) 1 << LIBSSH2_HOSTKEY_TYPE_RSA
               && libssh2_version(NGX_RD_SSH_VERSION_RSA) == NULL;

    switch (rc) {

    case LIBSSH2_ERROR_KEX_FAILURE:
    case LIBSSH2_ERROR_METHOD_NONE:
    case LIBSSH2_ERROR_METHOD_NOT_SUPPORTED:

        if (!rsa_only) {
            return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_ALGORITHM,
                                     "no algorithm in common", detail);
        }

        return ngx_rd_error_detail(NGX_RD_ERR_SSH_ALGORITHM, detail,
                                   "%s: known_hosts knows only its RSA key, "
                                   "which libssh2 %s cannot check with SHA-2 "
                                   "(1.11 can): add its ed25519 or ecdsa key",
                                   ssh->way.host->name, libssh2_version(0));

    case LIBSSH2_ERROR_HOSTKEY_INIT:
    case LIBSSH2_ERROR_HOSTKEY_SIGN:
        return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_HOST_KEY,
                                 "it has not the key it shows", detail);
    }

    if (rc == LIBSSH2_ERROR_BANNER_RECV || ngx_rd_ssh_is_lost(rc)) {
        said = ngx_rd_ssh_recv_said(ssh);

        if (said == NULL) {
            return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                     "closed before the SSH handshake was "
                                     "over, without a word (MaxStartups of an "
                                     "older sshd, or a firewall?)", detail);
        }

        /* dropped at random: the next try may pass; else asking is no use */

        return ngx_rd_error_detail(strstr(said, "MaxStartups")
                                       ? NGX_RD_ERR_SSH_LOST
                                       : NGX_RD_ERR_SSH_CONNECT,
                                   detail, "%s: refused before the SSH "
                                   "handshake, the server said \"%s\"",
                                   ssh->way.host->name, said);
    }

    return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_CONNECT,
                             "the SSH handshake failed", detail);
}


/*
 * After the shutdown nothing can wait for the peer: every send fails, every
 * receive ends.
 */

static void
ngx_rd_ssh_close(ngx_rd_way_t *way)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    ngx_uint_t  steps;

    /* libssh2 reads on while it frees channels: the callback ends that */
    ssh->cut = NGX_RD_SSH_CUT_LATE;

    if (ssh->session) {
        /* one try: sshd's log then says who hung up */
        (void) libssh2_session_disconnect(ssh->session, "done");
    }

    if (ssh->fd != -1) {
        (void) shutdown(ssh->fd, SHUT_RDWR);
    }

    if (ssh->session) {
        for (steps = 0; steps < NGX_RD_SSH_FREE_STEPS_MAX; steps++) {
            if (libssh2_session_free(ssh->session) != LIBSSH2_ERROR_EAGAIN) {
                break;
            }
        }
    }

    if (ssh->fd != -1) {
        (void) close(ssh->fd);
    }

    free(ssh);
}


ngx_int_t
ngx_rd_ssh_wait(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline)
{
    int    directions;
    short  events;

    directions = libssh2_session_block_directions(ssh->session);
    events = 0;

    if (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) {
        events |= POLLOUT;
    }

    if ((directions & LIBSSH2_SESSION_BLOCK_INBOUND) || events == 0) {
        events |= POLLIN;
    }

    return ngx_rd_deadline_poll(ssh->fd, events, deadline);
}


ngx_rd_error_e
ngx_rd_ssh_failed(ngx_rd_ssh_t *ssh, ngx_rd_error_e error, const char *what,
    ngx_rd_detail_t *detail)
{
    char            *said;
    ngx_rd_error_e   cut;

    cut = ngx_rd_ssh_recv_cut(ssh, what, detail);

    if (cut != NGX_RD_ERR_NONE) {
        return cut;
    }

    said = NULL;
    (void) libssh2_session_last_error(ssh->session, &said, NULL, 0);

    return ngx_rd_error_detail(error, detail, "%s: %s: %s",
                               ssh->way.host->name, what, said ? said : "");
}


ngx_uint_t
ngx_rd_ssh_is_lost(int rc)
{
    return rc == LIBSSH2_ERROR_SOCKET_DISCONNECT
           || rc == LIBSSH2_ERROR_SOCKET_RECV
           || rc == LIBSSH2_ERROR_SOCKET_SEND;
}


/*
 * What was sent and not acknowledged was lost on the way; what was
 * acknowledged has reached a living kernel, so sshd or the engine is slow.
 */

ngx_rd_error_e
ngx_rd_ssh_late(ngx_rd_ssh_t *ssh, const char *what, ngx_rd_detail_t *detail)
{
    int              pending;
    socklen_t        len;
    struct tcp_info  info;

    pending = 0;
    (void) ioctl(ssh->fd, FIONREAD, &pending);

    len = sizeof(struct tcp_info);
    ngx_memzero(&info, sizeof(struct tcp_info));

    (void) getsockopt(ssh->fd, IPPROTO_TCP, TCP_INFO, &info, &len);

    if (ssh->channel && info.tcpi_unacked == 0) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                   "%s: %s did not come in time",
                                   ssh->way.host->name, what);
    }

    return ngx_rd_error_detail(NGX_RD_ERR_SSH_TIMEOUT, detail,
                               "%s: %s was not over in time%s",
                               ssh->way.host->name, what,
                               info.tcpi_unacked
                                   ? ": its network does not answer"
                                   : pending ? ": the host was still sending"
                                             : "");
}


ngx_int_t
ngx_rd_ssh_home(const char *name, char *path, size_t size)
{
    int             n;
    char            buf[4096];
    const char     *home;
    struct passwd   pw, *found;

    /* nginx clears the environment of its workers */
    home = getenv("HOME");

    if (home == NULL || home[0] != '/') {

        if (getpwuid_r(geteuid(), &pw, buf, sizeof(buf), &found) != 0
            || found == NULL)
        {
            return NGX_ERROR;
        }

        home = pw.pw_dir;
    }

    n = snprintf(path, size, "%s/%s", home, name);

    return (n > 0 && (size_t) n < size) ? NGX_OK : NGX_ERROR;
}
