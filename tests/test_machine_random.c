/*
 * Many programs at once on machines that are far too small: random regions, protections and
 * accesses, each byte compared with a flat model; and everything that can fail made to fail, in
 * every place.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/policies.h"
#include "tests/support/unit.h"
#include "tests/support/world.h"

enum { STEPS = 1000 };

/* A kernel whose addresses all spaces inherit: one root entry, of which it uses the first pages. */
enum { KERNEL_PAGES = 24, UNMAPPED = -1 };

struct kernel {
    struct world *world;
    struct quire_table table;
    struct quire_batch batch;
    int64_t frame[KERNEL_PAGES];
    uint64_t changes, loads, refused;
};

static quire_va kernel_va(const struct kernel *kernel, uint32_t page)
{
    return quire_va_at(kernel->world->kernel.va.at + page * kernel->world->page_bytes);
}

static void kernel_map(struct kernel *kernel, uint32_t page)
{
    uint64_t frame = prng_below(kernel->world->prng, kernel->world->machine.frames.total);
    const struct quire_mapping mapping = {.va = kernel_va(kernel, page),
                                          .pa = quire_pa_at(frame * kernel->world->page_bytes),
                                          .bytes = kernel->world->page_bytes,
                                          .attributes = QUIRE_READ | QUIRE_GLOBAL,
                                          .existing = QUIRE_EXISTING_REPLACE};

    check(quire_table_map(&kernel->table, &kernel->batch, &mapping, NULL) == QUIRE_OK);
    kernel->frame[page] = (int64_t)frame;
}

/* The first page stays mapped, and with it the root entry. */
static void kernel_change(struct kernel *kernel)
{
    uint32_t page = 1 + (uint32_t)prng_below(kernel->world->prng, KERNEL_PAGES - 1);

    if (prng_one_in(kernel->world->prng, 4)) {
        check(quire_table_unmap(&kernel->table, &kernel->batch, kernel_va(kernel, page),
                                kernel->world->page_bytes, NULL) == QUIRE_OK);
        kernel->frame[page] = UNMAPPED;
    } else {
        kernel_map(kernel, page);
    }
    quire_batch_commit(&kernel->batch);
    kernel->changes++;
}

/* Through any space, and any TLB entries of before: what is in that frame. Programs see nothing. */
static void kernel_look(struct kernel *kernel)
{
    struct world *world = kernel->world;
    unsigned space = (unsigned)prng_below(world->prng, WORLD_SPACES);
    uint32_t page = (uint32_t)prng_below(world->prng, KERNEL_PAGES);
    bool user = prng_one_in(world->prng, 4);
    unsigned access = QUIRE_READ | (user ? (unsigned)QUIRE_USER : 0U);
    struct machine_trap trap;
    unsigned char bytes[8];
    enum machine_result result;

    if (!world->space[space].alive) {
        return;
    }
    result = machine_access(&world->machine, &world->space[space].space, kernel_va(kernel, page),
                            access, bytes, sizeof(bytes), &trap);
    if (user || kernel->frame[page] == UNMAPPED) {
        check(result == MACHINE_REFUSED);
        check(trap.refusal == (user ? QUIRE_REFUSAL_USER : QUIRE_REFUSAL_NO_REGION));
        kernel->refused++;
        return;
    }
    check(result == MACHINE_OK);
    check(memcmp(bytes, world->machine.ram + (uint64_t)kernel->frame[page] * world->page_bytes,
                 sizeof(bytes)) == 0);
    kernel->loads++;
}

/* Does random things, and looks at everything as often as that is affordable. `kernel` may be NULL.
 */
static void run_with(struct world *world, struct kernel *kernel, unsigned steps)
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
        if (kernel != NULL) {
            kernel_look(kernel);
            if (step % 4 == 0) {
                kernel_change(kernel);
            }
        }
        if (step % 64 == 0) {
            quire_system_tick(&world->machine.system);
        }
        if (step % validate_every == 0) {
            world_validate(world);
        }
    }
}

static void run(struct world *world, unsigned steps)
{
    run_with(world, NULL, steps);
}

typedef void machine_test(const struct quire_format *format, const struct quire_policy_ops *policy,
                          struct prng *prng);

/* Runs `each` for every format that can have address spaces, with a quarter of the policies. */
static void with_many_policies(machine_test *each, uint64_t stream)
{
    struct prng prng = prng_new(stream);

    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        for (unsigned p = f % 4; p < MODEL_KINDS; p += 4) {
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
        const struct quire_policy_ops *policy = policies[prng_below(&prng, MODEL_KINDS)];

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
    with_many_policies(few_frames_for_pages, 1);
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

static uint64_t waits; /* on all machines with slow disks */

/* Transfers end in any order, pages are read ahead meanwhile, and mapped around. */
static void slow_disk(const struct quire_format *format, const struct quire_policy_ops *policy,
                      struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    struct world world;

    config.resident_limit = 2 + (uint32_t)prng_below(prng, 30);
    config.slow_disk = true;
    config.reads_ahead = true;
    config.fault_around = (uint8_t)prng_below(prng, 4);
    world_open(&world, &config, prng);
    run(&world, STEPS);
    world_compare(&world);
    waits += world.machine.count.waits;
    world_close(&world);
}

static void test_slow_disk(void **state)
{
    (void)state;
    with_many_policies(slow_disk, 7);
    check(waits > 100);
}

/* The root entry behind the two that a window lies across: it is in none. */
static void kernel_open(struct kernel *kernel, struct world *world)
{
    uint64_t span = quire_format_span(world->format, 1);

    *kernel = (struct kernel){.world = world};
    check(quire_table_create(&kernel->table, world->format, &world->machine.host, 0) == QUIRE_OK);
    quire_batch_begin(&kernel->batch, &world->machine.host);
    world->kernel = (struct quire_region_spec){.va = quire_va_at(2 * span),
                                               .bytes = span,
                                               .prot = QUIRE_READ,
                                               .sharing = QUIRE_INHERITED,
                                               .from = &kernel->table};
    for (uint32_t page = 0; page < KERNEL_PAGES; page++) {
        kernel_map(kernel, page);
    }
}

static void kernel_close(struct kernel *kernel)
{
    check(quire_table_validate(&kernel->table, NULL) == QUIRE_OK);
    check(kernel->changes > 100 && kernel->loads > 100 && kernel->refused > 100);
    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (kernel->world->space[i].alive) {
            world_destroy(kernel->world, i);
        }
    }
    quire_table_destroy(&kernel->table);
}

/* A kernel changes its mappings under the running programs. */
static void test_inherited_kernel(void **state)
{
    static const struct quire_format *const formats[] = {&quire_format_i386, &quire_format_x86_64,
                                                         &full_64};
    struct prng prng = prng_new(8);

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct machine_config config =
            world_config(formats[i / 2], policies[prng_below(&prng, MODEL_KINDS)]);
        struct kernel kernel;
        struct world world;

        config.resident_limit = 2 + (uint32_t)prng_below(&prng, 30);
        config.slow_disk = i % 2 != 0;
        world_open(&world, &config, &prng);
        kernel_open(&kernel, &world);
        run_with(&world, &kernel, STEPS);
        world_compare(&world);
        check(world.machine.count.stale == 0);
        kernel_close(&kernel);
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
    world.file_disk.fail_read = (struct mishap){1, 1 + prng_below(prng, 9)};
    may_fail = world.may_fail;
    world.may_fail |= 1U << QUIRE_NO_MEMORY | 1U << QUIRE_IO_ERROR;
    run(&world, STEPS);

    world.machine.faults.frame = (struct mishap){0, 0};
    world.machine.disk.fail_read = (struct mishap){0, 0};
    world.machine.disk.fail_write = (struct mishap){0, 0};
    world.file_disk.fail_read = (struct mishap){0, 0};
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
    struct mishap *const of[MISHAPS] = {
        &world->machine.faults.frame, &world->machine.disk.fail_read,
        &world->machine.disk.fail_write, &world->file_disk.fail_read};

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
        cmocka_unit_test(test_records_inside),   cmocka_unit_test(test_slow_disk),
        cmocka_unit_test(test_inherited_kernel), cmocka_unit_test(test_every_single_failure),
        cmocka_unit_test(test_failing_often),
    };

    return unit_run(tests);
}
