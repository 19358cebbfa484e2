
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_pool.h"
#include "src/base/ngx_rd_error.h"
#include "src/work/ngx_rd_deadline.h"
#include "src/work/ngx_rd_docker.h"
#include "src/work/ngx_rd_ssh.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>


/*
 * The mutex guards only the counters and the list of idle connections; it is
 * never held while anything waits for a peer.  A job takes a place (at most
 * connections_max are out), gets a connection into it, and may throw that one
 * away and open another in the same place.
 */

/* sshd drops every third of more than 10 that are not logged in yet */
#define NGX_RD_SSH_POOL_HANDSHAKES_MAX    4
#define NGX_RD_SSH_POOL_HANDSHAKE_TRIES   3

/* a black hole must not eat all the time a job has */
#define NGX_RD_SSH_POOL_CONNECT_MS_MAX    10000

#define NGX_RD_SSH_POOL_PING_AFTER_MS     5000
#define NGX_RD_SSH_POOL_PING_MS_MAX       3000
#define NGX_RD_SSH_POOL_IDLE_MS_MAX       60000

/* kept back from a job for taking back what it has made: rm -f is 0.2 s */
#define NGX_RD_SSH_POOL_UNDO_MS_MAX       10000

/* while the engine removes a container of our name: 10 s at most */
#define NGX_RD_SSH_POOL_NAME_TRIES        100
#define NGX_RD_SSH_POOL_NAME_PAUSE_MS     100


typedef struct ngx_rd_ssh_pool_idle_s  ngx_rd_ssh_pool_idle_t;

struct ngx_rd_ssh_pool_idle_s {
    ngx_rd_docker_t              *docker;
    ngx_rd_deadline_t             retire;   /* when to close it */
    ngx_rd_ssh_pool_idle_t       *next;
};


struct ngx_rd_ssh_pool_s {
    const ngx_rd_host_conf_t     *host;     /* borrowed */

    pthread_mutex_t               mutex;
    pthread_cond_t                changed;  /* a place or a handshake is free */

    /* under mutex */
    ngx_rd_ssh_pool_idle_t       *idle;     /* the last one used comes first */
    ngx_uint_t                    places;   /* lent, idle, or being opened */
    ngx_uint_t                    handshakes;
};


/* a place in the pool, held by one job */

typedef struct {
    ngx_rd_ssh_pool_t            *pool;
    ngx_rd_ssh_pool_idle_t       *place;    /* NULL: none; docker may be NULL */
    unsigned                      used:1;   /* it has carried a call before */
} ngx_rd_ssh_pool_loan_t;


static ngx_rd_error_e ngx_rd_ssh_pool_make(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_make_named(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_settle_name(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_uint_t *adopted, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_ports(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_pool_undo(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *made, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline);
static ngx_rd_error_e ngx_rd_ssh_pool_remove_id(ngx_rd_ssh_pool_loan_t *loan,
    const char *id, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);

static ngx_rd_error_e ngx_rd_ssh_pool_call(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_call_pt call, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_borrow(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_take(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_open(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_handshake(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_pool_drop(ngx_rd_ssh_pool_loan_t *loan);
static void ngx_rd_ssh_pool_give_back(ngx_rd_ssh_pool_loan_t *loan);

static ngx_int_t ngx_rd_ssh_pool_wait(ngx_rd_ssh_pool_t *pool,
    ngx_rd_deadline_t deadline);
static ngx_rd_error_e ngx_rd_ssh_pool_full(ngx_rd_ssh_pool_t *pool,
    const char *what, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_pool_close(ngx_rd_ssh_pool_idle_t *list);


/* event loop */

ngx_int_t
ngx_rd_ssh_pool_init_worker(void)
{
    return ngx_rd_ssh_init_worker();
}


void
ngx_rd_ssh_pool_exit_worker(void)
{
    ngx_rd_ssh_exit_worker();
}


ngx_rd_ssh_pool_t *
ngx_rd_ssh_pool_create(const ngx_rd_host_conf_t *host)
{
    pthread_condattr_t   attr;
    ngx_rd_ssh_pool_t   *pool;

    pool = calloc(1, sizeof(ngx_rd_ssh_pool_t));
    if (pool == NULL) {
        return NULL;
    }

    pool->host = host;

    (void) pthread_mutex_init(&pool->mutex, NULL);

    /* a clock that is set must not lengthen a wait */
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&pool->changed, &attr);
    (void) pthread_condattr_destroy(&attr);

    return pool;
}


void
ngx_rd_ssh_pool_destroy(ngx_rd_ssh_pool_t *pool)
{
    ngx_rd_ssh_pool_close(pool->idle);

    (void) pthread_cond_destroy(&pool->changed);
    (void) pthread_mutex_destroy(&pool->mutex);

    free(pool);
}


/* pool thread */

ngx_rd_error_e
ngx_rd_ssh_pool_start_container(ngx_rd_ssh_pool_t *pool,
    const ngx_rd_container_spec_t *spec, ngx_rd_container_t *out,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail)
{
    int64_t                 undo_ms;
    ngx_rd_error_e          error;
    ngx_rd_deadline_t       deadline;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_ssh_pool_loan_t  loan;

    ngx_memzero(out, sizeof(ngx_rd_container_t));
    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_ssh_pool_loan_t));

    loan.pool = pool;
    ask.spec = spec;

    deadline = ngx_rd_deadline_in(deadline_ms);
    undo_ms = ngx_min((int64_t) deadline_ms / 4, NGX_RD_SSH_POOL_UNDO_MS_MAX);

    error = ngx_rd_ssh_pool_make(&loan, &ask, out, deadline - undo_ms, detail);

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_ssh_pool_undo(&loan, &ask, out, deadline);
    }

    ngx_rd_ssh_pool_give_back(&loan);

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_make(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_docker_ask_t *ask,
    ngx_rd_container_t *out, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    error = ngx_rd_ssh_pool_make_named(loan, ask, deadline, detail);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    (void) strcpy(out->id, ask->found.id);
    ask->name = out->id;

    error = ngx_rd_ssh_pool_call(loan, ngx_rd_docker_start, ask, deadline,
                                 detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    return ngx_rd_ssh_pool_ports(loan, ask, out, deadline, detail);
}


/*
 * A container of this name and epoch: made, or found.  That makes the call
 * safe to repeat, by this job after a lost answer or by another worker.
 */

static ngx_rd_error_e
ngx_rd_ssh_pool_make_named(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t      tries, adopted;
    ngx_rd_error_e  error;

    error = NGX_RD_ERR_DOCKER_NAME;
    adopted = 0;

    for (tries = 0; tries < NGX_RD_SSH_POOL_NAME_TRIES; tries++) {

        error = ngx_rd_ssh_pool_call(loan, ngx_rd_docker_create, ask, deadline,
                                     detail);

        if (error != NGX_RD_ERR_DOCKER_NAME) {
            return error;
        }

        error = ngx_rd_ssh_pool_settle_name(loan, ask, &adopted, deadline,
                                            detail);

        if (error != NGX_RD_ERR_NONE || adopted) {
            return error;
        }
    }

    return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NAME, detail,
                               "%s: the name %s does not become free",
                               loan->pool->host->name, ask->spec->name);
}


/* whose is it?  NONE and not adopted: the name should be free now */

static ngx_rd_error_e
ngx_rd_ssh_pool_settle_name(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_uint_t *adopted, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e                    error;
    ngx_rd_docker_ask_t               look;
    const ngx_rd_container_spec_t    *spec;
    ngx_rd_docker_json_container_t   *found;

    spec = ask->spec;
    found = &look.found;

    ngx_memzero(&look, sizeof(ngx_rd_docker_ask_t));
    look.name = spec->name;

    error = ngx_rd_ssh_pool_call(loan, ngx_rd_docker_inspect, &look, deadline,
                                 detail);

    if (error == NGX_RD_ERR_DOCKER_GONE) {
        /* its removal gives the name free a moment later */
        ngx_rd_deadline_pause(NGX_RD_SSH_POOL_NAME_PAUSE_MS, deadline);
        return NGX_RD_ERR_NONE;
    }

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (strcmp(found->site, spec->site) != 0
        || strcmp(found->session, spec->session) != 0)
    {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NAME, detail,
                                   "%s: the name %s is taken by a container "
                                   "of site \"%s\", session \"%s\"",
                                   loan->pool->host->name, spec->name,
                                   found->site, found->session);
    }

    if (found->epoch > spec->epoch) {
        return ngx_rd_error_detail(NGX_RD_ERR_STALE, detail,
                                   "%s: %s is of epoch %lld, ours is %lld",
                                   loan->pool->host->name, spec->name,
                                   (long long) found->epoch,
                                   (long long) spec->epoch);
    }

    if (strcmp(found->status, "removing") == 0
        || strcmp(found->status, "dead") == 0
        || found->epoch < spec->epoch)
    {
        error = ngx_rd_ssh_pool_remove_id(loan, found->id, deadline, detail);

        if (error == NGX_RD_ERR_DOCKER_NAME) {
            ngx_rd_deadline_pause(NGX_RD_SSH_POOL_NAME_PAUSE_MS, deadline);
            return NGX_RD_ERR_NONE;
        }

        return error;
    }

    *adopted = 1;
    ask->found = look.found;

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_ports(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_docker_ask_t *ask,
    ngx_rd_container_t *out, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t                       i;
    ngx_rd_error_e                   error;
    const ngx_rd_container_spec_t   *spec;

    spec = ask->spec;

    error = ngx_rd_ssh_pool_call(loan, ngx_rd_docker_inspect, ask, deadline,
                                 detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (!ask->found.running) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_REFUSED, detail,
                                   "%s: the container ended at once, it is "
                                   "\"%s\"", loan->pool->host->name,
                                   ask->found.status);
    }

    for (i = 0; i < spec->nports; i++) {
        out->ports[i] = ngx_rd_docker_json_port(&ask->found, spec->ports[i]);

        if (out->ports[i] == 0) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_PORTS, detail,
                                       "%s: port %u is not published",
                                       loan->pool->host->name,
                                       (unsigned) spec->ports[i]);
        }
    }

    return NGX_RD_ERR_NONE;
}


/*
 * Of a create request without an answer nobody knows whether it is still to
 * be carried out: then only a container that was seen and removed is proof.
 */

static void
ngx_rd_ssh_pool_undo(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_docker_ask_t *made,
    ngx_rd_container_t *out, ngx_rd_deadline_t deadline)
{
    ngx_rd_docker_ask_t              look;
    const ngx_rd_container_spec_t   *spec;

    spec = made->spec;

    if (out->id[0] == '\0') {

        if (!made->sent) {
            return;
        }

        ngx_memzero(&look, sizeof(ngx_rd_docker_ask_t));
        look.name = spec->name;

        if (ngx_rd_ssh_pool_call(loan, ngx_rd_docker_inspect, &look, deadline,
                                 NULL)
            != NGX_RD_ERR_NONE
            || strcmp(look.found.site, spec->site) != 0
            || strcmp(look.found.session, spec->session) != 0
            || look.found.epoch != spec->epoch)
        {
            out->leftover = 1;
            return;
        }

        (void) strcpy(out->id, look.found.id);
    }

    if (ngx_rd_ssh_pool_remove_id(loan, out->id, deadline, NULL)
        != NGX_RD_ERR_NONE)
    {
        out->leftover = 1;
        return;
    }

    out->id[0] = '\0';
}


/* DOCKER_NAME: somebody else is removing it, and was not ready in time */

static ngx_rd_error_e
ngx_rd_ssh_pool_remove_id(ngx_rd_ssh_pool_loan_t *loan, const char *id,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e       error;
    ngx_rd_docker_ask_t  ask;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ask.name = id;

    for ( ;; ) {
        error = ngx_rd_ssh_pool_call(loan, ngx_rd_docker_remove, &ask,
                                     deadline, detail);

        if (error != NGX_RD_ERR_DOCKER_NAME
            || ngx_rd_deadline_left_ms(deadline) == 0)
        {
            return error;
        }

        ngx_rd_deadline_pause(NGX_RD_SSH_POOL_NAME_PAUSE_MS, deadline);
    }
}


ngx_rd_error_e
ngx_rd_ssh_pool_remove_container(ngx_rd_ssh_pool_t *pool, const char *name,
    const char *site, const char *session, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_deadline_t       deadline;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_ssh_pool_loan_t  loan;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_ssh_pool_loan_t));

    loan.pool = pool;
    ask.name = name;
    deadline = ngx_rd_deadline_in(deadline_ms);

    error = ngx_rd_ssh_pool_call(&loan, ngx_rd_docker_inspect, &ask, deadline,
                                 detail);

    if (error == NGX_RD_ERR_DOCKER_GONE) {
        error = NGX_RD_ERR_NONE;
        goto done;
    }

    if (error != NGX_RD_ERR_NONE) {
        goto done;
    }

    if (strcmp(ask.found.site, site) != 0
        || strcmp(ask.found.session, session) != 0)
    {
        error = ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NAME, detail,
                                    "%s: %s is a container of site \"%s\", "
                                    "session \"%s\"", pool->host->name, name,
                                    ask.found.site, ask.found.session);
        goto done;
    }

    /* by its id: the name may belong to another one by now */

    error = ngx_rd_ssh_pool_remove_id(&loan, ask.found.id, deadline, detail);

    if (error == NGX_RD_ERR_DOCKER_NAME) {
        error = ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                    "%s: the engine is still removing %s",
                                    pool->host->name, name);
    }

done:

    ngx_rd_ssh_pool_give_back(&loan);

    return error;
}


ngx_rd_error_e
ngx_rd_ssh_pool_find_container(ngx_rd_ssh_pool_t *pool, const char *name,
    ngx_rd_container_state_e *state, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_ssh_pool_loan_t  loan;

    *state = NGX_RD_CONTAINER_UNKNOWN;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_ssh_pool_loan_t));

    loan.pool = pool;
    ask.name = name;

    error = ngx_rd_ssh_pool_call(&loan, ngx_rd_docker_inspect, &ask,
                                 ngx_rd_deadline_in(deadline_ms), detail);

    ngx_rd_ssh_pool_give_back(&loan);

    if (error == NGX_RD_ERR_DOCKER_GONE) {
        *state = NGX_RD_CONTAINER_GONE;
        return NGX_RD_ERR_NONE;
    }

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (ask.found.running) {
        *state = NGX_RD_CONTAINER_RUNNING;

    } else if (strcmp(ask.found.status, "exited") == 0
               || strcmp(ask.found.status, "dead") == 0
               || strcmp(ask.found.status, "removing") == 0)
    {
        *state = NGX_RD_CONTAINER_GONE;
    }

    return NGX_RD_ERR_NONE;
}


ngx_rd_error_e
ngx_rd_ssh_pool_check(ngx_rd_ssh_pool_t *pool, const char *image,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_deadline_t       deadline;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_ssh_pool_loan_t  loan;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_ssh_pool_loan_t));

    loan.pool = pool;
    ask.image = image;
    deadline = ngx_rd_deadline_in(deadline_ms);

    error = ngx_rd_ssh_pool_call(&loan, ngx_rd_docker_ping, &ask, deadline,
                                 detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_pool_call(&loan, ngx_rd_docker_image, &ask,
                                     deadline, detail);
    }

    ngx_rd_ssh_pool_give_back(&loan);

    return error;
}


/*
 * One call in our place.  A connection that was fit a moment ago may be gone:
 * when it ends before a byte of the answer, the call is made once more on a
 * fresh one.  That is safe for every call: a create that was carried out all
 * the same is found by its name.
 */

static ngx_rd_error_e
ngx_rd_ssh_pool_call(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_docker_call_pt call,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t        used;
    ngx_rd_error_e    error;
    ngx_rd_docker_t  *docker;

    for ( ;; ) {
        error = ngx_rd_ssh_pool_borrow(loan, deadline, detail);
        if (error != NGX_RD_ERR_NONE) {
            return error;
        }

        docker = loan->place->docker;
        used = loan->used;
        loan->used = 1;

        error = call(docker, ask, deadline, detail);

        if (used && !docker->answered
            && (error == NGX_RD_ERR_SSH_LOST
                || error == NGX_RD_ERR_DOCKER_CONNECT))
        {
            ngx_rd_ssh_pool_drop(loan);
            continue;
        }

        return error;
    }
}


static ngx_rd_error_e
ngx_rd_ssh_pool_borrow(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    if (loan->place == NULL) {
        error = ngx_rd_ssh_pool_take(loan, deadline, detail);
        if (error != NGX_RD_ERR_NONE) {
            return error;
        }
    }

    if (loan->place->docker && loan->place->docker->spent) {
        ngx_rd_ssh_pool_drop(loan);
    }

    if (loan->place->docker) {
        return NGX_RD_ERR_NONE;
    }

    return ngx_rd_ssh_pool_open(loan, deadline, detail);
}


static ngx_rd_error_e
ngx_rd_ssh_pool_take(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int64_t                   rest_ms;
    ngx_rd_ssh_pool_t        *pool;
    ngx_rd_ssh_pool_idle_t   *place;

    pool = loan->pool;

    (void) pthread_mutex_lock(&pool->mutex);

    while (pool->idle == NULL && pool->places >= pool->host->connections_max) {

        if (ngx_rd_ssh_pool_wait(pool, deadline) != NGX_OK) {
            (void) pthread_mutex_unlock(&pool->mutex);
            return ngx_rd_ssh_pool_full(pool, "every connection is lent",
                                        detail);
        }
    }

    place = pool->idle;

    if (place) {
        pool->idle = place->next;

    } else {
        pool->places++;
    }

    (void) pthread_mutex_unlock(&pool->mutex);

    if (place == NULL) {
        place = calloc(1, sizeof(ngx_rd_ssh_pool_idle_t));

        if (place == NULL) {
            (void) pthread_mutex_lock(&pool->mutex);
            pool->places--;
            (void) pthread_cond_signal(&pool->changed);
            (void) pthread_mutex_unlock(&pool->mutex);
            return NGX_RD_ERR_MEMORY;
        }

        loan->place = place;

        return NGX_RD_ERR_NONE;
    }

    loan->place = place;
    loan->used = 1;

    rest_ms = ngx_rd_deadline_left_ms(place->retire);

    if (rest_ms == 0 || !ngx_rd_docker_fit(place->docker)) {
        ngx_rd_ssh_pool_drop(loan);

    } else if (rest_ms < NGX_RD_SSH_POOL_IDLE_MS_MAX
                         - NGX_RD_SSH_POOL_PING_AFTER_MS
               && ngx_rd_docker_ping(place->docker, NULL,
                                     ngx_rd_deadline_cap(deadline,
                                                NGX_RD_SSH_POOL_PING_MS_MAX),
                                     NULL)
                  != NGX_RD_ERR_NONE)
    {
        ngx_rd_ssh_pool_drop(loan);
    }

    return NGX_RD_ERR_NONE;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_open(ngx_rd_ssh_pool_loan_t *loan, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e      error;
    ngx_rd_ssh_pool_t  *pool;

    pool = loan->pool;

    (void) pthread_mutex_lock(&pool->mutex);

    while (pool->handshakes >= NGX_RD_SSH_POOL_HANDSHAKES_MAX) {

        if (ngx_rd_ssh_pool_wait(pool, deadline) != NGX_OK) {
            (void) pthread_mutex_unlock(&pool->mutex);
            return ngx_rd_ssh_pool_full(pool, "all are being opened", detail);
        }
    }

    pool->handshakes++;

    (void) pthread_mutex_unlock(&pool->mutex);

    error = ngx_rd_ssh_pool_handshake(loan, deadline, detail);

    (void) pthread_mutex_lock(&pool->mutex);
    pool->handshakes--;
    (void) pthread_cond_broadcast(&pool->changed);
    (void) pthread_mutex_unlock(&pool->mutex);

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_handshake(ngx_rd_ssh_pool_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    u_char          jitter;
    ngx_uint_t      tries;
    ngx_rd_error_e  error;

    deadline = ngx_rd_deadline_cap(deadline, NGX_RD_SSH_POOL_CONNECT_MS_MAX);

    for (tries = 1; /* void */ ; tries++) {

        error = ngx_rd_docker_open(loan->pool->host, &loan->place->docker,
                                   deadline, detail);

        if (error == NGX_RD_ERR_NONE) {
            loan->used = 0;
            return NGX_RD_ERR_NONE;
        }

        /* sshd throws dice when many knock: knock again, not all at once */

        if (error != NGX_RD_ERR_SSH_LOST
            || tries == NGX_RD_SSH_POOL_HANDSHAKE_TRIES)
        {
            return error;
        }

        jitter = 0;
        (void) RAND_bytes(&jitter, 1);

        ngx_rd_deadline_pause(50 + jitter, deadline);
    }
}


/* the place stays ours */

static void
ngx_rd_ssh_pool_drop(ngx_rd_ssh_pool_loan_t *loan)
{
    ngx_rd_docker_close(loan->place->docker);
    loan->place->docker = NULL;
    loan->used = 0;
}


static void
ngx_rd_ssh_pool_give_back(ngx_rd_ssh_pool_loan_t *loan)
{
    ngx_rd_ssh_pool_t       *pool;
    ngx_rd_ssh_pool_idle_t  *place;

    pool = loan->pool;
    place = loan->place;

    if (place == NULL) {
        return;
    }

    if (place->docker && !ngx_rd_docker_fit(place->docker)) {
        ngx_rd_ssh_pool_drop(loan);
    }

    (void) pthread_mutex_lock(&pool->mutex);

    if (place->docker) {
        place->retire = ngx_rd_deadline_in(NGX_RD_SSH_POOL_IDLE_MS_MAX);
        place->next = pool->idle;
        pool->idle = place;

    } else {
        pool->places--;
    }

    (void) pthread_cond_broadcast(&pool->changed);

    (void) pthread_mutex_unlock(&pool->mutex);

    if (place->docker == NULL) {
        free(place);
    }
}


void
ngx_rd_ssh_pool_retire(ngx_rd_ssh_pool_t *pool)
{
    ngx_rd_ssh_pool_idle_t  *place, **next, *old;

    old = NULL;

    (void) pthread_mutex_lock(&pool->mutex);

    for (next = &pool->idle; *next; /* void */ ) {
        place = *next;

        if (ngx_rd_deadline_left_ms(place->retire) > 0) {
            next = &place->next;
            continue;
        }

        *next = place->next;
        place->next = old;
        old = place;
        pool->places--;
    }

    (void) pthread_cond_broadcast(&pool->changed);
    (void) pthread_mutex_unlock(&pool->mutex);

    ngx_rd_ssh_pool_close(old);
}


/* any thread */

ngx_uint_t
ngx_rd_ssh_pool_connections(ngx_rd_ssh_pool_t *pool)
{
    ngx_uint_t  n;

    (void) pthread_mutex_lock(&pool->mutex);
    n = pool->places;
    (void) pthread_mutex_unlock(&pool->mutex);

    return n;
}


/* with the mutex held; NGX_AGAIN: the deadline came */

static ngx_int_t
ngx_rd_ssh_pool_wait(ngx_rd_ssh_pool_t *pool, ngx_rd_deadline_t deadline)
{
    struct timespec  until;

    until.tv_sec = deadline / 1000;
    until.tv_nsec = deadline % 1000 * 1000000;

    return pthread_cond_timedwait(&pool->changed, &pool->mutex, &until) == 0
           ? NGX_OK : NGX_AGAIN;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_full(ngx_rd_ssh_pool_t *pool, const char *what,
    ngx_rd_detail_t *detail)
{
    return ngx_rd_error_detail(NGX_RD_ERR_SSH_POOL_FULL, detail,
                               "%s: %s (connections_max %lu), and none came "
                               "free in time", pool->host->name, what,
                               (unsigned long) pool->host->connections_max);
}


static void
ngx_rd_ssh_pool_close(ngx_rd_ssh_pool_idle_t *list)
{
    ngx_rd_ssh_pool_idle_t  *next;

    for ( /* void */ ; list; list = next) {
        next = list->next;
        ngx_rd_docker_close(list->docker);
        free(list);
    }
}
