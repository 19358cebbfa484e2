
/*
 * Copyright (C) the ngx_rd authors
 */

/* libs: -lcrypto */

#include "../../../src/base/ngx_rd_known_hosts.c"
#include "tap.h"


#define KEY    "AAAAC3NzaC1lZDI1NTE5AAAAIAcICQoLDA0ODxAREhMUFRYXGBkaGxwd" \
               "Hh8gISIjJCUm"
#define GOOD   "ssh-ed25519 " KEY

/* `ssh-keygen -H` of the name [h.example]:2222 */
#define HASHED "|1|AAECAwQFBgcICQoLDA0ODxAREhM=|"


static ngx_rd_known_hosts_t  out;
static char                  text[8192];


static ngx_rd_known_hosts_e
line(const char *s)
{
    (void) snprintf(text, sizeof(text), "%s", s);

    return ngx_rd_known_hosts_line(text, strlen(s), &out);
}


static void
test_lines(void)
{
    char  zero[] = "# a\0@revoked * x y\n";

    is_int(line("\n"), NGX_RD_KNOWN_HOSTS_EMPTY, "a blank line");
    is_int(line(" \t\r\n"), NGX_RD_KNOWN_HOSTS_EMPTY, "blanks and CR LF");
    is_int(line("  # x\n"), NGX_RD_KNOWN_HOSTS_EMPTY, "a comment");

    is_int(line("h " GOOD "\n"), NGX_RD_KNOWN_HOSTS_KEY, "a key");
    is_str(out.hosts, "h", "its hosts");
    is_str(out.type, "ssh-ed25519", "its type");
    is_int(out.len, 51, "its length");
    ok(memcmp(out.key, "\0\0\0\013ssh-ed25519\0\0\0 \007\010\011", 22) == 0,
       "its bytes");

    is_int(line("h " GOOD "\r\n"), NGX_RD_KNOWN_HOSTS_KEY, "a key and CR LF");
    is_int(out.len, 51, "CR is not of the key");
    is_int(line("h\t" GOOD " a comment"), NGX_RD_KNOWN_HOSTS_KEY,
           "a tab, a comment, no line feed");

    is_int(line("@revoked * " GOOD "\r\n"), NGX_RD_KNOWN_HOSTS_REVOKED,
           "a revoked key");
    is_int(line("@cert-authority *.x " GOOD "\n"),
           NGX_RD_KNOWN_HOSTS_AUTHORITY, "a certificate authority");

    is_int(line("rubbish\n"), NGX_RD_KNOWN_HOSTS_UNREADABLE, "one word");
    is_str(out.hosts, "rubbish", "may be a name");
    is_int(line("h ssh-rsa " KEY "\n"), NGX_RD_KNOWN_HOSTS_UNREADABLE,
           "a key of another type than it says");
    is_int(line("h ssh-ed25519 A*==\n"), NGX_RD_KNOWN_HOSTS_UNREADABLE,
           "a key that is no base64");
    is_int(line("h 1024 35 1234\n"), NGX_RD_KNOWN_HOSTS_UNREADABLE,
           "a key of SSH 1");

    is_int(line("@revoked *\n"), NGX_RD_KNOWN_HOSTS_BROKEN,
           "a revocation without a key");
    is_int(line("@revoked * ssh-ed25519 A\n"), NGX_RD_KNOWN_HOSTS_BROKEN,
           "a revocation whose key cannot be read");
    is_int(line("@Revoked * " GOOD "\n"), NGX_RD_KNOWN_HOSTS_BROKEN,
           "a marker nobody knows");
    is_int(line("@cert-authority @revoked * " GOOD "\n"),
           NGX_RD_KNOWN_HOSTS_BROKEN, "two markers");
    is_int(line("h " GOOD "\r@revoked * " GOOD "\r"),
           NGX_RD_KNOWN_HOSTS_BROKEN, "lines that end with CR alone");
    is_int(line("\xef\xbb\xbf@revoked * " GOOD "\n"),
           NGX_RD_KNOWN_HOSTS_BROKEN, "a byte order mark");
    is_int(ngx_rd_known_hosts_line(zero, sizeof(zero) - 1, &out),
           NGX_RD_KNOWN_HOSTS_BROKEN, "a zero byte");
    ok(out.reason != NULL, "the reason is told");
}


static void
test_patterns(void)
{
    char        many[4096];
    ngx_uint_t  i;

    static const struct {
        const char  *hosts;
        const char  *name;
        ngx_uint_t   matched;
    } cases[] = {
        { "h", "h", 1 },
        { "H.Example", "h.example", 1 },
        { "h", "hh", 0 },
        { "a,h,b", "h", 1 },
        { "h,", "h", 1 },
        { ",h", "h", 1 },
        { "", "h", 0 },
        { "*", "h", 1 },
        { "*.example", "a.b.example", 1 },
        { "*.example", "example", 0 },
        { "10.?.0.1", "10.7.0.1", 1 },
        { "10.?.0.1", "10.77.0.1", 0 },
        { "a*b*c", "axxbyybzzc", 1 },
        { "a*b*c", "axxbyybzz", 0 },
        { "h*", "h", 1 },
        { "!h,h", "h", 0 },
        { "h,!h", "h", 0 },
        { "*,!bad.*", "bad.example", 0 },
        { "*,!bad.*", "good.example", 1 },
        { "!bad", "good", 0 },
        { "[h]:2222", "[h]:2222", 1 },
        { "[h]:2222", "h", 0 },
        { "[127.77.*]:2222", "[127.77.1.1]:2222", 1 },
        { "[127.77.*]:2222", "[127.77.1.1]:22222", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "%s and %s", cases[i].hosts,
                        cases[i].name);
        is_int(ngx_rd_known_hosts_match(cases[i].hosts, cases[i].name),
               cases[i].matched, text);
    }

    memset(many, '*', sizeof(many));
    memcpy(many + 1000, "x,h", 4);
    is_int(ngx_rd_known_hosts_match(many, "h"), 1,
           "a thousand stars take no time");
    memset(many, 'x', 2000);
    memcpy(many + 2000, ",h", 3);
    is_int(ngx_rd_known_hosts_match(many, "h"), 0,
           "a pattern as long as none may be ends the list, as in OpenSSH");
}


static void
test_hashed(void)
{
    u_char    mac[20], b64[32];
    unsigned  n;
    char      hosts[128];
    u_char    salt[20];

    for (n = 0; n < 20; n++) {
        salt[n] = n;
    }

    (void) HMAC(EVP_sha1(), salt, 20, (const u_char *) "[h.example]:2222", 16,
                mac, &n);
    (void) EVP_EncodeBlock(b64, mac, 20);
    (void) snprintf(hosts, sizeof(hosts), HASHED "%s", b64);

    is_int(ngx_rd_known_hosts_match(hosts, "[h.example]:2222"), 1,
           "a hashed name");
    is_int(ngx_rd_known_hosts_match(hosts, "h.example"), 0,
           "is not another one");
    is_int(ngx_rd_known_hosts_match("|1|x|y", "h"), 0, "no hash");
    is_int(ngx_rd_known_hosts_match("|2|x|y", "h"), 0, "another hash");
    hosts[5] = '*';
    is_int(ngx_rd_known_hosts_match(hosts, "[h.example]:2222"), 0,
           "a salt that is no base64");
}


int
main(void)
{
    test_lines();
    test_patterns();
    test_hashed();

    return tap_done();
}
