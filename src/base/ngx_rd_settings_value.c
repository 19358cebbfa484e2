
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_settings_value.h"


#define NGX_RD_SETTINGS_VALUE_CAPS_MAX  42      /* all there are, and ALL */


static int64_t ngx_rd_settings_value_digits(const char *text);


void
ngx_rd_settings_value_text(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    char       **field;
    const char  *reason;

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                  "one word"))
    {
        return;
    }

    reason = key->check(value->text);

    if (reason != NULL) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                                       "%s, not \"%.64s\"", reason,
                                       value->text);
        return;
    }

    field = (char **) ((u_char *) base + key->offset);

    free(*field);
    *field = ngx_rd_settings_value_copy(reader, value->text);
}


void
ngx_rd_settings_value_number(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int64_t      n;
    ngx_uint_t  *field;

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                  "a whole number"))
    {
        return;
    }

    n = value->plain ? ngx_rd_settings_value_digits(value->text) : -1;

    if (n < key->min || n > key->max) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                              "must be a whole number from %lld to %lld, "
                              "not \"%.64s\"%s", (long long) key->min,
                              (long long) key->max, value->text,
                              value->plain ? "" : " in quotes");
        return;
    }

    field = (ngx_uint_t *) ((u_char *) base + key->offset);
    *field = (ngx_uint_t) n;
}


void
ngx_rd_settings_value_size(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int64_t  n, *field;

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                  "a size"))
    {
        return;
    }

    n = ngx_rd_settings_bytes(value->text);

    if (n < 0) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                              "must be a size like 512m or 4g, not \"%.64s\"",
                              value->text);
        return;
    }

    if (n < key->min || n > key->max) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                              "must be from %lldm to %lldg, not \"%.64s\"",
                              (long long) (key->min >> 20),
                              (long long) (key->max >> 30), value->text);
        return;
    }

    field = (int64_t *) ((u_char *) base + key->offset);
    *field = n;
}


/* whole or with one or two decimals; the engine counts in 10^-9 */

void
ngx_rd_settings_value_cpus(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int         n;
    size_t      decimals;
    int64_t    *field;
    unsigned    whole, hundredths;

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                  "a number"))
    {
        return;
    }

    n = 0;
    hundredths = 0;

    if (strspn(value->text, "0123456789.") != strlen(value->text)
        || sscanf(value->text, "%4u%n", &whole, &n) != 1)
    {
        goto refused;
    }

    if (value->text[n] == '.') {
        decimals = strlen(value->text + n + 1);

        if (decimals == 0 || decimals > 2
            || strchr(value->text + n + 1, '.') != NULL)
        {
            goto refused;
        }

        (void) sscanf(value->text + n + 1, "%2u", &hundredths);
        hundredths *= (decimals == 1) ? 10 : 1;

    } else if (value->text[n] != '\0') {
        goto refused;
    }

    hundredths += whole * 100;

    if (hundredths == 0 || hundredths > 102400) {
        goto refused;
    }

    field = (int64_t *) ((u_char *) base + key->offset);
    *field = (int64_t) hundredths * 10000000;

    return;

refused:

    ngx_rd_settings_value_complain(reader, value->line, key->name,
                                   "must be a number of processors from 0.01 "
                                   "to 1024, not \"%.64s\"", value->text);
}


ngx_int_t
ngx_rd_settings_value_switch(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value)
{
    ngx_uint_t          i;
    static const char  *words[] = { "off", "on", "false", "true", "no", "yes" };

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                  "on or off"))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value->text, words[i]) == 0) {
            return i & 1;
        }
    }

    ngx_rd_settings_value_complain(reader, value->line, key->name,
                          "must be on or off (true or false), not \"%.64s\"",
                          value->text);

    return NGX_ERROR;
}


void
ngx_rd_settings_value_caps(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value,
    char ***caps, ngx_uint_t *n)
{
    const char           *name;
    const ngx_rd_yaml_t  *node;

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_LIST,
                                  "a list like [NET_RAW, CHOWN]"))
    {
        return;
    }

    if (value->n > NGX_RD_SETTINGS_VALUE_CAPS_MAX) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                                       "more than %d capabilities",
                                       NGX_RD_SETTINGS_VALUE_CAPS_MAX);
        return;
    }

    if (*caps != NULL) {
        return;
    }

    /* one more, so that an empty list differs from no list */

    *caps = calloc(value->n + 1, sizeof(char *));
    if (*caps == NULL) {
        reader->no_memory = 1;
        return;
    }

    for (node = value->first; node != NULL; node = node->next) {
        name = (node->type == NGX_RD_YAML_TEXT)
               ? ngx_rd_settings_check_capability(node->text) : NULL;

        if (name == NULL) {
            ngx_rd_settings_value_complain(reader, node->line, key->name,
                                  "no such capability: \"%.64s\"",
                                  (node->text != NULL) ? node->text : "");
            continue;
        }

        (*caps)[(*n)++] = ngx_rd_settings_value_copy(reader, name);
    }
}


void
ngx_rd_settings_value_modes(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_uint_t            i, bit, modes;
    const ngx_rd_yaml_t  *node;

    static const struct { const char *name; ngx_uint_t bit; }  words[] = {
        { "desktop", NGX_RD_MODE_DESKTOP },
        { "terminal", NGX_RD_MODE_TERMINAL },
        { "ssh", NGX_RD_MODE_SSH }
    };

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_LIST,
                                  "a list like [desktop, terminal, ssh]"))
    {
        return;
    }

    modes = 0;

    for (node = value->first; node != NULL; node = node->next) {
        bit = 0;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (node->type == NGX_RD_YAML_TEXT
                && strcmp(node->text, words[i].name) == 0)
            {
                bit = words[i].bit;
            }
        }

        if (bit == 0) {
            ngx_rd_settings_value_complain(reader, node->line, key->name,
                                  "must be desktop, terminal or ssh, not "
                                  "\"%.64s\"",
                                  (node->text != NULL) ? node->text : "");
            return;
        }

        modes |= bit;
    }

    if (!(modes & NGX_RD_MODE_DESKTOP)) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
                              "must have desktop, which says when a session "
                              "is ready");
        return;
    }

    *(ngx_uint_t *) ((u_char *) base + key->offset) = modes;
}


ngx_uint_t
ngx_rd_settings_value_is(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, const char *name, ngx_rd_yaml_type_e type,
    const char *what)
{
    if (value->type == type) {
        return 1;
    }

    if (value->type != NGX_RD_YAML_BAD) {
        ngx_rd_settings_value_complain(reader, value->line, name,
                                       "must be %s", what);
    }

    return 0;
}


/* -1 for anything but digits; ten of them are more than any bound */

static int64_t
ngx_rd_settings_value_digits(const char *text)
{
    int64_t  n;

    if (*text == '\0' || strlen(text) > 10) {
        return -1;
    }

    for (n = 0; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }

        n = n * 10 + (*text - '0');
    }

    return n;
}


char *
ngx_rd_settings_value_copy(ngx_rd_settings_reader_t *reader, const char *text)
{
    char  *copy;

    copy = strdup(text);

    if (copy == NULL) {
        reader->no_memory = 1;
    }

    return copy;
}


void
ngx_rd_settings_value_complain(ngx_rd_settings_reader_t *reader,
    ngx_uint_t line, const char *name, const char *fmt, ...)
{
    char     key[NGX_RD_SETTINGS_VALUE_PATH_BYTES + 81];
    char     reason[NGX_RD_COMPLAINT_BYTES_MAX];
    size_t   len;
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);

    (void) snprintf(key, sizeof(key), "%s%.80s", reader->path, name);

    /* a complaint of the map itself: no dot behind its name */

    len = strlen(key);

    if (name[0] == '\0' && len != 0) {
        key[len - 1] = '\0';
    }

    ngx_rd_complaint_add(reader->complaints, reader->file, line, key, "%s",
                         reason);
}
