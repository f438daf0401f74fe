/*
 * A page table and a flat model of it, side by side.
 *
 *     quire_table_map() ...        the table in the arena's memory  <-- quire_walk(), as the MMU
 *           |                                                              |
 *        rig_apply()               compares after every step               v
 *           |                                                              |
 *     model: one record a page     va -> pa, attributes, level of the leaf
 *
 * Beside it stands the worst TLB there could be (rig_tlb.c): it holds every translation, and the
 * pointer of every upper entry, from the first moment on and until it is told to forget them.
 */
#ifndef SUPPORT_RIG_H
#define SUPPORT_RIG_H

#include "quire/table.h"
#include "tests/support/arena.h"

struct rig_cached {
    bool valid;
    uint64_t pa;
    unsigned attributes;
    uint64_t upper[QUIRE_LEVELS_MAX]; /* tables of levels 2, 3, ... on the way, + 1; 0: none */
};

struct rig_page {
    uint64_t va;
    uint64_t pa;
    unsigned attributes;
    uint8_t level; /* of the leaf that maps it; 0: not mapped */
};

struct rig {
    const struct quire_format *format;
    struct arena *arena;
    struct quire_table table;
    struct quire_batch batch;
    bool open; /* the batch may have work in it */

    /* Every page that is ever mapped, in order of address. */
    struct rig_page *page, *next; /* now, and as the operation under way should leave it */
    struct rig_cached *cached;
    uint32_t pages;

    struct quire_memory view; /* all of memory, for the MMU of the TLB: it needs no windows */
    bool active;              /* processors use the table: TLBs fill */
    uint32_t frames_before;   /* of the arena in use, before the table was made */
};

enum rig_kind { RIG_MAP, RIG_UNMAP, RIG_PROTECT, RIG_HARVEST, RIG_TOUCH, RIG_COMMIT, RIG_KINDS };

struct rig_op {
    enum rig_kind kind;
    uint64_t va, bytes;
    uint64_t pa;         /* map */
    unsigned attributes; /* map, protect; touch: the access; harvest: the marks */
    enum quire_existing existing;
    uint64_t largest_leaf;
};

/* An empty table and its model: all pages of a small format, some windows of a large one. False:
 * the arena has no room for the root, and there is nothing to free. */
bool rig_init(struct rig *rig, const struct quire_format *format, struct arena *arena,
              uint16_t asid);

/* Destroys the table; nothing may be left of it. */
void rig_free(struct rig *rig);

/* Does the operation to the table and the model; checks status, progress, what visitors were told.
 * Returns the status that the table gave. Only a refused allocation makes it differ from the model:
 * then nothing may have changed. */
enum quire_status rig_apply(struct rig *rig, const struct rig_op *op);

/* A random operation. */
struct rig_op rig_random_op(const struct rig *rig, struct prng *prng);

/* Is the table what the model says? Walks every page, visits every leaf, counts every table. */
void rig_verify(struct rig *rig);

/* Commits the batch: afterwards no translation that was revoked may be in any TLB. */
void rig_commit(struct rig *rig);

/* For messages: the operation in words, in a buffer of its own. */
const char *rig_op_text(const struct rig_op *op);

/* ---- rig_model.c: what an operation should do ---- */

/* Bits of 1 << status: the ways in which it may fail; 1 << QUIRE_OK if it must succeed. Then
 * rig->next is how it leaves the pages and *bytes the bytes newly mapped or changed. */
unsigned rig_expect(struct rig *rig, const struct rig_op *op, uint64_t *bytes);

/* Would a range of addresses be accepted? */
bool rig_range_is_sound(const struct rig *rig, uint64_t va, uint64_t bytes);

/* How many tables, and bytes of frames for them, a table with these pages has. */
void rig_expect_tables(const struct rig *rig, const struct rig_page *page, uint64_t *tables,
                       uint64_t *bytes);

/* ---- rig_tlb.c ---- */

void rig_tlb_fill(struct rig *rig);  /* caches everything that is not cached yet */
void rig_tlb_check(struct rig *rig); /* nothing cached that is not so any more */
void rig_tlb_watch(struct rig *rig); /* hears of the arena's flushes and frees */

#endif
