/* Every invariant of a system and its spaces, checked from the records alone. */
#include "internal.h"
#include "region.h"
#include "slab.h"

/* What is counted on the way. Owners of slots are added up, scrambled, so that two owners of one
 * slot and none of another do not cancel out; owners of frames likewise. */
struct audit {
    struct quire_system *system;
    struct quire_space *space;   /* the one that is being looked at */
    struct quire_object *object; /* ... or this */
    uint64_t resident, swapped;
    uint64_t owners, owner_sum; /* of frames */
    uint64_t slots, slot_sum;   /* owners of slots */
    uint64_t shown;             /* regions that have an object */
    uint64_t promised;          /* pages, to regions and to objects without device */
    const char *wrong;
};

static void expect(struct audit *audit, bool holds, const char *what)
{
    if (!holds && audit->wrong == NULL) {
        audit->wrong = what;
    }
}

static uint64_t scramble(uint64_t n)
{
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

static void owns_slot(struct audit *audit, quire_slot slot)
{
    const struct quire_frames *slots = &audit->system->swap.slots;

    audit->slots++;
    audit->slot_sum += scramble(slot.n);
    expect(audit, slot.n < slots->total && quire_swap_owners(&audit->system->swap, slot) != 0,
           "a swap slot in use is not counted as such");
}

static void check_slot_of(struct audit *audit, const struct quire_page *page, bool going)
{
    bool has_slot = !quire_slot_none(page->slot);
    bool wants_slot =
        (going && !page_has_device(page)) || (page->origin == QUIRE_ORIGIN_SWAP && !page->dirty);

    expect(audit, has_slot || !wants_slot, "a page lost the only slot that it could be in");
    expect(audit, !has_slot || page->origin == QUIRE_ORIGIN_SWAP || page->dirty,
           "a page that was never written has a slot");
}

/* An anonymous page names one of its owners. */
static bool names_an_owner(struct audit *audit, const struct quire_page *page, quire_pfn pfn)
{
    struct quire_record record;

    if (page->object != NULL) {
        return true;
    }
    record = quire_owners_get(audit->system, pfn);
    return record_in_frame(record) && record.number == pfn.n;
}

static void check_resident(struct audit *audit, uint64_t page_number, struct quire_record record)
{
    quire_pfn pfn = quire_pfn_of(record.number);
    struct quire_page *page = quire_system_page(audit->system, pfn);

    audit->resident++;
    audit->owners++;
    audit->owner_sum += scramble(pfn.n);
    expect(audit,
           page != NULL && page->vpn == page_number && page->object == audit->object &&
               (page->object != NULL || page->space != NULL),
           "a resident page and its frame's record disagree");
    if (page == NULL || (page->object == NULL && page->space == NULL)) {
        return;
    }
    expect(audit, names_an_owner(audit, page, pfn),
           "a frame's record names a space that does not have the page");
    expect(audit, page->listed == (record.kind == QUIRE_RECORD_FRAME && page->wired == 0),
           "a resident page is unknown to the policy, or one in transit is known");
    if (record.kind != QUIRE_RECORD_COMING) {
        check_slot_of(audit, page, record.kind == QUIRE_RECORD_GOING);
    }
}

static void check_record(struct audit *audit, uint64_t page_number, struct quire_record record)
{
    expect(audit, record.kind != QUIRE_RECORD_UNTOUCHED && record.kind <= QUIRE_RECORD_GOING,
           "a record is of no kind");
    if (record.kind == QUIRE_RECORD_SWAP) {
        audit->swapped++;
        owns_slot(audit, quire_slot_of(record.number));
    } else if (record.kind != QUIRE_RECORD_ZERO) {
        check_resident(audit, page_number, record);
    }
}

static void check_records(struct audit *audit, const struct quire_supplement *supplement)
{
    uint64_t end = UINT64_C(1) << supplement->vpn_bits;
    struct quire_record record;

    for (uint64_t n = 0; quire_supplement_next(supplement, &n, end, &record); n++) {
        expect(audit,
               audit->object != NULL ||
                   quire_space_region(audit->space, quire_space_va(audit->space, n)) != NULL,
               "a page is recorded where there is no region");
        check_record(audit, n, record);
    }
}

/* Rights that a mapping grants and its region does not, but for those that no entry can withhold.
 * */
static unsigned excess(const struct quire_space *space, const struct quire_region *region,
                       const struct quire_leaf *leaf)
{
    uint64_t none = quire_pte_leaf(space->table.format, leaf->level, leaf->pa, 0);

    return leaf->attributes & QUIRE_RIGHTS & ~region->prot &
           ~quire_pte_rights(space->table.format, QUIRE_PTE_LEAF, none);
}

/* Is it mapped for programs? Tables above may withhold what a leaf allows. */
static bool reached_by_users(const struct quire_space *space, const struct quire_leaf *leaf)
{
    struct quire_mmu mmu = quire_table_mmu(&space->table);
    struct quire_walk walk;

    return space->table.format->leaf.user.mask != 0 &&
           quire_walk(&mmu, leaf->va, QUIRE_USER, &walk) == QUIRE_OK;
}

/* What the MMU sees must be a page that is recorded as resident, in that frame: the space's own,
 * or, where it has none, the one of the region's object. */
static void check_leaf(void *context, const struct quire_leaf *leaf)
{
    struct audit *audit = context;
    struct quire_space *space = audit->space;
    const struct quire_region *region = quire_space_region(space, leaf->va);
    uint64_t vpn = space_vpn(space, leaf->va);
    struct quire_record record = quire_supplement_get(&space->supplement, vpn);
    quire_pfn pfn = quire_pa_pfn(leaf->pa, quire_format_page_shift(space->table.format));
    const struct quire_page *page = quire_system_page(audit->system, pfn);
    bool own = record.kind == QUIRE_RECORD_FRAME;

    if (region != NULL && region->sharing == QUIRE_INHERITED) {
        expect(audit, !reached_by_users(space, leaf) || (region->prot & QUIRE_USER) != 0,
               "a program can reach what its space inherits");
        return;
    }
    if (region != NULL && region->sharing == QUIRE_FIXED) {
        expect(audit,
               leaf->pa.at - region->offset == leaf->va.at - region->va.at &&
                   excess(space, region, leaf) == 0,
               "a fixed region is not mapped as it should be");
        return;
    }
    if (record.kind == QUIRE_RECORD_UNTOUCHED && region != NULL && region->object != NULL) {
        record = quire_region_lower(region, vpn);
    }
    expect(audit, record.kind == QUIRE_RECORD_FRAME && record.number == pfn.n,
           "the page table maps what the supplement does not know");
    expect(audit, region == NULL || (region_usable(region) && excess(space, region, leaf) == 0),
           "the page table grants what the region does not");
    expect(audit,
           page == NULL || page->dirty || space->table.format->leaf.dirty.mask != 0 ||
               (leaf->attributes & QUIRE_WRITE) == 0,
           "a page could be written and nobody would know");
    expect(audit,
           (leaf->attributes & QUIRE_WRITE) == 0 || !space_can_protect(space) ||
               (own ? quire_frames_count(audit->system->host->frames, pfn) == 1
                    : region != NULL && region->sharing == QUIRE_SHARED),
           "a page that others own too is mapped for writing");
}

/* Half by half: a range cannot cross the hole that may be between them, nor be 2^64 bytes long. */
static void check_table(struct audit *audit)
{
    const struct quire_space *space = audit->space;
    const struct quire_format *format = space->table.format;
    uint64_t half = UINT64_C(1) << (format->va_bits - 1);
    uint64_t upper = format->canonical == QUIRE_SIGN_EXTENDED ? 0 - half : half;
    struct quire_visitor visitor = {check_leaf, audit};

    expect(audit, quire_table_validate(&space->table, NULL) == QUIRE_OK,
           "a page table is not sound");
    if (audit->wrong == NULL) { /* else it had better not be walked */
        quire_table_visit(&space->table, quire_va_at(0), half, &visitor);
        quire_table_visit(&space->table, quire_va_at(upper), half, &visitor);
    }
}

/* What a table inherits is one region, and the other way round. */
static bool inheritance_sound(const struct quire_space *space)
{
    const struct quire_table *table = &space->table;
    unsigned shift = table->format->level[0].shift;
    uint32_t entries = 0;

    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        if (r->sharing == QUIRE_INHERITED) {
            entries += (uint32_t)(r->bytes >> shift);
            if (quire_va_index(table->format, 1, r->va) != table->inherited) {
                return false;
            }
        }
    }
    return entries == table->inherited_end - table->inherited &&
           (entries != 0) == (table->from != NULL);
}

static void check_regions(struct audit *audit)
{
    const struct quire_region *region = audit->space->regions;

    expect(audit, region == NULL || region->prev == NULL, "the first region has one before it");
    for (; region != NULL && audit->wrong == NULL; region = region->next) {
        expect(audit,
               quire_range_check(audit->space->table.format, region->va, region->bytes) == QUIRE_OK,
               "a region is not made of pages");
        audit->shown += region->object != NULL;
        audit->promised += quire_region_promised(region);
        expect(audit, region->space == audit->space, "a region is in another space's list");
        expect(audit, (region->prot & ~region->max_prot) == 0, "a region exceeds its max_prot");
        expect(audit, region->next == NULL || region->next->prev == region,
               "the list of regions is broken");
        expect(audit, region->next == NULL || region_last(region) < region->next->va.at,
               "regions overlap or are out of order");
    }
}

static void check_space(struct audit *audit, struct quire_space *space)
{
    audit->space = space;
    audit->object = NULL;
    audit->resident = 0;
    audit->swapped = 0;
    check_regions(audit);
    expect(audit, quire_supplement_sound(&space->supplement), "a supplement is not sound");
    if (audit->wrong != NULL) {
        return; /* there is no telling where the rest would lead */
    }
    expect(audit, inheritance_sound(space),
           "what a page table inherits is not an inherited region");
    check_records(audit, &space->supplement);
    check_table(audit);
    expect(audit, audit->resident == space->resident, "a space's resident pages are miscounted");
    expect(audit, audit->swapped == space->swapped, "a space's swapped pages are miscounted");
}

static void check_object(struct audit *audit, struct quire_object *object)
{
    audit->object = object;
    audit->resident = 0;
    audit->swapped = 0;
    check_records(audit, &object->pages);
    audit->promised += object->device.transfer == NULL ? object_pages(object) : 0;
    expect(audit, audit->resident == object->resident && audit->swapped == object->swapped,
           "an object's pages are miscounted");
    for (const struct quire_region *r = object->mappings; r != NULL && audit->wrong == NULL;
         r = r->object_next) {
        audit->shown--; /* beyond 0 if it goes in a circle */
        expect(audit,
               r->object == object && audit->shown < UINT64_MAX / 2 &&
                   (r->object_next == NULL || r->object_next->object_prev == r),
               "an object's list of regions is broken");
    }
}

/* Spaces that descend from each other are in one ring. */
static void check_kin(struct audit *audit, const struct quire_space *space, unsigned count)
{
    const struct quire_space *at = space->kin;

    while (at != space && count-- != 0) {
        at = at->kin;
    }
    expect(audit, at == space, "a space is not in its ring of kin");
}

/* Follows a list of the policy's; each of its frames must hold a page that may be evicted. */
static bool list_sound(struct quire_system *system, const struct quire_policy *policy,
                       const struct quire_policy_list *list)
{
    uint32_t index = list->head, before = QUIRE_NONE;

    for (uint32_t n = 0; n < list->length; n++) {
        if (index >= policy->frames || policy->node[index].prev != before ||
            !quire_page_used(&system->page[index]) || !system->page[index].listed ||
            page_policy(system, &system->page[index]) != policy) {
            return false;
        }
        before = index;
        index = policy->node[index].next;
    }
    return index == QUIRE_NONE && list->tail == before;
}

/* How many pages a policy has. */
static uint64_t check_policy(struct audit *audit, const struct quire_policy *policy)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        pages += policy->list[i].length;
        expect(audit, list_sound(audit->system, policy, &policy->list[i]),
               "a policy's list is broken");
    }
    return pages;
}

/* Frames that hold pages, the slots they keep, and what the policy has of them. */
static void check_pages(struct audit *audit)
{
    struct quire_system *system = audit->system;
    uint64_t pages = 0, listed = 0, known, owners = 0, sum = 0;

    for (uint32_t i = 0; i < system->frames; i++) {
        const struct quire_page *page = &system->page[i];
        uint32_t count = quire_frames_count(system->host->frames, quire_pfn_of(system->first + i));

        if (!quire_page_used(page)) {
            continue;
        }
        pages++;
        owners += count;
        sum += count * scramble(system->first + i);
        listed += page->listed;
        if (!quire_slot_none(page->slot)) {
            owns_slot(audit, page->slot);
        }
    }
    known = check_policy(audit, &system->policy);
    for (const struct quire_space *s = system->limited; s != NULL; s = s->next_limited) {
        known += check_policy(audit, &s->policy);
    }
    expect(audit, pages == system->resident, "resident pages are miscounted");
    expect(audit, owners == audit->owners && sum == audit->owner_sum,
           "a page's frame does not have exactly its owners");
    expect(audit, listed == known, "the policy's lists are not the resident pages");
    expect(audit, system->resident_limit == 0 || pages <= system->resident_limit,
           "more pages are resident than allowed");
}

/* Every slot that is taken has exactly its owners. */
static void check_slots(struct audit *audit)
{
    const struct quire_frames *slots = &audit->system->swap.slots;
    uint64_t used = 0, sum = 0;

    if (slots->total == 0) {
        return;
    }
    expect(audit, quire_frames_validate(slots, NULL) == QUIRE_OK, "swap slots are not sound");
    for (uint32_t i = 0; i < slots->total; i++) {
        used += quire_frames_count(slots, quire_pfn_of(i));
        sum += quire_frames_count(slots, quire_pfn_of(i)) * scramble(i);
    }
    expect(audit, used == audit->slots && sum == audit->slot_sum,
           "a swap slot does not have exactly its owners");
}

enum quire_status quire_locked_validate(struct quire_system *system,
                                        struct quire_space *const *spaces, unsigned count,
                                        const char **what)
{
    struct audit audit = {.system = system};

    expect(&audit, quire_frames_validate(system->host->frames, NULL) == QUIRE_OK,
           "the frame allocator is not sound");
    for (unsigned i = 0; i < count; i++) {
        check_space(&audit, spaces[i]);
        check_kin(&audit, spaces[i], count);
    }
    for (struct quire_object *object = system->objects; object != NULL; object = object->next) {
        check_object(&audit, object);
    }
    expect(&audit, audit.shown == 0, "a region is missing in its object's list");
    expect(&audit, audit.promised == system->committed, "promised memory is miscounted");
    check_pages(&audit);
    check_slots(&audit);
    expect(&audit,
           system->registry == NULL || quire_registry_validate(system->registry, NULL) == QUIRE_OK,
           "page tables and their windows disagree");
    expect(&audit, quire_slab_sound(system), "the records of regions are not sound");
    if (what != NULL) {
        *what = audit.wrong;
    }
    return audit.wrong == NULL ? QUIRE_OK : QUIRE_CORRUPT;
}
