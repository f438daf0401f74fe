/*
 * Processes: forks, heaps, libraries, layouts; and every way in which their making can fail or be
 * late, one after the other: nothing may be half done, and nothing lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, IMAGE = 0x801000 };
enum { PROGRAM, LIBRARY, OTHER_LIBRARY, NEW_PROGRAM };

static struct crew crew;

/* A process of three pages of image, with heap above it; the library is known, not mapped. */
static void open_usual(enum quire_loading loading)
{
    crew_open_seed(&crew, &quire_format_i386);
    crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
    crew_library(&crew, LIBRARY, "library", 4700, 1863, false);
    check(crew_spawn(&crew, 0, "first", PROGRAM, loading) == QUIRE_OK);
}

static uint64_t open_library(unsigned n, unsigned file)
{
    quire_va va = {0};

    check(quire_process_open_library(&crew.process[n], &crew.file[file].library, &va) == QUIRE_OK);
    check(crew_load(&crew, n) == QUIRE_OK);
    return va.at;
}

static uint64_t map_heap(unsigned n, uint64_t bytes)
{
    quire_va va = {0};

    check(quire_process_map_heap(&crew.process[n], bytes, &va) == QUIRE_OK);
    crew_check(&crew);
    return va.at;
}

static enum quire_refusal refusal(unsigned n, uint64_t va, unsigned access)
{
    struct machine_trap trap = {.refusal = QUIRE_REFUSAL_NONE};
    uint8_t byte = 0;

    check(crew_access(&crew, n, va, access, &byte, 1, &trap) != MACHINE_FAILED);
    return trap.refusal;
}

static enum quire_status fork(unsigned child, unsigned parent)
{
    enum quire_status status = quire_process_fork(&crew.process[child], &crew.process[parent],
                                                  "child", (uint16_t)(child + 1));
    crew.alive[child] = status == QUIRE_OK;
    crew_check(&crew);
    return status;
}

/* What is where in all processes, and how much memory is free. */
static void draw(char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "%u free, %" PRIu64 " committed\n",
                                 crew.machine.frames.free, crew.machine.system.committed);

    for (const struct quire_process *p = crew.usermode.processes; p != NULL; p = p->next) {
        enum quire_part part;
        quire_va va = {0};
        uint64_t bytes = 0;

        at += (size_t)snprintf(text + at, size - at, "%s brk %" PRIx64 "-%" PRIx64 ":", p->name,
                               p->heap.at, p->brk.at);
        while ((part = quire_process_part(p, quire_va_at(va.at + bytes), &va, &bytes)) !=
               QUIRE_PART_NOTHING) {
            at += (size_t)snprintf(text + at, size - at, " %s %" PRIx64 "+%" PRIx64,
                                   quire_part_text(part), va.at, bytes);
        }
        at += (size_t)snprintf(text + at, size - at, "\n");
        check(at < size);
    }
}

static void expect_parts(unsigned n, const char *want)
{
    char text[1024], *at;

    draw(text, sizeof(text));
    at = strchr(text, '\n') + 1;
    while (n-- != 0) {
        at = strchr(at, '\n') + 1;
    }
    at = strchr(at, ':') + 2;
    *strchr(at, '\n') = 0;
    checkf(strcmp(at, want) == 0, "expected %s\n# got %s", want, at);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static void test_fork(void **state)
{
    uint64_t library, heap;
    uint32_t free;

    (void)state;
    open_usual(QUIRE_LOAD_EAGER);
    library = open_library(0, LIBRARY);
    heap = map_heap(0, PAGE);
    crew_put(&crew, 0, heap, 1);
    crew_put(&crew, 0, library + 2 * PAGE + 1000, 2);
    free = crew.machine.frames.free;
    check(fork(1, 0) == QUIRE_OK);
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
    open_usual(QUIRE_LOAD_DEMAND);
    check(!quire_process_heap(process, quire_va_at(0), &va, &bytes));
    check(map_heap(0, 3 * PAGE) == 0x804000);
    check(map_heap(0, 1) == 0x807000);
    check(open_library(0, LIBRARY) == 0x808000);
    check(map_heap(0, 2 * PAGE) == 0x80b000);
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
    check(map_heap(0, 2 * PAGE) == 0x80d000);
    check(map_heap(0, PAGE) == 0x805000);
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
    open_usual(QUIRE_LOAD_EAGER);
    check(quire_process_brk(process, quire_va_at(0), &brk) == QUIRE_OK && brk.at == 0x804000);
    check(quire_process_brk(process, quire_va_at(0x804010), &brk) == QUIRE_OK);
    check(brk.at == 0x804010);
    check(crew_load(&crew, 0) == QUIRE_OK && crew_pfn(&crew, 0, 0x804000) == 0x804);
    check(quire_process_brk(process, quire_va_at(0x805000), NULL) == QUIRE_OK);
    check(refusal(0, 0x805000, QUIRE_WRITE) == QUIRE_REFUSAL_NO_REGION);
    check(quire_process_brk(process, quire_va_at(0x805001), NULL) == QUIRE_OK);
    crew_put(&crew, 0, 0x804fff, 1);
    crew_put(&crew, 0, 0x805fff, 2);

    check(open_library(0, LIBRARY) == 0x806000);
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
    open_usual(QUIRE_LOAD_DEMAND);
    crew_library(&crew, OTHER_LIBRARY, "library2", PAGE, 0, false);
    check(quire_library_find(&crew.usermode, "library") == &crew.file[LIBRARY].library);
    check(quire_library_find(&crew.usermode, "library2") == &crew.file[OTHER_LIBRARY].library);
    check(quire_library_find(&crew.usermode, "librar") == NULL);
    check(quire_library_find(&crew.usermode, "") == NULL);
    image = &crew.file[LIBRARY].image;
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_EXISTS);
    image = crew_image(&crew, NEW_PROGRAM, NULL, 10);
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_INVALID);
    image->name = "fixed";
    image->movable = false;
    check(quire_library_add(&crew.usermode, &again, image, false) == QUIRE_INVALID);

    /* Once in a process; closed in any order. */
    check(open_library(0, LIBRARY) == 0x804000);
    check(open_library(0, OTHER_LIBRARY) == 0x807000);
    check(open_library(0, LIBRARY) == 0x804000);
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
    open_usual(QUIRE_LOAD_DEMAND);
    for (unsigned i = 0; i <= QUIRE_PROCESS_LIBRARIES; i++) {
        snprintf(name[i], sizeof(name[i]), "lib%u", i);
        check(quire_image_of_size(&image[i], name[i], &crew.file[PROGRAM].image.device, 1, PAGE) ==
              QUIRE_OK);
        check(quire_library_add(&crew.usermode, &library[i], &image[i], false) == QUIRE_OK);
        draw(before, sizeof(before));
        check(quire_process_open_library(&crew.process[0], &library[i], NULL) ==
              (i < QUIRE_PROCESS_LIBRARIES ? QUIRE_OK : QUIRE_NO_SPACE));
    }
    draw(after, sizeof(after));
    check(strcmp(before, after) == 0);
    crew_close(&crew);
}

static void test_images_that_cannot_be(void **state)
{
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
    crew_close(&crew);
}

/* Room must be as an image's alignment asks. */
static void test_alignment(void **state)
{
    (void)state;
    open_usual(QUIRE_LOAD_DEMAND);
    crew_library(&crew, OTHER_LIBRARY, "aligned", 3 * PAGE, 0, false);
    crew.file[OTHER_LIBRARY].image.align = 0x8000;
    check(open_library(0, OTHER_LIBRARY) == 0x808000);
    check(open_library(0, LIBRARY) == 0x804000); /* what alignment left free is not lost */
    crew_compare(&crew, 0, OTHER_LIBRARY, 0x808000);
    crew_close(&crew);
}

/* ---- layouts --------------------------------------------------------------------------------- */

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
        check(open_library(0, LIBRARY) == layout->mappings.at);
        check(quire_process_brk(&crew.process[0], quire_va_at(0), &brk) == QUIRE_OK);
        check(brk.at == layout->image.at + 2 * PAGE);
        check(refusal(0, 0, QUIRE_READ) == QUIRE_REFUSAL_NO_REGION);
        check(refusal(0, layout->kernel.at, QUIRE_READ) == QUIRE_REFUSAL_USER);
        check(crew_pfn(&crew, 0, layout->kernel.at + 5 * PAGE) == 5);

        /* All that is left to the stack's room; then the stack can still have all of that. */
        room -= 3 * PAGE;
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

static void test_statistics(void **state)
{
    uint64_t library;
    quire_va va = {0};
    quire_pfn pfn;

    (void)state;
    open_usual(QUIRE_LOAD_EAGER);
    expect_stats(0, 4, 4, 0, 0, 4);
    library = open_library(0, LIBRARY);
    expect_stats(0, 7, 7, 3, 0, 7);
    crew_put(&crew, 0, library + 2 * PAGE + 700, 1);
    expect_stats(0, 7, 7, 2, 1, 7);
    check(fork(1, 0) == QUIRE_OK);
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

    open_usual(QUIRE_LOAD_DEMAND);
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
    open_usual(QUIRE_LOAD_DEMAND);
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
    crew_exit(&crew, 0);
    quire_object_destroy(&object);
    crew_close(&crew);
}

/* ---- everything that can fail ---------------------------------------------------------------- */

static enum quire_status spawn(unsigned file)
{
    struct quire_process_spec spec = {"second", 2, &crew.file[file].image, QUIRE_LOAD_DEMAND};
    enum quire_status status = quire_process_spawn(&crew.process[1], &crew.usermode, &spec);

    crew.alive[1] = status == QUIRE_OK;
    return status;
}

static enum quire_status do_spawn(void)
{
    return spawn(PROGRAM);
}

static enum quire_status do_spawn_new(void)
{
    return spawn(NEW_PROGRAM);
}

static enum quire_status do_fork(void)
{
    return fork(1, 0);
}

static enum quire_status do_open(void)
{
    return quire_process_open_library(&crew.process[0], &crew.file[LIBRARY].library, NULL);
}

static enum quire_status do_map_heap(void)
{
    quire_va va;

    return quire_process_map_heap(&crew.process[0], 2 * PAGE, &va);
}

static enum quire_status do_brk(void)
{
    return quire_process_brk(&crew.process[0], quire_va_at(0x806000), NULL);
}

/* Two records for the ends that are left over. */
static enum quire_status do_unmap_heap(void)
{
    return quire_process_unmap_heap(&crew.process[0], quire_va_at(0x805000), PAGE);
}

static enum quire_status do_brk_back(void)
{
    return quire_process_brk(&crew.process[0], quire_va_at(0x805000), NULL);
}

static void nothing(void)
{
}

static void heap_of_three(void)
{
    check(map_heap(0, 3 * PAGE) == 0x804000);
}

static void new_program(void)
{
    crew_parts(&crew, NEW_PROGRAM, "new", 2 * PAGE, 1);
}

static void some_more(void)
{
    open_library(0, LIBRARY);
    crew_put(&crew, 0, map_heap(0, PAGE), 1);
}

static void brk_of_three(void)
{
    check(quire_process_brk(&crew.process[0], quire_va_at(0x807000), NULL) == QUIRE_OK);
}

static const struct {
    const char *name;
    void (*before)(void);
    enum quire_status (*run)(void);
    unsigned frames; /* allocations that it takes at least, where records have no room */
} operations[] = {
    {"spawn", nothing, do_spawn, 2},
    {"spawn of a new image", new_program, do_spawn_new, 4},
    {"fork", some_more, do_fork, 3},
    {"open a library", nothing, do_open, 2},
    {"map heap pages", nothing, do_map_heap, 0},
    {"grow the heap", nothing, do_brk, 0},
    {"unmap heap pages", heap_of_three, do_unmap_heap, 0},
    {"shrink the heap", brk_of_three, do_brk_back, 0},
};

/* Regions until the block that holds their records is full: the next needs a frame. */
static void fill_block(void)
{
    static const unsigned prot[] = {QUIRE_READ | QUIRE_USER, QUIRE_READ | QUIRE_WRITE | QUIRE_USER};
    struct quire_region_spec spec = {.bytes = PAGE};

    for (unsigned i = 0; crew.machine.system.region_slab != NULL; i++) {
        spec.va.at = 0x1000000 + (uint64_t)i * PAGE;
        spec.prot = prot[i % 2];
        check(quire_space_map(&crew.process[0].space, &spec) == QUIRE_OK);
    }
}

/* Refuses the n-th frame and all after it, then lets it succeed. True: it had not got so far. */
static bool refuse_nth(unsigned operation, unsigned n, bool full)
{
    char before[8192], after[8192];
    enum quire_status status;

    open_usual(QUIRE_LOAD_EAGER);
    operations[operation].before();
    if (full) {
        fill_block();
    }
    draw(before, sizeof(before));
    crew.machine.faults.frame = (struct mishap){.in = n, .every = 1};
    status = operations[operation].run();
    crew.machine.faults.frame = (struct mishap){0};
    crew_check(&crew);
    draw(after, sizeof(after));
    if (status != QUIRE_OK) {
        checkf(status == QUIRE_NO_MEMORY && strcmp(before, after) == 0,
               "%s, frame %u: %s, before\n%safter\n%s", operations[operation].name, n,
               quire_status_text(status), before, after);
        check(operations[operation].run() == QUIRE_OK);
        crew_check(&crew);
    }
    crew_compare(&crew, 0, PROGRAM, IMAGE);
    if (crew.alive[1]) {
        crew_compare(&crew, 1, operations[operation].run == do_spawn_new ? NEW_PROGRAM : PROGRAM,
                     IMAGE);
    }
    crew_close(&crew);
    return status == QUIRE_OK;
}

static void test_nth_frame_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        for (unsigned full = 0; full < 2; full++) {
            unsigned n = 1;

            while (!refuse_nth(i, n, full)) {
                n++;
                check(n < 50);
            }
            checkf(n > operations[i].frames + full, "%s: %u frames", operations[i].name, n - 1);
        }
    }
}

/* While pages are loaded, frames can be had by evicting other pages: none is lost. */
static void test_nth_frame_refused_while_loading(void **state)
{
    enum quire_status status = QUIRE_NO_MEMORY;

    (void)state;
    for (unsigned n = 1; status != QUIRE_OK; n++) {
        struct crew_setup setup = {&quire_format_i386, &quire_layout_seed, 16 << 20, 8 << 20,
                                   1 << 20};
        struct quire_process_spec spec = {"first", 1, &crew.file[PROGRAM].image, QUIRE_LOAD_EAGER};
        struct quire_request request = {.ready = NULL};

        check(n < 50);
        crew_open(&crew, &setup);
        crew_image(&crew, PROGRAM, "program", 5 * PAGE);
        check(quire_process_spawn(&crew.process[0], &crew.usermode, &spec) == QUIRE_OK);
        crew.alive[0] = true;
        crew.machine.faults.frame = (struct mishap){.in = n, .every = 1};
        status = quire_process_load(&crew.process[0], &request);
        crew.machine.faults.frame = (struct mishap){0};
        crew_check(&crew);
        check(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        check(crew_load(&crew, 0) == QUIRE_OK);
        crew_compare(&crew, 0, PROGRAM, IMAGE);
        check(crew_get(&crew, 0, 0x800000) == 0);
        crew_close(&crew);
    }
}

static void test_nth_transfer_failed(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 7; n++) {
        enum quire_status status;

        crew_open_seed(&crew, &quire_format_i386);
        crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
        crew_library(&crew, LIBRARY, "library", 4700, 1863, false);
        crew.fail.in = n;
        status = crew_spawn(&crew, 0, "first", PROGRAM, QUIRE_LOAD_EAGER);
        check(status == (n <= 3 ? QUIRE_IO_ERROR : QUIRE_OK));
        check(crew_load(&crew, 0) == QUIRE_OK);
        check(quire_process_open_library(&crew.process[0], &crew.file[LIBRARY].library, NULL) ==
              QUIRE_OK);
        status = crew_load(&crew, 0);
        check(status == (n > 3 && n <= 6 ? QUIRE_IO_ERROR : QUIRE_OK));
        if (status != QUIRE_OK && n % 2 == 0) {
            crew_exit(&crew, 0); /* or it does not want to try again */
        } else {
            check(crew_load(&crew, 0) == QUIRE_OK);
            crew_compare(&crew, 0, PROGRAM, IMAGE);
            crew_compare(&crew, 0, LIBRARY, 0x804000);
        }
        crew_close(&crew);
    }
}

/* ---- everything that can be late ------------------------------------------------------------- */

static unsigned ready_calls;

static void ready(struct quire_request *request)
{
    (void)request;
    ready_calls++;
}

/* One step of loading that has to wait; then it fails, or not. */
static enum quire_status late_step(unsigned n, struct quire_request *request,
                                   enum quire_status outcome)
{
    check(quire_process_load(&crew.process[n], request) == QUIRE_PENDING);
    crew_check(&crew);
    crew_deliver(&crew, outcome);
    return quire_space_resume(request);
}

static void test_late_pages(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails <= 3; fails++) {
        struct quire_process_spec spec = {"first", 1, &crew.file[PROGRAM].image, QUIRE_LOAD_EAGER};
        struct quire_request request = {.ready = ready};

        crew_open_seed(&crew, &quire_format_i386);
        crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
        crew.hold = true;
        ready_calls = 0;
        check(quire_process_spawn(&crew.process[0], &crew.usermode, &spec) == QUIRE_OK);
        crew.alive[0] = true;
        for (unsigned page = 1; page <= 3; page++) {
            if (page == fails) {
                check(late_step(0, &request, QUIRE_IO_ERROR) == QUIRE_IO_ERROR);
                crew_check(&crew);
            }
            check(late_step(0, &request, QUIRE_OK) == QUIRE_OK);
            check(crew_pfn(&crew, 0, IMAGE + (page - 1) * PAGE) == 0x800 + page);
        }
        check(quire_process_load(&crew.process[0], &request) == QUIRE_OK);
        check(ready_calls == 3 + (fails != 0));
        crew.hold = false;
        crew_compare(&crew, 0, PROGRAM, IMAGE);
        crew_close(&crew);
    }
}

/* A page of a library is on its way for one process; another wants it, or wants to go. */
static void test_late_library(void **state)
{
    struct quire_request first = {.ready = ready}, second = {.ready = ready};
    struct quire_library *library = &crew.file[LIBRARY].library;
    char before[1024], after[1024];

    (void)state;
    open_usual(QUIRE_LOAD_EAGER);
    check(crew_spawn(&crew, 1, "second", PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
    crew.hold = true;
    check(quire_process_open_library(&crew.process[0], library, NULL) == QUIRE_OK);
    check(quire_process_open_library(&crew.process[1], library, NULL) == QUIRE_OK);
    check(quire_process_load(&crew.process[0], &first) == QUIRE_PENDING);
    check(quire_process_load(&crew.process[1], &second) == QUIRE_BUSY);
    draw(before, sizeof(before));
    check(quire_process_exit(&crew.process[1]) == QUIRE_BUSY);
    check(quire_process_close_library(&crew.process[1], library) == QUIRE_BUSY);
    crew_check(&crew);
    draw(after, sizeof(after));
    check(strcmp(before, after) == 0 && library->users == 2);

    crew_deliver(&crew, QUIRE_OK);
    check(quire_space_resume(&first) == QUIRE_OK);
    check(quire_process_load(&crew.process[1], &second) == QUIRE_PENDING); /* the second page */
    check(quire_process_load(&crew.process[0], &first) == QUIRE_BUSY);
    crew_deliver(&crew, QUIRE_OK);
    check(quire_space_resume(&second) == QUIRE_OK);
    crew.hold = false;
    check(crew_load(&crew, 0) == QUIRE_OK && crew_load(&crew, 1) == QUIRE_OK);
    check(crew.file[LIBRARY].reads == 3);
    crew_exit(&crew, 0);
    crew_compare(&crew, 1, LIBRARY, 0x804000);
    crew_close(&crew);
}

/* ---- the last words -------------------------------------------------------------------------- */

static void test_list_of_processes(void **state)
{
    (void)state;
    open_usual(QUIRE_LOAD_DEMAND);
    for (unsigned n = 1; n < 4; n++) {
        check(fork(n, n - 1) == QUIRE_OK);
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
    check(fork(0, 1) == QUIRE_OK);
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
    open_usual(QUIRE_LOAD_DEMAND);
    crew.machine.system.commit = QUIRE_COMMIT_STRICT;
    check(crew.machine.system.commit_limit == (16 - 8) * 256);
    check(quire_process_map_heap(process, (UINT64_C(8) << 20) - 3 * PAGE, &va) == QUIRE_NO_SPACE);
    check(quire_process_map_heap(process, (UINT64_C(8) << 20) - 4 * PAGE, &va) == QUIRE_OK);
    check(fork(1, 0) == QUIRE_NO_SPACE);
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
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_classic_layout),
        cmocka_unit_test(test_layouts_that_cannot_be),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_nth_frame_refused),
        cmocka_unit_test(test_nth_frame_refused_while_loading),
        cmocka_unit_test(test_nth_transfer_failed),
        cmocka_unit_test(test_late_pages),
        cmocka_unit_test(test_late_library),
        cmocka_unit_test(test_list_of_processes),
        cmocka_unit_test(test_strict_commit),
    };

    return unit_run(tests);
}
