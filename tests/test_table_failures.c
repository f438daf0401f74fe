/*
 * Want of frames: for every operation of random sequences, the first, second, ... n-th table frame
 * that it asks for is refused, until it succeeds. After each refusal the operation has failed, not
 * a byte of the tables is different, everything is valid and no frame is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/rig.h"
#include "tests/support/unit.h"

enum { FRAMES = 300, RANDOM_FORMATS = 15 * EFFORT, PAGES_MOST = 32 };

/* Refuses the n-th frame for n = 0, 1, 2, ...; returns how often the operation failed. */
static unsigned refuse_each(struct rig *rig, const struct rig_op *op)
{
    uint32_t in_use = rig->arena->in_use;
    unsigned failures = 0;

    for (;;) {
        struct quire_table before = rig->table;
        uint64_t refusals = rig->arena->refusals, flushes = rig->arena->flushes;
        enum quire_status status;
        bool full;

        rig->arena->refuse_in = failures;
        status = rig_apply(rig, op);
        full = rig->arena->refuse_in != 0; /* failed of itself: there are no frames left */
        rig->arena->refuse_in = -1;
        if (status != QUIRE_NO_MEMORY) {
            checkf(rig->arena->refusals == refusals, "a refusal went unnoticed");
            return failures;
        }
        check(rig->arena->refusals == refusals + 1);
        checkf(memcmp(&before, &rig->table, sizeof(before)) == 0, "the table object changed");
        checkf(rig->arena->in_use == in_use, "%u frames were lost", rig->arena->in_use - in_use);
        rig_commit(rig);
        checkf(rig->arena->flushes == flushes, "flushed although nothing changed");
        rig_verify(rig);
        if (full) {
            return failures;
        }
        failures++;
    }
}

static unsigned refuse_in_random_sequence(struct prng *prng, const struct quire_format *format,
                                          unsigned steps)
{
    unsigned failures = 0;
    struct arena arena;
    struct rig rig;

    arena_init(&arena, ARENA_DIRECT, 0, model_table_frames(format, FRAMES),
               quire_format_page_shift(format));
    arena.lowest = 1;
    if (!rig_init(&rig, format, &arena, 1)) {
        arena_free(&arena);
        return 0;
    }
    for (unsigned i = 0; i < steps; i++) {
        struct rig_op op = rig_random_op(&rig, prng);
        if (rig.pages <= 1024 && op.bytes > PAGES_MOST * quire_format_page_bytes(format)) {
            op.bytes =
                PAGES_MOST * quire_format_page_bytes(format); /* a table for each page or two */
        }
        failures += refuse_each(&rig, &op);
        rig_commit(&rig);
        rig_verify(&rig);
    }
    rig_free(&rig);
    arena_free(&arena);
    return failures;
}

static void test_every_refusal_on_every_format(void **state)
{
    struct prng prng = prng_new(31);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];
        bool large = format->va_bits - quire_format_page_shift(format) > 10;
        unsigned failures = refuse_in_random_sequence(&prng, format, large ? 40 : 200);
        checkf((failures != 0) == (format->levels > 1), "%s: %u failures", format->name, failures);
    }
}

static void test_every_refusal_on_random_formats(void **state)
{
    struct prng prng = prng_new(32);

    (void)state;
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        refuse_in_random_sequence(&prng, &format, 40);
    }
}

static void test_refused_root(void **state)
{
    struct arena arena;
    struct quire_table table;

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];
        arena_init(&arena, ARENA_DIRECT, 0, 16, quire_format_page_shift(format));
        arena.refuse_in = 0;
        check(quire_table_create(&table, format, &arena.host, 0) == QUIRE_NO_MEMORY);
        check(arena.allocs == 1 && arena.in_use == 0);
        arena_free(&arena);
    }
}

/* The bundled allocator with exactly 0, 1, 2, ... frames left. */
static void test_bundled_allocator_runs_dry(void **state)
{
    static const struct quire_format *const formats[] = {&tiny2_large, &tiny3, &tiny_low, &tiny_six,
                                                         &tiny_wide_root};
    struct prng prng = prng_new(33);

    (void)state;
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct arena arena;
        struct rig rig;
        unsigned failures = 0;

        arena_init(&arena, ARENA_DIRECT, 0, 64, quire_format_page_shift(formats[i]));
        arena_use_frames(&arena);
        check(rig_init(&rig, formats[i], &arena, 1));
        for (unsigned step = 0; step < 150; step++) {
            struct rig_op op = rig_random_op(&rig, &prng);
            quire_pfn held[64];
            uint32_t total = arena.frames.free, n = total;
            enum quire_status status;
            bool all_free;

            for (uint32_t k = 0; k < total; k++) {
                check(quire_frames_alloc(&arena.frames, 0, &held[k]) == QUIRE_OK);
            }
            do {
                all_free = n == 0;
                status = rig_apply(&rig, &op);
                failures += status == QUIRE_NO_MEMORY;
                check(status != QUIRE_NO_MEMORY || arena.frames.free == total - n);
                rig_commit(&rig);
                rig_verify(&rig);
                check(quire_frames_validate(&arena.frames, NULL) == QUIRE_OK);
                if (n > 0) { /* one more frame, for the next try */
                    check(quire_frames_unref(&arena.frames, held[--n]));
                }
            } while (status == QUIRE_NO_MEMORY && !all_free);
            while (n > 0) {
                check(quire_frames_unref(&arena.frames, held[--n]));
            }
        }
        check(failures > 0);
        rig_free(&rig);
        checkf(arena.frames.free == 63, "%u frames free of 63", arena.frames.free);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal_on_every_format),
        cmocka_unit_test(test_every_refusal_on_random_formats),
        cmocka_unit_test(test_refused_root),
        cmocka_unit_test(test_bundled_allocator_runs_dry),
    };

    return unit_run(tests);
}
