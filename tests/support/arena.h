/*
 * A host for tests: a piece of physical memory, and hooks that watch how the core uses them.
 *
 *   - table frames come from it at random places, full of garbage; the n-th can be refused;
 *   - freeing what was not given out, or in another size, fails the test at once;
 *   - memory is reachable directly, or only through two windows that are open exactly between map
 *     and unmap: a touch outside them is a crash, unbalanced or crossed use a failed check;
 *   - flushes and frees are handed on to the test, in order.
 */
#ifndef SUPPORT_ARENA_H
#define SUPPORT_ARENA_H

#include "quire/frames.h"
#include "quire/host.h"
#include "quire/tlb.h"
#include "tests/support/prng.h"

enum arena_reach {
    ARENA_DIRECT,  /* all of it through memory.direct */
    ARENA_WINDOWS, /* all of it through map and unmap */
    ARENA_MIXED    /* the lower half direct, the rest through windows */
};

enum { ARENA_WINDOWS_MAX = 2 };

struct arena_window {
    unsigned char *alias; /* a second view of the whole memory, closed but for what is mapped */
    unsigned char *where; /* what was handed out; NULL: free */
    uint64_t bytes;
};

struct arena {
    struct quire_host host; /* give this to the core */

    /* What the test sees, whatever the core can. */
    unsigned char *ram;
    uint64_t base; /* physical address of ram[0] */
    uint64_t bytes;
    unsigned page_shift;

    uint8_t *order_of; /* for each frame: 0 free, else 1 + order at the first frame of a block,
                          ARENA_TAIL in the rest of it */
    uint32_t total;
    uint32_t in_use;   /* frames given out */
    uint32_t lowest;   /* first frame index that may be given out */
    uint64_t allocs;   /* calls, refused ones included */
    uint64_t refusals; /* of them */
    int64_t refuse_in; /* refuse when this many more have been given; negative: never */

    struct arena_window window[ARENA_WINDOWS_MAX];
    unsigned held;     /* windows open now */
    uint64_t mappings; /* windows opened so far */

    struct quire_frames frames; /* with arena_use_frames() */
    void *frames_state;

    /* Told of each flush and of each table that is freed, before its frames are reused. */
    void (*on_flush)(void *context, const struct quire_flush *flush);
    void (*on_free)(void *context, quire_pa pa, uint64_t bytes);
    void *context;

    uint64_t flushes;
    struct prng prng;
};

/* `frames` frames of 1 << page_shift bytes from physical address `base` on. */
void arena_init(struct arena *arena, enum arena_reach reach, uint64_t base, uint32_t frames,
                unsigned page_shift);
void arena_free(struct arena *arena);

/* From now on table frames come from the bundled allocator, which may give out frames 1 and up. */
void arena_use_frames(struct arena *arena);

/* Where `bytes` at `pa` stand, for the test; NULL if not all of it is there. */
unsigned char *arena_at(const struct arena *arena, uint64_t pa, uint64_t bytes);

/* An entry of `bytes` bytes at pa, read one byte at a time; false when there is no memory. */
bool arena_peek(const struct arena *arena, uint64_t pa, unsigned bytes, bool big_endian,
                uint64_t *entry);
void arena_poke(struct arena *arena, uint64_t pa, unsigned bytes, bool big_endian, uint64_t entry);

/* Fills everything with random bytes. */
void arena_scramble(struct arena *arena);

/* Checks that no window is open. */
void arena_settled(const struct arena *arena);

#endif
