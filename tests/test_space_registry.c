/*
 * Address spaces whose page tables stand in a registry, as a kernel would have it that sees them by
 * its own addresses alone: the kernel's table has windows for all of them, all spaces inherit it,
 * and a processor that runs in one reads the entries of all the others.
 *
 *                  kernel addresses                    a program's
 *     i386         0xc0000000 + 16 MiB                 all below
 *     x86-64       the first 512 GiB                   above
 *     Sv39         the first GiB                       above
 *                  [ memory, 8 MiB | windows, 8 MiB ]
 */
#include <string.h>

#include "hosts/simulator/machine.h"
#include "quire/formats.h"
#include "quire/pte.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"

enum {
    PAGE = 4096,
    MIB = 1 << 20,
    SPACES = 3,
    REGIONS = 6, /* each with a page table of its own */
    PAGES = 3,   /* of a region */
    KERNEL_ID = 9,
    USER = QUIRE_READ | QUIRE_WRITE | QUIRE_USER
};

static struct machine machine;
static struct quire_table kernel;
static struct quire_registry registry;
static struct quire_frames addresses;
static uint64_t addresses_state[2048];
static const struct quire_format *format;
static uint64_t base, bytes, user; /* the kernel's addresses, and where a program's begin */
static struct quire_space space[SPACES];
static bool alive[SPACES];

static const struct quire_format *const formats[] = {&quire_format_i386, &quire_format_x86_64,
                                                     &sv39};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static uint64_t windows(void)
{
    return base + 8 * MIB;
}

/* The kernel's table: memory, and one page that stays in each of the tables that windows will be
 * mapped by, so that no root entry ever changes. */
static void open_kernel(void)
{
    struct quire_batch batch = {0};
    struct quire_mapping mapping = {.va = quire_va_at(base),
                                    .bytes = 8 * MIB,
                                    .attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_GLOBAL,
                                    .largest_leaf = PAGE};

    quire_batch_begin(&batch, &machine.host);
    check(quire_table_create(&kernel, format, &machine.host, KERNEL_ID) == QUIRE_OK);
    check(quire_table_map(&kernel, &batch, &mapping, NULL) == QUIRE_OK);
    mapping.bytes = PAGE;
    for (uint64_t at = windows(); at < windows() + 8 * MIB; at += 2 * MIB) {
        mapping.va = quire_va_at(at);
        check(quire_table_map(&kernel, &batch, &mapping, NULL) == QUIRE_OK);
        check(quire_frames_alloc_at(&addresses, quire_pfn_of((uint32_t)(at / PAGE)), 1) ==
              QUIRE_OK);
    }
    quire_batch_commit(&batch);
}

/* `pages`: of kernel addresses for windows. */
static void open_machine(const struct quire_format *which, uint32_t resident, uint32_t pages)
{
    struct machine_config config = {.format = which,
                                    .ram_bytes = 16 * MIB,
                                    .tlb_entries = 16,
                                    .tlb_ways = 4,
                                    .policy = &quire_policy_fifo,
                                    .resident_limit = resident,
                                    .swap_bytes = 1 * MIB,
                                    .pages_from = 8 * MIB,
                                    .verify_flushes = true};
    quire_pfn first;

    format = which;
    base = which == &quire_format_i386 ? 0xc0000000 : 0;
    bytes = which == &quire_format_i386 ? 16 * MIB : quire_format_span(which, 1);
    user = which == &quire_format_i386 ? 0x00400000 : bytes;
    first = quire_pfn_of((uint32_t)(windows() / PAGE));
    check(machine_open(&machine, &config, NULL) == QUIRE_OK);
    check(quire_frames_init(&addresses, addresses_state, sizeof(addresses_state), first,
                            8 * MIB / PAGE, 12) == QUIRE_OK);
    check(quire_frames_release(&addresses, first, 8 * MIB / PAGE) == QUIRE_OK);
    open_kernel();
    for (uint32_t i = pages; i < 8 * MIB / PAGE; i++) {
        (void)quire_frames_alloc_at(&addresses, quire_pfn_of(first.n + i), 1);
    }
    check(quire_registry_init(&registry, &kernel, &machine.host, &addresses) == QUIRE_OK);
    machine.system.registry = &registry;
    memset(alive, 0, sizeof(alive));
}

static void exit_space(unsigned n)
{
    while (quire_space_in_transit(&space[n])) {
        check(machine_wait(&machine));
    }
    quire_space_destroy(&space[n]);
    alive[n] = false;
}

static void close_machine(void)
{
    for (unsigned n = 0; n < SPACES; n++) {
        if (alive[n]) {
            exit_space(n);
        }
    }
    check(registry.spaces == 0 && machine.count.stale == 0);
    check(quire_registry_validate(&registry, NULL) == QUIRE_OK);
    quire_registry_destroy(&registry);
    quire_table_destroy(&kernel);
    machine_close(&machine);
}

static quire_va page_va(unsigned region, unsigned page)
{
    return quire_va_at(user + (uint64_t)region * quire_format_span(format, format->levels - 1) +
                       (uint64_t)page * PAGE);
}

static enum quire_status inherit(unsigned n)
{
    struct quire_region_spec spec = {.va = quire_va_at(base),
                                     .bytes = bytes,
                                     .prot = QUIRE_READ | QUIRE_WRITE,
                                     .sharing = QUIRE_INHERITED,
                                     .from = &kernel};

    return quire_space_map(&space[n], &spec);
}

static enum quire_status try_create(unsigned n)
{
    enum quire_status status =
        quire_space_create(&space[n], &machine.system, format, (uint16_t)(n + 1));

    if (status != QUIRE_OK) {
        return status;
    }
    status = inherit(n);
    for (unsigned i = 0; i < REGIONS && status == QUIRE_OK; i++) {
        struct quire_region_spec spec = {.va = page_va(i, 0), .bytes = PAGES * PAGE, .prot = USER};
        status = quire_space_map(&space[n], &spec);
    }
    alive[n] = status == QUIRE_OK;
    if (!alive[n]) {
        quire_space_destroy(&space[n]);
    }
    return status;
}

static void create(unsigned n)
{
    check(try_create(n) == QUIRE_OK);
}

static enum quire_status store(unsigned n, quire_va va, uint32_t word)
{
    struct machine_trap trap;

    return machine_access(&machine, &space[n], va, QUIRE_WRITE | QUIRE_USER, &word, 4, &trap) ==
                   MACHINE_OK
               ? QUIRE_OK
               : trap.status;
}

/* ---- what a kernel sees ---------------------------------------------------------------------- */

/* The processor, running in space `n`, loads at a kernel address. */
static uint64_t peek(unsigned n, quire_va va, unsigned size)
{
    unsigned char where[8];
    struct machine_trap trap;

    check(machine_access(&machine, &space[n], va, QUIRE_READ, where, size, &trap) == MACHINE_OK);
    return quire_pte_load(format, where);
}

/* The entry that decides about a page of space `of` is where the registry says. */
static void look(unsigned n, unsigned of, quire_va va)
{
    struct quire_mmu mmu = quire_table_mmu(&space[of].table);
    struct quire_walk walk;
    quire_va entry;

    quire_walk(&mmu, va, 0, &walk);
    check(quire_registry_entry(&space[of].view, va, &entry) == QUIRE_OK);
    check(entry.at - windows() < 8 * MIB);
    check(peek(n, entry, format->pte_bytes) == walk.entry);
}

static void check_tables(void)
{
    struct quire_space *spaces[SPACES];
    const char *what = NULL;
    unsigned count = 0;

    for (unsigned n = 0; n < SPACES; n++) {
        if (alive[n]) {
            spaces[count++] = &space[n];
        }
    }
    check(registry.spaces == count);
    checkf(quire_validate(&machine.system, spaces, count, &what) == QUIRE_OK, "%s",
           what != NULL ? what : "");
}

static void check_all(void)
{
    for (unsigned n = 0; n < SPACES; n++) {
        for (unsigned of = 0; alive[n] && of < SPACES; of++) {
            for (unsigned i = 0; alive[of] && i < REGIONS; i++) {
                look(n, of, page_va(i, i % PAGES));
            }
        }
    }
    check_tables();
}

/* One of three spaces, which descend from each other, does something or is made. */
static enum quire_status random_step(struct prng *prng, unsigned step)
{
    unsigned n = (unsigned)prng_below(prng, SPACES);
    unsigned parent = (n + 1 + (unsigned)prng_below(prng, SPACES - 1)) % SPACES;
    quire_va va = page_va((unsigned)prng_below(prng, REGIONS), 0);
    uint32_t frames = machine.frames.free, rooms = addresses.free;
    enum quire_status status;

    if (alive[n] && prng_one_in(prng, 12)) {
        exit_space(n);
        return QUIRE_OK;
    }
    if (alive[n] && prng_one_in(prng, 4)) {
        return quire_space_discard(&space[n], va, PAGES * PAGE);
    }
    if (alive[n]) {
        return store(n, quire_va_at(va.at + prng_below(prng, PAGES) * PAGE), step);
    }
    status = alive[parent] ? quire_space_fork(&space[n], &space[parent], (uint16_t)(n + 1))
                           : try_create(n);
    alive[n] = status == QUIRE_OK;
    check(alive[n] || (machine.frames.free == frames && addresses.free == rooms));
    return status;
}

/* Little memory, and three spaces that descend from each other: tables of several go at once. */
static void test_any_space_sees_all_tables(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct prng prng = prng_new(3 + f);

        open_machine(formats[f], 4, 8 * MIB / PAGE);
        for (unsigned step = 0; step < 150; step++) {
            check(random_step(&prng, step) == QUIRE_OK);
            check_all();
        }
        check(registry.count.moved != 0 && machine.system.events[QUIRE_EVENT_VICTIM] != 0);
        close_machine();
    }
}

/* A kernel keeps nothing but the number: a view made from the tracker has the same table. */
static void test_found_by_number(void **state)
{
    struct quire_registry_view view;

    (void)state;
    open_machine(&quire_format_i386, 0, 8 * MIB / PAGE);
    create(0);
    check(store(0, page_va(2, 0), 5) == QUIRE_OK && store(0, page_va(4, 1), 6) == QUIRE_OK);
    check(quire_registry_open(&registry, space[0].view.id, 1, &view) == QUIRE_OK);
    check(view.table.root.at == space[0].table.root.at);
    check(view.table.tables == space[0].table.tables && view.table.tables == 3);
    close_machine();
}

/* ---- what is missing ------------------------------------------------------------------------- */

/* Kernel addresses run out, and so do frames, anywhere in the middle: what is refused has changed
 * nothing, and what is asked for later is there. */
static void test_nothing_to_be_had(void **state)
{
    static const uint32_t rooms[] = {9, 12, 17, 24, 40};
    unsigned refused = 0;

    (void)state;
    for (unsigned i = 0; i < FORMATS * sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct prng prng = prng_new(40 + i);

        open_machine(formats[i % FORMATS], 5, rooms[i / FORMATS]);
        machine.disk.slow = prng_one_in(&prng, 2);
        for (unsigned step = 0; step < 80; step++) {
            if (prng_one_in(&prng, 3)) {
                machine.faults.frame.in = 1 + prng_below(&prng, 12);
            }
            refused += random_step(&prng, step) != QUIRE_OK;
            machine.faults.frame.in = 0;
            check_tables();
        }
        close_machine();
    }
    check(refused != 0);
}

/* Room for two windows of two pages: the spaces have their roots and one table each, and no more.
 */
static void test_no_kernel_addresses(void **state)
{
    uint32_t frames;

    (void)state;
    open_machine(&quire_format_i386, 0, 8);
    create(0);
    create(1);
    frames = machine.frames.free;
    check(quire_space_create(&space[2], &machine.system, format, 3) == QUIRE_NO_SPACE);
    check(machine.frames.free == frames);
    check(store(0, page_va(0, 0), 1) == QUIRE_OK);
    frames = machine.frames.free;
    check(store(0, page_va(1, 0), 2) == QUIRE_NO_SPACE);
    check(machine.frames.free == frames);
    check_all();
    exit_space(1);
    check(store(0, page_va(1, 0), 2) == QUIRE_OK);
    check_all();
    close_machine();
}

static void test_another_format(void **state)
{
    uint32_t frames;

    (void)state;
    open_machine(&quire_format_i386, 0, 8 * MIB / PAGE);
    frames = machine.frames.free;
    check(quire_space_create(&space[0], &machine.system, &quire_format_x86_64, 1) == QUIRE_INVALID);
    check(machine.frames.free == frames);
    close_machine();
}

/* A device that the kernel and a space see alike, each by a large leaf of its own, is no part of
 * what the space inherits. */
static void test_alike_is_not_inherited(void **state)
{
    const uint64_t at = 0x80000000, device = 4 * MIB;
    struct quire_mapping mapping = {.va = quire_va_at(at),
                                    .pa = quire_pa_at(at),
                                    .bytes = device,
                                    .attributes = QUIRE_READ | QUIRE_WRITE};
    struct quire_region_spec spec = {.va = mapping.va,
                                     .bytes = device,
                                     .prot = QUIRE_READ | QUIRE_WRITE,
                                     .offset = at,
                                     .sharing = QUIRE_FIXED};
    struct quire_batch batch = {0};

    (void)state;
    open_machine(&quire_format_i386, 0, 8 * MIB / PAGE);
    quire_batch_begin(&batch, &machine.host);
    check(quire_table_map(&kernel, &batch, &mapping, NULL) == QUIRE_OK);
    create(0);
    check(quire_space_map(&space[0], &spec) == QUIRE_OK);
    check_all();
    close_machine();
}

/* A kernel page table entry of a window is spoilt: the kernel would read another frame there. */
static void test_damage_is_seen(void **state)
{
    const char *what = NULL;
    struct quire_space *spaces[] = {&space[0]};
    quire_va entry;
    struct quire_leaf leaf;
    struct quire_batch batch = {0};
    struct quire_mapping mapping = {
        .bytes = PAGE, .attributes = QUIRE_READ | QUIRE_WRITE, .existing = QUIRE_EXISTING_REPLACE};

    (void)state;
    open_machine(&quire_format_i386, 0, 8 * MIB / PAGE);
    create(0);
    check(store(0, page_va(0, 0), 1) == QUIRE_OK);
    check_all();
    check(quire_registry_entry(&space[0].view, page_va(0, 0), &entry) == QUIRE_OK);
    check(quire_table_query(&kernel, entry, &leaf) == QUIRE_OK);
    for (unsigned mended = 0; mended < 2; mended++) {
        mapping.va = leaf.va;
        mapping.pa = mended ? leaf.pa : quire_pa_at(5 * MIB);
        quire_batch_begin(&batch, &machine.host);
        check(quire_table_map(&kernel, &batch, &mapping, NULL) == QUIRE_OK);
        quire_batch_commit(&batch);
        check(quire_validate(&machine.system, spaces, 1, &what) ==
              (mended ? QUIRE_OK : QUIRE_CORRUPT));
        check(mended || strcmp(what, "page tables and their windows disagree") == 0);
    }
    close_machine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_space_sees_all_tables),
        cmocka_unit_test(test_found_by_number),
        cmocka_unit_test(test_nothing_to_be_had),
        cmocka_unit_test(test_no_kernel_addresses),
        cmocka_unit_test(test_another_format),
        cmocka_unit_test(test_alike_is_not_inherited),
        cmocka_unit_test(test_damage_is_seen),
    };

    return unit_run(tests);
}
