
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_settings_check.h"
#include "ngx_rd_settings_read.h"
#include "ngx_rd_settings_value.h"
#include "ngx_rd_text.h"


/* a hint further away than this is no help */
#define NGX_RD_SETTINGS_READ_HINT_MAX  3

#define NGX_RD_SETTINGS_READ_K  ((int64_t) 1024)
#define NGX_RD_SETTINGS_READ_M  (NGX_RD_SETTINGS_READ_K * 1024)
#define NGX_RD_SETTINGS_READ_T  (NGX_RD_SETTINGS_READ_M * 1024 * 1024)


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

static void ngx_rd_settings_read_local(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_host_key(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_labels(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_cap_add(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);
static void ngx_rd_settings_read_cap_drop(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base);


#define NGX_RD_SETTINGS_READ_HOST(field)  offsetof(ngx_rd_host_conf_t, field)
#define NGX_RD_SETTINGS_READ_TOP(field)   offsetof(ngx_rd_settings_t, field)

static const ngx_rd_settings_key_t  ngx_rd_settings_read_host_keys[] = {

    { "hostname", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "local", ngx_rd_settings_read_local, 0, NULL, 0, 0, NULL },

    { "user", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(user),
      ngx_rd_settings_check_user, 0, 0, NULL },

    { "port", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_HOST(port), NULL, 1, 65535, NULL },

    { "key_file", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(key_file),
      ngx_rd_settings_check_file, 0, 0, NULL },

    { "known_hosts", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(known_hosts),
      ngx_rd_settings_check_file, 0, 0, NULL },

    { "host_key_check", ngx_rd_settings_read_host_key, 0, NULL, 0, 0, NULL },

    { "docker_socket", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(docker_socket),
      ngx_rd_settings_check_socket, 0, 0, NULL },

    { "proxy_hostname", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(proxy_hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "publish_address", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(publish_address),
      ngx_rd_settings_check_address, 0, 0, NULL },

    { "pub_hostname", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_HOST(pub_hostname),
      ngx_rd_settings_check_hostname, 0, 0, NULL },

    { "weight", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_HOST(weight), NULL, 1, 1000, NULL },

    { "max_sessions", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_HOST(max_sessions), NULL, 1, 10000, NULL },

    { "connections", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_HOST(connections_max), NULL, 1, 20, NULL },

    { "creates", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_HOST(creates_max), NULL, 1, 64, NULL },

    { "memory", ngx_rd_settings_value_size,
      NGX_RD_SETTINGS_READ_HOST(memory_bytes), NULL,
      64 * NGX_RD_SETTINGS_READ_M, 64 * NGX_RD_SETTINGS_READ_T, NULL },

    { "cpus", ngx_rd_settings_value_cpus,
      NGX_RD_SETTINGS_READ_HOST(nano_cpus), NULL, 0, 0, NULL },

    { "labels", ngx_rd_settings_read_labels, 0, NULL, 0, 0, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_container_keys[] = {

    { "memory_limit", ngx_rd_settings_value_size,
      NGX_RD_SETTINGS_READ_TOP(memory_bytes), NULL,
      16 * NGX_RD_SETTINGS_READ_M, 16 * NGX_RD_SETTINGS_READ_T, NULL },

    { "shm_size", ngx_rd_settings_value_size,
      NGX_RD_SETTINGS_READ_TOP(shm_bytes), NULL,
      64 * NGX_RD_SETTINGS_READ_K, 16 * NGX_RD_SETTINGS_READ_T, NULL },

    { "resolution", ngx_rd_settings_value_text,
      NGX_RD_SETTINGS_READ_TOP(resolution),
      ngx_rd_settings_check_resolution, 0, 0, NULL },

    { "cpu_limit", ngx_rd_settings_value_cpus,
      NGX_RD_SETTINGS_READ_TOP(nano_cpus), NULL, 0, 0, NULL },

    { "cpu_overcommit", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_TOP(cpu_overcommit), NULL, 1, 100, NULL },

    { "pids_limit", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_TOP(pids_max), NULL, 16, 4194304, NULL },

    { "cap_add", ngx_rd_settings_read_cap_add, 0, NULL, 0, 0, NULL },
    { "cap_drop", ngx_rd_settings_read_cap_drop, 0, NULL, 0, 0, NULL },

    { "modes", ngx_rd_settings_value_modes,
      NGX_RD_SETTINGS_READ_TOP(modes), NULL, 0, 0, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_session_keys[] = {

    { "initial_duration", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_TOP(initial_duration_s), NULL, 1, 2592000, NULL },

    { "extension_duration", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_TOP(extension_duration_s), NULL, 1, 2592000, NULL },

    { "max_extensions", ngx_rd_settings_value_number,
      NGX_RD_SETTINGS_READ_TOP(extensions_max), NULL, 0, 1000, NULL },

    { NULL, NULL, 0, NULL, 0, 0, NULL }
};


static const ngx_rd_settings_key_t  ngx_rd_settings_read_top_keys[] = {

    { "workspace_hosts", ngx_rd_settings_read_hosts, 0, NULL, 0, 0, NULL },

    { "docker_image", ngx_rd_settings_value_text,
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

    if (!ngx_rd_settings_value_is(&reader, root, "", NGX_RD_YAML_MAP,
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
        ngx_rd_settings_value_complain(&reader, 0, "workspace_hosts",
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
            ngx_rd_settings_value_complain(reader, value->line, value->key,
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
        ngx_rd_settings_value_complain(reader, value->line, value->key,
                                       "unknown key");
        return;
    }

    ngx_rd_settings_value_complain(reader, value->line, value->key,
                                   "unknown key, did you mean \"%s\"?",
                                   nearest->name);
}


static void
ngx_rd_settings_read_section(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_MAP,
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

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_LIST,
                                  "a list of hosts"))
    {
        return;
    }

    if (value->n == 0 || value->n > NGX_RD_HOSTS_MAX) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
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
    host->creates_max = 4;

    if (!ngx_rd_settings_value_is(reader, value, "", NGX_RD_YAML_MAP,
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
                ngx_rd_settings_value_complain(reader, node->line, node->key,
                              "means nothing with \"local: true\", "
                              "which uses no SSH");
            }
        }
    }

    if (!named && !host->local) {
        ngx_rd_settings_value_complain(reader, map->line, "hostname",
                                       "is missing%s",
                                       local ? "" : " (or \"local: true\")");
    }
}


static void
ngx_rd_settings_read_local(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_host_conf_t  *host = base;

    host->local = (ngx_rd_settings_value_switch(reader, key, value) == 1);
}


static void
ngx_rd_settings_read_host_key(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_host_conf_t  *host = base;

    host->insecure = (ngx_rd_settings_value_switch(reader, key, value) == 0);
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

    if (!ngx_rd_settings_value_is(reader, value, key->name, NGX_RD_YAML_MAP,
                                  "a map of names and values"))
    {
        return;
    }

    if (value->n > NGX_RD_LABELS_MAX) {
        ngx_rd_settings_value_complain(reader, value->line, key->name,
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

        if (!ngx_rd_settings_value_is(reader, node, name, NGX_RD_YAML_TEXT,
                                      "one word"))
        {
            continue;
        }

        reason = ngx_rd_settings_check_label_key(node->key);

        if (reason == NULL) {
            reason = ngx_rd_settings_check_label_value(node->text);
        }

        if (reason != NULL) {
            ngx_rd_settings_value_complain(reader, node->line, name, "%s",
                                           reason);
            continue;
        }

        label = &host->labels[host->nlabels++];
        label->key = ngx_rd_settings_value_copy(reader, node->key);
        label->value = ngx_rd_settings_value_copy(reader, node->text);
    }
}


static void
ngx_rd_settings_read_cap_add(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_settings_t  *settings = base;

    ngx_rd_settings_value_caps(reader, key, value, &settings->cap_add,
                               &settings->ncap_add);
}


static void
ngx_rd_settings_read_cap_drop(ngx_rd_settings_reader_t *reader,
    const ngx_rd_settings_key_t *key, const ngx_rd_yaml_t *value, void *base)
{
    ngx_rd_settings_t  *settings = base;

    ngx_rd_settings_value_caps(reader, key, value, &settings->cap_drop,
                               &settings->ncap_drop);
}
