
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_PACE_H_INCLUDED_
#define _NGX_RD_PACE_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_settings.h"


/*
 * How fast connections to a host are opened, by all workers of this machine
 * together: sshd drops at random what knocks while 10 others are not logged in
 * yet (MaxStartups), and a firewall may count.  A burst is free, then there is
 * one connection per interval.
 */

#define NGX_RD_PACE_BURST        8
#define NGX_RD_PACE_INTERVAL_MS  250

/* hosts that share a slot share a pace, which is harmless */
#define NGX_RD_PACE_SLOTS        256

typedef struct {
    int64_t  next_ms[NGX_RD_PACE_SLOTS];    /* monotonic clock; atomic */
} ngx_rd_pace_t;


/* event loop, before any thread runs: the table, zeroed, in shared memory */
void  ngx_rd_pace_use(ngx_rd_pace_t *shared);

/*
 * (pool thread) Takes the next turn.  In how many ms it is, 0: now; -1: not
 * within max_ms, so none was taken.
 */
int64_t  ngx_rd_pace_take(const ngx_rd_host_conf_t *host, int64_t max_ms);


#endif /* _NGX_RD_PACE_H_INCLUDED_ */
