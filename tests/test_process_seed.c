/*
 * Seed 002, step by step: what it prints of physical and of virtual memory, in its own words; what
 * the processes read there; and the ways in which they must not disturb each other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/unit.h"

enum { PROC1, PROC2 };
enum { FILE1, FILE2, LIBGFX };
enum { TEXT = 4700, DATA = 6563 - TEXT }; /* libgfx: 6,563 bytes */

/* The seed's machine: the kernel's addresses are in each process's table, or in one for all. (On
 * x86-64 a root entry is 512 GiB: they share theirs with the programs.) */
static const struct {
    const struct quire_format *format;
    bool inherited;
} machines[] = {
    {&quire_format_i386, false}, {&quire_format_x86_64, false}, {&quire_format_i386, true}};
enum { MACHINES = sizeof(machines) / sizeof(machines[0]) };

/* ---- the pictures, in the seed's words ------------------------------------------------------- */

struct picture {
    char text[1024];
    size_t length;
};

static void add_line(struct picture *picture, const struct quire_range *range, const char *before,
                     const char *name, const char *after)
{
    picture->length +=
        (size_t)snprintf(picture->text + picture->length, sizeof(picture->text) - picture->length,
                         "0x%08" PRIX64 " - 0x%08" PRIX64 " : %s%s%s\n", range->first, range->last,
                         before, name, after);
    check(picture->length < sizeof(picture->text));
}

static void draw_physical(struct crew *crew, struct picture *picture)
{
    struct quire_range range = {0};

    picture->length = 0;
    while (quire_usermode_physical(&crew->usermode, &range)) {
        bool users = range.owner == QUIRE_OWNER_PROCESS || range.owner == QUIRE_OWNER_LIBRARY;
        add_line(picture, &range, users ? "User space for " : "",
                 range.owner == QUIRE_OWNER_NONE     ? "No-man's land"
                 : range.owner == QUIRE_OWNER_KERNEL ? "Kernel reserved"
                                                     : quire_range_name(&range),
                 "");
    }
}

static void draw_virtual(struct crew *crew, struct picture *picture)
{
    const struct quire_process *running = crew->usermode.running;
    struct quire_range range = {0};
    char after[64];

    picture->length = 0;
    snprintf(after, sizeof(after), " space in %s space", running->name);
    while (quire_process_virtual(running, &range)) {
        bool library = range.owner == QUIRE_OWNER_LIBRARY;
        add_line(picture, &range, range.owner == QUIRE_OWNER_PROCESS ? "User space for " : "",
                 range.owner == QUIRE_OWNER_NONE     ? "Unreserved"
                 : range.owner == QUIRE_OWNER_KERNEL ? "Kernel reserved"
                                                     : quire_range_name(&range),
                 library ? after : "");
    }
}

/* `want` ends in the first address of the last range; where that ends depends on the format. */
static void expect_picture(const struct picture *got, const char *want, uint64_t last,
                           const char *name)
{
    char all[1024];

    snprintf(all, sizeof(all), "%s - 0x%08" PRIX64 " : %s\n", want, last, name);
    checkf(strcmp(got->text, all) == 0, "expected\n%sgot\n%s", all, got->text);
}

static void expect(struct crew *crew, const char *physical, const char *virtual)
{
    bool small = crew->usermode.format == &quire_format_i386;
    struct picture picture;

    draw_physical(crew, &picture);
    expect_picture(&picture, physical, small ? UINT32_MAX : (UINT64_C(1) << 52) - 1,
                   "No-man's land");
    draw_virtual(crew, &picture);
    expect_picture(&picture, virtual, small ? UINT32_MAX : UINT64_MAX, "Unreserved");
}

/* ---- the five steps -------------------------------------------------------------------------- */

static void expect_step_1(struct crew *crew)
{
    bool small = crew->usermode.format == &quire_format_i386;
    struct picture picture;

    draw_physical(crew, &picture);
    expect_picture(&picture,
                   "0x00000000 - 0x007FFFFF : Kernel reserved\n"
                   "0x00800000",
                   small ? UINT32_MAX : (UINT64_C(1) << 52) - 1, "No-man's land");
}

static void step_2(struct crew *crew)
{
    crew_image(crew, FILE1, "proc1", 5673);
    check(crew_spawn(crew, PROC1, "proc1", FILE1, QUIRE_LOAD_EAGER) == QUIRE_OK);
    quire_process_switch(&crew->process[PROC1]);
    expect(crew,
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00802FFF : User space for proc1\n"
           "0x00803000",
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00802FFF : User space for proc1\n"
           "0x00803000");
}

static void step_3(struct crew *crew)
{
    crew_image(crew, FILE2, "proc2", 12420);
    check(crew_spawn(crew, PROC2, "proc2", FILE2, QUIRE_LOAD_EAGER) == QUIRE_OK);
    quire_process_switch(&crew->process[PROC2]);
    expect(crew,
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00802FFF : User space for proc1\n"
           "0x00803000 - 0x00807FFF : User space for proc2\n"
           "0x00808000",
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00804FFF : User space for proc2\n"
           "0x00805000");
}

static const char physical_with_libgfx[] = "0x00000000 - 0x007FFFFF : Kernel reserved\n"
                                           "0x00800000 - 0x00802FFF : User space for proc1\n"
                                           "0x00803000 - 0x00807FFF : User space for proc2\n"
                                           "0x00808000 - 0x0080AFFF : User space for libgfx\n"
                                           "0x0080B000";

static void open_libgfx(struct crew *crew, unsigned n, uint64_t where)
{
    quire_va va;

    check(quire_process_open_library(
              &crew->process[n], quire_library_find(&crew->usermode, "libgfx"), &va) == QUIRE_OK);
    check(crew_load(crew, n) == QUIRE_OK);
    checkf(va.at == where, "0x%" PRIX64, va.at);
}

static void step_4(struct crew *crew)
{
    crew_library(crew, LIBGFX, "libgfx", TEXT, DATA, false);
    quire_process_switch(&crew->process[PROC1]);
    open_libgfx(crew, PROC1, 0x803000);
    expect(crew, physical_with_libgfx,
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00802FFF : User space for proc1\n"
           "0x00803000 - 0x00805FFF : libgfx space in proc1 space\n"
           "0x00806000");
}

/* The last line is the erratum: the seed prints 0x00805000 there, where libgfx is. */
static void step_5(struct crew *crew)
{
    quire_process_switch(&crew->process[PROC2]);
    open_libgfx(crew, PROC2, 0x805000);
    expect(crew, physical_with_libgfx,
           "0x00000000 - 0x007FFFFF : Kernel reserved\n"
           "0x00800000 - 0x00804FFF : User space for proc2\n"
           "0x00805000 - 0x00807FFF : libgfx space in proc2 space\n"
           "0x00808000");
}

static void open_machine(struct crew *crew, unsigned m)
{
    crew_open_seed(crew, machines[m].format);
    if (machines[m].inherited) {
        crew_inherit(crew);
    }
}

static void all_steps(struct crew *crew, unsigned m)
{
    open_machine(crew, m);
    expect_step_1(crew);
    step_2(crew);
    step_3(crew);
    step_4(crew);
    step_5(crew);
}

static struct crew crew;

static void test_five_steps(void **state)
{
    (void)state;
    for (unsigned m = 0; m < MACHINES; m++) {
        all_steps(&crew, m);
        crew_close(&crew);
    }
}

/* A machine with fewer physical addresses than its format has: no-man's land ends with them. */
static void test_narrow_machine(void **state)
{
    struct quire_format narrow = quire_format_x86_64;
    struct quire_range range = {0};

    (void)state;
    check(quire_format_limit_pa(&narrow, 36) == QUIRE_OK);
    crew_open_seed(&crew, &narrow);
    while (quire_usermode_physical(&crew.usermode, &range)) {
    }
    check(range.owner == QUIRE_OWNER_NONE && range.last == (UINT64_C(1) << 36) - 1);
    crew_close(&crew);
}

/* The pages are where the pictures say, one by one, and hold what the files hold. */
static void test_where_and_what(void **state)
{
    (void)state;
    for (unsigned m = 0; m < MACHINES; m++) {
        all_steps(&crew, m);
        for (unsigned i = 0; i < 3; i++) {
            check(crew_pfn(&crew, PROC1, 0x800000 + i * 4096) == 0x800 + i);
            check(crew_pfn(&crew, PROC1, 0x803000 + i * 4096) == 0x808 + i);
            check(crew_pfn(&crew, PROC2, 0x805000 + i * 4096) == 0x808 + i);
        }
        for (unsigned i = 0; i < 5; i++) {
            check(crew_pfn(&crew, PROC2, 0x800000 + i * 4096) == 0x803 + i);
        }
        crew_compare(&crew, PROC1, FILE1, 0x801000);
        crew_compare(&crew, PROC2, FILE2, 0x801000);
        crew_compare(&crew, PROC1, LIBGFX, 0x803000);
        crew_compare(&crew, PROC2, LIBGFX, 0x805000);
        check(crew.machine.count.faults == 0); /* all of it was there already */
        crew_close(&crew);
    }
}

/* ---- one library, two processes -------------------------------------------------------------- */

static void test_library_is_shared_until_written(void **state)
{
    struct machine_trap trap;
    uint8_t byte = 0;

    (void)state;
    for (unsigned m = 0; m < MACHINES; m++) {
        uint64_t data1 = 0x803000 + 8192 + TEXT % 4096, data2 = data1 + 0x2000;
        uint8_t was, other;

        all_steps(&crew, m);
        was = crew_get(&crew, PROC2, data2);
        other = was ^ 0xff;
        crew_put(&crew, PROC1, data1, other);
        crew_check(&crew);
        check(crew_get(&crew, PROC1, data1) == other);
        check(crew_get(&crew, PROC2, data2) == was);
        check(crew_get(&crew, PROC1, data1 + 1) == crew_get(&crew, PROC2, data2 + 1));
        check(crew_pfn(&crew, PROC1, data1) == 0x80b); /* its own now */
        check(crew_pfn(&crew, PROC2, data2) == 0x80a);
        check(crew_pfn(&crew, PROC1, 0x803000) == crew_pfn(&crew, PROC2, 0x805000));
        check(crew_pfn(&crew, PROC1, 0x804000) == crew_pfn(&crew, PROC2, 0x806000));
        crew_compare(&crew, PROC2, LIBGFX, 0x805000);
        check(crew_access(&crew, PROC1, 0x803000, QUIRE_WRITE, &byte, 1, &trap) == MACHINE_REFUSED);
        check(trap.refusal == QUIRE_REFUSAL_WRITE);
        crew_close(&crew);
    }
}

/* It goes with the last process that maps it; and what one process had of its own, with that. */
static void test_library_goes_with_the_last(void **state)
{
    struct quire_library *libgfx = &crew.file[LIBGFX].library;
    uint32_t free;

    (void)state;
    all_steps(&crew, 0);
    crew_put(&crew, PROC1, 0x805fff, 1);
    crew_exit(&crew, PROC1);
    check(libgfx->loaded && libgfx->users == 1);
    crew_compare(&crew, PROC2, LIBGFX, 0x805000);
    free = crew.machine.frames.free;
    check(quire_process_close_library(&crew.process[PROC2], libgfx) == QUIRE_OK);
    crew_check(&crew);
    check(!libgfx->loaded && libgfx->users == 0);
    check(crew.machine.frames.free == free + 3 + 2); /* pages; the objects' records of them */
    check(quire_process_close_library(&crew.process[PROC2], libgfx) == QUIRE_NOT_FOUND);
    open_libgfx(&crew, PROC2, 0x805000);
    check(crew_pfn(&crew, PROC2, 0x805000) == 0x800); /* the lowest that are free */
    crew_compare(&crew, PROC2, LIBGFX, 0x805000);
    crew_close(&crew);
}

static void test_library_that_is_kept(void **state)
{
    struct quire_library *libgfx;
    uint64_t reads;

    (void)state;
    crew_open_seed(&crew, &quire_format_i386);
    step_2(&crew);
    libgfx = crew_library(&crew, LIBGFX, "libgfx", TEXT, DATA, true);
    open_libgfx(&crew, PROC1, 0x803000);
    reads = crew.file[LIBGFX].reads;
    crew_exit(&crew, PROC1);
    check(libgfx->loaded && libgfx->users == 0);
    crew_image(&crew, FILE2, "proc2", 12420);
    check(crew_spawn(&crew, PROC2, "proc2", FILE2, QUIRE_LOAD_EAGER) == QUIRE_OK);
    open_libgfx(&crew, PROC2, 0x805000);
    check(crew.file[LIBGFX].reads == reads);
    check(quire_library_remove(libgfx) == QUIRE_BUSY);
    crew_compare(&crew, PROC2, LIBGFX, 0x805000);
    crew_close(&crew);
}

/* ---- one process goes, the other does not notice --------------------------------------------- */

static void test_stack_overflow_kills_one(void **state)
{
    (void)state;
    for (unsigned m = 0; m < MACHINES; m++) {
        struct machine_trap trap;
        struct quire_mmu mmu;
        struct quire_walk walk;
        uint32_t word = 0x600d;

        all_steps(&crew, m);
        check(crew_access(&crew, PROC1, 0x800000, QUIRE_WRITE, &word, 4, &trap) == MACHINE_OK);
        check(crew_access(&crew, PROC1, 0x7ffffc, QUIRE_WRITE, &word, 4, &trap) == MACHINE_REFUSED);
        check(trap.va.at == 0x7ffffc && trap.refusal == QUIRE_REFUSAL_USER);
        check(crew_access(&crew, PROC1, 0x7ffffe, QUIRE_WRITE, &word, 4, &trap) == MACHINE_REFUSED);
        check(crew_access(&crew, PROC1, 0, QUIRE_READ, &word, 4, &trap) == MACHINE_REFUSED);

        /* It is a page that is there, for supervisors: the same one at the same place. */
        mmu = quire_table_mmu(&crew.process[PROC1].space.table);
        check(quire_walk(&mmu, quire_va_at(0x7ffffc), QUIRE_WRITE, &walk) == QUIRE_OK);
        check(walk.pa.at == 0x7ffffc);
        check(quire_walk(&mmu, quire_va_at(0x7ffffc), QUIRE_READ | QUIRE_USER, &walk) ==
              QUIRE_FAULT);

        crew_exit(&crew, PROC1);
        quire_process_switch(&crew.process[PROC2]);
        crew_compare(&crew, PROC2, FILE2, 0x801000);
        crew_compare(&crew, PROC2, LIBGFX, 0x805000);
        expect(&crew,
               "0x00000000 - 0x007FFFFF : Kernel reserved\n"
               "0x00800000 - 0x00802FFF : No-man's land\n"
               "0x00803000 - 0x00807FFF : User space for proc2\n"
               "0x00808000 - 0x0080AFFF : User space for libgfx\n"
               "0x0080B000",
               "0x00000000 - 0x007FFFFF : Kernel reserved\n"
               "0x00800000 - 0x00804FFF : User space for proc2\n"
               "0x00805000 - 0x00807FFF : libgfx space in proc2 space\n"
               "0x00808000");
        crew_close(&crew);
    }
}

/* ---- on demand ------------------------------------------------------------------------------- */

/* The same image: no page comes in before it is touched, and then the very same bytes. */
static void test_on_demand(void **state)
{
    (void)state;
    for (unsigned m = 0; m < MACHINES; m++) {
        struct quire_process_stats stats;
        struct picture picture;

        open_machine(&crew, m);
        crew_image(&crew, FILE1, "proc1", 12420);
        check(crew_spawn(&crew, PROC1, "proc1", FILE1, QUIRE_LOAD_DEMAND) == QUIRE_OK);
        check(crew.machine.system.resident == 0 && crew.file[FILE1].reads == 0);
        expect_step_1(&crew);

        check(crew_get(&crew, PROC1, 0x803000) == crew.file[FILE1].bytes[8192]);
        check(crew.file[FILE1].reads == 1);
        check(crew_pfn(&crew, PROC1, 0x803000) == 0x800);
        crew_put(&crew, PROC1, 0x800ffc, 1);
        quire_process_stats(&crew.process[PROC1], &stats);
        check(stats.mapped == 5 && stats.resident == 2 && stats.faults == 2 && stats.loads == 0);

        crew_compare(&crew, PROC1, FILE1, 0x801000);
        draw_physical(&crew, &picture);
        check(strstr(picture.text, "0x00800000 - 0x00800FFF : User space for proc1\n") == NULL);
        crew_close(&crew);
    }
}

/* ---- the kernel's part of memory ------------------------------------------------------------- */

/* Page tables and records go elsewhere when it is full; pages never go there, even then. */
static void test_kernel_memory_runs_out(void **state)
{
    struct crew_setup setup = {&quire_format_i386, &quire_layout_seed, 2 << 20, 128 << 10, 0};
    enum quire_status status = QUIRE_OK;
    struct quire_range range = {0};
    bool kernel_above = false;
    unsigned n;

    (void)state;
    crew_open(&crew, &setup);
    crew_image(&crew, FILE1, "program", 5673);
    for (n = 0; n < CREW_PROCESSES && status == QUIRE_OK; n++) {
        status = crew_spawn(&crew, n, "process", FILE1, QUIRE_LOAD_EAGER);
    }
    check(status == QUIRE_OK);
    check(crew.machine.frames.hint >= 32); /* nothing is free below 128 KiB */
    while (quire_usermode_physical(&crew.usermode, &range)) {
        kernel_above = kernel_above || (range.owner == QUIRE_OWNER_KERNEL && range.first != 0);
    }
    check(kernel_above);
    for (n = 0; n < CREW_PROCESSES; n++) {
        crew_compare(&crew, n, FILE1, 0x801000);
        for (uint64_t va = 0x800000; va < 0x803000; va += 4096) {
            check(crew_pfn(&crew, n, va) >= 32);
        }
    }
    crew_close(&crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_steps),
        cmocka_unit_test(test_narrow_machine),
        cmocka_unit_test(test_where_and_what),
        cmocka_unit_test(test_library_is_shared_until_written),
        cmocka_unit_test(test_library_goes_with_the_last),
        cmocka_unit_test(test_library_that_is_kept),
        cmocka_unit_test(test_stack_overflow_kills_one),
        cmocka_unit_test(test_on_demand),
        cmocka_unit_test(test_kernel_memory_runs_out),
    };

    return unit_run(tests);
}
