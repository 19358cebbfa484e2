
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/identity/ngx_rd_cookie.c src/identity/ngx_rd_pickle.c */
/* sources: src/identity/ngx_rd_ctfd_session.c src/base/ngx_rd_json.c */
/* libs: -lcjson -lcrypto */

#include "fuzz.h"
#include "../../src/identity/ngx_rd_cookie.h"
#include "../../src/identity/ngx_rd_ctfd_session.h"
#include "../../src/identity/ngx_rd_pickle.h"


static void
cookie(const u_char *data, size_t size)
{
    char                         sid[NGX_RD_COOKIE_SID_BYTES + 1];
    size_t                       len;
    const u_char                *value;
    static ngx_rd_cookie_key_t   key;

    if (key.bytes[0] == 0) {
        must(ngx_rd_cookie_key(&key, (u_char *)
                               "ctfd-nginx-test-secret-key-0001", 31)
             == NGX_OK);
    }

    if (ngx_rd_cookie_find(data, size, (u_char *) "session", 7, &value, &len)
        != NGX_OK)
    {
        value = data;
        len = size;
    }

    must(value >= data && value <= data + size
         && len <= (size_t) (data + size - value));

    if (ngx_rd_cookie_verify(&key, value, len, sid) == NGX_OK) {

        /* all that passes is a seed: nobody guesses a signature */

        must(strcmp(sid, "3f8bb1e8-5de3-4205-a3c7-b32865b552c6") == 0
             || strcmp(sid, "00000000-0000-4000-8000-000000000000") == 0);
    }
}


static void
session(const u_char *data, size_t size)
{
    size_t                  len;
    const u_char           *text;
    ngx_rd_ctfd_session_t   session;

    if (ngx_rd_pickle_text(data, size, &text, &len) == NGX_OK) {
        must(text >= data && text <= data + size
             && len <= (size_t) (data + size - text));
    }

    if (ngx_rd_ctfd_session_parse(&session, data, size) == NGX_OK) {
        must(strnlen(session.nonce, sizeof(session.nonce))
             < sizeof(session.nonce));
        must(strnlen(session.hash, sizeof(session.hash))
             < sizeof(session.hash));
        must(session.user_id < 9007199254740992ULL);

    } else {
        must(session.user_id == 0 && session.nonce[0] == '\0'
             && session.hash[0] == '\0');
    }
}


/* the input as the text of a well-formed pickle, so that the JSON is reached */

static void
pickled(const u_char *data, size_t size)
{
    u_char  *value;

    value = malloc(size + 10);

    memcpy(value, "!\x80\x05X", 4);
    value[4] = size & 0xff;
    value[5] = size >> 8 & 0xff;
    value[6] = size >> 16 & 0xff;
    value[7] = size >> 24 & 0xff;
    memcpy(value + 8, data, size);
    memcpy(value + 8 + size, "\x94.", 2);

    session(value, size + 10);

    free(value);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cookie(data, size);
    session(data, size);
    pickled(data, size);

    return 0;
}
