
/*
 * Copyright (C) the ngx_rd authors
 */


/*
 * The provider "docker" without nginx: one host in argv, one command a line
 * on stdin, one answer a line on stdout (code, took ms, more, detail; tabs in
 * between).  t/lib/RD/Driver.pm builds and drives it, with a sanitizer.
 *
 *   driver key=value ...       hostname user port key_file known_hosts
 *                              docker_socket local insecure connections_max
 *                              installation
 *
 *   start NAME SITE SESSION EPOCH IMAGE ADDRESS MS [ENV=VALUE ...]
 *   remove NAME SITE SESSION MS [EPOCH]
 *   find NAME MS
 *   check IMAGE MS
 *   storm THREADS CALLS NAME MS    finds from many threads at once; more is
 *                                  how many gave what, and the most
 *                                  connections there were
 *   hold NAME MS                   a find that is left running, answered as
 *                                  soon as it has a connection
 *   join                           the answer of that find
 *   later MS                       the clock goes on by that much
 *   retire
 *   connections
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "../../ngx_rd_ssh_pool.h"
#include "../../src/base/ngx_rd_error.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define WORDS_MAX    32
#define THREADS_MAX  16


typedef struct {
    const char      *name;
    ngx_msec_t       ms;
    ngx_uint_t       calls;
    ngx_uint_t       errors[NGX_RD_ERR_N];
    ngx_uint_t       unknown;       /* NONE, but no word about the state */
    ngx_uint_t       connections;   /* the most that were seen */
    ngx_rd_detail_t  detail;        /* of the last error */
} storm_t;


int  __real_clock_gettime(clockid_t id, struct timespec *ts);
int  __wrap_clock_gettime(clockid_t id, struct timespec *ts);


static ngx_rd_host_conf_t   host;
static const char          *installation = "";
static ngx_rd_ssh_pool_t   *pool;
static int64_t              ahead_ms;       /* of the real clock */

static storm_t              held;
static pthread_t            holder;


/* what ngx_rd_assert() calls first, and nginx would bring */

void
ngx_debug_point(void)
{
}


/*
 * libssh2 1.10 leaks some 100 bytes whenever it reads an ecdsa key file, and 4
 * for a file that is no key.  Nothing made in there is ever handed to us.
 */

const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libssh2_userauth_publickey_fromfile_ex\n";
}


/* an hour of idleness must not take an hour */

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    int      rc;
    int64_t  ms;

    rc = __real_clock_gettime(id, ts);

    if (rc == 0 && id == CLOCK_MONOTONIC) {
        ms = __atomic_load_n(&ahead_ms, __ATOMIC_RELAXED);
        ts->tv_sec += ms / 1000;
        ts->tv_nsec += ms % 1000 * 1000000;

        if (ts->tv_nsec >= 1000000000) {
            ts->tv_nsec -= 1000000000;
            ts->tv_sec++;
        }
    }

    return rc;
}


static int64_t
now_ms(void)
{
    struct timespec  ts;

    __real_clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
answer(ngx_rd_error_e error, int64_t began_ms, const char *more,
    ngx_rd_detail_t *detail)
{
    printf("%s\t%lld\t%s\t%s\n", ngx_rd_error_code(error),
           (long long) (now_ms() - began_ms), more, detail->text);
    fflush(stdout);
}


static void
host_set(char *word)
{
    char  *value;

    value = strchr(word, '=');
    if (value == NULL) {
        fprintf(stderr, "driver: %s is no key=value\n", word);
        exit(2);
    }

    *value++ = '\0';

    if (strcmp(word, "hostname") == 0) {
        host.hostname = value;

    } else if (strcmp(word, "user") == 0) {
        host.user = value;

    } else if (strcmp(word, "port") == 0) {
        host.port = atoi(value);

    } else if (strcmp(word, "key_file") == 0) {
        host.key_file = value;

    } else if (strcmp(word, "known_hosts") == 0) {
        host.known_hosts = value;

    } else if (strcmp(word, "docker_socket") == 0) {
        host.docker_socket = value;

    } else if (strcmp(word, "local") == 0) {
        host.local = atoi(value);

    } else if (strcmp(word, "insecure") == 0) {
        host.insecure = atoi(value);

    } else if (strcmp(word, "installation") == 0) {
        installation = value;

    } else if (strcmp(word, "connections_max") == 0) {
        host.connections_max = atoi(value);

    } else {
        fprintf(stderr, "driver: no key is called %s\n", word);
        exit(2);
    }
}


static void  do_connections(void);


static void
do_start(char **word, int n)
{
    int                       i;
    char                     *value, more[256];
    int64_t                   began;
    ngx_rd_error_e            error;
    ngx_rd_detail_t           detail;
    ngx_rd_container_t        out;
    ngx_rd_container_spec_t   spec;

    static char  *cap_drop[] = { "ALL" };

    memset(&spec, 0, sizeof(spec));
    memset(&detail, 0, sizeof(detail));

    spec.name = word[1];
    spec.site = word[2];
    spec.installation = installation;
    spec.session = word[3];
    spec.epoch = atoll(word[4]);
    spec.image = word[5];
    spec.publish_address = word[6];
    spec.hostname = "desktop";

    spec.memory_bytes = 64 * 1024 * 1024;
    spec.shm_bytes = 8 * 1024 * 1024;
    spec.nano_cpus = 500000000;
    spec.pids_max = 64;
    spec.cap_drop = cap_drop;
    spec.ncap_drop = 1;

    spec.ports[0] = 5900;
    spec.ports[1] = 6080;
    spec.nports = 2;

    for (i = 8; i < n && spec.nenv < NGX_RD_CONTAINER_ENV_MAX; i++) {
        value = strchr(word[i], '=');
        *value++ = '\0';
        spec.env_name[spec.nenv] = word[i];
        spec.env_value[spec.nenv++] = value;
    }

    began = now_ms();
    error = ngx_rd_ssh_pool_start_container(pool, &spec, &out,
                                            atoi(word[7]), &detail);

    snprintf(more, sizeof(more), "id=%s vnc=%u web=%u leftover=%u", out.id,
             out.ports[0], out.ports[1], out.leftover);
    answer(error, began, more, &detail);
}


static void
do_remove(char **word, int n)
{
    int64_t          began;
    ngx_rd_error_e   error;
    ngx_rd_detail_t  detail;

    memset(&detail, 0, sizeof(detail));
    began = now_ms();

    error = ngx_rd_ssh_pool_remove_container(pool, word[1], word[2], word[3],
                                             n > 5 ? atoll(word[5]) : -1,
                                             atoi(word[4]), &detail);
    answer(error, began, "", &detail);
}


static void
do_find(char **word)
{
    int64_t                    began;
    ngx_rd_error_e             error;
    ngx_rd_detail_t            detail;
    ngx_rd_container_state_e   state;

    static const char  *names[] = { "unknown", "running", "gone" };

    memset(&detail, 0, sizeof(detail));
    began = now_ms();

    error = ngx_rd_ssh_pool_find_container(pool, word[1], &state,
                                           atoi(word[2]), &detail);
    answer(error, began, names[state], &detail);
}


static void
do_check(char **word)
{
    int64_t                    began;
    ngx_rd_error_e             error;
    ngx_rd_detail_t            detail;
    ngx_rd_docker_json_info_t  info;

    memset(&detail, 0, sizeof(detail));
    began = now_ms();

    error = ngx_rd_ssh_pool_check(pool, word[1], &info, atoi(word[2]),
                                  &detail);
    answer(error, began, "", &detail);
}


static void *
storm_thread(void *data)
{
    storm_t  *storm = data;

    ngx_uint_t                 i, n;
    ngx_rd_error_e             error;
    ngx_rd_detail_t            detail;
    ngx_rd_container_state_e   state;

    for (i = 0; i < storm->calls; i++) {
        memset(&detail, 0, sizeof(detail));

        error = ngx_rd_ssh_pool_find_container(pool, storm->name, &state,
                                               storm->ms, &detail);
        storm->errors[error]++;

        if (error != NGX_RD_ERR_NONE) {
            storm->detail = detail;

        } else if (state == NGX_RD_CONTAINER_UNKNOWN) {
            storm->unknown++;
        }

        n = ngx_rd_ssh_pool_connections(pool);
        storm->connections = ngx_max(storm->connections, n);
    }

    return NULL;
}


static void
do_storm(char **word)
{
    int         i, e, n, len;
    char        more[512];
    int64_t     began;
    storm_t     storm[THREADS_MAX], sum;
    pthread_t   tid[THREADS_MAX];

    n = ngx_min(atoi(word[1]), THREADS_MAX);

    memset(storm, 0, sizeof(storm));
    memset(&sum, 0, sizeof(sum));
    began = now_ms();

    for (i = 0; i < n; i++) {
        storm[i].calls = atoi(word[2]);
        storm[i].name = word[3];
        storm[i].ms = atoi(word[4]);

        if (pthread_create(&tid[i], NULL, storm_thread, &storm[i]) != 0) {
            abort();
        }
    }

    for (i = 0; i < n; i++) {
        pthread_join(tid[i], NULL);

        for (e = 0; e < NGX_RD_ERR_N; e++) {
            sum.errors[e] += storm[i].errors[e];
        }

        sum.unknown += storm[i].unknown;
        sum.connections = ngx_max(sum.connections, storm[i].connections);

        if (storm[i].detail.text[0]) {
            sum.detail = storm[i].detail;
        }
    }

    len = snprintf(more, sizeof(more), "unknown=%u connections=%u",
                   (unsigned) sum.unknown, (unsigned) sum.connections);

    for (e = 0; e < NGX_RD_ERR_N; e++) {
        if (sum.errors[e]) {
            len += snprintf(more + len, sizeof(more) - len, " %s=%u",
                            ngx_rd_error_code(e), (unsigned) sum.errors[e]);
        }
    }

    answer(NGX_RD_ERR_NONE, began, more, &sum.detail);
}


static void
do_hold(char **word)
{
    memset(&held, 0, sizeof(held));

    held.calls = 1;
    held.name = strdup(word[1]);
    held.ms = atoi(word[2]);

    if (pthread_create(&holder, NULL, storm_thread, &held) != 0) {
        abort();
    }

    while (ngx_rd_ssh_pool_connections(pool) == 0) {
        sched_yield();
    }

    do_connections();
}


static void
do_join(void)
{
    int              e;
    ngx_rd_detail_t  detail;

    pthread_join(holder, NULL);
    free((char *) held.name);

    for (e = 0; held.errors[e] == 0; e++) { /* void */ }

    detail = held.detail;
    answer(e, now_ms(), "", &detail);
}


static void
do_connections(void)
{
    char             more[32];
    ngx_rd_detail_t  detail;

    memset(&detail, 0, sizeof(detail));
    snprintf(more, sizeof(more), "%u",
             (unsigned) ngx_rd_ssh_pool_connections(pool));
    answer(NGX_RD_ERR_NONE, now_ms(), more, &detail);
}


static void
command(char **word, int n)
{
    static const struct { const char *name; int words; }  known[] = {
        { "start", 8 }, { "remove", 5 }, { "find", 3 }, { "check", 3 },
        { "storm", 5 }, { "later", 2 }, { "retire", 1 }, { "connections", 1 },
        { "hold", 3 }, { "join", 1 },
    };

    unsigned  i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(word[0], known[i].name) == 0 && n >= known[i].words) {
            break;
        }
    }

    switch (i) {
    case 0:
        do_start(word, n);
        break;
    case 1:
        do_remove(word, n);
        break;
    case 2:
        do_find(word);
        break;
    case 3:
        do_check(word);
        break;
    case 4:
        do_storm(word);
        break;
    case 5:
        __atomic_fetch_add(&ahead_ms, atoll(word[1]), __ATOMIC_RELAXED);
        do_connections();
        break;
    case 6:
        ngx_rd_ssh_pool_retire(pool, 0);
        do_connections();
        break;
    case 7:
        do_connections();
        break;
    case 8:
        do_hold(word);
        break;
    case 9:
        do_join();
        break;
    default:
        fprintf(stderr, "driver: cannot do \"%s\" with %d words\n", word[0],
                n);
        exit(2);
    }
}


int
main(int argc, char **argv)
{
    int     i, n;
    char   *line, *word[WORDS_MAX];
    size_t  size;

    signal(SIGPIPE, SIG_IGN);

    host.name = "test-host";
    host.hostname = "127.0.0.1";
    host.user = "root";
    host.port = 22;
    host.docker_socket = "/var/run/docker.sock";
    host.connections_max = 4;

    for (i = 1; i < argc; i++) {
        host_set(argv[i]);
    }

    pool = NULL;

    if (ngx_rd_ssh_pool_init_worker(NULL) == NGX_OK) {
        pool = ngx_rd_ssh_pool_create(&host);
    }

    if (pool == NULL) {
        return 2;
    }

    line = NULL;
    size = 0;

    while (getline(&line, &size, stdin) > 0) {

        n = 0;
        word[0] = strtok(line, " \n");

        while (word[n] && n < WORDS_MAX - 1) {
            word[++n] = strtok(NULL, " \n");
        }

        if (n) {
            command(word, n);
        }
    }

    free(line);

    ngx_rd_ssh_pool_destroy(pool);
    ngx_rd_ssh_pool_exit_worker();

    return 0;
}
