
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


#define HEAD_BYTES_MAX   (16 * 1024)
#define FRAME_BYTES_MAX  (1024 * 1024)

#define HEAD_TIMEOUT_S   30

#define GREETING         "RFB 003.008\n"
#define WEBSOCKET_GUID   "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    uint32_t  h[5];
    uint64_t  len;
    uint8_t   block[64];
    size_t    fill;
} sha1_t;


/* headers of the last WebSocket handshake, seen by every child */
static char  *websocket_headers;

static const char  *mode;


static void  serve(int fd, int websocket);
static void  serve_http(int fd);
static void  serve_raw(int fd);

static void  handshake(int fd, char *lines);
static void  frames(int fd);
static int   frame_read(int fd, uint8_t *type, uint8_t *data, size_t *len);
static int   frame_write(int fd, uint8_t type, const void *data, size_t len);
static void  frame_close(int fd, unsigned code);

static char  *header(char *lines, const char *name);
static int    header_has(char *lines, const char *name, const char *token);
static void   answer(int fd, int status, const char *reason, const char *more,
    const char *body);
static int    read_all(int fd, void *buf, size_t len);
static int    write_all(int fd, const void *buf, size_t len);

static void  accept_key(const char *key, char *out);
static void  sha1_add(sha1_t *s, const void *data, size_t len);
static void  sha1_block(sha1_t *s);
static void  sha1_end(sha1_t *s, uint8_t *digest);


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
        write_all(fd, "\x15\x03\x01\n", 4);
        return;
    }

    if (write_all(fd, GREETING, sizeof(GREETING) - 1) == -1) {
        return;
    }

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        if (write_all(fd, buf, n) == -1) {
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
        write_all(fd, "\x15\x03\x01\n\n", 5);
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
    accept_key(key, accept);
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

    if (write_all(fd, out, n) == -1
        || frame_write(fd, 0x82, GREETING, sizeof(GREETING) - 1) == -1)
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

    data = malloc(FRAME_BYTES_MAX);
    if (data == NULL) {
        return;
    }

    while (frame_read(fd, &type, data, &len) == 0) {

        switch (type & 0x0f) {

        case 0x0:
        case 0x1:
        case 0x2:
            if (frame_write(fd, type, data, len) == -1) {
                return;
            }
            break;

        case 0x8:
            frame_write(fd, 0x88, data, len);
            return;

        case 0x9:
            if (frame_write(fd, 0x8a, data, len) == -1) {
                return;
            }
            break;

        case 0xa:
            break;

        default:
            frame_close(fd, 1002);
            return;
        }
    }
}


static int
frame_read(int fd, uint8_t *type, uint8_t *data, size_t *len)
{
    size_t   i, n, want;
    uint8_t  head[2], ext[8], mask[4];

    if (read_all(fd, head, 2) == -1) {
        return -1;
    }

    *type = head[0];

    /* no extension was agreed on; a client always masks */
    if ((head[0] & 0x70) || !(head[1] & 0x80)) {
        frame_close(fd, 1002);
        return -1;
    }

    n = head[1] & 0x7f;

    /* a control frame is short and whole */
    if ((head[0] & 0x08) && (n > 125 || !(head[0] & 0x80))) {
        frame_close(fd, 1002);
        return -1;
    }

    if (n > 125) {
        want = (n == 126) ? 2 : 8;

        if (read_all(fd, ext, want) == -1) {
            return -1;
        }

        for (n = 0, i = 0; i < want; i++) {
            n = n << 8 | ext[i];
        }
    }

    if (n > FRAME_BYTES_MAX) {
        frame_close(fd, 1009);
        return -1;
    }

    if (read_all(fd, mask, 4) == -1 || read_all(fd, data, n) == -1) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        data[i] ^= mask[i % 4];
    }

    *len = n;

    return 0;
}


static int
frame_write(int fd, uint8_t type, const void *data, size_t len)
{
    int      i;
    size_t   n;
    uint8_t  head[10];

    head[0] = type;

    if (len < 126) {
        head[1] = len;
        n = 2;

    } else if (len < 65536) {
        head[1] = 126;
        head[2] = len >> 8;
        head[3] = len & 0xff;
        n = 4;

    } else {
        head[1] = 127;
        for (i = 0; i < 8; i++) {
            head[2 + i] = (uint64_t) len >> (56 - 8 * i) & 0xff;
        }
        n = 10;
    }

    if (write_all(fd, head, n) == -1) {
        return -1;
    }

    return write_all(fd, data, len);
}


static void
frame_close(int fd, unsigned code)
{
    uint8_t  data[2];

    data[0] = code >> 8;
    data[1] = code & 0xff;

    frame_write(fd, 0x88, data, 2);
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

    if (write_all(fd, head, n) == 0) {
        write_all(fd, body, strlen(body));
    }
}


static int
read_all(int fd, void *buf, size_t len)
{
    char     *p;
    ssize_t   n;

    for (p = buf; len; p += n, len -= n) {
        n = read(fd, p, len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            return -1;
        }
    }

    return 0;
}


static int
write_all(int fd, const void *buf, size_t len)
{
    ssize_t      n;
    const char  *p;

    for (p = buf; len; p += n, len -= n) {
        n = write(fd, p, len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return -1;
        }
    }

    return 0;
}


/* RFC 6455, 4.2.2; out has room for 29 bytes */

static void
accept_key(const char *key, char *out)
{
    int       i, j;
    sha1_t    s;
    uint8_t   digest[21];
    uint32_t  n;

    static const char  base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    s = (sha1_t) { .h = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                          0xc3d2e1f0 } };

    sha1_add(&s, key, strlen(key));
    sha1_add(&s, WEBSOCKET_GUID, sizeof(WEBSOCKET_GUID) - 1);
    sha1_end(&s, digest);

    digest[20] = 0;

    for (i = 0; i < 21; i += 3) {
        n = digest[i] << 16 | digest[i + 1] << 8 | digest[i + 2];

        for (j = 18; j >= 0; j -= 6) {
            *out++ = base64[n >> j & 63];
        }
    }

    out[-1] = '=';
    *out = '\0';
}


static void
sha1_add(sha1_t *s, const void *data, size_t len)
{
    const uint8_t  *p;

    for (p = data; len; p++, len--) {
        s->block[s->fill++] = *p;
        s->len++;

        if (s->fill == 64) {
            sha1_block(s);
        }
    }
}


static void
sha1_end(sha1_t *s, uint8_t *digest)
{
    int       i;
    uint8_t   c;
    uint64_t  bits;

    bits = s->len * 8;
    c = 0x80;

    do {
        sha1_add(s, &c, 1);
        c = 0;
    } while (s->fill != 56);

    for (i = 56; i >= 0; i -= 8) {
        c = bits >> i & 0xff;
        sha1_add(s, &c, 1);
    }

    for (i = 0; i < 20; i++) {
        digest[i] = s->h[i / 4] >> (24 - i % 4 * 8) & 0xff;
    }
}


static void
sha1_block(sha1_t *s)
{
    int       i;
    uint32_t  a, b, c, d, e, f, k, t, w[80];

#define rol(x, n)  ((x) << (n) | (x) >> (32 - (n)))

    for (i = 0; i < 16; i++) {
        w[i] = (uint32_t) s->block[i * 4] << 24 | s->block[i * 4 + 1] << 16
               | s->block[i * 4 + 2] << 8 | s->block[i * 4 + 3];
    }

    for ( /* void */ ; i < 80; i++) {
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }

    a = s->h[0];
    b = s->h[1];
    c = s->h[2];
    d = s->h[3];
    e = s->h[4];

    for (i = 0; i < 80; i++) {

        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999;

        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1;

        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdc;

        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6;
        }

        t = rol(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rol(b, 30);
        b = a;
        a = t;
    }

    s->h[0] += a;
    s->h[1] += b;
    s->h[2] += c;
    s->h[3] += d;
    s->h[4] += e;

    s->fill = 0;
}
