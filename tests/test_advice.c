/* Advice: the window of reading ahead, prefetching, mapping around. */
#include "quire/advice.h"

#include "tests/support/lab.h"
#include "tests/support/unit.h"

static struct lab lab;
static struct quire_space *const space = &lab.space[0].space;

static uint64_t events(enum quire_event_kind kind)
{
    return lab.system.events[kind];
}

static void start(unsigned machine, uint32_t limit, unsigned pages)
{
    lab_start(&lab, machine, limit, 16);
    lab_file(&lab, 0, pages * lab.page_bytes);
    assert_int_equal(lab_map_file(&lab, 0, 0, pages, 'w', 0, 0), QUIRE_OK);
}

static void end(void)
{
    lab_check(&lab);
    lab_close(&lab);
}

static bool is_mapped(unsigned n, quire_va va)
{
    struct quire_leaf leaf;

    return quire_table_query(&lab.space[n].space.table, va, &leaf) == QUIRE_OK;
}

/* ---- the window ------------------------------------------------------------------------------ */

/* Pages that the core would read ahead after a fault on this one. */
static unsigned ahead(uint64_t page)
{
    struct quire_request request = {.ready = NULL};
    quire_va va = quire_va_at(page * lab.page_bytes);

    assert_int_equal(quire_space_fault(space, va, QUIRE_READ | QUIRE_USER, &request), QUIRE_OK);
    if (request.ahead_bytes != 0) {
        assert_int_equal(request.ahead.at, va.at + lab.page_bytes);
    }
    return (unsigned)(request.ahead_bytes / lab.page_bytes);
}

/* A large file in a window of 128 pages, which the lab's model knows nothing of. */
static void start_large(unsigned machine)
{
    struct quire_region_spec spec = {.prot = QUIRE_READ | QUIRE_USER};

    lab_start(&lab, machine, 0, 16);
    spec.bytes = 128 * lab.page_bytes;
    spec.object = lab_file(&lab, 0, spec.bytes);
    assert_int_equal(quire_space_map(space, &spec), QUIRE_OK);
}

static void end_large(void)
{
    assert_int_equal(quire_space_unmap(space, quire_va_at(0), 128 * lab.page_bytes), QUIRE_OK);
    end();
}

static void test_window(void **state)
{
    static const struct {
        unsigned page, ahead;
    } faults[] = {
        {10, 0},                                /* nothing is known yet */
        {11, 4},  {16, 8},  {25, 16},           /* each follows what was read ahead */
        {42, 32}, {75, 32},                     /* no further */
        {3, 0},   {4, 4},   {5, 8},   {14, 16}, /* also if the host read only some of it */
        {50, 0},                                /* a jump closes it */
        {30, 0},  {29, 0},                      /* backwards is no row */
        {126, 0}, {127, 0},                     /* nothing behind the end */
    };

    (void)state;
    start_large(LAB_I386);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        unsigned is = ahead(faults[i].page);
        checkf(is == faults[i].ahead, "page %u: %u pages ahead instead of %u", faults[i].page, is,
               faults[i].ahead);
    }
    assert_int_equal(ahead(4), 0); /* it is in a frame */
    end_large();
}

static void test_window_as_advised(void **state)
{
    (void)state;
    start_large(LAB_I386);
    assert_int_equal(
        quire_space_advise(space, quire_va_at(0), 128 * lab.page_bytes, QUIRE_ADVICE_SEQUENTIAL),
        QUIRE_OK);
    assert_int_equal(ahead(10), 32);
    assert_int_equal(ahead(90), 32);
    assert_int_equal(ahead(120), 7);
    assert_int_equal(
        quire_space_advise(space, quire_va_at(0), 128 * lab.page_bytes, QUIRE_ADVICE_RANDOM),
        QUIRE_OK);
    assert_int_equal(ahead(50), 0);
    assert_int_equal(ahead(51), 0);
    end_large();
}

/* A host that does as it is told has one fault for each window, and reads nothing twice. */
static void test_reading_through(void **state)
{
    struct quire_request request = {.ready = NULL}, other = {.ready = NULL};

    (void)state;
    start_large(LAB_I386);
    for (unsigned page = 0; page < 128; page++) {
        quire_va va = quire_va_at(page * lab.page_bytes);
        unsigned access = QUIRE_READ | QUIRE_USER;
        uint64_t done = 0;

        if (is_mapped(0, va)) {
            continue;
        }
        assert_int_equal(quire_space_fault(space, va, access, &request), QUIRE_OK);
        if (request.ahead_bytes != 0) {
            assert_int_equal(
                quire_space_prefetch(space, request.ahead, request.ahead_bytes, &done, &other),
                QUIRE_OK);
            assert_int_equal(done, request.ahead_bytes);
        }
    }
    assert_int_equal(lab.file_disk[0].reads, 128);
    assert_int_equal(space->faults, 7); /* 0, 1 + 4, 6 + 8, 15 + 16, 32 + 32, 65 + 32, 98 + 29 */
    end_large();
}

/* ---- advice for parts of regions ------------------------------------------------------------- */

static enum quire_status advise(unsigned first, unsigned pages, enum quire_advice advice)
{
    return quire_space_advise(space, lab_va(&lab, 0, first), pages * lab.page_bytes, advice);
}

static void test_regions_are_cut_and_joined(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        lab_start(&lab, machine, 0, 0);
        lab_draw(&lab, 0, "wwwwww.ww");
        assert_int_equal(advise(2, 2, QUIRE_ADVICE_RANDOM), QUIRE_OK);
        lab_regions(&lab, 0, "ww|ww|ww.ww");
        assert_int_equal(advise(4, 2, QUIRE_ADVICE_RANDOM), QUIRE_OK);
        lab_regions(&lab, 0, "ww|wwww.ww");
        assert_int_equal(advise(1, 4, QUIRE_ADVICE_SEQUENTIAL), QUIRE_OK);
        lab_regions(&lab, 0, "w|wwww|w.ww");
        assert_int_equal(advise(4, 4, QUIRE_ADVICE_NORMAL), QUIRE_NOT_FOUND);
        assert_int_equal(advise(6, 1, QUIRE_ADVICE_NORMAL), QUIRE_NOT_FOUND);
        lab_regions(&lab, 0, "w|wwww|w.ww");
        assert_int_equal(advise(0, 6, QUIRE_ADVICE_NORMAL), QUIRE_OK);
        lab_regions(&lab, 0, "wwwwww.ww");
        end();
    }
}

/* ---- prefetching ----------------------------------------------------------------------------- */

static enum quire_status prefetch(unsigned first, unsigned pages, uint64_t *done)
{
    struct quire_request request = {.ready = NULL};

    *done = 0;
    return quire_space_prefetch(space, lab_va(&lab, 0, first), pages * lab.page_bytes, done,
                                &request);
}

/* Only what lies on a device: not zeros, not what is in a frame, not what nobody may touch. */
static void test_only_what_must_be_read(void **state)
{
    uint64_t done, faults;

    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        lab_start(&lab, machine, 5, 16);
        lab_draw(&lab, 0, "wwww.");
        lab_file(&lab, 0, 3 * lab.page_bytes);
        lab_file(&lab, 1, lab.page_bytes);
        assert_int_equal(lab_map_file(&lab, 0, 5, 3, 'r', 0, 0), QUIRE_OK);
        assert_int_equal(lab_map_file(&lab, 0, 8, 1, '-', 1, 0), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 3), QUIRE_OK);
        for (unsigned page = 10; page < 15; page++) { /* pushes these two out */
            assert_int_equal(lab_map(&lab, 0, page, 1, 'w'), QUIRE_OK);
            assert_int_equal(lab_write(&lab, 0, page), QUIRE_OK);
        }
        lab_pages(&lab, 0, ".s.s......#####");
        assert_int_equal(lab_unmap(&lab, 0, 10, 5), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 6), QUIRE_OK);
        faults = space->faults;
        assert_int_equal(prefetch(0, LAB_PAGES, &done), QUIRE_OK);
        assert_int_equal(done, LAB_PAGES * lab.page_bytes);
        lab_pages(&lab, 0, ".#.#.###");
        assert_int_equal(space->faults, faults);
        assert_true(is_mapped(0, lab_va(&lab, 0, 3)) && is_mapped(0, lab_va(&lab, 0, 7)));
        lab_compare(&lab);
        end();
    }
}

static void test_prefetch_fails(void **state)
{
    uint64_t done;

    (void)state;
    start(LAB_SMALL, 0, 4);
    lab.fail = (struct lab_trip){.in = 3};
    assert_int_equal(prefetch(0, 4, &done), QUIRE_IO_ERROR);
    assert_int_equal(done, 2 * lab.page_bytes);
    lab_pages(&lab, 0, "##");
    lab_compare(&lab);
    end();
}

static void test_prefetch_of_nothing(void **state)
{
    uint64_t done;

    (void)state;
    start(LAB_SMALL, 0, 4);
    assert_int_equal(prefetch(0, 0, &done), QUIRE_INVALID);
    assert_int_equal(prefetch(4, 4, &done), QUIRE_OK);
    assert_int_equal(done, 4 * lab.page_bytes);
    assert_int_equal(lab.file_disk[0].reads, 0);
    end();
}

/* The device answers later: the same call goes on after each page. */
static void test_prefetch_pending(void **state)
{
    struct quire_request request = {.ready = NULL};
    enum quire_status status;
    unsigned waits = 0;
    uint64_t done = 0;

    (void)state;
    start(LAB_SMALL, 0, 4);
    lab.hold = true;
    while ((status = quire_space_prefetch(space, lab_va(&lab, 0, 0), 4 * lab.page_bytes, &done,
                                          &request)) == QUIRE_PENDING) {
        assert_int_equal(done, waits * lab.page_bytes);
        lab_complete(&lab, 0, QUIRE_OK);
        assert_int_equal(quire_space_resume(&request), QUIRE_OK);
        waits++;
    }
    assert_int_equal(status, QUIRE_OK);
    assert_int_equal(waits, 4);
    lab.hold = false;
    lab_pages(&lab, 0, "####");
    lab_compare(&lab);
    end();
}

/* ---- mapping around -------------------------------------------------------------------------- */

/* Another space has read the file: here one fault maps what is near, from a multiple of 4 on. */
static void test_around(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        bool shares;
        uint64_t maps;

        start(machine, 0, 11);
        shares = lab.format->leaf.write.mask != 0;
        assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
        assert_int_equal(lab_map_file(&lab, 1, 1, 10, 'w', 0, lab.page_bytes), QUIRE_OK);
        for (unsigned page = 0; page < 11; page++) {
            if (page != 6) {
                assert_int_equal(lab_read(&lab, 0, page), QUIRE_OK);
            }
        }
        lab.system.fault_around = 2;
        maps = events(QUIRE_EVENT_MAP);
        assert_int_equal(lab_read(&lab, 1, 5), QUIRE_OK);
        assert_int_equal(events(QUIRE_EVENT_MAP) - maps, shares ? 3 : 1); /* 4, 5, 7; not 6 */
        assert_int_equal(lab_read(&lab, 1, 1), QUIRE_OK);
        assert_int_equal(events(QUIRE_EVENT_MAP) - maps,
                         shares ? 6 : 2); /* 1, 2, 3; 0 is outside */
        assert_int_equal(is_mapped(1, lab_va(&lab, 1, 7)), shares);
        assert_false(is_mapped(1, lab_va(&lab, 1, 8)));
        assert_int_equal(quire_space_advise(&lab.space[1].space, lab_va(&lab, 1, 1),
                                            10 * lab.page_bytes, QUIRE_ADVICE_RANDOM),
                         QUIRE_OK);
        assert_int_equal(lab_read(&lab, 1, 9), QUIRE_OK);
        assert_false(is_mapped(1, lab_va(&lab, 1, 8)));
        lab_compare(&lab);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_window_as_advised),
        cmocka_unit_test(test_reading_through),
        cmocka_unit_test(test_regions_are_cut_and_joined),
        cmocka_unit_test(test_only_what_must_be_read),
        cmocka_unit_test(test_prefetch_fails),
        cmocka_unit_test(test_prefetch_of_nothing),
        cmocka_unit_test(test_prefetch_pending),
        cmocka_unit_test(test_around),
    };

    return unit_run(tests);
}
