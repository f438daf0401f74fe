/*
 * What the parts of the heap know of each other.
 *
 *   region      an extent from the source; its record stands at a multiple of 256 KiB
 *
 *   window      |record|runs of units ...                                      | 256 units of 1 KiB
 *                  |    |slab, 5 units |one block, 9 units       | free  |slab |
 *                  |
 *                  +-- free   a bit a unit: is it free?
 *                      stale  a bit a unit: may its frame hold something?
 *                      head   a byte a unit: where does the run begin that it is part of?
 *                      runs   a record a unit, used where a run begins:
 *
 *   slab        |object|object|object|object| ...  up to 64, a bit of run->free for each
 *
 *   large       |record|one block                                                          |
 *   spare       |record|nothing: free, and to be given back if it is not wanted soon        |
 *
 * From a block to its record there is no search: the window is the address with 18 bits cleared,
 * the run is runs[head[unit]], the object's number is a multiplication by the reciprocal of its
 * size. Large blocks begin among the first units of a window, where its record would be, so that
 * the same subtraction and one comparison tell them from the others.
 *
 * Why like this. A free list through the free blocks (Knuth, The Art of Computer Programming 1,
 * 2.5; dlmalloc; TLSF, Masmano et al., ECRTS 2004) costs no memory, but every operation reads or
 * writes blocks that nobody uses: in a paged program those are the ones that were swapped out. So
 * what is free is told by bits that stand apart, 3 % of what they tell of: phkmalloc was made for
 * just this reason (Kamp, "Malloc(3) revisited", USENIX 1998), jemalloc's runs have such
 * bitmaps too (Evans, BSDCan 2006). Objects have no headers, powers of two are aligned to
 * themselves, and a double free shows, as the bit is set already. That a record is found by
 * masking the address is mimalloc's way (Leijen, Zorn, de Moura, APLAS 2019).
 *
 * Always the lowest free object of a slab is taken, so that the end of one that is not full stays
 * untouched. The first slab of a class has 1 KiB, the next ones 2, 4, 8, then 16: a small program
 * with blocks of twenty sizes touches a few pages for them, not twenty; a large one changes slabs
 * rarely. Sizes have four steps in each doubling, (4, 5, 6, 7) * 2^n, which fill 1, 5, 3 and 7
 * units, or multiples of that, without rest.
 *
 * Runs of units are taken best fit from a window whose longest free run is long enough but not much
 * longer: bins by that length, kept exact (good fit, as TLSF's, with the window's bits for list).
 *
 * Giving back costs the source's time and a fault when the page is wanted again. So it waits until
 * heap->loose, what became free since and was not taken again, is worth it: quire_heap_freed().
 */
#ifndef QUIRE_HEAP_INTERNAL_H
#define QUIRE_HEAP_INTERNAL_H

#include "quire/heap.h"

#include "../bytes.h"
#include "../memory/bitset.h"

enum {
    CLASSES = QUIRE_HEAP_CLASSES,
    GRANULE_SHIFT = 4, /* sizes are told in 16 bytes */
    UNIT_SHIFT = 10,
    UNIT = 1 << UNIT_SHIFT,
    WINDOW = QUIRE_HEAP_WINDOW,
    UNITS = WINDOW / UNIT,
    WORDS = UNITS / 64,
    MEDIUM_UNITS = QUIRE_HEAP_MEDIUM / UNIT,
    SLAB_UNITS = 16,     /* of the largest slabs, at most */
    KEPT = 65536,        /* bytes that lie free at least before something is given back */
    EMPTY_BIN = CLASSES, /* the windows in which nothing is used */
    NO_BIN = 255         /* of windows that are full */
};

enum heap_kind { HEAP_WINDOW = 1, HEAP_LARGE, HEAP_SPARE };

struct heap_region {
    uint8_t kind;
    bool fresh;    /* untouched since the source gave it, but for the record */
    size_t front;  /* bytes that are held before the record: the source would not take them back */
    size_t bytes;  /* from the record on */
    size_t offset; /* large: of the block */
    size_t used;   /* large: to the end of the block, whole pages; spare: bytes with frames, most */
    struct heap_region *prev, *next;
};

struct heap_run {
    struct heap_run *prev, *next; /* slab: in heap->partial[], if an object is free */
    uint64_t free;                /* slab: bit i: object i is free */
    uint32_t reciprocal;          /* slab: 2^32 / size, rounded up */
    uint16_t size;                /* of an object, bytes; 0: this is no slab but one block */
    uint8_t units;
    uint8_t missing; /* slab: 64 less the number of its objects */
};

struct heap_window {
    struct heap_region region;
    struct heap_window *prev, *next; /* in its bin */
    uint8_t bin;
    uint8_t longest; /* run of free units */
    uint64_t free[WORDS], stale[WORDS];
    uint8_t head[UNITS];
    struct heap_run runs[UNITS];
};

enum { RECORD_UNITS = (sizeof(struct heap_window) + UNIT - 1) / UNIT };
enum { USABLE_UNITS = UNITS - RECORD_UNITS };

/* The block of a large region is this far from its record, if nothing is said of alignment. */
enum { LARGE_OFFSET = (sizeof(struct heap_region) + 63) / 64 * 64 };

static inline size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) & ~(to - 1);
}

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t page_of(const struct quire_heap *heap)
{
    return (size_t)UNIT << heap->unit_shift_of_page;
}

/* The window or region that an address in its first 256 KiB belongs to. */
static inline struct heap_window *window_of(const void *at)
{
    return (struct heap_window *)((uintptr_t)at & ~(uintptr_t)(WINDOW - 1));
}

static inline unsigned unit_of(const void *at)
{
    return ((uintptr_t)at & (WINDOW - 1)) >> UNIT_SHIFT;
}

/* Where the units of a run begin. => a run of a window */
static inline unsigned char *run_start(struct heap_run *run)
{
    struct heap_window *window = window_of(run);

    return (unsigned char *)window + ((size_t)(run - window->runs) << UNIT_SHIFT);
}

/* run->free of a slab without objects in use. */
static inline uint64_t run_all(const struct heap_run *run)
{
    return ~(uint64_t)0 >> run->missing;
}

/* Largest class that is no longer than `size` (in what class_of counts: granules, units). */
static inline unsigned class_below(const struct quire_heap *heap, unsigned size)
{
    return size >= QUIRE_HEAP_SMALL >> GRANULE_SHIFT ? CLASSES - 1 : heap->class_of[size + 1] - 1u;
}

/* The size of a class, in granules or units. */
unsigned quire_heap_class_size(unsigned cls);

/* ---- regions: heap_region.c ------------------------------------------------------------------ */

/* A region of `bytes` or more, from spares or the source; WINDOW bytes after its record is a
 * multiple of `align`. => align: a power of two, WINDOW or more. NULL: there is none. */
struct heap_region *quire_heap_region_take(struct quire_heap *heap, size_t bytes, size_t align);

/* It becomes a spare. => region->used says how much of it may have frames */
void quire_heap_region_drop(struct quire_heap *heap, struct heap_region *region);

/* Gives all spares to the source; those that it does not take are discarded. */
void quire_heap_spares_give(struct quire_heap *heap);

/* Uses so many bytes of a region, in place. => whole pages, not 0. To grow may fail. */
bool quire_heap_region_resize(struct quire_heap *heap, struct heap_region *region, size_t bytes);

void quire_heap_discard(struct quire_heap *heap, void *at, size_t bytes);

/* ---- windows: heap_window.c ------------------------------------------------------------------ */

/* A run of units in some window; NULL: none. `zero`, if not NULL: it reads as zeros. */
struct heap_run *quire_heap_units_take(struct quire_heap *heap, unsigned units, bool *zero);

/* All of a run; or its units from `keep` on. If much is free now, windows may be dropped. */
void quire_heap_units_give(struct quire_heap *heap, struct heap_run *run, unsigned keep);

/* The units of a run before `skip`, which is then the run's beginning. */
struct heap_run *quire_heap_units_skip(struct quire_heap *heap, struct heap_run *run,
                                       unsigned skip);

/* Makes a run longer in place, if the units after it are free. */
bool quire_heap_units_extend(struct quire_heap *heap, struct heap_run *run, unsigned units);

/* Drops the windows in which nothing is used but `keep`, discards free pages of the others. */
void quire_heap_windows_tidy(struct quire_heap *heap, unsigned keep);

/* Gives back or discards what is free. */
void quire_heap_tidy(struct quire_heap *heap, unsigned keep);

/* To be called when something was freed: tidies if that is worth the source's time. */
static inline void quire_heap_freed(struct quire_heap *heap)
{
    if (heap->loose > heap->in_use / 2 && heap->loose > KEPT && heap->loose > heap->options.keep) {
        quire_heap_tidy(heap, 1);
    }
}

/* The longest run of free units of a window; *best: where the shortest begins that is at least
 * `units` long, or UNITS. */
unsigned quire_heap_window_survey(const struct heap_window *window, unsigned units, unsigned *best);

/* The bin of the windows whose longest free run is that long. */
unsigned quire_heap_window_bin(const struct quire_heap *heap, unsigned longest);

/* ---- blocks: heap.c, heap_walk.c ------------------------------------------------------------- */

/* Without checking. `align`: a power of two. */
void *quire_heap_plain_alloc(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed);
void quire_heap_plain_free(struct quire_heap *heap, void *block);

void quire_heap_tell(struct quire_heap *heap, enum quire_heap_mistake mistake, const void *at,
                     const void *block, size_t bytes);

enum heap_place {
    HEAP_NOWHERE, /* not in the heap's pages, or in its records */
    HEAP_UNUSED,  /* no block, but there may have been one */
    HEAP_IN_BLOCK
};

struct heap_block {
    unsigned char *at;
    size_t bytes;
};

/* What is at an address, whatever address it is; reads only what the heap holds. */
enum heap_place quire_heap_locate(const struct quire_heap *heap, const void *at,
                                  struct heap_block *block);

/* Calls `visit` for each block until it answers false; tells if it never did. */
bool quire_heap_visit(const struct quire_heap *heap,
                      bool (*visit)(void *context, const struct heap_block *block), void *context);

#endif
