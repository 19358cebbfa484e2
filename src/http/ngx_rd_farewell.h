
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_FAREWELL_H_INCLUDED_
#define _NGX_RD_FAREWELL_H_INCLUDED_


#include "../ngx_rd.h"
#include "../base/ngx_rd_frames.h"
#include <ngx_http.h>


/*
 * Ends a WebSocket that nginx passes on, with a close frame (docs/API.md) that
 * stands between two frames of the desktop, never within one: the lengths of
 * what the desktop sends are followed.  A frame that is under way has half a
 * second to end; then, or when the viewer takes no more bytes, the connection
 * is closed without a word.
 */

typedef enum {
    NGX_RD_FAREWELL_NONE = 0,
    NGX_RD_FAREWELL_WAITING,        /* for the end of a frame */
    NGX_RD_FAREWELL_LINGERING       /* for the viewer to go */
} ngx_rd_farewell_state_e;


/* all of it belongs to the farewell, but for looking at state */

typedef struct {
    ngx_http_request_t       *request;
    ngx_send_pt               send;         /* what c->send was; NULL: over */
    ngx_rd_frames_t           frames;       /* from the desktop */

    ngx_rd_farewell_state_e   state;
    ngx_uint_t                reason;       /* index of what is said */
    ngx_event_t               event;        /* the next step */
} ngx_rd_farewell_t;


/*
 * Before the request goes upstream; farewell is all zero, lives as long as the
 * request and ends with it.  NGX_ERROR: out of memory.
 */
ngx_int_t  ngx_rd_farewell_init(ngx_rd_farewell_t *farewell,
    ngx_http_request_t *r);

/* Once.  Returns at once; the request ends within two seconds, its desktop
 * hears of it sooner. */
void  ngx_rd_farewell_start(ngx_rd_farewell_t *farewell, ngx_rd_error_e error);

/* The same, since this worker leaves: the viewer is to connect again (1012). */
void  ngx_rd_farewell_restart(ngx_rd_farewell_t *farewell);

/*
 * The worker exits now: the close frame is sent if the connection takes it at
 * once and no frame is under way.  The request is left alone.
 */
void  ngx_rd_farewell_now(ngx_rd_farewell_t *farewell);

/* At once and without a word, for any upgraded request; it is gone then. */
void  ngx_rd_farewell_end(ngx_http_request_t *r);


#endif /* _NGX_RD_FAREWELL_H_INCLUDED_ */
