
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_http_head.h"


static const char *ngx_rd_http_head_status_line(ngx_rd_http_head_t *head,
    const u_char *line, size_t len);
static const char *ngx_rd_http_head_field_line(ngx_rd_http_head_t *head,
    u_char *line, size_t len);

static ngx_uint_t ngx_rd_http_head_has_token(const char *value,
    const char *token);
static ngx_uint_t ngx_rd_http_head_is_token(const u_char *p, size_t len);
static ngx_uint_t ngx_rd_http_head_is_text(const u_char *p, size_t len);


ngx_int_t
ngx_rd_http_head_init(ngx_rd_http_head_t *head)
{
    memset(head, 0, sizeof(ngx_rd_http_head_t));

    head->bytes = malloc(NGX_RD_HTTP_HEAD_BYTES_MAX);

    return (head->bytes == NULL) ? NGX_ERROR : NGX_OK;
}


void
ngx_rd_http_head_free(ngx_rd_http_head_t *head)
{
    free(head->bytes);
    head->bytes = NULL;
}


void
ngx_rd_http_head_reset(ngx_rd_http_head_t *head)
{
    head->status = 0;
    head->len = 0;
    head->line = 0;
    head->nfields = 0;
}


ngx_int_t
ngx_rd_http_head_gather(ngx_rd_http_head_t *head, const u_char *data,
    size_t len, size_t *used, u_char **line, size_t *line_len)
{
    size_t   n;
    u_char  *lf;

    lf = memchr(data, '\n', len);
    n = (lf != NULL) ? (size_t) (lf - data) + 1 : len;

    if (n > NGX_RD_HTTP_HEAD_BYTES_MAX - head->len) {
        return NGX_ERROR;
    }

    memcpy(head->bytes + head->len, data, n);
    head->len += n;
    *used = n;

    if (lf == NULL) {
        return NGX_AGAIN;
    }

    *line = head->bytes + head->line;
    n = head->len - head->line - 1;

    if (n != 0 && (*line)[n - 1] == '\r') {
        n--;
    }

    (*line)[n] = '\0';
    *line_len = n;

    return NGX_OK;
}


void
ngx_rd_http_head_keep(ngx_rd_http_head_t *head)
{
    head->line = head->len;
}


void
ngx_rd_http_head_drop(ngx_rd_http_head_t *head)
{
    head->len = head->line;
}


const char *
ngx_rd_http_head_read(ngx_rd_http_head_t *head, u_char *line, size_t len)
{
    if (head->status == 0) {
        return ngx_rd_http_head_status_line(head, line, len);
    }

    return ngx_rd_http_head_field_line(head, line, len);
}


const char *
ngx_rd_http_head_value(const ngx_rd_http_head_t *head, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < head->nfields; i++) {
        if (strcasecmp((char *) head->bytes + head->field[i].name, name) == 0)
        {
            return (char *) head->bytes + head->field[i].value;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_rd_http_head_keepalive(const ngx_rd_http_head_t *head)
{
    const char  *value;

    value = ngx_rd_http_head_value(head, "Connection");

    if (head->minor == 1) {
        return value == NULL || !ngx_rd_http_head_has_token(value, "close");
    }

    return value != NULL && ngx_rd_http_head_has_token(value, "keep-alive");
}


/* "HTTP/1.1 200 OK"; the reason may be empty, and its space missing */

static const char *
ngx_rd_http_head_status_line(ngx_rd_http_head_t *head, const u_char *line,
    size_t len)
{
    if (len < sizeof("HTTP/1.1 200") - 1
        || memcmp(line, "HTTP/1.", 7) != 0
        || (line[7] != '0' && line[7] != '1')
        || line[8] != ' '
        || line[9] < '1' || line[9] > '5'
        || line[10] < '0' || line[10] > '9'
        || line[11] < '0' || line[11] > '9'
        || (len > 12 && line[12] != ' ')
        || !ngx_rd_http_head_is_text(line, len))
    {
        return "no HTTP/1 status line";
    }

    head->minor = line[7] - '0';
    head->status = (line[9] - '0') * 100 + (line[10] - '0') * 10
                   + (line[11] - '0');

    return NULL;
}


/* cut in place into two strings */

static const char *
ngx_rd_http_head_field_line(ngx_rd_http_head_t *head, u_char *line,
    size_t len)
{
    u_char  *colon, *value, *last;

    colon = memchr(line, ':', len);

    if (colon == NULL || !ngx_rd_http_head_is_token(line, colon - line)) {
        return "a bad header name";
    }

    if (head->nfields == NGX_RD_HTTP_HEADERS_MAX) {
        return "too many headers";
    }

    last = line + len;
    value = colon + 1;

    while (value < last && (*value == ' ' || *value == '\t')) {
        value++;
    }

    while (last > value && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    if (!ngx_rd_http_head_is_text(value, last - value)) {
        return "a bad header value";
    }

    *colon = '\0';
    *last = '\0';

    head->field[head->nfields].name = line - head->bytes;
    head->field[head->nfields].value = value - head->bytes;
    head->nfields++;

    return NULL;
}


/* in a list "a, b, c"; case is ignored */

static ngx_uint_t
ngx_rd_http_head_has_token(const char *value, const char *token)
{
    size_t  n, len;

    len = strlen(token);

    while (*value != '\0') {
        value += strspn(value, ", \t");
        n = strcspn(value, ", \t");

        if (n == len && strncasecmp(value, token, len) == 0) {
            return 1;
        }

        value += n;
    }

    return 0;
}


static ngx_uint_t
ngx_rd_http_head_is_token(const u_char *p, size_t len)
{
    size_t  i;

    static const char  marks[] = "!#$%&'*+-.^_`|~";

    for (i = 0; i < len; i++) {

        if ((p[i] >= '0' && p[i] <= '9')
            || (ngx_tolower(p[i]) >= 'a' && ngx_tolower(p[i]) <= 'z'))
        {
            continue;
        }

        if (p[i] == '\0' || strchr(marks, p[i]) == NULL) {
            return 0;
        }
    }

    return len != 0;
}


static ngx_uint_t
ngx_rd_http_head_is_text(const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}
