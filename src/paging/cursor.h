/*
 * A cursor stands on one entry of a page table: the first entry on the way to an address that is
 * not a pointer to a further table. It knows the path that led there, and keeps the entry's table
 * visible, so that operations on ranges work through the entries of one table in a loop.
 */
#ifndef QUIRE_PAGING_CURSOR_H
#define QUIRE_PAGING_CURSOR_H

#include "entry.h"
#include "quire/table.h"

/* Can the table's entries for the range be changed? As quire_range_check(); QUIRE_INVALID, too:
 * some of it is inherited. */
enum quire_status quire_change_check(const struct quire_table *table, quire_va va, uint64_t bytes);

/* Is any of the range inherited? => quire_range_check() */
bool quire_range_inherited(const struct quire_table *table, quire_va va, uint64_t bytes);

/* The first root entry that is not as it was inherited, but for marks; if all are: how many entries
 * the root has. */
uint32_t quire_inherited_differs(const struct quire_table *table);

/* For a table that does not know what it inherits: entries in a row that are those of `from`, the
 * first of them a pointer. */
void quire_inherited_find(struct quire_table *table, const struct quire_table *from);

/* What is left of a range. Counted in bytes left, so that a range may end at the last address. */
struct range {
    uint64_t at, left;
};

struct cursor {
    const struct quire_format *format;
    const struct quire_memory *memory;
    quire_pa path[QUIRE_LEVELS_MAX]; /* [level - 1]: the table of that level */
    uint64_t at;                     /* the address that the path is of */
    unsigned level;                  /* where the path ends */
    unsigned lowest;                 /* no level below is looked at */
    uint32_t index;
    unsigned char *table; /* the last table of the path, visible; NULL: closed */
};

static inline struct cursor cursor_at_root(const struct quire_table *table)
{
    struct cursor c = {.format = table->format,
                       .memory = &table->host->memory,
                       .level = 1,
                       .lowest = table->format->levels};

    c.path[0] = table->root;
    return c;
}

/* Stands on the entry for `at`, which is a pointer only in the lowest level to be looked at: goes
 * up as far as it must, then down. Gives back the table that was visible before, unless the way
 * ends there again. False: a table on the way is not in memory (a corrupt tree), and the cursor is
 * closed. => no table of the path was freed */
bool quire_cursor_seek(struct cursor *c, uint64_t at);

void quire_cursor_close(struct cursor *c);

/* Loads entry `index` of the path's table of `level`; false: it is not in memory. The cursor stays
 * closed. */
bool quire_cursor_peek(const struct cursor *c, unsigned level, uint32_t index, uint64_t *entry);

/* Is that entry a pointer, and where to? */
bool quire_cursor_pointer(const struct cursor *c, unsigned level, uint32_t index, quire_pa *below);

static inline void *cursor_entry_at(const struct cursor *c, uint32_t index)
{
    return c->table + (uint64_t)index * c->format->pte_bytes;
}

static inline uint64_t cursor_load(const struct cursor *c, uint32_t index)
{
    return entry_load(c->format, cursor_entry_at(c, index));
}

static inline uint64_t level_span(const struct quire_format *format, unsigned level)
{
    return UINT64_C(1) << format->level[level - 1].shift;
}

static inline uint32_t level_entries(const struct quire_format *format, unsigned level)
{
    return UINT32_C(1) << format->level[level - 1].bits;
}

static inline void range_advance(struct range *r, uint64_t bytes)
{
    r->at += bytes;
    r->left -= bytes;
}

/* Bytes of the range that lie in the entry of `span` bytes that it begins in. */
static inline uint64_t range_in_entry(const struct range *r, uint64_t span)
{
    uint64_t rest = span - (r->at & (span - 1));

    return rest < r->left ? rest : r->left;
}

/* Whole entries of `level` that the range covers from index `from` on, within one table. */
static inline uint32_t range_entries(const struct range *r, const struct quire_format *format,
                                     unsigned level, uint32_t from)
{
    uint64_t covered = r->left >> format->level[level - 1].shift;
    uint32_t rest = level_entries(format, level) - from;

    return covered < rest ? (uint32_t)covered : rest;
}

/* Does the range cover the entry of `level` that it begins in? */
static inline bool range_covers(const struct range *r, const struct quire_format *format,
                                unsigned level)
{
    uint64_t span = level_span(format, level);

    return (r->at & (span - 1)) == 0 && r->left >= span;
}

/* log2 of the frames that a table of `level` takes. */
unsigned quire_table_order(const struct quire_format *format, unsigned level);

/*
 * Table frames set aside before anything is changed. They hang together through their own first
 * bytes: no MMU can see them yet.
 */
struct reserve {
    uint32_t need[QUIRE_LEVELS_MAX];       /* tables wanted, by level - 1 */
    uint64_t counted_to[QUIRE_LEVELS_MAX]; /* (planning) end of the last new table counted */
    bool counting[QUIRE_LEVELS_MAX];
    quire_pa chain[QUIRE_LEVELS_MAX]; /* frames set aside */
};

/* Plans the tables of levels above+1 .. level at address `at`, where there are none yet. */
void quire_reserve_plan(struct reserve *reserve, const struct quire_format *format, unsigned above,
                        unsigned level, uint64_t at);

/* Can an entry of `level` point to a table at `pa`? */
bool quire_table_fits(const struct quire_format *format, unsigned level, quire_pa pa);

/* Gets what was planned. On failure nothing is kept. */
enum quire_status quire_reserve_fill(struct reserve *reserve, const struct quire_table *table);

/* Puts a new table below the entry that the cursor stands on: empty if the entry was absent, else
 * the old leaf in smaller pieces. => planned for. The cursor must seek again. */
void quire_reserve_link(struct reserve *reserve, struct quire_table *table, struct cursor *c);

/* Can the leaf `entry` of `level` be said in leaves of level `to`? (i386: not above 4 GiB.) */
bool quire_leaf_can_split(const struct quire_format *format, unsigned level, unsigned to,
                          uint64_t entry);

/* Makes every entry of a table of `level` the format's empty entry. */
void quire_table_clear(const struct quire_format *format, unsigned level, unsigned char *where);

#endif
