
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REASON_H_INCLUDED_
#define _NGX_RD_REASON_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * Why a request was refused, where the error alone does not say it: many
 * causes end in one 401.  Code (label of the counter, first word of the log
 * line), how many requests in one interval make a line (0: never), what these
 * requests did, and what an operator checks.  A refusal without a reason of
 * its own is counted under the code of its error.
 *
 * docs/TROUBLESHOOTING.md has a row for each.
 */

#define NGX_RD_REASONS(X)                                                     \
    X(NONE, "none", 0, "", "")                                                \
                                                                              \
    X(NO_COOKIE, "no_cookie", 60,                                             \
      "sent no CTFd cookie, and no other request had one",                    \
      "if people log in and come back to the login page, the browser keeps "  \
      "the cookie from this path: with APPLICATION_ROOT=/ctf in CTFd add "    \
      "\"proxy_cookie_path /ctf /;\" to CTFd's location")                     \
    X(NO_COOKIE_AFTER_LOGIN, "no_cookie_after_login", 1,                      \
      "came from the login page and sent no CTFd cookie",                     \
      "is rd_ctfd_cookie CTFd's SESSION_COOKIE_NAME, and its Path \"/\"? "    \
      "with APPLICATION_ROOT=/ctf in CTFd add \"proxy_cookie_path /ctf /;\" " \
      "to CTFd's location")                                                   \
    X(COOKIE_NAME, "cookie_name", 1,                                          \
      "sent CTFd's cookie under another name",                                \
      "set rd_ctfd_cookie to CTFd's SESSION_COOKIE_NAME")                     \
    X(COOKIE_SHADOWED, "cookie_shadowed", 1,                                  \
      "sent two cookies of one name, CTFd's second",                          \
      "another application on this host name sets a cookie of CTFd's name: "  \
      "rename one (SESSION_COOKIE_NAME in CTFd and rd_ctfd_cookie)")          \
    X(COOKIE_MALFORMED, "cookie_malformed", 1,                                \
      "sent a cookie that is not in CTFd's form",                             \
      "is rd_ctfd_cookie CTFd's SESSION_COOKIE_NAME, and does no other "      \
      "application on this host name set a cookie of that name?")             \
    X(COOKIE_SIGNATURE, "cookie_signature", 1,                                \
      "sent a cookie of good form with a wrong signature",                    \
      "is rd_ctfd_secret_file CTFd's SECRET_KEY, byte for byte?")             \
    X(SESSION_UNKNOWN, "session_unknown", 1,                                  \
      "sent a genuine cookie, but Redis has no such session",                 \
      "are address, db= and session_prefix= of rd_ctfd_redis those of CTFd, " \
      "and does CTFd cache in Redis (REDIS_URL), not in files?")              \
    X(SESSION_UNREADABLE, "session_unreadable", 1,                            \
      "sent a genuine cookie, but its session in Redis cannot be read",       \
      "this is not what CTFd 3.7 and 3.8 write: does a plugin change the "    \
      "serializer of sessions, or is session_prefix= of rd_ctfd_redis that "  \
      "of something else?")                                                   \
    X(LOGGED_OUT, "logged_out", 0,                                            \
      "sent the cookie of a session in which nobody is logged in", "")        \
    X(RECORD_HASH, "record_hash", 1,                                          \
      "had a session of another password than the user record's",             \
      "after a change of password this is as it should be; else the record's "\
      "\"hash\" (docs/REDIS.md) is not that of this CTFd")                    \
    X(ACCOUNT_GONE, "account_gone", 1,                                        \
      "had the session of a user who has no record, though there was one or " \
      "\"records\" says that everybody has one",                              \
      "publish the record again, or delete known:ID and records to give "     \
      "records up (docs/REDIS.md)")                                           \
    X(NOT_VERIFIED, "not_verified", 10,                                       \
      "were refused because the user record says \"verified\" 0",             \
      "the record wants CTFd's effective value: 1 while verify_emails is "    \
      "off (docs/REDIS.md); or set rd_require_verified off")                  \
                                                                              \
    X(ORIGIN, "bad_origin", 1,                                                \
      "came from a page of another origin",                                   \
      "if that is your site, a proxy changes Host: let it pass Host on, or "  \
      "name the origin in rd_allowed_origins")                                \
    X(UPGRADE_LOST, "upgrade_lost", 1,                                        \
      "wanted a WebSocket, but it did not arrive as one",                     \
      "the proxy in front of rd_gate must speak HTTP/1.1 and pass Upgrade "   \
      "and Connection on (proxy_http_version 1.1)")                           \
    X(OWNER_MISSING, "owner_missing", 1,                                      \
      "asked auth-check without saying whose desktop is meant",               \
      "the proxy must set X-User-ID to a user's id (docs/API.md)")            \
                                                                              \
    X(SIGNATURE_MISSING, "signature_missing", 1,                              \
      "had no X-RD-Signature where only that counts",                         \
      "add ctfd to rd_identity if people come here, too")                     \
    X(SIGNATURE_MALFORMED, "signature_malformed", 1,                          \
      "had an X-RD-Signature in another form", "see docs/SIGNED.md")          \
    X(SIGNATURE_WRONG, "signature_wrong", 1,                                  \
      "had an X-RD-Signature that none of our secrets made",                  \
      "is rd_signed_secret_file the application's secret, and does it sign "  \
      "the path and body that arrive here (docs/SIGNED.md)?")                 \
    X(SIGNATURE_OLD, "signature_old", 1,                                      \
      "had an X-RD-Signature of another time",                                \
      "compare the clocks of both machines with rd_signed_window")            \
    X(SIGNATURE_REPLAYED, "signature_replayed", 1,                            \
      "had an X-RD-Signature that was used before",                           \
      "the application must make a nonce for each call, also for a retry")


#define NGX_RD_REASON_ENUM(name, code, after, what, check)                    \
    NGX_RD_REASON_##name,

typedef enum {
    NGX_RD_REASONS(NGX_RD_REASON_ENUM)
    NGX_RD_REASON_N
} ngx_rd_reason_e;


typedef struct {
    const char  *code;
    ngx_uint_t   after;         /* requests in one interval; 0: no line */
    const char  *what;
    const char  *check;
} ngx_rd_reason_row_t;


/* Pure; any thread. */
const ngx_rd_reason_row_t  *ngx_rd_reason_row(ngx_rd_reason_e reason);

/* The reason with the same code as an error, or NONE. */
ngx_rd_reason_e  ngx_rd_reason_of_error(ngx_rd_error_e error);


#endif /* _NGX_RD_REASON_H_INCLUDED_ */
