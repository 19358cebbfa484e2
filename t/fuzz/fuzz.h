
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a promise of a header that must hold whatever comes in */

#define must(cond)                                                            \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "ERROR: broken promise at %s:%d: %s\n",           \
                    __FILE__, __LINE__, #cond);                               \
            abort();                                                          \
        }                                                                     \
    } while (0)


int  LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* a text that goes to a log or a page */

static inline void
must_be_clean(const char *text, size_t size)
{
    size_t  len;

    len = strnlen(text, size);
    must(len < size);

    while (len--) {
        must((u_char) text[len] >= 0x20 && text[len] != 0x7f);
    }
}


#endif /* _FUZZ_H_INCLUDED_ */
