
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DOCKER_JSON_H_INCLUDED_
#define _NGX_RD_DOCKER_JSON_H_INCLUDED_


#include "../ngx_rd.h"
#include "../work/ngx_rd_container.h"


#define NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX    128
#define NGX_RD_DOCKER_JSON_MESSAGE_BYTES_MAX  256
#define NGX_RD_DOCKER_JSON_PORTS_MAX          16
#define NGX_RD_DOCKER_JSON_LIST_MAX           20000  /* twice max_sessions */


/*
 * The words of the Docker Engine API (1.41) that we speak: bytes in, plain
 * structs out.  Pure; any thread.  An answer comes from a foreign machine, so
 * every field is bounded; a field that is missing, of the wrong type or too
 * long reads as empty ("", 0), never as a cut piece.
 */

typedef struct {
    char         id[65];            /* hex digits only; "" when there is none */
    char         warning[NGX_RD_DOCKER_JSON_MESSAGE_BYTES_MAX];  /* the first */
} ngx_rd_docker_json_created_t;


typedef struct {
    in_port_t    inside;            /* of "5900/tcp"; udp is left out */
    in_port_t    outside;           /* the first HostPort */
} ngx_rd_docker_json_port_t;


/* one container: of an inspect answer, or one row of a list answer */

typedef struct {
    char         id[65];
    char         name[NGX_RD_CONTAINER_NAME_BYTES_MAX + 1];  /* without "/" */

    char         status[16];        /* "running", "exited", ... */
    unsigned     running:1;         /* inspect: State.Running; list: status */

    char         site[NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX + 1];
    char         installation[NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX + 1];
    char         session[NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX + 1];
    int64_t      epoch;             /* -1: no label, or no number */
    int64_t      created_s;         /* list only; by the engine's clock */

    ngx_rd_docker_json_port_t  ports[NGX_RD_DOCKER_JSON_PORTS_MAX];
    ngx_uint_t   nports;            /* inspect only */
} ngx_rd_docker_json_container_t;


/* what a host is made of */

typedef struct {
    int64_t      memory_bytes;
    int64_t      nano_cpus;
    int64_t      now_s;             /* the engine's clock; 0: it did not say */
} ngx_rd_docker_json_info_t;


/*
 * The body of POST /containers/create, NUL-terminated, to be freed with
 * free(); NULL when memory is short.  It holds the session's password: never
 * log it.  The name goes into the query (?name=), not into the body.
 */
char  *ngx_rd_docker_json_create_body(const ngx_rd_container_spec_t *spec);


/*
 * Reading.  NGX_OK, or NGX_ERROR when the text is no such answer (or memory
 * is short); *out is all zero then.  A create or inspect answer without a
 * well-formed Id is no such answer.
 */
ngx_int_t  ngx_rd_docker_json_created(const u_char *text, size_t len,
    ngx_rd_docker_json_created_t *out);
ngx_int_t  ngx_rd_docker_json_inspect(const u_char *text, size_t len,
    ngx_rd_docker_json_container_t *out);

/*
 * *list is an array of *n rows, to be freed with free(); NULL when *n is 0.
 * A row without a well-formed Id makes the whole answer NGX_ERROR: a sweep
 * must not take half a list for a whole one.
 */
ngx_int_t  ngx_rd_docker_json_list(const u_char *text, size_t len,
    ngx_rd_docker_json_container_t **list, ngx_uint_t *n);

/* the answer of GET /info */
ngx_int_t  ngx_rd_docker_json_info(const u_char *text, size_t len,
    ngx_rd_docker_json_info_t *out);

/*
 * The text of an error answer {"message": "..."}, "" when there is none;
 * control characters replaced by '?'.  One that is longer than size loses its
 * middle: the engine puts the cause at the end.
 */
void  ngx_rd_docker_json_message(const u_char *text, size_t len, char *out,
    size_t size);

/*
 * Where an inspected image has its terminal: what its label rd.terminal.port
 * says, if that is 7681, or NGX_RD_CONTAINER_TERMINAL.
 */
in_port_t  ngx_rd_docker_json_terminal(const u_char *text, size_t len);

/* the published port of an inspected container; 0 when it is not published */
in_port_t  ngx_rd_docker_json_port(const ngx_rd_docker_json_container_t *c,
    in_port_t inside);


#endif /* _NGX_RD_DOCKER_JSON_H_INCLUDED_ */
