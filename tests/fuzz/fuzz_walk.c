/*
 * libFuzzer target: walks through arbitrary memory with arbitrary descriptors.
 *
 * The first byte chooses a format that comes with quire, one of the tests' machines, or (0xff) a
 * descriptor dealt by the bytes that follow it. The rest is root, address, access, and memory. The
 * instantiated walk, the interpreted one and the plain model must agree, and leave the same memory.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/walk.h"
#include "tests/support/check.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (; bytes > 0 && input->left > 0; bytes--, input->at++, input->left--) {
        value = value << 8 | *input->at;
    }
    return value;
}

static const struct quire_format *choose_format(struct input *input, struct quire_format *dealt)
{
    unsigned which = (unsigned)take(input, 1);
    struct prng prng;

    if (which != 0xff) {
        return test_formats[which % TEST_FORMATS];
    }
    prng.state = take(input, 8);
    random_format(&prng, dealt);
    return dealt;
}

/* The input's bytes, repeated over memory of a few frames. */
static void fill(struct arena *arena, const struct input *input)
{
    for (uint64_t i = 0; i < arena->bytes; i++) {
        arena->ram[i] = input->left > 0 ? input->at[i % input->left] : 0;
    }
}

static void walk_both_ways(const struct quire_format *format, struct arena *arena, uint64_t root,
                           uint64_t va, unsigned access, const unsigned char *before)
{
    struct quire_format interpreted = *format;
    struct quire_mmu mmu = {format, &arena->host.memory, quire_pa_at(root)};
    struct quire_walk expected, walk;
    struct quire_trace trace;
    enum quire_status status = model_walk(format, arena, root, va, access, &expected, NULL);
    unsigned char *after = malloc(arena->bytes);

    check(after != NULL);
    memcpy(after, arena->ram, arena->bytes);
    interpreted.code = NULL;
    for (unsigned way = 0; way < 3; way++) {
        enum quire_status got;

        memcpy(arena->ram, before, arena->bytes);
        mmu.format = way == 0 ? format : &interpreted;
        got = way == 2 ? quire_walk_traced(&mmu, quire_va_at(va), access, &walk, &trace)
                       : quire_walk(&mmu, quire_va_at(va), access, &walk);
        model_same_walk("fuzz", format, va, access, status, &expected, got, &walk);
        check(memcmp(arena->ram, after, arena->bytes) == 0);
    }
    free(after);
}

/* Nothing must not differ from run to run. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("QUIRE_SEED", "1", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct quire_format dealt;
    const struct quire_format *format = choose_format(&input, &dealt);
    uint64_t root = take(&input, 2), va = take(&input, 8);
    unsigned access = (unsigned)take(&input, 1);
    struct arena arena;
    unsigned char *before;

    arena_init(&arena, ARENA_DIRECT, 0, 4, quire_format_page_shift(format));
    fill(&arena, &input);
    before = malloc(arena.bytes);
    check(before != NULL);
    memcpy(before, arena.ram, arena.bytes);
    root = (root << 3) % (arena.bytes * 2); /* in half of the cases where there is memory */
    walk_both_ways(format, &arena, root, va, access, before);
    free(before);
    arena_free(&arena);
    return 0;
}
