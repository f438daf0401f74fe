/*
 * All that spaces can do, at random and with everything failing: regions of zeros, files, memory
 * objects and stacks, shared and private; fork, exit, write-back, discarding, wiring; frames
 * refused and transfers failed. A model knows every byte and every promise; validate() after each
 * step.
 */
#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

/* ---- at random ------------------------------------------------------------------------------- */

enum { FILE_0, FILE_1, MEMORY };

static unsigned below(struct lab *lab, unsigned n)
{
    return (unsigned)prng_below(&lab->prng, n);
}

/* Mapping what is there already, or too much of an object, is tried as well. */
static void random_map(struct lab *lab, unsigned n)
{
    static const unsigned most[] = {QUIRE_RIGHTS, QUIRE_RIGHTS,
                                    QUIRE_USER | QUIRE_READ | QUIRE_EXECUTE};
    unsigned first = below(lab, LAB_PAGES), pages = 1 + below(lab, LAB_PAGES - first);
    struct lab_page page = {.prot = lab_rights("rwwwx-"[below(lab, 6)]),
                            .max_prot = most[below(lab, 3)]};

    pages = 1 + pages / 3;
    page.prot &= page.max_prot;
    if (below(lab, 4) != 0) {
        page.object = &lab->file[below(lab, LAB_FILES)];
        page.offset = below(lab, 4) * lab->page_bytes;
        page.sharing = below(lab, 2) ? QUIRE_SHARED : QUIRE_PRIVATE;
    } else if (below(lab, 3) == 0 && first > 1) {
        page.stack = 1 + 1 + below(lab, first - 1);
        page.prot = lab_rights('w') & page.max_prot;
    }
    lab_map_as(lab, n, first, pages, &page);
}

/* What is gone through is not wired: a wire on an object's page outlives the region. */
static bool any_wired(const struct lab *lab, unsigned n, unsigned first, unsigned pages)
{
    for (unsigned i = first; i < first + pages; i++) {
        if (lab->space[n].page[i].wired != 0) {
            return true;
        }
    }
    return false;
}

static void random_range(struct lab *lab, unsigned n, unsigned what)
{
    unsigned first = below(lab, LAB_PAGES), pages = 1 + below(lab, LAB_PAGES - first);

    pages = 1 + pages / 2;
    if (what == 0) {
        lab_protect(lab, n, first, pages, "rwwx-"[below(lab, 5)]);
    } else if (!any_wired(lab, n, first, pages)) {
        what == 1 ? lab_unmap(lab, n, first, pages) : lab_discard(lab, n, first, pages);
    }
}

static void unwire_all(struct lab *lab, unsigned n)
{
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        while (lab->space[n].page[i].wired != 0) {
            check(lab_unwire(lab, n, i) == QUIRE_OK);
        }
    }
}

/* A page of a private region that might be written later may be taken from under its wire. */
static void random_wire(struct lab *lab, unsigned n, unsigned i)
{
    const struct lab_page *p = &lab->space[n].page[i];
    bool may_move = p->sharing == QUIRE_PRIVATE && (p->max_prot & ~p->prot & QUIRE_WRITE) != 0;

    if (p->wired != 0 && below(lab, 2)) {
        lab_unwire(lab, n, i);
    } else if (p->mapped && !may_move) {
        lab_wire(lab, n, i, QUIRE_USER | (below(lab, 2) ? QUIRE_READ : QUIRE_WRITE));
    }
}

static void random_birth(struct lab *lab, unsigned n)
{
    unsigned parent = below(lab, LAB_SPACES);

    if (lab->space[parent].alive) {
        lab_fork(lab, n, parent);
    } else {
        lab_create(lab, n, 0);
    }
}

/* A program that writes where it may not, on an MMU that cannot prevent it, has itself to blame. */
static void random_store(struct lab *lab, unsigned n, unsigned i)
{
    const struct lab_page *p = &lab->space[n].page[i];

    if (lab_can_protect(lab) || !p->mapped || (p->prot & QUIRE_WRITE) != 0) {
        below(lab, 6) ? lab_write_some(lab, n, i) : lab_clear(lab, n, i);
    }
}

static void random_step(struct lab *lab)
{
    unsigned n = below(lab, LAB_SPACES), i = below(lab, LAB_PAGES), what = below(lab, 100);

    if (!lab->space[n].alive) {
        random_birth(lab, n);
    } else if (what < 2) {
        unwire_all(lab, n);
        lab_destroy(lab, n);
    } else if (what < 12) {
        random_map(lab, n);
    } else if (what < 21) {
        random_range(lab, n, what % 3);
    } else if (what < 24) {
        random_wire(lab, n, i);
    } else if (what < 27) {
        lab_sync(lab, below(lab, LAB_FILES));
    } else if (what < 28) {
        check(quire_space_working_set(&lab->space[n].space) <= LAB_PAGES);
    } else if (what < 60) {
        random_store(lab, n, i);
    } else {
        lab_read(lab, n, i);
    }
}

static void open_files(struct lab *lab)
{
    lab_file(lab, FILE_0, 5 * lab->page_bytes - 3);
    lab_file(lab, FILE_1, 4 * lab->page_bytes);
    lab_memory(lab, MEMORY, 5 * lab->page_bytes - lab->page_bytes / 2);
}

/* Nothing fails any more: all that can be read is there, and wires hold nothing back. */
static void wind_up(struct lab *lab)
{
    lab->refuse = lab->fail = (struct lab_trip){0, 0, false};
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        if (lab->space[n].alive) {
            unwire_all(lab, n);
        }
    }
    lab_check(lab);
    for (unsigned i = 0; i < LAB_SPACES * LAB_PAGES; i++) {
        const struct lab_page *p = &lab->space[i / LAB_PAGES].page[i % LAB_PAGES];
        if (lab->space[i / LAB_PAGES].alive && p->mapped && (p->prot & QUIRE_READ) != 0) {
            enum quire_status status = lab_read(lab, i / LAB_PAGES, i % LAB_PAGES);
            check(status == QUIRE_OK || status == QUIRE_NO_SPACE || status == QUIRE_NO_MEMORY);
        }
    }
    lab_check(lab);
    lab_close(lab);
}

static void random_run(struct lab_setup *setup, bool trouble, unsigned steps)
{
    struct lab lab;

    lab_open(&lab, setup);
    open_files(&lab);
    lab.early = setup->limit % 2;
    for (unsigned step = 0; step < steps; step++) {
        if (trouble && below(&lab, 4) == 0) {
            lab.refuse = (struct lab_trip){below(&lab, 4), 0, below(&lab, 4) == 0};
            lab.fail = (struct lab_trip){below(&lab, 4), 0, below(&lab, 4) == 0};
        }
        random_step(&lab);
        lab_check(&lab);
    }
    wind_up(&lab);
}

static void test_random(void **state)
{
    static const struct quire_policy_ops *const policies[] = {
        &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
    struct prng prng = prng_new(77);

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 2 * EFFORT; i++) {
        struct lab_setup setup = {.policy = policies[prng_below(&prng, 4)],
                                  .limit = (uint32_t)prng_below(&prng, 12),
                                  .slots = (uint32_t)prng_below(&prng, 50),
                                  .strict = prng_one_in(&prng, 3),
                                  .windows = prng_one_in(&prng, 2)};
        bool trouble = prng_one_in(&prng, 2);

        setup.format = lab_machine(i % LAB_MACHINES, &setup.frames);
        if (!setup.policy->wants_accessed || setup.format->leaf.accessed.mask != 0) {
            random_run(&setup, trouble, 150);
        }
    }
}

/* ---- a script, with everything in it failing in turn ----------------------------------------- */

/* Each line of it is tried again until it succeeds; nothing changes when it does not. */
struct line {
    enum {
        CREATE,
        FORK,
        DESTROY,
        MAP_ZERO,
        MAP_PRIVATE,
        MAP_SHARED,
        MAP_STACK,
        UNMAP,
        PROTECT,
        DISCARD,
        SYNC,
        WIRE,
        UNWIRE,
        READ,
        WRITE,
        CLEAR
    } what;
    unsigned space, page, pages;
    unsigned file; /* or parent; or the lowest page of a stack; or what to protect to */
};

static const struct line script[] = {
    {CREATE, 0, 0, 0, 0},     {MAP_ZERO, 0, 0, 3, 0},    {MAP_PRIVATE, 0, 3, 4, 0},
    {MAP_SHARED, 0, 8, 3, 0}, {MAP_STACK, 0, 15, 1, 13}, {WRITE, 0, 0, 0, 0},
    {WRITE, 0, 4, 0, 0},      {WRITE, 0, 9, 0, 0},       {WRITE, 0, 10, 0, 0},
    {READ, 0, 5, 0, 0},       {READ, 0, 3, 0, 0},        {WRITE, 0, 14, 0, 0},
    {WIRE, 0, 1, 0, 0},       {CREATE, 2, 0, 0, 0},      {MAP_SHARED, 2, 0, 3, 0},
    {READ, 2, 1, 0, 0},       {WRITE, 2, 2, 0, 0},       {SYNC, 0, 0, 0, 0},
    {MAP_SHARED, 2, 4, 3, 2}, {MAP_PRIVATE, 2, 8, 3, 2}, {WRITE, 2, 4, 0, 0},
    {WRITE, 2, 5, 0, 0},      {READ, 2, 8, 0, 0},        {WRITE, 2, 9, 0, 0},
    {WRITE, 2, 6, 0, 0},      {CLEAR, 2, 4, 0, 0},       {UNWIRE, 0, 1, 0, 0},
    {FORK, 1, 0, 0, 0},       {WRITE, 0, 0, 0, 0},       {WRITE, 1, 4, 0, 0},
    {WRITE, 1, 1, 0, 0},      {WRITE, 0, 4, 0, 0},       {READ, 1, 0, 0, 0},
    {WRITE, 1, 9, 0, 0},      {READ, 0, 9, 0, 0},        {WRITE, 1, 13, 0, 0},
    {PROTECT, 0, 1, 4, 'r'},  {PROTECT, 0, 1, 4, 'w'},   {WRITE, 0, 2, 0, 0},
    {DISCARD, 1, 3, 2, 0},    {READ, 1, 4, 0, 0},        {UNMAP, 0, 4, 6, 0},
    {SYNC, 0, 0, 0, 0},       {READ, 2, 2, 0, 0},        {DESTROY, 0, 0, 0, 0},
    {WRITE, 1, 2, 0, 0},      {READ, 1, 14, 0, 0},       {FORK, 0, 2, 0, 2},
    {WRITE, 0, 9, 0, 0},      {WRITE, 2, 9, 0, 0},
};
enum { LINES = sizeof(script) / sizeof(script[0]) };

static enum quire_status obey(struct lab *lab, const struct line *line)
{
    unsigned n = line->space, page = line->page;

    switch (line->what) {
    case CREATE: return lab_create(lab, n, 0);
    case FORK: return lab_fork(lab, n, line->file);
    case DESTROY: lab_destroy(lab, n); return QUIRE_OK;
    case MAP_ZERO: return lab_map(lab, n, page, line->pages, 'w');
    case MAP_PRIVATE: return lab_map_file(lab, n, page, line->pages, 'w', line->file, 0);
    case MAP_SHARED: return lab_map_shared(lab, n, page, line->pages, 'w', line->file, 0);
    case MAP_STACK: return lab_map_stack(lab, n, page, line->pages, 'w', line->file);
    case UNMAP: return lab_unmap(lab, n, page, line->pages);
    case PROTECT: return lab_protect(lab, n, page, line->pages, (char)line->file);
    case DISCARD: return lab_discard(lab, n, page, line->pages);
    case SYNC: return lab_sync(lab, line->file);
    case WIRE: return lab_wire(lab, n, page, QUIRE_USER | QUIRE_WRITE);
    case UNWIRE: return lab_unwire(lab, n, page);
    case READ: return lab_read(lab, n, page);
    case WRITE: return lab_write(lab, n, page);
    default: return lab_clear(lab, n, page);
    }
}

/* Does the script make sense here? Where writing cannot be withheld there is no fork; what would
 * have been done in the child is left out. */
static bool makes_sense(const struct lab *lab, const struct line *line)
{
    return line->what == CREATE || (line->what == FORK && lab_can_protect(lab)) ||
           (line->what != FORK && lab->space[line->space].alive);
}

/* False: nothing was refused or failed, the script is over. */
static bool run_script(unsigned machine, bool windows, struct lab_trip refuse, struct lab_trip fail)
{
    static const uint32_t limits[] = {0, 3, 6};
    struct lab_setup setup = {.limit = limits[machine % 3], .slots = 40, .windows = windows};
    struct lab lab;
    bool struck;

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(&lab, &setup);
    open_files(&lab);
    lab.refuse = refuse;
    lab.fail = fail;
    for (unsigned i = 0; i < LINES; i++) {
        enum quire_status status = QUIRE_OK;

        if (makes_sense(&lab, &script[i])) {
            status = obey(&lab, &script[i]);
        }
        checkf(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_IO_ERROR,
               "line %u: %s", i, quire_status_text(status));
        if (lab.refuse.struck + lab.fail.struck != 0) {
            lab_check(&lab);
        }
        if (status != QUIRE_OK) {
            check(lab.refuse.struck + lab.fail.struck != 0);
            lab.refuse.in = lab.fail.in = 0;
            i--;
        }
    }
    struck = lab.refuse.struck + lab.fail.struck != 0;
    wind_up(&lab);
    return struck;
}

/* Not every one on every machine, but others on the next. */
static void run_scripts(unsigned machine, bool windows, bool frames, bool stays)
{
    const struct lab_trip none = {0, 0, false};
    unsigned stride = (EFFORT == 4 ? 2 : 3) * (stays ? 3 : 1);
    struct lab_trip trip = {1 + machine % stride, 0, stays};

    while (run_script(machine, windows, frames ? trip : none, frames ? none : trip)) {
        trip.in += stride;
    }
    check(trip.in > (frames ? 9 : 4));
}

static void run_everywhere(bool frames)
{
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        run_scripts(i, false, frames, false);
        run_scripts(i, false, frames, true);
    }
}

static void test_every_frame_refused(void **state)
{
    (void)state;
    run_everywhere(true);
}

/* Of windows, trackers and the kernel's tables, too. */
static void test_every_frame_refused_to_a_registry(void **state)
{
    static const unsigned machines[] = {LAB_SMALL, LAB_I386};

    (void)state;
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        run_scripts(machines[i], true, true, false);
        run_scripts(machines[i], true, true, true);
    }
}

static void test_every_transfer_failed(void **state)
{
    (void)state;
    run_everywhere(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_every_frame_refused),
        cmocka_unit_test(test_every_frame_refused_to_a_registry),
        cmocka_unit_test(test_every_transfer_failed),
    };

    return unit_run(tests);
}
