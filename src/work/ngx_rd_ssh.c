
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


/*
 * The session never blocks: libssh2 is asked, and when it says EAGAIN we wait
 * for the socket until our own deadline.  libssh2's timeouts count per call,
 * and libssh2_session_free() would wait for a dead peer once more.
 */

/* a request that the peer's kernel has not taken by then will not be taken */
#define NGX_RD_SSH_UNACKED_MS_MAX    10000

/* room for an answer of the engine in one go */
#define NGX_RD_SSH_WINDOW_BYTES      (1024 * 1024)
#define NGX_RD_SSH_PACKET_BYTES      (32 * 1024)

/* the exit status of a program comes after its last byte */
#define NGX_RD_SSH_EXIT_MS_MAX       300

/* of libssh2_session_free() on a shut down socket: a step per EAGAIN */
#define NGX_RD_SSH_FREE_STEPS_MAX    64

#define NGX_RD_SSH_STREAMLOCAL       "direct-streamlocal@openssh.com"
#define NGX_RD_SSH_DIAL_STDIO        "docker system dial-stdio"


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

static ngx_rd_error_e ngx_rd_ssh_channel(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_channel_open(ngx_rd_ssh_t *ssh,
    const char *type, const u_char *message, size_t len,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_channel_exec(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_ssh_usual_socket(const char *path);

static ngx_rd_error_e ngx_rd_ssh_write(ngx_rd_way_t *way, const u_char *data,
    size_t len, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_read(ngx_rd_way_t *way, u_char *buf,
    size_t size, size_t *n, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_ssh_quiet(ngx_rd_way_t *way);
static ngx_rd_error_e ngx_rd_ssh_closed(ngx_rd_way_t *way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_close(ngx_rd_way_t *way);

static ngx_rd_error_e ngx_rd_ssh_late(ngx_rd_ssh_t *ssh, const char *what,
    ngx_rd_detail_t *detail);
static ssize_t ngx_rd_ssh_recv(libssh2_socket_t fd, void *buf, size_t size,
    int flags, void **abstract);


static const ngx_rd_way_ops_t  ngx_rd_ssh_ops = {
    .write  = ngx_rd_ssh_write,
    .read   = ngx_rd_ssh_read,
    .quiet  = ngx_rd_ssh_quiet,
    .closed = ngx_rd_ssh_closed,
    .close  = ngx_rd_ssh_close,
};


/* event loop */

ngx_int_t
ngx_rd_ssh_init_worker(void)
{
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
        error = ngx_rd_ssh_channel(ssh, deadline, detail);
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

    ssh->session = libssh2_session_init();
    if (ssh->session == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    libssh2_session_set_blocking(ssh->session, 0);

#if (LIBSSH2_VERSION_NUM >= 0x010b01)
    (void) libssh2_session_callback_set2(ssh->session, LIBSSH2_CALLBACK_RECV,
                                    (libssh2_cb_generic *) ngx_rd_ssh_recv);
#else
    (void) libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV,
                                        ngx_rd_ssh_recv);
#endif

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
    ngx_uint_t  rsa_only;

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
        return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                 "closed before the SSH handshake was over "
                                 "(sshd's MaxStartups?)", detail);
    }

    return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_CONNECT,
                             "the SSH handshake failed", detail);
}


/*
 * sshd answers a forward it forbids and a socket nobody listens on alike, so
 * both lead to the second way, whose error then tells them apart.
 */

static ngx_rd_error_e
ngx_rd_ssh_channel(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    u_char          message[NGX_RD_SSH_PATH_BYTES_MAX + 12];
    size_t          len;
    uint32_t        n;
    const char     *path;
    ngx_rd_error_e  error;

    path = ssh->way.host->docker_socket;
    len = strlen(path);

    if (len > NGX_RD_SSH_PATH_BYTES_MAX) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_CHANNEL, detail,
                                   "%s: docker_socket is too long",
                                   ssh->way.host->name);
    }

    /* the path, and two reserved fields: an empty string and 0 */

    ngx_memzero(message, sizeof(message));
    n = htonl(len);
    ngx_memcpy(message, &n, 4);
    ngx_memcpy(message + 4, path, len);

    error = ngx_rd_ssh_channel_open(ssh, NGX_RD_SSH_STREAMLOCAL, message,
                                    len + 12, deadline, detail);

    if (error != NGX_RD_ERR_SSH_CHANNEL) {
        return error;
    }

    /* no option is given to the CLI: that would take a shell's quoting */

    if (!ngx_rd_ssh_usual_socket(path)) {
        return error;
    }

    ssh->dial_stdio = 1;

    error = ngx_rd_ssh_channel_open(ssh, "session", NULL, 0, deadline, detail);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    return ngx_rd_ssh_channel_exec(ssh, deadline, detail);
}


static ngx_rd_error_e
ngx_rd_ssh_channel_open(ngx_rd_ssh_t *ssh, const char *type,
    const u_char *message, size_t len, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int  rc;

    for ( ;; ) {
        ssh->channel = libssh2_channel_open_ex(ssh->session, type,
                                               strlen(type),
                                               NGX_RD_SSH_WINDOW_BYTES,
                                               NGX_RD_SSH_PACKET_BYTES,
                                               (const char *) message, len);
        if (ssh->channel) {
            return NGX_RD_ERR_NONE;
        }

        rc = libssh2_session_last_errno(ssh->session);

        if (rc != LIBSSH2_ERROR_EAGAIN) {
            break;
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "opening a channel", detail);
        }
    }

    if (ngx_rd_ssh_is_lost(rc)) {
        return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                 "opening a channel", detail);
    }

    return ngx_rd_error_detail(NGX_RD_ERR_SSH_CHANNEL, detail,
                               "%s: sshd refused %s", ssh->way.host->name,
                               message ? "a forward to the Docker socket"
                                       : "a session (its MaxSessions?)");
}


static ngx_rd_error_e
ngx_rd_ssh_channel_exec(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int  rc;

    for ( ;; ) {
        rc = libssh2_channel_process_startup(ssh->channel, "exec",
                                             sizeof("exec") - 1,
                                             NGX_RD_SSH_DIAL_STDIO,
                                             sizeof(NGX_RD_SSH_DIAL_STDIO)
                                                 - 1);
        if (rc == 0) {
            return NGX_RD_ERR_NONE;
        }

        if (rc != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_failed(ssh, ngx_rd_ssh_is_lost(rc)
                                              ? NGX_RD_ERR_SSH_LOST
                                              : NGX_RD_ERR_SSH_CHANNEL,
                                     "sshd refused to run `"
                                     NGX_RD_SSH_DIAL_STDIO "`", detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "starting a command", detail);
        }
    }
}


/* is it where the docker CLI goes without being told? */

static ngx_uint_t
ngx_rd_ssh_usual_socket(const char *path)
{
    return strcmp(path, "/var/run/docker.sock") == 0
           || strcmp(path, "/run/docker.sock") == 0;
}


static ngx_rd_error_e
ngx_rd_ssh_write(ngx_rd_way_t *way, const u_char *data, size_t len,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    ssize_t  n;

    while (len) {
        n = libssh2_channel_write_ex(ssh->channel, 0, (const char *) data,
                                     len);
        if (n > 0) {
            data += n;
            len -= n;
            continue;
        }

        if (n != 0 && n != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                     "sending a request", detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "sending a request", detail);
        }
    }

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_read(ngx_rd_way_t *way, u_char *buf, size_t size, size_t *n,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    ssize_t  rc;

    for ( ;; ) {
        rc = libssh2_channel_read_ex(ssh->channel, 0, (char *) buf, size);

        if (rc > 0 || (rc == 0 && libssh2_channel_eof(ssh->channel))) {
            *n = rc;
            return NGX_RD_ERR_NONE;
        }

        if (rc != 0 && rc != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                     "waiting for an answer", detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "an answer of the Docker engine",
                                   detail);
        }
    }
}


static ngx_uint_t
ngx_rd_ssh_quiet(ngx_rd_way_t *way)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    char  byte;

    return libssh2_channel_read_ex(ssh->channel, 0, &byte, 1)
           == LIBSSH2_ERROR_EAGAIN;
}


static ngx_rd_error_e
ngx_rd_ssh_closed(ngx_rd_way_t *way, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    int             status;
    char            said[128];
    ssize_t         n;
    ngx_rd_error_e  error;

    if (!ssh->dial_stdio) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                                   "%s: the engine closed the connection",
                                   way->host->name);
    }

    deadline = ngx_rd_deadline_cap(deadline, NGX_RD_SSH_EXIT_MS_MAX);

    n = libssh2_channel_read_ex(ssh->channel, SSH_EXTENDED_DATA_STDERR, said,
                                sizeof(said) - 1);
    said[ngx_max(n, 0)] = '\0';
    said[strcspn(said, "\r\n")] = '\0';

    while (libssh2_channel_wait_closed(ssh->channel) == LIBSSH2_ERROR_EAGAIN
           && ngx_rd_ssh_wait(ssh, deadline) == NGX_OK)
    {
        /* void */
    }

    status = libssh2_channel_get_exit_status(ssh->channel);

    /* a shell's words for "cannot be run" and "not found" */
    error = (status == 126 || status == 127) ? NGX_RD_ERR_SSH_CHANNEL
                                             : NGX_RD_ERR_DOCKER_CONNECT;

    return ngx_rd_error_detail(error, detail,
                               "%s: sshd forwards no socket, and `"
                               NGX_RD_SSH_DIAL_STDIO "` ended with %d: %s",
                               way->host->name, status, said);
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
    char  *said;

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

static ngx_rd_error_e
ngx_rd_ssh_late(ngx_rd_ssh_t *ssh, const char *what, ngx_rd_detail_t *detail)
{
    socklen_t        len;
    struct tcp_info  info;

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
                                   ? ": its network does not answer" : "");
}


/*
 * Without quick acknowledgements sshd's Nagle algorithm waits 40 ms for each
 * answer; the kernel switches them off again by itself.
 */

static ssize_t
ngx_rd_ssh_recv(libssh2_socket_t fd, void *buf, size_t size, int flags,
    void **abstract)
{
    int      one;
    ssize_t  n;

    one = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(int));

    do {
        n = recv(fd, buf, size, flags);
    } while (n == -1 && errno == EINTR);

    return n == -1 ? -errno : n;
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
