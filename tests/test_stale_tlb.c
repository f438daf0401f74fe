/*
 * Why the simulator has a TLB that believes what it once read: a flush that is left out is found at
 * the access that it would have misled. One by one for each kind of change, then for every flush of
 * a long random run; and nothing is ever found when none is left out.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/unit.h"
#include "tests/support/world.h"

enum { USER_READ = QUIRE_READ | QUIRE_USER, USER_WRITE = QUIRE_WRITE | QUIRE_USER };

/* A machine with one program of four pages, all of them touched, in as many frames as asked for. */
struct scene {
    struct machine machine;
    struct quire_space space;
    struct machine_trap trap;
    uint64_t page;
};

static const struct quire_format *const formats[] = {&quire_format_i386, &quire_format_x86_64,
                                                     &quire_format_ptsim, &quire_format_ostep14,
                                                     &quire_format_ostep_multilevel};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static void scene_space(struct scene *scene)
{
    struct quire_region_spec spec = {.bytes = 4 * scene->page, .prot = QUIRE_RIGHTS};

    check(quire_space_create(&scene->space, &scene->machine.system, scene->machine.config.format,
                             1) == QUIRE_OK);
    check(quire_space_map(&scene->space, &spec) == QUIRE_OK);
}

static void scene_open(struct scene *scene, const struct quire_format *format,
                       uint32_t resident_limit, bool verify_flushes)
{
    struct machine_config config = world_config(format, &quire_policy_fifo);

    config.resident_limit = resident_limit;
    config.verify_flushes = verify_flushes;
    check(machine_open(&scene->machine, &config, NULL) == QUIRE_OK);
    scene->page = quire_format_page_bytes(format);
    scene_space(scene);
}

static void scene_close(struct scene *scene)
{
    quire_space_destroy(&scene->space);
    machine_close(&scene->machine);
}

static enum machine_result store(struct scene *scene, unsigned page, unsigned char byte)
{
    return machine_access(&scene->machine, &scene->space, quire_va_at(page * scene->page),
                          USER_WRITE, &byte, 1, &scene->trap);
}

static enum machine_result load(struct scene *scene, unsigned page, unsigned char *byte)
{
    return machine_access(&scene->machine, &scene->space, quire_va_at(page * scene->page),
                          USER_READ, byte, 1, &scene->trap);
}

static void lose_next_flush(struct scene *scene)
{
    scene->machine.faults.flush = (struct mishap){.in = 1};
}

/* The access was stopped because the TLB is wrong: there, and never before. */
static void check_caught(const struct scene *scene, enum machine_result result, unsigned page)
{
    check(result == MACHINE_FAILED && scene->trap.status == QUIRE_CORRUPT);
    check(scene->trap.va.at == page * scene->page);
    check(scene->machine.count.stale == 1);
}

/* ---- unmap ----------------------------------------------------------------------------------- */

static void unmap_page_1(struct scene *scene, bool lost)
{
    check(store(scene, 0, 10) == MACHINE_OK && store(scene, 1, 11) == MACHINE_OK);
    if (lost) {
        lose_next_flush(scene);
    }
    check(quire_space_unmap(&scene->space, quire_va_at(scene->page), scene->page) == QUIRE_OK);
}

static void test_unmap(void **state)
{
    struct scene scene;
    unsigned char byte;

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        scene_open(&scene, formats[f], 0, true);
        unmap_page_1(&scene, true);
        check(load(&scene, 0, &byte) == MACHINE_OK && byte == 10); /* others are not misled */
        check_caught(&scene, load(&scene, 1, &byte), 1);
        scene_close(&scene);

        scene_open(&scene, formats[f], 0, false);
        unmap_page_1(&scene, true);
        check(load(&scene, 1, &byte) == MACHINE_OK); /* so wrong is the machine if nobody looks */
        scene_close(&scene);

        scene_open(&scene, formats[f], 0, true);
        unmap_page_1(&scene, false);
        check(load(&scene, 1, &byte) == MACHINE_REFUSED &&
              scene.trap.refusal == QUIRE_REFUSAL_NO_REGION);
        check(scene.machine.count.stale == 0);
        scene_close(&scene);
    }
}

/* ---- protect --------------------------------------------------------------------------------- */

static void make_page_2_read_only(struct scene *scene, bool lost)
{
    check(store(scene, 2, 12) == MACHINE_OK);
    if (lost) {
        lose_next_flush(scene);
    }
    check(quire_space_protect(&scene->space, quire_va_at(2 * scene->page), scene->page,
                              QUIRE_RIGHTS & ~QUIRE_WRITE) == QUIRE_OK);
}

static void test_protect(void **state)
{
    struct scene scene;
    unsigned char byte;

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        bool may_withhold = formats[f]->leaf.write.mask != 0;
        bool stays_mapped = formats[f]->leaf.dirty.mask != 0;

        scene_open(&scene, formats[f], 0, true);
        make_page_2_read_only(&scene, true);
        if (stays_mapped) {
            check(load(&scene, 2, &byte) == MACHINE_OK && byte == 12); /* reading is still right */
        }
        check_caught(&scene, store(&scene, 2, 99), 2);
        scene_close(&scene);

        scene_open(&scene, formats[f], 0, false);
        make_page_2_read_only(&scene, true);
        check(store(&scene, 2, 99) == MACHINE_OK); /* into a read-only page */
        scene_close(&scene);

        scene_open(&scene, formats[f], 0, true);
        make_page_2_read_only(&scene, false);
        check(load(&scene, 2, &byte) == MACHINE_OK && byte == 12);
        check(store(&scene, 2, 99) == (may_withhold ? MACHINE_REFUSED : MACHINE_OK));
        check(scene.machine.count.stale == 0);
        scene_close(&scene);
    }
}

/* ---- eviction -------------------------------------------------------------------------------- */

/* Two frames for three pages: touching page 2 evicts page 0, the oldest. */
static void evict_page_0(struct scene *scene, bool lost)
{
    check(store(scene, 0, 10) == MACHINE_OK && store(scene, 1, 11) == MACHINE_OK);
    if (lost) {
        lose_next_flush(scene);
    }
    check(store(scene, 2, 12) == MACHINE_OK);
    check(scene->machine.system.events[QUIRE_EVENT_VICTIM] == 1);
}

static void test_eviction(void **state)
{
    struct scene scene;
    unsigned char byte;

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        scene_open(&scene, formats[f], 2, true);
        evict_page_0(&scene, true);
        check(load(&scene, 2, &byte) == MACHINE_OK && byte == 12);
        check_caught(&scene, load(&scene, 0, &byte), 0);
        scene_close(&scene);

        scene_open(&scene, formats[f], 2, false);
        evict_page_0(&scene, true);
        check(load(&scene, 0, &byte) == MACHINE_OK && byte == 12); /* another page's byte */
        scene_close(&scene);

        scene_open(&scene, formats[f], 2, true);
        evict_page_0(&scene, false);
        check(load(&scene, 0, &byte) == MACHINE_OK && byte == 10);
        check(scene.machine.count.stale == 0);
        scene_close(&scene);
    }
}

/* The page that went comes back into another frame by a way that the TLB does not see: a walk is
 * content, but leads elsewhere. */
static void move_page_0(struct scene *scene, bool lost)
{
    struct quire_request request = {.ready = NULL};
    struct quire_walk walk;

    evict_page_0(scene, lost);
    check(quire_space_fault(&scene->space, quire_va_at(0), USER_WRITE, &request) == QUIRE_OK);
    check(quire_walk(&scene->machine.mmu, quire_va_at(0), USER_READ, &walk) == QUIRE_OK);
    check(scene->machine.ram[walk.pa.at] == 10);
}

static void test_page_that_moved(void **state)
{
    struct scene scene;
    unsigned char byte;

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        scene_open(&scene, formats[f], 2, true);
        move_page_0(&scene, true);
        check_caught(&scene, load(&scene, 0, &byte), 0);
        scene_close(&scene);

        scene_open(&scene, formats[f], 2, false);
        move_page_0(&scene, true);
        check(load(&scene, 0, &byte) == MACHINE_OK && byte == 12); /* another page's byte */
        scene_close(&scene);

        scene_open(&scene, formats[f], 2, true);
        move_page_0(&scene, false);
        check(load(&scene, 0, &byte) == MACHINE_OK && byte == 10);
        check(scene.machine.count.stale == 0);
        scene_close(&scene);
    }
}

/* ---- an address space that goes, and one that takes its place -------------------------------- */

static void test_destroy(void **state)
{
    struct scene scene;
    unsigned char byte;

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        for (unsigned lost = 0; lost < 2; lost++) {
            scene_open(&scene, formats[f], 0, true);
            check(store(&scene, 3, 13) == MACHINE_OK);
            if (lost) {
                lose_next_flush(&scene);
            }
            quire_space_destroy(&scene.space);
            scene_space(&scene); /* the lowest frames again: the same root; and the same number */
            if (lost) {
                check_caught(&scene, load(&scene, 3, &byte), 3);
            } else {
                check(load(&scene, 3, &byte) == MACHINE_OK && byte == 0);
            }
            scene_close(&scene);
        }
    }
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* A dirty mark is cleared (the page was written back, say), and the TLB is not told: the next write
 * would leave no mark, and be lost when the page is dropped as clean. */
static void test_dirty_mark(void **state)
{
    struct scene scene;
    struct quire_batch batch;

    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        scene_open(&scene, &quire_format_i386, 0, true);
        check(store(&scene, 0, 10) == MACHINE_OK);
        if (lost) {
            lose_next_flush(&scene);
        }
        quire_batch_begin(&batch, &scene.machine.host);
        check(quire_table_harvest(&scene.space.table, &batch, quire_va_at(0), scene.page,
                                  QUIRE_DIRTY, NULL) == QUIRE_OK);
        quire_batch_commit(&batch);
        if (lost) {
            check_caught(&scene, store(&scene, 0, 20), 0);
        } else {
            check(store(&scene, 0, 20) == MACHINE_OK);
        }
        scene_close(&scene);
    }
}

/* ---- every flush of a random run ------------------------------------------------------------- */

struct outcome {
    uint64_t misled;  /* step at which the TLB led astray, if it was noticed; UINT64_MAX: never */
    uint64_t flushes; /* in the whole run */
};

enum { RUN_STEPS = 600, RUN_PAGES = 4 };

/* What each byte should be, and what each page may: pages[i] is 0 where nothing is mapped. */
struct plain {
    unsigned char byte[RUN_PAGES];
    unsigned prot[RUN_PAGES];
};

static void random_change(struct scene *scene, struct plain *plain, struct prng *prng)
{
    unsigned page = (unsigned)prng_below(prng, RUN_PAGES);
    quire_va va = quire_va_at(page * scene->page);
    struct quire_region_spec spec = {.va = va, .bytes = scene->page, .prot = QUIRE_RIGHTS};
    unsigned prot = prng_one_in(prng, 2) ? QUIRE_RIGHTS : QUIRE_RIGHTS & ~QUIRE_WRITE;

    if (plain->prot[page] == 0) {
        check(quire_space_map(&scene->space, &spec) == QUIRE_OK);
        plain->prot[page] = QUIRE_RIGHTS;
        plain->byte[page] = 0;
    } else if (prng_one_in(prng, 2)) {
        check(quire_space_unmap(&scene->space, va, scene->page) == QUIRE_OK);
        plain->prot[page] = 0;
    } else {
        check(quire_space_protect(&scene->space, va, scene->page, prot) == QUIRE_OK);
        plain->prot[page] = prot;
    }
}

/* The same access by a machine that does not check its TLB, watched from outside before a byte is
 * moved, for a stray store could hit the machine's own records. True: it went astray. */
static bool goes_astray(struct scene *scene, quire_va va, unsigned need, unsigned char *byte,
                        enum machine_result *result)
{
    struct machine *machine = &scene->machine;
    bool marks = machine->config.format->leaf.dirty.mask != 0 && (need & QUIRE_WRITE) != 0;
    struct quire_walk walk;
    quire_pfn pfn;

    *result = machine_reference(machine, &scene->space, va, need, &pfn, &scene->trap);
    if (*result != MACHINE_OK) {
        return false;
    }
    if (quire_walk(&machine->mmu, va, need, &walk) != QUIRE_OK ||
        walk.pa.at != pfn.n * scene->page + va.at % scene->page ||
        (marks && (walk.attributes & QUIRE_DIRTY) == 0)) {
        return true;
    }
    if (need & QUIRE_WRITE) {
        machine->ram[walk.pa.at] = *byte;
    }
    *byte = machine->ram[walk.pa.at];
    return false;
}

/* One access; true: the TLB led it astray. All others must do what they should. */
static bool random_access(struct scene *scene, struct plain *plain, struct prng *prng)
{
    unsigned page = (unsigned)prng_below(prng, RUN_PAGES);
    bool write = prng_one_in(prng, 2);
    unsigned char byte = (unsigned char)prng_next(prng);
    unsigned need = write ? USER_WRITE : USER_READ;
    enum machine_result result;

    if (scene->machine.config.verify_flushes) {
        result = write ? store(scene, page, byte) : load(scene, page, &byte);
        if (result == MACHINE_FAILED) {
            check_caught(scene, result, page);
            return true;
        }
    } else if (goes_astray(scene, quire_va_at(page * scene->page), need, &byte, &result)) {
        return true;
    }
    check(result == ((need & ~plain->prot[page]) != 0 ? MACHINE_REFUSED : MACHINE_OK));
    if (result == MACHINE_OK) {
        plain->byte[page] = write ? byte : plain->byte[page];
        check(byte == plain->byte[page]);
    }
    return false;
}

/* The same run each time, until something is wrong, with the n-th flush lost (0: none). */
static struct outcome run(const struct quire_format *format, uint64_t n, bool verify_flushes)
{
    struct outcome outcome = {UINT64_MAX, 0};
    struct prng prng = prng_new(7);
    struct plain plain = {{0}, {QUIRE_RIGHTS, QUIRE_RIGHTS, QUIRE_RIGHTS, QUIRE_RIGHTS}};
    struct scene scene;

    scene_open(&scene, format, 2, verify_flushes);
    scene.machine.faults.flush = (struct mishap){.in = n};
    for (uint64_t step = 0; step < RUN_STEPS && outcome.misled == UINT64_MAX; step++) {
        if (step % 8 == 7) {
            random_change(&scene, &plain, &prng);
        } else if (random_access(&scene, &plain, &prng)) {
            outcome.misled = step;
        }
    }
    outcome.flushes = scene.machine.count.flushes;
    scene_close(&scene);
    return outcome;
}

static void test_every_flush_of_a_run(void **state)
{
    static const struct quire_format *const two[] = {&quire_format_i386, &quire_format_ostep14};
    unsigned caught = 0;

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        struct outcome none = run(two[f], 0, true);

        check(none.misled == UINT64_MAX && none.flushes > 50);
        for (uint64_t n = 1; n <= none.flushes; n++) {
            struct outcome blind = run(two[f], n, false);
            struct outcome seen = run(two[f], n, true);

            checkf(seen.misled == blind.misled, "%s: flush %u: astray at %u, caught at %u",
                   two[f]->name, (unsigned)n, (unsigned)blind.misled, (unsigned)seen.misled);
            caught += seen.misled != UINT64_MAX;
        }
    }
    printf("# %u lost flushes were caught\n", caught);
    check(caught > 20);
}

/* Nothing lost: never a word about stale entries, whatever happens. */
static void test_nothing_lost(void **state)
{
    struct prng prng = prng_new(8);

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct machine_config config = world_config(formats[f], &quire_policy_lru);
        struct world world;

        config.resident_limit = 4;
        world_open(&world, &config, &prng);
        for (unsigned i = 0; i < world.spaces; i++) {
            world_create(&world, i);
        }
        for (unsigned step = 0; step < 3000; step++) {
            if (step % 8 == 0) {
                world_random_change(&world);
            } else {
                world_random_access(&world); /* a stale entry would be a status not allowed for */
            }
        }
        check(world.machine.count.stale == 0 && world.machine.count.tlb_hits != 0);
        check(world.machine.count.flushed_entries != 0);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unmap),
        cmocka_unit_test(test_protect),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_page_that_moved),
        cmocka_unit_test(test_destroy),
        cmocka_unit_test(test_dirty_mark),
        cmocka_unit_test(test_every_flush_of_a_run),
        cmocka_unit_test(test_nothing_lost),
    };

    return unit_run(tests);
}
