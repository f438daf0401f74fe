/* What the files of src/space share. */
#ifndef QUIRE_SPACE_INTERNAL_H
#define QUIRE_SPACE_INTERNAL_H

#include "quire/space.h"

/* Counts an event and tells the host's listener. */
void quire_space_tell(struct quire_space *space, enum quire_event_kind kind, uint64_t vpn,
                      quire_pfn pfn, quire_slot slot, uint64_t value);

static inline uint64_t space_page_bytes(const struct quire_space *space)
{
    return quire_format_page_bytes(space->table.format);
}

static inline uint64_t space_vpn(const struct quire_space *space, quire_va va)
{
    const struct quire_format *format = space->table.format;
    uint64_t mask = format->va_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->va_bits) - 1;

    return (va.at & mask) >> quire_format_page_shift(format);
}

static inline struct quire_page *page_of(struct quire_system *system, quire_pfn pfn)
{
    return &system->page[pfn.n - system->first];
}

static inline quire_pa frame_pa(const struct quire_system *system, quire_pfn pfn)
{
    return quire_pfn_pa(pfn, system->host->frames->page_shift);
}

/* For quire_validate(): are the nodes all there, each of them once, and counted? */
bool quire_supplement_sound(const struct quire_supplement *supplement);

/* The number by which the policy knows a page. */
static inline uint64_t page_number(const struct quire_space *space, uint64_t vpn)
{
    return (uint64_t)space->id << 48 | vpn;
}

/* Tells the policy of a page, or takes it back. A listed page may be evicted. */
void quire_page_list(struct quire_system *system, quire_pfn pfn);
void quire_page_unlist(struct quire_system *system, quire_pfn pfn);

/* Gives up the copy of a page that is kept in swap, if there is one. */
void quire_page_drop_slot(struct quire_system *system, struct quire_page *page);

/* Takes resident pages off the MMU; each remembers what its marks said. Commits. */
void quire_pages_unmap(struct quire_space *space, quire_va va, uint64_t bytes);

/* May anything be done with a page of this region? If not it is never mapped: there are MMUs that
 * cannot withhold every right. */
static inline bool region_usable(const struct quire_region *region)
{
    return (region->prot & (QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE)) != 0;
}

/* The rights that a page of this region may be mapped with now: without write while the MMU cannot
 * tell that the page was written and software has not seen it happen. */
unsigned quire_page_rights(const struct quire_space *space, const struct quire_region *region,
                           const struct quire_page *page);

/* Starts moving one page between a frame and a device, through request->transfer. Answers as the
 * device does; transfer->status is set unless it is QUIRE_PENDING. */
enum quire_status quire_request_transfer(struct quire_request *request,
                                         const struct quire_device *device,
                                         enum quire_direction direction, quire_pfn pfn,
                                         uint64_t offset);

/*
 * Frees one frame by evicting a page (src/space/reclaim.c). QUIRE_OK; QUIRE_PENDING: the page is
 * being written, through request->transfer, and quire_reclaim_written() must follow;
 * QUIRE_NO_MEMORY: no page can be evicted; QUIRE_NO_SPACE: only pages are left that would need a
 * swap slot; QUIRE_BUSY: so it is now, but pages are in transit for other requests; QUIRE_IO_ERROR:
 * the page stays, and nothing is lost.
 */
enum quire_status quire_reclaim(struct quire_system *system, struct quire_request *request);

/* After a pending write: frees the frame, or keeps the page if the write failed. */
enum quire_status quire_reclaim_written(struct quire_system *system, struct quire_request *request);

#endif
