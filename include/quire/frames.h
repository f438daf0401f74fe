/*
 * Physical frames: who has them, and how many times.
 *
 *   count:   0 = free    1 .. max-1 = that many owners    max = stuck: never freed again
 *
 * One count a frame is the whole truth. It stands either beside memory (quire_frames_init: 4-byte
 * counts, and a map that makes finding fast), or inside the machine's own memory at an address and
 * width of your choice (quire_frames_init_inside: seed 004's free map in the zero page is that, one
 * byte a frame at physical address 0).
 *
 * The lowest free frame (or block) is always the one taken: deterministic, and what seeds print.
 * A new allocator has every frame reserved (count 1); quire_frames_release() hands over what the
 * machine's memory map says is RAM. Caller locks (class "frames"); no I/O; nothing sleeps.
 */
#ifndef QUIRE_FRAMES_H
#define QUIRE_FRAMES_H

#include "quire/bitset.h"
#include "quire/memory.h"
#include "quire/status.h"

enum { QUIRE_ORDER_MAX = 20 };   /* largest block: 1 << 20 frames */
enum { QUIRE_FRAMES_HOLDS = 7 }; /* orders of blocks that fit into a word of the map */

struct quire_frames {
    uint32_t first; /* first frame number managed */
    uint32_t total; /* frames managed: [first, first + total) */
    uint32_t free;
    uint32_t hint;  /* no frame below first + hint is free; beside memory that one is, if any */
    uint32_t limit; /* the count that sticks: 255, 65,535 or 4,294,967,295 */
    uint8_t page_shift;
    uint8_t width; /* bytes of a count: 1, 2 or 4 */
    void *counts;  /* native beside memory; little-endian inside it */

    /* What makes finding fast: src/memory/frames_map.h explains it. Inside memory: NULL, unused. */
    uint64_t *free_map;
    uint8_t *known;
    struct quire_bitset holds[QUIRE_FRAMES_HOLDS];

    uint64_t allocs, frees; /* frames taken and given back since init; release() is neither */

    /* May be set after init: asked before each quire_frames_alloc() and alloc_from(); true refuses
     * it, and the answer is QUIRE_NO_MEMORY (a quota; a test of what happens then). */
    bool (*refuse)(void *context, unsigned order);
    void *refuse_context;
};

/* Bytes of state for so many frames, to be given to quire_frames_init(). 0: too many for size_t. */
size_t quire_frames_size(uint32_t total);

/* State beside memory: `state`, aligned to 8 bytes. QUIRE_INVALID: too small or not aligned, total
 * 0 or too large (the last frame number is 2^32 - 2), page_shift outside 3 .. 30. */
enum quire_status quire_frames_init(struct quire_frames *frames, void *state, size_t state_bytes,
                                    quire_pfn first, uint32_t total, unsigned page_shift);

/* State inside the machine's memory: `total` counts of `width` bytes at physical address `at`,
 * which must be reachable as one piece for as long as the allocator lives. Frame numbers start at
 * 0. Existing counts are taken over as they are (`free` is counted). QUIRE_INVALID: width, total or
 * page_shift; QUIRE_OUT_OF_RANGE: no memory there. */
enum quire_status quire_frames_init_inside(struct quire_frames *frames,
                                           const struct quire_memory *memory, quire_pa at,
                                           unsigned width, uint32_t total, unsigned page_shift);

/* Hands over [first, first + count): each has its single owner removed. Frames outside what is
 * managed, already free or owned more than once: QUIRE_INVALID, nothing changed. */
enum quire_status quire_frames_release(struct quire_frames *frames, quire_pfn first,
                                       uint32_t count);

/* The lowest free, naturally aligned block of 1 << order frames, each with count 1. Contents are
 * not touched. QUIRE_NO_MEMORY: there is none; QUIRE_INVALID: order above QUIRE_ORDER_MAX. */
enum quire_status quire_frames_alloc(struct quire_frames *frames, unsigned order, quire_pfn *pfn);

/* The lowest free frame at or above `from`, with count 1. QUIRE_NO_MEMORY: there is none. */
enum quire_status quire_frames_alloc_from(struct quire_frames *frames, quire_pfn from,
                                          quire_pfn *pfn);

/* Exactly [first, first + count), each with count 1. QUIRE_EXISTS: one of them is not free;
 * QUIRE_INVALID: one of them is not managed; nothing changed. */
enum quire_status quire_frames_alloc_at(struct quire_frames *frames, quire_pfn first,
                                        uint32_t count);

/* One more owner. A count at the limit stays there. => allocated: a free frame is left alone, and
 * with QUIRE_DEBUG it traps. */
void quire_frames_ref(struct quire_frames *frames, quire_pfn pfn);

/* One owner less; true when that freed it. A stuck count stays. => allocated, as above. */
bool quire_frames_unref(struct quire_frames *frames, quire_pfn pfn);

/* Unrefs each frame of a block. */
void quire_frames_free(struct quire_frames *frames, quire_pfn first, unsigned order);

/* Owners of a frame; 0: free. Frames that are not managed count as stuck. */
uint32_t quire_frames_count(const struct quire_frames *frames, quire_pfn pfn);

/* Do counts, map, summaries, hint and `free` agree? QUIRE_CORRUPT and *at (may be NULL): the first
 * frame that is wrong, or none if it is no single frame. Reads all of the state. */
enum quire_status quire_frames_validate(const struct quire_frames *frames, quire_pfn *at);

#endif
