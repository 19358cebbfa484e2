
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_known_hosts.c */
/* libs: -lcrypto */

#include "fuzz.h"
#include "../../src/base/ngx_rd_known_hosts.h"


/* a line that names a key names it whole, and a broken one says why */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   *line;
    ngx_rd_known_hosts_t    found;
    ngx_rd_known_hosts_e    kind;

    line = malloc(size + 1);
    must(line != NULL);
    memcpy(line, data, size);

    kind = ngx_rd_known_hosts_line(line, size, &found);

    switch (kind) {

    case NGX_RD_KNOWN_HOSTS_KEY:
    case NGX_RD_KNOWN_HOSTS_REVOKED:
    case NGX_RD_KNOWN_HOSTS_AUTHORITY:
        must(found.len > 4 + strlen(found.type));
        must(memcmp(found.key + 4, found.type, strlen(found.type)) == 0);
        break;

    case NGX_RD_KNOWN_HOSTS_UNREADABLE:
        must(found.hosts != NULL);
        must(found.reason != NULL);
        break;

    case NGX_RD_KNOWN_HOSTS_BROKEN:
        must(found.reason != NULL);
        must(found.key == NULL);
        break;

    default:
        must(found.hosts == NULL);
    }

    if (found.hosts) {
        (void) ngx_rd_known_hosts_match(found.hosts, "[h.example]:2222");
        (void) ngx_rd_known_hosts_match(found.hosts, "h");
    }

    free(line);

    return 0;
}
