/*
 * Small records in frames of the machine.
 *
 * A block is one or more frames in a row: a header, then records. Blocks with room are found from
 * system->region_slab; a block whose last record is given back goes back itself. Frames must lie in
 * the direct part of memory: records are used by pointer.
 */
#ifndef QUIRE_SPACE_SLAB_H
#define QUIRE_SPACE_SLAB_H

#include "quire/space.h"

struct quire_slab {
    struct quire_slab *prev, *next;
    struct quire_region *free; /* linked through ->next */
    quire_pfn first;
    uint32_t order, used;
};

/* A record, zeroed; NULL: no frame. */
struct quire_region *quire_slab_alloc(struct quire_system *system);

/* For quire_validate(): do the blocks that have room agree with their lists of free records? */
bool quire_slab_sound(const struct quire_system *system);

void quire_slab_free(struct quire_system *system, struct quire_region *region);

#endif
