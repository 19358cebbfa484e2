
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_resolve.h"
#include "../base/ngx_rd_error.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>


/*
 * getaddrinfo() may take as long as the system's resolver likes (30 s with
 * two dead name servers), so it runs on a thread of its own that is left
 * behind when the deadline comes.  The question is shared by both threads and
 * freed by the last one that lets go of it.
 */

#define NGX_RD_RESOLVE_LEFT_BEHIND_MAX  16


typedef struct {
    pthread_mutex_t      mutex;
    pthread_cond_t       answered;

    ngx_uint_t           refs;      /* under mutex */
    ngx_uint_t           done;      /* under mutex */
    int                  rc;        /* of getaddrinfo() */

    ngx_rd_resolve_t     result;

    in_port_t            port;
    char                 name[NI_MAXHOST];
} ngx_rd_resolve_question_t;


static ngx_rd_resolve_question_t *ngx_rd_resolve_ask(const char *name,
    in_port_t port, ngx_uint_t *full);
static void *ngx_rd_resolve_thread(void *data);
static int ngx_rd_resolve_lookup(const char *name, in_port_t port, int flags,
    ngx_rd_resolve_t *out);
static void ngx_rd_resolve_wait(ngx_rd_resolve_question_t *q,
    ngx_rd_deadline_t deadline);
static void ngx_rd_resolve_release(ngx_rd_resolve_question_t *q);


/* threads that are out, those left behind included */
static ngx_uint_t  ngx_rd_resolve_threads;


/* pool thread */

ngx_rd_error_e
ngx_rd_resolve_name(const char *name, in_port_t port, ngx_rd_resolve_t *out,
    ngx_rd_deadline_t deadline, ngx_rd_detail_t *detail)
{
    int                         rc;
    ngx_uint_t                  done, full;
    ngx_rd_resolve_question_t  *q;

    if (ngx_rd_resolve_lookup(name, port, AI_NUMERICHOST, out) == 0) {
        return NGX_RD_ERR_NONE;
    }

    if (strlen(name) >= NI_MAXHOST) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_CONNECT, detail,
                                   "the host name is too long");
    }

    q = ngx_rd_resolve_ask(name, port, &full);

    if (q == NULL && full) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_TIMEOUT, detail,
                                   "%s: its name cannot be resolved: %d "
                                   "lookups are without an answer (is a name "
                                   "server of /etc/resolv.conf down?)", name,
                                   NGX_RD_RESOLVE_LEFT_BEHIND_MAX);
    }

    if (q == NULL) {
        return ngx_rd_error_detail(NGX_RD_ERR_MEMORY, detail,
                                   "no thread to resolve %s", name);
    }

    ngx_rd_resolve_wait(q, deadline);

    (void) pthread_mutex_lock(&q->mutex);
    done = q->done;
    rc = q->rc;
    if (done) {
        *out = q->result;
    }
    (void) pthread_mutex_unlock(&q->mutex);

    ngx_rd_resolve_release(q);

    if (!done) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_TIMEOUT, detail,
                                   "%s: its name was not resolved in time",
                                   name);
    }

    if (rc != 0) {
        return ngx_rd_error_detail(NGX_RD_ERR_SSH_CONNECT, detail,
                                   "%s: its name cannot be resolved: %s",
                                   name, gai_strerror(rc));
    }

    return NGX_RD_ERR_NONE;
}


static ngx_rd_resolve_question_t *
ngx_rd_resolve_ask(const char *name, in_port_t port, ngx_uint_t *full)
{
    pthread_t                   tid;
    pthread_attr_t              attr;
    pthread_condattr_t          cattr;
    ngx_rd_resolve_question_t  *q;

    *full = __atomic_add_fetch(&ngx_rd_resolve_threads, 1, __ATOMIC_RELAXED)
            > NGX_RD_RESOLVE_LEFT_BEHIND_MAX;

    if (*full) {
        goto failed;
    }

    q = calloc(1, sizeof(ngx_rd_resolve_question_t));
    if (q == NULL) {
        goto failed;
    }

    (void) pthread_condattr_init(&cattr);
    (void) pthread_condattr_setclock(&cattr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&q->answered, &cattr);
    (void) pthread_condattr_destroy(&cattr);
    (void) pthread_mutex_init(&q->mutex, NULL);

    q->refs = 2;
    q->port = port;
    (void) snprintf(q->name, sizeof(q->name), "%s", name);

    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    if (pthread_create(&tid, &attr, ngx_rd_resolve_thread, q) != 0) {
        (void) pthread_attr_destroy(&attr);
        q->refs = 1;
        ngx_rd_resolve_release(q);
        goto failed;
    }

    (void) pthread_attr_destroy(&attr);

    return q;

failed:

    (void) __atomic_sub_fetch(&ngx_rd_resolve_threads, 1, __ATOMIC_RELAXED);

    return NULL;
}


/* own thread: the signals that the pool thread blocks are blocked here too */

static void *
ngx_rd_resolve_thread(void *data)
{
    ngx_rd_resolve_question_t  *q = data;

    int               rc;
    ngx_rd_resolve_t  result;

    rc = ngx_rd_resolve_lookup(q->name, q->port, AI_ADDRCONFIG, &result);

    (void) pthread_mutex_lock(&q->mutex);
    q->done = 1;
    q->rc = rc;
    q->result = result;
    (void) pthread_cond_signal(&q->answered);
    (void) pthread_mutex_unlock(&q->mutex);

    ngx_rd_resolve_release(q);

    (void) __atomic_sub_fetch(&ngx_rd_resolve_threads, 1, __ATOMIC_RELAXED);

    return NULL;
}


static int
ngx_rd_resolve_lookup(const char *name, in_port_t port, int flags,
    ngx_rd_resolve_t *out)
{
    int               rc;
    char              service[sizeof("65535")];
    struct addrinfo   hints, *list, *ai;

    ngx_memzero(out, sizeof(ngx_rd_resolve_t));
    ngx_memzero(&hints, sizeof(struct addrinfo));

    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;

    (void) snprintf(service, sizeof(service), "%u", (unsigned) port);

    rc = getaddrinfo(name, service, &hints, &list);
    if (rc != 0) {
        return rc;
    }

    for (ai = list; ai && out->n < NGX_RD_RESOLVE_ADDRS_MAX; ai = ai->ai_next) {
        ngx_memcpy(&out->addr[out->n], ai->ai_addr, ai->ai_addrlen);
        out->addr_len[out->n++] = ai->ai_addrlen;
    }

    freeaddrinfo(list);

    return out->n ? 0 : EAI_NONAME;
}


static void
ngx_rd_resolve_wait(ngx_rd_resolve_question_t *q, ngx_rd_deadline_t deadline)
{
    (void) pthread_mutex_lock(&q->mutex);

    while (!q->done
           && ngx_rd_deadline_wait(&q->answered, &q->mutex, deadline)
              == NGX_OK)
    {
        /* void */
    }

    (void) pthread_mutex_unlock(&q->mutex);
}


static void
ngx_rd_resolve_release(ngx_rd_resolve_question_t *q)
{
    ngx_uint_t  refs;

    (void) pthread_mutex_lock(&q->mutex);
    refs = --q->refs;
    (void) pthread_mutex_unlock(&q->mutex);

    if (refs == 0) {
        (void) pthread_cond_destroy(&q->answered);
        (void) pthread_mutex_destroy(&q->mutex);
        free(q);
    }
}
