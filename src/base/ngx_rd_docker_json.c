
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_docker_json.h"
#include "ngx_rd_json.h"
#include "ngx_rd_text.h"

#include <time.h>


/* "65535/tcp" */
#define NGX_RD_DOCKER_JSON_PORT_BYTES  sizeof("65535/tcp")

/* a desktop that prints without end must not fill its host's disk */
#define NGX_RD_DOCKER_JSON_LOG_BYTES   "1m"

/* no product with 10^9 overflows */
#define NGX_RD_DOCKER_JSON_CPUS_MAX    65536


static void ngx_rd_docker_json_put_env(ngx_rd_json_t *body,
    const ngx_rd_container_spec_t *spec);
static void ngx_rd_docker_json_put_labels(ngx_rd_json_t *body,
    const ngx_rd_container_spec_t *spec);
static void ngx_rd_docker_json_put_ports(ngx_rd_json_t *body,
    ngx_rd_json_t *host, const ngx_rd_container_spec_t *spec);
static void ngx_rd_docker_json_put_limits(ngx_rd_json_t *host,
    const ngx_rd_container_spec_t *spec);
static void ngx_rd_docker_json_put_caps(ngx_rd_json_t *host,
    const char *name, char *const *caps, ngx_uint_t n);

static ngx_int_t ngx_rd_docker_json_get_id(char id[65],
    const ngx_rd_json_t *json);
static void ngx_rd_docker_json_get_name(
    ngx_rd_docker_json_container_t *c, const ngx_rd_json_t *json);
static void ngx_rd_docker_json_get_labels(
    ngx_rd_docker_json_container_t *c, const ngx_rd_json_t *labels);
static void ngx_rd_docker_json_get_ports(
    ngx_rd_docker_json_container_t *c, const ngx_rd_json_t *ports);
static int64_t ngx_rd_docker_json_get_time(const ngx_rd_json_t *json);
static ngx_int_t ngx_rd_docker_json_get_row(
    ngx_rd_docker_json_container_t *c, const ngx_rd_json_t *row);

static void ngx_rd_docker_json_copy(char *out, size_t size,
    const ngx_rd_json_t *json);
static void ngx_rd_docker_json_sentence(char *out, size_t size,
    const ngx_rd_json_t *json);
static in_port_t ngx_rd_docker_json_number(const char *text, size_t len);


char *
ngx_rd_docker_json_create_body(const ngx_rd_container_spec_t *spec)
{
    char           *text;
    ngx_rd_json_t  *body, *host, *policy, *log;

    body = ngx_rd_json_object();

    ngx_rd_json_set_string(body, "Hostname", spec->hostname);
    ngx_rd_json_set_string(body, "Image", spec->image);

    ngx_rd_docker_json_put_env(body, spec);
    ngx_rd_docker_json_put_labels(body, spec);

    host = ngx_rd_json_set_object(body, "HostConfig");

    ngx_rd_docker_json_put_ports(body, host, spec);
    ngx_rd_docker_json_put_limits(host, spec);
    ngx_rd_docker_json_put_caps(host, "CapAdd", spec->cap_add, spec->ncap_add);
    ngx_rd_docker_json_put_caps(host, "CapDrop", spec->cap_drop,
                                spec->ncap_drop);

    ngx_rd_json_set_bool(host, "Init", 1);

    /* its end must be seen: the engine neither removes nor revives it */

    ngx_rd_json_set_bool(host, "AutoRemove", 0);
    policy = ngx_rd_json_set_object(host, "RestartPolicy");
    ngx_rd_json_set_string(policy, "Name", "no");

    log = ngx_rd_json_set_object(host, "LogConfig");
    ngx_rd_json_set_string(log, "Type", "json-file");
    log = ngx_rd_json_set_object(log, "Config");
    ngx_rd_json_set_string(log, "max-size", NGX_RD_DOCKER_JSON_LOG_BYTES);

    text = ngx_rd_json_print(body);
    ngx_rd_json_free(body);

    return text;
}


ngx_int_t
ngx_rd_docker_json_created(const u_char *text, size_t len,
    ngx_rd_docker_json_created_t *out)
{
    ngx_int_t       rc;
    ngx_rd_json_t  *json;

    memset(out, 0, sizeof(ngx_rd_docker_json_created_t));

    json = ngx_rd_json_parse(text, len);
    rc = ngx_rd_docker_json_get_id(out->id, ngx_rd_json_get(json, "Id"));

    if (rc == NGX_OK) {
        ngx_rd_docker_json_sentence(out->warning, sizeof(out->warning),
                  ngx_rd_json_at(ngx_rd_json_get(json, "Warnings"), 0));
    }

    ngx_rd_json_free(json);

    return rc;
}


ngx_int_t
ngx_rd_docker_json_inspect(const u_char *text, size_t len,
    ngx_rd_docker_json_container_t *out)
{
    ngx_int_t       rc;
    ngx_rd_json_t  *json, *state, *config, *network;

    memset(out, 0, sizeof(ngx_rd_docker_json_container_t));

    json = ngx_rd_json_parse(text, len);
    rc = ngx_rd_docker_json_get_id(out->id, ngx_rd_json_get(json, "Id"));

    if (rc == NGX_OK) {
        state = ngx_rd_json_get(json, "State");
        config = ngx_rd_json_get(json, "Config");
        network = ngx_rd_json_get(json, "NetworkSettings");

        ngx_rd_docker_json_get_name(out, ngx_rd_json_get(json, "Name"));
        ngx_rd_docker_json_copy(out->status, sizeof(out->status),
                                ngx_rd_json_get(state, "Status"));
        out->running = ngx_rd_json_is_true(ngx_rd_json_get(state, "Running"))
                       ? 1 : 0;
        ngx_rd_docker_json_get_labels(out, ngx_rd_json_get(config, "Labels"));
        ngx_rd_docker_json_get_ports(out, ngx_rd_json_get(network, "Ports"));
    }

    ngx_rd_json_free(json);

    return rc;
}


ngx_int_t
ngx_rd_docker_json_list(const u_char *text, size_t len,
    ngx_rd_docker_json_container_t **list, ngx_uint_t *n)
{
    ngx_uint_t                       i, count;
    ngx_rd_json_t                   *json, *row;
    ngx_rd_docker_json_container_t  *rows;

    *list = NULL;
    *n = 0;
    rows = NULL;

    json = ngx_rd_json_parse(text, len);
    count = ngx_rd_json_count(json);

    if (!ngx_rd_json_is_array(json) || count > NGX_RD_DOCKER_JSON_LIST_MAX) {
        goto failed;
    }

    if (count == 0) {
        ngx_rd_json_free(json);
        return NGX_OK;
    }

    rows = calloc(count, sizeof(ngx_rd_docker_json_container_t));
    if (rows == NULL) {
        goto failed;
    }

    row = ngx_rd_json_first(json);

    for (i = 0; i < count; i++) {
        if (ngx_rd_docker_json_get_row(&rows[i], row) != NGX_OK) {
            goto failed;
        }

        row = ngx_rd_json_next(row);
    }

    ngx_rd_json_free(json);

    *list = rows;
    *n = count;

    return NGX_OK;

failed:

    free(rows);
    ngx_rd_json_free(json);

    return NGX_ERROR;
}


ngx_int_t
ngx_rd_docker_json_info(const u_char *text, size_t len,
    ngx_rd_docker_json_info_t *out)
{
    int64_t         ncpus;
    ngx_int_t       rc;
    ngx_rd_json_t  *json;

    memset(out, 0, sizeof(ngx_rd_docker_json_info_t));

    json = ngx_rd_json_parse(text, len);
    rc = NGX_ERROR;

    if (ngx_rd_json_integer(ngx_rd_json_get(json, "MemTotal"),
                            &out->memory_bytes) == NGX_OK
        && ngx_rd_json_integer(ngx_rd_json_get(json, "NCPU"), &ncpus) == NGX_OK
        && out->memory_bytes > 0 && ncpus > 0
        && ncpus <= NGX_RD_DOCKER_JSON_CPUS_MAX)
    {
        out->nano_cpus = ncpus * 1000000000;
        out->now_s = ngx_rd_docker_json_get_time(ngx_rd_json_get(json,
                                                              "SystemTime"));
        rc = NGX_OK;

    } else {
        out->memory_bytes = 0;
    }

    ngx_rd_json_free(json);

    return rc;
}


void
ngx_rd_docker_json_message(const u_char *text, size_t len, char *out,
    size_t size)
{
    ngx_rd_json_t  *json;

    json = ngx_rd_json_parse(text, len);
    ngx_rd_docker_json_sentence(out, size, ngx_rd_json_get(json, "message"));
    ngx_rd_json_free(json);
}


in_port_t
ngx_rd_docker_json_terminal(const u_char *text, size_t len)
{
    in_port_t       port;
    const char     *label;
    ngx_rd_json_t  *json, *labels;

    json = ngx_rd_json_parse(text, len);
    labels = ngx_rd_json_get(ngx_rd_json_get(json, "Config"), "Labels");
    label = ngx_rd_json_string(ngx_rd_json_get(labels, "rd.terminal.port"));

    /* where a ttyd listens that was told nothing */

    port = (label != NULL && strcmp(label, "7681") == 0)
           ? 7681 : NGX_RD_CONTAINER_TERMINAL;

    ngx_rd_json_free(json);

    return port;
}


in_port_t
ngx_rd_docker_json_port(const ngx_rd_docker_json_container_t *c,
    in_port_t inside)
{
    ngx_uint_t  i;

    for (i = 0; i < c->nports; i++) {
        if (c->ports[i].inside == inside) {
            return c->ports[i].outside;
        }
    }

    return 0;
}


static void
ngx_rd_docker_json_put_env(ngx_rd_json_t *body,
    const ngx_rd_container_spec_t *spec)
{
    char           *pair;
    size_t          size;
    ngx_uint_t      i;
    ngx_rd_json_t  *env;

    env = ngx_rd_json_set_array(body, "Env");

    for (i = 0; i < spec->nenv; i++) {
        size = strlen(spec->env_name[i]) + 1 + strlen(spec->env_value[i]) + 1;

        pair = malloc(size);
        if (pair == NULL) {
            ngx_rd_json_push(env, NULL);
            return;
        }

        (void) snprintf(pair, size, "%s=%s", spec->env_name[i],
                        spec->env_value[i]);
        ngx_rd_json_push_string(env, pair);
        free(pair);
    }
}


static void
ngx_rd_docker_json_put_labels(ngx_rd_json_t *body,
    const ngx_rd_container_spec_t *spec)
{
    char            epoch[NGX_INT64_LEN + 1];
    ngx_rd_json_t  *labels;

    (void) snprintf(epoch, sizeof(epoch), "%lld", (long long) spec->epoch);

    labels = ngx_rd_json_set_object(body, "Labels");

    ngx_rd_json_set_string(labels, "rd.site", spec->site);
    ngx_rd_json_set_string(labels, "rd.installation", spec->installation);
    ngx_rd_json_set_string(labels, "rd.session", spec->session);
    ngx_rd_json_set_string(labels, "rd.epoch", epoch);
}


static void
ngx_rd_docker_json_put_ports(ngx_rd_json_t *body, ngx_rd_json_t *host,
    const ngx_rd_container_spec_t *spec)
{
    char            name[NGX_RD_DOCKER_JSON_PORT_BYTES];
    ngx_uint_t      i;
    ngx_rd_json_t  *exposed, *bindings, *binding;

    exposed = ngx_rd_json_set_object(body, "ExposedPorts");
    bindings = ngx_rd_json_set_object(host, "PortBindings");

    for (i = 0; i < spec->nports; i++) {
        (void) snprintf(name, sizeof(name), "%u/tcp",
                        (unsigned) spec->ports[i]);

        (void) ngx_rd_json_set_object(exposed, name);

        binding = ngx_rd_json_set_array(bindings, name);
        binding = ngx_rd_json_push_object(binding);

        /* no HostPort: the engine chooses a free one, so nobody can race */

        ngx_rd_json_set_string(binding, "HostIp", spec->publish_address);
        ngx_rd_json_set_string(binding, "HostPort", "");
    }
}


static void
ngx_rd_docker_json_put_limits(ngx_rd_json_t *host,
    const ngx_rd_container_spec_t *spec)
{
    ngx_rd_json_set_integer(host, "Memory", spec->memory_bytes);

    /* memory and swap together, hence no swap */

    ngx_rd_json_set_integer(host, "MemorySwap", spec->memory_bytes);
    ngx_rd_json_set_integer(host, "NanoCpus", spec->nano_cpus);
    ngx_rd_json_set_integer(host, "ShmSize", spec->shm_bytes);
    ngx_rd_json_set_integer(host, "PidsLimit", (int64_t) spec->pids_max);
}


static void
ngx_rd_docker_json_put_caps(ngx_rd_json_t *host, const char *name,
    char *const *caps, ngx_uint_t n)
{
    ngx_uint_t      i;
    ngx_rd_json_t  *list;

    list = ngx_rd_json_set_array(host, name);

    for (i = 0; i < n; i++) {
        ngx_rd_json_push_string(list, caps[i]);
    }
}


/* an id goes into the path of later requests, so it is only hex digits */

static ngx_int_t
ngx_rd_docker_json_get_id(char id[65], const ngx_rd_json_t *json)
{
    size_t       len;
    const char  *text;

    text = ngx_rd_json_string(json);

    if (text == NULL) {
        return NGX_ERROR;
    }

    len = strlen(text);

    if (len == 0 || len > 64 || strspn(text, "0123456789abcdef") != len) {
        return NGX_ERROR;
    }

    memcpy(id, text, len + 1);

    return NGX_OK;
}


static void
ngx_rd_docker_json_get_name(ngx_rd_docker_json_container_t *c,
    const ngx_rd_json_t *json)
{
    ngx_rd_docker_json_copy(c->name, sizeof(c->name), json);

    if (c->name[0] == '/') {
        memmove(c->name, c->name + 1, strlen(c->name));
    }
}


static void
ngx_rd_docker_json_get_labels(ngx_rd_docker_json_container_t *c,
    const ngx_rd_json_t *labels)
{
    size_t       len;
    uint64_t     epoch;
    const char  *text;

    ngx_rd_docker_json_copy(c->site, sizeof(c->site),
                            ngx_rd_json_get(labels, "rd.site"));
    ngx_rd_docker_json_copy(c->installation, sizeof(c->installation),
                            ngx_rd_json_get(labels, "rd.installation"));
    ngx_rd_docker_json_copy(c->session, sizeof(c->session),
                            ngx_rd_json_get(labels, "rd.session"));

    c->epoch = -1;
    text = ngx_rd_json_string(ngx_rd_json_get(labels, "rd.epoch"));

    if (text == NULL) {
        return;
    }

    len = strlen(text);
    epoch = ngx_rd_text_id((const u_char *) text, len);

    if (epoch != 0) {
        c->epoch = (int64_t) epoch;

    } else if (len == 1 && text[0] == '0') {
        c->epoch = 0;
    }
}


/* {"5900/tcp": [{"HostIp": "10.0.0.1", "HostPort": "327"}], "22/tcp": null} */

static void
ngx_rd_docker_json_get_ports(ngx_rd_docker_json_container_t *c,
    const ngx_rd_json_t *ports)
{
    in_port_t       inside, outside;
    const char     *name, *slash, *text;
    ngx_rd_json_t  *port;

    if (!ngx_rd_json_is_object(ports)) {
        return;
    }

    for (port = ngx_rd_json_first(ports);
         port != NULL && c->nports < NGX_RD_DOCKER_JSON_PORTS_MAX;
         port = ngx_rd_json_next(port))
    {
        name = ngx_rd_json_name(port);
        slash = strchr(name, '/');

        if (slash == NULL || strcmp(slash, "/tcp") != 0) {
            continue;
        }

        text = ngx_rd_json_string(ngx_rd_json_get(ngx_rd_json_at(port, 0),
                                                  "HostPort"));
        if (text == NULL) {
            continue;
        }

        inside = ngx_rd_docker_json_number(name, slash - name);
        outside = ngx_rd_docker_json_number(text, strlen(text));

        if (inside == 0 || outside == 0) {
            continue;
        }

        c->ports[c->nports].inside = inside;
        c->ports[c->nports].outside = outside;
        c->nports++;
    }
}


/* "2027-03-01T09:30:00.123456789+01:00" -> seconds since 1970; 0: is none */

static int64_t
ngx_rd_docker_json_get_time(const ngx_rd_json_t *json)
{
    int          hours, minutes;
    char         sign;
    int64_t      seconds;
    struct tm    tm;
    const char  *text, *zone;

    text = ngx_rd_json_string(json);

    if (text == NULL) {
        return 0;
    }

    memset(&tm, 0, sizeof(struct tm));

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec)
        != 6)
    {
        return 0;
    }

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    seconds = timegm(&tm);

    zone = strpbrk(text + strlen("YYYY-MM-DD"), "+-");

    if (zone && sscanf(zone, "%c%2d:%2d", &sign, &hours, &minutes) == 3) {
        seconds -= (sign == '+' ? 60 : -60) * (hours * 60 + minutes);
    }

    return seconds;
}


static ngx_int_t
ngx_rd_docker_json_get_row(ngx_rd_docker_json_container_t *c,
    const ngx_rd_json_t *row)
{
    if (ngx_rd_docker_json_get_id(c->id, ngx_rd_json_get(row, "Id")) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_rd_docker_json_get_name(c,
                        ngx_rd_json_at(ngx_rd_json_get(row, "Names"), 0));
    ngx_rd_docker_json_copy(c->status, sizeof(c->status),
                            ngx_rd_json_get(row, "State"));
    ngx_rd_docker_json_get_labels(c, ngx_rd_json_get(row, "Labels"));

    c->running = (strcmp(c->status, "running") == 0);

    if (ngx_rd_json_integer(ngx_rd_json_get(row, "Created"), &c->created_s)
        != NGX_OK)
    {
        c->created_s = 0;
    }

    return NGX_OK;
}


/* whole or not at all: a cut label could equal one of ours */

static void
ngx_rd_docker_json_copy(char *out, size_t size, const ngx_rd_json_t *json)
{
    size_t       len;
    const char  *text;

    out[0] = '\0';
    text = ngx_rd_json_string(json);

    if (text == NULL) {
        return;
    }

    len = strlen(text);

    if (len < size) {
        memcpy(out, text, len + 1);
    }
}


static void
ngx_rd_docker_json_sentence(char *out, size_t size,
    const ngx_rd_json_t *json)
{
    size_t       len, head;
    u_char      *p;
    const char  *text, *tail, *word;

    text = ngx_rd_json_string(json);
    text = (text != NULL) ? text : "";
    len = strlen(text);

    if (len < size) {
        memcpy(out, text, len + 1);

    } else {
        head = size / 3;
        tail = text + len - (size - head - sizeof(" ... "));

        /* both parts end at a word, unless a part is one long word */

        word = memrchr(text, ' ', head + 1);
        head = (word != NULL) ? (size_t) (word - text) : head;
        word = strchr(tail, ' ');

        (void) snprintf(out, size, "%.*s ... %s", (int) head, text,
                        word ? word + 1 : tail);
    }

    for (p = (u_char *) out; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
}


static in_port_t
ngx_rd_docker_json_number(const char *text, size_t len)
{
    uint64_t  n;

    n = ngx_rd_text_id((const u_char *) text, len);

    return (n <= 65535) ? (in_port_t) n : 0;
}
