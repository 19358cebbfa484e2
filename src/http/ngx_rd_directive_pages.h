
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_DIRECTIVE_PAGES_H_INCLUDED_
#define _NGX_RD_DIRECTIVE_PAGES_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * rd_pages: checks that the pages are published in this folder, relative to
 * nginx's prefix (docs/PAGES.md), so that nginx -t names a missing one.  Sets
 * nothing: the folder is served by root and alias of the locations.
 */
char  *ngx_rd_directive_pages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_RD_DIRECTIVE_PAGES_H_INCLUDED_ */
