
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DOCKER_H_INCLUDED_
#define _NGX_RD_DOCKER_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_docker_json.h"
#include "ngx_rd_container.h"
#include "ngx_rd_deadline.h"
#include "ngx_rd_way.h"


/*
 * Calls of the Docker Engine API over one way, one after the other.  Owned
 * and used by one thread at a time.
 */

typedef struct {
    ngx_rd_way_t        *way;       /* ours */

    unsigned             spent:1;   /* not fit for another call */
    unsigned             answered:1;/* a byte of the last answer came */
} ngx_rd_docker_t;


/* What is asked, and what is answered; a call names the fields it uses. */

typedef struct {
    const char                      *name;      /* or id, of a container */
    const char                      *image;
    const ngx_rd_container_spec_t   *spec;

    const char                      *site;

    ngx_rd_docker_json_container_t   found;
    ngx_rd_docker_json_info_t        info;

    ngx_rd_docker_json_container_t  *list;      /* the caller's to free() */
    ngx_uint_t                       n;

    in_port_t                        terminal;  /* of the image */
    unsigned                         sent:1;    /* the engine may have it */
} ngx_rd_docker_ask_t;


/*
 * (pool thread) Every call: DOCKER_CONNECT, DOCKER_TIMEOUT, DOCKER_ANSWER, or
 * an SSH_* error of the way; MEMORY.  What else it answers stands with it.
 * The detail begins with the host's name and never holds a value of
 * spec->env_value.
 */
typedef ngx_rd_error_e (*ngx_rd_docker_call_pt)(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);


/* on an error *docker is NULL */
ngx_rd_error_e  ngx_rd_docker_open(const ngx_rd_host_conf_t *host,
    ngx_rd_docker_t **docker, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* never waits; NULL is fine */
void  ngx_rd_docker_close(ngx_rd_docker_t *docker);

/* is it fit for another call?  Never waits. */
ngx_uint_t  ngx_rd_docker_fit(ngx_rd_docker_t *docker);

/*
 * Can a container be called so?  [a-zA-Z0-9][a-zA-Z0-9_.-]+, so that it needs
 * no quoting in a path; an id is such a name.
 */
ngx_uint_t  ngx_rd_docker_name_valid(const char *name);


/* does the engine answer?  uses nothing */
ngx_rd_error_e  ngx_rd_docker_ping(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* image -> terminal; DOCKER_NO_IMAGE when the engine does not have it */
ngx_rd_error_e  ngx_rd_docker_image(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/*
 * spec -> found.id, sent.  DOCKER_NAME: the name is taken; DOCKER_NO_IMAGE;
 * DOCKER_REFUSED.
 */
ngx_rd_error_e  ngx_rd_docker_create(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/*
 * name; running already is fine.  DOCKER_GONE; DOCKER_PORTS: an address or
 * port cannot be bound; DOCKER_REFUSED.
 */
ngx_rd_error_e  ngx_rd_docker_start(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* name -> found; DOCKER_GONE: there is none */
ngx_rd_error_e  ngx_rd_docker_inspect(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/*
 * name; by force, with its anonymous volumes.  NONE: it is gone, or was gone
 * already.  DOCKER_NAME: somebody else is removing it right now.
 */
ngx_rd_error_e  ngx_rd_docker_remove(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* -> info */
ngx_rd_error_e  ngx_rd_docker_info(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* site -> list, n: its containers, also those that do not run */
ngx_rd_error_e  ngx_rd_docker_list(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);


#endif /* _NGX_RD_DOCKER_H_INCLUDED_ */
