
/*
 * Copyright (C) the ngx_rd authors
 */


/*
 * A strict small desktop for tests: what the image contract promises, and
 * nothing that needs a screen.  Linked statically, it is its whole image.
 *
 *   port 6080  GET /websockify        RFC 6455 handshake, then the greeting
 *                                     "RFB 003.008\n" in a binary frame, then
 *                                     every data frame comes back
 *              GET /vnc.html          200
 *              GET /env               RESOLUTION, CTFD_USERNAME, MAX_LIFETIME,
 *                                     and whether VNC_PASSWORD is set
 *              GET /headers           the header lines of this request
 *              GET /headers/websocket those of the last WebSocket handshake
 *   port 5900  "RFB 003.008\n", then every byte comes back
 *
 * DESKTOP_DELAY_MS=n   both ports are closed for n ms
 * DESKTOP_MODE=never   the ports stay closed
 *              refuse  /websockify answers 403, 5900 closes at once
 *              garbage /websockify answers bytes that are no HTTP, 5900 bytes
 *                      that are no RFB
 *              exit    the process ends with status 3
 *
 * A request it does not like gets 400, 404, 405 or 426; a frame it does not
 * like gets a close frame with 1002 or 1009.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "websocket.h"


#define HEAD_BYTES_MAX  (16 * 1024)

#define HEAD_TIMEOUT_S  30

#define GREETING        "RFB 003.008\n"


/* headers of the last WebSocket handshake, seen by every child */
static char  *websocket_headers;

static const char  *mode;


static void  serve(int fd, int websocket);
static void  serve_http(int fd);
static void  serve_raw(int fd);

static void  handshake(int fd, char *lines);
static void  frames(int fd);

static char  *header(char *lines, const char *name);
static int    header_has(char *lines, const char *name, const char *token);
static void   answer(int fd, int status, const char *reason, const char *more,
    const char *body);


static void
on_signal(int signo)
{
    /* process 1 of a container gets no default action */
    _exit(0);
}


static int
listen_on(in_port_t port)
{
    int                  fd, on, off;
    struct sockaddr_in6  sin6;
    struct sockaddr_in   sin;

    on = 1;
    off = 0;

    fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd != -1) {
        memset(&sin6, 0, sizeof(sin6));
        sin6.sin6_family = AF_INET6;
        sin6.sin6_port = htons(port);

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));

        if (bind(fd, (struct sockaddr *) &sin6, sizeof(sin6)) == 0
            && listen(fd, 128) == 0)
        {
            return fd;
        }

        close(fd);
    }

    /* a kernel without IPv6 */

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 128) == -1)
    {
        perror("desktop: listen");
        exit(1);
    }

    return fd;
}


int
main(int argc, char **argv)
{
    int              fd, i;
    const char      *delay;
    struct pollfd    pfd[2];
    struct timespec  pause;

    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);

    mode = getenv("DESKTOP_MODE");
    if (mode == NULL) {
        mode = "";
    }

    if (strcmp(mode, "exit") == 0) {
        return 3;
    }

    if (strcmp(mode, "never") == 0) {
        for ( ;; ) {
            pause.tv_sec = 3600;
            pause.tv_nsec = 0;
            nanosleep(&pause, NULL);
        }
    }

    websocket_headers = mmap(NULL, HEAD_BYTES_MAX, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (websocket_headers == MAP_FAILED) {
        perror("desktop: mmap");
        return 1;
    }

    delay = getenv("DESKTOP_DELAY_MS");

    if (delay != NULL) {
        pause.tv_sec = atoi(delay) / 1000;
        pause.tv_nsec = (atoi(delay) % 1000) * 1000000L;
        nanosleep(&pause, NULL);
    }

    pfd[0].fd = listen_on(6080);
    pfd[1].fd = listen_on(5900);
    pfd[0].events = pfd[1].events = POLLIN;

    for ( ;; ) {

        if (poll(pfd, 2, -1) == -1) {
            continue;
        }

        for (i = 0; i < 2; i++) {

            if (!(pfd[i].revents & POLLIN)) {
                continue;
            }

            fd = accept(pfd[i].fd, NULL, NULL);
            if (fd == -1) {
                continue;
            }

            if (fork() == 0) {
                close(pfd[0].fd);
                close(pfd[1].fd);
                serve(fd, i == 0);
                _exit(0);
            }

            close(fd);
        }
    }
}


static void
serve(int fd, int websocket)
{
    if (websocket) {
        serve_http(fd);

    } else {
        serve_raw(fd);
    }
}


static void
serve_raw(int fd)
{
    char     buf[4096];
    ssize_t  n;

    if (strcmp(mode, "refuse") == 0) {
        return;
    }

    if (strcmp(mode, "garbage") == 0) {
        desktop_write(fd, "\x15\x03\x01\n", 4);
        return;
    }

    if (desktop_write(fd, GREETING, sizeof(GREETING) - 1) == -1) {
        return;
    }

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        if (desktop_write(fd, buf, n) == -1) {
            return;
        }
    }
}


static void
serve_http(int fd)
{
    char            head[HEAD_BYTES_MAX + 1], body[1024], *path, *end, *lines;
    size_t          n;
    ssize_t         rc;
    const char     *env;
    struct timeval  tv;

    tv.tv_sec = HEAD_TIMEOUT_S;
    tv.tv_usec = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));

    /* byte by byte: what follows the head belongs to the WebSocket */

    for (n = 0; /* void */ ; n += rc) {

        if (n == HEAD_BYTES_MAX) {
            answer(fd, 431, "Request Header Fields Too Large", "", "");
            return;
        }

        rc = read(fd, head + n, 1);
        if (rc <= 0) {
            return;
        }

        head[n + 1] = '\0';

        if (n >= 3 && memcmp(head + n - 3, "\r\n\r\n", 4) == 0) {
            break;
        }
    }

    if (strncmp(head, "GET ", 4) != 0) {
        answer(fd, 405, "Method Not Allowed", "Allow: GET\r\n", "");
        return;
    }

    path = head + 4;
    lines = strstr(head, "\r\n") + 2;
    end = strchr(path, ' ');

    if (path[0] != '/' || end == NULL || end > lines
        || strncmp(end, " HTTP/1.1\r\n", 11) != 0
        || header(lines, "Host") == NULL)
    {
        answer(fd, 400, "Bad Request", "", "");
        return;
    }

    *end = '\0';

    if (strcmp(path, "/vnc.html") == 0) {
        answer(fd, 200, "OK", "", "<!DOCTYPE html><title>desktop</title>\n");

    } else if (strcmp(path, "/env") == 0) {
        env = getenv("RESOLUTION");
        n = snprintf(body, sizeof(body), "RESOLUTION=%.200s\n",
                     env ? env : "");
        env = getenv("CTFD_USERNAME");
        n += snprintf(body + n, sizeof(body) - n, "CTFD_USERNAME=%.200s\n",
                      env ? env : "");
        env = getenv("MAX_LIFETIME");
        n += snprintf(body + n, sizeof(body) - n, "MAX_LIFETIME=%.200s\n",
                      env ? env : "");
        env = getenv("VNC_PASSWORD");
        snprintf(body + n, sizeof(body) - n, "VNC_PASSWORD=%s\n",
                 env && env[0] ? "set" : "unset");
        answer(fd, 200, "OK", "", body);

    } else if (strcmp(path, "/headers") == 0) {
        answer(fd, 200, "OK", "", lines);

    } else if (strcmp(path, "/headers/websocket") == 0) {
        answer(fd, 200, "OK", "", websocket_headers);

    } else if (strcmp(path, "/websockify") == 0) {
        handshake(fd, lines);

    } else {
        answer(fd, 404, "Not Found", "", "");
    }
}


static void
handshake(int fd, char *lines)
{
    char            accept[29], out[512], *key;
    int             n;
    size_t          len;
    struct timeval  tv;

    if (strcmp(mode, "refuse") == 0) {
        answer(fd, 403, "Forbidden", "", "");
        return;
    }

    if (strcmp(mode, "garbage") == 0) {
        desktop_write(fd, "\x15\x03\x01\n\n", 5);
        return;
    }

    snprintf(websocket_headers, HEAD_BYTES_MAX, "%s", lines);

    if (!header_has(lines, "Upgrade", "websocket")
        || !header_has(lines, "Connection", "upgrade")
        || !header_has(lines, "Sec-WebSocket-Version", "13"))
    {
        answer(fd, 426, "Upgrade Required",
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "");
        return;
    }

    key = header(lines, "Sec-WebSocket-Key");
    len = key ? strcspn(key, "\r") : 0;

    /* 16 bytes in base64 */
    if (len != 24 || key[22] != '=' || key[23] != '=') {
        answer(fd, 400, "Bad Request", "", "");
        return;
    }

    key[24] = '\0';
    websocket_accept(key, accept);
    key[24] = '\r';

    n = snprintf(out, sizeof(out),
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "%s"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 header_has(lines, "Sec-WebSocket-Protocol", "binary")
                     ? "Sec-WebSocket-Protocol: binary\r\n" : "",
                 accept);

    if (desktop_write(fd, out, n) == -1
        || websocket_write(fd, 0x82, GREETING, sizeof(GREETING) - 1) == -1)
    {
        return;
    }

    tv.tv_sec = tv.tv_usec = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));

    frames(fd);
}


static void
frames(int fd)
{
    size_t    len;
    uint8_t   type, *data;

    data = malloc(WEBSOCKET_BYTES_MAX);
    if (data == NULL) {
        return;
    }

    while (websocket_read(fd, &type, data, &len) == 0) {

        switch (type & 0x0f) {

        case 0x0:
        case 0x1:
        case 0x2:
            if (websocket_write(fd, type, data, len) == -1) {
                return;
            }
            break;

        case 0x8:
            websocket_write(fd, 0x88, data, len);
            return;

        case 0x9:
            if (websocket_write(fd, 0x8a, data, len) == -1) {
                return;
            }
            break;

        case 0xa:
            break;

        default:
            websocket_close(fd, 1002);
            return;
        }
    }
}


/* the value of a header, ended by '\r' */

static char *
header(char *lines, const char *name)
{
    char    *p;
    size_t   len;

    len = strlen(name);

    for (p = lines; *p != '\r' && *p != '\0'; p = strstr(p, "\r\n") + 2) {

        if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
            p += len + 1;
            return p + strspn(p, " \t");
        }
    }

    return NULL;
}


static int
header_has(char *lines, const char *name, const char *token)
{
    char    *p;
    size_t   n;

    p = header(lines, name);

    while (p != NULL && *p != '\r') {
        p += strspn(p, " \t,");
        n = strcspn(p, " \t,\r");

        if (n == strlen(token) && strncasecmp(p, token, n) == 0) {
            return 1;
        }

        p += n + strspn(p + n, " \t");
    }

    return 0;
}


static void
answer(int fd, int status, const char *reason, const char *more,
    const char *body)
{
    int   n;
    char  head[512];

    n = snprintf(head, sizeof(head),
                 "HTTP/1.1 %d %s\r\n"
                 "Content-Type: text/%s; charset=utf-8\r\n"
                 "Content-Length: %zu\r\n"
                 "%s"
                 "Connection: close\r\n\r\n",
                 status, reason, body[0] == '<' ? "html" : "plain",
                 strlen(body), more);

    if (desktop_write(fd, head, n) == 0) {
        desktop_write(fd, body, strlen(body));
    }
}
