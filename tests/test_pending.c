/*
 * Transfers that take their time: several requests under way at once, in every order in which they
 * can begin, be served, fail and go on. After each step everything is validated, and in the end
 * every byte is there.
 *
 *     actor 0   begin --PENDING--> (written) --resume, PENDING--> (read) --resume--> OK
 *     actor 1           begin --BUSY                    each cut of these lines is a step,
 *     unmap                     BUSY, nothing changed       each shuffle of the steps a run
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/explorer.h"
#include "tests/support/lab.h"
#include "tests/support/policies.h"
#include "tests/support/unit.h"

enum { ACTORS = 3 };

/* ---- scenarios ------------------------------------------------------------------------------- */

struct wish {
    unsigned space, page, access;
};

struct scenario {
    const char *name;
    unsigned machine;
    uint32_t limit, frames; /* frames: 0: plenty */
    const char *before;     /* pages of space 0 and 1: w written, r read, in that order */
    const char *before_1;
    unsigned actors;
    struct wish wish[ACTORS];
    bool prompt;           /* a request goes on as soon as it can: not a step of its own */
    unsigned fails;        /* so many transfers may fail in a run */
    unsigned first, pages; /* unmapped by a step of its own; 0 pages: nothing is */
    unsigned file_pages;   /* the pages from 8 on are of a file */
};

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

struct actor {
    struct quire_request request;
    struct wish wish;
    enum { WAITS_TO_BEGIN, WAITS, MAY_GO_ON, ENDED } state;
    enum quire_status status;
    bool failed; /* a transfer of its own did */
};

struct run {
    const struct scenario *scenario;
    struct explorer *explorer;
    struct lab lab;
    struct actor actor[ACTORS];
    unsigned fails_left;
    bool may_unmap;
};

static void ready(struct quire_request *request)
{
    struct actor *actor = request->context;

    check(actor->state == WAITS);
    actor->state = MAY_GO_ON;
}

/* Uses a page that the core said can be used now. */
static void use(struct lab *lab, const struct wish *wish)
{
    unsigned char *where;

    lab_faulted(lab, wish->space, wish->page, wish->access);
    where = lab_mmu(lab, wish->space, wish->page, wish->access);
    checkf(where != NULL, "page %u faults after OK", wish->page);
    lab_expect_bytes(lab, wish->space, wish->page, where);
    if (wish->access & QUIRE_WRITE) {
        lab->space[wish->space].page[wish->page].written = true;
        where[0] = ++lab_model(lab, wish->space, wish->page)[0];
    }
}

static bool others_under_way(const struct run *run, const struct actor *actor)
{
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        const struct actor *other = &run->actor[i];
        if (other != actor && (other->state == WAITS || other->state == MAY_GO_ON)) {
            return true;
        }
    }
    return false;
}

/* What the core answered, to the fault or when it went on. */
static void answered(struct run *run, struct actor *actor, enum quire_status status)
{
    struct lab *lab = &run->lab;
    const struct wish *wish = &actor->wish;

    actor->status = status;
    if (status == QUIRE_PENDING) {
        check(actor->state == WAITS);
        return;
    }
    actor->state = ENDED;
    switch (status) {
    case QUIRE_OK: use(lab, wish); break;
    case QUIRE_BUSY: check(others_under_way(run, actor)); break;
    case QUIRE_IO_ERROR: check(actor->failed); break;
    case QUIRE_FAULT: check(!lab->space[wish->space].page[wish->page].mapped); break;
    case QUIRE_NO_MEMORY: check(run->scenario->frames != 0 && !others_under_way(run, actor)); break;
    default: checkf(false, "%s: %s", run->scenario->name, quire_status_text(status));
    }
}

static bool page_in_transit(const struct run *run, const struct wish *wish)
{
    const struct quire_space *space = &run->lab.space[wish->space].space;
    quire_va va = lab_va(&run->lab, wish->space, wish->page);
    unsigned kind = quire_supplement_get(&space->supplement, quire_space_vpn(space, va)).kind;

    return kind == QUIRE_RECORD_COMING || kind == QUIRE_RECORD_GOING;
}

static void begin(struct run *run, struct actor *actor)
{
    struct lab *lab = &run->lab;
    const struct wish *wish = &actor->wish;
    bool meets = page_in_transit(run, wish);
    struct lab_state before;
    enum quire_status status;

    if (lab_mmu(lab, wish->space, wish->page, wish->access) != NULL) {
        actor->state = ENDED; /* no fault: it is there already */
        use(lab, wish);
        return;
    }
    lab_remember(lab, &before);
    actor->state = WAITS;
    actor->request = (struct quire_request){.ready = ready, .context = actor};
    status = quire_space_fault(&lab->space[wish->space].space, lab_va(lab, wish->space, wish->page),
                               wish->access, &actor->request);
    check(!meets || status == QUIRE_BUSY);
    if (meets) {
        lab_unchanged(lab, &before, LAB_SAME);
    }
    answered(run, actor, status);
}

static void go_on(struct run *run, struct actor *actor)
{
    actor->state = WAITS;
    answered(run, actor, quire_space_resume(&actor->request));
}

static void complete(struct run *run, unsigned held, enum quire_status status)
{
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        struct actor *actor = &run->actor[i];
        if (run->lab.held[held].transfer == &actor->request.transfer) {
            actor->failed = actor->failed || status != QUIRE_OK;
            lab_complete(&run->lab, held, status);
            check(actor->state == MAY_GO_ON);
            if (run->scenario->prompt) {
                go_on(run, actor);
            }
            return;
        }
    }
    check(false);
}

/* One of the things that could happen now; false: nothing can any more. The n-th possibility is the
 * one that is counted down to. */
static bool step(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    unsigned served = run->lab.held_count * (run->fails_left != 0 ? 2 : 1);
    unsigned options = served + run->may_unmap, n;

    for (unsigned i = 0; i < scenario->actors; i++) {
        options += run->actor[i].state == WAITS_TO_BEGIN || run->actor[i].state == MAY_GO_ON;
    }
    if (options == 0) {
        return false;
    }
    n = explorer_choose(run->explorer, options);
    if (n < served) {
        bool fails = n >= run->lab.held_count;
        run->fails_left -= fails;
        complete(run, n % run->lab.held_count, fails ? QUIRE_IO_ERROR : QUIRE_OK);
        return true;
    }
    n -= served;
    if (n == 0 && run->may_unmap) {
        run->may_unmap = false;
        lab_unmap(&run->lab, 0, scenario->first, scenario->pages);
        return true;
    }
    n -= run->may_unmap;
    for (unsigned i = 0; i < scenario->actors; i++) {
        struct actor *actor = &run->actor[i];
        if ((actor->state == WAITS_TO_BEGIN || actor->state == MAY_GO_ON) && n-- == 0) {
            actor->state == MAY_GO_ON ? go_on(run, actor) : begin(run, actor);
            break;
        }
    }
    return true;
}

static void touch(struct lab *lab, unsigned space, const char *picture)
{
    for (unsigned i = 0; picture != NULL && picture[i] != '\0'; i++) {
        if (picture[i] == 'w') {
            check(lab_write(lab, space, i) == QUIRE_OK);
        } else if (picture[i] == 'r') {
            check(lab_read(lab, space, i) == QUIRE_OK);
        }
    }
}

static void prepare(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    struct lab_setup setup = {.limit = scenario->limit, .slots = 16};
    struct lab *lab = &run->lab;

    setup.format = lab_machine(scenario->machine, &setup.frames);
    setup.frames = scenario->frames != 0 ? scenario->frames : setup.frames;
    lab_open(lab, &setup);
    lab_file(lab, 0, 2 * lab->page_bytes);
    for (unsigned n = 0; n < 2; n++) {
        check(lab_create(lab, n, 0) == QUIRE_OK);
        lab_draw(lab, n, "wwwwww");
        check(lab_map_file(lab, n, 8, 2, 'w', 0, 0) == QUIRE_OK);
    }
    touch(lab, 0, scenario->before);
    touch(lab, 1, scenario->before_1);
    lab->hold = true;
    run->fails_left = scenario->fails;
    run->may_unmap = scenario->pages != 0;
    for (unsigned i = 0; i < scenario->actors; i++) {
        run->actor[i] = (struct actor){.wish = scenario->wish[i]};
    }
}

/* In the end nothing is under way, whoever was told to try again can, and no byte is missing. */
static void wind_up(struct run *run)
{
    struct lab *lab = &run->lab;

    lab->hold = false;
    for (unsigned i = 0; i < run->scenario->actors; i++) {
        const struct wish *wish = &run->actor[i].wish;
        check(run->actor[i].state == ENDED);
        if (lab->space[wish->space].page[wish->page].mapped) {
            check(lab_read(lab, wish->space, wish->page) == QUIRE_OK);
        }
    }
    lab_compare(lab);
    lab_check(lab);
    lab_close(lab);
}

static unsigned explore(const struct scenario *scenario)
{
    struct explorer explorer = {.depth = 0};
    unsigned runs = 0;

    do {
        struct run run = {.scenario = scenario, .explorer = &explorer};

        prepare(&run);
        while (step(&run)) {
            lab_check(&run.lab);
        }
        wind_up(&run);
        runs++;
    } while (explorer_next(&explorer));
    return runs;
}

static const struct scenario scenarios[] = {
    {.name = "two read one page of a file",
     .machine = LAB_SMALL,
     .actors = 2,
     .wish = {{0, 8, R}, {0, 8, W}},
     .fails = 2},
    {.name = "two want one page from swap",
     .machine = LAB_SMALL,
     .limit = 2,
     .before = "wwr",
     .actors = 2,
     .wish = {{0, 0, R}, {0, 0, W}},
     .fails = 2},
    {.name = "one wants what the other evicts",
     .machine = LAB_SMALL,
     .limit = 1,
     .before = ".w",
     .actors = 2,
     .wish = {{0, 2, R}, {0, 1, R}},
     .fails = 2},
    {.name = "the same, on an MMU without dirty bit",
     .machine = LAB_NO_DIRTY,
     .limit = 1,
     .before = ".w",
     .actors = 2,
     .wish = {{0, 2, R}, {0, 1, W}},
     .fails = 1},
    {.name = "all memory is in transit",
     .machine = LAB_SMALL,
     .limit = 1,
     .before = "ww",
     .actors = 3,
     .wish = {{0, 0, R}, {0, 2, W}, {0, 3, W}},
     .fails = 1,
     .prompt = true},
    {.name = "each evicts for itself",
     .machine = LAB_SMALL,
     .limit = 2,
     .before = "wwww",
     .actors = 2,
     .wish = {{0, 0, R}, {0, 1, W}},
     .fails = 1},
    {.name = "three in a small space",
     .machine = LAB_SMALL,
     .limit = 2,
     .before = "wwww",
     .actors = 3,
     .wish = {{0, 0, R}, {0, 8, W}, {0, 2, W}},
     .fails = 1,
     .prompt = true},
    {.name = "two spaces",
     .machine = LAB_SMALL,
     .limit = 2,
     .before = "ww",
     .before_1 = "ww",
     .actors = 3,
     .wish = {{0, 0, R}, {1, 0, W}, {1, 0, R}},
     .fails = 1,
     .prompt = true},
    {.name = "unmapped while it comes",
     .machine = LAB_SMALL,
     .limit = 2,
     .before = "wwr",
     .actors = 2,
     .wish = {{0, 0, R}, {0, 8, R}},
     .fails = 1,
     .first = 0,
     .pages = 9,
     .prompt = true},
    {.name = "unmapped while it goes",
     .machine = LAB_SMALL,
     .limit = 1,
     .before = "w",
     .actors = 2,
     .wish = {{0, 2, R}, {0, 0, R}},
     .fails = 1,
     .first = 0,
     .pages = 1},
};

static void test_all_orders(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        unsigned runs = explore(&scenarios[i]);

        printf("# %s: %u runs\n", scenarios[i].name, runs);
        assert_true(runs > 4);
    }
}

/* Page tables want memory too, and there is less and less of it, down to none. */
static void test_little_memory(void **state)
{
    struct scenario scenario = {.name = "little memory",
                                .machine = LAB_SMALL,
                                .before = "ww",
                                .actors = 3,
                                .wish = {{0, 0, R}, {1, 5, W}, {0, 8, W}},
                                .prompt = true};

    (void)state;
    for (scenario.frames = 26; scenario.frames < 34; scenario.frames++) {
        explore(&scenario);
    }
}

/* ---- one by one ------------------------------------------------------------------------------ */

struct waiting {
    struct quire_request request;
    struct wish wish;
    bool ready;
};

static void wake(struct quire_request *request)
{
    ((struct waiting *)request->context)->ready = true;
}

static enum quire_status answer(struct lab *lab, const struct waiting *w, enum quire_status status)
{
    if (status == QUIRE_OK) {
        lab_faulted(lab, w->wish.space, w->wish.page, w->wish.access);
    }
    return status;
}

static enum quire_status fault(struct lab *lab, struct waiting *w, unsigned space, unsigned page,
                               unsigned access)
{
    *w = (struct waiting){.request = {.ready = wake, .context = w}, .wish = {space, page, access}};
    return answer(
        lab, w,
        quire_space_fault(&lab->space[space].space, lab_va(lab, space, page), access, &w->request));
}

static enum quire_status end(struct lab *lab, struct waiting *w, enum quire_status status)
{
    assert_false(w->ready);
    lab_complete(lab, 0, status);
    assert_true(w->ready);
    w->ready = false;
    lab_check(lab);
    return answer(lab, w, quire_space_resume(&w->request));
}

/* The whole way of a fault that has to evict, step by step. */
static void test_step_by_step(void **state)
{
    struct waiting a, b;
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 1, 4);
    lab_draw(&lab, 0, "www");
    assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
    assert_int_equal(lab_write(&lab, 0, 1), QUIRE_OK);
    lab_pages(&lab, 0, "s#");
    lab.hold = true;
    assert_int_equal(fault(&lab, &a, 0, 0, R), QUIRE_PENDING);
    lab_pages(&lab, 0, "s>");
    lab_check(&lab);
    assert_int_equal(fault(&lab, &b, 0, 1, R), QUIRE_BUSY); /* meets the eviction */
    assert_int_equal(fault(&lab, &b, 0, 2, R), QUIRE_BUSY); /* there is no frame, but will be */
    assert_int_equal(lab_unmap(&lab, 0, 1, 1), QUIRE_BUSY);
    assert_int_equal(lab_unmap(&lab, 0, 0, 3), QUIRE_BUSY);
    lab_regions(&lab, 0, "www");
    assert_int_equal(end(&lab, &a, QUIRE_OK), QUIRE_PENDING);
    lab_pages(&lab, 0, "<s");
    lab_check(&lab);
    assert_int_equal(fault(&lab, &b, 0, 0, R), QUIRE_BUSY); /* meets a page that comes */
    assert_int_equal(lab_unmap(&lab, 0, 0, 2), QUIRE_BUSY);
    assert_int_equal(lab_unmap(&lab, 0, 1, 1), QUIRE_OK); /* has nothing to do with it */
    lab_regions(&lab, 0, "w.w");
    assert_int_equal(end(&lab, &a, QUIRE_OK), QUIRE_OK);
    lab_pages(&lab, 0, "#");
    lab.hold = false;
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

/* A page that is not in transit may be unmapped although somebody waits for it; he learns that. */
static void test_unmapped_while_waiting_for_a_frame(void **state)
{
    struct waiting a;
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 1, 4);
    lab_draw(&lab, 0, "w.w");
    assert_int_equal(lab_write(&lab, 0, 0), QUIRE_OK);
    lab.hold = true;
    assert_int_equal(fault(&lab, &a, 0, 2, R), QUIRE_PENDING);
    lab_pages(&lab, 0, ">");
    assert_int_equal(lab_unmap(&lab, 0, 2, 1), QUIRE_OK);
    assert_int_equal(end(&lab, &a, QUIRE_OK), QUIRE_FAULT);
    assert_int_equal(a.request.refusal, QUIRE_REFUSAL_NO_REGION);
    lab_pages(&lab, 0, "s");
    lab_check(&lab);
    lab.hold = false;
    lab_compare(&lab);
    lab_close(&lab);
}

/* Protected while it was on its way: it comes with the rights of now. */
static void test_protected_while_coming(void **state)
{
    static const char to[] = "rx-kw";

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 5; i++) {
        struct waiting a;
        struct lab lab;

        lab_start(&lab, i / 5, 0, 4);
        lab_file(&lab, 0, 4 * lab.page_bytes);
        assert_int_equal(lab_map_file(&lab, 0, 0, 4, 'w', 0, 0), QUIRE_OK);
        lab.hold = true;
        assert_int_equal(fault(&lab, &a, 0, 1, W), QUIRE_PENDING);
        assert_int_equal(lab_protect(&lab, 0, 1, 2, to[i % 5]), QUIRE_OK); /* cuts it out, too */
        lab_pages(&lab, 0, ".<");
        assert_int_equal(end(&lab, &a, QUIRE_OK), QUIRE_OK);
        lab_pages(&lab, 0, ".#");
        lab_check(&lab);
        (void)lab_mmu(&lab, 0, 1, R); /* checks that no more is allowed than that */
        (void)lab_mmu(&lab, 0, 1, W);
        lab.hold = false;
        assert_int_equal(lab_protect(&lab, 0, 0, 4, 'r'), QUIRE_OK);
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* The interrupt comes before the device's function has returned QUIRE_PENDING. */
static void test_done_before_pending(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 2, 16);
        lab_file(&lab, 0, 3 * lab.page_bytes);
        lab_draw(&lab, 0, "wwww");
        assert_int_equal(lab_map_file(&lab, 0, 8, 4, 'w', 0, 0), QUIRE_OK);
        lab.early = true;
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned page = 0; page < 4; page++) {
                assert_int_equal(lab_write_some(&lab, 0, page), QUIRE_OK);
                assert_int_equal(lab_read(&lab, 0, 8 + page), QUIRE_OK);
            }
            lab_compare(&lab);
            lab_check(&lab);
        }
        assert_true(lab.swap.writes != 0);
        lab_close(&lab);
    }
}

/* A space goes while a page of it is being written out for another one's sake: first all of it is
 * unmapped, which says when that can be done. */
static void test_destroy_after_unmap(void **state)
{
    struct waiting a;
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 1, 4);
    assert_int_equal(lab_create(&lab, 1, 0), QUIRE_OK);
    lab_draw(&lab, 0, "w");
    lab_draw(&lab, 1, "w");
    assert_int_equal(lab_write(&lab, 1, 0), QUIRE_OK);
    lab.hold = true;
    assert_int_equal(fault(&lab, &a, 0, 0, W), QUIRE_PENDING);
    assert_int_equal(lab_unmap(&lab, 1, 0, LAB_PAGES), QUIRE_BUSY);
    assert_int_equal(end(&lab, &a, QUIRE_OK), QUIRE_OK);
    assert_int_equal(lab_unmap(&lab, 1, 0, LAB_PAGES), QUIRE_OK);
    lab_destroy(&lab, 1);
    lab_check(&lab);
    lab_close(&lab);
}

/* ---- many at once, at random ----------------------------------------------------------------- */

static void random_step(struct lab *lab, struct waiting *w)
{
    unsigned space = (unsigned)prng_below(&lab->prng, 2);
    unsigned page = (unsigned)prng_below(&lab->prng, LAB_PAGES);

    if (w->request.space == NULL) {
        struct wish wish = {space, page, prng_one_in(&lab->prng, 2) ? R : W};
        if (lab_judge(lab, space, page, wish.access) != QUIRE_REFUSAL_NONE) {
            return;
        }
        if (lab_mmu(lab, space, page, wish.access) != NULL) {
            use(lab, &wish);
        } else if (fault(lab, w, space, page, wish.access) != QUIRE_PENDING) {
            w->request.space = NULL;
        }
    } else if (w->ready) {
        w->ready = false;
        if (answer(lab, w, quire_space_resume(&w->request)) != QUIRE_PENDING) {
            w->request.space = NULL;
        }
    }
}

static void random_run(const struct lab_setup *setup, unsigned steps)
{
    enum { MANY = 6 };
    struct waiting w[MANY] = {{.ready = false}};
    struct lab lab;

    lab_open(&lab, setup);
    lab_file(&lab, 0, 5 * lab.page_bytes - 1);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(lab_create(&lab, n, 0), QUIRE_OK);
        lab_draw(&lab, n, "wwwwwwww");
        assert_int_equal(lab_map_file(&lab, n, 9, 6, 'w', 0, 0), QUIRE_OK);
    }
    lab.hold = true;
    for (unsigned step = 0; step < steps; step++) {
        if (lab.held_count != 0 && prng_one_in(&lab.prng, 3)) {
            lab_complete(&lab, (unsigned)prng_below(&lab.prng, lab.held_count),
                         prng_one_in(&lab.prng, 8) ? QUIRE_IO_ERROR : QUIRE_OK);
        } else if (prng_one_in(&lab.prng, 30)) {
            lab_unmap(&lab, 0, (unsigned)prng_below(&lab.prng, LAB_PAGES), 1);
        } else if (prng_one_in(&lab.prng, 30)) {
            lab_protect(&lab, 1, (unsigned)prng_below(&lab.prng, LAB_PAGES), 1,
                        "rw"[prng_below(&lab.prng, 2)]);
        } else {
            random_step(&lab, &w[prng_below(&lab.prng, MANY)]);
        }
        if (step % 4 == 0) {
            lab_check(&lab);
        }
    }
    while (lab.held_count != 0) {
        lab_complete(&lab, 0, QUIRE_OK);
        for (unsigned i = 0; i < MANY; i++) {
            if (w[i].request.space != NULL) {
                random_step(&lab, &w[i]);
            }
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        while (w[i].request.space != NULL) {
            random_step(&lab, &w[i]);
            while (lab.held_count != 0) {
                lab_complete(&lab, 0, QUIRE_OK);
            }
        }
    }
    lab.hold = false;
    lab_check(&lab);
    for (unsigned i = 0; i < 2 * LAB_PAGES; i++) {
        if (lab_judge(&lab, i % 2, i / 2, R) == QUIRE_REFUSAL_NONE) {
            enum quire_status status = lab_read(&lab, i % 2, i / 2);
            check(status == QUIRE_OK || (status == QUIRE_NO_SPACE && setup->slots < 2 * LAB_PAGES));
        }
    }
    lab_close(&lab);
}

static void test_random(void **state)
{
    struct prng prng = prng_new(7);

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES * 4; i++) {
        struct lab_setup setup = {.policy = policies[i % MODEL_KINDS],
                                  .limit = 1 + (uint32_t)prng_below(&prng, 9),
                                  .slots = 2 + (uint32_t)prng_below(&prng, 40)};

        setup.format = lab_machine(i / 4, &setup.frames);
        if (!setup.policy->wants_accessed || setup.format->leaf.accessed.mask != 0) {
            random_run(&setup, 600);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_by_step),
        cmocka_unit_test(test_unmapped_while_waiting_for_a_frame),
        cmocka_unit_test(test_protected_while_coming),
        cmocka_unit_test(test_done_before_pending),
        cmocka_unit_test(test_destroy_after_unmap),
        cmocka_unit_test(test_all_orders),
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_random),
    };

    return unit_run(tests);
}
