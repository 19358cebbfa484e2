
/*
 * Copyright (C) the ngx_rd authors
 */

#include "../../../src/base/ngx_rd_frames.c"
#include "tap.h"


/* a short frame, one with two and one with eight bytes of length, a masked */

static size_t
stream(u_char *buf, size_t *ends)
{
    u_char  *p;

    p = buf;

    *p++ = 0x82; *p++ = 0;
    *ends++ = p - buf;

    *p++ = 0x82; *p++ = 5;
    memset(p, 0xff, 5); p += 5;
    *ends++ = p - buf;

    *p++ = 0x02; *p++ = 126; *p++ = 1; *p++ = 2;
    memset(p, 0x81, 258); p += 258;
    *ends++ = p - buf;

    *p++ = 0x80; *p++ = 127;
    memset(p, 0, 6); p += 6;
    *p++ = 0x01; *p++ = 0x00;
    memset(p, 0x88, 256); p += 256;
    *ends++ = p - buf;

    *p++ = 0x81; *p++ = 0x80 | 3;
    memset(p, 0x7f, 4 + 3); p += 4 + 3;
    *ends++ = p - buf;

    *ends = 0;

    return p - buf;
}


static ngx_uint_t
is_end(size_t at, const size_t *ends)
{
    for ( /* void */ ; *ends; ends++) {

        if (*ends == at) {
            return 1;
        }
    }

    return at == 0;
}


static void
test_between(void)
{
    u_char           buf[1024];
    size_t           ends[8], len, i, step, wrong;
    ngx_rd_frames_t  frames;

    len = stream(buf, ends);

    for (step = 1; step <= 17; step += 4) {
        memset(&frames, 0, sizeof(frames));
        wrong = 0;

        for (i = 0; i < len; i += step) {
            wrong += ngx_rd_frames_between(&frames) != is_end(i, ends);
            ngx_rd_frames_pass(&frames, buf + i,
                               step < len - i ? step : len - i);
        }

        wrong += !ngx_rd_frames_between(&frames);
        is_int(wrong, 0, "ends of frames are known, however they come");
    }
}


static void
test_rest(void)
{
    u_char           buf[1024];
    size_t           ends[8], len, i, rest, wrong;
    ngx_rd_frames_t  frames;

    len = stream(buf, ends);
    wrong = 0;

    for (i = 0; i < len; i++) {
        memset(&frames, 0, sizeof(frames));
        ngx_rd_frames_pass(&frames, buf, i);

        rest = ngx_rd_frames_rest(&frames, buf + i, len - i);

        wrong += !is_end(i + rest, ends);
        wrong += is_end(i, ends) && rest != 0;
    }

    is_int(wrong, 0, "what is left of a frame is just that");

    memset(&frames, 0, sizeof(frames));
    ngx_rd_frames_pass(&frames, buf, 4);
    is_int(ngx_rd_frames_rest(&frames, buf + 4, 1), 1,
           "where less is there, all of it");
}


static void
test_close(void)
{
    u_char  buf[127];
    char    longer[200];
    size_t  len;

    len = ngx_rd_frames_close(buf, 4003, "logged out");
    is_int(len, 14, "a close frame");
    ok(memcmp(buf, "\x88\x0c\x0f\xa3logged out", 14) == 0,
       "has a code and a reason");

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';

    is_int(ngx_rd_frames_close(buf, 4000, longer), 127,
           "a long reason is cut");
    is_int(buf[1], 125, "to what a control frame holds");
}


int
main(void)
{
    test_between();
    test_rest();
    test_close();

    return tap_done();
}
