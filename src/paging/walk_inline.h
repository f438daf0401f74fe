/*
 * The walk, written once.
 *
 * It is an inline function over a descriptor. A format's own file instantiates it with the
 * descriptor as a constant (formats/instance.h), and the compiler folds the loop into the
 * straight-line code that one would write by hand for that MMU; quire_walk() interprets the same
 * text for a descriptor that it meets at run time. `out` and `trace` may be NULL constants.
 */
#ifndef QUIRE_PAGING_WALK_INLINE_H
#define QUIRE_PAGING_WALK_INLINE_H

#include "entry.h"
#include "quire/walk.h"

/* With the descriptor a constant the loop over levels unrolls into straight-line code. */
#if defined(QUIRE_WALK_INTERPRETED)
#define WALK_UNROLL
#else
#define WALK_UNROLL QUIRE_UNROLL
#endif

/* Names of the reasons for the rights that may be missing, in the order they are looked for. */
QUIRE_INLINE enum quire_reason walk_missing(unsigned missing)
{
    return missing & QUIRE_USER      ? QUIRE_REASON_USER
           : missing & QUIRE_WRITE   ? QUIRE_REASON_WRITE
           : missing & QUIRE_EXECUTE ? QUIRE_REASON_EXECUTE
                                     : QUIRE_REASON_READ;
}

/* Where the walk stands, kept for the answer. */
struct walk_at {
    unsigned level;
    uint32_t index;
    quire_pa entry_at;
    uint64_t entry;
};

/* How much a walk keeps in mind, and how far it sees. BRIEF: what success needs, in the direct part
 * of memory, and what is known anyway where an entry is absent. Otherwise it says QUIRE_NOT_FOUND:
 * who wants to know why, or has windows, walks again in full. So the straight way carries nothing
 * that is not looked at, and calls nobody. */
enum walk_detail { WALK_FULL, WALK_BRIEF };

/* quire_walk() and quire_translate() in full, for any format. In walk.c. */
enum quire_status quire_walk_in_full(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                     struct quire_walk *out);
enum quire_status quire_translate_in_full(const struct quire_mmu *mmu, quire_va va, quire_pa *pa);

/* The walk ends here. What `detail` leaves out for most reasons, but not for this one, is told. */
QUIRE_INLINE enum quire_status walk_stop(enum walk_detail detail, struct quire_walk *out,
                                         const struct walk_at *at, enum quire_reason reason)
{
    if (detail == WALK_BRIEF && reason != QUIRE_REASON_NOT_PRESENT) {
        return QUIRE_NOT_FOUND;
    }
    if (out != NULL) {
        out->pa = quire_pa_at(0);
        out->page_bytes = 0;
        out->attributes = 0;
        out->reason = reason;
        out->level = at->level;
        out->index = at->index;
        out->entry_at = at->entry_at;
        out->entry = at->entry;
    }
    return QUIRE_FAULT;
}

/* An entry outside the direct part of memory: through the host's window. In walk.c. */
bool quire_walk_read_mapped(const struct quire_format *format, const struct quire_memory *memory,
                            quire_pa at, uint64_t *entry);

/* The direct part of memory as the loop wants it: an entry may begin at base + 0 .. base + room -
 * 1. */
struct walk_direct {
    const unsigned char *where;
    uint64_t base, room;
};

QUIRE_INLINE struct walk_direct walk_direct_part(const struct quire_format *format,
                                                 const struct quire_memory *memory)
{
    uint64_t room = memory->bytes < format->pte_bytes ? 0 : memory->bytes - format->pte_bytes + 1;

    return (struct walk_direct){memory->direct, memory->base, room};
}

/* Reads one entry; false when it does not lie in memory. */
QUIRE_INLINE bool walk_read(const struct quire_format *format, const struct quire_memory *memory,
                            const struct walk_direct *direct, enum walk_detail detail, quire_pa at,
                            uint64_t *entry)
{
    uint64_t offset = at.at - direct->base;

    if (offset < direct->room) {
        *entry = entry_load(format, direct->where + offset);
        return true;
    }
    return detail == WALK_FULL && memory->map != NULL &&
           quire_walk_read_mapped(format, memory, at, entry);
}

/* Bits that are one, and bits that are zero, in all table entries of a walk so far. What they grant
 * together is read off at the end, instead of at each level. */
struct walk_seen {
    uint64_t ones, zeros;
};

/* Does a condition hold for all of them? */
QUIRE_INLINE bool walk_all_hold(struct quire_bits bits, const struct walk_seen *seen)
{
    uint64_t ones = bits.mask & bits.value, zeros = bits.mask & ~bits.value;

    return (seen->ones & ones) == ones && (seen->zeros & zeros) == zeros &&
           (bits.value & ~bits.mask) == 0;
}

/* The rights that all table entries leave. */
QUIRE_INLINE unsigned walk_rights(const struct quire_format *format, const struct walk_seen *seen)
{
    const struct quire_attribute_bits *bits = &format->table;

    return (walk_all_hold(bits->read, seen) ? QUIRE_READ : 0U) |
           (walk_all_hold(bits->write, seen) ? QUIRE_WRITE : 0U) |
           (walk_all_hold(bits->execute, seen) ? QUIRE_EXECUTE : 0U) |
           (walk_all_hold(bits->user, seen) ? QUIRE_USER : 0U);
}

/* Sets the bits of two conditions in an entry, if they were not set when it was read. */
QUIRE_INLINE void walk_mark(const struct quire_format *format, const struct quire_memory *memory,
                            quire_pa at, uint64_t entry, struct quire_bits accessed,
                            struct quire_bits dirty)
{
    uint64_t clear = (accessed.mask & ~accessed.value) | (dirty.mask & ~dirty.value);
    uint64_t set = (accessed.mask & accessed.value) | (dirty.mask & dirty.value);
    void *where;

    if ((entry & clear) == 0 && (entry & set) == set) {
        return;
    }
    where = quire_memory_at(memory, at, format->pte_bytes);
    if (where != NULL) {
        entry_update(format, where, clear, set);
        quire_memory_done(memory, where, format->pte_bytes);
    }
}

/* After a walk that succeeded: accessed in all entries it used, dirty in the leaf of a write. */
QUIRE_INLINE void walk_mark_all(const struct quire_mmu *mmu, const struct quire_format *format,
                                unsigned leaf_level, unsigned access, const quire_pa *at,
                                const uint64_t *entry)
{
    const struct quire_bits none = {0, 0};

    for (unsigned level = 1; level < leaf_level; level++) {
        walk_mark(format, mmu->memory, at[level - 1], entry[level - 1], format->table.accessed,
                  none);
    }
    walk_mark(format, mmu->memory, at[leaf_level - 1], entry[leaf_level - 1], format->leaf.accessed,
              access & QUIRE_WRITE ? format->leaf.dirty : none);
}

/*
 * The loop. At each level: read the entry, is it there, does it keep the reserved bits clear, what
 * rights does it leave; then down, until a leaf. Rights are judged at the end, as MMUs do: a
 * missing entry further down wins over a missing right further up.
 */
QUIRE_INLINE enum quire_status walk_inline(const struct quire_format *format,
                                           const struct quire_mmu *mmu, quire_va va,
                                           unsigned access, enum walk_detail detail,
                                           struct quire_walk *out, struct quire_trace *trace,
                                           quire_pa *pa)
{
    struct walk_at at = {0, 0, mmu->root, 0};
    struct walk_at withheld = at;
    quire_pa table = mmu->root;
    quire_pa entry_at[QUIRE_LEVELS_MAX]; /* the way here, to be marked */
    uint64_t entries[QUIRE_LEVELS_MAX];
    const struct walk_direct direct = walk_direct_part(format, mmu->memory);
    unsigned need = access & QUIRE_RIGHTS;
    struct walk_seen seen = {UINT64_MAX, UINT64_MAX};
    unsigned rights = QUIRE_RIGHTS;
    unsigned missing = 0; /* what the first entry that withholds anything needed withholds */
    unsigned global = 0;  /* does a table entry make all below it global? */

    if (!quire_va_valid(format, va)) {
        at.entry_at = quire_pa_at(0);
        return walk_stop(detail, out, &at, QUIRE_REASON_NONCANONICAL);
    }
    WALK_UNROLL
    for (unsigned level = 1; level <= format->levels; level++) {
        uint32_t index = quire_va_index(format, level, va);
        quire_pa where = quire_pa_at(table.at + (uint64_t)index * format->pte_bytes);
        enum quire_pte_kind kind;
        uint64_t entry, offset;

        if (!walk_read(format, mmu->memory, &direct, detail, where, &entry)) {
            return walk_stop(detail, out, &at, QUIRE_REASON_UNREACHABLE);
        }
        at.level = level;
        at.index = index;
        at.entry_at = where;
        at.entry = entry;
        entry_at[level - 1] = where;
        entries[level - 1] = entry;
        kind = quire_pte_kind(format, level, entry);
        if (kind == QUIRE_PTE_TABLE) {
            seen.ones &= entry;
            seen.zeros &= ~entry;
            global |= quire_bits_match(format->table.global, entry) ? QUIRE_GLOBAL : 0U;
        }
        if (kind == QUIRE_PTE_LEAF || detail == WALK_FULL) {
            rights = walk_rights(format, &seen);
        }
        if (kind == QUIRE_PTE_LEAF) {
            rights &= quire_pte_rights(format, kind, entry);
        }
        if (trace != NULL) {
            trace->step[trace->steps++] = (struct quire_step){table, index, where, entry, rights};
        }
        if (kind == QUIRE_PTE_ABSENT) {
            return walk_stop(detail, out, &at, QUIRE_REASON_NOT_PRESENT);
        }
        if (quire_pte_reserved(format, level, kind, entry)) {
            return walk_stop(detail, out, &at, QUIRE_REASON_RESERVED);
        }
        if (detail == WALK_FULL && (need & ~rights) != 0 && withheld.level == 0) {
            withheld = at;
            missing = need & ~rights;
        }
        table = quire_pte_address(format, level, kind, entry);
        if (kind == QUIRE_PTE_TABLE) {
            continue;
        }

        if ((need & ~rights) != 0) {
            return walk_stop(detail, out, &withheld, walk_missing(missing));
        }
        if (access & QUIRE_ACCESSED) {
            walk_mark_all(mmu, format, level, access, entry_at, entries);
        }
        offset = va.at & (quire_format_span(format, level) - 1);
        if (pa != NULL) {
            *pa = quire_pa_at(table.at | offset);
        }
        if (out != NULL) {
            out->pa = quire_pa_at(table.at | offset);
            out->page_bytes = quire_format_span(format, level);
            out->attributes = rights | global | quire_pte_marks(format, entry);
            out->reason = QUIRE_REASON_NONE;
            out->level = level;
            out->index = index;
            out->entry_at = where;
            out->entry = entry;
        }
        return QUIRE_OK;
    }
    return walk_stop(detail, out, &at,
                     QUIRE_REASON_RESERVED); /* not reached: the last level is a leaf */
}

#endif
