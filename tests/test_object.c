/*
 * Memory objects: one copy of a page however many map it, who sees what is written, where it goes,
 * and what becomes of it when a device fails. The laboratory compares every byte; here are the
 * cases by name, with what they may cost.
 */
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

static uint64_t told(const struct lab *lab, enum quire_event_kind kind)
{
    return lab->system.events[kind];
}

static void w(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_write(lab, space, page) == QUIRE_OK);
}

static void r(struct lab *lab, unsigned space, unsigned page)
{
    check(lab_read(lab, space, page) == QUIRE_OK);
}

/* Three spaces show a file of three pages and a half, from page 4 on; zeros are before that. Space
 * 0 and 1 share it, space 2 has it privately. */
static void start(struct lab *lab, unsigned machine, uint32_t limit)
{
    lab_start(lab, machine, limit, 16);
    lab_file(lab, 0, 3 * lab->page_bytes + lab->page_bytes / 2);
    for (unsigned n = 0; n < 3; n++) {
        check(n == 0 || lab_create(lab, n, 0) == QUIRE_OK);
        lab_draw(lab, n, "www");
    }
    check(lab_map_shared(lab, 0, 4, 4, 'w', 0, 0) == QUIRE_OK);
    check(lab_map_shared(lab, 1, 4, 4, 'w', 0, 0) == QUIRE_OK);
    check(lab_map_file(lab, 2, 4, 5, 'w', 0, 0) == QUIRE_OK);
}

static void end(struct lab *lab)
{
    lab_check(lab);
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* Evicts everything that can go, in a system with room for one page. */
static void push_out(struct lab *lab)
{
    w(lab, 0, 0);
}

/* ---- one copy -------------------------------------------------------------------------------- */

static void test_one_copy(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;
        quire_pfn pfn;

        start(&lab, machine, 0);
        r(&lab, 0, 5);
        w(&lab, 1, 5);
        pfn = lab_frame(&lab, 0, 5);
        assert_int_equal(lab_frame(&lab, 1, 5).n, pfn.n);
        if (lab_can_protect(&lab)) {
            r(&lab, 2, 5);
            assert_int_equal(lab_frame(&lab, 2, 5).n, pfn.n);
            assert_int_equal(lab.file[0].resident, 1);
            assert_int_equal(lab.system.resident, 1);
        }
        assert_int_equal(quire_frames_count(&lab.arena.frames, pfn), 1);
        assert_int_equal(lab.file_disk[0].reads, 1);
        end(&lab);
    }
}

/* The same object twice in one space, at another offset: still one copy. */
static void test_aliases(void **state)
{
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 1);
    assert_int_equal(lab_map_shared(&lab, 0, 10, 3, 'r', 0, lab.page_bytes), QUIRE_OK);
    w(&lab, 0, 5);
    r(&lab, 0, 10);
    assert_int_equal(lab_frame(&lab, 0, 10).n, lab_frame(&lab, 0, 5).n);
    push_out(&lab);
    assert_null(lab_mmu(&lab, 0, 5, R)); /* off the MMU at both places */
    assert_null(lab_mmu(&lab, 0, 10, R));
    r(&lab, 0, 10);
    r(&lab, 0, 5);
    assert_int_equal(lab.file_disk[0].writes, 1);
    assert_int_equal(lab.file_disk[0].reads, 2);
    end(&lab);
}

/* ---- who sees what --------------------------------------------------------------------------- */

/* A private region shows what is written to the object, until it is written itself. */
static void test_private_until_written(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 0);
        if (lab_can_protect(&lab)) {
            r(&lab, 2, 4);
            w(&lab, 0, 4);
            r(&lab, 2, 4); /* the laboratory compares it with what was written */
            assert_int_equal(told(&lab, QUIRE_EVENT_COPY), 0);
            w(&lab, 2, 4);
            assert_int_equal(told(&lab, QUIRE_EVENT_COPY), 1);
            assert_true(lab_frame(&lab, 2, 4).n != lab_frame(&lab, 0, 4).n);
            assert_int_equal(lab.file[0].resident, 1);
            w(&lab, 1, 4);
            r(&lab, 2, 4);
            r(&lab, 0, 4);
            assert_int_equal(lab_discard(&lab, 2, 4, 1), QUIRE_OK);
            r(&lab, 2, 4); /* and now again */
            assert_int_equal(lab_frame(&lab, 2, 4).n, lab_frame(&lab, 0, 4).n);
        }
        end(&lab);
    }
}

/* What a space has written privately never reaches the file: it goes to swap. */
static void test_private_never_written_back(void **state)
{
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 1);
    for (unsigned i = 4; i < 9; i++) {
        w(&lab, 2, i);
    }
    push_out(&lab);
    assert_int_equal(lab.swap.writes, 5);
    assert_int_equal(lab_sync(&lab, 0), QUIRE_OK);
    assert_int_equal(lab.file_disk[0].writes, 0);
    end(&lab);
}

/* Page 8 lies behind the file's end; page 7 contains it. */
static void test_past_the_end(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 1);
        r(&lab, 2, 8);
        assert_int_equal(lab.file_disk[0].reads, 0);
        w(&lab, 2, 8);
        r(&lab, 2, 7);
        r(&lab, 2, 8);
        assert_int_equal(lab_discard(&lab, 2, 8, 1), QUIRE_OK);
        r(&lab, 2, 8);
        assert_int_equal(lab_unmap(&lab, 0, 4, 4), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 0, 4, 5, 'r', 0, 0), QUIRE_OUT_OF_RANGE);
        assert_int_equal(lab_map_shared(&lab, 0, 4, 4, 'r', 0, lab.page_bytes), QUIRE_OUT_OF_RANGE);
        assert_int_equal(lab_map_shared(&lab, 0, 4, 3, 'r', 0, lab.page_bytes), QUIRE_OK);
        end(&lab);
    }
}

/* ---- written back ---------------------------------------------------------------------------- */

/* The laboratory's disk checks that nothing past the end is written. */
static void test_evicted_to_the_file(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 1);
        w(&lab, 0, 7);
        w(&lab, 1, 4);
        push_out(&lab);
        assert_int_equal(lab.file_disk[0].writes, 2);
        assert_int_equal(lab.swap.writes, 0);
        assert_memory_equal(lab.file_disk[0].data, lab.seen[0], lab.file[0].bytes);
        r(&lab, 1, 7);
        end(&lab);
    }
}

static void test_sync(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        bool marks = lab_machine(machine, NULL)->leaf.dirty.mask != 0;
        struct lab lab;

        start(&lab, machine, 0);
        w(&lab, 0, 4);
        w(&lab, 0, 7);
        if (marks || lab_can_protect(&lab)) {
            r(&lab, 1, 5);
        }
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK);
        assert_int_equal(lab.file_disk[0].writes, 2); /* page 5 is clean */
        assert_true(lab.file[0].resident >= 2);
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK);
        assert_int_equal(lab.file_disk[0].writes, 2);
        w(&lab, 1, 4); /* is seen again */
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK);
        assert_int_equal(lab.file_disk[0].writes, 3);
        end(&lab);
    }
}

/* A transfer that fails half way spoils the disk, not the page. */
static void test_failed_eviction(void **state)
{
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 1);
    w(&lab, 0, 4);
    lab.fail = (struct lab_trip){1, 0, true};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_IO_ERROR);
        lab_check(&lab);
        r(&lab, 1, 4);
    }
    assert_int_equal(lab.file_disk[0].reads, 1);
    lab.fail.in = 0;
    push_out(&lab);
    assert_int_equal(lab.file_disk[0].writes, 1);
    assert_memory_equal(lab.file_disk[0].data, lab.seen[0], lab.file[0].bytes);
    end(&lab);
}

/* It says which page could not be written, and goes on with that one. */
static void test_failed_sync(void **state)
{
    struct quire_request request = {.ready = NULL};
    uint64_t next = 0;
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 0);
    for (unsigned i = 4; i < 8; i++) {
        w(&lab, 0, i);
    }
    lab.fail = (struct lab_trip){3, 0, false};
    assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_IO_ERROR);
    assert_int_equal(next, 2);
    lab_check(&lab);
    assert_int_equal(lab.file_disk[0].writes, 2);
    assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_OK);
    assert_int_equal(lab.file_disk[0].writes, 4);
    assert_memory_equal(lab.file_disk[0].data, lab.seen[0], lab.file[0].bytes);
    end(&lab);
}

static void test_clean_pages_are_dropped(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 1);
        if (lab_can_protect(&lab)) {
            for (unsigned i = 4; i < 8; i++) {
                r(&lab, i % 2, i);
                r(&lab, 2, i);
            }
            push_out(&lab);
            assert_int_equal(lab.system.drops[QUIRE_DROP_IN_FILE], 4);
            assert_int_equal(lab.file_disk[0].writes + lab.swap.writes, 0);
            lab_pages(&lab, 2, ".");
        }
        end(&lab);
    }
}

/* ---- eviction from many spaces --------------------------------------------------------------- */

/* Only the third space's MMU knows that the page was written. */
static void test_marks_of_all(void **state)
{
    (void)state;
    for (unsigned writer = 0; writer < 3; writer++) {
        struct lab lab;
        unsigned char *where;

        start(&lab, LAB_SMALL, 2);
        assert_int_equal(lab_unmap(&lab, 2, 4, 5), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 2, 4, 4, 'w', 0, 0), QUIRE_OK);
        for (unsigned n = 0; n < 3; n++) {
            r(&lab, n, 6);
        }
        where = lab_mmu(&lab, writer, 6, W); /* no fault: only the entry says so */
        assert_non_null(where);
        where[3] = ++lab.seen[0][2 * lab.page_bytes + 3];
        w(&lab, 0, 0);
        w(&lab, 0, 1);
        for (unsigned n = 0; n < 3; n++) {
            assert_null(lab_mmu(&lab, n, 6, R));
        }
        assert_int_equal(lab.file_disk[0].writes, 1);
        end(&lab);
    }
}

/* The clock asks all spaces whether a page was used. */
static void test_accessed_by_any(void **state)
{
    (void)state;
    for (unsigned user = 0; user < 3; user++) {
        struct lab_setup setup = {.policy = &quire_policy_clock_mmu, .limit = 3, .slots = 16};
        struct lab lab;

        setup.format = lab_machine(LAB_I386, &setup.frames);
        lab_open(&lab, &setup);
        lab_file(&lab, 0, 4 * lab.page_bytes);
        for (unsigned n = 0; n < 3; n++) {
            assert_int_equal(lab_create(&lab, n, 0), QUIRE_OK);
            lab_draw(&lab, n, "www");
            assert_int_equal(lab_map_shared(&lab, n, 4, 4, 'w', 0, 0), QUIRE_OK);
            r(&lab, n, 4);
        }
        w(&lab, 0, 0);
        w(&lab, 0, 1);
        for (unsigned n = 0; n < 3; n++) {
            (void)quire_space_working_set(&lab.space[n].space);
        }
        r(&lab, user, 4);
        w(&lab, 0, 2); /* takes a place: not that of page 4 */
        assert_int_equal(lab.file[0].resident, 1);
        assert_non_null(lab_mmu(&lab, (user + 1) % 3, 4, R));
        end(&lab);
    }
}

/* The other space has another page at the same address: its entry is left alone. */
static void test_other_spaces_left_alone(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 3);
        w(&lab, 2, 4); /* its own */
        w(&lab, 0, 4); /* the object's */
        w(&lab, 1, 1);
        r(&lab, 2, 4);
        w(&lab, 1, 2); /* evicts the first: page 4 of space 2 */
        assert_non_null(lab_mmu(&lab, 0, 4, R));
        assert_null(lab_mmu(&lab, 2, 4, R));
        w(&lab, 1, 0); /* and the object's */
        assert_null(lab_mmu(&lab, 0, 4, R));
        assert_non_null(lab_mmu(&lab, 1, 1, R));
        assert_non_null(lab_mmu(&lab, 1, 2, R));
        end(&lab);

        start(&lab, machine, 3);
        w(&lab, 0, 4);
        w(&lab, 2, 4);
        w(&lab, 1, 1);
        w(&lab, 1, 2); /* now the object's is the first */
        assert_null(lab_mmu(&lab, 0, 4, R));
        assert_non_null(lab_mmu(&lab, 2, 4, R));
        end(&lab);
    }
}

/* Only the MMU knows that a page was written, and its space goes, or its region. */
static void test_marks_of_who_leaves(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct lab lab;

        start(&lab, LAB_SMALL, 0);
        r(&lab, 0, 5);
        w(&lab, 0, 5);
        if (how == 0) {
            assert_int_equal(lab_unmap(&lab, 0, 5, 1), QUIRE_OK);
        } else if (how == 1) {
            assert_int_equal(lab_discard(&lab, 0, 4, 4), QUIRE_OK);
        } else if (how == 2) {
            assert_int_equal(lab_protect(&lab, 0, 4, 4, '-'), QUIRE_OK);
        } else {
            lab_destroy(&lab, 0);
        }
        assert_int_equal(lab_sync(&lab, 0), QUIRE_OK); /* the laboratory looks at the disk */
        assert_int_equal(lab.file_disk[0].writes, 1);
        end(&lab);
    }
}

/* What is on its way is not written back yet, nor given up: it says so. */
static void test_sync_meets_transit(void **state)
{
    struct quire_request request = {.ready = NULL}, evicts = {.ready = NULL};
    struct lab lab;

    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        uint64_t next = 0;

        start(&lab, LAB_SMALL, 1);
        w(&lab, 0, 5);
        lab.hold = true;
        assert_int_equal(quire_space_fault(&lab.space[1].space, lab_va(&lab, 1, 0), W, &evicts),
                         QUIRE_PENDING);
        assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_BUSY);
        assert_int_equal(next, 1);
        lab_complete(&lab, 0, fails ? QUIRE_IO_ERROR : QUIRE_OK);
        assert_int_equal(quire_space_resume(&evicts), fails ? QUIRE_IO_ERROR : QUIRE_OK);
        lab.hold = false;
        assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_OK);
        assert_int_equal(lab.file_disk[0].writes, 1);
        assert_memory_equal(lab.file_disk[0].data, lab.seen[0], lab.file[0].bytes);
        end(&lab);
    }
}

/* A page that is being read holds nothing that anybody wrote: it is not waited for, however often
 * it comes, and what stands behind it is written. */
static void test_sync_passes_what_comes(void **state)
{
    struct quire_request request = {.ready = NULL}, reads = {.ready = NULL};
    uint64_t next = 0;
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 0);
    w(&lab, 0, 6);
    lab.hold = true;
    assert_int_equal(quire_space_fault(&lab.space[0].space, lab_va(&lab, 0, 5), R, &reads),
                     QUIRE_PENDING);
    assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_PENDING);
    assert_int_equal(lab.held_count, 2);
    lab_complete(&lab, 1, QUIRE_OK);
    assert_int_equal(quire_space_resume(&request), QUIRE_OK);
    assert_int_equal(quire_object_sync(&lab.file[0], &next, &request), QUIRE_OK);
    assert_memory_equal(lab.file_disk[0].data, lab.seen[0], lab.file[0].bytes);
    lab_complete(&lab, 0, QUIRE_OK);
    assert_int_equal(quire_space_resume(&reads), QUIRE_OK);
    lab.hold = false;
    r(&lab, 0, 5);
    end(&lab);
}

/* ---- without a device ------------------------------------------------------------------------ */

static void test_memory_object(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        start(&lab, machine, 1);
        lab_memory(&lab, 1, 3 * lab.page_bytes);
        assert_int_equal(lab_map_shared(&lab, 0, 10, 3, 'w', 1, 0), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 1, 10, 3, 'w', 1, 0), QUIRE_OK);
        r(&lab, 1, 11);
        w(&lab, 0, 10);
        r(&lab, 1, 10);
        push_out(&lab);
        assert_int_equal(lab.file[1].swapped, 1);      /* page 11 was zeros */
        assert_int_equal(lab_sync(&lab, 1), QUIRE_OK); /* there is nowhere to write it */
        r(&lab, 0, 10);
        r(&lab, 1, 10);
        push_out(&lab);
        end(&lab);
    }
}

/* A private page made from one in swap shares the slot, until it is written. */
static void test_private_from_swap(void **state)
{
    struct lab lab;
    uint64_t writes;

    (void)state;
    start(&lab, LAB_DIRTY_ONLY, 1);
    lab_memory(&lab, 1, 2 * lab.page_bytes);
    assert_int_equal(lab_map_shared(&lab, 0, 10, 2, 'w', 1, 0), QUIRE_OK);
    assert_int_equal(lab_map_file(&lab, 1, 10, 2, 'w', 1, 0), QUIRE_OK);
    w(&lab, 0, 10);
    push_out(&lab);
    r(&lab, 1, 10); /* this MMU could not stop a write: it has to be the space's own */
    assert_int_equal(lab.file[1].swapped, 1);
    assert_int_equal(quire_swap_owners(&lab.system.swap, quire_slot_of(0)), 2);
    lab_check(&lab);
    writes = lab.swap.writes;
    r(&lab, 0, 0); /* evicts it */
    assert_int_equal(lab.swap.writes, writes);
    assert_int_equal(quire_swap_owners(&lab.system.swap, quire_slot_of(0)), 2);
    w(&lab, 1, 10);
    push_out(&lab);
    r(&lab, 0, 10);
    r(&lab, 1, 10);
    end(&lab);
}

/* With what is resident, in swap, dirty, clean. */
static void test_destroyed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct lab lab;
        uint32_t frames;

        lab_start(&lab, i < 4 ? LAB_SMALL : LAB_I386, i % 4, 16);
        frames = lab.arena.frames.free;
        lab_file(&lab, 0, 4 * lab.page_bytes);
        lab_memory(&lab, 1, 4 * lab.page_bytes);
        assert_int_equal(lab_map_shared(&lab, 0, 0, 4, 'w', 0, 0), QUIRE_OK);
        assert_int_equal(lab_map_shared(&lab, 0, 4, 4, 'w', 1, 0), QUIRE_OK);
        for (unsigned page = 0; page < 8; page++) {
            w(&lab, 0, page);
        }
        r(&lab, 0, 1);
        lab_check(&lab);
        assert_int_equal(lab_unmap(&lab, 0, 0, 8), QUIRE_OK);
        assert_true(lab.system.resident != 0);
        lab_forget(&lab, 0);
        lab_check(&lab);
        lab_forget(&lab, 1);
        lab_check(&lab);
        assert_int_equal(lab.system.resident, 0);
        assert_int_equal(quire_swap_used(&lab.system.swap), 0);
        assert_int_equal(lab.arena.frames.free, frames);
        lab_close(&lab);
    }
}

/* In any order: the list of objects stays whole. */
static void test_destroyed_in_any_order(void **state)
{
    static const unsigned order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct lab lab;

        lab_start(&lab, LAB_SMALL, 0, 4);
        for (unsigned file = 0; file < 3; file++) {
            lab_memory(&lab, file, 1 + file * 100);
        }
        for (unsigned n = 0; n < 3; n++) {
            const struct quire_object *before = NULL;

            lab_forget(&lab, order[i][n]);
            for (const struct quire_object *o = lab.system.objects; o != NULL; o = o->next) {
                assert_ptr_equal(o->prev, before);
                before = o;
            }
            lab_check(&lab);
        }
        lab_close(&lab);
    }
}

static void test_create_answers(void **state)
{
    struct quire_object object;
    struct lab lab;
    uint32_t frames;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 4);
    frames = lab.arena.frames.free;
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, 0), QUIRE_INVALID);
    lab.refuse = (struct lab_trip){1, 0, false};
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, 100), QUIRE_NO_MEMORY);
    assert_null(lab.system.objects);
    assert_int_equal(lab.arena.frames.free, frames);
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, UINT64_MAX), QUIRE_OK);
    assert_int_equal(lab.system.committed, (UINT64_MAX >> 6) + 1);
    quire_object_destroy(&object);
    assert_int_equal(lab.arena.frames.free, frames);
    lab_close(&lab);
}

/* ---- regions --------------------------------------------------------------------------------- */

static void test_ceiling(void **state)
{
    struct lab_page page = {.prot = QUIRE_USER | QUIRE_READ, .sharing = QUIRE_SHARED};
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 0);
    page.object = &lab.file[0];
    page.max_prot = QUIRE_USER | QUIRE_READ | QUIRE_EXECUTE;
    assert_int_equal(lab_map_as(&lab, 0, 10, 3, &page), QUIRE_OK);
    r(&lab, 0, 11);
    assert_int_equal(lab_protect(&lab, 0, 11, 1, 'w'), QUIRE_INVALID);
    assert_int_equal(lab_protect(&lab, 0, 6, 3, 'x'), QUIRE_NOT_FOUND); /* there is a hole */
    assert_int_equal(lab_protect(&lab, 0, 11, 1, 'x'), QUIRE_OK);
    lab_regions(&lab, 0, "www.WWWW..RXR");
    assert_int_equal(lab_write(&lab, 0, 11), QUIRE_FAULT);
    assert_int_equal(lab_protect(&lab, 0, 10, 3, 'w'), QUIRE_INVALID);
    lab_regions(&lab, 0, "www.WWWW..RXR");
    assert_int_equal(lab_protect(&lab, 0, 11, 1, 'r'), QUIRE_OK);
    lab_regions(&lab, 0, "www.WWWW..RRR");
    end(&lab);
}

/* Neighbours are one region only if their offsets go on. */
static void test_offsets(void **state)
{
    struct lab lab;

    (void)state;
    start(&lab, LAB_SMALL, 2);
    assert_int_equal(lab_unmap(&lab, 0, 5, 1), QUIRE_OK);
    lab_regions(&lab, 0, "www.W.WW");
    w(&lab, 0, 6);
    r(&lab, 1, 6);
    assert_int_equal(lab_map_shared(&lab, 0, 5, 1, 'w', 0, 3 * lab.page_bytes), QUIRE_OK);
    lab_regions(&lab, 0, "www.W|W|WW");
    w(&lab, 0, 5);
    r(&lab, 1, 7);
    r(&lab, 0, 7);
    assert_int_equal(lab_unmap(&lab, 0, 5, 1), QUIRE_OK);
    assert_int_equal(lab_map_file(&lab, 0, 5, 1, 'w', 0, lab.page_bytes), QUIRE_OK);
    lab_regions(&lab, 0, "www.W|W|WW"); /* private */
    w(&lab, 0, 5);
    r(&lab, 1, 5);
    assert_int_equal(lab_unmap(&lab, 0, 5, 1), QUIRE_OK);
    assert_int_equal(lab_map_shared(&lab, 0, 5, 1, 'w', 0, lab.page_bytes), QUIRE_OK);
    lab_regions(&lab, 0, "www.WWWW");
    lab_check(&lab);
    for (unsigned i = 4; i < 8; i++) {
        w(&lab, 0, i);
        r(&lab, 1, i);
    }
    end(&lab);
}

/* Cut anywhere, in two or three: every part shows what it did. */
static void test_cut_everywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        unsigned first = 4 + i / 4, pages = 1 + i % 4;
        struct lab lab;

        start(&lab, LAB_SMALL, 3);
        for (unsigned page = 4; page < 8; page++) {
            w(&lab, 0, page);
            w(&lab, 2, page);
        }
        if (first + pages <= 8) {
            assert_int_equal(lab_protect(&lab, 0, first, pages, 'r'), QUIRE_OK);
            assert_int_equal(lab_protect(&lab, 2, first, pages, 'r'), QUIRE_OK);
            lab_check(&lab);
            lab_compare(&lab);
            assert_int_equal(lab_protect(&lab, 2, first, pages, 'w'), QUIRE_OK);
            assert_int_equal(lab_unmap(&lab, 0, first, pages), QUIRE_OK);
            lab_check(&lab);
            lab_compare(&lab);
        }
        end(&lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_copy),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_private_until_written),
        cmocka_unit_test(test_private_never_written_back),
        cmocka_unit_test(test_past_the_end),
        cmocka_unit_test(test_evicted_to_the_file),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_failed_eviction),
        cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_clean_pages_are_dropped),
        cmocka_unit_test(test_marks_of_all),
        cmocka_unit_test(test_accessed_by_any),
        cmocka_unit_test(test_other_spaces_left_alone),
        cmocka_unit_test(test_marks_of_who_leaves),
        cmocka_unit_test(test_sync_meets_transit),
        cmocka_unit_test(test_sync_passes_what_comes),
        cmocka_unit_test(test_memory_object),
        cmocka_unit_test(test_private_from_swap),
        cmocka_unit_test(test_destroyed),
        cmocka_unit_test(test_destroyed_in_any_order),
        cmocka_unit_test(test_create_answers),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_cut_everywhere),
    };

    return unit_run(tests);
}
