/*
 * Page tables against a flat model: random sequences of operations on every format, and on formats
 * dealt by chance. After each step the table is what the model says, as the MMU sees it, and no
 * translation that was revoked survives a commit in the worst of TLBs.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "quire/table.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/rig.h"
#include "tests/support/unit.h"

enum { RANDOM_FORMATS = 100 * EFFORT };

/* An arena whose frames all table entries of the format can point to. */
static void table_arena(struct prng *prng, const struct quire_format *format,
                        enum arena_reach reach, uint32_t frames, struct arena *arena)
{
    unsigned shift = quire_format_page_shift(format);
    uint32_t all = model_table_frames(format, UINT32_C(1) << 24);
    uint64_t first = 0;

    if (frames > all) {
        frames = all;
    } else if (prng_one_in(prng, 2)) {
        first = prng_below(prng, (all - frames) / 16 + 1) * 16;
    }
    arena_init(arena, reach, first << shift, frames, shift);
    arena->lowest = first == 0; /* frame 0 is nobody's */
    arena->host.concurrent_walks = prng_one_in(prng, 2);
}

static void random_steps(struct prng *prng, const struct quire_format *format,
                         enum arena_reach reach, uint32_t frames, unsigned steps)
{
    struct arena arena;
    struct rig rig;

    table_arena(prng, format, reach, frames, &arena);
    if (!rig_init(&rig, format, &arena, (uint16_t)prng_below(prng, 16))) {
        arena_free(&arena);
        return;
    }
    for (unsigned i = 0; i < steps; i++) {
        struct rig_op op = rig_random_op(&rig, prng);
        rig_apply(&rig, &op);
        if (prng_one_in(prng, 2)) {
            rig_commit(&rig);
        }
        rig_verify(&rig);
    }
    rig_free(&rig);
    arena_free(&arena);
}

static bool is_large(const struct quire_format *format)
{
    return format->va_bits - quire_format_page_shift(format) > 10;
}

static void test_random_steps_on_every_format(void **state)
{
    struct prng prng = prng_new(11);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];
        random_steps(&prng, format, ARENA_DIRECT, 256, (is_large(format) ? 25 : 300) * EFFORT);
    }
}

static void test_random_steps_through_windows(void **state)
{
    struct prng prng = prng_new(12);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];
        if (!is_large(format)) {
            random_steps(&prng, format, ARENA_WINDOWS, 128, 30);
            random_steps(&prng, format, ARENA_MIXED, 128, 30);
        }
    }
}

/* Little memory: operations fail for want of it all the time. */
static void test_random_steps_with_few_frames(void **state)
{
    struct prng prng = prng_new(13);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];
        uint32_t frames = format == &tiny_wide_root ? 20 : 6;
        random_steps(&prng, format, ARENA_DIRECT, frames, (is_large(format) ? 8 : 100) * EFFORT);
    }
}

static void test_random_formats(void **state)
{
    struct prng prng = prng_new(14);

    (void)state;
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        random_steps(&prng, &format, ARENA_DIRECT, 700, 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_steps_on_every_format),
        cmocka_unit_test(test_random_steps_through_windows),
        cmocka_unit_test(test_random_steps_with_few_frames),
        cmocka_unit_test(test_random_formats),
    };

    return unit_run(tests);
}
