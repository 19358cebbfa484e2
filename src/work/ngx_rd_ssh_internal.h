
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSH_INTERNAL_H_INCLUDED_
#define _NGX_RD_SSH_INTERNAL_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_ssh.h"
#include "ngx_rd_ssh_agent.h"

#include <libssh2.h>


/* Shared by ngx_rd_ssh*.c alone: libssh2 is not seen outside of them. */


#define NGX_RD_SSH_PATH_BYTES_MAX  1024

/* libssh2 signs RSA with SHA-2 from here on; before, sshd >= 8.8 refuses it */
#define NGX_RD_SSH_VERSION_RSA     0x010b00


/* the first line of a server, quoted when it is no SSH banner */
#define NGX_RD_SSH_SAID_BYTES_MAX  80


/* why the receive callback ended the connection */

typedef enum {
    NGX_RD_SSH_CUT_NONE = 0,
    NGX_RD_SSH_CUT_LATE,                /* the deadline has passed */
    NGX_RD_SSH_CUT_FLOOD                /* more bytes than any sshd sends */
} ngx_rd_ssh_cut_e;


typedef struct {
    ngx_rd_way_t         way;           /* first: ops take it for this */

    int                  fd;
    LIBSSH2_SESSION     *session;
    LIBSSH2_CHANNEL     *channel;

    unsigned             dial_stdio:1;  /* not a forwarded socket */
    unsigned             authenticated:1;

    /* of the operation that runs; also read by the receive callback */
    ngx_rd_deadline_t    deadline;

    /* what the receive callback counts, see ngx_rd_ssh_recv.c */
    ngx_rd_ssh_cut_e     cut;
    uint64_t             received;      /* bytes of the socket */
    uint64_t             delivered;     /* bytes of the channel */
    size_t               nsaid;
    unsigned             said_line:1;   /* said is a whole line */
    char                 said[NGX_RD_SSH_SAID_BYTES_MAX];

    /* for the callback that signs */
    ngx_rd_ssh_agent_t  *agent;
    ngx_uint_t           agent_key;
} ngx_rd_ssh_t;


/* what known_hosts says of one host */

typedef struct ngx_rd_ssh_trust_entry_s  ngx_rd_ssh_trust_entry_t;

typedef struct {
    const char          *file;          /* NULL: there is no such line */
    ngx_uint_t           line;
    const char          *reason;
} ngx_rd_ssh_trust_place_t;

typedef struct {
    ngx_rd_ssh_trust_entry_t  *entries; /* of this host, and revoked ones */
    ngx_uint_t                 types;   /* bit per LIBSSH2_HOSTKEY_TYPE_* */

    /* for the detail when the host is unknown */
    ngx_rd_ssh_trust_place_t   authority;
    ngx_rd_ssh_trust_place_t   unreadable;
    char                       home[NGX_RD_SSH_PATH_BYTES_MAX];
    char                       files[2 * NGX_RD_SSH_PATH_BYTES_MAX];
} ngx_rd_ssh_trust_t;


/*
 * (pool thread) NGX_OK: the session can go on; NGX_AGAIN: the deadline came.
 * To be called when libssh2 said LIBSSH2_ERROR_EAGAIN.
 */
ngx_int_t  ngx_rd_ssh_wait(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline);

/*
 * The detail "host: what: what libssh2 says"; returns error.  A connection
 * that the receive callback has cut gives SSH_TIMEOUT or SSH_ANSWER instead,
 * and the detail says so.
 */
ngx_rd_error_e  ngx_rd_ssh_failed(ngx_rd_ssh_t *ssh, ngx_rd_error_e error,
    const char *what, ngx_rd_detail_t *detail);

/* the error for a deadline that came while waiting for what */
ngx_rd_error_e  ngx_rd_ssh_late(ngx_rd_ssh_t *ssh, const char *what,
    ngx_rd_detail_t *detail);

/* ngx_rd_ssh_recv.c: installs the receive callback, before the handshake */
void  ngx_rd_ssh_recv_init(ngx_rd_ssh_t *ssh);

/* SSH_TIMEOUT or SSH_ANSWER with a detail if the callback has cut, else NONE */
ngx_rd_error_e  ngx_rd_ssh_recv_cut(ngx_rd_ssh_t *ssh, const char *what,
    ngx_rd_detail_t *detail);

/* the server's first line if it is no SSH banner, else NULL */
const char  *ngx_rd_ssh_recv_said(ngx_rd_ssh_t *ssh);

/* did this code of libssh2 end the connection? */
ngx_uint_t  ngx_rd_ssh_is_lost(int rc);

/* ~/name of the user this process runs as; NGX_ERROR when there is no home */
ngx_int_t  ngx_rd_ssh_home(const char *name, char *path, size_t size);


/*
 * ngx_rd_ssh_trust.c.  Before the handshake: reads known_hosts and asks the
 * host for a key of a type that stands there.  Afterwards: is it that key?
 */
ngx_rd_error_e  ngx_rd_ssh_trust_load(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, ngx_rd_detail_t *detail);
ngx_rd_error_e  ngx_rd_ssh_trust_check(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, ngx_rd_detail_t *detail);
void  ngx_rd_ssh_trust_free(ngx_rd_ssh_trust_t *trust);

/* ngx_rd_ssh_login.c: proves who we are */
ngx_rd_error_e  ngx_rd_ssh_login(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);

/* ngx_rd_ssh_channel.c: reaches the engine, then carries its bytes */
ngx_rd_error_e  ngx_rd_ssh_channel_dial(ngx_rd_ssh_t *ssh,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);

/* of ngx_rd_way_ops_t */
ngx_rd_error_e  ngx_rd_ssh_channel_write(ngx_rd_way_t *way,
    const u_char *data, size_t len, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
ngx_rd_error_e  ngx_rd_ssh_channel_read(ngx_rd_way_t *way, u_char *buf,
    size_t size, size_t *n, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
ngx_uint_t  ngx_rd_ssh_channel_quiet(ngx_rd_way_t *way);
ngx_rd_error_e  ngx_rd_ssh_channel_closed(ngx_rd_way_t *way,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);


#endif /* _NGX_RD_SSH_INTERNAL_H_INCLUDED_ */
