/*
 * Everything that can fail, failing: the first, the second, ... the n-th frame refused, or all from
 * the n-th on; the n-th transfer. Afterwards everything is as it was, but for pages that were
 * evicted on the way; the same thing tried again succeeds; and no byte is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

/* ---- operations, and what goes before them --------------------------------------------------- */

struct operation {
    const char *name;
    void (*before)(struct lab *lab);
    enum quire_status (*run)(struct lab *lab);
    unsigned frames;    /* allocations that it needs at least */
    unsigned transfers; /* and transfers */
    uint32_t limit;     /* 0: whatever is evicted is evicted for want of frames */
    bool small;         /* only where a block of records is small */
};

static void nothing(struct lab *lab)
{
    (void)lab;
}

static enum quire_status create(struct lab *lab)
{
    return lab_create(lab, 1, 0);
}

static enum quire_status map(struct lab *lab)
{
    return lab_map(lab, 0, 3, 4, 'w');
}

/* Regions in space 1 until the block that their records are in has room for `left` more. */
static void fill_block(struct lab *lab, unsigned left)
{
    unsigned regions = 0;

    lab_draw(lab, 0, "wwwwwwww");
    check(lab_create(lab, 1, 0) == QUIRE_OK);
    while (lab->system.region_slab != NULL) { /* full blocks are not listed */
        check(lab_map(lab, 1, regions, 1, "rx"[regions % 2]) == QUIRE_OK);
        regions++;
    }
    check(lab_unmap(lab, 1, regions - left, LAB_PAGES - (regions - left)) == QUIRE_OK);
    check(lab_write(lab, 0, 1) == QUIRE_OK && lab_write(lab, 0, 3) == QUIRE_OK);
}

static void block_full(struct lab *lab)
{
    fill_block(lab, 0);
}

static void block_with_room_for_one(struct lab *lab)
{
    fill_block(lab, 1);
}

static enum quire_status unmap_middle(struct lab *lab)
{
    return lab_unmap(lab, 0, 2, 4);
}

static enum quire_status protect_middle(struct lab *lab)
{
    return lab_protect(lab, 0, 2, 4, 'r');
}

static enum quire_status protect_end(struct lab *lab)
{
    return lab_protect(lab, 0, 2, 6, 'r');
}

static void zeros(struct lab *lab)
{
    lab_draw(lab, 0, "wwwwwwww");
}

static void zeros_in_use(struct lab *lab)
{
    zeros(lab);
    for (unsigned i = 1; i < 5; i++) {
        check(lab_write(lab, 0, i) == QUIRE_OK);
    }
}

static void page_0_in_swap(struct lab *lab)
{
    zeros(lab);
    for (unsigned i = 0; lab->space[0].space.swapped == 0; i++) {
        check(lab_write(lab, 0, i) == QUIRE_OK);
    }
}

static void file(struct lab *lab)
{
    lab_file(lab, 0, 2 * lab->page_bytes);
    check(lab_map_file(lab, 0, 0, 3, 'w', 0, 0) == QUIRE_OK);
}

static void file_and_zeros_in_use(struct lab *lab)
{
    file(lab);
    check(lab_map(lab, 0, 4, 4, 'w') == QUIRE_OK);
    for (unsigned i = 4; i < 8; i++) {
        check(lab_write(lab, 0, i) == QUIRE_OK);
    }
}

/* Resident, but off the MMU: its table has to be made again. */
static void off_the_mmu(struct lab *lab)
{
    zeros(lab);
    check(lab_write(lab, 0, 0) == QUIRE_OK);
    check(lab_protect(lab, 0, 0, 8, '-') == QUIRE_OK);
    check(lab_protect(lab, 0, 0, 8, 'w') == QUIRE_OK);
}

static enum quire_status read_0(struct lab *lab)
{
    return lab_fault(lab, 0, 0, R);
}

static enum quire_status write_0(struct lab *lab)
{
    return lab_fault(lab, 0, 0, W);
}

static const struct operation operations[] = {
    {"create a space", nothing, create, 2, 0, 0, false},
    {"map the first region", nothing, map, 1, 0, 0, false},
    {"unmap the middle, all records taken", block_full, unmap_middle, 1, 0, 0, true},
    {"unmap the middle, one record short", block_with_room_for_one, unmap_middle, 1, 0, 0, true},
    {"protect the middle, all records taken", block_full, protect_middle, 1, 0, 0, true},
    {"protect the middle, one record short", block_with_room_for_one, protect_middle, 1, 0, 0,
     true},
    {"protect the end, all records taken", block_full, protect_end, 1, 0, 0, true},
    {"touch zeros", zeros, write_0, 1, 0, 0, false},
    {"touch zeros, other pages could go", zeros_in_use, write_0, 1, 0, 0, false},
    {"touch zeros, evicting", zeros_in_use, read_0, 1, 1, 3, false},
    {"read a file", file, read_0, 1, 1, 0, false},
    {"read a file, other pages could go", file_and_zeros_in_use, write_0, 1, 1, 0, false},
    {"read a file, evicting", file_and_zeros_in_use, read_0, 1, 2, 3, false},
    {"read from swap, evicting", page_0_in_swap, read_0, 1, 2, 2, false},
    {"read from swap for a write, evicting all", page_0_in_swap, write_0, 1, 2, 1, false},
    {"a page off the MMU", off_the_mmu, write_0, 0, 0, 0, false},
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* ---- frames refused -------------------------------------------------------------------------- */

static void start(struct lab *lab, const struct operation *operation, unsigned machine)
{
    lab_start(lab, machine, operation->limit, 16);
    operation->before(lab);
    lab_check(lab);
}

/* In the end all is well, whatever happened before. */
static void wind_up(struct lab *lab)
{
    lab->refuse = lab->fail = (struct lab_trip){0, 0, false};
    lab_check(lab);
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        for (unsigned i = 0; i < LAB_PAGES && lab->space[n].alive; i++) {
            if (lab->space[n].page[i].mapped && lab->space[n].page[i].prot == 0) {
                lab_protect(lab, n, i, 1, 'r');
            }
        }
    }
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* Refuses the n-th frame; false: it did not need so many. */
static bool nth_frame_refused(const struct operation *operation, unsigned machine, uint64_t n,
                              bool stays)
{
    struct lab_state before;
    enum quire_status status;
    struct lab lab;
    bool struck;

    start(&lab, operation, machine);
    lab_remember(&lab, &before);
    lab.refuse = (struct lab_trip){n, 0, stays};
    status = operation->run(&lab);
    struck = lab.refuse.struck != 0;
    lab.refuse.in = 0;
    checkf(status == QUIRE_OK || (struck && status == QUIRE_NO_MEMORY), "%s: %s", operation->name,
           quire_status_text(status));
    lab_check(&lab);
    if (status != QUIRE_OK) {
        bool any = lab.system.events[QUIRE_EVENT_VICTIM] != 0;
        lab_unchanged(&lab, &before, any ? LAB_BUT_EVICTED : LAB_SAME);
        check(operation->run(&lab) == QUIRE_OK);
    }
    wind_up(&lab);
    return struck;
}

static void test_frames_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPERATIONS * LAB_MACHINES * 2; i++) {
        const struct operation *operation = &operations[i / 2 % OPERATIONS];
        unsigned machine = i / 2 / OPERATIONS;
        uint64_t n = 1;

        if (operation->small && quire_format_page_shift(lab_machine(machine, NULL)) == 12) {
            continue;
        }
        while (nth_frame_refused(operation, machine, n, i % 2)) {
            n++;
        }
        checkf(n > operation->frames, "%s: %s takes %u frames", lab_machine(machine, NULL)->name,
               operation->name, (unsigned)n - 1);
    }
}

/* A machine's memory gets smaller and smaller: at some size each thing fails, below it nothing else
 * happens, above it all is well. */
static void test_machines_too_small(void **state)
{
    (void)state;
    for (uint32_t frames = 2; frames < 40; frames++) {
        struct lab_setup setup = {.format = &quire_format_i386, .frames = frames, .slots = 16};
        unsigned written = 0;
        struct lab lab;

        lab_open(&lab, &setup);
        if (lab_create(&lab, 0, 0) == QUIRE_OK && lab_map(&lab, 0, 0, 8, 'w') == QUIRE_OK) {
            for (unsigned i = 0; i < 8; i++) {
                written += lab_write(&lab, 0, i) == QUIRE_OK;
                lab_check(&lab);
            }
        }
        /* Two roots, a block of records, a node, a table, a page; and the frame that is nobody's.
         * */
        checkf(written == (frames < 7 ? 0 : 8), "%u of 8 pages with %u frames", written, frames);
        assert_int_equal(lab.space[0].space.resident, frames < 7    ? 0
                                                      : frames < 14 ? frames - 6
                                                                    : 8);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* ---- the system itself ----------------------------------------------------------------------- */

static enum quire_status device(void *context, struct quire_transfer *transfer)
{
    (void)context;
    (void)transfer;
    return QUIRE_IO_ERROR;
}

/* It keeps nothing that it could not use. */
static void test_system_init_fails(void **state)
{
    struct arena arena, another;
    struct quire_registry registry = {.host = &another.host};
    struct quire_system system;
    struct quire_system_config config = {
        .host = &arena.host, .policy = &quire_policy_fifo, .swap = {device, NULL}, .swap_slots = 4};
    uint64_t memory[4096];

    (void)state;
    arena_init(&arena, ARENA_DIRECT, 0, 16, 6); /* records of 16 frames are larger than these */
    arena_use_frames(&arena);
    assert_int_equal(quire_system_init(&system, &config), QUIRE_NO_MEMORY);
    assert_int_equal(arena.frames.free, 15);

    config.state = memory;
    config.state_bytes = quire_system_size(&config);
    assert_true(config.state_bytes < sizeof(memory) - 8);
    assert_int_equal(quire_system_init(&system, &config), QUIRE_OK);
    assert_int_equal(quire_system_overhead(&system), 0);
    quire_system_destroy(&system);
    config.state_bytes--;
    assert_int_equal(quire_system_init(&system, &config), QUIRE_INVALID);
    config.state_bytes += 8;
    config.state = (unsigned char *)memory + 4;
    assert_int_equal(quire_system_init(&system, &config), QUIRE_INVALID);
    config.state = memory;
    config.registry = &registry;
    assert_int_equal(quire_system_init(&system, &config), QUIRE_INVALID);
    config.registry = NULL;
    config.swap_slots = QUIRE_RECORD_NUMBERS + 1;
    assert_int_equal(quire_system_init(&system, &config), QUIRE_OUT_OF_RANGE);
    assert_int_equal(arena.frames.free, 15);
    arena_free(&arena);
}

/* Records have 28 bits for a frame's number, which need not begin at 0. */
static void test_frame_numbers_too_large(void **state)
{
    struct arena arena;
    struct quire_system system;
    struct quire_system_config config = {.host = &arena.host, .policy = &quire_policy_fifo};

    (void)state;
    for (uint32_t over = 0; over < 2; over++) {
        arena_init(&arena, ARENA_DIRECT, (uint64_t)(QUIRE_RECORD_NUMBERS - 64 + over) << 12, 64,
                   12);
        arena_use_frames(&arena);
        assert_int_equal(quire_system_init(&system, &config), over ? QUIRE_OUT_OF_RANGE : QUIRE_OK);
        if (!over) {
            quire_system_destroy(&system);
        }
        assert_int_equal(arena.frames.free, 63);
        arena_free(&arena);
    }
}

/* Records are used by pointer: memory that is seen through windows only will not do. */
static void test_records_out_of_sight(void **state)
{
    struct arena arena;
    struct quire_system system;
    struct quire_space space;
    struct quire_region_spec spec = {.bytes = 4096, .prot = QUIRE_READ};
    struct quire_system_config config = {.host = &arena.host, .policy = &quire_policy_fifo};
    uint64_t memory[1024];

    (void)state;
    arena_init(&arena, ARENA_WINDOWS, 0, 64, 12);
    arena_use_frames(&arena);
    assert_int_equal(quire_system_init(&system, &config), QUIRE_NO_MEMORY);
    assert_int_equal(arena.frames.free, 63);
    arena_settled(&arena);

    config.state_bytes = quire_system_size(&config);
    config.state = memory;
    assert_true(config.state_bytes <= sizeof(memory));
    assert_int_equal(quire_system_init(&system, &config), QUIRE_OK);
    assert_int_equal(quire_space_create(&space, &system, &quire_format_i386, 1), QUIRE_OK);
    assert_int_equal(quire_space_map(&space, &spec), QUIRE_NO_MEMORY);
    arena_settled(&arena);
    quire_space_destroy(&space);
    quire_system_destroy(&system);
    assert_int_equal(arena.frames.free, 63);
    arena_free(&arena);
}

/* ---- transfers that fail --------------------------------------------------------------------- */

/* How the disk answers. */
enum answer { AT_ONCE, HELD, EARLY, ANSWERS };

/* The n-th transfer fails; false: there were not so many. */
static bool nth_transfer_fails(const struct operation *operation, unsigned machine, uint64_t n,
                               enum answer answer)
{
    struct lab_state before;
    enum quire_status status;
    struct lab lab;
    bool struck;

    start(&lab, operation, machine);
    lab.hold = answer == HELD;
    lab.early = answer == EARLY;
    lab_remember(&lab, &before);
    lab.fail = (struct lab_trip){n, 0, false};
    status = operation->run(&lab);
    struck = lab.fail.struck != 0;
    checkf(status == (struck ? QUIRE_IO_ERROR : QUIRE_OK), "%s: %s", operation->name,
           quire_status_text(status));
    lab_check(&lab);
    if (struck) {
        lab_unchanged(&lab, &before, LAB_BUT_EVICTED);
        check(operation->run(&lab) == QUIRE_OK);
        lab_check(&lab);
    }
    wind_up(&lab);
    return struck;
}

static void test_transfers_fail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPERATIONS * LAB_MACHINES * ANSWERS; i++) {
        const struct operation *operation = &operations[i / ANSWERS % OPERATIONS];
        unsigned machine = i / ANSWERS / OPERATIONS;
        uint64_t n = 1;

        if (operation->transfers == 0) {
            continue;
        }
        while (nth_transfer_fails(operation, machine, n, (enum answer)(i % ANSWERS))) {
            n++;
        }
        checkf(n > operation->transfers, "%s: %s does %u transfers",
               lab_machine(machine, NULL)->name, operation->name, (unsigned)n - 1);
    }
}

/* A page whose write failed is where it was, whole, and counts as written until a write succeeds.
 * */
static void test_failed_write(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 1, 4);
        lab_draw(&lab, 0, "ww");
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        lab.fail = (struct lab_trip){1, 0, true};
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(lab_read(&lab, 0, 1), QUIRE_IO_ERROR);
            lab_pages(&lab, 0, "#");
            lab_check(&lab);
        }
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK); /* needs no disk */
        assert_int_equal(lab.swap.reads, 0);
        assert_int_equal(quire_swap_used(&lab.system.swap), 1);
        lab.fail.in = 0;
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        lab_pages(&lab, 0, "s#");
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);

        /* Again, over the slot that it has: what was there is spoilt, so it is written even if
         * nobody writes to the page any more. */
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        lab.fail.in = 1;
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_IO_ERROR);
        lab.fail.in = 0;
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* A write that could not be served leaves no mark: the page is off the MMU, there is no frame for
 * its table, and when it is evicted to make room it is not written out for that. */
static void test_failed_fault_leaves_no_dirt(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 4);
    lab_file(&lab, 0, lab.page_bytes);
    assert_int_equal(lab_map_file(&lab, 0, 0, 1, 'w', 0, 0), QUIRE_OK);
    assert_int_equal(lab_read(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_protect(&lab, 0, 0, 1, '-'), QUIRE_OK);
    assert_int_equal(lab_protect(&lab, 0, 0, 1, 'w'), QUIRE_OK);
    lab.refuse = (struct lab_trip){1, 0, true};
    assert_int_equal(lab_fault(&lab, 0, 0, W), QUIRE_NO_MEMORY);
    lab_pages(&lab, 0, "");
    assert_int_equal(lab.swap.writes, 0);
    assert_int_equal(lab.system.drops[QUIRE_DROP_IN_FILE], 1);
    wind_up(&lab);
}

/* A page that cannot be read is still in its slot, or in its file. */
static void test_failed_read(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        struct lab lab;

        lab_start(&lab, machine, 1, 4);
        lab_draw(&lab, 0, "ww");
        lab_file(&lab, 0, lab.page_bytes / 2);
        assert_int_equal(lab_map_file(&lab, 0, 4, 1, 'r', 0, 0), QUIRE_OK);
        assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
        assert_int_equal(lab_read(&lab, 0, 1), QUIRE_OK);
        lab.fail = (struct lab_trip){1, 0, true};
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_IO_ERROR);
        lab_check(&lab);
        assert_int_equal(lab_read(&lab, 0, 4), QUIRE_IO_ERROR);
        lab_pages(&lab, 0, "s");
        assert_int_equal(lab.space[0].space.swapped, 1);
        assert_int_equal(lab.system.resident, 0); /* the other page was evicted for it */
        lab_check(&lab);
        lab.fail.in = 0;
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* "A lock kept on an error path" (seed 000). The core has no locks of its own; what could be left
 * locked is a page in transit. After any failure none is, and nobody is told BUSY. */
static void test_seed_000_nothing_left_locked(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPERATIONS * 2; i++) {
        const struct operation *operation = &operations[i / 2];
        struct lab lab;

        if (operation->run != read_0 && operation->run != write_0) {
            continue;
        }
        start(&lab, operation, LAB_SMALL);
        lab.fail = (struct lab_trip){1, 0, i % 2};
        lab.refuse = (struct lab_trip){1, 0, i % 2 == 0};
        (void)operation->run(&lab);
        lab.fail.in = lab.refuse.in = 0;
        for (unsigned page = 0; page < LAB_PAGES; page++) {
            const struct quire_supplement *s = &lab.space[0].space.supplement;
            unsigned kind = quire_supplement_get(s, page).kind;

            assert_true(kind != QUIRE_RECORD_COMING && kind != QUIRE_RECORD_GOING);
            if (lab_judge(&lab, 0, page, R) == QUIRE_REFUSAL_NONE) {
                assert_int_equal(lab_fault(&lab, 0, page, R), QUIRE_OK);
            }
        }
        assert_int_equal(lab_unmap(&lab, 0, 0, LAB_PAGES), QUIRE_OK);
        wind_up(&lab);
    }
}

/* ---- everything at once ---------------------------------------------------------------------- */

static void random_step(struct lab *lab, unsigned *failed)
{
    unsigned n = (unsigned)prng_below(&lab->prng, 2);
    unsigned first = (unsigned)prng_below(&lab->prng, LAB_PAGES);
    unsigned pages = 1 + (unsigned)prng_below(&lab->prng, LAB_PAGES - first);
    const struct lab_page *p = &lab->space[n].page[first];
    enum quire_status status = QUIRE_OK;

    switch (prng_below(&lab->prng, 16)) {
    case 0: status = lab_map(lab, n, first, pages > 3 ? 3 : pages, 'w'); break;
    case 1: status = lab_map_file(lab, n, first, pages > 3 ? 3 : pages, 'w', 0, 0); break;
    case 2: status = lab_unmap(lab, n, first, pages > 3 ? 3 : pages); break;
    case 3: status = lab_protect(lab, n, first, pages, "rw"[prng_below(&lab->prng, 2)]); break;
    case 4:
        if (lab->space[2].alive) {
            lab_destroy(lab, 2);
        } else {
            status = lab_create(lab, 2, 0);
        }
        break;
    default:
        status = (p->prot & QUIRE_WRITE) != 0 && prng_one_in(&lab->prng, 2)
                     ? lab_write_some(lab, n, first)
                     : lab_read(lab, n, first);
    }
    *failed += status == QUIRE_NO_MEMORY || status == QUIRE_IO_ERROR;
}

static void test_random_failures(void **state)
{
    struct prng prng = prng_new(9);

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 3; i++) {
        struct lab_setup setup = {.limit = (uint32_t)prng_below(&prng, 8), .slots = 40};
        unsigned failed = 0;
        struct lab lab;

        setup.format = lab_machine(i / 3, &setup.frames);
        lab_open(&lab, &setup);
        lab_file(&lab, 0, 5 * lab.page_bytes / 2);
        for (unsigned n = 0; n < 2; n++) {
            check(lab_create(&lab, n, 0) == QUIRE_OK);
            lab_draw(&lab, n, "wwww....wwww");
        }
        for (unsigned step = 0; step < 500; step++) {
            if (lab.fail.in == 0) {
                lab.fail.in = prng_below(&prng, 12);
            }
            if (lab.refuse.in == 0) {
                lab.refuse.in = prng_below(&prng, 12);
                lab.refuse.stays = false;
            }
            if (prng_one_in(&prng, 16)) {
                lab.refuse.stays = prng_one_in(&prng, 2);
                lab.refuse.in = lab.refuse.stays;
            }
            lab.hold = prng_one_in(&prng, 2);
            random_step(&lab, &failed);
            if (step % 4 == 0) {
                lab_check(&lab);
            }
        }
        checkf(failed > 10, "%s: only %u failures", lab.format->name, failed);
        lab.hold = false;
        wind_up(&lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_refused),
        cmocka_unit_test(test_machines_too_small),
        cmocka_unit_test(test_system_init_fails),
        cmocka_unit_test(test_frame_numbers_too_large),
        cmocka_unit_test(test_records_out_of_sight),
        cmocka_unit_test(test_transfers_fail),
        cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_failed_read),
        cmocka_unit_test(test_failed_fault_leaves_no_dirt),
        cmocka_unit_test(test_seed_000_nothing_left_locked),
        cmocka_unit_test(test_random_failures),
    };

    return unit_run(tests);
}
