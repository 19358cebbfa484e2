
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_METRICS_PAGE_H_INCLUDED_
#define _NGX_RD_METRICS_PAGE_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * rd_metrics: a location that answers everything that is counted, as
 * Prometheus reads it (docs/METRICS.md).  What only Redis knows is left out
 * while it cannot be asked; the rest is there all the same.
 */

/* configuration time */
char  *ngx_rd_metrics_page_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_RD_METRICS_PAGE_H_INCLUDED_ */
