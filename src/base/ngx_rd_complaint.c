
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_complaint.h"


static size_t ngx_rd_complaint_append(char *text, size_t used,
    const char *fmt, va_list args);
static size_t ngx_rd_complaint_print(char *text, size_t used,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));


void
ngx_rd_complaint_add(ngx_rd_complaints_t *complaints, const char *file,
    ngx_uint_t line, const char *key, const char *fmt, ...)
{
    char     *text;
    u_char   *p;
    size_t    used;
    va_list   args;

    if (complaints->n++ >= NGX_RD_COMPLAINTS_MAX) {
        return;
    }

    text = complaints->text[complaints->n - 1];
    used = ngx_rd_complaint_print(text, 0, "%s:", file);

    if (line != 0) {
        used = ngx_rd_complaint_print(text, used, "%lu:",
                                      (unsigned long) line);
    }

    used = ngx_rd_complaint_print(text, used,
                                  (key[0] != '\0') ? " %s: " : " %s", key);

    va_start(args, fmt);
    (void) ngx_rd_complaint_append(text, used, fmt, args);
    va_end(args);

    /* a key or value out of the file must not forge a line of the log */

    for (p = (u_char *) text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
}


static size_t
ngx_rd_complaint_append(char *text, size_t used, const char *fmt,
    va_list args)
{
    int     n;
    size_t  room;

    room = NGX_RD_COMPLAINT_BYTES_MAX - used;
    n = vsnprintf(text + used, room, fmt, args);

    if (n < 0) {
        text[used] = '\0';
        return used;
    }

    return used + ngx_min((size_t) n, room - 1);
}


static size_t
ngx_rd_complaint_print(char *text, size_t used, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    va_start(args, fmt);
    len = ngx_rd_complaint_append(text, used, fmt, args);
    va_end(args);

    return len;
}
