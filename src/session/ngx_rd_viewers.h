
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_VIEWERS_H_INCLUDED_
#define _NGX_RD_VIEWERS_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_store.h"


/*
 * How many tunnels lead into each session, for administrators, over all
 * workers and machines.  Each worker says in Redis what it has open, within
 * half a second of a change, and again every two seconds; what is not said
 * again for six is not counted.  So a worker that was killed is forgotten,
 * and nobody has to clean up behind it.  Event loop.
 */

typedef struct ngx_rd_viewers_s  ngx_rd_viewers_t;


/* once per worker; store is borrowed.  NGX_ERROR: no randomness. */
ngx_int_t  ngx_rd_viewers_init(ngx_rd_store_t *store);
void       ngx_rd_viewers_exit(void);

/* one more, of the session of this id; NULL: no memory, it is not counted */
ngx_rd_viewers_t  *ngx_rd_viewers_add(const u_char *session_id);

/* and gone; NULL is fine */
void  ngx_rd_viewers_remove(ngx_rd_viewers_t *viewers);


#endif /* _NGX_RD_VIEWERS_H_INCLUDED_ */
