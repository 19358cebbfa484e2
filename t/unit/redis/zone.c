
/*
 * Copyright (C) the ngx_rd authors
 */


#include "../../../src/redis/ngx_rd_zone.c"
#include "../../../src/redis/ngx_rd_zone_memory.c"
#include "tap.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define ZONE_BYTES  (256 * 1024)


/*
 * nginx' side, as far as a zone sees it: one piece of memory that processes
 * share, and its mutex, which nginx opens when the one who has it dies.
 */

static ngx_shm_zone_t   shm_zone;
static u_char          *memory;
static u_char          *nowhere;        /* to touch it is death */
static ngx_uint_t       locked;

ngx_uint_t              ngx_pagesize = 4096;
ngx_uint_t              ngx_worker;


static void test_kept(void);
static void test_meanwhile(void);
static void dropped(int sig);
static void test_dies(const char *name, void (*deed)(void),
    ngx_uint_t empty);
static void dies_putting(void);
static void get_nowhere(ngx_uint_t n);
static void dies_glancing(void);
static void dies_getting(void);
static void died(int sig);

static void start(void);
static void put(ngx_uint_t n);
static ngx_uint_t got(ngx_uint_t n);
static ngx_str_t key_of(ngx_uint_t n);
static ngx_rd_zone_way_t *way_of(ngx_uint_t n);


static ngx_rd_zone_t  *zone;
static ngx_uint_t      away;            /* its places are others', as 1's */
static ngx_uint_t      ndropped;


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    return &shm_zone;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    static u_char  buf[4096];

    if (size > sizeof(buf)) {
        return NULL;
    }

    ngx_memzero(buf, sizeof(buf));

    return buf;
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    return memory + ngx_pagesize;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    locked--;
}


/* of no use, but for the names to be spread */

uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    uint32_t  hash;

    for (hash = 2166136261u; len; len--) {
        hash = (hash ^ *data++) * 16777619;
    }

    return hash;
}


void
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
}


int
main(void)
{
    memory = mmap(NULL, ZONE_BYTES + ngx_pagesize, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    nowhere = mmap(NULL, ngx_pagesize, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS,
                   -1, 0);

    if (memory == MAP_FAILED || nowhere == MAP_FAILED) {
        printf("Bail out! no memory\n");
        return 1;
    }

    test_kept();
    test_meanwhile();
    test_dies("putting", dies_putting, 1);
    test_dies("getting", dies_getting, 1);
    test_dies("glancing at", dies_glancing, 0);

    return tap_done();
}


static void
start(void)
{
    ngx_conf_t        cf;
    ngx_str_t         name = ngx_string("test");
    ngx_slab_pool_t  *slab;

    ngx_memzero(memory, ZONE_BYTES + ngx_pagesize);
    ngx_memzero(&shm_zone, sizeof(shm_zone));
    ngx_memzero(&cf, sizeof(cf));

    slab = (ngx_slab_pool_t *) memory;
    slab->pfree = ZONE_BYTES / ngx_pagesize;

    shm_zone.shm.addr = memory;

    zone = ngx_rd_zone_add(&cf, &name, ZONE_BYTES, NULL);

    if (zone == NULL || shm_zone.init(&shm_zone, NULL) != NGX_OK) {
        printf("Bail out! no zone\n");
        exit(1);
    }
}


static ngx_str_t
key_of(ngx_uint_t n)
{
    ngx_str_t      key;
    static u_char  buf[32];

    key.data = buf;
    key.len = snprintf((char *) buf, sizeof(buf), "key%u", (unsigned) n);

    return key;
}


static ngx_rd_zone_way_t *
way_of(ngx_uint_t n)
{
    ngx_str_t  key;

    key = key_of(n);

    return ngx_rd_zone_way(zone, NGX_RD_ZONE_SESSION, &key);
}


static void
put(ngx_uint_t n)
{
    ngx_str_t  key;

    key = key_of(n);

    ngx_rd_zone_put(zone, ngx_rd_zone_generation(zone), NGX_RD_ZONE_SESSION,
                    &key, &key, &n, sizeof(n), 1);
}


static ngx_uint_t
got(ngx_uint_t n)
{
    u_char      value[NGX_RD_ZONE_VALUE_BYTES_MAX];
    ngx_str_t   key;
    ngx_msec_t  asked_ms;

    key = key_of(n);

    return ngx_rd_zone_get(zone, way_of(n), NGX_RD_ZONE_SESSION, &key, value,
                           sizeof(value), &asked_ms)
           == sizeof(n) && ngx_memcmp(value, &n, sizeof(n)) == 0;
}


static void
test_kept(void)
{
    ngx_str_t   key;
    ngx_uint_t  n, generation;

    start();

    put(1);
    put(2);
    ok(got(1) && got(2) && !got(3), "what was put is there");

    generation = ngx_rd_zone_generation(zone);

    key = key_of(1);
    ngx_rd_zone_drop(zone, NGX_RD_ZONE_SESSION, &key);
    key = key_of(2);
    ngx_rd_zone_drop_alias(zone, NGX_RD_ZONE_SESSION, &key);
    ok(!got(1) && !got(2), "what was dropped is not");

    n = 3;
    key = key_of(n);
    ngx_rd_zone_put(zone, generation, NGX_RD_ZONE_SESSION, &key, &key, &n,
                    sizeof(n), 1);
    ok(!got(3), "nor what was asked before that");

    put(4);
    ngx_rd_zone_flush(zone);
    ok(!got(4), "nor what was flushed");

    put(5);
    ngx_rd_zone_mark(zone, 1);
    ok(!got(5), "nor what has another mark");
    ngx_rd_zone_mark(zone, 0);
    ok(got(5), "until it is the same again");

    is_int(locked, 0, "and nobody is inside");
}


/* another worker drops an entry in the midst of a look at it */

static void
test_meanwhile(void)
{
    size_t      len;
    ngx_str_t   key;
    ngx_msec_t  asked_ms;

    start();
    put(1);

    ndropped = 0;
    signal(SIGSEGV, dropped);
    signal(SIGBUS, dropped);

    key = key_of(1);
    len = ngx_rd_zone_get(zone, way_of(1), NGX_RD_ZONE_SESSION, &key, nowhere,
                          sizeof(ngx_uint_t), &asked_ms);

    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    (void) mprotect(nowhere, ngx_pagesize, PROT_NONE);

    is_int(ndropped, 1, "an entry is dropped while it is looked at");
    is_int(len, 0, "and is not seen any more");
}


/* the look goes on where it was: from now on it can touch the page */

static void
dropped(int sig)
{
    ngx_str_t  key;

    ndropped++;
    (void) mprotect(nowhere, ngx_pagesize, PROT_READ|PROT_WRITE);

    key = key_of(1);
    ngx_rd_zone_drop(zone, NGX_RD_ZONE_SESSION, &key);
}


/* the end of a worker, in the midst of it: the value cannot be touched */

static void
died(int sig)
{
    _exit(7);
}


static void
dies_putting(void)
{
    ngx_str_t  key;

    key = key_of(3);

    ngx_rd_zone_put(zone, ngx_rd_zone_generation(zone), NGX_RD_ZONE_SESSION,
                    &key, &key, nowhere, 64, 1);
}


static void
get_nowhere(ngx_uint_t n)
{
    ngx_str_t   key;
    ngx_msec_t  asked_ms;

    key = key_of(n);

    (void) ngx_rd_zone_get(zone, way_of(n), NGX_RD_ZONE_SESSION, &key,
                           nowhere, sizeof(n), &asked_ms);
}


static void
dies_glancing(void)
{
    get_nowhere(1);
}


static void
dies_getting(void)
{
    get_nowhere(away);
}


static void
test_dies(const char *name, void (*deed)(void), ngx_uint_t empty)
{
    int                   status;
    pid_t                 pid;
    ngx_uint_t            i, n, generation;
    ngx_rd_zone_count_t   count;

    start();

    put(1);
    put(2);

    /* all places of 1 are taken, and one more entry has the same */

    away = 2;

    for (i = 0; i < NGX_RD_ZONE_NPLACES; i++) {

        do {
            away++;
        } while (way_of(away) != way_of(1));

        put(away);
    }

    generation = ngx_rd_zone_generation(zone);

    pid = fork();

    if (pid == 0) {
        signal(SIGSEGV, died);
        signal(SIGBUS, died);
        deed();
        _exit(0);
    }

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        printf("Bail out! no process\n");
        exit(1);
    }

    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
       "a worker dies, %s something", name);

    if (empty) {
        ok(!got(1) && !got(2) && !got(3) && !got(away),
           "%s: it leaves an empty zone", name);
        ok(ngx_rd_zone_generation(zone) != generation,
           "%s: what was asked before is not kept", name);

    } else {
        ok(got(1) && got(2) && !got(3) && got(away),
           "%s: it leaves all as it was", name);
        ok(ngx_rd_zone_generation(zone) == generation,
           "%s: what was asked before is kept", name);
    }

    ngx_rd_zone_count(zone, &count);
    is_int(count.entries, empty ? 0 : 2 + NGX_RD_ZONE_NPLACES,
           "as is counted");

    /* more than there is room for: every place of it is used again */

    n = 2 * count.entries_max;

    for (i = 1; i <= n; i++) {
        put(i);

        if (!got(i)) {
            break;
        }
    }

    ok(i == n + 1, "%s: things are kept again", name);

    ngx_rd_zone_count(zone, &count);
    is_int(count.entries, count.entries_max, "until it is full");
    is_int(locked, 0, "and nobody is inside");
}
