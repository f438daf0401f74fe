/*
 * libFuzzer target: operations on frames, held against the flat model after every step.
 *
 * The first byte chooses where the state is, the next two how many frames there are, the fourth
 * where they begin; then each operation takes four bytes: kind and order, frame, frames.
 */
#include "tests/support/frames_bed.h"

#include <stddef.h>

enum { HEAD_BYTES = 4, OP_BYTES = 4, OPS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bed_setup decode_setup(const uint8_t byte[HEAD_BYTES])
{
    static const unsigned widths[] = {0, 0, 0, 0, 0, 1, 2, 4};
    struct bed_setup setup = {.width = widths[byte[0] % 8]};

    setup.total = 1 + (byte[1] | (uint32_t)byte[2] << 8) % 9000;
    setup.first = setup.width != 0 ? 0 : byte[3] < 128 ? byte[3] : (byte[3] - 128u) * 999;
    return setup;
}

static void step(struct bed *bed, const uint8_t byte[OP_BYTES])
{
    uint32_t index = (byte[1] | (uint32_t)byte[2] << 8) % bed->setup.total;
    uint32_t pfn = bed->setup.first + index;
    uint32_t count = byte[3] < 128 ? byte[3] : (byte[3] - 128u) * 64;
    unsigned order = byte[0] >> 3 & 15;

    switch (byte[0] & 7) {
    case 0: order % 2 == 0 ? bed_alloc(bed, 0) : bed_alloc_from(bed, pfn); break;
    case 1: bed_alloc(bed, order); break;
    case 2: bed_alloc_at(bed, pfn, count); break;
    case 3: bed_release(bed, pfn, count); break;
    case 4: bed_ref(bed, index); break;
    case 5: bed_unref(bed, index); break;
    case 6: bed_free(bed, index, order); break;
    default:
        if (bed->count[index] != 0) { /* many owners, at once */
            bed->count[index] = bed->limit - byte[3] % 200;
            bed_set_count(bed, index, bed->count[index]);
        }
        break;
    }
    bed_check_totals(bed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed bed;

    if (size < HEAD_BYTES) {
        return 0;
    }
    if (data[0] & 8) {
        bed_open(&bed, decode_setup(data));
    } else {
        bed_open_free(&bed, decode_setup(data));
    }
    for (size_t at = HEAD_BYTES, ops = 0; at + OP_BYTES <= size && ops < OPS_MAX; ops++) {
        step(&bed, data + at);
        at += OP_BYTES;
        if (bed.setup.total < 300) {
            bed_validate(&bed);
        }
    }
    bed_check_all(&bed);
    bed_close(&bed);
    return 0;
}
