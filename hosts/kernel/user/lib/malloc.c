/* malloc and its kin: quire's heap, over pages that the kernel maps where it likes. */
#include <stdlib.h>

#include "quire/heap.h"
#include "system.h"

enum { PAGE_SHIFT = 12 };

/* The kernel chooses the place. */
static void *get(void *context, void *wish, size_t bytes)
{
    intptr_t at = system_mmap(bytes, QUIRE_READ | QUIRE_WRITE);

    (void)context;
    (void)wish;
    return system_failed(at) ? NULL : (void *)at;
}

static bool give(void *context, void *at, size_t bytes)
{
    (void)context;
    return system_munmap(at, bytes) == 0;
}

struct quire_heap_source malloc_source(void)
{
    return (struct quire_heap_source){
        .get = get, .give = give, .page_shift = PAGE_SHIFT, .zeroed = true};
}

struct quire_heap *malloc_heap(void)
{
    static struct quire_heap heap;
    static bool begun;

    if (!begun) {
        struct quire_heap_options options = {.source = malloc_source()};

        begun = quire_heap_init(&heap, &options) == QUIRE_OK;
    }
    return &heap;
}

void *malloc(size_t bytes)
{
    return quire_heap_alloc(malloc_heap(), bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return quire_heap_calloc(malloc_heap(), count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    return quire_heap_realloc(malloc_heap(), block, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return quire_heap_aligned(malloc_heap(), align, bytes);
}

void free(void *block)
{
    quire_heap_free(malloc_heap(), block);
}
