
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_refusal_evidence.h"
#include "../redis/ngx_rd_redis_reply.h"


#define NGX_RD_REFUSAL_EVIDENCE_DATABASES  16
#define NGX_RD_REFUSAL_EVIDENCE_BYTES                                         \
    (NGX_RD_REFUSAL_EVIDENCE_DATABASES                                        \
     * (sizeof(", 99999999999999999999 in 99999999999999999999") - 1))


static void ngx_rd_refusal_evidence_done(ngx_rd_redis_call_t *call);
static u_char *ngx_rd_refusal_evidence_read(u_char *p, const ngx_str_t *info);
static ngx_int_t ngx_rd_refusal_evidence_number(u_char **p, u_char *last);


static ngx_uint_t   ngx_rd_refusal_evidence_asked;
static ngx_log_t   *ngx_rd_refusal_evidence_log;


void
ngx_rd_refusal_evidence(ngx_rd_main_conf_t *rmcf, ngx_log_t *log)
{
    static const ngx_str_t  argv[] = {
        ngx_string("INFO"), ngx_string("keyspace")
    };

    if (ngx_rd_refusal_evidence_asked || ngx_exiting) {
        return;
    }

    ngx_rd_refusal_evidence_log = log;

    if (ngx_rd_redis_call_start(rmcf->identity.ctfd, 2, argv,
                                ngx_rd_refusal_evidence_done, rmcf))
    {
        ngx_rd_refusal_evidence_asked = 1;
    }
}


static void
ngx_rd_refusal_evidence_done(ngx_rd_redis_call_t *call)
{
    u_char               text[NGX_RD_REFUSAL_EVIDENCE_BYTES], *end;
    ngx_str_t            info;
    ngx_rd_main_conf_t  *rmcf;

    rmcf = call->owner;
    ngx_rd_refusal_evidence_asked = 0;

    if (call->error != NGX_RD_ERR_NONE) {
        return;
    }

    info = ngx_rd_redis_reply_string(call->reply);
    end = ngx_rd_refusal_evidence_read(text, &info);

    if (end == text) {
        ngx_log_error(NGX_LOG_WARN, ngx_rd_refusal_evidence_log, 0,
                      "rd refusal: session_unknown: this Redis has no keys "
                      "at all: CTFd's cache is in another one, or in files");
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_rd_refusal_evidence_log, 0,
                  "rd refusal: session_unknown: keys of this Redis by "
                  "database: %*s; rd_ctfd_redis reads database %ui",
                  (size_t) (end - text), text, rmcf->ctfd_redis->database);
}


/* lines "db0:keys=5,expires=1,avg_ttl=0" into "5 in 0, 7 in 3" */

static u_char *
ngx_rd_refusal_evidence_read(u_char *p, const ngx_str_t *info)
{
    u_char      *line, *last, *start;
    ngx_int_t    database, keys;
    ngx_uint_t   n;

    start = p;
    last = info->data + info->len;

    for (line = info->data, n = 0;
         line < last && n < NGX_RD_REFUSAL_EVIDENCE_DATABASES;
         line++)
    {
        if (last - line > 2 && line[0] == 'd' && line[1] == 'b') {
            line += 2;
            database = ngx_rd_refusal_evidence_number(&line, last);

            if (database != NGX_ERROR && last - line > 6
                && ngx_memcmp(line, ":keys=", 6) == 0)
            {
                line += 6;
                keys = ngx_rd_refusal_evidence_number(&line, last);

                if (keys != NGX_ERROR) {
                    p = ngx_sprintf(p, "%s%i in %i", p > start ? ", " : "",
                                    keys, database);
                    n++;
                }
            }
        }

        line = ngx_strlchr(line, last, LF);

        if (line == NULL) {
            break;
        }
    }

    return p;
}


/* moves *p behind it */

static ngx_int_t
ngx_rd_refusal_evidence_number(u_char **p, u_char *last)
{
    u_char  *start;

    for (start = *p; *p < last && **p >= '0' && **p <= '9'; (*p)++) {
        /* void */
    }

    return ngx_atoi(start, *p - start);
}
