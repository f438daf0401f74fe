/*
 * malloc [STEPS]: a torture of the heap: blocks of all sizes come, grow, shrink and go, by chance;
 * what is in them is looked at whenever they are touched, and the heap's records now and then. Once
 * with malloc's own heap, once with one that checks its user; which then is used badly, to see that
 * this is noticed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/heap.h"
#include "support/pattern.h"
#include "system.h"

enum { BLOCKS = 300, LIVE_MOST = 3 * MIB, VALIDATE_EVERY = 64, QUARANTINE = 65536 };

struct block {
    uint8_t *at;
    size_t bytes;
};

struct torture {
    struct quire_heap *heap;
    struct block block[BLOCKS];
    size_t live;
    uint32_t dice, step;
};

static uint32_t below(struct torture *torture, uint32_t n)
{
    return pattern_mix(++torture->dice) % n;
}

static void fail(const struct torture *torture, const char *what)
{
    printf("malloc: wrong in step %u: %s\n", torture->step, what);
    exit(1);
}

/* ---- contents -------------------------------------------------------------------------------- */

static uint8_t byte_of(const struct block *block, size_t i)
{
    return (uint8_t)(pattern_mix((uint32_t)((uintptr_t)block + i / 8)) + i);
}

static void fill(struct block *block, size_t from)
{
    for (size_t i = from; i < block->bytes; i++) {
        block->at[i] = byte_of(block, i);
    }
}

static void look(const struct torture *torture, const struct block *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block->at[i] != byte_of(block, i)) {
            fail(torture, "a block has changed");
        }
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

static size_t some_size(struct torture *torture)
{
    static const size_t limits[] = {QUIRE_HEAP_SMALL, QUIRE_HEAP_MEDIUM, QUIRE_HEAP_WINDOW, PAGE};

    if (below(torture, 12) == 0) {
        return limits[below(torture, 4)] - 40 + below(torture, 80);
    }
    return below(torture, UINT32_C(16) << below(torture, below(torture, 6) == 0 ? 14 : 8));
}

static void *some_block(struct torture *torture, size_t bytes)
{
    uint8_t *at;

    switch (below(torture, 4)) {
    case 0:
        at = quire_heap_calloc(torture->heap, 1, bytes);
        for (size_t i = 0; at != NULL && i < bytes; i++) {
            if (at[i] != 0) {
                fail(torture, "calloc gives what is not zero");
            }
        }
        return at;
    case 1: {
        size_t align = (size_t)1 << below(torture, 14);

        at = quire_heap_aligned(torture->heap, align, bytes);
        if (((uintptr_t)at & (align - 1)) != 0) {
            fail(torture, "a block is not aligned");
        }
        return at;
    }
    default: return quire_heap_alloc(torture->heap, bytes);
    }
}

static void come(struct torture *torture, struct block *block)
{
    block->bytes = some_size(torture);
    block->at = some_block(torture, block->bytes);
    if (block->at == NULL) {
        fail(torture, "no memory");
    }
    torture->live += block->bytes;
    fill(block, 0);
}

static void go(struct torture *torture, struct block *block)
{
    look(torture, block, block->bytes);
    quire_heap_free(torture->heap, block->at);
    torture->live -= block->bytes;
    block->at = NULL;
}

static void grow(struct torture *torture, struct block *block)
{
    size_t had = block->bytes;
    size_t bytes = below(torture, 2) == 0 ? had + had / 2 : had - had / 4;
    uint8_t *at = quire_heap_realloc(torture->heap, block->at, bytes);

    if (at == NULL) {
        fail(torture, "no memory to grow");
    }
    *block = (struct block){at, bytes};
    torture->live += bytes - had;
    look(torture, block, had < bytes ? had : bytes);
    fill(block, had < bytes ? had : bytes);
}

static void validate(const struct torture *torture)
{
    if (quire_heap_validate(torture->heap, NULL) != QUIRE_OK) {
        fail(torture, "the heap's records disagree");
    }
}

static void step(struct torture *torture)
{
    struct block *block = &torture->block[below(torture, BLOCKS)];

    if (block->at == NULL) {
        if (torture->live < LIVE_MOST) {
            come(torture, block);
        }
    } else if (below(torture, 3) == 0 && torture->live < LIVE_MOST) {
        grow(torture, block);
    } else {
        go(torture, block);
    }
    if (torture->step % VALIDATE_EVERY == 0) {
        validate(torture);
    }
}

/* All of it is free again afterwards, and the kernel's. */
static void play(struct quire_heap *heap, uint32_t steps, const char *which)
{
    static struct torture torture;
    struct memory_statistics before, after;

    memset(&torture, 0, sizeof(torture));
    torture.heap = heap;
    system_memory(&before);
    for (; torture.step < steps; torture.step++) {
        step(&torture);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (torture.block[i].at != NULL) {
            go(&torture, &torture.block[i]);
        }
    }
    validate(&torture);
    quire_heap_destroy(heap);
    system_memory(&after);
    if (torture.live != 0 || after.mapped != before.mapped) {
        fail(&torture, "pages are still mapped");
    }
    printf("malloc: %s: %u steps, every byte right, all given back\n", which, steps);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static enum quire_heap_mistake noticed;

static void note(void *context, const struct quire_heap_report *report)
{
    (void)context;
    noticed = report->mistake;
}

static void expect(enum quire_heap_mistake mistake)
{
    printf("malloc: %s: %s\n", quire_heap_mistake_text(mistake),
           noticed == mistake ? "noticed" : "not noticed");
    if (noticed != mistake) {
        exit(1);
    }
    noticed = QUIRE_HEAP_MISTAKES;
}

static void make_mistakes(struct quire_heap *heap)
{
    uint8_t *block = quire_heap_alloc(heap, 100);

    noticed = QUIRE_HEAP_MISTAKES;
    block[100] = 1;
    quire_heap_free(heap, block);
    expect(QUIRE_HEAP_OVERRUN);
    block = quire_heap_alloc(heap, 100);
    block[-1] = 1;
    quire_heap_free(heap, block);
    expect(QUIRE_HEAP_UNDERRUN);
    block = quire_heap_alloc(heap, 100);
    quire_heap_free(heap, block);
    quire_heap_free(heap, block);
    expect(QUIRE_HEAP_DOUBLE_FREE);
    block = quire_heap_alloc(heap, 100);
    quire_heap_free(heap, block + 16);
    expect(QUIRE_HEAP_INTERIOR);
    quire_heap_free(heap, block);
    block[50] = 1;
    quire_heap_trim(heap);
    expect(QUIRE_HEAP_USE_AFTER_FREE);
}

int main(int argc, char **argv)
{
    static struct quire_heap checked;
    uint32_t steps = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 10000;
    struct quire_heap_options options = {.source = malloc_source(),
                                         .report = note,
                                         .checker = &quire_heap_checking,
                                         .quarantine = QUARANTINE};

    play(malloc_heap(), steps, "plain");
    if (quire_heap_init(&checked, &options) != QUIRE_OK) {
        return 1;
    }
    play(&checked, steps / 4, "checking");
    make_mistakes(&checked);
    return 0;
}
