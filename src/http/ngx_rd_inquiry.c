
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
static ngx_int_t ngx_rd_inquiry_look(ngx_rd_inquiry_t *inquiry);
static void ngx_rd_inquiry_find_done(ngx_rd_session_find_t *find);
static void ngx_rd_inquiry_decide(ngx_rd_inquiry_t *inquiry);


/*
 * Most are answered at once, so that one block serves nearly all, warm in the
 * processor's caches.
 */
static ngx_rd_inquiry_t  *ngx_rd_inquiry_spare;


ngx_rd_inquiry_t *
ngx_rd_inquiry_create(ngx_rd_main_conf_t *rmcf, uint64_t owner,
    ngx_rd_inquiry_done_pt done, void *data)
{
    ngx_rd_inquiry_t  *inquiry;

    inquiry = ngx_rd_inquiry_spare;
    ngx_rd_inquiry_spare = NULL;

    if (inquiry == NULL) {
        inquiry = ngx_alloc(sizeof(ngx_rd_inquiry_t), ngx_cycle->log);
        if (inquiry == NULL) {
            return NULL;
        }
    }

    /* each ends in a buffer that nobody reads before it was written */

    ngx_memzero(inquiry, offsetof(ngx_rd_inquiry_t, identity)
                         + offsetof(ngx_rd_identity_t, name_buf));
    ngx_memzero(&inquiry->find, offsetof(ngx_rd_session_find_t, buf));

    inquiry->rmcf = rmcf;
    inquiry->owner = owner;
    inquiry->done = done;
    inquiry->data = data;

    inquiry->identity.conf = &rmcf->identity;
    inquiry->identity.done = ngx_rd_inquiry_identity_done;
    inquiry->identity.owner = inquiry;

    inquiry->find.conf = &rmcf->find;
    inquiry->find.user_id = owner;
    inquiry->find.done = ngx_rd_inquiry_find_done;
    inquiry->find.owner = inquiry;

    return inquiry;
}


ngx_int_t
ngx_rd_inquiry_start(ngx_rd_inquiry_t *inquiry, const ngx_str_t *cookie)
{
    return ngx_rd_inquiry_identified(inquiry,
               ngx_rd_identity_start(&inquiry->identity, cookie));
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

    if (ngx_rd_inquiry_spare) {
        ngx_free(inquiry);
        return;
    }

    ngx_rd_inquiry_spare = inquiry;
}


void
ngx_rd_inquiry_exit_worker(void)
{
    if (ngx_rd_inquiry_spare) {
        ngx_free(ngx_rd_inquiry_spare);
        ngx_rd_inquiry_spare = NULL;
    }
}


static ngx_int_t
ngx_rd_inquiry_identified(ngx_rd_inquiry_t *inquiry, ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        return ngx_rd_inquiry_look(inquiry);

    case NGX_AGAIN:
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

    if (ngx_rd_inquiry_look(inquiry) == NGX_OK) {
        inquiry->done(inquiry);
    }
}


/* the desktop is looked for once he may be let near it */

static ngx_int_t
ngx_rd_inquiry_look(ngx_rd_inquiry_t *inquiry)
{
    inquiry->error = ngx_rd_decision_visitor(inquiry->rmcf, &inquiry->identity,
                                             inquiry->owner);

    if (inquiry->error != NGX_RD_ERR_NONE) {
        return NGX_OK;
    }

    switch (ngx_rd_session_find_start(&inquiry->find)) {

    case NGX_OK:
        ngx_rd_inquiry_decide(inquiry);
        return NGX_OK;

    case NGX_AGAIN:
        return NGX_AGAIN;

    default: /* NGX_ERROR */
        inquiry->error = NGX_RD_ERR_MEMORY;
        return NGX_OK;
    }
}


static void
ngx_rd_inquiry_find_done(ngx_rd_session_find_t *find)
{
    ngx_rd_inquiry_t  *inquiry = find->owner;

    ngx_rd_inquiry_decide(inquiry);

    inquiry->done(inquiry);
}


static void
ngx_rd_inquiry_decide(ngx_rd_inquiry_t *inquiry)
{
    inquiry->error = inquiry->find.error;

    if (inquiry->error == NGX_RD_ERR_NONE) {
        inquiry->error = ngx_rd_decision_desktop(&inquiry->identity,
                                                 &inquiry->find.session,
                                                 inquiry->owner);
    }
}
