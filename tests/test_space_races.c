/*
 * Another processor runs while the core works on the page table: whenever the core has let go of a
 * table (closed its window to it), the other one writes to every page that its TLB or the MMU lets it
 * write to. The core is told that there are such processors (quire_host.concurrent_walks); what they
 * wrote must never get lost.
 */
#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { PAGES = 6 };

static struct lab lab;
static void (*close_window)(void *context, void *where, uint64_t bytes);
static bool may_write[PAGES]; /* its TLB has the page, and has marked it dirty */
static uint64_t writes;
static quire_pfn frame[256]; /* taken out of the way: what can be seen directly */
static unsigned taken;

static void other_processor(void)
{
    struct quire_mmu mmu = {lab.format, &lab.view, lab.space[0].space.table.root};

    for (unsigned i = 0; i < PAGES; i++) {
        struct lab_cached *cached = &lab.space[0].cached[i];
        struct quire_walk walk;

        if (!may_write[i] || !cached->valid) {
            may_write[i] = quire_walk(&mmu, lab_va(&lab, 0, i),
                                      QUIRE_WRITE | QUIRE_USER | QUIRE_ACCESSED,
                                      &walk) == QUIRE_OK;
            if (may_write[i]) {
                *cached = (struct lab_cached){true, walk.pa.at, walk.attributes & QUIRE_RIGHTS};
            }
        }
        if (may_write[i]) {
            unsigned char *where = arena_at(&lab.arena, cached->pa, lab.page_bytes);
            where[7] = ++lab.space[0].bytes[i * lab.page_bytes + 7];
            writes++;
        }
    }
}

static void window_closed(void *context, void *where, uint64_t bytes)
{
    close_window(context, where, bytes);
    other_processor();
}

/* Page tables and pages in the part of memory that is seen through windows. */
static void start(unsigned machine, uint32_t limit)
{
    struct lab_setup setup = {
        .limit = limit, .slots = 16, .reach = ARENA_MIXED, .concurrent = true};
    struct quire_memory *memory = &lab.arena.host.memory;
    quire_pfn *pfn;

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(&lab, &setup);
    check(lab_create(&lab, 0, 0) == QUIRE_OK);
    lab_draw(&lab, 0, "wwwwww");
    taken = 0;
    do {
        pfn = &frame[taken++];
        check(quire_frames_alloc(&lab.arena.frames, 0, pfn) == QUIRE_OK);
    } while (quire_pfn_pa(*pfn, lab.arena.page_shift).at < memory->base + memory->bytes);
    close_window = memory->unmap;
    memory->unmap = window_closed;
    for (unsigned i = 0; i < PAGES; i++) {
        may_write[i] = false;
    }
}

static void end(void)
{
    lab.arena.host.memory.unmap = close_window;
    lab_compare(&lab);
    while (taken != 0) {
        quire_frames_unref(&lab.arena.frames, frame[--taken]);
    }
    lab_check(&lab);
    lab_close(&lab);
}

static void validate(void)
{
    struct quire_space *space = &lab.space[0].space;
    const char *what = NULL;

    checkf(quire_validate(&lab.system, &space, 1, &what) == QUIRE_OK, "%s", what);
}

/* A fault on a page that is there already: two processors met at it. */
static void fault_again(unsigned page)
{
    struct quire_request request = {.ready = NULL};
    unsigned access = QUIRE_USER | (prng_one_in(&lab.prng, 2) ? QUIRE_READ : QUIRE_WRITE);

    if (lab_judge(&lab, 0, page, access) == QUIRE_REFUSAL_NONE) {
        check(quire_space_fault(&lab.space[0].space, lab_va(&lab, 0, page), access, &request) ==
              QUIRE_OK);
    }
}

static void run(unsigned machine, uint32_t limit)
{
    start(machine, limit);
    writes = 0;
    for (unsigned step = 0; step < 150; step++) {
        unsigned page = (unsigned)prng_below(&lab.prng, PAGES);

        switch (prng_below(&lab.prng, 4)) {
        case 0:
            lab_protect(&lab, 0, page, 1, "rwww-"[prng_below(&lab.prng, 5)]);
            break;
        case 1:
            fault_again(page);
            break;
        default:
            if (lab.space[0].page[page].prot != 0) {
                check(lab_read(&lab, 0, page) == QUIRE_OK);
            }
        }
        validate();
    }
    check(lab_protect(&lab, 0, 0, PAGES, 'w') == QUIRE_OK);
    checkf(writes > 100, "the other processor wrote %u times", (unsigned)writes);
    end();
}

static void test_another_processor_writes(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        if (quire_format_page_shift(lab_machine(machine, NULL)) == 12) {
            run(machine, 0); /* nothing is evicted */
            run(machine, 1);
            run(machine, 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_processor_writes),
    };

    return unit_run(tests);
}
