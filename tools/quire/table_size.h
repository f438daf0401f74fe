/*
 * How many bytes of page tables a mapping needs, computed without building any.
 *
 * At each level, the entries that ranges touch are counted in closed form; each that is not a leaf
 * leads to one table. Numbers that do not fit into 64 bits become SIZE_UNKNOWN.
 */
#ifndef QUIRE_TOOLS_TABLE_SIZE_H
#define QUIRE_TOOLS_TABLE_SIZE_H

#include "output.h"
#include "quire/format.h"

#define SIZE_UNKNOWN UINT64_MAX

/* Addresses [first, last], both included, so that all of 64 bits can be said. */
struct address_range {
    uint64_t first, last;
};

enum leaf_use { LEAVES_SMALL, LEAVES_LARGEST };

struct table_size {
    uint64_t pages;                    /* of the smallest size, that the ranges touch */
    uint64_t tables[QUIRE_LEVELS_MAX]; /* of each level; [0] is 1 */
    uint64_t multilevel;               /* bytes of all of them */
    uint64_t linear;                   /* bytes of one table for the whole address space */
    uint64_t frames;                   /* that an inverted table describes */
    uint64_t inverted;                 /* bytes: INVERTED_ENTRY a frame */
    uint64_t hashed;                   /* bytes: HASHED_NODE a page, and HASHED_BUCKET a bucket */
    uint64_t buckets;                  /* the power of two that is not below `pages` */
};

/*
 * Inverted: a frame's owner (address space and page number) 8, rights and marks 4, next of its
 * chain 4, and its share of the hash anchor table 4. Hashed: as in M. Talluri, M. Hill, Y. Khalidi,
 * "A New Page Table for 64-bit Address Spaces" (SOSP 1995): tag 8, mapping 8, next 8; a bucket is a
 * pointer.
 */
enum { INVERTED_ENTRY = 20, HASHED_NODE = 24, HASHED_BUCKET = 8 };

/* Do the addresses exist in this format? *why says what not, and *at which. Sign-extended formats
 * take a range below or above the hole, not across. */
bool ranges_fit(const struct quire_format *format, const struct address_range *range, size_t ranges,
                size_t *at);

/* Cuts ranges to the format's bits, widens them to pages, sorts and merges them; answers how many
 * are left. => ranges_fit() */
size_t ranges_tidy(const struct quire_format *format, struct address_range *range, size_t ranges);

/* Entries of 1 << shift bytes that tidy ranges touch; one that two of them share counts once.
 * => shift below 64 */
uint64_t ranges_touch(const struct address_range *range, size_t ranges, unsigned shift);

/*
 * `ram` is the memory of the machine in bytes, for the inverted table; 0: just what is mapped.
 * The ranges are changed: ranges_tidy(). False: no memory. => ranges_fit()
 */
bool table_size(const struct quire_format *format, struct address_range *range, size_t ranges,
                enum leaf_use leaves, uint64_t ram, struct table_size *size);

#endif
