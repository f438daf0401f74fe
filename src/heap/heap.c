/*
 * malloc and its kin: objects in slabs, runs in windows, regions.
 *
 *   alloc   partial[class] -> run: lowest bit of run->free, cleared; start + bit * size
 *   free    window by mask -> head[unit] -> run: bit (offset * reciprocal) of run->free, set
 *
 * These two paths are short, and only these matter for speed; the rest is to be small.
 */
#include "internal.h"

/* ---- sizes ----------------------------------------------------------------------------------- */

/* 1, 2 .. 8, then 10, 12, 14, 16, 20, 24, 28, 32, 40 ... */
unsigned quire_heap_class_size(unsigned cls)
{
    return cls < 8 ? cls + 1 : (4 + cls % 4 + 1) << (cls / 4 - 1);
}

static void set_classes(struct quire_heap *heap)
{
    unsigned cls = 0;

    for (unsigned size = 0; size <= QUIRE_HEAP_SMALL >> GRANULE_SHIFT; size++) {
        cls += size > quire_heap_class_size(cls);
        heap->class_of[size] = (uint8_t)cls;
    }
}

static unsigned class_for(const struct quire_heap *heap, size_t bytes)
{
    return heap->class_of[(bytes + QUIRE_HEAP_ALIGN - 1) >> GRANULE_SHIFT];
}

static void count_in(struct quire_heap *heap, size_t bytes)
{
    heap->in_use += bytes;
    if (heap->in_use > heap->in_use_peak) {
        heap->in_use_peak = heap->in_use;
    }
}

void quire_heap_tell(struct quire_heap *heap, enum quire_heap_mistake mistake, const void *at,
                     const void *block, size_t bytes)
{
    const struct quire_heap_report report = {mistake, at, block, bytes};

    if (heap->options.report != NULL) {
        heap->options.report(heap->options.report_context, &report);
    }
}

/* ---- slabs ----------------------------------------------------------------------------------- */

/*
 * Units of a class's next slab; `slabs`: how many it has. 64 objects of n granules fill n units: no
 * slab is larger. Any multiple of the odd part of n is filled without rest; only small objects in
 * the first, small slabs do without.
 */
static unsigned slab_units(unsigned cls, uint32_t slabs)
{
    unsigned granules = quire_heap_class_size(cls);
    unsigned odd = granules >> lowest_bit(granules);
    unsigned units = (unsigned)least(slabs < 4 ? 1u << slabs : SLAB_UNITS, granules);

    if (units < odd && granules > UNIT >> GRANULE_SHIFT >> 2) {
        return odd;
    }
    units -= units > odd ? units % odd : 0;
    return units << UNIT_SHIFT >= granules << GRANULE_SHIFT ? units : units + 1;
}

/* A slab with a free object enters the list second: the first is used up before others are. */
static void list_slab(struct quire_heap *heap, unsigned cls, struct heap_run *run)
{
    struct heap_run *first = heap->partial[cls];

    if (first == NULL) {
        heap->partial[cls] = run;
        run->prev = run->next = NULL;
        return;
    }
    run->prev = first;
    run->next = first->next;
    if (run->next != NULL) {
        run->next->prev = run;
    }
    first->next = run;
}

static void unlist_slab(struct quire_heap *heap, unsigned cls, struct heap_run *run)
{
    if (run->next != NULL) {
        run->next->prev = run->prev;
    }
    if (run->prev != NULL) {
        run->prev->next = run->next;
    } else {
        heap->partial[cls] = run->next;
    }
}

static struct heap_run *add_slab(struct quire_heap *heap, unsigned cls)
{
    unsigned size = quire_heap_class_size(cls) << GRANULE_SHIFT;
    struct heap_run *run = quire_heap_units_take(heap, slab_units(cls, heap->slabs[cls]), NULL);

    if (run == NULL) {
        run = quire_heap_units_take(heap, slab_units(cls, 0), NULL);
    }
    if (run == NULL) {
        return NULL;
    }
    run->size = (uint16_t)size;
    run->reciprocal = UINT32_MAX / size + 1;
    run->missing = (uint8_t)(64 - least(64, ((unsigned)run->units << UNIT_SHIFT) / size));
    run->free = run_all(run);
    heap->slabs[cls]++;
    list_slab(heap, cls, run);
    return run;
}

static void drop_slab(struct quire_heap *heap, unsigned cls, struct heap_run *run)
{
    unlist_slab(heap, cls, run);
    heap->slabs[cls]--;
    quire_heap_units_give(heap, run, 0);
}

/* Drops the slabs without objects that are kept, one for each class at most; tells if any was. */
static bool trim_slabs(struct quire_heap *heap)
{
    bool any = false;

    for (unsigned cls = 0; cls < CLASSES; cls++) {
        struct heap_run *run = heap->partial[cls];

        while (run != NULL && run->free != run_all(run)) {
            run = run->next;
        }
        if (run != NULL) {
            drop_slab(heap, cls, run);
            any = true;
        }
    }
    return any;
}

/* The lowest free object of a slab, the first of its list. */
static inline void *take_object(struct quire_heap *heap, unsigned cls, struct heap_run *run)
{
    unsigned object = lowest_bit(run->free);
    unsigned size = run->size;

    run->free &= run->free - 1;
    if (run->free == 0) {
        heap->partial[cls] = run->next;
        if (run->next != NULL) {
            run->next->prev = NULL;
        }
    }
    count_in(heap, size);
    return run_start(run) + object * size;
}

static inline void free_object(struct quire_heap *heap, struct heap_run *run, void *block)
{
    uint32_t offset = (uint32_t)((unsigned char *)block - run_start(run));
    uint64_t object = (uint64_t)1 << ((uint64_t)offset * run->reciprocal >> 32);
    uint64_t before = run->free;
    unsigned cls;

    if ((before & object) != 0) {
        quire_heap_tell(heap, QUIRE_HEAP_DOUBLE_FREE, block, block, 0);
        return;
    }
    run->free = before | object;
    heap->in_use -= run->size;
    if (before != 0 && run->free != run_all(run)) {
        return;
    }
    cls = heap->class_of[run->size >> GRANULE_SHIFT];
    if (before == 0) {
        list_slab(heap, cls, run);
    }
    /* The only one with room is kept: it will be wanted again. */
    if (run->free == run_all(run) && (run->prev != NULL || run->next != NULL)) {
        drop_slab(heap, cls, run);
    }
}

/* ---- giving back ----------------------------------------------------------------------------- */

void quire_heap_tidy(struct quire_heap *heap, unsigned keep)
{
    quire_heap_windows_tidy(heap, keep);
    quire_heap_spares_give(heap);
    heap->loose = 0;
}

/* Everything that is free; tells if some of it went back to the source or to others' use. */
static bool reclaim(struct quire_heap *heap)
{
    size_t held = heap->held;
    bool any = trim_slabs(heap);

    quire_heap_tidy(heap, 0);
    return any || heap->held != held;
}

/* ---- allocation ------------------------------------------------------------------------------ */

static void *alloc_small(struct quire_heap *heap, size_t bytes, bool zeroed)
{
    unsigned cls = class_for(heap, bytes);
    struct heap_run *run = heap->partial[cls];
    void *block;

    if (run == NULL) {
        run = add_slab(heap, cls);
    }
    if (run == NULL) {
        return NULL;
    }
    block = take_object(heap, cls, run);
    if (zeroed) {
        memset(block, 0, bytes);
    }
    return block;
}

/* => align is at most QUIRE_HEAP_MEDIUM */
static void *alloc_medium(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed)
{
    unsigned units = (unsigned)(round_up(bytes, UNIT) >> UNIT_SHIFT);
    unsigned step = align > UNIT ? (unsigned)(align >> UNIT_SHIFT) : 1;
    struct heap_run *run;
    bool zero;

    run = quire_heap_units_take(heap, units + step - 1, &zero);
    if (run == NULL) {
        return NULL;
    }
    run = quire_heap_units_skip(heap, run, -unit_of(run_start(run)) & (step - 1));
    if (run->units != units) {
        quire_heap_units_give(heap, run, units);
    }
    count_in(heap, (size_t)units << UNIT_SHIFT);
    if (zeroed && !zero) {
        memset(run_start(run), 0, bytes);
    }
    return run_start(run);
}

/* => neither is above PTRDIFF_MAX */
static void *alloc_large(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed)
{
    size_t offset = LARGE_OFFSET;
    struct heap_region *region;
    unsigned char *block;

    if (align > LARGE_OFFSET) {
        offset = align <= 4 * UNIT ? align : WINDOW; /* so that unit_of() is a record's */
    }
    if (bytes > PTRDIFF_MAX - offset - WINDOW) {
        return NULL;
    }
    region = quire_heap_region_take(heap, offset + bytes, align > WINDOW ? align : WINDOW);
    if (region == NULL) {
        return NULL;
    }
    region->kind = HEAP_LARGE;
    region->offset = offset;
    region->used = round_up(offset + bytes, page_of(heap));
    count_in(heap, region->used - offset);
    block = (unsigned char *)region + offset;
    if (zeroed && !(region->fresh && heap->options.source.zeroed)) {
        memset(block, 0, bytes);
    }
    return block;
}

void *quire_heap_plain_alloc(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed)
{
    void *block;

    if (align > PTRDIFF_MAX || bytes > PTRDIFF_MAX - align) {
        return NULL;
    }
    bytes = bytes != 0 ? bytes : 1;
    if (align > QUIRE_HEAP_ALIGN) { /* every class is aligned as the sizes that round up to it */
        size_t rounded = round_up(bytes, align);
        bytes = rounded <= QUIRE_HEAP_SMALL ? rounded : bytes;
    }
    do {
        if (bytes <= QUIRE_HEAP_SMALL && align <= UNIT) {
            block = alloc_small(heap, bytes, zeroed);
        } else if (bytes + (align > UNIT ? align - UNIT : 0) <= QUIRE_HEAP_MEDIUM) {
            block = alloc_medium(heap, align, bytes, zeroed);
        } else {
            block = alloc_large(heap, align, bytes, zeroed);
        }
    } while (block == NULL && reclaim(heap));
    return block;
}

static void *alloc_any(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed)
{
    void *block = heap->checker != NULL ? heap->checker->alloc(heap, align, bytes, zeroed)
                                        : quire_heap_plain_alloc(heap, align, bytes, zeroed);

    heap->asked += block != NULL ? bytes : 0;
    return block;
}

void *quire_heap_alloc(struct quire_heap *heap, size_t bytes)
{
    if (bytes - 1 < heap->small_limit) { /* not 0, and no checking */
        unsigned cls = class_for(heap, bytes);
        struct heap_run *run = heap->partial[cls];
        if (run != NULL) {
            heap->asked += bytes;
            return take_object(heap, cls, run);
        }
    }
    return alloc_any(heap, QUIRE_HEAP_ALIGN, bytes, false);
}

void *quire_heap_calloc(struct quire_heap *heap, size_t count, size_t bytes)
{
    if (__builtin_mul_overflow(count, bytes, &bytes)) {
        return NULL;
    }
    return alloc_any(heap, QUIRE_HEAP_ALIGN, bytes, true);
}

void *quire_heap_aligned(struct quire_heap *heap, size_t align, size_t bytes)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        return NULL;
    }
    return alloc_any(heap, align > QUIRE_HEAP_ALIGN ? align : QUIRE_HEAP_ALIGN, bytes, false);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* The region of a large block, or NULL and a report: it is none. => not of a window's units */
static struct heap_region *large_of(struct quire_heap *heap, const void *block)
{
    struct heap_region *region = (struct heap_region *)window_of((const unsigned char *)block - 1);

    if (region->kind != HEAP_LARGE || (uintptr_t)block - (uintptr_t)region != region->offset) {
        quire_heap_tell(heap, QUIRE_HEAP_WILD, block, NULL, 0);
        return NULL;
    }
    return region;
}

static struct heap_run *run_of(const void *block)
{
    struct heap_window *window = window_of(block);

    return &window->runs[window->head[unit_of(block)]];
}

static void free_large(struct quire_heap *heap, void *block)
{
    struct heap_region *region = large_of(heap, block);

    if (region != NULL) {
        heap->in_use -= region->used - region->offset;
        quire_heap_region_drop(heap, region);
        quire_heap_freed(heap);
    }
}

static void free_medium(struct quire_heap *heap, struct heap_run *run, void *block)
{
    if (block != run_start(run)) {
        quire_heap_tell(heap, QUIRE_HEAP_INTERIOR, block, run_start(run), 0);
        return;
    }
    heap->in_use -= (size_t)run->units << UNIT_SHIFT;
    quire_heap_units_give(heap, run, 0);
}

void quire_heap_plain_free(struct quire_heap *heap, void *block)
{
    if (unit_of(block) >= RECORD_UNITS) {
        struct heap_run *run = run_of(block);
        if (run->size != 0) {
            free_object(heap, run, block);
        } else {
            free_medium(heap, run, block);
        }
    } else if (block != NULL) {
        free_large(heap, block);
    }
}

void quire_heap_free(struct quire_heap *heap, void *block)
{
    if (heap->checker == NULL) {
        quire_heap_plain_free(heap, block);
    } else if (block != NULL) {
        heap->checker->free(heap, block);
    }
}

static size_t usable(struct quire_heap *heap, const void *block)
{
    struct heap_region *region;
    struct heap_run *run;

    if (unit_of(block) >= RECORD_UNITS) {
        run = run_of(block);
        return run->size != 0 ? run->size : (size_t)run->units << UNIT_SHIFT;
    }
    region = large_of(heap, block);
    return region != NULL ? region->used - region->offset : 0;
}

size_t quire_heap_usable(struct quire_heap *heap, const void *block)
{
    if (block == NULL) {
        return 0;
    }
    return heap->checker != NULL ? heap->checker->usable(heap, block) : usable(heap, block);
}

/* ---- realloc --------------------------------------------------------------------------------- */

static bool resize_medium(struct quire_heap *heap, struct heap_run *run, size_t bytes)
{
    unsigned units = (unsigned)(round_up(bytes, UNIT) >> UNIT_SHIFT);
    unsigned before = run->units;

    if (units > before && !quire_heap_units_extend(heap, run, units)) {
        return false;
    }
    heap->in_use -= (size_t)before << UNIT_SHIFT;
    count_in(heap, (size_t)units << UNIT_SHIFT);
    if (units < before) {
        quire_heap_units_give(heap, run, units);
    }
    return true;
}

static bool resize_large(struct quire_heap *heap, struct heap_region *region, size_t bytes)
{
    size_t before = region->used;

    if (bytes > PTRDIFF_MAX - region->offset - WINDOW ||
        !quire_heap_region_resize(heap, region, round_up(region->offset + bytes, page_of(heap)))) {
        return false;
    }
    heap->in_use -= before - region->offset;
    count_in(heap, region->used - region->offset);
    return true;
}

/* A block stays where it is while that wastes no more than half of it. */
static bool resize(struct quire_heap *heap, void *block, size_t had, size_t bytes)
{
    if (had <= QUIRE_HEAP_SMALL && unit_of(block) >= RECORD_UNITS && run_of(block)->size != 0) {
        return bytes <= had && (bytes > had / 2 || had == QUIRE_HEAP_ALIGN);
    }
    if (unit_of(block) >= RECORD_UNITS) {
        return bytes > QUIRE_HEAP_SMALL && bytes <= QUIRE_HEAP_MEDIUM &&
               resize_medium(heap, run_of(block), bytes);
    }
    return bytes > QUIRE_HEAP_MEDIUM / 2 && resize_large(heap, large_of(heap, block), bytes);
}

static void *move(struct quire_heap *heap, void *block, size_t had, size_t bytes)
{
    void *moved = quire_heap_plain_alloc(heap, QUIRE_HEAP_ALIGN, bytes, false);

    if (moved == NULL) {
        return bytes <= had ? block : NULL;
    }
    memcpy(moved, block, least(had, bytes));
    quire_heap_plain_free(heap, block);
    return moved;
}

void *quire_heap_realloc(struct quire_heap *heap, void *block, size_t bytes)
{
    size_t had;

    if (block == NULL) {
        return quire_heap_alloc(heap, bytes);
    }
    if (heap->checker != NULL) {
        block = heap->checker->realloc(heap, block, bytes);
    } else {
        had = usable(heap, block);
        if (had == 0) {
            return NULL;
        }
        block = resize(heap, block, had, bytes) ? block : move(heap, block, had, bytes);
    }
    heap->asked += block != NULL ? bytes : 0;
    return block;
}

/* ---- the heap -------------------------------------------------------------------------------- */

static void start(struct quire_heap *heap, const struct quire_heap_options *options)
{
    *heap = (struct quire_heap){.options = *options, .checker = options->checker};
    heap->unit_shift_of_page = (uint8_t)(options->source.page_shift - UNIT_SHIFT);
    heap->small_limit = options->checker == NULL ? QUIRE_HEAP_SMALL : 0;
    set_classes(heap);
}

enum quire_status quire_heap_init(struct quire_heap *heap, const struct quire_heap_options *options)
{
    if (options->source.get == NULL || options->source.give == NULL) {
        return QUIRE_INVALID;
    }
    if (options->source.page_shift < UNIT_SHIFT || options->source.page_shift > 16) {
        return QUIRE_OUT_OF_RANGE;
    }
    start(heap, options);
    return QUIRE_OK;
}

void quire_heap_destroy(struct quire_heap *heap)
{
    struct quire_heap_options options = heap->options;

    while (heap->regions != NULL) {
        quire_heap_region_drop(heap, heap->regions);
    }
    quire_heap_spares_give(heap);
    start(heap, &options);
}

void quire_heap_trim(struct quire_heap *heap)
{
    if (heap->checker != NULL) {
        heap->checker->flush(heap);
    }
    reclaim(heap);
}
