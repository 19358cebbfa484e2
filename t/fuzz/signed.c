
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/identity/ngx_rd_signed.c src/base/ngx_rd_text.c */
/* libs: -lcrypto */

#include "fuzz.h"
#include "../../src/identity/ngx_rd_signed.h"


static ngx_str_t  method = ngx_string("GET");
static ngx_str_t  target = ngx_string("/x?a=1");


/* the input is the header; all that passes is a seed: nobody guesses a MAC */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t                header;
    ngx_rd_error_e           error;
    ngx_rd_signed_t          what;
    ngx_rd_signed_keys_t     keys;
    ngx_rd_signed_request_t  request;

    /* the SHA-256 of nothing */

    static const u_char  empty[] =
        "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
        "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55";

    memset(&keys, 0, sizeof(keys));
    keys.n = 1;
    keys.secrets[0].data = (u_char *) "0123456789abcdef0123456789abcdef";
    keys.secrets[0].len = 32;

    request.method = method;
    request.target = target;
    memcpy(request.body, empty, sizeof(request.body));

    header.data = (u_char *) data;
    header.len = size;

    error = ngx_rd_signed_check(&keys, &header, &request, 1700000000000LL,
                                30000, &what);

    if (error != NGX_RD_ERR_NONE) {
        must(what.user_id == 0 && what.admin == 0 && what.nonce.len == 0);
        return 0;
    }

    must(what.user_id == 17 && !what.admin
         && what.time_ms == 1700000000000LL);
    must(what.nonce.len == 16
         && memcmp(what.nonce.data, "abcdefghijklmnop", 16) == 0);

    return 0;
}
