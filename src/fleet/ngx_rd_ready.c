
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "../base/ngx_rd_error.h"
#include "../base/ngx_rd_websocket.h"
#include "ngx_rd_ready.h"


#define NGX_RD_READY_ATTEMPT_MS           3000
#define NGX_RD_READY_PAUSE_MS_MIN         50
#define NGX_RD_READY_PAUSE_MS_MAX         500
#define NGX_RD_READY_PAUSE_PART           20    /* a player waits 5% longer */

#define NGX_RD_READY_REQUEST_BYTES_MAX    1024
#define NGX_RD_READY_READ_BYTES           4096


struct ngx_rd_ready_s {
    ngx_rd_ready_done_pt   done;            /* NULL: it has been called */
    void                  *owner;
    ngx_log_t             *log;

    ngx_sockaddr_t         addr;
    socklen_t              addr_len;
    char                   host[NGX_SOCKADDR_STRLEN + 1];
    char                  *path;            /* behind this struct */

    ngx_msec_t             started;
    ngx_msec_t             give_up_ms;
    ngx_uint_t             attempts;
    ngx_event_t            timer;           /* end of a pause or an attempt */

    ngx_connection_t      *connection;      /* NULL in a pause */
    ngx_uint_t             connected;
    ngx_rd_websocket_t     ws;
    u_char                 request[NGX_RD_READY_REQUEST_BYTES_MAX];
    size_t                 request_len;
    size_t                 request_sent;

    ngx_rd_detail_t        detail;          /* of the last attempt */
};


static void ngx_rd_ready_attempt(ngx_rd_ready_t *ready);
static ngx_int_t ngx_rd_ready_prepare(ngx_rd_ready_t *ready);
static ngx_int_t ngx_rd_ready_connect(ngx_rd_ready_t *ready);

static void ngx_rd_ready_write_handler(ngx_event_t *ev);
static ngx_int_t ngx_rd_ready_test_connect(ngx_rd_ready_t *ready);
static void ngx_rd_ready_read_handler(ngx_event_t *ev);
static void ngx_rd_ready_timer_handler(ngx_event_t *ev);

static void ngx_rd_ready_failed(ngx_rd_ready_t *ready, const char *reason);
static void ngx_rd_ready_failed_errno(ngx_rd_ready_t *ready, ngx_err_t err);
static void ngx_rd_ready_retry(ngx_rd_ready_t *ready);
static void ngx_rd_ready_finish(ngx_rd_ready_t *ready, ngx_rd_error_e error);
static void ngx_rd_ready_close(ngx_rd_ready_t *ready);
static ngx_msec_t ngx_rd_ready_left(ngx_rd_ready_t *ready);


ngx_rd_ready_t *
ngx_rd_ready_start(const struct sockaddr *addr, socklen_t addr_len,
    const char *path, ngx_msec_t give_up_ms, ngx_rd_ready_done_pt done,
    void *owner, ngx_log_t *log)
{
    size_t           len;
    ngx_rd_ready_t  *ready;

    ngx_rd_assert(addr_len <= sizeof(ngx_sockaddr_t));

    len = ngx_strlen(path);

    ready = ngx_calloc(sizeof(ngx_rd_ready_t) + len + 1, log);
    if (ready == NULL) {
        return NULL;
    }

    ready->done = done;
    ready->owner = owner;
    ready->log = log;
    ready->started = ngx_current_msec;
    ready->give_up_ms = give_up_ms;

    ready->path = (char *) (ready + 1);
    ngx_memcpy(ready->path, path, len + 1);

    ngx_memcpy(&ready->addr, addr, addr_len);
    ready->addr_len = addr_len;

    (void) ngx_sock_ntop(&ready->addr.sockaddr, addr_len,
                         (u_char *) ready->host, NGX_SOCKADDR_STRLEN, 1);

    ready->timer.handler = ngx_rd_ready_timer_handler;
    ready->timer.data = ready;
    ready->timer.log = log;

    ngx_rd_ready_attempt(ready);

    return ready;
}


void
ngx_rd_ready_cancel(ngx_rd_ready_t *ready)
{
    if (ready->done == NULL) {
        return;
    }

    ready->done = NULL;

    ngx_rd_ready_finish(ready, NGX_RD_ERR_CANCELLED);
}


ngx_uint_t
ngx_rd_ready_attempts(const ngx_rd_ready_t *ready)
{
    return ready->attempts;
}


static void
ngx_rd_ready_attempt(ngx_rd_ready_t *ready)
{
    ready->attempts++;
    ready->connected = 0;

    if (ngx_rd_ready_prepare(ready) != NGX_OK) {
        ngx_rd_ready_failed(ready, "the request could not be made");
        return;
    }

    if (ngx_rd_ready_connect(ready) != NGX_OK) {
        return;
    }

    ngx_add_timer(&ready->timer, ngx_min(NGX_RD_READY_ATTEMPT_MS,
                                         ngx_rd_ready_left(ready)));
}


static ngx_int_t
ngx_rd_ready_prepare(ngx_rd_ready_t *ready)
{
    char  key[NGX_RD_WEBSOCKET_KEY_BYTES + 1];

    ngx_memzero(&ready->ws, sizeof(ngx_rd_websocket_t));

    if (ngx_rd_websocket_key(key) != NGX_OK
        || ngx_rd_websocket_init(&ready->ws, key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ready->request_sent = 0;
    ready->request_len = ngx_rd_websocket_request(ready->request,
                                                  sizeof(ready->request),
                                                  ready->host, ready->path,
                                                  key);

    return ready->request_len ? NGX_OK : NGX_ERROR;
}


/*
 * Not ngx_event_connect_peer(): it logs every refusal as an error, and a
 * desktop that is still starting refuses as a matter of course.
 */

static ngx_int_t
ngx_rd_ready_connect(ngx_rd_ready_t *ready)
{
    ngx_err_t          err;
    ngx_socket_t       s;
    ngx_connection_t  *c;

    s = ngx_socket(ready->addr.sockaddr.sa_family, SOCK_STREAM, 0);
    if (s == (ngx_socket_t) -1) {
        ngx_rd_ready_failed_errno(ready, ngx_socket_errno);
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, ready->log);
    if (c == NULL) {
        (void) ngx_close_socket(s);
        ngx_rd_ready_failed(ready, "no free worker connection");
        return NGX_ERROR;
    }

    c->data = ready;
    c->log = ready->log;
    c->log_error = NGX_ERROR_INFO;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    c->read->log = ready->log;
    c->read->handler = ngx_rd_ready_read_handler;
    c->write->log = ready->log;
    c->write->handler = ngx_rd_ready_write_handler;

    ready->connection = c;

    if (ngx_nonblocking(s) == -1) {
        ngx_rd_ready_failed_errno(ready, ngx_socket_errno);
        return NGX_ERROR;
    }

    if (connect(s, &ready->addr.sockaddr, ready->addr_len) == -1) {
        err = ngx_socket_errno;

        if (err != NGX_EINPROGRESS) {
            ngx_rd_ready_failed_errno(ready, err);
            return NGX_ERROR;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_rd_ready_failed(ready, "the socket could not be watched");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_rd_ready_write_handler(ngx_event_t *ev)
{
    ssize_t            n;
    ngx_connection_t  *c = ev->data;
    ngx_rd_ready_t    *ready = c->data;

    if (!ready->connected) {

        if (ngx_rd_ready_test_connect(ready) != NGX_OK) {
            return;
        }

        ready->connected = 1;
    }

    while (ready->request_sent < ready->request_len) {

        n = c->send(c, ready->request + ready->request_sent,
                    ready->request_len - ready->request_sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_rd_ready_failed(ready, "connection reset");
            return;
        }

        ready->request_sent += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_rd_ready_failed(ready, "the socket could not be watched");
    }
}


static ngx_int_t
ngx_rd_ready_test_connect(ngx_rd_ready_t *ready)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(ready->connection->fd, SOL_SOCKET, SO_ERROR, &err, &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_rd_ready_failed_errno(ready, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_rd_ready_read_handler(ngx_event_t *ev)
{
    u_char             buf[NGX_RD_READY_READ_BYTES];
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c = ev->data;
    ngx_rd_ready_t    *ready = c->data;

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_rd_ready_failed(ready, "connection reset");
            return;
        }

        if (n == 0) {
            ngx_rd_ready_failed(ready, "connection closed");
            return;
        }

        rc = ngx_rd_websocket_feed(&ready->ws, buf, n);

        if (rc == NGX_OK) {
            ngx_rd_ready_finish(ready, NGX_RD_ERR_NONE);
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_rd_ready_failed(ready, ready->ws.reason);
            return;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_rd_ready_failed(ready, "the socket could not be watched");
    }
}


static void
ngx_rd_ready_timer_handler(ngx_event_t *ev)
{
    const char      *reason;
    ngx_rd_ready_t  *ready = ev->data;

    if (ready->connection == NULL) {

        if (ngx_rd_ready_left(ready) == 0) {
            ngx_rd_ready_finish(ready, NGX_RD_ERR_NOT_UP_IN_TIME);
            return;
        }

        ngx_rd_ready_attempt(ready);
        return;
    }

    /* an attempt that was cut short says less than the one before it */

    if (ready->detail.text[0] && ngx_rd_ready_left(ready) == 0) {
        ngx_rd_ready_retry(ready);
        return;
    }

    reason = !ready->connected ? "connection timed out"
             : !ready->ws.upgraded ? "no answer to the WebSocket handshake"
                                   : "no RFB greeting";

    ngx_rd_ready_failed(ready, reason);
}


/* Never calls done: the first attempt may fail inside ngx_rd_ready_start(). */

static void
ngx_rd_ready_failed(ngx_rd_ready_t *ready, const char *reason)
{
    (void) ngx_rd_error_detail(NGX_RD_ERR_NOT_UP_IN_TIME, &ready->detail,
                               "%s", reason);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ready->log, 0,
                   "rd ready: attempt %ui failed, %s: %s", ready->attempts,
                   ready->host, ready->detail.text);

    ngx_rd_ready_retry(ready);
}


static void
ngx_rd_ready_failed_errno(ngx_rd_ready_t *ready, ngx_err_t err)
{
    u_char   text[NGX_RD_DETAIL_BYTES_MAX];
    u_char  *last;

    last = ngx_strerror(err, text, sizeof(text) - 1);
    *last = '\0';
    text[0] = ngx_tolower(text[0]);

    ngx_rd_ready_failed(ready, (char *) text);
}


static void
ngx_rd_ready_retry(ngx_rd_ready_t *ready)
{
    ngx_msec_t  pause_ms;

    ngx_rd_ready_close(ready);

    pause_ms = (ngx_current_msec - ready->started) / NGX_RD_READY_PAUSE_PART;

    pause_ms = ngx_max(pause_ms, NGX_RD_READY_PAUSE_MS_MIN);
    pause_ms = ngx_min(pause_ms, NGX_RD_READY_PAUSE_MS_MAX);
    pause_ms = ngx_min(pause_ms, ngx_rd_ready_left(ready));

    ngx_add_timer(&ready->timer, pause_ms);
}


static void
ngx_rd_ready_finish(ngx_rd_ready_t *ready, ngx_rd_error_e error)
{
    ngx_rd_ready_done_pt  done;

    ngx_rd_ready_close(ready);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ready->log, 0,
                   "rd ready: %s, %s after %Mms", ngx_rd_error_code(error),
                   ready->host, ngx_current_msec - ready->started);

    done = ready->done;
    ready->done = NULL;

    if (done) {
        done(ready->owner, error,
             error == NGX_RD_ERR_NONE ? "" : ready->detail.text);
    }

    ngx_free(ready);
}


static void
ngx_rd_ready_close(ngx_rd_ready_t *ready)
{
    if (ready->timer.timer_set) {
        ngx_del_timer(&ready->timer);
    }

    if (ready->connection) {
        ngx_close_connection(ready->connection);
        ready->connection = NULL;
    }

    ngx_rd_websocket_free(&ready->ws);
}


static ngx_msec_t
ngx_rd_ready_left(ngx_rd_ready_t *ready)
{
    ngx_msec_t  spent;

    spent = ngx_current_msec - ready->started;

    return spent < ready->give_up_ms ? ready->give_up_ms - spent : 0;
}
