
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_settings_check.h"


#define NGX_RD_SETTINGS_CHECK_HOSTNAME_BYTES_MAX  253   /* RFC 1035 */
#define NGX_RD_SETTINGS_CHECK_LABEL_BYTES_MAX     63    /* RFC 1035 */
#define NGX_RD_SETTINGS_CHECK_USER_BYTES_MAX      64
#define NGX_RD_SETTINGS_CHECK_FILE_BYTES_MAX      1023
#define NGX_RD_SETTINGS_CHECK_SOCKET_BYTES_MAX    107   /* sun_path */
#define NGX_RD_SETTINGS_CHECK_IMAGE_BYTES_MAX     255
#define NGX_RD_SETTINGS_CHECK_VALUE_BYTES_MAX     255

#define NGX_RD_SETTINGS_CHECK_DIGITS  "0123456789"
#define NGX_RD_SETTINGS_CHECK_ALNUM                                           \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"                    \
    NGX_RD_SETTINGS_CHECK_DIGITS


static ngx_uint_t ngx_rd_settings_check_labels(const char *text);
static ngx_uint_t ngx_rd_settings_check_only(const char *text, size_t max,
    const char *letters);
static ngx_uint_t ngx_rd_settings_check_alnum(char c);
static ngx_uint_t ngx_rd_settings_check_printable(const char *text,
    size_t max);


/* linux/capability.h */

static const char  *ngx_rd_settings_check_capabilities[] = {
    "ALL",
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF",
    "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
    "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
    "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT",
    "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE",
    "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
    NULL
};


const char *
ngx_rd_settings_check_hostname(const char *text)
{
    u_char  addr[16];

    static const char  reason[] =
        "must be a host name (letters, digits, \".\", \"-\", \"_\") or an "
        "IP address";

    if (strchr(text, ':') != NULL) {
        return (inet_pton(AF_INET6, text, addr) == 1) ? NULL : reason;
    }

    /* only digits and dots: either an address or a slip of the pen */

    if (text[0] != '\0'
        && text[strspn(text, NGX_RD_SETTINGS_CHECK_DIGITS ".")] == '\0')
    {
        return (inet_pton(AF_INET, text, addr) == 1) ? NULL : reason;
    }

    return ngx_rd_settings_check_labels(text) ? NULL : reason;
}


const char *
ngx_rd_settings_check_address(const char *text)
{
    u_char  addr[16];

    if (inet_pton(AF_INET, text, addr) == 1
        || inet_pton(AF_INET6, text, addr) == 1)
    {
        return NULL;
    }

    return "must be an IP address";
}


const char *
ngx_rd_settings_check_user(const char *text)
{
    if ((ngx_rd_settings_check_alnum(text[0]) || text[0] == '_')
        && ngx_rd_settings_check_only(text,
                                      NGX_RD_SETTINGS_CHECK_USER_BYTES_MAX,
                                      NGX_RD_SETTINGS_CHECK_ALNUM "._@-"))
    {
        return NULL;
    }

    return "must be an account name (letters, digits, \".\", \"_\", \"@\", "
           "\"-\"; at most 64)";
}


const char *
ngx_rd_settings_check_file(const char *text)
{
    if ((text[0] == '/' || strncmp(text, "~/", 2) == 0)
        && text[strlen(text) - 1] != '/'
        && ngx_rd_settings_check_printable(text,
                                        NGX_RD_SETTINGS_CHECK_FILE_BYTES_MAX))
    {
        return NULL;
    }

    return "must be a file name that starts with \"/\" or \"~/\"";
}


const char *
ngx_rd_settings_check_socket(const char *text)
{
    if (text[0] == '/'
        && text[strlen(text) - 1] != '/'
        && ngx_rd_settings_check_printable(text,
                                      NGX_RD_SETTINGS_CHECK_SOCKET_BYTES_MAX))
    {
        return NULL;
    }

    return "must be an absolute path of at most 107 bytes";
}


const char *
ngx_rd_settings_check_image(const char *text)
{
    size_t  len;

    len = strlen(text);

    if (len != 0
        && ngx_rd_settings_check_alnum(text[0])
        && ngx_rd_settings_check_alnum(text[len - 1])
        && strstr(text, "//") == NULL
        && strstr(text, "..") == NULL
        && ngx_rd_settings_check_only(text,
                                      NGX_RD_SETTINGS_CHECK_IMAGE_BYTES_MAX,
                                      NGX_RD_SETTINGS_CHECK_ALNUM "._/:@-"))
    {
        return NULL;
    }

    return "must be an image reference like \"name:tag\"";
}


const char *
ngx_rd_settings_check_resolution(const char *text)
{
    int       n;
    unsigned  width, height;

    n = 0;

    if (strspn(text, NGX_RD_SETTINGS_CHECK_DIGITS "x") == strlen(text)
        && strlen(text) <= sizeof("7680x4320") - 1
        && sscanf(text, "%4ux%4u%n", &width, &height, &n) == 2
        && text[n] == '\0'
        && width >= 320 && width <= 7680
        && height >= 200 && height <= 4320)
    {
        return NULL;
    }

    return "must be WIDTHxHEIGHT, from 320x200 to 7680x4320";
}


const char *
ngx_rd_settings_check_label_key(const char *text)
{
    if (ngx_rd_settings_check_alnum(text[0])
        && ngx_rd_settings_check_only(text,
                                      NGX_RD_SETTINGS_CHECK_LABEL_BYTES_MAX,
                                      NGX_RD_SETTINGS_CHECK_ALNUM "._/-"))
    {
        return NULL;
    }

    return "a label's name must be letters, digits, \".\", \"_\", \"/\", "
           "\"-\"; at most 63";
}


const char *
ngx_rd_settings_check_label_value(const char *text)
{
    if (ngx_rd_settings_check_printable(text,
                                        NGX_RD_SETTINGS_CHECK_VALUE_BYTES_MAX))
    {
        return NULL;
    }

    return "must be at most 255 bytes without control characters";
}


const char *
ngx_rd_settings_check_capability(const char *text)
{
    ngx_uint_t  i;

    if (strncasecmp(text, "CAP_", 4) == 0) {
        text += 4;
    }

    for (i = 0; ngx_rd_settings_check_capabilities[i] != NULL; i++) {
        if (strcasecmp(text, ngx_rd_settings_check_capabilities[i]) == 0) {
            return ngx_rd_settings_check_capabilities[i];
        }
    }

    return NULL;
}


/* RFC 1123, and "_", which container networks use in names */

static ngx_uint_t
ngx_rd_settings_check_labels(const char *text)
{
    size_t       len;
    const char  *label;

    if (!ngx_rd_settings_check_only(text,
                                    NGX_RD_SETTINGS_CHECK_HOSTNAME_BYTES_MAX,
                                    NGX_RD_SETTINGS_CHECK_ALNUM "._-"))
    {
        return 0;
    }

    for (label = text; /* void */ ; label += len + 1) {
        len = strcspn(label, ".");

        if (len == 0 || len > NGX_RD_SETTINGS_CHECK_LABEL_BYTES_MAX
            || label[0] == '-' || label[len - 1] == '-')
        {
            return 0;
        }

        if (label[len] == '\0') {
            return 1;
        }
    }
}


static ngx_uint_t
ngx_rd_settings_check_only(const char *text, size_t max, const char *letters)
{
    size_t  len;

    len = strlen(text);

    return len != 0 && len <= max && strspn(text, letters) == len;
}


static ngx_uint_t
ngx_rd_settings_check_alnum(char c)
{
    return c != '\0' && strchr(NGX_RD_SETTINGS_CHECK_ALNUM, c) != NULL;
}


static ngx_uint_t
ngx_rd_settings_check_printable(const char *text, size_t max)
{
    const u_char  *p;

    for (p = (const u_char *) text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return 0;
        }
    }

    return (size_t) (p - (const u_char *) text) <= max;
}
