/* Advice: reading ahead, mapping around. */
#include "quire/advice.h"

#include "internal.h"
#include "region.h"

enum quire_status quire_locked_space_advise(struct quire_space *space, quire_va va, uint64_t bytes,
                                            enum quire_advice advice)
{
    enum quire_status status = quire_regions_paged(space, va, bytes);

    if (status == QUIRE_OK) {
        status = quire_regions_cover(space, va, bytes, 0);
    }
    if (status == QUIRE_OK) {
        status = quire_regions_cut_out(space, va, bytes);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    for (struct quire_region *r = quire_region_at_or_after(space, va);
         r != NULL && r->va.at <= va.at + (bytes - 1); r = r->next) {
        r->advice = (uint8_t)advice;
        r->window = 0;
    }
    quire_regions_join(space, va, bytes);
    return QUIRE_OK;
}

/* How many pages to read ahead after this one, which had to be read. */
static uint16_t next_window(const struct quire_region *region, uint64_t vpn)
{
    bool in_a_row = vpn > region->last_in && vpn - region->last_in <= region->window + 1U;
    unsigned doubled = region->window * 2U;

    if (region->advice == QUIRE_ADVICE_RANDOM ||
        (region->advice == QUIRE_ADVICE_NORMAL && !in_a_row)) {
        return 0;
    }
    if (region->advice == QUIRE_ADVICE_SEQUENTIAL || doubled > QUIRE_AHEAD_MOST) {
        return QUIRE_AHEAD_MOST;
    }
    return (uint16_t)(doubled < QUIRE_AHEAD_FIRST ? QUIRE_AHEAD_FIRST : doubled);
}

void quire_advice_note_read(struct quire_request *request)
{
    struct quire_region *region = quire_region_at_or_after(request->space, request->va);
    uint64_t page = space_page_bytes(request->space);
    uint64_t vpn = space_vpn(request->space, request->va);
    uint64_t next = (request->va.at & ~(page - 1)) + page;
    uint64_t rest = region_last(region) - (next - 1);

    region->window = next_window(region, vpn);
    region->last_in = vpn;
    request->ahead = quire_va_at(next);
    request->ahead_bytes = region->window * page < rest ? region->window * page : rest;
}

/* Where the pages are that would have to be read: in swap, or on the device of an object. */
static bool must_be_read(const struct quire_space *space, const struct quire_region *region,
                         uint64_t vpn)
{
    struct quire_record record = quire_supplement_get(&space->supplement, vpn);
    bool lower = record.kind == QUIRE_RECORD_UNTOUCHED && region->object != NULL;

    if (lower) {
        record = quire_region_lower(region, vpn);
    }
    return record.kind == QUIRE_RECORD_SWAP || (lower && record.kind == QUIRE_RECORD_UNTOUCHED &&
                                                region->object->device.transfer != NULL);
}

/* The first page of the region, from *vpn on and below `end`, that must be read. Where there is no
 * object, only what is recorded can be in swap. */
static bool missing_in_region(const struct quire_space *space, const struct quire_region *region,
                              uint64_t *vpn, uint64_t end)
{
    struct quire_record record;

    for (; *vpn < end; ++*vpn) {
        if (region->object == NULL &&
            !quire_supplement_next(&space->supplement, vpn, end, &record)) {
            return false;
        }
        if (must_be_read(space, region, *vpn)) {
            return true;
        }
    }
    return false;
}

/* The first page from *va to `last` that must be read; its region, or NULL: there is none. */
static const struct quire_region *missing(struct quire_space *space, quire_va *va, uint64_t last)
{
    for (const struct quire_region *r = quire_region_at_or_after(space, *va);
         r != NULL && r->va.at <= last; r = r->next) {
        uint64_t begin = r->va.at > va->at ? r->va.at : va->at;
        uint64_t end = region_last(r) < last ? region_last(r) : last;
        uint64_t vpn = space_vpn(space, quire_va_at(begin));

        if (region_usable(r) &&
            missing_in_region(space, r, &vpn, space_vpn(space, quire_va_at(end)) + 1)) {
            *va = quire_space_va(space, vpn);
            return r;
        }
    }
    return NULL;
}

static unsigned some_access(const struct quire_region *region)
{
    unsigned kind = (region->prot & QUIRE_READ) != 0      ? QUIRE_READ
                    : (region->prot & QUIRE_EXECUTE) != 0 ? QUIRE_EXECUTE
                                                          : QUIRE_WRITE;

    return kind | (region->prot & (unsigned)QUIRE_USER);
}

enum quire_status quire_locked_space_prefetch(struct quire_space *space, quire_va va,
                                              uint64_t bytes, uint64_t *done,
                                              struct quire_request *request)
{
    enum quire_status status = quire_range_check(space->table.format, va, bytes);

    while (status == QUIRE_OK && *done < bytes) {
        quire_va at = quire_va_at(va.at + *done);
        const struct quire_region *region = missing(space, &at, va.at + (bytes - 1));

        if (region == NULL) {
            *done = bytes;
            return QUIRE_OK;
        }
        *done = at.at - va.at;
        status = quire_request_prefetch(space, at, some_access(region), request);
        if (status == QUIRE_OK) {
            *done += space_page_bytes(space);
        }
    }
    return status;
}

/* ---- mapping around -------------------------------------------------------------------------- */

/* The frame of a page that could be mapped at vpn without more ado, or QUIRE_NONE. */
static quire_pfn resident_at(const struct quire_space *space, const struct quire_region *region,
                             uint64_t vpn)
{
    struct quire_record record = quire_supplement_get(&space->supplement, vpn);
    bool lower_too = region->sharing == QUIRE_SHARED || space_can_protect(space);

    if (record.kind == QUIRE_RECORD_UNTOUCHED && region->object != NULL && lower_too) {
        record = quire_region_lower(region, vpn);
    }
    return quire_pfn_of(record.kind == QUIRE_RECORD_FRAME ? record.number : QUIRE_NONE);
}

void quire_map_around(struct quire_space *space, const struct quire_region *region, uint64_t vpn)
{
    unsigned shift = space->system->fault_around;
    uint64_t begin = space_vpn(space, region->va), end = begin + quire_region_pages(region);
    uint64_t first = vpn >> shift << shift, past = first + (UINT64_C(1) << shift);
    struct quire_leaf leaf;

    if (shift == 0 || region->advice == QUIRE_ADVICE_RANDOM || !space_tells_writes(space)) {
        return;
    }
    for (uint64_t at = first > begin ? first : begin; at < past && at < end; at++) {
        quire_pfn pfn = resident_at(space, region, at);

        if (quire_pfn_none(pfn) ||
            quire_table_query(&space->table, quire_space_va(space, at), &leaf) == QUIRE_OK) {
            continue;
        }
        if (quire_map_resident(space, region, at, pfn, 0) != QUIRE_OK) {
            return; /* no frame for a table: it was but a favour */
        }
    }
}
