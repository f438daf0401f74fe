/*
 * Inherited regions: a kernel's table has its addresses, and all spaces see them by its page
 * tables, as long as they live, in a child as in its parent. Nothing of it is theirs to change, to
 * count or to free.
 */
#include <string.h>

#include "hosts/simulator/machine.h"
#include "quire/formats.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, MIB = 1 << 20, KERNEL = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE };

/* A machine, the kernel's table and batch; where its addresses begin and how many there are. */
static struct machine machine;
static struct quire_table kernel;
static struct quire_batch batch;
static uint64_t base, bytes;

static enum quire_status map(uint64_t va, uint64_t pa, uint64_t length, unsigned attributes)
{
    const struct quire_mapping mapping = {.va = quire_va_at(va),
                                          .pa = quire_pa_at(pa),
                                          .bytes = length,
                                          .attributes = attributes | QUIRE_GLOBAL,
                                          .existing = QUIRE_EXISTING_REPLACE,
                                          .largest_leaf = PAGE};
    enum quire_status status = quire_table_map(&kernel, &batch, &mapping, NULL);

    quire_batch_commit(&batch);
    return status;
}

/* All but the first page of the lower 8 MiB, in pages. On i386 at the beginning of all addresses,
 * on x86-64 at that of the upper half. */
static void open_machine(const struct quire_format *format)
{
    struct machine_config config = {.format = format,
                                    .ram_bytes = 16 * MIB,
                                    .tlb_entries = 16,
                                    .tlb_ways = 4,
                                    .policy = &quire_policy_clock,
                                    .pages_from = 8 * MIB,
                                    .verify_flushes = true};

    check(machine_open(&machine, &config, NULL) == QUIRE_OK);
    quire_batch_begin(&batch, &machine.host);
    check(quire_table_create(&kernel, format, &machine.host, 0) == QUIRE_OK);
    base = format == &quire_format_i386 ? 0 : UINT64_C(0xffff800000000000);
    bytes = format == &quire_format_i386 ? 8 * MIB : quire_format_span(format, 1);
    check(map(base + PAGE, PAGE, 8 * MIB - PAGE, KERNEL) == QUIRE_OK);
}

static void close_machine(void)
{
    check(quire_table_validate(&kernel, NULL) == QUIRE_OK);
    quire_table_destroy(&kernel);
    check(machine.count.stale == 0);
    machine_close(&machine);
}

static struct quire_region_spec inherited(void)
{
    struct quire_region_spec spec = {
        .va = {base}, .bytes = bytes, .prot = KERNEL, .sharing = QUIRE_INHERITED, .from = &kernel};

    return spec;
}

static void create(struct quire_space *space, uint16_t id)
{
    struct quire_region_spec spec = inherited();

    check(quire_space_create(space, &machine.system, kernel.format, id) == QUIRE_OK);
    check(quire_space_map(space, &spec) == QUIRE_OK);
}

static void validate(struct quire_space *a, struct quire_space *b)
{
    struct quire_space *spaces[] = {a, b};
    const char *what = NULL;

    checkf(quire_validate(&machine.system, spaces, b != NULL ? 2 : 1, &what) == QUIRE_OK, "%s",
           what);
    check(quire_table_validate(&kernel, NULL) == QUIRE_OK);
}

static uint32_t load(struct quire_space *space, uint64_t va, unsigned access)
{
    uint32_t word = 0;
    struct machine_trap trap;

    check(machine_access(&machine, space, quire_va_at(va), access, &word, 4, &trap) == MACHINE_OK);
    return word;
}

static void refused(struct quire_space *space, uint64_t va, unsigned access,
                    enum quire_refusal refusal)
{
    uint32_t word = 0;
    struct machine_trap trap;

    check(machine_access(&machine, space, quire_va_at(va), access, &word, 4, &trap) ==
          MACHINE_REFUSED);
    checkf(trap.refusal == refusal, "%s", quire_refusal_text(trap.refusal));
}

/* The kernel sees its memory here; a program does not, mapped or not. */
static void look_through(struct quire_space *space)
{
    uint64_t last = 8 * MIB - 4;
    uint32_t word = 0x600d0000 | space->id;

    memcpy(machine.ram + last, &word, 4);
    check(load(space, base + last, QUIRE_READ) == word);
    refused(space, base + last, QUIRE_READ | QUIRE_USER, QUIRE_REFUSAL_USER);
    refused(space, base, QUIRE_READ | QUIRE_USER, QUIRE_REFUSAL_USER);
    refused(space, base, QUIRE_READ, QUIRE_REFUSAL_NO_REGION);
}

static const struct quire_format *const formats[] = {&quire_format_i386, &quire_format_x86_64};

/* ---- living with it -------------------------------------------------------------------------- */

static void test_nothing_is_taken(void **state)
{
    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        struct quire_space space, child;
        uint32_t before, one;

        open_machine(formats[f]);
        before = machine.frames.free;
        check(quire_space_create(&space, &machine.system, formats[f], 1) == QUIRE_OK);
        one = machine.frames.free; /* a root; perhaps a block of records */
        quire_space_destroy(&space);
        create(&space, 1);
        check(machine.frames.free + 1 >= one && space.table.tables == 1);
        look_through(&space);
        check(space.resident == 0 && machine.system.resident == 0);
        check(machine.system.committed == 0 && quire_space_working_set(&space) == 0);
        check(quire_space_region(&space, quire_va_at(base + 4 * MIB))->sharing == QUIRE_INHERITED);
        validate(&space, NULL);

        check(quire_space_fork(&child, &space, 2) == QUIRE_OK);
        validate(&space, &child);
        check(child.table.tables == 1 && child.table.from == &kernel);
        look_through(&child);
        quire_space_destroy(&space);
        validate(&child, NULL);
        look_through(&child);
        quire_space_destroy(&child);
        check(machine.frames.free == before);
        close_machine();
    }
}

/* A window page of the kernel's is put elsewhere: no space, and no TLB, sees it where it was. On
 * x86-64 TLBs know address spaces: the page is global. */
static void test_window(void **state)
{
    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        struct quire_space space[3];

        open_machine(formats[f]);
        for (uint16_t i = 0; i < 3; i++) {
            create(&space[i], (uint16_t)(i + 1));
        }
        for (uint32_t round = 0; round < 20; round++) {
            uint64_t pa = 8 * MIB + round * PAGE;

            memcpy(machine.ram + pa + 12, &round, 4);
            check(map(base + 7 * PAGE, pa, PAGE, KERNEL) == QUIRE_OK);
            for (unsigned i = 0; i < 6; i++) {
                check(load(&space[i % 3], base + 7 * PAGE + 12, QUIRE_READ) == round);
            }
        }
        for (unsigned i = 0; i < 3; i++) {
            validate(&space[2 - i], NULL);
            quire_space_destroy(&space[2 - i]);
        }
        close_machine();
    }
}

/* Programs' regions beside it are paged as ever. */
static void test_beside(void **state)
{
    struct quire_region_spec program = {
        .va = {8 * MIB}, .bytes = 4 * PAGE, .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER};
    struct quire_space space, child;

    (void)state;
    open_machine(&quire_format_i386);
    create(&space, 1);
    check(quire_space_map(&space, &program) == QUIRE_OK);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t word = 77 + i;
        struct machine_trap trap;

        check(machine_access(&machine, &space, quire_va_at(8 * MIB + i * PAGE),
                             QUIRE_WRITE | QUIRE_USER, &word, 4, &trap) == MACHINE_OK);
    }
    check(space.table.tables == 2 && space.resident == 4);
    check(quire_space_working_set(&space) == 4);
    check(quire_space_fork(&child, &space, 2) == QUIRE_OK);
    quire_space_destroy(&space);
    for (unsigned i = 0; i < 4; i++) {
        check(load(&child, 8 * MIB + i * PAGE, QUIRE_READ | QUIRE_USER) == 77 + i);
    }
    validate(&child, NULL);
    check(quire_space_unmap(&child, program.va, program.bytes) == QUIRE_OK);
    check(child.table.tables == 1 && child.resident == 0);
    validate(&child, NULL);
    quire_space_destroy(&child);
    close_machine();
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_never_changed(void **state)
{
    struct quire_region_spec program = {
        .va = {8 * MIB}, .bytes = PAGE, .prot = QUIRE_READ | QUIRE_USER};
    struct quire_request request = {.ready = NULL};
    struct quire_space space;

    (void)state;
    open_machine(&quire_format_i386);
    create(&space, 1);
    check(quire_space_map(&space, &program) == QUIRE_OK);
    for (uint64_t at = PAGE; at < 8 * MIB; at += 8 * MIB - 2 * PAGE) {
        quire_va va = quire_va_at(at);
        uint64_t length = 8 * MIB + PAGE - at; /* into the program */

        check(quire_space_unmap(&space, va, PAGE) == QUIRE_INVALID);
        check(quire_space_unmap(&space, va, length) == QUIRE_INVALID);
        check(quire_space_protect(&space, va, PAGE, QUIRE_READ) == QUIRE_INVALID);
        check(quire_space_protect(&space, va, length, QUIRE_READ) == QUIRE_INVALID);
        check(quire_space_discard(&space, va, PAGE) == QUIRE_INVALID);
        check(quire_space_discard(&space, va, length) == QUIRE_INVALID);
        check(quire_space_advise(&space, va, PAGE, QUIRE_ADVICE_RANDOM) == QUIRE_INVALID);
        check(quire_space_advise(&space, va, length, QUIRE_ADVICE_RANDOM) == QUIRE_INVALID);
        check(quire_space_wire(&space, va, QUIRE_READ, &request) == QUIRE_INVALID);
        check(quire_space_unwire(&space, va) == QUIRE_NOT_FOUND);
        program.va = va;
        check(quire_space_map(&space, &program) == QUIRE_EXISTS);
    }
    validate(&space, NULL);
    check(quire_space_unmap(&space, quire_va_at(8 * MIB), PAGE) == QUIRE_OK);
    look_through(&space);
    quire_space_destroy(&space);
    close_machine();
}

static void test_refused(void **state)
{
    struct quire_object object;
    struct quire_region_spec spec, other;
    struct quire_space space;
    uint32_t free;

    (void)state;
    open_machine(&quire_format_i386);
    check(quire_object_create(&object, &machine.system, NULL, PAGE) == QUIRE_OK);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    free = machine.frames.free;
    spec = inherited();
    spec.from = NULL;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = inherited();
    spec.sharing = QUIRE_FIXED;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = inherited();
    spec.object = &object;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = inherited();
    spec.bytes -= PAGE;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = inherited();
    spec.prot = QUIRE_READ;
    spec.max_prot = QUIRE_WRITE;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = inherited();
    spec.bytes = 12 * MIB;
    check(quire_space_map(&space, &spec) == QUIRE_NOT_FOUND);
    spec = inherited();
    machine.faults.frame.in = 1; /* a block for its record: there is nothing else to want */
    check(quire_space_map(&space, &spec) == QUIRE_NO_MEMORY);
    check(space.regions == NULL && space.table.from == NULL && machine.frames.free == free);
    validate(&space, NULL);

    /* A table that was left to a program's page: it goes with the page. */
    other =
        (struct quire_region_spec){.va = {4 * MIB}, .bytes = PAGE, .prot = QUIRE_READ | QUIRE_USER};
    check(quire_space_map(&space, &other) == QUIRE_OK);
    load(&space, 4 * MIB, QUIRE_READ | QUIRE_USER);
    check(quire_space_map(&space, &spec) == QUIRE_EXISTS);
    check(quire_space_unmap(&space, other.va, PAGE) == QUIRE_OK);
    machine.faults.frame.in = 0;
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    spec.va.at = 8 * MIB;
    spec.bytes = 4 * MIB;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID); /* a second one */
    validate(&space, NULL);
    quire_space_destroy(&space);
    quire_object_destroy(&object);
    close_machine();
}

/* Each frame in turn that a fork asks for. */
static void test_fork_without_memory(void **state)
{
    struct quire_space space, child;
    enum quire_status status = QUIRE_NO_MEMORY;
    unsigned refusals = 0;
    uint32_t free;

    (void)state;
    open_machine(&quire_format_i386);
    create(&space, 1);
    free = machine.frames.free;
    while (status != QUIRE_OK) {
        machine.faults.frame.in = refusals + 1;
        status = quire_space_fork(&child, &space, 2);
        if (status != QUIRE_OK) {
            check(status == QUIRE_NO_MEMORY && machine.frames.free == free);
            validate(&space, NULL);
            refusals++;
        }
    }
    machine.faults.frame.in = 0;
    check(refusals >= 1);
    validate(&space, &child);
    quire_space_destroy(&child);
    quire_space_destroy(&space);
    close_machine();
}

/* A fault is a TLB that was late; or nothing is mapped, or not for that: then it is told. */
static void test_faults(void **state)
{
    struct quire_region_spec spec;
    struct quire_request request = {.ready = NULL};
    struct quire_space space;
    uint64_t flushes;

    (void)state;
    open_machine(&quire_format_i386);
    check(map(base + 3 * PAGE, 3 * PAGE, PAGE, QUIRE_READ) == QUIRE_OK);
    check(map(base + 4 * PAGE, 4 * PAGE, PAGE, QUIRE_READ | QUIRE_USER) == QUIRE_OK);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    spec = inherited();
    spec.prot |= QUIRE_USER; /* a page of it is for programs */
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    validate(&space, NULL);
    flushes = machine.count.flushes;
    check(quire_space_fault(&space, quire_va_at(2 * PAGE + 1), QUIRE_WRITE, &request) == QUIRE_OK);
    check(machine.count.flushes == flushes + 1);
    refused(&space, 3 * PAGE, QUIRE_WRITE, QUIRE_REFUSAL_WRITE);
    refused(&space, 3 * PAGE, QUIRE_READ | QUIRE_USER, QUIRE_REFUSAL_USER);
    refused(&space, 4 * PAGE, QUIRE_WRITE | QUIRE_USER, QUIRE_REFUSAL_WRITE);
    refused(&space, 0, QUIRE_READ | QUIRE_USER, QUIRE_REFUSAL_NO_REGION);
    load(&space, 4 * PAGE, QUIRE_READ | QUIRE_USER);
    quire_space_destroy(&space);
    close_machine();
}

/* ---- what validate is there to find ---------------------------------------------------------- */

static void expect_corrupt(struct quire_space *space, const char *expected)
{
    const char *what = NULL;

    check(quire_validate(&machine.system, &space, 1, &what) == QUIRE_CORRUPT);
    checkf(strcmp(what, expected) == 0, "%s", what);
}

static void test_spoilt(void **state)
{
    static const char no_region[] = "what a page table inherits is not an inherited region";
    struct quire_space space;
    struct quire_region *region;
    unsigned char *root;

    (void)state;
    open_machine(&quire_format_i386);
    create(&space, 1);
    region = space.regions;
    root = machine.ram + space.table.root.at;
    for (unsigned entry = 0; entry < 2; entry++) {
        for (unsigned byte = 0; byte < 4; byte++) {
            root[entry * 4 + byte] ^= 0x10;
            expect_corrupt(&space, "a page table is not sound");
            root[entry * 4 + byte] ^= 0x10;
        }
    }
    region->sharing = QUIRE_PRIVATE;
    expect_corrupt(&space, no_region);
    region->sharing = QUIRE_INHERITED;
    region->bytes -= 4 * MIB;
    expect_corrupt(&space, no_region);
    region->va.at += 4 * MIB;
    expect_corrupt(&space, no_region);
    region->bytes += 4 * MIB;
    expect_corrupt(&space, no_region);
    region->va.at -= 4 * MIB;
    validate(&space, NULL);
    check(map(base + 9 * PAGE, 0, PAGE, QUIRE_READ | QUIRE_USER) == QUIRE_OK);
    expect_corrupt(&space, "a program can reach what its space inherits");
    check(map(base + 9 * PAGE, 0, PAGE, QUIRE_READ) == QUIRE_OK);
    validate(&space, NULL);
    quire_space_destroy(&space);
    close_machine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_taken), cmocka_unit_test(test_window),
        cmocka_unit_test(test_beside),           cmocka_unit_test(test_never_changed),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_fork_without_memory),
        cmocka_unit_test(test_faults),           cmocka_unit_test(test_spoilt),
    };

    return unit_run(tests);
}
