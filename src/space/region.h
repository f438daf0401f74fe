/* Regions of one space: finding, cutting, joining. Private to src/space. */
#ifndef QUIRE_SPACE_REGION_H
#define QUIRE_SPACE_REGION_H

#include "quire/space.h"

/* The last address of a region: its end may be the end of all addresses. */
static inline uint64_t region_last(const struct quire_region *region)
{
    return region->va.at + (region->bytes - 1);
}

/* The region that holds va, or the first one above it; NULL: neither. */
struct quire_region *quire_region_at_or_after(struct quire_space *space, quire_va va);

void quire_region_insert(struct quire_space *space, struct quire_region *region);
void quire_region_remove(struct quire_space *space, struct quire_region *region);

/* Makes `at` the beginning of a region, if it lies inside one, by cutting that in two. The upper
 * part uses the record *spare, which is then NULL. => at is page-aligned */
void quire_region_cut(struct quire_space *space, quire_va at, struct quire_region **spare);

/* Would quire_region_cut() need a record? */
bool quire_region_cuts(struct quire_space *space, quire_va at);

/* Joins a region with its neighbour above, if they are one in all but record. */
void quire_region_join(struct quire_space *space, struct quire_region *region);

#endif
