
/*
 * Copyright (C) the ngx_rd authors
 */

#include "../../../src/identity/ngx_rd_pickle.c"
#include "tap.h"


#define FRAME(n)  "\x95" n "\0\0\0\0\0\0\0"


/* from a block of exactly that size, so that ASan sees a byte too far */

static ngx_int_t
read_text(const char *value, size_t len, size_t *at, size_t *text_len)
{
    u_char        *copy;
    ngx_int_t      rc;
    const u_char  *text;

    copy = malloc(len ? len : 1);
    memcpy(copy, value, len);

    rc = ngx_rd_pickle_text(copy, len, &text, text_len);

    if (rc == NGX_OK) {
        *at = text - copy;

        if (*at > len || *text_len > len - *at) {
            abort();
        }
    }

    free(copy);

    return rc;
}


typedef struct {
    const char  *value;
    size_t       len;
    const char  *name;
} vector_t;

#define V(value, name)  { value, sizeof(value) - 1, name }


static void
test_accepted(void)
{
    size_t      i, at, len;

    static const vector_t  v[] = {
        V("!\x80\x05" FRAME("\x06") "\x8c\x02{}\x94.", "protocol 5"),
        V("!\x80\x04" FRAME("\x06") "\x8c\x02{}\x94.", "protocol 4"),
        V("!\x80\x05\x8c\x02{}\x94.", "without a frame"),
        V("!\x80\x05" FRAME("\x09") "X\x02\0\0\0{}\x94.", "a long length"),
        V("!\x80\x02X\x02\0\0\0{}q\0.", "protocol 2"),
        V("!\x80\x03X\x02\0\0\0{}q\0.", "protocol 3"),
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        ok(read_text(v[i].value, v[i].len, &at, &len) == NGX_OK && len == 2
           && memcmp(v[i].value + at, "{}", 2) == 0, "%s", v[i].name);
    }

    is_int(read_text("{\"id\":1}", 8, &at, &len), NGX_OK, "raw JSON");
    ok(at == 0 && len == 8, "is its own text");

    is_int(read_text("!\x80\x05" FRAME("\x04") "\x8c\0\x94.", 16, &at, &len),
           NGX_OK, "an empty text");
    is_int(len, 0, "is empty");
}


/* every length at which Python changes its mind, as cPickle writes them */

static void
test_boundaries(void)
{
    char    *value;
    size_t   i, n, m, len, at, text_len;

    static const size_t  lens[] = { 0, 1, 151, 255, 256, 65535, 65536, 200000 };

    value = malloc(NGX_RD_PICKLE_BYTES_MAX + 64);

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        len = lens[i];
        n = 0;

        memcpy(value, "!\x80\x05", 3);
        n = 3;

        if (len < 65536) {
            m = len + 2 + (len < 256 ? 2 : 5);
            value[n++] = (char) 0x95;
            memset(value + n, 0, 8);
            value[n] = m & 0xff;
            value[n + 1] = m >> 8 & 0xff;
            value[n + 2] = m >> 16 & 0xff;
            n += 8;
        }

        if (len < 256) {
            value[n++] = (char) 0x8c;
            value[n++] = (char) len;

        } else {
            value[n++] = 'X';
            value[n++] = len & 0xff;
            value[n++] = len >> 8 & 0xff;
            value[n++] = len >> 16 & 0xff;
            value[n++] = 0;
        }

        memset(value + n, 'x', len);
        n += len;
        value[n++] = (char) 0x94;
        value[n++] = '.';

        ok(read_text(value, n, &at, &text_len) == NGX_OK && text_len == len,
           "a text of %u bytes", (unsigned) len);
    }

    memset(value, ' ', NGX_RD_PICKLE_BYTES_MAX + 1);
    value[0] = '{';
    is_int(read_text(value, NGX_RD_PICKLE_BYTES_MAX, &at, &text_len), NGX_OK,
           "as long as allowed");
    is_int(read_text(value, NGX_RD_PICKLE_BYTES_MAX + 1, &at, &text_len),
           NGX_DECLINED, "a byte longer");

    free(value);
}


static void
test_refused(void)
{
    size_t  i, at, len;

    static const vector_t  v[] = {
        V("", "nothing"),
        V("!", "a marker alone"),
        V("[]", "JSON that is no object"),
        V(" {}", "a space before JSON"),
        V("\x80\x05\x8c\x02{}\x94.", "no marker"),
        V("!{}", "JSON behind a marker"),
        V("!V{}\np0\n.", "protocol 0"),
        V("!\x80\x01X\x02\0\0\0{}q\0.", "protocol 1"),
        V("!\x80\x06\x8c\x02{}\x94.", "protocol 6"),
        V("!\x80\xff\x8c\x02{}\x94.", "protocol 255"),
        V("!\x80\x02\x8c\x02{}q\0.", "a short string before protocol 4"),
        V("!\x80\x03\x8c\x02{}\x94.", "and once more"),
        V("!\x80\x02X\x02\0\0\0{}\x94.", "MEMOIZE before protocol 4"),
        V("!\x80\x05X\x02\0\0\0{}q\0.", "BINPUT since protocol 4"),
        V("!\x80\x02X\x02\0\0\0{}q\1.", "another memo index"),
        V("!\x80\x02" FRAME("\x0a") "X\x02\0\0\0{}q\0.",
          "a frame before protocol 4"),
        V("!\x80\x05" FRAME("\x05") "\x8c\x02{}\x94.", "a short frame"),
        V("!\x80\x05" FRAME("\x07") "\x8c\x02{}\x94.", "a long frame"),
        V("!\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\xff\x8c\x02{}\x94.",
          "a frame of 2^64 - 1 bytes"),
        V("!\x80\x05" FRAME("\x0f") FRAME("\x06") "\x8c\x02{}\x94.",
          "a frame in a frame"),
        V("!\x80\x05\x8c\x03{}\x94.", "a text that takes the MEMOIZE in"),
        V("!\x80\x05\x8c\xff{}\x94.", "a text longer than the value"),
        V("!\x80\x05\x8c\x01{}\x94.", "a text shorter than it is"),
        V("!\x80\x05X\xff\xff\xff\xff{}\x94.", "a text of 4 GB"),
        V("!\x80\x05\x8d\x02\0\0\0\0\0\0\0{}\x94.", "BINUNICODE8"),
        V("!\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\xff{}\x94.",
          "BINUNICODE8 of 2^64 - 1 bytes"),
        V("!\x80\x05U\x02{}\x94.", "SHORT_BINSTRING"),
        V("!\x80\x05" "C\x02{}\x94.", "SHORT_BINBYTES"),
        V("!\x80\x05\x96\x02\0\0\0\0\0\0\0{}\x94.", "BYTEARRAY8"),
        V("!\x80\x05}\x94.", "an empty dict"),
        V("!\x80\x05]\x94.", "an empty list"),
        V("!\x80\x05N.", "None"),
        V("!\x80\x05" "K\x01.", "a number"),
        V("!\x80\x05\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id"
          "\x94\x85\x94R\x94.", "a call of os.system"),
        V("!\x80\x02" "cposix\nsystem\nq\0X\x02\0\0\0idq\1\x85q\2Rq\3.",
          "the same in protocol 2"),
        V("!\x80\x05\x8c\x02{}\x94\x8c\x02{}\x94.", "two texts"),
        V("!\x80\x05\x8c\x02{}\x94\x30\x8c\x02[]\x94.", "a popped text"),
        V("!\x80\x05\x8c\x02{}\x94..", "a byte behind the end"),
        V("!\x80\x05\x8c\x02{}.", "no MEMOIZE"),
        V("!\x80\x05\x8c\x02{}\x94", "no end"),
        V("!\x80\x05\x8c\x02{}\x94\0", "a NUL instead of the end"),
        V("!\x80\x05\x80\x05\x8c\x02{}\x94.", "the protocol twice"),
        V("!\x80\x05.", "an end alone"),
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        is_int(read_text(v[i].value, v[i].len, &at, &len), NGX_DECLINED,
               v[i].name);
    }
}


static void
test_truncated(void)
{
    size_t  n, i, bad, at, len;

    static const vector_t  v[] = {
        V("!\x80\x05" FRAME("\x0d") "\x8c\x09{\"id\": 1}\x94.", "protocol 5"),
        V("!\x80\x05" FRAME("\x10") "X\x09\0\0\0{\"id\": 1}\x94.",
          "a long length"),
        V("!\x80\x02X\x09\0\0\0{\"id\": 1}q\0.", "protocol 2"),
    };

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        bad = (read_text(v[i].value, v[i].len, &at, &len) != NGX_OK);

        for (n = 0; n < v[i].len; n++) {
            bad += (read_text(v[i].value, n, &at, &len) != NGX_DECLINED);
        }

        is_int(bad, 0, v[i].name);
    }
}


int
main(void)
{
    test_accepted();
    test_boundaries();
    test_refused();
    test_truncated();

    return tap_done();
}
