
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_answer.h"
#include "ngx_rd_loan.h"
#include "ngx_rd_reply.h"
#include "../base/ngx_rd_error.h"
#include "../fleet/ngx_rd_sweep_due.h"
#include "../../ngx_rd_module.h"


#define NGX_RD_ANSWER_IGNORE                                                  \
    (NGX_CONF_BITMASK_SET                                                     \
     |NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT                                       \
     |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES                                        \
     |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE                                     \
     |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING                                      \
     |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET)


typedef struct {
    ngx_str_t   name;                   /* in small letters */
    ngx_uint_t  prefix;                 /* and whatever follows */
} ngx_rd_answer_name_t;


static ngx_int_t ngx_rd_answer_header_filter(ngx_http_request_t *r);
static const char *ngx_rd_answer_fault(ngx_http_request_t *r,
    ngx_rd_answer_t *answer);
static ngx_int_t ngx_rd_answer_refuse(ngx_http_request_t *r,
    ngx_rd_answer_t *answer, const char *fault);
static ngx_int_t ngx_rd_answer_failed(ngx_http_request_t *r,
    ngx_rd_answer_t *answer);

static void ngx_rd_answer_strip(ngx_http_request_t *r, ngx_uint_t handshake);
static void ngx_rd_answer_strip_pointers(ngx_http_request_t *r);
static ngx_uint_t ngx_rd_answer_listed(const ngx_rd_answer_name_t *names,
    const ngx_str_t *name);
static ngx_uint_t ngx_rd_answer_log_level(void);


static ngx_http_output_header_filter_pt  ngx_rd_answer_next_header_filter;


/* all that the answer to a WebSocket handshake consists of */

static const ngx_rd_answer_name_t  ngx_rd_answer_handshake[] = {
    { ngx_string("date"), 0 },
    { ngx_string("sec-websocket-accept"), 0 },
    { ngx_string("sec-websocket-extensions"), 0 },
    { ngx_string("sec-websocket-protocol"), 0 },
    { ngx_string("server"), 0 },
    { ngx_string("upgrade"), 0 },
    { ngx_null_string, 0 }
};


/*
 * What no page of a container may say: it outlives the page, reaches beyond
 * its own address, or is obeyed by a proxy or cache in front.  What only
 * describes the page itself passes, as a script in it could do the same.
 * In alphabetical order.
 */

static const ngx_rd_answer_name_t  ngx_rd_answer_site[] = {
    { ngx_string("accept-ch"), 1 },
    { ngx_string("access-control-"), 1 },
    { ngx_string("activate-storage-access"), 0 },
    { ngx_string("alt-svc"), 0 },
    { ngx_string("alternate-protocol"), 0 },
    { ngx_string("authentication-"), 1 },
    { ngx_string("cache-tag"), 0 },
    { ngx_string("cdn-cache-control"), 0 },
    { ngx_string("clear-site-data"), 0 },
    { ngx_string("cloudflare-cdn-cache-control"), 0 },
    { ngx_string("critical-ch"), 0 },
    { ngx_string("edge-cache-tag"), 0 },
    { ngx_string("edge-control"), 0 },
    { ngx_string("expect-ct"), 0 },
    { ngx_string("link"), 0 },
    { ngx_string("nel"), 0 },
    { ngx_string("netlify-cdn-cache-control"), 0 },
    { ngx_string("optional-www-authenticate"), 0 },
    { ngx_string("origin-agent-cluster"), 0 },
    { ngx_string("proxy-"), 1 },
    { ngx_string("public-key-pins"), 1 },
    { ngx_string("report-to"), 0 },
    { ngx_string("reporting-endpoints"), 0 },
    { ngx_string("sec-"), 1 },
    { ngx_string("secure-session-"), 1 },
    { ngx_string("service-worker-allowed"), 0 },
    { ngx_string("set-cookie"), 1 },
    { ngx_string("set-login"), 0 },
    { ngx_string("strict-transport-security"), 0 },
    { ngx_string("surrogate-"), 1 },
    { ngx_string("upgrade"), 0 },
    { ngx_string("use-as-dictionary"), 0 },
    { ngx_string("vercel-cdn-cache-control"), 0 },
    { ngx_string("www-authenticate"), 0 },
    { ngx_string("x-accel-"), 1 },
    { ngx_string("x-envoy-"), 1 },
    { ngx_string("x-lighttpd-send-file"), 0 },
    { ngx_string("x-litespeed-"), 1 },
    { ngx_string("x-reproxy-"), 1 },
    { ngx_string("x-sendfile"), 1 },
    { ngx_null_string, 0 }
};


/*
 * Every upstream module begins its location configuration with the common
 * ngx_http_upstream_conf_t, and merges it before a filter module's.
 */

void
ngx_rd_answer_ignore_accel(ngx_conf_t *cf)
{
    ngx_uint_t                 i, k;
    ngx_module_t              *module;
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_upstream_conf_t  *ucf;

    static const char  *names[] = {
        "ngx_http_proxy_module",
        "ngx_http_fastcgi_module",
        "ngx_http_uwsgi_module",
        "ngx_http_scgi_module",
        "ngx_http_grpc_module"
    };

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {

            if (ngx_strcmp(module->name, names[k]) == 0) {
                ucf = ctx->loc_conf[module->ctx_index];
                ucf->ignore_headers |= NGX_RD_ANSWER_IGNORE;

                /*
                 * error_page would let a container choose a location by its
                 * status, and nginx would copy its WWW-Authenticate.
                 */

                ucf->intercept_errors = 0;
            }
        }
    }
}


ngx_int_t
ngx_rd_answer_filter_init(ngx_conf_t *cf)
{
    ngx_rd_answer_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_rd_answer_header_filter;

    return NGX_OK;
}


ngx_int_t
ngx_rd_answer_timeout(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_uint_t            level;
    ngx_connection_t     *c;
    ngx_rd_answer_t      *answer;
    ngx_http_upstream_t  *u;

    c = r->connection;
    u = r->upstream;
    answer = ngx_http_get_module_ctx(r, ngx_rd_module);

    if (u == NULL || u->cleanup == NULL || *u->cleanup == NULL
        || answer == NULL || answer->kind != NGX_RD_CTX_GATE)
    {
        return NGX_DECLINED;            /* its body is read, or it ends */
    }

    ngx_rd_tunnel_answered(answer->tunnel);

    ngx_http_set_log_request(c->log, r);

    level = ngx_rd_answer_log_level();

    ngx_log_error(level, c->log, 0,
                  "rd gate: no answer to the WebSocket handshake in time "
                  "(rd_handshake_timeout), desktop of:%uL", answer->owner);

    if (u->state) {
        u->state->status = NGX_HTTP_GATEWAY_TIME_OUT;
    }

    r->keepalive = 0;
    answer->ours = 1;

    /* the reference keeps the request when its upstream is cleaned up */

    r->main->count++;
    (*u->cleanup)(r);

    rc = ngx_rd_reply_error(r, NGX_RD_ERR_DESKTOP_SILENT);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


static ngx_int_t
ngx_rd_answer_header_filter(ngx_http_request_t *r)
{
    const char       *fault;
    ngx_uint_t        handshake;
    ngx_rd_answer_t  *answer;

    answer = ngx_http_get_module_ctx(r, ngx_rd_module);

    if (answer == NULL || answer->kind != NGX_RD_CTX_GATE
        || answer->http_version == 0 || answer->ours || r->upstream == NULL)
    {
        return ngx_rd_answer_next_header_filter(r);
    }

    if (answer->tunnel) {
        ngx_rd_tunnel_answered(answer->tunnel);
    }

    if (r->err_status) {
        return ngx_rd_answer_failed(r, answer);
    }

    fault = ngx_rd_answer_fault(r, answer);

    if (fault) {
        return ngx_rd_answer_refuse(r, answer, fault);
    }

    handshake = (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS);

    if (handshake) {
        ngx_rd_loan_begin(r);

        ngx_http_clear_content_length(r);
        r->headers_out.content_type.len = 0;
        ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    } else {
        r->headers_out.status_line.len = 0;     /* nginx has its own words */
    }

    ngx_rd_answer_strip(r, handshake);

    if (!handshake) {
        static ngx_str_t  private = ngx_string("private");

        /* behind the gate a shared cache would answer without asking it */

        if (ngx_rd_reply_header(r, "Cache-Control", &private) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_rd_answer_next_header_filter(r);
}


/* NULL, or why this answer may not be passed on */

static const char *
ngx_rd_answer_fault(ngx_http_request_t *r, ngx_rd_answer_t *answer)
{
    ngx_uint_t  status;

    /* what has no status line nginx takes for HTTP/0.9, all of it body */

    if (r->http_version < NGX_HTTP_VERSION_10) {
        return "it has no HTTP status line";
    }

    status = r->headers_out.status;

    if (status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return answer->tunnel && r->upstream->upgrade
               ? NULL : "no WebSocket was asked for";
    }

    if (status < NGX_HTTP_OK) {
        return "an interim response is no answer";
    }

    /* 444 and 494 to 499 mean something to nginx alone */

    if (status > 599 || status == NGX_HTTP_CLOSE
        || (status >= NGX_HTTP_NGINX_CODES
            && status <= NGX_HTTP_CLIENT_CLOSED_REQUEST))
    {
        return "there is no such status";
    }

    return answer->websocket_only ? "the WebSocket handshake was not accepted"
                                  : NULL;
}


/* nginx finalizes the upstream with what is returned, and comes here again */

static ngx_int_t
ngx_rd_answer_refuse(ngx_http_request_t *r, ngx_rd_answer_t *answer,
    const char *fault)
{
    ngx_uint_t  level;

    level = ngx_rd_answer_log_level();

    ngx_log_error(level, r->connection->log, 0,
                  "rd gate: answer of the desktop refused: %s, status:%ui, "
                  "desktop of:%uL", fault, r->headers_out.status,
                  answer->owner);

    answer->error = NGX_RD_ERR_DESKTOP_ANSWER;

    r->http_version = answer->http_version;
    r->upstream->keepalive = 0;
    r->upstream->upgrade = 0;

    ngx_http_clean_header(r);

    return NGX_HTTP_BAD_GATEWAY;
}


/* an error page of nginx is about to be sent: say it in our words instead */

static ngx_int_t
ngx_rd_answer_failed(ngx_http_request_t *r, ngx_rd_answer_t *answer)
{
    ngx_int_t             rc;
    ngx_rd_error_e        error;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    error = answer->error;

    switch (r->err_status) {

    case NGX_HTTP_BAD_GATEWAY:
        if (error == NGX_RD_ERR_NONE) {
            error = u->request_sent ? NGX_RD_ERR_DESKTOP_ANSWER
                                    : NGX_RD_ERR_DESKTOP_CONNECT;
        }

        /* a container that has died refuses at once */

        if (error == NGX_RD_ERR_DESKTOP_CONNECT) {
            ngx_rd_sweep_due_force(answer->owner);
        }

        break;

    case NGX_HTTP_GATEWAY_TIME_OUT:
        error = u->request_sent ? NGX_RD_ERR_DESKTOP_SILENT
                                : NGX_RD_ERR_DESKTOP_CONNECT;
        break;

    default:
        return ngx_rd_answer_next_header_filter(r);
    }

    answer->ours = 1;
    r->keepalive = 0;

    rc = ngx_rd_reply_error_status(r, error, r->err_status);

    /* no body of nginx's follows */

    r->header_only = 1;

    return rc;
}


static void
ngx_rd_answer_strip(ngx_http_request_t *r, ngx_uint_t handshake)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (handshake
                ? !ngx_rd_answer_listed(ngx_rd_answer_handshake, &h[i].key)
                : ngx_rd_answer_listed(ngx_rd_answer_site, &h[i].key))
            {
                h[i].hash = 0;
            }
        }
    }

    ngx_rd_answer_strip_pointers(r);

    if (handshake) {
        r->headers_out.location = NULL;
        r->headers_out.last_modified_time = -1;
    }
}


/* filters read these without looking at the hash */

static void
ngx_rd_answer_strip_pointers(ngx_http_request_t *r)
{
    r->headers_out.www_authenticate = NULL;

#if (nginx_version >= 1023000)
    r->headers_out.link = NULL;
#else
    r->headers_out.link.nelts = 0;
#endif
}


static ngx_uint_t
ngx_rd_answer_listed(const ngx_rd_answer_name_t *names, const ngx_str_t *name)
{
    u_char  c;

    c = name->len ? ngx_tolower(name->data[0]) : '\0';

    for ( ; names->name.len; names++) {

        if (names->name.data[0] == c
            && (name->len == names->name.len
                || (names->prefix && name->len > names->name.len))
            && ngx_strncasecmp(name->data, names->name.data, names->name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a container may answer anything at any rate, so warnings have one */

static ngx_uint_t
ngx_rd_answer_log_level(void)
{
    static time_t  warned;

    if (warned == ngx_time()) {
        return NGX_LOG_INFO;
    }

    warned = ngx_time();

    return NGX_LOG_WARN;
}
