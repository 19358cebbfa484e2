
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_pool.h"
#include "src/base/ngx_rd_error.h"
#include "src/work/ngx_rd_deadline.h"
#include "src/work/ngx_rd_docker.h"
#include "src/work/ngx_rd_lender.h"
#include "src/work/ngx_rd_ssh.h"

#include <stdlib.h>


/* kept back from a job for taking back what it has made: rm -f is 0.2 s */
#define NGX_RD_SSH_POOL_UNDO_MS_MAX       10000

/* while the engine removes a container of our name: 10 s at most */
#define NGX_RD_SSH_POOL_NAME_TRIES        100
#define NGX_RD_SSH_POOL_NAME_PAUSE_MS     100


struct ngx_rd_ssh_pool_s {
    const ngx_rd_host_conf_t     *host;     /* borrowed */
    ngx_rd_lender_t              *lender;   /* ours */
};


static ngx_rd_error_e ngx_rd_ssh_pool_terminal(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_container_spec_t *spec,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_make(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_make_named(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_settle_name(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_uint_t *adopted, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_ssh_pool_ports(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static void ngx_rd_ssh_pool_undo(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *made, ngx_rd_container_t *out,
    ngx_rd_deadline_t deadline);
static ngx_rd_error_e ngx_rd_ssh_pool_remove_id(ngx_rd_lender_loan_t *loan,
    const char *id, ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);

static ngx_rd_container_state_e ngx_rd_ssh_pool_state(
    const ngx_rd_docker_json_container_t *found);
static ngx_rd_error_e ngx_rd_ssh_pool_end(ngx_rd_lender_loan_t *loan,
    ngx_rd_error_e error, ngx_rd_detail_t *detail);


/* event loop */

ngx_int_t
ngx_rd_ssh_pool_init_worker(ngx_rd_pace_t *pace)
{
    return ngx_rd_ssh_init_worker(pace);
}


void
ngx_rd_ssh_pool_exit_worker(void)
{
    ngx_rd_ssh_exit_worker();
}


ngx_rd_ssh_pool_t *
ngx_rd_ssh_pool_create(const ngx_rd_host_conf_t *host)
{
    ngx_rd_ssh_pool_t  *pool;

    pool = calloc(1, sizeof(ngx_rd_ssh_pool_t));
    if (pool == NULL) {
        return NULL;
    }

    pool->host = host;
    pool->lender = ngx_rd_lender_create(host);

    if (pool->lender == NULL) {
        free(pool);
        return NULL;
    }

    return pool;
}


void
ngx_rd_ssh_pool_destroy(ngx_rd_ssh_pool_t *pool)
{
    ngx_rd_lender_destroy(pool->lender);
    free(pool);
}


/* pool thread */

ngx_rd_error_e
ngx_rd_ssh_pool_start_container(ngx_rd_ssh_pool_t *pool,
    const ngx_rd_container_spec_t *spec, ngx_rd_container_t *out,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail)
{
    int64_t                  undo_ms;
    ngx_rd_error_e           error;
    ngx_rd_deadline_t        deadline;
    ngx_rd_docker_ask_t      ask;
    ngx_rd_lender_loan_t     loan;
    ngx_rd_container_spec_t  ours;

    ngx_memzero(out, sizeof(ngx_rd_container_t));
    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_lender_loan_t));

    loan.lender = pool->lender;
    ours = *spec;
    ask.spec = &ours;

    deadline = ngx_rd_deadline_in(deadline_ms);
    undo_ms = ngx_min((int64_t) deadline_ms / 4, NGX_RD_SSH_POOL_UNDO_MS_MAX);

    error = ngx_rd_ssh_pool_terminal(&loan, &ask, &ours, deadline - undo_ms,
                                     detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_ssh_pool_make(&loan, &ask, out, deadline - undo_ms,
                                     detail);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_ssh_pool_undo(&loan, &ask, out, deadline);
    }

    return ngx_rd_ssh_pool_end(&loan, error, detail);
}


/* an image says itself where its terminal is; others are not asked */

static ngx_rd_error_e
ngx_rd_ssh_pool_terminal(ngx_rd_lender_loan_t *loan, ngx_rd_docker_ask_t *ask,
    ngx_rd_container_spec_t *spec, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t      i;
    ngx_rd_error_e  error;

    if (!spec->terminal) {
        return NGX_RD_ERR_NONE;
    }

    ask->image = spec->image;

    error = ngx_rd_lender_call(loan, ngx_rd_docker_image, ask, deadline,
                               detail);

    for (i = 0; error == NGX_RD_ERR_NONE && i < spec->nports; i++) {
        if (spec->ports[i] == NGX_RD_CONTAINER_TERMINAL) {
            spec->ports[i] = ask->terminal;
        }
    }

    return error;
}


static ngx_rd_error_e
ngx_rd_ssh_pool_make(ngx_rd_lender_loan_t *loan, ngx_rd_docker_ask_t *ask,
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

    error = ngx_rd_lender_call(loan, ngx_rd_docker_start, ask, deadline,
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
ngx_rd_ssh_pool_make_named(ngx_rd_lender_loan_t *loan,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t      tries, adopted;
    ngx_rd_error_e  error;

    error = NGX_RD_ERR_DOCKER_NAME;
    adopted = 0;

    for (tries = 0; tries < NGX_RD_SSH_POOL_NAME_TRIES; tries++) {

        error = ngx_rd_lender_call(loan, ngx_rd_docker_create, ask, deadline,
                                     detail);

        if (error != NGX_RD_ERR_DOCKER_NAME) {
            return error;
        }

        error = ngx_rd_ssh_pool_settle_name(loan, ask, &adopted, deadline,
                                            detail);

        if (error != NGX_RD_ERR_NONE || adopted) {
            return error;
        }

        /* a create that is not waited for could succeed unseen */

        if (ngx_rd_deadline_left_ms(deadline) == 0) {
            break;
        }
    }

    return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NAME, detail,
                               "%s: the name %s does not become free",
                               ngx_rd_lender_name(loan->lender),
                               ask->spec->name);
}


/* whose is it?  NONE and not adopted: the name should be free now */

static ngx_rd_error_e
ngx_rd_ssh_pool_settle_name(ngx_rd_lender_loan_t *loan,
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

    error = ngx_rd_lender_call(loan, ngx_rd_docker_inspect, &look, deadline,
                                 detail);

    if (error == NGX_RD_ERR_DOCKER_GONE) {
        /* its removal gives the name free a moment later */
        ngx_rd_deadline_pause(NGX_RD_SSH_POOL_NAME_PAUSE_MS, deadline);
        return NGX_RD_ERR_NONE;
    }

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    /* one without an installation is of a release that gave none */
    if (strcmp(found->site, spec->site) != 0
        || strcmp(found->session, spec->session) != 0
        || (found->installation[0] != '\0'
            && strcmp(found->installation, spec->installation) != 0))
    {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NAME, detail,
                                   "%s: the name %s is taken by a container "
                                   "of site \"%s\", installation \"%s\", "
                                   "session \"%s\"",
                                   ngx_rd_lender_name(loan->lender), spec->name,
                                   found->site, found->installation,
                                   found->session);
    }

    if (found->epoch > spec->epoch) {
        return ngx_rd_error_detail(NGX_RD_ERR_STALE, detail,
                                   "%s: %s is of epoch %lld, ours is %lld",
                                   ngx_rd_lender_name(loan->lender), spec->name,
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
ngx_rd_ssh_pool_ports(ngx_rd_lender_loan_t *loan, ngx_rd_docker_ask_t *ask,
    ngx_rd_container_t *out, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    ngx_uint_t                       i;
    ngx_rd_error_e                   error;
    const ngx_rd_container_spec_t   *spec;

    spec = ask->spec;

    error = ngx_rd_lender_call(loan, ngx_rd_docker_inspect, ask, deadline,
                                 detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (!ask->found.running) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_REFUSED, detail,
                                   "%s: the container ended at once, it is "
                                   "\"%s\"", ngx_rd_lender_name(loan->lender),
                                   ask->found.status);
    }

    for (i = 0; i < spec->nports; i++) {
        out->ports[i] = ngx_rd_docker_json_port(&ask->found, spec->ports[i]);

        if (out->ports[i] == 0) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_PORTS, detail,
                                       "%s: port %u is not published",
                                       ngx_rd_lender_name(loan->lender),
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
ngx_rd_ssh_pool_undo(ngx_rd_lender_loan_t *loan, ngx_rd_docker_ask_t *made,
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

        if (ngx_rd_lender_call(loan, ngx_rd_docker_inspect, &look, deadline,
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
ngx_rd_ssh_pool_remove_id(ngx_rd_lender_loan_t *loan, const char *id,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e       error;
    ngx_rd_docker_ask_t  ask;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ask.name = id;

    for ( ;; ) {
        error = ngx_rd_lender_call(loan, ngx_rd_docker_remove, &ask,
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
    const char *site, const char *session, int64_t epoch,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_deadline_t       deadline;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_lender_loan_t  loan;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_lender_loan_t));

    loan.lender = pool->lender;
    ask.name = name;
    deadline = ngx_rd_deadline_in(deadline_ms);

    error = ngx_rd_lender_call(&loan, ngx_rd_docker_inspect, &ask, deadline,
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

    if (epoch >= 0 && ask.found.epoch > epoch) {
        goto done;                  /* ours has been replaced, so it is gone */
    }

    /* by its id: the name may belong to another one by now */

    error = ngx_rd_ssh_pool_remove_id(&loan, ask.found.id, deadline, detail);

    if (error == NGX_RD_ERR_DOCKER_NAME) {
        error = ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                    "%s: the engine is still removing %s",
                                    pool->host->name, name);
    }

done:

    return ngx_rd_ssh_pool_end(&loan, error, detail);
}


ngx_rd_error_e
ngx_rd_ssh_pool_find_container(ngx_rd_ssh_pool_t *pool, const char *name,
    ngx_rd_container_state_e *state, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_docker_ask_t     ask;
    ngx_rd_lender_loan_t  loan;

    *state = NGX_RD_CONTAINER_UNKNOWN;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_lender_loan_t));

    loan.lender = pool->lender;
    ask.name = name;

    error = ngx_rd_lender_call(&loan, ngx_rd_docker_inspect, &ask,
                                 ngx_rd_deadline_in(deadline_ms), detail);

    if (error == NGX_RD_ERR_DOCKER_GONE) {
        *state = NGX_RD_CONTAINER_GONE;
        error = NGX_RD_ERR_NONE;

    } else if (error == NGX_RD_ERR_NONE) {
        *state = ngx_rd_ssh_pool_state(&ask.found);
    }

    return ngx_rd_ssh_pool_end(&loan, error, detail);
}


/* created, paused, restarting: neither runs nor is it over */

static ngx_rd_container_state_e
ngx_rd_ssh_pool_state(const ngx_rd_docker_json_container_t *found)
{
    if (found->running) {
        return NGX_RD_CONTAINER_RUNNING;
    }

    if (strcmp(found->status, "exited") == 0
        || strcmp(found->status, "dead") == 0
        || strcmp(found->status, "removing") == 0)
    {
        return NGX_RD_CONTAINER_GONE;
    }

    return NGX_RD_CONTAINER_UNKNOWN;
}


ngx_rd_error_e
ngx_rd_ssh_pool_check(ngx_rd_ssh_pool_t *pool, const char *image,
    ngx_rd_docker_json_info_t *info, ngx_msec_t deadline_ms,
    ngx_rd_detail_t *detail)
{
    ngx_rd_error_e        error;
    ngx_rd_docker_t      *docker;
    ngx_rd_deadline_t     deadline;
    ngx_rd_docker_ask_t   ask;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ask.image = image;
    deadline = ngx_rd_deadline_in(deadline_ms);

    error = ngx_rd_docker_open(pool->host, &docker, deadline, detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_docker_info(docker, &ask, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE && !ngx_rd_docker_fit(docker)) {
        ngx_rd_docker_close(docker);
        error = ngx_rd_docker_open(pool->host, &docker, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_docker_image(docker, &ask, deadline, detail);
    }

    *info = ask.info;
    ngx_rd_docker_close(docker);

    if (error == NGX_RD_ERR_NONE && detail) {
        detail->text[0] = '\0';
    }

    return error;
}


ngx_rd_error_e
ngx_rd_ssh_pool_list(ngx_rd_ssh_pool_t *pool, const char *site,
    ngx_rd_docker_json_container_t **list, ngx_uint_t *n, int64_t *now_s,
    ngx_msec_t deadline_ms, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e        error;
    ngx_rd_deadline_t     deadline;
    ngx_rd_docker_ask_t   ask;
    ngx_rd_lender_loan_t  loan;

    ngx_memzero(&ask, sizeof(ngx_rd_docker_ask_t));
    ngx_memzero(&loan, sizeof(ngx_rd_lender_loan_t));

    loan.lender = pool->lender;
    ask.site = site;
    deadline = ngx_rd_deadline_in(deadline_ms);

    error = ngx_rd_lender_call(&loan, ngx_rd_docker_info, &ask, deadline,
                               detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_lender_call(&loan, ngx_rd_docker_list, &ask, deadline,
                                   detail);
    }

    *list = ask.list;
    *n = ask.n;
    *now_s = ask.info.now_s;

    return ngx_rd_ssh_pool_end(&loan, error, detail);
}


/* what was found out on the way to a good end is no news */

static ngx_rd_error_e
ngx_rd_ssh_pool_end(ngx_rd_lender_loan_t *loan, ngx_rd_error_e error,
    ngx_rd_detail_t *detail)
{
    ngx_rd_lender_give_back(loan);

    if (error == NGX_RD_ERR_NONE && detail) {
        detail->text[0] = '\0';
    }

    return error;
}


void
ngx_rd_ssh_pool_retire(ngx_rd_ssh_pool_t *pool, ngx_uint_t all)
{
    ngx_rd_lender_retire(pool->lender, all);
}


/* any thread */

ngx_uint_t
ngx_rd_ssh_pool_connections(ngx_rd_ssh_pool_t *pool)
{
    return ngx_rd_lender_connections(pool->lender);
}
