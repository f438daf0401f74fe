/*
 * The walk: what the MMU does with (root, address, access), step by step.
 */
#ifndef QUIRE_WALK_H
#define QUIRE_WALK_H

#include "quire/format.h"
#include "quire/memory.h"

/* Where a walk starts and what it can see. */
struct quire_mmu {
    const struct quire_format *format;
    const struct quire_memory *memory;
    quire_pa root; /* of the level-1 table */
};

enum quire_reason {
    QUIRE_REASON_NONE = 0,
    QUIRE_REASON_NOT_PRESENT,
    QUIRE_REASON_READ,  /* present, but may not be read */
    QUIRE_REASON_WRITE, /* ... written */
    QUIRE_REASON_EXECUTE,
    QUIRE_REASON_USER,         /* ... reached with user privilege */
    QUIRE_REASON_RESERVED,     /* a bit that must be zero is one */
    QUIRE_REASON_NONCANONICAL, /* the address is wider than the format translates */
    QUIRE_REASON_UNREACHABLE,  /* a table, or the page, lies where there is no memory */
    QUIRE_REASONS
};

/* "not present", "write to a read-only page", ... */
const char *quire_reason_text(enum quire_reason reason);

/*
 * What a walk found. After QUIRE_OK: the translation, and the leaf entry. After QUIRE_FAULT: the
 * reason, and the entry that stopped it: for a missing right the first entry, from the root, that
 * withholds it. level is 0 when no entry was read (non-canonical address); for UNREACHABLE the
 * entry is the one that points to where no memory is (level 0: the root itself).
 */
struct quire_walk {
    quire_pa pa;         /* the physical address of the byte asked for */
    uint64_t page_bytes; /* of the leaf that maps it */
    unsigned attributes; /* effective rights over all levels, and the leaf's marks and type */
    enum quire_reason reason;
    unsigned level; /* 1 = root */
    uint32_t index; /* of the entry in its table */
    quire_pa entry_at;
    uint64_t entry;
};

/* One level of a walk, for explaining it. */
struct quire_step {
    quire_pa table; /* the table that was indexed */
    uint32_t index;
    quire_pa entry_at;
    uint64_t entry;
    unsigned rights; /* what is left after this entry */
};

struct quire_trace {
    unsigned steps; /* filled: one for each entry read */
    struct quire_step step[QUIRE_LEVELS_MAX];
};

/*
 * An access: QUIRE_READ, QUIRE_WRITE or QUIRE_EXECUTE (0: any mapping will do), with QUIRE_USER if
 * it comes with user privilege. Supervisor writes respect read-only (x86: CR0.WP = 1); x86-64
 * without EFER.NXE, SMEP and SMAP are not modelled.
 *
 * With QUIRE_ACCESSED in `access` a successful walk sets the accessed bit in every entry it used
 * and, on a write, the dirty bit in the leaf, as the hardware does (Intel SDM 3A 4.8). A walk that
 * faults changes nothing.
 *
 * Returns QUIRE_OK or QUIRE_FAULT. Takes no locks. Like an MMU, it does not ask whether the page
 * that a leaf maps is memory; only tables must be reachable.
 */
enum quire_status quire_walk(const struct quire_mmu *mmu, quire_va va, unsigned access,
                             struct quire_walk *out);

/* The same, recording each step. */
enum quire_status quire_walk_traced(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                    struct quire_walk *out, struct quire_trace *trace);

/* Just the physical address; no rights are checked, nothing is marked. */
enum quire_status quire_translate(const struct quire_mmu *mmu, quire_va va, quire_pa *pa);

/* What a format's own file instantiates: the walk with its descriptor folded in. Not called by
 * users of the library; see src/paging/walk_inline.h. */
struct quire_format_code {
    enum quire_status (*walk)(const struct quire_mmu *mmu, quire_va va, unsigned access,
                              struct quire_walk *out);
    enum quire_status (*translate)(const struct quire_mmu *mmu, quire_va va, quire_pa *pa);
};

#endif
