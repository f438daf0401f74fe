/* Room in a process: finding it, and the heap's pages. */
#include "internal.h"

/* The first address from `at` on that is as far from origin as a multiple of align. */
static uint64_t aligned(uint64_t at, uint64_t align, uint64_t origin)
{
    return at + ((origin - at) & (align - 1));
}

/* The lowest address that a region may come to have, and what must stay free below it. */
static uint64_t region_begin(const struct quire_process *process, const struct quire_region *region)
{
    uint64_t guard = (uint64_t)QUIRE_STACK_GUARD * usermode_page(process->usermode);

    if (region->grows_to == 0) {
        return region->va.at;
    }
    return region->grows_to > guard ? region->grows_to - guard : 0;
}

bool quire_find_gap(const struct quire_process *process, uint64_t from, uint64_t bytes,
                    uint64_t align, uint64_t origin, quire_va *va)
{
    uint64_t last = process->usermode->layout->last.at;
    uint64_t at = aligned(from, align, origin);

    for (const struct quire_region *r = region_from(process, from); r != NULL; r = r->next) {
        uint64_t begin = region_begin(process, r);

        if (at < from || (begin > at && bytes <= begin - at)) {
            break;
        }
        from = region_end(r) + 1;
        if (from == 0) {
            return false;
        }
        at = aligned(from, align, origin);
    }
    *va = quire_va_at(at);
    return at >= from && at <= last && bytes - 1 <= last - at;
}

uint64_t quire_mappings_from(const struct quire_process *process)
{
    uint64_t from = process->usermode->layout->mappings.at;

    return from != 0 ? from : process->image_va.at + process->image->bytes;
}

/* More than the image's own rights could be: so that the heap is never joined to a stack. */
static enum quire_status map_zeros(struct quire_process *process, quire_va va, uint64_t bytes)
{
    struct quire_region_spec spec = {.va = va,
                                     .bytes = bytes,
                                     .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER,
                                     .max_prot = QUIRE_RIGHTS};
    enum quire_status status = quire_space_map(&process->space, &spec);

    if (status == QUIRE_OK) {
        quire_process_owe(process, va, bytes);
    }
    return status;
}

static uint64_t whole_pages(const struct quire_process *process, uint64_t bytes)
{
    uint64_t mask = usermode_page(process->usermode) - 1;

    return (bytes + mask) & ~mask;
}

/* ---- pages ----------------------------------------------------------------------------------- */

enum quire_status quire_process_map_heap(struct quire_process *process, uint64_t bytes,
                                         quire_va *va)
{
    uint64_t page = usermode_page(process->usermode);
    uint64_t rounded = whole_pages(process, bytes);
    quire_va at;
    enum quire_status status;

    if (bytes == 0) {
        return QUIRE_INVALID;
    }
    if (rounded < bytes ||
        !quire_find_gap(process, quire_mappings_from(process), rounded, page, 0, &at)) {
        return QUIRE_NO_SPACE;
    }
    status = map_zeros(process, at, rounded);
    if (status == QUIRE_OK) {
        *va = at;
    }
    return status;
}

/* Is the range made of heap pages alone, none of them brk's? */
static bool is_heap(const struct quire_process *process, quire_va va, uint64_t bytes)
{
    uint64_t last = va.at + (bytes - 1);
    uint64_t at = va.at;
    const struct quire_region *region = region_from(process, at);

    if (process->heap.at < process->brk.at && va.at < process->brk.at && last >= process->heap.at) {
        return false;
    }
    while (region != NULL && region->va.at <= at &&
           quire_part_of(process, region, NULL) == QUIRE_PART_HEAP) {
        if (region_end(region) >= last) {
            return true;
        }
        at = region_end(region) + 1;
        region = region->next;
    }
    return false;
}

enum quire_status quire_process_unmap_heap(struct quire_process *process, quire_va va,
                                           uint64_t bytes)
{
    enum quire_status status = quire_range_check(process->usermode->format, va, bytes);

    if (status != QUIRE_OK) {
        return status;
    }
    return is_heap(process, va, bytes) ? quire_space_unmap(&process->space, va, bytes)
                                       : QUIRE_INVALID;
}

/* ---- brk ------------------------------------------------------------------------------------- */

/* Settles where the piece begins. */
static bool begin_heap(struct quire_process *process)
{
    uint64_t page = usermode_page(process->usermode);
    uint64_t from = process->usermode->layout->heap.at;
    quire_va at;

    if (process->heap.at != 0) {
        return true;
    }
    from = from != 0 ? from : process->image_va.at + process->image->bytes;
    if (!quire_find_gap(process, from, page, page, 0, &at)) {
        return false;
    }
    process->heap = at;
    process->brk = at;
    return true;
}

/* [from, end) is added, if there is nothing and no stack could want it. */
static enum quire_status grow_heap(struct quire_process *process, uint64_t from, uint64_t end)
{
    uint64_t page = usermode_page(process->usermode);
    quire_va at;

    if (!quire_find_gap(process, from, end - from, page, 0, &at) || at.at != from) {
        return QUIRE_NO_SPACE;
    }
    return map_zeros(process, at, end - from);
}

static enum quire_status move_brk(struct quire_process *process, quire_va end)
{
    uint64_t now = whole_pages(process, process->brk.at);
    uint64_t then = whole_pages(process, end.at);

    if (end.at < process->heap.at) {
        return QUIRE_INVALID;
    }
    if (then < end.at) {
        return QUIRE_NO_SPACE;
    }
    if (then > now) {
        return grow_heap(process, now, then);
    }
    return then < now ? quire_space_unmap(&process->space, quire_va_at(then), now - then)
                      : QUIRE_OK;
}

enum quire_status quire_process_brk(struct quire_process *process, quire_va end, quire_va *brk)
{
    bool fresh = process->heap.at == 0;
    enum quire_status status = begin_heap(process) ? QUIRE_OK : QUIRE_NO_SPACE;

    if (status == QUIRE_OK && end.at != 0) {
        status = move_brk(process, end);
        if (status == QUIRE_OK) {
            process->brk = end;
        } else if (fresh) {
            process->heap = process->brk = quire_va_at(0);
        }
    }
    if (brk != NULL) {
        *brk = process->brk;
    }
    return status;
}
