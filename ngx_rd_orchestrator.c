
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_orchestrator.h"
#include "src/base/ngx_rd_error.h"
#include "src/base/ngx_rd_settings.h"
#include "src/base/ngx_rd_text.h"
#include "src/fleet/ngx_rd_launch.h"
#include "src/fleet/ngx_rd_pools.h"
#include "src/fleet/ngx_rd_ready.h"
#include "src/fleet/ngx_rd_removal.h"
#include "src/redis/ngx_rd_redis_reply.h"
#include "src/session/ngx_rd_session.h"
#include "src/work/ngx_rd_job.h"


#define NGX_RD_ATTEMPTS_MAX        3        /* hosts tried for a session */
#define NGX_RD_STORE_AGAIN_MS      500      /* a Redis restart: ~ 1 s */
#define NGX_RD_STORE_AGAIN_MAX     120      /* one minute of outage */
#define NGX_RD_LIFETIME_SLACK_S    300      /* of the container's own net */

#define NGX_RD_WEB_PATH            "/websockify"
#define NGX_RD_SHORT               NGX_RD_SESSION_ID_SHORT


/*
 * The story of one session, from queued to ready:
 *
 *     place -> create (pool thread) -> advance -> wait until it answers
 *           -> commit
 *
 * Every arrow is a step that Redis may refuse, because the user has pressed
 * Stop or somebody else has taken over: then what was made is removed and the
 * story ends.  A step that Redis could not be asked for is asked again; the
 * scripts answer the same when they are asked twice.
 */

typedef struct ngx_rd_drive_s  ngx_rd_drive_t;

typedef void (*ngx_rd_drive_step_pt)(ngx_rd_drive_t *drive);

struct ngx_rd_drive_s {
    ngx_queue_t            queue;
    ngx_log_t             *log;

    ngx_str_t              id;
    u_char                 id_buf[NGX_RD_SESSION_ID_BYTES];
    int64_t                epoch;

    ngx_rd_host_t         *host;
    ngx_str_t              container_name;
    u_char                 name_buf[NGX_RD_CONTAINER_NAME_BYTES_MAX];

    char                   account[NGX_RD_USERNAME_BYTES_MAX + 1];
    char                   password[16];
    ngx_uint_t             lifetime_s;
    int64_t                attempt;

    ngx_rd_container_t     container;
    unsigned               made:1;          /* the container may be there */

    ngx_rd_error_e         error;           /* why there will be no desktop */
    ngx_rd_detail_t        detail;

    /* what it waits for: one of these */

    ngx_rd_redis_call_t   *call;
    ngx_rd_ready_t        *ready;
    ngx_event_t            again;
    ngx_rd_drive_step_pt   again_step;
    ngx_uint_t             again_n;
};


typedef struct {
    ngx_rd_main_conf_t    *rmcf;
    ngx_queue_t            drives;

    ngx_str_t              driver;          /* this worker, unmistakably */
    u_char                 driver_buf[64];
} ngx_rd_orchestrator_t;


static void ngx_rd_orchestrator_place(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_place_done(ngx_rd_redis_call_t *call);
static ngx_int_t ngx_rd_orchestrator_placed(ngx_rd_drive_t *drive,
    const ngx_rd_redis_reply_t *reply);

static void ngx_rd_orchestrator_create(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_create_done(void *owner, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail, const ngx_rd_container_t *container);

static void ngx_rd_orchestrator_advance(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_advance_done(ngx_rd_redis_call_t *call);
static void ngx_rd_orchestrator_wait(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_wait_done(void *owner, ngx_rd_error_e error,
    const char *detail);
static void ngx_rd_orchestrator_commit(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_commit_done(ngx_rd_redis_call_t *call);

static void ngx_rd_orchestrator_undo(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_undo_done(void *owner, ngx_uint_t removed);
static void ngx_rd_orchestrator_undone(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_retry(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_retry_done(ngx_rd_redis_call_t *call);
static void ngx_rd_orchestrator_fail(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_fail_done(ngx_rd_redis_call_t *call);

static ngx_int_t ngx_rd_orchestrator_answer(ngx_rd_drive_t *drive,
    ngx_rd_redis_call_t *call, ngx_rd_drive_step_pt step, int64_t *answer);
static void ngx_rd_orchestrator_again(ngx_rd_drive_t *drive,
    ngx_rd_drive_step_pt step);
static void ngx_rd_orchestrator_again_handler(ngx_event_t *ev);
static void ngx_rd_orchestrator_leave(ngx_rd_drive_t *drive);
static void ngx_rd_orchestrator_free(ngx_rd_drive_t *drive);


static ngx_rd_orchestrator_t  ngx_rd_orchestrator;


ngx_int_t
ngx_rd_orchestrator_init_worker(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf)
{
    char                    nonce[17];
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    if (ngx_rd_text_random_hex(nonce, 8) != NGX_OK
        || ngx_rd_pools_init(cycle, &rmcf->fleet, rmcf->thread_pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_queue_init(&o->drives);

    o->driver.data = o->driver_buf;
    o->driver.len = ngx_snprintf(o->driver_buf, sizeof(o->driver_buf),
                                 "%P:%s", ngx_pid, nonce)
                    - o->driver_buf;

    ngx_rd_removal_init(&rmcf->store, &rmcf->fleet, &rmcf->site,
                        rmcf->thread_pool);
    o->rmcf = rmcf;

    return NGX_OK;
}


void
ngx_rd_orchestrator_exit_worker(void)
{
    ngx_queue_t            *q;
    ngx_rd_drive_t         *drive;
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    if (o->rmcf == NULL) {
        return;
    }

    while (!ngx_queue_empty(&o->drives)) {
        q = ngx_queue_head(&o->drives);
        drive = ngx_queue_data(q, ngx_rd_drive_t, queue);

        ngx_log_error(NGX_LOG_WARN, drive->log, 0,
                      "rd session %*s: left behind by a worker that exits",
                      NGX_RD_SHORT, drive->id.data);
        ngx_rd_orchestrator_free(drive);
    }

    ngx_rd_removal_exit();
    ngx_rd_pools_exit();

    o->rmcf = NULL;
}


ngx_int_t
ngx_rd_orchestrator_drive(const ngx_str_t *id, int64_t epoch)
{
    u_char                 *p;
    ngx_rd_drive_t         *drive;
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    ngx_rd_assert(id->len == NGX_RD_SESSION_ID_BYTES);

    drive = ngx_calloc(sizeof(ngx_rd_drive_t), ngx_cycle->log);
    if (drive == NULL) {
        return NGX_ERROR;
    }

    drive->log = ngx_cycle->log;
    drive->epoch = epoch;

    drive->id.len = id->len;
    drive->id.data = drive->id_buf;
    ngx_memcpy(drive->id_buf, id->data, id->len);

    p = ngx_snprintf(drive->name_buf, sizeof(drive->name_buf), "rd-%V-%V",
                     &o->rmcf->site, &drive->id);
    drive->container_name.data = drive->name_buf;
    drive->container_name.len = p - drive->name_buf;

    drive->again.handler = ngx_rd_orchestrator_again_handler;
    drive->again.log = drive->log;
    drive->again.data = drive;

    ngx_queue_insert_tail(&o->drives, &drive->queue);

    ngx_rd_orchestrator_place(drive);

    return NGX_OK;
}


static void
ngx_rd_orchestrator_place(ngx_rd_drive_t *drive)
{
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    drive->call = ngx_rd_store_place(&o->rmcf->store, &drive->id, drive->epoch,
                                     &o->driver, NGX_RD_ATTEMPTS_MAX,
                                     &drive->container_name,
                                     o->rmcf->fleet.places, o->rmcf->fleet.n,
                                     ngx_rd_orchestrator_place_done, drive);
    if (drive->call == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_place);
    }
}


static void
ngx_rd_orchestrator_place_done(ngx_rd_redis_call_t *call)
{
    int64_t          answer;
    ngx_rd_drive_t  *drive;

    drive = call->owner;

    if (ngx_rd_orchestrator_answer(drive, call, ngx_rd_orchestrator_place,
                                   &answer)
        != NGX_OK)
    {
        return;
    }

    if (answer == 0) {

        /* after failures on every host the last one's reason is the answer */

        if (drive->error == NGX_RD_ERR_NONE) {
            drive->error = NGX_RD_ERR_NO_HOST;
        }

        ngx_rd_orchestrator_fail(drive);
        return;
    }

    if (ngx_rd_orchestrator_placed(drive, call->reply) != NGX_OK) {
        drive->error = ngx_rd_error_detail(NGX_RD_ERR_REDIS_REPLY,
                                           &drive->detail,
                                           "place.lua answered nonsense");
        ngx_rd_orchestrator_fail(drive);
        return;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, drive->log, 0,
                   "rd session %*s: queued -> creating, host:%V attempt:%L",
                   NGX_RD_SHORT, drive->id.data, &drive->host->name,
                   drive->attempt);

    ngx_rd_orchestrator_create(drive);
}


static ngx_int_t
ngx_rd_orchestrator_placed(ngx_rd_drive_t *drive,
    const ngx_rd_redis_reply_t *reply)
{
    int64_t    initial_s, extension_s, extensions_max;
    ngx_str_t  host, account, password;

    if (ngx_rd_redis_reply_count(reply) < 10) {
        return NGX_ERROR;
    }

    host = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 1));
    account = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 4));
    password = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(reply, 5));
    initial_s = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 6), 0);
    extension_s = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 7),
                                             0);
    extensions_max = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 8),
                                                0);

    drive->epoch = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 2),
                                              0);
    drive->attempt = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(reply, 9),
                                                0);
    drive->host = ngx_rd_host_find(&ngx_rd_orchestrator.rmcf->fleet, &host);

    if (drive->host == NULL
        || account.len >= sizeof(drive->account)
        || password.len >= sizeof(drive->password))
    {
        return NGX_ERROR;
    }

    ngx_cpystrn((u_char *) drive->account, account.data, account.len + 1);
    ngx_cpystrn((u_char *) drive->password, password.data, password.len + 1);

    drive->lifetime_s = initial_s + extension_s * extensions_max
                        + NGX_RD_LIFETIME_SLACK_S;
    return NGX_OK;
}


static void
ngx_rd_orchestrator_create(ngx_rd_drive_t *drive)
{
    ngx_rd_launch_t      launch;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_rd_orchestrator.rmcf;

    launch.host = drive->host;
    launch.settings = rmcf->settings;
    launch.site = rmcf->site;
    launch.session = drive->id;
    launch.name = drive->container_name;
    launch.epoch = drive->epoch;
    launch.account.data = (u_char *) drive->account;
    launch.account.len = ngx_strlen(drive->account);
    launch.password.data = (u_char *) drive->password;
    launch.password.len = ngx_strlen(drive->password);
    launch.lifetime_s = drive->lifetime_s;
    launch.timeout_ms = rmcf->create_timeout_ms;

    if (ngx_rd_job_count() >= rmcf->jobs_max
        || ngx_rd_launch_start(&launch, rmcf->thread_pool,
                               ngx_rd_orchestrator_create_done, drive)
           != NGX_AGAIN)
    {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_create);
    }
}


static void
ngx_rd_orchestrator_create_done(void *owner, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail, const ngx_rd_container_t *container)
{
    ngx_rd_drive_t  *drive = owner;

    drive->container = *container;

    if (error == NGX_RD_ERR_NONE) {
        drive->made = 1;
        ngx_rd_orchestrator_advance(drive);
        return;
    }

    drive->error = error;
    drive->detail = *detail;
    drive->made = container->leftover;

    ngx_rd_orchestrator_undo(drive);
}


static void
ngx_rd_orchestrator_advance(ngx_rd_drive_t *drive)
{
    ngx_str_t                  container_id;
    ngx_rd_main_conf_t        *rmcf;
    ngx_rd_store_endpoints_t   endpoints;

    rmcf = ngx_rd_orchestrator.rmcf;

    ngx_rd_launch_endpoints(&endpoints, drive->host, rmcf->settings,
                            &drive->container);

    container_id.data = (u_char *) drive->container.id;
    container_id.len = ngx_strlen(drive->container.id);

    drive->call = ngx_rd_store_advance(&rmcf->store, &drive->id, drive->epoch,
                                       &container_id, &endpoints,
                                       ngx_rd_orchestrator_advance_done, drive);
    if (drive->call == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_advance);
    }
}


static void
ngx_rd_orchestrator_advance_done(ngx_rd_redis_call_t *call)
{
    int64_t          answer;
    ngx_rd_drive_t  *drive;

    drive = call->owner;

    if (ngx_rd_orchestrator_answer(drive, call, ngx_rd_orchestrator_advance,
                                   &answer)
        != NGX_OK)
    {
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, drive->log, 0,
                   "rd session %*s: creating -> starting, host:%V",
                   NGX_RD_SHORT, drive->id.data, &drive->host->name);

    ngx_rd_orchestrator_wait(drive);
}


static void
ngx_rd_orchestrator_wait(ngx_rd_drive_t *drive)
{
    socklen_t            len;
    ngx_sockaddr_t       sockaddr;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_rd_orchestrator.rmcf;

    if (ngx_rd_host_sockaddr(&drive->host->address,
                             drive->container.ports[NGX_RD_LAUNCH_PORT_WEB],
                             &sockaddr, &len)
        != NGX_OK)
    {
        drive->error = ngx_rd_error_detail(NGX_RD_ERR_INTERNAL, &drive->detail,
                                           "the host's address is no address");
        ngx_rd_orchestrator_undo(drive);
        return;
    }

    drive->ready = ngx_rd_ready_start(&sockaddr.sockaddr, len, NGX_RD_WEB_PATH,
                                      rmcf->ready_timeout_ms,
                                      ngx_rd_orchestrator_wait_done, drive,
                                      drive->log);
    if (drive->ready == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_wait);
    }
}


static void
ngx_rd_orchestrator_wait_done(void *owner, ngx_rd_error_e error,
    const char *detail)
{
    ngx_rd_drive_t  *drive = owner;

    drive->ready = NULL;

    if (error == NGX_RD_ERR_NONE) {
        ngx_rd_orchestrator_commit(drive);
        return;
    }

    drive->error = ngx_rd_error_detail(error, &drive->detail, "%s, host %s",
                                       detail, drive->host->conf->name);
    ngx_rd_orchestrator_undo(drive);
}


static void
ngx_rd_orchestrator_commit(ngx_rd_drive_t *drive)
{
    drive->call = ngx_rd_store_commit(&ngx_rd_orchestrator.rmcf->store,
                                      &drive->id, drive->epoch,
                                      ngx_rd_orchestrator_commit_done, drive);
    if (drive->call == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_commit);
    }
}


static void
ngx_rd_orchestrator_commit_done(ngx_rd_redis_call_t *call)
{
    int64_t          answer;
    ngx_rd_drive_t  *drive;

    drive = call->owner;

    if (ngx_rd_orchestrator_answer(drive, call, ngx_rd_orchestrator_commit,
                                   &answer)
        != NGX_OK)
    {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, drive->log, 0,
                  "rd session %*s: ready, host:%V", NGX_RD_SHORT,
                  drive->id.data, &drive->host->name);

    ngx_rd_orchestrator_free(drive);
}


/* something went wrong: first the container goes, then the session is told */

static void
ngx_rd_orchestrator_undo(ngx_rd_drive_t *drive)
{
    ngx_log_error(NGX_LOG_WARN, drive->log, 0,
                  "rd session %*s: %s, host:%V detail:%s", NGX_RD_SHORT,
                  drive->id.data, ngx_rd_error_code(drive->error),
                  &drive->host->name, drive->detail.text);

    if (!drive->made) {
        ngx_rd_orchestrator_undone(drive);
        return;
    }

    if (ngx_rd_removal_start(&drive->id, drive->host, &drive->container_name,
                             ngx_rd_orchestrator_undo_done, drive)
        != NGX_AGAIN)
    {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_undo);
    }
}


static void
ngx_rd_orchestrator_undo_done(void *owner, ngx_uint_t removed)
{
    ngx_rd_drive_t  *drive = owner;

    drive->made = !removed;

    ngx_rd_orchestrator_undone(drive);
}


static void
ngx_rd_orchestrator_undone(ngx_rd_drive_t *drive)
{
    /* a host that still holds our container may not be left for another one */

    if (ngx_rd_error_retryable(drive->error) && !drive->made) {
        ngx_rd_orchestrator_retry(drive);
        return;
    }

    ngx_rd_orchestrator_fail(drive);
}


static void
ngx_rd_orchestrator_retry(ngx_rd_drive_t *drive)
{
    drive->call = ngx_rd_store_retry(&ngx_rd_orchestrator.rmcf->store,
                                     &drive->id, drive->epoch, drive->error,
                                     drive->detail.text,
                                     ngx_rd_orchestrator_retry_done, drive);
    if (drive->call == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_retry);
    }
}


static void
ngx_rd_orchestrator_retry_done(ngx_rd_redis_call_t *call)
{
    int64_t          answer;
    ngx_rd_drive_t  *drive;

    drive = call->owner;

    if (ngx_rd_orchestrator_answer(drive, call, ngx_rd_orchestrator_retry,
                                   &answer)
        != NGX_OK)
    {
        return;
    }

    drive->epoch = ngx_rd_redis_reply_integer(
                                    ngx_rd_redis_reply_at(call->reply, 1), 0);
    drive->host = NULL;

    ngx_rd_orchestrator_place(drive);
}


static void
ngx_rd_orchestrator_fail(ngx_rd_drive_t *drive)
{
    drive->call = ngx_rd_store_fail(&ngx_rd_orchestrator.rmcf->store,
                                    &drive->id, drive->epoch, drive->error,
                                    drive->detail.text, drive->made,
                                    ngx_rd_orchestrator_fail_done, drive);
    if (drive->call == NULL) {
        ngx_rd_orchestrator_again(drive, ngx_rd_orchestrator_fail);
    }
}


static void
ngx_rd_orchestrator_fail_done(ngx_rd_redis_call_t *call)
{
    int64_t          answer;
    ngx_rd_drive_t  *drive;

    drive = call->owner;

    if (ngx_rd_orchestrator_answer(drive, call, ngx_rd_orchestrator_fail,
                                   &answer)
        != NGX_OK)
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, drive->log, 0,
                  "rd session %*s: failed, %s, detail:%s", NGX_RD_SHORT,
                  drive->id.data, ngx_rd_error_code(drive->error),
                  drive->detail.text);

    /* answer 1: a container is left; due.lua will hand it to somebody */

    ngx_rd_orchestrator_free(drive);
}


/*
 * What every script's answer begins with.  NGX_OK: go on; otherwise the drive
 * was taken care of and must not be touched.
 */

static ngx_int_t
ngx_rd_orchestrator_answer(ngx_rd_drive_t *drive, ngx_rd_redis_call_t *call,
    ngx_rd_drive_step_pt step, int64_t *answer)
{
    ngx_str_t  state;

    drive->call = NULL;

    if (call->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_WARN, drive->log, 0,
                      "rd session %*s: waiting, %s", NGX_RD_SHORT,
                      drive->id.data, ngx_rd_error_code(call->error));
        ngx_rd_orchestrator_again(drive, step);
        return NGX_AGAIN;
    }

    *answer = ngx_rd_redis_reply_integer(ngx_rd_redis_reply_at(call->reply, 0),
                                         -1);
    if (*answer >= 0) {
        drive->again_n = 0;
        return NGX_OK;
    }

    state = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(call->reply, 1));

    ngx_log_error(NGX_LOG_INFO, drive->log, 0,
                  "rd session %*s: is %V now, no longer ours", NGX_RD_SHORT,
                  drive->id.data, &state);

    ngx_rd_orchestrator_leave(drive);

    return NGX_DECLINED;
}


static void
ngx_rd_orchestrator_again(ngx_rd_drive_t *drive, ngx_rd_drive_step_pt step)
{
    if (++drive->again_n > NGX_RD_STORE_AGAIN_MAX) {
        ngx_log_error(NGX_LOG_ERR, drive->log, 0,
                      "rd session %*s: given up, nobody could be told",
                      NGX_RD_SHORT, drive->id.data);
        ngx_rd_orchestrator_leave(drive);
        return;
    }

    drive->again_step = step;
    ngx_add_timer(&drive->again, NGX_RD_STORE_AGAIN_MS);
}


static void
ngx_rd_orchestrator_again_handler(ngx_event_t *ev)
{
    ngx_rd_drive_t  *drive;

    drive = ev->data;

    drive->again_step(drive);
}


/* the session is not ours any more: what we made goes, and nobody is told */

static void
ngx_rd_orchestrator_leave(ngx_rd_drive_t *drive)
{
    if (drive->made) {
        (void) ngx_rd_removal_start(&drive->id, drive->host,
                                    &drive->container_name, NULL, NULL);
    }

    ngx_rd_orchestrator_free(drive);
}


static void
ngx_rd_orchestrator_free(ngx_rd_drive_t *drive)
{
    if (drive->call) {
        ngx_rd_redis_call_cancel(drive->call);
    }

    if (drive->ready) {
        ngx_rd_ready_cancel(drive->ready);
    }

    if (drive->again.timer_set) {
        ngx_del_timer(&drive->again);
    }

    ngx_queue_remove(&drive->queue);
    explicit_bzero(drive->password, sizeof(drive->password));
    ngx_free(drive);
}
