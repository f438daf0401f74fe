/*
 * quire_validate() itself: each kind of record is spoilt, one at a time, in an otherwise sound
 * system, and that must be noticed, without following what is spoilt to where it may lead.
 *
 *     page    0      1      2      3      4      5     space 1:  0
 *     is in   swap   swap   frame, frame  zero   file            frame
 *                           from swap     (file)
 */
#include <stdio.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { FILE_PAGE = 5 }; /* read, never written: the object's */

static void start(struct lab *lab, unsigned machine)
{
    struct lab_setup setup = {.limit = 4, .slots = 8};

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(lab, &setup);
    check(lab_create(lab, 0, 0) == QUIRE_OK && lab_create(lab, 1, 0) == QUIRE_OK);
    lab_file(lab, 0, 2 * lab->page_bytes);
    lab_draw(lab, 0, "wwww....r.w");
    lab_draw(lab, 1, "r");
    check(lab_map_file(lab, 0, 4, 2, 'w', 0, 0) == QUIRE_OK);
    check(lab_write(lab, 0, 2) == QUIRE_OK && lab_clear(lab, 0, 4) == QUIRE_OK);
    check(lab_write(lab, 0, 0) == QUIRE_OK && lab_write(lab, 0, 1) == QUIRE_OK);
    check(lab_read(lab, 0, 5) == QUIRE_OK && lab_read(lab, 1, 0) == QUIRE_OK);
    check(lab_read(lab, 0, 2) == QUIRE_OK && lab_write(lab, 0, 3) == QUIRE_OK);
    lab_pages(lab, 0, "ss##0#");
    lab_pages(lab, 1, "#");
    lab_check(lab);
}

static struct quire_record record_of(struct lab *lab, unsigned page)
{
    return quire_supplement_get(&lab->space[0].space.supplement, page);
}

static void set_record(struct lab *lab, unsigned page, unsigned kind, uint32_t number)
{
    struct quire_record record = {(uint8_t)kind, false, number};

    check(quire_supplement_reserve(&lab->space[0].space.supplement, page) == QUIRE_OK);
    quire_supplement_set(&lab->space[0].space.supplement, page, record);
}

/* The frame's record of a page that is in one: of the space's own, or of the file's second page. */
static struct quire_page *frame_of(struct lab *lab, unsigned page)
{
    struct quire_record record = record_of(lab, page);

    if (record.kind == QUIRE_RECORD_UNTOUCHED && page == FILE_PAGE) {
        record = quire_supplement_get(&lab->file[0].pages, 1);
    }
    check(record.kind == QUIRE_RECORD_FRAME);
    return quire_system_page(&lab->system, quire_pfn_of(record.number));
}

/* ---- records of pages ------------------------------------------------------------------------ */

static void other_frame(struct lab *lab)
{
    set_record(lab, 2, QUIRE_RECORD_FRAME, record_of(lab, 3).number);
}

static void frame_that_is_none(struct lab *lab)
{
    set_record(lab, 2, QUIRE_RECORD_FRAME, QUIRE_RECORD_NUMBERS - 1);
}

static void forgotten(struct lab *lab)
{
    set_record(lab, 2, QUIRE_RECORD_UNTOUCHED, 0);
}

static void other_slot(struct lab *lab)
{
    set_record(lab, 0, QUIRE_RECORD_SWAP, 7);
}

static void slot_that_is_none(struct lab *lab)
{
    set_record(lab, 0, QUIRE_RECORD_SWAP, 8);
}

static void one_slot_twice(struct lab *lab)
{
    set_record(lab, 0, QUIRE_RECORD_SWAP, record_of(lab, 1).number);
}

static void slots_of_two_swapped_for_one(struct lab *lab)
{
    set_record(lab, 0, QUIRE_RECORD_ZERO, 0);
}

static void coming_for_ever(struct lab *lab)
{
    set_record(lab, 3, QUIRE_RECORD_COMING, record_of(lab, 3).number);
}

static void going_for_ever(struct lab *lab)
{
    set_record(lab, 3, QUIRE_RECORD_GOING, record_of(lab, 3).number);
}

static void of_no_kind(struct lab *lab)
{
    set_record(lab, 4, QUIRE_RECORD_GOING + 1, 0);
}

static void untouched_and_yet_something(struct lab *lab)
{
    set_record(lab, 4, QUIRE_RECORD_UNTOUCHED, 3);
}

static void outside_of_regions(struct lab *lab)
{
    set_record(lab, 7, QUIRE_RECORD_ZERO, 0);
}

/* ---- records of frames ----------------------------------------------------------------------- */

static void nobodys_frame(struct lab *lab)
{
    frame_of(lab, 2)->space = NULL;
}

static void other_space(struct lab *lab)
{
    frame_of(lab, 2)->space = &lab->space[1].space;
}

static void other_page(struct lab *lab)
{
    frame_of(lab, 2)->vpn++;
}

static void not_listed(struct lab *lab)
{
    frame_of(lab, 2)->listed = false;
}

static void slot_lost(struct lab *lab)
{
    frame_of(lab, 2)->slot = quire_slot_of(QUIRE_NONE);
}

static void slot_of_another(struct lab *lab)
{
    frame_of(lab, 2)->slot = quire_slot_of(record_of(lab, 0).number);
}

static void slot_of_nobody(struct lab *lab)
{
    frame_of(lab, 3)->slot = quire_slot_of(6);
}

/* The slot is given back, too, so that only the page itself is wrong. */
static void clean_without_slot(struct lab *lab)
{
    quire_swap_unref(&lab->system.swap, frame_of(lab, 2)->slot);
    frame_of(lab, 2)->slot = quire_slot_of(QUIRE_NONE);
}

static void slot_without_write(struct lab *lab)
{
    check(quire_swap_alloc(&lab->system.swap, &frame_of(lab, FILE_PAGE)->slot) == QUIRE_OK);
}

static void frame_of_nowhere(struct lab *lab)
{
    lab->system.page[lab->system.frames - 1].space = &lab->space[0].space;
}

static void frame_freed(struct lab *lab)
{
    quire_frames_unref(&lab->arena.frames, quire_pfn_of(record_of(lab, 2).number));
}

static void frame_shared(struct lab *lab)
{
    quire_frames_ref(&lab->arena.frames, quire_pfn_of(record_of(lab, 2).number));
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void space_resident(struct lab *lab)
{
    lab->space[0].space.resident++;
}

static void space_swapped(struct lab *lab)
{
    lab->space[0].space.swapped--;
}

static void system_resident(struct lab *lab)
{
    lab->system.resident--;
}

static void over_the_limit(struct lab *lab)
{
    lab->system.resident_limit = 3;
}

static void slot_without_owner(struct lab *lab)
{
    quire_slot slot;

    check(quire_swap_alloc(&lab->system.swap, &slot) == QUIRE_OK);
}

static void slot_freed(struct lab *lab)
{
    quire_swap_unref(&lab->system.swap, quire_slot_of(record_of(lab, 0).number));
}

static void slots_miscounted(struct lab *lab)
{
    lab->system.swap.slots.free++;
}

static void frames_miscounted(struct lab *lab)
{
    lab->arena.frames.free--;
}

static void nodes_miscounted(struct lab *lab)
{
    lab->space[0].space.supplement.nodes++;
}

static void other_node_remembered(struct lab *lab)
{
    struct quire_supplement *s = &lab->space[0].space.supplement;

    s->leaf_at = (UINT64_C(1) << (s->vpn_bits - s->node_bits)) - 1; /* nobody has been there */
}

static void tables_miscounted(struct lab *lab)
{
    lab->space[0].space.table.tables++;
}

/* ---- the policy ------------------------------------------------------------------------------ */

static void list_too_long(struct lab *lab)
{
    lab->system.policy.list[0].length++;
}

static void list_cut_short(struct lab *lab)
{
    struct quire_policy *policy = &lab->system.policy;

    policy->node[policy->list[0].head].next = QUIRE_NONE;
}

static void list_without_tail(struct lab *lab)
{
    lab->system.policy.list[0].tail = lab->system.policy.list[0].head;
}

static void list_in_a_circle(struct lab *lab)
{
    struct quire_policy *policy = &lab->system.policy;

    policy->node[policy->node[policy->list[0].head].next].next = policy->list[0].head;
}

static void list_leads_astray(struct lab *lab)
{
    lab->system.policy.list[0].head = lab->system.frames + 5;
}

static void unlisted_by_the_policy(struct lab *lab)
{
    quire_policy_queue_remove(&lab->system.policy, quire_pfn_of(record_of(lab, 2).number));
}

static void other_page_listed(struct lab *lab)
{
    unlisted_by_the_policy(lab);
    quire_policy_queue_insert(&lab->system.policy, quire_pfn_of(lab->system.first), 0);
}

/* ---- objects and kin ------------------------------------------------------------------------- */

static void object_resident(struct lab *lab)
{
    lab->file[0].resident++;
}

static void object_swapped(struct lab *lab)
{
    lab->file[0].swapped++;
}

static void object_forgets(struct lab *lab)
{
    struct quire_record none = {QUIRE_RECORD_UNTOUCHED, false, 0};

    quire_supplement_set(&lab->file[0].pages, 1, none);
}

static void page_of_no_object(struct lab *lab)
{
    frame_of(lab, FILE_PAGE)->object = NULL;
}

static void region_not_shown(struct lab *lab)
{
    lab->file[0].mappings = NULL;
}

static void shown_in_a_circle(struct lab *lab)
{
    lab->file[0].mappings->object_next = lab->file[0].mappings;
    lab->file[0].mappings->object_prev = lab->file[0].mappings;
}

static void region_of_another_space(struct lab *lab)
{
    lab->space[0].space.regions->space = &lab->space[1].space;
}

static void promise_forgotten(struct lab *lab)
{
    lab->system.committed--;
}

static void kin_of_a_stranger(struct lab *lab)
{
    lab->space[0].space.kin = &lab->space[1].space;
}

/* ---- regions --------------------------------------------------------------------------------- */

static void region_too_short(struct lab *lab)
{
    lab->space[0].space.regions->bytes = lab->page_bytes;
}

static void region_too_long(struct lab *lab)
{
    lab->space[0].space.regions->bytes = 6 * lab->page_bytes;
}

static void region_not_of_pages(struct lab *lab)
{
    lab->space[0].space.regions->bytes++;
}

static void region_allowed_too_much(struct lab *lab)
{
    lab->space[0].space.regions->max_prot = QUIRE_READ;
}

static void region_withdrawn(struct lab *lab)
{
    lab->space[0].space.regions->prot = 0;
}

static void region_read_only(struct lab *lab)
{
    lab->space[0].space.regions->prot &= ~(unsigned)QUIRE_WRITE;
}

static void region_without_way_back(struct lab *lab)
{
    lab->space[0].space.regions->next->prev = NULL;
}

static void region_first_is_not(struct lab *lab)
{
    lab->space[0].space.regions = lab->space[0].space.regions->next;
}

static void region_moved(struct lab *lab)
{
    lab->space[0].space.regions->va.at = UINT64_C(12) * lab->page_bytes;
}

static void regions_in_a_circle(struct lab *lab)
{
    struct quire_region *first = lab->space[0].space.regions;

    first->next->next = first;
}

/* A block of region records that has room; it is made sure that there is one. */
static struct quire_slab *block_of(struct lab *lab)
{
    check(lab_unmap(lab, 0, 10, 1) == QUIRE_OK && lab->system.region_slab != NULL);
    return lab->system.region_slab;
}

/* The header of a block, as src/space/slab.h has it: prev, next, free, first, order, used. */
static void block_miscounted(struct lab *lab)
{
    uint32_t *used = (uint32_t *)((void **)(void *)block_of(lab) + 3) + 2;

    *used += 1;
}

static void block_with_record_twice(struct lab *lab)
{
    struct quire_region *free = ((struct quire_region **)(void *)block_of(lab))[2];

    free->next = free;
}

/* ---- what the MMU sees ----------------------------------------------------------------------- */

/* The place of a page's entry. */
static uint64_t entry_at(struct lab *lab, unsigned page, uint64_t *entry)
{
    struct quire_mmu mmu = {lab->format, &lab->view, lab->space[0].space.table.root};
    struct quire_walk walk;

    (void)quire_walk(&mmu, lab_va(lab, 0, page), 0, &walk);
    *entry = walk.entry;
    return walk.entry_at.at;
}

static void entry_of_another(struct lab *lab)
{
    uint64_t entry, at;

    entry_at(lab, 3, &entry);
    at = entry_at(lab, 2, &(uint64_t){0});
    arena_poke(&lab->arena, at, lab->format->pte_bytes, lab->format->big_endian, entry);
}

static void entry_for_a_page_in_swap(struct lab *lab)
{
    uint64_t entry, at;

    entry_at(lab, 3, &entry);
    at = entry_at(lab, 1, &(uint64_t){0});
    arena_poke(&lab->arena, at, lab->format->pte_bytes, lab->format->big_endian, entry);
}

static void table_lost(struct lab *lab)
{
    struct quire_table *table = &lab->space[0].space.table;

    arena_poke(&lab->arena, table->root.at, lab->format->pte_bytes, lab->format->big_endian,
               lab->format->empty);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void poke_root_node(struct lab *lab, uint32_t number)
{
    const struct quire_supplement *s = &lab->space[0].space.supplement;
    unsigned char *at =
        arena_at(&lab->arena, quire_pfn_pa(s->root, lab->arena.page_shift).at, lab->page_bytes);

    memcpy(at + 4, &number, sizeof(number));
}

static void node_nowhere(struct lab *lab)
{
    poke_root_node(lab, UINT32_C(0x0fffffff));
}

static void node_free(struct lab *lab)
{
    poke_root_node(lab, lab->arena.frames.first + lab->arena.total);
}

static void node_twice(struct lab *lab)
{
    const struct quire_supplement *s = &lab->space[0].space.supplement;
    uint32_t number;

    memcpy(&number,
           arena_at(&lab->arena, quire_pfn_pa(s->root, lab->arena.page_shift).at, lab->page_bytes),
           sizeof(number));
    poke_root_node(lab, number);
}

/* ---- all of them ----------------------------------------------------------------------------- */

#define SPOILER(name) \
    { \
#name, name \
    }

static const struct {
    const char *name;
    void (*spoil)(struct lab *lab);
} spoilers[] = {
    SPOILER(other_frame),
    SPOILER(frame_that_is_none),
    SPOILER(forgotten),
    SPOILER(other_slot),
    SPOILER(slot_that_is_none),
    SPOILER(one_slot_twice),
    SPOILER(slots_of_two_swapped_for_one),
    SPOILER(coming_for_ever),
    SPOILER(going_for_ever),
    SPOILER(of_no_kind),
    SPOILER(untouched_and_yet_something),
    SPOILER(outside_of_regions),
    SPOILER(nobodys_frame),
    SPOILER(other_space),
    SPOILER(other_page),
    SPOILER(not_listed),
    SPOILER(slot_lost),
    SPOILER(slot_of_another),
    SPOILER(slot_of_nobody),
    SPOILER(clean_without_slot),
    SPOILER(slot_without_write),
    SPOILER(frame_of_nowhere),
    SPOILER(frame_freed),
    SPOILER(frame_shared),
    SPOILER(space_resident),
    SPOILER(space_swapped),
    SPOILER(system_resident),
    SPOILER(over_the_limit),
    SPOILER(slot_without_owner),
    SPOILER(slot_freed),
    SPOILER(slots_miscounted),
    SPOILER(frames_miscounted),
    SPOILER(nodes_miscounted),
    SPOILER(other_node_remembered),
    SPOILER(tables_miscounted),
    SPOILER(list_too_long),
    SPOILER(list_cut_short),
    SPOILER(list_without_tail),
    SPOILER(list_in_a_circle),
    SPOILER(list_leads_astray),
    SPOILER(unlisted_by_the_policy),
    SPOILER(other_page_listed),
    SPOILER(object_resident),
    SPOILER(object_swapped),
    SPOILER(object_forgets),
    SPOILER(page_of_no_object),
    SPOILER(region_not_shown),
    SPOILER(shown_in_a_circle),
    SPOILER(region_of_another_space),
    SPOILER(kin_of_a_stranger),
    SPOILER(promise_forgotten),
    SPOILER(region_too_short),
    SPOILER(region_too_long),
    SPOILER(region_not_of_pages),
    SPOILER(region_allowed_too_much),
    SPOILER(region_withdrawn),
    SPOILER(region_read_only),
    SPOILER(region_without_way_back),
    SPOILER(region_first_is_not),
    SPOILER(region_moved),
    SPOILER(regions_in_a_circle),
    SPOILER(block_miscounted),
    SPOILER(block_with_record_twice),
    SPOILER(entry_of_another),
    SPOILER(entry_for_a_page_in_swap),
    SPOILER(table_lost),
    SPOILER(node_nowhere),
    SPOILER(node_free),
    SPOILER(node_twice),
};

static enum quire_status validate(struct lab *lab, unsigned spaces, const char **what)
{
    struct quire_space *space[] = {&lab->space[0].space, &lab->space[1].space};

    return quire_validate(&lab->system, space, spaces, what);
}

static void test_each_record_spoilt(void **state)
{
    static const unsigned machine[] = {LAB_SMALL, LAB_I386, LAB_NO_DIRTY};

    (void)state;
    for (unsigned m = 0; m < 3; m++) {
        for (unsigned i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
            const char *what = NULL;
            struct lab lab;

            start(&lab, machine[m]);
            spoilers[i].spoil(&lab);
            checkf(validate(&lab, 2, &what) == QUIRE_CORRUPT, "%s: %s is not noticed",
                   lab.format->name, spoilers[i].name);
            assert_non_null(what);
            assert_int_equal(validate(&lab, 2, NULL), QUIRE_CORRUPT);
            if (m == 0) {
                printf("# %s: %s\n", spoilers[i].name, what);
            }
            lab_abandon(&lab);
        }
    }
}

/* A machine without dirty bit: a written page whose record says that it is not. */
static void test_write_unnoticed(void **state)
{
    const char *what;
    struct lab lab;

    (void)state;
    start(&lab, LAB_NO_DIRTY);
    assert_true(frame_of(&lab, 3)->dirty);
    frame_of(&lab, 3)->dirty = false;
    assert_int_equal(validate(&lab, 2, &what), QUIRE_CORRUPT);
    lab_abandon(&lab);
}

/* A space that is not among those given. */
static void test_space_missing(void **state)
{
    const char *what = "";
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL);
    assert_int_equal(validate(&lab, 1, &what), QUIRE_CORRUPT);
    assert_int_equal(validate(&lab, 2, &what), QUIRE_OK);
    assert_null(what);
    lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_record_spoilt),
        cmocka_unit_test(test_write_unnoticed),
        cmocka_unit_test(test_space_missing),
    };

    return unit_run(tests);
}
