/*
 * A source of pages for heaps that is as unhelpful as its contract allows.
 *
 * Pages that the heap does not have cannot be touched (a fault ends the test). What is got holds
 * zeros or junk, as was promised; what is discarded too. Every give and discard is checked.
 */
#ifndef SUPPORT_HEAP_PAGES_H
#define SUPPORT_HEAP_PAGES_H

#include "quire/heap.h"
#include "tests/support/prng.h"

enum heap_pages_kind {
    PAGES_BRK,        /* a break goes up and down; wishes are not looked at */
    PAGES_ADJACENT,   /* the wish if that is free, else the lowest free place */
    PAGES_DESCENDING, /* the highest free place */
    PAGES_RANDOM,     /* any free place; now and then the wish */
    PAGES_KINDS
};

enum { HEAP_PAGES_BYTES = 48 << 20 };

struct heap_pages {
    enum heap_pages_kind kind;
    unsigned page_shift;
    bool zeroed;
    bool lies; /* says zeroed, but is not: shows who touched what */
    struct prng prng;
    unsigned char *mapped, *memory;
    bool *taken; /* by page */
    size_t pages, break_page;
    uint64_t got, given;   /* bytes so far */
    uint64_t gets;         /* calls */
    uint64_t refuse_at;    /* number of the call that is refused, from 1; 0: none */
    uint64_t refuse_after; /* from this one on all are; 0: never */
};

void heap_pages_open(struct heap_pages *pages, enum heap_pages_kind kind, unsigned page_shift,
                     bool zeroed);
void heap_pages_close(struct heap_pages *pages);

struct quire_heap_source heap_pages_source(struct heap_pages *pages);

/* Bytes that the heap has. */
size_t heap_pages_held(const struct heap_pages *pages);

/* Somebody else raises the break. */
void heap_pages_foreign(struct heap_pages *pages);

#endif
