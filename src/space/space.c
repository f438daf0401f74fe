/* Address spaces: making them, and changing what may be where. */
#include "quire/space.h"

#include "internal.h"
#include "region.h"
#include "slab.h"

uint64_t quire_space_vpn(const struct quire_space *space, quire_va va)
{
    return space_vpn(space, va);
}

quire_va quire_space_va(const struct quire_space *space, uint64_t vpn)
{
    const struct quire_format *format = space->table.format;
    uint64_t at = vpn << quire_format_page_shift(format);

    if (format->canonical == QUIRE_SIGN_EXTENDED && format->va_bits < 64 &&
        at >> (format->va_bits - 1) != 0) {
        at |= UINT64_MAX << format->va_bits;
    }
    return quire_va_at(at);
}

/* The page table, in a window if the system has a registry. */
static enum quire_status create_table(struct quire_space *space, const struct quire_format *format)
{
    struct quire_registry *registry = space->system->registry;

    return registry != NULL
               ? quire_registry_create(registry, space->id, &space->view)
               : quire_table_create(&space->table, format, space->system->host, space->id);
}

static void destroy_table(struct quire_space *space)
{
    if (space->system->registry != NULL) {
        quire_registry_remove(&space->view);
    } else {
        quire_table_destroy(&space->table);
    }
}

enum quire_status quire_locked_space_create(struct quire_space *space, struct quire_system *system,
                                            const struct quire_format *format, uint16_t id)
{
    unsigned page_shift = quire_format_page_shift(format);
    const struct quire_registry *registry = system->registry;
    enum quire_status status;

    if ((registry != NULL && registry->kernel->format != format) ||
        page_shift != system->host->frames->page_shift ||
        (system->policy.ops->wants_accessed && format->leaf.accessed.mask == 0)) {
        return QUIRE_INVALID;
    }
    *space = (struct quire_space){.system = system, .id = id};
    space->kin = space;
    status =
        quire_supplement_create(&space->supplement, system->host, format->va_bits - page_shift);
    if (status != QUIRE_OK) {
        return status;
    }
    status = create_table(space, format);
    if (status != QUIRE_OK) {
        quire_supplement_destroy(&space->supplement);
    }
    return status;
}

const struct quire_region *quire_space_region(struct quire_space *space, quire_va va)
{
    const struct quire_region *region = quire_region_at_or_after(space, va);

    return region != NULL && region->va.at <= va.at ? region : NULL;
}

/* How far down a stack may reach: its limit is counted from its end. 0: it does not grow. */
static uint64_t lowest_of_stack(const struct quire_region_spec *spec)
{
    uint64_t last = spec->va.at + (spec->bytes - 1);

    if (spec->stack_limit <= spec->bytes) {
        return 0;
    }
    return spec->stack_limit > last ? 1 : last - spec->stack_limit + 1;
}

static unsigned max_prot_of(const struct quire_region_spec *spec)
{
    return spec->max_prot == 0 ? spec->prot : spec->max_prot;
}

static bool spec_sound(const struct quire_space *space, const struct quire_region_spec *spec)
{
    unsigned max_prot = max_prot_of(spec);
    bool paged = quire_sharing_paged(spec->sharing);

    return (max_prot & ~(unsigned)QUIRE_RIGHTS) == 0 && (spec->prot & ~max_prot) == 0 &&
           (spec->offset & (space_page_bytes(space) - 1)) == 0 &&
           spec->offset + (spec->bytes - 1) >= spec->offset &&
           (spec->object == NULL ? spec->sharing != QUIRE_SHARED
                                 : paged && spec->stack_limit == 0) &&
           (spec->from != NULL) == (spec->sharing == QUIRE_INHERITED) &&
           (spec->sharing != QUIRE_FIXED || (spec->prot & ~(unsigned)QUIRE_USER) != 0);
}

/* What is shared has to be in the object, all of it. */
static bool in_object(const struct quire_space *space, const struct quire_region_spec *spec)
{
    return spec->sharing != QUIRE_SHARED || (spec->offset + (spec->bytes - 1)) >>
                                                quire_format_page_shift(space->table.format) <
                                                object_pages(spec->object);
}

enum quire_status quire_locked_space_map(struct quire_space *space,
                                         const struct quire_region_spec *spec)
{
    const struct quire_region *above;
    struct quire_region *region;
    enum quire_status status;

    status = quire_range_check(space->table.format, spec->va, spec->bytes);
    if (status != QUIRE_OK) {
        return status;
    }
    if (!spec_sound(space, spec)) {
        return QUIRE_INVALID;
    }
    if (!in_object(space, spec)) {
        return QUIRE_OUT_OF_RANGE;
    }
    above = quire_region_at_or_after(space, spec->va);
    if (above != NULL && above->va.at <= spec->va.at + (spec->bytes - 1)) {
        return QUIRE_EXISTS;
    }
    region = quire_slab_alloc(space->system);
    if (region == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *region = (struct quire_region){.va = spec->va,
                                    .bytes = spec->bytes,
                                    .prot = spec->prot,
                                    .max_prot = max_prot_of(spec),
                                    .object = spec->object,
                                    .offset = spec->offset,
                                    .sharing = spec->sharing,
                                    .grows_to = lowest_of_stack(spec),
                                    .space = space};
    status = quire_region_charge(space->system, region, quire_region_pages(region));
    if (status == QUIRE_OK) {
        status = quire_map_at_once(space, region, spec->from);
    }
    if (status != QUIRE_OK) {
        quire_slab_free(space->system, region);
        return status;
    }
    quire_region_insert(space, region);
    quire_region_show(region);
    quire_region_join(space, region);
    if (region->prev != NULL) {
        quire_region_join(space, region->prev);
    }
    return QUIRE_OK;
}

/* The pages of a range, by number. Ranges are checked: this cannot wrap. */
struct pages {
    uint64_t first, end;
};

static struct pages pages_of(const struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct pages pages = {space_vpn(space, va), 0};

    pages.end = pages.first + (bytes >> quire_format_page_shift(space->table.format));
    return pages;
}

static bool any_moving(struct quire_supplement *supplement, struct pages pages)
{
    struct quire_record record;

    for (uint64_t n = pages.first; quire_supplement_go_on(supplement, &n, pages.end, &record);
         n++) {
        if (record_moving(record)) {
            return true;
        }
    }
    return false;
}

/* Pages of an object that a region shows in [pages.first, pages.end). */
static struct pages shown(const struct quire_region *region, struct pages pages)
{
    struct pages all = pages_of(region->space, region->va, region->bytes);
    uint64_t objects = object_pages(region->object);
    struct pages part = {
        quire_region_index(region, pages.first > all.first ? pages.first : all.first),
        quire_region_index(region, pages.end < all.end ? pages.end : all.end)};

    part.end = part.end < objects ? part.end : objects;
    return part;
}

/* Is a page of the range in transit, be it the space's own or an object's? A request may be about
 * to map it here. */
static bool any_in_transit(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct pages pages = pages_of(space, va, bytes);

    for (const struct quire_region *r = quire_region_at_or_after(space, va);
         r != NULL && r->va.at <= va.at + (bytes - 1); r = r->next) {
        if (r->object != NULL && any_moving(&r->object->pages, shown(r, pages))) {
            return true;
        }
    }
    return any_moving(&space->supplement, pages);
}

bool quire_space_in_transit(struct quire_space *space)
{
    const struct quire_region *region = space->regions;

    while (region != NULL && !any_in_transit(space, region->va, region->bytes)) {
        region = region->next;
    }
    return region != NULL;
}

/* Forgets a page, wherever it is. Its frame is freed when the batch is committed. */
static void free_page(struct quire_space *space, uint64_t vpn, struct quire_record record)
{
    if (record.kind == QUIRE_RECORD_FRAME) {
        quire_owners_leave(space, vpn, quire_pfn_of(record.number));
        return;
    }
    if (record.kind == QUIRE_RECORD_SWAP) {
        quire_swap_unref(&space->system->swap, quire_slot_of(record.number));
        space->swapped--;
    }
    quire_page_forget(space, vpn);
    quire_supplement_set(&space->supplement, vpn, record_of(QUIRE_RECORD_UNTOUCHED, 0));
}

static void free_pages(struct quire_space *space, struct pages pages)
{
    struct quire_record record;

    for (uint64_t vpn = pages.first;
         quire_supplement_go_on(&space->supplement, &vpn, pages.end, &record); vpn++) {
        free_page(space, vpn, record);
    }
    quire_supplement_trim(&space->supplement, pages.first, pages.end);
}

/* Takes a range off the MMU and frees what the space has of its own there. Marks are gathered:
 * others may own the same pages. All leaves are of the smallest size, so unmapping cannot fail. */
static void drop_contents(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct quire_system *system = space->system;
    struct quire_visitor visitor = {quire_page_note_marks, system};

    quire_table_unmap(&space->table, &system->batch, va, bytes, &visitor);
    free_pages(space, pages_of(space, va, bytes));
    quire_batch_commit(&system->batch);
}

enum quire_status quire_locked_space_unmap(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct quire_region *region;
    enum quire_status status;

    status = quire_regions_paged(space, va, bytes);
    if (status != QUIRE_OK) {
        return status;
    }
    if (any_in_transit(space, va, bytes)) {
        return QUIRE_BUSY;
    }
    status = quire_regions_cut_out(space, va, bytes);
    if (status != QUIRE_OK) {
        return status;
    }
    drop_contents(space, va, bytes);
    region = quire_region_at_or_after(space, va);
    while (region != NULL && region->va.at <= va.at + (bytes - 1)) {
        struct quire_region *next = region->next;
        quire_region_uncharge(space->system, region);
        quire_region_remove(space, region);
        region = next;
    }
    return QUIRE_OK;
}

enum quire_status quire_locked_space_discard(struct quire_space *space, quire_va va, uint64_t bytes)
{
    enum quire_status status = quire_regions_paged(space, va, bytes);

    if (status != QUIRE_OK) {
        return status;
    }
    if (any_in_transit(space, va, bytes)) {
        return QUIRE_BUSY;
    }
    drop_contents(space, va, bytes);
    return QUIRE_OK;
}

/* Brings the page table in line with new rights. Where a page may not get all of them (it is shared
 * after a fork, or software watches for its first write), pages come off the MMU instead, and are
 * mapped as they deserve when they are next touched. */
static void protect_table(struct quire_space *space, const struct quire_region *region)
{
    struct quire_system *system = space->system;
    struct quire_visitor visitor = {quire_page_note_marks, system};
    bool all_alike = (region->prot & QUIRE_WRITE) == 0 && region_usable(region) &&
                     space->table.format->leaf.dirty.mask != 0;

    if (all_alike) {
        quire_table_protect(&space->table, &system->batch, region->va, region->bytes, region->prot,
                            NULL);
    } else {
        quire_table_unmap(&space->table, &system->batch, region->va, region->bytes, &visitor);
    }
    quire_batch_commit(&system->batch);
}

enum quire_status quire_locked_space_protect(struct quire_space *space, quire_va va, uint64_t bytes,
                                             unsigned prot)
{
    uint64_t last = va.at + (bytes - 1);
    struct quire_region *region;
    enum quire_status status;

    status = quire_regions_paged(space, va, bytes);
    if (status == QUIRE_OK) {
        status = quire_regions_cover(space, va, bytes, prot);
    }
    if (status == QUIRE_OK) {
        status = quire_regions_cut_out(space, va, bytes);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    region = quire_region_at_or_after(space, va);
    for (; region != NULL && region->va.at <= last; region = region->next) {
        region->prot = prot;
        protect_table(space, region);
    }
    quire_regions_join(space, va, bytes);
    return QUIRE_OK;
}

/* The space leaves the ring of its kin. => it owns no page any more */
static void leave_kin(struct quire_space *space)
{
    struct quire_space *before = space->kin;

    while (before->kin != space) {
        before = before->kin;
    }
    before->kin = space->kin;
    space->kin = space;
}

/* Nobody runs in the space any more: the marks can be read first, and one flush is enough. */
void quire_locked_space_destroy(struct quire_space *space)
{
    struct quire_system *system = space->system;
    const struct quire_visitor visitor = {quire_page_note_marks, system};

    quire_space_unlimit(space);
    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        if (quire_sharing_paged(r->sharing)) {
            quire_table_visit(&space->table, r->va, r->bytes, &visitor);
        }
    }
    destroy_table(space);
    while (space->regions != NULL) {
        struct quire_region *region = space->regions;

        free_pages(space, pages_of(space, region->va, region->bytes));
        quire_region_uncharge(system, region);
        quire_region_remove(space, region);
    }
    quire_batch_commit(&system->batch);
    leave_kin(space);
    quire_supplement_destroy(&space->supplement);
}

static void count_accessed(void *context, const struct quire_leaf *leaf)
{
    uint32_t *pages = context;

    *pages += (leaf->attributes & QUIRE_ACCESSED) != 0;
}

uint32_t quire_locked_space_working_set(struct quire_space *space)
{
    uint32_t pages = 0;
    struct quire_visitor visitor = {count_accessed, &pages};

    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        if (quire_sharing_paged(r->sharing)) {
            quire_table_harvest(&space->table, &space->system->batch, r->va, r->bytes,
                                QUIRE_ACCESSED, &visitor);
        }
    }
    quire_batch_commit(&space->system->batch);
    return pages;
}

struct quire_record quire_space_record(const struct quire_space *space, quire_va va)
{
    const struct quire_region *region = space->regions;
    struct quire_record record = record_of(QUIRE_RECORD_UNTOUCHED, 0);

    while (region != NULL && va.at - region->va.at >= region->bytes) {
        region = region->next;
    }
    if (region != NULL) {
        record = quire_supplement_get(&space->supplement, space_vpn(space, va));
    }
    if (region != NULL && record.kind == QUIRE_RECORD_UNTOUCHED && region->object != NULL) {
        record = quire_region_lower(region, space_vpn(space, va));
    }
    return record;
}

/* A private page that may be written is made the space's own at once: a copy later on would leave
 * the wired frame to others. */
enum quire_status quire_locked_space_wire(struct quire_space *space, quire_va va, unsigned access,
                                          struct quire_request *request)
{
    const struct quire_region *region = quire_space_region(space, va);
    enum quire_status status;
    quire_pfn pfn;

    if (region != NULL && region->sharing == QUIRE_PRIVATE) {
        access |= region->prot & (unsigned)QUIRE_WRITE;
    }
    status = quire_locked_space_fault(space, va, access, request);
    if (status != QUIRE_OK) {
        return status;
    }
    if (!quire_sharing_paged(region->sharing)) {
        return QUIRE_INVALID;
    }
    pfn = quire_pfn_of(quire_space_record(space, va).number);
    if (page_of(space->system, pfn)->wired == UINT16_MAX) {
        return QUIRE_NO_SPACE;
    }
    quire_page_unlist(space->system, pfn);
    page_of(space->system, pfn)->wired++;
    return QUIRE_OK;
}

/* A wired page may be in transit all the same, while it is written back. */
enum quire_status quire_locked_space_unwire(struct quire_space *space, quire_va va)
{
    struct quire_record record = quire_space_record(space, va);
    quire_pfn pfn = quire_pfn_of(record.number);
    bool resident = record.kind == QUIRE_RECORD_FRAME || record.kind == QUIRE_RECORD_GOING;

    if (!resident || page_of(space->system, pfn)->wired == 0) {
        return QUIRE_NOT_FOUND;
    }
    page_of(space->system, pfn)->wired--;
    if (record.kind == QUIRE_RECORD_FRAME) {
        quire_page_list(space->system, pfn);
    }
    return QUIRE_OK;
}
