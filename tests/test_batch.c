/*
 * TLB batches: every range that was added is flushed, and nothing is freed before that. Random
 * sequences are held against a log of what the host's hooks were asked to do.
 */
#include <string.h>

#include "quire/tlb.h"
#include "tests/support/arena.h"
#include "tests/support/dies.h"
#include "tests/support/unit.h"

enum { PAGE_SHIFT = 6, FRAMES = 128, WORK_MAX = 400 };

/* One thing given to a batch, and what has become of it. */
struct work {
    enum { RANGE, TABLE, FRAME } kind;
    struct quire_flush_range range;
    quire_pa pa;
    unsigned order;
    bool done; /* flushed, or freed */
};

struct log {
    struct arena arena;
    struct quire_batch batch;
    struct work work[WORK_MAX];
    unsigned count;
    unsigned flushes, tables_flushes;
    unsigned largest; /* ranges in one flush */
};

static bool says(const struct quire_flush *flush, const struct quire_flush_range *range)
{
    for (unsigned i = 0; i < flush->ranges; i++) {
        const struct quire_flush_range *r = &flush->range[i];
        if (range->va.at - r->va.at < r->bytes &&
            range->bytes <= r->bytes - (range->va.at - r->va.at) && range->asid == r->asid &&
            range->page_shift == r->page_shift && (r->global || !range->global)) {
            return true;
        }
    }
    return flush->all && (!flush->asid_only || flush->range[0].asid == range->asid);
}

static void on_flush(void *context, const struct quire_flush *flush)
{
    struct log *log = context;

    check(flush->ranges <= QUIRE_BATCH_RANGES && (flush->ranges != 0 || flush->tables));
    log->flushes++;
    log->tables_flushes += flush->tables || flush->all;
    log->largest = flush->ranges > log->largest ? flush->ranges : log->largest;
    for (unsigned i = 0; i < log->count; i++) {
        if (log->work[i].kind == RANGE && !log->work[i].done) {
            log->work[i].done = says(flush, &log->work[i].range);
        }
    }
}

/* What was added before this must be flushed by now: the old translations may lead to it. */
static void check_flushed_before(const struct log *log, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        checkf(log->work[i].kind != RANGE || log->work[i].done, "freed before the flush");
    }
}

static void on_free(void *context, quire_pa pa, uint64_t bytes)
{
    struct log *log = context;

    for (unsigned i = 0; i < log->count; i++) {
        struct work *work = &log->work[i];
        if (work->kind == TABLE && work->pa.at == pa.at && !work->done) {
            check(bytes == UINT64_C(1) << PAGE_SHIFT << work->order);
            check_flushed_before(log, i);
            check(log->tables_flushes > 0);
            work->done = true;
            return;
        }
    }
    checkf(false, "a table was freed that nobody gave up");
}

static void log_begin(struct log *log)
{
    memset(log, 0, sizeof(*log));
    arena_init(&log->arena, ARENA_DIRECT, 0, FRAMES, PAGE_SHIFT);
    log->arena.context = log;
    log->arena.on_flush = on_flush;
    log->arena.on_free = on_free;
    quire_batch_begin(&log->batch, &log->arena.host);
}

static struct work *new_work(struct log *log)
{
    struct work *work = &log->work[log->count];

    check(log->count < WORK_MAX);
    memset(work, 0, sizeof(*work));
    return work;
}

static void add_range(struct log *log, uint64_t va, uint64_t bytes, unsigned asid, bool global)
{
    struct work *work = new_work(log);

    log->count++;
    work->kind = RANGE;
    work->range =
        (struct quire_flush_range){quire_va_at(va), bytes, (uint16_t)asid, PAGE_SHIFT, global};
    quire_batch_add(&log->batch, &work->range);
}

static void add_table(struct log *log, unsigned order)
{
    struct work *work = new_work(log);

    if (log->arena.host.alloc_table(&log->arena, order, &work->pa) == QUIRE_OK) {
        work->kind = TABLE;
        work->order = order;
        log->count++;
        quire_batch_free_table(&log->batch, &log->arena.host, order, work->pa);
    }
}

static void commit(struct log *log)
{
    quire_batch_commit(&log->batch);
    for (unsigned i = 0; i < log->count; i++) {
        checkf(log->work[i].done, "%s %u is left after the commit",
               log->work[i].kind == RANGE ? "range" : "table", i);
    }
    log->count = 0;
    log->tables_flushes = 0;
}

static void test_nothing_to_commit(void **state)
{
    struct log log;

    (void)state;
    log_begin(&log);
    commit(&log);
    commit(&log);
    check(log.flushes == 0);
    arena_free(&log.arena);
}

static void test_neighbours_are_merged(void **state)
{
    struct log log;

    (void)state;
    log_begin(&log);
    for (unsigned i = 0; i < 100; i++) {
        add_range(&log, 0x1000 + i * 64U, 64, 1, true);
    }
    commit(&log);
    check(log.flushes == 1 && log.largest == 1);
    arena_free(&log.arena);
}

/* Alike but for one thing each: none may pass for the other. */
static void test_strangers_are_not_merged(void **state)
{
    struct log log;

    (void)state;
    log_begin(&log);
    add_range(&log, 0x1000, 64, 1, true);
    add_range(&log, 0x1040, 64, 2, true);
    add_range(&log, 0x1080, 64, 2, false);
    add_range(&log, 0x1100, 64, 2, false);
    new_work(&log)->range =
        (struct quire_flush_range){quire_va_at(0x1140), 128, 2, PAGE_SHIFT + 1, false};
    log.count++;
    quire_batch_add(&log.batch, &log.work[log.count - 1].range);
    check(log.batch.ranges == 5);
    commit(&log);
    check(log.flushes == 1 && log.largest == 5);
    arena_free(&log.arena);
}

/* A full batch commits what it has; everything is flushed all the same. */
static void test_full_of_ranges(void **state)
{
    struct log log;

    (void)state;
    log_begin(&log);
    for (unsigned i = 0; i < 10 * QUIRE_BATCH_RANGES; i++) {
        add_range(&log, i * 256U, 64, 0, true);
        check(i >= QUIRE_BATCH_RANGES || log.flushes == 0);
    }
    commit(&log);
    check(log.flushes >= 1 && log.flushes <= 11);
    arena_free(&log.arena);
}

static void test_full_of_tables(void **state)
{
    struct log log;

    (void)state;
    log_begin(&log);
    for (unsigned i = 0; i < 3 * QUIRE_BATCH_FRAMES; i++) {
        add_table(&log, 0);
        check(log.arena.in_use <= QUIRE_BATCH_FRAMES + 1);
    }
    commit(&log);
    check(log.arena.in_use == 0 && log.flushes >= 3);
    arena_free(&log.arena);
}

static void test_random_work(void **state)
{
    struct prng prng = prng_new(41);
    struct log log;

    (void)state;
    log_begin(&log);
    for (unsigned i = 0; i < 200000; i++) {
        switch (prng_below(&prng, 8)) {
        case 0: add_table(&log, (unsigned)prng_below(&prng, 3)); break;
        case 1: /* right behind the last one */
            if (log.count > 0 && log.work[log.count - 1].kind == RANGE) {
                struct quire_flush_range last = log.work[log.count - 1].range;
                add_range(&log, last.va.at + last.bytes, 64, last.asid, prng_one_in(&prng, 2));
            }
            break;
        default:
            add_range(&log, prng_next(&prng) & ~UINT64_C(63), 64 * (1 + prng_below(&prng, 9)),
                      (unsigned)prng_below(&prng, 3), prng_one_in(&prng, 2));
        }
        if (log.count == WORK_MAX || prng_one_in(&prng, 40)) {
            commit(&log);
            check(log.arena.in_use == 0);
        }
    }
    commit(&log);
    arena_free(&log.arena);
}

/* Frames of pages go back to the bundled allocator, one reference each; not before the flush. */
static const struct quire_frames *watched;
static quire_pfn watched_frame;

static void frame_is_still_there(void *context, const struct quire_flush *flush)
{
    unsigned *flushes = context;

    check(flush->ranges == 1);
    check(quire_frames_count(watched, watched_frame) == 1);
    ++*flushes;
}

static void test_frames_of_pages(void **state)
{
    const struct quire_flush_range range = {quire_va_at(0), 64, 0, PAGE_SHIFT, true};
    struct quire_batch batch;
    struct arena arena;
    quire_pfn one, two;
    unsigned flushes = 0;

    (void)state;
    arena_init(&arena, ARENA_DIRECT, 0, FRAMES, PAGE_SHIFT);
    arena_use_frames(&arena);
    arena.on_flush = frame_is_still_there;
    arena.context = &flushes;
    check(quire_frames_alloc(&arena.frames, 0, &one) == QUIRE_OK);
    check(quire_frames_alloc(&arena.frames, 0, &two) == QUIRE_OK);
    quire_frames_ref(&arena.frames, two);
    watched = &arena.frames;
    watched_frame = one;

    quire_batch_begin(&batch, &arena.host);
    quire_batch_add(&batch, &range);
    quire_batch_free_frame(&batch, quire_pfn_pa(one, PAGE_SHIFT));
    quire_batch_free_frame(&batch, quire_pfn_pa(two, PAGE_SHIFT));
    check(quire_frames_count(&arena.frames, one) == 1);
    quire_batch_commit(&batch);
    check(flushes == 1);
    check(quire_frames_count(&arena.frames, one) == 0);
    check(quire_frames_count(&arena.frames, two) == 1);

    /* Tables go the same way: blocks, through free_table's stand-in. */
    check(quire_frames_alloc(&arena.frames, 2, &one) == QUIRE_OK);
    watched_frame = one;
    quire_batch_add(&batch, &range);
    quire_batch_free_table(&batch, &arena.host, 2, quire_pfn_pa(one, PAGE_SHIFT));
    quire_batch_commit(&batch);
    check(quire_frames_count(&arena.frames, one) == 0 && flushes == 2);
    check(arena.frames.free == FRAMES - 1 - 1); /* frame 0, and `two` */
    check(quire_frames_validate(&arena.frames, NULL) == QUIRE_OK);
    arena_free(&arena);
}

/* More page frames than a batch holds: those before are flushed and freed on the way. */
static void test_full_of_page_frames(void **state)
{
    struct quire_batch batch;
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_DIRECT, 0, FRAMES, PAGE_SHIFT);
    arena_use_frames(&arena);
    quire_batch_begin(&batch, &arena.host);
    for (unsigned i = 0; i < FRAMES - 1; i++) {
        struct quire_flush_range range = {quire_va_at(i * 64U), 64, 0, PAGE_SHIFT, true};
        quire_pfn pfn;
        check(quire_frames_alloc_at(&arena.frames, quire_pfn_of(1 + i), 1) == QUIRE_OK);
        pfn = quire_pfn_of(1 + i);
        quire_batch_add(&batch, &range);
        quire_batch_free_frame(&batch, quire_pfn_pa(pfn, PAGE_SHIFT));
    }
    quire_batch_commit(&batch);
    check(arena.frames.free == FRAMES - 1 && arena.flushes >= FRAMES / QUIRE_BATCH_FRAMES);
    arena_free(&arena);
}

/* ---- forgetting to commit -------------------------------------------------------------------- */

static void begin_again(bool committed, bool used_before)
{
    const struct quire_flush_range range = {quire_va_at(0), 64, 0, PAGE_SHIFT, true};
    struct quire_batch batch;
    struct arena arena;

    arena_init(&arena, ARENA_DIRECT, 0, 4, PAGE_SHIFT);
    memset(&batch, 0, sizeof(batch));
    quire_batch_begin(&batch, &arena.host);
    quire_batch_add(&batch, &range);
    if (used_before) {
        quire_batch_commit(&batch);
        quire_batch_add(&batch, &range);
    }
    if (committed) {
        quire_batch_commit(&batch);
    }
    quire_batch_begin(&batch, &arena.host);
    arena_free(&arena);
}

static void forget(void *context)
{
    (void)context;
    begin_again(false, false);
}

static void forget_the_second_time(void *context)
{
    (void)context;
    begin_again(false, true);
}

static void remember(void *context)
{
    (void)context;
    begin_again(true, true);
}

static void test_a_forgotten_commit_traps_in_debug_builds(void **state)
{
    (void)state;
#ifdef QUIRE_DEBUG
    check(dies(forget, NULL));
    check(dies(forget_the_second_time, NULL));
#else
    check(!dies(forget, NULL)); /* release builds do not spend time on it */
    check(!dies(forget_the_second_time, NULL));
#endif
    check(!dies(remember, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_commit),
        cmocka_unit_test(test_neighbours_are_merged),
        cmocka_unit_test(test_strangers_are_not_merged),
        cmocka_unit_test(test_full_of_ranges),
        cmocka_unit_test(test_full_of_tables),
        cmocka_unit_test(test_random_work),
        cmocka_unit_test(test_frames_of_pages),
        cmocka_unit_test(test_full_of_page_frames),
        cmocka_unit_test(test_a_forgotten_commit_traps_in_debug_builds),
    };

    return unit_run(tests);
}
