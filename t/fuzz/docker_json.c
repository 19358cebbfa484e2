
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_docker_json.c src/base/ngx_rd_json.c */
/* sources: src/base/ngx_rd_text.c */
/* libs: -lcjson -lcrypto */

#include "fuzz.h"
#include "../../src/base/ngx_rd_docker_json.h"
#include "../../src/base/ngx_rd_json.h"


static void
must_be_container(const ngx_rd_docker_json_container_t *c)
{
    ngx_uint_t  i;

    must(c->id[0] != '\0' && strlen(c->id) <= 64
         && strspn(c->id, "0123456789abcdef") == strlen(c->id));
    must(strnlen(c->name, sizeof(c->name)) < sizeof(c->name));
    must(strnlen(c->status, sizeof(c->status)) < sizeof(c->status));
    must(strnlen(c->site, sizeof(c->site)) < sizeof(c->site));
    must(strnlen(c->session, sizeof(c->session)) < sizeof(c->session));
    must(c->epoch >= -1);
    must(c->nports <= NGX_RD_DOCKER_JSON_PORTS_MAX);

    for (i = 0; i < c->nports; i++) {
        must(c->ports[i].inside != 0 && c->ports[i].outside != 0);
    }
}


static void
answers(const u_char *data, size_t size)
{
    char                             message[64];
    ngx_uint_t                       i, n;
    ngx_rd_docker_json_created_t     created;
    ngx_rd_docker_json_container_t   c, *rows;

    if (ngx_rd_docker_json_created(data, size, &created) == NGX_OK) {
        must(created.id[0] != '\0');
        must_be_clean(created.warning, sizeof(created.warning));
    }

    if (ngx_rd_docker_json_inspect(data, size, &c) == NGX_OK) {
        must_be_container(&c);
        must(ngx_rd_docker_json_port(&c, 0) == 0);
    }

    if (ngx_rd_docker_json_list(data, size, &rows, &n) == NGX_OK) {
        must((rows == NULL) == (n == 0));

        for (i = 0; i < n; i++) {
            must_be_container(&rows[i]);
        }

        free(rows);

    } else {
        must(rows == NULL && n == 0);
    }

    ngx_rd_docker_json_message(data, size, message, sizeof(message));
    must_be_clean(message, sizeof(message));
}


/* any text in a request must come out as one well-formed JSON value */

static void
request(const u_char *data, size_t size)
{
    char                     *text, *body;
    size_t                    len;
    ngx_rd_json_t            *json;
    ngx_rd_container_spec_t   spec;

    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';

    memset(&spec, 0, sizeof(ngx_rd_container_spec_t));
    spec.image = text;
    spec.hostname = "h";
    spec.site = "s";
    spec.session = text;
    spec.installation = text;
    spec.publish_address = "127.0.0.1";
    spec.env_name[0] = "A";
    spec.env_value[0] = text;
    spec.nenv = 1;
    spec.ports[0] = 5900;
    spec.nports = 1;

    body = ngx_rd_docker_json_create_body(&spec);
    must(body != NULL);

    len = strlen(body);
    must(memchr(body, '\n', len) == NULL);

    json = ngx_rd_json_parse((u_char *) body, len);
    must(ngx_rd_json_count(json) == 6);
    must(ngx_rd_json_count(ngx_rd_json_get(json, "Labels")) == 4);
    must(ngx_rd_json_string(ngx_rd_json_get(json, "Image")) != NULL);

    ngx_rd_json_free(json);
    free(body);
    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    answers(data, size);
    request(data, size);

    return 0;
}
