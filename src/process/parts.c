/* Looking at a process: what lies where, in which frame, and how many pages of which kind. */
#include "internal.h"

static const struct quire_library *library_of(const struct quire_process *process,
                                              const struct quire_object *object)
{
    for (unsigned i = 0; i < process->libraries; i++) {
        if (quire_image_has(process->library[i].library->image, object)) {
            return process->library[i].library;
        }
    }
    return NULL;
}

/* Does the stack, as it began, lie in the region? It can have grown, but not moved. */
static bool is_stack(const struct quire_process *process, const struct quire_region *region)
{
    const struct quire_layout *layout = process->usermode->layout;
    uint64_t last = layout->stack.at + (layout->stack_bytes - 1);

    return region->va.at <= last && region_end(region) >= layout->stack.at;
}

enum quire_part quire_part_of(const struct quire_process *process,
                              const struct quire_region *region,
                              const struct quire_library **library)
{
    const struct quire_library *found = NULL;

    if ((region->prot & QUIRE_USER) == 0) {
        return QUIRE_PART_KERNEL;
    }
    if (!quire_sharing_paged(region->sharing)) {
        return QUIRE_PART_OTHER;
    }
    if (region->object == NULL) {
        return is_stack(process, region) ? QUIRE_PART_STACK : QUIRE_PART_HEAP;
    }
    if (quire_image_has(process->image, region->object)) {
        return QUIRE_PART_IMAGE;
    }
    found = library_of(process, region->object);
    if (library != NULL) {
        *library = found;
    }
    return found != NULL ? QUIRE_PART_LIBRARY : QUIRE_PART_OTHER;
}

const char *quire_part_text(enum quire_part part)
{
    static const char *const text[QUIRE_PARTS] = {
        [QUIRE_PART_NOTHING] = "nothing", [QUIRE_PART_KERNEL] = "kernel",
        [QUIRE_PART_STACK] = "stack",     [QUIRE_PART_IMAGE] = "image",
        [QUIRE_PART_LIBRARY] = "library", [QUIRE_PART_HEAP] = "heap",
        [QUIRE_PART_OTHER] = "other",
    };

    return (unsigned)part < QUIRE_PARTS ? text[part] : "unknown part";
}

enum quire_part quire_process_part(const struct quire_process *process, quire_va at, quire_va *va,
                                   uint64_t *bytes)
{
    const struct quire_region *region = region_from(process, at.at);

    if (region == NULL) {
        return QUIRE_PART_NOTHING;
    }
    va->at = region->va.at > at.at ? region->va.at : at.at;
    *bytes = region_end(region) - va->at + 1;
    return quire_part_of(process, region, NULL);
}

/* The first region at or above `at` that is of this kind; *va: where it begins, or `at`. */
static const struct quire_region *find_part(const struct quire_process *process,
                                            enum quire_part part, quire_va at, quire_va *va)
{
    const struct quire_region *region = region_from(process, at.at);

    while (region != NULL && quire_part_of(process, region, NULL) != part) {
        region = region->next;
    }
    if (region != NULL) {
        va->at = region->va.at > at.at ? region->va.at : at.at;
    }
    return region;
}

bool quire_process_heap(const struct quire_process *process, quire_va at, quire_va *va,
                        uint64_t *bytes)
{
    const struct quire_region *region = find_part(process, QUIRE_PART_HEAP, at, va);

    if (region != NULL) {
        *bytes = region_end(region) - va->at + 1;
    }
    return region != NULL;
}

bool quire_process_physical(const struct quire_process *process, quire_va at, quire_va *va,
                            quire_pfn *pfn)
{
    uint64_t page = usermode_page(process->usermode);
    quire_va next = {at.at & ~(page - 1)};

    while (find_part(process, QUIRE_PART_IMAGE, next, va) != NULL) {
        struct quire_record record = quire_space_record(&process->space, *va);

        if (record.kind == QUIRE_RECORD_FRAME) {
            *pfn = quire_pfn_of(record.number);
            return true;
        }
        next.at = va->at + page;
        if (next.at == 0) {
            return false; /* that was the last page of all */
        }
    }
    return false;
}

/* ---- counting -------------------------------------------------------------------------------- */

/* The process's own pages that others own too, since a fork. */
static uint64_t own_shared(const struct quire_process *process)
{
    const struct quire_space *space = &process->space;
    const struct quire_frames *frames = space->system->host->frames;
    uint64_t end = UINT64_C(1) << space->supplement.vpn_bits;
    struct quire_record record;
    uint64_t pages = 0;

    for (uint64_t vpn = 0; quire_supplement_next(&space->supplement, &vpn, end, &record); vpn++) {
        pages += record.kind == QUIRE_RECORD_FRAME &&
                 quire_frames_count(frames, quire_pfn_of(record.number)) > 1;
    }
    return pages;
}

/* The pages of an object that a region shows, as far as the process has none of its own there. */
static void count_object(const struct quire_process *process, const struct quire_region *region,
                         struct quire_process_stats *stats)
{
    unsigned shift = quire_format_page_shift(process->usermode->format);
    uint64_t first = quire_space_vpn(&process->space, region->va);
    uint64_t begin = region->offset >> shift;
    uint64_t end = begin + (region->bytes >> shift);
    uint64_t pages = ((region->object->bytes - 1) >> shift) + 1;
    struct quire_record record;

    end = end < pages ? end : pages;
    for (uint64_t i = begin; quire_supplement_next(&region->object->pages, &i, end, &record); i++) {
        if (quire_supplement_get(&process->space.supplement, first + (i - begin)).kind !=
            QUIRE_RECORD_UNTOUCHED) {
            continue;
        }
        stats->resident += record.kind == QUIRE_RECORD_FRAME;
        stats->shared += record.kind == QUIRE_RECORD_FRAME;
        stats->swapped += record.kind == QUIRE_RECORD_SWAP;
    }
}

void quire_process_stats(const struct quire_process *process, struct quire_process_stats *stats)
{
    const struct quire_space *space = &process->space;
    unsigned shift = quire_format_page_shift(process->usermode->format);

    *stats = (struct quire_process_stats){.resident = space->resident,
                                          .shared = own_shared(process),
                                          .swapped = space->swapped,
                                          .faults = space->faults - process->loads,
                                          .loads = process->loads};
    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        if (!quire_sharing_paged(r->sharing)) {
            continue;
        }
        stats->mapped += r->bytes >> shift;
        if (r->object != NULL) {
            count_object(process, r, stats);
        }
    }
}
