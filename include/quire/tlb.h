/*
 * TLB batches: a flush cannot be forgotten.
 *
 * Every change that revokes or replaces a translation adds to a batch. Committing the batch flushes
 * once, and only then gives back the frames that the old translations led to: while any TLB may
 * still use a page or a table, nobody else gets it.
 *
 *     struct quire_batch batch = {0};
 *     quire_batch_begin(&batch, host);
 *     quire_table_unmap(&table, &batch, va, bytes, NULL);
 *     quire_batch_free_frame(&batch, pfn);
 *     quire_batch_commit(&batch);          <- flush, then free
 *
 * A batch that runs full commits what it has by itself, which is always safe: entries are changed
 * before they are added. With QUIRE_DEBUG begin looks whether the batch has work left
 * in it, and traps: there, zero a batch before it is first begun.
 * A batch belongs to one thread.
 */
#ifndef QUIRE_TLB_H
#define QUIRE_TLB_H

#include "quire/host.h"

enum { QUIRE_BATCH_RANGES = 16, QUIRE_BATCH_FRAMES = 32 };

/* Translations of [va, va + bytes) in one address space, by leaves of 1 << page_shift bytes. */
struct quire_flush_range {
    quire_va va;
    uint64_t bytes;
    uint16_t asid;
    uint8_t page_shift;
    bool global; /* may be a global mapping: forget it in every address space */
};

struct quire_flush {
    const struct quire_flush_range *range;
    unsigned ranges;
    bool tables;    /* page tables were unlinked: cached upper entries must go too */
    bool all;       /* `asid_only` or everything, whatever the ranges say */
    bool asid_only; /* with all: only translations of range[0].asid */
};

struct quire_batch {
    const struct quire_host *host;
    unsigned ranges, frames;
    bool tables;
    struct quire_flush_range range[QUIRE_BATCH_RANGES];
    struct {
        quire_pa pa;
        uint8_t order;
        bool is_table; /* goes back through free_table, not to the frame allocator */
    } frame[QUIRE_BATCH_FRAMES];
    uint32_t open; /* QUIRE_BATCH_OPEN between begin and commit with work in it (debug) */
};

void quire_batch_begin(struct quire_batch *batch, const struct quire_host *host);

/* Notes that translations were revoked or weakened. The entries are changed already. Adjacent
 * ranges are merged. */
void quire_batch_add(struct quire_batch *batch, const struct quire_flush_range *range);

/* To be freed at commit: a table that was unlinked; one reference to a frame that was unmapped. A
 * table of another host, as the views of a registry are, does not wait: all is committed, then that
 * host's free_table called, which may look at page tables itself. => none is held visible */
void quire_batch_free_table(struct quire_batch *batch, const struct quire_host *host,
                            unsigned order, quire_pa pa);
void quire_batch_free_frame(struct quire_batch *batch, quire_pa pa);

/* Flushes if anything was added, then frees. The batch can be used again at once. Does no I/O. */
void quire_batch_commit(struct quire_batch *batch);

#endif
