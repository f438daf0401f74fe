/*
 * Regions: what may be in an address space, where, and what it is made of before it is touched.
 *
 * Sorted, not overlapping, aligned to pages. Records are small and come from the system's slab.
 */
#ifndef QUIRE_REGION_H
#define QUIRE_REGION_H

#include "quire/transfer.h"

/* Something whose pages can be read in: a file, an image. Bytes past the end read as zeros. */
struct quire_object {
    struct quire_device device;
    uint64_t bytes;
};

struct quire_region {
    quire_va va;
    uint64_t bytes;
    unsigned prot;               /* QUIRE_RIGHTS now */
    unsigned max_prot;           /* the most that protect may ever give */
    struct quire_object *object; /* NULL: zero-filled. The mapping is private: writes stay here */
    uint64_t offset;             /* of the first byte in the object; a multiple of the page */
    struct quire_region *prev, *next;
};

#endif
