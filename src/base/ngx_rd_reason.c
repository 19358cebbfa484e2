
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_reason.h"


#define NGX_RD_REASON_ROW(name, code, after, what, check)                     \
    { code, after, what, check },

static const ngx_rd_reason_row_t  ngx_rd_reason_rows[] = {
    NGX_RD_REASONS(NGX_RD_REASON_ROW)
};


const ngx_rd_reason_row_t *
ngx_rd_reason_row(ngx_rd_reason_e reason)
{
    return &ngx_rd_reason_rows[reason];
}


ngx_rd_reason_e
ngx_rd_reason_of_error(ngx_rd_error_e error)
{
    switch (error) {

    case NGX_RD_ERR_ACCOUNT_GONE:
        return NGX_RD_REASON_ACCOUNT_GONE;

    case NGX_RD_ERR_NOT_VERIFIED:
        return NGX_RD_REASON_NOT_VERIFIED;

    case NGX_RD_ERR_ORIGIN:
        return NGX_RD_REASON_ORIGIN;

    case NGX_RD_ERR_SIGNATURE_MISSING:
        return NGX_RD_REASON_SIGNATURE_MISSING;

    case NGX_RD_ERR_SIGNATURE_MALFORMED:
        return NGX_RD_REASON_SIGNATURE_MALFORMED;

    case NGX_RD_ERR_SIGNATURE_WRONG:
        return NGX_RD_REASON_SIGNATURE_WRONG;

    case NGX_RD_ERR_SIGNATURE_OLD:
        return NGX_RD_REASON_SIGNATURE_OLD;

    case NGX_RD_ERR_SIGNATURE_REPLAYED:
        return NGX_RD_REASON_SIGNATURE_REPLAYED;

    default:
        return NGX_RD_REASON_NONE;
    }
}
