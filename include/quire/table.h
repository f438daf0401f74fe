/*
 * Page tables: operations on ranges of virtual addresses.
 *
 * All of them take ranges in bytes, aligned to the format's page, and either do all of their work
 * or none: what can fail (arguments, what is there already, frames for new tables) is found out and
 * reserved first, then the entries are written, which cannot fail. Tables that become empty are
 * freed at commit. The largest leaf that alignment allows is chosen; a large leaf that only partly
 * changes is split.
 *
 * A table belongs to its caller, who also provides the locking: one writer at a time; walks may run
 * meanwhile.
 */
#ifndef QUIRE_TABLE_H
#define QUIRE_TABLE_H

#include "quire/tlb.h"
#include "quire/walk.h"

struct quire_table {
    const struct quire_format *format;
    const struct quire_host *host;
    quire_pa root;
    uint16_t asid;
    uint64_t tables;      /* page tables in use, the root included; not those it inherits */
    uint64_t table_bytes; /* frames they occupy, in bytes */
    const struct quire_table *from;    /* whose root entries it has, too; NULL: nobody's */
    uint32_t inherited, inherited_end; /* which: [inherited, inherited_end) */
};

/* An empty table. QUIRE_NO_MEMORY, QUIRE_OUT_OF_RANGE (frame beyond what an entry can hold). */
enum quire_status quire_table_create(struct quire_table *table, const struct quire_format *format,
                                     const struct quire_host *host, uint16_t asid);

/* Frees every table frame, the root included; pages that are still mapped are not touched.
 * => not active on any processor. Flushes the ASID. */
void quire_table_destroy(struct quire_table *table);

/* Makes it the processor's page table (host->activate). */
void quire_table_activate(const struct quire_table *table);

/* Takes over a table that exists in memory already (boot tables, a dump): `tables` is counted. It
 * is taken for one that inherits nothing: all that is in it would be freed as its own. */
enum quire_status quire_table_adopt(struct quire_table *table, const struct quire_format *format,
                                    const struct quire_host *host, uint16_t asid, quire_pa root);

/*
 * Inherits: the root entries of `table` that translate the range become those of `from`. So all
 * address spaces have one set of kernel tables, and see at once what changes in it:
 *
 *     from (the kernel's)          table (a process's)
 *     +-------+                    +-------+
 *     | entry |--> page table <----| entry |   inherited: `from`'s, whoever looks
 *     +-------+                    +-------+
 *     |       |                    | entry |--> page table   its own
 *     +-------+                    +-------+
 *
 * What the entries lead to, tables and large leaves, stays `from`'s. `table` neither counts nor
 * frees it, and refuses to change it: quire_table_map() says QUIRE_EXISTS, whatever `existing`;
 * unmap, protect and harvest QUIRE_INVALID. Walks, query and visit see through. The marks of root
 * entries are each root's own, all others are shared. validate checks that, but for marks, the
 * entries are still `from`'s.
 *
 * A table inherits one range, once, until it is destroyed. A registry's view keeps it as long as it
 * is kept itself: trackers know of no such range.
 *
 * QUIRE_INVALID: not whole entries of the root, another format, or `table` inherits already;
 * QUIRE_OUT_OF_RANGE: an address too wide; QUIRE_EXISTS: an entry of `table` is in use;
 * QUIRE_NOT_FOUND: one of `from` is absent, and nobody would see it come. Nothing changed in these.
 *
 * => `from` outlives `table`, and keeps its root entries in the range as they are: no page table
 * that they point to becomes empty, no leaf among them is split or changed. With QUIRE_DEBUG
 * quire_table_activate() looks, and traps. Where TLBs know ASIDs, flushes carry that of `from`: all
 * that it maps there is QUIRE_GLOBAL, and none of its page tables there goes.
 */
enum quire_status quire_table_inherit(struct quire_table *table, const struct quire_table *from,
                                      quire_va va, uint64_t bytes);

/* The MMU's view of it, for quire_walk(). */
static inline struct quire_mmu quire_table_mmu(const struct quire_table *table)
{
    struct quire_mmu mmu = {table->format, &table->host->memory, table->root};
    return mmu;
}

/* What to do about pages of the range that are mapped already. */
enum quire_existing {
    QUIRE_EXISTING_FAIL,   /* QUIRE_EXISTS, nothing changed */
    QUIRE_EXISTING_KEEP,   /* skip them: what is there stays */
    QUIRE_EXISTING_REPLACE /* the new mapping wins; their frames are the caller's business */
};

struct quire_mapping {
    quire_va va;
    quire_pa pa;    /* of the first byte; the range is physically contiguous */
    uint64_t bytes; /* a multiple of the page */
    unsigned attributes;
    enum quire_existing existing;
    uint64_t largest_leaf; /* bytes; 0: as large as fits. Leaves larger than this are not made */
};

/*
 * Maps. *mapped (may be NULL) receives the bytes that were newly mapped or replaced: less than
 * `bytes` only with KEEP. QUIRE_INVALID: not aligned, empty or wrapping range; QUIRE_OUT_OF_RANGE:
 * an address too wide; QUIRE_EXISTS; QUIRE_NO_MEMORY. An existing table is never replaced by a
 * large leaf. The batch is only used by REPLACE.
 */
enum quire_status quire_table_map(struct quire_table *table, struct quire_batch *batch,
                                  const struct quire_mapping *mapping, uint64_t *mapped);

/* One leaf as a visitor sees it: whole, even where it begins before the range. */
struct quire_leaf {
    quire_va va;
    quire_pa pa;
    uint64_t bytes;
    unsigned attributes; /* of the leaf alone, as it was before the operation */
    unsigned level;
    uint64_t entry;
};

struct quire_visitor {
    void (*leaf)(void *context, const struct quire_leaf *leaf);
    void *context;
};

/* Unmaps what is mapped in the range; holes are fine. The visitor (may be NULL) is told of each
 * leaf that went, with its final accessed and dirty marks. QUIRE_NO_MEMORY: a large leaf had to be
 * split and could not be. */
enum quire_status quire_table_unmap(struct quire_table *table, struct quire_batch *batch,
                                    quire_va va, uint64_t bytes,
                                    const struct quire_visitor *visitor);

/* Sets the rights and type (QUIRE_RIGHTS | QUIRE_GLOBAL | QUIRE_TYPE) of what is mapped in the
 * range; marks stay. Holes are fine. *changed (may be NULL): bytes whose entry changed. */
enum quire_status quire_table_protect(struct quire_table *table, struct quire_batch *batch,
                                      quire_va va, uint64_t bytes, unsigned attributes,
                                      uint64_t *changed);

/* The leaf that maps va, or QUIRE_NOT_FOUND. No rights are checked. */
enum quire_status quire_table_query(const struct quire_table *table, quire_va va,
                                    struct quire_leaf *leaf);

/* Visits every leaf that overlaps the range, in order. */
enum quire_status quire_table_visit(const struct quire_table *table, quire_va va, uint64_t bytes,
                                    const struct quire_visitor *visitor);

/* Clears the marks (QUIRE_ACCESSED and/or QUIRE_DIRTY) of the leaves that overlap the range,
 * visiting each that had one of them set, with its marks as they were. Formats without the marks:
 * nothing. */
enum quire_status quire_table_harvest(struct quire_table *table, struct quire_batch *batch,
                                      quire_va va, uint64_t bytes, unsigned marks,
                                      const struct quire_visitor *visitor);

/* Checks every entry: reachable, no reserved bits, no empty tables but the root, counts right; what
 * is inherited, in the root only.
 * QUIRE_CORRUPT and *at (may be NULL): the lowest address of the table where it is not so. */
enum quire_status quire_table_validate(const struct quire_table *table, quire_va *at);

#endif
