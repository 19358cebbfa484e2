
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_rd_decision.h"
#include "ngx_rd_inquiry.h"


static ngx_int_t ngx_rd_inquiry_identified(ngx_rd_inquiry_t *inquiry,
    ngx_int_t rc);
static void ngx_rd_inquiry_identity_done(ngx_rd_identity_t *identity);
static ngx_int_t ngx_rd_inquiry_weigh(ngx_rd_inquiry_t *inquiry);
static ngx_int_t ngx_rd_inquiry_look(ngx_rd_inquiry_t *inquiry);
static void ngx_rd_inquiry_find_done(ngx_rd_session_find_t *find);
static void ngx_rd_inquiry_decide(ngx_rd_inquiry_t *inquiry);


/*
 * Blocks of such a size cost malloc a search, and leave holes that cost nginx'
 * own requests one, too.  What is given back is what the next one takes, still
 * warm in the processor's caches.
 */
#ifdef __SANITIZE_ADDRESS__
#define NGX_RD_INQUIRY_NSPARE_MAX  0        /* it sees who uses a freed one */
#else
#define NGX_RD_INQUIRY_NSPARE_MAX  128
#endif

static ngx_rd_inquiry_t  *ngx_rd_inquiry_spare;
static ngx_uint_t         ngx_rd_inquiry_nspare;


ngx_rd_inquiry_t *
ngx_rd_inquiry_create(ngx_rd_main_conf_t *rmcf, uint64_t owner,
    const ngx_str_t *cookie, ngx_rd_inquiry_done_pt done, void *data)
{
    ngx_rd_inquiry_t   *inquiry;
    ngx_rd_zone_way_t  *identity, *find;

    /* what is kept of both has to come from far, and sets out first */

    identity = cookie ? ngx_rd_identity_way(&rmcf->identity, cookie) : NULL;
    find = ngx_rd_session_find_way(&rmcf->find, owner);

    inquiry = ngx_rd_inquiry_spare;

    if (inquiry) {
        ngx_rd_inquiry_spare = inquiry->next;
        ngx_rd_inquiry_nspare--;

    } else {
        inquiry = ngx_alloc(sizeof(ngx_rd_inquiry_t), ngx_cycle->log);
        if (inquiry == NULL) {
            return NULL;
        }
    }

    /* it ends in a buffer that nobody reads before it was written */

    ngx_memzero(inquiry, offsetof(ngx_rd_inquiry_t, identity)
                         + offsetof(ngx_rd_identity_t, kept));
    ngx_memzero(&inquiry->find, sizeof(ngx_rd_session_find_t));

    inquiry->identified = 0;
    inquiry->looking = 0;
    inquiry->found = 0;

    inquiry->rmcf = rmcf;
    inquiry->owner = owner;
    inquiry->done = done;
    inquiry->data = data;

    if (cookie) {
        inquiry->cookie = *cookie;
    }

    inquiry->identity.conf = &rmcf->identity;
    inquiry->identity.done = ngx_rd_inquiry_identity_done;
    inquiry->identity.owner = inquiry;
    inquiry->identity.way = identity;
    inquiry->identity.brief = 1;

    inquiry->find.conf = &rmcf->find;
    inquiry->find.user_id = owner;
    inquiry->find.done = ngx_rd_inquiry_find_done;
    inquiry->find.owner = inquiry;
    inquiry->find.way = find;

    return inquiry;
}


ngx_int_t
ngx_rd_inquiry_start(ngx_rd_inquiry_t *inquiry)
{
    return ngx_rd_inquiry_identified(inquiry,
               ngx_rd_identity_start(&inquiry->identity, &inquiry->cookie));
}


ngx_int_t
ngx_rd_inquiry_again(ngx_rd_inquiry_t *inquiry, const u_char *sid,
    const u_char *mac)
{
    ngx_rd_identity_t  *identity;

    identity = &inquiry->identity;

    ngx_memcpy(identity->sid, sid, sizeof(identity->sid));
    ngx_memcpy(identity->mac, mac, sizeof(identity->mac));

    identity->strict = 1;
    inquiry->find.strict = 1;

    return ngx_rd_inquiry_identified(inquiry, ngx_rd_identity_again(identity));
}


void
ngx_rd_inquiry_free(ngx_rd_inquiry_t *inquiry)
{
    ngx_rd_identity_cancel(&inquiry->identity);
    ngx_rd_session_find_cancel(&inquiry->find);

    if (ngx_rd_inquiry_nspare == NGX_RD_INQUIRY_NSPARE_MAX) {
        ngx_free(inquiry);
        return;
    }

    inquiry->next = ngx_rd_inquiry_spare;
    ngx_rd_inquiry_spare = inquiry;
    ngx_rd_inquiry_nspare++;
}


void
ngx_rd_inquiry_exit_worker(void)
{
    ngx_rd_inquiry_t  *inquiry;

    while (ngx_rd_inquiry_spare) {
        inquiry = ngx_rd_inquiry_spare;
        ngx_rd_inquiry_spare = inquiry->next;
        ngx_free(inquiry);
    }

    ngx_rd_inquiry_nspare = 0;
}


static ngx_int_t
ngx_rd_inquiry_identified(ngx_rd_inquiry_t *inquiry, ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        return ngx_rd_inquiry_weigh(inquiry);

    case NGX_AGAIN:

        /* the desktop is asked for meanwhile: one turn of Redis less */

        if (ngx_rd_inquiry_look(inquiry) == NGX_AGAIN) {
            inquiry->looking = 1;
        }

        return NGX_AGAIN;

    default: /* NGX_ERROR */
        inquiry->error = NGX_RD_ERR_MEMORY;
        return NGX_OK;
    }
}


static void
ngx_rd_inquiry_identity_done(ngx_rd_identity_t *identity)
{
    ngx_rd_inquiry_t  *inquiry = identity->owner;

    if (ngx_rd_inquiry_weigh(inquiry) == NGX_OK) {
        inquiry->done(inquiry);
    }
}


/* first the visitor: of a desktop that is none of his nothing is said */

static ngx_int_t
ngx_rd_inquiry_weigh(ngx_rd_inquiry_t *inquiry)
{
    inquiry->identified = 1;
    inquiry->error = ngx_rd_decision_visitor(inquiry->rmcf, &inquiry->identity,
                                             inquiry->owner);

    if (inquiry->error != NGX_RD_ERR_NONE) {
        return NGX_OK;
    }

    if (inquiry->looking
        || (!inquiry->found && ngx_rd_inquiry_look(inquiry) == NGX_AGAIN))
    {
        return NGX_AGAIN;
    }

    ngx_rd_inquiry_decide(inquiry);

    return NGX_OK;
}


/* NGX_AGAIN, or NGX_OK: the answer, or why there is none, is in find */

static ngx_int_t
ngx_rd_inquiry_look(ngx_rd_inquiry_t *inquiry)
{
    ngx_int_t  rc;

    rc = ngx_rd_session_find_start(&inquiry->find);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        inquiry->find.error = NGX_RD_ERR_MEMORY;
    }

    inquiry->found = 1;

    return NGX_OK;
}


static void
ngx_rd_inquiry_find_done(ngx_rd_session_find_t *find)
{
    ngx_rd_inquiry_t  *inquiry = find->owner;

    inquiry->looking = 0;
    inquiry->found = 1;

    if (inquiry->identified) {
        ngx_rd_inquiry_decide(inquiry);

        inquiry->done(inquiry);
    }
}


static void
ngx_rd_inquiry_decide(ngx_rd_inquiry_t *inquiry)
{
    inquiry->error = inquiry->find.error;

    if (inquiry->error == NGX_RD_ERR_NONE) {
        inquiry->error = ngx_rd_decision_desktop(&inquiry->identity,
                                                 &inquiry->find.desktop,
                                                 inquiry->owner);
    }
}
