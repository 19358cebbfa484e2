
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_redis_internal.h"


static void ngx_rd_redis_adapter_read_handler(ngx_event_t *ev);
static void ngx_rd_redis_adapter_write_handler(ngx_event_t *ev);

static void ngx_rd_redis_adapter_add_read(void *data);
static void ngx_rd_redis_adapter_del_read(void *data);
static void ngx_rd_redis_adapter_add_write(void *data);
static void ngx_rd_redis_adapter_del_write(void *data);
static void ngx_rd_redis_adapter_cleanup(void *data);

static void ngx_rd_redis_adapter_unwatch(ngx_connection_t *c);


ngx_int_t
ngx_rd_redis_adapter_attach(ngx_rd_redis_t *redis)
{
    ngx_connection_t   *c;
    redisAsyncContext  *ac;

    ac = redis->ac;

    c = ngx_get_connection(ac->c.fd, redis->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = redis;
    c->log = redis->log;
    c->read->log = redis->log;
    c->read->handler = ngx_rd_redis_adapter_read_handler;
    c->write->log = redis->log;
    c->write->handler = ngx_rd_redis_adapter_write_handler;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    redis->connection = c;
    redis->writing = 0;

    ac->ev.data = redis;
    ac->ev.addRead = ngx_rd_redis_adapter_add_read;
    ac->ev.delRead = ngx_rd_redis_adapter_del_read;
    ac->ev.addWrite = ngx_rd_redis_adapter_add_write;
    ac->ev.delWrite = ngx_rd_redis_adapter_del_write;
    ac->ev.cleanup = ngx_rd_redis_adapter_cleanup;

    return NGX_OK;
}


static void
ngx_rd_redis_adapter_read_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    ngx_rd_redis_t    *redis = c->data;

    ngx_rd_redis_heard(redis);

    /* the context, c and ev may be gone afterwards */

    redisAsyncHandleRead(redis->ac);
}


static void
ngx_rd_redis_adapter_write_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;
    ngx_rd_redis_t    *redis = c->data;

    redis->writing = 1;

    redisAsyncHandleWrite(redis->ac);

    redis->writing = 0;
}


/*
 * Level-triggered: hiredis reads once and at most 16 KB, an edge would strand
 * the rest.
 */

static void
ngx_rd_redis_adapter_add_read(void *data)
{
    ngx_rd_redis_t  *redis = data;

    if (redis->connection == NULL || redis->connection->read->active) {
        return;
    }

    if (ngx_add_event(redis->connection->read, NGX_READ_EVENT, NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_rd_redis_break(redis, "the socket could not be watched");
    }
}


static void
ngx_rd_redis_adapter_del_read(void *data)
{
    ngx_rd_redis_t  *redis = data;

    if (redis->connection == NULL || !redis->connection->read->active) {
        return;
    }

    (void) ngx_del_event(redis->connection->read, NGX_READ_EVENT, 0);
}


/*
 * The commands of one turn of the loop leave in one write.  The kernel is
 * asked for writability only after a short write, and while connecting: to an
 * early look at the socket an unfinished connect would seem to be a success.
 */

static void
ngx_rd_redis_adapter_add_write(void *data)
{
    ngx_rd_redis_t    *redis = data;
    ngx_connection_t  *c;

    c = redis->connection;

    if (c == NULL || c->write->active) {
        return;
    }

    if ((redis->ac->c.flags & REDIS_CONNECTED) && !redis->writing) {
        ngx_post_event(c->write, &ngx_posted_events);
        return;
    }

    if (ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_rd_redis_break(redis, "the socket could not be watched");
    }
}


static void
ngx_rd_redis_adapter_del_write(void *data)
{
    ngx_rd_redis_t  *redis = data;

    if (redis->connection == NULL || !redis->connection->write->active) {
        return;
    }

    (void) ngx_del_event(redis->connection->write, NGX_WRITE_EVENT, 0);
}


/*
 * hiredis lets go of the socket and closes it itself; hiredis 1.x says so
 * before it calls back for the pending commands, 0.14 afterwards.
 */

static void
ngx_rd_redis_adapter_cleanup(void *data)
{
    ngx_rd_redis_t    *redis = data;
    ngx_connection_t  *c;

    c = redis->connection;

    if (c == NULL) {
        return;
    }

    redis->connection = NULL;

    ngx_rd_redis_break(redis, "%s",
                       redis->ac->c.errstr[0] ? redis->ac->c.errstr
                                              : "closed");
    redis->ac = NULL;

    ngx_rd_redis_adapter_unwatch(c);

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_rd_redis_adapter_unwatch(ngx_connection_t *c)
{
    /* ngx_delete_posted_event() is several statements */

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    if (!c->read->active && !c->write->active) {
        return;
    }

    if (ngx_del_conn) {
        (void) ngx_del_conn(c, 0);
        return;
    }

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
    }
}
