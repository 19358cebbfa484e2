
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_internal.h"
#include "../base/ngx_rd_error.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


/*
 * A key file that is named is the only one tried.  Else the agent's keys
 * come first, then the files that ssh(1) would try, as far as they exist.
 */

#define NGX_RD_SSH_LOGIN_TRIED_BYTES_MAX  160

/* the type of a key stands within the first 150 bytes of its file's body */
#define NGX_RD_SSH_LOGIN_HEAD_BYTES       512


typedef struct {
    ngx_rd_ssh_t        *ssh;
    ngx_rd_deadline_t    deadline;

    unsigned             rsa:1;         /* an RSA key was refused */

    size_t               ntried;
    char                 tried[NGX_RD_SSH_LOGIN_TRIED_BYTES_MAX];
} ngx_rd_ssh_login_t;


static ngx_rd_error_e ngx_rd_ssh_login_named(ngx_rd_ssh_login_t *login,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_login_agent(ngx_rd_ssh_login_t *login,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_login_agent_key(ngx_rd_ssh_login_t *login,
    ngx_rd_ssh_agent_t *agent, ngx_uint_t key, ngx_rd_detail_t *detail);
static int ngx_rd_ssh_login_sign(LIBSSH2_SESSION *session, u_char **sig,
    size_t *sig_len, const u_char *data, size_t len, void **abstract);
static ngx_rd_error_e ngx_rd_ssh_login_defaults(ngx_rd_ssh_login_t *login,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_login_file(ngx_rd_ssh_login_t *login,
    const char *path, const char *name, ngx_rd_detail_t *detail);

static ngx_rd_error_e ngx_rd_ssh_login_result(ngx_rd_ssh_login_t *login,
    int rc, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_login_refused(ngx_rd_ssh_login_t *login,
    ngx_rd_detail_t *detail);
static void ngx_rd_ssh_login_note(ngx_rd_ssh_login_t *login,
    const char *what, const char *how);
static ngx_uint_t ngx_rd_ssh_login_file_is_rsa(const char *path);


static const char  *ngx_rd_ssh_login_names[] = {
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_rsa",
    NULL
};


/* pool thread */

ngx_rd_error_e
ngx_rd_ssh_login(ngx_rd_ssh_t *ssh, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e      error;
    ngx_rd_ssh_login_t  login;

    ngx_memzero(&login, sizeof(ngx_rd_ssh_login_t));
    login.ssh = ssh;
    login.deadline = deadline;
    ssh->deadline = deadline;

    if (ssh->way.host->key_file) {
        return ngx_rd_ssh_login_named(&login, detail);
    }

    error = ngx_rd_ssh_login_agent(&login, detail);

    if (error == NGX_RD_ERR_SSH_AUTH) {
        error = ngx_rd_ssh_login_defaults(&login, detail);
    }

    if (error == NGX_RD_ERR_SSH_AUTH) {
        return ngx_rd_ssh_login_refused(&login, detail);
    }

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_login_named(ngx_rd_ssh_login_t *login, ngx_rd_detail_t *detail)
{
    struct stat                st;
    const char                *path;
    ngx_rd_error_e             error;
    const ngx_rd_host_conf_t  *host;

    host = login->ssh->way.host;
    path = host->key_file;

    if (stat(path, &st) == -1 || access(path, R_OK) == -1) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_AUTH, detail,
                                   "%s: key_file %s cannot be read: %s",
                                   host->name, path, strerror(errno));
    }

    if (st.st_mode & 077) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_AUTH, detail,
                                   "%s: key_file %s may be read by others "
                                   "(mode %04o), so it is not used: chmod 600",
                                   host->name, path,
                                   (unsigned) st.st_mode & 07777);
    }

    error = ngx_rd_ssh_login_file(login, path, path, detail);

    if (error == NGX_RD_ERR_SSH_AUTH) {
        return ngx_rd_ssh_login_refused(login, detail);
    }

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_login_agent(ngx_rd_ssh_login_t *login, ngx_rd_detail_t *detail)
{
    ngx_uint_t           i;
    const char          *path;
    ngx_rd_error_e       error;
    ngx_rd_ssh_agent_t   agent;

    path = getenv("SSH_AUTH_SOCK");

    if (path == NULL || *path == '\0') {
        ngx_rd_ssh_login_note(login, "agent", "none: no SSH_AUTH_SOCK");
        return NGX_RD_ERR_SSH_AUTH;
    }

    if (ngx_rd_ssh_agent_open(&agent, path, login->deadline) != NGX_OK) {
        ngx_rd_ssh_login_note(login, "agent", "does not answer");
        return NGX_RD_ERR_SSH_AUTH;
    }

    error = NGX_RD_ERR_SSH_AUTH;

    for (i = 0; i < agent.n && error == NGX_RD_ERR_SSH_AUTH; i++) {
        error = ngx_rd_ssh_login_agent_key(login, &agent, i, detail);
    }

    if (agent.n == 0) {
        ngx_rd_ssh_login_note(login, "agent", "holds no key");
    }

    ngx_rd_ssh_agent_close(&agent);

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_login_agent_key(ngx_rd_ssh_login_t *login,
    ngx_rd_ssh_agent_t *agent, ngx_uint_t key, ngx_rd_detail_t *detail)
{
    int              rc;
    char             type[32];
    void            *abstract;
    const char      *user;
    ngx_rd_ssh_t    *ssh;
    ngx_rd_error_e   error;

    ssh = login->ssh;
    ssh->agent = agent;
    ssh->agent_key = key;

    abstract = ssh;
    user = ssh->way.host->user;

    do {
        rc = libssh2_userauth_publickey(ssh->session, user, agent->blob[key],
                                        agent->blob_len[key],
                                        ngx_rd_ssh_login_sign, &abstract);

    } while (rc == LIBSSH2_ERROR_EAGAIN
             && ngx_rd_ssh_wait(ssh, login->deadline) == NGX_OK);

    error = ngx_rd_ssh_login_result(login, rc, detail);

    if (error == NGX_RD_ERR_SSH_AUTH) {
        ngx_rd_ssh_agent_type(agent->blob[key], agent->blob_len[key], type,
                              sizeof(type));
        ngx_rd_ssh_login_note(login, "agent's", type);

        if (strcmp(type, "ssh-rsa") == 0) {
            login->rsa = 1;
        }
    }

    return error;
}


static int
ngx_rd_ssh_login_sign(LIBSSH2_SESSION *session, u_char **sig, size_t *sig_len,
    const u_char *data, size_t len, void **abstract)
{
    ngx_rd_ssh_t  *ssh = *abstract;

    /* libssh2 frees *sig with free(), which is what its sessions use here */

    return ngx_rd_ssh_agent_sign(ssh->agent, ssh->agent_key, data, len, sig,
                                 sig_len, ssh->deadline)
           == NGX_OK ? 0 : -1;
}


static ngx_rd_error_e
ngx_rd_ssh_login_defaults(ngx_rd_ssh_login_t *login, ngx_rd_detail_t *detail)
{
    char             path[NGX_RD_SSH_PATH_BYTES_MAX];
    ngx_uint_t       i, found;
    const char      *name;
    struct stat      st;
    ngx_rd_error_e   error;

    error = NGX_RD_ERR_SSH_AUTH;
    found = 0;

    for (i = 0;
         ngx_rd_ssh_login_names[i] && error == NGX_RD_ERR_SSH_AUTH;
         i++)
    {
        name = ngx_rd_ssh_login_names[i];

        if (ngx_rd_ssh_home(name + 2, path, sizeof(path)) != NGX_OK) {
            ngx_rd_ssh_login_note(login, "default keys", "no home directory");
            return error;
        }

        if (stat(path, &st) == -1 || access(path, R_OK) == -1) {
            continue;
        }

        found = 1;

        if (st.st_mode & 077) {
            ngx_rd_ssh_login_note(login, name, "may be read by others");
            continue;
        }

        error = ngx_rd_ssh_login_file(login, path, name, detail);
    }

    if (!found) {
        ngx_rd_ssh_login_note(login, "default keys", "none in ~/.ssh");
    }

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_login_file(ngx_rd_ssh_login_t *login, const char *path,
    const char *name, ngx_rd_detail_t *detail)
{
    int              rc;
    char            *said;
    const char      *user;
    ngx_rd_ssh_t    *ssh;
    ngx_rd_error_e   error;

    ssh = login->ssh;
    user = ssh->way.host->user;

    do {
        rc = libssh2_userauth_publickey_fromfile_ex(ssh->session, user,
                                                    strlen(user), NULL, path,
                                                    NULL);

    } while (rc == LIBSSH2_ERROR_EAGAIN
             && ngx_rd_ssh_wait(ssh, login->deadline) == NGX_OK);

    if (rc == LIBSSH2_ERROR_FILE) {
        said = NULL;
        (void) libssh2_session_last_error(ssh->session, &said, NULL, 0);
        ngx_rd_ssh_login_note(login, name, said ? said : "unreadable");
        return NGX_RD_ERR_SSH_AUTH;
    }

    error = ngx_rd_ssh_login_result(login, rc, detail);

    if (error == NGX_RD_ERR_SSH_AUTH) {
        ngx_rd_ssh_login_note(login, name, "not accepted");

        if (ngx_rd_ssh_login_file_is_rsa(path)) {
            login->rsa = 1;
        }
    }

    return error;
}


/* SSH_AUTH: this key was not it, the next one may be */

static ngx_rd_error_e
ngx_rd_ssh_login_result(ngx_rd_ssh_login_t *login, int rc,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  cut;

    if (rc == 0) {
        return NGX_RD_ERR_NONE;
    }

    cut = ngx_rd_ssh_recv_cut(login->ssh, "the login", detail);

    if (cut != NGX_RD_ERR_NONE) {
        return cut;
    }

    if (rc == LIBSSH2_ERROR_EAGAIN) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_TIMEOUT, detail,
                                   "%s: the login was not over in time",
                                   login->ssh->way.host->name);
    }

    if (ngx_rd_ssh_is_lost(rc)) {
        return ngx_rd_error_detail(login->ntried ? NGX_RD_ERR_SSH_AUTH
                                                 : NGX_RD_ERR_SSH_LOST,
                                   detail, "%s: the connection was closed "
                                   "during the login%s%s",
                                   login->ssh->way.host->name,
                                   login->ntried ? ", after: " : "",
                                   login->tried);
    }

    return NGX_RD_ERR_SSH_AUTH;
}


static ngx_rd_error_e
ngx_rd_ssh_login_refused(ngx_rd_ssh_login_t *login, ngx_rd_detail_t *detail)
{
    const ngx_rd_host_conf_t  *host;

    host = login->ssh->way.host;

    if (login->rsa && libssh2_version(NGX_RD_SSH_VERSION_RSA) == NULL) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_ALGORITHM, detail,
                                   "%s: libssh2 %s signs with RSA keys by "
                                   "SHA-1 alone, which sshd refuses (1.11 can "
                                   "do better): use an ed25519 or ecdsa key; "
                                   "tried: %s", host->name, libssh2_version(0),
                                   login->tried);
    }

    return ngx_rd_error_detail(NGX_RD_ERR_SSH_AUTH, detail,
                               "%s: no key of ours is accepted for user %s; "
                               "tried: %s", host->name, host->user,
                               login->tried);
}


static void
ngx_rd_ssh_login_note(ngx_rd_ssh_login_t *login, const char *what,
    const char *how)
{
    int  n;

    n = snprintf(login->tried + login->ntried,
                 sizeof(login->tried) - login->ntried, "%s%s (%s)",
                 login->ntried ? ", " : "", what, how);

    login->ntried = ngx_min(login->ntried + n, sizeof(login->tried) - 1);
}


/*
 * By its PEM name, or by the public key that an OpenSSH key file begins with,
 * which is not encrypted even where the private part is.
 */

static ngx_uint_t
ngx_rd_ssh_login_file_is_rsa(const char *path)
{
    int      n, b64;
    char     text[NGX_RD_SSH_LOGIN_HEAD_BYTES + 1], *p, *body;
    FILE    *file;
    u_char   head[NGX_RD_SSH_LOGIN_HEAD_BYTES];

    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }

    n = fread(text, 1, NGX_RD_SSH_LOGIN_HEAD_BYTES, file);
    text[n] = '\0';
    (void) fclose(file);

    if (strstr(text, "BEGIN RSA PRIVATE KEY")) {
        n = 1;
        goto done;
    }

    body = strchr(text, '\n');

    if (body == NULL || strstr(text, "BEGIN OPENSSH PRIVATE KEY") == NULL) {
        n = 0;
        goto done;
    }

    for (b64 = 0, p = body; *p && *p != '-'; p++) {
        if (*p != '\n' && *p != '\r') {
            body[b64++] = *p;
        }
    }

    n = EVP_DecodeBlock(head, (u_char *) body, b64 / 4 * 4);
    n = (n > 0 && memmem(head, n, "\0\0\0\7ssh-rsa", 11) != NULL);

    OPENSSL_cleanse(head, sizeof(head));

done:

    /* the private key may begin in what was read */
    OPENSSL_cleanse(text, sizeof(text));

    return n;
}
