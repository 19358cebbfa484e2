
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <cjson/cJSON.h>

#include "ngx_rd_json.h"


/* 2^53: from here on neighbours share one double */
#define NGX_RD_JSON_INTEGER_MAX  9007199254740992.0

/* above this, cJSON would print an exponent, which Go's integers refuse */
#define NGX_RD_JSON_PLAIN_MAX    999999999999999LL

/*
 * An object or array that lost a member for want of memory.  valueint of
 * these is not used by cJSON.
 */
#define NGX_RD_JSON_BROKEN       1


static ngx_uint_t ngx_rd_json_sane(const u_char *text, size_t len);
static size_t ngx_rd_json_sane_string(const u_char *p, const u_char *last);
static ngx_uint_t ngx_rd_json_blank(const char *p, const char *last);

static ngx_rd_json_t *ngx_rd_json_attach(ngx_rd_json_t *object,
    const char *name, ngx_rd_json_t *child);
static ngx_rd_json_t *ngx_rd_json_append(ngx_rd_json_t *array,
    ngx_rd_json_t *child);
static ngx_uint_t ngx_rd_json_broken(const ngx_rd_json_t *json);

static ngx_rd_json_t *ngx_rd_json_text(const u_char *value, size_t len);
static size_t ngx_rd_json_utf8(const u_char *p, size_t len);


ngx_rd_json_t *
ngx_rd_json_parse(const u_char *text, size_t len)
{
    char           *copy;
    const char     *end;
    ngx_rd_json_t  *json;

    if (len == 0 || len > NGX_RD_JSON_BYTES_MAX || !ngx_rd_json_sane(text, len))
    {
        return NULL;
    }

    /* cJSON 1.7.15 may look one byte past the end of a broken text */

    copy = malloc(len + 1);
    if (copy == NULL) {
        return NULL;
    }

    memcpy(copy, text, len);
    copy[len] = '\0';

    json = cJSON_ParseWithLengthOpts(copy, len, &end, 0);

    if (json != NULL && !ngx_rd_json_blank(end, copy + len)) {
        cJSON_Delete(json);
        json = NULL;
    }

    free(copy);

    return json;
}


void
ngx_rd_json_free(ngx_rd_json_t *json)
{
    cJSON_Delete(json);
}


ngx_rd_json_t *
ngx_rd_json_get(const ngx_rd_json_t *json, const char *name)
{
    if (!cJSON_IsObject(json)) {
        return NULL;
    }

    return cJSON_GetObjectItemCaseSensitive(json, name);
}


ngx_rd_json_t *
ngx_rd_json_at(const ngx_rd_json_t *json, ngx_uint_t i)
{
    ngx_rd_json_t  *member;

    for (member = ngx_rd_json_first(json); member != NULL && i != 0; i--) {
        member = member->next;
    }

    return member;
}


ngx_uint_t
ngx_rd_json_count(const ngx_rd_json_t *json)
{
    ngx_uint_t      n;
    ngx_rd_json_t  *member;

    n = 0;

    for (member = ngx_rd_json_first(json); member != NULL;
         member = member->next)
    {
        n++;
    }

    return n;
}


ngx_rd_json_t *
ngx_rd_json_first(const ngx_rd_json_t *json)
{
    if (!cJSON_IsObject(json) && !cJSON_IsArray(json)) {
        return NULL;
    }

    return json->child;
}


ngx_rd_json_t *
ngx_rd_json_next(const ngx_rd_json_t *member)
{
    return (member != NULL) ? member->next : NULL;
}


const char *
ngx_rd_json_name(const ngx_rd_json_t *member)
{
    return (member != NULL) ? member->string : NULL;
}


const char *
ngx_rd_json_string(const ngx_rd_json_t *json)
{
    return cJSON_GetStringValue(json);
}


ngx_int_t
ngx_rd_json_integer(const ngx_rd_json_t *json, int64_t *n)
{
    double   value;
    int64_t  whole;

    if (!cJSON_IsNumber(json)) {
        return NGX_ERROR;
    }

    value = json->valuedouble;

    /* written so that infinity and no-number fail it too */

    if (!(value > -NGX_RD_JSON_INTEGER_MAX && value < NGX_RD_JSON_INTEGER_MAX))
    {
        return NGX_ERROR;
    }

    whole = (int64_t) value;

    if ((double) whole != value) {
        return NGX_ERROR;
    }

    *n = whole;

    return NGX_OK;
}


ngx_uint_t
ngx_rd_json_is_true(const ngx_rd_json_t *json)
{
    return cJSON_IsTrue(json);
}


ngx_uint_t
ngx_rd_json_is_object(const ngx_rd_json_t *json)
{
    return cJSON_IsObject(json);
}


ngx_uint_t
ngx_rd_json_is_array(const ngx_rd_json_t *json)
{
    return cJSON_IsArray(json);
}


ngx_rd_json_t *
ngx_rd_json_object(void)
{
    return cJSON_CreateObject();
}


ngx_rd_json_t *
ngx_rd_json_array(void)
{
    return cJSON_CreateArray();
}


void
ngx_rd_json_set_string(ngx_rd_json_t *object, const char *name,
    const char *value)
{
    ngx_rd_json_set_text(object, name, (const u_char *) value, strlen(value));
}


void
ngx_rd_json_set_text(ngx_rd_json_t *object, const char *name,
    const u_char *value, size_t len)
{
    if (object != NULL) {
        (void) ngx_rd_json_attach(object, name, ngx_rd_json_text(value, len));
    }
}


void
ngx_rd_json_set_integer(ngx_rd_json_t *object, const char *name,
    int64_t value)
{
    char            digits[NGX_INT64_LEN + 1];
    ngx_rd_json_t  *number;

    if (object == NULL) {
        return;
    }

    if (value >= -NGX_RD_JSON_PLAIN_MAX && value <= NGX_RD_JSON_PLAIN_MAX) {
        number = cJSON_CreateNumber((double) value);

    } else {
        (void) snprintf(digits, sizeof(digits), "%lld", (long long) value);
        number = cJSON_CreateRaw(digits);
    }

    (void) ngx_rd_json_attach(object, name, number);
}


void
ngx_rd_json_set_number(ngx_rd_json_t *object, const char *name, double value)
{
    if (object != NULL) {
        (void) ngx_rd_json_attach(object, name, cJSON_CreateNumber(value));
    }
}


void
ngx_rd_json_set_bool(ngx_rd_json_t *object, const char *name,
    ngx_uint_t value)
{
    if (object != NULL) {
        (void) ngx_rd_json_attach(object, name, cJSON_CreateBool(value != 0));
    }
}


void
ngx_rd_json_set_null(ngx_rd_json_t *object, const char *name)
{
    if (object != NULL) {
        (void) ngx_rd_json_attach(object, name, cJSON_CreateNull());
    }
}


ngx_rd_json_t *
ngx_rd_json_set_object(ngx_rd_json_t *object, const char *name)
{
    if (object == NULL) {
        return NULL;
    }

    return ngx_rd_json_attach(object, name, cJSON_CreateObject());
}


ngx_rd_json_t *
ngx_rd_json_set_array(ngx_rd_json_t *object, const char *name)
{
    if (object == NULL) {
        return NULL;
    }

    return ngx_rd_json_attach(object, name, cJSON_CreateArray());
}


ngx_rd_json_t *
ngx_rd_json_push_object(ngx_rd_json_t *array)
{
    return (array != NULL) ? ngx_rd_json_append(array, cJSON_CreateObject())
                           : NULL;
}


void
ngx_rd_json_set(ngx_rd_json_t *object, const char *name,
    ngx_rd_json_t *child)
{
    if (object == NULL) {
        cJSON_Delete(child);
        return;
    }

    (void) ngx_rd_json_attach(object, name, child);
}


void
ngx_rd_json_push(ngx_rd_json_t *array, ngx_rd_json_t *child)
{
    if (array == NULL) {
        cJSON_Delete(child);
        return;
    }

    (void) ngx_rd_json_append(array, child);
}


void
ngx_rd_json_push_string(ngx_rd_json_t *array, const char *value)
{
    if (array != NULL) {
        (void) ngx_rd_json_append(array,
                                  ngx_rd_json_text((const u_char *) value,
                                                   strlen(value)));
    }
}


char *
ngx_rd_json_print(const ngx_rd_json_t *json)
{
    if (json == NULL || ngx_rd_json_broken(json)) {
        return NULL;
    }

    return cJSON_PrintUnformatted(json);
}


/*
 * What cJSON lets pass and must not: a NUL, bare or escaped, would end a C
 * string early ("id\u0000x" would be found as "id"), and many small values
 * would take eighty times the memory of their text.
 */

static ngx_uint_t
ngx_rd_json_sane(const u_char *text, size_t len)
{
    size_t         n, values;
    const u_char  *p, *last;

    last = text + len;
    values = 1;

    for (p = text; p < last; p++) {

        switch (*p) {

        case '"':
            n = ngx_rd_json_sane_string(p + 1, last);

            if (n == 0) {
                return 0;
            }

            p += n;
            break;

        case '[':
        case '{':
        case ',':
            if (++values > NGX_RD_JSON_VALUES_MAX) {
                return 0;
            }

            break;

        case ' ':
        case '\t':
        case '\r':
        case '\n':
            break;

        default:
            /* cJSON takes all of these for white space */

            if (*p < ' ') {
                return 0;
            }
        }
    }

    return 1;
}


/* bytes up to and with the closing quote; 0 when it is not sane */

static size_t
ngx_rd_json_sane_string(const u_char *p, const u_char *last)
{
    const u_char  *start;

    for (start = p; p < last; p++) {

        if (*p < ' ') {
            return 0;
        }

        if (*p == '"') {
            return p - start + 1;
        }

        if (*p != '\\') {
            continue;
        }

        if (last - p > 5 && memcmp(p, "\\u0000", 6) == 0) {
            return 0;
        }

        p++;
    }

    return 0;
}


static ngx_uint_t
ngx_rd_json_blank(const char *p, const char *last)
{
    while (p < last) {
        if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n') {
            return 0;
        }

        p++;
    }

    return 1;
}


static ngx_rd_json_t *
ngx_rd_json_attach(ngx_rd_json_t *object, const char *name,
    ngx_rd_json_t *child)
{
    if (child != NULL && cJSON_AddItemToObject(object, name, child)) {
        return child;
    }

    object->valueint = NGX_RD_JSON_BROKEN;
    cJSON_Delete(child);

    return NULL;
}


static ngx_rd_json_t *
ngx_rd_json_append(ngx_rd_json_t *array, ngx_rd_json_t *child)
{
    if (child != NULL && cJSON_AddItemToArray(array, child)) {
        return child;
    }

    array->valueint = NGX_RD_JSON_BROKEN;
    cJSON_Delete(child);

    return NULL;
}


/* as deep as our own documents, or as cJSON parsed */

static ngx_uint_t
ngx_rd_json_broken(const ngx_rd_json_t *json)
{
    const ngx_rd_json_t  *member;

    if (!cJSON_IsObject(json) && !cJSON_IsArray(json)) {
        return 0;
    }

    if (json->valueint == NGX_RD_JSON_BROKEN) {
        return 1;
    }

    for (member = json->child; member != NULL; member = member->next) {
        if (ngx_rd_json_broken(member)) {
            return 1;
        }
    }

    return 0;
}


static ngx_rd_json_t *
ngx_rd_json_text(const u_char *value, size_t len)
{
    char           *text, *p;
    size_t          i, n;
    ngx_rd_json_t  *json;

    /* a bad byte becomes three */

    if (len > NGX_RD_JSON_BYTES_MAX) {
        return NULL;
    }

    text = malloc(len * 3 + 1);
    if (text == NULL) {
        return NULL;
    }

    p = text;

    for (i = 0; i < len; i += n) {
        n = ngx_rd_json_utf8(value + i, len - i);

        if (n == 0 || value[i] == '\0') {
            memcpy(p, "\xEF\xBF\xBD", 3);
            p += 3;
            n = 1;
            continue;
        }

        memcpy(p, value + i, n);
        p += n;
    }

    *p = '\0';

    json = cJSON_CreateString(text);
    free(text);

    return json;
}


/*
 * Bytes of the character p starts with; 0 when it is none: overlong forms,
 * surrogates and what is above U+10FFFF (RFC 3629).
 */

static size_t
ngx_rd_json_utf8(const u_char *p, size_t len)
{
    u_char  low, high;
    size_t  i, n;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }

    low = 0x80;
    high = 0xbf;
    n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    switch (p[0]) {
    case 0xe0: low = 0xa0; break;
    case 0xed: high = 0x9f; break;
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;
    }

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }

    return n;
}
