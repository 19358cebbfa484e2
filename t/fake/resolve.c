
/*
 * Copyright (C) the ngx_rd authors
 */


/*
 * For LD_PRELOAD: names that end in ".test" are looked up in the file that
 * RD_FAKE_NAMES names, "NAME ADDRESS" a line; ADDRESS "hang" takes 10 s and
 * fails.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static char  path[4096];


/* nginx empties the environment later */

static void __attribute__((constructor))
begin(void)
{
    const char  *names;

    names = getenv("RD_FAKE_NAMES");

    if (names != NULL) {
        (void) snprintf(path, sizeof(path), "%s", names);
    }
}


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    char    name[256], address[256];
    FILE   *file;
    size_t  len;
    int   (*real)(const char *, const char *, const struct addrinfo *,
                  struct addrinfo **);

    *(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");

    len = node ? strlen(node) : 0;

    if (len < 5 || strcmp(node + len - 5, ".test") != 0
        || (hints->ai_flags & AI_NUMERICHOST))
    {
        return real(node, service, hints, res);
    }

    file = fopen(path, "r");
    if (file == NULL) {
        return EAI_NONAME;
    }

    while (fscanf(file, "%255s %255s", name, address) == 2) {

        if (strcmp(name, node) == 0) {
            (void) fclose(file);

            if (strcmp(address, "hang") == 0) {
                (void) poll(NULL, 0, 10000);
                return EAI_AGAIN;
            }

            return real(address, service, hints, res);
        }
    }

    (void) fclose(file);

    return EAI_NONAME;
}
