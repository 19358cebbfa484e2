
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_complaint.c src/base/ngx_rd_yaml.c */
/* sources: src/base/ngx_rd_text.c src/base/ngx_rd_settings_read.c */
/* sources: src/base/ngx_rd_settings_check.c */
/* sources: src/base/ngx_rd_settings_value.c */
/* libs: -l:libyaml.a -lcrypto */

#include "../../../src/base/ngx_rd_settings.c"
#include "tap.h"

#include <stdint.h>


#define HOST  "workspace_hosts:\n  - hostname: h\n"


static ngx_rd_complaints_t  complaints;


static ngx_rd_settings_t *
parse(const char *text)
{
    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));

    return ngx_rd_settings_parse("h.yml", (const u_char *) text,
                                 strlen(text), &complaints);
}


/* text is refused with exactly this complaint */

static void
refuses(const char *text, const char *complaint)
{
    ngx_rd_settings_t  *settings;

    settings = parse(text);
    ok(settings == NULL, "refused");
    is_str(complaints.text[0], complaint, complaint);
    is_int(complaints.n, 1, "and nothing else is wrong");
    ngx_rd_settings_free(settings);
}


static void
test_original(void)
{
    ngx_rd_host_conf_t  *host;
    ngx_rd_settings_t   *settings;

    settings = parse("workspace_hosts:\n"
                     "  - hostname: host1.internal\n"
                     "    user: docker_user\n"
                     "    pub_hostname: host1.external.com\n"
                     "\n"
                     "docker_image: ctfd-remote-desktop:latest\n"
                     "\n"
                     "container_defaults:\n"
                     "  memory_limit: 4g\n"
                     "  shm_size: 2gb\n"
                     "  resolution: 1920x1080\n"
                     "  cpu_limit: 2\n"
                     "\n"
                     "session_defaults:\n"
                     "  initial_duration: 3600\n"
                     "  extension_duration: 1200\n"
                     "  max_extensions: 3\n");

    if (!ok(settings != NULL, "the original plugin's file is read as it is")) {
        return;
    }

    is_int(settings->nhosts, 1, "one host");
    is_int(settings->memory_bytes, 4LL << 30, "memory");
    is_int(settings->shm_bytes, 2LL << 30, "shared memory");
    is_int(settings->nano_cpus, 2000000000, "processors");
    is_int(settings->pids_max, 4096, "processes, by default");
    is_str(settings->resolution, "1920x1080", "resolution");
    is_str(settings->docker_image, "ctfd-remote-desktop:latest", "image");
    is_int(settings->initial_duration_s, 3600, "first hour");
    is_int(settings->extension_duration_s, 1200, "extension");
    is_int(settings->extensions_max, 3, "how often");
    is_int(settings->ncap_add, 8, "eight capabilities by default");
    is_str(settings->cap_add[0], "CHOWN", "the first");
    is_int(settings->ncap_drop, 1, "one is dropped");
    is_int(settings->modes, NGX_RD_MODE_DESKTOP, "the desktop alone");
    is_str(settings->cap_drop[0], "ALL", "namely all");
    ok(!settings->fallback, "no fallback");

    host = &settings->hosts[0];

    is_str(host->name, "host1.internal", "name");
    is_str(host->hostname, "host1.internal", "control");
    is_str(host->proxy_hostname, "host1.internal", "proxy target");
    is_str(host->pub_hostname, "host1.external.com", "what a user types");
    is_str(host->user, "docker_user", "user");
    is_str(host->docker_socket, "/var/run/docker.sock", "socket");
    ok(host->key_file == NULL && host->known_hosts == NULL
       && host->publish_address == NULL, "what has no default is NULL");
    is_int(host->port, 22, "port");
    is_int(host->weight, 1, "weight");
    is_int(host->max_sessions, 50, "sessions");
    is_int(host->connections_max, 4, "connections");
    is_int(host->line, 2, "line");
    ok(!host->local && !host->insecure, "remote, and its key is checked");

    ngx_rd_settings_free(settings);
}


static void
test_every_key(void)
{
    ngx_rd_host_conf_t  *host;
    ngx_rd_settings_t   *settings;

    settings = parse("workspace_hosts:\n"
                     "  - hostname: a\n"
                     "    port: 2222\n"
                     "    user: u\n"
                     "    key_file: ~/.ssh/k\n"
                     "    known_hosts: /etc/k\n"
                     "    host_key_check: off\n"
                     "    docker_socket: /run/d.sock\n"
                     "    proxy_hostname: 10.0.0.1\n"
                     "    publish_address: \"fd00::1\"\n"
                     "    pub_hostname: a.example.com\n"
                     "    weight: 10\n"
                     "    max_sessions: 7\n"
                     "    connections: 20\n"
                     "    labels: {zone: north, gpu: yes}\n"
                     "  - hostname: a\n"
                     "  - local: true\n"
                     "  - hostname: \"fd00::2\"\n"
                     "    port: 23\n"
                     "container_defaults:\n"
                     "  cpu_limit: 0.25\n"
                     "  pids_limit: 100\n"
                     "  cap_add: []\n"
                     "  cap_drop: [net_raw, CAP_CHOWN]\n"
                     "  modes: [ssh, desktop, terminal]\n"
                     "session_defaults:\n"
                     "  max_extensions: 0\n");

    if (!ok(settings != NULL, "every key")) {
        printf("# %s\n", complaints.text[0]);
        return;
    }

    host = settings->hosts;

    is_str(host[0].name, "a:2222", "another port is part of the name");
    is_str(host[1].name, "a", "so the same machine can be two hosts");
    is_str(host[3].name, "[fd00::2]:23", "an IPv6 address gets brackets");
    is_int(host[0].port, 2222, "port");
    is_str(host[0].key_file, "~/.ssh/k", "key file");
    is_str(host[0].known_hosts, "/etc/k", "known hosts");
    ok(host[0].insecure, "host_key_check: off");
    is_str(host[0].docker_socket, "/run/d.sock", "socket");
    is_str(host[0].proxy_hostname, "10.0.0.1", "proxy target");
    is_str(host[0].publish_address, "fd00::1", "publish address");
    is_int(host[0].weight, 10, "weight");
    is_int(host[0].max_sessions, 7, "sessions");
    is_int(host[0].connections_max, 20, "connections");
    is_int(host[0].nlabels, 2, "labels");
    is_str(host[0].labels[1].key, "gpu", "a label");
    is_str(host[0].labels[1].value, "yes", "and its value");

    ok(host[2].local, "local");
    is_str(host[2].name, "localhost", "is localhost");
    is_str(host[2].proxy_hostname, "127.0.0.1", "proxied by address");
    is_str(host[2].pub_hostname, "localhost", "typed by name");

    is_int(settings->nano_cpus, 250000000, "a quarter of a processor");
    is_int(settings->pids_max, 100, "processes");
    is_int(settings->ncap_add, 0, "an empty list adds nothing");
    is_str(settings->cap_drop[0], "NET_RAW", "capital letters");
    is_str(settings->cap_drop[1], "CHOWN", "without CAP_");
    is_int(settings->modes, NGX_RD_MODE_DESKTOP | NGX_RD_MODE_TERMINAL
                            | NGX_RD_MODE_SSH, "all modes");
    is_int(settings->extensions_max, 0, "no extension");

    ngx_rd_settings_free(settings);
}


static void
test_refused(void)
{
    refuses("docker_image: x\n",
            "h.yml: workspace_hosts: is missing: name at least one host");
    refuses("workspace_hosts: []\n",
            "h.yml:1: workspace_hosts: must name 1 to 256 hosts");
    refuses("workspace_hosts:\n",
            "h.yml:1: workspace_hosts: has no value: give one or drop the "
            "key");
    refuses("workspace_hosts: {}\n",
            "h.yml:1: workspace_hosts: must be a list of hosts");
    refuses("workspace_hosts: x\n",
            "h.yml:1: workspace_hosts: must be a list of hosts");
    refuses("workspace_hosts: [x]\n",
            "h.yml:1: workspace_hosts[0]: must be a map of keys "
            "(\"hostname: ...\")");
    refuses("workspace_hosts: [{}]\n",
            "h.yml:1: workspace_hosts[0].hostname: is missing (or \"local: "
            "true\")");
    refuses("- a\n", "h.yml:1: must be a map of keys");
    refuses("a\n", "h.yml:1: must be a map of keys");

    refuses(HOST "  - hostname: H\n",
            "h.yml:3: workspace_hosts[1]: \"H\" is named twice, first in "
            "line 2");
    refuses(HOST "docker_imag: x\n",
            "h.yml:3: docker_imag: unknown key, did you mean "
            "\"docker_image\"?");
    refuses(HOST "xyz: 1\n", "h.yml:3: xyz: unknown key");
    refuses(HOST "container_defaults:\n  memory: 1g\n",
            "h.yml:4: container_defaults.memory: unknown key");
    refuses(HOST "container_defaults:\n  memory_limt: 1g\n",
            "h.yml:4: container_defaults.memory_limt: unknown key, did you "
            "mean \"memory_limit\"?");
    refuses(HOST "docker_image: a\ndocker_image: b\n",
            "h.yml:4: docker_image: is written twice, first in line 3");
    refuses(HOST "session_defaults: 3\n",
            "h.yml:3: session_defaults: must be a map of keys");
    refuses(HOST "container_defaults:\n  cap_add: NET_RAW\n",
            "h.yml:4: container_defaults.cap_add: must be a list like "
            "[NET_RAW, CHOWN]");
    refuses(HOST "container_defaults:\n  cap_add: [NET_RAWW]\n",
            "h.yml:4: container_defaults.cap_add: no such capability: "
            "\"NET_RAWW\"");
    refuses(HOST "container_defaults:\n  cap_drop: [[x]]\n",
            "h.yml:4: container_defaults.cap_drop: no such capability: \"\"");
    refuses(HOST "container_defaults:\n  modes: terminal\n",
            "h.yml:4: container_defaults.modes: must be a list like "
            "[desktop, terminal, ssh]");
    refuses(HOST "container_defaults:\n  modes: [desktop, shell]\n",
            "h.yml:4: container_defaults.modes: must be desktop, terminal or "
            "ssh, not \"shell\"");
    refuses(HOST "container_defaults:\n  modes: [desktop, [ssh]]\n",
            "h.yml:4: container_defaults.modes: must be desktop, terminal or "
            "ssh, not \"\"");
    refuses(HOST "container_defaults:\n  modes: [terminal]\n",
            "h.yml:4: container_defaults.modes: must have desktop, which "
            "says when a session is ready");
    refuses(HOST "container_defaults:\n  modes: []\n",
            "h.yml:4: container_defaults.modes: must have desktop, which "
            "says when a session is ready");
    refuses(HOST "session_defaults:\n  max_extensions: 1001\n",
            "h.yml:4: session_defaults.max_extensions: must be a whole "
            "number from 0 to 1000, not \"1001\"");
    refuses(HOST "session_defaults:\n  initial_duration: 0\n",
            "h.yml:4: session_defaults.initial_duration: must be a whole "
            "number from 1 to 2592000, not \"0\"");
    refuses(HOST "container_defaults:\n  memory_limit: 15m\n",
            "h.yml:4: container_defaults.memory_limit: must be from 16m "
            "to 16384g, not \"15m\"");
    refuses(HOST "    user: *x\n",
            "h.yml:3: an alias (\"*name\") is not read: write the value out");
    refuses("workspace_hosts:\n  - local: true\n    port: 22\n",
            "h.yml:3: workspace_hosts[0].port: means nothing with "
            "\"local: true\", which uses no SSH");
}


static void
test_bytes(void)
{
    ngx_uint_t  i;

    static const struct { const char *text; int64_t bytes; } v[] = {
        { "4g", 4LL << 30 }, { "512m", 512LL << 20 }, { "2gb", 2LL << 30 },
        { "1.5g", 3LL << 29 }, { "1024", 1024 }, { "0", 0 }, { "1b", 1 },
        { "1K", 1024 }, { "1KB", 1024 }, { "3T", 3LL << 40 },
        { "1tb", 1LL << 40 }, { "0.5k", 512 }, { "1.0", 1 },
        { "8388607t", 8388607LL << 40 },
        { "8388607.999999t", (8388607LL << 40) + ((999999LL << 40) / 1000000) },
        { "8388608t", -1 }, { "999999999999999999", 999999999999999999LL },
        { "9999999999999999999", -1 }, { "", -1 }, { "g", -1 }, { "-1", -1 },
        { "-1g", -1 }, { "+1g", -1 }, { " 1g", -1 }, { "1 g", -1 },
        { "1g ", -1 }, { "1gg", -1 }, { "1bb", -1 }, { "1gib", -1 },
        { "1.", -1 }, { "1.g", -1 }, { ".5g", -1 }, { "1.5", -1 },
        { "1.5b", -1 }, { "1.2.3g", -1 }, { "1.1234567g", -1 },
        { "0x10", -1 }, { "1e3", -1 }, { "4q", -1 }, { "inf", -1 },
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        ok(ngx_rd_settings_bytes(v[i].text) == v[i].bytes, "size \"%s\"",
           v[i].text);
    }
}


static void
test_all_at_once(void)
{
    ngx_rd_settings_t  *settings;

    settings = parse("workspace_hosts:\n"
                     "  - hostnam: a\n"
                     "    port: 0\n"
                     "  - hostname: b\n"
                     "  - hostname: b\n"
                     "docker_imag: x\n"
                     "session_defaults: 1\n");

    ok(settings == NULL, "a file full of faults");
    is_int(complaints.n, 6, "is complained of once for each");

    settings = parse("workspace_hosts: [{}, {}, x, {user: a}]\n");
    ok(settings == NULL, "hosts without a name");
    is_int(complaints.n, 4, "are not called doubled as well");
}


static void
test_load(void)
{
    int                 fd;
    char                path[] = "/tmp/rd-settings-XXXXXX";
    ngx_rd_settings_t  *settings;

    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));

    settings = ngx_rd_settings_load("/nonexistent/hosts.yml", &complaints);

    if (ok(settings != NULL && complaints.n == 0, "a missing file is fine")) {
        ok(settings->fallback && settings->nhosts == 1
           && settings->hosts[0].local, "it means the local Docker socket");
        is_str(settings->hosts[0].docker_socket, "/var/run/docker.sock",
               "the usual one");
        is_str(settings->hosts[0].proxy_hostname, "127.0.0.1",
               "on the loopback");
    }

    ngx_rd_settings_free(settings);

    settings = ngx_rd_settings_load("/", &complaints);
    ok(settings == NULL, "a folder is no file");
    is_str(complaints.text[0], "/: cannot be read: Is a directory",
           "and called one");

    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));
    settings = ngx_rd_settings_load("/dev/null/x", &complaints);
    ok(settings == NULL && complaints.n == 1,
       "only a file that is missing is missing");

    fd = mkstemp(path);
    ok(fd != -1 && write(fd, HOST, sizeof(HOST) - 1) == sizeof(HOST) - 1,
       "a file");
    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));
    settings = ngx_rd_settings_load(path, &complaints);
    ok(settings != NULL && !settings->fallback, "is read");
    ngx_rd_settings_free(settings);

    ok(ftruncate(fd, 1 << 20) == 0, "a huge file");
    settings = ngx_rd_settings_load(path, &complaints);
    ok(settings == NULL && complaints.n == 1, "is not");
    ngx_rd_settings_free(settings);

    (void) close(fd);
    (void) unlink(path);

    ngx_rd_settings_free(NULL);
}


/* conf/hosts.yml explains every key, so every key in it is tried */

static void
test_example(void)
{
    int                 fd;
    char               *text, *line, *end;
    ssize_t             n;
    ngx_uint_t          inside;
    ngx_rd_settings_t  *settings;

    memset(&complaints, 0, sizeof(ngx_rd_complaints_t));
    settings = ngx_rd_settings_load("conf/hosts.yml", &complaints);

    if (ok(settings != NULL, "conf/hosts.yml is valid as it stands")) {
        ok(!settings->fallback && settings->nhosts == 1
           && settings->hosts[0].local, "with one local host");
        is_int(settings->memory_bytes, 4LL << 30, "memory is the default");
        is_int(settings->shm_bytes, 512LL << 20, "so is shared memory");
        is_int(settings->nano_cpus, 2000000000, "so are the processors");
        is_int(settings->ncap_add, 8, "so are the capabilities");
    }

    ngx_rd_settings_free(settings);

    text = malloc(NGX_RD_YAML_BYTES_MAX);
    fd = open("conf/hosts.yml", O_RDONLY);
    n = read(fd, text, NGX_RD_YAML_BYTES_MAX - 1);
    (void) close(fd);

    text[(n < 0) ? 0 : n] = '\0';
    inside = 0;

    for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        inside |= (strncmp(line, "  # - hostname", 14) == 0);
        inside &= (line != end);

        if (inside) {
            *strchr(line, '#') = ' ';
            memmove(line, line + 2, text + n - line - 1);
            end -= 2;
            n -= 2;
        }
    }

    settings = parse(text);

    if (!ok(settings != NULL, "and with its example host")) {
        printf("# %s\n", complaints.text[0]);

    } else {
        is_int(settings->nhosts, 2, "which is the second");
        is_str(settings->hosts[1].pub_hostname, "ctf-1.example.com",
               "with all its keys");
        is_int(settings->hosts[1].nlabels, 1, "to the last");
    }

    ngx_rd_settings_free(settings);
    free(text);
}


static void
test_no_memory(void)
{
    long                n, bad;
    ngx_rd_settings_t  *settings;

    bad = 0;

    for (n = 1; n < 5000; n++) {
        tap_alloc_fail(n);

        settings = parse("workspace_hosts:\n"
                         "  - hostname: a\n"
                         "    key_file: /k\n"
                         "    labels: {a: b, c: d}\n"
                         "  - local: yes\n"
                         "docker_image: i\n"
                         "container_defaults:\n"
                         "  cap_add: [CHOWN]\n");

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (settings != NULL || complaints.n == 0
                || strcmp(complaints.text[complaints.n - 1],
                          "h.yml: out of memory") != 0);
        ngx_rd_settings_free(settings);
    }

    ok(settings != NULL && n > 50, "read at last, after %ld failures", n - 1);
    is_int(bad, 0, "each of which said that memory is short");
    ngx_rd_settings_free(settings);

    bad = 0;

    for (n = 1; n < 100; n++) {
        tap_alloc_fail(n);
        memset(&complaints, 0, sizeof(ngx_rd_complaints_t));

        settings = ngx_rd_settings_load("/nonexistent", &complaints);

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (settings != NULL || complaints.n != 1);
        ngx_rd_settings_free(settings);
    }

    ok(settings != NULL && n > 10, "fallen back, after %ld failures", n - 1);
    is_int(bad, 0, "with a complaint for each");
    ngx_rd_settings_free(settings);
}


int
main(void)
{
    test_original();
    test_every_key();
    test_refused();
    test_bytes();
    test_all_at_once();
    test_load();
    test_example();
    test_no_memory();

    return tap_done();
}
