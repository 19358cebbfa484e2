
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SETTINGS_CHECK_H_INCLUDED_
#define _NGX_RD_SETTINGS_CHECK_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * What may stand in a value of hosts.yml.  Each gives NULL when the text is
 * fine, or what it must be ("must be ..."); static text.  Pure; any thread.
 *
 * These words travel to SSH, to the Docker engine and into pages, so nothing
 * passes that could mean something else there: no control characters, no
 * white space, no leading '-'.
 */

typedef const char *(*ngx_rd_settings_check_pt)(const char *text);


const char  *ngx_rd_settings_check_hostname(const char *text);
const char  *ngx_rd_settings_check_address(const char *text);
const char  *ngx_rd_settings_check_user(const char *text);
const char  *ngx_rd_settings_check_file(const char *text);    /* / or ~/ */
const char  *ngx_rd_settings_check_socket(const char *text);
const char  *ngx_rd_settings_check_image(const char *text);
const char  *ngx_rd_settings_check_resolution(const char *text);
const char  *ngx_rd_settings_check_label_key(const char *text);
const char  *ngx_rd_settings_check_label_value(const char *text);

/*
 * The capability's name in capitals and without "CAP_"; NULL when the kernel
 * has none of this name.  Case is ignored; static text.
 */
const char  *ngx_rd_settings_check_capability(const char *text);


#endif /* _NGX_RD_SETTINGS_CHECK_H_INCLUDED_ */
