/* Regions of one space: finding, cutting, joining. Private to src/space. */
#ifndef QUIRE_SPACE_REGION_H
#define QUIRE_SPACE_REGION_H

#include "quire/space.h"

/* The last address of a region: its end may be the end of all addresses. */
static inline uint64_t region_last(const struct quire_region *region)
{
    return region->va.at + (region->bytes - 1);
}

static inline uint64_t quire_region_pages(const struct quire_region *region)
{
    return region->bytes >> quire_format_page_shift(region->space->table.format);
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

/* Puts a region into its object's list, or takes it out. Regions without object: nothing. */
void quire_region_show(struct quire_region *region);
void quire_region_hide(struct quire_region *region);

/* Pages that are promised to a region. */
uint64_t quire_region_promised(const struct quire_region *region);

/* Promises memory for `pages` pages of a region, if it is one that can need it: private, and
 * perhaps to be written. QUIRE_NO_SPACE: more than there is, and the system does not overcommit. */
enum quire_status quire_region_charge(struct quire_system *system,
                                      const struct quire_region *region, uint64_t pages);
void quire_region_uncharge(struct quire_system *system, const struct quire_region *region);

/* Do regions cover the range without holes (else QUIRE_NOT_FOUND), all willing to be protected like
 * this (else QUIRE_INVALID)? */
enum quire_status quire_regions_cover(struct quire_space *space, quire_va va, uint64_t bytes,
                                      unsigned prot);

/* May the regions in the range be changed: is it sound, and all that is there paged? Else
 * QUIRE_INVALID, QUIRE_OUT_OF_RANGE. */
enum quire_status quire_regions_paged(struct quire_space *space, quire_va va, uint64_t bytes);

/* Makes the range begin and end at borders of regions. QUIRE_NO_MEMORY: nothing changed. */
enum quire_status quire_regions_cut_out(struct quire_space *space, quire_va va, uint64_t bytes);

/* Joins what has become alike in the range, and at its borders. => regions cover it */
void quire_regions_join(struct quire_space *space, quire_va va, uint64_t bytes);

/* Joins a region with its neighbour above, if they are one in all but record. */
void quire_region_join(struct quire_space *space, struct quire_region *region);

#endif
