
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_answer.h"
#include "ngx_rd_farewell.h"
#include "ngx_rd_keepalive.h"
#include "ngx_rd_loan.h"
#include "ngx_rd_tunnel.h"
#include "../base/ngx_rd_error.h"
#include "../session/ngx_rd_viewers.h"


#define NGX_RD_TUNNEL_TICK_MS    250
#define NGX_RD_TUNNEL_ASK_MS     450    /* where nobody tells what changes */
#define NGX_RD_TUNNEL_LEAVE_MS   2000   /* to say that the worker exits */


struct ngx_rd_tunnel_s {
    ngx_queue_t              queue;
    ngx_http_request_t      *request;
    ngx_rd_main_conf_t      *rmcf;
    ngx_rd_farewell_t        farewell;
    ngx_rd_loan_t            loan;

    uint64_t                 owner;
    uint64_t                 viewer;
    u_char                   session_id[NGX_RD_SESSION_ID_BYTES];

    ngx_uint_t               generation;    /* of the zone, when looked at */
    ngx_msec_t               checked_ms;
    ngx_msec_t               expires_ms;    /* by ngx_current_msec */
    ngx_rd_viewers_t        *counted;       /* NULL: it is not */
    ngx_msec_t               answer_by_ms;  /* by ngx_current_msec */
    unsigned                 unsure:1;      /* nobody could be asked */
    unsigned                 unanswered:1;  /* the handshake */
    unsigned                 bounded:1;     /* a dead client is noticed */

    ngx_rd_inquiry_t        *inquiry;       /* while somebody is asked */
    u_char                   sid[NGX_RD_COOKIE_SID_BYTES + 1];
    u_char                   mac[NGX_RD_COOKIE_MAC_BYTES];
};


static void ngx_rd_tunnel_tick_handler(ngx_event_t *ev);
static ngx_uint_t ngx_rd_tunnel_due(ngx_rd_tunnel_t *tunnel);

static ngx_uint_t ngx_rd_tunnel_leaving(void);
static void ngx_rd_tunnel_leave(ngx_rd_tunnel_t *tunnel);

static void ngx_rd_tunnel_check(ngx_rd_tunnel_t *tunnel);
static void ngx_rd_tunnel_inquiry_done(ngx_rd_inquiry_t *inquiry);
static ngx_rd_error_e ngx_rd_tunnel_verdict(ngx_rd_tunnel_t *tunnel);
static void ngx_rd_tunnel_checked(ngx_rd_tunnel_t *tunnel,
    ngx_rd_error_e error);
static void ngx_rd_tunnel_expect(ngx_rd_tunnel_t *tunnel,
    const ngx_rd_desktop_t *desktop);

static void ngx_rd_tunnel_close(ngx_rd_tunnel_t *tunnel, ngx_rd_error_e error);
static void ngx_rd_tunnel_cleanup(void *data);


static ngx_queue_t  ngx_rd_tunnel_all;
static ngx_event_t  ngx_rd_tunnel_tick;

/* what ngx_add_timer() shows in a debug log stands in a connection */
static ngx_connection_t  ngx_rd_tunnel_dumb;


ngx_rd_tunnel_t *
ngx_rd_tunnel_open(ngx_http_request_t *r, const ngx_rd_inquiry_t *inquiry,
    ngx_msec_t timeout_ms)
{
    ngx_rd_tunnel_t         *tunnel;
    ngx_http_cleanup_t      *cln;
    const ngx_rd_desktop_t  *desktop;

    tunnel = ngx_pcalloc(r->pool, sizeof(ngx_rd_tunnel_t));

    if (tunnel == NULL
        || ngx_rd_farewell_init(&tunnel->farewell, r) != NGX_OK
        || ngx_rd_loan_init(&tunnel->loan, r) != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_rd_tunnel_cleanup;
    cln->data = tunnel;

    desktop = &inquiry->find.desktop;

    tunnel->request = r;
    tunnel->rmcf = inquiry->rmcf;
    tunnel->owner = inquiry->owner;
    tunnel->viewer = inquiry->identity.session.user_id;
    ngx_memcpy(tunnel->session_id, desktop->id, NGX_RD_SESSION_ID_BYTES);
    ngx_memcpy(tunnel->sid, inquiry->identity.sid, sizeof(tunnel->sid));
    ngx_memcpy(tunnel->mac, inquiry->identity.mac, sizeof(tunnel->mac));

    /* something may have changed since it was decided: look at it soon */

    tunnel->unsure = 1;
    ngx_rd_tunnel_expect(tunnel, desktop);

    tunnel->unanswered = 1;
    tunnel->answer_by_ms = ngx_current_msec + timeout_ms;

    if (ngx_rd_tunnel_tick.handler == NULL) {
        ngx_queue_init(&ngx_rd_tunnel_all);

        ngx_rd_tunnel_tick.handler = ngx_rd_tunnel_tick_handler;
        ngx_rd_tunnel_tick.data = &ngx_rd_tunnel_dumb;
        ngx_rd_tunnel_tick.log = ngx_cycle->log;
        ngx_rd_tunnel_tick.cancelable = 1;
        ngx_rd_tunnel_dumb.fd = (ngx_socket_t) -1;
    }

    if (!ngx_rd_tunnel_tick.timer_set) {
        ngx_add_timer(&ngx_rd_tunnel_tick, NGX_RD_TUNNEL_TICK_MS);
    }

    ngx_queue_insert_tail(&ngx_rd_tunnel_all, &tunnel->queue);
    tunnel->counted = ngx_rd_viewers_add(tunnel->session_id);

    return tunnel;
}


void
ngx_rd_tunnel_answered(ngx_rd_tunnel_t *tunnel)
{
    tunnel->unanswered = 0;
}


void
ngx_rd_tunnel_exit_worker(void)
{
    ngx_queue_t      *q;
    ngx_rd_tunnel_t  *tunnel;

    if (ngx_rd_tunnel_tick.handler == NULL) {
        return;                         /* there never was one */
    }

    if (ngx_rd_tunnel_tick.timer_set) {
        ngx_del_timer(&ngx_rd_tunnel_tick);
    }

    for (q = ngx_queue_head(&ngx_rd_tunnel_all);
         q != ngx_queue_sentinel(&ngx_rd_tunnel_all);
         q = ngx_queue_next(q))
    {
        tunnel = ngx_queue_data(q, ngx_rd_tunnel_t, queue);
        ngx_rd_farewell_now(&tunnel->farewell);
    }
}


static void
ngx_rd_tunnel_tick_handler(ngx_event_t *ev)
{
    ngx_queue_t      *q, *next;
    ngx_uint_t        leaving;
    ngx_rd_tunnel_t  *tunnel;

    leaving = ngx_exiting ? ngx_rd_tunnel_leaving() : 0;

    /* a tunnel that is closed here leaves the queue, but no other does */

    for (q = ngx_queue_head(&ngx_rd_tunnel_all);
         q != ngx_queue_sentinel(&ngx_rd_tunnel_all);
         q = next)
    {
        next = ngx_queue_next(q);
        tunnel = ngx_queue_data(q, ngx_rd_tunnel_t, queue);

        /* here, where no visitor waits for the system calls */

        if (!tunnel->bounded) {
            tunnel->bounded = 1;
            ngx_rd_keepalive_set(tunnel->request->connection);
        }

        if (tunnel->unanswered
            && (ngx_msec_int_t) (ngx_current_msec - tunnel->answer_by_ms) >= 0
            && ngx_rd_answer_timeout(tunnel->request) == NGX_OK)
        {
            continue;
        }

        if (leaving) {
            ngx_rd_tunnel_leave(tunnel);

        } else if (ngx_rd_tunnel_due(tunnel)) {
            ngx_rd_tunnel_check(tunnel);
        }
    }

    if (!ngx_queue_empty(&ngx_rd_tunnel_all)) {
        ngx_add_timer(ev, NGX_RD_TUNNEL_TICK_MS);
    }
}


/*
 * worker_shutdown_timeout ends every connection without a word.  Tunnels are
 * closed shortly before, in time for a close frame to arrive.
 */

static ngx_uint_t
ngx_rd_tunnel_leaving(void)
{
    ngx_msec_t          early_ms;
    ngx_core_conf_t    *ccf;
    static ngx_msec_t   leave_ms;
    static ngx_uint_t   known;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout == 0) {
        return 0;
    }

    /* the first tick after the worker was told to exit */

    if (!known) {
        known = 1;
        early_ms = ngx_min(NGX_RD_TUNNEL_LEAVE_MS, ccf->shutdown_timeout / 2);
        leave_ms = ngx_current_msec + ccf->shutdown_timeout - early_ms;
    }

    return (ngx_msec_int_t) (ngx_current_msec - leave_ms) >= 0;
}


static void
ngx_rd_tunnel_leave(ngx_rd_tunnel_t *tunnel)
{
    ngx_http_request_t  *r;

    if (tunnel->farewell.state != NGX_RD_FAREWELL_NONE) {
        return;
    }

    r = tunnel->request;

    ngx_http_set_log_request(r->connection->log, r);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rd tunnel: closed, the worker exits "
                  "(worker_shutdown_timeout), desktop of:%uL visitor:%uL",
                  tunnel->owner, tunnel->viewer);

    ngx_rd_farewell_restart(&tunnel->farewell);
}


static ngx_uint_t
ngx_rd_tunnel_due(ngx_rd_tunnel_t *tunnel)
{
    ngx_rd_identity_conf_t  *conf;

    if (tunnel->inquiry || tunnel->farewell.state != NGX_RD_FAREWELL_NONE) {
        return 0;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - tunnel->expires_ms) >= 0) {
        return 1;
    }

    conf = &tunnel->rmcf->identity;

    if (conf->zone && !tunnel->unsure
        && ngx_rd_redis_subscribe_live(conf->own_changes)
        && ngx_rd_redis_subscribe_live(conf->ctfd_changes)
        && ngx_rd_redis_subscribe_fresh(conf->own_changes, tunnel->checked_ms)
        && ngx_rd_redis_subscribe_fresh(conf->ctfd_changes,
                                        tunnel->checked_ms))
    {
        return tunnel->generation != ngx_rd_zone_generation(conf->zone);
    }

    return ngx_current_msec - tunnel->checked_ms >= NGX_RD_TUNNEL_ASK_MS;
}


static void
ngx_rd_tunnel_check(ngx_rd_tunnel_t *tunnel)
{
    ngx_rd_identity_conf_t  *conf;

    conf = &tunnel->rmcf->identity;

    tunnel->checked_ms = ngx_current_msec;

    if (conf->zone) {
        tunnel->generation = ngx_rd_zone_generation(conf->zone);
    }

    tunnel->inquiry = ngx_rd_inquiry_create(tunnel->rmcf, tunnel->owner,
                                            NULL, ngx_rd_tunnel_inquiry_done,
                                            tunnel);
    if (tunnel->inquiry == NULL) {
        ngx_rd_tunnel_checked(tunnel, NGX_RD_ERR_MEMORY);
        return;
    }

    if (ngx_rd_inquiry_again(tunnel->inquiry, tunnel->sid, tunnel->mac)
        == NGX_OK)
    {
        ngx_rd_tunnel_inquiry_done(tunnel->inquiry);
    }
}


static void
ngx_rd_tunnel_inquiry_done(ngx_rd_inquiry_t *inquiry)
{
    ngx_rd_error_e    error;
    ngx_rd_tunnel_t  *tunnel;

    tunnel = inquiry->data;
    error = ngx_rd_tunnel_verdict(tunnel);

    tunnel->inquiry = NULL;
    ngx_rd_inquiry_free(inquiry);

    ngx_rd_tunnel_checked(tunnel, error);
}


/* the answer counts for who came in, and for the desktop he came into */

static ngx_rd_error_e
ngx_rd_tunnel_verdict(ngx_rd_tunnel_t *tunnel)
{
    ngx_rd_desktop_t   *desktop;
    ngx_rd_inquiry_t   *inquiry;
    ngx_rd_identity_t  *identity;

    inquiry = tunnel->inquiry;
    identity = &inquiry->identity;

    /* the id of a session of CTFd may be used again, by somebody else */

    if (identity->error == NGX_RD_ERR_NONE
        && identity->session.user_id != tunnel->viewer)
    {
        return NGX_RD_ERR_LOGIN_REQUIRED;
    }

    if (inquiry->error != NGX_RD_ERR_NONE) {
        return inquiry->error;
    }

    desktop = &inquiry->find.desktop;

    if (ngx_memcmp(desktop->id, tunnel->session_id, NGX_RD_SESSION_ID_BYTES)
        != 0)
    {
        return NGX_RD_ERR_ENDED;
    }

    ngx_rd_tunnel_expect(tunnel, desktop);

    return NGX_RD_ERR_NONE;
}


static void
ngx_rd_tunnel_checked(ngx_rd_tunnel_t *tunnel, ngx_rd_error_e error)
{
    switch (error) {

    case NGX_RD_ERR_NONE:
        tunnel->unsure = 0;
        return;

    case NGX_RD_ERR_MEMORY:
    case NGX_RD_ERR_REDIS_DOWN:
    case NGX_RD_ERR_REDIS_LOST:
    case NGX_RD_ERR_REDIS_TIMEOUT:
    case NGX_RD_ERR_REDIS_QUEUE_FULL:
    case NGX_RD_ERR_REDIS_OLD:
    case NGX_RD_ERR_REDIS_NO_WRITE:
    case NGX_RD_ERR_REDIS_REFUSED:
    case NGX_RD_ERR_REDIS_REPLY:

        /* nothing was said against him */

        tunnel->unsure = 1;
        return;

    default:
        ngx_rd_tunnel_close(tunnel, error);
    }
}


static void
ngx_rd_tunnel_expect(ngx_rd_tunnel_t *tunnel, const ngx_rd_desktop_t *desktop)
{
    int64_t  left_ms;

    left_ms = desktop->expires_ms - desktop->now_ms;

    tunnel->expires_ms = ngx_current_msec + (ngx_msec_t) ngx_max(left_ms, 0);
}


static void
ngx_rd_tunnel_close(ngx_rd_tunnel_t *tunnel, ngx_rd_error_e error)
{
    ngx_http_request_t  *r;

    r = tunnel->request;

    ngx_http_set_log_request(r->connection->log, r);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "rd tunnel: closed, %s, desktop of:%uL visitor:%uL",
                  ngx_rd_error_code(error), tunnel->owner, tunnel->viewer);

    ngx_rd_farewell_start(&tunnel->farewell, error);
}


static void
ngx_rd_tunnel_cleanup(void *data)
{
    ngx_rd_tunnel_t *tunnel = data;

    ngx_queue_remove(&tunnel->queue);

    ngx_rd_viewers_remove(tunnel->counted);

    if (tunnel->inquiry) {
        ngx_rd_inquiry_free(tunnel->inquiry);
    }
}
