
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
#include "src/fleet/ngx_rd_closing.h"
#include "src/fleet/ngx_rd_launch.h"
#include "src/fleet/ngx_rd_lease.h"
#include "src/fleet/ngx_rd_pools.h"
#include "src/fleet/ngx_rd_ready.h"
#include "src/fleet/ngx_rd_removal.h"
#include "src/fleet/ngx_rd_tick.h"
#include "src/http/ngx_rd_metrics.h"
#include "src/session/ngx_rd_ask.h"
#include "src/session/ngx_rd_placement.h"


#define NGX_RD_ATTEMPTS_MAX        3        /* hosts tried for a session */
#define NGX_RD_LIFETIME_SLACK_S    300      /* of the container's own net */

#define NGX_RD_WEB_PATH            "/websockify"
#define NGX_RD_SHORT               NGX_RD_SESSION_ID_SHORT


/*
 * The story of one session, as its driver lives it:
 *
 *     placed -> create (pool thread) -> advance -> wait until it answers
 *            -> commit
 *
 * It begins in the middle when another worker has driven it before and died:
 * a container that is there already is adopted or replaced.
 *
 * Every arrow is a step that Redis may refuse, because the user has pressed
 * Stop or somebody else has taken over.  In the first case what was made is
 * removed, in the second it is left to its new driver.  A step that Redis
 * could not be asked for is asked again; the scripts answer the same twice.
 */

typedef struct ngx_rd_drive_s  ngx_rd_drive_t;

struct ngx_rd_drive_s {
    ngx_queue_t            queue;
    ngx_rd_lease_t         lease;
    ngx_rd_ask_t           ask;             /* what it waits for: an answer, */
    ngx_rd_ready_t        *ready;           /* the desktop, or a job */
    ngx_log_t             *log;

    ngx_str_t              id;
    u_char                 id_buf[NGX_RD_SESSION_ID_BYTES];
    int64_t                epoch;

    ngx_str_t              installation;
    u_char                 installation_buf[NGX_RD_SESSION_ID_BYTES];
    ngx_rd_host_t         *host;
    ngx_str_t              container_name;
    u_char                 name_buf[NGX_RD_CONTAINER_NAME_BYTES_MAX];
    ngx_str_t              account;
    u_char                 account_buf[NGX_RD_USERNAME_BYTES_MAX];
    ngx_str_t              passwords;
    u_char                 passwords_buf[32];
    ngx_uint_t             lifetime_s;
    ngx_msec_t             phase_ms;        /* when the running one began */
    ngx_rd_container_t     container;
    unsigned               made:1;          /* the container may be there */
    ngx_rd_error_e         error;           /* why there will be no desktop */
    ngx_rd_detail_t        detail;
};


typedef struct {
    ngx_rd_main_conf_t    *rmcf;
    ngx_queue_t            drives;
    ngx_str_t              driver;          /* this worker, unmistakably */
    u_char                 driver_buf[64];
} ngx_rd_orchestrator_t;


static void ngx_rd_orchestrator_placed(const ngx_rd_placement_t *placement);
static ngx_rd_drive_t *ngx_rd_orchestrator_begin(
    const ngx_rd_placement_t *placement);

static void ngx_rd_orchestrator_create(void *owner);
static void ngx_rd_orchestrator_create_done(void *owner, ngx_rd_error_e error,
    const ngx_rd_detail_t *detail, const ngx_rd_container_t *container);

static void ngx_rd_orchestrator_advance(void *owner);
static void ngx_rd_orchestrator_advanced(void *owner, int64_t answer);
static void ngx_rd_orchestrator_wait(void *owner);
static void ngx_rd_orchestrator_wait_done(void *owner, ngx_rd_error_e error,
    const char *detail);
static void ngx_rd_orchestrator_commit(void *owner);
static void ngx_rd_orchestrator_committed(void *owner, int64_t answer);

static void ngx_rd_orchestrator_undo(void *owner);
static void ngx_rd_orchestrator_undo_done(void *owner, ngx_uint_t removed);
static void ngx_rd_orchestrator_retry(void *owner);
static void ngx_rd_orchestrator_retried(void *owner, int64_t answer);
static void ngx_rd_orchestrator_fail(void *owner);
static void ngx_rd_orchestrator_failed(void *owner, int64_t answer);

static void ngx_rd_orchestrator_refused(void *owner, const ngx_str_t *state);
static void ngx_rd_orchestrator_free(void *owner);
static void ngx_rd_orchestrator_lost(ngx_rd_lease_t *lease);


static ngx_rd_orchestrator_t  ngx_rd_orchestrator;


ngx_int_t
ngx_rd_orchestrator_init_worker(ngx_cycle_t *cycle, ngx_rd_main_conf_t *rmcf)
{
    char                    nonce[17];
    ngx_rd_tick_conf_t      tick;
    ngx_rd_closing_conf_t   closing;
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    if (ngx_rd_text_random_hex(nonce, 8) != NGX_OK
        || ngx_rd_pools_init(cycle, &rmcf->fleet, rmcf->thread_pool) != NGX_OK
        || ngx_rd_removal_init(&rmcf->store, &rmcf->fleet, &rmcf->site,
                               rmcf->thread_pool, ngx_rd_tick_dispatch)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_queue_init(&o->drives);

    o->driver.data = o->driver_buf;
    o->driver.len = ngx_snprintf(o->driver_buf, sizeof(o->driver_buf),
                                 "%P:%s", ngx_pid, nonce)
                    - o->driver_buf;

    tick.store = &rmcf->store;
    tick.fleet = &rmcf->fleet;
    tick.settings = rmcf->settings;
    tick.site = rmcf->site;
    tick.driver = o->driver;
    tick.jobs_max = rmcf->jobs_max;
    tick.queue_timeout_ms = rmcf->queue_timeout_ms;
    tick.placed = ngx_rd_orchestrator_placed;

    closing.store = &rmcf->store;
    closing.bound_ms = rmcf->end_on_stop_ms;

    ngx_rd_lease_init(&rmcf->store);
    ngx_rd_closing_init(&closing);
    o->rmcf = rmcf;

    return ngx_rd_tick_init(&tick);
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

        ngx_log_error(NGX_LOG_NOTICE, drive->log, 0,
                      "rd session %*s: left to another worker",
                      NGX_RD_SHORT, drive->id.data);
        ngx_rd_orchestrator_free(drive);
    }

    ngx_rd_lease_exit();
    ngx_rd_closing_exit();
    ngx_rd_tick_exit();
    ngx_rd_pools_exit();

    o->rmcf = NULL;
}


/* a session is ours: placed just now, or left behind by its worker */

static void
ngx_rd_orchestrator_placed(const ngx_rd_placement_t *placement)
{
    ngx_rd_drive_t  *drive;

    drive = ngx_rd_orchestrator_begin(placement);

    if (drive == NULL) {
        return;                     /* its lease ends, then somebody else */
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, drive->log, 0,
                   "rd session %*s: queued -> creating, host:%V attempt:%L",
                   NGX_RD_SHORT, drive->id.data, &placement->host,
                   placement->attempt);

    if (drive->host == NULL) {
        drive->error = ngx_rd_error_detail(NGX_RD_ERR_NO_HOST, &drive->detail,
                                           "its host is not in hosts.yml");
        ngx_rd_orchestrator_fail(drive);
        return;
    }

    if (placement->state == NGX_RD_SESSION_STARTING) {
        ngx_log_error(NGX_LOG_NOTICE, drive->log, 0,
                      "rd session %*s: taken over while starting, host:%V",
                      NGX_RD_SHORT, drive->id.data, &drive->host->name);

        drive->made = 1;
        drive->container.ports[NGX_RD_LAUNCH_PORT_WEB] = placement->web_port;
        drive->container.ports[NGX_RD_LAUNCH_PORT_VNC] = placement->vnc_port;
        ngx_rd_orchestrator_wait(drive);
        return;
    }

    ngx_rd_metrics_phase(NGX_RD_METRICS_QUEUE, placement->waited_ms);
    ngx_rd_orchestrator_create(drive);
}


static ngx_rd_drive_t *
ngx_rd_orchestrator_begin(const ngx_rd_placement_t *placement)
{
    ngx_rd_drive_t         *drive;
    ngx_rd_orchestrator_t  *o;

    o = &ngx_rd_orchestrator;

    if (placement->container.len > sizeof(drive->name_buf)
        || placement->account.len > sizeof(drive->account_buf)
        || placement->passwords.len > sizeof(drive->passwords_buf))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "rd session %*s: its record makes no sense",
                      NGX_RD_SHORT, placement->id.data);
        return NULL;
    }

    drive = ngx_calloc(sizeof(ngx_rd_drive_t), ngx_cycle->log);
    if (drive == NULL) {
        return NULL;
    }

    drive->log = ngx_cycle->log;
    drive->epoch = placement->epoch;
    drive->phase_ms = ngx_current_msec;
    drive->host = ngx_rd_host_find(&o->rmcf->fleet, &placement->host);
    drive->lifetime_s = placement->lifetime_s + NGX_RD_LIFETIME_SLACK_S;

#define ngx_rd_orchestrator_keep(field, buf, from)                            \
    drive->field.data = drive->buf;                                           \
    drive->field.len = placement->from.len;                                   \
    ngx_memcpy(drive->buf, placement->from.data, placement->from.len)

    ngx_rd_orchestrator_keep(id, id_buf, id);
    ngx_rd_orchestrator_keep(installation, installation_buf, installation);
    ngx_rd_orchestrator_keep(container_name, name_buf, container);
    ngx_rd_orchestrator_keep(account, account_buf, account);
    ngx_rd_orchestrator_keep(passwords, passwords_buf, passwords);

#undef ngx_rd_orchestrator_keep

    /* given up: others may see Redis and have taken over, so nothing goes */

    drive->ask.owner = drive;
    drive->ask.id = &drive->id;
    drive->ask.refused = ngx_rd_orchestrator_refused;
    drive->ask.gave_up = ngx_rd_orchestrator_free;

    drive->lease.id = drive->id;
    drive->lease.epoch = drive->epoch;
    drive->lease.lost = ngx_rd_orchestrator_lost;
    ngx_rd_lease_hold(&drive->lease);
    ngx_queue_insert_tail(&o->drives, &drive->queue);

    return drive;
}


static void
ngx_rd_orchestrator_create(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_rd_launch_t      launch;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = ngx_rd_orchestrator.rmcf;

    launch.host = drive->host;
    launch.settings = rmcf->settings;
    launch.site = rmcf->site;
    launch.installation = drive->installation;
    launch.session = drive->id;
    launch.name = drive->container_name;
    launch.epoch = drive->epoch;
    launch.account = drive->account;
    launch.passwords = drive->passwords;
    launch.lifetime_s = drive->lifetime_s;
    launch.timeout_ms = rmcf->create_timeout_ms;

    if (ngx_rd_launch_start(&launch, rmcf->thread_pool,
                            ngx_rd_orchestrator_create_done, drive)
        != NGX_AGAIN)
    {
        ngx_rd_ask_later(&drive->ask, ngx_rd_orchestrator_create);
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
        ngx_rd_metrics_phase_since(NGX_RD_METRICS_CREATE, &drive->phase_ms);

        /* also when it was lost meanwhile: Redis says what becomes of it */

        ngx_rd_orchestrator_advance(drive);
        return;
    }

    if (error == NGX_RD_ERR_STALE) {
        ngx_rd_orchestrator_free(drive);    /* a later driver's container */
        return;
    }

    drive->error = error;
    drive->detail = *detail;
    drive->made = container->leftover;

    ngx_rd_orchestrator_undo(drive);
}


static void
ngx_rd_orchestrator_advance(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_str_t                  container_id;
    ngx_rd_main_conf_t        *rmcf;
    ngx_rd_redis_call_t       *call;
    ngx_rd_store_endpoints_t   endpoints;

    rmcf = ngx_rd_orchestrator.rmcf;

    ngx_rd_launch_endpoints(&endpoints, drive->host, rmcf->settings,
                            &drive->container);

    container_id.data = (u_char *) drive->container.id;
    container_id.len = ngx_strlen(drive->container.id);

    call = ngx_rd_store_advance(&rmcf->store, &drive->id, drive->epoch,
                                &container_id, &endpoints, ngx_rd_ask_done,
                                &drive->ask);

    ngx_rd_ask_put(&drive->ask, call, ngx_rd_orchestrator_advance,
                   ngx_rd_orchestrator_advanced);
}


static void
ngx_rd_orchestrator_advanced(void *owner, int64_t answer)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, drive->log, 0,
                   "rd session %*s: creating -> starting, host:%V",
                   NGX_RD_SHORT, drive->id.data, &drive->host->name);

    ngx_rd_tick_dispatch();         /* a create slot is free */
    ngx_rd_orchestrator_wait(drive);
}


static void
ngx_rd_orchestrator_wait(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    socklen_t              len;
    ngx_rd_main_conf_t    *rmcf;
    ngx_rd_desktop_addr_t  addr;

    rmcf = ngx_rd_orchestrator.rmcf;

    if (ngx_rd_desktop_address(&addr, &drive->host->address,
                               drive->container.ports[NGX_RD_LAUNCH_PORT_WEB],
                               &len)
        != NGX_OK)
    {
        drive->error = ngx_rd_error_detail(NGX_RD_ERR_INTERNAL, &drive->detail,
                                           "the host's address is no address");
        ngx_rd_orchestrator_undo(drive);
        return;
    }

    drive->ready = ngx_rd_ready_start(&addr.sockaddr, len, NGX_RD_WEB_PATH,
                                      rmcf->ready_timeout_ms,
                                      ngx_rd_orchestrator_wait_done, drive,
                                      drive->log);
    if (drive->ready == NULL) {
        ngx_rd_ask_later(&drive->ask, ngx_rd_orchestrator_wait);
    }
}


static void
ngx_rd_orchestrator_wait_done(void *owner, ngx_rd_error_e error,
    const char *detail)
{
    ngx_rd_drive_t  *drive = owner;

    drive->ready = NULL;

    if (error == NGX_RD_ERR_NONE) {
        ngx_rd_metrics_phase_since(NGX_RD_METRICS_READY, &drive->phase_ms);
        ngx_rd_orchestrator_commit(drive);
        return;
    }

    drive->error = ngx_rd_error_detail(error, &drive->detail, "%s, host %s",
                                       detail, drive->host->conf->name);
    ngx_rd_orchestrator_undo(drive);
}


static void
ngx_rd_orchestrator_commit(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_rd_redis_call_t  *call;

    call = ngx_rd_store_commit(&ngx_rd_orchestrator.rmcf->store, &drive->id,
                               drive->epoch, ngx_rd_ask_done, &drive->ask);

    ngx_rd_ask_put(&drive->ask, call, ngx_rd_orchestrator_commit,
                   ngx_rd_orchestrator_committed);
}


static void
ngx_rd_orchestrator_committed(void *owner, int64_t answer)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_log_error(NGX_LOG_INFO, drive->log, 0,
                  "rd session %*s: ready, host:%V", NGX_RD_SHORT,
                  drive->id.data, &drive->host->name);

    ngx_rd_metrics_started(NGX_RD_ERR_NONE);
    ngx_rd_orchestrator_free(drive);
}


/* something went wrong: first the container goes, then the session is told */

static void
ngx_rd_orchestrator_undo(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_log_error(NGX_LOG_WARN, drive->log, 0,
                  "rd session %*s: %s, host:%V detail:%s", NGX_RD_SHORT,
                  drive->id.data, ngx_rd_error_code(drive->error),
                  &drive->host->name, drive->detail.text);

    if (!drive->made) {
        ngx_rd_orchestrator_undo_done(drive, 1);
        return;
    }

    if (ngx_rd_removal_start(&drive->id, drive->epoch, drive->host,
                             &drive->container_name,
                             ngx_rd_orchestrator_undo_done, drive)
        != NGX_AGAIN)
    {
        ngx_rd_ask_later(&drive->ask, ngx_rd_orchestrator_undo);
    }
}


static void
ngx_rd_orchestrator_undo_done(void *owner, ngx_uint_t removed)
{
    ngx_rd_drive_t  *drive = owner;

    drive->made = !removed;

    /* what cannot be removed now is told from its label later (sweeps) */

    if (ngx_rd_error_retryable(drive->error)) {
        ngx_rd_orchestrator_retry(drive);
        return;
    }

    ngx_rd_orchestrator_fail(drive);
}


static void
ngx_rd_orchestrator_retry(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_rd_redis_call_t  *call;

    call = ngx_rd_store_retry(&ngx_rd_orchestrator.rmcf->store, &drive->id,
                              drive->epoch, drive->error, drive->detail.text,
                              NGX_RD_ATTEMPTS_MAX,
                              ngx_rd_orchestrator.rmcf->fleet.n,
                              drive->error == NGX_RD_ERR_DOCKER_DISK_FULL,
                              ngx_rd_ask_done, &drive->ask);

    ngx_rd_ask_put(&drive->ask, call, ngx_rd_orchestrator_retry,
                   ngx_rd_orchestrator_retried);
}


static void
ngx_rd_orchestrator_retried(void *owner, int64_t answer)
{
    ngx_rd_drive_t  *drive = owner;

    if (answer == 0) {
        ngx_rd_orchestrator_fail(drive);    /* every try is used up */
        return;
    }

    ngx_rd_orchestrator_free(drive);
    ngx_rd_tick_dispatch();         /* it waits again, for another host */
}


static void
ngx_rd_orchestrator_fail(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_rd_redis_call_t  *call;

    call = ngx_rd_store_fail(&ngx_rd_orchestrator.rmcf->store, &drive->id,
                             drive->epoch, drive->error, drive->detail.text,
                             drive->made, ngx_rd_ask_done, &drive->ask);

    ngx_rd_ask_put(&drive->ask, call, ngx_rd_orchestrator_fail,
                   ngx_rd_orchestrator_failed);
}


static void
ngx_rd_orchestrator_failed(void *owner, int64_t answer)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_log_error(NGX_LOG_ERR, drive->log, 0,
                  "rd session %*s: failed, %s, detail:%s", NGX_RD_SHORT,
                  drive->id.data, ngx_rd_error_code(drive->error),
                  drive->detail.text);
    ngx_rd_metrics_started(drive->error);

    /* answer 1: a container is left; tick.lua will hand it to somebody */
    ngx_rd_orchestrator_free(drive);
    ngx_rd_tick_dispatch();
}


/* the user has pressed Stop, or somebody else drives it */

static void
ngx_rd_orchestrator_refused(void *owner, const ngx_str_t *state)
{
    ngx_rd_drive_t  *drive = owner;

    /* a session that lives on has another driver, who has adopted what is */

    if (drive->made && !ngx_rd_session_is(state, "creating")
        && !ngx_rd_session_is(state, "starting")
        && !ngx_rd_session_is(state, "ready"))
    {
        (void) ngx_rd_removal_start(&drive->id, drive->epoch, drive->host,
                                    &drive->container_name, NULL, NULL);
    }

    ngx_rd_orchestrator_free(drive);
}


/* whoever waits for Redis will hear it there; who only waits stops waiting */

static void
ngx_rd_orchestrator_lost(ngx_rd_lease_t *lease)
{
    ngx_rd_drive_t  *drive;

    drive = ngx_queue_data(lease, ngx_rd_drive_t, lease);

    if (drive->ready) {
        ngx_rd_ready_cancel(drive->ready);
        drive->ready = NULL;

        /* stopped by its user, or taken over: the script knows which */
        ngx_rd_orchestrator_commit(drive);
    }
}


static void
ngx_rd_orchestrator_free(void *owner)
{
    ngx_rd_drive_t  *drive = owner;

    ngx_rd_ask_cancel(&drive->ask);

    if (drive->ready) {
        ngx_rd_ready_cancel(drive->ready);
    }

    ngx_rd_lease_release(&drive->lease);
    ngx_queue_remove(&drive->queue);
    explicit_bzero(drive->passwords_buf, sizeof(drive->passwords_buf));
    ngx_free(drive);
}
