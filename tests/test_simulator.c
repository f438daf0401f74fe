/*
 * The simulated machine's parts, each against a plain model: TLB, processor (test_disk.c has the
 * disk); what it counts, what it tells its listener, what it refuses to be.
 */
#include <errno.h>
#include <string.h>

#include "hosts/simulator/run.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"
#include "tests/support/world.h"

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

/* ---- the TLB against lists ------------------------------------------------------------------- */

enum { MODEL_SETS = 8, MODEL_WAYS = 8, TLB_STEPS = 4000 };

struct model_entry {
    uint64_t vpn, first, last; /* of the leaf, in bytes */
    uint32_t pfn;
    uint16_t asid;
    unsigned rights;
    bool global, dirty;
};

/* One list for each set, the entry used last in front. */
struct model {
    const struct quire_format *format;
    unsigned sets, ways, page_shift;
    uint16_t asid;
    struct model_entry entry[MODEL_SETS][MODEL_WAYS];
    unsigned used[MODEL_SETS];
};

static uint16_t model_tag(const struct model *model, uint16_t asid)
{
    return (uint16_t)(asid % (1U << model->format->asid_bits));
}

static void model_remove(struct model *model, unsigned set, unsigned at)
{
    memmove(&model->entry[set][at], &model->entry[set][at + 1],
            (model->used[set] - at - 1) * sizeof(struct model_entry));
    model->used[set]--;
}

static void model_push(struct model *model, unsigned set, struct model_entry entry)
{
    if (model->used[set] == model->ways) {
        model->used[set]--;
    }
    memmove(&model->entry[set][1], &model->entry[set][0],
            model->used[set] * sizeof(struct model_entry));
    model->entry[set][0] = entry;
    model->used[set]++;
}

static const struct model_entry *model_find(struct model *model, quire_va va, unsigned access)
{
    uint64_t vpn = va.at >> model->page_shift;
    unsigned set = (unsigned)(vpn % model->sets);

    for (unsigned i = 0; i < model->used[set]; i++) {
        struct model_entry entry = model->entry[set][i];
        bool mine = entry.vpn == vpn && (entry.global || entry.asid == model->asid);
        bool clean = (access & QUIRE_WRITE) != 0 && !entry.dirty;

        if (mine && (access & ~entry.rights) == 0 && !clean) {
            model_remove(model, set, i);
            model_push(model, set, entry);
            return &model->entry[set][0];
        }
    }
    return NULL;
}

static void model_fill(struct model *model, quire_va va, unsigned access,
                       const struct quire_walk *walk)
{
    uint64_t vpn = va.at >> model->page_shift;
    unsigned set = (unsigned)(vpn % model->sets);
    bool marks = model->format->leaf.dirty.mask != 0;
    struct model_entry entry = {.vpn = vpn,
                                .first = va.at - va.at % walk->page_bytes,
                                .last = va.at - va.at % walk->page_bytes + (walk->page_bytes - 1),
                                .pfn = (uint32_t)(walk->pa.at >> model->page_shift),
                                .asid = model->asid,
                                .rights = walk->attributes & QUIRE_RIGHTS,
                                .global = (walk->attributes & QUIRE_GLOBAL) != 0,
                                .dirty = !marks || (walk->attributes & QUIRE_DIRTY) != 0 ||
                                         (access & QUIRE_WRITE) != 0};

    for (unsigned i = model->used[set]; i-- > 0;) {
        const struct model_entry *old = &model->entry[set][i];
        if (old->vpn == vpn && (old->global || entry.global || old->asid == model->asid)) {
            model_remove(model, set, i);
        }
    }
    model_push(model, set, entry);
}

/* Must this flush take the entry? */
static bool model_drops(const struct model *model, const struct quire_flush *flush,
                        const struct model_entry *entry)
{
    for (unsigned i = 0; i < flush->ranges; i++) {
        const struct quire_flush_range *range = &flush->range[i];
        bool space = entry->global ? range->global : entry->asid == model_tag(model, range->asid);
        bool place = range->bytes != 0 && range->va.at + (range->bytes - 1) >= entry->first &&
                     range->va.at <= entry->last;

        if (space && (place || flush->all)) {
            return true;
        }
    }
    return flush->all && !flush->asid_only;
}

static unsigned model_flush(struct model *model, const struct quire_flush *flush)
{
    unsigned dropped = 0;

    for (unsigned set = 0; set < model->sets; set++) {
        for (unsigned i = model->used[set]; i-- > 0;) {
            if (model_drops(model, flush, &model->entry[set][i])) {
                model_remove(model, set, i);
                dropped++;
            }
        }
    }
    return dropped;
}

static void model_switch(struct model *model, uint16_t asid)
{
    const struct quire_flush_range range = {.asid = model->asid};
    const struct quire_flush flush = {&range, 1, false, true, true};

    if (model->format->asid_bits == 0) {
        model_flush(model, &flush);
    }
    model->asid = model_tag(model, asid);
}

/* Few pages, far apart and close together, in both halves: many share a set, and a large leaf. */
static quire_va random_va(struct prng *prng, const struct quire_format *format)
{
    static const uint64_t far[] = {0, 512, 1 << 20};
    uint64_t vpn = far[prng_below(prng, 3)] + prng_below(prng, 24);
    uint64_t at = vpn << quire_format_page_shift(format);

    at += prng_below(prng, quire_format_page_bytes(format));
    return quire_va_at(prng_one_in(prng, 3) ? ~at : at);
}

/* What a walk might have found there. */
static struct quire_walk random_walk(struct prng *prng, const struct quire_format *format,
                                     quire_va va)
{
    unsigned level = 1 + (unsigned)prng_below(prng, format->levels);
    unsigned attributes = (unsigned)prng_next(prng) & (QUIRE_RIGHTS | QUIRE_DIRTY);
    struct quire_walk walk = {0};

    if (!format->level[level - 1].leaf || prng_one_in(prng, 2)) {
        level = format->levels;
    }
    walk.page_bytes = quire_format_span(format, level);
    walk.pa.at = prng_below(prng, UINT64_C(1) << 20) << quire_format_page_shift(format) |
                 (va.at & (quire_format_page_bytes(format) - 1));
    walk.attributes = attributes | (prng_one_in(prng, 5) ? QUIRE_GLOBAL : 0U);
    return walk;
}

static unsigned random_access(struct prng *prng)
{
    static const unsigned kind[] = {QUIRE_READ, QUIRE_WRITE, QUIRE_EXECUTE};

    return kind[prng_below(prng, 3)] | (prng_one_in(prng, 2) ? QUIRE_USER : 0U);
}

static void flush_both(struct prng *prng, struct tlb *tlb, struct model *model)
{
    struct quire_flush_range range[3];
    struct quire_flush flush = {range, 1 + (unsigned)prng_below(prng, 3), false, false, false};
    uint64_t page = quire_format_page_bytes(model->format);

    for (unsigned i = 0; i < flush.ranges; i++) {
        uint64_t va = random_va(prng, model->format).at & ~(page - 1);
        uint64_t most = (0 - va) / page; /* up to the end of all addresses; 0: all of them */

        range[i] = (struct quire_flush_range){.va = {va},
                                              .bytes = prng_below(prng, 6) * page,
                                              .asid = (uint16_t)prng_below(prng, 4),
                                              .page_shift = (uint8_t)model->page_shift,
                                              .global = prng_one_in(prng, 2)};
        if (most != 0 && range[i].bytes > most * page) {
            range[i].bytes = most * page;
        }
    }
    flush.all = prng_one_in(prng, 12);
    flush.asid_only = prng_one_in(prng, 2);
    flush.ranges = flush.all ? 1 : flush.ranges;
    check(tlb_flush(tlb, &flush) == model_flush(model, &flush));
}

/* Everything the model knows must be found, and with nothing else in it. */
static void compare_contents(const struct tlb *tlb, const struct model *model)
{
    unsigned held = 0, known = 0;

    for (unsigned i = 0; i < tlb->sets * tlb->ways; i++) {
        held += tlb->entry[i].vpn != TLB_NO_PAGE;
    }
    for (unsigned set = 0; set < model->sets; set++) {
        known += model->used[set];
    }
    check(held == known);
}

static void tlb_step(struct prng *prng, struct tlb *tlb, struct model *model)
{
    quire_va va = random_va(prng, model->format);
    unsigned access = random_access(prng);
    uint64_t what = prng_below(prng, 64);
    struct quire_walk walk;

    if (what < 2) {
        flush_both(prng, tlb, model);
    } else if (what < 4) {
        uint16_t asid = (uint16_t)prng_below(prng, 4);
        tlb_switch(tlb, asid);
        model_switch(model, asid);
    } else if (what < 24) {
        walk = random_walk(prng, model->format, va);
        tlb_fill(tlb, va, access, &walk);
        model_fill(model, va, access, &walk);
    } else {
        const struct tlb_entry *found = tlb_find(tlb, va, access);
        const struct model_entry *expected = model_find(model, va, access);

        check((found != NULL) == (expected != NULL));
        check(found == NULL || found->pfn.n == expected->pfn);
    }
}

static void test_tlb_against_lists(void **state)
{
    static const struct {
        unsigned entries, ways;
    } shape[] = {{8, 0}, {16, 2}, {7, 1}, {64, 8}, {1, 1}, {6, 3}};
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        for (unsigned s = 0; s < sizeof(shape) / sizeof(shape[0]); s++) {
            unsigned ways = shape[s].ways != 0 ? shape[s].ways : shape[s].entries;
            struct model model = {.format = test_formats[f],
                                  .sets = shape[s].entries / ways,
                                  .ways = ways,
                                  .page_shift = quire_format_page_shift(test_formats[f])};
            struct tlb tlb;

            check(tlb_open(&tlb, test_formats[f], shape[s].entries, shape[s].ways));
            for (unsigned step = 0; step < TLB_STEPS; step++) {
                tlb_step(&prng, &tlb, &model);
                compare_contents(&tlb, &model);
            }
            tlb_close(&tlb);
        }
    }
}

static void test_no_tlb(void **state)
{
    const struct quire_flush flush = {.all = true};
    struct quire_walk walk = {.page_bytes = 4096, .attributes = QUIRE_RIGHTS};
    struct tlb tlb;

    (void)state;
    check(tlb_open(&tlb, &quire_format_i386, 0, 0));
    tlb_fill(&tlb, quire_va_at(0), QUIRE_READ, &walk);
    check(tlb_find(&tlb, quire_va_at(0), QUIRE_READ) == NULL);
    check(tlb_flush(&tlb, &flush) == 0);
    tlb_switch(&tlb, 3);
    check(tlb_find(&tlb, quire_va_at(UINT64_MAX), QUIRE_READ) == NULL);
    tlb_close(&tlb);
}

/* ---- the processor --------------------------------------------------------------------------- */

/* Loads and stores of 1 to 64 bytes anywhere, in three frames, against flat bytes. */
static void load_and_store(const struct quire_format *format, const struct quire_policy_ops *policy,
                           struct prng *prng)
{
    struct machine_config config = world_config(format, policy);
    struct world world;

    config.resident_limit = 3;
    config.verify_flushes = prng_one_in(prng, 2);
    world_open(&world, &config, prng);
    check(world_create(&world, 0));
    for (uint32_t page = 0; page < world.pages; page = world_window_end(&world, page)) {
        world_map(&world, 0, page, world_window_end(&world, page) - page, QUIRE_RIGHTS, 0,
                  page == 0 ? 1 : QUIRE_NONE);
    }
    for (unsigned step = 0; step < 3000; step++) {
        world_random_access(&world);
        if (step % 64 == 0) {
            world_validate(&world);
        }
    }
    world_compare(&world);
    check(world.count.ok > 2000);
    world_close(&world);
}

static void test_loads_and_stores(void **state)
{
    struct prng prng = prng_new(3);

    (void)state;
    for (unsigned f = 0; f < TEST_FORMATS; f++) {
        for (unsigned p = 0; p < POLICIES; p++) {
            if (world_unfit(test_formats[f], policies[p]) == NULL) {
                load_and_store(test_formats[f], policies[p], &prng);
            }
        }
    }
}

/* A machine with one space of `pages` pages from address 0. */
struct small {
    struct machine machine;
    struct quire_space space;
    struct machine_trap trap;
};

static void small_open(struct small *small, const struct machine_config *config, uint32_t pages)
{
    struct quire_region_spec spec = {.bytes = pages * quire_format_page_bytes(config->format),
                                     .prot = QUIRE_RIGHTS};

    check(machine_open(&small->machine, config, NULL) == QUIRE_OK);
    check(quire_space_create(&small->space, &small->machine.system, config->format, 1) == QUIRE_OK);
    check(quire_space_map(&small->space, &spec) == QUIRE_OK);
}

static void small_close(struct small *small)
{
    quire_space_destroy(&small->space);
    machine_close(&small->machine);
}

/* What lies below a page that cannot be reached has been moved. */
static void test_partly_refused(void **state)
{
    struct machine_config config = world_config(&quire_format_i386, &quire_policy_fifo);
    unsigned char data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char back[3];
    struct small small;

    (void)state;
    small_open(&small, &config, 1);
    check(machine_access(&small.machine, &small.space, quire_va_at(4093), QUIRE_WRITE, data, 8,
                         &small.trap) == MACHINE_REFUSED);
    check(small.trap.va.at == 4096 && small.trap.access == QUIRE_WRITE);
    check(small.trap.refusal == QUIRE_REFUSAL_NO_REGION && small.trap.status == QUIRE_FAULT);
    check(machine_access(&small.machine, &small.space, quire_va_at(4093), QUIRE_READ, back, 3,
                         &small.trap) == MACHINE_OK);
    check(memcmp(back, data, 3) == 0);
    check(machine_access(&small.machine, &small.space, quire_va_at(1), QUIRE_READ, back, 0,
                         &small.trap) == MACHINE_OK); /* no bytes: no reference */
    check(small.machine.count.accesses == 3 && small.machine.count.references == 3);
    check(small.machine.count.refused == 1 && small.machine.count.faults == 1);
    small_close(&small);
}

/* A device that answers later has no place in this machine: that is said, not ignored. */
static enum quire_status answer_later(void *context, struct quire_transfer *request)
{
    *(struct quire_transfer **)context = request;
    return QUIRE_PENDING;
}

static void test_pending_is_a_failure(void **state)
{
    struct machine_config config = world_config(&quire_format_i386, &quire_policy_fifo);
    struct quire_transfer *pending = NULL;
    const struct quire_device device = {answer_later, &pending};
    struct quire_object object;
    struct quire_region_spec spec = {
        .va = {0x10000}, .bytes = 4096, .prot = QUIRE_RIGHTS, .object = &object};
    unsigned char byte;
    struct small small;

    (void)state;
    small_open(&small, &config, 1);
    check(quire_object_create(&object, &small.machine.system, &device, 4096) == QUIRE_OK);
    check(quire_space_map(&small.space, &spec) == QUIRE_OK);
    check(machine_access(&small.machine, &small.space, spec.va, QUIRE_READ, &byte, 1,
                         &small.trap) == MACHINE_FAILED);
    check(small.trap.status == QUIRE_PENDING && pending != NULL);
    check(machine_access(&small.machine, &small.space, spec.va, QUIRE_READ, &byte, 1,
                         &small.trap) == MACHINE_FAILED);
    check(small.trap.status == QUIRE_BUSY);
    machine_close(
        &small.machine); /* the page is in transit for ever: no way to destroy the space */
}

/* A page table that the core did not write: the machine stops instead of trying for ever. */
static void test_broken_tables(void **state)
{
    struct machine_config config = world_config(&quire_format_i386, &quire_policy_fifo);
    struct quire_walk walk;
    unsigned char byte;
    struct small small;

    (void)state;
    small_open(&small, &config, 1);
    check(machine_access(&small.machine, &small.space, quire_va_at(0), QUIRE_WRITE, &byte, 1,
                         &small.trap) == MACHINE_OK);
    tlb_switch(&small.machine.tlb, 1);
    check(quire_walk(&small.machine.mmu, quire_va_at(0), 0, &walk) == QUIRE_OK);
    memset(small.machine.ram + walk.entry_at.at, 0xff, 4); /* to where no memory is */
    check(machine_access(&small.machine, &small.space, quire_va_at(0), QUIRE_READ, &byte, 1,
                         &small.trap) == MACHINE_FAILED);
    check(small.trap.status == QUIRE_CORRUPT);
    machine_close(&small.machine);
}

/* ---- counting -------------------------------------------------------------------------------- */

enum { COUNT_PAGES = 24, COUNT_FRAMES = 7, COUNT_STEPS = 20000 };

/* Pages in the order in which they would go; how many references found theirs missing. */
struct counted {
    uint32_t page[COUNT_FRAMES];
    bool used[COUNT_FRAMES];
    unsigned held;
    uint64_t faults;
};

/* The hand of a clock passes over what was used, as pages of a list go from front to back. */
static void clock_turn(struct counted *c)
{
    while (c->used[0]) {
        uint32_t page = c->page[0];
        memmove(&c->page[0], &c->page[1], (c->held - 1) * sizeof(c->page[0]));
        memmove(&c->used[0], &c->used[1], (c->held - 1) * sizeof(c->used[0]));
        c->page[c->held - 1] = page;
        c->used[c->held - 1] = false;
    }
}

static void count_reference(struct counted *c, const struct quire_policy_ops *policy, uint32_t page)
{
    unsigned at = 0;

    while (at < c->held && c->page[at] != page) {
        at++;
    }
    if (at < c->held && policy == &quire_policy_fifo) {
        return;
    }
    if (at < c->held && policy == &quire_policy_clock) {
        c->used[at] = true;
        return;
    }
    c->faults += at == c->held;
    if (at == c->held && c->held == COUNT_FRAMES) {
        if (policy == &quire_policy_clock) {
            clock_turn(c);
        }
        at = 0;
    }
    if (at < c->held) { /* the one that goes, or with lru the one that is now the newest */
        memmove(&c->page[at], &c->page[at + 1], (c->held - at - 1) * sizeof(c->page[0]));
        memmove(&c->used[at], &c->used[at + 1], (c->held - at - 1) * sizeof(c->used[0]));
        c->held--;
    }
    c->page[c->held] = page;
    c->used[c->held++] = false;
}

/* References as programs make them: mostly to few pages. */
static uint32_t next_page(struct prng *prng)
{
    return (uint32_t)(prng_one_in(prng, 3) ? prng_below(prng, COUNT_PAGES) : prng_below(prng, 6));
}

static void count_like_a_list(const struct machine_config *config, uint64_t stream)
{
    struct prng prng = prng_new(stream);
    struct counted model = {.held = 0};
    struct small small;

    small_open(&small, config, COUNT_PAGES);
    for (unsigned step = 0; step < COUNT_STEPS; step++) {
        uint32_t page = next_page(&prng);
        unsigned access = prng_one_in(&prng, 3) ? QUIRE_WRITE : QUIRE_READ;
        quire_va va = quire_va_at(page * quire_format_page_bytes(config->format));

        check(machine_touch(&small.machine, &small.space, va, access, &small.trap) == MACHINE_OK);
        count_reference(&model, config->policy, page);
        checkf(small.machine.count.faults == model.faults, "%s: step %u", config->policy->name,
               step);
    }
    check(small.machine.count.accesses == COUNT_STEPS);
    check(small.machine.count.references == COUNT_STEPS);
    check(small.machine.count.tlb_hits + small.machine.count.tlb_misses == COUNT_STEPS);
    check(model.faults > 1000);
    small_close(&small);
}

/* Whatever the TLB hides, and however the format marks pages dirty: the same faults. */
static void test_faults_are_those_of_the_policy(void **state)
{
    static const struct quire_policy_ops *const exact[] = {&quire_policy_fifo, &quire_policy_clock,
                                                           &quire_policy_lru};
    static const struct quire_format *const of_each_kind[] = {
        &quire_format_x86_64, &quire_format_ostep14, &quire_format_ptsim};

    (void)state;
    for (unsigned i = 0; i < 3 * 3 * 4; i++) {
        struct machine_config config = world_config(of_each_kind[i / 3 % 3], exact[i % 3]);

        config.resident_limit = COUNT_FRAMES;
        config.tlb_entries = i / 9 % 2 ? 4 : 0;
        config.tlb_ways = 2;
        config.verify_flushes = i / 18 != 0;
        count_like_a_list(&config, 4);
    }
}

/* The same references one by one, and as a run: the same in every count and in the TLB. */
static void run_and_walk(const struct machine_config *config, uint64_t stream)
{
    struct prng prng = prng_new(stream);
    struct small each, run;
    struct machine_run at;
    uint64_t hits = 0;

    small_open(&each, config, COUNT_PAGES);
    small_open(&run, config, COUNT_PAGES);
    at = machine_run_begin(&run.machine, &run.space);
    for (unsigned step = 0; step < COUNT_STEPS; step++) {
        quire_va va = quire_va_at(next_page(&prng) * quire_format_page_bytes(config->format));
        unsigned access = random_access(&prng);
        quire_pfn pfn;

        check(machine_reference(&each.machine, &each.space, va, access, &pfn, &each.trap) ==
              MACHINE_OK);
        if (machine_run_hit(&at, va, access)) {
            hits++;
            continue;
        }
        machine_run_end(&at);
        check(machine_reference(&run.machine, &run.space, va, access, &pfn, &run.trap) ==
              MACHINE_OK);
        at = machine_run_begin(&run.machine, &run.space);
    }
    machine_run_end(&at);
    check(memcmp(&each.machine.count, &run.machine.count, sizeof(each.machine.count)) == 0);
    check(each.machine.tlb.clock == run.machine.tlb.clock);
    for (unsigned i = 0; i < config->tlb_entries; i++) {
        const struct tlb_entry *a = &each.machine.tlb.entry[i];
        const struct tlb_entry *b = &run.machine.tlb.entry[i];
        check(a->vpn == b->vpn && a->used == b->used && a->rights == b->rights);
    }
    check(config->verify_flushes || config->tlb_entries == 0 ? hits == 0 : hits > COUNT_STEPS / 8);
    small_close(&each);
    small_close(&run);
}

static void test_run(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct machine_config config =
            world_config(i % 2 ? &quire_format_i386 : &quire_format_x86_64, policies[i % 4]);

        config.resident_limit = COUNT_FRAMES;
        config.tlb_entries = i < 4 ? 16 : i < 8 ? 8 : 0;
        config.tlb_ways = i < 8 ? 4 : 0;
        config.verify_flushes = i == 3;
        run_and_walk(&config, 6 + i);
    }
}

/* ---- telling --------------------------------------------------------------------------------- */

struct heard {
    uint64_t events[QUIRE_EVENTS];
    quire_va fault;
    bool in_fault; /* a walk stopped, and nothing has been mapped since */
};

static void hear(void *context, const struct quire_event *event)
{
    struct heard *heard = context;

    heard->events[event->kind]++;
    if (event->kind == QUIRE_EVENT_FAULT) {
        heard->fault = event->va;
        heard->in_fault = true;
    } else if (event->kind == QUIRE_EVENT_MAP || event->kind == QUIRE_EVENT_UPGRADE) {
        check(heard->in_fault && event->va.at == heard->fault.at);
        heard->in_fault = false;
    } else if (event->kind == QUIRE_EVENT_TLB_HIT || event->kind == QUIRE_EVENT_TLB_MISS) {
        check(!heard->in_fault);
    }
}

static void some_references(struct small *small, struct prng *prng)
{
    for (unsigned step = 0; step < 3000; step++) {
        quire_va va =
            quire_va_at(next_page(prng) * quire_format_page_bytes(small->machine.config.format));
        unsigned access = prng_one_in(prng, 3) ? QUIRE_WRITE : QUIRE_READ;

        check(machine_touch(&small->machine, &small->space, va, access, &small->trap) ==
              MACHINE_OK);
    }
}

/* The stream agrees with the counters, and listening changes nothing. */
static void test_listener(void **state)
{
    struct machine_config config = world_config(&quire_format_ostep14, &quire_policy_clock);
    struct heard heard = {.in_fault = false};
    struct small loud, quiet;
    const struct machine_counters *count = &loud.machine.count;

    (void)state;
    config.resident_limit = COUNT_FRAMES;
    config.verify_flushes = false;
    small_open(&loud, &config, COUNT_PAGES);
    small_open(&quiet, &config, COUNT_PAGES);
    machine_listen(&loud.machine, hear, &heard);
    for (unsigned i = 0; i < 2; i++) {
        struct prng prng = prng_new(5);
        some_references(i == 0 ? &loud : &quiet, &prng);
    }
    check(memcmp(count, &quiet.machine.count, sizeof(*count)) == 0);
    check(heard.events[QUIRE_EVENT_TLB_HIT] == count->tlb_hits && count->tlb_hits != 0);
    check(heard.events[QUIRE_EVENT_TLB_MISS] == count->tlb_misses);
    check(heard.events[QUIRE_EVENT_WALK_STEP] == count->walk_steps);
    check(count->walks > count->tlb_misses && count->walk_steps > count->walks);
    check(heard.events[QUIRE_EVENT_UPGRADE] != 0);
    for (unsigned kind = QUIRE_EVENT_FAULT; kind <= QUIRE_EVENT_KILL; kind++) {
        check(heard.events[kind] == loud.machine.system.events[kind]);
    }

    machine_listen(&loud.machine, NULL, NULL);
    heard = (struct heard){.in_fault = false};
    check(machine_touch(&loud.machine, &loud.space, quire_va_at(0), QUIRE_READ, &loud.trap) ==
          MACHINE_OK);
    for (unsigned kind = 0; kind < QUIRE_EVENTS; kind++) {
        check(heard.events[kind] == 0);
    }
    small_close(&loud);
    small_close(&quiet);
}

/* ---- machines that cannot be ----------------------------------------------------------------- */

static void check_impossible(const struct machine_config *config, enum quire_status expected)
{
    struct machine machine;
    const char *why = NULL;

    check(machine_open(&machine, config, &why) == expected);
    check(why != NULL && why[0] != '\0' && strchr(why, '\n') == NULL);
    check(machine_open(&machine, config, NULL) == expected);
}

static void test_impossible_machines(void **state)
{
    const struct machine_config good = {.format = &quire_format_i386,
                                        .ram_bytes = 1 << 20,
                                        .tlb_entries = 12,
                                        .tlb_ways = 4,
                                        .policy = &quire_policy_lru};
    struct machine_config bad;
    struct machine machine;

    (void)state;
    check(machine_open(&machine, &good, NULL) == QUIRE_OK);
    machine_close(&machine);

    bad = good;
    bad.ram_bytes = 0;
    check_impossible(&bad, QUIRE_INVALID);
    bad.ram_bytes = 4097;
    check_impossible(&bad, QUIRE_INVALID);
    bad.ram_bytes = 4096; /* one frame holds no records of itself and a page */
    bad.swap_bytes = 1 << 24;
    check_impossible(&bad, QUIRE_NO_MEMORY);
    bad.ram_bytes = (UINT64_C(1) << 32) + 4096;
    check_impossible(&bad, QUIRE_OUT_OF_RANGE);

    bad = good;
    bad.tlb_ways = 5;
    check_impossible(&bad, QUIRE_INVALID);
    bad = good;
    bad.swap_bytes = UINT64_C(1) << 62;
    check_impossible(&bad, QUIRE_OUT_OF_RANGE);
    bad = good;
    bad.swap_bytes = 1 << 20;
    bad.swap_path = "/nowhere/at/all";
    check_impossible(&bad, QUIRE_IO_ERROR);
    check(errno == ENOENT);
}

/* No page and no table is ever put into a frame whose number reads as "absent". */
static void test_frames_that_cannot_be_named(void **state)
{
    struct machine_config config = world_config(&quire_format_ptsim, &quire_policy_fifo);
    struct machine machine;

    (void)state;
    check(machine_open(&machine, &config, NULL) == QUIRE_OK);
    check(quire_frames_count(&machine.frames, quire_pfn_of(0)) == 1);
    check(machine.frames.free == machine.frames.total - 1);
    machine_close(&machine);

    config = world_config(&tiny_marked, &quire_policy_fifo);
    check(machine_open(&machine, &config, NULL) == QUIRE_OK);
    check(quire_frames_count(&machine.frames, quire_pfn_of(0x5a)) == 1);
    check(machine.frames.free == machine.frames.total - 1);
    machine_close(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tlb_against_lists),
        cmocka_unit_test(test_no_tlb),
        cmocka_unit_test(test_loads_and_stores),
        cmocka_unit_test(test_partly_refused),
        cmocka_unit_test(test_pending_is_a_failure),
        cmocka_unit_test(test_broken_tables),
        cmocka_unit_test(test_faults_are_those_of_the_policy),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_impossible_machines),
        cmocka_unit_test(test_frames_that_cannot_be_named),
    };

    return unit_run(tests);
}
