
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_KNOWN_HOSTS_H_INCLUDED_
#define _NGX_RD_KNOWN_HOSTS_H_INCLUDED_


#include "../ngx_rd.h"


/*
 * Reads lines of known_hosts as OpenSSH does (sshd(8), SSH_KNOWN_HOSTS FILE
 * FORMAT): markers, lists of patterns with "*", "?" and "!", hashed names,
 * [host]:port, CR LF at the end.  Pure: no file; any thread.
 */

typedef enum {
    NGX_RD_KNOWN_HOSTS_EMPTY = 0,   /* blank, or a comment */
    NGX_RD_KNOWN_HOSTS_KEY,         /* the hosts have this key */
    NGX_RD_KNOWN_HOSTS_REVOKED,     /* no host may show this key */
    NGX_RD_KNOWN_HOSTS_AUTHORITY,   /* signs the keys of the hosts */
    NGX_RD_KNOWN_HOSTS_UNREADABLE,  /* at most a key is missed: distrust */
    NGX_RD_KNOWN_HOSTS_BROKEN       /* a revocation may be missed: refuse */
} ngx_rd_known_hosts_e;


/* pointers lead into the line */

typedef struct {
    const char          *hosts;     /* first field; NULL: none was found */
    const char          *type;      /* "ssh-ed25519" */
    const u_char        *key;       /* decoded, begins with its type */
    size_t               len;
    const char          *reason;    /* of UNREADABLE and BROKEN; static text */
} ngx_rd_known_hosts_t;


/*
 * line[len] must be writable; the line is changed and holds the fields then.
 * Of a line with a key that cannot be read, hosts is set all the same.
 */
ngx_rd_known_hosts_e  ngx_rd_known_hosts_line(char *line, size_t len,
    ngx_rd_known_hosts_t *out);

/*
 * Does the field speak of this host?  name is in small letters, with another
 * port than 22 "[name]:port".  A pattern with "!" that matches excludes the
 * host, whatever the others say.
 */
ngx_uint_t  ngx_rd_known_hosts_match(const char *hosts, const char *name);


#endif /* _NGX_RD_KNOWN_HOSTS_H_INCLUDED_ */
