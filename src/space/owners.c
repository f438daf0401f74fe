/*
 * Who has a page: the reverse of the page tables, without a list of mappings anywhere.
 *
 *   an anonymous page   is at the same page number in each of its owners, and these descend from
 *                       each other by fork: go around the ring of kin and ask each supplement
 *   an object's page    is seen through regions: go through the object's list of those
 *
 * Both cost what there is to find, and nothing is kept for it while nobody asks.
 */
#include "internal.h"
#include "region.h"

struct owners quire_owners(struct quire_system *system, quire_pfn pfn)
{
    const struct quire_page *page = page_of(system, pfn);
    struct owners owners = {.system = system, .page = page, .pfn = pfn};

    if (page->object != NULL) {
        owners.region = page->object->mappings;
    } else {
        owners.space = page->space;
        owners.end = page->space;
    }
    return owners;
}

static bool owns(const struct quire_space *space, uint64_t vpn, quire_pfn pfn)
{
    struct quire_record record = quire_supplement_get(&space->supplement, vpn);

    return record_in_frame(record) && record.number == pfn.n;
}

static bool next_kin(struct owners *owners, struct quire_space **space, uint64_t *vpn)
{
    while (!owners->begun || owners->space != owners->end) {
        struct quire_space *at = owners->space;

        owners->begun = true;
        owners->space = at->kin;
        if (owns(at, owners->page->vpn, owners->pfn)) {
            *space = at;
            *vpn = owners->page->vpn;
            return true;
        }
    }
    return false;
}

/* Does the region show page `index` of its object, and where? */
static bool shows(const struct quire_region *region, uint64_t index, uint64_t *vpn)
{
    unsigned shift = quire_format_page_shift(region->space->table.format);
    uint64_t first = region->offset >> shift;

    *vpn = space_vpn(region->space, region->va) + (index - first);
    return index >= first && index - first < region->bytes >> shift;
}

/* A private region shows the object's page only while the space has none of its own there. */
static bool next_region(struct owners *owners, struct quire_space **space, uint64_t *vpn)
{
    while (owners->region != NULL) {
        struct quire_region *at = owners->region;

        owners->region = at->object_next;
        if (shows(at, owners->page->vpn, vpn) &&
            quire_supplement_get(&at->space->supplement, *vpn).kind == QUIRE_RECORD_UNTOUCHED) {
            *space = at->space;
            return true;
        }
    }
    return false;
}

bool quire_owners_next(struct owners *owners, struct quire_space **space, uint64_t *vpn)
{
    return owners->page->object != NULL ? next_region(owners, space, vpn)
                                        : next_kin(owners, space, vpn);
}

struct quire_record quire_owners_get(struct quire_system *system, quire_pfn pfn)
{
    const struct quire_page *page = page_of(system, pfn);

    return page->object != NULL ? quire_supplement_get(&page->object->pages, page->vpn)
                                : quire_supplement_get(&page->space->supplement, page->vpn);
}

/* Writes a record; what is untouched needs no node. */
static void put_record(struct quire_supplement *supplement, uint64_t vpn,
                       struct quire_record record)
{
    quire_supplement_set(supplement, vpn, record);
    if (record.kind == QUIRE_RECORD_UNTOUCHED) {
        quire_supplement_trim(supplement, vpn, vpn + 1);
    }
}

/* Keeps the counts of a space or an object in step: what was in a frame has this record now. */
static void recount(uint32_t *resident, uint32_t *swapped, struct quire_record now)
{
    *resident -= !record_in_frame(now);
    *swapped += now.kind == QUIRE_RECORD_SWAP;
}

uint32_t quire_owners_record(struct quire_system *system, quire_pfn pfn, struct quire_record record)
{
    const struct quire_page *page = page_of(system, pfn);
    struct owners owners = quire_owners(system, pfn);
    struct quire_space *space;
    uint32_t n = 0;
    uint64_t vpn;

    if (page->object != NULL) {
        put_record(&page->object->pages, page->vpn, record);
        recount(&page->object->resident, &page->object->swapped, record);
        return 1;
    }
    record.shared = (record_in_frame(record) || record.kind == QUIRE_RECORD_SWAP) &&
                    quire_frames_count(system->host->frames, pfn) > 1;
    for (; quire_owners_next(&owners, &space, &vpn); n++) {
        put_record(&space->supplement, vpn, record);
        recount(&space->resident, &space->swapped, record);
        if (n != 0 && record.kind == QUIRE_RECORD_SWAP) {
            quire_swap_ref(&system->swap, quire_slot_of(record.number));
        }
    }
    return n;
}

void quire_owners_unmap(struct quire_system *system, quire_pfn pfn)
{
    struct owners owners = quire_owners(system, pfn);
    struct quire_visitor visitor = {quire_page_note_marks, system};
    struct quire_space *space;
    uint64_t vpn;

    while (quire_owners_next(&owners, &space, &vpn)) {
        quire_table_unmap(&space->table, &system->batch, quire_space_va(space, vpn),
                          space_page_bytes(space), &visitor);
    }
    quire_batch_commit(&system->batch);
}

static void note_accessed(void *context, const struct quire_leaf *leaf)
{
    bool *used = context;

    *used = *used || (leaf->attributes & QUIRE_ACCESSED) != 0;
}

bool quire_owners_used(struct quire_system *system, quire_pfn pfn)
{
    struct owners owners = quire_owners(system, pfn);
    bool used = false;
    struct quire_visitor visitor = {note_accessed, &used};
    struct quire_space *space;
    uint64_t vpn;

    while (quire_owners_next(&owners, &space, &vpn)) {
        quire_table_harvest(&space->table, &system->batch, quire_space_va(space, vpn),
                            space_page_bytes(space), QUIRE_ACCESSED, &visitor);
    }
    return used;
}

bool quire_owners_dirty(struct quire_system *system, quire_pfn pfn)
{
    struct owners owners = quire_owners(system, pfn);
    bool dirty = page_of(system, pfn)->dirty;
    struct quire_space *space;
    struct quire_leaf leaf;
    uint64_t vpn;

    while (!dirty && quire_owners_next(&owners, &space, &vpn)) {
        dirty = quire_table_query(&space->table, quire_space_va(space, vpn), &leaf) == QUIRE_OK &&
                (leaf.attributes & QUIRE_DIRTY) != 0;
    }
    return dirty;
}

/* Another owner speaks for the page from now on; it may be in the hands of another policy then. */
static void hand_over(struct quire_system *system, quire_pfn pfn, struct quire_space *to)
{
    struct quire_page *page = page_of(system, pfn);
    bool moves = page->listed && (page->space->limit != 0 || to->limit != 0);

    if (!moves) {
        page->space = to;
        return;
    }
    quire_page_unlist(system, pfn);
    page->space = to;
    page->was_listed = false;
    quire_page_list(system, pfn);
}

void quire_owners_leave(struct quire_space *space, uint64_t vpn, quire_pfn pfn)
{
    struct quire_system *system = space->system;
    struct quire_page *page = page_of(system, pfn);
    struct owners owners;
    struct quire_space *other;

    quire_supplement_set(&space->supplement, vpn, record_of(QUIRE_RECORD_UNTOUCHED, 0));
    space->resident--;
    quire_batch_free_frame(&system->batch, frame_pa(system, pfn));
    owners = quire_owners(system, pfn);
    if (quire_owners_next(&owners, &other, &vpn)) {
        hand_over(system, pfn, other);
        return;
    }
    quire_page_unlist(system, pfn);
    quire_page_drop_slot(system, page);
    quire_page_clear(system, pfn);
}
