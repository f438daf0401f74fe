/*
 * Processes that do what they like on a machine with too little memory: spawn, fork, exit, open and
 * close libraries, grow and shrink heaps, read and write anywhere; while frames are refused and
 * transfers fail now and then. Beside them a flat model of every byte that each process should see,
 * which knows nothing of paging.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, BASE = 0x800000, PAGES = 48, PROCESSES = 6, STEPS = 1500 * EFFORT };
enum { PROGRAMS = 2, LIBRARIES = 2, STACK = BASE, IMAGE = BASE + PAGE };
enum { USER_FRAMES = 28 };

/* What the page is to the process: nothing there, not writable, writable. */
enum access { NOTHING, READ_ONLY, WRITABLE };

struct model {
    unsigned program;
    uint64_t library[LIBRARIES]; /* where; 0: not mapped */
    uint64_t brk;                /* pages; 0: not begun */
    uint64_t heap;               /* first page of brk's piece */
    uint8_t access[PAGES];
    bool pages[PAGES]; /* heap pages that are not brk's */
    uint8_t bytes[PAGES * PAGE];
};

static struct crew crew;
static struct model model[PROCESSES];
static struct prng prng;
static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};

/* The seed's, cut short. */
static struct quire_layout layout;

struct counts {
    uint64_t done, refused, killed, forks, opened, heap, checked;
};
static struct counts count;

/* Nothing may go wrong but for these; and then nothing has changed. */
static bool failed(enum quire_status status)
{
    if (status == QUIRE_OK) {
        count.done++;
        return false;
    }
    checkf(status == QUIRE_NO_MEMORY || status == QUIRE_NO_SPACE || status == QUIRE_IO_ERROR, "%s",
           quire_status_text(status));
    count.refused++;
    return true;
}

/* The lowest page from the image's end on where so many are free; PAGES: none. */
static unsigned first_gap(const struct model *m, unsigned pages)
{
    unsigned from = (IMAGE - BASE) / PAGE + (unsigned)(crew.file[m->program].image.bytes / PAGE);

    for (unsigned at = from; at + pages <= PAGES; at++) {
        unsigned free = 0;
        while (free < pages && m->access[at + free] == NOTHING) {
            free++;
        }
        if (free == pages) {
            return at;
        }
    }
    return PAGES;
}

static void put_pages(struct model *m, unsigned first, unsigned pages, enum access access)
{
    memset(m->access + first, access, pages);
    memset(m->bytes + first * PAGE, 0, pages * PAGE);
}

/* An image's segments, as the file has them. */
static void put_image(struct model *m, unsigned file, uint64_t va)
{
    const struct crew_file *f = &crew.file[file];

    for (unsigned i = 0; i < f->image.segments; i++) {
        const struct quire_segment *s = &f->image.segment[i];
        uint64_t at = va - BASE + s->va - f->image.va;
        unsigned first = (unsigned)(at / PAGE);

        put_pages(m, first, (unsigned)((at + s->bytes - 1) / PAGE) - first + 1,
                  (s->prot & QUIRE_WRITE) != 0 ? WRITABLE : READ_ONLY);
        /* What is before a segment in its first page is in the file, and seen, too. */
        memcpy(m->bytes + at - s->va % PAGE, f->bytes + s->offset - s->va % PAGE,
               s->file_bytes + s->va % PAGE);
    }
}

/* ---- doings ---------------------------------------------------------------------------------- */

static enum quire_status load(unsigned n)
{
    struct quire_request request = {.ready = NULL};

    return quire_process_load(&crew.process[n], &request);
}

static void spawn(unsigned n)
{
    unsigned program = (unsigned)prng_below(&prng, PROGRAMS);
    struct quire_process_spec spec = {names[n], (uint16_t)(n + 1), &crew.file[program].image,
                                      prng_one_in(&prng, 2) ? QUIRE_LOAD_EAGER : QUIRE_LOAD_DEMAND};

    if (failed(quire_process_spawn(&crew.process[n], &crew.usermode, &spec))) {
        return;
    }
    crew.alive[n] = true;
    memset(&model[n], 0, sizeof(model[n]));
    model[n].program = program;
    put_pages(&model[n], 0, 1, WRITABLE);
    put_image(&model[n], program, IMAGE);
    failed(load(n)); /* it can be run all the same */
}

static void fork(unsigned child)
{
    unsigned parent = (unsigned)prng_below(&prng, PROCESSES);

    if (!crew.alive[parent] ||
        failed(quire_process_fork(&crew.process[child], &crew.process[parent], names[child],
                                  (uint16_t)(child + 1)))) {
        return;
    }
    crew.alive[child] = true;
    model[child] = model[parent];
    count.forks++;
}

static void end(unsigned n)
{
    check(quire_process_exit(&crew.process[n]) == QUIRE_OK);
    crew.alive[n] = false;
}

static void use_library(unsigned n)
{
    unsigned i = (unsigned)prng_below(&prng, LIBRARIES);
    struct quire_library *library = &crew.file[PROGRAMS + i].library;
    unsigned pages = (unsigned)(library->image->bytes / PAGE);
    uint64_t *at = &model[n].library[i];
    quire_va va;

    if (*at != 0) {
        if (!failed(quire_process_close_library(&crew.process[n], library))) {
            put_pages(&model[n], (unsigned)((*at - BASE) / PAGE), pages, NOTHING);
            *at = 0;
        }
        return;
    }
    if (!failed(quire_process_open_library(&crew.process[n], library, &va))) {
        checkf(va.at == BASE + (uint64_t)first_gap(&model[n], pages) * PAGE, "0x%llx",
               (unsigned long long)va.at);
        *at = va.at;
        put_image(&model[n], PROGRAMS + i, va.at);
        failed(load(n));
        count.opened++;
    }
}

static void map_heap(unsigned n)
{
    struct model *m = &model[n];
    unsigned pages = 1 + (unsigned)prng_below(&prng, 4);
    unsigned gap = first_gap(m, pages);
    quire_va va;
    enum quire_status status = quire_process_map_heap(&crew.process[n], pages * PAGE, &va);

    check(gap != PAGES || status == QUIRE_NO_SPACE);
    if (!failed(status)) {
        check(va.at == BASE + (uint64_t)gap * PAGE);
        put_pages(m, gap, pages, WRITABLE);
        memset(m->pages + gap, true, pages);
        count.heap++;
    }
}

static void unmap_heap(unsigned n)
{
    struct model *m = &model[n];
    unsigned first = (unsigned)prng_below(&prng, PAGES), pages = 1 + (unsigned)prng_below(&prng, 3);
    enum quire_status status = quire_process_unmap_heap(
        &crew.process[n], quire_va_at(BASE + (uint64_t)first * PAGE), pages * PAGE);
    bool all = first + pages <= PAGES;

    for (unsigned i = first; all && i < first + pages; i++) {
        all = m->pages[i];
    }
    if (!all) {
        check(status == QUIRE_INVALID);
    } else if (!failed(status)) {
        put_pages(m, first, pages, NOTHING);
        memset(m->pages + first, false, pages);
    }
}

static void move_brk(unsigned n)
{
    struct model *m = &model[n];
    unsigned want = (unsigned)prng_below(&prng, 5); /* pages */
    unsigned free = 0;
    quire_va brk = {0};
    enum quire_status status;

    if (m->heap == 0) {
        status = quire_process_brk(&crew.process[n], quire_va_at(0), &brk);
        check(status == (first_gap(m, 1) == PAGES ? QUIRE_NO_SPACE : QUIRE_OK));
        if (status != QUIRE_OK) {
            return;
        }
        m->heap = first_gap(m, 1);
        check(brk.at == BASE + m->heap * PAGE);
    }
    while (m->brk + free < want && m->heap + m->brk + free < PAGES &&
           m->access[m->heap + m->brk + free] == NOTHING) {
        free++;
    }
    status = quire_process_brk(&crew.process[n], quire_va_at(BASE + (m->heap + want) * PAGE), &brk);
    check(want <= m->brk + free || status == QUIRE_NO_SPACE);
    if (failed(status)) {
        check(brk.at == BASE + (m->heap + m->brk) * PAGE);
        return;
    }
    if (want > m->brk) {
        put_pages(m, (unsigned)(m->heap + m->brk), (unsigned)(want - m->brk), WRITABLE);
    } else {
        put_pages(m, (unsigned)(m->heap + want), (unsigned)(m->brk - want), NOTHING);
    }
    m->brk = want;
}

/* ---- reading and writing --------------------------------------------------------------------- */

static void access_page(unsigned n)
{
    struct model *m = &model[n];
    bool write = prng_one_in(&prng, 2);
    uint64_t at = prng_below(&prng, PAGES * PAGE - 8);
    uint8_t data[8];
    struct machine_trap trap = {.refusal = QUIRE_REFUSAL_NONE, .status = QUIRE_OK};
    enum machine_result result;
    uint64_t random = prng_next(&prng);
    uint64_t bytes = 8;

    if (at % PAGE > PAGE - 8) {
        bytes = PAGE - at % PAGE; /* pages that are crossed are for other tests */
    }
    memcpy(data, &random, 8);
    result = crew_access(&crew, n, BASE + at, write ? QUIRE_WRITE : QUIRE_READ, data, bytes, &trap);
    if (result == MACHINE_REFUSED) {
        check(m->access[at / PAGE] == NOTHING || (write && m->access[at / PAGE] == READ_ONLY));
        count.killed++;
        return;
    }
    if (result == MACHINE_FAILED) {
        failed(trap.status);
        return;
    }
    check(m->access[at / PAGE] == WRITABLE || (!write && m->access[at / PAGE] == READ_ONLY));
    if (write) {
        memcpy(m->bytes + at, data, bytes);
    }
    checkf(memcmp(m->bytes + at, data, bytes) == 0, "process %u, page %u: other bytes", n,
           (unsigned)(at / PAGE));
    count.checked++;
}

static void access_some(unsigned n)
{
    for (unsigned i = 0; i < 12; i++) {
        access_page(n);
    }
}

/* Every byte of every process. */
static void compare_all(void)
{
    struct machine_trap trap;
    uint8_t got[PAGE];

    for (unsigned n = 0; n < PROCESSES; n++) {
        for (unsigned i = 0; crew.alive[n] && i < PAGES; i++) {
            if (model[n].access[i] != NOTHING) {
                check(crew_access(&crew, n, BASE + i * PAGE, QUIRE_READ, got, PAGE, &trap) ==
                      MACHINE_OK);
                checkf(memcmp(got, model[n].bytes + i * PAGE, PAGE) == 0, "process %u, page %u", n,
                       i);
            }
        }
    }
}

/* ---- the run --------------------------------------------------------------------------------- */

static void step(void)
{
    static void (*const doings[])(unsigned) = {use_library, map_heap,    unmap_heap, move_brk,
                                               access_some, access_some, access_some};
    unsigned n = (unsigned)prng_below(&prng, PROCESSES);

    if (!crew.alive[n]) {
        if (prng_one_in(&prng, 2)) {
            fork(n);
        } else {
            spawn(n);
        }
    } else if (prng_one_in(&prng, 25)) {
        end(n);
    } else {
        doings[prng_below(&prng, sizeof(doings) / sizeof(doings[0]))](n);
    }
}

/* One thing will go wrong, some time soon. */
static void plan_mishap(void)
{
    struct mishap *const mishaps[] = {&crew.machine.faults.frame, &crew.machine.disk.fail_read,
                                      &crew.machine.disk.fail_write, &crew.fail};
    struct mishap *mishap = mishaps[prng_below(&prng, sizeof(mishaps) / sizeof(mishaps[0]))];

    *mishap = (struct mishap){.in = 1 + prng_below(&prng, 20)};
}

static void run(const struct quire_format *format, bool inherited, uint64_t stream)
{
    struct crew_setup setup = {format, &layout, (1 << 20) + USER_FRAMES * PAGE, 1 << 20, 2 << 20};

    prng = prng_new(stream);
    count = (struct counts){0};
    layout = quire_layout_seed;
    layout.last = quire_va_at(BASE + PAGES * PAGE - 1);
    crew_open(&crew, &setup);
    if (inherited) {
        crew_inherit(&crew);
    }
    crew_image(&crew, 0, "small", 5673);
    crew_parts(&crew, 1, "large", 12420, 7000);
    crew_library(&crew, 2, "libgfx", 4700, 1863, false);
    crew_library(&crew, 3, "libkept", 100, 5000, true);
    for (unsigned i = 0; i < STEPS; i++) {
        if (prng_one_in(&prng, 10)) {
            plan_mishap();
        }
        step();
        if (i % 8 == 0) {
            crew_check(&crew);
        }
    }
    crew.machine.faults.frame = (struct mishap){0};
    crew.machine.disk.fail_read = crew.machine.disk.fail_write = crew.fail = (struct mishap){0};
    compare_all();
    printf("# %s: %llu done, %llu failed, %llu killed, %llu forks, %llu libraries, %llu heaps, "
           "%llu accesses, %llu pages out\n",
           format->name, (unsigned long long)count.done, (unsigned long long)count.refused,
           (unsigned long long)count.killed, (unsigned long long)count.forks,
           (unsigned long long)count.opened, (unsigned long long)count.heap,
           (unsigned long long)count.checked, (unsigned long long)crew.machine.disk.writes);
    crew_close(&crew);
}

static void test_i386(void **state)
{
    (void)state;
    run(&quire_format_i386, false, 1);
}

static void test_x86_64(void **state)
{
    (void)state;
    run(&quire_format_x86_64, false, 2);
}

/* The kernel's addresses in one set of tables for all. */
static void test_inherited(void **state)
{
    (void)state;
    run(&quire_format_i386, true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i386),
        cmocka_unit_test(test_x86_64),
        cmocka_unit_test(test_inherited),
    };

    return unit_run(tests);
}
