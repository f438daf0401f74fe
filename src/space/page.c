/* A resident page: its place in the policy, its mapping, its copy in swap. */
#include "internal.h"

void quire_space_tell(struct quire_space *space, enum quire_event_kind kind, uint64_t vpn,
                      quire_pfn pfn, quire_slot slot, uint64_t value)
{
    const struct quire_host *host = space->system->host;

    space->system->events[kind]++;
    if (host->event != NULL) {
        struct quire_event event = {.kind = kind,
                                    .asid = space->table.asid,
                                    .va = quire_space_va(space, vpn),
                                    .pfn = pfn,
                                    .slot = slot,
                                    .value = value};
        host->event(host->context, &event);
    }
}

void quire_page_list(struct quire_system *system, quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);
    const struct quire_policy_ops *ops = system->policy.ops;
    bool back = page->chosen && ops->put_back != NULL;

    (back ? ops->put_back : ops->insert)(&system->policy, pfn, page_number(page->space, page->vpn));
    page->listed = true;
    page->chosen = false;
}

void quire_page_unlist(struct quire_system *system, quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);

    if (page->listed) {
        system->policy.ops->remove(&system->policy, pfn);
        page->listed = false;
    }
}

void quire_page_drop_slot(struct quire_system *system, struct quire_page *page)
{
    if (!quire_slot_none(page->slot)) {
        quire_swap_unref(&system->swap, page->slot);
        page->slot = quire_slot_of(QUIRE_NONE);
    }
}

static void note_dirty(void *context, const struct quire_leaf *leaf)
{
    struct quire_system *system = context;
    quire_pfn pfn = quire_pa_pfn(leaf->pa, system->host->frames->page_shift);
    struct quire_page *page = page_of(system, pfn);

    page->dirty = page->dirty || (leaf->attributes & QUIRE_DIRTY) != 0;
}

void quire_pages_unmap(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct quire_system *system = space->system;
    struct quire_visitor visitor = {note_dirty, system};

    quire_table_unmap(&space->table, &system->batch, va, bytes, &visitor);
    quire_batch_commit(&system->batch);
}

unsigned quire_page_rights(const struct quire_space *space, const struct quire_region *region,
                           const struct quire_page *page)
{
    bool mmu_tells = space->table.format->leaf.dirty.mask != 0;

    return mmu_tells || page->dirty ? region->prot : region->prot & ~(unsigned)QUIRE_WRITE;
}

static void transfer_ready(struct quire_transfer *transfer)
{
    struct quire_request *request =
        (struct quire_request *)(void *)((unsigned char *)transfer -
                                         offsetof(struct quire_request, transfer));

    if (request->ready != NULL) {
        request->ready(request);
    }
}

enum quire_status quire_request_transfer(struct quire_request *request,
                                         const struct quire_device *device,
                                         enum quire_direction direction, quire_pfn pfn,
                                         uint64_t offset)
{
    struct quire_system *system = request->space->system;
    const struct quire_memory *memory = &system->host->memory;
    struct quire_transfer *transfer = &request->transfer;
    enum quire_status status;
    uint64_t in_direct;

    transfer->direction = direction;
    transfer->offset = offset;
    transfer->pa = frame_pa(system, pfn);
    transfer->bytes = UINT64_C(1) << system->host->frames->page_shift;
    in_direct = transfer->pa.at - memory->base;
    transfer->where = in_direct < memory->bytes ? memory->direct + in_direct : NULL;
    transfer->done = transfer_ready;
    transfer->next = NULL;
    status = device->transfer(device->context, transfer);
    if (status != QUIRE_PENDING) {
        transfer->status = status;
    }
    return status;
}
