/* A page in a frame: its record, its place in the policy, its copy in swap, its transfers. */
#include "internal.h"

#include "../bytes.h"

/* Counts an event. Is there somebody to tell it to? */
static bool is_heard(struct quire_system *system, enum quire_event_kind kind)
{
    system->events[kind]++;
    return system->host->event != NULL;
}

void quire_space_tell(struct quire_space *space, enum quire_event_kind kind, uint64_t vpn,
                      quire_pfn pfn, quire_slot slot, uint64_t value)
{
    const struct quire_host *host = space->system->host;

    if (is_heard(space->system, kind)) {
        host->event(host->context, &(struct quire_event){.kind = kind,
                                                         .asid = space->table.asid,
                                                         .va = quire_space_va(space, vpn),
                                                         .pfn = pfn,
                                                         .slot = slot,
                                                         .value = value});
    }
}

void quire_page_tell(struct quire_system *system, quire_pfn pfn, enum quire_event_kind kind,
                     uint64_t value)
{
    const struct quire_host *host = system->host;
    struct quire_event event = {
        .kind = kind, .pfn = pfn, .slot = page_of(system, pfn)->slot, .value = value};
    struct owners owners;
    struct quire_space *space;
    uint64_t vpn;

    if (!is_heard(system, kind)) {
        return;
    }
    owners = quire_owners(system, pfn);
    if (quire_owners_next(&owners, &space, &vpn)) {
        event.asid = space->table.asid;
        event.va = quire_space_va(space, vpn);
    }
    host->event(host->context, &event);
}

enum quire_status quire_commit_charge(struct quire_system *system, uint64_t pages)
{
    if (system->commit == QUIRE_COMMIT_STRICT &&
        (system->committed > system->commit_limit ||
         pages > system->commit_limit - system->committed)) {
        return QUIRE_NO_SPACE;
    }
    system->committed += pages;
    return QUIRE_OK;
}

void quire_page_make(struct quire_system *system, quire_pfn pfn, struct quire_space *space,
                     struct quire_object *object, uint64_t vpn)
{
    *page_of(system, pfn) = (struct quire_page){.object = object,
                                                .space = object == NULL ? space : NULL,
                                                .vpn = vpn,
                                                .slot = quire_slot_of(QUIRE_NONE),
                                                .origin = QUIRE_ORIGIN_ZERO};
    system->resident++;
}

void quire_page_clear(struct quire_system *system, quire_pfn pfn)
{
    *page_of(system, pfn) = (struct quire_page){.slot = quire_slot_of(QUIRE_NONE)};
    system->resident--;
}

void quire_page_list(struct quire_system *system, quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);
    struct quire_policy *policy = page_policy(system, page);
    const struct quire_policy_ops *ops = policy->ops;
    bool back = page->was_listed && ops->put_back != NULL;

    if (page->wired == 0 && !page->listed) {
        (back ? ops->put_back : ops->insert)(policy, pfn,
                                             page_number(page->space, page->object, page->vpn));
        page->listed = page->was_listed = true;
    }
}

void quire_page_unlist(struct quire_system *system, quire_pfn pfn)
{
    struct quire_page *page = page_of(system, pfn);

    if (page->listed) {
        struct quire_policy *policy = page_policy(system, page);

        policy->ops->remove(policy, pfn);
        page->listed = false;
    }
}

static void forget(struct quire_policy *policy, uint64_t page)
{
    if (policy->ops->forget != NULL) {
        policy->ops->forget(policy, page);
    }
}

void quire_page_forget(struct quire_space *space, uint64_t vpn)
{
    uint64_t page = page_number(space, NULL, vpn);

    forget(&space->system->policy, page);
    if (space->limit != 0) {
        forget(&space->policy, page);
    }
}

void quire_page_drop_slot(struct quire_system *system, struct quire_page *page)
{
    if (!quire_slot_none(page->slot)) {
        quire_swap_unref(&system->swap, page->slot);
        page->slot = quire_slot_of(QUIRE_NONE);
    }
}

void quire_page_clear_past_end(struct quire_system *system, quire_pfn pfn,
                               const struct quire_object *object, uint64_t offset)
{
    const struct quire_memory *memory = &system->host->memory;
    uint64_t bytes = frame_bytes(system);
    uint64_t inside = object->bytes - offset;
    unsigned char *where;

    if (inside < bytes) {
        where = quire_memory_at(memory, frame_pa(system, pfn), bytes);
        memset(where + inside, 0, (size_t)(bytes - inside));
        quire_memory_done(memory, where, bytes);
    }
}

void quire_page_note_marks(void *context, const struct quire_leaf *leaf)
{
    struct quire_system *system = context;
    struct quire_page *page =
        quire_system_page(system, quire_pa_pfn(leaf->pa, system->host->frames->page_shift));

    if (page != NULL && (leaf->attributes & QUIRE_DIRTY) != 0) {
        page->dirty = true;
    }
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

enum quire_status quire_request_transfer(struct quire_system *system, struct quire_request *request,
                                         const struct quire_device *device,
                                         enum quire_direction direction, quire_pfn pfn,
                                         uint64_t offset)
{
    const struct quire_memory *memory = &system->host->memory;
    struct quire_transfer *transfer = &request->transfer;
    enum quire_status status;
    uint64_t in_direct;

    transfer->direction = direction;
    transfer->offset = offset;
    transfer->pa = frame_pa(system, pfn);
    transfer->bytes = frame_bytes(system);
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
