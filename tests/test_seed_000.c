/*
 * Seed 000: what its diagram says of the supplement of a process, from beginning to exit; and of
 * those failures that its authors' code is known for: marks behind an alias and of other owners,
 * and stacks without a limit. Locks that an error leaves are in test_seed_000_errors.c, the rest of
 * them in test_swap.c.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/pair.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

/* ---- the diagram ----------------------------------------------------------------------------- */

/* A page that is touched first, and the nodes that there are then. */
struct step {
    uint64_t va;
    uint32_t nodes;
};

static void walk_through(const struct quire_format *format, const struct step *steps,
                         unsigned count)
{
    struct lab_setup setup = {.format = format, .frames = 96, .slots = 16};
    uint64_t half = UINT64_C(1) << (format->va_bits - 1);
    struct quire_region_spec spec = {.bytes = half, .prot = R | W};
    struct pair pair;
    uint32_t before;

    pair_open(&pair, &setup);
    before = pair.lab.arena.frames.free;
    pair_create(&pair, 0);
    assert_int_equal(pair.space[0].supplement.nodes, 1);      /* the first level, at once */
    assert_int_equal(before - pair.lab.arena.frames.free, 2); /* that, and the page table's root */
    assert_int_equal(quire_space_map(&pair.space[0], &spec), QUIRE_OK);
    spec.va.at = format->canonical == QUIRE_SIGN_EXTENDED ? -half : half;
    assert_int_equal(quire_space_map(&pair.space[0], &spec), QUIRE_OK);
    assert_int_equal(pair.space[0].supplement.nodes, 1); /* regions are no use yet */
    for (unsigned i = 0; i < count; i++) {
        *pair_reach(&pair, 0, steps[i].va, W) = 1;
        checkf(pair.space[0].supplement.nodes == steps[i].nodes, "%#llx: expected %u nodes, got %u",
               (unsigned long long)steps[i].va, steps[i].nodes, pair.space[0].supplement.nodes);
        assert_int_equal(quire_supplement_bytes(&pair.space[0].supplement),
                         (uint64_t)steps[i].nodes * 4096);
    }
    pair_validate(&pair);
    pair_destroy(&pair, 0);
    assert_int_equal(pair.lab.arena.frames.free, before);
    pair_close(&pair);
}

/* "Each page_dir will allocate 1 << 10 page entries if it is being used." */
static void test_seed_000_levels_on_first_use(void **state)
{
    static const struct step i386[] = {{0, 2},          {0x3ff000, 2},   {0x400000, 3},
                                       {0x400fff, 3},   {0xffffffff, 4}, {0xffc00000, 4},
                                       {0x7fffffff, 5}, {0x80000000, 6}};
    static const struct step x86_64[] = {{0, 4},
                                         {0x3fffff, 4},
                                         {0x400000, 5},            /* a node of records */
                                         {0x100000000, 7},         /* and one above it */
                                         {0x40000000000, 10},      /* and one above that */
                                         {0x7fffffffffff, 13},     /* the end of the lower half */
                                         {0xffffffffffffffff, 16}, /* and of the upper one */
                                         {0xffffffffffc00000, 16},
                                         {0xffff800000000000, 19}};

    (void)state;
    walk_through(&quire_format_i386, i386, sizeof(i386) / sizeof(i386[0]));
    walk_through(&quire_format_x86_64, x86_64, sizeof(x86_64) / sizeof(x86_64[0]));
}

/* Every one of the 1 << 10 second levels of a 32-bit process, its pages in frames and in swap;
 * "when a process terminates, its page entries will be freed". */
static void test_seed_000_all_second_levels(void **state)
{
    struct lab_setup setup = {
        .format = &quire_format_i386, .frames = 2100, .limit = 8, .slots = 1024};
    struct quire_region_spec spec = {.bytes = UINT64_C(1) << 32, .prot = R | W};
    uint32_t before;
    struct pair pair;

    (void)state;
    pair_open(&pair, &setup);
    before = pair.lab.arena.frames.free;
    pair_create(&pair, 0);
    assert_int_equal(quire_space_map(&pair.space[0], &spec), QUIRE_OK);
    for (uint64_t i = 0; i < 1 << 10; i++) {
        pair_store(&pair, 0, (i << 10) + i, (unsigned char)(i | 1));
        assert_int_equal(pair.space[0].supplement.nodes, 1 + (i + 1));
    }
    assert_int_equal(pair.space[0].resident, 8);
    assert_int_equal(pair.space[0].swapped, 1016);
    assert_int_equal(quire_swap_used(&pair.lab.system.swap), 1016);
    for (uint64_t i = 0; i < 1 << 10; i += 100) {
        pair_load(&pair, 0, (i << 10) + i, (unsigned char)(i | 1));
    }
    pair_validate(&pair);
    pair_destroy(&pair, 0);
    assert_int_equal(quire_swap_used(&pair.lab.system.swap), 0);
    assert_int_equal(pair.lab.arena.frames.free, before);
    pair_close(&pair);
}

/* A process exits that has pages of all kinds: its own, from swap, those of an object, and after a
 * fork those of its kin. The others keep what is theirs, to the frame and to the slot. */
static void test_seed_000_exit_frees_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        for (unsigned leaves = 0; leaves < PAIR_SPACES; leaves++) { /* the parent, or the child */
            struct pair pair;
            uint32_t before;

            pair_start(&pair, i, 3, 32);
            if (!pair_can_fork(pair.lab.format)) {
                pair_close(&pair);
                continue;
            }
            pair_object(&pair, false);
            before = pair.lab.arena.frames.free;
            pair_create(&pair, 0);
            pair_map(&pair, 0, 0, 4, NULL, QUIRE_PRIVATE);
            pair_map(&pair, 0, 8, PAIR_FILE_PAGES, &pair.object, QUIRE_PRIVATE);
            for (unsigned page = 0; page < 4; page++) {
                pair_store(&pair, 0, page, (unsigned char)(page + 1));
                pair_store(&pair, 0, 8 + page, (unsigned char)(page + 11));
            }
            pair_fork(&pair);
            pair_store(&pair, 1 - leaves, 0, 100);
            pair_store(&pair, leaves, 1, 101);
            pair_load(&pair, 0, 9, 12);
            pair_validate(&pair);
            pair_destroy(&pair, leaves);
            pair_validate(&pair);
            pair_load(&pair, 1 - leaves, 0, 100);
            for (unsigned page = 1; page < 4; page++) {
                pair_load(&pair, 1 - leaves, page, (unsigned char)(page + 1));
                pair_load(&pair, 1 - leaves, 8 + page, (unsigned char)(page + 11));
            }
            pair_validate(&pair);
            pair_destroy(&pair, 1 - leaves);
            assert_int_equal(quire_swap_used(&pair.lab.system.swap), 0);
            checkf(pair.lab.arena.frames.free == before - (pair.object.pages.nodes - 1),
                   "%s: %u frames free instead of %u", pair.lab.format->name,
                   pair.lab.arena.frames.free, before);
            pair_close(&pair);
        }
    }
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* "A/D bits read through ... an alias": a page of an object is seen at two addresses of one space
 * and at a third of another. It is written through one of them and read through the others; then it
 * is evicted, and all see what was written. */
static void aliases(unsigned machine, bool of_file)
{
    static const struct {
        unsigned space, page;
    } alias[] = {{0, 0}, {0, 9}, {1, 5}};
    struct pair pair;

    pair_start(&pair, machine, 2, 16);
    pair_object(&pair, of_file);
    pair_create(&pair, 0);
    pair_create(&pair, 1);
    for (unsigned a = 0; a < 3; a++) {
        pair_map(&pair, alias[a].space, alias[a].page, 2, &pair.object, QUIRE_SHARED);
    }
    pair_map(&pair, 0, 2, 2, NULL, QUIRE_PRIVATE);
    for (unsigned round = 0; round < 9; round++) {
        unsigned writer = round % 3;

        for (unsigned a = 0; a < 3; a++) {
            if (a != writer || round < 6) { /* then the store is no fault: only the MMU marks it */
                pair_load(&pair, alias[a].space, alias[a].page, (unsigned char)round);
            }
        }
        pair_store(&pair, alias[writer].space, alias[writer].page, (unsigned char)(round + 1));
        pair_load(&pair, 0, 2, 0); /* two others take the two frames */
        pair_load(&pair, 0, 3, 0);
        assert_int_equal(quire_supplement_get(&pair.object.pages, 0).kind,
                         of_file ? QUIRE_RECORD_UNTOUCHED : QUIRE_RECORD_SWAP);
        assert_int_equal(of_file ? pair.writes : pair.lab.swap.writes, round + 1);
        pair_load(&pair, alias[writer].space, alias[writer].page, (unsigned char)(round + 1));
        pair_validate(&pair);
    }
    pair_close(&pair);
}

static void test_seed_000_marks_of_an_alias(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        if (pair_can_fork(lab_machine(i, NULL))) {
            aliases(i, false);
            aliases(i, true);
        }
    }
}

/* The same after a fork: the page was written by the parent before, and is read by the child only.
 * The child's mapping says nothing of a write, and the parent's is gone, or says it no more. */
static void test_seed_000_marks_of_kin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct pair pair;

        pair_start(&pair, i, 2, 16);
        if (!pair_can_fork(pair.lab.format)) {
            pair_close(&pair);
            continue;
        }
        pair_create(&pair, 0);
        pair_map(&pair, 0, 0, 4, NULL, QUIRE_PRIVATE);
        pair_load(&pair, 0, 0, 0); /* then the store is no fault: only the MMU marks it */
        pair_store(&pair, 0, 0, 7);
        pair_fork(&pair);
        pair_load(&pair, 1, 0, 7);
        pair_load(&pair, 1, 2, 0);
        pair_load(&pair, 1, 3, 0);
        assert_int_equal(pair.lab.swap.writes, 1);
        assert_int_equal(quire_swap_used(&pair.lab.system.swap), 1); /* one slot for both */
        assert_int_equal(pair.space[0].swapped, 1);
        assert_int_equal(pair.space[1].swapped, 1);
        pair_load(&pair, 0, 0, 7);
        pair_store(&pair, 1, 0, 8);
        pair_load(&pair, 0, 0, 7);
        pair_validate(&pair);
        pair_close(&pair);
    }
}

/* Who wrote leaves before the page is evicted: his mapping goes, and its marks with it. What he
 * wrote stays, in an object and in what his kin share with him. */
static void writer_leaves(unsigned machine, bool exits)
{
    struct pair pair;

    pair_start(&pair, machine, 3, 16);
    pair_object(&pair, true);
    pair_create(&pair, 0);
    pair_map(&pair, 0, 0, 1, NULL, QUIRE_PRIVATE);
    pair_map(&pair, 0, 4, 1, &pair.object, QUIRE_SHARED);
    pair_load(&pair, 0, 0, 0); /* then the store is no fault: only the MMU marks it */
    pair_store(&pair, 0, 0, 1);
    pair_fork(&pair);
    pair_map(&pair, 1, 8, 3, NULL, QUIRE_PRIVATE);
    pair_load(&pair, 1, 0, 1);
    pair_load(&pair, 1, 4, 0);
    pair_load(&pair, 0, 4, 0);
    pair_store(&pair, 0, 4, 2);
    if (exits) {
        pair_destroy(&pair, 0);
    } else {
        assert_int_equal(quire_space_unmap(&pair.space[0], quire_va_at(0), pair_at(&pair, 8)),
                         QUIRE_OK);
    }
    pair_validate(&pair);
    for (unsigned page = 8; page < 11; page++) { /* three others take the three frames */
        pair_load(&pair, 1, page, 0);
    }
    assert_int_equal(pair.writes, 1);
    assert_int_equal(pair.lab.swap.writes, 1);
    pair_load(&pair, 1, 0, 1);
    pair_load(&pair, 1, 4, 2);
    pair_validate(&pair);
    pair_close(&pair);
}

static void test_seed_000_marks_of_who_left(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        if (pair_can_fork(lab_machine(i, NULL))) {
            writer_leaves(i, true);
            writer_leaves(i, false);
        }
    }
}

/* A page that is used through one of its two mappings only counts as used, whichever it is. */
static void test_seed_000_used_through_an_alias(void **state)
{
    struct lab_setup setup = {.format = &quire_format_i386,
                              .policy = &quire_policy_clock_mmu,
                              .frames = 96,
                              .limit = 3,
                              .slots = 16};

    (void)state;
    for (unsigned alias = 0; alias < 2; alias++) {
        struct pair pair;

        pair_open(&pair, &setup);
        pair_object(&pair, true);
        pair_create(&pair, 0);
        pair_create(&pair, 1);
        pair_map(&pair, 0, 0, 1, &pair.object, QUIRE_SHARED);
        pair_map(&pair, 1, 8, 1, &pair.object, QUIRE_SHARED);
        pair_map(&pair, 0, 2, 4, NULL, QUIRE_PRIVATE);
        pair_load(&pair, 0, 2, 0);
        pair_load(&pair, 0, 0, 0);
        pair_load(&pair, 1, 8, 0);
        pair_load(&pair, 0, 3, 0);
        pair_load(&pair, 0, 4, 0); /* all were used: the hand clears their marks, and page 2 goes */
        assert_int_equal(quire_supplement_get(&pair.object.pages, 0).kind, QUIRE_RECORD_FRAME);
        pair_load(&pair, alias, alias * 8, 0);
        pair_load(&pair, 0, 5, 0); /* now the hand comes to the object's page, then to page 3 */
        assert_int_equal(quire_supplement_get(&pair.object.pages, 0).kind, QUIRE_RECORD_FRAME);
        assert_int_equal(quire_supplement_get(&pair.space[0].supplement, 3).kind,
                         QUIRE_RECORD_UNTOUCHED);
        pair_load(&pair, 0, 2, 0); /* it was not used since */
        pair_load(&pair, 0, 3, 0);
        assert_int_equal(quire_supplement_get(&pair.object.pages, 0).kind, QUIRE_RECORD_UNTOUCHED);
        pair_validate(&pair);
        pair_close(&pair);
    }
}

/* ---- stacks ---------------------------------------------------------------------------------- */

enum { STACK_LAST = 15, STACK_PAGES = 2, STACK_LIMIT = 6 }; /* pages; the stack ends with page 15 */

static void make_stack(struct pair *pair, uint64_t limit)
{
    struct quire_region_spec stack = {.va =
                                          quire_va_at(pair_at(pair, STACK_LAST + 1 - STACK_PAGES)),
                                      .bytes = pair_at(pair, STACK_PAGES),
                                      .prot = R | W,
                                      .stack_limit = limit};

    assert_int_equal(quire_space_map(&pair->space[0], &stack), QUIRE_OK);
}

/* Is the stack so many pages long, and is nothing else there? */
static void stack_is(struct pair *pair, uint64_t pages)
{
    const struct quire_region *stack =
        quire_space_region(&pair->space[0], quire_va_at(pair_at(pair, STACK_LAST)));

    assert_non_null(stack);
    assert_int_equal(stack->bytes, pair_at(pair, pages));
    assert_int_equal(stack->va.at, pair_at(pair, STACK_LAST + 1 - pages));
    pair_validate(pair);
}

static void refused_below(struct pair *pair, uint64_t va, enum quire_refusal refusal)
{
    struct quire_request request = {.ready = NULL};
    uint32_t nodes = pair->space[0].supplement.nodes, free = pair->lab.arena.frames.free;

    assert_int_equal(quire_space_fault(&pair->space[0], quire_va_at(va), W, &request), QUIRE_FAULT);
    assert_int_equal(request.refusal, refusal);
    assert_int_equal(pair->space[0].supplement.nodes, nodes);
    assert_int_equal(pair->lab.arena.frames.free, free);
}

/* "No stack limit": a stack grows page by page, or at once, to its limit and no byte further. */
static void test_seed_000_stack_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct pair pair;
        uint64_t lowest;

        for (unsigned step = 1; step < STACK_LIMIT; step++) {
            pair_start(&pair, i, 0, 16);
            pair_create(&pair, 0);
            make_stack(&pair, pair_at(&pair, STACK_LIMIT));
            lowest = pair_at(&pair, STACK_LAST + 1 - STACK_LIMIT);
            for (unsigned pages = STACK_PAGES + step; pages <= STACK_LIMIT; pages += step) {
                pair_store(&pair, 0, STACK_LAST + 1 - pages, (unsigned char)pages);
                stack_is(&pair, pages);
            }
            *pair_reach(&pair, 0, lowest, W) = 1;
            stack_is(&pair, STACK_LIMIT);
            refused_below(&pair, lowest - 1, QUIRE_REFUSAL_STACK);
            refused_below(&pair, 0, QUIRE_REFUSAL_STACK);
            stack_is(&pair, STACK_LIMIT);
            pair_close(&pair);
        }
    }
}

/* Limits that are none, odd, or larger than the addresses below; and a neighbour in the way. */
static void test_seed_000_stack_limit_odd(void **state)
{
    struct pair pair;

    (void)state;
    pair_start(&pair, LAB_I386, 0, 16);
    pair_create(&pair, 0);
    make_stack(&pair, 0);
    refused_below(&pair, pair_at(&pair, STACK_LAST - STACK_PAGES), QUIRE_REFUSAL_NO_REGION);
    stack_is(&pair, STACK_PAGES);
    pair_close(&pair);

    pair_start(&pair, LAB_I386, 0, 16); /* half a page more than three: three */
    pair_create(&pair, 0);
    make_stack(&pair, 3 * 4096 + 2048);
    pair_store(&pair, 0, STACK_LAST - 2, 1);
    refused_below(&pair, pair_at(&pair, STACK_LAST - 2) - 1, QUIRE_REFUSAL_STACK);
    stack_is(&pair, 3);
    pair_close(&pair);

    pair_start(&pair, LAB_I386, 0, 16); /* more than there is: all but page 0 */
    pair_create(&pair, 0);
    make_stack(&pair, UINT64_C(1) << 40);
    refused_below(&pair, 4095, QUIRE_REFUSAL_STACK);
    pair_store(&pair, 0, 1, 1);
    stack_is(&pair, STACK_LAST);
    pair_close(&pair);

    pair_start(&pair, LAB_I386, 0, 16); /* a neighbour: one page between them stays free */
    pair_create(&pair, 0);
    pair_map(&pair, 0, 8, 2, NULL, QUIRE_PRIVATE);
    make_stack(&pair, pair_at(&pair, 12));
    pair_store(&pair, 0, 11, 1);
    refused_below(&pair, pair_at(&pair, 10) + 4095, QUIRE_REFUSAL_STACK);
    stack_is(&pair, STACK_LAST - 10);
    refused_below(&pair, pair_at(&pair, 7), QUIRE_REFUSAL_NO_REGION);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_000_levels_on_first_use),
        cmocka_unit_test(test_seed_000_all_second_levels),
        cmocka_unit_test(test_seed_000_exit_frees_all),
        cmocka_unit_test(test_seed_000_marks_of_an_alias),
        cmocka_unit_test(test_seed_000_marks_of_kin),
        cmocka_unit_test(test_seed_000_marks_of_who_left),
        cmocka_unit_test(test_seed_000_used_through_an_alias),
        cmocka_unit_test(test_seed_000_stack_limit),
        cmocka_unit_test(test_seed_000_stack_limit_odd),
    };

    return unit_run(tests);
}
