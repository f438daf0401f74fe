/*
 * Do the records of a heap agree? What is believed is the list of regions: nothing that another
 * record points to is looked at before it is known to lie in one.
 */
#include "internal.h"

struct census {
    const struct quire_heap *heap;
    const void *wrong;
    size_t in_use;
    uint32_t slabs[CLASSES], with_room[CLASSES], windows[EMPTY_BIN + 1];
};

/* Notes what is wrong, for `return wrong(...)`. */
static bool wrong(struct census *census, const void *at)
{
    census->wrong = at;
    return false;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static const struct heap_window *known_window(const struct quire_heap *heap, const void *record)
{
    const struct heap_region *region = heap->regions;

    while (region != NULL &&
           (region->kind != HEAP_WINDOW ||
            (uintptr_t)record - (uintptr_t)region >= sizeof(struct heap_window))) {
        region = region->next;
    }
    return (const struct heap_window *)region;
}

static bool known_run(const struct quire_heap *heap, const struct heap_run *run)
{
    const struct heap_window *window = known_window(heap, run);

    return window != NULL && run >= window->runs &&
           ((uintptr_t)run - (uintptr_t)window->runs) % sizeof(*run) == 0;
}

/* A class's list: as many as there are slabs with room, each of them one. */
static bool partial_sound(struct census *census, unsigned cls)
{
    const struct heap_run *prev = NULL;
    const struct heap_run *run = census->heap->partial[cls];

    for (uint32_t left = census->with_room[cls]; left > 0; left--) {
        if (run == NULL || !known_run(census->heap, run) || run->prev != prev || run->free == 0 ||
            run->size != quire_heap_class_size(cls) << GRANULE_SHIFT) {
            return wrong(census, prev != NULL ? (const void *)prev : census->heap);
        }
        prev = run;
        run = run->next;
    }
    return run == NULL && census->slabs[cls] == census->heap->slabs[cls]
               ? true
               : wrong(census, prev != NULL ? (const void *)prev : census->heap);
}

static bool bin_sound(struct census *census, unsigned bin)
{
    const struct heap_window *prev = NULL;
    const struct heap_window *window = census->heap->bins[bin];

    for (uint32_t left = census->windows[bin]; left > 0; left--) {
        if (window == NULL || known_window(census->heap, window) != window ||
            window->prev != prev || window->bin != bin) {
            return wrong(census, prev != NULL ? (const void *)prev : census->heap);
        }
        prev = window;
        window = window->next;
    }
    return window == NULL && (census->heap->bins_used >> bin & 1) == (prev != NULL)
               ? true
               : wrong(census, prev != NULL ? (const void *)prev : census->heap);
}

/* ---- windows --------------------------------------------------------------------------------- */

static bool slab_sound(struct census *census, const struct heap_run *run)
{
    unsigned cls = census->heap->class_of[least(run->size, QUIRE_HEAP_SMALL) >> GRANULE_SHIFT];
    size_t objects = least(64, ((size_t)run->units << UNIT_SHIFT) / run->size);

    if (run->size != quire_heap_class_size(cls) << GRANULE_SHIFT ||
        run->reciprocal != UINT32_MAX / run->size + 1 || objects != 64u - run->missing ||
        (run->free & ~run_all(run)) != 0) {
        return wrong(census, run);
    }
    census->slabs[cls]++;
    census->with_room[cls] += run->free != 0;
    for (uint64_t used = run_all(run) & ~run->free; used != 0; used &= used - 1) {
        census->in_use += run->size;
    }
    return true;
}

/* The run that begins at a unit, and all its units. */
static bool run_sound(struct census *census, const struct heap_window *window, unsigned first)
{
    const struct heap_run *run = &window->runs[first];

    if (run->units == 0 || first + run->units > UNITS) {
        return wrong(census, run);
    }
    for (unsigned unit = first; unit < first + run->units; unit++) {
        if (window->head[unit] != first || (window->free[unit / 64] >> unit % 64 & 1) != 0) {
            return wrong(census, &window->head[unit]);
        }
    }
    if (run->size != 0) {
        return slab_sound(census, run);
    }
    census->in_use += (size_t)run->units << UNIT_SHIFT;
    return run->units <= MEDIUM_UNITS ? true : wrong(census, run);
}

static bool window_sound(struct census *census, const struct heap_window *window)
{
    unsigned unit, unused, bin = window->bin;

    for (unit = 0; unit < RECORD_UNITS; unit++) {
        if ((window->free[0] >> unit & 1) != 0) {
            return wrong(census, window->free);
        }
    }
    while (unit < UNITS) {
        if ((window->free[unit / 64] >> unit % 64 & 1) != 0) {
            unit++;
        } else if (run_sound(census, window, unit)) {
            unit += window->runs[unit].units;
        } else {
            return false;
        }
    }
    if (window->longest != quire_heap_window_survey(window, 1, &unused) ||
        bin != quire_heap_window_bin(census->heap, window->longest) ||
        window->region.bytes < WINDOW) {
        return wrong(census, window);
    }
    if (bin != NO_BIN) {
        census->windows[bin]++;
    }
    return true;
}

/* ---- regions --------------------------------------------------------------------------------- */

static bool region_sound(struct census *census, const struct heap_region *region)
{
    size_t page = page_of(census->heap);

    if (region->bytes % page != 0 || region->front % page != 0 || region->bytes == 0) {
        return wrong(census, region);
    }
    if (region->kind == HEAP_WINDOW) {
        return window_sound(census, (const struct heap_window *)region);
    }
    if (region->kind != HEAP_LARGE) {
        return region->kind == HEAP_SPARE ? true : wrong(census, region);
    }
    census->in_use += region->used - region->offset;
    return region->offset >= LARGE_OFFSET && region->offset < region->used &&
                   region->used <= region->bytes
               ? true
               : wrong(census, region);
}

static bool regions_sound(struct census *census, const struct heap_region *list, bool spares,
                          size_t *held)
{
    const struct heap_region *prev = NULL;

    for (const struct heap_region *region = list; region != NULL; region = region->next) {
        if ((uintptr_t)region % WINDOW != 0 || region->prev != prev ||
            (region->kind == HEAP_SPARE) != spares) {
            return wrong(census, prev != NULL ? (const void *)prev : census->heap);
        }
        if (!region_sound(census, region)) {
            return false;
        }
        *held += region->front + region->bytes;
        prev = region;
    }
    return true;
}

static bool sound(struct census *census)
{
    const struct quire_heap *heap = census->heap;
    size_t held = 0;

    if (!regions_sound(census, heap->regions, false, &held) ||
        !regions_sound(census, heap->spares, true, &held)) {
        return false;
    }
    for (unsigned cls = 0; cls < CLASSES; cls++) {
        if (!partial_sound(census, cls)) {
            return false;
        }
    }
    for (unsigned bin = 0; bin <= EMPTY_BIN; bin++) {
        if (!bin_sound(census, bin)) {
            return false;
        }
    }
    return held == heap->held && census->in_use == heap->in_use ? true : wrong(census, NULL);
}

enum quire_status quire_heap_validate(struct quire_heap *heap, const void **at)
{
    struct census census = {.heap = heap};
    const void *ignored;

    at = at != NULL ? at : &ignored;
    if (!sound(&census)) {
        *at = census.wrong;
        return QUIRE_CORRUPT;
    }
    return heap->checker != NULL ? heap->checker->validate(heap, at) : QUIRE_OK;
}
