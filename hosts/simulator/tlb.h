/*
 * The simulated TLB: set-associative, tagged with ASIDs, least recently used within a set.
 *
 * It is as dumb as a real one: an entry stays, right or wrong, until it is flushed or crowded out. So
 * a flush that the core forgets shows as a wrong translation.
 */
#ifndef SIMULATOR_TLB_H
#define SIMULATOR_TLB_H

#include "quire/tlb.h"
#include "quire/walk.h"

struct tlb_entry {
    uint64_t tag;   /* page number of the smallest page within the entry's leaf; see tlb.c */
    uint64_t pa;    /* of the smallest page */
    uint64_t used;  /* time of last use, for LRU */
    uint16_t asid;
    uint16_t attributes; /* effective rights, dirty, global; 0: invalid */
    uint8_t leaf_shift;  /* size of the leaf it came from: a flush of any of it drops the entry */
};

struct tlb {
    unsigned sets, ways, page_shift;
    struct tlb_entry *entry; /* sets * ways; NULL: no TLB */
    uint64_t clock;
};

bool tlb_open(struct tlb *tlb, unsigned entries, unsigned ways, unsigned page_shift);
void tlb_close(struct tlb *tlb);

/* The entry for va, if it is there and allows `access` (and, for a write, is dirty already); else
 * NULL: the MMU must walk. */
struct tlb_entry *tlb_find(struct tlb *tlb, uint16_t asid, quire_va va, unsigned access);

void tlb_fill(struct tlb *tlb, uint16_t asid, quire_va va, const struct quire_walk *walk);

/* Returns how many entries were dropped. */
unsigned tlb_flush(struct tlb *tlb, const struct quire_flush *flush);

#endif
