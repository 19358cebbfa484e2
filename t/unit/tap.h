
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


/*
 * What a unit test needs, in one header: TAP on stdout, and memory that fails
 * on the Nth call.  A test file includes the .c it tests, then this, and ends
 * with return tap_done().  tools/unit.sh builds and runs it.
 *
 * The linker's --wrap sends malloc, calloc, realloc and strdup of the test,
 * of our sources and of static libraries through here.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <stdarg.h>


static unsigned  tap_n;
static unsigned  tap_nfailed;


/* a test that takes this long hangs */
#define TAP_SECONDS_MAX  120


static inline int
tap_ok(int good, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    tap_n++;
    tap_nfailed += !good;

    printf("%sok %u - ", good ? "" : "not ", tap_n);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');

    if (!good) {
        printf("# failed at %s:%d\n", file, line);
    }

    fflush(stdout);

    return good;
}


static inline int
tap_str(const char *got, const char *want, const char *file, int line,
    const char *name)
{
    int  good;

    good = (got == NULL || want == NULL) ? got == want
                                         : strcmp(got, want) == 0;

    if (!tap_ok(good, file, line, "%s", name)) {
        printf("#      got: %s\n# expected: %s\n",
               (got != NULL) ? got : "(NULL)",
               (want != NULL) ? want : "(NULL)");
    }

    return good;
}


static inline int
tap_int(long long got, long long want, const char *file, int line,
    const char *name)
{
    if (!tap_ok(got == want, file, line, "%s", name)) {
        printf("#      got: %lld\n# expected: %lld\n", got, want);
        return 0;
    }

    return 1;
}


static inline int
tap_done(void)
{
    printf("1..%u\n", tap_n);

    return tap_nfailed != 0;
}


#define ok(cond, ...)                                                         \
    tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, name)                                               \
    tap_str(got, want, __FILE__, __LINE__, name)
#define is_int(got, want, name)                                               \
    tap_int((long long) (got), (long long) (want), __FILE__, __LINE__, name)


/*
 * The Nth allocation from now on fails, and every one after it, until
 * tap_alloc_failed() ends it and says whether any did.  So:
 *
 *     for (n = 1; ; n++) {
 *         tap_alloc_fail(n);
 *         thing = parse(text);
 *         if (!tap_alloc_failed()) { break; }
 *         ... thing must be NULL, nothing may leak (ASan looks) ...
 *     }
 */

/* volatile: the compiler knows that no malloc() ever changes a variable */

static volatile long  tap_alloc_left = -1;      /* -1: memory never fails */
static volatile int   tap_alloc_nfailed;


static inline void
tap_alloc_fail(long n)
{
    tap_alloc_nfailed = 0;
    tap_alloc_left = n - 1;
}


static inline int
tap_alloc_failed(void)
{
    tap_alloc_left = -1;

    return tap_alloc_nfailed;
}


static inline int
tap_alloc_refused(void)
{
    if (tap_alloc_left == -1) {
        return 0;
    }

    if (tap_alloc_left > 0) {
        tap_alloc_left--;
        return 0;
    }

    tap_alloc_nfailed++;

    return 1;
}


void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);


void *
__wrap_malloc(size_t size)
{
    return tap_alloc_refused() ? NULL : __real_malloc(size);
}


void *
__wrap_calloc(size_t n, size_t size)
{
    return tap_alloc_refused() ? NULL : __real_calloc(n, size);
}


void *
__wrap_realloc(void *p, size_t size)
{
    return tap_alloc_refused() ? NULL : __real_realloc(p, size);
}


char *
__wrap_strdup(const char *text)
{
    return tap_alloc_refused() ? NULL : __real_strdup(text);
}


/* what ngx_rd_assert() calls before it aborts; nginx's own may be linked */

void ngx_debug_point(void) __attribute__((weak));

void
ngx_debug_point(void)
{
    printf("# an assertion of ours failed\n");
    fflush(stdout);
}


static void tap_start(void) __attribute__((constructor));

static void
tap_start(void)
{
    alarm(TAP_SECONDS_MAX);
}


#endif /* _TAP_H_INCLUDED_ */
