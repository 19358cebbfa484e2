
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_redis_internal.h"
#include "../base/ngx_rd_text.h"


/*
 * A call that got no byte for this many deadlines stands on a dead line: a
 * partition sends neither answer nor reset.
 */
#define NGX_RD_REDIS_CALL_SILENT_DEADLINES  3

/*
 * Calls come and go by the dozen, which is more than malloc keeps ready of a
 * size: blocks that most of them fit into are kept here.
 */
#define NGX_RD_REDIS_CALL_BLOCK_BYTES  640

#ifdef __SANITIZE_ADDRESS__
#define NGX_RD_REDIS_CALL_NSPARE_MAX  0         /* as in ngx_rd_inquiry.c */
#else
#define NGX_RD_REDIS_CALL_NSPARE_MAX  128
#endif

#define NGX_RD_REDIS_CALL_HEAD_BYTES  (sizeof("$\r\n\r\n") - 1 + NGX_SIZE_T_LEN)


static ngx_rd_redis_pending_t *ngx_rd_redis_call_block(ngx_rd_redis_t *redis,
    size_t text);
static u_char *ngx_rd_redis_call_print(u_char *p, const ngx_str_t *arg);
static u_char *ngx_rd_redis_call_count(u_char *p, u_char type, size_t n);

static void ngx_rd_redis_call_reply(ngx_rd_redis_t *redis,
    const redisReply *reply, void *data);
static void ngx_rd_redis_call_refused(ngx_rd_redis_pending_t *pending,
    const char *text);
static ngx_uint_t ngx_rd_redis_call_unknown_script(
    ngx_rd_redis_pending_t *pending, const redisReply *reply);
static void ngx_rd_redis_call_timeout_handler(ngx_event_t *ev);

static void ngx_rd_redis_call_answer(ngx_rd_redis_pending_t *pending,
    ngx_rd_error_e error);
static void ngx_rd_redis_call_deliver(ngx_rd_redis_pending_t *pending);
static void ngx_rd_redis_call_leave(ngx_rd_redis_pending_t *pending);
static void ngx_rd_redis_call_free(ngx_rd_redis_pending_t *pending);


ngx_rd_redis_call_t *
ngx_rd_redis_call_start(ngx_rd_redis_t *redis, ngx_uint_t argc,
    const ngx_str_t *argv, ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_redis_pending_t  *pending;

    pending = ngx_rd_redis_call_create(redis, 0, NULL, argc, argv);
    if (pending == NULL) {
        return NULL;
    }

    return ngx_rd_redis_call_accept(pending, done, owner);
}


ngx_rd_redis_pending_t *
ngx_rd_redis_call_create(ngx_rd_redis_t *redis, ngx_uint_t nhead,
    const ngx_str_t *head, ngx_uint_t argc, const ngx_str_t *argv)
{
    size_t                   len;
    u_char                  *p;
    ngx_uint_t               i;
    ngx_rd_redis_pending_t  *pending;

    ngx_rd_assert(nhead + argc > 0);

    if (redis->state == NGX_RD_REDIS_CLOSING) {
        return NULL;
    }

    len = NGX_RD_REDIS_CALL_HEAD_BYTES;

    for (i = 0; i < nhead; i++) {
        len += NGX_RD_REDIS_CALL_HEAD_BYTES + head[i].len;
    }

    for (i = 0; i < argc; i++) {
        len += NGX_RD_REDIS_CALL_HEAD_BYTES + argv[i].len;
    }

    pending = ngx_rd_redis_call_block(redis, len + 1);
    if (pending == NULL) {
        return NULL;
    }

    pending->argc = nhead + argc;

    pending->timer.handler = ngx_rd_redis_call_timeout_handler;
    pending->timer.data = pending;
    pending->timer.log = redis->log;

    p = ngx_rd_redis_call_count(pending->text, '*', pending->argc);

    for (i = 0; i < nhead; i++) {
        p = ngx_rd_redis_call_print(p, &head[i]);

        if (i == 1) {
            pending->tail = p - pending->text;
        }
    }

    for (i = 0; i < argc; i++) {
        p = ngx_rd_redis_call_print(p, &argv[i]);
    }

    pending->len = p - pending->text;

    return pending;
}


static ngx_rd_redis_pending_t *
ngx_rd_redis_call_block(ngx_rd_redis_t *redis, size_t text)
{
    size_t                   size;
    ngx_queue_t             *q;
    ngx_rd_redis_pending_t  *pending;

    size = offsetof(ngx_rd_redis_pending_t, room) + text;

    if (size <= NGX_RD_REDIS_CALL_BLOCK_BYTES && redis->nspare) {
        q = ngx_queue_head(&redis->spare);
        ngx_queue_remove(q);
        redis->nspare--;

        pending = ngx_queue_data(q, ngx_rd_redis_pending_t, queue);

    } else {
        pending = ngx_alloc(ngx_max(size, NGX_RD_REDIS_CALL_BLOCK_BYTES),
                            redis->log);
        if (pending == NULL) {
            return NULL;
        }
    }

    ngx_memzero(pending, offsetof(ngx_rd_redis_pending_t, room));

    pending->redis = redis;
    pending->text = pending->room;
    pending->large = (size > NGX_RD_REDIS_CALL_BLOCK_BYTES);

    return pending;
}


static u_char *
ngx_rd_redis_call_print(u_char *p, const ngx_str_t *arg)
{
    p = ngx_rd_redis_call_count(p, '$', arg->len);
    p = ngx_cpymem(p, arg->data, arg->len);

    *p++ = '\r';
    *p++ = '\n';

    return p;
}


static u_char *
ngx_rd_redis_call_count(u_char *p, u_char type, size_t n)
{
    *p++ = type;
    p = ngx_rd_text_decimal(p, n);

    *p++ = '\r';
    *p++ = '\n';

    return p;
}


ngx_rd_redis_call_t *
ngx_rd_redis_call_accept(ngx_rd_redis_pending_t *pending,
    ngx_rd_redis_done_pt done, void *owner)
{
    ngx_rd_redis_t  *redis;

    redis = pending->redis;

    pending->call.done = done;
    pending->call.owner = owner;

    /* also while it only waits to be refused: this keeps the worker here */

    ngx_add_timer(&pending->timer, redis->conf->timeout_ms);

    ngx_queue_insert_tail(&redis->waiting, &pending->queue);
    redis->ncalls++;

    if (redis->ncalls > redis->conf->calls_max) {
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_QUEUE_FULL);
        return &pending->call;
    }

    /* who has waited has waited for all: what they have kept is to be used */

    if (redis->suspect && redis->state == NGX_RD_REDIS_READY) {
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_TIMEOUT);
        return &pending->call;
    }

    if (redis->suspect && redis->state == NGX_RD_REDIS_OPENING) {
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_DOWN);
        return &pending->call;
    }

    switch (redis->state) {

    case NGX_RD_REDIS_READY:
        ngx_rd_redis_call_send(pending);
        break;

    case NGX_RD_REDIS_OPENING:
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, redis->log, 0,
                       "rd redis call: waits for a connection, waiting:%ui",
                       redis->ncalls);
        break;

    case NGX_RD_REDIS_OLD:
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_OLD);
        break;

    default: /* PAUSING, BREAKING */
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_DOWN);
    }

    return &pending->call;
}


/* pending is in waiting, or in sent to be sent once more */

void
ngx_rd_redis_call_send(ngx_rd_redis_pending_t *pending)
{
    ngx_rd_redis_t  *redis;

    redis = pending->redis;

    if (ngx_queue_empty(&redis->sent)) {
        redis->silent_since = ngx_current_msec;
    }

    if (redis->state != NGX_RD_REDIS_READY
        || ngx_rd_redis_conn_send(redis, pending->text, pending->len,
                                  ngx_rd_redis_call_reply, pending)
           != NGX_OK)
    {
        ngx_rd_redis_break(redis, "a command could not be queued");
        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_LOST);
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, redis->log, 0,
                   "rd redis call: sent, waiting:%ui", redis->ncalls);

    pending->state = NGX_RD_REDIS_CALL_SENT;
    pending->sent_us = ngx_rd_histogram_now_us();
    ngx_queue_remove(&pending->queue);
    ngx_queue_insert_tail(&redis->sent, &pending->queue);
}


void
ngx_rd_redis_call_forget_text(ngx_rd_redis_pending_t *pending)
{
    if (pending->text != pending->room) {
        ngx_free(pending->text);
    }
}


void
ngx_rd_redis_call_send_waiting(ngx_rd_redis_t *redis)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_head(&redis->waiting);

        ngx_rd_redis_call_send(ngx_queue_data(q, ngx_rd_redis_pending_t,
                                              queue));
    }
}


void
ngx_rd_redis_call_refuse_waiting(ngx_rd_redis_t *redis, ngx_rd_error_e error)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_head(&redis->waiting);

        ngx_rd_redis_call_answer(ngx_queue_data(q, ngx_rd_redis_pending_t,
                                                queue),
                                 error);
    }
}


/* once for every call that was sent; NULL: connection lost */

static void
ngx_rd_redis_call_reply(ngx_rd_redis_t *redis, const redisReply *reply,
    void *data)
{
    ngx_rd_redis_pending_t  *pending = data;

    if (pending->call.done == NULL) {
        ngx_log_debug0(NGX_LOG_DEBUG_EVENT, pending->redis->log, 0,
                       "rd redis call: reply dropped");

        ngx_rd_redis_call_leave(pending);
        ngx_rd_redis_call_free(pending);
        return;
    }

    if (reply == NULL) {

        /* done may not run here: this can be inside _destroy() or a timer */

        ngx_rd_redis_call_answer(pending, NGX_RD_ERR_REDIS_LOST);
        return;
    }

    if (ngx_rd_redis_call_unknown_script(pending, reply)) {

        if (ngx_rd_redis_script_resend(pending) != NGX_OK) {
            ngx_rd_redis_call_answer(pending, NGX_RD_ERR_MEMORY);
        }

        return;
    }

    ngx_rd_redis_call_leave(pending);

    pending->call.reply = (const ngx_rd_redis_reply_t *) reply;
    pending->call.error = NGX_RD_ERR_NONE;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_rd_redis_call_refused(pending, reply->str);
    }

    if (pending->redis->watch) {
        ngx_rd_histogram_observe(&pending->redis->watch->took_us,
                                 ngx_rd_histogram_now_us() - pending->sent_us);
    }

    ngx_rd_redis_call_deliver(pending);
    ngx_rd_redis_call_free(pending);
}


static void
ngx_rd_redis_call_refused(ngx_rd_redis_pending_t *pending, const char *text)
{
    ngx_rd_redis_call_t  *call;

    call = &pending->call;
    call->error = ngx_rd_redis_refusal_note(pending->redis, text,
                                            ngx_rd_redis_refusal_asked(call));

    if (call->error != NGX_RD_ERR_REDIS_REPLY) {
        call->reply = NULL;
    }
}


static ngx_uint_t
ngx_rd_redis_call_unknown_script(ngx_rd_redis_pending_t *pending,
    const redisReply *reply)
{
    return pending->script != NULL
           && reply->type == REDIS_REPLY_ERROR
           && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0;
}


static void
ngx_rd_redis_call_timeout_handler(ngx_event_t *ev)
{
    ngx_rd_redis_t          *redis;
    ngx_rd_redis_pending_t  *pending = ev->data;

    redis = pending->redis;

    switch (pending->state) {

    case NGX_RD_REDIS_CALL_WAITING:
        ngx_rd_redis_call_leave(pending);

        pending->call.error = NGX_RD_ERR_REDIS_TIMEOUT;

        ngx_rd_redis_call_deliver(pending);
        ngx_rd_redis_call_free(pending);
        break;

    case NGX_RD_REDIS_CALL_SENT:
        ngx_rd_redis_call_check_silence(redis);

        pending->call.error = NGX_RD_ERR_REDIS_TIMEOUT;

        /* the block stays: its reply or the loss comes, sooner or later */

        ngx_rd_redis_call_deliver(pending);
        break;

    default: /* ANSWERED: its turn comes at once */
        break;
    }
}


void
ngx_rd_redis_call_check_silence(ngx_rd_redis_t *redis)
{
    ngx_msec_t  silent_ms, limit_ms;

    if (redis->state != NGX_RD_REDIS_READY) {
        return;
    }

    silent_ms = ngx_current_msec - redis->silent_since;
    limit_ms = redis->conf->timeout_ms * NGX_RD_REDIS_CALL_SILENT_DEADLINES;

    if (silent_ms >= limit_ms) {
        ngx_rd_redis_break(redis, "silent for %lums",
                           (unsigned long) silent_ms);
        return;
    }

    if (silent_ms < redis->conf->timeout_ms) {
        return;
    }

    if (!redis->suspect) {
        redis->suspect = 1;

        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, redis->log, 0,
                       "rd redis %V: suspect, silent:%Mms",
                       &redis->conf->name, silent_ms);
    }

    /* nothing more is sent whose deadline could look again */

    if (!redis->timer.timer_set) {
        ngx_add_timer(&redis->timer, limit_ms - silent_ms);
    }
}


void
ngx_rd_redis_call_cancel(ngx_rd_redis_call_t *call)
{
    ngx_rd_redis_pending_t  *pending = (ngx_rd_redis_pending_t *) call;

    call->done = NULL;

    switch (pending->state) {

    case NGX_RD_REDIS_CALL_WAITING:
        ngx_rd_redis_call_leave(pending);
        ngx_rd_redis_call_free(pending);
        break;

    case NGX_RD_REDIS_CALL_ANSWERED:
        ngx_queue_remove(&pending->queue);
        ngx_rd_redis_call_free(pending);
        break;

    case NGX_RD_REDIS_CALL_SENT:
        if (pending->timer.timer_set) {
            ngx_del_timer(&pending->timer);
        }

        break;

    case NGX_RD_REDIS_CALL_DELIVERING:
        break;
    }
}


/* From waiting or sent, when no reply is expected for it any more. */

static void
ngx_rd_redis_call_answer(ngx_rd_redis_pending_t *pending, ngx_rd_error_e error)
{
    ngx_rd_redis_t  *redis;

    redis = pending->redis;

    ngx_rd_redis_call_leave(pending);

    pending->state = NGX_RD_REDIS_CALL_ANSWERED;
    pending->call.error = error;
    pending->call.reply = NULL;

    ngx_queue_insert_tail(&redis->answered, &pending->queue);

    /* the next turn: an owner that tries again at once does not spin here */

    if (redis->state != NGX_RD_REDIS_CLOSING) {
        ngx_post_event(&redis->answer, &ngx_posted_next_events);
    }
}


void
ngx_rd_redis_call_deliver_answered(ngx_rd_redis_t *redis)
{
    ngx_queue_t              answered, *q;
    ngx_rd_redis_pending_t  *pending;

    ngx_queue_init(&answered);

    if (!ngx_queue_empty(&redis->answered)) {
        ngx_queue_add(&answered, &redis->answered);
        ngx_queue_init(&redis->answered);
    }

    while (!ngx_queue_empty(&answered)) {
        q = ngx_queue_head(&answered);
        ngx_queue_remove(q);

        pending = ngx_queue_data(q, ngx_rd_redis_pending_t, queue);

        ngx_rd_redis_call_deliver(pending);
        ngx_rd_redis_call_free(pending);
    }
}


static void
ngx_rd_redis_call_deliver(ngx_rd_redis_pending_t *pending)
{
    ngx_uint_t            asked;
    ngx_rd_redis_done_pt  done;

    if (pending->timer.timer_set) {
        ngx_del_timer(&pending->timer);
    }

    if (pending->state != NGX_RD_REDIS_CALL_SENT) {
        pending->state = NGX_RD_REDIS_CALL_DELIVERING;
    }

    asked = ngx_rd_redis_refusal_asked(&pending->call);
    done = pending->call.done;
    pending->call.done = NULL;

    if (done && pending->call.error != NGX_RD_ERR_NONE
        && pending->redis->watch && !asked)
    {
        pending->redis->watch->errors[pending->call.error]++;
    }

    if (done) {
        done(&pending->call);
    }
}


static void
ngx_rd_redis_call_leave(ngx_rd_redis_pending_t *pending)
{
    ngx_queue_remove(&pending->queue);
    pending->redis->ncalls--;

    pending->state = NGX_RD_REDIS_CALL_DELIVERING;
}


static void
ngx_rd_redis_call_free(ngx_rd_redis_pending_t *pending)
{
    ngx_rd_redis_t  *redis;

    if (pending->timer.timer_set) {
        ngx_del_timer(&pending->timer);
    }

    ngx_rd_redis_call_forget_text(pending);

    redis = pending->redis;

    if (pending->large || redis->nspare == NGX_RD_REDIS_CALL_NSPARE_MAX) {
        ngx_free(pending);
        return;
    }

    ngx_queue_insert_head(&redis->spare, &pending->queue);
    redis->nspare++;
}


void
ngx_rd_redis_call_free_spare(ngx_rd_redis_t *redis)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&redis->spare)) {
        q = ngx_queue_head(&redis->spare);
        ngx_queue_remove(q);

        ngx_free(ngx_queue_data(q, ngx_rd_redis_pending_t, queue));
    }
}
