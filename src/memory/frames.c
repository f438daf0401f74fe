/*
 * Physical frames: their counts, and finding one whose count is 0.
 *
 * Beside memory the free ones are in a map (frames_map.h). Inside memory there is none: the counts
 * are searched, one after the other, from the hint on. A frame's index is its number less `first`.
 */
#include "quire/frames.h"

#include "frames_map.h"

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

/* ---- counts ---------------------------------------------------------------------------------- */

static QUIRE_NOINLINE uint32_t load_inside(const struct quire_frames *frames, uint32_t index)
{
    const unsigned char *bytes = frames->counts;
    uint32_t count = 0;

    bytes += (size_t)index * frames->width;
    for (unsigned i = frames->width; i-- > 0;) {
        count = count << 8 | bytes[i];
    }
    return count;
}

static QUIRE_NOINLINE void store_inside(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    unsigned char *bytes = frames->counts;

    bytes += (size_t)index * frames->width;
    for (unsigned i = 0; i < frames->width; i++) {
        bytes[i] = (unsigned char)(count >> 8 * i);
    }
}

static uint32_t load_count(const struct quire_frames *frames, uint32_t index)
{
    return has_map(frames) ? ((const uint32_t *)frames->counts)[index] : load_inside(frames, index);
}

static void store_count(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    if (has_map(frames)) {
        ((uint32_t *)frames->counts)[index] = count;
    } else {
        store_inside(frames, index, count);
    }
}

static void fill_counts(struct quire_frames *frames, uint32_t index, uint32_t count,
                        uint32_t owners)
{
    if (has_map(frames)) {
        uint32_t *counts = frames->counts;
        for (uint32_t i = index; i != index + count; i++) {
            counts[i] = owners;
        }
        return;
    }
    for (uint32_t i = index; i != index + count; i++) {
        store_inside(frames, i, owners);
    }
}

/* How many frames from `index` on, `count` at most, have exactly `owners`. */
static uint32_t run_of(const struct quire_frames *frames, uint32_t index, uint32_t count,
                       uint32_t owners)
{
    uint32_t end = index + count;
    uint32_t at = index;

    if (has_map(frames)) {
        const uint32_t *counts = frames->counts;
        while (at != end && counts[at] == owners) {
            at++;
        }
        return at - index;
    }
    while (at != end && load_inside(frames, at) == owners) {
        at++;
    }
    return at - index;
}

/* ---- taking and giving back ------------------------------------------------------------------ */

/* Free frames get their first owner. */
static QUIRE_NOINLINE void take(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    fill_counts(frames, index, count, 1);
    frames->free -= count;
    frames->allocs += count;
    if (has_map(frames)) {
        map_take(frames, index, count);
    }
    if (frames->hint - index < count) {
        frames->hint = has_map(frames) ? map_lowest(frames, index + count) : index + count;
    }
}

/* take() for the frame that is asked for most: with a map, the hint is the lowest free frame. */
static uint32_t take_lowest(struct quire_frames *frames)
{
    uint32_t index = frames->hint;

    ((uint32_t *)frames->counts)[index] = 1;
    frames->free--;
    frames->allocs++;
    map_take_one(frames, index);
    frames->hint = map_lowest(frames, index + 1);
    return index;
}

/* Frames lose their last owner. => count is not 0 */
static QUIRE_NOINLINE void give(struct quire_frames *frames, uint32_t index, uint32_t count)
{
    fill_counts(frames, index, count, 0);
    frames->free += count;
    if (has_map(frames)) {
        map_give(frames, index, count);
    }
    if (frames->hint > index) {
        frames->hint = index;
    }
}

/* give() for one frame, with a map. */
static void give_one(struct quire_frames *frames, uint32_t index)
{
    ((uint32_t *)frames->counts)[index] = 0;
    frames->free++;
    map_give_one(frames, index);
    if (frames->hint > index) {
        frames->hint = index;
    }
}

/* Without a map: the lowest free block's index at or after `index`, or QUIRE_NONE. */
static QUIRE_NOINLINE uint32_t find_in_counts(const struct quire_frames *frames, unsigned order,
                                              uint32_t index)
{
    uint32_t count = 1u << order;

    for (;;) {
        uint32_t skip = -index & (count - 1); /* to an aligned one: frame numbers start at 0 */
        uint32_t run;

        if (frames->total - index < skip + count) {
            return QUIRE_NONE;
        }
        run = run_of(frames, index + skip, count, 0);
        if (run == count) {
            return index + skip;
        }
        index += skip + run + 1;
    }
}

/* ---- interface ------------------------------------------------------------------------------- */

size_t quire_frames_size(uint32_t total)
{
    uint64_t bytes = map_state_words(total) * 8 + (uint64_t)total * 4 + map_words(total);

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
    uint32_t *counts;

    if (total == 0 || total > QUIRE_NONE - first.n || !page_shift_works(page_shift) ||
        state == NULL || (uintptr_t)state % 8 != 0 || wanted == 0 || state_bytes < wanted) {
        return QUIRE_INVALID;
    }
    __builtin_memset(state, 0, wanted);
    counts = (uint32_t *)((uint64_t *)state + map_state_words(total));
    map_init(&made, state, (uint8_t *)(counts + total));
    for (uint32_t i = 0; i < total; i++) {
        counts[i] = 1;
    }
    made.counts = counts;
    made.page_shift = (uint8_t)page_shift;
    made.width = 4;
    made.limit = limit_of(4);
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
    if (count != 0) {
        give(frames, index, count);
    }
    return QUIRE_OK;
}

/* Are there not so many, or does somebody say no? */
static bool refused(const struct quire_frames *frames, unsigned order)
{
    return frames->free < 1u << order ||
           (frames->refuse != NULL && frames->refuse(frames->refuse_context, order));
}

enum quire_status quire_frames_alloc(struct quire_frames *frames, unsigned order, quire_pfn *pfn)
{
    uint32_t index;

    if (order > QUIRE_ORDER_MAX) {
        return QUIRE_INVALID;
    }
    if (refused(frames, order)) {
        return QUIRE_NO_MEMORY;
    }
    if (order == 0 && has_map(frames)) {
        *pfn = quire_pfn_of(frames->first + take_lowest(frames));
        return QUIRE_OK;
    }
    index = has_map(frames) ? map_find(frames, order) : find_in_counts(frames, order, frames->hint);
    if (index == QUIRE_NONE) {
        return QUIRE_NO_MEMORY;
    }
    take(frames, index, 1u << order);
    *pfn = quire_pfn_of(frames->first + index);
    return QUIRE_OK;
}

enum quire_status quire_frames_alloc_from(struct quire_frames *frames, quire_pfn from,
                                          quire_pfn *pfn)
{
    uint32_t index = from.n > frames->first ? from.n - frames->first : 0;

    if (index <= frames->hint) {
        return quire_frames_alloc(frames, 0, pfn);
    }
    if (index >= frames->total || refused(frames, 0)) {
        return QUIRE_NO_MEMORY;
    }
    index = has_map(frames) ? map_lowest_from(frames, index) : find_in_counts(frames, 0, index);
    if (index == QUIRE_NONE) {
        return QUIRE_NO_MEMORY;
    }
    take(frames, index, 1);
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
    uint32_t index = pfn.n - frames->first;
    uint32_t count = quire_frames_count(frames, pfn);

    if (count == 1) {
        if (has_map(frames)) {
            give_one(frames, index);
        } else {
            give(frames, index, 1);
        }
        frames->frees++;
        return true;
    }
    if (count == 0) {
        mistake();
    } else if (count != frames->limit) {
        store_count(frames, index, count - 1);
    }
    return false;
}

void quire_frames_free(struct quire_frames *frames, quire_pfn first, unsigned order)
{
    uint32_t count = 1u << order;

    if (order == 0) {
        quire_frames_unref(frames, first);
        return;
    }
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

/* ---- validation ------------------------------------------------------------------------------ */

static bool fields_agree(const struct quire_frames *frames)
{
    if (!width_works(frames->width) || frames->limit != limit_of(frames->width) ||
        !page_shift_works(frames->page_shift) || frames->total == 0 ||
        frames->total > QUIRE_NONE - frames->first || frames->hint > frames->total) {
        return false;
    }
    for (unsigned k = 0; has_map(frames) && k < QUIRE_FRAMES_HOLDS; k++) {
        if (!bitset_is_planned(&frames->holds[k], map_words(frames->total))) {
            return false;
        }
    }
    return !has_map(frames) || frames->width == 4;
}

/* Is the frame of this bit one that can be had? Bits that stand for no frame are not. */
static bool is_free(const struct quire_frames *frames, uint32_t bit)
{
    uint32_t index = bit - map_skew(frames);

    return index < frames->total && load_count(frames, index) == 0;
}

/* The first bit of the map that is not what the counts say, or that nobody would find. */
static uint32_t wrong_bit(const struct quire_frames *frames)
{
    uint32_t word;

    for (word = 0; word < map_words(frames->total); word++) {
        for (uint32_t i = 0; i < 64; i++) {
            if ((frames->free_map[word] >> i & 1) != is_free(frames, word * 64 + i)) {
                return word * 64 + i;
            }
        }
    }
    word = map_wrong_word(frames);
    return word == BITSET_NONE ? BITSET_NONE : word * 64;
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
    uint32_t lowest = frames->total;
    uint32_t bit;

    if (!fields_agree(frames)) {
        return corrupt_at(at, QUIRE_NONE);
    }
    bit = has_map(frames) ? wrong_bit(frames) : BITSET_NONE;
    if (bit != BITSET_NONE) {
        return corrupt_at(at, frames->first - map_skew(frames) + bit);
    }
    for (uint32_t i = frames->total; i-- > 0;) {
        if (load_count(frames, i) == 0) {
            free++;
            lowest = i;
        }
    }
    if (has_map(frames) ? frames->hint != lowest : frames->hint > lowest) {
        return corrupt_at(at, lowest < frames->total ? frames->first + lowest : QUIRE_NONE);
    }
    return free == frames->free ? QUIRE_OK : corrupt_at(at, QUIRE_NONE);
}
