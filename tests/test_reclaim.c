/* Making room by hand, for operations that do not evict. */
#include "quire/space.h"

#include "tests/support/lab.h"
#include "tests/support/unit.h"

static struct lab lab;
static struct quire_request last;

static enum quire_status make_room(void)
{
    last = (struct quire_request){.ready = NULL};
    return quire_system_reclaim(&lab.system, &last);
}

/* A machine whose frames are all taken, most of them by pages. */
static void fill_memory(unsigned machine, uint32_t slots)
{
    struct lab_setup setup = {.frames = 40, .slots = slots, .format = lab_machine(machine, NULL)};
    unsigned page = 0;

    lab_open(&lab, &setup);
    assert_int_equal(lab_create(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
    lab_draw(&lab, 0, "wwwwwwwwwwwwwwww");
    lab_draw(&lab, 1, "wwwwwwwwwwwwwwww");
    while (lab.arena.frames.free != 0 && page < 2 * LAB_PAGES) {
        assert_int_equal(lab_write(&lab, page / LAB_PAGES, page % LAB_PAGES), QUIRE_OK);
        page++;
    }
    assert_int_equal(lab.arena.frames.free, 0);
}

/* What a host does: it tries, makes room, and tries again. */
static void test_create_and_fork(void **state)
{
    static const unsigned machines[] = {LAB_SMALL, LAB_NO_DIRTY, LAB_I386, LAB_X86_64};

    (void)state;
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        uint64_t victims;
        unsigned made = 0;

        fill_memory(machines[i], 64);
        victims = lab.system.events[QUIRE_EVENT_VICTIM];
        assert_int_equal(lab_fork(&lab, 2, 0), QUIRE_NO_MEMORY);
        assert_int_equal(lab.system.events[QUIRE_EVENT_VICTIM], victims);
        while (lab_fork(&lab, 2, 0) != QUIRE_OK) {
            uint32_t free = lab.arena.frames.free;
            assert_int_equal(make_room(), QUIRE_OK);
            assert_true(lab.arena.frames.free > free);
            lab_check(&lab);
            made++;
        }
        assert_true(made > 0);
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

static void test_until_nothing_is_left(void **state)
{
    (void)state;
    fill_memory(LAB_SMALL, 64);
    while (make_room() == QUIRE_OK) {
        lab_check(&lab);
    }
    assert_int_equal(lab.system.resident, 0);
    assert_int_equal(make_room(), QUIRE_NO_MEMORY);
    lab_compare(&lab);
    lab_close(&lab);
}

static void test_swap_is_full(void **state)
{
    (void)state;
    fill_memory(LAB_SMALL, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(make_room(), QUIRE_OK);
    }
    assert_int_equal(make_room(), QUIRE_NO_SPACE);
    assert_int_equal(last.in_vain, lab.system.resident);
    lab_check(&lab);
    lab_compare(&lab);
    lab_close(&lab);
}

static void note_ready(struct quire_request *request)
{
    *(bool *)request->context = true;
}

/* The disk takes its time, or fails: then the page stays. */
static void test_pending(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        bool ready = false;
        struct quire_request request = {.ready = note_ready, .context = &ready};
        uint32_t resident;

        fill_memory(LAB_SMALL, 64);
        resident = lab.system.resident;
        lab.hold = true;
        assert_int_equal(quire_system_reclaim(&lab.system, &request), QUIRE_PENDING);
        assert_int_equal(lab.arena.frames.free, 0);
        lab_complete(&lab, 0, fails ? QUIRE_IO_ERROR : QUIRE_OK);
        assert_true(ready);
        assert_int_equal(quire_space_resume(&request), fails ? QUIRE_IO_ERROR : QUIRE_OK);
        assert_int_equal(lab.system.resident, resident - 1 + fails);
        lab.hold = false;
        lab_check(&lab);
        lab_compare(&lab);
        lab_close(&lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_and_fork),
        cmocka_unit_test(test_until_nothing_is_left),
        cmocka_unit_test(test_swap_is_full),
        cmocka_unit_test(test_pending),
    };

    return unit_run(tests);
}
