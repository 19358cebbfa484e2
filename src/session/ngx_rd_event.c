
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_event.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_EVENT_ID_BYTES_MAX    41         /* two uint64 and a '-' */
#define NGX_RD_EVENT_DATE_BYTES_MAX  sizeof("Jun 14, 2026 11:24:11 PM")
#define NGX_RD_EVENT_BYTES_MIN       1024       /* an event has some 400 */


static ngx_int_t ngx_rd_event_number(uint64_t *number, u_char **p, u_char *end);
static ngx_rd_redis_call_t *ngx_rd_event_ask(ngx_rd_store_t *store,
    ngx_str_t *argv, ngx_uint_t key, ngx_rd_redis_done_pt done, void *owner);

static void ngx_rd_event_time(ngx_rd_json_t *json, uint64_t ms);
static void ngx_rd_event_metadata(ngx_rd_json_t *json, ngx_str_t text);
static ngx_rd_event_text_t *ngx_rd_event_append(ngx_rd_event_text_t *text,
    size_t *size, const ngx_rd_redis_reply_t *entry);


static const char *const  ngx_rd_event_months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
    "Nov", "Dec"
};


ngx_int_t
ngx_rd_event_id(ngx_rd_event_id_t *id, const ngx_str_t *text)
{
    u_char  *p, *end;

    p = text->data;
    end = p + text->len;
    id->n = 0;

    if (ngx_rd_event_number(&id->ms, &p, end) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p < end && *p == '-') {
        p++;

        if (ngx_rd_event_number(&id->n, &p, end) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return p == end ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_rd_event_later(const ngx_rd_event_id_t *a, const ngx_rd_event_id_t *b)
{
    return a->ms > b->ms || (a->ms == b->ms && a->n > b->n);
}


ngx_rd_redis_call_t *
ngx_rd_event_newest(ngx_rd_store_t *store, ngx_uint_t n,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char     count[NGX_INT_T_LEN];
    ngx_str_t  argv[] = { ngx_string("XREVRANGE"), ngx_null_string,
                          ngx_string("+"), ngx_string("-"),
                          ngx_string("COUNT"), ngx_null_string };

    argv[5].data = count;
    argv[5].len = ngx_sprintf(count, "%ui", n) - count;

    return ngx_rd_event_ask(store, argv, 1, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_event_after(ngx_rd_store_t *store, const ngx_rd_event_id_t *id,
    ngx_uint_t n, ngx_rd_redis_done_pt done, void *owner)
{
    u_char     count[NGX_INT_T_LEN], from[NGX_RD_EVENT_ID_BYTES_MAX + 1];
    ngx_str_t  argv[] = { ngx_string("XRANGE"), ngx_null_string,
                          ngx_null_string, ngx_string("+"),
                          ngx_string("COUNT"), ngx_null_string };

    argv[2].data = from;
    argv[2].len = ngx_sprintf(from, "(%uL-%uL", id->ms, id->n) - from;
    argv[5].data = count;
    argv[5].len = ngx_sprintf(count, "%ui", n) - count;

    return ngx_rd_event_ask(store, argv, 1, done, owner);
}


ngx_rd_redis_call_t *
ngx_rd_event_wait(ngx_rd_store_t *store, const ngx_rd_event_id_t *id,
    ngx_uint_t n, ngx_msec_t block_ms, ngx_rd_redis_done_pt done, void *owner)
{
    u_char     count[NGX_INT_T_LEN], block[NGX_INT_T_LEN];
    u_char     from[NGX_RD_EVENT_ID_BYTES_MAX + 1];
    ngx_str_t  argv[] = { ngx_string("XREAD"), ngx_string("COUNT"),
                          ngx_null_string, ngx_string("BLOCK"),
                          ngx_null_string, ngx_string("STREAMS"),
                          ngx_null_string, ngx_null_string };

    argv[2].data = count;
    argv[2].len = ngx_sprintf(count, "%ui", n) - count;
    argv[4].data = block;
    argv[4].len = ngx_sprintf(block, "%M", block_ms) - block;
    argv[7].data = from;
    argv[7].len = ngx_sprintf(from, "%uL-%uL", id->ms, id->n) - from;

    return ngx_rd_event_ask(store, argv, 6, done, owner);
}


ngx_rd_json_t *
ngx_rd_event_json(const ngx_rd_redis_reply_t *entry)
{
    ngx_str_t                    id, value;
    ngx_uint_t                   i;
    ngx_rd_json_t               *json;
    ngx_rd_event_id_t            when;
    const ngx_rd_redis_reply_t  *fields;
    static const char *const     texts[] = { "type", "level", "message",
                                             "session" };

    id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(entry, 0));
    fields = ngx_rd_redis_reply_at(entry, 1);

    if (ngx_rd_event_id(&when, &id) != NGX_OK) {
        return NULL;
    }

    json = ngx_rd_json_object();
    ngx_rd_json_set_text(json, "id", id.data, id.len);
    ngx_rd_event_time(json, when.ms);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        value = ngx_rd_redis_reply_string(
                              ngx_rd_redis_reply_field(fields, texts[i]));
        ngx_rd_json_set_text(json, texts[i], value.data, value.len);
    }

    value = ngx_rd_redis_reply_string(
                                 ngx_rd_redis_reply_field(fields, "user_id"));

    /* a host has no user */

    if (value.len) {
        ngx_rd_json_set_integer(json, "user_id",
                                ngx_rd_text_id(value.data, value.len));
        value = ngx_rd_redis_reply_string(
                                ngx_rd_redis_reply_field(fields, "username"));
        ngx_rd_json_set_text(json, "username", value.data, value.len);

    } else {
        ngx_rd_json_set_null(json, "user_id");
        ngx_rd_json_set_null(json, "username");
    }

    ngx_rd_event_flags(json, ngx_rd_redis_reply_string(
                                 ngx_rd_redis_reply_field(fields, "flags")));
    ngx_rd_event_metadata(json, ngx_rd_redis_reply_string(
                                 ngx_rd_redis_reply_field(fields,
                                                          "metadata")));
    return json;
}


void
ngx_rd_event_flags(ngx_rd_json_t *json, ngx_str_t flags)
{
    ngx_uint_t               i;
    static const char *const names[][2] = {
        { "admin", "is_admin" }, { "hidden", "is_hidden" },
        { "banned", "is_banned" }
    };

    for (i = 0; flags.len && i < sizeof(names) / sizeof(names[0]); i++) {

        if (ngx_strlcasestrn(flags.data, flags.data + flags.len,
                             (u_char *) names[i][0],
                             ngx_strlen(names[i][0]) - 1))
        {
            ngx_rd_json_set_bool(json, names[i][1], 1);
        }
    }
}


ngx_rd_event_text_t *
ngx_rd_event_text(const ngx_rd_redis_reply_t *entries, ngx_uint_t reverse)
{
    size_t                size;
    ngx_uint_t            i, n;
    ngx_rd_event_text_t  *text;

    n = ngx_rd_redis_reply_count(entries);
    size = 0;
    text = NULL;

    for (i = 0; i < n; i++) {
        text = ngx_rd_event_append(text, &size,
                    ngx_rd_redis_reply_at(entries, reverse ? n - 1 - i : i));
        if (text == NULL) {
            return NULL;
        }
    }

    return text;
}


ngx_rd_event_text_t *
ngx_rd_event_one(const ngx_rd_redis_reply_t *entry)
{
    size_t  size;

    size = 0;

    return ngx_rd_event_append(NULL, &size, entry);
}


ngx_rd_event_text_t *
ngx_rd_event_comment(const char *line)
{
    size_t                len;
    ngx_rd_event_text_t  *text;

    len = ngx_strlen(line);

    text = ngx_calloc(sizeof(ngx_rd_event_text_t) + len + 2, ngx_cycle->log);

    if (text) {
        text->refs = 1;
        text->len = ngx_sprintf(text->data, "%s\n\n", line) - text->data;
    }

    return text;
}


void
ngx_rd_event_release(ngx_rd_event_text_t *text)
{
    if (--text->refs == 0) {
        ngx_free(text);
    }
}


static ngx_int_t
ngx_rd_event_number(uint64_t *number, u_char **p, u_char *end)
{
    u_char    *start;
    uint64_t   n;

    n = 0;

    /* 19 digits fit, and Redis needs no more */

    for (start = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++) {

        if (*p - start == 19) {
            return NGX_ERROR;
        }

        n = n * 10 + (**p - '0');
    }

    *number = n;

    return *p > start ? NGX_OK : NGX_ERROR;
}


/* key: the place in argv before which the stream's name belongs */

static ngx_rd_redis_call_t *
ngx_rd_event_ask(ngx_rd_store_t *store, ngx_str_t *argv, ngx_uint_t key,
    ngx_rd_redis_done_pt done, void *owner)
{
    u_char               *p;
    ngx_uint_t            argc;
    ngx_rd_redis_call_t  *call;

    argc = (key == 1) ? 6 : 8;

    p = ngx_alloc(store->prefix.len + sizeof("events"), ngx_cycle->log);
    if (p == NULL) {
        return NULL;
    }

    argv[key].data = p;
    argv[key].len = ngx_sprintf(p, "%Vevents", &store->prefix) - p;

    call = ngx_rd_redis_call_start(store->redis, argc, argv, done, owner);
    ngx_free(p);

    return call;
}


static void
ngx_rd_event_time(ngx_rd_json_t *json, uint64_t ms)
{
    u_char    date[NGX_RD_EVENT_DATE_BYTES_MAX + 8];
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000), &tm);

    *ngx_snprintf(date, sizeof(date) - 1, "%s %d, %d %d:%02d:%02d %s",
                  ngx_rd_event_months[tm.ngx_tm_mon - 1], tm.ngx_tm_mday,
                  tm.ngx_tm_year, (tm.ngx_tm_hour + 11) % 12 + 1,
                  tm.ngx_tm_min, tm.ngx_tm_sec,
                  tm.ngx_tm_hour < 12 ? "AM" : "PM")
        = '\0';

    ngx_rd_json_set_number(json, "timestamp", (double) ms / 1000);
    ngx_rd_json_set_string(json, "datetime", (char *) date);
}


static void
ngx_rd_event_metadata(ngx_rd_json_t *json, ngx_str_t text)
{
    ngx_rd_json_t  *metadata;

    metadata = ngx_rd_json_parse(text.data, text.len);

    if (!ngx_rd_json_is_object(metadata)) {
        ngx_rd_json_free(metadata);
        metadata = ngx_rd_json_object();
    }

    ngx_rd_json_set(json, "metadata", metadata);
}


/* text grows and may move; NULL: it is freed */

static ngx_rd_event_text_t *
ngx_rd_event_append(ngx_rd_event_text_t *text, size_t *size,
    const ngx_rd_redis_reply_t *entry)
{
    char                 *line;
    size_t                need;
    ngx_str_t             id;
    ngx_rd_json_t        *json;
    ngx_rd_event_text_t  *new;

    json = ngx_rd_event_json(entry);
    line = ngx_rd_json_print(json);
    ngx_rd_json_free(json);

    if (line == NULL) {
        goto failed;
    }

    id = ngx_rd_redis_reply_string(ngx_rd_redis_reply_at(entry, 0));

    need = (text ? text->len : 0) + id.len + ngx_strlen(line)
           + sizeof("id: \ndata: \n\n");

    if (need > *size) {
        *size = ngx_max(2 * *size, need + NGX_RD_EVENT_BYTES_MIN);

        new = ngx_calloc(sizeof(ngx_rd_event_text_t) + *size, ngx_cycle->log);
        if (new == NULL) {
            free(line);
            goto failed;
        }

        if (text) {
            ngx_memcpy(new, text, sizeof(ngx_rd_event_text_t) + text->len);
            ngx_free(text);
        }

        text = new;
        text->refs = 1;
    }

    (void) ngx_rd_event_id(&text->id, &id);
    text->len = ngx_sprintf(text->data + text->len, "id: %V\ndata: %s\n\n",
                            &id, line)
                - text->data;
    free(line);

    return text;

failed:

    if (text) {
        ngx_free(text);
    }

    return NULL;
}
