/*
 * Eviction: one page leaves its frame.
 *
 *   policy --victim--> unmap, flush --> was it written?
 *                                         no:  drop it: zeros, its object or its slot has it still
 *                                         yes: all zeros?  drop it too
 *                                              else        write it to a slot, then free the frame
 *
 * The flush comes before the look at the dirty mark and at the contents: after it no processor can
 * write to the page any more.
 */
#include "internal.h"

static bool all_zero(const unsigned char *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool page_all_zero(const struct quire_system *system, quire_pfn pfn)
{
    const struct quire_memory *memory = &system->host->memory;
    uint64_t bytes = UINT64_C(1) << system->host->frames->page_shift;
    void *where = quire_memory_at(memory, frame_pa(system, pfn), bytes);
    bool zero = all_zero(where, bytes);

    quire_memory_done(memory, where, bytes);
    return zero;
}

/* The page is safe elsewhere: its frame goes free, and a record of that kind says where it is now.
 * */
static void let_go(struct quire_system *system, quire_pfn pfn, enum quire_record_kind kind,
                   quire_slot slot)
{
    struct quire_page *page = page_of(system, pfn);
    struct quire_space *space = page->space;
    struct quire_record record = {(uint8_t)kind, false, kind == QUIRE_RECORD_SWAP ? slot.n : 0};

    quire_supplement_set(&space->supplement, page->vpn, record);
    if (kind == QUIRE_RECORD_UNTOUCHED) {
        quire_supplement_trim(&space->supplement, page->vpn, page->vpn + 1);
    }
    space->resident--;
    space->swapped += kind == QUIRE_RECORD_SWAP;
    system->resident--;
    *page = (struct quire_page){.slot = quire_slot_of(QUIRE_NONE)};
    quire_frames_unref(system->host->frames, pfn);
}

/* The page stays where it is after all, unmapped until it is touched again. */
static void keep(struct quire_system *system, quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);
    struct quire_record record = {QUIRE_RECORD_FRAME, false, pfn.n};

    quire_supplement_set(&page->space->supplement, page->vpn, record);
    quire_page_list(system, pfn);
}

/* What to record of a page that is dropped. One that is as its region says needs no record. */
static enum quire_record_kind dropped_kind(const struct quire_page *page, enum quire_drop why)
{
    const struct quire_region *region =
        quire_space_region(page->space, quire_space_va(page->space, page->vpn));

    if (why == QUIRE_DROP_IN_SWAP) {
        return QUIRE_RECORD_SWAP;
    }
    return why == QUIRE_DROP_ZERO && region->object != NULL ? QUIRE_RECORD_ZERO
                                                            : QUIRE_RECORD_UNTOUCHED;
}

static void drop(struct quire_system *system, quire_pfn pfn, enum quire_drop why)
{
    struct quire_page *page = page_of(system, pfn);
    quire_slot slot = page->slot;

    quire_space_tell(page->space, QUIRE_EVENT_DROP, page->vpn, pfn, slot, why);
    system->drops[why]++;
    if (why != QUIRE_DROP_IN_SWAP) {
        quire_page_drop_slot(system, page);
    }
    let_go(system, pfn, dropped_kind(page, why), slot);
}

/* Takes the slot of a resident page that keeps one only to save a write later. */
static bool take_slot_of_resident(struct quire_system *system, quire_slot *slot)
{
    for (uint32_t i = 0; i < system->frames; i++) {
        struct quire_page *page = &system->page[i];

        if (page->space != NULL && page->listed && !quire_slot_none(page->slot)) {
            *slot = page->slot;
            page->slot = quire_slot_of(QUIRE_NONE);
            page->dirty = true; /* there is no other copy now */
            return true;
        }
    }
    return false;
}

static bool find_slot(struct quire_system *system, struct quire_page *page)
{
    return !quire_slot_none(page->slot) ||
           quire_swap_alloc(&system->swap, &page->slot) == QUIRE_OK ||
           take_slot_of_resident(system, &page->slot);
}

enum quire_status quire_reclaim_written(struct quire_system *system, struct quire_request *request)
{
    quire_pfn pfn = request->victim;
    struct quire_page *page = page_of(system, pfn);
    quire_slot slot = page->slot;

    request->victim = quire_pfn_of(QUIRE_NONE);
    if (request->transfer.status != QUIRE_OK) {
        keep(system, pfn); /* still dirty: the slot's contents are anybody's guess */
        return QUIRE_IO_ERROR;
    }
    quire_space_tell(page->space, QUIRE_EVENT_SWAP_OUT, page->vpn, pfn, slot, 0);
    let_go(system, pfn, QUIRE_RECORD_SWAP, slot);
    return QUIRE_OK;
}

static enum quire_status write_out(struct quire_system *system, struct quire_request *request,
                                   quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);
    struct quire_record going = {QUIRE_RECORD_GOING, false, pfn.n};
    enum quire_status status;

    quire_supplement_set(&page->space->supplement, page->vpn, going);
    request->victim = pfn;
    status = quire_request_transfer(request, &system->swap.device, QUIRE_TRANSFER_OUT, pfn,
                                    (uint64_t)page->slot.n << system->swap.page_shift);
    if (status == QUIRE_PENDING) {
        return status;
    }
    return quire_reclaim_written(system, request);
}

/* Tries to evict one page. QUIRE_NO_SPACE: it would need a slot; it stays, unmapped and unlisted.
 * */
static enum quire_status evict(struct quire_system *system, struct quire_request *request,
                               quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);

    page->listed = false;
    page->chosen = true;
    quire_pages_unmap(page->space, quire_space_va(page->space, page->vpn),
                      space_page_bytes(page->space));
    if (!page->dirty && page->origin != QUIRE_ORIGIN_ZERO) {
        drop(system, pfn,
             page->origin == QUIRE_ORIGIN_FILE ? QUIRE_DROP_IN_FILE : QUIRE_DROP_IN_SWAP);
        return QUIRE_OK;
    }
    if (!page->dirty || page_all_zero(system, pfn)) {
        drop(system, pfn, QUIRE_DROP_ZERO);
        return QUIRE_OK;
    }
    if (!find_slot(system, page)) {
        return QUIRE_NO_SPACE;
    }
    return write_out(system, request, pfn);
}

static quire_pfn choose_victim(struct quire_system *system, const struct quire_request *request)
{
    uint64_t coming = page_number(request->space, space_vpn(request->space, request->va));
    quire_pfn pfn = system->policy.ops->victim(&system->policy, coming);

    quire_batch_commit(&system->batch); /* accessed bits that the policy cleared */
    if (!quire_pfn_none(pfn)) {
        struct quire_page *page = page_of(system, pfn);
        quire_space_tell(page->space, QUIRE_EVENT_VICTIM, page->vpn, pfn, page->slot, 0);
    }
    return pfn;
}

/* Pages that evict() left unlisted go back to the policy. True: some are in transit, and not for
 * this request. */
static bool put_back(struct quire_system *system, const struct quire_request *request)
{
    bool in_transit = false;

    for (uint32_t i = 0; i < system->frames; i++) {
        const struct quire_page *page = &system->page[i];
        quire_pfn pfn = quire_pfn_of(system->first + i);

        if (page->space == NULL || page->listed || pfn.n == request->pfn.n ||
            pfn.n == request->victim.n) {
            continue;
        }
        if (quire_supplement_get(&page->space->supplement, page->vpn).kind == QUIRE_RECORD_FRAME) {
            quire_page_list(system, pfn);
        } else {
            in_transit = true;
        }
    }
    return in_transit;
}

/* Where swap is full, pages that need no slot may still be found: the policy is asked until it has
 * no more. Those that it gave in vain are kept from it meanwhile, so that it gives each once. */
enum quire_status quire_reclaim(struct quire_system *system, struct quire_request *request)
{
    enum quire_status status = QUIRE_NO_MEMORY;
    quire_pfn pfn = choose_victim(system, request);
    bool in_vain = quire_pfn_none(pfn);

    while (!quire_pfn_none(pfn)) {
        status = evict(system, request, pfn);
        if (status != QUIRE_NO_SPACE) {
            break;
        }
        in_vain = true;
        pfn = choose_victim(system, request);
    }
    if (in_vain && put_back(system, request) && quire_pfn_none(pfn)) {
        return QUIRE_BUSY;
    }
    return status;
}
