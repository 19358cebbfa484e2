
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_EVENT_H_INCLUDED_
#define _NGX_RD_EVENT_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_json.h"
#include "../redis/ngx_rd_redis_reply.h"
#include "ngx_rd_store.h"


/*
 * What happened, as the stream `events` has it: written by the scripts, read
 * here, on the event loop.
 */

typedef struct {
    uint64_t             ms;
    uint64_t             n;             /* of those in the same millisecond */
} ngx_rd_event_id_t;


/*
 * Events as a listener gets them, "id: ...\ndata: {...}\n\n" each: one heap
 * block for all who listen, freed by the last of them.
 */

typedef struct {
    ngx_uint_t           refs;
    ngx_rd_event_id_t    id;            /* of the last one; 0-0: a comment */
    size_t               len;
    u_char               data[1];
} ngx_rd_event_text_t;


/* "1763754000123-0", or without "-0"; NGX_ERROR for anything else */
ngx_int_t  ngx_rd_event_id(ngx_rd_event_id_t *id, const ngx_str_t *text);

/* is a later than b? */
ngx_uint_t  ngx_rd_event_later(const ngx_rd_event_id_t *a,
    const ngx_rd_event_id_t *b);


/* the newest n, newest first (XREVRANGE) */
ngx_rd_redis_call_t  *ngx_rd_event_newest(ngx_rd_store_t *store, ngx_uint_t n,
    ngx_rd_redis_done_pt done, void *owner);

/* those after id, oldest first (XRANGE) */
ngx_rd_redis_call_t  *ngx_rd_event_after(ngx_rd_store_t *store,
    const ngx_rd_event_id_t *id, ngx_uint_t n, ngx_rd_redis_done_pt done,
    void *owner);

/*
 * Those after id, oldest first (XREAD); waits block_ms for the first, on a
 * connection of its own.  The answer is nil, or of one stream.
 */
ngx_rd_redis_call_t  *ngx_rd_event_wait(ngx_rd_store_t *store,
    const ngx_rd_event_id_t *id, ngx_uint_t n, ngx_msec_t block_ms,
    ngx_rd_redis_done_pt done, void *owner);


/*
 * One entry of the stream as docs/API.md describes an event; strings are as
 * they are, escaping is the page's.  NULL when it is no entry or memory is
 * short.
 */
ngx_rd_json_t  *ngx_rd_event_json(const ngx_rd_redis_reply_t *entry);


/* is_admin, is_hidden, is_banned of a list like "admin,banned", where true */
void  ngx_rd_event_flags(ngx_rd_json_t *json, ngx_str_t flags);


/*
 * The entries as one text with one reference; reverse: the last entry comes
 * first.  NULL: memory is short, or there are none.
 */
ngx_rd_event_text_t  *ngx_rd_event_text(const ngx_rd_redis_reply_t *entries,
    ngx_uint_t reverse);

/* the same of one entry */
ngx_rd_event_text_t  *ngx_rd_event_one(const ngx_rd_redis_reply_t *entry);

/* ": words\n\n", or any other line that is no event; NULL: no memory */
ngx_rd_event_text_t  *ngx_rd_event_comment(const char *line);

void  ngx_rd_event_release(ngx_rd_event_text_t *text);


#endif /* _NGX_RD_EVENT_H_INCLUDED_ */
