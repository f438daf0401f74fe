/*
 * Fork, case by case: who writes first, who leaves first, where the page is; what it costs (copies,
 * frames, slots) and who owns what then. test_fork.c does it at random.
 *
 *     space 0 --fork--> space 1 --fork--> space 2
 */
#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void w(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_write(lab, space, page) == QUIRE_OK);
}

static void r(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_read(lab, space, page) == QUIRE_OK);
}

static void fork(struct lab *lab, unsigned child, unsigned parent)
{
    check(lab_fork(lab, child, parent) == QUIRE_OK);
    lab_check(lab);
}

static uint64_t copies(const struct lab *lab)
{
    return lab->system.events[QUIRE_EVENT_COPY];
}

/* Owners of the frame that the page is in. */
static uint32_t owners(const struct lab *lab, unsigned space, unsigned page)
{
    return quire_frames_count(&lab->arena.frames, lab_frame(lab, space, page));
}

static void end(struct lab *lab)
{
    lab_check(lab);
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* Machines that can fork: the others are asked elsewhere. */
static bool next_machine(unsigned *machine)
{
    do {
        ++*machine;
    } while (*machine < LAB_MACHINES && lab_machine(*machine, NULL)->leaf.write.mask == 0);
    return *machine < LAB_MACHINES;
}

static const unsigned before_first = UINT32_MAX;

/* ---- writing --------------------------------------------------------------------------------- */

/* Each writes in turn: two copies are made, the last one keeps the frame. */
static void test_written_in_each_order(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        for (unsigned i = 0; i < 6; i++) {
            struct lab lab;
            quire_pfn pfn;

            lab_start(&lab, machine, 0, 16);
            lab_draw(&lab, 0, "w");
            w(&lab, 0, 0);
            pfn = lab_frame(&lab, 0, 0);
            fork(&lab, 1, 0);
            fork(&lab, 2, 1);
            assert_int_equal(owners(&lab, 0, 0), 3);
            assert_int_equal(lab.system.resident, 1);
            for (unsigned n = 0; n < 3; n++) {
                w(&lab, orders[i][n], 0);
                lab_check(&lab);
                lab_compare(&lab);
                assert_int_equal(copies(&lab), n < 2 ? n + 1 : 2);
                assert_int_equal(owners(&lab, orders[i][2], 0), n < 2 ? 2 - n : 1);
            }
            assert_int_equal(lab_frame(&lab, orders[i][2], 0).n, pfn.n);
            assert_int_equal(lab.system.resident, 3);
            end(&lab);
        }
    }
}

/* Reading copies nothing. */
static void test_read_by_all(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        struct lab lab;

        lab_start(&lab, machine, 0, 16);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        fork(&lab, 1, 0);
        fork(&lab, 2, 0);
        for (unsigned n = 0; n < 3; n++) {
            r(&lab, n, 0);
            assert_null(lab_mmu(&lab, n, 0, W));
        }
        assert_int_equal(copies(&lab), 0);
        assert_int_equal(lab.system.resident, 1);
        assert_int_equal(lab.space[2].space.resident, 1);
        end(&lab);
    }
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void test_leave_in_each_order(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        for (unsigned i = 0; i < 6; i++) {
            struct lab lab;
            quire_pfn pfn;

            lab_start(&lab, machine, 0, 16);
            lab_draw(&lab, 0, "ww");
            w(&lab, 0, 0);
            w(&lab, 0, 1);
            fork(&lab, 1, 0);
            fork(&lab, 2, 1);
            w(&lab, 1, 1);
            pfn = lab_frame(&lab, 0, 0);
            for (unsigned n = 0; n < 2; n++) {
                lab_destroy(&lab, orders[i][n]);
                lab_check(&lab);
                assert_int_equal(owners(&lab, orders[i][2], 0), 2 - n);
                lab_compare(&lab);
            }
            w(&lab, orders[i][2], 0); /* is the only one now: nothing to copy */
            assert_int_equal(lab_frame(&lab, orders[i][2], 0).n, pfn.n);
            assert_int_equal(copies(&lab), 1);
            assert_int_equal(lab.system.resident, 2);
            end(&lab);
        }
    }
}

/* Who unmaps or discards a page is no owner any more, and kin no less. */
static void test_unmapped_and_discarded(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 16);
    lab_draw(&lab, 0, "www");
    w(&lab, 0, 0);
    w(&lab, 0, 1);
    fork(&lab, 1, 0);
    fork(&lab, 2, 1);
    assert_int_equal(lab_unmap(&lab, 0, 0, 1), QUIRE_OK);
    assert_int_equal(owners(&lab, 1, 0), 2);
    assert_int_equal(lab_discard(&lab, 2, 0, 2), QUIRE_OK);
    assert_int_equal(owners(&lab, 1, 0), 1);
    assert_int_equal(owners(&lab, 1, 1), 2);
    lab_check(&lab);
    assert_int_equal(lab_map(&lab, 0, 0, 1, 'w'), QUIRE_OK); /* another page in the same place */
    w(&lab, 0, 0);
    w(&lab, 1, 0);
    r(&lab, 2, 0);
    assert_int_equal(copies(&lab), 0);
    end(&lab);
}

/* Only the MMU of one owner knows that the page was written: it must not be thought to be zeros
 * when that one has it no more. */
static void test_marks_of_who_leaves(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 4; i++) {
        struct lab lab;

        if (lab_machine(i / 4, NULL)->leaf.write.mask == 0) {
            continue;
        }
        lab_start(&lab, i / 4, 2, 16);
        lab_draw(&lab, 0, "www");
        r(&lab, 0, 0);
        w(&lab, 0, 0); /* without a fault, where the MMU has a dirty bit */
        fork(&lab, 1, 0);
        switch (i % 4) {
        case 0: w(&lab, 0, 0); break; /* gets a copy */
        case 1: check(lab_unmap(&lab, 0, 0, 1) == QUIRE_OK); break;
        case 2: check(lab_discard(&lab, 0, 0, 1) == QUIRE_OK); break;
        default: lab_destroy(&lab, 0); break;
        }
        w(&lab, 1, 1);
        w(&lab, 1, 2);
        lab_check(&lab);
        assert_int_equal(lab.system.drops[QUIRE_DROP_ZERO], 0);
        r(&lab, 1, 0);
        end(&lab);
    }
}

/* ---- in swap --------------------------------------------------------------------------------- */

/* Both read the slot in, neither may overwrite it; who writes gets another one. */
static void test_shared_slot(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        quire_slot slot = quire_slot_of(0);
        struct lab lab;
        uint64_t writes;

        lab_start(&lab, machine, 1, 16);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        r(&lab, 0, 1);
        lab_pages(&lab, 0, "s#");
        fork(&lab, 1, 0);
        fork(&lab, 2, 1);
        assert_int_equal(quire_swap_owners(&lab.system.swap, slot), 3);
        r(&lab, 1, 0);
        r(&lab, 0, 0);
        writes = lab.swap.writes;
        assert_int_equal(quire_swap_owners(&lab.system.swap, slot), 3);
        r(&lab, 2, 0); /* all that is read is dropped again */
        assert_int_equal(lab.swap.writes, writes);
        w(&lab, 1, 0);
        r(&lab, 0, 0);
        assert_int_equal(lab.swap.writes, writes + 1);
        assert_int_equal(quire_swap_owners(&lab.system.swap, slot), 2);
        w(&lab, 0, 0);
        lab_destroy(&lab, 2);
        w(&lab, 1, 1);
        r(&lab, 1, 0);
        r(&lab, 0, 0);
        assert_true(quire_swap_used(&lab.system.swap) <= 3);
        end(&lab);
    }
}

/* One write for all owners, and one slot. */
static void test_shared_frame_evicted(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        struct lab lab;

        lab_start(&lab, machine, 1, 16);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        fork(&lab, 1, 0);
        fork(&lab, 2, 0);
        r(&lab, 1, 0);
        r(&lab, 2, 0);
        w(&lab, 1, 1);
        for (unsigned n = 0; n < 3; n++) {
            assert_null(lab_mmu(&lab, n, 0, R));
            assert_int_equal(lab.space[n].space.swapped, 1);
        }
        assert_int_equal(lab.swap.writes, 1);
        assert_int_equal(quire_swap_used(&lab.system.swap), 1);
        assert_int_equal(quire_swap_owners(&lab.system.swap, quire_slot_of(0)), 3);
        end(&lab);
    }
}

/* The copy needs a frame, and the only page that can go is the one to be copied. */
static void test_source_evicted_for_the_copy(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        struct lab lab;

        lab_start(&lab, machine, 1, 16);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        fork(&lab, 1, 0);
        w(&lab, 1, 0);
        assert_int_equal(copies(&lab), 0);
        lab_pages(&lab, 0, "s");
        lab_pages(&lab, 1, "#");
        w(&lab, 0, 0);
        end(&lab);
    }
}

/* ---- what is forked -------------------------------------------------------------------------- */

/* Untouched, zero (dropped), of an object, its own of an object, in swap, resident, in a region
 * that grows, in one that is shared. */
static void test_every_kind_of_page(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        struct lab lab;

        lab_start(&lab, machine, 3, 32);
        lab_file(&lab, 0, 4 * lab.page_bytes);
        lab_draw(&lab, 0, "www");
        assert_int_equal(lab_map_file(&lab, 0, 3, 5, 'w', 0, 0), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 0, 8, 4, 'w', 0, 0), QUIRE_OK);
        assert_int_equal(lab_map_stack(&lab, 0, 15, 1, 'w', 13), QUIRE_OK);
        w(&lab, 0, 0);
        assert_int_equal(lab_clear(&lab, 0, 3), QUIRE_OK);
        w(&lab, 0, 4);
        w(&lab, 0, 9);
        w(&lab, 0, 14);
        w(&lab, 0, 15);
        r(&lab, 0, 6);
        fork(&lab, 1, 0);
        lab_compare(&lab);
        for (unsigned i = 0; i < LAB_PAGES; i++) {
            if (lab.space[0].page[i].mapped) {
                w(&lab, i % 2, i);
                lab_check(&lab);
            }
        }
        w(&lab, 1, 13); /* the child's stack grows by itself */
        assert_false(lab.space[0].page[13].mapped);
        lab_compare(&lab);
        w(&lab, 0, 9);
        r(&lab, 1, 9); /* shared for ever */
        end(&lab);
    }
}

/* The parent's wired page stays where it is, however much is written. */
static void test_wired(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        struct lab lab;
        quire_pfn pfn;

        lab_start(&lab, machine, 0, 16);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        w(&lab, 0, 1);
        assert_int_equal(lab_wire(&lab, 0, 0, R), QUIRE_OK);
        pfn = lab_frame(&lab, 0, 0);
        fork(&lab, 1, 0);
        assert_int_equal(owners(&lab, 0, 0), 1);
        assert_int_equal(owners(&lab, 0, 1), 2);
        w(&lab, 0, 0);
        w(&lab, 1, 0);
        assert_int_equal(lab_frame(&lab, 0, 0).n, pfn.n);
        assert_int_equal(lab_unwire(&lab, 1, 0), QUIRE_NOT_FOUND);
        fork(&lab, 2, 1);
        assert_int_equal(owners(&lab, 1, 0), 2);
        assert_int_equal(lab_wire(&lab, 2, 0, R), QUIRE_OK); /* copies at once */
        assert_int_equal(owners(&lab, 1, 0), 1);
        assert_int_equal(lab_unwire(&lab, 2, 0), QUIRE_OK);
        assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_OK);
        end(&lab);
    }
}

/* ---- what fails ------------------------------------------------------------------------------ */

/* An MMU that cannot withhold the right to write cannot copy on a write; without pages that could
 * be written it need not. */
static void test_without_write_bit(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab_page page = {.prot = QUIRE_USER | QUIRE_READ,
                                .max_prot = QUIRE_USER | QUIRE_READ};
        struct lab lab;

        lab_start(&lab, machine, 0, 16);
        assert_int_equal(lab_map_as(&lab, 0, 4, 2, &page), QUIRE_OK);
        r(&lab, 0, 4);
        assert_int_equal(lab_fork(&lab, 1, 0), QUIRE_OK);
        assert_int_equal(lab_map(&lab, 0, 0, 2, 'r'), QUIRE_OK); /* may be writable one day */
        assert_int_equal(lab_fork(&lab, 2, 0), lab_can_protect(&lab) ? QUIRE_OK : QUIRE_INVALID);
        end(&lab);
    }
}

static void start_full(struct lab *lab, unsigned machine)
{
    lab_start(lab, machine, 0, 16);
    lab_file(lab, 0, 2 * lab->page_bytes);
    lab_draw(lab, 0, "wwr");
    assert_int_equal(lab_map_shared(lab, 0, 5, 2, 'w', 0, 0), QUIRE_OK);
    assert_int_equal(lab_map_file(lab, 0, 8, 2, 'w', 0, 0), QUIRE_OK);
    w(lab, 0, 0);
    w(lab, 0, 1);
    w(lab, 0, 5);
    w(lab, 0, 8);
    assert_int_equal(lab_wire(lab, 0, 1, W), QUIRE_OK);
}

/* The n-th frame is not there: lab_fork() checks that nothing changed. */
static void test_fork_refused_frames(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        enum quire_status status;
        unsigned n = 0;

        do {
            struct lab lab;

            start_full(&lab, machine);
            n++;
            lab.refuse = (struct lab_trip){n, 0, n % 2};
            status = lab_fork(&lab, 1, 0);
            lab.refuse.in = 0;
            lab_check(&lab);
            lab_compare(&lab);
            if (status != QUIRE_OK) {
                fork(&lab, 1, 0);
            }
            w(&lab, 1, 0);
            w(&lab, 0, 8);
            end(&lab);
        } while (status != QUIRE_OK);
        assert_true(n > 4); /* root, node, the wired page, at least */
    }
}

/* The copy's frames: each refused once, others could go; and refused for good. */
static void test_copy_refused_frames(void **state)
{
    (void)state;
    for (unsigned machine = before_first; next_machine(&machine);) {
        bool struck;
        unsigned n = 0;

        do {
            struct lab_state before;
            enum quire_status status;
            struct lab lab;

            start_full(&lab, machine);
            fork(&lab, 1, 0);
            n++;
            lab.refuse = (struct lab_trip){1 + n / 2, 0, n % 2};
            lab_remember(&lab, &before);
            status = lab_fault(&lab, 1, 0, W);
            struck = lab.refuse.struck != 0;
            lab.refuse.in = 0;
            lab_check(&lab);
            assert_true(status == QUIRE_OK || (struck && status == QUIRE_NO_MEMORY));
            w(&lab, 1, 0);
            w(&lab, 0, 0);
            end(&lab);
        } while (struck);
        assert_true(n > 2);
    }
}

/* Promises: the child's pages may all be written one day. */
static void test_commit_limit(void **state)
{
    struct lab_setup setup = {.format = lab_machine(LAB_SMALL, NULL), .frames = 60, .strict = true};
    struct lab lab;

    (void)state;
    lab_open(&lab, &setup);
    assert_int_equal(lab_create(&lab, 0, 0), QUIRE_OK);
    lab_draw(&lab, 0, "wwwwwwwwwwwwwwww");
    assert_int_equal(lab.system.commit_limit, 59);
    fork(&lab, 1, 0);
    fork(&lab, 2, 0);
    assert_int_equal(lab.system.committed, 48);
    lab_destroy(&lab, 1);
    assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
    lab_draw(&lab, 1, "wwwwwwwwwwwwwwww");
    assert_int_equal(lab_map(&lab, 1, 0, 1, 'w'), QUIRE_EXISTS);
    lab_destroy(&lab, 2);
    lab_memory(&lab, 0, 12 * lab.page_bytes);
    assert_int_equal(lab_fork(&lab, 2, 0), QUIRE_NO_SPACE);
    assert_int_equal(lab_unmap(&lab, 0, 15, 1), QUIRE_OK);
    fork(&lab, 2, 0);
    assert_int_equal(lab_map(&lab, 0, 15, 1, 'w'), QUIRE_OK);
    assert_int_equal(lab.system.committed, lab.system.commit_limit);
    assert_int_equal(lab_map(&lab, 2, 15, 1, 'w'), QUIRE_NO_SPACE);
    end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_in_each_order),
        cmocka_unit_test(test_read_by_all),
        cmocka_unit_test(test_leave_in_each_order),
        cmocka_unit_test(test_unmapped_and_discarded),
        cmocka_unit_test(test_marks_of_who_leaves),
        cmocka_unit_test(test_shared_slot),
        cmocka_unit_test(test_shared_frame_evicted),
        cmocka_unit_test(test_source_evicted_for_the_copy),
        cmocka_unit_test(test_every_kind_of_page),
        cmocka_unit_test(test_wired),
        cmocka_unit_test(test_without_write_bit),
        cmocka_unit_test(test_fork_refused_frames),
        cmocka_unit_test(test_copy_refused_frames),
        cmocka_unit_test(test_commit_limit),
    };

    return unit_run(tests);
}
