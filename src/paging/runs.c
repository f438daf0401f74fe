/*
 * The inner loops of operations on ranges, once for each width of an entry. Where a loop may stop
 * at any entry it looks at several first: mostly they are all alike, and one test says so.
 */
#include "runs.h"

enum { CHUNK = 8 };

QUIRE_INLINE void fill(unsigned width, bool swap, unsigned char *at, uint32_t n, uint64_t entry,
                       uint64_t step)
{
    QUIRE_UNROLL
    for (; n != 0; n--, at += width, entry += step) {
        entry_store_raw(width, at, entry_swap_width(width, swap, entry));
    }
}

QUIRE_INLINE void fill_width(unsigned width, bool swap, unsigned char *at, uint32_t n,
                             uint64_t entry, uint64_t step)
{
    switch (width) {
    case 1: fill(1, false, at, n, entry, step); break;
    case 2: fill(2, swap, at, n, entry, step); break;
    case 4: fill(4, swap, at, n, entry, step); break;
    default: fill(8, swap, at, n, entry, step); break;
    }
}

void quire_run_fill(const struct cursor *c, uint32_t index, uint32_t n, uint64_t entry,
                    uint64_t step)
{
    unsigned char *at = cursor_entry_at(c, index);

    if (entry_swapped(c->format)) {
        fill_width(c->format->pte_bytes, true, at, n, entry, step);
    } else {
        fill_width(c->format->pte_bytes, false, at, n, entry, step);
    }
}

/* How many of the first entries have the same bits as `raw` where the mask has ones. */
QUIRE_INLINE uint32_t alike(unsigned width, const unsigned char *at, uint32_t n, uint64_t raw,
                            uint64_t mask)
{
    uint32_t i = 0;

    for (; n - i >= CHUNK; i += CHUNK, at += CHUNK * width) {
        uint64_t differs = 0;

        QUIRE_UNROLL
        for (unsigned k = 0; k < CHUNK; k++) {
            differs |= entry_load_raw(width, at + k * width) ^ raw;
        }
        if ((differs & mask) != 0) {
            break;
        }
    }
    for (; i < n && ((entry_load_raw(width, at) ^ raw) & mask) == 0; i++, at += width) {
    }
    return i;
}

uint32_t quire_run_same(const struct cursor *c, uint32_t index, uint32_t n, uint64_t entry)
{
    const unsigned char *at = cursor_entry_at(c, index);
    uint64_t raw = entry_swap(c->format, entry);

    switch (c->format->pte_bytes) {
    case 1: return alike(1, at, n, raw, UINT64_MAX);
    case 2: return alike(2, at, n, raw, UINT64_MAX);
    case 4: return alike(4, at, n, raw, UINT64_MAX);
    default: return alike(8, at, n, raw, UINT64_MAX);
    }
}

/* What decides about the first entry decides alike about those that are alike in it. */
QUIRE_INLINE uint32_t leaves(unsigned width, const unsigned char *at, uint32_t n,
                             struct quire_bits absent, struct quire_bits table)
{
    uint32_t i = 0;

    while (i < n) {
        const unsigned char *first = at + (uint64_t)i * width;
        uint64_t raw = entry_load_raw(width, first);

        if (quire_bits_hold(absent, raw) || quire_bits_hold(table, raw)) {
            break;
        }
        i += alike(width, first, n - i, raw, absent.mask | table.mask);
    }
    return i;
}

uint32_t quire_run_leaves(const struct cursor *c, uint32_t index, uint32_t n)
{
    const struct quire_format *f = c->format;
    const unsigned char *at = cursor_entry_at(c, index);
    const struct quire_bits never = QUIRE_NEVER;
    struct quire_bits table = c->level < f->levels ? quire_level_of(f, c->level)->table : never;
    struct quire_bits absent = {entry_swap(f, f->absent.mask), entry_swap(f, f->absent.value)};

    if (table.mask != 0) { /* ALWAYS and NEVER are the same in either byte order */
        table.mask = entry_swap(f, table.mask);
        table.value = entry_swap(f, table.value);
    }
    switch (f->pte_bytes) {
    case 1: return leaves(1, at, n, absent, table);
    case 2: return leaves(2, at, n, absent, table);
    case 4: return leaves(4, at, n, absent, table);
    default: return leaves(8, at, n, absent, table);
    }
}

QUIRE_INLINE void flip(unsigned width, unsigned char *at, uint32_t n, uint64_t bits)
{
    QUIRE_UNROLL
    for (; n != 0; n--, at += width) {
        entry_store_raw(width, at, entry_load_raw(width, at) ^ bits);
    }
}

/* Entries that are alike in what is rewritten change in the same bits. */
QUIRE_INLINE uint32_t rewrite(unsigned width, unsigned char *at, uint32_t n, uint64_t clear,
                              uint64_t set)
{
    uint32_t changed = 0;

    while (n != 0) {
        uint64_t raw = entry_load_raw(width, at);
        uint64_t bits = raw ^ ((raw & ~clear) | set);
        uint32_t run = alike(width, at, n, raw, clear);

        if (bits != 0) {
            flip(width, at, run, bits);
            changed += run;
        }
        at += (uint64_t)run * width;
        n -= run;
    }
    return changed;
}

uint32_t quire_run_rewrite(const struct cursor *c, uint32_t index, uint32_t n, uint64_t clear,
                           uint64_t set)
{
    unsigned char *at = cursor_entry_at(c, index);

    clear = entry_swap(c->format, clear);
    set = entry_swap(c->format, set);
    switch (c->format->pte_bytes) {
    case 1: return rewrite(1, at, n, clear, set);
    case 2: return rewrite(2, at, n, clear, set);
    case 4: return rewrite(4, at, n, clear, set);
    default: return rewrite(8, at, n, clear, set);
    }
}
