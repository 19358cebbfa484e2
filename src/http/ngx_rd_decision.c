
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_decision.h"


ngx_rd_error_e
ngx_rd_decision_visitor(const ngx_rd_main_conf_t *rmcf,
    const ngx_rd_identity_t *identity, uint64_t owner)
{
    if (identity->error != NGX_RD_ERR_NONE) {
        return identity->error;
    }

    if (identity->banned) {
        return NGX_RD_ERR_BANNED;
    }

    if (identity->admin) {
        return NGX_RD_ERR_NONE;
    }

    if (rmcf->require_verified && !identity->verified) {
        return NGX_RD_ERR_NOT_VERIFIED;
    }

    if (identity->session.user_id == owner
        || (rmcf->team_access && identity->team_id))
    {
        return NGX_RD_ERR_NONE;
    }

    return NGX_RD_ERR_FORBIDDEN;
}


ngx_rd_error_e
ngx_rd_decision_desktop(const ngx_rd_identity_t *identity,
    const ngx_rd_desktop_t *desktop, uint64_t owner)
{
    ngx_uint_t      own;
    ngx_rd_error_e  error;

    own = (identity->session.user_id == owner);

    if (!own && !identity->admin && identity->team_id != desktop->team_id) {
        return NGX_RD_ERR_FORBIDDEN;
    }

    /* of another account with the same id: nobody's, not even an admin's */

    if (!ngx_rd_desktop_belongs(desktop, own ? identity->login : 0)) {
        return NGX_RD_ERR_NO_SESSION;
    }

    /* nobody goes on in his name; an administrator may end it unseen */

    if (desktop->owner_banned) {
        return NGX_RD_ERR_FORBIDDEN;
    }

    if (desktop->switched_off && !identity->admin) {
        return NGX_RD_ERR_DISABLED;
    }

    error = ngx_rd_desktop_open(desktop);

    if (error != NGX_RD_ERR_NO_SESSION
        || desktop->state == NGX_RD_SESSION_NONE)
    {
        return error;
    }

    /* there was one, and who comes late should hear what became of it */

    return desktop->expired ? NGX_RD_ERR_EXPIRED : NGX_RD_ERR_ENDED;
}
