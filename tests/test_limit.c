/* Spaces that have a limit of resident pages, and a policy of their own among these. */
#include "quire/limit.h"

#include <stdlib.h>

#include "tests/support/lab.h"
#include "tests/support/unit.h"

static struct lab lab;

/* Two spaces of ten writable pages; the machine has room for `resident` pages. */
static void start(unsigned machine, uint32_t resident)
{
    lab_start(&lab, machine, resident, 64);
    assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
    lab_draw(&lab, 0, "wwwwwwwwww");
    lab_draw(&lab, 1, "wwwwwwwwww");
}

static void end(void)
{
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

static enum quire_status limit(unsigned space, uint32_t pages,
                               const struct quire_policy_ops *policy)
{
    static uint64_t state[LAB_SPACES][1024];

    return quire_space_limit(&lab.space[space].space, pages, policy, state[space],
                             sizeof(state[space]));
}

static void write_pages(unsigned space, unsigned first, unsigned pages)
{
    for (unsigned page = first; page < first + pages; page++) {
        assert_int_equal(lab_write(&lab, space, page), QUIRE_OK);
        lab_check(&lab);
    }
}

/* However much it wants, it takes nothing from others, even where the machine is full. */
static void test_hog_keeps_to_itself(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        start(machine, 13);
        write_pages(1, 0, 10);
        assert_int_equal(limit(0, 3, &quire_policy_fifo), QUIRE_OK);
        write_pages(0, 0, 10);
        lab_pages(&lab, 0, "sssssss###");
        lab_pages(&lab, 1, "##########");
        assert_int_equal(lab.space[0].space.resident, 3);
        end();
    }
}

/* A policy of its own: what was used goes last, though the system's is fifo. */
static void test_policy_of_its_own(void **state)
{
    (void)state;
    start(LAB_SMALL, 0);
    assert_int_equal(limit(0, 3, &quire_policy_lru), QUIRE_OK);
    write_pages(0, 0, 3);
    assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
    write_pages(0, 3, 1);
    lab_pages(&lab, 0, "#s##");
    assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
    write_pages(0, 4, 1);
    lab_pages(&lab, 0, "#ss##");
    end();
}

/* The pages that are there already are the first to obey; and to be set free. */
static void test_limit_comes_and_goes(void **state)
{
    (void)state;
    start(LAB_SMALL, 12);
    write_pages(0, 0, 8);
    assert_int_equal(limit(0, 2, &quire_policy_fifo), QUIRE_OK);
    lab_check(&lab);
    lab_pages(&lab, 0, "########");
    write_pages(0, 8, 1);
    lab_pages(&lab, 0, "sssssss##");
    assert_int_equal(limit(0, 4, &quire_policy_lru), QUIRE_OK);
    write_pages(0, 0, 3);
    lab_pages(&lab, 0, "###sssss#");
    assert_int_equal(limit(0, 0, NULL), QUIRE_OK);
    write_pages(0, 3, 4);
    assert_int_equal(lab.space[0].space.resident, 8);
    end();
}

/* Where nothing else is left, others do get the frames of a space with a limit. */
static void test_last_resort(void **state)
{
    (void)state;
    start(LAB_SMALL, 6);
    assert_int_equal(limit(0, 6, &quire_policy_fifo), QUIRE_OK);
    write_pages(0, 0, 6);
    write_pages(1, 0, 2);
    lab_pages(&lab, 0, "s#####");
    lab_pages(&lab, 1, "s#");
    end();
}

/* Pages that kin share are in one policy's hands at a time, whoever leaves first. */
static void test_kin(void **state)
{
    (void)state;
    for (unsigned parent_leaves = 0; parent_leaves < 2; parent_leaves++) {
        start(LAB_SMALL, 0);
        assert_int_equal(limit(0, 4, &quire_policy_fifo), QUIRE_OK);
        write_pages(0, 0, 6);
        assert_int_equal(lab_fork(&lab, 2, 0), QUIRE_OK);
        lab_check(&lab);
        assert_int_equal(lab.space[2].space.limit, 0);
        write_pages(2, 0, 4);
        assert_int_equal(limit(2, 3, &quire_policy_lru), QUIRE_OK);
        lab_check(&lab);
        lab_compare(&lab);
        lab_destroy(&lab, parent_leaves ? 0 : 2);
        lab_check(&lab);
        end();
    }
}

/* Ghosts and counters need memory, which is the caller's. */
static void test_state(void **state)
{
    const struct quire_policy_ops *policy = &quire_policy_arc;
    size_t bytes;
    uint64_t *memory;

    (void)state;
    start(LAB_SMALL, 0);
    bytes = quire_space_limit_size(&lab.system, policy);
    memory = malloc(bytes + 8);
    assert_true(bytes > 8 && memory != NULL);
    assert_int_equal(quire_space_limit_size(&lab.system, &quire_policy_fifo), 0);
    assert_int_equal(quire_space_limit(&lab.space[0].space, 3, policy, memory, bytes - 1),
                     QUIRE_INVALID);
    assert_int_equal(quire_space_limit(&lab.space[0].space, 3, policy, (char *)memory + 4, bytes),
                     QUIRE_INVALID);
    assert_int_equal(lab.space[0].space.limit, 0);
    assert_int_equal(quire_space_limit(&lab.space[0].space, 3, policy, memory, bytes), QUIRE_OK);
    write_pages(0, 0, 10);
    assert_int_equal(lab.space[0].space.resident, 3);
    end();
    free(memory);

    start(LAB_NO_MARKS, 0);
    assert_int_equal(limit(0, 3, &quire_policy_clock_mmu), QUIRE_INVALID);
    end();
}

static void random_step(void)
{
    unsigned space = (unsigned)prng_below(&lab.prng, LAB_SPACES);
    unsigned page = (unsigned)prng_below(&lab.prng, 10);
    uint64_t what = prng_below(&lab.prng, 40);

    if (!lab.space[space].alive) {
        (void)lab_fork(&lab, space, 0);
    } else if (what == 0 && space == 2) {
        lab_destroy(&lab, space);
    } else if (what == 1) {
        assert_int_equal(limit(space, (uint32_t)prng_below(&lab.prng, 6),
                               page % 2 ? &quire_policy_fifo : &quire_policy_lru),
                         QUIRE_OK);
    } else if (what < 20) {
        assert_int_equal(lab_write_some(&lab, space, page), QUIRE_OK);
    } else {
        assert_int_equal(lab_read(&lab, space, page), QUIRE_OK);
    }
}

static void test_random(void **state)
{
    static const unsigned machines[] = {LAB_SMALL, LAB_NO_DIRTY, LAB_I386, LAB_X86_64};

    (void)state;
    for (unsigned m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
        start(machines[m], 8);
        for (unsigned step = 0; step < 1500; step++) {
            random_step();
            lab_check(&lab);
        }
        end();
    }
}

/* ---- what policies remember ------------------------------------------------------------------ */

enum how { STAY, UNMAP, DISCARD, EXIT, WAYS };

/* Pages 2 and 3 are evicted, and awaited. Then something happens to them, and others come in their
 * place; how many of those does the policy take for pages that came back? */
static uint32_t taken_for_old(const struct quire_policy_ops *ops, enum how how)
{
    enum { PAGES = 8, CAME_BACK = 1 /* list */ };
    struct lab_setup setup = {.policy = ops, .limit = 4, .slots = 32};
    uint32_t old;

    setup.format = lab_machine(LAB_I386, &setup.frames);
    lab_open(&lab, &setup);
    check(lab_create(&lab, 0, 0) == QUIRE_OK);
    lab_draw(&lab, 0, "wwwwwwww");
    for (unsigned i = 0; i < PAGES; i++) {
        check(lab_write(&lab, 0, i) == QUIRE_OK);
    }
    if (how == UNMAP) {
        check(lab_unmap(&lab, 0, 0, 4) == QUIRE_OK);
        lab_draw(&lab, 0, "wwww");
    } else if (how == DISCARD) {
        check(lab_discard(&lab, 0, 0, 4) == QUIRE_OK);
    } else if (how == EXIT) {
        lab_destroy(&lab, 0);
        check(lab_create(&lab, 0, 0) == QUIRE_OK);
        lab_draw(&lab, 0, "wwww");
    }
    check(lab_write(&lab, 0, 2) == QUIRE_OK && lab_write(&lab, 0, 3) == QUIRE_OK);
    lab_check(&lab);
    old = lab.system.policy.list[CAME_BACK].length;
    lab_close(&lab);
    return old;
}

static void test_gone_is_forgotten(void **state)
{
    static const struct quire_policy_ops *const remember[] = {&quire_policy_2q,
                                                              &quire_policy_s3_fifo_mmu};

    (void)state;
    for (unsigned i = 0; i < sizeof(remember) / sizeof(remember[0]); i++) {
        for (enum how how = STAY; how < WAYS; how++) {
            uint32_t old = taken_for_old(remember[i], how);

            checkf((old != 0) == (how == STAY), "%s, way %d: %u pages", remember[i]->name, (int)how,
                   (unsigned)old);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hog_keeps_to_itself),
        cmocka_unit_test(test_policy_of_its_own),
        cmocka_unit_test(test_limit_comes_and_goes),
        cmocka_unit_test(test_last_resort),
        cmocka_unit_test(test_kin),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_gone_is_forgotten),
    };

    return unit_run(tests);
}
