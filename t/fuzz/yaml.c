
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_settings.c src/base/ngx_rd_settings_read.c */
/* sources: src/base/ngx_rd_settings_check.c src/base/ngx_rd_yaml.c */
/* sources: src/base/ngx_rd_complaint.c src/base/ngx_rd_text.c */
/* sources: src/base/ngx_rd_settings_value.c */
/* libs: -lyaml -lcrypto */

#include "fuzz.h"
#include "../../src/base/ngx_rd_settings.h"


static ngx_rd_complaints_t  complaints;


static void
must_be_host(const ngx_rd_host_conf_t *host)
{
    must(host->name != NULL && host->hostname != NULL && host->user != NULL
         && host->docker_socket != NULL && host->proxy_hostname != NULL
         && host->pub_hostname != NULL);

    must_be_clean(host->name, 1024);
    must(host->hostname[0] != '-' && host->user[0] != '-');
    must(host->port >= 1 && host->port <= 65535);
    must(host->weight >= 1 && host->weight <= 1000);
    must(host->max_sessions >= 1 && host->max_sessions <= 10000);
    must(host->connections_max >= 1 && host->connections_max <= 20);
    must(host->nlabels <= NGX_RD_LABELS_MAX);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_uint_t          i;
    ngx_rd_settings_t  *settings;

    complaints.n = 0;

    settings = ngx_rd_settings_parse("f.yml", data, size, &complaints);

    must((settings == NULL) == (complaints.n != 0));

    for (i = 0; i < complaints.n && i < NGX_RD_COMPLAINTS_MAX; i++) {
        must(strncmp(complaints.text[i], "f.yml:", 6) == 0);
        must_be_clean(complaints.text[i], NGX_RD_COMPLAINT_BYTES_MAX);
    }

    if (settings == NULL) {
        return 0;
    }

    must(settings->nhosts >= 1 && settings->nhosts <= NGX_RD_HOSTS_MAX);
    must(settings->docker_image != NULL && settings->resolution != NULL
         && settings->cap_add != NULL && settings->cap_drop != NULL);
    must(settings->memory_bytes > 0 && settings->shm_bytes > 0
         && settings->nano_cpus >= 10000000);

    for (i = 0; i < settings->nhosts; i++) {
        must_be_host(&settings->hosts[i]);
    }

    ngx_rd_settings_free(settings);

    return 0;
}
