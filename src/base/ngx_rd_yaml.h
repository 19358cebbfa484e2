
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_YAML_H_INCLUDED_
#define _NGX_RD_YAML_H_INCLUDED_


#include "../ngx_rd.h"
#include "ngx_rd_complaint.h"


#define NGX_RD_YAML_BYTES_MAX  (256 * 1024)  /* 256 hosts of 1 KB */
#define NGX_RD_YAML_NODES_MAX  32768         /* 256 hosts, each 32 labels */
#define NGX_RD_YAML_KEYS_MAX   256           /* of one map */
#define NGX_RD_YAML_DEPTH_MAX  8


/*
 * The one door to libyaml: a document as a tree of nodes that know their
 * line.  Anchors, aliases, tags, merge keys and several documents in one file
 * are complained of: a settings file is to be read by people, too.
 */

typedef enum {
    NGX_RD_YAML_NOTHING = 0,    /* "key:" alone, null, ~ */
    NGX_RD_YAML_TEXT,           /* a scalar; plain says if without quotes */
    NGX_RD_YAML_LIST,
    NGX_RD_YAML_MAP,
    NGX_RD_YAML_BAD             /* already complained of: pass over it */
} ngx_rd_yaml_type_e;


typedef struct ngx_rd_yaml_s  ngx_rd_yaml_t;

struct ngx_rd_yaml_s {
    ngx_rd_yaml_type_e   type;
    ngx_uint_t           line;      /* a member's: where its key stands */

    char                *key;       /* in a map; NULL elsewhere */
    char                *text;      /* of NGX_RD_YAML_TEXT; no NUL inside */
    unsigned             plain:1;

    ngx_rd_yaml_t       *first;     /* members of a list or map, in order */
    ngx_rd_yaml_t       *last;
    ngx_rd_yaml_t       *next;
    ngx_uint_t           n;         /* how many members */
};


/*
 * NULL when the text is no YAML or a bound was reached, with a complaint.
 * Else the tree, perhaps with complaints (of keys written twice, and the like
 * that do not hinder reading on); free it with ngx_rd_yaml_free().
 */
ngx_rd_yaml_t  *ngx_rd_yaml_parse(const char *file, const u_char *text,
    size_t len, ngx_rd_complaints_t *complaints);

/* NULL is fine. */
void  ngx_rd_yaml_free(ngx_rd_yaml_t *node);


#endif /* _NGX_RD_YAML_H_INCLUDED_ */
