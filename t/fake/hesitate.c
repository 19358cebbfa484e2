
/*
 * Copyright (C) the ngx_rd authors
 */

/*
 * For LD_PRELOAD: a program that falls asleep now and then, just after it has
 * written to a socket, or just before it looks at what an event was about.
 * Whoever got its bytes is then ahead of what it does after them: its log line,
 * its counter, the next command; and others are ahead of what it was told.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define WRITES      6           /* one in so many is followed by a sleep */
#define EVENTS      20          /* one in so many waits ends with one */
#define MS_MIN      10
#define MS_MAX      50
#define AWAKE       2           /* times as long, at least, until the next */

/* the libc's function of the same name */
#define next(name)  ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))


static void  written(int fd, ssize_t n);
static void  hesitate(unsigned one_in);


/* what the program starts in its turn does not hesitate */

static void __attribute__((constructor))
start(void)
{
    unsetenv("LD_PRELOAD");
}


ssize_t
write(int fd, const void *data, size_t len)
{
    ssize_t  n;

    n = next(write)(fd, data, len);
    written(fd, n);

    return n;
}


ssize_t
writev(int fd, const struct iovec *iov, int count)
{
    ssize_t  n;

    n = next(writev)(fd, iov, count);
    written(fd, n);

    return n;
}


ssize_t
send(int fd, const void *data, size_t len, int flags)
{
    ssize_t  n;

    n = next(send)(fd, data, len, flags);
    written(fd, n);

    return n;
}


ssize_t
sendfile(int fd, int from, off_t *offset, size_t len)
{
    ssize_t  n;

    n = next(sendfile)(fd, from, offset, len);
    written(fd, n);

    return n;
}


int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    int  n;

    n = next(epoll_wait)(fd, events, max, timeout);

    if (n > 0) {
        hesitate(EVENTS);
    }

    return n;
}


static void
written(int fd, ssize_t n)
{
    int          err;
    struct stat  st;

    if (n <= 0) {
        return;
    }

    err = errno;

    if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
        hesitate(WRITES);
    }

    errno = err;
}


static void
hesitate(unsigned one_in)
{
    int                       err, ms;
    int64_t                   now_ms;
    struct timespec           ts;
    static __thread int64_t   awake_ms;
    static __thread unsigned  seed;

    err = errno;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    now_ms = (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    if (seed == 0) {
        seed = ts.tv_nsec ^ getpid() * 2654435761u;
    }

    /* who has much to do comes late, but is not buried by what he sleeps */

    if (rand_r(&seed) % one_in == 0 && now_ms >= awake_ms) {
        ms = MS_MIN + rand_r(&seed) % (MS_MAX - MS_MIN);
        ts.tv_sec = 0;
        ts.tv_nsec = ms * 1000000L;

        (void) nanosleep(&ts, NULL);

        awake_ms = now_ms + ms + ms * AWAKE;
    }

    errno = err;
}
