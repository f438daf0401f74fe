/*
 * How the core reaches physical memory.
 *
 * Usually physical memory is visible at one place (a kernel's direct map, the simulator's array, a
 * dump read into memory): then `direct` is all there is to it. A host that sees only a window
 * supplies map and unmap instead, or as well: they serve what lies outside the direct part.
 */
#ifndef QUIRE_MEMORY_H
#define QUIRE_MEMORY_H

#include "quire/types.h"

struct quire_memory {
    unsigned char *direct; /* where physical address `base` is visible; NULL if bytes is 0 */
    uint64_t base;         /* first physical address of the direct part */
    uint64_t bytes;        /* length of the direct part */

    /*
     * Makes [pa, pa + bytes) visible and returns where, or NULL if no memory is there. Never asked
     * to cross a frame boundary, except for blocks that were allocated as one. At most two are held
     * at once, and unmapped in reverse order. Context: any the core is called from; must not sleep,
     * must not call the core. Example: `return window_set(ctx, slot++, pa.at >> 12);`
     */
    void *(*map)(void *context, quire_pa pa, uint64_t bytes);
    void (*unmap)(void *context, void *where, uint64_t bytes); /* may be NULL: nothing to undo */
    void *context;
};

/* Where [pa, pa + bytes) is visible, or NULL if it is not all there. Give it back when done. */
static inline void *quire_memory_at(const struct quire_memory *memory, quire_pa pa, uint64_t bytes)
{
    uint64_t offset = pa.at - memory->base;

    if (offset < memory->bytes && bytes <= memory->bytes - offset) {
        return memory->direct + offset;
    }
    return memory->map != NULL ? memory->map(memory->context, pa, bytes) : NULL;
}

static inline void quire_memory_done(const struct quire_memory *memory, void *where, uint64_t bytes)
{
    if (memory->unmap == NULL) {
        return;
    }
    if ((uintptr_t)where - (uintptr_t)memory->direct >= memory->bytes) {
        memory->unmap(memory->context, where, bytes);
    }
}

/* Is all of [pa, pa + bytes) memory? */
static inline bool quire_memory_has(const struct quire_memory *memory, quire_pa pa, uint64_t bytes)
{
    void *where = quire_memory_at(memory, pa, bytes);

    if (where != NULL) {
        quire_memory_done(memory, where, bytes);
    }
    return where != NULL;
}

#endif
