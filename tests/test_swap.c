/*
 * Eviction and swap: which pages are written where, counted at the disk; full swap, slots taken
 * back from pages that are resident; and the failures that seed 000's code is known for, one by
 * one.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

/* Can this MMU tell at all that a page was written? */
static bool tells_writes(const struct quire_format *format)
{
    return format->leaf.dirty.mask != 0 || format->leaf.write.mask != 0;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static void test_slots(void **state)
{
    const struct quire_device device = {NULL, NULL};
    size_t bytes = quire_swap_size(100);
    uint64_t *memory = malloc(bytes);
    struct quire_swap swap;
    quire_slot slot;

    (void)state;
    assert_int_equal(quire_swap_size(0), 0);
    assert_int_equal(quire_swap_init(&swap, &device, NULL, 0, 0, 12), QUIRE_OK);
    assert_int_equal(quire_swap_alloc(&swap, &slot), QUIRE_NO_SPACE);
    assert_int_equal(quire_swap_used(&swap), 0);

    assert_int_equal(quire_swap_init(&swap, &device, memory, bytes - 1, 100, 12), QUIRE_INVALID);
    assert_int_equal(quire_swap_init(&swap, &device, memory, bytes, 100, 12), QUIRE_OK);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(quire_swap_alloc(&swap, &slot), QUIRE_OK);
        assert_int_equal(slot.n, i);
        assert_int_equal(quire_swap_used(&swap), i + 1);
    }
    assert_int_equal(quire_swap_alloc(&swap, &slot), QUIRE_NO_SPACE);
    quire_swap_ref(&swap, quire_slot_of(41));
    quire_swap_unref(&swap, quire_slot_of(41)); /* it has another owner */
    assert_int_equal(quire_swap_alloc(&swap, &slot), QUIRE_NO_SPACE);
    quire_swap_unref(&swap, quire_slot_of(97));
    quire_swap_unref(&swap, quire_slot_of(41));
    assert_int_equal(quire_swap_alloc(&swap, &slot), QUIRE_OK);
    assert_int_equal(slot.n, 41);
    assert_int_equal(quire_swap_used(&swap), 99);
    assert_int_equal(quire_frames_validate(&swap.slots, NULL), QUIRE_OK);
    free(memory);
}

/* ---- what moves when ------------------------------------------------------------------------- */

/* Two pages, one frame for them: each access of one evicts the other. */
static void test_transfers_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 1, 4);
        lab_draw(&lab, 0, "ww");
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* never written: zeros */
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_clear(&lab, 0, 0), QUIRE_OK); /* written, and zeros all the same */
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab.swap.writes + lab.swap.reads, 0);
        assert_int_equal(quire_swap_used(&lab.system.swap), 0);

        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* written out */
        assert_int_equal(lab.swap.writes, 1);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK); /* read in */
        assert_int_equal(lab.swap.reads, 1);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* dropped: its slot has it still */
        assert_int_equal(lab.swap.writes, tells_writes(lab.format) ? 1 : 2);
        assert_int_equal(quire_swap_used(&lab.system.swap), 1);
        assert_int_equal(lab_write_some(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* written again, to the same slot */
        assert_int_equal(lab.swap.writes, tells_writes(lab.format) ? 2 : 3);
        assert_int_equal(quire_swap_used(&lab.system.swap), 1);
        lab_check(&lab);
        assert_int_equal(lab_clear(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* zeros: the slot is given back */
        assert_int_equal(quire_swap_used(&lab.system.swap), 0);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab.system.drops[QUIRE_DROP_IN_SWAP], tells_writes(lab.format) ? 1 : 0);
        assert_int_equal(lab.system.drops[QUIRE_DROP_IN_FILE], 0);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* Protecting a page does not make it forget that it was written. */
static void test_protect_keeps_dirt(void **state)
{
    static const char *const to[] = {"r", "-", "x", "k", "w"};

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 5; i++) {
        struct lab lab;

        lab_start(&lab, i / 5, 1, 4);
        lab_draw(&lab, 0, "ww");
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_protect(&lab, 0, 0, 1, *to[i % 5]), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        lab_pages(&lab, 0, "s#");
        assert_int_equal(lab_protect(&lab, 0, 0, 1, 'r'), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_protect(&lab, 0, 0, 1, 'w'), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK); /* and notices that it is again */
        assert_int_equal(lab_protect(&lab, 0, 0, 1, 'r'), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* ---- swap that is too small ------------------------------------------------------------------ */

/* One slot, two frames: the second dirty page finds no slot, pages that need none still go. */
static void swap_full(const struct quire_policy_ops *policy)
{
    struct lab_setup setup = {.policy = policy, .limit = 2, .slots = 1};
    struct lab lab;

    setup.format = lab_machine(LAB_SMALL, &setup.frames);
    lab_open(&lab, &setup);
    assert_int_equal(lab_create(&lab, 0, 0), QUIRE_OK);
    lab_draw(&lab, 0, "wwww");
    assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 2), QUIRE_OK);
    assert_int_equal(quire_swap_used(&lab.system.swap), 1);
    assert_int_equal(lab_write(&lab, 0, 3), QUIRE_NO_SPACE);
    lab_check(&lab);
    assert_int_equal(lab.space[0].space.resident, 2);
    assert_int_equal(lab_clear(&lab, 0, 1), QUIRE_OK); /* zeros: one that needs no slot */
    lab_check(&lab);
    assert_int_equal(lab_write(&lab, 0, 3), QUIRE_OK);
    lab_check(&lab);
    assert_int_equal(lab_unmap(&lab, 0, 3, 1), QUIRE_OK);
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

static void test_swap_full(void **state)
{
    (void)state;
    for (unsigned i = 0; i < POLICIES; i++) {
        swap_full(policies[i]);
    }
}

/* Forgets which pages were used, as the hand does that goes round once. */
static void clear_used(struct quire_system *system)
{
    struct quire_policy *policy = &system->policy;

    for (uint32_t i = policy->list[0].head; i != QUIRE_NONE; i = policy->node[i].next) {
        policy->used(policy->context, quire_pfn_of(policy->first + i));
    }
    quire_batch_commit(&system->batch);
}

enum { MANY = 6 };

/* All but one of the resident pages are dirty, and there is no swap. */
static void one_may_go(const struct quire_policy_ops *policy, unsigned clean, unsigned used)
{
    struct lab_setup setup = {.policy = policy, .limit = MANY};
    struct lab lab;

    setup.format = lab_machine(LAB_SMALL, &setup.frames);
    lab_open(&lab, &setup);
    assert_int_equal(lab_create(&lab, 0, 0), QUIRE_OK);
    lab_draw(&lab, 0, "wwwwwww");
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(i == clean ? lab_read(&lab, 0, i) : lab_write_some(&lab, 0, i), QUIRE_OK);
    }
    if (policy->wants_accessed) {
        clear_used(&lab.system);
    }
    for (unsigned i = 0; i < MANY; i++) {
        if (used >> i & 1) {
            assert_int_equal(lab_read(&lab, 0, i), QUIRE_OK);
        }
    }
    checkf(lab_read(&lab, 0, MANY) == QUIRE_OK, "%s: page %u could have gone, of used %#x",
           policy->name, clean, used);
    lab_check(&lab);
    lab_close(&lab);
}

/* The policy may offer that one last, wherever it is and whichever pages were used: it is found. */
static void test_swap_full_one_may_go(void **state)
{
    (void)state;
    for (unsigned n = 0; n < POLICIES * MANY << MANY; n++) {
        one_may_go(policies[n % POLICIES], n / POLICIES % MANY, n / POLICIES / MANY);
    }
}

/* Resident pages that keep a slot give it to those that need one, and know that they lost it. */
static void test_slots_taken_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 2, 2);
        lab_draw(&lab, 0, "wwww");
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 2), QUIRE_OK); /* 0 goes to a slot */
        assert_int_equal(lab_write(&lab, 0, 3), QUIRE_OK); /* 1 too: swap is full */
        lab_pages(&lab, 0, "ss##");
        assert_int_equal(lab_unmap(&lab, 0, 2, 1), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK); /* in, and keeps its slot */
        assert_int_equal(quire_swap_used(&lab.system.swap), 2);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* 3 has to go: takes the slot of 0 */
        assert_int_equal(quire_swap_used(&lab.system.swap), 2);
        lab_pages(&lab, 0, "##.s");
        lab_check(&lab);
        assert_int_equal(lab_unmap(&lab, 0, 3, 1), QUIRE_OK);
        assert_int_equal(lab_map(&lab, 0, 3, 1, 'r'), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 3), QUIRE_OK); /* 0 goes: it must be written again */
        lab_pages(&lab, 0, "s#.#");
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

static void test_no_swap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 2, 0);
        lab_file(&lab, 0, 3 * lab.page_bytes);
        lab_draw(&lab, 0, "wwww");
        assert_int_equal(lab_map_file(&lab, 0, 4, 3, 'r', 0, 0), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        if (tells_writes(lab.format)) {
            for (unsigned round = 0; round < 3; round++) { /* one frame is left for all of these */
                for (unsigned page = 1; page < 7; page++) {
                    assert_int_equal(lab_read(&lab, 0, page), QUIRE_OK);
                }
            }
        }
        assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 2), QUIRE_NO_SPACE);
        assert_int_equal(lab_read(&lab, 0, 4), QUIRE_NO_SPACE);
        lab_check(&lab);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        lab_close(&lab);
    }
}

/* ---- memory that must not be eaten up -------------------------------------------------------- */

static void touch(struct quire_space *space, uint64_t va)
{
    struct quire_request request = {.ready = NULL};
    enum quire_status status = quire_space_fault(space, quire_va_at(va), QUIRE_READ, &request);

    checkf(status == QUIRE_OK, "%#llx: %s", (unsigned long long)va, quire_status_text(status));
}

/* A machine of 24 frames reads a page in each of 64 stretches of 4 MiB, for which it could not keep
 * nodes: what is as its region says costs nothing once it is evicted. */
static void test_reading_costs_no_records(void **state)
{
    struct lab_setup setup = {.format = &quire_format_i386, .frames = 24, .slots = 4};

    (void)state;
    for (unsigned of_file = 0; of_file < 2; of_file++) {
        struct quire_region_spec spec = {.bytes = UINT64_C(64) << 22, .prot = QUIRE_READ};
        struct quire_space *space;
        struct lab lab;

        lab_open(&lab, &setup);
        space = &lab.space[0].space;
        assert_int_equal(lab_create(&lab, 0, UINT64_C(1) << 30), QUIRE_OK);
        if (of_file) { /* each region shows another page of it */
            spec.object = lab_file(&lab, 0, 64 * 4096);
        }
        for (uint64_t i = 0; i < 64; i++) {
            if (of_file) {
                spec.va = quire_va_at(i << 22);
                spec.bytes = 4096;
                spec.offset = i * 4096;
            }
            if (of_file || i == 0) {
                assert_int_equal(quire_space_map(space, &spec), QUIRE_OK);
            }
            touch(space, i << 22);
        }
        assert_true(lab.system.events[QUIRE_EVENT_VICTIM] > 30);
        assert_true(space->supplement.nodes <= 1 + space->resident);
        assert_int_equal(quire_space_unmap(space, quire_va_at(0), UINT64_C(1) << 30), QUIRE_OK);
        lab_close(&lab);
    }
}

/* ---- any amount of eviction ------------------------------------------------------------------ */

static void random_access(struct lab *lab, unsigned n)
{
    unsigned page = (unsigned)prng_below(&lab->prng, LAB_PAGES);
    const struct lab_page *p = &lab->space[n].page[page];
    enum quire_status status;

    if (!p->mapped || p->prot == 0) {
        status = lab_read(lab, n, page);
        assert_int_equal(status, QUIRE_FAULT);
    } else if ((p->prot & QUIRE_WRITE) == 0 || prng_one_in(&lab->prng, 2)) {
        assert_int_equal(lab_read(lab, n, page), QUIRE_OK);
    } else if (prng_one_in(&lab->prng, 4)) {
        assert_int_equal(lab_clear(lab, n, page), QUIRE_OK);
    } else {
        assert_int_equal(lab_write_some(lab, n, page), QUIRE_OK);
    }
}

static void random_change(struct lab *lab, unsigned n)
{
    unsigned first = (unsigned)prng_below(&lab->prng, LAB_PAGES);
    unsigned pages = 1 + (unsigned)prng_below(&lab->prng, LAB_PAGES - first);
    char letter = "rwx-k"[prng_below(&lab->prng, 5)];
    unsigned file = (unsigned)prng_below(&lab->prng, LAB_FILES);

    pages = pages > 6 ? 6 : pages;
    switch (prng_below(&lab->prng, 4)) {
    case 0: lab_unmap(lab, n, first, pages); break;
    case 1: lab_protect(lab, n, first, pages, letter); break;
    case 2: lab_map(lab, n, first, pages, letter); break;
    default:
        lab_map_file(lab, n, first, pages, letter, file,
                     prng_below(&lab->prng, 6) * lab->page_bytes);
    }
}

static void random_run(const struct lab_setup *setup, uint64_t base, unsigned steps)
{
    struct lab lab;

    lab_open(&lab, setup);
    lab_file(&lab, 0, 3 * lab.page_bytes);
    lab_file(&lab, 1, 5 * lab.page_bytes + 1);
    lab_file(&lab, 2, lab.page_bytes - 1);
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        assert_int_equal(lab_create(&lab, n, base), QUIRE_OK);
        lab_draw(&lab, n, "wwww.");
        lab_map_file(&lab, n, 6, 7, 'w', n, 0);
    }
    for (unsigned step = 0; step < steps; step++) {
        unsigned n = (unsigned)prng_below(&lab.prng, LAB_SPACES);

        if (prng_one_in(&lab.prng, 8)) {
            random_change(&lab, n);
        } else {
            random_access(&lab, n);
        }
        if (step % 4 == 0) {
            lab_check(&lab);
        }
    }
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

static void test_random(void **state)
{
    static const enum arena_reach reach[] = {ARENA_DIRECT, ARENA_DIRECT, ARENA_DIRECT, ARENA_MIXED};
    struct prng prng = prng_new(3);

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * POLICIES; i++) {
        struct lab_setup setup = {.policy = policies[i % POLICIES],
                                  .limit = 1 + (uint32_t)prng_below(&prng, 12),
                                  .slots = LAB_SPACES * LAB_PAGES,
                                  .concurrent = i % 3 == 0};

        setup.format = lab_machine(i / POLICIES, &setup.frames);
        setup.reach = reach[i % 4];
        if (quire_format_page_shift(setup.format) < 12) {
            setup.reach = ARENA_DIRECT; /* the arena has no windows for blocks of frames */
        } else if (setup.reach == ARENA_MIXED) {
            setup.limit = 0; /* use memory that is seen through windows, too */
        }
        if (!setup.policy->wants_accessed || setup.format->leaf.accessed.mask != 0) {
            random_run(&setup, 0, setup.reach == ARENA_DIRECT ? 300 : 100);
        }
    }
}

/* The machine's own memory has to do for everything. */
static void test_random_records_inside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < POLICIES; i++) {
        struct lab_setup setup = {.format = lab_machine(LAB_I386, NULL),
                                  .policy = policies[i],
                                  .frames = 30,
                                  .slots = LAB_SPACES * LAB_PAGES,
                                  .records_inside = true};

        random_run(&setup, UINT64_C(0xfffff000) - (LAB_PAGES - 1) * 4096, 600);
    }
}

/* ---- what seed 000's code is known for ------------------------------------------------------- */

/* Two spaces with the same addresses. */
static void start_two(struct lab *lab, unsigned machine, const struct quire_policy_ops *policy,
                      uint32_t limit)
{
    struct lab_setup setup = {.policy = policy, .limit = limit, .slots = 8};

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(lab, &setup);
    assert_int_equal(lab_create(lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_create(lab, 1, 0), QUIRE_OK);
    lab_draw(lab, 0, "wwww");
    lab_draw(lab, 1, "wwww");
}

/* "A/D bits read through the wrong address space or an alias": whoever's fault it is, the page's
 * own mapping says whether it was used and written. */
static void test_seed_000_marks_of_the_owner(void **state)
{
    struct lab lab;

    (void)state;
    start_two(&lab, LAB_I386, &quire_policy_fifo, 2);
    assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK); /* dirty in space 0 */
    assert_int_equal(lab_read(&lab, 1, 0), QUIRE_OK);  /* clean in space 1, same address */
    assert_int_equal(lab_read(&lab, 1, 1), QUIRE_OK);  /* evicts the former */
    assert_int_equal(lab.swap.writes, 1);
    assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK); /* evicts the latter */
    assert_int_equal(lab.swap.writes, 1);
    lab_compare(&lab);
    lab_close(&lab);

    start_two(&lab, LAB_I386, &quire_policy_clock_mmu, 3);
    assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 1, 0), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 1, 1), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK); /* all were used: the first goes */
    lab_pages(&lab, 0, ".#");
    lab_pages(&lab, 1, "##");
    assert_int_equal(lab_read(&lab, 1, 0), QUIRE_OK); /* used again; its neighbour is not */
    assert_int_equal(lab_read(&lab, 0, 2), QUIRE_OK);
    lab_pages(&lab, 0, ".##");
    lab_pages(&lab, 1, "#.");
    lab_check(&lab);
    lab_close(&lab);
}

/* "Eviction that clears the PTE in the current process instead of the owner's." */
static void test_seed_000_pte_of_the_owner(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        start_two(&lab, i, &quire_policy_fifo, 2);
        assert_int_equal(lab_write(&lab, 0, 2), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 1, 2), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 1, 3), QUIRE_OK); /* evicts page 2 of space 0 */
        assert_null(lab_mmu(&lab, 0, 2, QUIRE_READ));
        assert_non_null(lab_mmu(&lab, 1, 2, QUIRE_READ));
        lab_pages(&lab, 0, "..s");
        lab_pages(&lab, 1, "..##");
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* "A clean page that came from swap lost": evicted without being written, it is still in its slot.
 * */
static void test_seed_000_clean_page_from_swap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 1, 4);
        lab_draw(&lab, 0, "ww");
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        for (unsigned round = 0; round < 5; round++) {
            assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
            lab_pages(&lab, 0, "s#");
            assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
            lab_check(&lab);
        }
        assert_int_equal(lab.swap.reads, 5);
        assert_int_equal(lab.swap.writes, tells_writes(lab.format) ? 1 : 5);
        lab_close(&lab);
    }
}

/* "A swap slot taken for file pages": only for those that were written. */
static void test_seed_000_no_slot_for_file_pages(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_I386, 1, 4);
    lab_file(&lab, 0, 4 * lab.page_bytes);
    assert_int_equal(lab_map_file(&lab, 0, 0, 4, 'w', 0, 0), QUIRE_OK);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(lab_read(&lab, 0, i % 4), QUIRE_OK);
        assert_int_equal(quire_swap_used(&lab.system.swap), 0);
    }
    assert_int_equal(lab.file_disk[0].reads, 8);
    assert_int_equal(lab.system.drops[QUIRE_DROP_IN_FILE], 7);
    assert_int_equal(lab_write_some(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
    assert_int_equal(quire_swap_used(&lab.system.swap), 1);
    assert_int_equal(lab.swap.writes, 1);
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

/* "Slot 0 released for pages never swapped": slot 0 is somebody's; pages that have none go away. */
static void test_seed_000_slot_0(void **state)
{
    struct lab lab;

    (void)state;
    start_two(&lab, LAB_I386, &quire_policy_fifo, 1);
    lab_file(&lab, 0, lab.page_bytes);
    assert_int_equal(lab_map_file(&lab, 0, 4, 2, 'w', 0, 0), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 1, 0), QUIRE_OK);
    assert_int_equal(lab_clear(&lab, 0, 0), QUIRE_OK);
    lab_pages(&lab, 1, "s");
    assert_int_equal(quire_supplement_get(&lab.space[1].space.supplement, 0).number, 0);
    assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 0, 4), QUIRE_OK);
    assert_int_equal(lab_clear(&lab, 0, 5), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 0, 2), QUIRE_OK); /* pages of all kinds but in swap */
    assert_int_equal(lab_unmap(&lab, 0, 0, 3), QUIRE_OK);
    assert_int_equal(quire_swap_used(&lab.system.swap), 1);
    lab_check(&lab);
    lab_destroy(&lab, 0);
    assert_int_equal(quire_swap_used(&lab.system.swap), 1);
    assert_int_equal(lab_read(&lab, 1, 0), QUIRE_OK);
    lab_check(&lab);
    lab_close(&lab);
}

/* "A mapped file of exactly n pages given an empty last page": n pages are read, and all of them;
 * the page behind them, if the region goes on, is zeros and no read. */
static void test_seed_000_file_of_whole_pages(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        for (unsigned pages = 1; pages < 5; pages++) {
            struct lab lab;

            lab_start(&lab, i, 0, 4);
            bool copies = lab.format->leaf.write.mask == 0; /* what cannot be kept from writes */

            lab_file(&lab, 0, pages * lab.page_bytes);
            assert_int_equal(lab_map_file(&lab, 0, 0, pages, 'r', 0, 0), QUIRE_OK);
            assert_int_equal(lab_map_file(&lab, 0, pages + 1, pages + 1, 'r', 0, 0), QUIRE_OK);
            lab_compare(&lab);
            assert_int_equal(lab_read(&lab, 0, pages), QUIRE_FAULT);
            assert_int_equal(lab.file_disk[0].reads, (copies ? 2 : 1) * pages);
            assert_int_equal(lab.system.events[QUIRE_EVENT_ZERO_FILL], 1);
            lab_check(&lab);
            lab_close(&lab);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_transfers_counted),
        cmocka_unit_test(test_protect_keeps_dirt),
        cmocka_unit_test(test_swap_full),
        cmocka_unit_test(test_swap_full_one_may_go),
        cmocka_unit_test(test_slots_taken_back),
        cmocka_unit_test(test_no_swap),
        cmocka_unit_test(test_reading_costs_no_records),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_records_inside),
        cmocka_unit_test(test_seed_000_marks_of_the_owner),
        cmocka_unit_test(test_seed_000_pte_of_the_owner),
        cmocka_unit_test(test_seed_000_clean_page_from_swap),
        cmocka_unit_test(test_seed_000_no_slot_for_file_pages),
        cmocka_unit_test(test_seed_000_slot_0),
        cmocka_unit_test(test_seed_000_file_of_whole_pages),
    };

    return unit_run(tests);
}
