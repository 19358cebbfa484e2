
/*
 * Copyright (C) the ngx_rd authors
 */

#include "../../../src/base/ngx_rd_complaint.c"
#include "tap.h"


static ngx_rd_complaints_t  complaints;


static void
test_forms(void)
{
    ngx_rd_complaint_add(&complaints, "h.yml", 7, "port", "is %d", 0);
    is_str(complaints.text[0], "h.yml:7: port: is 0", "file, line and key");

    ngx_rd_complaint_add(&complaints, "h.yml", 0, "", "out of memory");
    is_str(complaints.text[1], "h.yml: out of memory", "neither line nor key");

    ngx_rd_complaint_add(&complaints, "h.yml", 3, "a\nb", "%s", "c\rd");
    is_str(complaints.text[2], "h.yml:3: a?b: c?d",
           "a key or value cannot forge a log line");
}


static void
test_bounds(void)
{
    ngx_uint_t  i;
    char        huge[2 * NGX_RD_COMPLAINT_BYTES_MAX];

    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';

    ngx_rd_complaint_add(&complaints, huge, 1, huge, "%s", huge);
    is_int(strlen(complaints.text[3]), NGX_RD_COMPLAINT_BYTES_MAX - 1,
           "too long a complaint is cut");

    for (i = 4; i < NGX_RD_COMPLAINTS_MAX + 10; i++) {
        ngx_rd_complaint_add(&complaints, "h.yml", i, "", "more");
    }

    is_int(complaints.n, NGX_RD_COMPLAINTS_MAX + 10,
           "more than fit are counted");
    is_str(complaints.text[NGX_RD_COMPLAINTS_MAX - 1], "h.yml:31: more",
           "and not kept");
}


int
main(void)
{
    test_forms();
    test_bounds();

    return tap_done();
}
