
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <yaml.h>

#include "ngx_rd_yaml.h"


typedef struct {
    const char           *file;
    const u_char         *text;
    size_t                len;
    ngx_rd_complaints_t  *complaints;

    yaml_parser_t         parser;
    ngx_uint_t            nodes;
} ngx_rd_yaml_reader_t;


static ngx_rd_yaml_t *ngx_rd_yaml_document(ngx_rd_yaml_reader_t *reader);
static ngx_int_t ngx_rd_yaml_expect(ngx_rd_yaml_reader_t *reader,
    yaml_event_type_t type, const char *otherwise);

static ngx_rd_yaml_t *ngx_rd_yaml_node(ngx_rd_yaml_reader_t *reader,
    yaml_event_t *event, ngx_uint_t depth);
static ngx_int_t ngx_rd_yaml_scalar(ngx_rd_yaml_reader_t *reader,
    ngx_rd_yaml_t *node, yaml_event_t *event);
static ngx_int_t ngx_rd_yaml_list(ngx_rd_yaml_reader_t *reader,
    ngx_rd_yaml_t *node, ngx_uint_t depth);
static ngx_int_t ngx_rd_yaml_map(ngx_rd_yaml_reader_t *reader,
    ngx_rd_yaml_t *node, ngx_uint_t depth);
static ngx_int_t ngx_rd_yaml_member(ngx_rd_yaml_reader_t *reader,
    ngx_rd_yaml_t *map, yaml_event_t *event, ngx_uint_t depth);
static void ngx_rd_yaml_check_key(ngx_rd_yaml_reader_t *reader,
    const ngx_rd_yaml_t *map, const char *key, ngx_uint_t line);

static ngx_int_t ngx_rd_yaml_next(ngx_rd_yaml_reader_t *reader,
    yaml_event_t *event);
static void ngx_rd_yaml_syntax(ngx_rd_yaml_reader_t *reader);
static ngx_uint_t ngx_rd_yaml_line_of(const ngx_rd_yaml_reader_t *reader,
    size_t offset);

static ngx_rd_yaml_t *ngx_rd_yaml_add(ngx_rd_yaml_t *parent,
    ngx_rd_yaml_t *node);
static void ngx_rd_yaml_refuse_extras(ngx_rd_yaml_reader_t *reader,
    ngx_uint_t line, const yaml_char_t *anchor, const yaml_char_t *tag);
static void ngx_rd_yaml_no_memory(ngx_rd_yaml_reader_t *reader);


ngx_rd_yaml_t *
ngx_rd_yaml_parse(const char *file, const u_char *text, size_t len,
    ngx_rd_complaints_t *complaints)
{
    ngx_rd_yaml_t         *root;
    ngx_rd_yaml_reader_t   reader;

    memset(&reader, 0, sizeof(ngx_rd_yaml_reader_t));

    reader.file = file;
    reader.text = text;
    reader.len = len;
    reader.complaints = complaints;

    if (len > NGX_RD_YAML_BYTES_MAX) {
        ngx_rd_complaint_add(complaints, file, 0, "",
                             "is longer than %d bytes",
                             NGX_RD_YAML_BYTES_MAX);
        return NULL;
    }

    if (!yaml_parser_initialize(&reader.parser)) {
        ngx_rd_yaml_no_memory(&reader);
        return NULL;
    }

    yaml_parser_set_input_string(&reader.parser, text, len);

    root = ngx_rd_yaml_document(&reader);

    yaml_parser_delete(&reader.parser);

    return root;
}


void
ngx_rd_yaml_free(ngx_rd_yaml_t *node)
{
    ngx_rd_yaml_t  *member, *next;

    if (node == NULL) {
        return;
    }

    for (member = node->first; member != NULL; member = next) {
        next = member->next;
        ngx_rd_yaml_free(member);
    }

    free(node->key);
    free(node->text);
    free(node);
}


static ngx_rd_yaml_t *
ngx_rd_yaml_document(ngx_rd_yaml_reader_t *reader)
{
    yaml_event_t    event;
    ngx_rd_yaml_t  *root;

    if (ngx_rd_yaml_expect(reader, YAML_STREAM_START_EVENT, "") != NGX_OK
        || ngx_rd_yaml_expect(reader, YAML_DOCUMENT_START_EVENT,
                              "there is nothing in this file")
           != NGX_OK
        || ngx_rd_yaml_next(reader, &event) != NGX_OK)
    {
        return NULL;
    }

    root = ngx_rd_yaml_node(reader, &event, 0);

    if (root == NULL) {
        return NULL;
    }

    if (ngx_rd_yaml_expect(reader, YAML_DOCUMENT_END_EVENT, "") != NGX_OK
        || ngx_rd_yaml_expect(reader, YAML_STREAM_END_EVENT,
                              "a second document (\"---\") is not read")
           != NGX_OK)
    {
        ngx_rd_yaml_free(root);
        return NULL;
    }

    return root;
}


static ngx_int_t
ngx_rd_yaml_expect(ngx_rd_yaml_reader_t *reader, yaml_event_type_t type,
    const char *otherwise)
{
    ngx_uint_t         line;
    yaml_event_t       event;
    yaml_event_type_t  found;

    if (ngx_rd_yaml_next(reader, &event) != NGX_OK) {
        return NGX_ERROR;
    }

    found = event.type;
    line = event.start_mark.line + 1;

    yaml_event_delete(&event);

    if (found == type) {
        return NGX_OK;
    }

    ngx_rd_complaint_add(reader->complaints, reader->file, line, "", "%s",
                         otherwise);

    return NGX_ERROR;
}


/* takes event over; depth is bounded, hence the recursion is */

static ngx_rd_yaml_t *
ngx_rd_yaml_node(ngx_rd_yaml_reader_t *reader, yaml_event_t *event,
    ngx_uint_t depth)
{
    ngx_int_t       rc;
    ngx_uint_t      line;
    ngx_rd_yaml_t  *node;

    line = event->start_mark.line + 1;

    if (depth > NGX_RD_YAML_DEPTH_MAX
        || ++reader->nodes > NGX_RD_YAML_NODES_MAX)
    {
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "more than %d levels or %d values",
                             NGX_RD_YAML_DEPTH_MAX, NGX_RD_YAML_NODES_MAX);
        yaml_event_delete(event);
        return NULL;
    }

    node = calloc(1, sizeof(ngx_rd_yaml_t));
    if (node == NULL) {
        ngx_rd_yaml_no_memory(reader);
        yaml_event_delete(event);
        return NULL;
    }

    node->line = line;

    switch (event->type) {

    case YAML_SCALAR_EVENT:
        rc = ngx_rd_yaml_scalar(reader, node, event);
        yaml_event_delete(event);
        break;

    case YAML_SEQUENCE_START_EVENT:
        node->type = NGX_RD_YAML_LIST;
        ngx_rd_yaml_refuse_extras(reader, line,
                                  event->data.sequence_start.anchor,
                                  event->data.sequence_start.tag);
        yaml_event_delete(event);
        rc = ngx_rd_yaml_list(reader, node, depth);
        break;

    case YAML_MAPPING_START_EVENT:
        node->type = NGX_RD_YAML_MAP;
        ngx_rd_yaml_refuse_extras(reader, line,
                                  event->data.mapping_start.anchor,
                                  event->data.mapping_start.tag);
        yaml_event_delete(event);
        rc = ngx_rd_yaml_map(reader, node, depth);
        break;

    default: /* YAML_ALIAS_EVENT */
        node->type = NGX_RD_YAML_BAD;
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "an alias (\"*name\") is not read: "
                             "write the value out");
        yaml_event_delete(event);
        rc = NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_rd_yaml_free(node);
        return NULL;
    }

    return node;
}


static ngx_int_t
ngx_rd_yaml_scalar(ngx_rd_yaml_reader_t *reader, ngx_rd_yaml_t *node,
    yaml_event_t *event)
{
    size_t       len;
    const char  *text;

    text = (const char *) event->data.scalar.value;
    len = event->data.scalar.length;

    ngx_rd_yaml_refuse_extras(reader, node->line, event->data.scalar.anchor,
                              event->data.scalar.tag);

    node->type = NGX_RD_YAML_TEXT;
    node->plain = (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);

    if (strlen(text) != len) {
        node->type = NGX_RD_YAML_BAD;
        ngx_rd_complaint_add(reader->complaints, reader->file, node->line, "",
                             "a zero byte in a value");
        return NGX_OK;
    }

    if (node->plain
        && (len == 0 || strcmp(text, "~") == 0
            || strcasecmp(text, "null") == 0))
    {
        node->type = NGX_RD_YAML_NOTHING;
        return NGX_OK;
    }

    node->text = strdup(text);

    if (node->text == NULL) {
        ngx_rd_yaml_no_memory(reader);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_yaml_list(ngx_rd_yaml_reader_t *reader, ngx_rd_yaml_t *node,
    ngx_uint_t depth)
{
    yaml_event_t  event;

    for ( ;; ) {
        if (ngx_rd_yaml_next(reader, &event) != NGX_OK) {
            return NGX_ERROR;
        }

        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return NGX_OK;
        }

        if (ngx_rd_yaml_add(node, ngx_rd_yaml_node(reader, &event, depth + 1))
            == NULL)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_rd_yaml_map(ngx_rd_yaml_reader_t *reader, ngx_rd_yaml_t *node,
    ngx_uint_t depth)
{
    yaml_event_t  event;

    for ( ;; ) {
        if (ngx_rd_yaml_next(reader, &event) != NGX_OK) {
            return NGX_ERROR;
        }

        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return NGX_OK;
        }

        if (ngx_rd_yaml_member(reader, node, &event, depth) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* takes event over: it is the key */

static ngx_int_t
ngx_rd_yaml_member(ngx_rd_yaml_reader_t *reader, ngx_rd_yaml_t *map,
    yaml_event_t *event, ngx_uint_t depth)
{
    char           *key;
    ngx_uint_t      line;
    ngx_rd_yaml_t  *node;

    line = event->start_mark.line + 1;

    if (event->type != YAML_SCALAR_EVENT
        || strlen((const char *) event->data.scalar.value)
           != event->data.scalar.length)
    {
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "a key must be a word");
        yaml_event_delete(event);
        return NGX_ERROR;
    }

    if (map->n == NGX_RD_YAML_KEYS_MAX) {
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "more than %d keys", NGX_RD_YAML_KEYS_MAX);
        yaml_event_delete(event);
        return NGX_ERROR;
    }

    ngx_rd_yaml_refuse_extras(reader, line, event->data.scalar.anchor,
                              event->data.scalar.tag);

    key = strdup((const char *) event->data.scalar.value);
    yaml_event_delete(event);

    if (key == NULL) {
        ngx_rd_yaml_no_memory(reader);
        return NGX_ERROR;
    }

    ngx_rd_yaml_check_key(reader, map, key, line);

    node = NULL;

    if (ngx_rd_yaml_next(reader, event) == NGX_OK) {
        node = ngx_rd_yaml_node(reader, event, depth + 1);
    }

    if (node == NULL) {
        free(key);
        return NGX_ERROR;
    }

    node->key = key;
    node->line = line;
    (void) ngx_rd_yaml_add(map, node);

    return NGX_OK;
}


static void
ngx_rd_yaml_check_key(ngx_rd_yaml_reader_t *reader, const ngx_rd_yaml_t *map,
    const char *key, ngx_uint_t line)
{
    ngx_rd_yaml_t  *node;

    for (node = map->first; node != NULL; node = node->next) {
        if (strcmp(node->key, key) == 0) {
            ngx_rd_complaint_add(reader->complaints, reader->file, line, key,
                                 "is written twice, first in line %lu",
                                 (unsigned long) node->line);
            return;
        }
    }
}


static ngx_int_t
ngx_rd_yaml_next(ngx_rd_yaml_reader_t *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event)) {
        return NGX_OK;
    }

    ngx_rd_yaml_syntax(reader);

    return NGX_ERROR;
}


static void
ngx_rd_yaml_syntax(ngx_rd_yaml_reader_t *reader)
{
    ngx_uint_t      line;
    yaml_parser_t  *parser;

    parser = &reader->parser;

    if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) {
        ngx_rd_yaml_no_memory(reader);
        return;
    }

    /* the reader below the scanner knows bytes, not lines */

    if (parser->error == YAML_READER_ERROR) {
        line = ngx_rd_yaml_line_of(reader, parser->problem_offset);

    } else {
        line = parser->problem_mark.line + 1;
    }

    ngx_rd_complaint_add(reader->complaints, reader->file, line, "", "%s%s%s",
                         parser->problem,
                         (parser->context != NULL) ? " " : "",
                         (parser->context != NULL) ? parser->context : "");
}


static ngx_uint_t
ngx_rd_yaml_line_of(const ngx_rd_yaml_reader_t *reader, size_t offset)
{
    size_t      i;
    ngx_uint_t  line;

    line = 1;

    for (i = 0; i < offset && i < reader->len; i++) {
        line += (reader->text[i] == '\n');
    }

    return line;
}


static ngx_rd_yaml_t *
ngx_rd_yaml_add(ngx_rd_yaml_t *parent, ngx_rd_yaml_t *node)
{
    if (node == NULL) {
        return NULL;
    }

    if (parent->last != NULL) {
        parent->last->next = node;

    } else {
        parent->first = node;
    }

    parent->last = node;
    parent->n++;

    return node;
}


static void
ngx_rd_yaml_refuse_extras(ngx_rd_yaml_reader_t *reader, ngx_uint_t line,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "an anchor (\"&name\") is not read");
    }

    if (tag != NULL) {
        ngx_rd_complaint_add(reader->complaints, reader->file, line, "",
                             "a tag (\"!name\") is not read");
    }
}


static void
ngx_rd_yaml_no_memory(ngx_rd_yaml_reader_t *reader)
{
    ngx_rd_complaint_add(reader->complaints, reader->file, 0, "",
                         "out of memory");
}
