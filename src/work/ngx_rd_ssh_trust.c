
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


/*
 * Of all lines only those about our host are kept.  A host shows one key, of
 * the type we ask for, and left alone libssh2 asks for ecdsa: a host known by
 * its ed25519 key alone would look like an impostor.
 */

#define NGX_RD_SSH_TRUST_SYSTEM    "/etc/ssh/ssh_known_hosts"

/* a revoked key is refused whichever host shows it */
#define NGX_RD_SSH_TRUST_REVOKED   "revoked"

#define NGX_RD_SSH_TRUST_PREFS_BYTES_MAX  256


typedef struct {
    ngx_uint_t           type;
    const char          *method;
} ngx_rd_ssh_trust_type_t;


static ngx_rd_error_e ngx_rd_ssh_trust_read(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, ngx_rd_detail_t *detail);
static ngx_int_t ngx_rd_ssh_trust_file(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, const char *path);
static void ngx_rd_ssh_trust_line(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, const char *line);
static void ngx_rd_ssh_trust_revoke(ngx_rd_ssh_trust_t *trust,
    const char *line);
static ngx_uint_t ngx_rd_ssh_trust_ours(ngx_rd_ssh_t *ssh, const char *line);
static void ngx_rd_ssh_trust_prefer(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust);
static ngx_uint_t ngx_rd_ssh_trust_can(ngx_rd_ssh_t *ssh, const char *method);
static void ngx_rd_ssh_trust_fingerprint(const char *key, size_t len,
    char *out, size_t size);


/* the order in which they are asked for */

static const ngx_rd_ssh_trust_type_t  ngx_rd_ssh_trust_types[] = {
    { LIBSSH2_HOSTKEY_TYPE_ED25519,   "ssh-ed25519" },
    { LIBSSH2_HOSTKEY_TYPE_ECDSA_256, "ecdsa-sha2-nistp256" },
    { LIBSSH2_HOSTKEY_TYPE_ECDSA_384, "ecdsa-sha2-nistp384" },
    { LIBSSH2_HOSTKEY_TYPE_ECDSA_521, "ecdsa-sha2-nistp521" },
    { LIBSSH2_HOSTKEY_TYPE_RSA,       "rsa-sha2-512" },
    { LIBSSH2_HOSTKEY_TYPE_RSA,       "rsa-sha2-256" },
    { LIBSSH2_HOSTKEY_TYPE_RSA,       "ssh-rsa" },
    { 0, NULL }
};


/* pool thread */

ngx_rd_error_e
ngx_rd_ssh_trust_load(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    if (ssh->way.host->insecure) {
        return NGX_RD_ERR_NONE;
    }

    trust->hosts = libssh2_knownhost_init(ssh->session);
    trust->revoked = libssh2_knownhost_init(ssh->session);

    if (trust->hosts == NULL || trust->revoked == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    error = ngx_rd_ssh_trust_read(ssh, trust, detail);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    /* a revoked key that was not noted would be believed */
    if (trust->broken) {
        return NGX_RD_ERR_MEMORY;
    }

    ngx_rd_ssh_trust_prefer(ssh, trust);

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_trust_read(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    ngx_rd_detail_t *detail)
{
    char         home[NGX_RD_SSH_PATH_BYTES_MAX];
    const char  *named;

    named = ssh->way.host->known_hosts;

    if (named) {
        (void) snprintf(trust->files, sizeof(trust->files), "%s", named);

        if (ngx_rd_ssh_trust_file(ssh, trust, named) != NGX_OK) {
            return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                       "%s: known_hosts file %s cannot be "
                                       "read: %s", ssh->way.host->name, named,
                                       strerror(errno));
        }

        return NGX_RD_ERR_NONE;
    }

    /* either may be missing: a host that stands in neither is refused */

    home[0] = '\0';

    if (ngx_rd_ssh_home(".ssh/known_hosts", home, sizeof(home)) == NGX_OK) {
        (void) ngx_rd_ssh_trust_file(ssh, trust, home);
    }

    (void) ngx_rd_ssh_trust_file(ssh, trust, NGX_RD_SSH_TRUST_SYSTEM);

    (void) snprintf(trust->files, sizeof(trust->files), "%s%s%s", home,
                    home[0] ? " and " : "", NGX_RD_SSH_TRUST_SYSTEM);

    return NGX_RD_ERR_NONE;
}


static ngx_int_t
ngx_rd_ssh_trust_file(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    const char *path)
{
    FILE    *file;
    char    *line;
    size_t   size;

    file = fopen(path, "re");
    if (file == NULL) {
        return NGX_ERROR;
    }

    line = NULL;
    size = 0;

    while (getline(&line, &size, file) != -1) {
        ngx_rd_ssh_trust_line(ssh, trust, line);
    }

    free(line);
    (void) fclose(file);

    return NGX_OK;
}


static void
ngx_rd_ssh_trust_line(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    const char *line)
{
    ngx_uint_t  types;

    line += strspn(line, " \t");

    if (*line == '#' || *line == '\n' || *line == '\0') {
        return;
    }

    if (*line == '@') {
        /* libssh2 knows no certificates, so @cert-authority says nothing */
        if (strncmp(line, "@revoked", sizeof("@revoked") - 1) == 0) {
            ngx_rd_ssh_trust_revoke(trust, line + sizeof("@revoked") - 1);
        }

        return;
    }

    types = ngx_rd_ssh_trust_ours(ssh, line);

    if (types) {
        trust->types |= types;
        (void) libssh2_knownhost_readline(trust->hosts, line, strlen(line),
                                          LIBSSH2_KNOWNHOST_FILE_OPENSSH);
    }
}


static void
ngx_rd_ssh_trust_revoke(ngx_rd_ssh_trust_t *trust, const char *line)
{
    int    n;
    char  *under;

    line += strspn(line, " \t");
    line += strcspn(line, " \t");

    n = asprintf(&under, "%s%s", NGX_RD_SSH_TRUST_REVOKED, line);

    if (n == -1) {
        trust->broken = 1;
        return;
    }

    if (libssh2_knownhost_readline(trust->revoked, under, n,
                                   LIBSSH2_KNOWNHOST_FILE_OPENSSH)
        == LIBSSH2_ERROR_ALLOC)
    {
        trust->broken = 1;
    }

    free(under);
}


/*
 * The type bits of the key of a line about our host; 0: another host's, or
 * nothing libssh2 can read.  Its names may be hashed, so libssh2 is asked: it
 * would find this very key under our name if and only if the line is ours.
 */

static ngx_uint_t
ngx_rd_ssh_trust_ours(ngx_rd_ssh_t *ssh, const char *line)
{
    int                         kind, rc;
    ngx_uint_t                  types;
    LIBSSH2_KNOWNHOSTS         *one;
    const ngx_rd_host_conf_t   *host;
    struct libssh2_knownhost   *node;

    host = ssh->way.host;
    types = 0;
    node = NULL;

    one = libssh2_knownhost_init(ssh->session);
    if (one == NULL) {
        return 0;
    }

    rc = libssh2_knownhost_readline(one, line, strlen(line),
                                    LIBSSH2_KNOWNHOST_FILE_OPENSSH);

    if (rc == 0 && libssh2_knownhost_get(one, &node, NULL) == 0) {

        kind = node->typemask & LIBSSH2_KNOWNHOST_KEY_MASK;

        rc = libssh2_knownhost_checkp(one, host->hostname, (int) host->port,
                                      node->key, 0,
                                      LIBSSH2_KNOWNHOST_TYPE_PLAIN
                                      | LIBSSH2_KNOWNHOST_KEYENC_BASE64
                                      | kind, NULL);

        /* libssh2 counts known_hosts types from RSA1, host keys from RSA */
        kind = (kind >> LIBSSH2_KNOWNHOST_KEY_SHIFT) - 1;

        if (rc == LIBSSH2_KNOWNHOST_CHECK_MATCH && kind > 0) {
            types = (ngx_uint_t) 1 << kind;
        }
    }

    libssh2_knownhost_free(one);

    return types;
}


static void
ngx_rd_ssh_trust_prefer(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust)
{
    int                             n;
    char                            prefs[NGX_RD_SSH_TRUST_PREFS_BYTES_MAX];
    const ngx_rd_ssh_trust_type_t  *t;

    n = 0;

    for (t = ngx_rd_ssh_trust_types; t->method; t++) {

        if ((trust->types & (ngx_uint_t) 1 << t->type)
            && ngx_rd_ssh_trust_can(ssh, t->method))
        {
            n += snprintf(prefs + n, sizeof(prefs) - n, "%s%s", n ? "," : "",
                          t->method);
        }
    }

    if (n) {
        (void) libssh2_session_method_pref(ssh->session,
                                           LIBSSH2_METHOD_HOSTKEY, prefs);
    }
}


/*
 * libssh2 1.10 takes a method it does not have out of the list by a memcpy()
 * onto itself, so it must not see one.
 */

static ngx_uint_t
ngx_rd_ssh_trust_can(ngx_rd_ssh_t *ssh, const char *method)
{
    int           i, n;
    ngx_uint_t    can;
    const char  **list;

    list = NULL;
    can = 0;

    n = libssh2_session_supported_algs(ssh->session, LIBSSH2_METHOD_HOSTKEY,
                                       &list);

    for (i = 0; i < n; i++) {
        if (strcmp(list[i], method) == 0) {
            can = 1;
        }
    }

    if (list) {
        libssh2_free(ssh->session, list);
    }

    return can;
}


ngx_rd_error_e
ngx_rd_ssh_trust_check(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    ngx_rd_detail_t *detail)
{
    int                        type, mask, rc;
    char                       print[80];
    size_t                     len;
    const char                *key;
    const ngx_rd_host_conf_t  *host;

    host = ssh->way.host;

    if (host->insecure) {
        return NGX_RD_ERR_NONE;
    }

    key = libssh2_session_hostkey(ssh->session, &len, &type);

    if (key == NULL || type == LIBSSH2_HOSTKEY_TYPE_UNKNOWN) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key is of no known type",
                                   host->name);
    }

    mask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW
           | (type + 1) << LIBSSH2_KNOWNHOST_KEY_SHIFT;

    ngx_rd_ssh_trust_fingerprint(key, len, print, sizeof(print));

    rc = libssh2_knownhost_checkp(trust->revoked, NGX_RD_SSH_TRUST_REVOKED, -1,
                                  key, len, mask, NULL);

    if (rc == LIBSSH2_KNOWNHOST_CHECK_MATCH) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key %s is revoked in %s",
                                   host->name, print, trust->files);
    }

    rc = libssh2_knownhost_checkp(trust->hosts, host->hostname,
                                  (int) host->port, key, len, mask, NULL);

    switch (rc) {

    case LIBSSH2_KNOWNHOST_CHECK_MATCH:
        return NGX_RD_ERR_NONE;

    case LIBSSH2_KNOWNHOST_CHECK_MISMATCH:
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key is %s, but %s says "
                                   "another: somebody may be in between",
                                   host->name, print, trust->files);

    case LIBSSH2_KNOWNHOST_CHECK_NOTFOUND:
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: %s has no entry for [%s]:%u with its "
                                   "host key %s", host->name, trust->files,
                                   host->hostname, (unsigned) host->port,
                                   print);

    default:
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key %s cannot be compared",
                                   host->name, print);
    }
}


/* as `ssh-keygen -l` prints it */

static void
ngx_rd_ssh_trust_fingerprint(const char *key, size_t len, char *out,
    size_t size)
{
    u_char    digest[32], text[45];
    unsigned  n;

    if (EVP_Digest(key, len, digest, &n, EVP_sha256(), NULL) != 1) {
        (void) snprintf(out, size, "(unprintable)");
        return;
    }

    (void) EVP_EncodeBlock(text, digest, n);
    text[strcspn((char *) text, "=")] = '\0';

    (void) snprintf(out, size, "SHA256:%s", text);
}


void
ngx_rd_ssh_trust_free(ngx_rd_ssh_trust_t *trust)
{
    if (trust->hosts) {
        libssh2_knownhost_free(trust->hosts);
    }

    if (trust->revoked) {
        libssh2_knownhost_free(trust->revoked);
    }
}
