
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_complaint.c src/base/ngx_rd_yaml.c */
/* sources: src/base/ngx_rd_text.c src/base/ngx_rd_settings.c */
/* sources: src/base/ngx_rd_settings_read.c src/base/ngx_rd_settings_check.c */
/* libs: -l:libyaml.a -lcrypto */

#include "../../../src/base/ngx_rd_settings_value.c"
#include "tap.h"


#define HOST  "workspace_hosts:\n  - hostname: h\n"


static ngx_rd_complaints_t  complaints;


static ngx_rd_settings_t *
parse(const char *text)
{
    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));

    return ngx_rd_settings_parse("h.yml", (const u_char *) text,
                                 strlen(text), &complaints);
}


/* a host with this line is refused because of key */

static void
refuses_host(const char *line, const char *key)
{
    char                want[128], text[512];
    ngx_rd_settings_t  *settings;

    (void) snprintf(text, sizeof(text), HOST "    %s\n", line);
    (void) snprintf(want, sizeof(want), "h.yml:3: workspace_hosts[0].%s: ",
                    key);

    settings = parse(text);
    ok(settings == NULL && complaints.n == 1
       && strncmp(complaints.text[0], want, strlen(want)) == 0,
       "refused: %s", line);

    if (settings != NULL || complaints.n != 1) {
        printf("# %s\n", complaints.text[0]);
    }

    ngx_rd_settings_free(settings);
}


static void
accepts_host(const char *line)
{
    char                text[512];
    ngx_rd_settings_t  *settings;

    (void) snprintf(text, sizeof(text), HOST "    %s\n", line);

    settings = parse(text);

    if (!ok(settings != NULL, "accepted: %s", line)) {
        printf("# %s\n", complaints.text[0]);
    }

    ngx_rd_settings_free(settings);
}


static void
test_hosts(void)
{
    ngx_uint_t  i;

    static const struct { const char *line, *key; } bad[] = {
        { "user: -oProxyCommand=id", "user" },
        { "user: 'a b'", "user" }, { "user: 'a;b'", "user" },
        { "user: ''", "user" }, { "user: [a]", "user" },
        { "user: \"a\\nb\"", "user" },
        { "port: 0", "port" }, { "port: 65536", "port" },
        { "port: -1", "port" }, { "port: 22x", "port" },
        { "port: '22'", "port" }, { "port: 1e3", "port" },
        { "port: 99999999999999999999", "port" }, { "port: {}", "port" },
        { "port:", "port" },
        { "weight: 0", "weight" }, { "weight: 1001", "weight" },
        { "max_sessions: 10001", "max_sessions" },
        { "connections: 21", "connections" },
        { "connections: 0", "connections" },
        { "key_file: id_rsa", "key_file" },
        { "key_file: ~root/x", "key_file" },
        { "key_file: /etc/", "key_file" },
        { "key_file: \"/a\\nb\"", "key_file" },
        { "known_hosts: ./x", "known_hosts" },
        { "host_key_check: maybe", "host_key_check" },
        { "host_key_check: 0", "host_key_check" },
        { "local: si", "local" },
        { "docker_socket: docker.sock", "docker_socket" },
        { "docker_socket: ~/docker.sock", "docker_socket" },
        { "docker_socket: tcp://1.2.3.4", "docker_socket" },
        { "proxy_hostname: a b", "proxy_hostname" },
        { "proxy_hostname: -a", "proxy_hostname" },
        { "proxy_hostname: a..b", "proxy_hostname" },
        { "proxy_hostname: http://a", "proxy_hostname" },
        { "proxy_hostname: 1.2.3", "proxy_hostname" },
        { "proxy_hostname: 256.1.1.1", "proxy_hostname" },
        { "proxy_hostname: 'fd00::zz'", "proxy_hostname" },
        { "pub_hostname: '<b>'", "pub_hostname" },
        { "pub_hostname: a-.b", "pub_hostname" },
        { "publish_address: localhost", "publish_address" },
        { "publish_address: 0", "publish_address" },
        { "publish_address: 1.2.3.4:80", "publish_address" },
        { "labels: [a]", "labels" }, { "labels: {a: [b]}", "labels.a" },
        { "labels: {'a b': c}", "labels.a b" },
        { "labels: {a: \"b\\nc\"}", "labels.a" },
        { "labels: {a: }", "labels.a" },
    };

    static const char  *good[] = {
        "user: a.b-c_d@example.com", "port: 65535", "weight: 1000",
        "proxy_hostname: 1.2.3.4", "proxy_hostname: 'fd00::1'",
        "proxy_hostname: my_host.example-1.com", "publish_address: 0.0.0.0",
        "publish_address: '::'", "labels: {}", "labels: {a/b.c: 'd e'}",
        "host_key_check: on", "host_key_check: False", "local: no",
        "docker_socket: /a b", "user: yes",
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_host(bad[i].line, bad[i].key);
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        accepts_host(good[i]);
    }
}


static void
test_values(void)
{
    char                text[256];
    ngx_uint_t          i;
    ngx_rd_settings_t  *settings;

    static const struct { const char *line; ngx_uint_t good; } v[] = {
        { "resolution: 320x200", 1 }, { "resolution: 7680x4320", 1 },
        { "resolution: 319x200", 0 }, { "resolution: 7681x4320", 0 },
        { "resolution: 1920", 0 }, { "resolution: 1920X1080", 0 },
        { "resolution: 1920x1080x24", 0 }, { "resolution: -1x5", 0 },
        { "resolution: x", 0 }, { "resolution: ''", 0 },
        { "resolution: 99999999999x1", 0 },
        { "cpu_limit: 0.01", 1 }, { "cpu_limit: 1024", 1 },
        { "cpu_limit: '2'", 1 }, { "cpu_limit: 1.5", 1 },
        { "cpu_limit: 0", 0 }, { "cpu_limit: 0.00", 0 },
        { "cpu_limit: 1024.01", 0 }, { "cpu_limit: 1.234", 0 },
        { "cpu_limit: 1.", 0 }, { "cpu_limit: .5", 0 },
        { "cpu_limit: 1.5.2", 0 }, { "cpu_limit: 1..", 0 },
        { "cpu_limit: -1", 0 }, { "cpu_limit: 2e1", 0 },
        { "cpu_limit: 99999", 0 }, { "cpu_limit: []", 0 },
        { "pids_limit: 15", 0 }, { "pids_limit: 16", 1 },
        { "shm_size: 64k", 1 }, { "shm_size: 63k", 0 },
        { "shm_size: 1.5g", 1 }, { "shm_size: 1,5g", 0 },
        { "memory_limit: 16t", 1 }, { "memory_limit: 17t", 0 },
        { "memory_limit: 16777216", 1 }, { "memory_limit: -4g", 0 },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        (void) snprintf(text, sizeof(text), HOST "container_defaults:\n  %s\n",
                        v[i].line);
        settings = parse(text);
        ok((settings != NULL) == v[i].good, "%s: %s", v[i].line,
           v[i].good ? "accepted" : "refused");
        ngx_rd_settings_free(settings);
    }
}


static void
test_images(void)
{
    char                text[512];
    ngx_uint_t          i;
    ngx_rd_settings_t  *settings;

    static const struct { const char *image; ngx_uint_t good; } v[] = {
        { "a", 1 }, { "example.com:5000/a/b:1.0", 1 },
        { "a@sha256:0123456789abcdef", 1 },
        { "-a", 0 }, { "a b", 0 }, { "a//b", 0 }, { "../a", 0 }, { "a:", 0 },
        { "a/../b", 0 }, { "'a?b'", 0 }, { "''", 0 }, { "[a]", 0 },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        (void) snprintf(text, sizeof(text), HOST "docker_image: %s\n",
                        v[i].image);
        settings = parse(text);
        ok((settings != NULL) == v[i].good, "image %s: %s", v[i].image,
           v[i].good ? "accepted" : "refused");
        ngx_rd_settings_free(settings);
    }
}


int
main(void)
{
    test_hosts();
    test_values();
    test_images();

    return tap_done();
}
