
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DEADLINE_H_INCLUDED_
#define _NGX_RD_DEADLINE_H_INCLUDED_


#include "../ngx_rd.h"
#include <pthread.h>


/*
 * A point on the monotonic clock, in milliseconds, by which a pool thread is
 * to be back.  Handed down through everything that waits, so that ten waits
 * in a row cost no more than one.
 */
typedef int64_t  ngx_rd_deadline_t;


/* (pool thread) */

ngx_rd_deadline_t  ngx_rd_deadline_in(int64_t ms);
int64_t            ngx_rd_deadline_left_ms(ngx_rd_deadline_t deadline);

/* the earlier of deadline and "in ms from now" */
ngx_rd_deadline_t  ngx_rd_deadline_cap(ngx_rd_deadline_t deadline, int64_t ms);

/*
 * NGX_OK: fd is ready (or broken); NGX_AGAIN: the deadline came first.  After
 * it nothing is ready any more, however much there is.
 */
ngx_int_t  ngx_rd_deadline_poll(int fd, short events,
    ngx_rd_deadline_t deadline);

/* waits ms, or until the deadline */
void  ngx_rd_deadline_pause(int64_t ms, ngx_rd_deadline_t deadline);

/*
 * Waits on a condition of the monotonic clock, with its mutex held.  NGX_OK:
 * look whether it holds, and else come again; NGX_AGAIN: the deadline is over.
 */
ngx_int_t  ngx_rd_deadline_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
    ngx_rd_deadline_t deadline);


/*
 * A worker that leaves does not wait for jobs that only read.  After _cut, or
 * once *ended is set (by a signal handler: no event loop runs then), all
 * deadlines are over for every thread between _begin and _end, for good; _end
 * says whether they were.  *ended is noticed within 100 ms.
 *
 * (event loop) _init before the first _begin; NGX_ERROR: nobody can be cut.
 */
ngx_int_t   ngx_rd_deadline_cut_init(const volatile sig_atomic_t *ended);
void        ngx_rd_deadline_cut(void);

/*
 * (pool thread) From now on all deadlines of this thread are over as soon as
 * another thread has set *flag; NULL: no more.
 */
void        ngx_rd_deadline_cut_on(const ngx_uint_t *flag);

/* (pool thread) */
void        ngx_rd_deadline_cut_begin(void);
ngx_uint_t  ngx_rd_deadline_cut_end(void);


#endif /* _NGX_RD_DEADLINE_H_INCLUDED_ */
