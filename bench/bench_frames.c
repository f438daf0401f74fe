/*
 * The frame allocator against a next-fit bitmap.
 *
 * The reference is the least that hands out single frames: one bit a frame and a cursor. It counts
 * no owners, cannot tell the lowest frame and knows no blocks; being close to it is what matters.
 */
#include "bench.h"

#include "quire/frames.h"

#include <stdio.h>
#include <string.h>

enum {
    FRAMES = 1 << 20, /* 4 GiB of 4 KiB frames */
    PAIRS = 400000,
    LIVE = 4096
};

/* ---- the reference --------------------------------------------------------------------------- */

struct next_fit {
    uint64_t free[FRAMES / 64];
    uint32_t cursor; /* word that the last frame came from */
};

static uint32_t next_fit_alloc(struct next_fit *map)
{
    for (uint32_t i = 0; i < FRAMES / 64; i++) {
        uint32_t word = (map->cursor + i) % (FRAMES / 64);

        if (map->free[word] != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(map->free[word]);
            map->free[word] &= map->free[word] - 1;
            map->cursor = word;
            return word * 64 + bit;
        }
    }
    return UINT32_MAX;
}

static void next_fit_free(struct next_fit *map, uint32_t frame)
{
    map->free[frame / 64] |= (uint64_t)1 << frame % 64;
}

/* ---- both, in one place ---------------------------------------------------------------------- */

struct machine {
    struct next_fit next_fit;
    struct quire_frames frames;
    void *state;
    size_t state_bytes;
    unsigned order;
    uint32_t live[LIVE];
    quire_pfn taken[FRAMES];
};

static void all_free(void *context)
{
    struct machine *m = context;

    memset(m->next_fit.free, 0xff, sizeof m->next_fit.free);
    m->next_fit.cursor = 0;
    if (quire_frames_init(&m->frames, m->state, m->state_bytes, quire_pfn_of(0), FRAMES, 12) ==
        QUIRE_OK) {
        quire_frames_release(&m->frames, quire_pfn_of(0), FRAMES);
    }
}

/* Every other frame of the lower half is taken: single frames are there, but no block. */
static void comb(void *context)
{
    struct machine *m = context;

    all_free(context);
    for (uint32_t i = 0; i < FRAMES / 2; i += 2) {
        quire_frames_alloc_at(&m->frames, quire_pfn_of(i), 1);
    }
}

static void live_frames(void *context)
{
    struct machine *m = context;

    all_free(context);
    for (uint32_t i = 0; i < LIVE; i++) {
        quire_pfn pfn;
        quire_frames_alloc(&m->frames, 0, &pfn);
        m->live[i] = next_fit_alloc(&m->next_fit); /* the same frame: both begin at 0 */
    }
}

/* ---- work ------------------------------------------------------------------------------------ */

static uint64_t next_fit_pairs(void *context)
{
    struct machine *m = context;

    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t frame = next_fit_alloc(&m->next_fit);
        bench_keep(frame);
        next_fit_free(&m->next_fit, frame);
    }
    return PAIRS;
}

static uint64_t frames_pairs(void *context)
{
    struct machine *m = context;
    uint32_t pairs = PAIRS >> m->order; /* large blocks take longer */

    for (uint32_t i = 0; i < pairs; i++) {
        quire_pfn pfn = quire_pfn_of(0);
        quire_frames_alloc(&m->frames, m->order, &pfn);
        bench_keep(pfn.n);
        quire_frames_free(&m->frames, pfn, m->order);
    }
    return pairs;
}

/* One of many live frames, whichever, goes; another comes. */
static uint64_t next_fit_churn(void *context)
{
    struct machine *m = context;
    uint64_t seed = 1;

    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t *frame = &m->live[bench_random(&seed) % LIVE];
        next_fit_free(&m->next_fit, *frame);
        *frame = next_fit_alloc(&m->next_fit);
    }
    return PAIRS;
}

static uint64_t frames_churn(void *context)
{
    struct machine *m = context;
    uint64_t seed = 1;

    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t *frame = &m->live[bench_random(&seed) % LIVE];
        quire_pfn pfn = quire_pfn_of(0);
        quire_frames_unref(&m->frames, quire_pfn_of(*frame));
        quire_frames_alloc(&m->frames, 0, &pfn);
        *frame = pfn.n;
    }
    return PAIRS;
}

static uint64_t next_fit_everything(void *context)
{
    struct machine *m = context;
    uint32_t n = 0;

    for (uint32_t frame; (frame = next_fit_alloc(&m->next_fit)) != UINT32_MAX; n++) {
        m->taken[n] = quire_pfn_of(frame);
    }
    return n;
}

static uint64_t frames_everything(void *context)
{
    struct machine *m = context;
    uint32_t n = 0;

    while (quire_frames_alloc(&m->frames, m->order, &m->taken[n]) == QUIRE_OK) {
        n++;
    }
    return n;
}

static uint64_t frames_references(void *context)
{
    struct machine *m = context;

    for (uint32_t i = 0; i < PAIRS; i++) {
        quire_pfn pfn = quire_pfn_of(i * 64 % LIVE);
        quire_frames_ref(&m->frames, pfn);
        bench_keep(i);
        quire_frames_unref(&m->frames, pfn);
    }
    return PAIRS;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void blocks(struct machine *m, unsigned order)
{
    char title[48];
    const struct bench_case cases[] = {
        {"all of memory: alloc", frames_everything, all_free, m},
        {"alloc and free", frames_pairs, all_free, m},
        {"alloc and free above a comb", frames_pairs, comb, m},
    };

    snprintf(title, sizeof title, "blocks of %u frames", 1u << order);
    m->order = order;
    bench_table(title, BENCH_NS, "block", cases, BENCH_CASES(cases));
    m->order = 0;
}

int main(void)
{
    struct machine *m = bench_memory(sizeof *m);
    const struct bench_case pairs[] = {
        {"next-fit bitmap", next_fit_pairs, all_free, m},
        {"quire_frames", frames_pairs, all_free, m},
    };
    const struct bench_case churn[] = {
        {"next-fit bitmap", next_fit_churn, live_frames, m},
        {"quire_frames", frames_churn, live_frames, m},
    };
    const struct bench_case everything[] = {
        {"next-fit bitmap", next_fit_everything, all_free, m},
        {"quire_frames", frames_everything, all_free, m},
    };
    const struct bench_case references[] = {{"quire_frames", frames_references, live_frames, m}};

    m->order = 0;
    m->state_bytes = quire_frames_size(FRAMES);
    m->state = bench_memory(m->state_bytes);
    bench_group("one frame: alloc and free", BENCH_MILLION, "pair", pairs, BENCH_CASES(pairs));
    bench_group("one frame: free any of 4,096, alloc", BENCH_MILLION, "pair", churn,
                BENCH_CASES(churn));
    bench_group("all 1,048,576 frames, one by one", BENCH_MILLION, "frame", everything,
                BENCH_CASES(everything));
    bench_table("one more owner, one less", BENCH_MILLION, "pair", references,
                BENCH_CASES(references));
    blocks(m, 1);
    blocks(m, 4);
    blocks(m, 9);
    return 0;
}
