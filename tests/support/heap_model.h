/*
 * What a program knows of its heap: which blocks it has, and what it wrote into them.
 *
 * Every block is filled with bytes that follow from its number, to the end of what it may use; they
 * are looked at when it is resized or freed. So two blocks cannot overlap unnoticed.
 */
#ifndef SUPPORT_HEAP_MODEL_H
#define SUPPORT_HEAP_MODEL_H

#include "quire/heap.h"

struct heap_model_block {
    unsigned char *at; /* NULL: none */
    size_t bytes, usable;
    unsigned salt;
};

struct heap_model {
    struct quire_heap *heap;
    struct heap_model_block *blocks;
    unsigned room, live;
    unsigned salt;
    size_t live_bytes; /* as asked for */
};

void heap_model_open(struct heap_model *model, struct quire_heap *heap, unsigned room);
void heap_model_close(struct heap_model *model);

/* Each tells if the heap could; if not, it is checked that nothing changed. */
bool heap_model_alloc(struct heap_model *model, unsigned id, size_t bytes);
bool heap_model_calloc(struct heap_model *model, unsigned id, size_t count, size_t bytes);
bool heap_model_aligned(struct heap_model *model, unsigned id, size_t align, size_t bytes);
bool heap_model_realloc(struct heap_model *model, unsigned id, size_t bytes);

void heap_model_free(struct heap_model *model, unsigned id);
void heap_model_free_all(struct heap_model *model);

/* quire_heap_validate(), and the statistics that can be known. */
void heap_model_validate(const struct heap_model *model);

/* All contents, and that no two blocks overlap. */
void heap_model_check(const struct heap_model *model);

#endif
