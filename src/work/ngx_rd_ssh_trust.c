
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_internal.h"
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_known_hosts.h"

#include <netdb.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>


/*
 * Of all lines only those about our host are kept, and every revoked key.  A
 * host shows one key, of the type we ask for, and left alone libssh2 asks for
 * ecdsa: a host known by its ed25519 key alone would look like an impostor.
 *
 * libssh2's own reader of known_hosts is not used: it skips what it cannot
 * read, and it knows neither patterns nor markers.
 */

#define NGX_RD_SSH_TRUST_SYSTEM           "/etc/ssh/ssh_known_hosts"

#define NGX_RD_SSH_TRUST_PREFS_BYTES_MAX  256
#define NGX_RD_SSH_TRUST_NAME_BYTES_MAX   (NI_MAXHOST + 16)


struct ngx_rd_ssh_trust_entry_s {
    ngx_rd_ssh_trust_entry_t  *next;
    const char                *file;
    ngx_uint_t                 line;
    unsigned                   revoked:1;
    unsigned                   without_port:1;  /* found by the bare name */
    size_t                     len;
    u_char                     key[1];
};


/* what is needed while a file is read */

typedef struct {
    ngx_rd_ssh_t              *ssh;
    ngx_rd_ssh_trust_t        *trust;
    const char                *file;
    ngx_uint_t                 line;
    char                       name[NGX_RD_SSH_TRUST_NAME_BYTES_MAX];
    char                       bare[NGX_RD_SSH_TRUST_NAME_BYTES_MAX];
} ngx_rd_ssh_trust_reader_t;


typedef struct {
    ngx_uint_t           type;
    const char          *method;
} ngx_rd_ssh_trust_type_t;


static ngx_rd_error_e ngx_rd_ssh_trust_read(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_trust_names(ngx_rd_ssh_trust_reader_t *reader);
static ngx_rd_error_e ngx_rd_ssh_trust_file(ngx_rd_ssh_trust_reader_t *reader,
    ngx_uint_t optional, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_trust_line(ngx_rd_ssh_trust_reader_t *reader,
    char *line, size_t len, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_trust_add(ngx_rd_ssh_trust_reader_t *reader,
    const ngx_rd_known_hosts_t *found, ngx_uint_t revoked, ngx_uint_t bare);
static ngx_uint_t ngx_rd_ssh_trust_bit(const u_char *key, size_t len);
static ngx_uint_t ngx_rd_ssh_trust_same_type(
    const ngx_rd_ssh_trust_entry_t *entry, const u_char *key, size_t len);
static ngx_rd_error_e ngx_rd_ssh_trust_unknown(ngx_rd_ssh_t *ssh,
    ngx_rd_ssh_trust_t *trust, const char *print, ngx_rd_detail_t *detail);
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

    error = ngx_rd_ssh_trust_read(ssh, trust, detail);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    ngx_rd_ssh_trust_prefer(ssh, trust);

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_trust_read(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e              error;
    ngx_rd_ssh_trust_reader_t   reader;

    reader.ssh = ssh;
    reader.trust = trust;
    reader.file = ssh->way.host->known_hosts;

    ngx_rd_ssh_trust_names(&reader);

    if (reader.file) {
        (void) snprintf(trust->files, sizeof(trust->files), "%s", reader.file);
        return ngx_rd_ssh_trust_file(&reader, 0, detail);
    }

    /* either may be missing: a host that stands in neither is refused */

    if (ngx_rd_ssh_home(".ssh/known_hosts", trust->home, sizeof(trust->home))
        == NGX_OK)
    {
        reader.file = trust->home;

        error = ngx_rd_ssh_trust_file(&reader, 1, detail);
        if (error != NGX_RD_ERR_NONE) {
            return error;
        }
    }

    (void) snprintf(trust->files, sizeof(trust->files), "%s%s%s", trust->home,
                    reader.file ? " and " : "", NGX_RD_SSH_TRUST_SYSTEM);

    reader.file = NGX_RD_SSH_TRUST_SYSTEM;

    return ngx_rd_ssh_trust_file(&reader, 1, detail);
}


/* as OpenSSH looks the host up: small letters, its port unless that is 22 */

static void
ngx_rd_ssh_trust_names(ngx_rd_ssh_trust_reader_t *reader)
{
    char                      *p;
    const ngx_rd_host_conf_t  *host;

    host = reader->ssh->way.host;

    (void) snprintf(reader->bare, sizeof(reader->bare), "%s", host->hostname);

    for (p = reader->bare; *p; p++) {
        *p = ngx_tolower(*p);
    }

    if (host->port == 22) {
        (void) strcpy(reader->name, reader->bare);
        reader->bare[0] = '\0';
        return;
    }

    (void) snprintf(reader->name, sizeof(reader->name), "[%.*s]:%u",
                    NI_MAXHOST, reader->bare, (unsigned) host->port);
}


static ngx_rd_error_e
ngx_rd_ssh_trust_file(ngx_rd_ssh_trust_reader_t *reader, ngx_uint_t optional,
    ngx_rd_detail_t *detail)
{
    int              failed;
    FILE            *file;
    char            *line;
    size_t           size;
    ssize_t          len;
    ngx_rd_error_e   error;

    file = fopen(reader->file, "re");

    if (file == NULL && optional && (errno == ENOENT || errno == ENOTDIR)) {
        return NGX_RD_ERR_NONE;
    }

    error = NGX_RD_ERR_NONE;
    failed = (file == NULL) ? errno : 0;
    line = NULL;
    size = 0;
    reader->line = 0;

    while (file && error == NGX_RD_ERR_NONE) {
        errno = 0;
        len = getline(&line, &size, file);

        if (len == -1) {
            failed = feof(file) ? 0 : errno;
            break;
        }

        reader->line++;
        error = ngx_rd_ssh_trust_line(reader, line, len, detail);
    }

    free(line);

    if (file) {
        (void) fclose(file);
    }

    /* what was not read may revoke a key */

    if (failed) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: known_hosts file %s cannot be read: "
                                   "%s", reader->ssh->way.host->name,
                                   reader->file, strerror(failed));
    }

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_trust_line(ngx_rd_ssh_trust_reader_t *reader, char *line,
    size_t len, ngx_rd_detail_t *detail)
{
    ngx_uint_t             ours, bare;
    ngx_rd_ssh_trust_t    *trust;
    ngx_rd_known_hosts_t   found;
    ngx_rd_known_hosts_e   kind;

    trust = reader->trust;
    kind = ngx_rd_known_hosts_line(line, len, &found);

    switch (kind) {

    case NGX_RD_KNOWN_HOSTS_EMPTY:
        return NGX_RD_ERR_NONE;

    case NGX_RD_KNOWN_HOSTS_BROKEN:
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: no host is trusted while line %lu of "
                                   "%s cannot be read: %s",
                                   reader->ssh->way.host->name,
                                   (unsigned long) reader->line, reader->file,
                                   found.reason);

    case NGX_RD_KNOWN_HOSTS_REVOKED:
        /* whichever host shows it */
        return ngx_rd_ssh_trust_add(reader, &found, 1, 0);

    default:
        break;
    }

    ours = ngx_rd_known_hosts_match(found.hosts, reader->name);
    bare = !ours && reader->bare[0]
           && ngx_rd_known_hosts_match(found.hosts, reader->bare);

    if (kind == NGX_RD_KNOWN_HOSTS_UNREADABLE
        && (ours || bare || found.hosts[0] == '|')
        && trust->unreadable.reason == NULL)
    {
        trust->unreadable.file = reader->file;
        trust->unreadable.line = reader->line;
        trust->unreadable.reason = found.reason;
    }

    if (kind == NGX_RD_KNOWN_HOSTS_AUTHORITY && (ours || bare)) {
        trust->authority.file = reader->file;
        trust->authority.line = reader->line;
    }

    if (kind == NGX_RD_KNOWN_HOSTS_KEY && (ours || bare)) {
        return ngx_rd_ssh_trust_add(reader, &found, 0, bare);
    }

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_trust_add(ngx_rd_ssh_trust_reader_t *reader,
    const ngx_rd_known_hosts_t *found, ngx_uint_t revoked, ngx_uint_t bare)
{
    ngx_rd_ssh_trust_entry_t  *entry;

    entry = malloc(sizeof(ngx_rd_ssh_trust_entry_t) + found->len);
    if (entry == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    entry->file = reader->file;
    entry->line = reader->line;
    entry->revoked = revoked;
    entry->without_port = bare;
    entry->len = found->len;
    ngx_memcpy(entry->key, found->key, found->len);

    entry->next = reader->trust->entries;
    reader->trust->entries = entry;

    if (!revoked) {
        reader->trust->types |= ngx_rd_ssh_trust_bit(found->key, found->len);
    }

    return NGX_RD_ERR_NONE;
}


/* what to ask libssh2 for; 0: a type it does not know */

static ngx_uint_t
ngx_rd_ssh_trust_bit(const u_char *key, size_t len)
{
    size_t                          n;
    const ngx_rd_ssh_trust_type_t  *t;

    for (t = ngx_rd_ssh_trust_types; t->method; t++) {
        n = strlen(t->method);

        if (len > 4 + n && key[3] == n
            && ngx_memcmp(key + 4, t->method, n) == 0)
        {
            return (ngx_uint_t) 1 << t->type;
        }
    }

    return 0;
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
    int                         type;
    char                        print[80];
    size_t                      len;
    const u_char               *key;
    ngx_rd_ssh_trust_entry_t   *entry, *same, *other;
    const ngx_rd_host_conf_t   *host;

    host = ssh->way.host;

    if (host->insecure) {
        return NGX_RD_ERR_NONE;
    }

    key = (const u_char *) libssh2_session_hostkey(ssh->session, &len, &type);

    if (key == NULL || len < 4) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: it shows no host key", host->name);
    }

    ngx_rd_ssh_trust_fingerprint((const char *) key, len, print,
                                 sizeof(print));
    same = NULL;
    other = NULL;

    for (entry = trust->entries; entry; entry = entry->next) {

        if (entry->len == len && ngx_memcmp(entry->key, key, len) == 0) {

            if (entry->revoked) {
                return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                           "%s: its host key %s is revoked in "
                                           "line %lu of %s", host->name, print,
                                           (unsigned long) entry->line,
                                           entry->file);
            }

            if (same == NULL || same->without_port) {
                same = entry;
            }

        } else if (!entry->revoked && !entry->without_port
                   && ngx_rd_ssh_trust_same_type(entry, key, len))
        {
            other = entry;
        }
    }

    /* the bare name counts only where the port has no key of this type */

    if (same && (!same->without_port || other == NULL)) {
        return NGX_RD_ERR_NONE;
    }

    if (other) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key is %s, but line %lu of "
                                   "%s says another: somebody may be in "
                                   "between", host->name, print,
                                   (unsigned long) other->line, other->file);
    }

    return ngx_rd_ssh_trust_unknown(ssh, trust, print, detail);
}


static ngx_uint_t
ngx_rd_ssh_trust_same_type(const ngx_rd_ssh_trust_entry_t *entry,
    const u_char *key, size_t len)
{
    size_t  n;

    n = 4 + entry->key[3];

    return len > n && entry->len > n && ngx_memcmp(entry->key, key, n) == 0;
}


static ngx_rd_error_e
ngx_rd_ssh_trust_unknown(ngx_rd_ssh_t *ssh, ngx_rd_ssh_trust_t *trust,
    const char *print, ngx_rd_detail_t *detail)
{
    const ngx_rd_host_conf_t  *host;

    host = ssh->way.host;

    if (trust->authority.file) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: only the @cert-authority in line %lu "
                                   "of %s speaks of it, and libssh2 cannot "
                                   "verify certificates: add its host key %s",
                                   host->name,
                                   (unsigned long) trust->authority.line,
                                   trust->authority.file, print);
    }

    if (trust->unreadable.reason) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                                   "%s: its host key %s is unknown; line %lu "
                                   "of %s cannot be read: %s", host->name,
                                   print,
                                   (unsigned long) trust->unreadable.line,
                                   trust->unreadable.file,
                                   trust->unreadable.reason);
    }

    return ngx_rd_error_detail(NGX_RD_ERR_SSH_HOST_KEY, detail,
                               "%s: %s has no entry for [%s]:%u with its "
                               "host key %s", host->name, trust->files,
                               host->hostname, (unsigned) host->port, print);
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
    ngx_rd_ssh_trust_entry_t  *entry;

    while (trust->entries) {
        entry = trust->entries;
        trust->entries = entry->next;
        free(entry);
    }
}
