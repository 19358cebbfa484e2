
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_SETTINGS_VALUE_H_INCLUDED_
#define _NGX_RD_SETTINGS_VALUE_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_settings.h"
#include "ngx_rd_settings_check.h"
#include "ngx_rd_yaml.h"


/*
 * One value of hosts.yml: from its node into its field, or a complaint that
 * says what it must be.  For ngx_rd_settings_read.c, which knows the keys.
 */

#define NGX_RD_SETTINGS_VALUE_PATH_BYTES  64


typedef struct {
    const char                     *file;
    ngx_rd_complaints_t            *complaints;

    /* the map being read, with its final dot: "workspace_hosts[0]." */
    char                            path[NGX_RD_SETTINGS_VALUE_PATH_BYTES];

    unsigned                        no_memory:1;
} ngx_rd_settings_reader_t;


typedef struct ngx_rd_settings_key_s  ngx_rd_settings_key_t;

/* base is the struct that key->offset counts from */

typedef void (*ngx_rd_settings_value_pt)(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);

struct ngx_rd_settings_key_s {
    const char                     *name;
    ngx_rd_settings_value_pt        read;
    size_t                          offset;
    ngx_rd_settings_check_pt        check;      /* of a text */
    int64_t                         min;        /* of a number or a size */
    int64_t                         max;
    const ngx_rd_settings_key_t    *keys;       /* of a map */
};


/* fields of type char *, ngx_uint_t, int64_t bytes, int64_t nano processors */

void  ngx_rd_settings_value_text(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
void  ngx_rd_settings_value_number(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
void  ngx_rd_settings_value_size(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
void  ngx_rd_settings_value_cpus(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);

/* 1 for on, 0 for off, NGX_ERROR after a complaint */
ngx_int_t  ngx_rd_settings_value_switch(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value);

/* names of capabilities; *caps is not NULL afterwards, also when empty */
void  ngx_rd_settings_value_caps(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value,
    char ***caps, ngx_uint_t *n);

/* of type ngx_uint_t, bits NGX_RD_MODE_* */
void  ngx_rd_settings_value_modes(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);


/* is value of this type; a complaint that it must be what, otherwise */
ngx_uint_t  ngx_rd_settings_value_is(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, const char *name, ngx_rd_yaml_type_e type,
    const char *what);

/* NULL when memory is short, which reader remembers */
char  *ngx_rd_settings_value_copy(ngx_rd_settings_reader_t *reader,
    const char *text);

/* of the key name in the map that is being read; "": of the map itself */
void  ngx_rd_settings_value_complain(ngx_rd_settings_reader_t *reader,
    ngx_uint_t line, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


#endif /* _NGX_RD_SETTINGS_VALUE_H_INCLUDED_ */
