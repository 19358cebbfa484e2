
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_audit.h"
#include "ngx_rd_redis_lua.h"
#include "../base/ngx_rd_error.h"


static void ngx_rd_audit_write(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, const char *level, ngx_str_t *message,
    uint64_t user_id, ngx_str_t *metadata);
static void ngx_rd_audit_done(ngx_rd_redis_call_t *call);


void
ngx_rd_audit_peek(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, uint64_t user_id)
{
    ngx_str_t  message = ngx_string("viewing session for");
    ngx_str_t  metadata = ngx_string("{\"action\":\"peek\"}");

    ngx_rd_audit_write(store, admin_id, admin, "info", &message, user_id,
                       &metadata);
}


void
ngx_rd_audit_view_password(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, uint64_t user_id)
{
    ngx_str_t  message = ngx_string("was given the view-only password for");
    ngx_str_t  metadata = ngx_string("{\"action\":\"view_password\"}");

    ngx_rd_audit_write(store, admin_id, admin, "info", &message, user_id,
                       &metadata);
}


void
ngx_rd_audit_kill_all(ngx_rd_store_t *store,
    const ngx_rd_store_admin_who_t *who, ngx_uint_t killed)
{
    u_char     text[sizeof("killed all sessions ( total)") + NGX_INT_T_LEN];
    u_char     json[sizeof("{\"action\":\"kill-all\",\"killed_count\":}")
                    + NGX_INT_T_LEN];
    ngx_str_t  message, metadata;

    message.data = text;
    message.len = ngx_sprintf(text, "killed all sessions (%ui total)", killed)
                  - text;
    metadata.data = json;
    metadata.len = ngx_sprintf(json,
                               "{\"action\":\"kill-all\",\"killed_count\":%ui}",
                               killed)
                   - json;

    ngx_rd_audit_write(store, who->id, &who->name, "warning", &message, 0,
                       &metadata);
}


static void
ngx_rd_audit_write(ngx_rd_store_t *store, uint64_t admin_id,
    const ngx_str_t *admin, const char *level, ngx_str_t *message,
    uint64_t user_id, ngx_str_t *metadata)
{
    u_char     ids[2][NGX_INT64_LEN];
    ngx_str_t  argv[7];

    argv[0] = store->prefix;
    argv[1].data = ids[0];
    argv[1].len = ngx_sprintf(ids[0], "%uL", admin_id) - ids[0];
    argv[2] = *admin;
    argv[3].data = (u_char *) level;
    argv[3].len = ngx_strlen(level);
    argv[4] = *message;
    argv[5].data = ids[1];
    argv[5].len = user_id ? ngx_sprintf(ids[1], "%uL", user_id) - ids[1] : 0;
    argv[6] = *metadata;

    if (ngx_rd_redis_script_start(store->redis, &ngx_rd_redis_lua_audit, 1, 7,
                                  argv, ngx_rd_audit_done, NULL)
        == NULL)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "rd audit: nothing written, no_memory");
    }
}


static void
ngx_rd_audit_done(ngx_rd_redis_call_t *call)
{
    if (call->error != NGX_RD_ERR_NONE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "rd audit: nothing written, %s",
                      ngx_rd_error_code(call->error));
    }
}
