/*
 * Processes: forks, heaps, libraries, layouts, images from ELF files; and what is told of them.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/elf_file.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, IMAGE = 0x801000 };
enum { PROGRAM = CREW_PROGRAM, LIBRARY = CREW_LIBRARY, OTHER_LIBRARY, OTHER_PROGRAM };

static struct crew crew;

static enum quire_refusal refusal(unsigned n, uint64_t va, unsigned access)
{
    struct machine_trap trap = {.refusal = QUIRE_REFUSAL_NONE};
    uint8_t byte = 0;

    check(crew_access(&crew, n, va, access, &byte, 1, &trap) != MACHINE_FAILED);
    return trap.refusal;
}

static void expect_parts(unsigned n, const char *want)
{
    char text[1024], *at;

    crew_draw(&crew, text, sizeof(text));
    at = strchr(text, '\n') + 1;
    while (n-- != 0) {
        at = strchr(at, '\n') + 1;
    }
    at = strchr(at, ':') + 2;
    *strchr(at, '\n') = 0;
    checkf(strcmp(at, want) == 0, "expected %s\n# got %s", want, at);
}

static void expect_stats(unsigned n, uint64_t mapped, uint64_t resident, uint64_t shared,
                         uint64_t faults, uint64_t loads)
{
    struct quire_process_stats s;

    quire_process_stats(&crew.process[n], &s);
    checkf(s.mapped == mapped && s.resident == resident && s.shared == shared && s.swapped == 0 &&
               s.faults == faults && s.loads == loads,
           "mapped %" PRIu64 " resident %" PRIu64 " shared %" PRIu64 " swapped %" PRIu64
           " faults %" PRIu64 " loads %" PRIu64,
           s.mapped, s.resident, s.shared, s.swapped, s.faults, s.loads);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static void test_fork(void **state)
{
    uint64_t library, heap;
    uint32_t free;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_EAGER);
    library = crew_open_library(&crew, 0, LIBRARY);
    heap = crew_map_heap(&crew, 0, PAGE);
    crew_put(&crew, 0, heap, 1);
    crew_put(&crew, 0, library + 2 * PAGE + 1000, 2);
    free = crew.machine.frames.free;
    check(crew_fork(&crew, 1, 0) == QUIRE_OK);
    check(crew.file[LIBRARY].library.users == 2 && crew.file[PROGRAM].image.users == 2);
    check(crew.machine.frames.free + 4 >= free); /* tables and records: no page was copied */
    check(crew_get(&crew, 1, heap) == 1 && crew_get(&crew, 1, library + 2 * PAGE + 1000) == 2);
    check(crew_pfn(&crew, 0, heap) == crew_pfn(&crew, 1, heap));
    crew_put(&crew, 1, heap, 3);
    crew_put(&crew, 0, heap + 1, 4);
    check(crew_pfn(&crew, 0, heap) != crew_pfn(&crew, 1, heap));
    check(crew_get(&crew, 0, heap) == 1 && crew_get(&crew, 0, heap + 1) == 4);
    check(crew_get(&crew, 1, heap) == 3 && crew_get(&crew, 1, heap + 1) == 0);

    /* The kernel's addresses are there at once, and no program's. */
    check(refusal(1, 0x7fffff, QUIRE_WRITE) == QUIRE_REFUSAL_USER);
    check(crew_pfn(&crew, 1, 0x7fffff) == 0x7ff);
    crew_exit(&crew, 0);
    crew_compare(&crew, 1, PROGRAM, IMAGE);
    check(crew_get(&crew, 1, library + 2 * PAGE + 1000) == 2 && crew_get(&crew, 1, heap) == 3);
    crew_close(&crew);
}

/* ---- the heap -------------------------------------------------------------------------------- */

static void test_heap_pages(void **state)
{
    struct quire_process *process = &crew.process[0];
    quire_va va;
    uint64_t bytes;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    check(!quire_process_heap(process, quire_va_at(0), &va, &bytes));
    check(crew_map_heap(&crew, 0, 3 * PAGE) == 0x804000);
    check(crew_map_heap(&crew, 0, 1) == 0x807000);
    check(crew_open_library(&crew, 0, LIBRARY) == 0x808000);
    check(crew_map_heap(&crew, 0, 2 * PAGE) == 0x80b000);
    crew_put(&crew, 0, 0x804000, 1);
    crew_put(&crew, 0, 0x806fff, 2);
    check(crew_get(&crew, 0, 0x805000) == 0);
    expect_parts(0, "kernel 0+800000 stack 800000+1000 image 801000+3000 heap 804000+4000 "
                    "library 808000+2000 library 80a000+1000 heap 80b000+2000");

    /* From the middle; then the gap is the first. */
    check(quire_process_unmap_heap(process, quire_va_at(0x805000), PAGE) == QUIRE_OK);
    check(quire_process_heap(process, quire_va_at(0x804800), &va, &bytes));
    check(va.at == 0x804800 && bytes == 0x800);
    check(quire_process_heap(process, quire_va_at(0x805000), &va, &bytes));
    check(va.at == 0x806000 && bytes == 2 * PAGE);
    check(refusal(0, 0x805000, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
    check(crew_map_heap(&crew, 0, 2 * PAGE) == 0x80d000);
    check(crew_map_heap(&crew, 0, PAGE) == 0x805000);
    check(crew_get(&crew, 0, 0x805000) == 0 && crew_get(&crew, 0, 0x806fff) == 2);

    /* What is no heap, or not all of it. */
    check(quire_process_unmap_heap(process, quire_va_at(0x803000), PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x803000), 2 * PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x807000), 2 * PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x80e000), 2 * PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x800000), PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0), PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x804800), PAGE) == QUIRE_INVALID);
    check(quire_process_unmap_heap(process, quire_va_at(0x804000), 0) == QUIRE_INVALID);
    check(quire_process_map_heap(process, 0, &va) == QUIRE_INVALID);
    check(quire_process_map_heap(process, UINT64_MAX, &va) == QUIRE_NO_SPACE);
    check(quire_process_map_heap(process, UINT64_C(1) << 32, &va) == QUIRE_NO_SPACE);
    check(quire_process_unmap_heap(process, quire_va_at(0x804000), 4 * PAGE) == QUIRE_OK);
    crew_close(&crew);
}

static void test_brk(void **state)
{
    struct quire_process *process = &crew.process[0];
    quire_va brk = {0};

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_EAGER);
    check(quire_process_brk(process, quire_va_at(0), &brk) == QUIRE_OK && brk.at == 0x804000);
    check(quire_process_brk(process, quire_va_at(0x804010), &brk) == QUIRE_OK);
    check(brk.at == 0x804010);
    check(crew_load(&crew, 0) == QUIRE_OK && crew_pfn(&crew, 0, 0x804000) == 0x804);
    check(quire_process_brk(process, quire_va_at(0x805000), NULL) == QUIRE_OK);
    check(refusal(0, 0x805000, QUIRE_WRITE) == QUIRE_REFUSAL_NO_REGION);
    check(quire_process_brk(process, quire_va_at(0x805001), NULL) == QUIRE_OK);
    crew_put(&crew, 0, 0x804fff, 1);
    crew_put(&crew, 0, 0x805fff, 2);

    check(crew_open_library(&crew, 0, LIBRARY) == 0x806000);
    check(quire_process_brk(process, quire_va_at(0x806000), NULL) == QUIRE_OK);
    check(quire_process_brk(process, quire_va_at(0x806001), &brk) == QUIRE_NO_SPACE);
    check(quire_process_brk(process, quire_va_at(UINT64_MAX), &brk) == QUIRE_NO_SPACE);
    check(quire_process_brk(process, quire_va_at(0x803fff), &brk) == QUIRE_INVALID);
    check(brk.at == 0x806000);
    check(quire_process_unmap_heap(process, quire_va_at(0x805000), PAGE) == QUIRE_INVALID);

    check(quire_process_brk(process, quire_va_at(0x804001), NULL) == QUIRE_OK);
    check(refusal(0, 0x805000, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
    check(crew_get(&crew, 0, 0x804fff) == 1);
    check(quire_process_brk(process, quire_va_at(0x806000), NULL) == QUIRE_OK);
    check(crew_get(&crew, 0, 0x805fff) == 0);
    check(quire_process_brk(process, quire_va_at(0x804000), &brk) == QUIRE_OK);
    check(brk.at == 0x804000);
    expect_parts(0, "kernel 0+800000 stack 800000+1000 image 801000+3000 library 806000+2000 "
                    "library 808000+1000");
    crew_close(&crew);
}

/* ---- libraries ------------------------------------------------------------------------------- */

static void test_list_of_libraries(void **state)
{
    struct quire_library again;
    struct quire_image *image;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    crew_library(&crew, OTHER_LIBRARY, "library2", PAGE, 0, false);
    check(quire_library_find(&crew.usermode, "library") == &crew.file[LIBRARY].library);
    check(quire_library_find(&crew.usermode, "library2") == &crew.file[OTHER_LIBRARY].library);
    check(quire_library_find(&crew.usermode, "librar") == NULL);
    check(quire_library_find(&crew.usermode, "") == NULL);
    image = &crew.file[LIBRARY].image;
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_EXISTS);
    image = crew_image(&crew, OTHER_PROGRAM, NULL, 10);
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_INVALID);
    image->name = "fixed";
    image->movable = false;
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_INVALID);

    /* Once in a process; closed in any order. */
    check(crew_open_library(&crew, 0, LIBRARY) == 0x804000);
    check(crew_open_library(&crew, 0, OTHER_LIBRARY) == 0x807000);
    check(crew_open_library(&crew, 0, LIBRARY) == 0x804000);
    check(quire_library_remove(&crew.file[LIBRARY].library) == QUIRE_BUSY);
    check(quire_process_close_library(&crew.process[0], &crew.file[LIBRARY].library) == QUIRE_OK);
    crew_check(&crew);
    check(crew.process[0].libraries == 1 && crew.process[0].library[0].va.at == 0x807000);
    crew_compare(&crew, 0, OTHER_LIBRARY, 0x807000);
    check(quire_library_remove(&crew.file[LIBRARY].library) == QUIRE_OK);
    check(quire_library_find(&crew.usermode, "library") == NULL);
    check(quire_library_find(&crew.usermode, "library2") != NULL);
    crew_close(&crew);
}

/* As many as there is room for in the record, and one more. */
static void test_too_many_libraries(void **state)
{
    static struct quire_image image[QUIRE_PROCESS_LIBRARIES + 1];
    static struct quire_library library[QUIRE_PROCESS_LIBRARIES + 1];
    static char name[QUIRE_PROCESS_LIBRARIES + 1][8];
    char before[2048], after[2048];

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    for (unsigned i = 0; i <= QUIRE_PROCESS_LIBRARIES; i++) {
        snprintf(name[i], sizeof(name[i]), "lib%u", i);
        check(quire_image_of_size(&image[i], name[i], &crew.file[PROGRAM].image.device, 1, PAGE) ==
              QUIRE_OK);
        check(quire_library_add(&crew.usermode, &library[i], &image[i], false) == QUIRE_OK);
        crew_draw(&crew, before, sizeof(before));
        check(quire_process_open_library(&crew.process[0], &library[i], NULL) ==
              (i < QUIRE_PROCESS_LIBRARIES ? QUIRE_OK : QUIRE_NO_SPACE));
    }
    crew_draw(&crew, after, sizeof(after));
    check(strcmp(before, after) == 0);
    crew_close(&crew);
}

static void test_images_that_cannot_be(void **state)
{
    static struct crew other;
    struct quire_process_spec spec = {"x", 1, &crew.file[PROGRAM].image, QUIRE_LOAD_DEMAND};
    struct quire_device device = {NULL, NULL};
    static struct quire_image image;

    (void)state;
    check(quire_image_of_size(&image, "", &device, 0, PAGE) == QUIRE_INVALID);
    check(quire_image_of_size(&image, "", &device, 1, 0) == QUIRE_INVALID);
    check(quire_image_of_size(&image, "", &device, 1, 4097) == QUIRE_INVALID);
    check(quire_image_of_size(&image, "", &device, QUIRE_IMAGE_BYTES + 1, PAGE) == QUIRE_INVALID);
    check(quire_image_of_parts(&image, "", &device, 0, 1, PAGE) == QUIRE_INVALID);
    check(quire_image_of_parts(&image, "", &device, 1, UINT64_MAX, PAGE) == QUIRE_INVALID);
    check(quire_image_of_size(&image, "", &device, QUIRE_IMAGE_BYTES, PAGE) == QUIRE_OK);
    check(image.bytes == QUIRE_IMAGE_BYTES);
    check(quire_image_of_parts(&image, "", &device, 4700, 1863, PAGE) == QUIRE_OK);
    check(image.segments == 2 && image.bytes == 3 * PAGE && image.size == 8192 + 604 + 1863);
    check(quire_image_fits(&image, quire_va_at(5 * PAGE)));
    check(!quire_image_fits(&image, quire_va_at(5 * PAGE + 1)));

    /* Described for other pages, or too large for the layout, or where programs may not be. */
    crew_open_seed(&crew, &quire_format_i386);
    crew_image(&crew, PROGRAM, "program", 100)->page_bytes = 8192;
    check(crew_spawn(&crew, 0, "x", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_INVALID);
    crew_image(&crew, PROGRAM, "program", 100)->bytes = UINT64_C(1) << 32;
    check(crew_spawn(&crew, 0, "x", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_OUT_OF_RANGE);
    crew_image(&crew, PROGRAM, "program", 100)->movable = false;
    check(crew_spawn(&crew, 0, "x", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_OUT_OF_RANGE);
    crew.file[PROGRAM].image.va = 0x800000;
    crew.file[PROGRAM].image.segment[0].va = 0x800000;
    check(crew_spawn(&crew, 0, "x", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_EXISTS);

    /* In use on one machine, it cannot be on another. */
    crew_image(&crew, PROGRAM, "program", 100);
    check(crew_spawn(&crew, 0, "x", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_OK);
    crew_open_seed(&other, &quire_format_i386);
    check(quire_process_spawn(&other.process[0], &other.usermode, &spec) == QUIRE_INVALID);
    crew_close(&other);
    crew_close(&crew);
}

/* Room must be as an image's alignment asks. */
/* Bytes of the file, zeros behind them, rights, in both classes and both ways of loading: a file
 * with a segment of nothing but zeros, one that can only be executed, one that nobody may use. */
static void test_elf_process(void **state)
{
    static unsigned char bytes[ELF_FILE_BYTES];
    struct quire_elf_memory memory = {bytes, sizeof(bytes)};
    struct quire_elf_rules rules = {.page_bytes = PAGE};

    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        bool wide = kind % 2 != 0;
        struct crew_setup setup = {wide ? &quire_format_x86_64 : &quire_format_i386,
                                   wide ? &quire_layout_classic_64 : &quire_layout_classic_32,
                                   4 << 20, 1 << 20, 0};
        struct elf_plan plan = elf_plan(wide ? 64 : 32, false);
        struct quire_elf_source source = {quire_elf_read_memory, &memory, plan.bytes};
        struct quire_image *image;

        plan.entry_of[plan.entries++] =
            (struct elf_entry){PT_LOAD, PF_R | PF_W, 77, 0x410000, 0, 0x2223, 0};
        plan.entry_of[plan.entries++] =
            (struct elf_entry){PT_LOAD, PF_X, 0x1100, 0x420100, 0x100, 0x100, 0};
        plan.entry_of[plan.entries++] = (struct elf_entry){PT_LOAD, 0, 0, 0x430000, 16, 16, 0};
        elf_write(&plan, bytes);
        crew_open(&crew, &setup);
        image = crew_file(&crew, PROGRAM, bytes, plan.bytes);
        check(quire_elf_parse(image, &source, &rules, NULL) == QUIRE_ELF_SOUND);
        check(crew_spawn(&crew, 0, "elf", PROGRAM,
                         kind < 2 ? QUIRE_LOAD_EAGER : QUIRE_LOAD_DEMAND) == QUIRE_OK);
        expect_stats(0, 12, kind < 2 ? 11 : 0, kind < 2 ? 4 : 0, 0, kind < 2 ? 11 : 0);
        crew_compare(&crew, 0, PROGRAM, image->va);
        check(crew.process[0].entry.at == 0x401010);
        check(refusal(0, 0x401010, QUIRE_EXECUTE) == QUIRE_REFUSAL_NONE);
        check(refusal(0, 0x401010, QUIRE_WRITE) == QUIRE_REFUSAL_WRITE);
        check(refusal(0, 0x404800, QUIRE_WRITE) == QUIRE_REFUSAL_NONE);
        check(refusal(0, 0x412222, QUIRE_WRITE) == QUIRE_REFUSAL_NONE);
        check(refusal(0, 0x413000, QUIRE_WRITE) == QUIRE_REFUSAL_NO_REGION);
        check(refusal(0, 0x420100, QUIRE_EXECUTE) == QUIRE_REFUSAL_NONE);
        check(refusal(0, 0x430000, QUIRE_READ) == QUIRE_REFUSAL_READ);
        check(refusal(0, 0x408000, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
        crew_check(&crew);
        crew_close(&crew);
    }
}

static void test_alignment(void **state)
{
    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    crew_library(&crew, OTHER_LIBRARY, "aligned", 3 * PAGE, 0, false);
    crew.file[OTHER_LIBRARY].image.align = 0x8000;
    check(crew_open_library(&crew, 0, OTHER_LIBRARY) == 0x808000);
    check(crew_open_library(&crew, 0, LIBRARY) ==
          0x804000); /* what alignment left free is not lost */
    crew_compare(&crew, 0, OTHER_LIBRARY, 0x808000);
    crew_image(&crew, OTHER_PROGRAM, "large page", PAGE)->align = 0x10000;
    check(crew_spawn(&crew, 1, "second", OTHER_PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
    check(crew.process[1].image_va.at == 0x810000 && crew.process[1].entry.at == 0x810000);
    crew_compare(&crew, 1, OTHER_PROGRAM, 0x810000);
    crew_close(&crew);
}

/* ---- layouts --------------------------------------------------------------------------------- */

/* VIRT with the kernel above: what is expected, range by range. */
static void expect_virtual(const struct quire_layout *layout, const struct crew_setup *setup)
{
    uint64_t top = setup->format == &quire_format_i386 ? UINT32_MAX : UINT64_MAX;
    uint64_t image = layout->image.at, mappings = layout->mappings.at;
    uint64_t kernel = layout->kernel.at;
    const struct {
        uint64_t first;
        enum quire_owner owner;
    } want[] = {{0, QUIRE_OWNER_NONE},
                {image, QUIRE_OWNER_PROCESS},
                {image + 2 * PAGE, QUIRE_OWNER_NONE},
                {mappings, QUIRE_OWNER_LIBRARY},
                {mappings + 3 * PAGE, QUIRE_OWNER_NONE},
                {layout->stack.at, QUIRE_OWNER_PROCESS},
                {layout->stack.at + PAGE, QUIRE_OWNER_NONE},
                {kernel, QUIRE_OWNER_KERNEL},
                {kernel + layout->kernel_bytes, QUIRE_OWNER_NONE}};
    enum { RANGES = sizeof(want) / sizeof(want[0]) };
    struct quire_range range = {0};
    unsigned n = 0;

    for (; quire_process_virtual(&crew.process[0], &range); n++) {
        check(n < RANGES && range.first == want[n].first && range.owner == want[n].owner);
        check(range.last == (n + 1 < RANGES ? want[n + 1].first - 1 : top));
    }
    check(n == RANGES);
}

/* A simulator's kernel needs no addresses: what is below the users is nobody's, and not there. */
static void test_no_kernel_addresses(void **state)
{
    struct quire_layout layout = quire_layout_seed;
    struct crew_setup setup = {&quire_format_i386, &layout, 4 << 20, 1 << 20, 0};
    struct quire_range range = {0};

    (void)state;
    layout.kernel_bytes = 0;
    layout.last.at = 0x80ffff;
    layout.stack.at = 0x80f000;
    layout.heap.at = 0x808000;
    crew_open(&crew, &setup);
    crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
    check(crew_spawn(&crew, 0, "first", PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
    check(refusal(0, 0x7fffff, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
    check(quire_process_virtual(&crew.process[0], &range));
    check(range.owner == QUIRE_OWNER_NONE && range.last == 0x800fff);
    check(quire_process_brk(&crew.process[0], quire_va_at(0x808001), NULL) == QUIRE_OK);
    check(crew_load(&crew, 0) == QUIRE_OK && crew_pfn(&crew, 0, 0x808000) != QUIRE_NONE);

    /* Not one page is left when a process wants its first. */
    check(crew_spawn(&crew, 1, "second", PROGRAM, QUIRE_LOAD_DEMAND) == QUIRE_OK);
    check(crew_map_heap(&crew, 1, 11 * PAGE) == 0x804000);
    expect_parts(1, "image 801000+3000 heap 804000+b000 stack 80f000+1000");
    check(quire_process_brk(&crew.process[1], quire_va_at(0), NULL) == QUIRE_NO_SPACE);
    check(crew.process[1].heap.at == 0);
    crew_close(&crew);
}

static void test_classic_layout(void **state)
{
    static const struct crew_setup setups[] = {
        {&quire_format_i386, &quire_layout_classic_32, 4 << 20, 1 << 20, 0},
        {&quire_format_x86_64, &quire_layout_classic_64, 4 << 20, 1 << 20, 0}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct quire_layout *layout = setups[i].layout;
        uint64_t end = layout->stack.at + layout->stack_bytes;
        uint64_t lowest = end - layout->stack_limit;
        uint64_t room = lowest - PAGE - layout->mappings.at;
        quire_va brk, va;

        crew_open(&crew, &setups[i]);
        crew_image(&crew, PROGRAM, "program", 5673);
        crew_library(&crew, LIBRARY, "library", 4700, 1863, false);
        check(crew_spawn(&crew, 0, "first", PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
        check(crew.process[0].image_va.at == layout->image.at);
        crew_compare(&crew, 0, PROGRAM, layout->image.at);
        check(crew_open_library(&crew, 0, LIBRARY) == layout->mappings.at);
        check(quire_process_brk(&crew.process[0], quire_va_at(0), &brk) == QUIRE_OK);
        check(brk.at == layout->image.at + 2 * PAGE);
        check(refusal(0, 0, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
        check(refusal(0, layout->kernel.at, QUIRE_READ) == QUIRE_REFUSAL_USER);
        check(crew_pfn(&crew, 0, layout->kernel.at + 5 * PAGE) == 5);

        /* All that is left to the stack's room; then the stack can still have all of that. */
        room -= 3 * PAGE;
        expect_virtual(layout, &setups[i]);
        check(quire_process_map_heap(&crew.process[0], room + 1, &va) == QUIRE_NO_SPACE);
        check(quire_process_map_heap(&crew.process[0], room, &va) == QUIRE_OK);
        check(va.at == layout->mappings.at + 3 * PAGE);
        crew.process[0].owes = false; /* it would not fit into memory */
        crew_put(&crew, 0, layout->stack.at, 1);
        crew_put(&crew, 0, lowest + 100 * PAGE, 2);
        check(refusal(0, lowest - 1, QUIRE_WRITE) == QUIRE_REFUSAL_STACK);
        crew_put(&crew, 0, lowest, 3);
        check(refusal(0, lowest - 1, QUIRE_WRITE) == QUIRE_REFUSAL_STACK);
        check(quire_process_brk(&crew.process[0], quire_va_at(layout->mappings.at + 1), NULL) ==
              QUIRE_NO_SPACE);
        crew_close(&crew);
    }
}

static void refuse_layout(const struct quire_layout *layout, enum quire_status want, int line)
{
    struct quire_usermode usermode;
    enum quire_status got =
        quire_usermode_init(&usermode, &crew.machine.system, crew.usermode.format, layout);

    checkf(got == want, "line %d: expected \"%s\", got \"%s\"", line, quire_status_text(want),
           quire_status_text(got));
}

#define REFUSE(want, ...) \
    do { \
        struct quire_layout l = quire_layout_seed; \
        __VA_ARGS__; \
        refuse_layout(&l, want, __LINE__); \
    } while (0)

static void test_layouts_that_cannot_be(void **state)
{
    (void)state;
    crew_open_seed(&crew, &quire_format_i386);
    REFUSE(QUIRE_OK, (void)l);
    REFUSE(QUIRE_OK, l.kernel_bytes = 0);
    REFUSE(QUIRE_OK, l.kernel.at = 0x400000, l.kernel_bytes = 0x400000);
    REFUSE(QUIRE_INVALID, l.kernel_bytes = 0x800800);
    REFUSE(QUIRE_INVALID, l.kernel_bytes = 0x801000);
    REFUSE(QUIRE_INVALID, l.kernel_pa.at = 1);
    REFUSE(QUIRE_INVALID, l.users.at = 0x800800);
    REFUSE(QUIRE_INVALID, l.users.at = 0x801000);
    REFUSE(QUIRE_INVALID, l.last.at = 0xfffffffe);
    REFUSE(QUIRE_INVALID, l.last.at = 0x7fffff);
    REFUSE(QUIRE_INVALID, l.last.at = 0x800fff);
    REFUSE(QUIRE_INVALID, l.image.at = 0x7ff000);
    REFUSE(QUIRE_INVALID, l.image.at = 0x801001);
    REFUSE(QUIRE_INVALID, l.stack.at = 0x7ff000);
    REFUSE(QUIRE_INVALID, l.stack_bytes = 0);
    REFUSE(QUIRE_INVALID, l.stack_bytes = 0, l.stack.at = 0x900000);
    REFUSE(QUIRE_INVALID, l.stack_bytes = 100);
    REFUSE(QUIRE_INVALID, l.stack_bytes = UINT64_MAX - 0xfff);
    REFUSE(QUIRE_INVALID, l.stack_limit = 0x1800);
    REFUSE(QUIRE_INVALID, l.last.at = 0x8fffff, l.stack.at = 0x8ff000, l.stack_bytes = 0x2000);
    REFUSE(QUIRE_INVALID, l.heap.at = 0x7ff000);
    REFUSE(QUIRE_INVALID, l.mappings.at = 0x7ff000);
    REFUSE(QUIRE_OUT_OF_RANGE, l.last.at = UINT64_C(0x1ffffffff));
    REFUSE(QUIRE_OUT_OF_RANGE, l.kernel.at = UINT64_C(0x100000000));
    crew_close(&crew);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void test_statistics(void **state)
{
    uint64_t library;
    quire_va va = {0};
    quire_pfn pfn;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_EAGER);
    expect_stats(0, 4, 4, 0, 0, 4);
    library = crew_open_library(&crew, 0, LIBRARY);
    expect_stats(0, 7, 7, 3, 0, 7);
    crew_put(&crew, 0, library + 2 * PAGE + 700, 1);
    expect_stats(0, 7, 7, 2, 1, 7);
    check(crew_fork(&crew, 1, 0) == QUIRE_OK);
    expect_stats(0, 7, 7, 7, 1, 7);
    expect_stats(1, 7, 7, 7, 0, 0);
    crew_put(&crew, 1, 0x800000, 1);
    expect_stats(0, 7, 7, 6, 1, 7);
    expect_stats(1, 7, 7, 6, 1, 0);
    check(quire_space_working_set(&crew.process[1].space) == 1);

    /* The image's pages, one by one; the second process's are the first one's as yet. */
    for (uint32_t i = 0; i < 3; i++) {
        check(quire_process_physical(&crew.process[1], va, &va, &pfn));
        check(va.at == IMAGE + i * PAGE && pfn.n == 0x801 + i);
        va.at += PAGE;
    }
    check(!quire_process_physical(&crew.process[1], va, &va, &pfn));
    crew_close(&crew);

    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    check(!quire_process_physical(&crew.process[0], quire_va_at(0), &va, &pfn));
    crew_put(&crew, 0, IMAGE + PAGE, 1);
    check(crew_get(&crew, 0, IMAGE + 2 * PAGE) == crew.file[PROGRAM].bytes[2 * PAGE]);
    check(quire_process_physical(&crew.process[0], quire_va_at(0), &va, &pfn));
    check(va.at == IMAGE + PAGE && pfn.n == 0x800);
    check(quire_process_physical(&crew.process[0], quire_va_at(va.at + 1), &va, &pfn));
    check(va.at == IMAGE + PAGE);
    check(quire_process_physical(&crew.process[0], quire_va_at(va.at + PAGE), &va, &pfn));
    check(va.at == IMAGE + 2 * PAGE && pfn.n == 0x801);
    crew_close(&crew);
}

/* Names of ranges that the seed's pictures do not show. */
static void test_owners(void **state)
{
    struct quire_region_spec screen = {.va = {0xa00000},
                                       .bytes = 2 * PAGE,
                                       .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER,
                                       .offset = 0xb8000,
                                       .sharing = QUIRE_FIXED};
    struct quire_object object;
    struct quire_region_spec spec = {.va = {0x900000},
                                     .bytes = PAGE,
                                     .prot = QUIRE_READ | QUIRE_USER,
                                     .object = &object,
                                     .sharing = QUIRE_SHARED};
    struct quire_range range = {0};
    bool image = false, other = false;
    quire_va va;
    uint64_t bytes;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    check(quire_object_create(&object, &crew.machine.system, NULL, PAGE) == QUIRE_OK);
    check(quire_space_map(&crew.process[0].space, &spec) == QUIRE_OK);
    crew_get(&crew, 0, IMAGE);
    crew_get(&crew, 0, 0x900000);
    while (quire_usermode_physical(&crew.usermode, &range)) {
        image = image || (range.owner == QUIRE_OWNER_IMAGE && range.first == 0x800000 &&
                          strcmp(quire_range_name(&range), "program") == 0);
        other = other || (range.owner == QUIRE_OWNER_OTHER && range.first == 0x801000 &&
                          range.last == 0x801fff);
    }
    check(image && other);
    check(quire_process_part(&crew.process[0], quire_va_at(0x804000), &va, &bytes) ==
          QUIRE_PART_OTHER);
    check(va.at == 0x900000 && bytes == PAGE);

    /* A piece of memory that is shown to the program, and goes with it. */
    check(quire_space_map(&crew.process[0].space, &screen) == QUIRE_OK);
    check(quire_process_part(&crew.process[0], quire_va_at(0x901000), &va, &bytes) ==
          QUIRE_PART_OTHER);
    check(va.at == 0xa00000 && bytes == 2 * PAGE);
    crew_put(&crew, 0, 0xa00123, 77);
    check(crew.machine.ram[0xb8123] == 77);
    crew_exit(&crew, 0);
    quire_object_destroy(&object);
    crew_close(&crew);
}

/* ---- the last words -------------------------------------------------------------------------- */

static void test_list_of_processes(void **state)
{
    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    for (unsigned n = 1; n < 4; n++) {
        check(crew_fork(&crew, n, n - 1) == QUIRE_OK);
    }
    quire_process_switch(&crew.process[2]);
    check(crew.usermode.running == &crew.process[2]);
    check(machine_runs(&crew.machine, &crew.process[2].space));
    crew_exit(&crew, 2);
    check(crew.usermode.running == NULL);
    quire_process_switch(&crew.process[1]);
    crew_exit(&crew, 0);
    crew_exit(&crew, 3);
    check(crew.usermode.processes == &crew.process[1]);
    check(crew.usermode.running == &crew.process[1]);
    check(crew_fork(&crew, 0, 1) == QUIRE_OK);
    check(crew.usermode.youngest == &crew.process[0]);
    crew_compare(&crew, 0, PROGRAM, IMAGE);
    crew_close(&crew);
}

/* A machine that does not promise more than it has counts only where pages can be. */
static void test_strict_commit(void **state)
{
    struct quire_process *process = &crew.process[0];
    quire_va va;

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_DEMAND);
    crew.machine.system.commit = QUIRE_COMMIT_STRICT;
    check(crew.machine.system.commit_limit == (16 - 8) * 256);
    check(quire_process_map_heap(process, (UINT64_C(8) << 20) - 3 * PAGE, &va) == QUIRE_NO_SPACE);
    check(quire_process_map_heap(process, (UINT64_C(8) << 20) - 4 * PAGE, &va) == QUIRE_OK);
    check(crew_fork(&crew, 1, 0) == QUIRE_NO_SPACE);
    check(quire_process_brk(process, quire_va_at(va.at + (UINT64_C(9) << 20)), NULL) ==
          QUIRE_NO_SPACE);
    crew_close(&crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_heap_pages),
        cmocka_unit_test(test_brk),
        cmocka_unit_test(test_list_of_libraries),
        cmocka_unit_test(test_too_many_libraries),
        cmocka_unit_test(test_images_that_cannot_be),
        cmocka_unit_test(test_elf_process),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_classic_layout),
        cmocka_unit_test(test_no_kernel_addresses),
        cmocka_unit_test(test_layouts_that_cannot_be),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_list_of_processes),
        cmocka_unit_test(test_strict_commit),
    };

    return unit_run(tests);
}
