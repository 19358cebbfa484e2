
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_settings.h"
#include "ngx_rd_settings_read.h"
#include "ngx_rd_yaml.h"


/* "16384.123456": more digits than any size of use has */
#define NGX_RD_SETTINGS_WHOLE_DIGITS_MAX     18
#define NGX_RD_SETTINGS_FRACTION_DIGITS_MAX  6


static ngx_rd_settings_t *ngx_rd_settings_create(void);
static u_char *ngx_rd_settings_slurp(const char *path, int fd, size_t *len,
    ngx_rd_complaints_t *complaints);
static ngx_rd_settings_t *ngx_rd_settings_fallback(const char *path,
    ngx_rd_complaints_t *complaints);

static ngx_int_t ngx_rd_settings_complete(ngx_rd_settings_t *settings);
static ngx_int_t ngx_rd_settings_complete_host(ngx_rd_host_conf_t *host);
static char *ngx_rd_settings_host_name(const ngx_rd_host_conf_t *host);
static ngx_int_t ngx_rd_settings_default(char **field, const char *text);
static ngx_int_t ngx_rd_settings_default_caps(char ***caps, ngx_uint_t *n,
    const char *const *names, ngx_uint_t nnames);
static void ngx_rd_settings_find_doubled(const ngx_rd_settings_t *settings,
    const char *file, ngx_rd_complaints_t *complaints);

static void ngx_rd_settings_find_small(const ngx_rd_settings_t *settings,
    const char *file, ngx_rd_complaints_t *complaints);

static void ngx_rd_settings_free_host(ngx_rd_host_conf_t *host);
static void ngx_rd_settings_free_caps(char **caps, ngx_uint_t n);
static void ngx_rd_settings_no_memory(const char *file,
    ngx_rd_complaints_t *complaints);


/* what a desktop with its own sshd and sudo needs, and nothing more */

static const char *const  ngx_rd_settings_cap_add[] = {
    "CHOWN", "SETUID", "SETGID", "FOWNER", "DAC_OVERRIDE", "NET_RAW",
    "NET_BIND_SERVICE", "AUDIT_WRITE"
};

static const char *const  ngx_rd_settings_cap_drop[] = { "ALL" };


ngx_rd_settings_t *
ngx_rd_settings_load(const char *path, ngx_rd_complaints_t *complaints)
{
    int                 fd;
    size_t              len;
    u_char             *text;
    ngx_rd_settings_t  *settings;

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        if (errno == ENOENT) {
            return ngx_rd_settings_fallback(path, complaints);
        }

        ngx_rd_complaint_add(complaints, path, 0, "", "cannot be opened: %s",
                             strerror(errno));
        return NULL;
    }

    text = ngx_rd_settings_slurp(path, fd, &len, complaints);
    (void) close(fd);

    if (text == NULL) {
        return NULL;
    }

    settings = ngx_rd_settings_parse(path, text, len, complaints);
    free(text);

    return settings;
}


ngx_rd_settings_t *
ngx_rd_settings_parse(const char *file, const u_char *text, size_t len,
    ngx_rd_complaints_t *complaints)
{
    ngx_uint_t          before;
    ngx_rd_yaml_t      *root;
    ngx_rd_settings_t  *settings;

    before = complaints->n;
    settings = NULL;

    root = ngx_rd_yaml_parse(file, text, len, complaints);

    if (root == NULL) {
        return NULL;
    }

    settings = ngx_rd_settings_create();

    if (settings == NULL
        || ngx_rd_settings_read(settings, file, root, complaints) != NGX_OK
        || ngx_rd_settings_complete(settings) != NGX_OK)
    {
        ngx_rd_settings_no_memory(file, complaints);
        goto failed;
    }

    ngx_rd_settings_find_doubled(settings, file, complaints);
    ngx_rd_settings_find_small(settings, file, complaints);

    if (complaints->n != before) {
        goto failed;
    }

    ngx_rd_yaml_free(root);

    return settings;

failed:

    ngx_rd_yaml_free(root);
    ngx_rd_settings_free(settings);

    return NULL;
}


void
ngx_rd_settings_free(ngx_rd_settings_t *settings)
{
    ngx_uint_t  i;

    if (settings == NULL) {
        return;
    }

    for (i = 0; i < settings->nhosts; i++) {
        ngx_rd_settings_free_host(&settings->hosts[i]);
    }

    ngx_rd_settings_free_caps(settings->cap_add, settings->ncap_add);
    ngx_rd_settings_free_caps(settings->cap_drop, settings->ncap_drop);

    free(settings->hosts);
    free(settings->docker_image);
    free(settings->resolution);
    free(settings);
}


int64_t
ngx_rd_settings_bytes(const char *text)
{
    int64_t      whole, fraction, scale, unit;
    size_t       n;
    const char  *p, *letter;

    static const char  units[] = "bkmgt";

    whole = 0;
    fraction = 0;
    scale = 1;

    for (p = text; *p >= '0' && *p <= '9'; p++) {
        if (p - text == NGX_RD_SETTINGS_WHOLE_DIGITS_MAX) {
            return -1;
        }

        whole = whole * 10 + (*p - '0');
    }

    if (p == text) {
        return -1;
    }

    if (*p == '.') {
        for (n = 0, p++; *p >= '0' && *p <= '9'; p++, n++) {
            if (n == NGX_RD_SETTINGS_FRACTION_DIGITS_MAX) {
                return -1;
            }

            fraction = fraction * 10 + (*p - '0');
            scale *= 10;
        }

        if (n == 0) {
            return -1;
        }
    }

    unit = 1;

    if (*p != '\0') {
        letter = strchr(units, ngx_tolower(*p));

        if (letter == NULL) {
            return -1;
        }

        unit <<= 10 * (letter - units);
        p++;

        /* "4gb" is "4g"; "4bb" is nothing */

        if (unit != 1 && ngx_tolower(*p) == 'b') {
            p++;
        }
    }

    if (*p != '\0' || whole > INT64_MAX / unit) {
        return -1;
    }

    /* half a byte is none */

    if (unit == 1 && fraction != 0) {
        return -1;
    }

    whole *= unit;
    fraction = fraction * unit / scale;

    return (whole > INT64_MAX - fraction) ? -1 : whole + fraction;
}


static ngx_rd_settings_t *
ngx_rd_settings_create(void)
{
    ngx_rd_settings_t  *settings;

    settings = calloc(1, sizeof(ngx_rd_settings_t));

    if (settings == NULL) {
        return NULL;
    }

    settings->memory_bytes = ngx_rd_settings_bytes("4g");
    settings->shm_bytes = ngx_rd_settings_bytes("512m");
    settings->nano_cpus = 2000000000;
    settings->cpu_overcommit = 4;
    settings->pids_max = 4096;
    settings->modes = NGX_RD_MODE_DESKTOP;

    settings->initial_duration_s = 3600;
    settings->extension_duration_s = 1200;
    settings->extensions_max = 3;

    return settings;
}


/* one byte more than is allowed, so that too long a file is seen as such */

static u_char *
ngx_rd_settings_slurp(const char *path, int fd, size_t *len,
    ngx_rd_complaints_t *complaints)
{
    u_char   *text;
    ssize_t   n;

    text = malloc(NGX_RD_YAML_BYTES_MAX + 1);

    if (text == NULL) {
        ngx_rd_settings_no_memory(path, complaints);
        return NULL;
    }

    *len = 0;

    do {
        n = read(fd, text + *len, NGX_RD_YAML_BYTES_MAX + 1 - *len);

        if (n > 0) {
            *len += n;
        }

    } while (n > 0 || (n == -1 && errno == EINTR));

    if (n == -1) {
        ngx_rd_complaint_add(complaints, path, 0, "", "cannot be read: %s",
                             strerror(errno));
        free(text);
        return NULL;
    }

    return text;
}


static ngx_rd_settings_t *
ngx_rd_settings_fallback(const char *path, ngx_rd_complaints_t *complaints)
{
    ngx_rd_settings_t   *settings;
    ngx_rd_host_conf_t  *host;

    settings = ngx_rd_settings_create();

    if (settings == NULL) {
        goto failed;
    }

    host = calloc(1, sizeof(ngx_rd_host_conf_t));
    if (host == NULL) {
        goto failed;
    }

    host->local = 1;
    host->port = 22;
    host->weight = 1;
    host->max_sessions = 50;
    host->connections_max = 4;
    host->creates_max = 4;

    settings->hosts = host;
    settings->nhosts = 1;
    settings->fallback = 1;

    if (ngx_rd_settings_complete(settings) != NGX_OK) {
        goto failed;
    }

    return settings;

failed:

    ngx_rd_settings_no_memory(path, complaints);
    ngx_rd_settings_free(settings);

    return NULL;
}


static ngx_int_t
ngx_rd_settings_complete(ngx_rd_settings_t *settings)
{
    ngx_uint_t  i;

    for (i = 0; i < settings->nhosts; i++) {
        if (ngx_rd_settings_complete_host(&settings->hosts[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_rd_settings_default(&settings->docker_image,
                                "ctfd-remote-desktop:latest")
        != NGX_OK
        || ngx_rd_settings_default(&settings->resolution, "1920x1080")
           != NGX_OK
        || ngx_rd_settings_default_caps(&settings->cap_add,
                                        &settings->ncap_add,
                                        ngx_rd_settings_cap_add,
                                        sizeof(ngx_rd_settings_cap_add)
                                        / sizeof(char *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_rd_settings_default_caps(&settings->cap_drop,
                                        &settings->ncap_drop,
                                        ngx_rd_settings_cap_drop,
                                        sizeof(ngx_rd_settings_cap_drop)
                                        / sizeof(char *));
}


static ngx_int_t
ngx_rd_settings_complete_host(ngx_rd_host_conf_t *host)
{
    ngx_uint_t   loopback;
    const char  *proxy;

    /* already complained of; a made-up name would look doubled */

    if (host->hostname == NULL && !host->local) {
        return NGX_OK;
    }

    /* "localhost" may be ::1 first, which Docker does not publish on */

    loopback = host->local
               && (host->hostname == NULL
                   || strcmp(host->hostname, "localhost") == 0);

    if (ngx_rd_settings_default(&host->hostname, "localhost") != NGX_OK) {
        return NGX_ERROR;
    }

    proxy = loopback ? "127.0.0.1" : host->hostname;

    if (ngx_rd_settings_default(&host->user, "root") != NGX_OK
        || ngx_rd_settings_default(&host->docker_socket,
                                   "/var/run/docker.sock") != NGX_OK
        || ngx_rd_settings_default(&host->proxy_hostname, proxy) != NGX_OK
        || ngx_rd_settings_default(&host->pub_hostname, host->hostname)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    host->name = ngx_rd_settings_host_name(host);

    return (host->name == NULL) ? NGX_ERROR : NGX_OK;
}


static char *
ngx_rd_settings_host_name(const ngx_rd_host_conf_t *host)
{
    char    *name;
    size_t   size;

    size = strlen(host->hostname) + sizeof("[]:65535");

    name = malloc(size);
    if (name == NULL) {
        return NULL;
    }

    if (host->port == 22) {
        (void) snprintf(name, size, "%s", host->hostname);

    } else if (strchr(host->hostname, ':') != NULL) {
        (void) snprintf(name, size, "[%s]:%u", host->hostname,
                        (unsigned) host->port);

    } else {
        (void) snprintf(name, size, "%s:%u", host->hostname,
                        (unsigned) host->port);
    }

    return name;
}


static ngx_int_t
ngx_rd_settings_default(char **field, const char *text)
{
    if (*field == NULL) {
        *field = strdup(text);
    }

    return (*field == NULL) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_rd_settings_default_caps(char ***caps, ngx_uint_t *n,
    const char *const *names, ngx_uint_t nnames)
{
    char  *name;

    if (*caps != NULL) {
        return NGX_OK;
    }

    *caps = calloc(nnames, sizeof(char *));
    if (*caps == NULL) {
        return NGX_ERROR;
    }

    while (*n < nnames) {
        name = strdup(names[*n]);

        if (name == NULL) {
            return NGX_ERROR;
        }

        (*caps)[(*n)++] = name;
    }

    return NGX_OK;
}


static void
ngx_rd_settings_find_doubled(const ngx_rd_settings_t *settings,
    const char *file, ngx_rd_complaints_t *complaints)
{
    char                 key[sizeof("workspace_hosts[255]")];
    ngx_uint_t           i, j;
    ngx_rd_host_conf_t  *host;

    host = settings->hosts;

    for (i = 1; i < settings->nhosts; i++) {
        for (j = 0; j < i; j++) {

            if (host[i].name == NULL || host[j].name == NULL
                || strcasecmp(host[i].name, host[j].name) != 0)
            {
                continue;
            }

            (void) snprintf(key, sizeof(key), "workspace_hosts[%u]",
                            (unsigned) (i % NGX_RD_HOSTS_MAX));

            ngx_rd_complaint_add(complaints, file, host[i].line, key,
                                 "\"%s\" is named twice, first in line %lu",
                                 host[i].name, (unsigned long) host[j].line);
            break;
        }
    }
}


/* hosts that could never hold one desktop */

static void
ngx_rd_settings_find_small(const ngx_rd_settings_t *settings,
    const char *file, ngx_rd_complaints_t *complaints)
{
    char                       key[sizeof("workspace_hosts[255].memory")];
    int64_t                    nano_cpus;
    ngx_uint_t                 i;
    const ngx_rd_host_conf_t  *host;

    nano_cpus = settings->nano_cpus / (int64_t) settings->cpu_overcommit;

    for (i = 0; i < settings->nhosts; i++) {
        host = &settings->hosts[i];

        if (host->memory_bytes && host->memory_bytes < settings->memory_bytes)
        {
            (void) snprintf(key, sizeof(key), "workspace_hosts[%u].memory",
                            (unsigned) (i % NGX_RD_HOSTS_MAX));

            ngx_rd_complaint_add(complaints, file, host->line, key,
                                 "%lldm is less than the memory_limit of one "
                                 "desktop, %lldm",
                                 (long long) host->memory_bytes >> 20,
                                 (long long) settings->memory_bytes >> 20);
        }

        if (host->nano_cpus && host->nano_cpus < nano_cpus) {
            (void) snprintf(key, sizeof(key), "workspace_hosts[%u].cpus",
                            (unsigned) (i % NGX_RD_HOSTS_MAX));

            ngx_rd_complaint_add(complaints, file, host->line, key,
                                 "%g is less than one desktop takes, "
                                 "cpu_limit / cpu_overcommit, %g",
                                 (double) host->nano_cpus / 1000000000,
                                 (double) nano_cpus / 1000000000);
        }
    }
}


static void
ngx_rd_settings_free_host(ngx_rd_host_conf_t *host)
{
    ngx_uint_t  i;

    for (i = 0; i < host->nlabels; i++) {
        free(host->labels[i].key);
        free(host->labels[i].value);
    }

    free(host->labels);
    free(host->name);
    free(host->hostname);
    free(host->user);
    free(host->key_file);
    free(host->known_hosts);
    free(host->docker_socket);
    free(host->proxy_hostname);
    free(host->publish_address);
    free(host->pub_hostname);
}


static void
ngx_rd_settings_free_caps(char **caps, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        free(caps[i]);
    }

    free(caps);
}


static void
ngx_rd_settings_no_memory(const char *file, ngx_rd_complaints_t *complaints)
{
    ngx_rd_complaint_add(complaints, file, 0, "", "out of memory");
}
