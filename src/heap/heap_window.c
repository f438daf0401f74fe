/*
 * Windows: runs of units, best fit.
 *
 * Each window knows its longest free run and is in the bin for that length, so a window that has
 * room is found from one word of bits. Its 256 bits are then looked over once: a run is taken or
 * given back far less often than an object.
 */
#include "internal.h"

/* ---- sets of units --------------------------------------------------------------------------- */

/* The bits of a word that are within [first, first + count). => count is not 0 */
static uint64_t part_of(unsigned word, unsigned first, unsigned count)
{
    unsigned low = first > word * 64 ? first - word * 64 : 0;
    unsigned high = first + count < word * 64 + 64 ? first + count - word * 64 : 64;

    return low < 64 && first + count > word * 64 ? bit_run(low, high - low) : 0;
}

static void set_add(uint64_t *set, unsigned first, unsigned count)
{
    for (unsigned word = 0; word < WORDS; word++) {
        set[word] |= part_of(word, first, count);
    }
}

/* Tells if one of them was in it. */
static bool set_remove(uint64_t *set, unsigned first, unsigned count)
{
    uint64_t found = 0;

    for (unsigned word = 0; word < WORDS; word++) {
        uint64_t part = part_of(word, first, count);
        found |= set[word] & part;
        set[word] &= ~part;
    }
    return found != 0;
}

/* The first at or after `from` that is in the set, or, with `flip` all ones, is not. Or UNITS. */
static unsigned set_next(const uint64_t *set, unsigned from, uint64_t flip)
{
    uint64_t mask = ~(uint64_t)0 << (from & 63);

    for (unsigned word = from / 64; word < WORDS; word++) {
        uint64_t bits = (set[word] ^ flip) & mask;
        if (bits != 0) {
            return word * 64 + lowest_bit(bits);
        }
        mask = ~(uint64_t)0;
    }
    return UNITS;
}

unsigned quire_heap_window_survey(const struct heap_window *window, unsigned units, unsigned *best)
{
    unsigned longest = 0, shortest = UNITS, end;

    *best = UNITS;
    for (unsigned at = set_next(window->free, 0, 0); at < UNITS;
         at = set_next(window->free, end, 0)) {
        end = set_next(window->free, at, ~(uint64_t)0);
        longest = end - at > longest ? end - at : longest;
        if (end - at >= units && end - at < shortest) {
            shortest = end - at;
            *best = at;
        }
    }
    return longest;
}

/* ---- bins ------------------------------------------------------------------------------------ */

unsigned quire_heap_window_bin(const struct quire_heap *heap, unsigned longest)
{
    if (longest == 0) {
        return NO_BIN;
    }
    return longest == USABLE_UNITS ? EMPTY_BIN : class_below(heap, longest);
}

static void leave_bin(struct quire_heap *heap, struct heap_window *window)
{
    if (window->bin == NO_BIN) {
        return;
    }
    if (window->next != NULL) {
        window->next->prev = window->prev;
    }
    if (window->prev != NULL) {
        window->prev->next = window->next;
    } else {
        heap->bins[window->bin] = window->next;
        if (window->next == NULL) {
            heap->bins_used &= ~(UINT32_C(1) << window->bin);
        }
    }
}

static void enter_bin(struct quire_heap *heap, struct heap_window *window, unsigned bin)
{
    window->bin = (uint8_t)bin;
    if (bin == NO_BIN) {
        return;
    }
    window->prev = NULL;
    window->next = heap->bins[bin];
    if (window->next != NULL) {
        window->next->prev = window;
    }
    heap->bins[bin] = window;
    heap->bins_used |= UINT32_C(1) << bin;
}

/* To be called when units of a window were taken or given. */
static void sort_in(struct quire_heap *heap, struct heap_window *window)
{
    unsigned unused, bin;

    window->longest = (uint8_t)quire_heap_window_survey(window, 1, &unused);
    bin = quire_heap_window_bin(heap, window->longest);
    if (bin != window->bin) {
        leave_bin(heap, window);
        enter_bin(heap, window, bin);
    }
}

/* ---- windows --------------------------------------------------------------------------------- */

static struct heap_window *add_window(struct quire_heap *heap)
{
    struct heap_region *region = quire_heap_region_take(heap, WINDOW, WINDOW);
    struct heap_window *window = (struct heap_window *)region;

    if (region == NULL) {
        return NULL;
    }
    region->kind = HEAP_WINDOW;
    memset(window->free, 0, sizeof(window->free));
    memset(window->stale, region->fresh ? 0 : 0xff, sizeof(window->stale));
    set_add(window->free, RECORD_UNITS, USABLE_UNITS);
    window->longest = USABLE_UNITS;
    enter_bin(heap, window, EMPTY_BIN);
    return window;
}

/* One that has so many free units in a row, if possible not the empty one. */
static struct heap_window *find_window(const struct quire_heap *heap, unsigned units)
{
    unsigned cls = heap->class_of[units];
    uint32_t bins = heap->bins_used >> cls;
    struct heap_window *window;

    if (bins != 0) {
        return heap->bins[cls + lowest_bit(bins)];
    }
    /* The bin below has some that are shorter and some that are not. */
    window = heap->bins[class_below(heap, units)];
    while (window != NULL && window->longest < units) {
        window = window->next;
    }
    return window;
}

/* => a run of free units begins at `first` */
static void occupy(struct quire_heap *heap, struct heap_window *window, unsigned first,
                   unsigned count, unsigned head, bool *zero)
{
    bool was_longest = set_next(window->free, first, ~(uint64_t)0) - first == window->longest;
    bool stale = set_remove(window->stale, first, count);

    if (stale) {
        heap->loose -= least(heap->loose, (size_t)count << UNIT_SHIFT);
    }
    set_remove(window->free, first, count);
    memset(window->head + first, (int)head, count);
    if (zero != NULL) {
        *zero = !stale && heap->options.source.zeroed;
    }
    if (was_longest) {
        sort_in(heap, window);
    }
}

static void vacate(struct quire_heap *heap, struct heap_window *window, unsigned first,
                   unsigned count)
{
    set_add(window->free, first, count);
    set_add(window->stale, first, count);
    sort_in(heap, window);
    heap->loose += (size_t)count << UNIT_SHIFT;
}

/* ---- interface ------------------------------------------------------------------------------- */

struct heap_run *quire_heap_units_take(struct quire_heap *heap, unsigned units, bool *zero)
{
    struct heap_window *window = find_window(heap, units);
    struct heap_run *run;
    unsigned first;

    if (window == NULL) {
        window = add_window(heap);
    }
    if (window == NULL) {
        return NULL;
    }
    quire_heap_window_survey(window, units, &first);
    occupy(heap, window, first, units, first, zero);
    run = &window->runs[first];
    *run = (struct heap_run){.units = (uint8_t)units};
    return run;
}

void quire_heap_units_give(struct quire_heap *heap, struct heap_run *run, unsigned keep)
{
    struct heap_window *window = window_of(run);
    unsigned count = run->units - keep;

    run->units = (uint8_t)keep;
    vacate(heap, window, (unsigned)(run - window->runs) + keep, count);
    quire_heap_freed(heap);
}

struct heap_run *quire_heap_units_skip(struct quire_heap *heap, struct heap_run *run, unsigned skip)
{
    struct heap_window *window = window_of(run);
    unsigned first = (unsigned)(run - window->runs);
    struct heap_run *rest = run + skip;

    if (skip != 0) {
        *rest = (struct heap_run){.units = (uint8_t)(run->units - skip)};
        memset(window->head + first + skip, (int)(first + skip), rest->units);
        vacate(heap, window, first, skip);
    }
    return rest;
}

bool quire_heap_units_extend(struct quire_heap *heap, struct heap_run *run, unsigned units)
{
    struct heap_window *window = window_of(run);
    unsigned first = (unsigned)(run - window->runs);
    unsigned end = first + run->units;

    if (first + units > UNITS || set_next(window->free, end, ~(uint64_t)0) < first + units) {
        return false;
    }
    occupy(heap, window, end, units - run->units, first, NULL);
    run->units = (uint8_t)units;
    return true;
}

/* Discards the pages of one window that are wholly free and not wholly clean. */
static void discard_pages(struct quire_heap *heap, struct heap_window *window)
{
    unsigned units = 1u << heap->unit_shift_of_page;
    unsigned count = 0; /* units of the pages just before `at` that are to be discarded */

    for (unsigned at = 0; at <= UNITS; at += units) {
        uint64_t page = at < UNITS ? bit_run(at % 64, units) : 0;

        if (page != 0 && (window->free[at / 64] & page) == page &&
            (window->stale[at / 64] & page) != 0) {
            window->stale[at / 64] &= ~page;
            count += units;
        } else if (count != 0) {
            quire_heap_discard(heap, (unsigned char *)window + ((size_t)(at - count) << UNIT_SHIFT),
                               (size_t)count << UNIT_SHIFT);
            count = 0;
        }
    }
}

void quire_heap_windows_tidy(struct quire_heap *heap, unsigned keep)
{
    struct heap_region *region, *next;

    for (region = heap->regions; region != NULL; region = next) {
        struct heap_window *window = (struct heap_window *)region;

        next = region->next;
        if (region->kind != HEAP_WINDOW) {
            continue;
        }
        if (window->bin == EMPTY_BIN && keep == 0) {
            leave_bin(heap, window);
            region->used = WINDOW;
            quire_heap_region_drop(heap, region);
            continue;
        }
        keep -= window->bin == EMPTY_BIN;
        if (heap->options.source.discard != NULL) {
            discard_pages(heap, window);
        }
    }
}
