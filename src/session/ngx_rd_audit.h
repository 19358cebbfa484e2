
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_AUDIT_H_INCLUDED_
#define _NGX_RD_AUDIT_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_store_admin.h"


/*
 * Events admin_action of what no other script tells.  Event loop; nobody
 * waits for them: one that cannot be written is an error in the log.
 */

/* he goes into the desktop of somebody else; once per tunnel */
void  ngx_rd_audit_peek(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, uint64_t user_id);

/* an administrator got the view-only password of somebody else's desktop */
void  ngx_rd_audit_view_password(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, uint64_t user_id);

/* he ended all sessions there were; also when there were none */
void  ngx_rd_audit_kill_all(ngx_rd_store_t *store,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t killed);


#endif /* _NGX_RD_AUDIT_H_INCLUDED_ */
