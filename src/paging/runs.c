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

QUIRE_INLINE void flip(unsigned width, unsigned char *at, uint32_t n, uint64_t bits)
{
    QUIRE_UNROLL
    for (; n != 0; n--, at += width) {
        entry_store_raw(width, at, entry_load_raw(width, at) ^ bits);
    }
}

/* What ends a run of leaves, and what they become; in the byte order of entries. */
struct rewrite {
    struct quire_bits absent, table;
    uint64_t clear, set;
};

/* What the first entry is, and which of its bits change, is so of all that are alike in that. */
QUIRE_INLINE uint32_t rewrite(unsigned width, unsigned char *at, uint32_t n,
                              const struct rewrite *r, uint32_t *changed)
{
    const uint64_t mask = r->absent.mask | r->table.mask | r->clear;
    uint32_t i = 0;

    *changed = 0;
    while (i < n) {
        unsigned char *first = at + (uint64_t)i * width;
        uint64_t raw = entry_load_raw(width, first);
        uint64_t bits = raw ^ ((raw & ~r->clear) | r->set);
        uint32_t run;

        if (quire_bits_hold(r->absent, raw) || quire_bits_hold(r->table, raw)) {
            break;
        }
        run = alike(width, first, n - i, raw, mask);
        if (bits != 0) {
            flip(width, first, run, bits);
            *changed += run;
        }
        i += run;
    }
    return i;
}

/* A condition in the byte order of entries; ALWAYS and NEVER are the same in either. */
static struct quire_bits bits_swap(const struct quire_format *format, struct quire_bits bits)
{
    struct quire_bits raw = {entry_swap(format, bits.mask), entry_swap(format, bits.value)};

    return bits.mask != 0 ? raw : bits;
}

uint32_t quire_run_rewrite(const struct cursor *c, uint32_t index, uint32_t n, uint64_t clear,
                           uint64_t set, uint32_t *changed)
{
    const struct quire_format *f = c->format;
    const struct quire_bits never = QUIRE_NEVER;
    const struct rewrite r = {
        .absent = bits_swap(f, f->absent),
        .table = c->level < f->levels ? bits_swap(f, quire_level_of(f, c->level)->table) : never,
        .clear = entry_swap(f, clear),
        .set = entry_swap(f, set),
    };
    unsigned char *at = cursor_entry_at(c, index);

    switch (f->pte_bytes) {
    case 1: return rewrite(1, at, n, &r, changed);
    case 2: return rewrite(2, at, n, &r, changed);
    case 4: return rewrite(4, at, n, &r, changed);
    default: return rewrite(8, at, n, &r, changed);
    }
}

uint32_t quire_run_leaves(const struct cursor *c, uint32_t index, uint32_t n)
{
    uint32_t changed;

    return quire_run_rewrite(c, index, n, 0, 0, &changed);
}
