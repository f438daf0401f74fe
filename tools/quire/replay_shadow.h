/*
 * What the program's memory should hold: a copy of every page that it touched, kept beside the
 * machine and found by page number. Or just the set of the pages, if nobody wants to compare.
 */
#ifndef QUIRE_TOOLS_REPLAY_SHADOW_H
#define QUIRE_TOOLS_REPLAY_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shadow_entry {
    uint64_t vpn;
    unsigned char *bytes; /* NULL: a free entry */
};

enum shadow_of { SHADOW_OF_BYTES, SHADOW_OF_NUMBERS };

struct shadow {
    enum shadow_of of;
    unsigned page_shift;
    struct shadow_entry *entry; /* a hash table, open addressing; room + 1 is a power of two */
    size_t room;                /* entries, less one: a mask */
    size_t pages;
    struct shadow_block *blocks; /* where the pages' bytes are */
    size_t left;                 /* pages left in the first block */
    struct shadow_entry last[2]; /* found last, even and odd pages */
};

bool shadow_open(struct shadow *shadow, enum shadow_of of, unsigned page_shift);
void shadow_close(struct shadow *shadow);

/* The bytes of a page; zeros when it is new. NULL: there is no memory for it. With
 * SHADOW_OF_NUMBERS not NULL, but nothing to look at. */
unsigned char *shadow_find(struct shadow *shadow, uint64_t vpn);

static inline unsigned char *shadow_page(struct shadow *shadow, uint64_t vpn)
{
    const struct shadow_entry *last = &shadow->last[vpn & 1];

    return last->vpn == vpn && last->bytes != NULL ? last->bytes : shadow_find(shadow, vpn);
}

/* The numbers of all pages, in order: shadow->pages of them, for free(). NULL: no memory. */
uint64_t *shadow_numbers(const struct shadow *shadow);

/* The bytes that the reference `number` stores: the first `size` of a sequence of its own, none of
 * them 0: a page that was stored to is never mistaken for one that was not. */
void shadow_bytes(uint64_t number, unsigned char *to, size_t size);

#endif
