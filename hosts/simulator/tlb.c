/* The simulated TLB. */
#include "tlb.h"

#include <stdlib.h>

static void drop(struct tlb_entry *entry)
{
    *entry = (struct tlb_entry){.vpn = TLB_NO_PAGE};
}

static unsigned entries_of(const struct tlb *tlb)
{
    return tlb->sets * tlb->ways;
}

bool tlb_open(struct tlb *tlb, const struct quire_format *format, unsigned entries, unsigned ways)
{
    *tlb = (struct tlb){.page_shift = (uint8_t)quire_format_page_shift(format),
                        .marks_dirty = format->leaf.dirty.mask != 0,
                        .asid_mask = (uint16_t)((1U << format->asid_bits) - 1)};
    drop(&tlb->nowhere);
    for (unsigned i = 0; i < TLB_HINTS; i++) {
        tlb->hint[i] = &tlb->nowhere;
    }
    if (entries == 0) {
        return true;
    }
    tlb->ways = ways != 0 ? ways : entries;
    tlb->sets = entries / tlb->ways;
    tlb->entry = malloc(entries * sizeof(*tlb->entry));
    for (unsigned i = 0; i < entries && tlb->entry != NULL; i++) {
        drop(&tlb->entry[i]);
    }
    return tlb->entry != NULL;
}

void tlb_close(struct tlb *tlb)
{
    free(tlb->entry);
    tlb->entry = NULL;
    tlb->ways = 0;
}

static struct tlb_entry *set_of(const struct tlb *tlb, uint64_t vpn)
{
    return &tlb->entry[vpn % tlb->sets * tlb->ways];
}

struct tlb_entry *tlb_search(const struct tlb *tlb, uint64_t vpn)
{
    struct tlb_entry *set;

    if (tlb->ways == 0) {
        return NULL;
    }
    set = set_of(tlb, vpn);
    for (unsigned way = 0; way < tlb->ways; way++) {
        if (tlb_is_of(tlb, &set[way], vpn)) {
            return &set[way];
        }
    }
    return NULL;
}

/* ---- filling --------------------------------------------------------------------------------- */

/* The place for a page in its set: least recently used, where no entry counts as never used.
 * Entries that would answer for the page beside the new one go: no lookup ever has two answers. */
static struct tlb_entry *place_for(struct tlb *tlb, uint64_t vpn, bool global)
{
    struct tlb_entry *set = set_of(tlb, vpn);
    struct tlb_entry *oldest = set;

    for (unsigned way = 0; way < tlb->ways; way++) {
        if (set[way].vpn == vpn && (global || tlb_is_of(tlb, &set[way], vpn))) {
            drop(&set[way]);
        }
        if (set[way].used < oldest->used) {
            oldest = &set[way];
        }
    }
    return oldest;
}

void tlb_fill(struct tlb *tlb, quire_va va, unsigned access, const struct quire_walk *walk)
{
    uint64_t vpn = va.at >> tlb->page_shift;
    bool dirty =
        !tlb->marks_dirty || (access & QUIRE_WRITE) != 0 || (walk->attributes & QUIRE_DIRTY) != 0;
    unsigned rights = walk->attributes & QUIRE_RIGHTS & ~(dirty ? 0U : (unsigned)QUIRE_WRITE);
    bool global = (walk->attributes & QUIRE_GLOBAL) != 0;

    if (tlb->ways == 0) {
        return;
    }
    *place_for(tlb, vpn, global) =
        (struct tlb_entry){.vpn = vpn,
                           .used = ++tlb->clock,
                           .leaf = walk->page_bytes,
                           .pfn = quire_pa_pfn(walk->pa, tlb->page_shift),
                           .asid = tlb->asid,
                           .rights = (uint8_t)rights,
                           .global = global};
    tlb->large += walk->page_bytes >> tlb->page_shift != 1;
}

/* ---- flushing -------------------------------------------------------------------------------- */

/* Global entries are of every address space: only what is said to be global drops them. */
static bool in_space(const struct tlb *tlb, const struct tlb_entry *entry,
                     const struct quire_flush_range *range)
{
    return entry->global ? range->global : entry->asid == (range->asid & tlb->asid_mask);
}

/* Does the range touch any of the leaf that the entry came from? => range not empty */
static bool overlaps(const struct tlb *tlb, const struct tlb_entry *entry,
                     const struct quire_flush_range *range)
{
    uint64_t within = entry->leaf - 1;
    uint64_t first = entry->vpn << tlb->page_shift & ~within;

    return first <= range->va.at + (range->bytes - 1) && range->va.at <= (first | within);
}

/* Drops what it must of `count` entries. */
static unsigned flush_entries(struct tlb *tlb, struct tlb_entry *entry, unsigned count,
                              const struct quire_flush_range *range)
{
    unsigned dropped = 0;

    for (unsigned i = 0; i < count; i++) {
        if (entry[i].vpn != TLB_NO_PAGE && overlaps(tlb, &entry[i], range) &&
            in_space(tlb, &entry[i], range)) {
            drop(&entry[i]);
            dropped++;
        }
    }
    return dropped;
}

/* A few pages: only their sets can hold them, unless entries of larger leaves are about. */
static unsigned flush_range(struct tlb *tlb, const struct quire_flush_range *range)
{
    uint64_t first = range->va.at >> tlb->page_shift;
    uint64_t last = (range->va.at + (range->bytes - 1)) >> tlb->page_shift;
    unsigned dropped = 0;

    if (range->bytes == 0) {
        return 0;
    }
    if (tlb->large != 0 || last - first >= tlb->sets) {
        return flush_entries(tlb, tlb->entry, entries_of(tlb), range);
    }
    for (uint64_t vpn = first; vpn <= last; vpn++) {
        dropped += flush_entries(tlb, set_of(tlb, vpn), tlb->ways, range);
    }
    return dropped;
}

static unsigned flush_all(struct tlb *tlb, const struct quire_flush_range *only)
{
    unsigned dropped = 0;

    for (unsigned i = 0; i < entries_of(tlb); i++) {
        struct tlb_entry *entry = &tlb->entry[i];

        if (entry->vpn != TLB_NO_PAGE && (only == NULL || in_space(tlb, entry, only))) {
            drop(entry);
            dropped++;
        }
    }
    tlb->large = only == NULL ? 0 : tlb->large;
    return dropped;
}

unsigned tlb_flush(struct tlb *tlb, const struct quire_flush *flush)
{
    unsigned dropped = 0;

    if (tlb->ways == 0) {
        return 0;
    }
    if (flush->all) {
        return flush_all(tlb, flush->asid_only ? &flush->range[0] : NULL);
    }
    for (unsigned i = 0; i < flush->ranges; i++) {
        dropped += flush_range(tlb, &flush->range[i]);
    }
    return dropped; /* flush->tables: it keeps no upper entries, so there is nothing else to drop */
}

void tlb_switch(struct tlb *tlb, uint16_t asid)
{
    const struct quire_flush_range whole = {.asid = tlb->asid};

    if (tlb->asid_mask == 0 && tlb->ways != 0) {
        flush_all(tlb, &whole);
    }
    tlb->asid = asid & tlb->asid_mask;
}
