/* sources: src/work/ngx_rd_deadline.c */
/* libs: -lpthread */

/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/work/ngx_rd_ssh_agent.c"
#include "tap.h"

#include <pthread.h>


/* An agent that says what it is told to, whatever it is asked. */

typedef struct {
    const char      *name;
    const char      *bytes;     /* of the answer, its length included */
    size_t           len;
    ngx_int_t        rc;
    ngx_uint_t       n;         /* keys */
} list_t;

#define BYTES(text)  text, sizeof(text) - 1

#define KEY          "\0\0\0\13ssh-ed25519\0\0\0\1k"    /* 20 bytes */


static const list_t  lists[] = {
    { "no key", BYTES("\0\0\0\5\14\0\0\0\0"), NGX_OK, 0 },
    { "a key", BYTES("\0\0\0\46\14\0\0\0\1\0\0\0\24" KEY "\0\0\0\5lucky"),
      NGX_OK, 1 },
    { "fewer than promised",
      BYTES("\0\0\0\46\14\0\0\0\2\0\0\0\24" KEY "\0\0\0\5lucky"),
      NGX_ERROR, 0 },
    { "an endless number", BYTES("\0\0\0\5\14\377\377\377\377"), NGX_ERROR,
      0 },
    { "a key longer than the answer",
      BYTES("\0\0\0\12\14\0\0\0\1\377\377\377\377k"), NGX_ERROR, 0 },
    { "no comment", BYTES("\0\0\0\35\14\0\0\0\1\0\0\0\24" KEY), NGX_ERROR, 0 },
    { "half a number", BYTES("\0\0\0\3\14\0\0"), NGX_ERROR, 0 },
    { "a refusal", BYTES("\0\0\0\1\5"), NGX_ERROR, 0 },
    { "an empty answer", BYTES("\0\0\0\0"), NGX_ERROR, 0 },
    { "an answer without end", BYTES("\377\377\377\377\14"), NGX_ERROR, 0 },
    { "half an answer", BYTES("\0\0\0\46\14\0\0"), NGX_ERROR, 0 },
    { "no answer", BYTES(""), NGX_ERROR, 0 },
    { NULL, NULL, 0, 0, 0 }
};


/* answers to a request to sign */

static const list_t  signs[] = {
    { "a signature",
      BYTES("\0\0\0\31\16\0\0\0\24\0\0\0\13ssh-ed25519\0\0\0\1s"),
      NGX_OK, 1 },
    { "an empty signature",
      BYTES("\0\0\0\30\16\0\0\0\23\0\0\0\13ssh-ed25519\0\0\0\0"),
      NGX_ERROR, 0 },
    { "a type alone", BYTES("\0\0\0\24\16\0\0\0\17\0\0\0\13ssh-ed25519"),
      NGX_ERROR, 0 },
    { "a signature that is too long",
      BYTES("\0\0\0\31\16\0\0\0\24\0\0\0\13ssh-ed25519\377\377\377\377s"),
      NGX_ERROR, 0 },
    { "a refusal", BYTES("\0\0\0\1\5"), NGX_ERROR, 0 },
    { NULL, NULL, 0, 0, 0 }
};


static char           path[] = "/tmp/rd-agent-XXXXXX/s";
static int            listener;
static const list_t  *first, *second;       /* what it answers */
static u_char         asked[1024];
static size_t         nasked;


static void
put(int fd, const list_t *answer)
{
    if (answer) {
        (void) !write(fd, answer->bytes, answer->len);
    }
}


static void *
agent_thread(void *data)
{
    int  fd;

    fd = accept(listener, NULL, NULL);

    (void) !read(fd, asked, 4);
    (void) !read(fd, asked + 4, 1);
    put(fd, first);

    if (second) {
        (void) !read(fd, asked, 4);
        nasked = asked[3];
        (void) !recv(fd, asked, nasked, MSG_WAITALL);
        put(fd, second);
    }

    close(fd);

    return NULL;
}


static ngx_int_t
open_agent(ngx_rd_ssh_agent_t *agent, pthread_t *tid, const list_t *list,
    const list_t *sign)
{
    first = list;
    second = sign;

    if (pthread_create(tid, NULL, agent_thread, NULL) != 0) {
        abort();
    }

    return ngx_rd_ssh_agent_open(agent, path, ngx_rd_deadline_in(2000));
}


static void
test_list(void)
{
    char                 type[16], name[80];
    pthread_t            tid;
    const list_t        *list;
    ngx_rd_ssh_agent_t   agent;

    for (list = lists; list->name; list++) {
        snprintf(name, sizeof(name), "a list of %s", list->name);
        is_int(open_agent(&agent, &tid, list, NULL), list->rc, name);
        is_int(agent.n, list->n, "... has so many keys");

        if (list->n) {
            ngx_rd_ssh_agent_type(agent.blob[0], agent.blob_len[0], type,
                                  sizeof(type));
            is_str(type, "ssh-ed25519", "... and its type");
        }

        ngx_rd_ssh_agent_close(&agent);
        pthread_join(tid, NULL);
    }
}


static void
test_sign(void)
{
    char                 name[80];
    u_char              *sig;
    size_t               len;
    pthread_t            tid;
    const list_t        *sign;
    ngx_rd_ssh_agent_t   agent;

    for (sign = signs; sign->name; sign++) {
        (void) open_agent(&agent, &tid, &lists[1], sign);
        snprintf(name, sizeof(name), "%s", sign->name);

        is_int(ngx_rd_ssh_agent_sign(&agent, 0, (u_char *) "data", 4, &sig,
                                     &len, ngx_rd_deadline_in(2000)),
               sign->rc, name);
        pthread_join(tid, NULL);

        is_int(nasked, 1 + 4 + 20 + 4 + 4 + 4, "... was asked for in full");

        if (sign->rc == NGX_OK) {
            ok(len == 1 && sig[0] == 's', "... without its type");
        } else {
            ok(sig == NULL, "... gives nothing");
        }

        free(sig);
        ngx_rd_ssh_agent_close(&agent);
    }
}


/* what SSH wants signed: RFC 4252, 7 */

#define SIGNED(name)                                                          \
    "\0\0\0\2id" "\62" "\0\0\0\4root" "\0\0\0\16ssh-connection"               \
    "\0\0\0\11publickey" "\1" name "\0\0\0\1k"

static void
test_flags(void)
{
    size_t  n;

    static const u_char  sha512[] = SIGNED("\0\0\0\14rsa-sha2-512");
    static const u_char  sha256[] = SIGNED("\0\0\0\14rsa-sha2-256");
    static const u_char  ed25519[] = SIGNED("\0\0\0\13ssh-ed25519");

    is_int(ngx_rd_ssh_agent_flags(sha512, sizeof(sha512) - 1), 4, "SHA-512");
    is_int(ngx_rd_ssh_agent_flags(sha256, sizeof(sha256) - 1), 2, "SHA-256");
    is_int(ngx_rd_ssh_agent_flags(ed25519, sizeof(ed25519) - 1), 0,
           "no choice of a hash");

    for (n = 0; n < sizeof(sha512) - 6; n++) {
        if (ngx_rd_ssh_agent_flags(sha512, n) != 0) {
            break;
        }
    }

    is_int(n, sizeof(sha512) - 6, "what is cut off says nothing");
}


static void
test_silence(void)
{
    pthread_t            tid;
    ngx_rd_deadline_t    began;
    ngx_rd_ssh_agent_t   agent;

    /* nobody accepts, so nobody answers */

    began = ngx_rd_deadline_in(0);
    is_int(ngx_rd_ssh_agent_open(&agent, path, ngx_rd_deadline_in(200)),
           NGX_ERROR, "an agent that never answers");
    ok(ngx_rd_deadline_in(0) - began < 2000, "... costs its deadline");

    /* the connection it never took is still in its queue */

    first = second = NULL;

    if (pthread_create(&tid, NULL, agent_thread, NULL) == 0) {
        pthread_join(tid, NULL);
    }

    is_int(ngx_rd_ssh_agent_open(&agent, "/nonexistent/agent",
                                 ngx_rd_deadline_in(200)),
           NGX_ERROR, "no agent");
}


static void
test_memory(void)
{
    long                 n;
    u_char              *sig;
    size_t               len;
    pthread_t            tid;
    ngx_int_t            rc;
    ngx_rd_ssh_agent_t   agent;

    for (n = 1; n < 20; n++) {
        first = &lists[1];
        second = &signs[0];

        if (pthread_create(&tid, NULL, agent_thread, NULL) != 0) {
            abort();
        }

        tap_alloc_fail(n);

        rc = ngx_rd_ssh_agent_open(&agent, path, ngx_rd_deadline_in(2000));

        if (rc == NGX_OK) {
            rc = ngx_rd_ssh_agent_sign(&agent, 0, (u_char *) "data", 4, &sig,
                                       &len, ngx_rd_deadline_in(2000));
        }

        if (!tap_alloc_failed()) {
            break;
        }

        ok(rc == NGX_ERROR, "allocation %ld fails", n);
        ngx_rd_ssh_agent_close(&agent);
        pthread_join(tid, NULL);
    }

    is_int(rc, NGX_OK, "with memory it works");
    free(sig);
    ngx_rd_ssh_agent_close(&agent);
    pthread_join(tid, NULL);
}


int
main(void)
{
    char                *end;
    struct sockaddr_un   sun;

    end = strrchr(path, '/');
    *end = '\0';

    if (mkdtemp(path) == NULL) {
        return 1;
    }

    *end = '/';

    ngx_memzero(&sun, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) strcpy(sun.sun_path, path);

    listener = socket(AF_UNIX, SOCK_STREAM, 0);

    if (bind(listener, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || listen(listener, 5) == -1)
    {
        return 1;
    }

    signal(SIGPIPE, SIG_IGN);

    test_list();
    test_sign();
    test_flags();
    test_silence();
    test_memory();

    close(listener);
    unlink(path);
    *end = '\0';
    rmdir(path);

    return tap_done();
}
