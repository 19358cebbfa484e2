
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "../base/ngx_rd_json.h"
#include "ngx_rd_ctfd_session.h"
#include "ngx_rd_pickle.h"


static ngx_int_t ngx_rd_ctfd_session_read(ngx_rd_ctfd_session_t *session,
    const ngx_rd_json_t *json);
static ngx_int_t ngx_rd_ctfd_session_id(ngx_rd_ctfd_session_t *session,
    const ngx_rd_json_t *json);
static ngx_int_t ngx_rd_ctfd_session_text(char *out, size_t max,
    const ngx_rd_json_t *json);


ngx_int_t
ngx_rd_ctfd_session_parse(ngx_rd_ctfd_session_t *session,
    const u_char *value, size_t len)
{
    size_t          text_len;
    ngx_int_t       rc;
    const u_char   *text;
    ngx_rd_json_t  *json;

    memset(session, 0, sizeof(ngx_rd_ctfd_session_t));

    if (ngx_rd_pickle_text(value, len, &text, &text_len) != NGX_OK) {
        return NGX_DECLINED;
    }

    json = ngx_rd_json_parse(text, text_len);
    rc = ngx_rd_ctfd_session_read(session, json);
    ngx_rd_json_free(json);

    /* half a session must not be taken for one */

    if (rc != NGX_OK) {
        memset(session, 0, sizeof(ngx_rd_ctfd_session_t));
    }

    return rc;
}


/*
 * A walk instead of three look-ups: CTFd never writes a key twice, and of two
 * ids Python would believe the last one, cJSON the first.
 */

static ngx_int_t
ngx_rd_ctfd_session_read(ngx_rd_ctfd_session_t *session,
    const ngx_rd_json_t *json)
{
    ngx_int_t             rc;
    ngx_uint_t            i, seen;
    const char           *name;
    const ngx_rd_json_t  *member;

    static const char  *names[] = { "id", "nonce", "hash" };

    if (!ngx_rd_json_is_object(json)) {
        return NGX_DECLINED;
    }

    seen = 0;

    for (member = ngx_rd_json_first(json); member != NULL;
         member = ngx_rd_json_next(member))
    {
        name = ngx_rd_json_name(member);

        for (i = 0; i < 3; i++) {
            if (strcmp(name, names[i]) == 0) {
                break;
            }
        }

        if (i == 3) {
            continue;
        }

        if (seen & (1 << i)) {
            return NGX_DECLINED;
        }

        seen |= 1 << i;

        switch (i) {
        case 0:
            rc = ngx_rd_ctfd_session_id(session, member);
            break;

        case 1:
            rc = ngx_rd_ctfd_session_text(session->nonce,
                                          NGX_RD_NONCE_BYTES_MAX, member);
            break;

        default:
            rc = ngx_rd_ctfd_session_text(session->hash,
                                          NGX_RD_HASH_BYTES_MAX, member);
        }

        if (rc != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rd_ctfd_session_id(ngx_rd_ctfd_session_t *session,
    const ngx_rd_json_t *json)
{
    int64_t  id;

    if (ngx_rd_json_integer(json, &id) != NGX_OK || id <= 0) {
        return NGX_DECLINED;
    }

    session->user_id = (uint64_t) id;

    return NGX_OK;
}


static ngx_int_t
ngx_rd_ctfd_session_text(char *out, size_t max, const ngx_rd_json_t *json)
{
    size_t       len;
    const char  *text;

    text = ngx_rd_json_string(json);

    if (text == NULL) {
        return NGX_DECLINED;
    }

    len = strlen(text);

    if (len > max) {
        return NGX_DECLINED;
    }

    memcpy(out, text, len + 1);

    return NGX_OK;
}
