
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _WEBSOCKET_H_INCLUDED_
#define _WEBSOCKET_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/* The server's side of RFC 6455 on a blocking socket; -1: the peer is gone. */


#define WEBSOCKET_BYTES_MAX  (1024 * 1024)      /* of one frame */


/* 4.2.2: the answer to a Sec-WebSocket-Key; out has room for 29 bytes */
void  websocket_accept(const char *key, char *out);

/*
 * type is the first byte: FIN and opcode.  data has room for
 * WEBSOCKET_BYTES_MAX.  A frame that a client must not send is answered by a
 * close frame, and -1.
 */
int   websocket_read(int fd, uint8_t *type, uint8_t *data, size_t *len);
int   websocket_write(int fd, uint8_t type, const void *data, size_t len);
void  websocket_close(int fd, unsigned code);

/* all of it */
int   desktop_read(int fd, void *buf, size_t len);
int   desktop_write(int fd, const void *buf, size_t len);


#endif /* _WEBSOCKET_H_INCLUDED_ */
