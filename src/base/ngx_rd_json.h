
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_JSON_H_INCLUDED_
#define _NGX_RD_JSON_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_JSON_BYTES_MAX   (8 * 1024 * 1024)  /* refused above */
#define NGX_RD_JSON_VALUES_MAX  (512 * 1024)       /* 64 bytes of memory each */


/* The one door to cJSON.  A value is opaque; pure; any thread. */

typedef struct cJSON  ngx_rd_json_t;


/*
 * Reading.  The text needs no NUL; all of it must be one JSON value (white
 * space around it is fine).  NULL when it is not, is above a bound, is deeper
 * than 1000, holds a control character or an escaped NUL in a string, or when
 * memory is short.  Free the root with ngx_rd_json_free(); what the functions
 * below give is borrowed from it.
 */
ngx_rd_json_t  *ngx_rd_json_parse(const u_char *text, size_t len);
void            ngx_rd_json_free(ngx_rd_json_t *json);

/* member by exact name; NULL when json is NULL, no object, or has none */
ngx_rd_json_t  *ngx_rd_json_get(const ngx_rd_json_t *json, const char *name);
ngx_rd_json_t  *ngx_rd_json_at(const ngx_rd_json_t *json, ngx_uint_t i);
ngx_uint_t      ngx_rd_json_count(const ngx_rd_json_t *json);

/*
 * A walk over the members of an object or array.  _name is NULL in an array.
 * An object may hold the same name twice; _get gives the first of them.
 */
ngx_rd_json_t  *ngx_rd_json_first(const ngx_rd_json_t *json);
ngx_rd_json_t  *ngx_rd_json_next(const ngx_rd_json_t *member);
const char     *ngx_rd_json_name(const ngx_rd_json_t *member);

/* NULL unless it is a string; borrowed, NUL-terminated */
const char     *ngx_rd_json_string(const ngx_rd_json_t *json);

/* NGX_OK only for a whole number that a double holds exactly (|n| < 2^53) */
ngx_int_t       ngx_rd_json_integer(const ngx_rd_json_t *json, int64_t *n);
ngx_uint_t      ngx_rd_json_is_true(const ngx_rd_json_t *json);
ngx_uint_t      ngx_rd_json_is_object(const ngx_rd_json_t *json);
ngx_uint_t      ngx_rd_json_is_array(const ngx_rd_json_t *json);


/*
 * Writing.  Every function may be given NULL and then gives NULL or does
 * nothing, so that only the final _print is checked.  Strings are counted or
 * NUL-terminated; bytes that are no UTF-8, and NUL, become U+FFFD.  A name is
 * to be set once.
 */
ngx_rd_json_t  *ngx_rd_json_object(void);
ngx_rd_json_t  *ngx_rd_json_array(void);

void  ngx_rd_json_set_string(ngx_rd_json_t *object, const char *name,
    const char *value);
void  ngx_rd_json_set_text(ngx_rd_json_t *object, const char *name,
    const u_char *value, size_t len);
void  ngx_rd_json_set_integer(ngx_rd_json_t *object, const char *name,
    int64_t value);
void  ngx_rd_json_set_number(ngx_rd_json_t *object, const char *name,
    double value);
void  ngx_rd_json_set_bool(ngx_rd_json_t *object, const char *name,
    ngx_uint_t value);
void  ngx_rd_json_set_null(ngx_rd_json_t *object, const char *name);

/*
 * These make an empty child inside its parent, to be filled afterwards.  The
 * child is borrowed: it dies with the root.
 */
ngx_rd_json_t  *ngx_rd_json_set_object(ngx_rd_json_t *object,
    const char *name);
ngx_rd_json_t  *ngx_rd_json_set_array(ngx_rd_json_t *object,
    const char *name);
ngx_rd_json_t  *ngx_rd_json_push_object(ngx_rd_json_t *array);

/*
 * These take a finished child over, also when they fail.  Do not touch child
 * afterwards: without a parent it is freed at once.
 */
void  ngx_rd_json_set(ngx_rd_json_t *object, const char *name,
    ngx_rd_json_t *child);
void  ngx_rd_json_push(ngx_rd_json_t *array, ngx_rd_json_t *child);
void  ngx_rd_json_push_string(ngx_rd_json_t *array, const char *value);

/*
 * One line of JSON, NUL-terminated, to be freed with free(); NULL when json
 * is NULL or memory was short anywhere on the way.
 */
char  *ngx_rd_json_print(const ngx_rd_json_t *json);


#endif /* _NGX_RD_JSON_H_INCLUDED_ */
