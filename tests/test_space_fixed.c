/*
 * Fixed regions: physical memory at addresses of the kernel's, mapped at once in the largest leaves
 * there are, never paged, never changed, in a child as in its parent. And frames in which no page
 * may be.
 */
#include <string.h>

#include "hosts/simulator/machine.h"
#include "quire/formats.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, MIB = 1 << 20, KERNEL = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE };

static struct machine machine;

static void open_machine(const struct quire_format *format, uint64_t pages_from)
{
    struct machine_config config = {.format = format,
                                    .ram_bytes = 16 * MIB,
                                    .tlb_entries = 16,
                                    .tlb_ways = 4,
                                    .policy = &quire_policy_clock,
                                    .pages_from = pages_from,
                                    .verify_flushes = true};

    check(machine_open(&machine, &config, NULL) == QUIRE_OK);
}

static struct quire_region_spec fixed(uint64_t va, uint64_t bytes, uint64_t pa)
{
    struct quire_region_spec spec = {
        .va = {va}, .bytes = bytes, .prot = KERNEL, .offset = pa, .sharing = QUIRE_FIXED};

    return spec;
}

static void validate(struct quire_space *a, struct quire_space *b)
{
    struct quire_space *spaces[] = {a, b};
    const char *what = NULL;

    checkf(quire_validate(&machine.system, spaces, b != NULL ? 2 : 1, &what) == QUIRE_OK, "%s",
           what);
}

/* What a fixed region shows is what is in memory there; the program has no part of it. */
static void look_through(struct quire_space *space, uint64_t va, uint64_t pa)
{
    uint32_t word = 0x12345678, user;
    struct machine_trap trap;

    check(machine_access(&machine, space, quire_va_at(va), QUIRE_WRITE, &word, 4, &trap) ==
          MACHINE_OK);
    check(memcmp(machine.ram + pa, &word, 4) == 0);
    check(machine_access(&machine, space, quire_va_at(va), QUIRE_READ | QUIRE_USER, &user, 4,
                         &trap) == MACHINE_REFUSED);
    check(trap.refusal == QUIRE_REFUSAL_USER);
}

static void test_mapped_at_once(void **state)
{
    static const struct {
        const struct quire_format *format;
        uint64_t leaf, tables; /* the largest leaf; tables for the first 8 MiB */
    } cases[] = {{&quire_format_i386, 4 * MIB, 1}, {&quire_format_x86_64, 2 * MIB, 3}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct quire_region_spec spec = fixed(0, 8 * MIB, 0);
        struct quire_space space, child;
        struct quire_leaf leaf;
        uint32_t free;

        open_machine(cases[i].format, 8 * MIB);
        free = machine.frames.free;
        check(quire_space_create(&space, &machine.system, cases[i].format, 1) == QUIRE_OK);
        check(quire_space_map(&space, &spec) == QUIRE_OK);
        check(space.table.tables == cases[i].tables);
        check(quire_table_query(&space.table, quire_va_at(5 * MIB), &leaf) == QUIRE_OK);
        check(leaf.bytes == cases[i].leaf && leaf.pa.at == leaf.va.at);
        check((leaf.attributes & QUIRE_RIGHTS) == KERNEL);
        look_through(&space, 8 * MIB - PAGE, 8 * MIB - PAGE);
        check(space.resident == 0 && space.faults == 1 && machine.system.resident == 0);
        check(quire_space_working_set(&space) == 0);
        validate(&space, NULL);

        check(quire_space_fork(&child, &space, 2) == QUIRE_OK);
        validate(&space, &child);
        check(child.table.tables == cases[i].tables);
        look_through(&child, 7 * MIB, 7 * MIB);
        look_through(&space, 7 * MIB, 7 * MIB);
        quire_space_destroy(&space);
        look_through(&child, 7 * MIB, 7 * MIB);
        quire_space_destroy(&child);
        check(machine.frames.free == free);
        machine_close(&machine);
    }
}

static void test_never_changed(void **state)
{
    struct quire_region_spec spec = fixed(64 * MIB, 64 * PAGE, 16 * PAGE);
    struct quire_region_spec program = {
        .va = {64 * MIB - PAGE}, .bytes = PAGE, .prot = QUIRE_READ | QUIRE_USER};
    struct quire_space space;
    struct quire_request request = {.ready = NULL};
    uint64_t last = 64 * MIB + 63 * PAGE;

    (void)state;
    open_machine(&quire_format_i386, 0);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    check(quire_space_map(&space, &program) == QUIRE_OK);
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    check(quire_space_unmap(&space, spec.va, spec.bytes) == QUIRE_INVALID);
    check(quire_space_unmap(&space, quire_va_at(last), 2 * PAGE) == QUIRE_INVALID);
    check(quire_space_unmap(&space, program.va, 2 * PAGE) == QUIRE_INVALID);
    check(quire_space_protect(&space, spec.va, PAGE, QUIRE_READ) == QUIRE_INVALID);
    check(quire_space_discard(&space, spec.va, PAGE) == QUIRE_INVALID);
    check(quire_space_wire(&space, spec.va, QUIRE_READ, &request) == QUIRE_INVALID);
    check(quire_space_unwire(&space, spec.va) == QUIRE_NOT_FOUND);
    validate(&space, NULL);
    look_through(&space, last, 79 * PAGE);
    check(quire_space_unmap(&space, program.va, PAGE) == QUIRE_OK);
    check(quire_space_map(&space, &spec) == QUIRE_EXISTS);

    /* Two that touch stay two. */
    spec = fixed(64 * MIB + 64 * PAGE, PAGE, 80 * PAGE);
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    check(quire_space_region(&space, spec.va)->bytes == PAGE);
    validate(&space, NULL);
    quire_space_destroy(&space);
    machine_close(&machine);
}

static void test_refused(void **state)
{
    struct quire_space space;
    struct quire_object object;
    struct quire_region_spec spec;
    uint32_t free;

    (void)state;
    open_machine(&quire_format_i386, 0);
    check(quire_object_create(&object, &machine.system, NULL, PAGE) == QUIRE_OK);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    free = machine.frames.free;
    spec = fixed(0, PAGE, 0);
    spec.object = &object;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = fixed(0, PAGE, 0);
    spec.prot = 0;
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = fixed(0, PAGE, 1);
    check(quire_space_map(&space, &spec) == QUIRE_INVALID);
    spec = fixed(0, PAGE, UINT64_C(1) << 41);
    check(quire_space_map(&space, &spec) == QUIRE_OUT_OF_RANGE);
    spec = fixed(0, PAGE, 0);
    for (unsigned n = 1; n <= 2; n++) { /* a block for its record; a table */
        machine.faults.frame.in = n;
        check(quire_space_map(&space, &spec) == QUIRE_NO_MEMORY);
        check(space.regions == NULL && machine.frames.free == free);
        validate(&space, NULL);
    }
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    quire_space_destroy(&space);
    quire_object_destroy(&object);
    machine_close(&machine);
}

/* A TLB that says less than the table is told to look again. */
static void test_late_tlb(void **state)
{
    struct quire_region_spec spec = fixed(0, 4 * MIB, 0);
    struct quire_request request = {.ready = NULL};
    struct quire_space space;
    uint64_t flushes;

    (void)state;
    open_machine(&quire_format_i386, 0);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    flushes = machine.count.flushes;
    check(quire_space_fault(&space, quire_va_at(4097), QUIRE_WRITE, &request) == QUIRE_OK);
    check(machine.count.flushes == flushes + 1);
    validate(&space, NULL);
    quire_space_destroy(&space);
    machine_close(&machine);
}

/* What validate() is there to find. */
static void test_spoilt(void **state)
{
    struct quire_region_spec spec = fixed(0, 4 * MIB, 0);
    struct quire_space space, *spaces[] = {&space};
    const char *what = NULL;

    (void)state;
    open_machine(&quire_format_i386, 0);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    space.regions->offset += PAGE;
    check(quire_validate(&machine.system, spaces, 1, &what) == QUIRE_CORRUPT);
    check(strcmp(what, "a fixed region is not mapped as it should be") == 0);
    space.regions->offset -= PAGE;
    space.regions->prot = QUIRE_READ | QUIRE_WRITE;
    check(quire_validate(&machine.system, spaces, 1, &what) == QUIRE_OK); /* i386 has no NX */
    space.regions->prot = QUIRE_READ;
    check(quire_validate(&machine.system, spaces, 1, &what) == QUIRE_CORRUPT);
    quire_space_destroy(&space);
    machine_close(&machine);
}

/* Pages fill what is above, and only that; then they make room for each other. */
static void test_pages_from(void **state)
{
    struct quire_region_spec spec = {
        .va = {MIB}, .bytes = 8 * MIB, .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER};
    struct quire_space space;
    struct machine_trap trap;
    enum machine_result result = MACHINE_OK;
    uint32_t below;
    unsigned pages = 0;

    (void)state;
    open_machine(&quire_format_i386, 16 * MIB - 20 * PAGE);
    check(machine.system.commit_limit == 20);
    check(quire_space_create(&space, &machine.system, &quire_format_i386, 1) == QUIRE_OK);
    check(quire_space_map(&space, &spec) == QUIRE_OK);
    while (result == MACHINE_OK) {
        uint8_t byte = 1;
        result = machine_access(&machine, &space, quire_va_at(MIB + pages * PAGE),
                                QUIRE_WRITE | QUIRE_USER, &byte, 1, &trap);
        pages += result == MACHINE_OK;
    }
    check(pages == 20 && trap.status == QUIRE_NO_SPACE); /* there is no swap */
    below = machine.frames.free;
    check(below > 3000);
    for (uint32_t n = 0; n < 16 * MIB / PAGE - 20; n++) {
        check(quire_system_page(&machine.system, quire_pfn_of(n)) == NULL);
    }
    validate(&space, NULL);
    quire_space_destroy(&space);
    machine_close(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped_at_once), cmocka_unit_test(test_never_changed),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_late_tlb),
        cmocka_unit_test(test_spoilt),         cmocka_unit_test(test_pages_from),
    };

    return unit_run(tests);
}
