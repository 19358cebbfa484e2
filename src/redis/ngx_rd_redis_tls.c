
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "ngx_rd_redis_tls.h"
#include "../base/ngx_rd_error.h"


struct ngx_rd_redis_tls_s {
    SSL                            *ssl;
    const ngx_rd_redis_tls_conf_t  *conf;       /* borrowed */
    ngx_socket_t                    fd;         /* borrowed */
    ngx_rd_detail_t                 reason;
    unsigned                        heard:1;
    unsigned                        wants_write:1;
};


static const char *ngx_rd_redis_tls_bad(ngx_rd_detail_t *detail,
    const char *what, const ngx_str_t *file);
static int ngx_rd_redis_tls_no_passphrase(char *buf, int size, int rwflag,
    void *data);

static ngx_int_t ngx_rd_redis_tls_plain(ngx_rd_redis_tls_t *tls);
static ssize_t ngx_rd_redis_tls_failed(ngx_rd_redis_tls_t *tls, int rc,
    const char *what);
static void ngx_rd_redis_tls_explain(ngx_rd_redis_tls_t *tls,
    const char *what);


const char *
ngx_rd_redis_tls_load(ngx_rd_redis_tls_conf_t *conf, ngx_rd_detail_t *detail)
{
    int              rc;
    SSL_CTX         *ctx;
    struct in_addr   in;
    struct in6_addr  in6;

    ERR_clear_error();

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return ngx_rd_redis_tls_bad(detail, "no TLS context", NULL);
    }

    conf->ctx = ctx;

    (void) SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);

    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION);

#ifdef SSL_OP_NO_RENEGOTIATION
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
#endif

#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF

    /* replies say how long they are: a cut connection cuts none unseen */

    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif

    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                          |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                          |SSL_MODE_RELEASE_BUFFERS);

    /* a key with a passphrase is refused, not asked for at the terminal */

    SSL_CTX_set_default_passwd_cb(ctx, ngx_rd_redis_tls_no_passphrase);

    rc = conf->ca.len
         ? SSL_CTX_load_verify_locations(ctx, (char *) conf->ca.data, NULL)
         : SSL_CTX_set_default_verify_paths(ctx);

    if (rc != 1) {
        return ngx_rd_redis_tls_bad(detail, "tls_ca= cannot be used",
                                    &conf->ca);
    }

    if (conf->cert.len
        && SSL_CTX_use_certificate_chain_file(ctx, (char *) conf->cert.data)
           != 1)
    {
        return ngx_rd_redis_tls_bad(detail, "tls_cert= cannot be used",
                                    &conf->cert);
    }

    if (conf->key.len
        && (SSL_CTX_use_PrivateKey_file(ctx, (char *) conf->key.data,
                                        SSL_FILETYPE_PEM) != 1
            || SSL_CTX_check_private_key(ctx) != 1))
    {
        return ngx_rd_redis_tls_bad(detail, "tls_key= cannot be used",
                                    &conf->key);
    }

    SSL_CTX_set_verify(ctx, conf->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       NULL);

    conf->is_address = inet_pton(AF_INET, (char *) conf->name.data, &in) == 1
                       || inet_pton(AF_INET6, (char *) conf->name.data, &in6)
                          == 1;

    return NULL;
}


void
ngx_rd_redis_tls_unload(ngx_rd_redis_tls_conf_t *conf)
{
    SSL_CTX_free(conf->ctx);
    conf->ctx = NULL;
}


static const char *
ngx_rd_redis_tls_bad(ngx_rd_detail_t *detail, const char *what,
    const ngx_str_t *file)
{
    const char  *why;

    why = ERR_reason_error_string(ERR_peek_last_error());

    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, detail,
                               "%s: \"%.*s\": %s", what,
                               file ? (int) file->len : 0,
                               file ? (char *) file->data : "",
                               why ? why : "no such file, or no permission");
    ERR_clear_error();

    return detail->text;
}


static int
ngx_rd_redis_tls_no_passphrase(char *buf, int size, int rwflag, void *data)
{
    return 0;
}


ngx_rd_redis_tls_t *
ngx_rd_redis_tls_create(const ngx_rd_redis_tls_conf_t *conf, ngx_socket_t fd)
{
    char                *name;
    ngx_rd_redis_tls_t  *tls;

    tls = ngx_calloc(sizeof(ngx_rd_redis_tls_t), ngx_cycle->log);
    if (tls == NULL) {
        return NULL;
    }

    tls->conf = conf;
    tls->fd = fd;

    ERR_clear_error();

    tls->ssl = SSL_new(conf->ctx);

    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1) {
        ngx_rd_redis_tls_destroy(tls);
        return NULL;
    }

    SSL_set_connect_state(tls->ssl);

    name = (char *) conf->name.data;

    if (conf->name.len
        && ((!conf->is_address && SSL_set_tlsext_host_name(tls->ssl, name) != 1)
            || (conf->verify && conf->is_address
                && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), name)
                   != 1)
            || (conf->verify && !conf->is_address
                && SSL_set1_host(tls->ssl, name) != 1)))
    {
        ngx_rd_redis_tls_destroy(tls);
        return NULL;
    }

    return tls;
}


void
ngx_rd_redis_tls_destroy(ngx_rd_redis_tls_t *tls)
{
    if (tls->ssl) {
        SSL_free(tls->ssl);
    }

    ERR_clear_error();
    ngx_free(tls);
}


ngx_uint_t
ngx_rd_redis_tls_wants_write(const ngx_rd_redis_tls_t *tls)
{
    return tls->wants_write;
}


const char *
ngx_rd_redis_tls_reason(const ngx_rd_redis_tls_t *tls)
{
    return tls->reason.text;
}


ngx_int_t
ngx_rd_redis_tls_handshake(ngx_rd_redis_tls_t *tls)
{
    int  rc;

    if (!tls->heard && ngx_rd_redis_tls_plain(tls) != NGX_OK) {
        return NGX_ERROR;
    }

    ERR_clear_error();

    rc = SSL_do_handshake(tls->ssl);

    return rc == 1 ? 0 : ngx_rd_redis_tls_failed(tls, rc,
                                                 "TLS handshake failed");
}


/* A TLS server's first byte is the type of a record; Redis' own is no such. */

static ngx_int_t
ngx_rd_redis_tls_plain(ngx_rd_redis_tls_t *tls)
{
    u_char  byte;

    if (recv(tls->fd, &byte, 1, MSG_PEEK) != 1) {
        return NGX_OK;
    }

    tls->heard = 1;

    if (byte >= SSL3_RT_CHANGE_CIPHER_SPEC
        && byte <= SSL3_RT_APPLICATION_DATA)
    {
        return NGX_OK;
    }

    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, &tls->reason,
                               "the server answers without TLS; leave out "
                               "tls=on, or use the port of its tls-port");
    return NGX_ERROR;
}


ssize_t
ngx_rd_redis_tls_recv(ngx_rd_redis_tls_t *tls, u_char *buf, size_t size)
{
    int  n;

    ERR_clear_error();

    n = SSL_read(tls->ssl, buf, ngx_min(size, NGX_MAX_INT32_VALUE));

    return n > 0 ? n : ngx_rd_redis_tls_failed(tls, n, "TLS failed");
}


ssize_t
ngx_rd_redis_tls_send(ngx_rd_redis_tls_t *tls, const u_char *buf, size_t size)
{
    int  n;

    ERR_clear_error();

    n = SSL_write(tls->ssl, buf, ngx_min(size, NGX_MAX_INT32_VALUE));

    return n > 0 ? n : ngx_rd_redis_tls_failed(tls, n, "TLS failed");
}


static ssize_t
ngx_rd_redis_tls_failed(ngx_rd_redis_tls_t *tls, int rc, const char *what)
{
    int        code;
    ngx_err_t  err;

    err = ngx_errno;
    code = SSL_get_error(tls->ssl, rc);

    tls->wants_write = (code == SSL_ERROR_WANT_WRITE);

    switch (code) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return NGX_AGAIN;

    case SSL_ERROR_ZERO_RETURN:
        if (SSL_is_init_finished(tls->ssl)) {
            return 0;
        }

        break;

    case SSL_ERROR_SYSCALL:
        if (ERR_peek_error() == 0 && err != 0) {
            (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_LOST, &tls->reason,
                                       "%s: %s", what, strerror(err));
            return NGX_ERROR;
        }

        break;
    }

    ngx_rd_redis_tls_explain(tls, what);
    ERR_clear_error();

    return NGX_ERROR;
}


static void
ngx_rd_redis_tls_explain(ngx_rd_redis_tls_t *tls, const char *what)
{
    int          code;
    long         verified;
    ngx_uint_t   wanted;
    const char  *why;

    verified = SSL_get_verify_result(tls->ssl);
    code = ERR_GET_REASON(ERR_peek_error());

    if (tls->conf->verify
        && (verified == X509_V_ERR_HOSTNAME_MISMATCH
            || verified == X509_V_ERR_IP_ADDRESS_MISMATCH))
    {
        (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, &tls->reason,
                                   "the certificate is not for \"%.*s\"; set "
                                   "tls_name= to a name it has",
                                   (int) tls->conf->name.len,
                                   (char *) tls->conf->name.data);
        return;
    }

    if (tls->conf->verify && verified != X509_V_OK) {
        (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, &tls->reason,
                                   "the certificate is not trusted: %s; set "
                                   "tls_ca= to the file of the CA that signed "
                                   "it",
                                   X509_verify_cert_error_string(verified));
        return;
    }

    why = ERR_peek_error() ? ERR_reason_error_string(ERR_peek_error())
                           : "the server closed the connection";

    /* the alerts of TLS 1.3 and 1.2 to a client without a certificate */

    wanted = tls->conf->cert.len == 0
             && (code == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED
                 || code == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);

    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_LOST, &tls->reason, "%s: %s%s",
                               what, why ? why : "unknown error",
                               wanted
                               ? "; the server wants a client certificate, set "
                                 "tls_cert= and tls_key=" : "");
}
