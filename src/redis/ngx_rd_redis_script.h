
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REDIS_SCRIPT_H_INCLUDED_
#define _NGX_RD_REDIS_SCRIPT_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_redis.h"


/*
 * A Lua script.  The table of all of them (ngx_rd_redis_lua.h, one
 * ngx_rd_redis_lua_<name> per src/redis/lua/<name>.lua) is generated at
 * configure time by tools/lua2c.sh into the build folder.
 */

typedef struct {
    const char  *name;
    const char  *text;
    size_t       len;
    char         sha[41];       /* lower case hex, computed at build time */
} ngx_rd_redis_script_t;


/*
 * Runs a script by its SHA; when the server does not know it (NOSCRIPT) it is
 * sent whole, once, within the same deadline and the same call.  argv holds
 * the nkeys keys and then the arguments.  For all else like
 * ngx_rd_redis_call_start().
 */
ngx_rd_redis_call_t  *ngx_rd_redis_script_start(ngx_rd_redis_t *redis,
    const ngx_rd_redis_script_t *script, ngx_uint_t nkeys, ngx_uint_t argc,
    const ngx_str_t *argv, ngx_rd_redis_done_pt done, void *owner);


#endif /* _NGX_RD_REDIS_SCRIPT_H_INCLUDED_ */
