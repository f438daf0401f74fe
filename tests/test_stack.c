/*
 * Stacks that grow by themselves, and promises of memory: how far, how close, what is charged, what
 * is refused and how; and that what is promised is always what the regions need.
 */
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER, X = QUIRE_EXECUTE | QUIRE_USER };

static enum quire_refusal refusal(struct lab *lab, unsigned space, uint64_t va, unsigned access)
{
    struct quire_request request = {.ready = NULL};
    enum quire_status status =
        quire_space_fault(&lab->space[space].space, quire_va_at(va), access, &request);

    check((status == QUIRE_FAULT) == (request.refusal != QUIRE_REFUSAL_NONE));
    return request.refusal;
}

static void end(struct lab *lab)
{
    lab_check(lab);
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* ---- growing --------------------------------------------------------------------------------- */

/* Down to the limit, one page or many at a time, and not a page further. */
static void test_limit(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 0, 16);
        assert_int_equal(lab_map_stack(&lab, 0, 12, 2, 'w', 5), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 11), QUIRE_OK);
        lab_regions(&lab, 0, "...........www");
        lab_pages(&lab, 0, "...........#");
        assert_int_equal(lab_write(&lab, 0, 4), QUIRE_FAULT);
        assert_int_equal(lab_read(&lab, 0, 8), QUIRE_OK);
        lab_regions(&lab, 0, "........wwwwww");
        lab_check(&lab);
        assert_int_equal(lab_write(&lab, 0, 5), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 4), QUIRE_FAULT);
        assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 4).at, W), QUIRE_REFUSAL_STACK);
        assert_int_equal(lab_write(&lab, 0, 14), QUIRE_FAULT); /* above it */
        assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 14).at, W), QUIRE_REFUSAL_NO_REGION);
        lab_regions(&lab, 0, ".....wwwwwwwww");
        assert_string_equal(quire_refusal_text(QUIRE_REFUSAL_STACK),
                            "the stack may not grow further");
        end(&lab);
    }
}

/* A region that may grow to no more than it has is no stack. */
static void test_no_stack(void **state)
{
    struct quire_region_spec spec = {.prot = W | R};
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 4);
    assert_int_equal(lab_map_stack(&lab, 0, 8, 2, 'w', 8), QUIRE_OK);
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 7).at, W), QUIRE_REFUSAL_NO_REGION);
    lab_file(&lab, 0, 2 * lab.page_bytes);
    spec.va = lab_va(&lab, 0, 12);
    spec.bytes = lab.page_bytes;
    spec.stack_limit = 2 * lab.page_bytes;
    spec.object = &lab.file[0];
    assert_int_equal(quire_space_map(&lab.space[0].space, &spec), QUIRE_INVALID);
    end(&lab);
}

/* A page stays between a stack and what is below it, whatever that is, and whoever came first. */
static void test_guard(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 16);
    lab_draw(&lab, 0, "...r");
    assert_int_equal(lab_map_stack(&lab, 0, 9, 1, 'w', 1), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 5), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 4), QUIRE_FAULT);
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 4).at, W), QUIRE_REFUSAL_STACK);
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 2).at, W), QUIRE_REFUSAL_NO_REGION);
    assert_int_equal(lab_unmap(&lab, 0, 3, 1), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 4), QUIRE_OK);       /* the way is free */
    assert_int_equal(lab_map(&lab, 0, 3, 1, 'r'), QUIRE_OK); /* right below it */
    assert_int_equal(lab_unmap(&lab, 0, 3, 1), QUIRE_OK);
    assert_int_equal(lab_map(&lab, 0, 2, 1, 'r'), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 3), QUIRE_FAULT);
    lab_regions(&lab, 0, "..r.wwwwww");
    end(&lab);
}

/* An access that the stack would not allow is refused as such, and nothing grows. */
static void test_access(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 16);
    assert_int_equal(lab_map_stack(&lab, 0, 12, 1, 'w', 5), QUIRE_OK);
    assert_int_equal(lab_fault(&lab, 0, 9, X), QUIRE_FAULT);
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 9).at, X), QUIRE_REFUSAL_EXECUTE);
    lab_regions(&lab, 0, "............w");
    assert_int_equal(lab_protect(&lab, 0, 12, 1, 'r'), QUIRE_OK);
    assert_int_equal(lab_fault(&lab, 0, 11, W), QUIRE_FAULT);
    assert_int_equal(lab_fault(&lab, 0, 11, R), QUIRE_OK);
    lab_regions(&lab, 0, "...........rr");
    end(&lab);
}

/* Only what is lowest goes on growing; parts that are alike again are one again. */
static void test_cut(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 16);
    assert_int_equal(lab_map_stack(&lab, 0, 10, 4, 'w', 3), QUIRE_OK);
    assert_int_equal(lab_protect(&lab, 0, 11, 2, 'r'), QUIRE_OK);
    lab_regions(&lab, 0, "..........wrrw");
    assert_int_equal(lab_write(&lab, 0, 9), QUIRE_OK);
    assert_int_equal(lab_protect(&lab, 0, 11, 2, 'w'), QUIRE_OK);
    lab_regions(&lab, 0, ".........wwwww");
    lab_check(&lab);
    assert_int_equal(lab_unmap(&lab, 0, 11, 1), QUIRE_OK);
    assert_int_equal(lab_fault(&lab, 0, 11, W), QUIRE_FAULT);
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 11).at, W), QUIRE_REFUSAL_NO_REGION);
    assert_int_equal(lab_write(&lab, 0, 8), QUIRE_OK);
    assert_int_equal(lab_unmap(&lab, 0, 8, 1), QUIRE_OK); /* its end: what is left does not grow */
    assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 8).at, W), QUIRE_REFUSAL_NO_REGION);
    lab_regions(&lab, 0, ".........ww.ww");
    end(&lab);
}

/* Every stack and every neighbour: what is above, below, how far it may go. */
static void test_every_place(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8 * 8 * 8; i++) {
        unsigned below = i % 8, lowest = 1 + i / 8 % 8, touched = i / 64;
        struct lab lab;

        lab_start(&lab, LAB_SMALL, 0, 0);
        assert_int_equal(lab_map(&lab, 0, below, 1, 'r'), QUIRE_OK);
        assert_int_equal(lab_map_stack(&lab, 0, 9, 1, 'w', lowest), QUIRE_OK);
        if (touched != below) {
            enum quire_status status = lab_fault(&lab, 0, touched, W);
            bool may = touched >= lowest && touched >= below + 1 + QUIRE_STACK_GUARD;
            assert_int_equal(status, may ? QUIRE_OK : QUIRE_FAULT);
        }
        end(&lab);
    }
}

/* Addresses that are none cannot be grown over: below the upper half of a sign-extended space, and
 * below 0. */
static void test_no_addresses(void **state)
{
    static const uint64_t base[] = {UINT64_C(0xffff800000000000), 0};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct quire_region_spec spec = {.prot = W | R, .stack_limit = UINT64_MAX};
        struct quire_space *space;
        struct lab lab;

        lab_start(&lab, LAB_X86_64, 0, 4);
        assert_int_equal(lab_create(&lab, 1, base[i]), QUIRE_OK);
        space = &lab.space[1].space;
        spec.va = lab_va(&lab, 1, 2);
        spec.bytes = lab.page_bytes;
        assert_int_equal(quire_space_map(space, &spec), QUIRE_OK);
        for (unsigned page = 1; page < 4; page++) {
            (void)refusal(&lab, 1, lab_va(&lab, 1, 2).at - page * lab.page_bytes, W);
        }
        assert_int_equal(refusal(&lab, 1, UINT64_C(0x7ffffffff000), W),
                         i == 0 ? QUIRE_REFUSAL_STACK : QUIRE_REFUSAL_NO_REGION);
        assert_int_equal(refusal(&lab, 1, UINT64_C(0xffff000000000000), W),
                         i == 0 ? QUIRE_REFUSAL_STACK : QUIRE_REFUSAL_NO_REGION);
        assert_int_equal(quire_range_check(lab.format, space->regions->va, space->regions->bytes),
                         QUIRE_OK);
        assert_null(space->regions->next);
        assert_int_equal(quire_space_unmap(space, space->regions->va, space->regions->bytes),
                         QUIRE_OK);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* A limit that is no whole number of pages is not exceeded. */
static void test_odd_limit(void **state)
{
    struct lab lab;

    (void)state;
    for (unsigned odd = 1; odd < 64; odd += 21) {
        struct quire_region_spec spec = {.prot = W | R};

        lab_start(&lab, LAB_SMALL, 0, 4);
        spec.va = lab_va(&lab, 0, 8);
        spec.bytes = lab.page_bytes;
        spec.stack_limit = 3 * lab.page_bytes + odd;
        assert_int_equal(quire_space_map(&lab.space[0].space, &spec), QUIRE_OK);
        assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 5).at, W), QUIRE_REFUSAL_STACK);
        assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 6).at - 1, W), QUIRE_REFUSAL_STACK);
        assert_int_equal(refusal(&lab, 0, lab_va(&lab, 0, 6).at, W), QUIRE_REFUSAL_NONE);
        quire_space_unmap(&lab.space[0].space, lab_va(&lab, 0, 0), LAB_PAGES * lab.page_bytes);
        lab_close(&lab);
    }
}

/* It grew, and then there was no frame: the next access finds it grown. */
static void test_no_frame(void **state)
{
    struct lab lab;
    unsigned n = 0;
    enum quire_status status;

    (void)state;
    do {
        lab_start(&lab, LAB_SMALL, 0, 4);
        assert_int_equal(lab_map_stack(&lab, 0, 12, 1, 'w', 5), QUIRE_OK);
        lab.refuse = (struct lab_trip){++n, 0, true};
        status = lab_fault(&lab, 0, 9, W);
        lab_check(&lab);
        lab.refuse.in = 0;
        assert_int_equal(lab_write(&lab, 0, 9), QUIRE_OK);
        end(&lab);
    } while (status != QUIRE_OK);
    assert_true(n > 2);
}

/* ---- promises -------------------------------------------------------------------------------- */

static void start_strict(struct lab *lab, uint32_t frames, uint32_t slots, bool strict)
{
    struct lab_setup setup = {
        .format = lab_machine(LAB_SMALL, NULL), .frames = frames, .slots = slots, .strict = strict};

    lab_open(lab, &setup);
    check(lab_create(lab, 0, 0) == QUIRE_OK);
}

static void test_growth_is_charged(void **state)
{
    (void)state;
    for (unsigned strict = 0; strict < 2; strict++) {
        struct lab lab;

        start_strict(&lab, 32, 4, strict);
        lab_memory(&lab, 0, (lab.system.commit_limit - 4) * lab.page_bytes);
        assert_int_equal(lab_map_stack(&lab, 0, 14, 2, 'w', 2), QUIRE_OK);
        assert_int_equal(lab.system.committed, lab.system.commit_limit - 2);
        assert_int_equal(lab_fault(&lab, 0, 11, W), strict ? QUIRE_FAULT : QUIRE_OK);
        assert_int_equal(lab_fault(&lab, 0, 12, W), QUIRE_OK);
        assert_int_equal(lab.system.committed, lab.system.commit_limit + (strict ? 0 : 1));
        assert_int_equal(lab_fault(&lab, 0, 10, W), strict ? QUIRE_FAULT : QUIRE_OK);
        lab_check(&lab);
        lab_destroy(&lab, 0);
        assert_int_equal(lab.system.committed, lab.system.commit_limit - 4);
        lab_close(&lab);
    }
}

/* What needs no memory of its own is promised nothing: shared regions, and what can never be
 * written. What may be written one day does. */
static void test_what_is_charged(void **state)
{
    struct lab_page page = {.prot = R, .max_prot = R};
    struct lab lab;

    (void)state;
    start_strict(&lab, 40, 0, true);
    lab_file(&lab, 0, 8 * lab.page_bytes);
    assert_int_equal(lab_map_shared(&lab, 0, 0, 2, 'w', 0, 0), QUIRE_OK);
    assert_int_equal(lab_map_as(&lab, 0, 2, 2, &page), QUIRE_OK);
    assert_int_equal(lab.system.committed, 0);
    assert_int_equal(lab_map_file(&lab, 0, 4, 3, 'r', 0, 0), QUIRE_OK);
    assert_int_equal(lab.system.committed, 3);
    assert_int_equal(lab_protect(&lab, 0, 4, 1, 'w'), QUIRE_OK);
    assert_int_equal(lab.system.committed, 3);
    assert_int_equal(lab_unmap(&lab, 0, 5, 1), QUIRE_OK);
    assert_int_equal(lab.system.committed, 2);
    lab_memory(&lab, 1, 36 * lab.page_bytes);
    assert_int_equal(lab.system.committed, 38);
    assert_int_equal(lab_map(&lab, 0, 10, 2, 'w'), QUIRE_NO_SPACE);
    assert_int_equal(lab_map(&lab, 0, 10, 1, 'w'), QUIRE_OK);
    assert_int_equal(lab_discard(&lab, 0, 0, 12), QUIRE_OK);
    assert_int_equal(lab.system.committed, 39);
    lab_unmap(&lab, 0, 0, LAB_PAGES);
    lab_close(&lab);
}

/* An object that is too much is not made, and leaves nothing behind. */
static void test_object_refused(void **state)
{
    struct quire_object object;
    struct lab lab;
    uint32_t frames;

    (void)state;
    start_strict(&lab, 40, 4, true);
    frames = lab.arena.frames.free;
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, 43 * lab.page_bytes + 1),
                     QUIRE_NO_SPACE);
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, UINT64_MAX), QUIRE_NO_SPACE);
    assert_null(lab.system.objects);
    assert_int_equal(lab.arena.frames.free, frames);
    assert_int_equal(lab.system.committed, 0);
    assert_int_equal(quire_object_create(&object, &lab.system, NULL, 43 * lab.page_bytes),
                     QUIRE_OK);
    quire_object_destroy(&object);
    end(&lab);
}

/* Whatever is done, what is promised is what the regions need: lab_check() counts it. */
static void test_random_promises(void **state)
{
    struct prng prng = prng_new(5);

    (void)state;
    for (unsigned run = 0; run < 8 * EFFORT; run++) {
        struct lab lab;

        start_strict(&lab, 120, (uint32_t)prng_below(&prng, 20), run % 2);
        lab_file(&lab, 0, 6 * lab.page_bytes);
        for (unsigned step = 0; step < 250; step++) {
            unsigned n = (unsigned)prng_below(&prng, LAB_SPACES);
            unsigned first = (unsigned)prng_below(&prng, LAB_PAGES);
            unsigned pages = 1 + (unsigned)prng_below(&prng, LAB_PAGES - first);

            if (!lab.space[n].alive) {
                unsigned parent = (n + 1) % LAB_SPACES;
                lab.space[parent].alive ? lab_fork(&lab, n, parent) : lab_create(&lab, n, 0);
            } else if (prng_one_in(&prng, 40)) {
                lab_destroy(&lab, n);
            } else {
                switch (prng_below(&prng, 8)) {
                case 0: lab_map(&lab, n, first, pages, "rw"[step % 2]); break;
                case 1: lab_map_file(&lab, n, first, pages, 'w', 0, 0); break;
                case 2: lab_map_shared(&lab, n, first, 1 + pages / 3, 'w', 0, 0); break;
                case 3: lab_map_stack(&lab, n, first, pages, 'w', 1 + first / 2); break;
                case 4: lab_unmap(&lab, n, first, 1 + pages / 3); break;
                case 5: lab_protect(&lab, n, first, 1 + pages / 2, "rw-"[step % 3]); break;
                default: lab_write(&lab, n, first); break;
                }
            }
            lab_check(&lab);
        }
        lab_close(&lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_stack),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_odd_limit),
        cmocka_unit_test(test_no_frame),
        cmocka_unit_test(test_growth_is_charged),
        cmocka_unit_test(test_what_is_charged),
        cmocka_unit_test(test_object_refused),
        cmocka_unit_test(test_random_promises),
    };

    return unit_run(tests);
}
