/* Mapping a page that is in a frame, and copying one on a write. */
#include "internal.h"

#include "../bytes.h"

uint64_t quire_region_index(const struct quire_region *region, uint64_t vpn)
{
    unsigned shift = quire_format_page_shift(region->space->table.format);

    return (region->offset >> shift) + (vpn - space_vpn(region->space, region->va));
}

struct quire_record quire_region_lower(const struct quire_region *region, uint64_t vpn)
{
    uint64_t index = quire_region_index(region, vpn);

    if (region->object == NULL || index >= object_pages(region->object)) {
        return record_of(QUIRE_RECORD_ZERO, 0);
    }
    return quire_supplement_get(&region->object->pages, index);
}

/* May this space write to the frame, or is it other owners' too? */
static bool may_write(const struct quire_space *space, const struct quire_region *region,
                      quire_pfn pfn)
{
    const struct quire_system *system = space->system;

    if (system->page[pfn.n - system->first].object != NULL) {
        return region->sharing == QUIRE_SHARED;
    }
    return quire_frames_count(system->host->frames, pfn) == 1;
}

/* Without write while the page is not this space's to write, or while the MMU cannot tell that it
 * was written and software has not seen it happen. */
static unsigned rights_now(const struct quire_space *space, const struct quire_region *region,
                           quire_pfn pfn)
{
    bool mmu_marks = space->table.format->leaf.dirty.mask != 0;
    bool dirty = space->system->page[pfn.n - space->system->first].dirty;

    if (may_write(space, region, pfn) && (mmu_marks || dirty)) {
        return region->prot;
    }
    return region->prot & ~(unsigned)QUIRE_WRITE;
}

void quire_flush_page(struct quire_space *space, quire_va va)
{
    struct quire_batch *batch = &space->system->batch;
    uint8_t page_shift = (uint8_t)quire_format_page_shift(space->table.format);
    struct quire_flush_range range = {va, space_page_bytes(space), space->table.asid, page_shift,
                                      true};

    quire_batch_add(batch, &range);
    quire_batch_commit(batch);
}

/* The page is mapped already: this is its first write, or two processors met here, or a TLB was
 * late. The entry is changed where it is, as an MMU may be marking it now; and a TLB that knew
 * better is told even if nothing changes. */
static void map_again(struct quire_space *space, const struct quire_leaf *leaf, unsigned rights)
{
    struct quire_batch *batch = &space->system->batch;
    uint64_t changed;

    quire_table_protect(&space->table, batch, leaf->va, leaf->bytes, rights, &changed);
    quire_batch_commit(batch);
    if (changed == 0) {
        quire_flush_page(space, leaf->va);
    }
}

/* Puts the page where another was mapped (copied on a write), or none. What the MMU has marked in
 * the old mapping belongs to the old page. */
static enum quire_status map_anew(struct quire_space *space, const struct quire_mapping *mapping,
                                  const struct quire_leaf *old)
{
    struct quire_batch *batch = &space->system->batch;
    enum quire_status status;

    if (old != NULL) {
        quire_page_note_marks(space->system, old);
    }
    status = quire_table_map(&space->table, batch, mapping, NULL);
    quire_batch_commit(batch);
    return status;
}

enum quire_status quire_map_resident(struct quire_space *space, const struct quire_region *region,
                                     uint64_t vpn, quire_pfn pfn, unsigned access)
{
    struct quire_system *system = space->system;
    struct quire_page *page = page_of(system, pfn);
    bool was_dirty = page->dirty;
    struct quire_mapping mapping = {.va = quire_space_va(space, vpn),
                                    .pa = frame_pa(system, pfn),
                                    .bytes = space_page_bytes(space),
                                    .existing = QUIRE_EXISTING_REPLACE};
    enum quire_event_kind event = QUIRE_EVENT_MAP;
    enum quire_status status = QUIRE_OK;
    struct quire_leaf old;
    bool mapped;

    /* Some writes only software sees. */
    page->dirty = page->dirty || (access & QUIRE_WRITE) != 0 || !space_tells_writes(space);
    mapping.attributes = rights_now(space, region, pfn);
    if (!region_usable(region)) {
        return QUIRE_OK; /* it was protected while the page was coming */
    }
    mapped = quire_table_query(&space->table, mapping.va, &old) == QUIRE_OK;
    if (mapped && old.pa.at == mapping.pa.at) {
        map_again(space, &old, mapping.attributes);
        event = mapping.attributes & ~old.attributes & QUIRE_WRITE ? QUIRE_EVENT_UPGRADE : event;
    } else {
        status = map_anew(space, &mapping, mapped ? &old : NULL);
    }
    if (status != QUIRE_OK) {
        page->dirty = was_dirty;
        return status;
    }
    quire_space_tell(space, event, vpn, pfn, page->slot, mapping.attributes);
    return QUIRE_OK;
}

enum quire_status quire_map_at_once(struct quire_space *space, const struct quire_region *region,
                                    const struct quire_table *from)
{
    struct quire_mapping mapping = {.va = region->va,
                                    .pa = quire_pa_at(region->offset),
                                    .bytes = region->bytes,
                                    .attributes = region->prot};

    switch (region->sharing) {
    case QUIRE_FIXED: return quire_table_map(&space->table, &space->system->batch, &mapping, NULL);
    case QUIRE_INHERITED:
        return quire_table_inherit(&space->table, from, region->va, region->bytes);
    default: return QUIRE_OK;
    }
}

static void copy_frame(struct quire_system *system, quire_pfn to, quire_pfn from)
{
    const struct quire_memory *memory = &system->host->memory;
    uint64_t bytes = frame_bytes(system);
    void *source = quire_memory_at(memory, frame_pa(system, from), bytes);
    void *target = quire_memory_at(memory, frame_pa(system, to), bytes);

    memcpy(target, source, (size_t)bytes);
    quire_memory_done(memory, target, bytes);
    quire_memory_done(memory, source, bytes);
}

enum quire_status quire_make_copy(struct quire_space *space, uint64_t vpn, quire_pfn from,
                                  quire_pfn *to)
{
    struct quire_system *system = space->system;
    enum quire_status status = quire_take_frame(system, space, to);

    if (status == QUIRE_OK) {
        copy_frame(system, *to, from);
        quire_page_make(system, *to, space, NULL, vpn);
        page_of(system, *to)->dirty = true;
    }
    return status;
}

void quire_adopt_copy(struct quire_space *space, uint64_t vpn, quire_pfn to)
{
    quire_supplement_set(&space->supplement, vpn, record_of(QUIRE_RECORD_FRAME, to.n));
    space->resident++;
    quire_page_list(space->system, to);
}

enum quire_status quire_copy_page(struct quire_space *space, const struct quire_region *region,
                                  uint64_t vpn, quire_pfn from)
{
    struct quire_system *system = space->system;
    enum quire_status status;
    quire_pfn to;

    status = quire_supplement_reserve(&space->supplement, vpn);
    if (status == QUIRE_OK) {
        status = quire_make_copy(space, vpn, from, &to);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_map_resident(space, region, vpn, to, QUIRE_WRITE);
    if (status != QUIRE_OK) {
        quire_page_clear(system, to);
        quire_frames_unref(system->host->frames, to);
        return status;
    }
    /* `from` is mapped here no more, and flushed. */
    if (page_of(system, from)->object == NULL) {
        quire_owners_leave(space, vpn, from);
        quire_batch_commit(&system->batch);
    }
    quire_adopt_copy(space, vpn, to);
    quire_space_tell(space, QUIRE_EVENT_COPY, vpn, to, quire_slot_of(QUIRE_NONE), from.n);
    return QUIRE_OK;
}
