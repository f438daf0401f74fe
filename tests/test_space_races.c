/*
 * Another processor runs while the core works on the page table: at one moment, when the core has
 * just let go of a table (closed its window to it), the other one writes to every page that its TLB
 * or the MMU lets it write to. Every moment of every operation is tried. The core is told that
 * there are such processors (quire_host.concurrent_walks); what they wrote must never get lost.
 */
#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { PAGES = 3, R = QUIRE_READ | QUIRE_USER, W = QUIRE_WRITE | QUIRE_USER };

static struct lab lab;
static unsigned moment; /* when it writes: at the n-th window closed from now; 0: not at all */
static unsigned writes;
static bool may_write[PAGES]; /* its TLB has the page, and has marked it dirty */
static quire_pfn frame[256];  /* taken out of the way: what can be seen directly */
static unsigned taken;

/* What the laboratory does with these. */
static void (*close_window)(void *context, void *where, uint64_t bytes);
static void (*flush_lab)(void *context, const struct quire_flush *flush);

static void other_processor(void)
{
    struct quire_mmu mmu = {lab.format, &lab.view, lab.space[0].space.table.root};

    for (unsigned i = 0; i < PAGES; i++) {
        struct lab_cached *cached = &lab.space[0].cached[i];
        struct quire_walk walk;

        if (!may_write[i]) {
            may_write[i] =
                quire_walk(&mmu, lab_va(&lab, 0, i), W | QUIRE_ACCESSED, &walk) == QUIRE_OK;
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

/* The laboratory's TLB forgets first. */
static void flushed(void *context, const struct quire_flush *flush)
{
    flush_lab(context, flush);
    for (unsigned i = 0; i < PAGES; i++) {
        may_write[i] = may_write[i] && lab.space[0].cached[i].valid;
    }
}

static void window_closed(void *context, void *where, uint64_t bytes)
{
    close_window(context, where, bytes);
    if (moment != 0 && --moment == 0) {
        other_processor();
    }
}

/* Page tables and pages lie in the part of memory that is seen through windows. */
static void start(unsigned machine)
{
    struct lab_setup setup = {.limit = 1, .slots = 16, .reach = ARENA_MIXED, .concurrent = true};
    struct quire_memory *memory = &lab.arena.host.memory;
    quire_pfn *pfn;

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(&lab, &setup);
    check(lab_create(&lab, 0, 0) == QUIRE_OK);
    lab_draw(&lab, 0, "www");
    taken = 0;
    do {
        pfn = &frame[taken++];
        check(quire_frames_alloc(&lab.arena.frames, 0, pfn) == QUIRE_OK);
    } while (quire_pfn_pa(*pfn, lab.arena.page_shift).at < memory->base + memory->bytes);
    close_window = memory->unmap;
    memory->unmap = window_closed;
    flush_lab = lab.arena.on_flush;
    lab.arena.on_flush = flushed;
    for (unsigned i = 0; i < PAGES; i++) {
        may_write[i] = false;
    }
    moment = 0;
}

static void end(void)
{
    while (taken != 0) {
        quire_frames_unref(&lab.arena.frames, frame[--taken]);
    }
    lab_check(&lab);
    lab_compare(&lab);
    lab_close(&lab);
}

/* ---- what the core is doing meanwhile; page 0 is there, and clean ---------------------------- */

/* Two processors have met at a page that is there. */
static void fault_for_read(void)
{
    check(lab_fault(&lab, 0, 0, R) == QUIRE_OK);
}

static void fault_for_write(void)
{
    check(lab_fault(&lab, 0, 0, W) == QUIRE_OK);
}

static void evict(void)
{
    check(lab_fault(&lab, 0, 2, R) == QUIRE_OK);
}

static void make_read_only(void)
{
    check(lab_protect(&lab, 0, 0, 2, 'r') == QUIRE_OK);
}

static void forbid_everything(void)
{
    check(lab_protect(&lab, 0, 0, 1, '-') == QUIRE_OK);
}

static void protect_as_it_is(void)
{
    check(lab_protect(&lab, 0, 0, 1, 'w') == QUIRE_OK);
}

/* Page 0 comes from swap, clean; the n-th moment; then page 0 is evicted and read once more. False:
 * the operation was over before. */
static bool race(unsigned machine, void (*operation)(void), unsigned n)
{
    bool over;

    start(machine);
    check(lab_write(&lab, 0, 0) == QUIRE_OK);
    check(lab_read(&lab, 0, 1) == QUIRE_OK);
    check(lab_read(&lab, 0, 0) == QUIRE_OK);
    moment = n;
    operation();
    over = moment != 0;
    moment = 0;
    if (lab.space[0].page[0].prot != lab_rights('w')) {
        check(lab_protect(&lab, 0, 0, 2, 'w') == QUIRE_OK);
    }
    check(lab_read(&lab, 0, 2) == QUIRE_OK);
    check(lab_read(&lab, 0, 0) == QUIRE_OK);
    end();
    return !over;
}

static void test_another_processor_writes(void **state)
{
    static const unsigned machine[] = {LAB_SMALL, LAB_NO_DIRTY, LAB_NO_RIGHTS};
    static void (*const operation[])(void) = {fault_for_read, fault_for_write,   evict,
                                              make_read_only, forbid_everything, protect_as_it_is};

    (void)state;
    for (unsigned i = 0; i < 3 * 6; i++) {
        unsigned n = 1;

        writes = 0;
        while (race(machine[i / 6], operation[i % 6], n)) {
            n++;
        }
        checkf(n > 2, "operation %u lets go of %u tables", i % 6, n - 1);
        checkf(writes != 0 || machine[i / 6] == LAB_NO_DIRTY, "operation %u", i % 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_processor_writes),
    };

    return unit_run(tests);
}
