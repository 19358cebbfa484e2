
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_settings_check.h"
#include "ngx_rd_settings_read.h"
#include "ngx_rd_text.h"


#define NGX_RD_SETTINGS_READ_PATH_BYTES  64
#define NGX_RD_SETTINGS_READ_CAPS_MAX    42     /* all there are, and ALL */

/* a hint further away than this is no help */
#define NGX_RD_SETTINGS_READ_HINT_MAX    3

#define NGX_RD_SETTINGS_READ_K  ((int64_t) 1024)
#define NGX_RD_SETTINGS_READ_M  (NGX_RD_SETTINGS_READ_K * 1024)
#define NGX_RD_SETTINGS_READ_T  (NGX_RD_SETTINGS_READ_M * 1024 * 1024)


typedef struct {
    const char                     *file;
    ngx_rd_complaints_t            *complaints;

    /* the map being read, with its final dot: "workspace_hosts[0]." */
    char                            path[NGX_RD_SETTINGS_READ_PATH_BYTES];

    unsigned                        no_memory:1;
} ngx_rd_settings_reader_t;


typedef struct ngx_rd_settings_key_s  ngx_rd_settings_key_t;

/* base is the struct that key->offset counts from */

typedef void (*ngx_rd_settings_read_pt)(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);

struct ngx_rd_settings_key_s {
    const char                     *name;
    ngx_rd_settings_read_pt         read;
    size_t                          offset;
    ngx_rd_settings_check_pt        check;      /* of a text */
    int64_t                         min;        /* of a number or a size */
    int64_t                         max;
    const ngx_rd_settings_key_t    *keys;       /* of a map */
};


static void ngx_rd_settings_read_map(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *keys, const ngx_rd_yaml_t *map, void *base);
static void ngx_rd_settings_read_unknown(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *keys, const ngx_rd_yaml_t *value);

static void ngx_rd_settings_read_section(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_hosts(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_host(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, ngx_rd_host_conf_t *host);
static void ngx_rd_settings_read_host_whole(
    ngx_rd_settings_reader_t *reader, const ngx_rd_yaml_t *map,
    const ngx_rd_host_conf_t *host);

static void ngx_rd_settings_read_text(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_number(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_size(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_cpus(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_local(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_host_key(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static ngx_int_t ngx_rd_settings_read_switch(
    ngx_rd_settings_reader_t *reader, const ngx_rd_settings_key_t *key,
    const ngx_rd_yaml_t *value);
static void ngx_rd_settings_read_labels(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_cap_add(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_cap_drop(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_caps(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value,
    char ***caps, ngx_uint_t *n);

static ngx_uint_t ngx_rd_settings_read_is(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, const char *name, ngx_rd_yaml_type_e type,
    const char *what);
static int64_t ngx_rd_settings_read_digits(const char *text);
static char *ngx_rd_settings_read_copy(ngx_rd_settings_reader_t *reader,
    const char *text);
static void ngx_rd_settings_read_complain(ngx_rd_settings_reader_t *reader,
    ngx_uint_t line, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


#define NGX_RD_SETTINGS_READ_HOST(field)  offsetof(ngx_rd_host_conf_t, field)
#define NGX_RD_SETTINGS_READ_TOP(field)   offsetof(ngx_rd_settings_t, field)

static const ngx_rd_settings_key_t  ngx_rd_settings_read_host_keys[] = {

    { "hostname", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "local", ngx_rd_settings_read_local, 0, NULL, 0, 0, NULL },

    { "user", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(user),
      ngx_rd_settings_check_user, 0, 0, NULL },

    { "port", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_HOST(port), NULL, 1, 65535, NULL },

    { "key_file", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(key_file),
      ngx_rd_settings_check_file, 0, 0, NULL },

    { "known_hosts", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(known_hosts),
      ngx_rd_settings_check_file, 0, 0, NULL },

    { "host_key_check", ngx_rd_settings_read_host_key, 0, NULL, 0, 0, NULL },

    { "docker_socket", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(docker_socket),
      ngx_rd_settings_check_socket, 0, 0, NULL },

    { "proxy_hostname", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(proxy_hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "publish_address", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(publish_address),
      ngx_rd_settings_check_address, 0, 0, NULL },

    { "pub_hostname", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_HOST(pub_hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "weight", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_HOST(weight), NULL, 1, 1000, NULL },

    { "max_sessions", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_HOST(max_sessions), NULL, 1, 10000, NULL },

    { "connections", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_HOST(connections_max), NULL, 1, 20, NULL },

    { "labels", ngx_rd_settings_read_labels, 0, NULL, 0, 0, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_container_keys[] = {

    { "memory_limit", ngx_rd_settings_read_size,
      NGX_RD_SETTINGS_READ_TOP(memory_bytes), NULL,
      16 * NGX_RD_SETTINGS_READ_M, 16 * NGX_RD_SETTINGS_READ_T, NULL },

    { "shm_size", ngx_rd_settings_read_size,
      NGX_RD_SETTINGS_READ_TOP(shm_bytes), NULL,
      64 * NGX_RD_SETTINGS_READ_K, 16 * NGX_RD_SETTINGS_READ_T, NULL },

    { "resolution", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_TOP(resolution),
      ngx_rd_settings_check_resolution, 0, 0, NULL },

    { "cpu_limit", ngx_rd_settings_read_cpus,
      NGX_RD_SETTINGS_READ_TOP(nano_cpus), NULL, 0, 0, NULL },

    { "pids_limit", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_TOP(pids_max), NULL, 16, 4194304, NULL },

    { "cap_add", ngx_rd_settings_read_cap_add, 0, NULL, 0, 0, NULL },
    { "cap_drop", ngx_rd_settings_read_cap_drop, 0, NULL, 0, 0, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_session_keys[] = {

    { "initial_duration", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_TOP(initial_duration_s), NULL, 1, 2592000, NULL },

    { "extension_duration", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_TOP(extension_duration_s), NULL, 1, 2592000, NULL },

    { "max_extensions", ngx_rd_settings_read_number,
      NGX_RD_SETTINGS_READ_TOP(extensions_max), NULL, 0, 1000, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_top_keys[] = {

    { "workspace_hosts", ngx_rd_settings_read_hosts, 0, NULL, 0, 0, NULL },

    { "docker_image", ngx_rd_settings_read_text,
      NGX_RD_SETTINGS_READ_TOP(docker_image),
      ngx_rd_settings_check_image, 0, 0, NULL },

    { "container_defaults", ngx_rd_settings_read_section, 0, NULL, 0, 0,
      ngx_rd_settings_read_container_keys },

    { "session_defaults", ngx_rd_settings_read_section, 0, NULL, 0, 0,
      ngx_rd_settings_read_session_keys },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


/* what only SSH needs */

static const char  *ngx_rd_settings_read_ssh_keys[] = {
    "user", "port", "key_file", "known_hosts", "host_key_check", NULL
};


ngx_int_t
ngx_rd_settings_read(ngx_rd_settings_t *settings, const char *file,
    const ngx_rd_yaml_t *root, ngx_rd_complaints_t *complaints)
{
    const ngx_rd_yaml_t       *node;
    ngx_rd_settings_reader_t   reader;

    memset(&reader, 0, sizeof(ngx_rd_settings_reader_t));

    reader.file = file;
    reader.complaints = complaints;

    if (!ngx_rd_settings_read_is(&reader, root, "", NGX_RD_YAML_MAP,
                                 "a map of keys"))
    {
        return NGX_OK;
    }

    ngx_rd_settings_read_map(&reader, ngx_rd_settings_read_top_keys, root,
                             settings);

    for (node = root->first; node != NULL; node = node->next) {
        if (strcmp(node->key, "workspace_hosts") == 0) {
            break;
        }
    }

    if (node == NULL) {
        ngx_rd_settings_read_complain(&reader, 0, "workspace_hosts",
                                      "is missing: name at least one host");
    }

    return reader.no_memory ? NGX_ERROR : NGX_OK;
}


static void
ngx_rd_settings_read_map(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *keys, const ngx_rd_yaml_t *map, void *base)
{
    const ngx_rd_yaml_t          *value;
    const ngx_rd_settings_key_t  *key;

    for (value = map->first; value != NULL; value = value->next) {

        for (key = keys; key->name != NULL; key++) {
            if (strcmp(key->name, value->key) == 0) {
                break;
            }
        }

        if (key->name == NULL) {
            ngx_rd_settings_read_unknown(reader, keys, value);
            continue;
        }

        if (value->type == NGX_RD_YAML_NOTHING) {
            ngx_rd_settings_read_complain(reader, value->line, value->key,
                                  "has no value: give one or drop the key");
            continue;
        }

        if (value->type != NGX_RD_YAML_BAD) {
            key->read(reader, key, value, base);
        }
    }
}


static void
ngx_rd_settings_read_unknown(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *keys, const ngx_rd_yaml_t *value)
{
    ngx_uint_t                    distance, least;
    const ngx_rd_settings_key_t  *key, *nearest;

    nearest = NULL;
    least = NGX_RD_SETTINGS_READ_HINT_MAX + 1;

    for (key = keys; key->name != NULL; key++) {
        distance = ngx_rd_text_distance(key->name, value->key);

        /* three letters of a word of four are another word */

        if (distance < least && distance * 2 <= strlen(key->name)) {
            least = distance;
            nearest = key;
        }
    }

    if (nearest == NULL) {
        ngx_rd_settings_read_complain(reader, value->line, value->key,
                                      "unknown key");
        return;
    }

    ngx_rd_settings_read_complain(reader, value->line, value->key,
                                  "unknown key, did you mean \"%s\"?",
                                  nearest->name);
}


static void
ngx_rd_settings_read_section(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_MAP,
                                 "a map of keys"))
    {
        return;
    }

    (void) snprintf(reader->path, sizeof(reader->path), "%s.", key->name);
    ngx_rd_settings_read_map(reader, key->keys, value, base);
    reader->path[0] = '\0';
}


static void
ngx_rd_settings_read_hosts(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_settings_t    *settings = base;

    const ngx_rd_yaml_t  *node;
    ngx_rd_host_conf_t   *host;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_LIST,
                                 "a list of hosts"))
    {
        return;
    }

    if (value->n == 0 || value->n > NGX_RD_HOSTS_MAX) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                                      "must name 1 to %d hosts",
                                      NGX_RD_HOSTS_MAX);
        return;
    }

    /* written twice: already complained of */

    if (settings->hosts != NULL) {
        return;
    }

    settings->hosts = calloc(value->n, sizeof(ngx_rd_host_conf_t));
    if (settings->hosts == NULL) {
        reader->no_memory = 1;
        return;
    }

    for (node = value->first; node != NULL; node = node->next) {
        (void) snprintf(reader->path, sizeof(reader->path), "%s[%lu].",
                        key->name, (unsigned long) settings->nhosts);

        host = &settings->hosts[settings->nhosts++];
        ngx_rd_settings_read_host(reader, node, host);
    }

    reader->path[0] = '\0';
}


static void
ngx_rd_settings_read_host(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, ngx_rd_host_conf_t *host)
{
    host->line = value->line;
    host->port = 22;
    host->weight = 1;
    host->max_sessions = 50;
    host->connections_max = 4;

    if (!ngx_rd_settings_read_is(reader, value, "", NGX_RD_YAML_MAP,
                                 "a map of keys (\"hostname: ...\")"))
    {
        return;
    }

    ngx_rd_settings_read_map(reader, ngx_rd_settings_read_host_keys, value,
                             host);
    ngx_rd_settings_read_host_whole(reader, value, host);
}


/* what no key alone can say */

static void
ngx_rd_settings_read_host_whole(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *map, const ngx_rd_host_conf_t *host)
{
    ngx_uint_t            i, named, local;
    const ngx_rd_yaml_t  *node;

    named = 0;
    local = 0;

    for (node = map->first; node != NULL; node = node->next) {

        /* present is enough: if wrong it was complained of */

        named |= (strcmp(node->key, "hostname") == 0);
        local |= (strcmp(node->key, "local") == 0);

        for (i = 0; host->local && ngx_rd_settings_read_ssh_keys[i]; i++) {
            if (strcmp(node->key, ngx_rd_settings_read_ssh_keys[i]) == 0) {
                ngx_rd_settings_read_complain(reader, node->line, node->key,
                              "means nothing with \"local: true\", "
                              "which uses no SSH");
            }
        }
    }

    if (!named && !host->local) {
        ngx_rd_settings_read_complain(reader, map->line, "hostname",
                                      "is missing%s",
                                      local ? "" : " (or \"local: true\")");
    }
}


static void
ngx_rd_settings_read_text(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    char       **field;
    const char  *reason;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                 "one word"))
    {
        return;
    }

    reason = key->check(value->text);

    if (reason != NULL) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                                      "%s, not \"%.64s\"", reason,
                                      value->text);
        return;
    }

    field = (char **) ((u_char *) base + key->offset);

    free(*field);
    *field = ngx_rd_settings_read_copy(reader, value->text);
}


static void
ngx_rd_settings_read_number(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int64_t      n;
    ngx_uint_t  *field;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                 "a whole number"))
    {
        return;
    }

    n = value->plain ? ngx_rd_settings_read_digits(value->text) : -1;

    if (n < key->min || n > key->max) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                              "must be a whole number from %lld to %lld, "
                              "not \"%.64s\"%s", (long long) key->min,
                              (long long) key->max, value->text,
                              value->plain ? "" : " in quotes");
        return;
    }

    field = (ngx_uint_t *) ((u_char *) base + key->offset);
    *field = (ngx_uint_t) n;
}


static void
ngx_rd_settings_read_size(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int64_t  n, *field;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                 "a size"))
    {
        return;
    }

    n = ngx_rd_settings_bytes(value->text);

    if (n < 0) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                              "must be a size like 512m or 4g, not \"%.64s\"",
                              value->text);
        return;
    }

    if (n < key->min || n > key->max) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                              "must be from %lldk to %lldg, not \"%.64s\"",
                              (long long) (key->min >> 10),
                              (long long) (key->max >> 30), value->text);
        return;
    }

    field = (int64_t *) ((u_char *) base + key->offset);
    *field = n;
}


/* whole or with one or two decimals; the engine counts in 10^-9 */

static void
ngx_rd_settings_read_cpus(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    int         n;
    size_t      decimals;
    int64_t    *field;
    unsigned    whole, hundredths;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_TEXT,
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

    ngx_rd_settings_read_complain(reader, value->line, key->name,
                                  "must be a number of processors from 0.01 "
                                  "to 1024, not \"%.64s\"", value->text);
}


static void
ngx_rd_settings_read_local(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_host_conf_t  *host = base;

    host->local = (ngx_rd_settings_read_switch(reader, key, value) == 1);
}


static void
ngx_rd_settings_read_host_key(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_host_conf_t  *host = base;

    host->insecure = (ngx_rd_settings_read_switch(reader, key, value) == 0);
}


/* 1, 0, or NGX_ERROR after a complaint */

static ngx_int_t
ngx_rd_settings_read_switch(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value)
{
    ngx_uint_t          i;
    static const char  *words[] = { "off", "on", "false", "true", "no", "yes" };

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_TEXT,
                                 "on or off"))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value->text, words[i]) == 0) {
            return i & 1;
        }
    }

    ngx_rd_settings_read_complain(reader, value->line, key->name,
                          "must be on or off (true or false), not \"%.64s\"",
                          value->text);

    return NGX_ERROR;
}


static void
ngx_rd_settings_read_labels(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_host_conf_t   *host = base;

    char                  name[sizeof("labels.") + 63];
    const char           *reason;
    ngx_rd_label_t       *label;
    const ngx_rd_yaml_t  *node;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_MAP,
                                 "a map of names and values"))
    {
        return;
    }

    if (value->n > NGX_RD_LABELS_MAX) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                                      "more than %d labels",
                                      NGX_RD_LABELS_MAX);
        return;
    }

    if (value->n == 0 || host->labels != NULL) {
        return;
    }

    host->labels = calloc(value->n, sizeof(ngx_rd_label_t));
    if (host->labels == NULL) {
        reader->no_memory = 1;
        return;
    }

    for (node = value->first; node != NULL; node = node->next) {
        (void) snprintf(name, sizeof(name), "labels.%.63s", node->key);

        if (!ngx_rd_settings_read_is(reader, node, name, NGX_RD_YAML_TEXT,
                                     "one word"))
        {
            continue;
        }

        reason = ngx_rd_settings_check_label_key(node->key);

        if (reason == NULL) {
            reason = ngx_rd_settings_check_label_value(node->text);
        }

        if (reason != NULL) {
            ngx_rd_settings_read_complain(reader, node->line, name, "%s",
                                          reason);
            continue;
        }

        label = &host->labels[host->nlabels++];
        label->key = ngx_rd_settings_read_copy(reader, node->key);
        label->value = ngx_rd_settings_read_copy(reader, node->text);
    }
}


static void
ngx_rd_settings_read_cap_add(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_settings_t  *settings = base;

    ngx_rd_settings_read_caps(reader, key, value, &settings->cap_add,
                              &settings->ncap_add);
}


static void
ngx_rd_settings_read_cap_drop(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_settings_t  *settings = base;

    ngx_rd_settings_read_caps(reader, key, value, &settings->cap_drop,
                              &settings->ncap_drop);
}


static void
ngx_rd_settings_read_caps(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value,
    char ***caps, ngx_uint_t *n)
{
    const char           *name;
    const ngx_rd_yaml_t  *node;

    if (!ngx_rd_settings_read_is(reader, value, key->name, NGX_RD_YAML_LIST,
                                 "a list like [NET_RAW, CHOWN]"))
    {
        return;
    }

    if (value->n > NGX_RD_SETTINGS_READ_CAPS_MAX) {
        ngx_rd_settings_read_complain(reader, value->line, key->name,
                                      "more than %d capabilities",
                                      NGX_RD_SETTINGS_READ_CAPS_MAX);
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
            ngx_rd_settings_read_complain(reader, node->line, key->name,
                                  "no such capability: \"%.64s\"",
                                  (node->text != NULL) ? node->text : "");
            continue;
        }

        (*caps)[(*n)++] = ngx_rd_settings_read_copy(reader, name);
    }
}


static ngx_uint_t
ngx_rd_settings_read_is(ngx_rd_settings_reader_t *reader,
    const ngx_rd_yaml_t *value, const char *name, ngx_rd_yaml_type_e type,
    const char *what)
{
    if (value->type == type) {
        return 1;
    }

    if (value->type != NGX_RD_YAML_BAD) {
        ngx_rd_settings_read_complain(reader, value->line, name,
                                      "must be %s", what);
    }

    return 0;
}


/* -1 for anything but digits; ten of them are more than any bound */

static int64_t
ngx_rd_settings_read_digits(const char *text)
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


static char *
ngx_rd_settings_read_copy(ngx_rd_settings_reader_t *reader, const char *text)
{
    char  *copy;

    copy = strdup(text);

    if (copy == NULL) {
        reader->no_memory = 1;
    }

    return copy;
}


static void
ngx_rd_settings_read_complain(ngx_rd_settings_reader_t *reader,
    ngx_uint_t line, const char *name, const char *fmt, ...)
{
    char     key[NGX_RD_SETTINGS_READ_PATH_BYTES + 81];
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
