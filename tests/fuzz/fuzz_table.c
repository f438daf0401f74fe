/*
 * libFuzzer target: operations on page tables, held against the flat model after every step.
 *
 * The first byte chooses the format and the second how many frames there are; then each operation
 * takes eight bytes: kind, first page, pages, physical page, attributes, what to do with existing
 * pages, limits.
 */
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/rig.h"

enum { OP_BYTES = 8, OPS_MAX = 64 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Those whose every page is in the model. */
static const struct quire_format *const formats[] = {&tiny2,
                                                     &tiny2_large,
                                                     &tiny3,
                                                     &tiny_low,
                                                     &tiny_split,
                                                     &tiny_narrow,
                                                     &tiny_inverted,
                                                     &tiny_big_endian,
                                                     &tiny_zero,
                                                     &tiny_marked,
                                                     &tiny_six,
                                                     &tiny_wide_root,
                                                     &quire_format_ostep14};

static struct rig_op decode(const struct rig *rig, const uint8_t byte[OP_BYTES])
{
    uint64_t page = quire_format_page_bytes(rig->format);
    uint32_t first = byte[1] % rig->pages, room = rig->pages - first;
    struct rig_op op = {.kind = (enum rig_kind)(byte[0] % RIG_KINDS)};
    unsigned frame_bits = rig->format->pa_bits - quire_format_page_shift(rig->format);

    op.va = rig->page[first].va;
    op.bytes = (1 + byte[2] % (room + 1)) * page; /* now and then one page too far */
    op.pa = ((byte[3] | (uint64_t)byte[4] << 8) & (UINT64_MAX >> (64 - frame_bits))) * page;
    op.attributes = (byte[5] | (unsigned)byte[6] << 8) & 0x1ff;
    op.existing = (enum quire_existing)(byte[6] >> 1 & 3);
    op.largest_leaf = (byte[7] & 7) == 7 ? page : byte[7] & 8 ? page * 4 : 0;
    if (op.existing > QUIRE_EXISTING_REPLACE) {
        op.existing = QUIRE_EXISTING_REPLACE;
    }
    if (op.kind == RIG_TOUCH) {
        op.attributes &= QUIRE_RIGHTS;
        op.bytes = 1;
    }
    if (op.kind == RIG_UNMAP) {
        op.largest_leaf = byte[7] & 1;
    }
    return op;
}

/* The arena's choice of frames must not differ from run to run. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("QUIRE_SEED", "1", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct rig rig;
    const struct quire_format *format;

    if (size < 2 + OP_BYTES) {
        return 0;
    }
    format = formats[data[0] % (sizeof(formats) / sizeof(formats[0]))];
    arena_init(&arena, data[0] & 0x80 ? ARENA_MIXED : ARENA_DIRECT, 0,
               model_table_frames(format, 16 + data[1] % 48U), quire_format_page_shift(format));
    arena.lowest = 1;
    arena.host.concurrent_walks = data[1] & 0x80;
    if (!rig_init(&rig, format, &arena, 1)) {
        arena_free(&arena);
        return 0;
    }
    for (size_t at = 2, n = 0; at + OP_BYTES <= size && n < OPS_MAX; at += OP_BYTES, n++) {
        struct rig_op op = decode(&rig, data + at);
        arena.refuse_in = data[at + 7] >> 4 == 15 ? data[at + 6] >> 4 : -1;
        rig_apply(&rig, &op);
        arena.refuse_in = -1;
        rig_verify(&rig);
    }
    rig_free(&rig);
    arena_free(&arena);
    return 0;
}
