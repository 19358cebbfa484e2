
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_json.c src/base/ngx_rd_text.c */
/* libs: -lcjson -lcrypto */

#include "../../../src/base/ngx_rd_docker_json.c"
#include "tap.h"

#include <cjson/cJSON.h>


#define ID  "8dfafdbc3a40d9a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829"


static ngx_int_t
inspect(const char *text, ngx_rd_docker_json_container_t *c)
{
    return ngx_rd_docker_json_inspect((const u_char *) text, strlen(text), c);
}


static void
fill(ngx_rd_container_spec_t *spec)
{
    static char  *add[] = { "CHOWN", "SETUID" };
    static char  *drop[] = { "ALL" };

    memset(spec, 0, sizeof(ngx_rd_container_spec_t));

    spec->name = "rd-main-7f3a";
    spec->image = "desktop:1";
    spec->hostname = "desktop";
    spec->site = "main";
    spec->installation = "0a1b";
    spec->session = "7f3a";
    spec->epoch = 3;
    spec->memory_bytes = 4LL << 30;
    spec->shm_bytes = 512 << 20;
    spec->nano_cpus = 1500000000;
    spec->pids_max = 4096;
    spec->cap_add = add;
    spec->ncap_add = 2;
    spec->cap_drop = drop;
    spec->ncap_drop = 1;
    spec->env_name[0] = "VNC_PASSWORD";
    spec->env_value[0] = "a\"b$c\\d";
    spec->env_name[1] = "RESOLUTION";
    spec->env_value[1] = "1920x1080";
    spec->nenv = 2;
    spec->publish_address = "10.0.0.1";
    spec->ports[0] = 5900;
    spec->ports[1] = 65535;
    spec->nports = 2;
}


static void
test_create_body(void)
{
    char                     *body;
    ngx_rd_container_spec_t   spec;

    fill(&spec);
    body = ngx_rd_docker_json_create_body(&spec);

    is_str(body,
           "{\"Hostname\":\"desktop\",\"Image\":\"desktop:1\","
           "\"Env\":[\"VNC_PASSWORD=a\\\"b$c\\\\d\","
           "\"RESOLUTION=1920x1080\"],"
           "\"Labels\":{\"rd.site\":\"main\","
           "\"rd.installation\":\"0a1b\",\"rd.session\":\"7f3a\","
           "\"rd.epoch\":\"3\"},"
           "\"HostConfig\":{\"PortBindings\":{"
           "\"5900/tcp\":[{\"HostIp\":\"10.0.0.1\",\"HostPort\":\"\"}],"
           "\"65535/tcp\":[{\"HostIp\":\"10.0.0.1\",\"HostPort\":\"\"}]},"
           "\"Memory\":4294967296,\"MemorySwap\":4294967296,"
           "\"NanoCpus\":1500000000,\"ShmSize\":536870912,"
           "\"PidsLimit\":4096,\"CapAdd\":[\"CHOWN\",\"SETUID\"],"
           "\"CapDrop\":[\"ALL\"],\"Init\":true,\"AutoRemove\":false,"
           "\"RestartPolicy\":{\"Name\":\"no\"},"
           "\"LogConfig\":{\"Type\":\"json-file\","
           "\"Config\":{\"max-size\":\"1m\"}}},"
           "\"ExposedPorts\":{\"5900/tcp\":{},\"65535/tcp\":{}}}",
           "the body of a create request");

    free(body);

    spec.nenv = 0;
    spec.nports = 0;
    spec.ncap_add = 0;
    spec.ncap_drop = 0;
    body = ngx_rd_docker_json_create_body(&spec);
    ok(body != NULL && strstr(body, "\"Env\":[]") != NULL
       && strstr(body, "\"PortBindings\":{}") != NULL
       && strstr(body, "\"CapAdd\":[]") != NULL, "empty lists are lists");
    free(body);
}


static void
test_created(void)
{
    size_t                        n, bad;
    ngx_uint_t                    i;
    ngx_rd_docker_json_created_t  created;

    static const char  whole[] =
        "{\"Id\":\"" ID "\",\"Warnings\":[\"no swap\\nlimit\"]}\n";

    static const char  usual[] = "{\"Id\":\"" ID "\",\"Warnings\":null}";

    static const char  *texts[] = {
        "", "{}", "[]", "null", "{\"Id\":1}", "{\"Id\":null}", "{\"Id\":\"\"}",
        "{\"Id\":\"../x\"}", "{\"Id\":\"ABC\"}", "{\"Id\":\"" ID "0\"}",
        "{\"Id\":[\"" ID "\"]}", "{\"id\":\"" ID "\"}",
        "{\"Id\":\"a\\u0000b\"}", "{\"message\":\"no\"}",
    };

    is_int(ngx_rd_docker_json_created((u_char *) whole, sizeof(whole) - 1,
                                      &created),
           NGX_OK, "a created container");
    is_str(created.id, ID, "has an id");
    is_str(created.warning, "no swap?limit", "and perhaps a warning");

    bad = 0;

    for (n = 0; n < sizeof(whole) - 2; n++) {
        bad += (ngx_rd_docker_json_created((u_char *) whole, n, &created)
                != NGX_ERROR);
    }

    is_int(bad, 0, "truncated at any byte it is refused");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(ngx_rd_docker_json_created((u_char *) texts[i], strlen(texts[i]),
                                      &created)
           == NGX_ERROR && created.id[0] == '\0', "refused: %s", texts[i]);
    }

    is_int(ngx_rd_docker_json_created((u_char *) usual, sizeof(usual) - 1,
                                      &created),
           NGX_OK, "no warning is the usual case");
    is_str(created.warning, "", "then it is empty");
}


static void
test_inspect(void)
{
    ngx_rd_docker_json_container_t  c;

    is_int(inspect("{\"Id\":\"" ID "\",\"Name\":\"/rd-main-7f3a\","
                   "\"State\":{\"Status\":\"running\",\"Running\":true},"
                   "\"Config\":{\"Labels\":{\"rd.site\":\"main\","
                   "\"rd.session\":\"7f3a\",\"rd.epoch\":\"12\","
                   "\"rd.installation\":\"0a1b\","
                   "\"other\":\"x\"}},"
                   "\"NetworkSettings\":{\"Ports\":{"
                   "\"22/tcp\":null,\"53/udp\":[{\"HostPort\":\"53\"}],"
                   "\"5900/tcp\":[{\"HostIp\":\"10.0.0.1\","
                   "\"HostPort\":\"32768\"},{\"HostIp\":\"::\","
                   "\"HostPort\":\"32769\"}],"
                   "\"6080/tcp\":[{\"HostIp\":\"10.0.0.1\","
                   "\"HostPort\":\"32770\"}]}}}", &c),
           NGX_OK, "a running container");

    is_str(c.id, ID, "id");
    is_str(c.name, "rd-main-7f3a", "name without its slash");
    is_str(c.status, "running", "status");
    ok(c.running, "it runs");
    is_str(c.site, "main", "site");
    is_str(c.installation, "0a1b", "installation");
    is_str(c.session, "7f3a", "session");
    is_int(c.epoch, 12, "epoch");
    is_int(c.nports, 2, "two ports are published");
    is_int(ngx_rd_docker_json_port(&c, 5900), 32768, "the first binding");
    is_int(ngx_rd_docker_json_port(&c, 6080), 32770, "the other port");
    is_int(ngx_rd_docker_json_port(&c, 22), 0, "one that is not published");
    is_int(ngx_rd_docker_json_port(&c, 53), 0, "one of another protocol");
}


static in_port_t
terminal(const char *text)
{
    return ngx_rd_docker_json_terminal((const u_char *) text, strlen(text));
}


static void
test_terminal(void)
{
    is_int(terminal("{\"Config\":{\"Labels\":"
                    "{\"rd.terminal.port\":\"7681\"}}}"),
           7681, "an image says where its terminal is");
    is_int(terminal("{\"Config\":{\"Labels\":"
                    "{\"rd.terminal.port\":\"7682\"}}}"),
           7682, "or says what is so anyway");
    is_int(terminal("{\"Config\":{\"Labels\":null}}"), 7682,
           "or says nothing");
    is_int(terminal("{\"Config\":{\"Labels\":"
                    "{\"rd.terminal.port\":\"22\"}}}"),
           7682, "it may not choose any port");
    is_int(terminal("{\"Config\":{\"Labels\":{\"rd.terminal.port\":7681}}}"),
           7682, "a label is a text");
    is_int(terminal("{"), 7682, "nonsense changes nothing");
}


static void
test_hostile(void)
{
    char                            text[1024];
    size_t                          n;
    ngx_uint_t                      i;
    ngx_rd_docker_json_container_t  c;

    static const char  *epochs[] = {
        "\"-1\"", "\"\"", "\"x\"", "\"1.5\"", "12", "null", "\" 1\"",
        "\"99999999999999999999\"", "\"01\"",
    };

    static const char  *ports[] = {
        "{\"0/tcp\":[{\"HostPort\":\"1\"}]}",
        "{\"65536/tcp\":[{\"HostPort\":\"1\"}]}",
        "{\"x/tcp\":[{\"HostPort\":\"1\"}]}",
        "{\"/tcp\":[{\"HostPort\":\"1\"}]}",
        "{\"5900\":[{\"HostPort\":\"1\"}]}",
        "{\"5900/tcpx\":[{\"HostPort\":\"1\"}]}",
        "{\"5900/tcp\":[{\"HostPort\":\"\"}]}",
        "{\"5900/tcp\":[{\"HostPort\":\"0\"}]}",
        "{\"5900/tcp\":[{\"HostPort\":\"65536\"}]}",
        "{\"5900/tcp\":[{\"HostPort\":\"1;x\"}]}",
        "{\"5900/tcp\":[{\"HostPort\":32768}]}",
        "{\"5900/tcp\":[]}", "{\"5900/tcp\":\"x\"}", "[]", "\"x\"", "1",
        "[\"5900/tcp\"]",
    };

    for (i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"Id\":\"" ID "\",\"Config\":"
                        "{\"Labels\":{\"rd.epoch\":%s}}}", epochs[i]);
        ok(inspect(text, &c) == NGX_OK && c.epoch == -1, "no epoch: %s",
           epochs[i]);
    }

    is_int(inspect("{\"Id\":\"a\",\"Config\":{\"Labels\":"
                   "{\"rd.epoch\":\"0\"}}}", &c), NGX_OK, "a short id");
    is_int(c.epoch, 0, "the first epoch is a number, too");

    for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"Id\":\"" ID "\","
                        "\"NetworkSettings\":{\"Ports\":%s}}", ports[i]);
        ok(inspect(text, &c) == NGX_OK && c.nports == 0, "no port: %s",
           ports[i]);
    }

    is_int(inspect("{\"Id\":\"a\",\"State\":\"x\",\"Config\":[],"
                   "\"NetworkSettings\":7,\"Name\":{}}", &c),
           NGX_OK, "wrong types");
    ok(!c.running && c.status[0] == '\0' && c.site[0] == '\0'
       && c.name[0] == '\0', "are nothing");

    is_int(inspect("{\"Id\":\"a\",\"State\":{\"Running\":\"true\"}}", &c),
           NGX_OK, "a word that looks like true");
    ok(!c.running, "is not");

    n = sprintf(text, "{\"Id\":\"a\",\"Config\":{\"Labels\":{\"rd.site\":\"");
    memset(text + n, 'x', NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX + 1);
    (void) sprintf(text + n + NGX_RD_DOCKER_JSON_LABEL_BYTES_MAX + 1,
                   "\"}}}");
    is_int(inspect(text, &c), NGX_OK, "too long a label");
    is_str(c.site, "", "is none, rather than a part of one");

    n = sprintf(text, "{\"Id\":\"a\",\"NetworkSettings\":{\"Ports\":{");

    for (i = 1; i <= NGX_RD_DOCKER_JSON_PORTS_MAX + 5; i++) {
        n += sprintf(text + n, "\"%u/tcp\":[{\"HostPort\":\"%u\"}],",
                     (unsigned) i, (unsigned) i);
    }

    (void) sprintf(text + n - 1, "}}}");
    is_int(inspect(text, &c), NGX_OK, "more ports than we keep");
    is_int(c.nports, NGX_RD_DOCKER_JSON_PORTS_MAX, "are cut");
}


static int64_t
clock_of(const char *time)
{
    char                       text[128];
    ngx_rd_docker_json_info_t  info;

    (void) snprintf(text, sizeof(text), "{\"MemTotal\":1,\"NCPU\":1,"
                    "\"SystemTime\":%s}", time);

    is_int(ngx_rd_docker_json_info((const u_char *) text, strlen(text), &info),
           NGX_OK, "an info whatever its time");

    return info.now_s;
}


static void
test_info(void)
{
    ngx_uint_t                 i;
    ngx_rd_docker_json_info_t  info;

    static const char  *texts[] = {
        "", "[]", "{}", "{\"MemTotal\":1}", "{\"NCPU\":1}",
        "{\"MemTotal\":0,\"NCPU\":1}", "{\"MemTotal\":1,\"NCPU\":0}",
        "{\"MemTotal\":-1,\"NCPU\":1}", "{\"MemTotal\":1,\"NCPU\":1e12}",
        "{\"MemTotal\":\"1\",\"NCPU\":1}",
    };

    static const char  text[] = "{\"NCPU\":4,\"MemTotal\":8000000000,"
                                "\"SystemTime\":"
                                "\"2023-11-14T22:13:20.123456789Z\"}";

    is_int(ngx_rd_docker_json_info((const u_char *) text, strlen(text), &info),
           NGX_OK, "what a host is made of");
    is_int(info.memory_bytes, 8000000000, "memory");
    is_int(info.nano_cpus, 4000000000, "processors");
    is_int(info.now_s, 1700000000, "its clock");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        is_int(ngx_rd_docker_json_info((const u_char *) texts[i],
                                       strlen(texts[i]), &info),
               NGX_ERROR, "an info that is none");
        ok(info.memory_bytes == 0 && info.nano_cpus == 0 && info.now_s == 0,
           "and nothing is taken from it");
    }

    is_int(clock_of("\"2023-11-14T23:13:20+01:00\""), 1700000000,
           "a clock in the east");
    is_int(clock_of("\"2023-11-14T16:43:20.5-05:30\""), 1700000000,
           "and in the west");
    is_int(clock_of("\"1-1-1T1:1:1\"") < 0, 1, "before our time");
    is_int(clock_of("\"yesterday\""), 0, "no clock");
    is_int(clock_of("17"), 0, "nor that");
}


static ngx_int_t
list(const char *text, ngx_rd_docker_json_container_t **rows, ngx_uint_t *n)
{
    return ngx_rd_docker_json_list((const u_char *) text, strlen(text), rows,
                                   n);
}


static void
test_list(void)
{
    ngx_uint_t                       i, n;
    ngx_rd_docker_json_container_t  *rows;

    static const char  *texts[] = {
        "", "{}", "null", "\"x\"", "[1]", "[{}]", "[{\"Id\":\"a\"},{}]",
        "[{\"Id\":\"a\"},", "[{\"Id\":\"a/b\"}]", "{\"Id\":\"a\"}",
    };

    is_int(list("[{\"Id\":\"" ID "\",\"Names\":[\"/rd-a\",\"/other/rd-a\"],"
                "\"State\":\"running\",\"Created\":1700000000,"
                "\"Labels\":{\"rd.site\":\"main\","
                "\"rd.session\":\"s\",\"rd.epoch\":\"7\"}},"
                "{\"Id\":\"b\",\"Names\":null,\"State\":\"exited\","
                "\"Labels\":null}]", &rows, &n), NGX_OK, "a list");

    if (is_int(n, 2, "of two")) {
        is_str(rows[0].name, "rd-a", "name");
        ok(rows[0].running, "running");
        is_str(rows[0].site, "main", "site");
        is_str(rows[0].session, "s", "session");
        is_int(rows[0].epoch, 7, "epoch");
        is_int(rows[0].created_s, 1700000000, "when it was made");
        is_int(rows[1].created_s, 0, "which the other one does not say");
        ok(!rows[1].running, "the other one has ended");
        is_str(rows[1].site, "", "and is none of ours");
    }

    free(rows);

    is_int(list("[]", &rows, &n), NGX_OK, "an empty list");
    ok(rows == NULL && n == 0, "is empty");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(list(texts[i], &rows, &n) == NGX_ERROR && rows == NULL && n == 0,
           "refused: %s", texts[i]);
    }
}


static void
test_message(void)
{
    char  out[16], whole[64];

    static const char  text[] = "{\"message\":\"a\\nb, and far too long\"}";
    static const char  chain[] =
        "{\"message\":\"failed to create task for container: 0123456789abcdef"
        "0123456789abcdef: error creating link: no space left on device\"}";

    ngx_rd_docker_json_message((u_char *) text, sizeof(text) - 1, out,
                               sizeof(out));
    is_str(out, "a?b, ... long", "an error's message, cut");

    ngx_rd_docker_json_message((u_char *) chain, sizeof(chain) - 1, whole,
                               sizeof(whole));
    is_str(whole, "failed to create task ... link: no space left on device",
           "a chain of messages keeps its beginning and its cause");

    ngx_rd_docker_json_message((u_char *) "page not found\n", 15, out,
                               sizeof(out));
    is_str(out, "", "an answer that is no JSON has none");

    ngx_rd_docker_json_message((u_char *) "{\"message\":7}", 13, out,
                               sizeof(out));
    is_str(out, "", "nor has a number");
}


static void
test_no_memory(void)
{
    char                            *body;
    long                             n, bad;
    ngx_int_t                        rc;
    ngx_uint_t                       count;
    ngx_rd_container_spec_t          spec;
    ngx_rd_docker_json_container_t  *rows;

    cJSON_Hooks  hooks = { __wrap_malloc, free };

    cJSON_InitHooks(&hooks);
    fill(&spec);
    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);
        body = ngx_rd_docker_json_create_body(&spec);

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (body != NULL);
        free(body);
    }

    ok(body != NULL && n > 50, "built at last, after %ld failures", n - 1);
    is_int(bad, 0, "and never in part");
    free(body);

    bad = 0;

    for (n = 1; n < 1000; n++) {
        tap_alloc_fail(n);
        rc = list("[{\"Id\":\"a\",\"Names\":[\"/b\"]},{\"Id\":\"c\"}]", &rows,
                  &count);

        if (!tap_alloc_failed()) {
            break;
        }

        bad += (rc != NGX_ERROR || rows != NULL || count != 0);
        free(rows);
    }

    ok(rc == NGX_OK && n > 10, "listed at last, after %ld failures", n - 1);
    is_int(bad, 0, "and never in part");
    free(rows);
}


int
main(void)
{
    test_create_body();
    test_created();
    test_inspect();
    test_terminal();
    test_hostile();
    test_list();
    test_info();
    test_message();
    test_no_memory();

    return tap_done();
}
