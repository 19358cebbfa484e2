
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SETTINGS_READ_H_INCLUDED_
#define _NGX_RD_SETTINGS_READ_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_settings.h"
#include "ngx_rd_yaml.h"


/*
 * Writes what the tree of hosts.yml says into settings, key by key, and
 * complains of every key that is unknown or wrong.  What the file does not
 * name is left as it is.  Afterwards settings can be freed, whatever happened.
 * NGX_ERROR when memory is short; a fault in the file is only a complaint.
 */
ngx_int_t  ngx_rd_settings_read(ngx_rd_settings_t *settings, const char *file,
    const ngx_rd_yaml_t *root, ngx_rd_complaints_t *complaints);


#endif /* _NGX_RD_SETTINGS_READ_H_INCLUDED_ */
