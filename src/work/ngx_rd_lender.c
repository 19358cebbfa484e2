
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_lender.h"
#include "ngx_rd_pace.h"
#include "../base/ngx_rd_error.h"

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
#define NGX_RD_LENDER_HANDSHAKES_MAX   4
#define NGX_RD_LENDER_HANDSHAKE_TRIES  3

/* a black hole must not eat all the time a job has */
#define NGX_RD_LENDER_CONNECT_MS_MAX   10000

#define NGX_RD_LENDER_PING_AFTER_MS    5000
#define NGX_RD_LENDER_PING_MS_MAX      3000
#define NGX_RD_LENDER_IDLE_MS_MAX      60000


struct ngx_rd_lender_place_s {
    ngx_rd_docker_t             *docker;    /* NULL: none in it now */
    ngx_rd_deadline_t            retire;    /* when to close it */
    ngx_rd_lender_place_t       *next;
};


struct ngx_rd_lender_s {
    const ngx_rd_host_conf_t    *host;      /* borrowed */

    pthread_mutex_t              mutex;
    pthread_cond_t               changed;   /* something may be free now */

    /* under mutex */
    ngx_rd_lender_place_t       *idle;      /* the last one used comes first */
    ngx_uint_t                   places;    /* lent, idle, or being opened */
    ngx_uint_t                   handshakes;
};


static ngx_rd_error_e ngx_rd_lender_borrow(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_lender_take(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_lender_look(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline);
static ngx_rd_error_e ngx_rd_lender_open(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_lender_turn(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_lender_swap(ngx_rd_lender_loan_t *loan);
static ngx_rd_error_e ngx_rd_lender_handshake(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_lender_drop(ngx_rd_lender_loan_t *loan);

static ngx_rd_error_e ngx_rd_lender_full(ngx_rd_lender_t *lender,
    const char *what, ngx_rd_detail_t *detail);
static void ngx_rd_lender_close(ngx_rd_lender_place_t *list);


/* event loop */

ngx_rd_lender_t *
ngx_rd_lender_create(const ngx_rd_host_conf_t *host)
{
    pthread_condattr_t   attr;
    ngx_rd_lender_t     *lender;

    lender = calloc(1, sizeof(ngx_rd_lender_t));
    if (lender == NULL) {
        return NULL;
    }

    lender->host = host;

    (void) pthread_mutex_init(&lender->mutex, NULL);

    /* a clock that is set must not lengthen a wait */
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&lender->changed, &attr);
    (void) pthread_condattr_destroy(&attr);

    return lender;
}


void
ngx_rd_lender_destroy(ngx_rd_lender_t *lender)
{
    ngx_rd_lender_close(lender->idle);

    (void) pthread_cond_destroy(&lender->changed);
    (void) pthread_mutex_destroy(&lender->mutex);

    free(lender);
}


/* pool thread */

ngx_rd_error_e
ngx_rd_lender_call(ngx_rd_lender_loan_t *loan, ngx_rd_docker_call_pt call,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t        used;
    ngx_rd_error_e    error;
    ngx_rd_docker_t  *docker;

    for ( ;; ) {
        error = ngx_rd_lender_borrow(loan, deadline, detail);
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
            ngx_rd_lender_drop(loan);
            continue;
        }

        return error;
    }
}


static ngx_rd_error_e
ngx_rd_lender_borrow(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    if (loan->place == NULL) {
        error = ngx_rd_lender_take(loan, deadline, detail);
        if (error != NGX_RD_ERR_NONE) {
            return error;
        }
    }

    if (loan->place->docker && loan->place->docker->spent) {
        ngx_rd_lender_drop(loan);
    }

    if (loan->place->docker) {
        return NGX_RD_ERR_NONE;
    }

    return ngx_rd_lender_open(loan, deadline, detail);
}


static ngx_rd_error_e
ngx_rd_lender_take(ngx_rd_lender_loan_t *loan, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_lender_t        *lender;
    ngx_rd_lender_place_t  *place;

    lender = loan->lender;

    (void) pthread_mutex_lock(&lender->mutex);

    while (lender->idle == NULL
           && lender->places >= lender->host->connections_max)
    {
        if (ngx_rd_deadline_wait(&lender->changed, &lender->mutex, deadline)
            != NGX_OK)
        {
            (void) pthread_mutex_unlock(&lender->mutex);
            return ngx_rd_lender_full(lender, "every connection is lent",
                                      detail);
        }
    }

    place = lender->idle;

    if (place) {
        lender->idle = place->next;

    } else {
        lender->places++;
    }

    (void) pthread_mutex_unlock(&lender->mutex);

    if (place == NULL) {
        place = calloc(1, sizeof(ngx_rd_lender_place_t));

        if (place == NULL) {
            (void) pthread_mutex_lock(&lender->mutex);
            lender->places--;
            (void) pthread_cond_signal(&lender->changed);
            (void) pthread_mutex_unlock(&lender->mutex);
            return NGX_RD_ERR_MEMORY;
        }

        loan->place = place;

        return NGX_RD_ERR_NONE;
    }

    loan->place = place;
    loan->used = 1;

    ngx_rd_lender_look(loan, deadline);

    return NGX_RD_ERR_NONE;
}


/* is what lay idle still fit? */

static void
ngx_rd_lender_look(ngx_rd_lender_loan_t *loan, ngx_rd_deadline_t deadline)
{
    int64_t           rest_ms;
    ngx_rd_docker_t  *docker;

    docker = loan->place->docker;
    rest_ms = ngx_rd_deadline_left_ms(loan->place->retire);

    if (rest_ms == 0 || !ngx_rd_docker_fit(docker)) {
        ngx_rd_lender_drop(loan);
        return;
    }

    if (rest_ms > NGX_RD_LENDER_IDLE_MS_MAX - NGX_RD_LENDER_PING_AFTER_MS) {
        return;
    }

    deadline = ngx_rd_deadline_cap(deadline, NGX_RD_LENDER_PING_MS_MAX);

    if (ngx_rd_docker_ping(docker, NULL, deadline, NULL) != NGX_RD_ERR_NONE) {
        ngx_rd_lender_drop(loan);
    }
}


static ngx_rd_error_e
ngx_rd_lender_open(ngx_rd_lender_loan_t *loan, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e    error;
    ngx_rd_lender_t  *lender;

    lender = loan->lender;

    error = ngx_rd_lender_turn(loan, deadline, detail);

    if (error != NGX_RD_ERR_NONE || loan->place->docker) {
        return error;
    }

    (void) pthread_mutex_lock(&lender->mutex);

    while (lender->handshakes >= NGX_RD_LENDER_HANDSHAKES_MAX) {

        if (ngx_rd_deadline_wait(&lender->changed, &lender->mutex, deadline)
            != NGX_OK)
        {
            (void) pthread_mutex_unlock(&lender->mutex);
            return ngx_rd_lender_full(lender, "all are being opened",
                                      detail);
        }
    }

    lender->handshakes++;

    (void) pthread_mutex_unlock(&lender->mutex);

    error = ngx_rd_lender_handshake(loan, deadline, detail);

    (void) pthread_mutex_lock(&lender->mutex);
    lender->handshakes--;
    (void) pthread_cond_broadcast(&lender->changed);
    (void) pthread_mutex_unlock(&lender->mutex);

    return error;
}


/*
 * Waits until the pace of the host allows another connection, or one that is
 * warm comes free meanwhile: that one is taken.
 */

static ngx_rd_error_e
ngx_rd_lender_turn(ngx_rd_lender_loan_t *loan, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int64_t            wait_ms;
    ngx_uint_t         swapped;
    ngx_rd_lender_t   *lender;
    ngx_rd_deadline_t  due;

    lender = loan->lender;

    if (lender->host->local) {
        return NGX_RD_ERR_NONE;
    }

    wait_ms = ngx_rd_pace_take(lender->host,
                               ngx_rd_deadline_left_ms(deadline));
    if (wait_ms == -1) {
        return ngx_rd_lender_full(lender, "connections are opened one after "
                                  "the other", detail);
    }

    due = ngx_rd_deadline_in(wait_ms);

    while (wait_ms && loan->place->docker == NULL) {

        (void) pthread_mutex_lock(&lender->mutex);

        while (lender->idle == NULL
               && ngx_rd_deadline_wait(&lender->changed, &lender->mutex, due)
                  == NGX_OK)
        {
            /* void */
        }

        swapped = ngx_rd_lender_swap(loan);

        (void) pthread_mutex_unlock(&lender->mutex);

        if (!swapped) {
            break;
        }

        ngx_rd_lender_look(loan, deadline);
    }

    return NGX_RD_ERR_NONE;
}


/* with the mutex held: our empty place for one that is idle, if any is */

static ngx_uint_t
ngx_rd_lender_swap(ngx_rd_lender_loan_t *loan)
{
    ngx_rd_lender_t        *lender;
    ngx_rd_lender_place_t  *place;

    lender = loan->lender;
    place = lender->idle;

    if (place == NULL) {
        return 0;
    }

    lender->idle = place->next;
    lender->places--;
    (void) pthread_cond_broadcast(&lender->changed);

    free(loan->place);
    loan->place = place;
    loan->used = 1;

    return 1;
}


static ngx_rd_error_e
ngx_rd_lender_handshake(ngx_rd_lender_loan_t *loan,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    int64_t         turn_ms;
    u_char          jitter;
    ngx_uint_t      tries;
    ngx_rd_error_e  error;

    deadline = ngx_rd_deadline_cap(deadline, NGX_RD_LENDER_CONNECT_MS_MAX);

    for (tries = 1; /* void */ ; tries++) {

        error = ngx_rd_docker_open(loan->lender->host, &loan->place->docker,
                                   deadline, detail);

        if (error == NGX_RD_ERR_NONE) {
            loan->used = 0;
            return NGX_RD_ERR_NONE;
        }

        /* sshd throws dice when many knock: knock again, not all at once */

        if (error != NGX_RD_ERR_SSH_LOST
            || tries == NGX_RD_LENDER_HANDSHAKE_TRIES)
        {
            return error;
        }

        jitter = 0;
        (void) RAND_bytes(&jitter, 1);

        turn_ms = ngx_rd_pace_take(loan->lender->host,
                                   ngx_rd_deadline_left_ms(deadline));
        if (turn_ms == -1) {
            return error;
        }

        ngx_rd_deadline_pause(50 + jitter + turn_ms, deadline);
    }
}


/* the place stays ours */

static void
ngx_rd_lender_drop(ngx_rd_lender_loan_t *loan)
{
    ngx_rd_docker_close(loan->place->docker);
    loan->place->docker = NULL;
    loan->used = 0;
}


void
ngx_rd_lender_give_back(ngx_rd_lender_loan_t *loan)
{
    ngx_rd_lender_t        *lender;
    ngx_rd_lender_place_t  *place;

    lender = loan->lender;
    place = loan->place;

    if (place == NULL) {
        return;
    }

    if (place->docker && !ngx_rd_docker_fit(place->docker)) {
        ngx_rd_lender_drop(loan);
    }

    (void) pthread_mutex_lock(&lender->mutex);

    if (place->docker) {
        place->retire = ngx_rd_deadline_in(NGX_RD_LENDER_IDLE_MS_MAX);
        place->next = lender->idle;
        lender->idle = place;

    } else {
        lender->places--;
    }

    (void) pthread_cond_broadcast(&lender->changed);

    (void) pthread_mutex_unlock(&lender->mutex);

    if (place->docker == NULL) {
        free(place);
    }
}


void
ngx_rd_lender_retire(ngx_rd_lender_t *lender, ngx_uint_t all)
{
    ngx_rd_lender_place_t  *place, **next, *old;

    old = NULL;

    (void) pthread_mutex_lock(&lender->mutex);

    for (next = &lender->idle; *next; /* void */ ) {
        place = *next;

        if (!all && ngx_rd_deadline_left_ms(place->retire) > 0) {
            next = &place->next;
            continue;
        }

        *next = place->next;
        place->next = old;
        old = place;
        lender->places--;
    }

    (void) pthread_cond_broadcast(&lender->changed);
    (void) pthread_mutex_unlock(&lender->mutex);

    ngx_rd_lender_close(old);
}


/* any thread */

const char *
ngx_rd_lender_name(const ngx_rd_lender_t *lender)
{
    return lender->host->name;
}


ngx_uint_t
ngx_rd_lender_connections(ngx_rd_lender_t *lender)
{
    ngx_uint_t  n;

    (void) pthread_mutex_lock(&lender->mutex);
    n = lender->places;
    (void) pthread_mutex_unlock(&lender->mutex);

    return n;
}


static ngx_rd_error_e
ngx_rd_lender_full(ngx_rd_lender_t *lender, const char *what,
    ngx_rd_detail_t *detail)
{
    return ngx_rd_error_detail(NGX_RD_ERR_SSH_POOL_FULL, detail,
                               "%s: %s (connections_max %lu), and none came "
                               "free in time", lender->host->name, what,
                               (unsigned long) lender->host->connections_max);
}


static void
ngx_rd_lender_close(ngx_rd_lender_place_t *list)
{
    ngx_rd_lender_place_t  *next;

    for ( /* void */ ; list; list = next) {
        next = list->next;
        ngx_rd_docker_close(list->docker);
        free(list);
    }
}
