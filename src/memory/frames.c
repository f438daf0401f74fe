/*
 * Physical frames: counts, and the set of those whose count is 0.
 *
 *   frame number    first .. first + total - 1
 *   index           number - first                the frame's count
 *   bit             number - (first & ~63)        its place in the free map, if there is one
 *
 * Inside memory there is no map: the counts are searched, one after the other, from the hint on.
 */
#include "quire/frames.h"

#include "bitset.h"

static bool has_map(const struct quire_frames *frames)
{
    return frames->free_map.words != NULL;
}

/* A frame's bit is its index plus this. */
static uint32_t skew(const struct quire_frames *frames)
{
    return frames->first & 63;
}

static bool manages(const struct quire_frames *frames, quire_pfn first, uint32_t count)
{
    uint32_t index = first.n - frames->first;

    return index <= frames->total && count <= frames->total - index;
}

/* The owner of a frame is mistaken: it is free. */
static void mistake(void)
{
#ifdef QUIRE_DEBUG
    __builtin_trap();
#endif
}

/* ---- counts ------------------------------------------------------------------------------------ */

static uint32_t load_count(const struct quire_frames *frames, uint32_t index)
{
    const unsigned char *bytes = frames->counts;
    uint32_t count = 0;

    if (has_map(frames)) {
        return ((const uint32_t *)frames->counts)[index];
    }
    bytes += (size_t)index * frames->width;
    for (unsigned i = frames->width; i-- > 0;) {
        count = count << 8 | bytes[i];
    }
    return count;
}

static void store_count(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    unsigned char *bytes = frames->counts;

    if (has_map(frames)) {
        ((uint32_t *)frames->counts)[index] = count;
        return;
    }
    bytes += (size_t)index * frames->width;
    for (unsigned i = 0; i < frames->width; i++) {
        bytes[i] = (unsigned char)(count >> 8 * i);
    }
}

/* How many frames from `index` on, `count` at most, have exactly `owners`. */
static uint32_t run_of(const struct quire_frames *frames, uint32_t index, uint32_t count,
                       uint32_t owners)
{
    uint32_t run = 0;

    while (run < count && load_count(frames, index + run) == owners) {
        run++;
    }
    return run;
}

/* ---- taking and giving back -------------------------------------------------------------------- */

/* Free frames get their first owner. */
static void take(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        store_count(frames, index + i, 1);
    }
    if (has_map(frames)) {
        bitset_remove_range(&frames->free_map, index + skew(frames), count);
    }
    if (frames->hint == index) {
        frames->hint = index + count;
    }
    frames->free -= count;
    frames->allocs += count;
}

/* Frames lose their last owner. */
static void give(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        store_count(frames, index + i, 0);
    }
    if (has_map(frames)) {
        bitset_add_range(&frames->free_map, index + skew(frames), count);
    }
    if (frames->hint > index) {
        frames->hint = index;
    }
    frames->free += count;
}

/* ---- finding ----------------------------------------------------------------------------------- */

/* The bits of a word at which an aligned block of 1 << order ones starts. => order <= 6 */
static uint64_t block_starts(uint64_t word, unsigned order)
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

/* The lowest block that fits into one word of the map: its bit. => order <= 6 */
static uint32_t find_in_word(const struct quire_bitset *map, unsigned order, uint32_t from)
{
    uint32_t word = bitset_next(map, 1, from >> 6);

    while (word != BITSET_NONE) {
        uint64_t starts = block_starts(map->words[word], order);
        if (starts != 0) {
            return word << 6 | lowest_bit(starts);
        }
        word = bitset_next(map, 1, word + 1);
    }
    return BITSET_NONE;
}

/* How many words from `word` on, `count` at most, are all free. */
static uint32_t full_words(const struct quire_bitset *map, uint32_t word, uint32_t count)
{
    uint32_t run = 0;

    while (run < count && map->words[word + run] == ~(uint64_t)0) {
        run++;
    }
    return run;
}

/* The lowest block of whole words: its bit. `origin` is the number of the map's first word among
 * all words of all frames, for the alignment. => order >= 6 */
static uint32_t find_words(const struct quire_bitset *map, unsigned order, uint32_t from,
                           uint32_t origin)
{
    uint32_t count = 1u << (order - 6);
    uint32_t word = bitset_next(map, 1, from >> 6);

    while (word != BITSET_NONE) {
        uint32_t run;

        word += -(origin + word) & (count - 1);
        if (word >= bitset_words(map) || bitset_words(map) - word < count) {
            return BITSET_NONE;
        }
        run = full_words(map, word, count);
        if (run == count) {
            return word << 6;
        }
        word = bitset_next(map, 1, word + run + 1);
    }
    return BITSET_NONE;
}

static uint32_t find_in_map(const struct quire_frames *frames, unsigned order)
{
    const struct quire_bitset *map = &frames->free_map;
    uint32_t from = frames->hint + skew(frames);
    uint32_t bit;

    if (order == 0) {
        bit = bitset_next(map, 0, from);
    } else if (order <= 6) {
        bit = find_in_word(map, order, from);
    } else {
        bit = find_words(map, order, from, frames->first >> 6);
    }
    return bit == BITSET_NONE ? QUIRE_NONE : bit - skew(frames);
}

static uint32_t find_in_counts(const struct quire_frames *frames, unsigned order)
{
    uint32_t count = 1u << order;
    uint32_t index = frames->hint;

    for (;;) {
        uint32_t skip = -(frames->first + index) & (count - 1);
        uint32_t run;

        if (frames->total - index < (uint64_t)skip + count) {
            return QUIRE_NONE;
        }
        run = run_of(frames, index + skip, count, 0);
        if (run == count) {
            return index + skip;
        }
        index += skip + run + 1;
    }
}

/* ---- interface --------------------------------------------------------------------------------- */

/* Bits that the map needs, wherever the first frame is. */
static uint64_t map_limit(uint32_t total)
{
    return (uint64_t)total + 63;
}

size_t quire_frames_size(uint32_t total)
{
    struct quire_bitset map;
    uint64_t bytes = (uint64_t)bitset_plan(&map, map_limit(total)) * 8 + (uint64_t)total * 4;

    return bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

static bool width_works(unsigned width)
{
    return width == 1 || width == 2 || width == 4;
}

static uint32_t limit_of(unsigned width)
{
    return UINT32_MAX >> (32 - 8 * width);
}

static bool page_shift_works(unsigned page_shift)
{
    return page_shift >= 3 && page_shift <= 30;
}

enum quire_status quire_frames_init(struct quire_frames *frames, void *state, size_t state_bytes,
                                    quire_pfn first, uint32_t total, unsigned page_shift)
{
    size_t wanted = quire_frames_size(total);
    struct quire_frames made = {.first = first.n, .total = total, .hint = total};
    uint32_t words;

    if (total == 0 || total > QUIRE_NONE - first.n || !page_shift_works(page_shift) ||
        state == NULL || (uintptr_t)state % 8 != 0 || wanted == 0 || state_bytes < wanted) {
        return QUIRE_INVALID;
    }
    words = bitset_plan(&made.free_map, map_limit(total));
    made.free_map.words = state;
    made.counts = made.free_map.words + words;
    made.page_shift = (uint8_t)page_shift;
    made.width = 4;
    made.limit = limit_of(4);
    __builtin_memset(state, 0, (size_t)words * 8);
    for (uint32_t i = 0; i < total; i++) {
        store_count(&made, i, 1);
    }
    *frames = made;
    return QUIRE_OK;
}

enum quire_status quire_frames_init_inside(struct quire_frames *frames,
                                           const struct quire_memory *memory, quire_pa at,
                                           unsigned width, uint32_t total, unsigned page_shift)
{
    struct quire_frames made = {.total = total, .hint = total};

    if (!width_works(width) || total == 0 || total == QUIRE_NONE || !page_shift_works(page_shift)) {
        return QUIRE_INVALID;
    }
    made.counts = quire_memory_at(memory, at, (uint64_t)total * width);
    if (made.counts == NULL) {
        return QUIRE_OUT_OF_RANGE;
    }
    made.page_shift = (uint8_t)page_shift;
    made.width = (uint8_t)width;
    made.limit = limit_of(width);
    for (uint32_t i = total; i-- > 0;) {
        if (load_count(&made, i) == 0) {
            made.free++;
            made.hint = i;
        }
    }
    *frames = made;
    return QUIRE_OK;
}

enum quire_status quire_frames_release(struct quire_frames *frames, quire_pfn first, uint32_t count)
{
    uint32_t index = first.n - frames->first;

    if (!manages(frames, first, count) || run_of(frames, index, count, 1) < count) {
        return QUIRE_INVALID;
    }
    give(frames, index, count);
    return QUIRE_OK;
}

enum quire_status quire_frames_alloc(struct quire_frames *frames, unsigned order, quire_pfn *pfn)
{
    uint32_t index;

    if (order > QUIRE_ORDER_MAX) {
        return QUIRE_INVALID;
    }
    if (frames->free < 1u << order) {
        return QUIRE_NO_MEMORY;
    }
    index = has_map(frames) ? find_in_map(frames, order) : find_in_counts(frames, order);
    if (index == QUIRE_NONE) {
        return QUIRE_NO_MEMORY;
    }
    if (order == 0) {
        frames->hint = index; /* nothing lower is free */
    }
    take(frames, index, 1u << order);
    *pfn = quire_pfn_of(frames->first + index);
    return QUIRE_OK;
}

enum quire_status quire_frames_alloc_at(struct quire_frames *frames, quire_pfn first,
                                        uint32_t count)
{
    uint32_t index = first.n - frames->first;

    if (!manages(frames, first, count)) {
        return QUIRE_INVALID;
    }
    if (run_of(frames, index, count, 0) < count) {
        return QUIRE_EXISTS;
    }
    take(frames, index, count);
    return QUIRE_OK;
}

void quire_frames_ref(struct quire_frames *frames, quire_pfn pfn)
{
    uint32_t count = quire_frames_count(frames, pfn);

    if (count == 0) {
        mistake();
    } else if (count != frames->limit) {
        store_count(frames, pfn.n - frames->first, count + 1);
    }
}

bool quire_frames_unref(struct quire_frames *frames, quire_pfn pfn)
{
    uint32_t count = quire_frames_count(frames, pfn);

    if (count == 1) {
        give(frames, pfn.n - frames->first, 1);
        frames->frees++;
        return true;
    }
    if (count == 0) {
        mistake();
    } else if (count != frames->limit) {
        store_count(frames, pfn.n - frames->first, count - 1);
    }
    return false;
}

void quire_frames_free(struct quire_frames *frames, quire_pfn first, unsigned order)
{
    uint32_t count = 1u << order;

    if (quire_frames_release(frames, first, count) == QUIRE_OK) {
        frames->frees += count; /* nobody else has any of it: all in one go */
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        quire_frames_unref(frames, quire_pfn_of(first.n + i));
    }
}

uint32_t quire_frames_count(const struct quire_frames *frames, quire_pfn pfn)
{
    return manages(frames, pfn, 1) ? load_count(frames, pfn.n - frames->first) : frames->limit;
}

/* ---- validation -------------------------------------------------------------------------------- */

static bool fields_agree(const struct quire_frames *frames)
{
    if (!width_works(frames->width) || frames->limit != limit_of(frames->width) ||
        !page_shift_works(frames->page_shift) || frames->total == 0 ||
        frames->total > QUIRE_NONE - frames->first || frames->hint > frames->total) {
        return false;
    }
    return !has_map(frames) ||
           (frames->width == 4 && bitset_is_planned(&frames->free_map, map_limit(frames->total)));
}

/* Is the frame of this bit one that can be had? Bits that stand for no frame are not. */
static bool is_free(const struct quire_frames *frames, uint32_t bit)
{
    uint32_t index = bit - skew(frames);

    return index < frames->total && load_count(frames, index) == 0;
}

/* The first bit of the map or its summaries that is wrong, or BITSET_NONE. */
static uint32_t wrong_bit(const struct quire_frames *frames)
{
    const struct quire_bitset *map = &frames->free_map;

    for (uint32_t word = 0; word < bitset_words(map); word++) {
        for (uint32_t i = 0; i < 64; i++) {
            if ((map->words[word] >> i & 1) != is_free(frames, word << 6 | i)) {
                return word << 6 | i;
            }
        }
    }
    return bitset_wrong_summary(map);
}

static enum quire_status corrupt_at(quire_pfn *at, uint32_t n)
{
    if (at != NULL) {
        *at = quire_pfn_of(n);
    }
    return QUIRE_CORRUPT;
}

enum quire_status quire_frames_validate(const struct quire_frames *frames, quire_pfn *at)
{
    uint32_t free = 0;
    uint32_t bit;

    if (!fields_agree(frames)) {
        return corrupt_at(at, QUIRE_NONE);
    }
    bit = has_map(frames) ? wrong_bit(frames) : BITSET_NONE;
    if (bit != BITSET_NONE) {
        return corrupt_at(at, (frames->first & ~(uint32_t)63) + bit);
    }
    for (uint32_t i = 0; i < frames->total; i++) {
        if (load_count(frames, i) == 0) {
            free++;
            if (i < frames->hint) {
                return corrupt_at(at, frames->first + i);
            }
        }
    }
    return free == frames->free ? QUIRE_OK : corrupt_at(at, QUIRE_NONE);
}
