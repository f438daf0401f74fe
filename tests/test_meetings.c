/*
 * Things that meet while pages are on their way: faults of several spaces on one page of an object,
 * copies on a write, forks, exits, write-back, discarding, unmapping. Every order in which they can
 * begin, be served, fail and go on; everything is validated after each step, every byte in the end.
 *
 *     actor    begins --PENDING--> transfer served, or failed --> goes on --PENDING--> ... --> OK
 *                     --BUSY-----> somebody else is under way; when nobody is, it must succeed
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/explorer.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

enum { ACTORS = 6, SLOTS = 64 };
enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };
enum { THE_FILE, THE_MEMORY };

/* What an actor does. */
struct act {
    enum { FAULT, SYNC, FORK, UNMAP, DISCARD, PROTECT, EXIT } what;
    unsigned space, page;
    unsigned more; /* access; file; child; pages */
};

struct scenario {
    const char *name;
    void (*before)(struct lab *lab);
    struct act act[ACTORS];
    unsigned actors, fails;
    uint32_t limit, slots; /* slots: 0: plenty */
    bool prompt;           /* a request goes on as soon as it can: not a step of its own */
    bool short_of_slots;   /* QUIRE_NO_SPACE is an answer */
    unsigned machine;
};

struct actor {
    struct quire_request request;
    const struct act *act;
    enum { TO_BEGIN, WAITS, MAY_GO_ON, ENDED } state;
    enum quire_status status;
    bool failed;     /* a transfer of its own did */
    uint64_t next;   /* page of a file, when writing back */
    unsigned writes; /* of everybody, before this one began */
    unsigned change; /* how much had happened when it was told BUSY */
};

struct run {
    const struct scenario *scenario;
    struct explorer *explorer; /* or, if NULL: */
    struct prng *prng;         /* choices at random, and BUSY is tried again */
    struct lab lab;
    struct actor actor[ACTORS];
    struct act act[ACTORS]; /* at random */
    unsigned fails_left, writes, changes;
};

static unsigned choose(struct run *run, unsigned options)
{
    return run->explorer != NULL ? explorer_choose(run->explorer, options)
                                 : (unsigned)prng_below(run->prng, options);
}

static void ready(struct quire_request *request)
{
    struct actor *actor = request->context;

    check(actor->state == WAITS);
    actor->state = MAY_GO_ON;
}

static bool under_way(const struct actor *actor)
{
    return actor->state == WAITS || actor->state == MAY_GO_ON;
}

static bool others_under_way(const struct run *run, const struct actor *actor)
{
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        if (&run->actor[i] != actor && under_way(&run->actor[i])) {
            return true;
        }
    }
    return false;
}

/* A page made from an object's is as that was at some time during the fault: writes, which here are
 * all to the first byte, may have happened since. */
static void learn(struct run *run, const struct actor *actor)
{
    struct lab *lab = &run->lab;
    const struct act *act = actor->act;
    unsigned char *model = lab_model(lab, act->space, act->page), now = model[0];
    quire_pfn pfn = lab_frame(lab, act->space, act->page);
    const unsigned char *where =
        arena_at(&lab->arena, quire_pfn_pa(pfn, lab->arena.page_shift).at, lab->page_bytes);

    check((unsigned char)(now - where[0]) <= run->writes - actor->writes);
    model[0] = where[0];
    lab_faulted(lab, act->space, act->page, act->more);
    model[0] = now;
}

/* Uses a page that the core said can be used now. */
static void use(struct run *run, const struct act *act)
{
    struct lab *lab = &run->lab;
    unsigned char *where = lab_mmu(lab, act->space, act->page, act->more);

    checkf(where != NULL, "page %u faults after OK", act->page);
    lab_expect_bytes(lab, act->space, act->page, where);
    if (act->more & QUIRE_WRITE) {
        lab->space[act->space].page[act->page].written = true;
        where[0] = ++lab_model(lab, act->space, act->page)[0];
        run->writes++;
    }
}

static void answered(struct run *run, struct actor *actor, enum quire_status status)
{
    const struct act *act = actor->act;

    actor->status = status;
    if (status == QUIRE_PENDING) {
        check(actor->state == WAITS);
        return;
    }
    actor->state = ENDED;
    run->changes += status != QUIRE_BUSY;
    if (status == QUIRE_BUSY) {
        check(others_under_way(run, actor));
        actor->change = run->changes;
    } else if (status == QUIRE_FAULT) {
        check(lab_judge(&run->lab, act->space, act->page, act->more) != QUIRE_REFUSAL_NONE);
    } else if (status == QUIRE_IO_ERROR) {
        check(actor->failed);
    } else if (status == QUIRE_NO_SPACE) {
        check(run->scenario->short_of_slots);
    } else {
        checkf(status == QUIRE_OK, "%s: %s", run->scenario->name, quire_status_text(status));
    }
    if (status == QUIRE_OK && act->what == FAULT) {
        learn(run, actor);
        if (lab_judge(&run->lab, act->space, act->page, act->more) == QUIRE_REFUSAL_NONE) {
            use(run, act); /* else it was protected meanwhile: the access will be refused */
        }
    }
}

static enum quire_status leave(struct lab *lab, unsigned space)
{
    enum quire_status status = lab_unmap(lab, space, 0, LAB_PAGES);

    if (status == QUIRE_OK) {
        lab_destroy(lab, space);
    }
    return status;
}

static enum quire_status fault(struct run *run, struct actor *actor)
{
    struct lab *lab = &run->lab;
    const struct act *act = actor->act;
    bool meets = lab_moving(lab, act->space, act->page);
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    status = quire_space_fault(&lab->space[act->space].space, lab_va(lab, act->space, act->page),
                               act->more, &actor->request);
    check(!meets || status == QUIRE_BUSY);
    if (meets) {
        lab_unchanged(lab, &before, LAB_BUT_EVICTED);
    }
    return status;
}

/* Is there still what it is about? A space that leaves has no faults under way. */
static bool possible(const struct run *run, const struct actor *actor)
{
    const struct act *act = actor->act;

    if (act->what == SYNC) {
        return true;
    }
    for (unsigned i = 0; i < run->scenario->actors && act->what == EXIT; i++) {
        const struct actor *other = &run->actor[i];
        if (under_way(other) && other->act->what == FAULT && other->act->space == act->space) {
            return false;
        }
    }
    return run->lab.space[act->space].alive &&
           (act->what != FORK || !run->lab.space[act->more].alive);
}

/* The laboratory checks what the synchronous ones answer, and that nothing changed if BUSY. */
static void begin(struct run *run, struct actor *actor)
{
    struct lab *lab = &run->lab;
    const struct act *act = actor->act;
    enum quire_status status;

    if (!possible(run, actor)) {
        actor->state = ENDED;
        actor->status = QUIRE_OK;
        return;
    }
    if (act->what == FAULT && lab_mmu(lab, act->space, act->page, act->more) != NULL) {
        actor->state = ENDED; /* no fault: it is there already */
        actor->status = QUIRE_OK;
        use(run, act);
        return;
    }
    actor->state = WAITS;
    actor->writes = run->writes;
    actor->request = (struct quire_request){.ready = ready, .context = actor};
    switch (act->what) {
    case FAULT: status = fault(run, actor); break;
    case SYNC:
        status = quire_object_sync(&lab->file[act->more], &actor->next, &actor->request);
        break;
    case FORK: status = lab_fork(lab, act->more, act->space); break;
    case UNMAP: status = lab_unmap(lab, act->space, act->page, act->more); break;
    case DISCARD: status = lab_discard(lab, act->space, act->page, act->more); break;
    case PROTECT: status = lab_protect(lab, act->space, act->page, act->more, 'r'); break;
    default: status = leave(lab, act->space); break;
    }
    answered(run, actor, status);
}

/* One page of a file has been written back: the next. */
static void go_on(struct run *run, struct actor *actor)
{
    enum quire_status status;

    actor->state = WAITS;
    status = quire_space_resume(&actor->request);
    if (status == QUIRE_OK && actor->act->what == SYNC) {
        begin(run, actor);
    } else {
        answered(run, actor, status);
    }
}

static void complete(struct run *run, unsigned held, enum quire_status status)
{
    unsigned i = 0;

    while (run->lab.held[held].transfer != &run->actor[i].request.transfer) {
        i++;
        check(i < run->scenario->actors);
    }
    run->changes++;
    run->actor[i].failed = run->actor[i].failed || status != QUIRE_OK;
    lab_complete(&run->lab, held, status);
    check(run->actor[i].state == MAY_GO_ON);
    if (run->scenario->prompt) {
        go_on(run, &run->actor[i]);
    }
}

/* Who was told BUSY may try again, at random, once anything else has happened. */
static bool may_step(const struct run *run, const struct actor *actor)
{
    return actor->state == TO_BEGIN || actor->state == MAY_GO_ON ||
           (run->explorer == NULL && actor->state == ENDED && actor->status == QUIRE_BUSY &&
            actor->change != run->changes);
}

/* One of the things that could happen now; false: nothing can any more. */
static bool step(struct run *run)
{
    unsigned served = run->lab.held_count * (run->fails_left != 0 ? 2 : 1), options = served, n;

    for (unsigned i = 0; i < run->scenario->actors; i++) {
        options += may_step(run, &run->actor[i]);
    }
    if (options == 0) {
        return false;
    }
    n = choose(run, options);
    if (n < served) {
        bool fails = n >= run->lab.held_count;
        run->fails_left -= fails;
        complete(run, n % run->lab.held_count, fails ? QUIRE_IO_ERROR : QUIRE_OK);
        return true;
    }
    n -= served;
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        struct actor *actor = &run->actor[i];
        if (may_step(run, actor) && n-- == 0) {
            actor->state == MAY_GO_ON ? go_on(run, actor) : begin(run, actor);
            break;
        }
    }
    return true;
}

/* Pages 0 to 3 are zeros. From 4 on comes a file, from 10 on a memory object: private in space 0,
 * shared in space 1. */
static void prepare(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    struct lab_setup setup = {.limit = scenario->limit,
                              .slots = scenario->slots != 0 ? scenario->slots : SLOTS};
    struct lab *lab = &run->lab;

    setup.format = lab_machine(scenario->machine, &setup.frames);
    lab_open(lab, &setup);
    lab_file(lab, THE_FILE, 3 * lab->page_bytes - 5);
    lab_memory(lab, THE_MEMORY, 3 * lab->page_bytes);
    for (unsigned n = 0; n < 2; n++) {
        check(lab_create(lab, n, 0) == QUIRE_OK);
        lab_draw(lab, n, "wwww");
    }
    check(lab_map_file(lab, 0, 4, 4, 'w', THE_FILE, 0) == QUIRE_OK);
    check(lab_map_file(lab, 0, 10, 4, 'w', THE_MEMORY, 0) == QUIRE_OK);
    check(lab_map_shared(lab, 1, 4, 3, 'w', THE_FILE, 0) == QUIRE_OK);
    check(lab_map_shared(lab, 1, 10, 3, 'w', THE_MEMORY, 0) == QUIRE_OK);
    scenario->before(lab);
    lab->hold = true;
    run->fails_left = scenario->fails;
    for (unsigned i = 0; i < scenario->actors; i++) {
        run->actor[i] = (struct actor){.act = &scenario->act[i]};
    }
}

/* Nothing is under way: whoever was told to try again succeeds now. */
static void try_again(struct run *run, struct actor *actor)
{
    check(actor->state == ENDED);
    if (run->explorer == NULL) {
        checkf(actor->status != QUIRE_BUSY, "%s: busy for ever", run->scenario->name);
    } else if (actor->status == QUIRE_BUSY) {
        begin(run, actor);
        check(actor->status == QUIRE_OK || actor->status == QUIRE_FAULT ||
              (actor->status == QUIRE_NO_SPACE && run->scenario->short_of_slots));
    }
}

static void wind_up(struct run *run)
{
    struct lab *lab = &run->lab;

    check(lab->held_count == 0);
    lab->hold = false;
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        try_again(run, &run->actor[i]);
        lab_check(lab);
    }
    check(lab_sync(lab, THE_FILE) == QUIRE_OK);
    if (!run->scenario->short_of_slots) {
        lab_compare(lab);
    }
    lab_check(lab);
    lab_close(lab);
}

static void go(struct run *run)
{
    unsigned steps = 0;

    prepare(run);
    while (step(run)) {
        lab_check(&run->lab);
        check(steps++ < 1000);
    }
    wind_up(run);
}

/* ---- what has been done before --------------------------------------------------------------- */

static void nothing(struct lab *lab)
{
    (void)lab;
}

/* Page `page` of space n is written; the model knows what. */
static void w(struct lab *lab, unsigned n, unsigned page)
{
    check(lab_write(lab, n, page) == QUIRE_OK);
}

static void r(struct lab *lab, unsigned n, unsigned page)
{
    check(lab_read(lab, n, page) == QUIRE_OK);
}

static void two_zeros(struct lab *lab)
{
    w(lab, 0, 0);
    w(lab, 0, 1);
}

static void forked(struct lab *lab)
{
    w(lab, 0, 0);
    check(lab_fork(lab, 2, 0) == QUIRE_OK);
}

static void forked_and_seen(struct lab *lab)
{
    forked(lab);
    r(lab, 2, 0);
    r(lab, 0, 0);
}

static void forked_and_swapped(struct lab *lab)
{
    forked(lab);
    for (unsigned i = 1; i < 4; i++) {
        w(lab, 1, i);
    }
}

static void file_written(struct lab *lab)
{
    w(lab, 1, 4);
    w(lab, 1, 5);
}

static void file_seen_by_both(struct lab *lab)
{
    w(lab, 1, 4);
    r(lab, 0, 4);
}

static void memory_seen_by_both(struct lab *lab)
{
    w(lab, 1, 10);
    r(lab, 0, 10);
}

/* Page 0 of the memory object is in swap; others that could go are in frames. */
static void memory_swapped(struct lab *lab)
{
    w(lab, 1, 10);
    for (unsigned i = 0; i < 3; i++) {
        w(lab, 1, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        r(lab, 1, i);
    }
}

/* Two slots in use, and pages that want more. */
static void memory_swapped_slots_taken(struct lab *lab)
{
    w(lab, 1, 10);
    w(lab, 1, 0);
    w(lab, 1, 1);
}

/* ---- meetings -------------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
    {.name = "fork meets a page that goes, and one that comes",
     .before = two_zeros,
     .act = {{FAULT, 0, 0, R}, {FORK, 0, 0, 2}, {FAULT, 0, 1, W}},
     .actors = 3,
     .fails = 1,
     .limit = 1},
    {.name = "fork meets a private page that is read from a file",
     .before = nothing,
     .act = {{FAULT, 0, 4, W}, {FORK, 0, 0, 2}, {FAULT, 0, 5, R}},
     .actors = 3,
     .fails = 1},
    {.name = "two spaces want one page of a file",
     .before = nothing,
     .act = {{FAULT, 0, 4, R}, {FAULT, 1, 4, W}},
     .actors = 2,
     .fails = 2},
    {.name = "two spaces want one page of a file, and there is one frame",
     .before = file_written,
     .act = {{FAULT, 0, 4, R}, {FAULT, 1, 4, W}, {FAULT, 1, 5, R}},
     .actors = 3,
     .fails = 1,
     .limit = 1,
     .prompt = true},
    {.name = "a private copy, while the file's page comes",
     .before = nothing,
     .act = {{FAULT, 0, 4, W}, {FAULT, 1, 4, W}, {FAULT, 0, 5, W}},
     .actors = 3,
     .fails = 1,
     .limit = 2,
     .prompt = true},
    {.name = "a private copy, while the file's page goes",
     .before = file_written,
     .act = {{FAULT, 1, 0, W}, {FAULT, 0, 4, W}, {FAULT, 1, 4, W}},
     .actors = 3,
     .fails = 1,
     .limit = 2,
     .prompt = true},
    {.name = "a private copy, while the memory object's page comes and goes",
     .before = memory_swapped,
     .act = {{FAULT, 0, 10, W}, {FAULT, 1, 10, W}, {FAULT, 1, 3, W}},
     .actors = 3,
     .fails = 1,
     .limit = 3,
     .prompt = true},
    {.name = "the same, short of slots",
     .before = memory_swapped_slots_taken,
     .act = {{FAULT, 0, 10, W}, {FAULT, 1, 10, W}, {FAULT, 1, 3, W}},
     .actors = 3,
     .fails = 1,
     .limit = 2,
     .slots = 3,
     .prompt = true,
     .short_of_slots = true},
    {.name = "writing back meets a write",
     .before = file_written,
     .act = {{SYNC, 0, 0, THE_FILE}, {FAULT, 1, 4, W}, {FAULT, 1, 5, W}},
     .actors = 3,
     .fails = 2},
    {.name = "writing back meets eviction",
     .before = file_written,
     .act = {{SYNC, 0, 0, THE_FILE}, {FAULT, 1, 0, W}, {FAULT, 1, 1, W}},
     .actors = 3,
     .fails = 1,
     .limit = 2,
     .prompt = true},
    {.name = "writing back meets unmapping",
     .before = file_seen_by_both,
     .act = {{SYNC, 0, 0, THE_FILE}, {UNMAP, 0, 4, 2}, {EXIT, 1, 0, 0}},
     .actors = 3,
     .fails = 1},
    {.name = "writing back meets writing back",
     .before = file_written,
     .act = {{SYNC, 0, 0, THE_FILE}, {SYNC, 0, 0, THE_FILE}},
     .actors = 2,
     .fails = 2},
    {.name = "discarding meets a page that goes, and one that comes",
     .before = two_zeros,
     .act = {{FAULT, 0, 0, R}, {DISCARD, 0, 0, 2}, {DISCARD, 0, 1, 1}},
     .actors = 3,
     .fails = 1,
     .limit = 1},
    {.name = "discarding meets a page of a file",
     .before = nothing,
     .act = {{FAULT, 0, 4, W}, {FAULT, 1, 5, R}, {DISCARD, 0, 4, 2}},
     .actors = 3,
     .fails = 1},
    {.name = "a copy on a write, while its source goes",
     .before = forked_and_seen,
     .act = {{FAULT, 1, 1, W}, {FAULT, 2, 0, W}, {FAULT, 0, 0, R}},
     .actors = 3,
     .fails = 1,
     .limit = 1,
     .prompt = true},
    {.name = "both copy, and must evict the source first",
     .before = forked_and_seen,
     .act = {{FAULT, 2, 0, W}, {FAULT, 0, 0, W}},
     .actors = 2,
     .fails = 2,
     .limit = 1},
    {.name = "a copy of a file's page, while that goes",
     .before = file_seen_by_both,
     .act = {{FAULT, 1, 1, W}, {FAULT, 0, 4, W}},
     .actors = 2,
     .fails = 2,
     .limit = 1},
    {.name = "a copy of a memory object's page, while that goes",
     .before = memory_seen_by_both,
     .act = {{FAULT, 1, 1, W}, {FAULT, 0, 10, W}},
     .actors = 2,
     .fails = 2,
     .limit = 1},
    {.name = "a sibling leaves while their page goes",
     .before = forked_and_seen,
     .act = {{FAULT, 1, 1, W}, {EXIT, 2, 0, 0}, {FAULT, 0, 0, W}},
     .actors = 3,
     .fails = 1,
     .limit = 1,
     .prompt = true},
    {.name = "a sibling leaves while their page comes",
     .before = forked_and_swapped,
     .act = {{FAULT, 0, 0, R}, {EXIT, 2, 0, 0}, {FAULT, 0, 1, W}},
     .actors = 3,
     .fails = 1,
     .limit = 2,
     .prompt = true},
    {.name = "both read what they share in swap",
     .before = forked_and_swapped,
     .act = {{FAULT, 0, 0, R}, {FAULT, 2, 0, W}},
     .actors = 2,
     .fails = 1,
     .limit = 2},
    {.name = "a parent leaves, and its child is protected, while that waits for a frame",
     .before = forked_and_seen,
     .act = {{FAULT, 2, 0, W}, {EXIT, 0, 0, 0}, {PROTECT, 2, 0, 2}},
     .actors = 3,
     .fails = 1,
     .limit = 1},
};

static void test_all_orders(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct explorer explorer = {.depth = 0};
        unsigned runs = 0;

        do {
            struct run run = {.scenario = &scenarios[i], .explorer = &explorer};
            go(&run);
            runs++;
        } while (explorer_next(&explorer));
        printf("# %s: %u runs\n", scenarios[i].name, runs);
        assert_true(runs > 4);
    }
}

/* BUSY is an answer for now: whoever tries again whenever anything has happened gets through. */
static void test_busy_ends(void **state)
{
    struct prng prng = prng_new(31);

    (void)state;
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        for (unsigned n = 0; n < 3 * EFFORT; n++) {
            struct scenario scenario = scenarios[i];
            struct run run = {.scenario = &scenario, .prng = &prng};

            scenario.machine = n % 2 == 0 ? LAB_SMALL : LAB_NO_DIRTY;
            go(&run);
        }
    }
}

/* ---- one by one ------------------------------------------------------------------------------ */

static enum quire_status begin_fault(struct lab *lab, struct quire_request *request, unsigned space,
                                     unsigned page)
{
    *request = (struct quire_request){.ready = NULL};
    return quire_space_fault(&lab->space[space].space, lab_va(lab, space, page), W, request);
}

/* Write-back fails, and leaves the disk spoilt; a private page is read from there; then writing
 * succeeds, and all looks as if nothing had happened. */
static void test_read_from_a_spoilt_disk(void **state)
{
    const struct scenario scenario = {.before = nothing, .limit = 2};
    struct run run = {.scenario = &scenario};
    struct lab *lab = &run.lab;
    struct quire_request reads, writes, evicts;

    (void)state;
    prepare(&run);
    assert_int_equal(begin_fault(lab, &reads, 0, 4), QUIRE_PENDING);
    assert_int_equal(begin_fault(lab, &writes, 1, 4), QUIRE_PENDING);
    lab_complete(lab, 1, QUIRE_OK);
    assert_int_equal(quire_space_resume(&writes), QUIRE_OK);
    use(&run, &(struct act){FAULT, 1, 4, W});
    assert_int_equal(begin_fault(lab, &evicts, 1, 0), QUIRE_PENDING);
    lab_complete(lab, 1, QUIRE_IO_ERROR);
    assert_int_equal(quire_space_resume(&evicts), QUIRE_IO_ERROR);
    lab_complete(lab, 0, QUIRE_OK); /* noise comes in */
    assert_int_equal(begin_fault(lab, &evicts, 1, 0), QUIRE_PENDING);
    lab_complete(lab, 0, QUIRE_OK);
    assert_int_equal(quire_space_resume(&evicts), QUIRE_OK);
    lab_check(lab);
    assert_int_equal(quire_space_resume(&reads), QUIRE_PENDING); /* once more */
    lab_complete(lab, 0, QUIRE_OK);
    assert_int_equal(quire_space_resume(&reads), QUIRE_OK);
    lab_faulted(lab, 0, 4, W); /* compares it */
    lab->hold = false;
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

/* ---- many at once, at random ----------------------------------------------------------------- */

/* Where it is mapped and allowed: what is refused is another test's. */
static bool random_act(struct run *run, struct act *act)
{
    static const unsigned char what[] = {FAULT, FAULT, FAULT, FAULT,   FAULT, FAULT, FAULT, SYNC,
                                         FORK,  UNMAP, UNMAP, DISCARD, EXIT,  FAULT, FAULT, FAULT};
    struct prng *prng = run->prng;
    unsigned page = (unsigned)prng_below(prng, LAB_PAGES);

    *act = (struct act){what[prng_below(prng, sizeof(what))], (unsigned)prng_below(prng, 3), page,
                        1 + (unsigned)prng_below(prng, LAB_PAGES - page) / 4};
    switch (act->what) {
    case FAULT: act->more = prng_one_in(prng, 2) ? R : W; break;
    case SYNC: act->more = THE_FILE; break;
    case FORK: act->more = (act->space + 1 + (unsigned)prng_below(prng, 2)) % 3; break;
    case UNMAP: act->more = 1; break;
    default: break;
    }
    if (act->what == EXIT && act->space != 2) {
        act->what = FAULT;
        act->more = R;
    }
    return act->what == SYNC ||
           (run->lab.space[act->space].alive && (act->what != FORK || lab_can_protect(&run->lab)) &&
            (act->what != FAULT ||
             lab_judge(&run->lab, act->space, page, act->more) == QUIRE_REFUSAL_NONE));
}

static void random_run(const struct scenario *scenario, struct prng *prng, unsigned steps)
{
    struct run run = {.scenario = scenario, .prng = prng};

    prepare(&run);
    for (unsigned i = 0; i < ACTORS; i++) {
        run.actor[i] = (struct actor){.state = ENDED, .act = &run.act[i]};
    }
    for (unsigned n = 0; n < steps; n++) {
        unsigned i = (unsigned)prng_below(prng, ACTORS);
        struct act act;

        if (run.actor[i].state == ENDED && random_act(&run, &act)) {
            run.act[i] = act;
            run.actor[i] = (struct actor){.state = TO_BEGIN, .act = &run.act[i]};
        }
        step(&run);
        lab_check(&run.lab);
    }
    for (unsigned n = 0; step(&run); n++) {
        lab_check(&run.lab);
        check(n < 1000);
    }
    wind_up(&run);
}

static void test_random(void **state)
{
    struct prng prng = prng_new(32);

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * EFFORT; i++) {
        struct scenario scenario = {.name = "at random",
                                    .before = nothing,
                                    .actors = ACTORS,
                                    .fails = (unsigned)prng_below(&prng, 10),
                                    .limit = 1 + (uint32_t)prng_below(&prng, 8),
                                    .prompt = prng_one_in(&prng, 2),
                                    .machine = i % LAB_MACHINES};

        random_run(&scenario, &prng, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders),
        cmocka_unit_test(test_busy_ends),
        cmocka_unit_test(test_read_from_a_spoilt_disk),
        cmocka_unit_test(test_random),
    };

    return unit_run(tests);
}
