
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_reply.h"
#include "ngx_rd_visitor.h"
#include "../base/ngx_rd_error.h"
#include "../../ngx_rd_module.h"


#define NGX_RD_REPLY_RETRY_AFTER  "5"       /* seconds; a Redis restart */


static ngx_int_t ngx_rd_reply_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body);
static ngx_int_t ngx_rd_reply_page(ngx_http_request_t *r, ngx_rd_error_e error,
    ngx_uint_t status);


static ngx_str_t  ngx_rd_reply_type_json = ngx_string("application/json");
static ngx_str_t  ngx_rd_reply_type_plain =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");
static ngx_str_t  ngx_rd_reply_type_html =
    ngx_string("text/html; charset=utf-8");


/* no script and no style sheet of others, so it works on any site */

static const char  ngx_rd_reply_page_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Remote desktop</title>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>Remote desktop</h1>\n"
    "<p>";

static const char  ngx_rd_reply_page_tail[] =
    "</p>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";


ngx_int_t
ngx_rd_reply_json(ngx_http_request_t *r, ngx_uint_t status, ngx_rd_json_t *json)
{
    char       *text;
    ngx_str_t   body;

    text = ngx_rd_json_print(json);
    ngx_rd_json_free(json);

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_strlen(text);
    body.data = ngx_pnalloc(r->pool, body.len + 1);

    if (body.data == NULL) {
        free(text);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(body.data, text, body.len);
    body.data[body.len++] = '\n';
    free(text);

    return ngx_rd_reply_send(r, status, &ngx_rd_reply_type_json, &body);
}


ngx_int_t
ngx_rd_reply_error(ngx_http_request_t *r, ngx_rd_error_e error)
{
    return ngx_rd_reply_error_status(r, error, ngx_rd_error_status(error));
}


ngx_int_t
ngx_rd_reply_error_status(ngx_http_request_t *r, ngx_rd_error_e error,
    ngx_uint_t status)
{
    return ngx_rd_reply_error_why(r, error, status, NULL);
}


ngx_int_t
ngx_rd_reply_error_why(ngx_http_request_t *r, ngx_rd_error_e error,
    ngx_uint_t status, const char *why)
{
    ngx_rd_json_t       *json;
    ngx_rd_main_conf_t  *rmcf;
    static ngx_str_t     retry = ngx_string(NGX_RD_REPLY_RETRY_AFTER);
    static ngx_str_t     websocket = ngx_string("websocket");

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_rd_reply_header(r, "Retry-After", &retry) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (error == NGX_RD_ERR_UPGRADE
        && ngx_rd_reply_header(r, "Upgrade", &websocket) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_rd_visitor_wants_html(r)) {
        return ngx_rd_reply_page(r, error, status);
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "error", ngx_rd_error_text(error));
    ngx_rd_json_set_string(json, "code", ngx_rd_error_code(error));

    if (why) {
        ngx_rd_json_set_string(json, "reason", why);
    }

    if (error == NGX_RD_ERR_LOGIN_REQUIRED) {
        rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);
        ngx_rd_json_set_text(json, "login_url", rmcf->login_url.data,
                             rmcf->login_url.len);
    }

    return ngx_rd_reply_json(r, status, json);
}


ngx_int_t
ngx_rd_reply_sentence(ngx_http_request_t *r, ngx_rd_error_e error,
    const char *sentence)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_object();
    ngx_rd_json_set_string(json, "error", sentence);
    ngx_rd_json_set_string(json, "code", ngx_rd_error_code(error));

    return ngx_rd_reply_json(r, ngx_rd_error_status(error), json);
}


ngx_int_t
ngx_rd_reply_retry(ngx_http_request_t *r, ngx_rd_error_e error,
    int64_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%L", seconds) - value.data;

    if (ngx_rd_reply_header(r, "Retry-After", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_rd_reply_error(r, error);
}


ngx_int_t
ngx_rd_reply_plain(ngx_http_request_t *r, ngx_str_t *body)
{
    return ngx_rd_reply_send(r, NGX_HTTP_OK, &ngx_rd_reply_type_plain, body);
}


ngx_int_t
ngx_rd_reply_method(ngx_http_request_t *r, const char *allow)
{
    ngx_str_t  value;

    value.data = (u_char *) allow;
    value.len = ngx_strlen(allow);

    if (ngx_rd_reply_header(r, "Allow", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_rd_reply_error(r, NGX_RD_ERR_METHOD);
}


ngx_int_t
ngx_rd_reply_header(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_rd_reply_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *body)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    static ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_rd_reply_header(r, "Cache-Control", &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* it says what was done, so no If-Match makes that undone */

    r->disable_not_modified = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_rd_reply_page(ngx_http_request_t *r, ngx_rd_error_e error,
    ngx_uint_t status)
{
    u_char              *p;
    size_t               len;
    ngx_str_t            body, *login;
    const char          *text;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_rd_module);
    login = &rmcf->login_url;
    text = ngx_rd_error_text(error);

    /* the sentences are ours and need no escaping; the URL is an operator's */

    len = sizeof(ngx_rd_reply_page_head) + sizeof(ngx_rd_reply_page_tail)
          + ngx_strlen(text) + sizeof(".</p>\n<p><a href=\"\">Log in</a>")
          + login->len + ngx_escape_html(NULL, login->data, login->len)
          + sizeof("<a href=\"/remote-desktop\">Back to your desktop</a>");

    body.data = ngx_pnalloc(r->pool, len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(body.data, "%s%c%s.</p>\n<p>", ngx_rd_reply_page_head,
                    ngx_toupper(text[0]), text + 1);

    if (error == NGX_RD_ERR_LOGIN_REQUIRED) {
        p = ngx_sprintf(p, "<a href=\"");
        p = (u_char *) ngx_escape_html(p, login->data, login->len);
        p = ngx_sprintf(p, "\">Log in</a>");

    } else {
        p = ngx_sprintf(p, "<a href=\"/remote-desktop\">Back to your"
                           " desktop</a>");
    }

    p = ngx_sprintf(p, "%s", ngx_rd_reply_page_tail);
    body.len = p - body.data;

    return ngx_rd_reply_send(r, status, &ngx_rd_reply_type_html, &body);
}
