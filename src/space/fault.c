/*
 * The fault handler.
 *
 *                         what the supplement says of the page
 *                | untouched        | zero        | swap    | frame             | coming, going
 *   -------------+------------------+-------------+---------+-------------------+---------------
 *   region: zero | zero-fill        | (cannot be) | swap-in | map it (again),   | in transit for
 *   region: file | read the object  | zero-fill   | swap-in | perhaps for write | another: BUSY
 *   no region, or it forbids the access: refused
 *
 * A fault is a request that goes through steps. Any step may find that there is no frame; then a
 * page is evicted, and the step is done again. Steps that start I/O return QUIRE_PENDING and go on
 * in quire_space_resume(). From the moment a request has a frame, the page's record says COMING,
 * which keeps everybody else away from the page: nothing has to be looked up twice.
 *
 *   START ---------> FILL ---------> MAP ---------> done
 *   what is it?      FILLING: the    into the page
 *   take a frame     data is coming  table
 *     |                                |
 *     +-------- no frame? evict -------+     (WRITING: a page is being written out to make room)
 */
#include "internal.h"

#include "../bytes.h"
#include "quire/pte.h"
#include "region.h"

enum step { STEP_START, STEP_FILL, STEP_FILLING, STEP_MAP, STEP_DONE };

static const struct quire_region *region_of(const struct quire_request *request)
{
    return quire_space_region(request->space, request->va);
}

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

    if (region == NULL) {
        return QUIRE_REFUSAL_NO_REGION;
    }
    for (unsigned i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
        if ((access & ~region->prot & rule[i].right) != 0) {
            return rule[i].refusal;
        }
    }
    return QUIRE_REFUSAL_NONE;
}

/* Can the MMU tell of a write at all: by a dirty bit, or by faulting on the first one? */
static bool mmu_tells_writes(const struct quire_space *space)
{
    const struct quire_attribute_bits *leaf = &space->table.format->leaf;

    return leaf->dirty.mask != 0 || leaf->write.mask != 0;
}

/* The page is mapped already: this is its first write, or two processors met here, or a TLB was
 * late. The entry is changed where it is, as an MMU may be marking it now; and a TLB that knew
 * better is told even if nothing changes. */
static void map_again(struct quire_space *space, const struct quire_leaf *leaf, unsigned rights)
{
    struct quire_batch *batch = &space->system->batch;
    uint8_t page_shift = (uint8_t)quire_format_page_shift(space->table.format);
    struct quire_flush_range range = {leaf->va, leaf->bytes, space->table.asid, page_shift, true};
    uint64_t changed;

    quire_table_protect(&space->table, batch, leaf->va, leaf->bytes, rights, &changed);
    if (changed == 0) {
        quire_batch_add(batch, &range);
    }
    quire_batch_commit(batch);
}

/* Sees to it that a resident page is in the page table, with the rights that it deserves. */
static enum quire_status map_page(struct quire_space *space, const struct quire_region *region,
                                  uint64_t vpn, quire_pfn pfn, unsigned access)
{
    struct quire_system *system = space->system;
    struct quire_page *page = page_of(system, pfn);
    bool was_dirty = page->dirty;
    struct quire_mapping mapping = {.va = quire_space_va(space, vpn),
                                    .pa = frame_pa(system, pfn),
                                    .bytes = space_page_bytes(space)};
    enum quire_event_kind event = QUIRE_EVENT_MAP;
    enum quire_status status = QUIRE_OK;
    struct quire_leaf leaf;

    /* Some writes only software sees. */
    page->dirty = page->dirty || (access & QUIRE_WRITE) != 0 || !mmu_tells_writes(space);
    mapping.attributes = quire_page_rights(space, region, page);
    if (!region_usable(region)) {
        return QUIRE_OK; /* it was protected while the page was coming */
    }
    if (quire_table_query(&space->table, mapping.va, &leaf) == QUIRE_OK) {
        map_again(space, &leaf, mapping.attributes);
        event = mapping.attributes & ~leaf.attributes & QUIRE_WRITE ? QUIRE_EVENT_UPGRADE : event;
    } else {
        status = quire_table_map(&space->table, &system->batch, &mapping, NULL);
    }
    if (status != QUIRE_OK) {
        page->dirty = was_dirty;
        return status;
    }
    quire_space_tell(space, event, vpn, pfn, page->slot, mapping.attributes);
    return QUIRE_OK;
}

/* A resident page faulted: it was taken off the MMU, or is written for the first time, or the TLB
 * was stale. It may be evicted to make room for its own page table; then the fault begins again. */
static enum quire_status start_resident(struct quire_request *request,
                                        const struct quire_region *region, uint64_t vpn,
                                        quire_pfn pfn)
{
    enum quire_status status = map_page(request->space, region, vpn, pfn, request->access);

    if (status == QUIRE_OK) {
        request->step = STEP_DONE;
    }
    return status;
}

static enum quire_status take_frame(struct quire_system *system, quire_pfn *pfn)
{
    if (system->resident_limit != 0 && system->resident >= system->resident_limit) {
        return QUIRE_NO_MEMORY;
    }
    return quire_frames_alloc(system->host->frames, 0, pfn);
}

/* From here on the request holds a frame, and the page's record keeps others away. A slot that the
 * page is in belongs to the frame now: as long as the page is not written, it need not be written
 * out again. */
static void claim(struct quire_request *request, uint64_t vpn, struct quire_record record)
{
    struct quire_space *space = request->space;
    struct quire_page *page = page_of(space->system, request->pfn);
    struct quire_record coming = {QUIRE_RECORD_COMING, false, request->pfn.n};
    bool in_swap = record.kind == QUIRE_RECORD_SWAP;

    request->was = record;
    *page = (struct quire_page){.space = space,
                                .vpn = vpn,
                                .slot = quire_slot_of(in_swap ? record.number : QUIRE_NONE),
                                .origin = QUIRE_ORIGIN_ZERO};
    quire_supplement_set(&space->supplement, vpn, coming);
    space->swapped -= in_swap;
    space->system->resident++;
    space->resident++;
}

static void unclaim(struct quire_request *request, uint64_t vpn)
{
    struct quire_space *space = request->space;
    struct quire_system *system = space->system;

    quire_supplement_set(&space->supplement, vpn, request->was);
    space->swapped += request->was.kind == QUIRE_RECORD_SWAP;
    *page_of(system, request->pfn) = (struct quire_page){.slot = quire_slot_of(QUIRE_NONE)};
    quire_frames_unref(system->host->frames, request->pfn);
    request->pfn = quire_pfn_of(QUIRE_NONE);
    system->resident--;
    space->resident--;
}

/* The fault cannot be served: the page is what it was, and no empty node is left behind. */
static void give_up(struct quire_request *request)
{
    struct quire_space *space = request->space;
    uint64_t vpn = space_vpn(space, request->va);

    if (!quire_pfn_none(request->pfn)) {
        unclaim(request, vpn);
    }
    quire_supplement_trim(&space->supplement, vpn, vpn + 1);
}

static enum quire_status refuse(struct quire_request *request, enum quire_refusal refusal)
{
    request->refusal = refusal;
    quire_space_tell(request->space, QUIRE_EVENT_KILL, space_vpn(request->space, request->va),
                     quire_pfn_of(QUIRE_NONE), quire_slot_of(QUIRE_NONE), refusal);
    return QUIRE_FAULT;
}

/* What is the page, and may it be had? If it is not resident: a frame for it. */
static enum quire_status start(struct quire_request *request)
{
    struct quire_space *space = request->space;
    const struct quire_region *region = region_of(request);
    uint64_t vpn = space_vpn(space, request->va);
    enum quire_refusal refusal = judge(region, request->access);
    struct quire_record record;
    enum quire_status status;

    if (refusal != QUIRE_REFUSAL_NONE) {
        return refuse(request, refusal);
    }
    record = quire_supplement_get(&space->supplement, vpn);
    if (record.kind == QUIRE_RECORD_COMING || record.kind == QUIRE_RECORD_GOING) {
        return QUIRE_BUSY;
    }
    if (record.kind == QUIRE_RECORD_FRAME) {
        return start_resident(request, region, vpn, quire_pfn_of(record.number));
    }
    status = quire_supplement_reserve(&space->supplement, vpn);
    if (status == QUIRE_OK) {
        status = take_frame(space->system, &request->pfn);
    }
    if (status == QUIRE_OK) {
        claim(request, vpn, record);
        request->step = STEP_FILL;
    }
    return status;
}

static enum quire_status fill_zero(struct quire_request *request)
{
    struct quire_space *space = request->space;
    const struct quire_memory *memory = &space->system->host->memory;
    uint64_t bytes = space_page_bytes(space);
    void *where = quire_memory_at(memory, frame_pa(space->system, request->pfn), bytes);

    memset(where, 0, (size_t)bytes);
    quire_memory_done(memory, where, bytes);
    request->origin = QUIRE_ORIGIN_ZERO;
    request->step = STEP_MAP;
    quire_space_tell(space, QUIRE_EVENT_ZERO_FILL, space_vpn(space, request->va), request->pfn,
                     quire_slot_of(QUIRE_NONE), 0);
    return QUIRE_OK;
}

/* Where the page begins in its region's object. */
static uint64_t object_offset(const struct quire_request *request,
                              const struct quire_region *region)
{
    uint64_t page = request->va.at & ~(space_page_bytes(request->space) - 1);

    return region->offset + (page - region->va.at);
}

static enum quire_status fill(struct quire_request *request)
{
    struct quire_space *space = request->space;
    const struct quire_region *region = region_of(request);

    request->step = STEP_FILLING;
    if (request->was.kind == QUIRE_RECORD_SWAP) {
        struct quire_swap *swap = &space->system->swap;

        request->origin = QUIRE_ORIGIN_SWAP;
        return quire_request_transfer(request, &swap->device, QUIRE_TRANSFER_IN, request->pfn,
                                      (uint64_t)request->was.number << swap->page_shift);
    }
    if (request->was.kind == QUIRE_RECORD_ZERO || region->object == NULL ||
        object_offset(request, region) >= region->object->bytes) {
        return fill_zero(request);
    }
    request->origin = QUIRE_ORIGIN_FILE;
    return quire_request_transfer(request, &region->object->device, QUIRE_TRANSFER_IN, request->pfn,
                                  object_offset(request, region));
}

/* The object may end inside the page: what lies behind its end is zero, whatever was read there. */
static void clear_past_end(struct quire_request *request, uint64_t offset)
{
    struct quire_space *space = request->space;
    const struct quire_memory *memory = &space->system->host->memory;
    uint64_t bytes = space_page_bytes(space);
    uint64_t inside = region_of(request)->object->bytes - offset;
    unsigned char *where;

    if (inside < bytes) {
        where = quire_memory_at(memory, frame_pa(space->system, request->pfn), bytes);
        memset(where + inside, 0, (size_t)(bytes - inside));
        quire_memory_done(memory, where, bytes);
    }
}

/* The transfer is over. */
static enum quire_status filled(struct quire_request *request)
{
    struct quire_space *space = request->space;
    uint64_t vpn = space_vpn(space, request->va);

    if (request->transfer.status != QUIRE_OK) {
        return QUIRE_IO_ERROR;
    }
    if (request->origin == QUIRE_ORIGIN_FILE) {
        clear_past_end(request, request->transfer.offset);
        quire_space_tell(space, QUIRE_EVENT_FILE_READ, vpn, request->pfn, quire_slot_of(QUIRE_NONE),
                         request->transfer.offset);
    } else {
        quire_space_tell(space, QUIRE_EVENT_SWAP_IN, vpn, request->pfn,
                         quire_slot_of(request->was.number), 0);
    }
    request->step = STEP_MAP;
    return QUIRE_OK;
}

/* The page is whole: into the page table, and under the policy's eyes. */
static enum quire_status map(struct quire_request *request)
{
    struct quire_space *space = request->space;
    struct quire_system *system = space->system;
    struct quire_page *page = page_of(system, request->pfn);
    struct quire_record record = {QUIRE_RECORD_FRAME, false, request->pfn.n};
    uint64_t vpn = page->vpn;
    enum quire_status status;

    page->origin = request->origin;
    status = map_page(space, region_of(request), vpn, request->pfn, request->access);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_supplement_set(&space->supplement, vpn, record);
    quire_page_list(system, request->pfn);
    request->step = STEP_DONE;
    return QUIRE_OK;
}

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

enum quire_status quire_space_fault(struct quire_space *space, quire_va va, unsigned access,
                                    struct quire_request *request)
{
    request->space = space;
    request->va = va;
    request->access = access & QUIRE_RIGHTS;
    request->refusal = QUIRE_REFUSAL_NONE;
    request->step = STEP_START;
    request->pfn = quire_pfn_of(QUIRE_NONE);
    request->victim = quire_pfn_of(QUIRE_NONE);
    space->faults++;
    quire_space_tell(space, QUIRE_EVENT_FAULT, space_vpn(space, va), quire_pfn_of(QUIRE_NONE),
                     quire_slot_of(QUIRE_NONE), request->access);
    return run(request); /* an address that is none is in no region */
}

enum quire_status quire_space_resume(struct quire_request *request)
{
    struct quire_system *system = request->space->system;
    enum quire_status status = QUIRE_OK;

    if (!quire_pfn_none(request->victim)) {
        status = quire_reclaim_written(system, request);
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
    };

    return (unsigned)refusal < QUIRE_REFUSALS ? text[refusal] : "unknown refusal";
}
