
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DOCKER_CALL_H_INCLUDED_
#define _NGX_RD_DOCKER_CALL_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_http_response.h"
#include "ngx_rd_docker.h"


#define NGX_RD_DOCKER_CALL_PATH_BYTES_MAX  512


/*
 * (pool thread) One HTTP request and its answer.  path needs no quoting; body
 * is NULL or JSON, "" where a POST has nothing to say.  On NONE the caller
 * frees res; on an error it is freed already, and the way is spent: nobody
 * knows where in the stream it stands.
 */
ngx_rd_error_e  ngx_rd_docker_call(ngx_rd_docker_t *docker,
    const char *method, const char *path, const char *body,
    ngx_rd_http_response_t *res, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);

/* DOCKER_ANSWER: it answered what nobody who speaks this language answers */
ngx_rd_error_e  ngx_rd_docker_call_nonsense(ngx_rd_docker_t *docker,
    const char *what, ngx_rd_detail_t *detail);


#endif /* _NGX_RD_DOCKER_CALL_H_INCLUDED_ */
