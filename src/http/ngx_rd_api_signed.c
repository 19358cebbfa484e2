
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/evp.h>

#include "ngx_rd_api_signed.h"
#include "ngx_rd_refusal.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../identity/ngx_rd_identity_signed.h"


#define NGX_RD_API_SIGNED_READ_BYTES  4096  /* of a body in a file, at once */


static void ngx_rd_api_signed_body_handler(ngx_http_request_t *r);
static ngx_rd_error_e ngx_rd_api_signed_check(ngx_http_request_t *r,
    ngx_rd_main_conf_t *rmcf, ngx_rd_signed_t *what);
static ngx_int_t ngx_rd_api_signed_digest(ngx_http_request_t *r,
    u_char digest[NGX_RD_SIGNED_DIGEST_BYTES]);
static ngx_int_t ngx_rd_api_signed_update(EVP_MD_CTX *md, ngx_buf_t *b);


ngx_uint_t
ngx_rd_api_signed_wanted(ngx_http_request_t *r)
{
    ngx_rd_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_rd_module);

    if (!(rlcf->identity & NGX_RD_BY_SIGNATURE)) {
        return 0;
    }

    /* a header that is there is judged; no cookie makes a wrong one good */

    return !(rlcf->identity & NGX_RD_BY_COOKIE)
           || ngx_rd_visitor_header(r, "x-rd-signature").len;
}


ngx_int_t
ngx_rd_api_signed_start(ngx_rd_api_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_read_client_request_body(ctx->request,
                                           ngx_rd_api_signed_body_handler);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/*
 * Called by nginx with the body there, perhaps from within the content
 * handler: so the request is finalized, and its caller runs what was posted.
 */

static void
ngx_rd_api_signed_body_handler(ngx_http_request_t *r)
{
    ngx_rd_error_e       error;
    ngx_rd_signed_t      what;
    ngx_rd_api_ctx_t    *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_rd_module);

    error = ngx_rd_api_signed_check(r, ctx->rmcf, &what);

    if (error == NGX_RD_ERR_NONE) {

        if (ngx_rd_identity_signed_start(&ctx->identity, &what,
                                         ctx->rmcf->signed_window_ms)
            == NGX_AGAIN)
        {
            r->read_event_handler = ngx_http_test_reading;
            return;
        }

        error = NGX_RD_ERR_MEMORY;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rd api: refused, %s", ngx_rd_error_code(error));

    ngx_http_finalize_request(r, ngx_rd_refusal_reply(r, NGX_RD_REFUSAL_API,
                                                      error, NULL));
}


static ngx_rd_error_e
ngx_rd_api_signed_check(ngx_http_request_t *r, ngx_rd_main_conf_t *rmcf,
    ngx_rd_signed_t *what)
{
    int64_t                  now_ms;
    ngx_str_t                header;
    ngx_time_t              *tp;
    ngx_rd_signed_request_t  request;

    /* its target is the main one's, so nothing was signed for itself */

    if (r != r->main) {
        return NGX_RD_ERR_SIGNATURE_WRONG;
    }

    header = ngx_rd_visitor_header(r, "x-rd-signature");

    request.method = r->method_name;
    request.target = r->unparsed_uri;

    if (ngx_rd_api_signed_digest(r, request.body) != NGX_OK) {
        return NGX_RD_ERR_INTERNAL;
    }

    tp = ngx_timeofday();
    now_ms = (int64_t) tp->sec * 1000 + tp->msec;

    return ngx_rd_signed_check(&rmcf->signed_keys, &header, &request, now_ms,
                               rmcf->signed_window_ms, what);
}


static ngx_int_t
ngx_rd_api_signed_digest(ngx_http_request_t *r,
    u_char digest[NGX_RD_SIGNED_DIGEST_BYTES])
{
    ngx_int_t     rc;
    EVP_MD_CTX   *md;
    ngx_chain_t  *cl;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return NGX_ERROR;
    }

    rc = (EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1) ? NGX_OK : NGX_ERROR;

    cl = r->request_body ? r->request_body->bufs : NULL;

    for ( /* void */ ; cl && rc == NGX_OK; cl = cl->next) {
        rc = ngx_rd_api_signed_update(md, cl->buf);
    }

    if (rc == NGX_OK && EVP_DigestFinal_ex(md, digest, NULL) != 1) {
        rc = NGX_ERROR;
    }

    EVP_MD_CTX_free(md);

    return rc;
}


static ngx_int_t
ngx_rd_api_signed_update(EVP_MD_CTX *md, ngx_buf_t *b)
{
    off_t    pos;
    u_char   bytes[NGX_RD_API_SIGNED_READ_BYTES];
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        return (EVP_DigestUpdate(md, b->pos, b->last - b->pos) == 1)
               ? NGX_OK : NGX_ERROR;
    }

    /* written a moment ago, so it is read from memory */

    for (pos = b->file_pos; pos < b->file_last; pos += n) {

        n = ngx_read_file(b->file, bytes,
                          ngx_min((off_t) sizeof(bytes), b->file_last - pos),
                          pos);

        if (n <= 0 || EVP_DigestUpdate(md, bytes, n) != 1) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
