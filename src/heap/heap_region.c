/*
 * Regions: what the source gave, from the asking to the giving back.
 *
 * A record must stand at a multiple of 256 KiB, and sources are not asked to know that. The wish is
 * the end of the latest region; as regions are multiples of 256 KiB too, sources that go up or down
 * mostly give such a place by themselves. If what comes does not fit, it goes back, more is asked
 * for, and both ends are cut off. A brk-like source takes only the upper end; the lower one then is
 * the region's `front`, held and never touched.
 */
#include "internal.h"

static uintptr_t start_of(const struct heap_region *region)
{
    return (uintptr_t)region - region->front;
}

static uintptr_t end_of(const struct heap_region *region)
{
    return (uintptr_t)region + region->bytes;
}

static void list_add(struct heap_region **list, struct heap_region *region)
{
    region->prev = NULL;
    region->next = *list;
    if (*list != NULL) {
        (*list)->prev = region;
    }
    *list = region;
}

static void list_remove(struct heap_region **list, struct heap_region *region)
{
    if (region->next != NULL) {
        region->next->prev = region->prev;
    }
    if (region->prev != NULL) {
        region->prev->next = region->next;
    } else {
        *list = region->next;
    }
}

/* ---- the source ------------------------------------------------------------------------------ */

static unsigned char *source_get(struct quire_heap *heap, void *wish, size_t bytes)
{
    const struct quire_heap_source *source = &heap->options.source;
    void *at = source->get(source->context, wish, bytes);

    if (at != NULL) {
        heap->held += bytes;
        heap->held_peak = heap->held > heap->held_peak ? heap->held : heap->held_peak;
    }
    return at;
}

static bool source_give(struct quire_heap *heap, void *at, size_t bytes)
{
    const struct quire_heap_source *source = &heap->options.source;

    if (!source->give(source->context, at, bytes)) {
        return false;
    }
    heap->held -= bytes;
    heap->given_back += bytes;
    return true;
}

void quire_heap_discard(struct quire_heap *heap, void *at, size_t bytes)
{
    const struct quire_heap_source *source = &heap->options.source;

    if (source->discard != NULL && bytes != 0) {
        source->discard(source->context, at, bytes);
        heap->discarded += bytes;
    }
}

/* Bytes from `at` to where a record may stand. */
static size_t misfit(const unsigned char *at, size_t align)
{
    return -((uintptr_t)at + WINDOW) & (align - 1);
}

static struct heap_region *ask(struct quire_heap *heap, size_t bytes, size_t align)
{
    unsigned char *at = source_get(heap, heap->wish, bytes);
    size_t front = 0, total = bytes;
    struct heap_region *region;

    if (at != NULL && misfit(at, align) != 0) {
        source_give(heap, at, bytes);
        if (__builtin_add_overflow(bytes, align - page_of(heap), &total)) {
            return NULL;
        }
        at = source_get(heap, NULL, total);
    }
    if (at == NULL) {
        return NULL;
    }
    front = misfit(at, align);
    if (total - front != bytes && source_give(heap, at + front + bytes, total - front - bytes)) {
        total = front + bytes;
    }
    region = (struct heap_region *)(at + front);
    total -= front;
    if (front != 0 && source_give(heap, at, front)) {
        front = 0;
    }
    *region = (struct heap_region){.fresh = true, .front = front, .bytes = total};
    heap->wish = (unsigned char *)region + total;
    return region;
}

/* ---- spares ---------------------------------------------------------------------------------- */

/* Joins a region with the spares that touch it; answers the whole, which is in no list. */
static struct heap_region *join(struct quire_heap *heap, struct heap_region *region)
{
    struct heap_region *next;

    for (struct heap_region *spare = heap->spares; spare != NULL; spare = next) {
        next = spare->next;
        if (end_of(region) == start_of(spare)) {
            list_remove(&heap->spares, spare);
            region->bytes += spare->front + spare->bytes;
            region->used += spare->used;
        } else if (end_of(spare) == start_of(region)) {
            list_remove(&heap->spares, spare);
            spare->bytes += region->front + region->bytes;
            spare->used += region->used;
            region = spare;
        }
    }
    return region;
}

/* To the spares. => in no list */
static void release(struct quire_heap *heap, struct heap_region *region)
{
    heap->loose += region->used;
    region = join(heap, region);
    region->kind = HEAP_SPARE;
    list_add(&heap->spares, region);
}

/* The spare is wanted: it is none any more. */
static void unrelease(struct quire_heap *heap, struct heap_region *spare)
{
    list_remove(&heap->spares, spare);
    heap->loose -= least(heap->loose, spare->used);
    spare->fresh = false;
}

/* Makes a spare of all of a region from `bytes` on. => a multiple of WINDOW, less than all */
static void split(struct quire_heap *heap, struct heap_region *region, size_t bytes)
{
    struct heap_region *rest = (struct heap_region *)((unsigned char *)region + bytes);
    size_t left = region->bytes - bytes;

    *rest = (struct heap_region){.bytes = left, .used = least(left, region->used)};
    region->bytes = bytes;
    release(heap, rest);
}

/* The smallest spare that is large enough. */
static struct heap_region *take_spare(struct quire_heap *heap, size_t bytes)
{
    struct heap_region *best = NULL;

    for (struct heap_region *spare = heap->spares; spare != NULL; spare = spare->next) {
        if (spare->bytes >= bytes && (best == NULL || spare->bytes < best->bytes)) {
            best = spare;
        }
    }
    if (best != NULL) {
        unrelease(heap, best);
        if (best->bytes > bytes) {
            split(heap, best, bytes);
        }
    }
    return best;
}

/* ---- interface ------------------------------------------------------------------------------- */

struct heap_region *quire_heap_region_take(struct quire_heap *heap, size_t bytes, size_t align)
{
    struct heap_region *region;

    bytes = round_up(bytes, WINDOW);
    region = align == WINDOW ? take_spare(heap, bytes) : NULL;
    if (region == NULL) {
        region = ask(heap, bytes, align);
    }
    if (region != NULL) {
        list_add(&heap->regions, region);
    }
    return region;
}

void quire_heap_region_drop(struct quire_heap *heap, struct heap_region *region)
{
    list_remove(&heap->regions, region);
    release(heap, region);
}

void quire_heap_spares_give(struct quire_heap *heap)
{
    struct heap_region *next;

    for (struct heap_region *spare = heap->spares; spare != NULL; spare = next) {
        next = spare->next;
        list_remove(&heap->spares, spare);
        if (!source_give(heap, (unsigned char *)spare - spare->front,
                         spare->front + spare->bytes)) {
            list_add(&heap->spares, spare);
            quire_heap_discard(heap, (unsigned char *)spare + page_of(heap),
                               spare->used != 0 ? spare->bytes - page_of(heap) : 0);
            spare->used = 0;
        }
    }
}

/* Makes a region longer by the spare that follows, if that is enough. */
static bool grow_by_spare(struct quire_heap *heap, struct heap_region *region, size_t bytes)
{
    for (struct heap_region *spare = heap->spares; spare != NULL; spare = spare->next) {
        if (start_of(spare) == end_of(region) &&
            region->bytes + spare->front + spare->bytes >= bytes) {
            unrelease(heap, spare);
            region->bytes += spare->front + spare->bytes;
            return true;
        }
    }
    return false;
}

static bool grow_by_source(struct quire_heap *heap, struct heap_region *region, size_t bytes)
{
    unsigned char *end = (unsigned char *)region + region->bytes;
    size_t more = bytes - region->bytes;
    unsigned char *at = source_get(heap, end, more);

    if (at == end) {
        region->bytes = bytes;
        return true;
    }
    if (at != NULL) {
        source_give(heap, at, more);
    }
    return false;
}

bool quire_heap_region_resize(struct quire_heap *heap, struct heap_region *region, size_t bytes)
{
    size_t whole = round_up(bytes, WINDOW);

    if (whole > region->bytes && !grow_by_spare(heap, region, whole) &&
        !grow_by_source(heap, region, whole)) {
        return false;
    }
    if (whole < region->bytes) {
        unsigned char *end = (unsigned char *)region + whole;
        if (source_give(heap, end, region->bytes - whole)) {
            region->bytes = whole;
        } else {
            split(heap, region, whole);
        }
    }
    if (bytes < region->used) {
        quire_heap_discard(heap, (unsigned char *)region + bytes,
                           least(region->used, whole) - bytes);
    }
    region->used = bytes;
    return true;
}
