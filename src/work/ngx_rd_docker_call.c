
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_docker_call.h"
#include "../base/ngx_rd_error.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>


#define NGX_RD_DOCKER_CALL_READ_BYTES      (16 * 1024)
#define NGX_RD_DOCKER_CALL_HEAD_BYTES_MAX                                     \
    (NGX_RD_DOCKER_CALL_PATH_BYTES_MAX + 256)


static ngx_rd_error_e ngx_rd_docker_call_send(ngx_rd_docker_t *docker,
    const char *method, const char *path, const char *body,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_docker_call_receive(ngx_rd_docker_t *docker,
    ngx_rd_http_response_t *res, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_docker_call_ended(ngx_rd_docker_t *docker,
    ngx_rd_http_response_t *res, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail);


/* pool thread */

ngx_rd_error_e
ngx_rd_docker_call(ngx_rd_docker_t *docker, const char *method,
    const char *path, const char *body, ngx_rd_http_response_t *res,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    if (ngx_rd_http_response_init(res, 0) != NGX_OK) {
        return NGX_RD_ERR_MEMORY;
    }

    docker->answered = 0;
    docker->spent = 1;      /* until its place in the stream is known again */

    error = ngx_rd_docker_call_send(docker, method, path, body, deadline,
                                    detail);

    if (error == NGX_RD_ERR_NONE) {
        error = ngx_rd_docker_call_receive(docker, res, deadline, detail);
    }

    if (error == NGX_RD_ERR_NONE && res->upgraded) {
        error = ngx_rd_docker_call_nonsense(docker, "an upgrade nobody asked "
                                            "for", detail);
    }

    if (error != NGX_RD_ERR_NONE) {
        ngx_rd_http_response_free(res);
    }

    return error;
}


/* head and body in one write: one packet, one record of SSH */

static ngx_rd_error_e
ngx_rd_docker_call_send(ngx_rd_docker_t *docker, const char *method,
    const char *path, const char *body, ngx_rd_deadline_t deadline,
    ngx_rd_detail_t *detail)
{
    int              n;
    char            *request;
    size_t           size;
    ngx_rd_error_e   error;

    size = NGX_RD_DOCKER_CALL_HEAD_BYTES_MAX + (body ? strlen(body) : 0);

    request = malloc(size);
    if (request == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    if (body) {
        n = snprintf(request, size,
                     "%s %s HTTP/1.1\r\nHost: docker\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path, strlen(body), body);
    } else {
        n = snprintf(request, size, "%s %s HTTP/1.1\r\nHost: docker\r\n\r\n",
                     method, path);
    }

    ngx_rd_assert(n > 0 && (size_t) n < size);

    error = docker->way->ops->write(docker->way, (u_char *) request, n,
                                    deadline, detail);

    OPENSSL_cleanse(request, n);
    free(request);

    return error;
}


static ngx_rd_error_e
ngx_rd_docker_call_receive(ngx_rd_docker_t *docker, ngx_rd_http_response_t *res,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    u_char           buf[NGX_RD_DOCKER_CALL_READ_BYTES];
    size_t           n, consumed;
    ngx_rd_error_e   error;

    for ( ;; ) {
        error = docker->way->ops->read(docker->way, buf, sizeof(buf), &n,
                                       deadline, detail);
        if (error != NGX_RD_ERR_NONE) {
            return error;
        }

        if (n == 0) {
            return ngx_rd_docker_call_ended(docker, res, deadline, detail);
        }

        docker->answered = 1;

        /* an engine that sends without pause is never waited for */

        if (ngx_rd_deadline_left_ms(deadline) == 0) {
            return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_TIMEOUT, detail,
                                       "%s: the engine was still sending its "
                                       "answer when the time was over",
                                       docker->way->host->name);
        }

        switch (ngx_rd_http_response_feed(res, buf, n, &consumed)) {

        case NGX_RD_HTTP_MORE:
            continue;

        case NGX_RD_HTTP_DONE:
            /* bytes behind the answer answer nothing */
            docker->spent = (!res->keepalive || consumed < n);
            return NGX_RD_ERR_NONE;

        default:
            return ngx_rd_docker_call_nonsense(docker, res->reason, detail);
        }
    }
}


static ngx_rd_error_e
ngx_rd_docker_call_ended(ngx_rd_docker_t *docker, ngx_rd_http_response_t *res,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    if (!docker->answered) {
        return docker->way->ops->closed(docker->way, deadline, detail);
    }

    if (ngx_rd_http_response_eof(res) == NGX_RD_HTTP_DONE) {
        return NGX_RD_ERR_NONE;
    }

    return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_CONNECT, detail,
                               "%s: the engine closed the connection in the "
                               "middle of an answer", docker->way->host->name);
}


ngx_rd_error_e
ngx_rd_docker_call_nonsense(ngx_rd_docker_t *docker, const char *what,
    ngx_rd_detail_t *detail)
{
    docker->spent = 1;

    return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_ANSWER, detail,
                               "%s: the engine's answer is no answer: %s",
                               docker->way->host->name, what);
}
