/*
 * The simulated TLB: set-associative, tagged with ASIDs, least recently used within a set.
 *
 *              way 0   way 1  ...
 *     set 0  [ entry | entry | ... ]      page number % sets chooses the set
 *     set 1  [ entry | entry | ... ]
 *
 * It is as dumb as a real one: an entry stays, right or wrong, until it is flushed or crowded out.
 * So a flush that the core forgets shows as a wrong translation. A format without ASIDs makes a TLB
 * without: then every switch to another address space empties it, but for global entries.
 *
 * An entry is for one page of the smallest size; one from a larger leaf remembers that, because a
 * flush of any part of the leaf drops all of its entries.
 */
#ifndef SIMULATOR_TLB_H
#define SIMULATOR_TLB_H

#include "quire/tlb.h"
#include "quire/walk.h"

struct tlb_entry {
    uint64_t vpn;  /* TLB_NO_PAGE: no entry */
    uint64_t used; /* time of last use; 0: no entry */
    uint64_t leaf; /* bytes of the leaf that it came from */
    quire_pfn pfn;
    uint16_t asid;
    uint8_t rights; /* what may be done without a walk: the effective rights, but QUIRE_WRITE only
                       once the page is marked dirty */
    bool global;
};

#define TLB_NO_PAGE UINT64_MAX

enum { TLB_HINTS = 512 };

struct tlb {
    unsigned sets, ways; /* 0 ways: no TLB */
    uint8_t page_shift;
    bool marks_dirty; /* the format has a dirty bit: the first write must walk to set it */
    uint16_t asid_mask;
    uint16_t asid; /* of the address space that runs */
    uint64_t clock;
    uint64_t large; /* entries from leaves larger than a page were filled since all was flushed */
    struct tlb_entry *entry; /* sets * ways */

    /* Where a page was found last, by a hash of its number; checked, so never wrong. It makes
     * finding fast, whatever the number of ways, and has no other effect. */
    struct tlb_entry *hint[TLB_HINTS];
    struct tlb_entry nowhere; /* where hints point that have not been set */
};

/* Empty, for an MMU of this format. 0 ways: fully associative; 0 entries: no TLB, nothing is ever
 * found in it. => ways divides entries. False: no memory. The TLB must stay where it is. */
bool tlb_open(struct tlb *tlb, const struct quire_format *format, unsigned entries, unsigned ways);
void tlb_close(struct tlb *tlb);

/* Another address space runs from now on. */
void tlb_switch(struct tlb *tlb, uint16_t asid);

/* What the MMU found for va, with an access that it then marked: crowds out another if need be.
 * => walk succeeded; its frame number fits 32 bits */
void tlb_fill(struct tlb *tlb, quire_va va, unsigned access, const struct quire_walk *walk);

/* Returns how many entries were dropped. */
unsigned tlb_flush(struct tlb *tlb, const struct quire_flush *flush);

/* Looks through the page's set. Use tlb_find(). */
struct tlb_entry *tlb_search(const struct tlb *tlb, uint64_t vpn);

/* Does the entry speak about this page of the address space that runs? */
static inline bool tlb_is_of(const struct tlb *tlb, const struct tlb_entry *entry, uint64_t vpn)
{
    return entry->vpn == vpn && (entry->asid == tlb->asid || entry->global);
}

/* Where the hint for a page is kept. */
static inline struct tlb_entry **tlb_hint(struct tlb *tlb, uint64_t vpn, unsigned asid)
{
    return &tlb->hint[(vpn ^ vpn >> 9 ^ asid) % TLB_HINTS];
}

/* The entry for va if it is there and allows `access`; else NULL: the MMU must walk. */
static inline const struct tlb_entry *tlb_find(struct tlb *tlb, quire_va va, unsigned access)
{
    uint64_t vpn = va.at >> tlb->page_shift;
    struct tlb_entry **hint = tlb_hint(tlb, vpn, tlb->asid);
    struct tlb_entry *entry = *hint;

    if (!tlb_is_of(tlb, entry, vpn)) {
        entry = tlb_search(tlb, vpn);
        if (entry == NULL) {
            return NULL;
        }
        *hint = entry;
    }
    if ((access & QUIRE_RIGHTS & ~(unsigned)entry->rights) != 0) {
        return NULL;
    }
    entry->used = ++tlb->clock;
    return entry;
}

#endif
