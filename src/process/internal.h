/* What the files of src/process share. */
#ifndef QUIRE_PROCESS_INTERNAL_H
#define QUIRE_PROCESS_INTERNAL_H

#include "quire/process.h"

static inline uint64_t usermode_page(const struct quire_usermode *usermode)
{
    return quire_format_page_bytes(usermode->format);
}

static inline uint64_t region_end(const struct quire_region *region)
{
    return region->va.at + (region->bytes - 1);
}

/* The region that holds `at`, or the first one above it; NULL: neither. */
static inline const struct quire_region *region_from(const struct quire_process *process,
                                                     uint64_t at)
{
    const struct quire_region *region = process->space.regions;

    while (region != NULL && region_end(region) < at) {
        region = region->next;
    }
    return region;
}

/* What a region of the process is; *library (may be NULL): of which one it is a part. */
enum quire_part quire_part_of(const struct quire_process *process,
                              const struct quire_region *region,
                              const struct quire_library **library);

/* One process more, or less, maps the library. The first loads it: its image is opened.
 * QUIRE_NO_MEMORY: nothing changed. The last unloads it, unless it is kept. */
enum quire_status quire_library_open(struct quire_library *library);
void quire_library_close(struct quire_library *library);

/* Where an image of so many bytes could begin: the first gap from `from` on that is as far from
 * `origin` as a multiple of `align`, and leaves stacks room to grow. False: there is none. */
bool quire_find_gap(const struct quire_process *process, uint64_t from, uint64_t bytes,
                    uint64_t align, uint64_t origin, quire_va *va);

/* Where libraries and heap pages are looked for. */
uint64_t quire_mappings_from(const struct quire_process *process);

/* [va, va + bytes) was mapped: pages for quire_process_load(), if the process loads so. */
void quire_process_owe(struct quire_process *process, quire_va va, uint64_t bytes);

#endif
