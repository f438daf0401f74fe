/*
 * The fault handler.
 *
 *                | a page of the space's own   | the page of the region's object, if none
 *   -------------+-----------------------------+------------------------------------------
 *   resident     | map it. A write to one that | map it, read-only if the region is private.
 *                | has other owners: copy it   | A write to a private region: copy it
 *   in swap      | read it in                  | read it in
 *   zeros        | zero-fill                   | zero-fill
 *   untouched    | look at the object; is there| read it from the device; a write to a private
 *                | none: zero-fill             | region reads it straight into a page of its own
 *   in transit   | QUIRE_BUSY: another request is about to bring or take the page
 *
 *   no region, or it forbids the access: refused; unless it is a stack, which may grow
 *
 * A fault is a request that goes through steps. Any step may find that there is no frame; then a
 * page is evicted, and the step is done again. Steps that start I/O return QUIRE_PENDING and go on
 * in quire_space_resume(). From the moment a request has a frame, the page's record says
 * COMING, which keeps everybody else away from the page: nothing has to be looked up twice.
 *
 *   START ---------> FILL ---------> MAP ---------> done
 *   what is it?      FILLING: the    into the page
 *   take a frame     data is coming  table
 *     |                                |
 *     +-------- no frame? evict -------+     (a page is being written out: `victim` is set)
 */
#include "internal.h"

#include "../bytes.h"
#include "region.h"

enum step { STEP_START, STEP_FILL, STEP_FILLING, STEP_MAP, STEP_DONE };

static const struct quire_region *region_of(const struct quire_request *request)
{
    return quire_space_region(request->space, request->va);
}

static uint64_t vpn_of(const struct quire_request *request)
{
    return space_vpn(request->space, request->va);
}

/* ---- may it be had? -------------------------------------------------------------------------- */

/* The first right that is missing, in the order in which an MMU would name it. */
static enum quire_refusal judge(const struct quire_region *region, unsigned access)
{
    static const struct {
        unsigned right;
        enum quire_refusal refusal;
    } rule[] = {{QUIRE_USER, QUIRE_REFUSAL_USER},
                {QUIRE_WRITE, QUIRE_REFUSAL_WRITE},
                {QUIRE_EXECUTE, QUIRE_REFUSAL_EXECUTE},
                {QUIRE_READ, QUIRE_REFUSAL_READ}};

    for (unsigned i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
        if ((access & ~region->prot & rule[i].right) != 0) {
            return rule[i].refusal;
        }
    }
    return QUIRE_REFUSAL_NONE;
}

/* A stack grows down to va, if it may go that far, if all between is addresses, and if it keeps its
 * distance from what is below. */
static enum quire_refusal grow_stack(struct quire_region *stack, quire_va va)
{
    const struct quire_space *space = stack->space;
    uint64_t page = space_page_bytes(space);
    uint64_t begin = va.at & ~(page - 1);
    uint64_t more = stack->va.at - begin;
    enum quire_status status;

    status = quire_range_check(space->table.format, quire_va_at(begin), more + stack->bytes);
    if (status != QUIRE_OK || begin < stack->grows_to ||
        (stack->prev != NULL &&
         begin - region_last(stack->prev) <= (uint64_t)QUIRE_STACK_GUARD * page)) {
        return QUIRE_REFUSAL_STACK;
    }
    status =
        quire_region_charge(space->system, stack, more >> space->system->host->frames->page_shift);
    if (status != QUIRE_OK) {
        return QUIRE_REFUSAL_STACK;
    }
    stack->bytes += more;
    stack->va.at = begin;
    return QUIRE_REFUSAL_NONE;
}

/* Is the address, below the region, one that a stack is grown for, or at least one that is told as
 * the stack's? */
static bool near_stack(const struct quire_region *region, quire_va va)
{
    uint64_t near = (uint64_t)QUIRE_STACK_NEAR * space_page_bytes(region->space);

    return region->grows_to != 0 && (va.at >= region->grows_to || region->grows_to - va.at <= near);
}

/* Where nothing is mapped, a stack above may grow: if it would allow the access, and only then. */
static enum quire_refusal admit(const struct quire_request *request)
{
    const struct quire_region *region = region_of(request);
    struct quire_region *stack = NULL;
    enum quire_refusal refusal;

    if (region == NULL) {
        stack = quire_region_at_or_after(request->space, request->va);
        if (stack == NULL || !near_stack(stack, request->va)) {
            return QUIRE_REFUSAL_NO_REGION;
        }
    }
    refusal = judge(stack != NULL ? stack : region, request->access);
    if (refusal == QUIRE_REFUSAL_NONE && stack != NULL) {
        refusal = grow_stack(stack, request->va);
    }
    return refusal;
}

static enum quire_status refuse(struct quire_request *request, enum quire_refusal refusal)
{
    request->refusal = refusal;
    quire_space_tell(request->space, QUIRE_EVENT_KILL, vpn_of(request), quire_pfn_of(QUIRE_NONE),
                     quire_slot_of(QUIRE_NONE), refusal);
    return QUIRE_FAULT;
}

/* ---- where is it? ---------------------------------------------------------------------------- */

static struct quire_supplement *home(struct quire_request *request)
{
    return request->object != NULL ? &request->object->pages : &request->space->supplement;
}

/* Pages of that home in frames, and in swap: one more here, one less there. */
static void home_count(struct quire_request *request, uint32_t resident, uint32_t swapped)
{
    *(request->object != NULL ? &request->object->resident : &request->space->resident) += resident;
    *(request->object != NULL ? &request->object->swapped : &request->space->swapped) += swapped;
}

/* Takes a frame for page `page` of the object, or of the space if object is NULL. From here on the
 * record keeps others away. A slot that the page is in belongs to the frame now: as long as the
 * page is not written, it need not be written out again. */
static enum quire_status claim(struct quire_request *request, struct quire_object *object,
                               uint64_t page)
{
    struct quire_system *system = request->space->system;
    enum quire_status status;
    bool in_swap;

    request->object = object;
    request->page = page;
    status = quire_supplement_reserve(home(request), page);
    if (status == QUIRE_OK) {
        status = quire_take_frame(system, object == NULL ? request->space : NULL, &request->pfn);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    request->was = quire_supplement_get(home(request), page);
    quire_page_make(system, request->pfn, request->space, object, page);
    quire_supplement_set(home(request), page, record_of(QUIRE_RECORD_COMING, request->pfn.n));
    in_swap = request->was.kind == QUIRE_RECORD_SWAP;
    if (in_swap) {
        page_of(system, request->pfn)->slot = quire_slot_of(request->was.number);
    }
    home_count(request, 1, 0U - in_swap);
    request->step = STEP_FILL;
    return QUIRE_OK;
}

static void unclaim(struct quire_request *request)
{
    struct quire_system *system = request->space->system;

    quire_supplement_set(home(request), request->page, request->was);
    if (request->was.kind != QUIRE_RECORD_SWAP) {
        quire_page_drop_slot(system, page_of(system, request->pfn));
    }
    quire_page_clear(system, request->pfn);
    quire_frames_unref(system->host->frames, request->pfn);
    request->pfn = quire_pfn_of(QUIRE_NONE);
    home_count(request, 0U - 1, request->was.kind == QUIRE_RECORD_SWAP);
}

/* The fault cannot be served: the page is what it was, and no empty node is left behind, neither
 * here nor in the object: the fault may have begun more than once. */
static void give_up(struct quire_request *request)
{
    uint64_t vpn = vpn_of(request);

    if (!quire_pfn_none(request->pfn)) {
        unclaim(request);
    }
    quire_supplement_trim(home(request), request->page, request->page + 1);
    quire_supplement_trim(&request->space->supplement, vpn, vpn + 1);
}

static enum quire_status done(struct quire_request *request)
{
    request->step = STEP_DONE;
    if (!request->prefetch) {
        quire_map_around(request->space, region_of(request), vpn_of(request));
    }
    return QUIRE_OK;
}

/* A resident page: into the page table. It may be evicted to make room for its own page table; then
 * the fault begins again. */
static enum quire_status start_resident(struct quire_request *request,
                                        const struct quire_region *region, quire_pfn pfn, bool copy)
{
    uint64_t vpn = vpn_of(request);
    enum quire_status status;

    if (copy) {
        status = quire_copy_page(request->space, region, vpn, pfn);
    } else {
        status = quire_map_resident(request->space, region, vpn, pfn, request->access);
    }
    return status == QUIRE_OK ? done(request) : status;
}

/* The space has no page of its own: the object's, seen through the region. */
static enum quire_status start_lower(struct quire_request *request,
                                     const struct quire_region *region)
{
    struct quire_object *object = region->object;
    struct quire_record record = quire_region_lower(region, vpn_of(request));
    uint64_t index = quire_region_index(region, vpn_of(request));
    bool own = region->sharing == QUIRE_PRIVATE &&
               (index >= object_pages(object) || (request->access & QUIRE_WRITE) != 0 ||
                !space_can_protect(request->space));

    if (record_moving(record)) {
        return QUIRE_BUSY;
    }
    if (record.kind == QUIRE_RECORD_FRAME) {
        return start_resident(request, region, quire_pfn_of(record.number), own);
    }
    return own ? claim(request, NULL, vpn_of(request)) : claim(request, object, index);
}

/* A page of the space's own is resident. After a fork it may have to be copied before a write. */
static enum quire_status start_own(struct quire_request *request, const struct quire_region *region,
                                   struct quire_record record)
{
    struct quire_space *space = request->space;
    quire_pfn pfn = quire_pfn_of(record.number);
    bool others = quire_frames_count(space->system->host->frames, pfn) > 1;

    if (record.shared && !others) {
        record.shared = false;
        quire_supplement_set(&space->supplement, vpn_of(request), record);
    }
    return start_resident(request, region, pfn, others && (request->access & QUIRE_WRITE) != 0);
}

/* What is not paged is mapped already: a TLB was late. Or nobody mapped that page of an inherited
 * region, or not for this access. */
static enum quire_status start_unpaged(struct quire_request *request)
{
    static const enum quire_refusal refusal[QUIRE_REASONS] = {
        [QUIRE_REASON_READ] = QUIRE_REFUSAL_READ,
        [QUIRE_REASON_WRITE] = QUIRE_REFUSAL_WRITE,
        [QUIRE_REASON_EXECUTE] = QUIRE_REFUSAL_EXECUTE,
        [QUIRE_REASON_USER] = QUIRE_REFUSAL_USER,
    };
    struct quire_space *space = request->space;
    struct quire_mmu mmu = quire_table_mmu(&space->table);
    struct quire_walk walk;

    if (quire_walk(&mmu, request->va, request->access, &walk) != QUIRE_OK) {
        enum quire_refusal why = refusal[walk.reason];
        return refuse(request, why != QUIRE_REFUSAL_NONE ? why : QUIRE_REFUSAL_NO_REGION);
    }
    quire_flush_page(space, quire_space_va(space, vpn_of(request)));
    request->step = STEP_DONE;
    return QUIRE_OK;
}

static enum quire_status start(struct quire_request *request)
{
    struct quire_space *space = request->space;
    enum quire_refusal refusal = admit(request);
    const struct quire_region *region = region_of(request);
    struct quire_record record;

    if (refusal != QUIRE_REFUSAL_NONE) {
        return refuse(request, refusal);
    }
    if (!quire_sharing_paged(region->sharing)) {
        return start_unpaged(request);
    }
    record = quire_supplement_get(&space->supplement, vpn_of(request));
    if (record_moving(record)) {
        return QUIRE_BUSY;
    }
    if (record.kind == QUIRE_RECORD_FRAME) {
        return start_own(request, region, record);
    }
    if (record.kind == QUIRE_RECORD_UNTOUCHED && region->object != NULL) {
        return start_lower(request, region);
    }
    return claim(request, NULL, vpn_of(request));
}

/* ---- filling it ------------------------------------------------------------------------------ */

static enum quire_status fill_zero(struct quire_request *request)
{
    struct quire_system *system = request->space->system;
    const struct quire_memory *memory = &system->host->memory;
    uint64_t bytes = frame_bytes(system);
    void *where = quire_memory_at(memory, frame_pa(system, request->pfn), bytes);

    memset(where, 0, (size_t)bytes);
    quire_memory_done(memory, where, bytes);
    request->origin = QUIRE_ORIGIN_ZERO;
    request->step = STEP_MAP;
    quire_space_tell(request->space, QUIRE_EVENT_ZERO_FILL, vpn_of(request), request->pfn,
                     quire_slot_of(QUIRE_NONE), 0);
    return QUIRE_OK;
}

/* What the page is made of: its own past, or, for a private page that is new, the object's page. */
static struct quire_record source(const struct quire_request *request,
                                  const struct quire_region *region)
{
    if (request->was.kind == QUIRE_RECORD_UNTOUCHED && request->object == NULL) {
        return quire_region_lower(region, request->page);
    }
    return request->was;
}

/* A private page made from an object's that is in swap owns that slot too, as after a fork: nobody
 * may write to it while it is being read. */
static enum quire_status fill_from_slot(struct quire_request *request, quire_slot slot)
{
    struct quire_system *system = request->space->system;
    struct quire_page *page = page_of(system, request->pfn);

    if (quire_slot_none(page->slot)) {
        quire_swap_ref(&system->swap, slot);
        page->slot = slot;
    }
    request->origin = QUIRE_ORIGIN_SWAP;
    return quire_request_transfer(system, request, &system->swap.device, QUIRE_TRANSFER_IN,
                                  request->pfn, (uint64_t)slot.n << system->swap.page_shift);
}

static enum quire_status fill(struct quire_request *request)
{
    struct quire_system *system = request->space->system;
    const struct quire_region *region = region_of(request);
    struct quire_object *object = region->object;
    struct quire_record from = source(request, region);

    request->step = STEP_FILLING;
    if (from.kind == QUIRE_RECORD_SWAP) {
        return fill_from_slot(request, quire_slot_of(from.number));
    }
    if (from.kind == QUIRE_RECORD_ZERO || object->device.transfer == NULL) {
        return fill_zero(request);
    }
    request->origin = QUIRE_ORIGIN_FILE;
    request->failed_writes = object->failed_writes;
    return quire_request_transfer(system, request, &object->device, QUIRE_TRANSFER_IN, request->pfn,
                                  quire_region_index(region, vpn_of(request))
                                      << system->host->frames->page_shift);
}

/* Has the object's page come in while a private one was being made from what the device holds? Then
 * it may have been written, and be on its way back, or have failed to get there: what was read may
 * be neither the old page nor the new. */
static bool overtaken(const struct quire_request *request)
{
    const struct quire_region *region = region_of(request);

    return request->object == NULL && request->origin == QUIRE_ORIGIN_FILE &&
           (quire_region_lower(region, request->page).kind != QUIRE_RECORD_UNTOUCHED ||
            region->object->failed_writes != request->failed_writes);
}

/* The transfer is over. */
static enum quire_status filled(struct quire_request *request)
{
    unsigned shift = request->space->system->swap.page_shift;
    uint64_t offset = request->transfer.offset;

    if (request->transfer.status != QUIRE_OK) {
        return QUIRE_IO_ERROR;
    }
    if (overtaken(request)) {
        unclaim(request);
        request->step = STEP_START;
        return QUIRE_OK;
    }
    if (request->origin == QUIRE_ORIGIN_FILE) {
        quire_page_clear_past_end(request->space->system, request->pfn, region_of(request)->object,
                                  offset); /* whatever was read there */
        quire_space_tell(request->space, QUIRE_EVENT_FILE_READ, vpn_of(request), request->pfn,
                         quire_slot_of(QUIRE_NONE), offset);
    } else {
        quire_space_tell(request->space, QUIRE_EVENT_SWAP_IN, vpn_of(request), request->pfn,
                         quire_slot_of((uint32_t)(offset >> shift)), 0);
    }
    if (!request->prefetch) {
        quire_advice_note_read(request);
    }
    request->step = STEP_MAP;
    return QUIRE_OK;
}

/* The page is whole: into the page table, and under the policy's eyes. */
static enum quire_status map(struct quire_request *request)
{
    struct quire_system *system = request->space->system;
    struct quire_page *page = page_of(system, request->pfn);
    enum quire_status status;

    page->origin = request->origin;
    status = quire_map_resident(request->space, region_of(request), vpn_of(request), request->pfn,
                                request->access);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_supplement_set(home(request), request->page,
                         record_of(QUIRE_RECORD_FRAME, request->pfn.n));
    quire_page_list(system, request->pfn);
    request->pfn = quire_pfn_of(QUIRE_NONE);
    return done(request);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static enum quire_status (*const steps[])(struct quire_request *) = {
    [STEP_START] = start, [STEP_FILL] = fill, [STEP_FILLING] = filled, [STEP_MAP] = map};

/* Goes on until the page is there, or something has to be waited for, or cannot be. */
static enum quire_status run(struct quire_request *request)
{
    struct quire_system *system = request->space->system;
    enum quire_status status = QUIRE_OK;

    while (status == QUIRE_OK && request->step != STEP_DONE) {
        status = steps[request->step](request);
        if (status == QUIRE_NO_MEMORY) {
            status = quire_reclaim(system, request);
        }
    }
    if (status != QUIRE_OK && status != QUIRE_PENDING) {
        give_up(request);
    }
    return status;
}

static void begin(struct quire_space *space, quire_va va, unsigned access,
                  struct quire_request *request)
{
    request->system = space->system;
    request->space = space;
    request->va = va;
    request->access = access & QUIRE_RIGHTS;
    request->refusal = QUIRE_REFUSAL_NONE;
    request->step = STEP_START;
    request->pfn = quire_pfn_of(QUIRE_NONE);
    request->victim = quire_pfn_of(QUIRE_NONE);
    request->object = NULL;
    request->page = space_vpn(space, va);
    request->ahead_bytes = 0;
    request->in_vain = 0;
}

enum quire_status quire_locked_space_fault(struct quire_space *space, quire_va va, unsigned access,
                                           struct quire_request *request)
{
    begin(space, va, access, request);
    request->prefetch = false;
    space->faults++;
    quire_space_tell(space, QUIRE_EVENT_FAULT, request->page, quire_pfn_of(QUIRE_NONE),
                     quire_slot_of(QUIRE_NONE), request->access);
    return run(request); /* an address that is none is in no region */
}

enum quire_status quire_request_prefetch(struct quire_space *space, quire_va va, unsigned access,
                                         struct quire_request *request)
{
    begin(space, va, access, request);
    request->prefetch = true;
    return run(request);
}

enum quire_status quire_locked_space_resume(struct quire_request *request)
{
    enum quire_status status = QUIRE_OK;

    if (!quire_pfn_none(request->victim)) {
        status = quire_reclaim_written(request->system, request);
    }
    if (request->space == NULL) {
        return status; /* written back for quire_object_sync(), which goes on */
    }
    if (status != QUIRE_OK) {
        give_up(request);
        return status;
    }
    return run(request);
}

const char *quire_refusal_text(enum quire_refusal refusal)
{
    static const char *const text[QUIRE_REFUSALS] = {
        [QUIRE_REFUSAL_NONE] = "not refused",
        [QUIRE_REFUSAL_NO_REGION] = "nothing is mapped there",
        [QUIRE_REFUSAL_READ] = "read of an unreadable region",
        [QUIRE_REFUSAL_WRITE] = "write to a read-only region",
        [QUIRE_REFUSAL_EXECUTE] = "execution of a region that is not executable",
        [QUIRE_REFUSAL_USER] = "user access to a kernel region",
        [QUIRE_REFUSAL_STACK] = "the stack may not grow further",
    };

    return (unsigned)refusal < QUIRE_REFUSALS ? text[refusal] : "unknown refusal";
}
