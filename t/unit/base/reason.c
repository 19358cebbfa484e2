
/*
 * Copyright (C) the ngx_rd authors
 */

#include "../../../src/base/ngx_rd_reason.c"
#include "tap.h"


static void
test_every_reason(void)
{
    ngx_uint_t                  i, j, bad;
    const ngx_rd_reason_row_t  *row;

    bad = 0;

    for (i = 1; i < NGX_RD_REASON_N; i++) {
        row = ngx_rd_reason_row(i);

        bad += (strspn(row->code, "abcdefghijklmnopqrstuvwxyz_")
                != strlen(row->code));
        bad += (row->what[0] == '\0');
        bad += (row->after && row->check[0] == '\0');

        for (j = 0; j < i; j++) {
            bad += (strcmp(row->code, ngx_rd_reason_row(j)->code) == 0);
        }
    }

    is_int(bad, 0, "every reason has its own code, and says what to check");
    ok(i < 256, "a reason fits into the byte that caches keep of it");
}


static void
test_of_error(void)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < NGX_RD_ERR_N; i++) {
        n += (ngx_rd_reason_of_error(i) != NGX_RD_REASON_NONE);
    }

    is_int(n, 8, "errors that say all have a reason");
    is_int(ngx_rd_reason_of_error(NGX_RD_ERR_ORIGIN), NGX_RD_REASON_ORIGIN,
           "an origin, say");
}


int
main(void)
{
    test_every_reason();
    test_of_error();

    return tap_done();
}
