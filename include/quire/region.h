/*
 * Regions: what may be in an address space, where, and what it is made of before it is touched.
 *
 * Sorted, not overlapping, aligned to pages. Records are small and come from the system's slab.
 */
#ifndef QUIRE_REGION_H
#define QUIRE_REGION_H

#include "quire/transfer.h"

struct quire_space;
struct quire_object;

/* Who sees what is written to a page of an object. */
enum quire_sharing {
    QUIRE_PRIVATE,  /* a write makes the page this space's own */
    QUIRE_SHARED,   /* everybody who maps the object */
    QUIRE_FIXED,    /* no object: physical memory from `offset` on, mapped at once and as long as
                       the space lives. Nothing of it is paged: the kernel's own addresses */
    QUIRE_INHERITED /* the same for what another page table has there (quire_table_inherit): one set
                       of tables for all spaces, in which changes are seen by all at once */
};

/* Is it made of pages that come and go? */
static inline bool quire_sharing_paged(enum quire_sharing sharing)
{
    return sharing == QUIRE_PRIVATE || sharing == QUIRE_SHARED;
}

enum quire_advice {
    QUIRE_ADVICE_NORMAL,
    QUIRE_ADVICE_SEQUENTIAL, /* will be used from beginning to end: read far ahead */
    QUIRE_ADVICE_RANDOM      /* what is next to a page says nothing about what is next */
};

struct quire_region {
    quire_va va;
    uint64_t bytes;
    unsigned prot;               /* QUIRE_RIGHTS now */
    unsigned max_prot;           /* the most that protect may ever give */
    struct quire_object *object; /* NULL: zero-filled */
    uint64_t offset;             /* of the first byte in the object; a multiple of the page */
    enum quire_sharing sharing;
    uint64_t grows_to; /* a stack: may grow down to this address by itself; 0: it does not grow */

    uint8_t advice;   /* enum quire_advice */
    uint16_t window;  /* pages to read ahead, the last time that one was read; */
    uint64_t last_in; /* its number */

    struct quire_space *space;
    struct quire_region *prev, *next;               /* in the space, by address */
    struct quire_region *object_prev, *object_next; /* in the object, in no order */
};

#endif
