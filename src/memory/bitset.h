/*
 * Sets of small numbers with summaries: what to do with a struct quire_bitset (quire/bitset.h).
 *
 * Adding and removing change level 0, and go up only while a word becomes or stops being 0. Finding
 * goes up from where it starts until some word has a bit, then down along the lowest bits.
 */
#ifndef QUIRE_MEMORY_BITSET_H
#define QUIRE_MEMORY_BITSET_H

#include "quire/bitset.h"

#define BITSET_NONE UINT32_MAX /* no such member */

/*
 * Number of zeros below the lowest one. => word is not 0. The compiler's builtin calls a libgcc
 * function where the target has no such instruction (gcc: RISC-V without Zbb, 64 bits on i386).
 */
static inline unsigned lowest_bit(uint64_t word)
{
#if defined(__x86_64__) || defined(__aarch64__) || defined(__s390x__) || \
    (defined(__riscv_zbb) && __riscv_xlen == 64)
    return (unsigned)__builtin_ctzll(word);
#elif defined(__i386__)
    uint32_t low = (uint32_t)word;
    return low != 0 ? (unsigned)__builtin_ctz(low)
                    : 32 + (unsigned)__builtin_ctz((uint32_t)(word >> 32));
#else
    unsigned zeros = 0;

    for (unsigned half = 32; half != 0; half /= 2) {
        unsigned skip = word << (64 - half) == 0 ? half : 0; /* is the lower half empty? */
        zeros += skip;
        word >>= skip;
    }
    return zeros;
#endif
}

/* `count` ones from bit `low` on. => 1 <= count <= 64 - low */
static inline uint64_t bit_run(unsigned low, unsigned count)
{
    return ~(uint64_t)0 >> (64 - count) << low;
}

/* Lays out a set of the numbers below `limit` (1 .. 2^32); tells how many words it takes. */
static inline uint32_t bitset_plan(struct quire_bitset *set, uint64_t limit)
{
    uint32_t at = 0;

    set->levels = 0;
    do {
        limit = (limit + 63) / 64;
        set->level_at[set->levels++] = at;
        at += (uint32_t)limit;
    } while (limit > 1 || set->levels < 2);
    set->level_at[set->levels] = at;
    return at;
}

/* How many words level 0 has. */
static inline uint32_t bitset_words(const struct quire_bitset *set)
{
    return set->level_at[1];
}

/* Adds to one word of the set. => mask is not 0 */
static inline void bitset_add(struct quire_bitset *set, uint32_t word, uint64_t mask)
{
    for (unsigned level = 0; level < set->levels; level++) {
        uint64_t *at = &set->words[set->level_at[level] + word];
        uint64_t before = *at;

        *at = before | mask;
        if (before != 0) {
            return; /* the summaries know already */
        }
        mask = (uint64_t)1 << (word & 63);
        word >>= 6;
    }
}

/* Removes from one word of the set. */
static inline void bitset_remove(struct quire_bitset *set, uint32_t word, uint64_t mask)
{
    for (unsigned level = 0; level < set->levels; level++) {
        uint64_t *at = &set->words[set->level_at[level] + word];

        *at &= ~mask;
        if (*at != 0) {
            return;
        }
        mask = (uint64_t)1 << (word & 63);
        word >>= 6;
    }
}

/* The part of [first, end) that is in the word of `first`. */
static inline unsigned bitset_part(uint32_t first, uint32_t end)
{
    uint32_t room = 64 - (first & 63);

    return end - first < room ? end - first : room;
}

static inline void bitset_add_range(struct quire_bitset *set, uint32_t first, uint32_t count)
{
    for (uint32_t end = first + count; first != end;) {
        unsigned part = bitset_part(first, end);
        bitset_add(set, first >> 6, bit_run(first & 63, part));
        first += part;
    }
}

static inline void bitset_remove_range(struct quire_bitset *set, uint32_t first, uint32_t count)
{
    for (uint32_t end = first + count; first != end;) {
        unsigned part = bitset_part(first, end);
        bitset_remove(set, first >> 6, bit_run(first & 63, part));
        first += part;
    }
}

/*
 * The lowest bit of a level at or after `from`: of level 0 it is a member, of level 1 a word that
 * is not empty. BITSET_NONE: there is none.
 */
static inline uint32_t bitset_next(const struct quire_bitset *set, unsigned level, uint32_t from)
{
    uint64_t ones = ~(uint64_t)0 << (from & 63);

    for (unsigned up = level; up < set->levels; up++) {
        uint32_t word = from >> 6;
        uint64_t found;

        if (word >= set->level_at[up + 1] - set->level_at[up]) {
            return BITSET_NONE;
        }
        found = set->words[set->level_at[up] + word] & ones;
        if (found != 0) {
            from = word << 6 | lowest_bit(found);
            while (up-- > level) {
                from = from << 6 | lowest_bit(set->words[set->level_at[up] + from]);
            }
            return from;
        }
        /* Only what is after this word: shifted in two steps, as its bit may be the last. */
        ones = ~(uint64_t)0 << (word & 63) << 1;
        from = word;
    }
    return BITSET_NONE;
}

/* Is the set laid out as bitset_plan() does for this limit? */
static inline bool bitset_is_planned(const struct quire_bitset *set, uint64_t limit)
{
    struct quire_bitset planned;

    bitset_plan(&planned, limit);
    if (set->levels != planned.levels) {
        return false;
    }
    for (unsigned level = 0; level <= planned.levels; level++) {
        if (set->level_at[level] != planned.level_at[level]) {
            return false;
        }
    }
    return true;
}

/* The lowest number below which a summary bit is wrong, or BITSET_NONE: the summaries are right. */
static inline uint32_t bitset_wrong_summary(const struct quire_bitset *set)
{
    for (unsigned level = 1; level < set->levels; level++) {
        const uint64_t *below = &set->words[set->level_at[level - 1]];
        const uint64_t *words = &set->words[set->level_at[level]];
        uint32_t count = set->level_at[level] - set->level_at[level - 1];

        for (uint32_t i = 0; i < (set->level_at[level + 1] - set->level_at[level]) * 64; i++) {
            bool wanted = i < count && below[i] != 0;
            if ((words[i >> 6] >> (i & 63) & 1) != wanted) {
                return i << 6 * level;
            }
        }
    }
    return BITSET_NONE;
}

#endif
