/* Looking at a heap from outside: which block is where, how many there are, is all as it says. */
#include "internal.h"

/* ---- finding --------------------------------------------------------------------------------- */

static const struct heap_run *run_at(const struct heap_window *window, unsigned unit)
{
    return &window->runs[window->head[unit]];
}

static bool unit_free(const struct heap_window *window, unsigned unit)
{
    return window->free[unit / 64] >> unit % 64 & 1;
}

static struct heap_block whole_run(const struct heap_window *window, const struct heap_run *run)
{
    return (struct heap_block){(unsigned char *)(uintptr_t)window +
                                   ((size_t)(run - window->runs) << UNIT_SHIFT),
                               (size_t)run->units << UNIT_SHIFT};
}

static enum heap_place locate_in_window(const struct heap_window *window, const void *at,
                                        struct heap_block *block)
{
    const struct heap_run *run = run_at(window, unit_of(at));
    unsigned object;

    if (unit_free(window, unit_of(at))) {
        return HEAP_UNUSED;
    }
    *block = whole_run(window, run);
    if (run->size == 0) {
        return HEAP_IN_BLOCK;
    }
    object = (unsigned)((uintptr_t)at - (uintptr_t)block->at) / run->size;
    block->at += (size_t)object * run->size;
    block->bytes = run->size;
    if (object >= 64u - run->missing) {
        return HEAP_NOWHERE; /* the rest that no object fits in */
    }
    return run->free >> object & 1 ? HEAP_UNUSED : HEAP_IN_BLOCK;
}

static enum heap_place locate_in_region(const struct heap_region *region, const void *at,
                                        struct heap_block *block)
{
    size_t offset = (uintptr_t)at - (uintptr_t)region;

    if (region->kind == HEAP_WINDOW) {
        return offset >= RECORD_UNITS * UNIT && offset < WINDOW
                   ? locate_in_window((const struct heap_window *)region, at, block)
                   : HEAP_NOWHERE;
    }
    *block = (struct heap_block){(unsigned char *)(uintptr_t)region + region->offset,
                                 region->used - region->offset};
    return offset >= region->offset && offset < region->used ? HEAP_IN_BLOCK : HEAP_NOWHERE;
}

enum heap_place quire_heap_locate(const struct quire_heap *heap, const void *at,
                                  struct heap_block *block)
{
    const struct heap_region *region;

    for (region = heap->regions; region != NULL; region = region->next) {
        if ((uintptr_t)at - (uintptr_t)region < region->bytes) {
            return locate_in_region(region, at, block);
        }
    }
    for (region = heap->spares; region != NULL; region = region->next) {
        if ((uintptr_t)at - (uintptr_t)region < region->bytes) {
            return HEAP_UNUSED;
        }
    }
    return HEAP_NOWHERE;
}

/* ---- visiting -------------------------------------------------------------------------------- */

typedef bool (*visitor)(void *context, const struct heap_block *block);

static bool visit_run(const struct heap_window *window, const struct heap_run *run, visitor visit,
                      void *context)
{
    struct heap_block block = whole_run(window, run);

    if (run->size == 0) {
        return visit(context, &block);
    }
    block.bytes = run->size;
    for (uint64_t used = run_all(run) & ~run->free; used != 0; used &= used - 1) {
        struct heap_block object = block;
        object.at += (size_t)lowest_bit(used) * run->size;
        if (!visit(context, &object)) {
            return false;
        }
    }
    return true;
}

static bool visit_window(const struct heap_window *window, visitor visit, void *context)
{
    unsigned unit = RECORD_UNITS;

    while (unit < UNITS) {
        if (unit_free(window, unit)) {
            unit++;
            continue;
        }
        if (!visit_run(window, &window->runs[unit], visit, context)) {
            return false;
        }
        unit += window->runs[unit].units;
    }
    return true;
}

bool quire_heap_visit(const struct quire_heap *heap, visitor visit, void *context)
{
    const struct heap_region *region = heap->regions;
    bool more = true;

    for (; region != NULL && more; region = region->next) {
        if (region->kind == HEAP_WINDOW) {
            more = visit_window((const struct heap_window *)region, visit, context);
        } else {
            struct heap_block block = {(unsigned char *)(uintptr_t)region + region->offset,
                                       region->used - region->offset};
            more = visit(context, &block);
        }
    }
    return more;
}

static bool count_block(void *context, const struct heap_block *block)
{
    size_t *blocks = context;

    (void)block;
    ++*blocks;
    return true;
}

void quire_heap_statistics(const struct quire_heap *heap, struct quire_heap_statistics *result)
{
    *result = (struct quire_heap_statistics){
        .asked = heap->asked,
        .in_use = heap->in_use,
        .in_use_peak = heap->in_use_peak,
        .held = heap->held,
        .held_peak = heap->held_peak,
        .given_back = heap->given_back,
        .discarded = heap->discarded,
    };
    quire_heap_visit(heap, count_block, &result->blocks);
}

const char *quire_heap_mistake_text(enum quire_heap_mistake mistake)
{
    static const char *const text[QUIRE_HEAP_MISTAKES] = {
        [QUIRE_HEAP_DOUBLE_FREE] = "double free",
        [QUIRE_HEAP_WILD] = "no block is there",
        [QUIRE_HEAP_INTERIOR] = "within a block",
        [QUIRE_HEAP_UNDERRUN] = "written before its beginning",
        [QUIRE_HEAP_OVERRUN] = "written beyond its end",
        [QUIRE_HEAP_USE_AFTER_FREE] = "written after it was freed",
    };

    return (unsigned)mistake < QUIRE_HEAP_MISTAKES ? text[mistake] : "unknown mistake";
}
