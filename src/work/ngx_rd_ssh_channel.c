
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_internal.h"
#include "../base/ngx_rd_error.h"


/* room for an answer of the engine in one go */
#define NGX_RD_SSH_CHANNEL_WINDOW_BYTES  (1024 * 1024)
#define NGX_RD_SSH_CHANNEL_PACKET_BYTES  (32 * 1024)

/* a look at what came; the socket is emptied on the way */
#define NGX_RD_SSH_CHANNEL_QUIET_MS_MAX  50

/* the exit status of a program comes after its last byte */
#define NGX_RD_SSH_CHANNEL_EXIT_MS_MAX   300

#define NGX_RD_SSH_CHANNEL_STREAMLOCAL   "direct-streamlocal@openssh.com"
#define NGX_RD_SSH_CHANNEL_CLI    "docker system dial-stdio"


static ngx_rd_error_e ngx_rd_ssh_channel_open(ngx_rd_ssh_t *ssh,
    const char *type, const u_char *message, size_t len,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_channel_exec(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_ssh_channel_usual_socket(const char *path);


/* pool thread */

/*
 * sshd answers a forward it forbids and a socket nobody listens on alike, so
 * both lead to the second way, whose error then tells them apart.
 */

ngx_rd_error_e
ngx_rd_ssh_channel_dial(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    u_char          message[NGX_RD_SSH_PATH_BYTES_MAX + 12];
    size_t          len;
    uint32_t        n;
    const char     *path;
    ngx_rd_error_e  error;

    ssh->deadline = deadline;

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

    error = ngx_rd_ssh_channel_open(ssh, NGX_RD_SSH_CHANNEL_STREAMLOCAL,
                                    message, len + 12, deadline, detail);

    if (error != NGX_RD_ERR_SSH_CHANNEL) {
        return error;
    }

    /* no option is given to the CLI: that would take a shell's quoting */

    if (!ngx_rd_ssh_channel_usual_socket(path)) {
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
                                               NGX_RD_SSH_CHANNEL_WINDOW_BYTES,
                                               NGX_RD_SSH_CHANNEL_PACKET_BYTES,
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

    if (ngx_rd_ssh_is_lost(rc) || ssh->cut) {
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
                                             NGX_RD_SSH_CHANNEL_CLI,
                                             sizeof(NGX_RD_SSH_CHANNEL_CLI)
                                             - 1);
        if (rc == 0) {
            return NGX_RD_ERR_NONE;
        }

        if (rc != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_failed(ssh, ngx_rd_ssh_is_lost(rc)
                                              ? NGX_RD_ERR_SSH_LOST
                                              : NGX_RD_ERR_SSH_CHANNEL,
                                     "sshd refused to run `"
                                     NGX_RD_SSH_CHANNEL_CLI "`", detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "starting a command", detail);
        }
    }
}


/* is it where the docker CLI goes without being told? */

static ngx_uint_t
ngx_rd_ssh_channel_usual_socket(const char *path)
{
    return strcmp(path, "/var/run/docker.sock") == 0
           || strcmp(path, "/run/docker.sock") == 0;
}


ngx_rd_error_e
ngx_rd_ssh_channel_write(ngx_rd_way_t *way, const u_char *data, size_t len,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    ssize_t  n;

    ssh->deadline = deadline;

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


ngx_rd_error_e
ngx_rd_ssh_channel_read(ngx_rd_way_t *way, u_char *buf, size_t size, size_t *n,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    ssize_t  rc;

    ssh->deadline = deadline;

    for ( ;; ) {
        rc = libssh2_channel_read_ex(ssh->channel, 0, (char *) buf, size);

        /* 0 is the end: libssh2_channel_eof() denies it while stderr waits */

        if (rc >= 0) {
            *n = rc;
            ssh->delivered += rc;
            return NGX_RD_ERR_NONE;
        }

        if (rc != LIBSSH2_ERROR_EAGAIN) {
            return ngx_rd_ssh_failed(ssh, NGX_RD_ERR_SSH_LOST,
                                     "waiting for an answer", detail);
        }

        if (ngx_rd_ssh_wait(ssh, deadline) != NGX_OK) {
            return ngx_rd_ssh_late(ssh, "an answer of the Docker engine",
                                   detail);
        }
    }
}


ngx_uint_t
ngx_rd_ssh_channel_quiet(ngx_rd_way_t *way)
{
    ngx_rd_ssh_t  *ssh = (ngx_rd_ssh_t *) way;

    char  byte;

    /* a host that sends without pause is not quiet, and costs no more */
    ssh->deadline = ngx_rd_deadline_in(NGX_RD_SSH_CHANNEL_QUIET_MS_MAX);

    return libssh2_channel_read_ex(ssh->channel, 0, &byte, 1)
           == LIBSSH2_ERROR_EAGAIN;
}


ngx_rd_error_e
ngx_rd_ssh_channel_closed(ngx_rd_way_t *way, ngx_rd_deadline_t deadline,
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

    deadline = ngx_rd_deadline_cap(deadline, NGX_RD_SSH_CHANNEL_EXIT_MS_MAX);
    ssh->deadline = deadline;

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
                               NGX_RD_SSH_CHANNEL_CLI "` ended with %d: %s",
                               way->host->name, status, said);
}
