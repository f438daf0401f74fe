/*
 * The map of free frames: how the lowest free block of any size is found quickly.
 *
 *   free_map    one bit a frame: is it free? Bit 0 is frame first & ~4095, so that aligned blocks
 *               are aligned in the words of the map, and large ones in those of holds[6].
 *   holds[k]    the words of free_map that hold an aligned block of 1 << k free frames, k = 0 .. 6,
 *               and some that did
 *   known[w]    word w is in holds[k] for each k < known[w]
 *
 * Taking frames clears their bits and nothing else: a word may stay in holds[k] after its last such
 * block is gone. A search that comes upon it throws it out. Giving frames back adds the word where
 * it is missing, so that no block is ever overlooked. Each adding pays for one throwing out.
 *
 * Larger blocks are runs of full words, that is, blocks within holds[6].
 */
#ifndef QUIRE_MEMORY_FRAMES_MAP_H
#define QUIRE_MEMORY_FRAMES_MAP_H

#include "bitset.h"
#include "quire/frames.h"

/* Keeps what is rare out of the short paths that are not. */
#define QUIRE_NOINLINE __attribute__((noinline))

enum { MAP_ALIGN = 4096 }; /* frames in a word of holds[6] */

static inline bool has_map(const struct quire_frames *frames)
{
    return frames->free_map != NULL;
}

/* A frame's bit is its index plus this. */
static inline uint32_t map_skew(const struct quire_frames *frames)
{
    return frames->first % MAP_ALIGN;
}

/* Words of free_map, wherever the first frame is, with a place for the bit after the last. */
static inline uint32_t map_words(uint32_t total)
{
    return (uint32_t)(((uint64_t)total + (MAP_ALIGN - 1)) / 64 + 1);
}

/* 64-bit words of all that is above but `known`. */
static inline uint64_t map_state_words(uint32_t total)
{
    struct quire_bitset set;

    return (uint64_t)map_words(total) +
           (uint64_t)QUIRE_FRAMES_HOLDS * bitset_plan(&set, map_words(total));
}

/* The empty map, in zeroed state. */
static inline void map_init(struct quire_frames *frames, uint64_t *words, uint8_t *known)
{
    frames->free_map = words;
    frames->known = known;
    words += map_words(frames->total);
    for (unsigned order = 0; order < QUIRE_FRAMES_HOLDS; order++) {
        frames->holds[order].words = words;
        words += bitset_plan(&frames->holds[order], map_words(frames->total));
    }
}

static inline void map_take_in_word(struct quire_frames *frames, uint32_t word, uint64_t mask)
{
    frames->free_map[word] &= ~mask;
}

/* Adds a word to each holds[] that it belongs to and that does not have it. */
static QUIRE_NOINLINE void map_note(struct quire_frames *frames, uint32_t word, uint64_t bits)
{
    unsigned known = frames->known[word];

    do {
        bitset_add(&frames->holds[known++], word);
    } while (known < QUIRE_FRAMES_HOLDS && block_starts(bits, known) != 0);
    frames->known[word] = (uint8_t)known;
}

static inline void map_give_in_word(struct quire_frames *frames, uint32_t word, uint64_t mask)
{
    uint64_t after = frames->free_map[word] |= mask;
    unsigned known = frames->known[word];

    if (known < QUIRE_FRAMES_HOLDS && block_starts(after, known) != 0) {
        map_note(frames, word, after);
    }
}

static inline void map_take_one(struct quire_frames *frames, uint32_t index)
{
    uint32_t bit = index + map_skew(frames);

    map_take_in_word(frames, bit / 64, (uint64_t)1 << bit % 64);
}

static inline void map_give_one(struct quire_frames *frames, uint32_t index)
{
    uint32_t bit = index + map_skew(frames);

    map_give_in_word(frames, bit / 64, (uint64_t)1 << bit % 64);
}

/* The part of [bit, end) that is in the word of `bit`. */
static inline uint32_t map_part(uint32_t bit, uint32_t end)
{
    uint32_t room = 64 - bit % 64;

    return end - bit < room ? end - bit : room;
}

static inline void map_take(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    uint32_t bit = index + map_skew(frames);
    uint32_t end = bit + count;

    while (bit != end) {
        uint32_t part = map_part(bit, end);
        map_take_in_word(frames, bit / 64, bit_run(bit % 64, part));
        bit += part;
    }
}

static inline void map_give(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    uint32_t bit = index + map_skew(frames);
    uint32_t end = bit + count;

    while (bit != end) {
        uint32_t part = map_part(bit, end);
        map_give_in_word(frames, bit / 64, bit_run(bit % 64, part));
        bit += part;
    }
}

/* A word was found to have no block of this order: it is thrown out of what says that it has. */
static inline void map_disappoint(struct quire_frames *frames, unsigned order, uint32_t word)
{
    for (unsigned known = frames->known[word]; known > order;) {
        bitset_remove(&frames->holds[--known], word);
    }
    frames->known[word] = (uint8_t)order;
}

/* The lowest block within a word: its bit, or BITSET_NONE. => order <= 6 */
static QUIRE_NOINLINE uint32_t map_find_small(struct quire_frames *frames, unsigned order,
                                              uint32_t from)
{
    uint32_t word = from / 64;

    while ((word = bitset_next(&frames->holds[order], 0, word)) != BITSET_NONE) {
        uint64_t starts = block_starts(frames->free_map[word], order);
        if (starts != 0) {
            return word * 64 + lowest_bit(starts);
        }
        map_disappoint(frames, order, word);
    }
    return BITSET_NONE;
}

/* Are `count` words all free? Those that are not are thrown out of holds[6]. => all are in it */
static inline bool map_all_full(struct quire_frames *frames, uint32_t word, uint32_t count)
{
    bool full = true;

    for (uint32_t i = word; i != word + count; i++) {
        if (frames->free_map[i] != ~(uint64_t)0) {
            map_disappoint(frames, 6, i);
            full = false;
        }
    }
    return full;
}

/* The lowest block of several words: its bit, or BITSET_NONE. => order > 6 */
static QUIRE_NOINLINE uint32_t map_find_large(struct quire_frames *frames, unsigned order,
                                              uint32_t from)
{
    const struct quire_bitset *full = &frames->holds[6];
    uint32_t origin = frames->first / MAP_ALIGN;
    uint32_t word = from / 64;

    for (;;) {
        word = order <= 12 ? bitset_block(full, order - 6, word)
                           : bitset_block_of_words(full, order - 6, word, origin);
        if (word == BITSET_NONE) {
            return BITSET_NONE;
        }
        if (map_all_full(frames, word, 1u << (order - 6))) {
            return word * 64;
        }
    }
}

/* The lowest free block of 1 << order frames: its index, or QUIRE_NONE. */
static inline uint32_t map_find(struct quire_frames *frames, unsigned order)
{
    uint32_t from = frames->hint + map_skew(frames);
    uint32_t bit =
        order <= 6 ? map_find_small(frames, order, from) : map_find_large(frames, order, from);

    return bit == BITSET_NONE ? QUIRE_NONE : bit - map_skew(frames);
}

/* map_lowest() where the word of the hint is empty. */
static QUIRE_NOINLINE uint32_t map_lowest_after(struct quire_frames *frames, uint32_t word)
{
    do {
        map_disappoint(frames, 0, word);
        word = bitset_next(&frames->holds[0], 0, word + 1);
        if (word == BITSET_NONE) {
            return frames->total;
        }
    } while (frames->free_map[word] == 0);
    return word * 64 + lowest_bit(frames->free_map[word]) - map_skew(frames);
}

/* The lowest free frame: its index, or `total` if there is none. => none is below `from` */
static inline uint32_t map_lowest(struct quire_frames *frames, uint32_t from)
{
    uint32_t word = (from + map_skew(frames)) / 64;

    return frames->free_map[word] == 0
               ? map_lowest_after(frames, word)
               : word * 64 + lowest_bit(frames->free_map[word]) - map_skew(frames);
}

/* The lowest free frame at or after `from`: its index, or QUIRE_NONE. => from < total */
static QUIRE_NOINLINE uint32_t map_lowest_from(struct quire_frames *frames, uint32_t from)
{
    uint32_t bit = from + map_skew(frames);
    uint32_t word = bit / 64;
    uint64_t bits = frames->free_map[word] >> bit % 64 << bit % 64;

    while (bits == 0) {
        word = bitset_next(&frames->holds[0], 0, word + 1);
        if (word == BITSET_NONE) {
            return QUIRE_NONE;
        }
        bits = frames->free_map[word];
        if (bits == 0) {
            map_disappoint(frames, 0, word);
        }
    }
    return word * 64 + lowest_bit(bits) - map_skew(frames);
}

/* Is a word in holds[k] for k < known, and only there, and has it no block that is not known? */
static inline bool map_word_is_held(const struct quire_frames *frames, uint32_t word)
{
    unsigned known = frames->known[word];

    if (known > QUIRE_FRAMES_HOLDS) {
        return false;
    }
    for (unsigned order = 0; order < QUIRE_FRAMES_HOLDS; order++) {
        if (bitset_has(&frames->holds[order], word) != (order < known) ||
            (order >= known && block_starts(frames->free_map[word], order) != 0)) {
            return false;
        }
    }
    return true;
}

/* The first word of the map that is not as holds, known and the summaries say, or BITSET_NONE. */
static inline uint32_t map_wrong_word(const struct quire_frames *frames)
{
    uint32_t words = map_words(frames->total);
    uint32_t wrong = BITSET_NONE;

    for (uint32_t word = 0; word < words; word++) {
        if (!map_word_is_held(frames, word)) {
            return word;
        }
    }
    for (unsigned order = 0; order < QUIRE_FRAMES_HOLDS && wrong == BITSET_NONE; order++) {
        wrong = bitset_wrong_summary(&frames->holds[order]);
        if (wrong == BITSET_NONE) {
            wrong = bitset_next(&frames->holds[order], 0, words); /* a word that there is not */
        }
    }
    return wrong;
}

#endif
