/*
 * Fork: two spaces, one set of pages, and not a byte copied.
 *
 * Every private page gets one more owner: the count of its frame, or of its slot, goes up, and both
 * records say `shared`. The parent's mappings lose the right to write; the child begins with none.
 * The first of the owners to write gets a copy (src/space/fault.c); the last one keeps the page as
 * it is. Only wired pages are copied at once: they are to stay where whoever wired them has them.
 */
#include "internal.h"
#include "region.h"
#include "slab.h"

static bool is_private(const struct quire_region *region)
{
    return region->sharing == QUIRE_PRIVATE;
}

static enum quire_status copy_regions(struct quire_space *child, const struct quire_space *parent)
{
    struct quire_region *last = NULL;

    for (const struct quire_region *r = parent->regions; r != NULL; r = r->next) {
        struct quire_region *copy = quire_slab_alloc(child->system);
        enum quire_status status;

        if (copy == NULL) {
            return QUIRE_NO_MEMORY;
        }
        *copy = *r;
        copy->space = child;
        copy->prev = last;
        copy->next = NULL;
        status = quire_region_charge(child->system, copy, quire_region_pages(copy));
        if (status == QUIRE_OK) {
            status = quire_map_at_once(child, copy, parent->table.from);
        }
        if (status != QUIRE_OK) {
            quire_slab_free(child->system, copy);
            return status;
        }
        quire_region_show(copy);
        if (last == NULL) {
            child->regions = copy;
        } else {
            last->next = copy;
        }
        last = copy;
    }
    return QUIRE_OK;
}

static bool is_wired(struct quire_system *system, struct quire_record record)
{
    return record.kind == QUIRE_RECORD_FRAME &&
           page_of(system, quire_pfn_of(record.number))->wired != 0;
}

static enum quire_status copy_wired(struct quire_space *child, uint64_t vpn, quire_pfn pfn)
{
    quire_pfn copy;
    enum quire_status status = quire_make_copy(child, vpn, pfn, &copy);

    if (status == QUIRE_OK) {
        quire_adopt_copy(child, vpn, copy);
    }
    return status;
}

/* A place for every record that the child will have, and copies of what is wired: what can fail,
 * before anything is shared. */
static enum quire_status prepare_records(struct quire_space *child, struct quire_space *parent)
{
    uint64_t end = UINT64_C(1) << parent->supplement.vpn_bits;
    struct quire_record record;

    for (uint64_t vpn = 0; quire_supplement_go_on(&parent->supplement, &vpn, end, &record); vpn++) {
        enum quire_status status;

        if (record_moving(record)) {
            return QUIRE_BUSY;
        }
        status = quire_supplement_reserve(&child->supplement, vpn);
        if (status == QUIRE_OK && is_wired(child->system, record)) {
            status = copy_wired(child, vpn, quire_pfn_of(record.number));
        }
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* One more owner for what a record names. After an earlier fork the parent's says so already. */
static void share(struct quire_space *child, struct quire_space *parent, uint64_t vpn,
                  struct quire_record record)
{
    struct quire_system *system = child->system;
    bool shared = record.kind != QUIRE_RECORD_ZERO;

    if (record.kind == QUIRE_RECORD_FRAME) {
        quire_frames_ref(system->host->frames, quire_pfn_of(record.number));
        child->resident++;
    } else if (record.kind == QUIRE_RECORD_SWAP) {
        quire_swap_ref(&system->swap, quire_slot_of(record.number));
        child->swapped++;
    }
    if (record.shared != shared) {
        record.shared = shared;
        quire_supplement_set(&parent->supplement, vpn, record);
    }
    quire_supplement_set(&child->supplement, vpn, record);
}

static void share_pages(struct quire_space *child, struct quire_space *parent)
{
    uint64_t end = UINT64_C(1) << parent->supplement.vpn_bits;
    struct quire_record record;

    for (uint64_t vpn = 0; quire_supplement_go_on(&parent->supplement, &vpn, end, &record); vpn++) {
        if (!is_wired(child->system, record)) {
            share(child, parent, vpn, record);
        }
    }
}

/* From now on the parent's writes fault. Its marks stay. */
static void forbid_writes(struct quire_space *parent)
{
    for (const struct quire_region *r = parent->regions; r != NULL; r = r->next) {
        if (is_private(r) && (r->prot & QUIRE_WRITE) != 0) {
            quire_table_protect(&parent->table, &parent->system->batch, r->va, r->bytes,
                                r->prot & ~(unsigned)QUIRE_WRITE, NULL);
        }
    }
    quire_batch_commit(&parent->system->batch);
}

static bool can_fork(const struct quire_space *parent)
{
    bool writes = false;

    for (const struct quire_region *r = parent->regions; r != NULL; r = r->next) {
        writes = writes || (is_private(r) && (r->max_prot & QUIRE_WRITE) != 0);
    }
    return space_can_protect(parent) || !writes;
}

enum quire_status quire_locked_space_fork(struct quire_space *child, struct quire_space *parent,
                                          uint16_t id)
{
    enum quire_status status;

    if (!can_fork(parent)) {
        return QUIRE_INVALID;
    }
    status = quire_locked_space_create(child, parent->system, parent->table.format, id);
    if (status != QUIRE_OK) {
        return status;
    }
    status = copy_regions(child, parent);
    if (status == QUIRE_OK) {
        status = prepare_records(child, parent);
    }
    if (status != QUIRE_OK) {
        quire_locked_space_destroy(child);
        return status;
    }
    child->kin = parent->kin;
    parent->kin = child;
    share_pages(child, parent);
    forbid_writes(parent);
    return QUIRE_OK;
}
