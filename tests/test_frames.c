/* The frame allocator: random operations against a flat model, and each promise of frames.h. */
#include <stdlib.h>
#include <string.h>

#include "quire/frames.h"
#include "src/memory/bitset.h"
#include "tests/support/dies.h"
#include "tests/support/frames_bed.h"
#include "tests/support/unit.h"

/* ---- random sequences ------------------------------------------------------------------------ */

/* Small orders most of the time, any now and then. */
static unsigned random_order(struct prng *prng)
{
    return (unsigned)prng_below(prng, 1 + prng_below(prng, 1 + prng_below(prng, 18)));
}

/* A range that mostly lies within what is managed. */
static void random_range(struct prng *prng, const struct bed *bed, uint32_t *pfn, uint32_t *count)
{
    uint32_t total = bed->setup.total;

    *count = (uint32_t)prng_below(prng, 1 + prng_below(prng, prng_one_in(prng, 4) ? total : 8));
    *count = *count < total ? *count : total;
    *pfn = bed->setup.first + (uint32_t)prng_below(prng, total - *count + 1);
    if (prng_one_in(prng, 16)) {
        *pfn += (uint32_t)prng_below(prng, 9) - 4;
    }
    if (prng_one_in(prng, 64)) {
        *count = (uint32_t)prng_next(prng);
    }
}

/* `pressure` of 16: how often frames are taken rather than given back. */
static void step(struct prng *prng, struct bed *bed, unsigned pressure)
{
    uint32_t index = (uint32_t)prng_below(prng, bed->setup.total);
    uint32_t pfn, count;

    random_range(prng, bed, &pfn, &count);
    if (prng_one_in(prng, 8)) {
        bed_ref(bed, index);
    } else if (prng_below(prng, 16) < pressure) {
        if (prng_one_in(prng, 4)) {
            bed_alloc_at(bed, pfn, count);
        } else if (prng_one_in(prng, 4)) {
            bed_alloc_from(bed, pfn);
        } else {
            bed_alloc(bed, prng_one_in(prng, 2) ? 0 : random_order(prng));
        }
    } else if (prng_one_in(prng, 3)) {
        bed_release(bed, pfn, count);
    } else if (prng_one_in(prng, 2)) {
        bed_free(bed, index, random_order(prng));
    } else {
        bed_unref(bed, index);
    }
}

static void run_random(struct bed_setup setup, uint64_t stream, unsigned steps)
{
    struct prng prng = prng_new(stream);
    unsigned check_every = setup.total <= 100 ? 1 : setup.total / 50;
    unsigned pressure = 8;
    struct bed bed;

    (prng_one_in(&prng, 2) ? bed_open_free : bed_open)(&bed, setup);
    for (unsigned i = 0; i < steps; i++) {
        if (prng_one_in(&prng, 200)) {
            pressure = (unsigned)prng_below(&prng, 17);
        }
        step(&prng, &bed, pressure);
        bed_check_totals(&bed);
        if (i % check_every == 0) {
            bed_check_all(&bed);
        }
    }
    bed_check_all(&bed);
    bed_close(&bed);
}

static const uint32_t sizes[] = {1, 2, 63, 64, 65, 4095, 4096, 4097, 100000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void random_beside(void **unused)
{
    static const uint32_t firsts[] = {0, 1, 63, 4095, 4096, 65536 - 5, 0x7fffffff};

    (void)unused;
    for (unsigned s = 0; s < SIZES; s++) {
        for (unsigned f = 0; f < sizeof firsts / sizeof firsts[0]; f++) {
            run_random((struct bed_setup){0, firsts[f], sizes[s]}, s * 16 + f,
                       sizes[s] < 1000 ? 3000 : 1500);
        }
        /* The last frame number that there can be. */
        run_random((struct bed_setup){0, UINT32_MAX - sizes[s], sizes[s]}, 1000 + s, 1000);
    }
}

static void random_inside(void **unused)
{
    (void)unused;
    for (unsigned s = 0; s < SIZES; s++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            run_random((struct bed_setup){width, 0, sizes[s]}, 2000 + s * 16 + width,
                       sizes[s] < 1000 ? 3000 : 600);
        }
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

static const struct bed_setup placements[] = {
    {0, 0, 1000}, {0, 77, 1000}, {1, 0, 1000}, {2, 0, 1000}, {4, 0, 1000}};
enum { PLACEMENTS = sizeof placements / sizeof placements[0] };

static void nothing_before_release(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        quire_pfn pfn;

        bed_open(&bed, placements[p]);
        check(bed.frames.free == 0);
        check(quire_frames_count(&bed.frames, bed_frame(&bed, 0)) == 1);
        check(quire_frames_alloc(&bed.frames, 0, &pfn) == QUIRE_NO_MEMORY);
        check(quire_frames_release(&bed.frames, bed_frame(&bed, 500), 0) == QUIRE_OK);
        check(quire_frames_alloc(&bed.frames, 0, &pfn) == QUIRE_NO_MEMORY);
        check(quire_frames_release(&bed.frames, bed_frame(&bed, 500), 1) == QUIRE_OK);
        check(bed_must_alloc(&bed, 0) == 500);
        bed_validate(&bed);
        bed_close(&bed);
    }
}

static void lowest_first(void **unused)
{
    static const uint32_t given_back[] = {700, 3, 999, 64, 63, 0, 128};
    static const uint32_t again[] = {0, 3, 63, 64, 128, 700, 999};

    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        quire_pfn pfn;

        bed_open_free(&bed, placements[p]);
        for (uint32_t i = 0; i < 1000; i++) {
            check(bed_must_alloc(&bed, 0) == i);
        }
        check(quire_frames_alloc(&bed.frames, 0, &pfn) == QUIRE_NO_MEMORY);
        for (unsigned i = 0; i < 7; i++) {
            check(quire_frames_unref(&bed.frames, bed_frame(&bed, given_back[i])));
            bed_validate(&bed);
        }
        for (unsigned i = 0; i < 7; i++) {
            check(bed_must_alloc(&bed, 0) == again[i]);
            bed_validate(&bed);
        }
        bed_close(&bed);
    }
}

/* Blocks of every order, aligned by frame number and not by where the managed part begins. */
static void blocks_are_aligned(void **unused)
{
    const uint32_t first = (1u << QUIRE_ORDER_MAX) - 3;
    struct bed bed;

    (void)unused;
    bed_open_free(&bed, (struct bed_setup){0, first, (1u << (QUIRE_ORDER_MAX + 1)) + 10});
    for (unsigned order = 1; order <= QUIRE_ORDER_MAX; order++) {
        uint32_t size = 1u << order;
        uint32_t lowest = (first + size - 1) / size * size;
        quire_pfn at = bed_frame(&bed, bed_must_alloc(&bed, order));

        checkf(at.n == lowest, "order %u: %#x", order, at.n);
        if (order < QUIRE_ORDER_MAX) { /* one frame in the middle of the lowest is in the way */
            quire_frames_free(&bed.frames, at, order);
            check(quire_frames_alloc_at(&bed.frames, quire_pfn_of(lowest + size / 2), 1) ==
                  QUIRE_OK);
            at = bed_frame(&bed, bed_must_alloc(&bed, order));
            checkf(at.n == lowest + size, "order %u: %#x", order, at.n);
            quire_frames_unref(&bed.frames, quire_pfn_of(lowest + size / 2));
        }
        quire_frames_free(&bed.frames, at, order);
        check(bed.frames.free == bed.setup.total);
    }
    bed_validate(&bed);
    bed_close(&bed);
}

/* Memory in which single frames are free everywhere, and blocks nowhere but at the end. */
static void blocks_beyond_a_comb(void **unused)
{
    enum { LAST = 1 << 19, TOTAL = LAST + 5000 };

    (void)unused;
    for (unsigned order = 1; order <= 12; order++) {
        struct bed bed;
        uint32_t gap = 1u << (order - 1); /* as large as it can be without being enough */

        bed_open_free(&bed, (struct bed_setup){0, 0, TOTAL});
        for (uint32_t i = 0; i < LAST; i += 2 * gap) {
            check(quire_frames_alloc_at(&bed.frames, quire_pfn_of(i), gap) == QUIRE_OK);
        }
        for (unsigned round = 0; round < 3; round++) {
            check(bed_must_alloc(&bed, order) == LAST);
            bed_validate(&bed);
            quire_frames_free(&bed.frames, quire_pfn_of(LAST), order);
            bed_validate(&bed);
        }
        check(bed_must_alloc(&bed, order - 1) == gap);
        quire_frames_free(&bed.frames, quire_pfn_of(gap), order - 1);
        quire_frames_free(&bed.frames, quire_pfn_of(2 * gap), order - 1);
        check(bed_must_alloc(&bed, order) == 2 * gap);
        bed_validate(&bed);
        bed_close(&bed);
    }
}

/* A few free blocks of one size in a large memory, far apart: the way through all summaries. */
static void few_in_many(void **unused)
{
    enum { TOTAL = 1200000, FEW = 20 };
    static const unsigned orders[] = {0, 1, 5, 6, 7, 12, 13, 14};

    (void)unused;
    for (unsigned o = 0; o < sizeof orders / sizeof orders[0]; o++) {
        struct prng prng = prng_new(3000 + o);
        const uint32_t size = 1u << orders[o];
        const uint32_t first = 777;
        uint32_t free_at[FEW]; /* frame numbers */
        unsigned n = 0;
        struct bed bed;

        bed_open(&bed, (struct bed_setup){0, first, TOTAL});
        for (unsigned i = 0; i < 400; i++) {
            uint32_t pfn = (uint32_t)prng_below(&prng, TOTAL - size) / size * size + size;
            unsigned lowest = 0;

            if (n < FEW && prng_one_in(&prng, 2) && pfn >= first &&
                quire_frames_release(&bed.frames, quire_pfn_of(pfn), size) == QUIRE_OK) {
                free_at[n++] = pfn;
            } else if (n != 0) {
                for (unsigned j = 1; j < n; j++) {
                    lowest = free_at[j] < free_at[lowest] ? j : lowest;
                }
                pfn = first + bed_must_alloc(&bed, orders[o]);
                checkf(pfn == free_at[lowest], "%#x, not %#x", pfn, free_at[lowest]);
                free_at[lowest] = free_at[--n];
            }
            check(bed.frames.free == n * size);
        }
        bed_validate(&bed);
        bed_close(&bed);
    }
}

static void lowest_bit_of_all(void **unused)
{
    struct prng prng = prng_new(4000);

    (void)unused;
    for (unsigned zeros = 0; zeros < 64; zeros++) {
        for (unsigned i = 0; i < 100; i++) {
            uint64_t word = (prng_next(&prng) | 1) << zeros;
            check(lowest_bit(word) == zeros && lowest_bit_by_halves(word) == zeros);
        }
    }
}

static void too_large_an_order(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        quire_pfn pfn;

        bed_open_free(&bed, placements[p]);
        check(quire_frames_alloc(&bed.frames, 10, &pfn) == QUIRE_NO_MEMORY);
        check(quire_frames_alloc(&bed.frames, QUIRE_ORDER_MAX, &pfn) == QUIRE_NO_MEMORY);
        check(quire_frames_alloc(&bed.frames, QUIRE_ORDER_MAX + 1, &pfn) == QUIRE_INVALID);
        check(quire_frames_alloc(&bed.frames, UINT32_MAX, &pfn) == QUIRE_INVALID);
        bed_check_all(&bed);
        bed_close(&bed);
    }
}

/* ---- owners ---------------------------------------------------------------------------------- */

static void ranges_all_or_nothing(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        uint32_t first = placements[p].first;
        struct bed bed;

        bed_open_free(&bed, placements[p]);
        bed_alloc_at(&bed, first + 10, 90);
        bed_alloc_at(&bed, first + 99, 2);           /* the first of them is taken */
        bed_alloc_at(&bed, first + 5, 6);            /* the last of them is taken */
        bed_alloc_at(&bed, first + 999, 2);          /* the last of them is not there */
        bed_alloc_at(&bed, first + 1000, 1);         /* none of them is */
        bed_alloc_at(&bed, first - 1, 2);            /* the first is not */
        bed_alloc_at(&bed, first + 990, UINT32_MAX); /* more than there are numbers */
        bed_alloc_at(&bed, first + 1000, 0);         /* nothing, at the end */
        bed_release(&bed, first + 99, 2);            /* the last of them is free */
        bed_ref(&bed, 50);
        bed_release(&bed, first + 10, 90); /* one has two owners */
        bed_unref(&bed, 50);
        bed_release(&bed, first + 990, UINT32_MAX);
        bed_release(&bed, first - 1, 12);
        bed_check_all(&bed);
        check(bed.free == 910);
        bed_release(&bed, first + 10, 90);
        check(bed.free == 1000);
        bed_check_all(&bed);
        bed_close(&bed);
    }
}

static void counts_stick(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        uint32_t limit = bed_limit(placements[p].width);
        quire_pfn pfn;

        bed_open_free(&bed, placements[p]);
        pfn = bed_frame(&bed, bed_must_alloc(&bed, 0));
        if (limit == 255) {
            for (unsigned i = 0; i < 253; i++) {
                quire_frames_ref(&bed.frames, pfn);
            }
        } else {
            bed_set_count(&bed, 0, limit - 1);
        }
        check(quire_frames_count(&bed.frames, pfn) == limit - 1);
        check(!quire_frames_unref(&bed.frames, pfn));
        check(quire_frames_count(&bed.frames, pfn) == limit - 2);
        quire_frames_ref(&bed.frames, pfn);
        for (unsigned i = 0; i < 3; i++) {
            quire_frames_ref(&bed.frames, pfn);
            check(quire_frames_count(&bed.frames, pfn) == limit);
        }
        for (unsigned i = 0; i < 300; i++) {
            check(!quire_frames_unref(&bed.frames, pfn));
        }
        check(quire_frames_count(&bed.frames, pfn) == limit);
        check(quire_frames_release(&bed.frames, pfn, 1) == QUIRE_INVALID);
        check(bed.frames.free == 999);
        bed_validate(&bed);
        bed_close(&bed);
    }
}

/* Frames that are not managed (devices' memory) can be passed to ref and unref all the same. */
static void not_managed(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        const uint32_t outside[] = {placements[p].first - 1, placements[p].first + 1000, 0x80000000,
                                    QUIRE_NONE};
        struct bed bed;
        struct bed_copy before;

        bed_open_free(&bed, placements[p]);
        before = bed_copy(&bed);
        for (unsigned i = 0; i < 4; i++) {
            quire_frames_ref(&bed.frames, quire_pfn_of(outside[i]));
            check(!quire_frames_unref(&bed.frames, quire_pfn_of(outside[i])));
            check(quire_frames_count(&bed.frames, quire_pfn_of(outside[i])) == bed.limit);
        }
        bed_check_unchanged(&bed, before);
        bed_close(&bed);
    }
}

static void ref_5(void *frames)
{
    quire_frames_ref(frames, quire_pfn_of(5));
}

static void unref_5(void *frames)
{
    quire_frames_unref(frames, quire_pfn_of(5));
}

static void free_4_to_7(void *frames)
{
    quire_frames_free(frames, quire_pfn_of(4), 2);
}

/* To have or give back what is free is a mistake: a debug build stops, others change nothing. */
static void mistakes(void **unused)
{
    void (*const mistake[])(void *) = {ref_5, unref_5, free_4_to_7};

    (void)unused;
    for (unsigned i = 0; i < 3; i++) {
        struct bed bed;

        bed_open_free(&bed, (struct bed_setup){0, 0, 100});
        if (bed_mistakes_allowed) {
            struct bed_copy before = bed_copy(&bed);
            mistake[i](&bed.frames);
            bed_check_unchanged(&bed, before);
        } else {
            check(dies(mistake[i], &bed.frames));
        }
        bed_close(&bed);
    }
}

static bool refuse_large(void *context, unsigned order)
{
    unsigned *asked = context;

    ++*asked;
    return order > 2;
}

static bool refuse_all(void *context, unsigned order)
{
    unsigned *asked = context;

    ++*asked;
    return order < QUIRE_ORDER_MAX;
}

static void refusal(void **unused)
{
    struct bed bed;
    struct bed_copy before;
    unsigned asked = 0;
    quire_pfn pfn;

    (void)unused;
    bed_open_free(&bed, (struct bed_setup){0, 0, 100});
    bed.frames.refuse = refuse_large;
    bed.frames.refuse_context = &asked;
    before = bed_copy(&bed);
    check(quire_frames_alloc(&bed.frames, 3, &pfn) == QUIRE_NO_MEMORY);
    bed_check_unchanged(&bed, before);
    check(bed_must_alloc(&bed, 2) == 0);
    check(bed_must_alloc(&bed, 0) == 4);
    check(asked == 3);
    bed_close(&bed);
}

/* From every frame on, while ever fewer are free; and it can be refused like any other. */
static void from_a_frame_on(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        uint32_t first = placements[p].first;
        unsigned asked = 0;
        quire_pfn pfn;

        bed_open_free(&bed, placements[p]);
        for (uint32_t i = 0; i < 3000; i++) {
            bed_alloc_from(&bed, first + i * 7 % 1010);
            bed_check_totals(&bed);
        }
        bed_check_all(&bed);
        bed_alloc_from(&bed, 0);
        bed_alloc_from(&bed, UINT32_MAX);
        bed.frames.refuse = refuse_all;
        bed.frames.refuse_context = &asked;
        bed_unref(&bed, 500);
        check(quire_frames_alloc_from(&bed.frames, quire_pfn_of(first), &pfn) == QUIRE_NO_MEMORY);
        bed_unref(&bed, 10);
        check(quire_frames_alloc_from(&bed.frames, quire_pfn_of(first + 11), &pfn) ==
              QUIRE_NO_MEMORY);
        check(asked == 2);
        bed_close(&bed);
    }
}

/* ---- state inside memory --------------------------------------------------------------------- */

/* Seed 004: 64 frames of 256 bytes, the free map is the first 64 bytes of memory, 1 is used. */
static void map_of_ptsim(void **unused)
{
    unsigned char memory[64 * 256];
    unsigned char wanted[sizeof memory];
    struct quire_memory m = {.direct = memory, .bytes = sizeof memory};
    struct quire_frames frames;
    quire_pfn pfn;

    (void)unused;
    memset(memory, 0xee, sizeof memory);
    memset(memory, 0, 64);
    memory[0] = 1;
    memcpy(wanted, memory, sizeof wanted);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(0), 1, 64, 8) == QUIRE_OK);
    check(frames.free == 63);
    check(memcmp(memory, wanted, sizeof memory) == 0);

    for (unsigned i = 1; i <= 6; i++) {
        check(quire_frames_alloc(&frames, 0, &pfn) == QUIRE_OK && pfn.n == i);
        wanted[i] = 1;
        check(memcmp(memory, wanted, sizeof memory) == 0);
    }
    quire_frames_unref(&frames, quire_pfn_of(1));
    quire_frames_unref(&frames, quire_pfn_of(3));
    wanted[1] = wanted[3] = 0;
    check(memcmp(memory, wanted, sizeof memory) == 0);
    check(quire_frames_alloc(&frames, 0, &pfn) == QUIRE_OK && pfn.n == 1);
    check(quire_frames_alloc(&frames, 0, &pfn) == QUIRE_OK && pfn.n == 3);
    check(quire_frames_alloc(&frames, 0, &pfn) == QUIRE_OK && pfn.n == 7);
    wanted[1] = wanted[3] = wanted[7] = 1;
    check(memcmp(memory, wanted, sizeof memory) == 0);
    check(quire_frames_validate(&frames, NULL) == QUIRE_OK);

    memory[20] = 1; /* somebody writes into the map: its number of free frames is not ours */
    check(quire_frames_validate(&frames, NULL) == QUIRE_CORRUPT);
}

/* Counts that are there already are taken over; wide ones are little-endian. */
static void counts_taken_over(void **unused)
{
    static const unsigned char by_2[] = {1, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 0};
    static const unsigned char by_4[] = {1, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0, 255, 255, 255, 255};
    unsigned char memory[sizeof by_4];
    struct quire_memory m = {.direct = memory, .base = 0x1000, .bytes = sizeof memory};
    struct quire_frames frames;
    quire_pfn pfn;

    (void)unused;
    memcpy(memory, by_2, sizeof by_2);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(0x1000), 2, 5, 12) == QUIRE_OK);
    check(frames.free == 2 && quire_frames_count(&frames, quire_pfn_of(1)) == 256);
    check(quire_frames_count(&frames, quire_pfn_of(3)) == 65535);
    check(!quire_frames_unref(&frames, quire_pfn_of(1)));
    check(memory[2] == 255 && memory[3] == 0);
    check(quire_frames_alloc(&frames, 0, &pfn) == QUIRE_OK && pfn.n == 2);
    check(memory[4] == 1 && memory[5] == 0);

    memcpy(memory, by_4, sizeof by_4);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(0x1000), 4, 4, 12) == QUIRE_OK);
    check(frames.free == 1 && quire_frames_count(&frames, quire_pfn_of(1)) == 0x01020304);
    quire_frames_ref(&frames, quire_pfn_of(1));
    check(memory[4] == 5 && memory[5] == 3 && memory[6] == 2 && memory[7] == 1);
    check(quire_frames_validate(&frames, NULL) == QUIRE_OK);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void size_grows(void **unused)
{
    size_t before = 0;

    (void)unused;
    for (uint32_t total = 1; total < 100000; total += 1 + total / 7) {
        size_t size = quire_frames_size(total);
        check(size > before && size >= total * 4);
        check(size <= total * 4 + total / 4 + 1024);
        before = size;
    }
    /* 2^32 - 1 frames: 16 GiB of counts and more. */
    check(quire_frames_size(UINT32_MAX) == 0 || quire_frames_size(UINT32_MAX) > UINT32_MAX);
    check((quire_frames_size(UINT32_MAX) == 0) == (SIZE_MAX == UINT32_MAX));
}

static void bad_beside(void **unused)
{
    uint64_t state[400];
    size_t size = quire_frames_size(100);
    struct quire_frames frames, before;
    quire_pfn zero = quire_pfn_of(0);

    (void)unused;
    check(size <= sizeof state);
    memset(&frames, 0x5a, sizeof frames);
    before = frames;
    check(quire_frames_init(&frames, state, size - 1, zero, 100, 12) == QUIRE_INVALID);
    check(quire_frames_init(&frames, NULL, size, zero, 100, 12) == QUIRE_INVALID);
    check(quire_frames_init(&frames, (char *)state + 4, size, zero, 100, 12) == QUIRE_INVALID);
    check(quire_frames_init(&frames, state, size, zero, 0, 12) == QUIRE_INVALID);
    check(quire_frames_init(&frames, state, size, zero, 100, 2) == QUIRE_INVALID);
    check(quire_frames_init(&frames, state, size, zero, 100, 31) == QUIRE_INVALID);
    check(quire_frames_init(&frames, state, size, quire_pfn_of(UINT32_MAX - 99), 100, 12) ==
          QUIRE_INVALID);
    check(quire_frames_init(&frames, state, size, quire_pfn_of(QUIRE_NONE), 100, 12) ==
          QUIRE_INVALID);
    check(memcmp(&frames, &before, sizeof frames) == 0);
    check(quire_frames_init(&frames, state, size, quire_pfn_of(UINT32_MAX - 100), 100, 12) ==
          QUIRE_OK);
    check(quire_frames_init(&frames, state, size, zero, 100, 3) == QUIRE_OK);
    check(quire_frames_init(&frames, state, size, zero, 100, 30) == QUIRE_OK);
}

static void bad_inside(void **unused)
{
    unsigned char memory[100] = {0};
    struct quire_memory m = {.direct = memory, .bytes = sizeof memory};
    struct quire_frames frames, before;
    quire_pa zero = quire_pa_at(0);

    (void)unused;
    memset(&frames, 0x5a, sizeof frames);
    before = frames;
    for (unsigned width = 0; width <= 9; width++) {
        if (width != 1 && width != 2 && width != 4) {
            check(quire_frames_init_inside(&frames, &m, zero, width, 8, 8) == QUIRE_INVALID);
        }
    }
    check(quire_frames_init_inside(&frames, &m, zero, 1, 0, 8) == QUIRE_INVALID);
    check(quire_frames_init_inside(&frames, &m, zero, 1, UINT32_MAX, 8) == QUIRE_INVALID);
    check(quire_frames_init_inside(&frames, &m, zero, 1, 64, 2) == QUIRE_INVALID);
    check(quire_frames_init_inside(&frames, &m, zero, 1, 64, 31) == QUIRE_INVALID);
    check(quire_frames_init_inside(&frames, &m, zero, 1, 101, 8) == QUIRE_OUT_OF_RANGE);
    check(quire_frames_init_inside(&frames, &m, zero, 4, 26, 8) == QUIRE_OUT_OF_RANGE);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(37), 1, 64, 8) == QUIRE_OUT_OF_RANGE);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(UINT64_MAX), 1, 64, 8) ==
          QUIRE_OUT_OF_RANGE);
    check(memcmp(&frames, &before, sizeof frames) == 0);
    check(quire_frames_init_inside(&frames, &m, quire_pa_at(36), 1, 64, 8) == QUIRE_OK);
    check(frames.free == 64);
}

/* ---- validation ------------------------------------------------------------------------------ */

/* A small allocator in which all kinds of things have happened. */
static void make_history(struct bed *bed, struct bed_setup setup)
{
    bed_open_free(bed, setup);
    for (unsigned i = 0; i < 70; i++) {
        bed_must_alloc(bed, 0);
    }
    for (uint32_t i = 3; i < 70; i += 3) {
        quire_frames_unref(&bed->frames, bed_frame(bed, i));
    }
    quire_frames_ref(&bed->frames, bed_frame(bed, 1));
    bed_must_alloc(bed, 5);
    bed_must_alloc(bed, 3);
    bed_validate(bed);
}

static bool is_owned(const struct bed *bed, uint32_t index)
{
    return index < bed->setup.total && quire_frames_count(&bed->frames, bed_frame(bed, index)) != 0;
}

/* Every bit of the state, turned over, is found; unless an owned frame just has other owners. */
static void every_bit_matters(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        unsigned width = placements[p].width == 0 ? 4 : placements[p].width;
        unsigned found = 0;
        struct bed bed;
        size_t counts;

        make_history(&bed, (struct bed_setup){placements[p].width, placements[p].first, 200});
        counts = (size_t)((unsigned char *)bed.frames.counts - bed.state);
        for (size_t bit = placements[p].width == 0 ? 0 : counts * 8; bit < bed.state_bytes * 8;
             bit++) {
            size_t byte = bit / 8;
            uint32_t index = byte < counts ? UINT32_MAX : (uint32_t)((byte - counts) / width);
            bool owned = is_owned(&bed, index);
            enum quire_status status;

            bed.state[byte] ^= (unsigned char)(1 << bit % 8);
            owned = owned && is_owned(&bed, index);
            status = quire_frames_validate(&bed.frames, NULL);
            checkf(status == (owned ? QUIRE_OK : QUIRE_CORRUPT), "bit %zu of byte %zu", bit % 8,
                   byte);
            bed.state[byte] ^= (unsigned char)(1 << bit % 8);
            found += status == QUIRE_CORRUPT;
        }
        check(found >= 200);
        bed_validate(&bed);
        bed_close(&bed);
    }
}

/* Validation says which frame it is. */
static void corruption_is_located(void **unused)
{
    struct bed bed;
    quire_pfn at;

    (void)unused;
    make_history(&bed, (struct bed_setup){0, 5, 200});
    bed_set_count(&bed, 4, 0); /* taken, by the map */
    check(quire_frames_validate(&bed.frames, &at) == QUIRE_CORRUPT && at.n == 5 + 4);
    bed_set_count(&bed, 4, 1);
    bed_set_count(&bed, 150, 1); /* free, by the map */
    check(quire_frames_validate(&bed.frames, &at) == QUIRE_CORRUPT && at.n == 5 + 150);
    bed_set_count(&bed, 150, 0);
    bed.frames.free++; /* no single frame */
    check(quire_frames_validate(&bed.frames, &at) == QUIRE_CORRUPT && quire_pfn_none(at));
    bed_close(&bed);

    make_history(&bed, (struct bed_setup){1, 0, 200});
    bed.frames.hint = 6; /* frame 3 is free */
    check(quire_frames_validate(&bed.frames, &at) == QUIRE_CORRUPT && at.n == 3);
    bed.frames.hint = 2; /* the search begins earlier than it must */
    check(quire_frames_validate(&bed.frames, &at) == QUIRE_OK);
    bed_close(&bed);
}

/* The fields of the structure itself. */
static void every_field_matters(void **unused)
{
    (void)unused;
    for (unsigned p = 0; p < PLACEMENTS; p++) {
        struct bed bed;
        struct quire_frames good;

        make_history(&bed, (struct bed_setup){placements[p].width, placements[p].first, 200});
        good = bed.frames;
#define CHECK_FIELD(change) \
    (bed.frames.change, check(quire_frames_validate(&bed.frames, NULL) == QUIRE_CORRUPT), \
     bed.frames = good)
        CHECK_FIELD(free++);
        CHECK_FIELD(free--);
        CHECK_FIELD(hint = 4);
        CHECK_FIELD(hint = 201);
        CHECK_FIELD(limit--);
        CHECK_FIELD(width = 0);
        CHECK_FIELD(width = 3);
        CHECK_FIELD(width ^= 3);
        CHECK_FIELD(page_shift = 2);
        CHECK_FIELD(page_shift = 31);
        CHECK_FIELD(total = 0);
        CHECK_FIELD(first = UINT32_MAX - 100);
        if (placements[p].width == 0) {
            CHECK_FIELD(hint = 0);
            CHECK_FIELD(holds[0].levels++);
            CHECK_FIELD(holds[6].level_at[1]++);
            CHECK_FIELD(holds[6].level_at[2]++);
        }
#undef CHECK_FIELD
        bed_validate(&bed);
        bed_close(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_beside),
        cmocka_unit_test(random_inside),
        cmocka_unit_test(nothing_before_release),
        cmocka_unit_test(lowest_first),
        cmocka_unit_test(blocks_are_aligned),
        cmocka_unit_test(blocks_beyond_a_comb),
        cmocka_unit_test(few_in_many),
        cmocka_unit_test(lowest_bit_of_all),
        cmocka_unit_test(too_large_an_order),
        cmocka_unit_test(ranges_all_or_nothing),
        cmocka_unit_test(counts_stick),
        cmocka_unit_test(not_managed),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(refusal),
        cmocka_unit_test(from_a_frame_on),
        cmocka_unit_test(map_of_ptsim),
        cmocka_unit_test(counts_taken_over),
        cmocka_unit_test(size_grows),
        cmocka_unit_test(bad_beside),
        cmocka_unit_test(bad_inside),
        cmocka_unit_test(every_bit_matters),
        cmocka_unit_test(corruption_is_located),
        cmocka_unit_test(every_field_matters),
    };
    return unit_run(tests);
}
