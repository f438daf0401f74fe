/*
 * A frame allocator and a flat model of it, side by side: each operation is made on both, and what
 * comes of it is compared. The model is an array of counts, searched from the beginning.
 */
#ifndef SUPPORT_FRAMES_BED_H
#define SUPPORT_FRAMES_BED_H

#include "quire/frames.h"

/* Where the state of an allocator is, and what it manages. Inside memory, `first` is 0. */
struct bed_setup {
    unsigned width; /* 0: beside memory */
    uint32_t first, total;
};

/* The allocator's state has exactly the size that it asked for. */
struct bed {
    struct bed_setup setup;
    struct quire_frames frames;
    struct quire_memory memory;
    unsigned char *state;
    size_t state_bytes;

    uint32_t *count; /* the model: owners of each frame */
    uint32_t limit, free;
    uint64_t allocs, frees;
};

/* To give back or share what is free is a mistake of the caller: it traps in a debug build. */
extern const bool bed_mistakes_allowed;

void bed_open(struct bed *bed, struct bed_setup setup);      /* every frame has one owner */
void bed_open_free(struct bed *bed, struct bed_setup setup); /* every frame is free */
void bed_close(struct bed *bed);

/* The count at which a setup of this width sticks. */
uint32_t bed_limit(unsigned width);

quire_pfn bed_frame(const struct bed *bed, uint32_t index);

/* ---- on the allocator and the model ---- */

void bed_alloc(struct bed *bed, unsigned order);
void bed_alloc_from(struct bed *bed, uint32_t pfn);
void bed_alloc_at(struct bed *bed, uint32_t pfn, uint32_t count);
void bed_release(struct bed *bed, uint32_t pfn, uint32_t count);
void bed_ref(struct bed *bed, uint32_t index);
void bed_unref(struct bed *bed, uint32_t index);

/* Frees the aligned block around a frame; some of it may be shared, or free, or not managed. */
void bed_free(struct bed *bed, uint32_t index, unsigned order);

/* The numbers of frames agree; all counts do, and the allocator is valid. */
void bed_check_totals(const struct bed *bed);
void bed_check_all(const struct bed *bed);

/* ---- on the allocator only ---- */

void bed_validate(const struct bed *bed);

/* Allocates, which must succeed, and answers the index. */
uint32_t bed_must_alloc(struct bed *bed, unsigned order);

/* Writes a count where the allocator has it. */
void bed_set_count(struct bed *bed, uint32_t index, uint32_t count);

/* Everything that an operation might change, to see that a failed one did not. */
struct bed_copy {
    struct quire_frames frames;
    unsigned char *state;
};

struct bed_copy bed_copy(const struct bed *bed);
void bed_check_unchanged(const struct bed *bed, struct bed_copy copy); /* ends the copy, too */

#endif
