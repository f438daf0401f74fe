/* A host for tests: memory, table frames, windows. */
#include "tests/support/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/check.h"

enum { ARENA_TAIL = 0xff };

/* ---- table frames ---------------------------------------------------------------------------- */

static bool block_is_free(const struct arena *arena, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (arena->order_of[i] != 0) {
            return false;
        }
    }
    return true;
}

/* A free block, looked for from a random place on. */
static bool find_block(struct arena *arena, unsigned order, uint32_t *first)
{
    uint32_t count = UINT32_C(1) << order;
    uint64_t base_frame = arena->base >> arena->page_shift;
    uint32_t start = (uint32_t)prng_below(&arena->prng, arena->total);

    for (uint32_t i = 0; i < arena->total; i++) {
        uint32_t at = (start + i) % arena->total;
        if (at >= arena->lowest && ((base_frame + at) & (count - 1)) == 0 &&
            count <= arena->total - at && block_is_free(arena, at, count)) {
            *first = at;
            return true;
        }
    }
    return false;
}

static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct arena *arena = context;
    uint32_t first, count = UINT32_C(1) << order;

    arena->allocs++;
    check(order <= QUIRE_ORDER_MAX);
    if (arena->refuse_in == 0 || !find_block(arena, order, &first)) {
        arena->refusals++;
        return QUIRE_NO_MEMORY;
    }
    if (arena->refuse_in > 0) {
        arena->refuse_in--;
    }
    memset(arena->order_of + first, ARENA_TAIL, count);
    arena->order_of[first] = (uint8_t)(1 + order);
    arena->in_use += count;
    for (uint64_t i = 0; i < (uint64_t)count << arena->page_shift; i++) {
        arena->ram[((uint64_t)first << arena->page_shift) + i] =
            (unsigned char)prng_next(&arena->prng);
    }
    pa->at = arena->base + ((uint64_t)first << arena->page_shift);
    return QUIRE_OK;
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct arena *arena = context;
    uint32_t count = UINT32_C(1) << order;
    uint64_t offset = pa.at - arena->base;
    uint32_t first = (uint32_t)(offset >> arena->page_shift);

    checkf(offset < arena->bytes && (offset & ((UINT64_C(1) << arena->page_shift) - 1)) == 0,
           "freed table at %#llx", (unsigned long long)pa.at);
    checkf(arena->order_of[first] == 1 + order, "freed table at %#llx with order %u, was %d",
           (unsigned long long)pa.at, order, arena->order_of[first] - 1);
    if (arena->on_free != NULL) {
        arena->on_free(arena->context, pa, (uint64_t)count << arena->page_shift);
    }
    memset(arena->order_of + first, 0, count);
    arena->in_use -= count;
    memset(arena->ram + offset, 0xdb, (size_t)count << arena->page_shift);
}

static void tlb_flush(void *context, const struct quire_flush *flush)
{
    struct arena *arena = context;

    arena->flushes++;
    if (arena->on_flush != NULL) {
        arena->on_flush(arena->context, flush);
    }
}

/* ---- windows --------------------------------------------------------------------------------- */

/* Is [offset, offset + bytes) inside one frame, or one block that was allocated? */
static bool is_one_piece(const struct arena *arena, uint64_t offset, uint64_t bytes)
{
    uint32_t first = (uint32_t)(offset >> arena->page_shift);
    uint32_t last = (uint32_t)((offset + bytes - 1) >> arena->page_shift);

    for (uint32_t i = first; i < last; i++) {
        if (arena->order_of[i] == 0 || arena->order_of[i + 1] != ARENA_TAIL) {
            return false;
        }
    }
    return true;
}

static void set_access(const struct arena_window *window, int access)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)window->where & ~(page - 1);
    uintptr_t to = ((uintptr_t)window->where + window->bytes + page - 1) & ~(page - 1);

    check(mprotect((void *)from, to - from, access) == 0);
}

static void *map(void *context, quire_pa pa, uint64_t bytes)
{
    struct arena *arena = context;
    struct arena_window *window = &arena->window[arena->held];
    uint64_t offset = pa.at - arena->base;

    if (offset >= arena->bytes || bytes > arena->bytes - offset) {
        return NULL;
    }
    checkf(bytes != 0 && is_one_piece(arena, offset, bytes), "map %#llx, %llu bytes",
           (unsigned long long)pa.at, (unsigned long long)bytes);
    checkf(arena->held < ARENA_WINDOWS_MAX, "a third window at once");
    window->where = window->alias + offset;
    window->bytes = bytes;
    set_access(window, PROT_READ | PROT_WRITE);
    arena->held++;
    arena->mappings++;
    return window->where;
}

static void unmap(void *context, void *where, uint64_t bytes)
{
    struct arena *arena = context;
    struct arena_window *window = &arena->window[arena->held - 1];

    check(arena->held != 0);
    checkf(window->where == where && window->bytes == bytes,
           "unmapped another window than the last");
    set_access(window, PROT_NONE);
    window->where = NULL;
    arena->held--;
}

/* The memory itself, and closed views of it for the windows: a file, mapped several times. */
static void map_ram(struct arena *arena, bool windows)
{
    FILE *file;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((size_t)arena->bytes + page - 1) & ~(page - 1);

    if (!windows) {
        arena->ram = malloc(arena->bytes);
        check(arena->ram != NULL);
        return;
    }
    file = tmpfile();
    check(file != NULL && ftruncate(fileno(file), (off_t)bytes) == 0);
    arena->ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    check(arena->ram != MAP_FAILED);
    for (unsigned i = 0; i < ARENA_WINDOWS_MAX; i++) {
        arena->window[i].alias = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, fileno(file), 0);
        check(arena->window[i].alias != MAP_FAILED);
    }
    fclose(file);
}

/* ---- the arena ------------------------------------------------------------------------------- */

void arena_init(struct arena *arena, enum arena_reach reach, uint64_t base, uint32_t frames,
                unsigned page_shift)
{
    struct quire_memory *memory = &arena->host.memory;

    memset(arena, 0, sizeof(*arena));
    arena->base = base;
    arena->bytes = (uint64_t)frames << page_shift;
    arena->page_shift = page_shift;
    arena->total = frames;
    arena->refuse_in = -1;
    arena->prng = prng_new(UINT64_C(0xa3e4a) + base + frames);
    arena->order_of = calloc(frames, 1);
    check(arena->order_of != NULL);
    map_ram(arena, reach != ARENA_DIRECT);
    arena->host.context = arena;
    arena->host.alloc_table = alloc_table;
    arena->host.free_table = free_table;
    arena->host.tlb_flush = tlb_flush;
    if (reach != ARENA_WINDOWS) {
        memory->direct = arena->ram;
        memory->base = base;
        memory->bytes = reach == ARENA_DIRECT ? arena->bytes : (uint64_t)(frames / 2) << page_shift;
    }
    if (reach != ARENA_DIRECT) {
        memory->map = map;
        memory->unmap = unmap;
        memory->context = arena;
    }
}

void arena_free(struct arena *arena)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((size_t)arena->bytes + page - 1) & ~(page - 1);

    arena_settled(arena);
    if (arena->window[0].alias == NULL) {
        free(arena->ram);
    } else {
        munmap(arena->ram, bytes);
        munmap(arena->window[0].alias, bytes);
        munmap(arena->window[1].alias, bytes);
    }
    free(arena->order_of);
    free(arena->frames_state);
}

void arena_use_frames(struct arena *arena)
{
    uint32_t first = (uint32_t)(arena->base >> arena->page_shift);
    size_t bytes = quire_frames_size(arena->total);

    arena->frames_state = malloc(bytes);
    check(arena->frames_state != NULL);
    check(quire_frames_init(&arena->frames, arena->frames_state, bytes, quire_pfn_of(first),
                            arena->total, arena->page_shift) == QUIRE_OK);
    check(quire_frames_release(&arena->frames, quire_pfn_of(first + 1), arena->total - 1) ==
          QUIRE_OK);
    arena->host.frames = &arena->frames;
    arena->host.alloc_table = NULL;
    arena->host.free_table = NULL;
}

unsigned char *arena_at(const struct arena *arena, uint64_t pa, uint64_t bytes)
{
    uint64_t offset = pa - arena->base;

    return offset < arena->bytes && bytes <= arena->bytes - offset ? arena->ram + offset : NULL;
}

bool arena_peek(const struct arena *arena, uint64_t pa, unsigned bytes, bool big_endian,
                uint64_t *entry)
{
    const unsigned char *at = arena_at(arena, pa, bytes);

    if (at == NULL) {
        return false;
    }
    *entry = 0;
    for (unsigned i = 0; i < bytes; i++) {
        *entry |= (uint64_t)at[i] << 8 * (big_endian ? bytes - 1 - i : i);
    }
    return true;
}

void arena_poke(struct arena *arena, uint64_t pa, unsigned bytes, bool big_endian, uint64_t entry)
{
    unsigned char *at = arena_at(arena, pa, bytes);

    checkf(at != NULL, "the test writes outside its memory, at %#llx", (unsigned long long)pa);
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(entry >> 8 * (big_endian ? bytes - 1 - i : i));
    }
}

void arena_scramble(struct arena *arena)
{
    for (uint64_t i = 0; i < arena->bytes; i++) {
        arena->ram[i] = (unsigned char)prng_next(&arena->prng);
    }
}

void arena_settled(const struct arena *arena)
{
    checkf(arena->held == 0, "%u windows left open", arena->held);
}
