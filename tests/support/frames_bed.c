/* A frame allocator and a flat model of it, side by side: see frames_bed.h. */
#include "tests/support/frames_bed.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

enum { INSIDE_AT = 3 }; /* an odd physical address for the counts: nothing is aligned */

#ifdef QUIRE_DEBUG
const bool bed_mistakes_allowed = false;
#else
const bool bed_mistakes_allowed = true;
#endif

uint32_t bed_limit(unsigned width)
{
    return width == 1 ? 255 : width == 2 ? 65535 : UINT32_MAX;
}

void bed_validate(const struct bed *bed)
{
    quire_pfn at = quire_pfn_of(0);

    checkf(quire_frames_validate(&bed->frames, &at) == QUIRE_OK, "frame %#x", at.n);
}

void bed_open(struct bed *bed, struct bed_setup setup)
{
    memset(bed, 0, sizeof *bed);
    bed->setup = setup;
    bed->limit = bed_limit(setup.width);
    bed->count = malloc(setup.total * sizeof *bed->count);
    bed->state_bytes = setup.width == 0 ? quire_frames_size(setup.total)
                                        : INSIDE_AT + (size_t)setup.total * setup.width;
    bed->state = malloc(bed->state_bytes);
    check(bed->count != NULL && bed->state != NULL);
    for (uint32_t i = 0; i < setup.total; i++) {
        bed->count[i] = 1;
    }
    if (setup.width == 0) {
        memset(bed->state, 0xa5, bed->state_bytes);
        check(quire_frames_init(&bed->frames, bed->state, bed->state_bytes,
                                quire_pfn_of(setup.first), setup.total, 12) == QUIRE_OK);
    } else {
        memset(bed->state, 0, bed->state_bytes);
        for (uint32_t i = 0; i < setup.total; i++) {
            bed->state[INSIDE_AT + (size_t)i * setup.width] = 1;
        }
        bed->memory.direct = bed->state;
        bed->memory.bytes = bed->state_bytes;
        check(quire_frames_init_inside(&bed->frames, &bed->memory, quire_pa_at(INSIDE_AT),
                                       setup.width, setup.total, 8) == QUIRE_OK);
    }
    bed_validate(bed);
}

void bed_open_free(struct bed *bed, struct bed_setup setup)
{
    bed_open(bed, setup);
    check(quire_frames_release(&bed->frames, quire_pfn_of(setup.first), setup.total) == QUIRE_OK);
    memset(bed->count, 0, setup.total * sizeof *bed->count);
    bed->free = setup.total;
    bed_validate(bed);
}

void bed_close(struct bed *bed)
{
    free(bed->count);
    free(bed->state);
}

quire_pfn bed_frame(const struct bed *bed, uint32_t index)
{
    return quire_pfn_of(bed->setup.first + index);
}

uint32_t bed_must_alloc(struct bed *bed, unsigned order)
{
    quire_pfn pfn;

    check(quire_frames_alloc(&bed->frames, order, &pfn) == QUIRE_OK);
    return pfn.n - bed->setup.first;
}

/* ---- the model ------------------------------------------------------------------------------- */

/* How many frames from `index` on, `count` at most, have exactly `owners`. */
static uint32_t model_run(const struct bed *bed, uint32_t index, uint32_t count, uint32_t owners)
{
    uint32_t run = 0;

    while (run < count && bed->count[index + run] == owners) {
        run++;
    }
    return run;
}

/* The index of the lowest free block whose frame number is a multiple of its size, or `total`. */
static uint32_t model_find(const struct bed *bed, unsigned order)
{
    uint64_t size = UINT64_C(1) << order;
    uint64_t end = (uint64_t)bed->setup.first + bed->setup.total;

    for (uint64_t pfn = 0; pfn + size <= end; pfn += size) {
        uint32_t index = (uint32_t)(pfn - bed->setup.first);
        if (pfn >= bed->setup.first && model_run(bed, index, (uint32_t)size, 0) == size) {
            return index;
        }
        if (pfn + size < bed->setup.first) { /* straight to the first that may be managed */
            pfn += (bed->setup.first - pfn - size) / size * size;
        }
    }
    return bed->setup.total;
}

static bool model_manages(const struct bed *bed, uint32_t pfn, uint32_t count)
{
    return pfn >= bed->setup.first &&
           (uint64_t)pfn + count <= (uint64_t)bed->setup.first + bed->setup.total;
}

static void model_take(struct bed *bed, uint32_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bed->count[index + i] = 1;
    }
    bed->free -= count;
    bed->allocs += count;
}

/* Does it free the frame? */
static bool model_unref(struct bed *bed, uint32_t index)
{
    if (bed->count[index] == bed->limit || bed->count[index] == 0) {
        return false;
    }
    if (--bed->count[index] != 0) {
        return false;
    }
    bed->free++;
    bed->frees++;
    return true;
}

/* ---- one operation on both ------------------------------------------------------------------- */

void bed_alloc(struct bed *bed, unsigned order)
{
    uint32_t index = model_find(bed, order);
    quire_pfn pfn = quire_pfn_of(12345);
    enum quire_status status = quire_frames_alloc(&bed->frames, order, &pfn);

    if (index == bed->setup.total) {
        check(status == QUIRE_NO_MEMORY && pfn.n == 12345);
        return;
    }
    checkf(status == QUIRE_OK && pfn.n == bed->setup.first + index, "order %u: %#x, not %#x", order,
           pfn.n, bed->setup.first + index);
    model_take(bed, index, 1u << order);
}

void bed_alloc_from(struct bed *bed, uint32_t from)
{
    uint32_t index = from > bed->setup.first ? from - bed->setup.first : 0;
    quire_pfn pfn = quire_pfn_of(12345);
    enum quire_status status = quire_frames_alloc_from(&bed->frames, quire_pfn_of(from), &pfn);

    while (index < bed->setup.total && bed->count[index] != 0) {
        index++;
    }
    if (index >= bed->setup.total) {
        check(status == QUIRE_NO_MEMORY && pfn.n == 12345);
        return;
    }
    checkf(status == QUIRE_OK && pfn.n == bed->setup.first + index, "from %#x: %#x, not %#x", from,
           pfn.n, bed->setup.first + index);
    model_take(bed, index, 1);
}

struct bed_copy bed_copy(const struct bed *bed)
{
    struct bed_copy copy = {bed->frames, malloc(bed->state_bytes)};

    check(copy.state != NULL);
    memcpy(copy.state, bed->state, bed->state_bytes);
    return copy;
}

void bed_check_unchanged(const struct bed *bed, struct bed_copy copy)
{
    check(memcmp(&copy.frames, &bed->frames, sizeof copy.frames) == 0);
    check(memcmp(copy.state, bed->state, bed->state_bytes) == 0);
    free(copy.state);
}

void bed_alloc_at(struct bed *bed, uint32_t pfn, uint32_t count)
{
    uint32_t index = pfn - bed->setup.first;
    enum quire_status wanted = !model_manages(bed, pfn, count)            ? QUIRE_INVALID
                               : model_run(bed, index, count, 0) != count ? QUIRE_EXISTS
                                                                          : QUIRE_OK;
    struct bed_copy before = bed_copy(bed);

    check(quire_frames_alloc_at(&bed->frames, quire_pfn_of(pfn), count) == wanted);
    if (wanted != QUIRE_OK) {
        bed_check_unchanged(bed, before);
        return;
    }
    free(before.state);
    model_take(bed, index, count);
}

void bed_release(struct bed *bed, uint32_t pfn, uint32_t count)
{
    uint32_t index = pfn - bed->setup.first;
    bool fits = model_manages(bed, pfn, count) && model_run(bed, index, count, 1) == count;
    struct bed_copy before = bed_copy(bed);

    check(quire_frames_release(&bed->frames, quire_pfn_of(pfn), count) ==
          (fits ? QUIRE_OK : QUIRE_INVALID));
    if (!fits) {
        bed_check_unchanged(bed, before);
        return;
    }
    free(before.state);
    for (uint32_t i = 0; i < count; i++) {
        bed->count[index + i] = 0;
    }
    bed->free += count;
}

void bed_ref(struct bed *bed, uint32_t index)
{
    if (bed->count[index] != 0 || bed_mistakes_allowed) {
        quire_frames_ref(&bed->frames, bed_frame(bed, index));
        bed->count[index] += bed->count[index] != 0 && bed->count[index] != bed->limit;
    }
}

void bed_unref(struct bed *bed, uint32_t index)
{
    if (bed->count[index] != 0 || bed_mistakes_allowed) {
        check(quire_frames_unref(&bed->frames, bed_frame(bed, index)) == model_unref(bed, index));
    }
}

void bed_free(struct bed *bed, uint32_t index, unsigned order)
{
    uint32_t pfn = (bed->setup.first + index) >> order << order;
    bool mistake = false;

    for (uint32_t n = pfn; n - pfn < 1u << order; n++) {
        mistake |= model_manages(bed, n, 1) && bed->count[n - bed->setup.first] == 0;
    }
    if (mistake && !bed_mistakes_allowed) {
        return;
    }
    quire_frames_free(&bed->frames, quire_pfn_of(pfn), order);
    for (uint32_t n = pfn; n - pfn < 1u << order; n++) {
        if (model_manages(bed, n, 1)) {
            model_unref(bed, n - bed->setup.first);
        }
    }
}

void bed_check_totals(const struct bed *bed)
{
    check(bed->frames.free == bed->free);
    check(bed->frames.allocs == bed->allocs && bed->frames.frees == bed->frees);
}

void bed_check_all(const struct bed *bed)
{
    bed_check_totals(bed);
    bed_validate(bed);
    for (uint32_t i = 0; i < bed->setup.total; i++) {
        uint32_t count = quire_frames_count(&bed->frames, bed_frame(bed, i));
        checkf(count == bed->count[i], "frame %#x: %u, not %u", bed_frame(bed, i).n, count,
               bed->count[i]);
    }
    check(quire_frames_count(&bed->frames, quire_pfn_of(bed->setup.first - 1)) == bed->limit);
    check(quire_frames_count(&bed->frames, bed_frame(bed, bed->setup.total)) == bed->limit);
}

void bed_set_count(struct bed *bed, uint32_t index, uint32_t count)
{
    if (bed->setup.width == 0) {
        ((uint32_t *)bed->frames.counts)[index] = count;
        return;
    }
    for (unsigned i = 0; i < bed->setup.width; i++) {
        bed->state[INSIDE_AT + index * bed->setup.width + i] = (unsigned char)(count >> 8 * i);
    }
}
