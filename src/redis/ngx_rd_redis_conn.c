
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <netinet/tcp.h>
#include "ngx_rd_redis_internal.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_REDIS_CONN_READ_BYTES    16384
#define NGX_RD_REDIS_CONN_READS_MAX     16      /* in one turn of the loop */

/* an idle partition is found after 15 + 3 * 5 s */
#define NGX_RD_REDIS_CONN_KEEPIDLE_S    15
#define NGX_RD_REDIS_CONN_KEEPINTVL_S   5
#define NGX_RD_REDIS_CONN_KEEPCNT       3


static ngx_socket_t ngx_rd_redis_conn_socket(ngx_rd_redis_t *redis,
    ngx_addr_t *addr);
static void ngx_rd_redis_conn_added(ngx_rd_redis_t *redis);

static void ngx_rd_redis_conn_read_handler(ngx_event_t *ev);
static void ngx_rd_redis_conn_write_handler(ngx_event_t *ev);
static ngx_int_t ngx_rd_redis_conn_connected(ngx_rd_redis_t *redis);
static void ngx_rd_redis_conn_read(ngx_rd_redis_t *redis);
static ngx_int_t ngx_rd_redis_conn_replies(ngx_rd_redis_t *redis);
static void ngx_rd_redis_conn_flush(ngx_rd_redis_t *redis);
static void ngx_rd_redis_conn_watch_write(ngx_rd_redis_t *redis,
    ngx_uint_t on);
static void ngx_rd_redis_conn_closed(ngx_rd_redis_t *redis, const char *why);


/* a handler starts no read, so one buffer does for all connections */
static u_char  ngx_rd_redis_conn_buffer[NGX_RD_REDIS_CONN_READ_BYTES];


ngx_int_t
ngx_rd_redis_conn_open(ngx_rd_redis_t *redis, ngx_addr_t *addr)
{
    ngx_socket_t          fd;
    ngx_connection_t     *c;
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    ngx_memzero(conn, sizeof(ngx_rd_redis_conn_t));

    fd = ngx_rd_redis_conn_socket(redis, addr);
    if (fd == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, redis->log);

    if (c == NULL) {
        ngx_rd_redis_break(redis, "no free worker connection");
        (void) ngx_close_socket(fd);
        return NGX_ERROR;
    }

    conn->connection = c;

    c->data = redis;
    c->log = redis->log;
    c->read->log = redis->log;
    c->read->handler = ngx_rd_redis_conn_read_handler;
    c->write->log = redis->log;
    c->write->handler = ngx_rd_redis_conn_write_handler;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    conn->reader = redisReaderCreate();

    if (conn->reader == NULL) {
        ngx_rd_redis_break(redis, "no memory");
        return NGX_ERROR;
    }

    if (redis->conf->tls) {
        conn->tls = ngx_rd_redis_tls_create(redis->conf->tls, fd);

        if (conn->tls == NULL) {
            ngx_rd_redis_break(redis, "no memory for TLS");
            return NGX_ERROR;
        }
    }

    if (connect(fd, addr->sockaddr, addr->socklen) == -1
        && ngx_socket_errno != NGX_EINPROGRESS)
    {
        ngx_rd_redis_break(redis, "%s", strerror(ngx_socket_errno));
        return NGX_ERROR;
    }

    /* level-triggered: a turn of the loop reads a bounded amount */

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_rd_redis_break(redis, "the socket could not be watched");
        return NGX_ERROR;
    }

    ngx_rd_redis_conn_watch_write(redis, 1);

    return NGX_OK;
}


static ngx_socket_t
ngx_rd_redis_conn_socket(ngx_rd_redis_t *redis, ngx_addr_t *addr)
{
    int           on, idle, interval, count;
    ngx_socket_t  fd;

    fd = ngx_socket(addr->sockaddr->sa_family, SOCK_STREAM, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_rd_redis_break(redis, "socket: %s", strerror(ngx_socket_errno));
        return fd;
    }

    if (ngx_nonblocking(fd) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_rd_redis_break(redis, "fcntl: %s", strerror(ngx_socket_errno));
        (void) ngx_close_socket(fd);
        return (ngx_socket_t) -1;
    }

    if (addr->sockaddr->sa_family == AF_UNIX) {
        return fd;
    }

    on = 1;
    idle = NGX_RD_REDIS_CONN_KEEPIDLE_S;
    interval = NGX_RD_REDIS_CONN_KEEPINTVL_S;
    count = NGX_RD_REDIS_CONN_KEEPCNT;

    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(int)) == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(int)) == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(int))
           == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(int)) == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int)) == -1)
    {
        ngx_rd_redis_break(redis, "setsockopt: %s",
                           strerror(ngx_socket_errno));
        (void) ngx_close_socket(fd);
        return (ngx_socket_t) -1;
    }

    return fd;
}


void
ngx_rd_redis_conn_close(ngx_rd_redis_t *redis)
{
    ngx_rd_redis_conn_t      *conn;
    ngx_rd_redis_expected_t   expected;

    conn = &redis->conn;

    if (conn->tls) {
        ngx_rd_redis_tls_destroy(conn->tls);
        conn->tls = NULL;
    }

    if (conn->connection) {
        ngx_close_connection(conn->connection);
        conn->connection = NULL;
    }

    if (conn->reader) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }

    while (ngx_rd_redis_pipeline_next(&conn->pipeline, &expected) == NGX_OK) {
        expected.handler(redis, NULL, expected.data);
    }

    ngx_rd_redis_pipeline_free(&conn->pipeline);
    ngx_memzero(conn, sizeof(ngx_rd_redis_conn_t));
}


ngx_int_t
ngx_rd_redis_conn_send(ngx_rd_redis_t *redis, const u_char *text, size_t len,
    ngx_rd_redis_reply_pt handler, void *data)
{
    u_char               *p;
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    if (conn->connection == NULL) {
        return NGX_ERROR;
    }

    p = ngx_rd_redis_pipeline_room(&conn->pipeline, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text, len);

    ngx_rd_redis_pipeline_add(&conn->pipeline, len, handler, data);
    ngx_rd_redis_conn_added(redis);

    return NGX_OK;
}


ngx_int_t
ngx_rd_redis_conn_command(ngx_rd_redis_t *redis, ngx_uint_t argc,
    const ngx_str_t *argv, ngx_rd_redis_reply_pt handler, void *data)
{
    size_t                len;
    u_char               *p, *start;
    ngx_uint_t            i;
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;
    len = sizeof("*\r\n") + NGX_INT_T_LEN;

    for (i = 0; i < argc; i++) {
        len += sizeof("$\r\n\r\n") + NGX_SIZE_T_LEN + argv[i].len;
    }

    if (conn->connection == NULL) {
        return NGX_ERROR;
    }

    start = ngx_rd_redis_pipeline_room(&conn->pipeline, len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(start, "*%ui\r\n", argc);

    for (i = 0; i < argc; i++) {
        p = ngx_sprintf(p, "$%uz\r\n%V\r\n", argv[i].len, &argv[i]);
    }

    ngx_rd_redis_pipeline_add(&conn->pipeline, p - start, handler, data);
    ngx_rd_redis_conn_added(redis);

    return NGX_OK;
}


/*
 * The commands of one turn of the loop leave in one write.  The kernel is
 * asked for writability only after a short write, and while connecting.
 */

static void
ngx_rd_redis_conn_added(ngx_rd_redis_t *redis)
{
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    if (conn->connected && !conn->connection->write->active) {
        ngx_post_event(conn->connection->write, &ngx_posted_events);
    }
}


const char *
ngx_rd_redis_conn_waits_for(const ngx_rd_redis_t *redis)
{
    const ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    if (conn->tls && !conn->connected && !conn->connection->write->active) {
        return "TLS handshake (a port without TLS? then leave out tls=on, or "
               "use the port of its tls-port)";
    }

    return "set-up";
}


static void
ngx_rd_redis_conn_read_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    ngx_rd_redis_t    *redis = c->data;

    if (redis->state == NGX_RD_REDIS_BREAKING) {
        return;
    }

    if (!redis->conn.connected
        && ngx_rd_redis_conn_connected(redis) != NGX_OK)
    {
        return;
    }

    ngx_rd_redis_conn_read(redis);
}


static void
ngx_rd_redis_conn_write_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    ngx_rd_redis_t    *redis = c->data;

    if (redis->state == NGX_RD_REDIS_BREAKING) {
        return;
    }

    if (!redis->conn.connected
        && ngx_rd_redis_conn_connected(redis) != NGX_OK)
    {
        return;
    }

    ngx_rd_redis_conn_flush(redis);

    /* TLS had to write before it could read */

    if (redis->conn.tls && redis->state != NGX_RD_REDIS_BREAKING) {
        ngx_rd_redis_conn_read(redis);
    }
}


/* NGX_OK: commands can leave; NGX_AGAIN: not yet; NGX_ERROR: broken */

static ngx_int_t
ngx_rd_redis_conn_connected(ngx_rd_redis_t *redis)
{
    int                   err;
    ngx_int_t             rc;
    socklen_t             len;
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;
    err = 0;
    len = sizeof(int);

    if (getsockopt(conn->connection->fd, SOL_SOCKET, SO_ERROR, &err, &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_rd_redis_break(redis, "%s", strerror(err));
        return NGX_ERROR;
    }

    if (conn->tls) {
        rc = ngx_rd_redis_tls_handshake(conn->tls);

        if (rc == NGX_AGAIN) {
            ngx_rd_redis_conn_watch_write(redis,
                                ngx_rd_redis_tls_wants_write(conn->tls));
            return NGX_AGAIN;
        }

        if (rc == NGX_ERROR) {
            ngx_rd_redis_refuse(redis, "%s",
                                ngx_rd_redis_tls_reason(conn->tls));
            return NGX_ERROR;
        }
    }

    conn->connected = 1;

    ngx_rd_redis_conn_watch_write(redis, 0);
    ngx_rd_redis_conn_flush(redis);

    return redis->state == NGX_RD_REDIS_BREAKING ? NGX_ERROR : NGX_OK;
}


static void
ngx_rd_redis_conn_read(ngx_rd_redis_t *redis)
{
    ssize_t               n;
    ngx_uint_t            i;
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    for (i = 0; i < NGX_RD_REDIS_CONN_READS_MAX; i++) {

        if (conn->tls) {
            n = ngx_rd_redis_tls_recv(conn->tls, ngx_rd_redis_conn_buffer,
                                      NGX_RD_REDIS_CONN_READ_BYTES);

            if (n == NGX_AGAIN) {

                if (ngx_rd_redis_tls_wants_write(conn->tls)) {
                    ngx_rd_redis_conn_watch_write(redis, 1);
                }

                return;
            }

            if (n == NGX_ERROR) {
                ngx_rd_redis_break(redis, "%s",
                                   ngx_rd_redis_tls_reason(conn->tls));
                return;
            }

        } else {
            n = recv(conn->connection->fd, ngx_rd_redis_conn_buffer,
                     NGX_RD_REDIS_CONN_READ_BYTES, 0);

            if (n == -1 && (ngx_socket_errno == NGX_EAGAIN
                            || ngx_socket_errno == NGX_EINTR))
            {
                return;
            }

            if (n == -1) {
                ngx_rd_redis_conn_closed(redis, strerror(ngx_socket_errno));
                return;
            }
        }

        if (n == 0) {
            ngx_rd_redis_conn_closed(redis, "Server closed the connection");
            return;
        }

        conn->heard = 1;
        ngx_rd_redis_heard(redis);

        if (redisReaderFeed(conn->reader, (char *) ngx_rd_redis_conn_buffer, n)
            != REDIS_OK)
        {
            ngx_rd_redis_break(redis, "%s", conn->reader->errstr);
            return;
        }

        if (ngx_rd_redis_conn_replies(redis) != NGX_OK) {
            return;
        }

        if (conn->tls == NULL && n < NGX_RD_REDIS_CONN_READ_BYTES) {
            return;
        }
    }

    /* what TLS has decrypted already makes no socket readable */

    if (conn->tls) {
        ngx_post_event(conn->connection->read, &ngx_posted_next_events);
    }
}


static ngx_int_t
ngx_rd_redis_conn_replies(ngx_rd_redis_t *redis)
{
    void                     *reply;
    ngx_rd_redis_conn_t      *conn;
    ngx_rd_redis_expected_t   expected;

    conn = &redis->conn;

    for ( ;; ) {
        reply = NULL;

        if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {

            if (conn->tls == NULL && redis->state == NGX_RD_REDIS_OPENING
                && (ngx_rd_redis_conn_buffer[0] == 0x15
                    || ngx_rd_redis_conn_buffer[0] == 0x16))
            {
                ngx_rd_redis_refuse(redis, "the server speaks TLS; set tls=on");

            } else {
                ngx_rd_redis_break(redis, "%s", conn->reader->errstr);
            }

            return NGX_ERROR;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        if (ngx_rd_redis_pipeline_next(&conn->pipeline, &expected) == NGX_OK) {
            expected.handler(redis, reply, expected.data);

        } else if (conn->push) {
            conn->push(redis, reply, conn->push_data);

        } else {
            freeReplyObject(reply);
            ngx_rd_redis_break(redis, "a reply to no command");
            return NGX_ERROR;
        }

        freeReplyObject(reply);
    }
}


static void
ngx_rd_redis_conn_flush(ngx_rd_redis_t *redis)
{
    size_t                    len;
    u_char                   *out;
    ssize_t                   n;
    ngx_rd_redis_conn_t      *conn;
    ngx_rd_redis_pipeline_t  *pipeline;

    conn = &redis->conn;
    pipeline = &conn->pipeline;

    while (pipeline->sent < pipeline->len) {
        len = pipeline->len - pipeline->sent;
        out = pipeline->out + pipeline->sent;

        if (conn->tls) {
            n = ngx_rd_redis_tls_send(conn->tls, out, len);

            if (n == NGX_ERROR || n == 0) {
                ngx_rd_redis_break(redis, "%s",
                                   n ? ngx_rd_redis_tls_reason(conn->tls)
                                     : "Server closed the connection");
                return;
            }

        } else {
            n = send(conn->connection->fd, out, len, MSG_NOSIGNAL);

            if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
                n = NGX_AGAIN;

            } else if (n == -1) {
                ngx_rd_redis_break(redis, "%s", strerror(ngx_socket_errno));
                return;
            }
        }

        if (n == NGX_AGAIN) {
            ngx_rd_redis_conn_watch_write(redis, 1);
            return;
        }

        ngx_rd_redis_pipeline_written(pipeline, n);
    }

    ngx_rd_redis_conn_watch_write(redis, 0);
}


static void
ngx_rd_redis_conn_watch_write(ngx_rd_redis_t *redis, ngx_uint_t on)
{
    ngx_int_t     rc;
    ngx_event_t  *ev;

    ev = redis->conn.connection->write;

    if (ev->active == on) {
        return;
    }

    rc = on ? ngx_add_event(ev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
            : ngx_del_event(ev, NGX_WRITE_EVENT, 0);

    if (rc != NGX_OK) {
        ngx_rd_redis_break(redis, "the socket could not be watched");
    }
}


static void
ngx_rd_redis_conn_closed(ngx_rd_redis_t *redis, const char *why)
{
    ngx_rd_redis_conn_t  *conn;

    conn = &redis->conn;

    /* that is how a TLS port of Redis takes a command without TLS */

    if (conn->tls == NULL && !conn->heard
        && redis->state == NGX_RD_REDIS_OPENING)
    {
        ngx_rd_redis_break(redis, "%s before an answer (a TLS port? then set "
                           "tls=on)", why);
        return;
    }

    ngx_rd_redis_break(redis, "%s", why);
}
