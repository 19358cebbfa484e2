
/*
 * Copyright (C) the ngx_rd authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_rd_zone_memory.h"


ngx_int_t
ngx_rd_zone_memory_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                 size;
    ngx_rd_zone_t         *zone, *old;
    ngx_slab_pool_t       *slab;
    ngx_rd_zone_memory_t  *memory;

    old = data;
    zone = shm_zone->data;
    slab = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone->slab = slab;

    if (old) {
        zone->memory = old->memory;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        zone->memory = slab->data;
        return NGX_OK;
    }

    /* one block of all there is: later on nothing is allocated */

    size = slab->pfree * ngx_pagesize;

    memory = ngx_slab_alloc(slab, size);
    if (memory == NULL) {
        return NGX_ERROR;
    }

    /* whole pages, so it begins a line, too */

    ngx_memzero(memory, sizeof(ngx_rd_zone_memory_t));

    memory->nodes = (ngx_rd_zone_node_t *)
                    ngx_align_ptr(memory + 1, NGX_RD_ZONE_LINE_BYTES);
    memory->nnodes = ((u_char *) memory + size - (u_char *) memory->nodes)
                     / (sizeof(ngx_rd_zone_node_t)
                        + sizeof(ngx_rd_zone_rest_t));
    memory->nnodes -= memory->nnodes % NGX_RD_ZONE_NPLACES;
    memory->rests = (ngx_rd_zone_rest_t *) (memory->nodes + memory->nnodes);

    ngx_rd_zone_memory_clear(memory);

    memory->count.entries_max = memory->nnodes;

    slab->data = memory;
    zone->memory = memory;

    return NGX_OK;
}


void
ngx_rd_zone_memory_clear(ngx_rd_zone_memory_t *memory)
{
    ngx_uint_t           i;
    ngx_rd_zone_rest_t  *rest;

    ngx_queue_init(&memory->used);
    ngx_queue_init(&memory->free);

    for (i = 0; i < memory->nnodes; i++) {
        rest = &memory->rests[i];

        memory->nodes[i].len = 0;
        ngx_queue_init(&rest->keys);
        ngx_queue_init(&rest->aliases);
        ngx_queue_insert_tail(&memory->free, &rest->by_age);
    }

    memory->count.entries = 0;
}


/* The mutex of a dead worker is opened by nginx, in the middle of things. */

void
ngx_rd_zone_memory_lock(ngx_rd_zone_t *zone)
{
    ngx_rd_zone_memory_t  *memory;

    memory = zone->memory;

    ngx_shmtx_lock(&zone->slab->mutex);

    if (ngx_rd_zone_is_written(memory->version)) {
        memory->generation++;
        ngx_rd_zone_memory_clear(memory);

    } else {
        memory->version++;
    }

    ngx_memory_barrier();
}


void
ngx_rd_zone_memory_unlock(ngx_rd_zone_t *zone)
{
    ngx_memory_barrier();
    zone->memory->version++;

    ngx_shmtx_unlock(&zone->slab->mutex);
}
