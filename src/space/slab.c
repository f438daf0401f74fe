/* Region records in frames of the machine. */
#include "slab.h"

#include "../bytes.h"

enum { RECORDS_AT_LEAST = 4 };

/* Blocks are naturally aligned, so a record's block is found from its address. */
static unsigned block_order(const struct quire_system *system)
{
    size_t bytes = sizeof(struct quire_slab) + RECORDS_AT_LEAST * sizeof(struct quire_region);
    unsigned order = 0;

    while ((UINT64_C(1) << order) << system->host->frames->page_shift < bytes) {
        order++;
    }
    return order;
}

static uint64_t block_bytes(const struct quire_system *system)
{
    return (UINT64_C(1) << block_order(system)) << system->host->frames->page_shift;
}

static struct quire_slab *block_of(const struct quire_system *system, struct quire_region *region)
{
    const struct quire_memory *memory = &system->host->memory;
    uint64_t pa = (uint64_t)((unsigned char *)region - memory->direct) + memory->base;

    return quire_memory_at(memory, quire_pa_at(pa & ~(block_bytes(system) - 1)),
                           block_bytes(system));
}

static void link_block(struct quire_system *system, struct quire_slab *slab)
{
    slab->prev = NULL;
    slab->next = system->region_slab;
    if (slab->next != NULL) {
        slab->next->prev = slab;
    }
    system->region_slab = slab;
}

static void unlink_block(struct quire_system *system, struct quire_slab *slab)
{
    if (slab->prev != NULL) {
        slab->prev->next = slab->next;
    } else {
        system->region_slab = slab->next;
    }
    if (slab->next != NULL) {
        slab->next->prev = slab->prev;
    }
}

static bool add_block(struct quire_system *system)
{
    struct quire_frames *frames = system->host->frames;
    const struct quire_memory *memory = &system->host->memory;
    unsigned order = block_order(system);
    struct quire_slab *slab;
    struct quire_region *record;
    unsigned char *end;
    quire_pfn first;

    if (quire_frames_alloc(frames, order, &first) != QUIRE_OK) {
        return false;
    }
    slab = quire_memory_at(memory, quire_pfn_pa(first, frames->page_shift), block_bytes(system));
    if ((uintptr_t)slab - (uintptr_t)memory->direct >= memory->bytes) {
        if (slab != NULL) {
            quire_memory_done(memory, slab, block_bytes(system));
        }
        quire_frames_free(frames, first, order);
        return false;
    }
    *slab = (struct quire_slab){.first = first, .order = order};
    end = (unsigned char *)slab + block_bytes(system);
    for (record = (struct quire_region *)(slab + 1); (unsigned char *)(record + 1) <= end;
         record++) {
        record->next = slab->free;
        slab->free = record;
    }
    link_block(system, slab);
    system->slab_frames += UINT32_C(1) << order;
    return true;
}

struct quire_region *quire_slab_alloc(struct quire_system *system)
{
    struct quire_slab *slab;
    struct quire_region *record;

    if (system->region_slab == NULL && !add_block(system)) {
        return NULL;
    }
    slab = system->region_slab;
    record = slab->free;
    slab->free = record->next;
    slab->used++;
    if (slab->free == NULL) {
        unlink_block(system, slab); /* full blocks are not listed */
    }
    memset(record, 0, sizeof(*record));
    return record;
}

void quire_slab_free(struct quire_system *system, struct quire_region *region)
{
    struct quire_slab *slab = block_of(system, region);

    if (slab->free == NULL) {
        link_block(system, slab);
    }
    region->next = slab->free;
    slab->free = region;
    if (--slab->used == 0) {
        unlink_block(system, slab);
        system->slab_frames -= UINT32_C(1) << slab->order;
        quire_frames_free(system->host->frames, slab->first, slab->order);
    }
}

/* Records that a block has room for. */
static uint64_t block_records(const struct quire_system *system)
{
    return (block_bytes(system) - sizeof(struct quire_slab)) / sizeof(struct quire_region);
}

static bool block_sound(const struct quire_system *system, const struct quire_slab *slab)
{
    uint64_t left = block_records(system) - slab->used;

    if (slab->free == NULL || slab->used == 0 || slab->used >= block_records(system) ||
        slab->order != block_order(system) || (slab->next != NULL && slab->next->prev != slab)) {
        return false;
    }
    for (struct quire_region *record = slab->free; record != NULL; record = record->next) {
        if (left-- == 0 || block_of(system, record) != slab) {
            return false;
        }
    }
    return left == 0;
}

bool quire_slab_sound(const struct quire_system *system)
{
    uint32_t most = system->slab_frames >> block_order(system);

    for (const struct quire_slab *slab = system->region_slab; slab != NULL; slab = slab->next) {
        if (most-- == 0 || !block_sound(system, slab)) {
            return false;
        }
    }
    return true;
}
