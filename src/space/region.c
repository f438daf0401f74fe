/* The sorted list of an address space's regions. */
#include "region.h"

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
    if (system->commit == QUIRE_COMMIT_STRICT &&
        (system->committed > system->commit_limit ||
         pages > system->commit_limit - system->committed)) {
        return QUIRE_NO_SPACE;
    }
    system->committed += pages;
    return QUIRE_OK;
}

void quire_region_uncharge(struct quire_system *system, const struct quire_region *region)
{
    if (needs_memory(region)) {
        system->committed -= region->bytes >> system->host->frames->page_shift;
    }
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
    return lower->sharing != QUIRE_FIXED &&
           quire_range_check(space->table.format, lower->va, lower->bytes + upper->bytes) ==
               QUIRE_OK &&
           region_last(lower) + 1 == upper->va.at && lower->prot == upper->prot &&
           lower->max_prot == upper->max_prot && lower->object == upper->object &&
           lower->sharing == upper->sharing && lower->grows_to == upper->grows_to &&
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
