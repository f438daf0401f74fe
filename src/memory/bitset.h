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

/* Number of zeros below the lowest one, by halves: for targets without an instruction for it. */
static inline unsigned lowest_bit_by_halves(uint64_t word)
{
    unsigned zeros = 0;

    for (unsigned half = 32; half != 0; half /= 2) {
        unsigned skip = word << (64 - half) == 0 ? half : 0; /* is the lower half empty? */
        zeros += skip;
        word >>= skip;
    }
    return zeros;
}

/*
 * Number of zeros below the lowest one. => word is not 0. The compiler's builtin calls a function
 * of libgcc where there is no instruction (gcc: RISC-V without Zbb, 64 bits on i386).
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
    return lowest_bit_by_halves(word);
#endif
}

/* `count` ones from bit `low` on. => 1 <= count <= 64 - low */
static inline uint64_t bit_run(unsigned low, unsigned count)
{
    return ~(uint64_t)0 >> (64 - count) << low;
}

/* Lays out a set of the numbers below `limit` (1 .. 2^32); tells how many words it takes. The
 * words are then set->words, zero at first: the empty set. */
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

static inline bool bitset_has(const struct quire_bitset *set, uint32_t member)
{
    return set->words[member >> 6] >> (member & 63) & 1;
}

static inline void bitset_add(struct quire_bitset *set, uint32_t member)
{
    for (unsigned level = 0; level < set->levels; level++) {
        uint64_t *word = &set->words[set->level_at[level] + (member >> 6)];
        uint64_t before = *word;

        *word = before | (uint64_t)1 << (member & 63);
        if (before != 0) {
            return; /* the summaries know already */
        }
        member >>= 6;
    }
}

static inline void bitset_remove(struct quire_bitset *set, uint32_t member)
{
    for (unsigned level = 0; level < set->levels; level++) {
        uint64_t *word = &set->words[set->level_at[level] + (member >> 6)];

        *word &= ~((uint64_t)1 << (member & 63));
        if (*word != 0) {
            return;
        }
        member >>= 6;
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

/* The bits of a word at which an aligned block of 1 << order ones starts. => order <= 6 */
static inline uint64_t block_starts(uint64_t word, unsigned order)
{
    static const uint64_t aligned[] = {
        0xffffffffffffffff, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
        0x0001000100010001, 0x0000000100000001, 0x0000000000000001,
    };

    for (unsigned i = 0; i < order; i++) {
        word &= word >> (1u << i); /* a one that is left: the next 1 << (i + 1) are ones */
    }
    return word & aligned[order];
}

/* The lowest aligned block of 1 << order members at or after the word of `from`. => order <= 6 */
static inline uint32_t bitset_block(const struct quire_bitset *set, unsigned order, uint32_t from)
{
    uint32_t word = bitset_next(set, 1, from >> 6);

    while (word != BITSET_NONE) {
        uint64_t starts = block_starts(set->words[word], order);
        if (starts != 0) {
            return word << 6 | lowest_bit(starts);
        }
        word = bitset_next(set, 1, word + 1);
    }
    return BITSET_NONE;
}

/*
 * The same for blocks of whole words: order > 6. Such a block is aligned in a numbering of which
 * the set's word 0 is word `origin`.
 */
static inline uint32_t bitset_block_of_words(const struct quire_bitset *set, unsigned order,
                                             uint32_t from, uint32_t origin)
{
    uint32_t count = 1u << (order - 6);
    uint32_t word = bitset_next(set, 1, from >> 6);

    while (word != BITSET_NONE) {
        uint32_t full = 0;

        word += -(origin + word) & (count - 1);
        if (word >= set->level_at[1] || set->level_at[1] - word < count) {
            return BITSET_NONE;
        }
        while (full < count && set->words[word + full] == ~(uint64_t)0) {
            full++;
        }
        if (full == count) {
            return word << 6;
        }
        word = bitset_next(set, 1, word + full + 1);
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
