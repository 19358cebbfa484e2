
/*
 * Copyright (C) the ngx_rd authors
 */

/* libs: -lcrypto */

#include "../../../src/base/ngx_rd_error.c"
#include "../../../src/base/ngx_rd_text.c"
#include "tap.h"


static void
test_every_error(void)
{
    ngx_uint_t   i, j, status, bad;
    const char  *code;

    bad = 0;

    for (i = 0; i < NGX_RD_ERR_N; i++) {
        status = ngx_rd_error_status(i);
        code = ngx_rd_error_code(i);

        bad += (status < 200 || status > 599);
        bad += (ngx_rd_error_text(i)[0] == '\0');
        bad += (strspn(code, "abcdefghijklmnopqrstuvwxyz_") != strlen(code));
        bad += (ngx_rd_error_by_code(code, strlen(code)) != i);

        for (j = 0; j < i; j++) {
            bad += (strcmp(code, ngx_rd_error_code(j)) == 0);
        }
    }

    is_int(bad, 0, "every error has a status, a sentence and its own code");
}


static void
test_unknown(void)
{
    is_int(ngx_rd_error_status(NGX_RD_ERR_N), 500,
           "a number out of the list is an internal error");
    is_int(ngx_rd_error_by_code("no_such_thing", 13), NGX_RD_ERR_INTERNAL,
           "and so is a code out of the list");
    is_int(ngx_rd_error_by_code("csrfx", 4), NGX_RD_ERR_CSRF,
           "a code is counted, not NUL-terminated");
    is_int(ngx_rd_error_by_code("no_memory", 9), NGX_RD_ERR_MEMORY,
           "a code of two words is found whole");
    is_int(ngx_rd_error_by_code("csr", 3), NGX_RD_ERR_INTERNAL,
           "a beginning of a code is no code");
    ok(ngx_rd_error_retryable(NGX_RD_ERR_SSH_LOST)
       && !ngx_rd_error_retryable(NGX_RD_ERR_CSRF),
       "a lost connection may be tried again, a bad token may not");
}


static void
test_detail(void)
{
    ngx_uint_t       i;
    ngx_rd_detail_t  detail;
    char             huge[2 * NGX_RD_DETAIL_BYTES_MAX];

    is_int(ngx_rd_error_detail(NGX_RD_ERR_CSRF, &detail, "host %s: %d",
                               "ctf-2", 7),
           NGX_RD_ERR_CSRF, "a detail gives its error back");
    is_str(detail.text, "host ctf-2: 7", "and is written");

    (void) ngx_rd_error_detail(NGX_RD_ERR_CSRF, &detail, "%s",
                               "a\nb\r[alert] c\x1b[1m\x7f");
    is_str(detail.text, "a?b?[alert] c?[1m?", "it cannot forge a log line");

    for (i = 0; i < sizeof(huge) - 1; i++) {
        huge[i] = 'x';
    }

    huge[i] = '\0';

    (void) ngx_rd_error_detail(NGX_RD_ERR_CSRF, &detail, "%s", huge);
    is_int(strlen(detail.text), NGX_RD_DETAIL_BYTES_MAX - 1,
           "too long a detail is cut");

    for (i = 6; i < sizeof(huge) - 1; i += 7) {
        huge[i] = ' ';
    }

    (void) ngx_rd_error_detail(NGX_RD_ERR_CSRF, &detail, "%s", huge);
    is_str(detail.text + strlen(detail.text) - 10, " xxxxxx...",
           "at the end of a word");

    is_int(ngx_rd_error_detail(NGX_RD_ERR_CSRF, NULL, "x"), NGX_RD_ERR_CSRF,
           "nobody has to want the detail");
}


int
main(void)
{
    test_every_error();
    test_unknown();
    test_detail();

    return tap_done();
}
