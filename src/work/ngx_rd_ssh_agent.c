
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_ssh_agent.h"

#include <poll.h>
#include <stdlib.h>


#define NGX_RD_SSH_AGENT_LIST           11
#define NGX_RD_SSH_AGENT_LIST_ANSWER    12
#define NGX_RD_SSH_AGENT_SIGN           13
#define NGX_RD_SSH_AGENT_SIGN_ANSWER    14

#define NGX_RD_SSH_AGENT_RSA_SHA2_256   2
#define NGX_RD_SSH_AGENT_RSA_SHA2_512   4


/* what is left to read of a message */

typedef struct {
    const u_char        *pos;
    const u_char        *end;
} ngx_rd_ssh_agent_text_t;


static ngx_int_t ngx_rd_ssh_agent_connect(ngx_rd_ssh_agent_t *agent,
    const char *path);
static ngx_int_t ngx_rd_ssh_agent_list(ngx_rd_ssh_agent_t *agent,
    ngx_rd_deadline_t deadline);
static uint32_t ngx_rd_ssh_agent_flags(const u_char *data, size_t len);

static u_char *ngx_rd_ssh_agent_ask(ngx_rd_ssh_agent_t *agent,
    const u_char *question, size_t len, size_t *answer_len,
    ngx_rd_deadline_t deadline);
static ngx_int_t ngx_rd_ssh_agent_move(int fd, u_char *buf, size_t len,
    ngx_uint_t write, ngx_rd_deadline_t deadline);

static ngx_int_t ngx_rd_ssh_agent_number(ngx_rd_ssh_agent_text_t *text,
    uint32_t *n);
static ngx_int_t ngx_rd_ssh_agent_string(ngx_rd_ssh_agent_text_t *text,
    const u_char **s, size_t *len);
static u_char *ngx_rd_ssh_agent_put(u_char *p, uint32_t n);


/* pool thread */

ngx_int_t
ngx_rd_ssh_agent_open(ngx_rd_ssh_agent_t *agent, const char *path,
    ngx_rd_deadline_t deadline)
{
    ngx_memzero(agent, sizeof(ngx_rd_ssh_agent_t));
    agent->fd = -1;

    if (ngx_rd_ssh_agent_connect(agent, path) != NGX_OK
        || ngx_rd_ssh_agent_list(agent, deadline) != NGX_OK)
    {
        ngx_rd_ssh_agent_close(agent);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_ssh_agent_connect(ngx_rd_ssh_agent_t *agent, const char *path)
{
    struct sockaddr_un  sun;

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(sun.sun_path)) {
        return NGX_ERROR;
    }

    (void) strcpy(sun.sun_path, path);

    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (agent->fd == -1) {
        return NGX_ERROR;
    }

    /* a full backlog (EAGAIN) is an agent that does not work */

    return connect(agent->fd, (struct sockaddr *) &sun, sizeof(sun)) == 0
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_rd_ssh_agent_list(ngx_rd_ssh_agent_t *agent, ngx_rd_deadline_t deadline)
{
    size_t                    len, comment_len;
    uint32_t                  n;
    const u_char             *comment;
    ngx_rd_ssh_agent_text_t   text;

    static const u_char  question[] = { NGX_RD_SSH_AGENT_LIST };

    agent->answer = ngx_rd_ssh_agent_ask(agent, question, sizeof(question),
                                         &len, deadline);

    if (agent->answer == NULL
        || agent->answer[0] != NGX_RD_SSH_AGENT_LIST_ANSWER)
    {
        return NGX_ERROR;
    }

    text.pos = agent->answer + 1;
    text.end = agent->answer + len;

    if (ngx_rd_ssh_agent_number(&text, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    while (agent->n < n && agent->n < NGX_RD_SSH_AGENT_KEYS_MAX) {

        if (ngx_rd_ssh_agent_string(&text, &agent->blob[agent->n],
                                    &agent->blob_len[agent->n])
            != NGX_OK
            || ngx_rd_ssh_agent_string(&text, &comment, &comment_len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        agent->n++;
    }

    return NGX_OK;
}


void
ngx_rd_ssh_agent_type(const u_char *blob, size_t len, char *type, size_t size)
{
    size_t                    n;
    const u_char             *s;
    ngx_rd_ssh_agent_text_t   text;

    text.pos = blob;
    text.end = blob + len;

    if (ngx_rd_ssh_agent_string(&text, &s, &n) != NGX_OK) {
        n = 0;
    }

    n = ngx_min(n, size - 1);

    if (n) {
        ngx_memcpy(type, s, n);
    }

    type[n] = '\0';
}


ngx_int_t
ngx_rd_ssh_agent_sign(ngx_rd_ssh_agent_t *agent, ngx_uint_t key,
    const u_char *data, size_t len, u_char **sig, size_t *sig_len,
    ngx_rd_deadline_t deadline)
{
    u_char                   *question, *answer, *p;
    size_t                    n;
    const u_char             *s;
    ngx_rd_ssh_agent_text_t   text;

    *sig = NULL;

    n = 1 + 4 + agent->blob_len[key] + 4 + len + 4;

    question = malloc(n);
    if (question == NULL) {
        return NGX_ERROR;
    }

    p = question;
    *p++ = NGX_RD_SSH_AGENT_SIGN;
    p = ngx_rd_ssh_agent_put(p, agent->blob_len[key]);
    p = ngx_cpymem(p, agent->blob[key], agent->blob_len[key]);
    p = ngx_rd_ssh_agent_put(p, len);
    p = ngx_cpymem(p, data, len);
    (void) ngx_rd_ssh_agent_put(p, ngx_rd_ssh_agent_flags(data, len));

    answer = ngx_rd_ssh_agent_ask(agent, question, n, &n, deadline);
    free(question);

    if (answer == NULL) {
        return NGX_ERROR;
    }

    text.pos = answer + 1;
    text.end = answer + n;

    /* a string that holds two strings: type and signature */

    if (answer[0] == NGX_RD_SSH_AGENT_SIGN_ANSWER
        && ngx_rd_ssh_agent_string(&text, &s, &n) == NGX_OK)
    {
        text.pos = s;
        text.end = s + n;

        if (ngx_rd_ssh_agent_string(&text, &s, &n) == NGX_OK
            && ngx_rd_ssh_agent_string(&text, &s, &n) == NGX_OK
            && n > 0)
        {
            *sig = malloc(n);

            if (*sig) {
                ngx_memcpy(*sig, s, n);
                *sig_len = n;
            }
        }
    }

    free(answer);

    return *sig ? NGX_OK : NGX_ERROR;
}


/*
 * Which hash an RSA key is to sign with stands only in what is signed:
 * session id, 50, user, service, "publickey", TRUE, algorithm, key.
 */

static uint32_t
ngx_rd_ssh_agent_flags(const u_char *data, size_t len)
{
    size_t                    n;
    ngx_uint_t                i;
    const u_char             *s;
    ngx_rd_ssh_agent_text_t   text;

    text.pos = data;
    text.end = data + len;

    if (ngx_rd_ssh_agent_string(&text, &s, &n) != NGX_OK
        || text.pos == text.end)
    {
        return 0;
    }

    text.pos++;

    for (i = 0; i < 3; i++) {
        if (ngx_rd_ssh_agent_string(&text, &s, &n) != NGX_OK) {
            return 0;
        }
    }

    if (text.pos == text.end) {
        return 0;
    }

    text.pos++;

    if (ngx_rd_ssh_agent_string(&text, &s, &n) != NGX_OK || n != 12) {
        return 0;
    }

    if (ngx_memcmp(s, "rsa-sha2-512", 12) == 0) {
        return NGX_RD_SSH_AGENT_RSA_SHA2_512;
    }

    if (ngx_memcmp(s, "rsa-sha2-256", 12) == 0) {
        return NGX_RD_SSH_AGENT_RSA_SHA2_256;
    }

    return 0;
}


void
ngx_rd_ssh_agent_close(ngx_rd_ssh_agent_t *agent)
{
    if (agent->fd != -1) {
        (void) close(agent->fd);
    }

    free(agent->answer);

    ngx_memzero(agent, sizeof(ngx_rd_ssh_agent_t));
    agent->fd = -1;
}


/* the answer has at least its first byte, which says what it is */

static u_char *
ngx_rd_ssh_agent_ask(ngx_rd_ssh_agent_t *agent, const u_char *question,
    size_t len, size_t *answer_len, ngx_rd_deadline_t deadline)
{
    u_char                    head[4], *answer;
    uint32_t                  n;
    ngx_rd_ssh_agent_text_t   text;

    (void) ngx_rd_ssh_agent_put(head, len);

    if (ngx_rd_ssh_agent_move(agent->fd, head, 4, 1, deadline) != NGX_OK
        || ngx_rd_ssh_agent_move(agent->fd, (u_char *) question, len, 1,
                                 deadline)
           != NGX_OK
        || ngx_rd_ssh_agent_move(agent->fd, head, 4, 0, deadline) != NGX_OK)
    {
        return NULL;
    }

    text.pos = head;
    text.end = head + 4;
    (void) ngx_rd_ssh_agent_number(&text, &n);

    if (n == 0 || n > NGX_RD_SSH_AGENT_BYTES_MAX) {
        return NULL;
    }

    answer = malloc(n);
    if (answer == NULL) {
        return NULL;
    }

    if (ngx_rd_ssh_agent_move(agent->fd, answer, n, 0, deadline) != NGX_OK) {
        free(answer);
        return NULL;
    }

    *answer_len = n;

    return answer;
}


static ngx_int_t
ngx_rd_ssh_agent_move(int fd, u_char *buf, size_t len, ngx_uint_t write,
    ngx_rd_deadline_t deadline)
{
    ssize_t  n;

    while (len) {
        n = write ? send(fd, buf, len, MSG_NOSIGNAL) : recv(fd, buf, len, 0);

        if (n > 0) {
            buf += n;
            len -= n;
            continue;
        }

        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            return NGX_ERROR;
        }

        if (ngx_rd_deadline_poll(fd, write ? POLLOUT : POLLIN, deadline)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_ssh_agent_number(ngx_rd_ssh_agent_text_t *text, uint32_t *n)
{
    const u_char  *p;

    p = text->pos;

    if (text->end - p < 4) {
        return NGX_ERROR;
    }

    *n = (uint32_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    text->pos += 4;

    return NGX_OK;
}


static ngx_int_t
ngx_rd_ssh_agent_string(ngx_rd_ssh_agent_text_t *text, const u_char **s,
    size_t *len)
{
    uint32_t  n;

    if (ngx_rd_ssh_agent_number(text, &n) != NGX_OK
        || (size_t) (text->end - text->pos) < n)
    {
        return NGX_ERROR;
    }

    *s = text->pos;
    *len = n;
    text->pos += n;

    return NGX_OK;
}


static u_char *
ngx_rd_ssh_agent_put(u_char *p, uint32_t n)
{
    *p++ = n >> 24;
    *p++ = n >> 16;
    *p++ = n >> 8;
    *p++ = n;

    return p;
}
