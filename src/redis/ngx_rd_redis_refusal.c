
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_rd_redis_internal.h"
#include "../base/ngx_rd_text.h"


#define NGX_RD_REDIS_REFUSAL_CHECK_MS     1000
#define NGX_RD_REDIS_REFUSAL_SAY_MS       60000
#define NGX_RD_REDIS_REFUSAL_UNSURE_MS    10000

/* what is logged of Redis' own words, so that the cure is on the same line */
#define NGX_RD_REDIS_REFUSAL_WORDS        160


typedef struct {
    const char                   *code;
    ngx_rd_redis_refusal_kind_e   kind;
    const char                   *cure;
} ngx_rd_redis_refusal_row_t;


static ngx_uint_t ngx_rd_redis_refusal_find(const char *text);
static void ngx_rd_redis_refusal_say(ngx_rd_redis_t *redis, ngx_uint_t row,
    const char *text);

static void ngx_rd_redis_refusal_over(ngx_rd_redis_t *redis,
    ngx_rd_redis_refusal_kind_e kind);
static void ngx_rd_redis_refusal_check_handler(ngx_event_t *ev);
static void ngx_rd_redis_refusal_checked(ngx_rd_redis_call_t *call);
static void ngx_rd_redis_refusal_check_later(ngx_rd_redis_t *redis);


/*
 * The first words of an error reply, and what an operator can do.  The first
 * row that fits counts; a code ends with a space or with the reply.
 */

static const ngx_rd_redis_refusal_row_t  ngx_rd_redis_refusal_rows[] = {

    { "LOADING", NGX_RD_REDIS_REFUSAL_AWAY,
      "the server is reading its data from disk; wait until it has" },
    { "BUSY", NGX_RD_REDIS_REFUSAL_AWAY,
      "a script blocks the server; SCRIPT KILL ends one that has not written" },
    { "MASTERDOWN", NGX_RD_REDIS_REFUSAL_AWAY,
      "this replica has lost its master; use the master's address" },
    { "CLUSTERDOWN", NGX_RD_REDIS_REFUSAL_AWAY,
      "the cluster does not serve this hash slot; see CLUSTER INFO" },
    { "TRYAGAIN", NGX_RD_REDIS_REFUSAL_AWAY,
      "the cluster is moving this hash slot; wait until it has" },
    { "ERR max number of clients", NGX_RD_REDIS_REFUSAL_AWAY,
      "raise maxclients in redis.conf" },

    { "MISCONF", NGX_RD_REDIS_REFUSAL_NO_WRITE,
      "Redis cannot save to disk; its own log says why (disk full, folder "
      "missing or not writable)" },
    { "READONLY", NGX_RD_REDIS_REFUSAL_NO_WRITE,
      "this is a read-only replica; use the master's address" },
    { "OOM", NGX_RD_REDIS_REFUSAL_NO_WRITE,
      "maxmemory is used up; raise it in redis.conf" },
    { "NOREPLICAS", NGX_RD_REDIS_REFUSAL_NO_WRITE,
      "too few replicas are connected; repair them or lower "
      "min-replicas-to-write" },

    { "NOAUTH", NGX_RD_REDIS_REFUSAL_CONFIG,
      "the server wants a password; set password_file=" },
    { "NOPERM", NGX_RD_REDIS_REFUSAL_CONFIG,
      "the ACL of this user does not allow it; see docs/REDIS.md" },
    { "MOVED", NGX_RD_REDIS_REFUSAL_CONFIG,
      "this cluster node does not hold the site's keys; use the address of "
      "the node named here" },
    { "ASK", NGX_RD_REDIS_REFUSAL_CONFIG,
      "the cluster moves the site's keys to the node named here; use its "
      "address when they have moved" },
    { "CROSSSLOT", NGX_RD_REDIS_REFUSAL_CONFIG,
      "these keys are in several hash slots; use a server that is no cluster" },
    { "DENIED", NGX_RD_REDIS_REFUSAL_CONFIG,
      "protected-mode is on; give the server a password" },
    { "WRONGTYPE", NGX_RD_REDIS_REFUSAL_CONFIG,
      "another program writes keys of the same names; choose another prefix= "
      "or db=" },
    { "EXECABORT", NGX_RD_REDIS_REFUSAL_CONFIG,
      "a command of a transaction was refused before" },
    { "NOSCRIPT", NGX_RD_REDIS_REFUSAL_CONFIG,
      "the server forgets scripts at once; use a server that keeps them" },
    { "ERR unknown command", NGX_RD_REDIS_REFUSAL_CONFIG,
      "the server does not have this command, or rename-command hides it" },

    { "", NGX_RD_REDIS_REFUSAL_OTHER,
      "this was not expected" }
};


ngx_rd_error_e
ngx_rd_redis_refusal_note(ngx_rd_redis_t *redis, const char *text,
    ngx_uint_t asked)
{
    ngx_uint_t                         i;
    ngx_rd_redis_trouble_t            *trouble;
    const ngx_rd_redis_refusal_row_t  *row;

    static const ngx_rd_error_e  errors[] = {
        NGX_RD_ERR_REDIS_DOWN,
        NGX_RD_ERR_REDIS_NO_WRITE,
        NGX_RD_ERR_REDIS_REFUSED,
        NGX_RD_ERR_REDIS_REPLY
    };

    i = ngx_rd_redis_refusal_find(text);
    row = &ngx_rd_redis_refusal_rows[i];

    if (row->kind < NGX_RD_REDIS_REFUSAL_STATES) {
        trouble = &redis->trouble[row->kind];

        if (!trouble->on) {
            trouble->on = 1;
            trouble->since = ngx_current_msec;
            trouble->count = 0;
        }

        trouble->last = ngx_current_msec;
        trouble->count++;

        /* what answers our own questions every worker gets; one logs it */

        if (ngx_worker == 0
            || (!asked && redis->state != NGX_RD_REDIS_OPENING))
        {
            ngx_rd_redis_refusal_say(redis, i, text);
        }

        ngx_rd_redis_refusal_check_later(redis);

    } else if (!asked) {
        ngx_rd_redis_refusal_say(redis, i, text);
    }

    if (ngx_strcmp(row->code, "NOAUTH") == 0) {
        ngx_rd_redis_refuse(redis, "%.*s: %s", NGX_RD_REDIS_REFUSAL_WORDS, text,
                            row->cure);
    }

    return errors[row->kind];
}


static ngx_uint_t
ngx_rd_redis_refusal_find(const char *text)
{
    size_t       len;
    ngx_uint_t   i;
    const char  *p, *code;

    /*
     * Redis 6.2: "ERR Error running script (call to f_SHA): @user_script:7:
     * @user_script: 7: -MISCONF ..."
     */

    if (ngx_strncmp(text, "ERR Error ", 10) == 0) {
        p = ngx_strstr(text, ": -");
        text = p ? p + 3 : text;
    }

    for (i = 0; /* void */ ; i++) {
        code = ngx_rd_redis_refusal_rows[i].code;
        len = ngx_strlen(code);

        if (len == 0
            || (ngx_strncmp(text, code, len) == 0
                && (text[len] == ' ' || text[len] == '\0')))
        {
            return i;
        }
    }
}


static void
ngx_rd_redis_refusal_say(ngx_rd_redis_t *redis, ngx_uint_t row,
    const char *text)
{
    size_t                   len;
    uint32_t                 bit;
    const char              *args;
    ngx_rd_detail_t          words;
    ngx_rd_redis_trouble_t  *trouble;

    static const char  *what[] = {
        "the server answers but cannot serve",
        "writes are refused, reads go on",
        "the server refuses a command",
        "unexpected answer"
    };

    const ngx_rd_redis_refusal_row_t  *r = &ngx_rd_redis_refusal_rows[row];

    bit = (uint32_t) 1 << row;

    if (redis->conf->secondary
        || ((redis->refusals_said & bit)
            && ngx_current_msec - redis->refusal_said[row]
               < NGX_RD_REDIS_REFUSAL_SAY_MS))
    {
        return;
    }

    redis->refusals_said |= bit;
    redis->refusal_said[row] = ngx_current_msec;

    /*
     * The arguments of an unknown command may be anything, also a password;
     * the place in a script says nothing to operators
     */

    args = ngx_strstr(text, ", with args");
    args = args ? args : ngx_strstr(text, " script: ");
    len = args ? (size_t) (args - text) : ngx_strlen(text);

    (void) ngx_rd_error_detail(NGX_RD_ERR_REDIS_REFUSED, &words, "%.*s",
                               (int) ngx_min(len, sizeof(words.text) - 1),
                               text);
    ngx_rd_text_cut(words.text, NGX_RD_REDIS_REFUSAL_WORDS);

    if (r->kind >= NGX_RD_REDIS_REFUSAL_STATES) {
        ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                      "rd redis %V: %s: %s; %s (%V %V)", &redis->conf->name,
                      what[r->kind], words.text, r->cure,
                      &redis->conf->directive, &redis->server);
        return;
    }

    trouble = &redis->trouble[r->kind];
    trouble->said = 1;

    ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                  "rd redis %V: %s: %s; %s (%V %V), refused:%uL for:%Mms",
                  &redis->conf->name, what[r->kind], words.text, r->cure,
                  &redis->conf->directive, &redis->server,
                  trouble->count, ngx_current_msec - trouble->since);
}


static void
ngx_rd_redis_refusal_over(ngx_rd_redis_t *redis,
    ngx_rd_redis_refusal_kind_e kind)
{
    ngx_rd_redis_trouble_t  *trouble;

    trouble = &redis->trouble[kind];

    if (!trouble->on) {
        return;
    }

    trouble->on = 0;

    if (trouble->said) {
        trouble->said = 0;

        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "rd redis %V: %s, refused:%uL for:%Mms",
                      &redis->conf->name,
                      kind == NGX_RD_REDIS_REFUSAL_AWAY
                      ? "the server serves again"
                      : "writes are accepted again",
                      trouble->count, ngx_current_msec - trouble->since);
    }
}


void
ngx_rd_redis_refusal_none(ngx_rd_redis_t *redis)
{
    ngx_rd_redis_refusal_over(redis, NGX_RD_REDIS_REFUSAL_AWAY);
    ngx_rd_redis_refusal_over(redis, NGX_RD_REDIS_REFUSAL_NO_WRITE);
}


void
ngx_rd_redis_refusal_init(ngx_rd_redis_t *redis)
{
    redis->check.handler = ngx_rd_redis_refusal_check_handler;
    redis->check.data = redis;
    redis->check.log = redis->log;
    redis->check.cancelable = 1;
}


void
ngx_rd_redis_refusal_stop(ngx_rd_redis_t *redis)
{
    if (redis->check.timer_set) {
        ngx_del_timer(&redis->check);
    }
}


static void
ngx_rd_redis_refusal_check_later(ngx_rd_redis_t *redis)
{
    if (redis->check.timer_set || redis->checking
        || redis->state == NGX_RD_REDIS_CLOSING)
    {
        return;
    }

    ngx_add_timer(&redis->check, NGX_RD_REDIS_REFUSAL_CHECK_MS);
}


/*
 * A write that changes nothing: SET ... XX of a key that nobody makes.  It is
 * refused for each reason that a script's writes would be.  Without such a
 * key only reads matter; PING is refused while Redis cannot save.
 */

ngx_uint_t
ngx_rd_redis_refusal_question(const ngx_rd_redis_conf_t *conf, ngx_str_t *argv)
{
    if (conf->write_key.len == 0) {
        ngx_str_set(&argv[0], "PING");
        return 1;
    }

    ngx_str_set(&argv[0], "SET");
    argv[1] = conf->write_key;
    ngx_str_set(&argv[2], "1");
    ngx_str_set(&argv[3], "XX");
    ngx_str_set(&argv[4], "PX");
    ngx_str_set(&argv[5], "1");

    return NGX_RD_REDIS_REFUSAL_ARGS_MAX;
}


static void
ngx_rd_redis_refusal_check_handler(ngx_event_t *ev)
{
    ngx_str_t        argv[NGX_RD_REDIS_REFUSAL_ARGS_MAX];
    ngx_uint_t       argc;
    ngx_rd_redis_t  *redis = ev->data;

    /* a new connection asks by itself */

    if (redis->state != NGX_RD_REDIS_READY) {
        return;
    }

    argc = ngx_rd_redis_refusal_question(redis->conf, argv);

    if (ngx_rd_redis_call_start(redis, argc, argv,
                                ngx_rd_redis_refusal_checked, redis)
        == NULL)
    {
        ngx_rd_redis_refusal_check_later(redis);
        return;
    }

    redis->checking = 1;
}


static void
ngx_rd_redis_refusal_checked(ngx_rd_redis_call_t *call)
{
    ngx_rd_redis_t          *redis;
    ngx_rd_redis_trouble_t  *writes;

    redis = call->owner;
    redis->checking = 0;

    writes = &redis->trouble[NGX_RD_REDIS_REFUSAL_NO_WRITE];

    switch (call->error) {

    case NGX_RD_ERR_NONE:
        ngx_rd_redis_refusal_none(redis);
        return;

    case NGX_RD_ERR_REDIS_NO_WRITE:
        ngx_rd_redis_refusal_over(redis, NGX_RD_REDIS_REFUSAL_AWAY);
        ngx_rd_redis_address_check(redis);
        break;

    case NGX_RD_ERR_REDIS_REFUSED:
    case NGX_RD_ERR_REDIS_REPLY:

        /* the ACL forbids just this: only time can tell */

        ngx_rd_redis_refusal_over(redis, NGX_RD_REDIS_REFUSAL_AWAY);

        if (ngx_current_msec - writes->last > NGX_RD_REDIS_REFUSAL_UNSURE_MS) {
            ngx_rd_redis_refusal_over(redis, NGX_RD_REDIS_REFUSAL_NO_WRITE);
        }

        break;

    default:
        break;
    }

    if (redis->trouble[NGX_RD_REDIS_REFUSAL_AWAY].on || writes->on) {
        ngx_rd_redis_refusal_check_later(redis);
    }
}


ngx_uint_t
ngx_rd_redis_refusal_asked(const ngx_rd_redis_call_t *call)
{
    return call->done == ngx_rd_redis_refusal_checked;
}
