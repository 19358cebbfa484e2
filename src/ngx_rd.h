
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_H_INCLUDED_
#define _NGX_RD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Every error there is: name, HTTP status, machine code, one sentence for a
 * player, and whether another try may help: 0 no; 1 on another host; 2 the host
 * was not reached, so the try says nothing of the session and does not count.
 * Details for administrators travel beside the error (ngx_rd_detail_t), never
 * inside it.
 */

#define NGX_RD_ERRORS(X)                                                      \
    X(NONE,             200, "ok",                                            \
      "everything is fine", 0)                                                \
                                                                              \
    X(LOGIN_REQUIRED,   401, "login_required",                                \
      "please log in first", 0)                                               \
    X(SIGNATURE_MISSING, 401, "signature_missing",                            \
      "this address wants a signed header", 0)                                \
    X(SIGNATURE_MALFORMED, 401, "signature_malformed",                        \
      "the signed header has another form", 0)                                \
    X(SIGNATURE_WRONG,  401, "signature_wrong",                               \
      "the signed header was not signed with our secret for this request", 0) \
    X(SIGNATURE_OLD,    401, "signature_old",                                 \
      "the signed header is too old, or from the future", 0)                  \
    X(SIGNATURE_REPLAYED, 401, "signature_replayed",                          \
      "the signed header was used before", 0)                                 \
    X(CSRF,             403, "csrf",                                          \
      "this page is out of date: reload it and try again", 0)                 \
    X(BANNED,           403, "banned",                                        \
      "this account is banned", 0)                                            \
    X(NOT_VERIFIED,     403, "not_verified",                                  \
      "Email verification required", 0)                                       \
    X(ACCOUNT_GONE,     403, "account_gone",                                  \
      "this account is not known here any more: please talk to an organiser", \
      0)                                                                      \
    X(ADMIN_ONLY,       403, "admin_only",                                    \
      "only administrators may do this", 0)                                   \
    X(FORBIDDEN,        403, "forbidden",                                     \
      "this desktop belongs to somebody else", 0)                             \
    X(ORIGIN,           403, "bad_origin",                                    \
      "the server does not know this address as its own", 0)                  \
    X(BAD_REQUEST,      400, "bad_request",                                   \
      "the request could not be understood", 0)                               \
    X(NOT_FOUND,        404, "not_found",                                     \
      "there is nothing here", 0)                                             \
    X(METHOD,           405, "method_not_allowed",                            \
      "this address does not take that method", 0)                            \
    X(UPGRADE,          426, "websocket_required",                            \
      "only a WebSocket may go here", 0)                                      \
    X(INTERNAL,         500, "internal",                                      \
      "something went wrong on our side", 0)                                  \
    X(MEMORY,           503, "no_memory",                                     \
      "the server is out of memory", 1)                                       \
                                                                              \
    X(NO_SESSION,       404, "no_session",                                    \
      "No active session", 0)                                                 \
    X(NO_SUCH_HOST,     404, "no_such_host",                                  \
      "there is no desktop host of this name", 0)                             \
    X(SESSION_EXISTS,   400, "session_exists",                                \
      "Session already exists", 0)                                            \
    X(CREATING,         400, "creation_in_progress",                          \
      "Session creation already in progress", 0)                              \
    X(NOT_READY,        409, "not_ready",                                     \
      "the desktop is still starting", 0)                                     \
    X(MODE,             404, "mode_not_offered",                              \
      "this session does not offer that", 0)                                  \
    X(VIEW,             404, "view_not_offered",                              \
      "this session cannot be watched: it has no view-only password", 0)      \
    X(EXPIRED,          410, "expired",                                       \
      "the time of this desktop is over", 0)                                  \
    X(ENDED,            410, "ended",                                         \
      "this desktop was stopped", 0)                                          \
    X(MAX_EXTENSIONS,   400, "max_extensions",                                \
      "Maximum extensions reached", 0)                                        \
    X(RATE_LIMITED,     429, "rate_limited",                                  \
      "that was too often: please wait a little", 0)                          \
    X(DRAINING,         409, "draining",                                      \
      "this server is being emptied: time cannot be added here", 0)           \
    X(CANCELLED,        409, "cancelled",                                     \
      "creation cancelled by user", 0)                                        \
    X(STALE,            409, "stale",                                         \
      "the session has moved on meanwhile", 0)                                \
    X(NO_HOST,          503, "no_capacity",                                   \
      "every desktop host is full", 1)                                        \
    X(HOST_TOO_SMALL,   503, "host_too_small",                                \
      "no desktop host is large enough for a desktop", 0)                     \
    X(DISABLED,         403, "disabled",                                      \
      "Remote Desktop is currently disabled", 0)                              \
    X(QUEUE_FULL,       503, "queue_full",                                    \
      "too many players are waiting for a desktop", 1)                        \
    X(NOT_UP_IN_TIME,   504, "desktop_timeout",                               \
      "the desktop did not come up in time", 0)                               \
    X(DESKTOP_CONNECT,  502, "desktop_connect",                               \
      "the desktop cannot be reached: try again in a few seconds", 0)         \
    X(DESKTOP_ANSWER,   502, "desktop_answer",                                \
      "the desktop gave an answer that is not passed on", 0)                  \
    X(DESKTOP_SILENT,   504, "desktop_silent",                                \
      "the desktop did not answer in time: it may be overloaded", 0)          \
                                                                              \
    X(REDIS_DOWN,       503, "redis_down",                                    \
      "the session store cannot be reached", 1)                               \
    X(REDIS_LOST,       503, "redis_lost",                                    \
      "the connection to the session store was lost", 1)                      \
    X(REDIS_TIMEOUT,    503, "redis_timeout",                                 \
      "the session store did not answer in time", 1)                          \
    X(REDIS_QUEUE_FULL, 503, "redis_queue_full",                              \
      "too many requests wait for the session store", 1)                      \
    X(REDIS_OLD,        503, "redis_too_old",                                 \
      "the session store is older than Redis 6.2", 0)                         \
    X(REDIS_NO_WRITE,   503, "redis_no_write",                                \
      "the session store accepts no changes at the moment: open desktops go " \
      "on; please try again in a minute", 1)                                  \
    X(REDIS_REFUSED,    503, "redis_refused",                                 \
      "the session store refused the request: please tell an administrator, " \
      "nginx's error log has the reason", 1)                                  \
    X(REDIS_REPLY,      503, "redis_reply",                                   \
      "the session store gave an unexpected answer", 0)                       \
                                                                              \
    X(SSH_CONNECT,      502, "ssh_connect",                                   \
      "the desktop host cannot be reached", 2)                                \
    X(SSH_TIMEOUT,      502, "ssh_timeout",                                   \
      "the desktop host did not answer in time", 2)                           \
    X(SSH_HOST_KEY,     502, "ssh_host_key",                                  \
      "the desktop host could not prove who it is", 1)                        \
    X(SSH_AUTH,         502, "ssh_auth",                                      \
      "the desktop host refused our key", 1)                                  \
    X(SSH_ALGORITHM,    502, "ssh_algorithm",                                 \
      "the desktop host and we share no SSH algorithm", 1)                    \
    X(SSH_CHANNEL,      502, "ssh_channel",                                   \
      "the desktop host refused the way to its Docker engine", 1)             \
    X(SSH_LOST,         502, "ssh_lost",                                      \
      "the connection to the desktop host was lost", 2)                       \
    X(SSH_ANSWER,       502, "ssh_answer",                                    \
      "the desktop host does not speak SSH as it should", 1)                  \
    X(SSH_POOL_FULL,    503, "ssh_pool_full",                                 \
      "all connections to the desktop host are busy", 2)                      \
                                                                              \
    X(DOCKER_CONNECT,   502, "docker_connect",                                \
      "the Docker engine of the desktop host does not answer", 2)             \
    X(DOCKER_TIMEOUT,   502, "docker_timeout",                                \
      "the Docker engine of the desktop host is too slow", 1)                 \
    X(DOCKER_ANSWER,    502, "docker_answer",                                 \
      "the Docker engine of the desktop host answers nonsense", 1)            \
    X(DOCKER_REFUSED,   502, "docker_refused",                                \
      "the Docker engine of the desktop host refused the desktop", 1)         \
    X(DOCKER_DISK_FULL, 503, "docker_disk_full",                              \
      "the disk of the desktop host is full", 1)                              \
    X(DOCKER_NO_IMAGE,  502, "docker_no_image",                               \
      "the desktop host does not have the desktop image", 1)                  \
    X(DOCKER_NAME,      409, "docker_name_taken",                             \
      "the desktop host already has a container of this name", 0)             \
    X(DOCKER_GONE,      404, "docker_gone",                                   \
      "the container is gone", 0)                                             \
    X(DOCKER_PORTS,     502, "docker_ports",                                  \
      "the desktop host did not publish the desktop's ports", 1)


#define NGX_RD_ERROR_ENUM(name, status, code, sentence, retry)                \
    NGX_RD_ERR_##name,

typedef enum {
    NGX_RD_ERRORS(NGX_RD_ERROR_ENUM)
    NGX_RD_ERR_N
} ngx_rd_error_e;


/* what an administrator wants to know of an error; always NUL-terminated */

#define NGX_RD_DETAIL_BYTES_MAX  256

typedef struct {
    char  text[NGX_RD_DETAIL_BYTES_MAX];
} ngx_rd_detail_t;


typedef struct ngx_rd_redis_s          ngx_rd_redis_t;
typedef struct ngx_rd_redis_call_s     ngx_rd_redis_call_t;
typedef struct ngx_rd_redis_reply_s    ngx_rd_redis_reply_t;
typedef struct ngx_rd_host_conf_s      ngx_rd_host_conf_t;
typedef struct ngx_rd_settings_s       ngx_rd_settings_t;
typedef struct ngx_rd_ssh_pool_s       ngx_rd_ssh_pool_t;
typedef struct ngx_rd_container_spec_s ngx_rd_container_spec_t;
typedef struct ngx_rd_container_s      ngx_rd_container_t;
typedef struct ngx_rd_job_s            ngx_rd_job_t;


/*
 * What cannot happen.  Active in a debug build; outside input is never
 * asserted on.
 */

#if (NGX_DEBUG)
#define ngx_rd_assert(cond)                                                   \
    do {                                                                      \
        if (!(cond)) {                                                        \
            ngx_debug_point();                                                \
            abort();                                                          \
        }                                                                     \
    } while (0)
#else
#define ngx_rd_assert(cond)  ((void) 0)
#endif


#endif /* _NGX_RD_H_INCLUDED_ */
