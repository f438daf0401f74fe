/*
 * A set of small numbers, kept so that its lowest member is found in a few instructions.
 *
 *   level 2      1 word        bit i: word i of level 1 is not 0
 *   level 1     64 words       bit i: word i of level 0 is not 0
 *   level 0  4,096 words       bit i: i is a member
 *
 * There are as many levels as it takes to end in one word, and never fewer than two. The summaries
 * cost 1/63 of the set. A part of other objects (frames, swap slots); src/memory/bitset.h has the
 * operations.
 */
#ifndef QUIRE_BITSET_H
#define QUIRE_BITSET_H

#include "quire/types.h"

enum { QUIRE_BITSET_LEVELS = 6 }; /* 64^6 is more than 2^32 */

struct quire_bitset {
    uint64_t *words;
    uint32_t level_at[QUIRE_BITSET_LEVELS + 1]; /* first word of each level, and the end */
    uint8_t levels;
};

#endif
