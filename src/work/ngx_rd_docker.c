
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_docker.h"
#include "ngx_rd_docker_call.h"
#include "../base/ngx_rd_error.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>


/*
 * Paths carry no API version: an engine then speaks its newest, and what we
 * read of its answers is the same in all of them.  A path is made only of
 * constant text and of names that were checked.
 */

/* shorter values are words that may stand in any message */
#define NGX_RD_DOCKER_SECRET_BYTES_MIN  4

/* what stands before the message must fit into a detail, too */
#define NGX_RD_DOCKER_MESSAGE_BYTES_MAX  160


static ngx_rd_error_e ngx_rd_docker_created(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_http_response_t *res,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_docker_started(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_http_response_t *res,
    ngx_rd_detail_t *detail);
static ngx_rd_error_e ngx_rd_docker_inspected(ngx_rd_docker_t *docker,
    ngx_rd_docker_ask_t *ask, ngx_rd_http_response_t *res,
    ngx_rd_detail_t *detail);

static ngx_rd_error_e ngx_rd_docker_path(ngx_rd_docker_t *docker, char *path,
    const char *before, const char *name, const char *after,
    ngx_rd_detail_t *detail);
static ngx_uint_t ngx_rd_docker_image_valid(const char *image);
static ngx_rd_error_e ngx_rd_docker_cause(const ngx_rd_http_response_t *res);
static void ngx_rd_docker_message(const ngx_rd_http_response_t *res,
    const ngx_rd_container_spec_t *spec, ngx_rd_detail_t *message);
static ngx_rd_error_e ngx_rd_docker_refused(ngx_rd_docker_t *docker,
    ngx_rd_error_e error, const ngx_rd_http_response_t *res,
    const ngx_rd_container_spec_t *spec, const char *what,
    ngx_rd_detail_t *detail);


/* pool thread */

ngx_rd_error_e
ngx_rd_docker_open(const ngx_rd_host_conf_t *host, ngx_rd_docker_t **docker,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    *docker = calloc(1, sizeof(ngx_rd_docker_t));
    if (*docker == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    error = ngx_rd_way_open(host, &(*docker)->way, deadline, detail);

    if (error != NGX_RD_ERR_NONE) {
        free(*docker);
        *docker = NULL;
    }

    return error;
}


void
ngx_rd_docker_close(ngx_rd_docker_t *docker)
{
    if (docker == NULL) {
        return;
    }

    docker->way->ops->close(docker->way);
    free(docker);
}


ngx_uint_t
ngx_rd_docker_fit(ngx_rd_docker_t *docker)
{
    return !docker->spent && docker->way->ops->quiet(docker->way);
}


ngx_rd_error_e
ngx_rd_docker_ping(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    error = ngx_rd_docker_call(docker, "GET", "/_ping", NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (res.status != 200) {
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_ANSWER, &res,
                                      NULL, "a ping", detail);
    }

    ngx_rd_http_response_free(&res);

    return error;
}


ngx_rd_error_e
ngx_rd_docker_image(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    if (!ngx_rd_docker_image_valid(ask->image)) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NO_IMAGE, detail,
                                   "%s: no image can have the name %s",
                                   docker->way->host->name, ask->image);
    }

    (void) snprintf(path, sizeof(path), "/images/%s/json", ask->image);

    error = ngx_rd_docker_call(docker, "GET", path, NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    switch (res.status) {

    case 200:
        ask->terminal = ngx_rd_docker_json_terminal(res.body, res.body_len);
        break;

    case 404:
        error = ngx_rd_error_detail(NGX_RD_ERR_DOCKER_NO_IMAGE, detail,
                                    "%s: there is no image %s",
                                    docker->way->host->name, ask->image);
        break;

    default:
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_ANSWER, &res,
                                      NULL, "looking for the image", detail);
    }

    ngx_rd_http_response_free(&res);

    return error;
}


ngx_rd_error_e
ngx_rd_docker_create(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    *body, path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e           error;
    ngx_rd_http_response_t   res;

    error = ngx_rd_docker_path(docker, path, "/containers/create?name=",
                               ask->spec->name, "", detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    body = ngx_rd_docker_json_create_body(ask->spec);
    if (body == NULL) {
        return NGX_RD_ERR_MEMORY;
    }

    ask->sent = 1;

    error = ngx_rd_docker_call(docker, "POST", path, body, &res, deadline,
                               detail);

    /* it holds the session's password */
    OPENSSL_cleanse(body, strlen(body));
    free(body);

    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_created(docker, ask, &res, detail);

    ngx_rd_http_response_free(&res);

    return error;
}


static ngx_rd_error_e
ngx_rd_docker_created(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_http_response_t *res, ngx_rd_detail_t *detail)
{
    ngx_rd_docker_json_created_t  created;

    switch (res->status) {

    case 201:
        if (ngx_rd_docker_json_created(res->body, res->body_len, &created)
            != NGX_OK)
        {
            return ngx_rd_docker_call_nonsense(docker, "a container without "
                                               "an id", detail);
        }

        ngx_memcpy(ask->found.id, created.id, sizeof(created.id));

        return NGX_RD_ERR_NONE;

    case 404:
        ask->sent = 0;
        return ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_NO_IMAGE, res,
                                     ask->spec, "making a container", detail);

    case 409:
        ask->sent = 0;
        return ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_NAME, res,
                                     ask->spec, "making a container", detail);

    default:
        /* of a 5xx nobody can say how far the engine came */
        ask->sent = res->status >= 500;
        return ngx_rd_docker_refused(docker, ngx_rd_docker_cause(res), res,
                                     ask->spec, "making a container", detail);
    }
}


ngx_rd_error_e
ngx_rd_docker_start(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    error = ngx_rd_docker_path(docker, path, "/containers/", ask->name,
                               "/start", detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_call(docker, "POST", path, "", &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_started(docker, ask, &res, detail);

    ngx_rd_http_response_free(&res);

    return error;
}


static ngx_rd_error_e
ngx_rd_docker_started(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_http_response_t *res, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e  error;

    switch (res->status) {

    case 204:
    case 304:
        return NGX_RD_ERR_NONE;

    case 404:
        error = NGX_RD_ERR_DOCKER_GONE;
        break;

    default:
        error = ngx_rd_docker_cause(res);
    }

    return ngx_rd_docker_refused(docker, error, res, ask->spec,
                                 "starting the container", detail);
}


ngx_rd_error_e
ngx_rd_docker_inspect(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    error = ngx_rd_docker_path(docker, path, "/containers/", ask->name,
                               "/json", detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_call(docker, "GET", path, NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_inspected(docker, ask, &res, detail);

    ngx_rd_http_response_free(&res);

    return error;
}


static ngx_rd_error_e
ngx_rd_docker_inspected(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_http_response_t *res, ngx_rd_detail_t *detail)
{
    switch (res->status) {

    case 200:
        if (ngx_rd_docker_json_inspect(res->body, res->body_len, &ask->found)
            == NGX_OK)
        {
            return NGX_RD_ERR_NONE;
        }

        return ngx_rd_docker_call_nonsense(docker, "no container, when asked "
                                           "for one", detail);

    case 404:
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_GONE, detail,
                                   "%s: there is no container %s",
                                   docker->way->host->name, ask->name);

    default:
        return ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_ANSWER, res,
                                     ask->spec, "looking at the container",
                                     detail);
    }
}


ngx_rd_error_e
ngx_rd_docker_remove(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    error = ngx_rd_docker_path(docker, path, "/containers/", ask->name,
                               "?force=true&v=true", detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    error = ngx_rd_docker_call(docker, "DELETE", path, NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    switch (res.status) {

    case 200:
    case 204:
    case 404:
        break;

    case 409:
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_NAME, &res,
                                      NULL, "removing the container", detail);
        break;

    default:
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_REFUSED, &res,
                                      NULL, "removing the container", detail);
    }

    ngx_rd_http_response_free(&res);

    return error;
}


ngx_rd_error_e
ngx_rd_docker_info(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    error = ngx_rd_docker_call(docker, "GET", "/info", NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (res.status != 200) {
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_ANSWER, &res,
                                      NULL, "asking what it is", detail);

    } else if (ngx_rd_docker_json_info(res.body, res.body_len, &ask->info)
               != NGX_OK)
    {
        error = ngx_rd_docker_call_nonsense(docker, "neither memory nor "
                                            "processors", detail);
    }

    ngx_rd_http_response_free(&res);

    return error;
}


ngx_rd_error_e
ngx_rd_docker_list(ngx_rd_docker_t *docker, ngx_rd_docker_ask_t *ask,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    char                    path[NGX_RD_DOCKER_CALL_PATH_BYTES_MAX];
    ngx_rd_error_e          error;
    ngx_rd_http_response_t  res;

    /* {"label":["rd.site=SITE"]}; a site is a slug and needs no quoting */

    (void) snprintf(path, sizeof(path), "/containers/json?all=1&filters="
                    "%%7B%%22label%%22%%3A%%5B%%22rd.site%%3D%s%%22%%5D%%7D",
                    ask->site);

    error = ngx_rd_docker_call(docker, "GET", path, NULL, &res, deadline,
                               detail);
    if (error != NGX_RD_ERR_NONE) {
        return error;
    }

    if (res.status != 200) {
        error = ngx_rd_docker_refused(docker, NGX_RD_ERR_DOCKER_ANSWER, &res,
                                      NULL, "listing containers", detail);

    } else if (ngx_rd_docker_json_list(res.body, res.body_len, &ask->list,
                                       &ask->n)
               != NGX_OK)
    {
        error = ngx_rd_docker_call_nonsense(docker, "no list of containers",
                                            detail);
    }

    ngx_rd_http_response_free(&res);

    return error;
}


/* no name that would need quoting, or lead elsewhere, gets into a path */

static ngx_rd_error_e
ngx_rd_docker_path(ngx_rd_docker_t *docker, char *path, const char *before,
    const char *name, const char *after, ngx_rd_detail_t *detail)
{
    if (!ngx_rd_docker_name_valid(name)) {
        return ngx_rd_error_detail(NGX_RD_ERR_DOCKER_REFUSED, detail,
                                   "%s: no container can have the name %s",
                                   docker->way->host->name, name);
    }

    (void) snprintf(path, NGX_RD_DOCKER_CALL_PATH_BYTES_MAX, "%s%s%s", before,
                    name, after);

    return NGX_RD_ERR_NONE;
}


ngx_uint_t
ngx_rd_docker_name_valid(const char *name)
{
    size_t  len;

    static const char  first[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char  rest[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    len = strlen(name);

    return len >= 2 && len <= NGX_RD_CONTAINER_NAME_BYTES_MAX
           && strspn(name, first) >= 1 && strspn(name, rest) == len;
}


/* an image reference needs no quoting in a path, and leads nowhere else */

static ngx_uint_t
ngx_rd_docker_image_valid(const char *image)
{
    size_t  len;

    static const char  chars[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
                                 "/:@";

    len = strlen(image);

    return len >= 1 && len < NGX_RD_DOCKER_CALL_PATH_BYTES_MAX - 32
           && strspn(image, chars) == len
           && image[0] != '/' && image[0] != '.' && image[len - 1] != '/'
           && strstr(image, "..") == NULL && strstr(image, "//") == NULL
           && strstr(image, "/./") == NULL;
}


/*
 * The engine has no codes, only words: of the kernel and its own.  They are
 * searched in the whole answer, since the cause stands at the end of a chain
 * of messages that may be longer than what is kept of them.
 */

static ngx_rd_error_e
ngx_rd_docker_cause(const ngx_rd_http_response_t *res)
{
    ngx_uint_t  i;

    static const struct {
        const char      *words;
        ngx_rd_error_e   error;
    } causes[] = {
        { "no space left on device", NGX_RD_ERR_DOCKER_DISK_FULL },
        { "disk quota exceeded", NGX_RD_ERR_DOCKER_DISK_FULL },
        { "free space in thin pool", NGX_RD_ERR_DOCKER_DISK_FULL },
        { "cannot assign requested address", NGX_RD_ERR_DOCKER_PORTS },
        { "address already in use", NGX_RD_ERR_DOCKER_PORTS },
        { "port is already allocated", NGX_RD_ERR_DOCKER_PORTS },
        { "Error starting userland proxy", NGX_RD_ERR_DOCKER_PORTS },
        { "failed to bind", NGX_RD_ERR_DOCKER_PORTS }
    };

    for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (memmem(res->body, res->body_len, causes[i].words,
                   strlen(causes[i].words))
            != NULL)
        {
            return causes[i].error;
        }
    }

    return NGX_RD_ERR_DOCKER_REFUSED;
}


/*
 * What the engine says goes to administrators and their logs.  It may repeat
 * what it was given, and an environment holds the password.
 */

static void
ngx_rd_docker_message(const ngx_rd_http_response_t *res,
    const ngx_rd_container_spec_t *spec, ngx_rd_detail_t *message)
{
    ngx_uint_t   i;
    const char  *value;

    ngx_rd_docker_json_message(res->body, res->body_len, message->text,
                               NGX_RD_DOCKER_MESSAGE_BYTES_MAX);

    for (i = 0; spec && i < spec->nenv; i++) {
        value = spec->env_value[i];

        if (strlen(value) >= NGX_RD_DOCKER_SECRET_BYTES_MIN
            && memmem(res->body, res->body_len, value, strlen(value)) != NULL)
        {
            (void) snprintf(message->text, sizeof(message->text),
                            "(not shown: it repeats the environment)");
            return;
        }
    }
}


static ngx_rd_error_e
ngx_rd_docker_refused(ngx_rd_docker_t *docker, ngx_rd_error_e error,
    const ngx_rd_http_response_t *res, const ngx_rd_container_spec_t *spec,
    const char *what, ngx_rd_detail_t *detail)
{
    ngx_rd_detail_t  message;

    ngx_rd_docker_message(res, spec, &message);

    return ngx_rd_error_detail(error, detail, "%s: %s: the engine answered "
                               "%u: %s", docker->way->host->name, what,
                               (unsigned) res->status, message.text);
}
