/*
 * Eviction: one page leaves its frame, in all the spaces that have it.
 *
 *   policy --victim--> unmap everywhere, flush --> was it written?
 *                                                    no:  drop it: zeros, object or slot have it
 *                                                    yes: all zeros?       drop it too
 *                                                         a shared file's? write it to the file
 *                                                         else             write it to a slot
 *                                                  then free the frame
 *
 * The flush comes before the look at the dirty mark and at the contents: after it no processor can
 * write to the page any more.
 */
#include "internal.h"

/* Must the space give up a page of its own before it gets another? */
static bool at_limit(const struct quire_space *space)
{
    return space != NULL && space->limit != 0 && space->resident >= space->limit;
}

enum quire_status quire_take_frame(struct quire_system *system, const struct quire_space *space,
                                   quire_pfn *pfn)
{
    if (at_limit(space)) {
        return QUIRE_NO_MEMORY;
    }
    if (system->resident_limit != 0 && system->resident >= system->resident_limit) {
        return QUIRE_NO_MEMORY;
    }
    return quire_frames_alloc_from(system->host->frames, system->pages_from, pfn);
}

/* Word by word: frames have at least 8 bytes, and are aligned. */
static bool page_all_zero(const struct quire_system *system, quire_pfn pfn)
{
    typedef uint64_t __attribute__((may_alias)) word;
    const struct quire_memory *memory = &system->host->memory;
    uint64_t bytes = frame_bytes(system);
    word *first = quire_memory_at(memory, frame_pa(system, pfn), bytes);
    word *end = first + bytes / sizeof(*first);
    word *at = first;

    while (at < end && *at == 0) {
        at++;
    }
    quire_memory_done(memory, first, bytes);
    return at == end;
}

/* The page is safe elsewhere: `record` says where, and its frame goes free. */
static void let_go(struct quire_system *system, quire_pfn pfn, struct quire_record record)
{
    uint32_t owners = quire_owners_record(system, pfn, record);

    quire_page_clear(system, pfn);
    while (owners-- != 0) {
        quire_frames_unref(system->host->frames, pfn);
    }
}

/* The page stays where it is after all, unmapped until it is touched again. */
static void keep(struct quire_system *system, quire_pfn pfn)
{
    quire_owners_record(system, pfn, record_of(QUIRE_RECORD_FRAME, pfn.n));
    quire_page_list(system, pfn);
}

/* What to record of a page that is dropped. One that is as its region or object would make it anew
 * needs no record. */
static struct quire_record dropped_record(const struct quire_page *page, enum quire_drop why)
{
    const struct quire_region *region = NULL;

    if (why == QUIRE_DROP_IN_SWAP) {
        return record_of(QUIRE_RECORD_SWAP, page->slot.n);
    }
    if (why == QUIRE_DROP_ZERO && page->object == NULL) {
        region = quire_space_region(page->space, quire_space_va(page->space, page->vpn));
    }
    return record_of(
        region != NULL && region->object != NULL ? QUIRE_RECORD_ZERO : QUIRE_RECORD_UNTOUCHED, 0);
}

static void drop(struct quire_system *system, quire_pfn pfn, enum quire_drop why)
{
    struct quire_page *page = page_of(system, pfn);
    struct quire_record record = dropped_record(page, why);

    quire_page_tell(system, pfn, QUIRE_EVENT_DROP, why);
    system->drops[why]++;
    if (why != QUIRE_DROP_IN_SWAP) {
        quire_page_drop_slot(system, page);
    }
    let_go(system, pfn, record);
}

/* Takes the slot of a resident page that keeps one only to save a write later: the next one from
 * where the last was found. */
static bool take_slot_of_resident(struct quire_system *system, quire_slot *slot)
{
    for (uint32_t i = 0; i < system->frames; i++) {
        struct quire_page *page = &system->page[system->slot_hand];

        system->slot_hand = system->slot_hand + 1 < system->frames ? system->slot_hand + 1 : 0;

        if (page->listed && !quire_slot_none(page->slot) &&
            quire_swap_owners(&system->swap, page->slot) == 1) {
            *slot = page->slot;
            page->slot = quire_slot_of(QUIRE_NONE);
            page->dirty = true; /* there is no other copy now */
            return true;
        }
    }
    return false;
}

/* A slot that the page may overwrite: its own, if it is nobody else's too. *kept: others may keep
 * some; once there is none, there is none until something comes back, and nobody looks again. */
static bool find_slot(struct quire_system *system, struct quire_page *page, bool *kept)
{
    if (!quire_slot_none(page->slot) && quire_swap_owners(&system->swap, page->slot) == 1) {
        return true;
    }
    quire_page_drop_slot(system, page);
    if (quire_swap_alloc(&system->swap, &page->slot) == QUIRE_OK) {
        return true;
    }
    *kept = *kept && take_slot_of_resident(system, &page->slot);
    return *kept;
}

enum quire_status quire_reclaim_written(struct quire_system *system, struct quire_request *request)
{
    quire_pfn pfn = request->victim;
    struct quire_page *page = page_of(system, pfn);

    request->victim = quire_pfn_of(QUIRE_NONE);
    if (request->transfer.status != QUIRE_OK) {
        page->dirty = true; /* what the device holds now is anybody's guess */
        if (page_has_device(page)) {
            page->object->failed_writes++;
        }
        keep(system, pfn);
        return QUIRE_IO_ERROR;
    }
    if (page_has_device(page)) {
        quire_page_tell(system, pfn, QUIRE_EVENT_FILE_WRITE, request->transfer.offset);
    }
    if (request->keeps) {
        page->dirty = false;
        keep(system, pfn);
    } else if (page_has_device(page)) {
        let_go(system, pfn, record_of(QUIRE_RECORD_UNTOUCHED, 0));
    } else {
        quire_page_tell(system, pfn, QUIRE_EVENT_SWAP_OUT, 0);
        let_go(system, pfn, record_of(QUIRE_RECORD_SWAP, page->slot.n));
    }
    return QUIRE_OK;
}

/* Starts writing the page to its object's device, or to its slot. */
static enum quire_status write_out(struct quire_system *system, struct quire_request *request,
                                   quire_pfn pfn, bool keeps)
{
    struct quire_page *page = page_of(system, pfn);
    bool to_object = page_has_device(page);
    uint64_t offset = (to_object ? page->vpn : page->slot.n) << system->host->frames->page_shift;
    enum quire_status status;

    if (to_object) {
        quire_page_clear_past_end(system, pfn, page->object, offset); /* that is not the object's */
    }
    quire_owners_record(system, pfn, record_of(QUIRE_RECORD_GOING, pfn.n));
    request->victim = pfn;
    request->keeps = keeps;
    status = quire_request_transfer(system, request,
                                    to_object ? &page->object->device : &system->swap.device,
                                    QUIRE_TRANSFER_OUT, pfn, offset);
    return status == QUIRE_PENDING ? status : quire_reclaim_written(system, request);
}

/* Tries to evict one page. QUIRE_NO_SPACE: it would need a slot; it stays, unmapped and unlisted.
 * */
static enum quire_status evict(struct quire_system *system, struct quire_request *request,
                               quire_pfn pfn, bool *kept)
{
    struct quire_page *page = page_of(system, pfn);

    page->listed = false;
    quire_owners_unmap(system, pfn);
    if (!page->dirty && page->origin != QUIRE_ORIGIN_ZERO) {
        drop(system, pfn,
             page->origin == QUIRE_ORIGIN_FILE ? QUIRE_DROP_IN_FILE : QUIRE_DROP_IN_SWAP);
        return QUIRE_OK;
    }
    if (!page->dirty || (!page_has_device(page) && page_all_zero(system, pfn))) {
        drop(system, pfn, QUIRE_DROP_ZERO);
        return QUIRE_OK;
    }
    if (!page_has_device(page) && !find_slot(system, page, kept)) {
        return QUIRE_NO_SPACE;
    }
    return write_out(system, request, pfn, false);
}

enum quire_status quire_write_back(struct quire_system *system, struct quire_request *request,
                                   quire_pfn pfn)
{
    quire_page_unlist(system, pfn);
    quire_owners_unmap(system, pfn);
    if (!page_of(system, pfn)->dirty || !page_has_device(page_of(system, pfn))) {
        quire_page_list(system, pfn);
        return QUIRE_OK;
    }
    return write_out(system, request, pfn, true);
}

static quire_pfn ask(struct quire_policy *policy, uint64_t coming)
{
    return policy->ops->victim(policy, coming);
}

/* Among all that compete for the machine's memory; only if there is nothing left of that, among the
 * pages of spaces that have a limit. */
static quire_pfn choose_anywhere(struct quire_system *system, uint64_t coming)
{
    quire_pfn pfn;

    system->policy.capacity = system->resident != 0 ? system->resident : 1; /* memory is full */
    pfn = ask(&system->policy, coming);
    for (struct quire_space *s = system->limited; s != NULL && quire_pfn_none(pfn);
         s = s->next_limited) {
        pfn = ask(&s->policy, coming);
    }
    return pfn;
}

/* Among the space's own pages, if need be one that is in the hands of kin who share it. */
static quire_pfn choose_own(struct quire_space *space, uint64_t coming)
{
    uint64_t end = UINT64_C(1) << space->supplement.vpn_bits;
    quire_pfn pfn = ask(&space->policy, coming);
    struct quire_record record;

    for (uint64_t vpn = 0;
         quire_pfn_none(pfn) && quire_supplement_next(&space->supplement, &vpn, end, &record);
         vpn++) {
        quire_pfn shared = quire_pfn_of(record.number);

        if (record.kind == QUIRE_RECORD_FRAME && page_of(space->system, shared)->listed) {
            quire_page_unlist(space->system, shared);
            pfn = shared;
        }
    }
    return pfn;
}

static quire_pfn choose_victim(struct quire_system *system, const struct quire_request *request)
{
    bool known = request->space != NULL || request->object != NULL;
    uint64_t coming =
        known ? page_number(request->space, request->object, request->page) : UINT64_MAX;
    quire_pfn pfn = at_limit(request->space) ? choose_own(request->space, coming)
                                             : choose_anywhere(system, coming);

    quire_batch_commit(&system->batch); /* accessed bits that the policy cleared */
    if (!quire_pfn_none(pfn)) {
        quire_page_tell(system, pfn, QUIRE_EVENT_VICTIM, 0);
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

        if (!quire_page_used(page) || page->listed || pfn.n == request->pfn.n ||
            pfn.n == request->victim.n) {
            continue;
        }
        if (quire_owners_get(system, pfn).kind == QUIRE_RECORD_FRAME) {
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
    bool kept = true;

    request->in_vain = 0;
    while (!quire_pfn_none(pfn)) {
        status = evict(system, request, pfn, &kept);
        if (status != QUIRE_NO_SPACE) {
            break;
        }
        request->in_vain++;
        pfn = choose_victim(system, request);
    }
    if (request->in_vain == 0 && !quire_pfn_none(pfn)) {
        return status; /* the first that was tried */
    }
    return put_back(system, request) && quire_pfn_none(pfn) ? QUIRE_BUSY : status;
}

enum quire_status quire_locked_system_reclaim(struct quire_system *system,
                                              struct quire_request *request)
{
    request->system = system;
    request->space = NULL; /* nothing goes on after quire_reclaim_written() */
    request->object = NULL;
    request->pfn = quire_pfn_of(QUIRE_NONE);
    request->victim = quire_pfn_of(QUIRE_NONE);
    return quire_reclaim(system, request);
}
