/*
 * The heap of a program: malloc and its kin, over pages that the caller's source hands out.
 *
 *   request           where it lives                                    rounded up to
 *   0 .. 2 KiB        an object of a slab: up to 64 of one size         24 sizes, 25 % apart
 *   .. 128 KiB        a run of units in a window of 256 KiB             1 KiB
 *   above             a region of its own, straight from the source     whole pages
 *
 * Made for demand-paged programs. What says which memory is free stands apart from it: neither
 * alloc nor free reads or writes free memory, so nothing that is cold is paged in for bookkeeping.
 * What was freed is kept for a while, as it will probably be wanted again; when that is half of
 * what is in use (see options.keep), free regions and windows go back to the source, and other
 * free pages are discarded. src/heap/internal.h has the picture and the argument.
 *
 * All blocks are aligned to 16 bytes, on 32-bit machines too. Functions that hand out a block
 * answer NULL if it cannot be had, and then every block is as it was. A size of 0 asks for the
 * smallest block, which is distinct from all others and is freed like them.
 *
 * The caller locks (class "heap"). Nothing sleeps; hooks are called with the heap in a state in
 * which they must not call it back. A heap must not be moved while it is in use.
 */
#ifndef QUIRE_HEAP_H
#define QUIRE_HEAP_H

#include "quire/status.h"
#include "quire/types.h"

enum {
    QUIRE_HEAP_ALIGN = 16,      /* of every block, bytes */
    QUIRE_HEAP_SMALL = 2048,    /* the largest request that is served from a slab, bytes */
    QUIRE_HEAP_MEDIUM = 131072, /* the largest that is served from a window, bytes */
    QUIRE_HEAP_WINDOW = 262144, /* the source is asked for multiples of this, bytes */
    QUIRE_HEAP_CLASSES = 24     /* sizes of small objects */
};

/*
 * Where pages come from. Addresses and sizes are multiples of 1 << page_shift bytes.
 *
 * brk-like: get() raises the break, whatever the wish; give() takes only what ends at the break.
 * mmap-like: get() tries the wish first, give() takes any pages.
 */
struct quire_heap_source {
    /* Contiguous pages that may be read and written, best at `wish` (NULL: anywhere). They need
     * not be there before they are touched. NULL: there are none. */
    void *(*get)(void *context, void *wish, size_t bytes);

    /* These pages are not needed any more. They may be part of what one get() gave, or span
     * several that touch. true: they are the source's again. false: the heap keeps them, asks
     * discard(), and uses them again itself. What was got last must be taken, or its end. */
    bool (*give)(void *context, void *at, size_t bytes);

    /* The contents of these pages, which stay the heap's, do not matter: their frames may be taken
     * away (MADV_DONTNEED). NULL: the source has no use for this. */
    void (*discard)(void *context, void *at, size_t bytes);

    void *context;
    uint8_t page_shift; /* 10 .. 16: smaller pages are asked for by the KiB */
    bool zeroed;        /* what get() gives reads as zeros, and after discard() too */
};

/* What a program did wrong with a block. */
enum quire_heap_mistake {
    QUIRE_HEAP_DOUBLE_FREE,    /* this is free memory of the heap already */
    QUIRE_HEAP_WILD,           /* no block begins here, nor is this within one */
    QUIRE_HEAP_INTERIOR,       /* within a block, not where it begins */
    QUIRE_HEAP_UNDERRUN,       /* bytes before the block were written */
    QUIRE_HEAP_OVERRUN,        /* bytes after it were */
    QUIRE_HEAP_USE_AFTER_FREE, /* bytes of the block were, after it was freed */
    QUIRE_HEAP_MISTAKES
};

struct quire_heap_report {
    enum quire_heap_mistake mistake;
    const void *at;    /* the pointer that was passed, or the first byte that was damaged */
    const void *block; /* the block that is concerned; NULL: none */
    size_t bytes;      /* that its owner asked for; 0: not known */
};

struct quire_heap;

/* The checking mode, a part that is linked only if it is named: quire_heap_checking below. */
struct quire_heap_checker {
    void *(*alloc)(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed);
    void (*free)(struct quire_heap *heap, void *block);
    void *(*realloc)(struct quire_heap *heap, void *block, size_t bytes);
    size_t (*usable)(struct quire_heap *heap, const void *block);
    enum quire_status (*validate)(struct quire_heap *heap, const void **at);
    void (*flush)(struct quire_heap *heap);
};

/*
 * Every block between two zones whose bytes are looked at when it is freed, filled when it is
 * handed out and again when it is freed, and kept in quarantine for a while before its memory is
 * used again. realloc always moves. Costs 64 bytes a block and more (32-bit: 48), and time; each
 * free looks at the list of regions.
 */
extern const struct quire_heap_checker quire_heap_checking;

struct quire_heap_options {
    struct quire_heap_source source;

    /* Bytes that may lie free, frames and all, before something is given back; if half of what is
     * in use, or 64 KiB, is more, then that may. 0 suits small machines. */
    size_t keep;

    /* A mistake was found. Without checking that is: a double free of a small block whose slab is
     * still there, and of a pointer that cannot be a block's where this is seen for nothing. The
     * call that was wrong changes nothing then. NULL: only that. Must not call the heap. */
    void (*report)(void *context, const struct quire_heap_report *report);
    void *report_context;

    const struct quire_heap_checker *checker; /* NULL, or &quire_heap_checking */
    size_t quarantine; /* bytes of freed blocks that are kept, with checking; 0: none are */
};

struct quire_heap_statistics {
    uint64_t asked;      /* bytes, by all calls since init; a realloc counts in full */
    size_t in_use;       /* bytes of all blocks as rounded up (with checking: zones, quarantine) */
    size_t in_use_peak;  /* the most that ever were */
    size_t blocks;       /* counted now: this is what takes time here */
    size_t held;         /* bytes that came from the source and did not go back */
    size_t held_peak;    /* the most that ever were */
    uint64_t given_back; /* bytes, to the source since init: all got = held + given_back */
    uint64_t discarded;  /* bytes, since init */
};

struct heap_run;
struct heap_window;
struct heap_region;
struct heap_guard;

/* For src/heap/ only, but for its size. */
struct quire_heap {
    struct heap_run *partial[QUIRE_HEAP_CLASSES]; /* slabs with a free object, by class */
    size_t small_limit;                           /* QUIRE_HEAP_SMALL; 0 with checking */
    const struct quire_heap_checker *checker;
    size_t in_use, in_use_peak;
    uint64_t asked;
    uint8_t class_of[QUIRE_HEAP_SMALL / QUIRE_HEAP_ALIGN + 1]; /* by size in 16 bytes */
    uint8_t unit_shift_of_page;                                /* units in a page, log2 */

    uint32_t bins_used; /* bit i: bins[i] is not empty */
    struct heap_window *bins[QUIRE_HEAP_CLASSES + 1];
    uint32_t slabs[QUIRE_HEAP_CLASSES];   /* of each class, with or without a free object */
    struct heap_region *regions, *spares; /* in use; free, but not taken back by the source */
    void *wish;                           /* where the next region would be best */
    size_t loose;                         /* bytes freed in windows since pages were discarded */
    size_t held, held_peak;
    uint64_t given_back, discarded;

    struct heap_guard *oldest, *newest; /* the quarantine */
    size_t quarantined;                 /* bytes */
    struct quire_heap_options options;
};

/* An empty heap; nothing is asked of the source yet. QUIRE_INVALID: get or give is NULL;
 * QUIRE_OUT_OF_RANGE: page_shift. */
enum quire_status quire_heap_init(struct quire_heap *heap,
                                  const struct quire_heap_options *options);

/* Gives back everything, blocks in use included. What a brk-like source does not take because
 * someone else raised the break above it is lost to both. The heap is as after init then. */
void quire_heap_destroy(struct quire_heap *heap);

/* At least so many bytes; their contents are not defined. */
void *quire_heap_alloc(struct quire_heap *heap, size_t bytes);

/* Zeros. NULL also if count * bytes does not fit size_t. Fresh pages are not touched for it. */
void *quire_heap_calloc(struct quire_heap *heap, size_t count, size_t bytes);

/* At a multiple of `align`, a power of two of any size; else NULL. `bytes` may be any. */
void *quire_heap_aligned(struct quire_heap *heap, size_t align, size_t bytes);

/* Makes a block larger or smaller; the first bytes, as many as both have, stay. In place where
 * that can be: within a size, in a window if what follows is free, and regions if the source can
 * extend them. NULL: could not; the block is as it was. A smaller size is never refused. Alignment
 * beyond 16 is kept only in place. block NULL: alloc. Size 0 is a size as any other. */
void *quire_heap_realloc(struct quire_heap *heap, void *block, size_t bytes);

/* => the block came from this heap, and was not freed since. NULL: nothing happens. */
void quire_heap_free(struct quire_heap *heap, void *block);

/* Bytes from `block` on that its owner may use: what was asked for or more (with checking:
 * exactly). NULL: 0. => as for free */
size_t quire_heap_usable(struct quire_heap *heap, const void *block);

/* Gives back, or discards, all that is free now: empty slabs and windows that are kept because
 * they will probably be wanted again, and with checking the quarantine. */
void quire_heap_trim(struct quire_heap *heap);

/* Counts blocks: time in proportion to the heap. */
void quire_heap_statistics(const struct quire_heap *heap, struct quire_heap_statistics *result);

/* Do all records agree with each other? With checking, also: is every zone, and every block in
 * quarantine, as it was left (what is not is reported)? QUIRE_CORRUPT and *at (may be NULL): the
 * record or the byte that is wrong, NULL if it is a total. Reads all records, and no contents
 * without checking. */
enum quire_status quire_heap_validate(struct quire_heap *heap, const void **at);

/* "double free"; never NULL. */
const char *quire_heap_mistake_text(enum quire_heap_mistake mistake);

#endif
