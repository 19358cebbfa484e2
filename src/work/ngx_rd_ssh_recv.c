
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_internal.h"
#include "../base/ngx_rd_error.h"

#include <netinet/tcp.h>


/*
 * All that libssh2 reads of a socket comes through one callback, and that is
 * where a hostile peer is bounded.  libssh2 returns to its caller only when
 * the socket is empty: a peer that sends without pause keeps it inside of one
 * call, beyond every deadline outside of it, while it queues each packet that
 * nobody asked for (1.2 GB in 4 s were seen).
 *
 * An honest sshd sends some 4 KB until we are logged in: its banner, its
 * algorithms, its key, an answer for each key of ours.  Later nearly all bytes
 * are those of the channel; the rest are headers, and what the channel's
 * window lets through before somebody reads it.
 */

#define NGX_RD_SSH_RECV_LOGIN_BYTES_MAX  (256 * 1024)
#define NGX_RD_SSH_RECV_AHEAD_BYTES_MAX  (4 * 1024 * 1024)
#define NGX_RD_SSH_RECV_OVERHEAD         4      /* of a channel's byte */


static ssize_t ngx_rd_ssh_recv(libssh2_socket_t fd, void *buf, size_t size,
    int flags, void **abstract);
static ngx_uint_t ngx_rd_ssh_recv_flood(const ngx_rd_ssh_t *ssh);
static void ngx_rd_ssh_recv_note(ngx_rd_ssh_t *ssh, const char *data,
    size_t len);


/* pool thread */

void
ngx_rd_ssh_recv_init(ngx_rd_ssh_t *ssh)
{
#if (LIBSSH2_VERSION_NUM >= 0x010b01)
    (void) libssh2_session_callback_set2(ssh->session, LIBSSH2_CALLBACK_RECV,
                                    (libssh2_cb_generic *) ngx_rd_ssh_recv);
#else
    (void) libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV,
                                        ngx_rd_ssh_recv);
#endif
}


/*
 * Without quick acknowledgements sshd's Nagle algorithm waits 40 ms for each
 * answer; the kernel switches them off again by itself.
 *
 * libssh2 treats every error but EAGAIN as the end of the connection.
 */

static ssize_t
ngx_rd_ssh_recv(libssh2_socket_t fd, void *buf, size_t size, int flags,
    void **abstract)
{
    ngx_rd_ssh_t  *ssh = *abstract;

    int      one;
    ssize_t  n;

    if (ssh->cut == NGX_RD_SSH_CUT_NONE
        && ngx_rd_deadline_left_ms(ssh->deadline) == 0)
    {
        ssh->cut = NGX_RD_SSH_CUT_LATE;
    }

    if (ssh->cut != NGX_RD_SSH_CUT_NONE) {
        return -ECONNABORTED;
    }

    one = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(int));

    do {
        n = recv(fd, buf, size, flags);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return -errno;
    }

    ssh->received += n;

    if (!ssh->said_line) {
        ngx_rd_ssh_recv_note(ssh, buf, n);
    }

    if (ngx_rd_ssh_recv_flood(ssh)) {
        ssh->cut = NGX_RD_SSH_CUT_FLOOD;
        return -ECONNABORTED;
    }

    return n;
}


static ngx_uint_t
ngx_rd_ssh_recv_flood(const ngx_rd_ssh_t *ssh)
{
    if (!ssh->authenticated) {
        return ssh->received > NGX_RD_SSH_RECV_LOGIN_BYTES_MAX;
    }

    return ssh->received > NGX_RD_SSH_RECV_AHEAD_BYTES_MAX
                           + ssh->delivered * NGX_RD_SSH_RECV_OVERHEAD;
}


static void
ngx_rd_ssh_recv_note(ngx_rd_ssh_t *ssh, const char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len && !ssh->said_line; i++) {

        if (data[i] == '\n' || ssh->nsaid == sizeof(ssh->said) - 1) {
            ssh->said_line = 1;

        } else if (data[i] != '\r') {
            ssh->said[ssh->nsaid++] = data[i];
        }
    }
}


const char *
ngx_rd_ssh_recv_said(ngx_rd_ssh_t *ssh)
{
    ssh->said[ssh->nsaid] = '\0';

    if (ssh->nsaid == 0 || strncmp(ssh->said, "SSH-", 4) == 0) {
        return NULL;
    }

    return ssh->said;
}


ngx_rd_error_e
ngx_rd_ssh_recv_cut(ngx_rd_ssh_t *ssh, const char *what,
    ngx_rd_detail_t *detail)
{
    const char  *said;

    said = ngx_rd_ssh_recv_said(ssh);

    switch (ssh->cut) {

    case NGX_RD_SSH_CUT_LATE:
        return ngx_rd_ssh_late(ssh, what, detail);

    case NGX_RD_SSH_CUT_FLOOD:
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_ANSWER, detail,
                                   "%s: %s was cut: the host sent %llu bytes "
                                   "that no SSH server sends%s%s%s",
                                   ssh->way.host->name, what,
                                   (unsigned long long) ssh->received,
                                   said ? ", beginning \"" : "",
                                   said ? said : "", said ? "\"" : "");

    default:
        return NGX_RD_ERR_NONE;
    }
}
