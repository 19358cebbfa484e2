
/*
 * Copyright (C) the ngx_rd authors
 */


#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "websocket.h"


#define GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    uint32_t  h[5];
    uint64_t  len;
    uint8_t   block[64];
    size_t    fill;
} sha1_t;


static void  sha1_add(sha1_t *s, const void *data, size_t len);
static void  sha1_block(sha1_t *s);
static void  sha1_end(sha1_t *s, uint8_t *digest);


int
websocket_read(int fd, uint8_t *type, uint8_t *data, size_t *len)
{
    size_t   i, n, want;
    uint8_t  head[2], ext[8], mask[4];

    if (desktop_read(fd, head, 2) == -1) {
        return -1;
    }

    *type = head[0];

    /* no extension was agreed on; a client always masks */
    if ((head[0] & 0x70) || !(head[1] & 0x80)) {
        websocket_close(fd, 1002);
        return -1;
    }

    n = head[1] & 0x7f;

    /* a control frame is short and whole */
    if ((head[0] & 0x08) && (n > 125 || !(head[0] & 0x80))) {
        websocket_close(fd, 1002);
        return -1;
    }

    if (n > 125) {
        want = (n == 126) ? 2 : 8;

        if (desktop_read(fd, ext, want) == -1) {
            return -1;
        }

        for (n = 0, i = 0; i < want; i++) {
            n = n << 8 | ext[i];
        }
    }

    if (n > WEBSOCKET_BYTES_MAX) {
        websocket_close(fd, 1009);
        return -1;
    }

    if (desktop_read(fd, mask, 4) == -1 || desktop_read(fd, data, n) == -1) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        data[i] ^= mask[i % 4];
    }

    *len = n;

    return 0;
}


int
websocket_write(int fd, uint8_t type, const void *data, size_t len)
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

    if (desktop_write(fd, head, n) == -1) {
        return -1;
    }

    return desktop_write(fd, data, len);
}


void
websocket_close(int fd, unsigned code)
{
    uint8_t  data[2];

    data[0] = code >> 8;
    data[1] = code & 0xff;

    websocket_write(fd, 0x88, data, 2);
}


int
desktop_read(int fd, void *buf, size_t len)
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


int
desktop_write(int fd, const void *buf, size_t len)
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


void
websocket_accept(const char *key, char *out)
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
    sha1_add(&s, GUID, sizeof(GUID) - 1);
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
