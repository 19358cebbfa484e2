
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_rd_aci.h"


/* any thread */

ngx_uint_t
ngx_rd_aci_available(const char **reason)
{
    if (reason) {
        *reason = "this version makes desktops on Docker hosts only, "
                  "not in Azure Container Instances";
    }

    return 0;
}
