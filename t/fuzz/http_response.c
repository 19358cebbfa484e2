
/*
 * Copyright (C) the ngx_rd authors
 */

/* sources: src/base/ngx_rd_http_response.c src/base/ngx_rd_http_head.c */

#include "fuzz.h"
#include "../../src/base/ngx_rd_http_response.h"


/* in pieces of step bytes, then the peer closes */

static ngx_rd_http_state_e
read_all(ngx_rd_http_response_t *res, const u_char *data, size_t size,
    size_t step, ngx_uint_t head_request, size_t *used)
{
    size_t               n, consumed;
    ngx_rd_http_state_e  state;

    must(ngx_rd_http_response_init(res, head_request) == NGX_OK);

    state = NGX_RD_HTTP_MORE;
    *used = 0;

    while (state == NGX_RD_HTTP_MORE && *used < size) {
        n = ngx_min(step, size - *used);
        state = ngx_rd_http_response_feed(res, data + *used, n, &consumed);

        must(consumed <= n);
        must(state != NGX_RD_HTTP_MORE || consumed == n);
        *used += consumed;
    }

    if (state == NGX_RD_HTTP_MORE) {
        state = ngx_rd_http_response_eof(res);
    }

    must(state != NGX_RD_HTTP_MORE);
    must(state != NGX_RD_HTTP_BAD || res->reason != NULL);

    return state;
}


/* the first byte chooses, the rest is the response */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                   used, used_too, step;
    ngx_uint_t               head_request;
    const char              *value, *value_too;
    ngx_rd_http_state_e      state, state_too;
    ngx_rd_http_response_t   res, res_too;

    if (size == 0) {
        return 0;
    }

    step = (data[0] & 0x7f) + 1;
    head_request = data[0] >> 7;
    data++;
    size--;

    state = read_all(&res, data, size, size + 1, head_request, &used);
    state_too = read_all(&res_too, data, size, step, head_request, &used_too);

    /* how the network cuts it must make no difference */

    must(state == state_too);

    if (state == NGX_RD_HTTP_DONE) {
        must(used == used_too);
        must(res.status >= 101 && res.status <= 599);
        must(res.status == res_too.status
             && res.keepalive == res_too.keepalive
             && res.upgraded == res_too.upgraded);
        must(res.body_len == res_too.body_len && res.body_len <= size);
        must(memcmp(res.body, res_too.body, res.body_len) == 0);
        must(res.body[res.body_len] == '\0');

        value = ngx_rd_http_response_header(&res, "content-type");
        value_too = ngx_rd_http_response_header(&res_too, "Content-Type");
        must((value == NULL) == (value_too == NULL));
        must(value == NULL || strcmp(value, value_too) == 0);
    }

    ngx_rd_http_response_free(&res);
    ngx_rd_http_response_free(&res_too);

    return 0;
}
