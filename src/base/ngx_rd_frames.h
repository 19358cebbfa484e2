
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_FRAMES_H_INCLUDED_
#define _NGX_RD_FRAMES_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * Where in a stream of WebSocket frames (RFC 6455, 5.2) somebody stands who
 * only passes them on.  Nothing is checked and no payload is looked at: a
 * frame costs its head.  All zero is the beginning.  Pure; any thread.
 */

typedef struct {
    u_char      head[14];
    ngx_uint_t  head_len;           /* of the head that comes in */
    uint64_t    left;               /* of the payload */
} ngx_rd_frames_t;


/* These bytes went by. */
void  ngx_rd_frames_pass(ngx_rd_frames_t *frames, const u_char *data,
    size_t len);

/* 1: between two frames */
ngx_uint_t  ngx_rd_frames_between(const ngx_rd_frames_t *frames);

/* how many of these bytes still belong to the frame that is under way */
size_t  ngx_rd_frames_rest(const ngx_rd_frames_t *frames, const u_char *data,
    size_t len);

/*
 * A server's close frame; its length.  reason is cut at 123 bytes; buf has
 * room for 127.
 */
size_t  ngx_rd_frames_close(u_char *buf, ngx_uint_t code, const char *reason);


#endif /* _NGX_RD_FRAMES_H_INCLUDED_ */
