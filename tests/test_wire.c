/*
 * Pages that must stay (wired), pages whose contents are given up (discarded), and pages that are
 * in use (the working set).
 */
#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

static void w(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_write(lab, space, page) == QUIRE_OK);
}

static void r(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_read(lab, space, page) == QUIRE_OK);
}

static void end(struct lab *lab)
{
    lab_check(lab);
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* ---- wired ----------------------------------------------------------------------------------- */

/* It is the only page that could go: nothing goes. */
static void test_never_evicted(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 1, 8);
        lab_draw(&lab, 0, "ww");
        w(&lab, 0, 0);
        assert_int_equal(lab_wire(&lab, 0, 0, R), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 0, W), QUIRE_OK); /* twice */
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(lab_write(&lab, 0, 1), QUIRE_NO_MEMORY);
            lab_check(&lab);
            assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_OK);
        }
        w(&lab, 0, 1);
        lab_pages(&lab, 0, "s#");
        assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_NOT_FOUND);
        assert_int_equal(lab_unwire(&lab, 0, 1), QUIRE_NOT_FOUND);
        assert_int_equal(lab_unwire(&lab, 0, 5), QUIRE_NOT_FOUND);
        end(&lab);
    }
}

/* It brings in what it wires, evicting others. */
static void test_brought_in(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 2, 8);
        lab_file(&lab, 0, 4 * lab.page_bytes);
        lab_draw(&lab, 0, "www");
        assert_int_equal(lab_map_file(&lab, 0, 4, 4, 'r', 0, 0), QUIRE_OK);
        for (unsigned i = 0; i < 3; i++) {
            w(&lab, 0, i);
        }
        lab_pages(&lab, 0, "s##");
        lab.early = true;
        assert_int_equal(lab_wire(&lab, 0, 0, R), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 5, R), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 6, R), QUIRE_NO_MEMORY);
        assert_int_equal(lab_wire(&lab, 0, 6, W), QUIRE_FAULT);
        assert_int_equal(lab_wire(&lab, 0, 9, R), QUIRE_FAULT);
        lab_check(&lab);
        assert_int_equal(lab_unwire(&lab, 0, 5), QUIRE_OK);
        r(&lab, 0, 6);
        assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_OK);
        end(&lab);
    }
}

/* What takes it off the MMU does not take it out of memory, nor make it unknown. */
static void test_off_the_mmu(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;
        quire_pfn pfn;

        lab_start(&lab, machine, 2, 8);
        lab_file(&lab, 0, 2 * lab.page_bytes);
        lab_draw(&lab, 0, "www");
        assert_int_equal(lab_map_shared(&lab, 0, 4, 2, 'w', 0, 0), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 0, W), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 4, W), QUIRE_OK);
        pfn = lab_frame(&lab, 0, 4);
        assert_int_equal(lab_protect(&lab, 0, 0, 3, '-'), QUIRE_OK);
        assert_int_equal(lab_protect(&lab, 0, 0, 3, 'w'), QUIRE_OK);
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK);
        assert_null(lab_mmu(&lab, 0, 0, R));
        lab_check(&lab);
        assert_int_equal(lab_write(&lab, 0, 1), QUIRE_NO_MEMORY);
        assert_int_equal(lab_frame(&lab, 0, 4).n, pfn.n);
        assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_OK);
        w(&lab, 0, 1);
        assert_int_equal(lab_unwire(&lab, 0, 4), QUIRE_OK);
        w(&lab, 0, 2);
        end(&lab);
    }
}

/* A wired page is on its way to its file: it may be unwired even now. */
static void test_unwired_while_written_back(void **state)
{
    struct quire_request request = {.ready = NULL};
    struct lab lab;
    uint64_t next = 0;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 8);
    lab_file(&lab, 0, lab.page_bytes);
    assert_int_equal(lab_map_shared(&lab, 0, 4, 1, 'w', 0, 0), QUIRE_OK);
    w(&lab, 0, 4);
    assert_int_equal(lab_wire(&lab, 0, 4, R), QUIRE_OK);
    assert_int_equal(lab_wire(&lab, 0, 4, R), QUIRE_OK);
    lab.hold = true;
    assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_PENDING);
    lab_pages(&lab, 0, "....>");
    lab_check(&lab);
    assert_int_equal(lab_unwire(&lab, 0, 4), QUIRE_OK);
    lab_check(&lab);
    assert_int_equal(lab_unwire(&lab, 0, 4), QUIRE_OK);
    lab_check(&lab);
    lab_complete(&lab, 0, QUIRE_OK);
    assert_int_equal(quire_space_resume(&request), QUIRE_OK);
    lab.hold = false;
    end(&lab);
}

/* A wired page goes with its region, its contents, its space. */
static void test_gone(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct lab lab;

        lab_start(&lab, LAB_SMALL, 2, 8);
        assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
        lab_draw(&lab, 0, "ww");
        lab_draw(&lab, 1, "ww");
        assert_int_equal(lab_wire(&lab, 0, 0, W), QUIRE_OK);
        assert_int_equal(lab_wire(&lab, 0, 0, W), QUIRE_OK);
        lab.space[0].page[0].wired = 0;
        if (how == 0) {
            assert_int_equal(lab_unmap(&lab, 0, 0, 2), QUIRE_OK);
        } else if (how == 1) {
            assert_int_equal(lab_discard(&lab, 0, 0, 2), QUIRE_OK);
            assert_int_equal(lab_unwire(&lab, 0, 0), QUIRE_NOT_FOUND);
        } else {
            lab_destroy(&lab, 0);
        }
        assert_int_equal(lab.system.resident, 0);
        lab_check(&lab);
        w(&lab, 1, 0);
        w(&lab, 1, 1);
        end(&lab);
    }
}

/* A page that others own too, or the object's, becomes the space's own before it is wired. */
static void test_made_its_own(void **state)
{
    struct lab lab;
    quire_pfn pfn;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 8);
    lab_file(&lab, 0, 2 * lab.page_bytes);
    lab_draw(&lab, 0, "w");
    assert_int_equal(lab_map_file(&lab, 0, 4, 2, 'w', 0, 0), QUIRE_OK);
    w(&lab, 0, 0);
    assert_int_equal(lab_fork(&lab, 1, 0), QUIRE_OK);
    for (unsigned page = 0; page < 5; page += 4) {
        r(&lab, 1, page);
        assert_int_equal(lab_wire(&lab, 1, page, R), QUIRE_OK);
        pfn = lab_frame(&lab, 1, page);
        r(&lab, 0, page);
        assert_true(pfn.n != lab_frame(&lab, 0, page).n);
        w(&lab, 1, page);
        assert_int_equal(lab_frame(&lab, 1, page).n, pfn.n);
        lab_check(&lab);
        assert_int_equal(lab_unwire(&lab, 1, page), QUIRE_OK);
    }
    end(&lab);
}

/* 65,535 times, and no more: the one that is refused is not counted. */
static void test_often(void **state)
{
    struct quire_request request = {.ready = NULL};
    struct lab lab;
    quire_va va;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 8);
    lab_draw(&lab, 0, "w");
    va = lab_va(&lab, 0, 0);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(quire_space_wire(&lab.space[0].space, va, W, &request), QUIRE_OK);
    }
    assert_int_equal(quire_space_wire(&lab.space[0].space, va, W, &request), QUIRE_NO_SPACE);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(quire_space_unwire(&lab.space[0].space, va), QUIRE_OK);
    }
    assert_int_equal(quire_space_unwire(&lab.space[0].space, va), QUIRE_NOT_FOUND);
    end(&lab);
}

/* ---- discarded ------------------------------------------------------------------------------- */

/* Frames and slots are back at once, whatever the pages were; the region is as it was. */
static void test_discarded(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 3, 16);
        lab_file(&lab, 0, 3 * lab.page_bytes);
        lab_draw(&lab, 0, "wwww");
        assert_int_equal(lab_map_file(&lab, 0, 4, 4, 'w', 0, 0), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 0, 8, 3, 'w', 0, 0), QUIRE_OK);
        for (unsigned i = 0; i < 11; i++) {
            w(&lab, 0, i);
        }
        assert_int_equal(lab_clear(&lab, 0, 5), QUIRE_OK);
        assert_int_equal(lab_discard(&lab, 0, 1, 9), QUIRE_OK);
        lab_check(&lab);
        assert_int_equal(quire_swap_used(&lab.system.swap) + lab.space[0].space.resident, 1);
        lab_regions(&lab, 0, "wwwwWWWW|WWW");
        lab_compare(&lab);
        for (unsigned i = 0; i < 11; i++) {
            w(&lab, 0, i);
        }
        assert_int_equal(lab_discard(&lab, 0, 0, LAB_PAGES), QUIRE_OK); /* holes do not matter */
        assert_int_equal(lab.space[0].space.resident + lab.space[0].space.swapped, 0);
        end(&lab);
    }
}

/* ---- the working set ------------------------------------------------------------------------- */

static void test_working_set(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        bool marks = lab_machine(machine, NULL)->leaf.accessed.mask != 0;
        struct lab lab;

        lab_start(&lab, machine, 0, 16);
        assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
        lab_file(&lab, 0, 4 * lab.page_bytes);
        for (unsigned n = 0; n < 2; n++) {
            lab_draw(&lab, n, "wwww");
            assert_int_equal(lab_map_shared(&lab, n, 8, 4, 'w', 0, 0), QUIRE_OK);
            for (unsigned i = 0; i < 4; i++) {
                w(&lab, n, i);
                r(&lab, n, 8 + i);
            }
        }
        assert_int_equal(quire_space_working_set(&lab.space[0].space), marks ? 8 : 0);
        assert_int_equal(quire_space_working_set(&lab.space[0].space), 0);
        r(&lab, 0, 2);
        r(&lab, 1, 9); /* is another space's */
        w(&lab, 0, 10);
        w(&lab, 0, 10);
        assert_int_equal(quire_space_working_set(&lab.space[0].space), marks ? 2 : 0);
        assert_int_equal(quire_space_working_set(&lab.space[1].space), marks ? 8 : 0);
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK); /* no dirty mark went with them */
        end(&lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_evicted), cmocka_unit_test(test_brought_in),
        cmocka_unit_test(test_off_the_mmu),   cmocka_unit_test(test_unwired_while_written_back),
        cmocka_unit_test(test_gone),          cmocka_unit_test(test_made_its_own),
        cmocka_unit_test(test_often),         cmocka_unit_test(test_discarded),
        cmocka_unit_test(test_working_set),
    };

    return unit_run(tests);
}
