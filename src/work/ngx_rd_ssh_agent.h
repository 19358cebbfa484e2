
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSH_AGENT_H_INCLUDED_
#define _NGX_RD_SSH_AGENT_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_deadline.h"


#define NGX_RD_SSH_AGENT_KEYS_MAX       16
#define NGX_RD_SSH_AGENT_BYTES_MAX      (64 * 1024)     /* of one message */


/*
 * A talk with ssh-agent (draft-miller-ssh-agent).  libssh2 has one too, but
 * it waits for a hung agent for ever; this one keeps a deadline.
 */

typedef struct {
    int                  fd;

    const u_char        *blob[NGX_RD_SSH_AGENT_KEYS_MAX];  /* public keys */
    size_t               blob_len[NGX_RD_SSH_AGENT_KEYS_MAX];
    ngx_uint_t           n;

    u_char              *answer;    /* blob[] point into it */
} ngx_rd_ssh_agent_t;


/*
 * (pool thread) Connects to path and asks for the keys.  NGX_ERROR: no agent,
 * or one that does not answer as it should; agent is closed then.
 */
ngx_int_t  ngx_rd_ssh_agent_open(ngx_rd_ssh_agent_t *agent, const char *path,
    ngx_rd_deadline_t deadline);

/* "ssh-ed25519": the type of a public key; cut at size */
void  ngx_rd_ssh_agent_type(const u_char *blob, size_t len, char *type,
    size_t size);

/*
 * (pool thread) The signature alone, without its type; from malloc(3), the
 * caller frees it.  data is what the SSH protocol wants signed (RFC 4252, 7).
 */
ngx_int_t  ngx_rd_ssh_agent_sign(ngx_rd_ssh_agent_t *agent, ngx_uint_t key,
    const u_char *data, size_t len, u_char **sig, size_t *sig_len,
    ngx_rd_deadline_t deadline);

void  ngx_rd_ssh_agent_close(ngx_rd_ssh_agent_t *agent);


#endif /* _NGX_RD_SSH_AGENT_H_INCLUDED_ */
