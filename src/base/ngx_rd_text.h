
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_TEXT_H_INCLUDED_
#define _NGX_RD_TEXT_H_INCLUDED_


#include "../ngx_rd.h"


#define NGX_RD_USERNAME_BYTES_MAX  32


/*
 * Fills hex with n random bytes as 2n lower case hex digits and a NUL;
 * hex must have room for 2n + 1.  NGX_ERROR when the system has no randomness.
 * Pure (libcrypto's generator); any thread.
 */
ngx_int_t  ngx_rd_text_random_hex(char *hex, size_t n);

/*
 * A random password of len characters out of A-Z a-z 0-9 - _ and a NUL.
 * RFB uses at most 8 characters of a password (RFC 6143, 7.2.2).
 */
ngx_int_t  ngx_rd_text_random_password(char *password, size_t len);

/* Equal?  Takes the same time whatever differs; lengths are not secret. */
ngx_uint_t  ngx_rd_text_equal_secret(const u_char *a, size_t a_len,
    const u_char *b, size_t b_len);

/*
 * The first eight bytes of a SHA-1, big-endian; 0 for an empty text.  _hex()
 * writes it as 16 lower case hex digits and a NUL, or "" for 0, and _read()
 * reads that.  prelude.lua has the text form as digest().  Pure; any thread.
 */
#define NGX_RD_TEXT_DIGEST_BYTES  16
#define NGX_RD_TEXT_DIGEST_NONE   1     /* read from what is no digest */

uint64_t  ngx_rd_text_digest(const u_char *text, size_t len);
void  ngx_rd_text_digest_hex(char hex[NGX_RD_TEXT_DIGEST_BYTES + 1],
    uint64_t digest);
uint64_t  ngx_rd_text_digest_read(const u_char *hex, size_t len);

/*
 * The Linux account name for a display name (facts sheet, 3.12): lower case,
 * [a-z0-9_-] kept, leading digits and '-' stripped, cut at 32; empty or
 * reserved becomes "user<id>".  out has room for
 * NGX_RD_USERNAME_BYTES_MAX + 1 bytes.
 */
void  ngx_rd_text_username(char *out, const u_char *name, size_t len,
    uint64_t id);

/* "1", "42" .. "9223372036854775807" -> number; 0 for anything else. */
uint64_t  ngx_rd_text_id(const u_char *text, size_t len);

/*
 * Writes n in decimal, at most NGX_INT64_LEN bytes, and gives back where it
 * ends: ngx_sprintf("%uL") where that would be a good part of the work.
 */
u_char  *ngx_rd_text_decimal(u_char *p, uint64_t n);

/*
 * Writes text so that a line of the log can quote it: printable ASCII stays,
 * any other byte, '"' and '\\' become \xHH.  At most NGX_RD_TEXT_QUOTED_MAX
 * bytes, then "...".  Returns where it ends; p has room for
 * NGX_RD_TEXT_QUOTED_BYTES.
 */
#define NGX_RD_TEXT_QUOTED_MAX    96
#define NGX_RD_TEXT_QUOTED_BYTES  (NGX_RD_TEXT_QUOTED_MAX + 4 + 3)

u_char  *ngx_rd_text_quoted(u_char *p, const u_char *text, size_t len);

/*
 * Shortens text to at most max bytes and "...", at the end of a word where
 * one of the last 40 bytes is a space; never within a UTF-8 character.  A text
 * of at most max bytes stays as it is.
 */
void  ngx_rd_text_cut(char *text, size_t max);

/*
 * How many letters to add, drop or change to make one word of the other
 * (Levenshtein); for hints.  Words above 63 bytes are NGX_RD_TEXT_FAR apart.
 */
#define NGX_RD_TEXT_FAR  64

ngx_uint_t  ngx_rd_text_distance(const char *a, const char *b);


#endif /* _NGX_RD_TEXT_H_INCLUDED_ */
