
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_rd_session.h"
#include "ngx_rd_viewers.h"
#include "ngx_rd_redis_lua.h"
#include "../base/ngx_rd_text.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_VIEWERS_TICK_MS   500        /* what changed is said */
#define NGX_RD_VIEWERS_AGAIN_MS  2000       /* two may be missed */
#define NGX_RD_VIEWERS_LEASE_MS  6000
#define NGX_RD_VIEWERS_CALL_MAX  256        /* sessions in one call */

#define NGX_RD_VIEWERS_ARGS      5          /* before the sessions */
#define NGX_RD_VIEWERS_ARGS_MAX                                               \
    (NGX_RD_VIEWERS_ARGS + 2 * NGX_RD_VIEWERS_CALL_MAX)


/* the tunnels of one session: a heap block, there until 0 was said */

struct ngx_rd_viewers_s {
    ngx_str_node_t        node;             /* first: of the tree */
    ngx_queue_t           queue;            /* of changed or of said */
    ngx_uint_t            n;
    u_char                id[NGX_RD_SESSION_ID_BYTES];
};


typedef struct {
    ngx_rd_store_t       *store;
    char                  worker[17];

    ngx_rbtree_t          tree;
    ngx_rbtree_node_t     sentinel;
    ngx_queue_t           changed;
    ngx_queue_t           said;
    ngx_uint_t            total;

    ngx_event_t           timer;
    ngx_rd_redis_call_t  *call;
    ngx_msec_t            said_ms;
    unsigned              fresh:1;          /* Redis knows nothing of us */
} ngx_rd_viewers_book_t;


static void ngx_rd_viewers_changed(ngx_rd_viewers_t *viewers);
static void ngx_rd_viewers_handler(ngx_event_t *ev);
static void ngx_rd_viewers_say(void);
static void ngx_rd_viewers_keep(ngx_queue_t *said);
static void ngx_rd_viewers_done(ngx_rd_redis_call_t *call);
static void ngx_rd_viewers_unsay(void);


static ngx_rd_viewers_book_t  ngx_rd_viewers;

/* nginx's debug log wants a descriptor where a timer's data points */
static ngx_connection_t  ngx_rd_viewers_dumb = { .fd = (ngx_socket_t) -1 };


ngx_int_t
ngx_rd_viewers_init(ngx_rd_store_t *store)
{
    ngx_rd_viewers.store = store;
    ngx_rd_viewers.fresh = 1;

    ngx_rbtree_init(&ngx_rd_viewers.tree, &ngx_rd_viewers.sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&ngx_rd_viewers.changed);
    ngx_queue_init(&ngx_rd_viewers.said);

    ngx_rd_viewers.timer.handler = ngx_rd_viewers_handler;
    ngx_rd_viewers.timer.log = ngx_cycle->log;
    ngx_rd_viewers.timer.data = &ngx_rd_viewers_dumb;
    ngx_rd_viewers.timer.cancelable = 1;

    /* a pid is not enough: there may be other machines */

    return ngx_rd_text_random_hex(ngx_rd_viewers.worker, 8);
}


void
ngx_rd_viewers_exit(void)
{
    if (ngx_rd_viewers.call) {
        ngx_rd_redis_call_cancel(ngx_rd_viewers.call);
        ngx_rd_viewers.call = NULL;
    }

    if (ngx_rd_viewers.timer.timer_set) {
        ngx_del_timer(&ngx_rd_viewers.timer);
    }
}


ngx_rd_viewers_t *
ngx_rd_viewers_add(const u_char *session_id)
{
    uint32_t           hash;
    ngx_str_t          id;
    ngx_rd_viewers_t  *viewers;

    id.data = (u_char *) session_id;
    id.len = NGX_RD_SESSION_ID_BYTES;
    hash = ngx_crc32_short(id.data, id.len);

    viewers = (ngx_rd_viewers_t *) ngx_str_rbtree_lookup(&ngx_rd_viewers.tree,
                                                         &id, hash);
    if (viewers == NULL) {
        viewers = ngx_calloc(sizeof(ngx_rd_viewers_t), ngx_cycle->log);
        if (viewers == NULL) {
            return NULL;
        }

        ngx_memcpy(viewers->id, id.data, id.len);
        viewers->node.str.data = viewers->id;
        viewers->node.str.len = id.len;
        viewers->node.node.key = hash;

        ngx_rbtree_insert(&ngx_rd_viewers.tree, &viewers->node.node);
        ngx_queue_insert_tail(&ngx_rd_viewers.said, &viewers->queue);
    }

    viewers->n++;
    ngx_rd_viewers.total++;
    ngx_rd_viewers_changed(viewers);

    return viewers;
}


void
ngx_rd_viewers_remove(ngx_rd_viewers_t *viewers)
{
    if (viewers == NULL) {
        return;
    }

    viewers->n--;
    ngx_rd_viewers.total--;
    ngx_rd_viewers_changed(viewers);

    /* a worker that shuts down waits for calls, but not for this timer */

    if (ngx_exiting && ngx_rd_viewers.total == 0
        && ngx_rd_viewers.call == NULL)
    {
        ngx_rd_viewers_say();
    }
}


static void
ngx_rd_viewers_changed(ngx_rd_viewers_t *viewers)
{
    ngx_queue_remove(&viewers->queue);
    ngx_queue_insert_tail(&ngx_rd_viewers.changed, &viewers->queue);

    if (!ngx_rd_viewers.timer.timer_set) {
        ngx_add_timer(&ngx_rd_viewers.timer, NGX_RD_VIEWERS_TICK_MS);
    }
}


static void
ngx_rd_viewers_handler(ngx_event_t *ev)
{
    if (ngx_rd_viewers.call == NULL
        && ngx_rd_redis_ready(ngx_rd_viewers.store->redis)
        && (!ngx_queue_empty(&ngx_rd_viewers.changed)
            || ngx_current_msec - ngx_rd_viewers.said_ms
               >= NGX_RD_VIEWERS_AGAIN_MS))
    {
        ngx_rd_viewers_say();
    }

    if (ngx_rd_viewers.total || !ngx_queue_empty(&ngx_rd_viewers.changed)) {
        ngx_add_timer(ev, NGX_RD_VIEWERS_TICK_MS);
    }
}


static void
ngx_rd_viewers_say(void)
{
    u_char            *p;
    u_char             numbers[NGX_RD_VIEWERS_CALL_MAX + 1][NGX_INT_T_LEN];
    ngx_str_t          argv[NGX_RD_VIEWERS_ARGS_MAX];
    ngx_uint_t         i, n;
    ngx_queue_t        said;
    ngx_rd_viewers_t  *viewers;

    argv[0] = ngx_rd_viewers.store->prefix;
    argv[1].data = (u_char *) ngx_rd_viewers.worker;
    argv[1].len = sizeof(ngx_rd_viewers.worker) - 1;
    ngx_str_set(&argv[2], ngx_value(NGX_RD_VIEWERS_LEASE_MS));
    argv[3].data = (u_char *) (ngx_rd_viewers.fresh ? "1" : "0");
    argv[3].len = 1;

    p = numbers[NGX_RD_VIEWERS_CALL_MAX];
    argv[4].data = p;
    argv[4].len = ngx_sprintf(p, "%ui", ngx_rd_viewers.total) - p;

    n = NGX_RD_VIEWERS_ARGS;
    ngx_queue_init(&said);

    for (i = 0; i < NGX_RD_VIEWERS_CALL_MAX; i++) {

        if (ngx_queue_empty(&ngx_rd_viewers.changed)) {
            break;
        }

        viewers = ngx_queue_data(ngx_queue_head(&ngx_rd_viewers.changed),
                                 ngx_rd_viewers_t, queue);
        ngx_queue_remove(&viewers->queue);
        ngx_queue_insert_tail(&said, &viewers->queue);

        p = numbers[i];

        argv[n].data = viewers->id;
        argv[n++].len = NGX_RD_SESSION_ID_BYTES;
        argv[n].data = p;
        argv[n++].len = ngx_sprintf(p, "%ui", viewers->n) - p;
    }

    ngx_rd_viewers.call =
        ngx_rd_redis_script_start(ngx_rd_viewers.store->redis,
                                  &ngx_rd_redis_lua_viewers, 1, n, argv,
                                  ngx_rd_viewers_done, NULL);

    ngx_rd_viewers_keep(&said);

    /* with the last tunnel Redis forgets all of ours */

    ngx_rd_viewers.fresh = (ngx_rd_viewers.total == 0);
    ngx_rd_viewers.said_ms = ngx_current_msec;

    if (ngx_rd_viewers.call == NULL) {
        ngx_rd_viewers_unsay();
    }
}


/* of a session without a tunnel nothing more has to be known */

static void
ngx_rd_viewers_keep(ngx_queue_t *said)
{
    ngx_rd_viewers_t  *viewers;

    while (!ngx_queue_empty(said)) {
        viewers = ngx_queue_data(ngx_queue_head(said), ngx_rd_viewers_t,
                                 queue);
        ngx_queue_remove(&viewers->queue);

        if (viewers->n) {
            ngx_queue_insert_tail(&ngx_rd_viewers.said, &viewers->queue);
            continue;
        }

        ngx_rbtree_delete(&ngx_rd_viewers.tree, &viewers->node.node);
        ngx_free(viewers);
    }
}


static void
ngx_rd_viewers_done(ngx_rd_redis_call_t *call)
{
    ngx_rd_viewers.call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_rd_viewers_unsay();
        return;
    }

    if (ngx_rd_redis_reply_integer(call->reply, 0) == 0) {

        /* Redis was away, or we were silent for too long */

        ngx_rd_viewers_unsay();
    }

    if (ngx_exiting && ngx_rd_viewers.total == 0
        && !ngx_queue_empty(&ngx_rd_viewers.changed))
    {
        ngx_rd_viewers_say();
    }
}


/* all is said again, from the beginning */

static void
ngx_rd_viewers_unsay(void)
{
    ngx_rd_viewers.fresh = 1;

    if (!ngx_queue_empty(&ngx_rd_viewers.said)) {
        ngx_queue_add(&ngx_rd_viewers.changed, &ngx_rd_viewers.said);
        ngx_queue_init(&ngx_rd_viewers.said);
    }
}
