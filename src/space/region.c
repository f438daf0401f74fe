/* The sorted list of an address space's regions. */
#include "region.h"

#include "internal.h"
#include "slab.h"

struct quire_region *quire_region_at_or_after(struct quire_space *space, quire_va va)
{
    struct quire_region *region = space->last_hit;

    if (region == NULL || region->va.at > va.at) {
        region = space->regions;
    }
    while (region != NULL && region_last(region) < va.at) {
        region = region->next;
    }
    if (region != NULL) {
        space->last_hit = region;
    }
    return region;
}

void quire_region_show(struct quire_region *region)
{
    struct quire_object *object = region->object;

    if (object == NULL) {
        return;
    }
    region->object_prev = NULL;
    region->object_next = object->mappings;
    if (object->mappings != NULL) {
        object->mappings->object_prev = region;
    }
    object->mappings = region;
}

void quire_region_hide(struct quire_region *region)
{
    if (region->object == NULL) {
        return;
    }
    if (region->object_prev != NULL) {
        region->object_prev->object_next = region->object_next;
    } else {
        region->object->mappings = region->object_next;
    }
    if (region->object_next != NULL) {
        region->object_next->object_prev = region->object_prev;
    }
}

/* Only what may become a page of the space's own needs memory that nobody else has. */
static bool needs_memory(const struct quire_region *region)
{
    return region->sharing == QUIRE_PRIVATE && (region->max_prot & QUIRE_WRITE) != 0;
}

enum quire_status quire_region_charge(struct quire_system *system,
                                      const struct quire_region *region, uint64_t pages)
{
    if (!needs_memory(region)) {
        return QUIRE_OK;
    }
    return quire_commit_charge(system, pages);
}

uint64_t quire_region_promised(const struct quire_region *region)
{
    return needs_memory(region) ? quire_region_pages(region) : 0;
}

void quire_region_uncharge(struct quire_system *system, const struct quire_region *region)
{
    system->committed -= quire_region_promised(region);
}

void quire_region_insert(struct quire_space *space, struct quire_region *region)
{
    struct quire_region *above = quire_region_at_or_after(space, region->va);
    struct quire_region *below;

    if (above != NULL) {
        below = above->prev;
    } else {
        for (below = space->regions; below != NULL && below->next != NULL; below = below->next) {
        }
    }
    region->prev = below;
    region->next = above;
    if (above != NULL) {
        above->prev = region;
    }
    if (below != NULL) {
        below->next = region;
    } else {
        space->regions = region;
    }
}

void quire_region_remove(struct quire_space *space, struct quire_region *region)
{
    if (region->prev != NULL) {
        region->prev->next = region->next;
    } else {
        space->regions = region->next;
    }
    if (region->next != NULL) {
        region->next->prev = region->prev;
    }
    if (space->last_hit == region) {
        space->last_hit = NULL;
    }
    quire_region_hide(region);
    quire_slab_free(space->system, region);
}

bool quire_region_cuts(struct quire_space *space, quire_va at)
{
    const struct quire_region *region = quire_region_at_or_after(space, at);

    return region != NULL && region->va.at < at.at;
}

void quire_region_cut(struct quire_space *space, quire_va at, struct quire_region **spare)
{
    struct quire_region *lower, *upper;

    if (!quire_region_cuts(space, at)) {
        return;
    }
    lower = quire_region_at_or_after(space, at);
    upper = *spare;
    *spare = NULL;
    *upper = *lower;
    upper->va = at;
    upper->bytes = region_last(lower) - at.at + 1;
    upper->offset = lower->offset + (at.at - lower->va.at);
    upper->prev = lower;
    lower->bytes = at.at - lower->va.at;
    lower->next = upper;
    if (upper->next != NULL) {
        upper->next->prev = upper;
    }
    quire_region_show(upper);
    lower->grows_to = lower->grows_to < at.at ? lower->grows_to : 0;
    upper->grows_to = 0; /* only what is lowest goes on growing */
}

/* All 64 bits of addresses, in two regions, are too many bytes for one. */
static bool are_one(const struct quire_space *space, const struct quire_region *lower,
                    const struct quire_region *upper)
{
    return quire_sharing_paged(lower->sharing) &&
           quire_range_check(space->table.format, lower->va, lower->bytes + upper->bytes) ==
               QUIRE_OK &&
           region_last(lower) + 1 == upper->va.at && lower->prot == upper->prot &&
           lower->max_prot == upper->max_prot && lower->object == upper->object &&
           lower->sharing == upper->sharing && lower->advice == upper->advice &&
           upper->grows_to == 0 &&
           (lower->object == NULL || lower->offset + lower->bytes == upper->offset);
}

void quire_region_join(struct quire_space *space, struct quire_region *region)
{
    struct quire_region *upper = region->next;

    if (upper != NULL && are_one(space, region, upper)) {
        region->bytes += upper->bytes;
        quire_region_remove(space, upper);
    }
}

enum quire_status quire_regions_cover(struct quire_space *space, quire_va va, uint64_t bytes,
                                      unsigned prot)
{
    const struct quire_region *region = quire_space_region(space, va);
    uint64_t last = va.at + (bytes - 1);

    for (; region != NULL; region = region->next) {
        if ((prot & ~region->max_prot) != 0) {
            return QUIRE_INVALID;
        }
        if (region_last(region) >= last) {
            return QUIRE_OK;
        }
        if (region->next == NULL || region->next->va.at != region_last(region) + 1) {
            break;
        }
    }
    return QUIRE_NOT_FOUND;
}

enum quire_status quire_regions_paged(struct quire_space *space, quire_va va, uint64_t bytes)
{
    enum quire_status status = quire_range_check(space->table.format, va, bytes);
    const struct quire_region *region = quire_region_at_or_after(space, va);

    for (; status == QUIRE_OK && region != NULL && region->va.at <= va.at + (bytes - 1);
         region = region->next) {
        status = quire_sharing_paged(region->sharing) ? QUIRE_OK : QUIRE_INVALID;
    }
    return status;
}

enum quire_status quire_regions_cut_out(struct quire_space *space, quire_va va, uint64_t bytes)
{
    quire_va end = quire_va_at(va.at + bytes); /* 0 is the end of all: no region begins below it */
    struct quire_region *spare[2] = {NULL, NULL};
    bool cut[2] = {quire_region_cuts(space, va), quire_region_cuts(space, end)};

    for (unsigned i = 0; i < 2; i++) {
        spare[i] = cut[i] ? quire_slab_alloc(space->system) : NULL;
        if (cut[i] && spare[i] == NULL) {
            if (spare[0] != NULL) {
                quire_slab_free(space->system, spare[0]);
            }
            return QUIRE_NO_MEMORY;
        }
    }
    quire_region_cut(space, va, &spare[0]);
    quire_region_cut(space, end, &spare[1]);
    return QUIRE_OK;
}

void quire_regions_join(struct quire_space *space, quire_va va, uint64_t bytes)
{
    uint64_t last = va.at + (bytes - 1);
    struct quire_region *region = quire_region_at_or_after(space, va);

    if (region->prev != NULL) {
        region = region->prev;
    }
    while (region != NULL && region->va.at <= last) {
        struct quire_region *upper = region->next;

        quire_region_join(space, region);
        region = region->next == upper ? upper : region;
    }
}
