/*
 * How many bytes the supplemental page table (quire/supplement.h, seed 000) takes for given pages:
 * built for them in simulated frames, and beside it two other ways to keep a record for each.
 *
 *     radix    quire's: nodes of one frame, a record of 4 bytes for each page of a node in use
 *     hash     open addressing, linear probing, a power of two of entries, at most 3/4 of them in
 *              use. An entry is the page's number (4 bytes if that holds all numbers of the
 *              format, else 8) and its record, in two arrays, so that nothing is padding. It begins
 *              with 16 entries and doubles; while it does, the old and the new one are there.
 *     linear   a record for every page of the address space
 */
#ifndef QUIRE_TOOLS_SUPPLEMENT_SIZE_H
#define QUIRE_TOOLS_SUPPLEMENT_SIZE_H

#include "quire/frames.h"
#include "quire/supplement.h"
#include "table_size.h"

enum { SUPPLEMENT_RECORD = 4, SUPPLEMENT_HASH_FIRST = 16 };

/* The most that is built, in some seconds: nearly 32 Mi pages that lie together. */
#define SUPPLEMENT_BYTES_MAX (UINT64_C(128) << 20)

struct supplement_size {
    uint64_t pages; /* touched */
    unsigned levels;
    uint64_t nodes[QUIRE_SUPPLEMENT_LEVELS_MAX]; /* in each level; [0] is the root's */
    uint64_t radix;                              /* bytes of all of them */
    uint64_t hash_entries, hash;                 /* in the end */
    uint64_t hash_growing;                       /* bytes while it doubled for the last time */
    uint64_t linear;
};

/* Frames that are there for supplements only. */
struct supplement_memory {
    struct quire_host host;
    struct quire_frames frames;
    void *state;
};

/* False: there is no memory, and nothing to close. Stays where it is while it is open. */
bool supplement_memory_open(struct supplement_memory *memory, uint32_t frames, unsigned page_shift);
void supplement_memory_close(struct supplement_memory *memory);

/* Bytes of an entry of the hash table. */
unsigned supplement_hash_entry(unsigned vpn_bits);

/* Entries that the hash table has when it holds so many pages. */
uint64_t supplement_hash_entries(uint64_t pages);

/* Nodes of each level for tidy ranges, computed: what building must give. Answers the levels; 0:
 * more than a supplement can have. */
unsigned supplement_nodes(const struct quire_format *format, const struct address_range *range,
                          size_t ranges, uint64_t nodes[QUIRE_SUPPLEMENT_LEVELS_MAX]);

/* The ranges are changed: ranges_tidy(). False: *problem says why not: too large, no memory.
 * => ranges_fit() */
bool supplement_size(const struct quire_format *format, struct address_range *range, size_t ranges,
                     struct supplement_size *size, struct problem *problem);

#endif
