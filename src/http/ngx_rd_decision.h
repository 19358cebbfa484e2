
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DECISION_H_INCLUDED_
#define _NGX_RD_DECISION_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * Who may go where: the whole law, with nothing else around it.  First what
 * can be said of the visitor, so that nobody learns of a desktop that is none
 * of his business; then what can be said of the desktop.
 */

/*
 * May he be let near the desktop of owner at all?  NONE, LOGIN_REQUIRED,
 * BANNED, NOT_VERIFIED, FORBIDDEN, or the identity's own error.
 */
ngx_rd_error_e  ngx_rd_decision_visitor(const ngx_rd_main_conf_t *rmcf,
    const ngx_rd_identity_t *identity, uint64_t owner);

/*
 * He may; is the desktop one to go into?  NONE, FORBIDDEN (of another team, or
 * of a banned owner), DISABLED, NO_SESSION, NOT_READY, EXPIRED, ENDED.
 */
ngx_rd_error_e  ngx_rd_decision_desktop(const ngx_rd_identity_t *identity,
    const ngx_rd_desktop_t *desktop, uint64_t owner);


#endif /* _NGX_RD_DECISION_H_INCLUDED_ */
