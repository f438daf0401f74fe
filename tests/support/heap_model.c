/* What a program knows of its heap: see heap_model.h. */
#include "tests/support/heap_model.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

/* Of large blocks only the ends are filled, and a byte here and there. */
enum { DENSE = 3000, STEP = 509 };

static unsigned char byte_for(unsigned salt, size_t i)
{
    return (unsigned char)((salt * 37 + i * 11 + (i >> 8)) ^ salt >> 8);
}

static size_t after(size_t i, size_t bytes)
{
    return i + 1 < DENSE || i + DENSE >= bytes ? i + 1
           : i + STEP + DENSE < bytes          ? i + STEP
                                               : bytes - DENSE;
}

static void fill(struct heap_model_block *block)
{
    for (size_t i = 0; i < block->usable; i = after(i, block->usable)) {
        block->at[i] = byte_for(block->salt, i);
    }
}

/* The first `bytes` of what was a block of `usable` bytes. */
static void check_contents(const struct heap_model_block *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i = after(i, block->usable)) {
        checkf(block->at[i] == byte_for(block->salt, i),
               "byte %zu of %zu (asked: %zu) at %p is %02x, expected %02x", i, block->usable,
               block->bytes, (void *)block->at, block->at[i], byte_for(block->salt, i));
    }
}

static struct quire_heap_statistics statistics(const struct heap_model *model)
{
    struct quire_heap_statistics result;

    quire_heap_statistics(model->heap, &result);
    return result;
}

/* A refused call left the heap as it was, as far as its user can see. */
static bool refused(const struct heap_model *model, const struct quire_heap_statistics *before)
{
    struct quire_heap_statistics now = statistics(model);

    check(now.asked == before->asked);
    if (model->heap->checker == NULL) { /* else blocks in quarantine are given up first */
        check(now.in_use == before->in_use && now.blocks == before->blocks);
    }
    return false;
}

static void enter(struct heap_model *model, unsigned id, unsigned char *at, size_t align,
                  size_t bytes)
{
    struct heap_model_block *block = &model->blocks[id];

    checkf((uintptr_t)at % align == 0 && (uintptr_t)at % QUIRE_HEAP_ALIGN == 0,
           "%p for alignment %zu", (void *)at, align);
    model->live += block->at == NULL;
    model->live_bytes += bytes - block->bytes;
    *block =
        (struct heap_model_block){at, bytes, quire_heap_usable(model->heap, at), ++model->salt};
    checkf(block->usable >= bytes, "%zu bytes usable of %zu", block->usable, bytes);
    fill(block);
}

void heap_model_open(struct heap_model *model, struct quire_heap *heap, unsigned room)
{
    *model = (struct heap_model){.heap = heap, .room = room};
    model->blocks = calloc(room, sizeof(*model->blocks));
    check(model->blocks != NULL);
}

void heap_model_close(struct heap_model *model)
{
    free(model->blocks);
}

bool heap_model_alloc(struct heap_model *model, unsigned id, size_t bytes)
{
    struct quire_heap_statistics before = statistics(model);
    unsigned char *at = quire_heap_alloc(model->heap, bytes);

    check(model->blocks[id].at == NULL);
    if (at == NULL) {
        return refused(model, &before);
    }
    enter(model, id, at, 1, bytes);
    return true;
}

bool heap_model_calloc(struct heap_model *model, unsigned id, size_t count, size_t bytes)
{
    struct quire_heap_statistics before = statistics(model);
    unsigned char *at = quire_heap_calloc(model->heap, count, bytes);

    check(model->blocks[id].at == NULL);
    if (at == NULL) {
        return refused(model, &before);
    }
    for (size_t i = 0; i < count * bytes; i++) {
        checkf(at[i] == 0, "byte %zu of %zu is %02x", i, count * bytes, at[i]);
    }
    enter(model, id, at, 1, count * bytes);
    return true;
}

bool heap_model_aligned(struct heap_model *model, unsigned id, size_t align, size_t bytes)
{
    struct quire_heap_statistics before = statistics(model);
    unsigned char *at = quire_heap_aligned(model->heap, align, bytes);

    check(model->blocks[id].at == NULL);
    if (at == NULL) {
        return refused(model, &before);
    }
    enter(model, id, at, align, bytes);
    return true;
}

bool heap_model_realloc(struct heap_model *model, unsigned id, size_t bytes)
{
    struct heap_model_block *block = &model->blocks[id];
    struct quire_heap_statistics before = statistics(model);
    size_t usable = block->at != NULL ? quire_heap_usable(model->heap, block->at) : 0;
    unsigned char *at;

    if (block->at != NULL) {
        check(usable == block->usable);
        check_contents(block, block->usable);
    }
    at = quire_heap_realloc(model->heap, block->at, bytes);
    if (at == NULL) {
        checkf(bytes > block->bytes || block->at == NULL, "%zu bytes, of %zu", bytes, block->bytes);
        if (block->at != NULL) {
            check_contents(block, block->usable);
        }
        return refused(model, &before);
    }
    if (block->at != NULL) {
        size_t kept = bytes < block->bytes ? bytes : block->bytes;
        block->at = at;
        check_contents(block, kept);
    }
    enter(model, id, at, 1, bytes);
    return true;
}

void heap_model_free(struct heap_model *model, unsigned id)
{
    struct heap_model_block *block = &model->blocks[id];

    if (block->at != NULL) {
        check(quire_heap_usable(model->heap, block->at) == block->usable);
        check_contents(block, block->usable);
        quire_heap_free(model->heap, block->at);
        model->live--;
        model->live_bytes -= block->bytes;
        *block = (struct heap_model_block){.at = NULL};
    }
}

void heap_model_free_all(struct heap_model *model)
{
    for (unsigned id = 0; id < model->room; id++) {
        heap_model_free(model, id);
    }
    check(model->live == 0 && model->live_bytes == 0);
}

void heap_model_validate(const struct heap_model *model)
{
    struct quire_heap_statistics now = statistics(model);
    const void *at = NULL;
    enum quire_status status = quire_heap_validate(model->heap, &at);

    checkf(status == QUIRE_OK, "%s at %p", quire_status_text(status), at);
    if (model->heap->checker == NULL) {
        checkf(now.blocks == model->live, "%zu blocks, expected %u", now.blocks, model->live);
    }
    check(now.in_use >= model->live_bytes && now.in_use <= now.in_use_peak);
    check(now.in_use <= now.held && now.held <= now.held_peak);
}

static int by_address(const void *a, const void *b)
{
    const struct heap_model_block *const *x = a, *const *y = b;

    return ((*x)->at > (*y)->at) - ((*x)->at < (*y)->at);
}

void heap_model_check(const struct heap_model *model)
{
    const struct heap_model_block **sorted = malloc((model->live + 1) * sizeof(*sorted));
    unsigned count = 0;

    check(sorted != NULL);
    for (unsigned id = 0; id < model->room; id++) {
        if (model->blocks[id].at != NULL) {
            check_contents(&model->blocks[id], model->blocks[id].usable);
            sorted[count++] = &model->blocks[id];
        }
    }
    check(count == model->live);
    qsort(sorted, count, sizeof(*sorted), by_address);
    for (unsigned i = 1; i < count; i++) {
        check(sorted[i - 1]->at + sorted[i - 1]->usable <= sorted[i]->at);
    }
    free(sorted);
}
