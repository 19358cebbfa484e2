
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_INQUIRY_H_INCLUDED_
#define _NGX_RD_INQUIRY_H_INCLUDED_


#include "../../ngx_rd_module.h"


typedef struct ngx_rd_inquiry_s  ngx_rd_inquiry_t;

typedef void (*ngx_rd_inquiry_done_pt)(ngx_rd_inquiry_t *inquiry);


/*
 * May somebody go into a user's desktop now?  Who he is, what desktop that is,
 * and the decision.  A heap block, so that neither a request nor an open tunnel
 * carries it about: there is one only while the question is open.
 */

struct ngx_rd_inquiry_s {
    ngx_rd_main_conf_t      *rmcf;
    uint64_t                 owner;         /* whose desktop it is */
    ngx_rd_inquiry_done_pt   done;
    void                    *data;          /* the caller's, never touched */

    /* the answer */

    ngx_rd_error_e           error;         /* NONE: he may */
    ngx_rd_identity_t        identity;
    ngx_rd_session_find_t    find;          /* as far as it was asked for */

    /* ours */

    ngx_rd_inquiry_t        *next;          /* of those that are spare */
    ngx_str_t                cookie;
    unsigned                 identified:1;
    unsigned                 looking:1;     /* find will be called back */
    unsigned                 found:1;
};


/*
 * Event loop, all of them.  NULL: no memory.  cookie is the value of the
 * session cookie (empty: there is none), borrowed until _start() returns; NULL
 * when it will be _again().
 */
ngx_rd_inquiry_t  *ngx_rd_inquiry_create(ngx_rd_main_conf_t *rmcf,
    uint64_t owner, const ngx_str_t *cookie, ngx_rd_inquiry_done_pt done,
    void *data);

/*
 * Once.  NGX_OK: the answer is there, done will not be called.  NGX_AGAIN: done
 * will be called once.
 */
ngx_int_t  ngx_rd_inquiry_start(ngx_rd_inquiry_t *inquiry);

/*
 * The same for a cookie that was found genuine before: sid and mac are what
 * the identity then had.  What is kept counts only while every change is told.
 */
ngx_int_t  ngx_rd_inquiry_again(ngx_rd_inquiry_t *inquiry, const u_char *sid,
    const u_char *mac);

/* At any time, also inside done; done will not be called any more. */
void  ngx_rd_inquiry_free(ngx_rd_inquiry_t *inquiry);

/* at worker exit, after the last inquiry */
void  ngx_rd_inquiry_exit_worker(void);


#endif /* _NGX_RD_INQUIRY_H_INCLUDED_ */
