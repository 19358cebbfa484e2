
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SSH_POOL_H_INCLUDED_
#define _NGX_RD_SSH_POOL_H_INCLUDED_


#include "src/ngx_rd.h"
#include "src/base/ngx_rd_settings.h"
#include "src/base/ngx_rd_docker_json.h"
#include "src/work/ngx_rd_container.h"
#include "src/work/ngx_rd_pace.h"


/*
 * Provider "docker": the warm ways to one Docker host.  A way is an SSH
 * connection that carries the Engine API (direct-streamlocal, else
 * `docker system dial-stdio`), or for a local host a unix socket.  It is lent
 * to one job at a time, checked when it goes out and when it comes back,
 * retired when idle for a minute, and closed when sick.
 *
 * One pool per host and worker process.  Functions marked (pool thread) may
 * block, each until its deadline_ms (a duration from now) at most, and may be
 * called from several threads at once.  They never log; detail says what an
 * administrator wants to know and never holds a secret.  detail may be NULL.
 */


/*
 * Event loop, once per worker, before any thread runs; and at its exit.  pace
 * is zeroed shared memory that outlives all workers; NULL: memory of our own.
 */
ngx_int_t  ngx_rd_ssh_pool_init_worker(ngx_rd_pace_t *pace);
void       ngx_rd_ssh_pool_exit_worker(void);

/* event loop; opens nothing yet.  host must outlive it.  NULL: no memory */
ngx_rd_ssh_pool_t  *ngx_rd_ssh_pool_create(const ngx_rd_host_conf_t *host);

/*
 * Event loop, when no job uses the pool any more: drops its connections
 * without waiting for the peer.
 */
void  ngx_rd_ssh_pool_destroy(ngx_rd_ssh_pool_t *pool);


/*
 * (pool thread) Makes and starts the container and finds its ports.
 *
 * The name being taken is no failure: a container of the same rd.site,
 * rd.session and rd.epoch is adopted (started if need be), one of an earlier
 * epoch replaced; a later one is NGX_RD_ERR_STALE, anybody else's (also that of
 * another rd.installation) NGX_RD_ERR_DOCKER_NAME.
 *
 * On any failure after it was made, the container is removed again; when even
 * that fails out->leftover is set.
 */
ngx_rd_error_e  ngx_rd_ssh_pool_start_container(ngx_rd_ssh_pool_t *pool,
    const ngx_rd_container_spec_t *spec, ngx_rd_container_t *out,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail);

/*
 * (pool thread) Removes the container of this name or id, by force, with its
 * anonymous volumes.  NGX_RD_ERR_NONE means that a healthy engine said it is
 * gone (it being gone already is fine).  A container whose rd.site or
 * rd.session differs is not touched: NGX_RD_ERR_DOCKER_NAME.  Nor is one whose
 * rd.epoch is higher than epoch (-1: whatever it is): a later driver has
 * replaced the one that was meant, which is gone.
 */
ngx_rd_error_e  ngx_rd_ssh_pool_remove_container(ngx_rd_ssh_pool_t *pool,
    const char *name, const char *site, const char *session, int64_t epoch,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail);

/*
 * (pool thread) Is it there and running?  Never guesses: an error leaves
 * *state at NGX_RD_CONTAINER_UNKNOWN.  GONE is also one that has ended; what
 * is left of it takes a remove.
 */
ngx_rd_error_e  ngx_rd_ssh_pool_find_container(ngx_rd_ssh_pool_t *pool,
    const char *name, ngx_rd_container_state_e *state, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail);

/*
 * (pool thread) Is the host fit: reachable, engine answers, image there?  On a
 * connection of its own: neither lent ones nor dead ones are in its way.  The
 * errors tell apart what is wrong (SSH_*, DOCKER_*, DOCKER_NO_IMAGE); of a host
 * without the image *info is filled all the same, otherwise zero.
 */
ngx_rd_error_e  ngx_rd_ssh_pool_check(ngx_rd_ssh_pool_t *pool,
    const char *image, ngx_rd_docker_json_info_t *info, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail);

/*
 * (pool thread) All containers with this rd.site, running or not, and the
 * engine's clock.  *list is to be freed with free(); NULL when there are none,
 * and on an error.
 */
ngx_rd_error_e  ngx_rd_ssh_pool_list(ngx_rd_ssh_pool_t *pool, const char *site,
    ngx_rd_docker_json_container_t **list, ngx_uint_t *n, int64_t *now_s,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail);

/* (pool thread) Closes what has been idle for too long; all: what is idle. */
void  ngx_rd_ssh_pool_retire(ngx_rd_ssh_pool_t *pool, ngx_uint_t all);


/* any thread; for metrics and tests: connections open now */
ngx_uint_t  ngx_rd_ssh_pool_connections(ngx_rd_ssh_pool_t *pool);


#endif /* _NGX_RD_SSH_POOL_H_INCLUDED_ */
