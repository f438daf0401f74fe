/*
 * Many programs at once on machines that are far too small: random regions, protections and
 * accesses, each byte compared with a flat model; and everything that can fail made to fail, in
 * every place.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/unit.h"
#include "tests/support/world.h"

enum { STEPS = 1000 };

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

/* Does random things, and looks at everything as often as that is affordable. */
static void run(struct world *world, unsigned steps)
{
    unsigned validate_every = world->machine.frames.total <= 256 ? 2 : 40;

    for (unsigned i = 0; i < world->spaces; i++) {
        world_create(world, i);
    }
    for (unsigned step = 0; step < steps; step++) {
        if (step % 8 == 0) {
            world_random_change(world);
        } else {
            world_random_access(world);
        }
        if (step % validate_every == 0) {
            world_validate(world);
        }
    }
}

typedef void machine_test(const struct quire_format *format, const struct quire_policy_ops *policy,
                          struct prng *prng);

/* Runs `each` for every format that can have address spaces, with every policy that it can have. */
static void with_all_policies(machine_test *each, uint64_t stream)
{
    struct prng prng = prng_new(stream);

    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        for (unsigned p = 0; p < POLICIES; p++) {
            if (world_unfit(test_formats[f], policies[p]) == NULL) {
                each(test_formats[f], policies[p], &prng);
            }
        }
    }
}

/* With one of them, chosen at random. */
static void with_some_policy(machine_test *each, uint64_t stream)
{
    struct prng prng = prng_new(stream);

    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        const struct quire_policy_ops *policy = policies[prng_below(&prng, POLICIES)];

        if (world_unfit(test_formats[f], policy) != NULL) {
            policy = &quire_policy_fifo; /* no accessed bit */
        }
        if (world_unfit(test_formats[f], policy) == NULL) {
            each(test_formats[f], policy, &prng);
        }
    }
}

/* ---- machines that are too small in every way ------------------------------------------------ */

static void few_frames_for_pages(const struct quire_format *format,
                                 const struct quire_policy_ops *policy, struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    struct world world;

    config.resident_limit = 1 + (uint32_t)prng_below(prng, 8);
    world_open(&world, &config, prng);
    run(&world, STEPS);
    world_compare(&world);
    check(world.machine.system.events[QUIRE_EVENT_VICTIM] != 0);
    check(world.machine.count.stale == 0);
    world_close(&world);
}

static void test_few_frames_for_pages(void **state)
{
    (void)state;
    with_all_policies(few_frames_for_pages, 1);
}

/* What happened on all the machines with little memory. */
static struct {
    uint64_t victims, ok, failed;
} little;

/* Pages, tables and records compete for what there is; now and then somebody gets nothing. */
static void little_memory(const struct quire_format *format, const struct quire_policy_ops *policy,
                          struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    uint64_t wanted = (world_overhead(format) * 3 / 2 + 8) * quire_format_page_bytes(format);
    struct world world;

    config.ram_bytes = wanted < config.ram_bytes ? wanted : config.ram_bytes;
    world_open(&world, &config, prng);
    world.may_fail = 1U << QUIRE_NO_MEMORY;
    run(&world, STEPS);
    world_compare(&world);
    little.victims += world.machine.system.events[QUIRE_EVENT_VICTIM];
    little.failed += world.count.failed;
    little.ok += world.count.ok;
    world_close(&world);
}

static void test_little_memory(void **state)
{
    (void)state;
    with_some_policy(little_memory, 2);
    check(little.victims != 0);
    checkf(little.failed < little.ok, "%llu accesses failed, %llu did not",
           (unsigned long long)little.failed, (unsigned long long)little.ok);
}

static void little_swap(const struct quire_format *format, const struct quire_policy_ops *policy,
                        struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    struct world world;

    config.resident_limit = 3;
    config.swap_bytes = prng_below(prng, 9) * quire_format_page_bytes(format);
    world_open(&world, &config, prng);
    world.may_fail |= 1U << QUIRE_NO_SPACE;
    run(&world, STEPS);
    world_compare(&world);
    world_close(&world);
}

static void test_little_swap(void **state)
{
    (void)state;
    with_some_policy(little_swap, 3);
}

/* The machine holds its own records, as real ones do; no TLB, or one of other shapes. */
static void test_records_inside(void **state)
{
    static const struct {
        unsigned entries, ways;
    } tlb[] = {{0, 0}, {8, 0}, {8, 1}, {12, 4}};
    struct prng prng = prng_new(4);

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        const struct quire_format *format = i % 2 ? &quire_format_i386 : &quire_format_x86_64;
        struct machine_config config = world_config(format, policies[i / 4]);
        struct world world;

        config.records = MACHINE_RECORDS_INSIDE;
        config.resident_limit = 6;
        config.tlb_entries = tlb[i % 4].entries;
        config.tlb_ways = tlb[i % 4].ways;
        world_open(&world, &config, &prng);
        check(quire_system_overhead(&world.machine.system) != 0);
        run(&world, STEPS);
        world_compare(&world);
        world_close(&world);
    }
}

/* ---- things that fail ------------------------------------------------------------------------ */

static void failing_often(const struct quire_format *format, const struct quire_policy_ops *policy,
                          struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    struct world world;
    unsigned may_fail;

    config.resident_limit = 1 + (uint32_t)prng_below(prng, 8);
    world_open(&world, &config, prng);
    world.machine.faults.frame = (struct mishap){1, 1 + prng_below(prng, 9)};
    world.machine.disk.fail_read = (struct mishap){1, 1 + prng_below(prng, 9)};
    world.machine.disk.fail_write = (struct mishap){1, 1 + prng_below(prng, 9)};
    world.file_fails = (struct mishap){1, 1 + prng_below(prng, 9)};
    may_fail = world.may_fail;
    world.may_fail |= 1U << QUIRE_NO_MEMORY | 1U << QUIRE_IO_ERROR;
    run(&world, STEPS);

    world.machine.faults.frame = (struct mishap){0, 0};
    world.machine.disk.fail_read = (struct mishap){0, 0};
    world.machine.disk.fail_write = (struct mishap){0, 0};
    world.file_fails = (struct mishap){0, 0};
    world.may_fail = may_fail;
    world_validate(&world);
    world_compare(&world);
    world_close(&world);
}

static void test_failing_often(void **state)
{
    (void)state;
    with_some_policy(failing_often, 5);
}

/* What can be made to fail at its n-th time. */
enum mishaps { FRAME, SWAP_READ, SWAP_WRITE, FILE_READ, MISHAPS };

static struct mishap *mishap_of(struct world *world, enum mishaps which)
{
    struct mishap *const of[MISHAPS] = {&world->machine.faults.frame,
                                        &world->machine.disk.fail_read,
                                        &world->machine.disk.fail_write, &world->file_fails};

    return of[which];
}

/* An access that failed is simply tried again: it failed only once, and did no harm. */
static void access_again(struct world *world, unsigned space, uint32_t page, unsigned access)
{
    quire_va va = world_va(world, page);
    uint64_t failed = world->count.failed;

    va.at += world->page_bytes / 2;
    if (world_access(world, space, va, access, 3) == MACHINE_FAILED) {
        world_validate(world);
        check(world_access(world, space, va, access, 3) == MACHINE_OK);
    }
    check(world->count.failed <= failed + 1);
}

/* A change that failed likewise. */
static void insist(struct world *world, bool done, bool (*again)(struct world *world))
{
    if (!done) {
        world_validate(world);
        checkf(again(world), "%s", world->format->name);
    }
}

static bool create_0(struct world *world)
{
    return world_create(world, 0);
}

static bool create_1(struct world *world)
{
    return world_create(world, 1);
}

static bool map_zeros(struct world *world)
{
    return world_map(world, 0, 0, 4, QUIRE_RIGHTS, 0, QUIRE_NONE);
}

static bool map_file(struct world *world)
{
    return world_map(world, 1, 0, 4, QUIRE_RIGHTS, 0, 22);
}

static bool unmap_middle(struct world *world)
{
    return world_unmap(world, 0, 1, 1);
}

static bool protect_middle(struct world *world)
{
    return world_protect(world, 1, 2, 1, world_rights(world, QUIRE_USER | QUIRE_READ));
}

/* Two programs in two frames: everything there is to fail happens a few times. */
static void scenario(struct world *world)
{
    insist(world, create_0(world), create_0);
    insist(world, create_1(world), create_1);
    insist(world, map_zeros(world), map_zeros);
    insist(world, map_file(world), map_file);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t page = 0; page < 4; page++) {
            access_again(world, 0, page, QUIRE_WRITE | QUIRE_USER);
            access_again(world, 1, page, (page % 2 ? QUIRE_WRITE : QUIRE_READ) | QUIRE_USER);
        }
    }
    insist(world, unmap_middle(world), unmap_middle);
    insist(world, protect_middle(world), protect_middle);
    for (uint32_t page = 0; page < 4; page++) {
        access_again(world, 1, page, QUIRE_READ | QUIRE_USER);
    }
    world_compare(world);
    world_validate(world);
}

/* With the n-th failing; false when there was no n-th. */
static bool nth_fails(const struct machine_config *config, enum mishaps which, uint64_t n)
{
    struct prng prng = {n};
    struct world world;
    bool struck;

    world_open(&world, config, &prng);
    world.may_fail = 1U << QUIRE_NO_MEMORY | 1U << QUIRE_IO_ERROR;
    *mishap_of(&world, which) = (struct mishap){.in = n};
    scenario(&world);
    struck = mishap_of(&world, which)->in == 0;
    *mishap_of(&world, which) = (struct mishap){0, 0};
    world_close(&world);
    return struck;
}

static void every_single_failure(const struct quire_format *format,
                                 const struct quire_policy_ops *policy, struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    uint64_t enough = 200 * quire_format_page_bytes(format);

    (void)prng;
    if (quire_format_page_bytes(format) << 2 > UINT64_C(1) << (format->va_bits - 1) ||
        config.ram_bytes / quire_format_page_bytes(format) < 2 * world_overhead(format)) {
        return; /* the scenario wants four pages in a row, and room for two programs */
    }
    config.resident_limit = 2;
    config.swap_bytes = 16 * quire_format_page_bytes(format);
    config.ram_bytes = enough < config.ram_bytes ? enough : config.ram_bytes;
    for (unsigned which = 0; which < MISHAPS; which++) {
        uint64_t n = 1;

        while (nth_fails(&config, (enum mishaps)which, n)) {
            n++;
        }
        checkf(n > 3, "%s: mishap %u never happened", format->name, which);
    }
}

static void test_every_single_failure(void **state)
{
    (void)state;
    with_some_policy(every_single_failure, 6);
}

/* Which formats the tests above are about, and why not the others. */
static void test_formats_that_fit(void **state)
{
    unsigned fit = 0;

    (void)state;
    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        const char *why = world_unfit(test_formats[f], &quire_policy_fifo);

        if (why != NULL) {
            printf("# no address spaces on %s: %s\n", test_formats[f]->name, why);
        }
        fit += why == NULL;
    }
    check(world_unfit(&quire_format_i386, &quire_policy_clock_mmu) == NULL);
    check(world_unfit(&quire_format_x86_64, &quire_policy_clock_mmu) == NULL);
    check(world_unfit(&quire_format_ptsim, &quire_policy_lru) == NULL);
    check(world_unfit(&quire_format_ostep14, &quire_policy_lru) == NULL);
    check(world_unfit(&quire_format_ostep_multilevel, &quire_policy_lru) == NULL);
    check(world_unfit(&quire_format_ptsim, &quire_policy_clock_mmu) != NULL);
    check(fit >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_that_fit), cmocka_unit_test(test_few_frames_for_pages),
        cmocka_unit_test(test_little_memory),    cmocka_unit_test(test_little_swap),
        cmocka_unit_test(test_records_inside),   cmocka_unit_test(test_every_single_failure),
        cmocka_unit_test(test_failing_often),
    };

    return unit_run(tests);
}
