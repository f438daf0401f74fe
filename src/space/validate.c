/* Every invariant of a system and its spaces, checked from the records alone. */
#include "internal.h"
#include "region.h"

/* What is counted on the way. Owners of slots are added up, scrambled, so that two owners of one slot
 * and none of another do not cancel out. */
struct audit {
    struct quire_system *system;
    struct quire_space *space; /* the one that is being looked at */
    uint64_t resident, swapped, total_resident;
    uint64_t slots, slot_sum;
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
    expect(audit, slot.n < slots->total && quire_frames_count(slots, quire_pfn_of(slot.n)) == 1,
           "a swap slot in use is not counted as such");
}

static void check_resident(struct audit *audit, uint64_t vpn, struct quire_record record)
{
    quire_pfn pfn = quire_pfn_of(record.number);
    struct quire_page *page = quire_system_page(audit->system, pfn);

    audit->resident++;
    expect(audit, page != NULL && page->space == audit->space && page->vpn == vpn,
           "a resident page and its frame's record disagree");
    expect(audit, quire_frames_count(audit->system->host->frames, pfn) == 1,
           "a page's frame does not have exactly one owner");
    expect(audit, page == NULL || page->listed == (record.kind == QUIRE_RECORD_FRAME),
           "a resident page is unknown to the policy, or one in transit is known");
}

static void check_records(struct audit *audit)
{
    const struct quire_supplement *supplement = &audit->space->supplement;
    struct quire_record record;
    uint64_t end = UINT64_C(1) << supplement->vpn_bits;

    for (uint64_t vpn = 0; quire_supplement_next(supplement, &vpn, end, &record); vpn++) {
        quire_va va = quire_space_va(audit->space, vpn);

        expect(audit, quire_space_region(audit->space, va) != NULL,
               "a page is recorded where there is no region");
        if (record.kind == QUIRE_RECORD_SWAP) {
            audit->swapped++;
            owns_slot(audit, quire_slot_of(record.number));
        } else if (record.kind != QUIRE_RECORD_ZERO) {
            check_resident(audit, vpn, record);
        }
    }
}

/* What the MMU sees must be a page that is recorded as resident, in that frame. */
static void check_leaf(void *context, const struct quire_leaf *leaf)
{
    struct audit *audit = context;
    const struct quire_space *space = audit->space;
    unsigned page_shift = quire_format_page_shift(space->table.format);
    struct quire_record record =
        quire_supplement_get(&space->supplement, space_vpn(space, leaf->va));

    expect(audit,
           record.kind == QUIRE_RECORD_FRAME && record.number == quire_pa_pfn(leaf->pa, page_shift).n,
           "the page table maps what the supplement does not know");
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
    quire_table_visit(&space->table, quire_va_at(0), half, &visitor);
    quire_table_visit(&space->table, quire_va_at(upper), half, &visitor);
}

static void check_regions(struct audit *audit)
{
    const struct quire_region *region = audit->space->regions;

    expect(audit, region == NULL || region->prev == NULL, "the first region has one before it");
    for (; region != NULL; region = region->next) {
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
    audit->resident = 0;
    audit->swapped = 0;
    check_regions(audit);
    check_records(audit);
    check_table(audit);
    expect(audit, audit->resident == space->resident, "a space's resident pages are miscounted");
    expect(audit, audit->swapped == space->swapped, "a space's swapped pages are miscounted");
    audit->total_resident += audit->resident;
}

/* Frames that hold pages, the slots they keep, and what the policy has of them. */
static void check_pages(struct audit *audit)
{
    struct quire_system *system = audit->system;
    uint64_t pages = 0, listed = 0, known = 0;

    for (uint32_t i = 0; i < system->frames; i++) {
        const struct quire_page *page = &system->page[i];

        if (page->space == NULL) {
            continue;
        }
        pages++;
        listed += page->listed;
        if (!quire_slot_none(page->slot)) {
            owns_slot(audit, page->slot);
        }
    }
    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        known += system->policy.list[i].length;
    }
    expect(audit, pages == system->resident && pages == audit->total_resident,
           "resident pages are miscounted");
    expect(audit, listed == known, "the policy's lists are not the resident pages");
    expect(audit, system->resident_limit == 0 || pages <= system->resident_limit,
           "more pages are resident than allowed");
}

/* Every slot that is taken has its one owner. */
static void check_slots(struct audit *audit)
{
    const struct quire_frames *slots = &audit->system->swap.slots;
    uint64_t used = 0, sum = 0;

    if (slots->total == 0) {
        return;
    }
    expect(audit, quire_frames_validate(slots, NULL) == QUIRE_OK, "swap slots are not sound");
    for (uint32_t i = 0; i < slots->total; i++) {
        if (quire_frames_count(slots, quire_pfn_of(i)) != 0) {
            used++;
            sum += scramble(i);
        }
    }
    expect(audit, used == audit->slots && sum == audit->slot_sum,
           "swap slots are taken that nobody owns, or owned twice");
}

enum quire_status quire_validate(struct quire_system *system, struct quire_space *const *spaces,
                                 unsigned count, const char **what)
{
    struct audit audit = {.system = system};

    expect(&audit, quire_frames_validate(system->host->frames, NULL) == QUIRE_OK,
           "the frame allocator is not sound");
    for (unsigned i = 0; i < count; i++) {
        check_space(&audit, spaces[i]);
    }
    check_pages(&audit);
    check_slots(&audit);
    if (what != NULL) {
        *what = audit.wrong;
    }
    return audit.wrong == NULL ? QUIRE_OK : QUIRE_CORRUPT;
}
