/*
 * Unmapping and protecting a range. Both can need new tables, where a large leaf lies only partly
 * in the range; as in table_map.c these are planned and reserved before anything is changed.
 */
#include "quire/table.h"

#include "cursor.h"
#include "host_inline.h"
#include "runs.h"

struct change {
    struct quire_table *table;
    struct quire_batch *batch;
    const struct quire_visitor *visitor; /* unmap: who is told; may be NULL */
    uint64_t clear, set;                 /* protect: entry bits */
    uint64_t changed;                    /* bytes whose entry changed */
    struct range range;
    struct cursor cursor;
    struct reserve reserve;
};

/* Leaves at this level change as a whole, further down they would have to be split. */
static unsigned change_level(const struct change *change)
{
    const struct cursor *c = &change->cursor;
    unsigned level = c->level;

    while (!range_covers(&change->range, c->format, level)) {
        level++;
    }
    return level;
}

static void skip(struct change *change)
{
    range_advance(&change->range, range_in_entry(&change->range, level_span(change->cursor.format,
                                                                            change->cursor.level)));
}

/* Passes over what is not mapped; true if there was any of it. */
static bool skip_absent(struct change *change)
{
    const struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    uint32_t n = range_entries(&change->range, format, c->level, c->index);

    if (quire_pte_kind(format, c->level, cursor_load(c, c->index)) != QUIRE_PTE_ABSENT) {
        return false;
    }
    n = quire_run_same(c, c->index, n, format->empty);
    if (n > 1 && range_covers(&change->range, format, c->level)) {
        range_advance(&change->range, (uint64_t)n << format->level[c->level - 1].shift);
    } else {
        skip(change);
    }
    return true;
}

/* Would this operation leave the leaf as it is? (Only protect can.) */
static bool leaves_as_is(const struct change *change, uint64_t leaf)
{
    return (change->clear | change->set) != 0 && ((leaf & ~change->clear) | change->set) == leaf;
}

/* A large leaf that the range covers in part is split, unless it stays as it is. */
static enum quire_status plan_split(struct change *change, unsigned level, uint64_t leaf)
{
    const struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    uint32_t n;

    if (leaves_as_is(change, leaf)) {
        skip(change);
        return QUIRE_OK;
    }
    if (!quire_leaf_can_split(format, c->level, level, leaf)) {
        return QUIRE_OUT_OF_RANGE;
    }
    quire_reserve_plan(&change->reserve, format, c->level, level, change->range.at);
    n = range_entries(&change->range, format, level,
                      quire_va_index(format, level, quire_va_at(change->range.at)));
    range_advance(&change->range, (uint64_t)n << format->level[level - 1].shift);
    return QUIRE_OK;
}

/* Passes over the smallest leaves of a table; QUIRE_CORRUPT: it is not in memory. */
static enum quire_status plan_table(struct change *change, uint64_t pointer)
{
    const struct cursor *c = &change->cursor;
    quire_pa below = quire_pte_address(c->format, c->level, QUIRE_PTE_TABLE, pointer);
    uint64_t bytes = quire_format_table_bytes(c->format, c->level + 1);

    skip(change);
    return quire_memory_has(c->memory, below, bytes) ? QUIRE_OK : QUIRE_CORRUPT;
}

static enum quire_status plan_step(struct change *change)
{
    const struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    uint64_t entry = cursor_load(c, c->index);
    unsigned level;
    uint32_t n;

    if (quire_pte_kind(format, c->level, entry) == QUIRE_PTE_TABLE) {
        return plan_table(change, entry);
    }
    if (skip_absent(change)) {
        return QUIRE_OK;
    }
    level = change_level(change);
    if (level != c->level) {
        return plan_split(change, level, entry);
    }
    n = quire_run_leaves(c, c->index, range_entries(&change->range, format, level, c->index));
    range_advance(&change->range, (uint64_t)n << format->level[level - 1].shift);
    return QUIRE_OK;
}

/* The smallest leaves are never split: their tables have to be there, and are not looked into. */
static enum quire_status plan(struct change *change)
{
    enum quire_status status = QUIRE_OK;

    change->cursor.lowest--;
    while (change->range.left != 0 && status == QUIRE_OK) {
        status = quire_cursor_seek(&change->cursor, change->range.at) ? plan_step(change)
                                                                      : QUIRE_CORRUPT;
    }
    quire_cursor_close(&change->cursor);
    change->cursor.lowest++;
    return status;
}

/* Checks, plans and reserves for [va, va + bytes); afterwards the change stands at its beginning.
 * */
static enum quire_status prepare(struct change *change, struct quire_table *table,
                                 struct quire_batch *batch, quire_va va, uint64_t bytes)
{
    enum quire_status status = quire_change_check(table, va, bytes);

    if (status != QUIRE_OK) {
        return status;
    }
    change->table = table;
    change->batch = batch;
    change->range = (struct range){va.at, bytes};
    change->cursor = cursor_at_root(table);
    status = table->format->levels > 1 ? plan(change) : QUIRE_OK;
    if (status == QUIRE_OK) {
        status = quire_reserve_fill(&change->reserve, table);
    }
    change->range = (struct range){va.at, bytes};
    return status;
}

static void add_flush(struct change *change, uint64_t at, uint32_t n)
{
    unsigned shift = change->cursor.format->level[change->cursor.level - 1].shift;
    struct quire_flush_range range = {quire_va_at(at), (uint64_t)n << shift, change->table->asid,
                                      (uint8_t)shift, true};

    quire_batch_add(change->batch, &range);
}

/* Tells the visitor of each leaf of a run as it goes. An entry whose marks an MMU might still be
 * setting is exchanged; then what it was in the end is what counts. */
static void clear_and_tell(struct change *change, uint32_t n)
{
    const struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    uint64_t span = level_span(format, c->level);
    bool concurrent = change->table->host->concurrent_walks;

    for (uint32_t i = 0; i < n; i++) {
        void *where = cursor_entry_at(c, c->index + i);
        uint64_t entry = entry_load(format, where);
        struct quire_leaf leaf;

        if (concurrent) {
            entry = entry_exchange(format, where, format->empty);
        } else {
            entry_store(format, where, format->empty);
        }
        leaf.va = quire_va_at(change->range.at + i * span);
        leaf.pa = quire_pte_address(format, c->level, QUIRE_PTE_LEAF, entry);
        leaf.bytes = span;
        leaf.attributes = quire_pte_attributes(format, entry);
        leaf.level = c->level;
        leaf.entry = entry;
        change->visitor->leaf(change->visitor->context, &leaf);
    }
}

/* Is the cursor's table of `level` without a single entry? What follows the place where one has
 * just gone is looked at first: in a range that goes bit by bit it is still there. */
static bool table_empty(const struct cursor *c, unsigned level)
{
    uint64_t bytes = quire_format_table_bytes(c->format, level);
    uint32_t entries = level_entries(c->format, level);
    uint32_t here = quire_va_index(c->format, level, quire_va_at(c->at));
    struct cursor look = *c;
    bool empty;

    look.level = level;
    look.table = quire_memory_at(c->memory, c->path[level - 1], bytes);
    empty = quire_run_same(&look, here, entries - here, c->format->empty) == entries - here &&
            quire_run_same(&look, 0, here, c->format->empty) == here;
    quire_memory_done(c->memory, look.table, bytes);
    return empty;
}

static void unlink_table(struct change *change, unsigned level, uint64_t at)
{
    struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    struct quire_table *table = change->table;
    unsigned order = quire_table_order(format, level);
    uint64_t bytes = quire_format_page_bytes(format) << order;
    uint32_t index = quire_va_index(format, level - 1, quire_va_at(at));
    quire_pa above = quire_pa_at(c->path[level - 2].at + (uint64_t)index * format->pte_bytes);
    void *where = quire_memory_at(c->memory, above, format->pte_bytes);

    entry_store(format, where, format->empty);
    quire_memory_done(c->memory, where, format->pte_bytes);
    table->tables--;
    table->table_bytes -= bytes;
    host_event(table->host, &(struct quire_event){.kind = QUIRE_EVENT_TABLE_FREED,
                                                  .asid = table->asid,
                                                  .level = (uint8_t)level,
                                                  .pa = c->path[level - 1],
                                                  .value = bytes});
    quire_batch_free_table(change->batch, table->host, order, c->path[level - 1]);
}

/* After `n` entries from `at` on were cleared: tables that became empty go, from the bottom up, and
 * the path of the cursor, which is closed, ends above them. */
static void free_empty_tables(struct change *change, uint64_t at, uint32_t n)
{
    struct cursor *c = &change->cursor;
    unsigned level = c->level;
    bool empty = n == level_entries(c->format, level);

    quire_cursor_close(c);
    while (level > 1 && (empty || table_empty(c, level))) {
        unlink_table(change, level, at);
        level--;
        empty = false;
    }
    c->level = level;
}

/* One level further down, if the leaf here has to be split first. */
static bool split(struct change *change)
{
    struct cursor *c = &change->cursor;

    if (change_level(change) == c->level) {
        return false;
    }
    if (leaves_as_is(change, cursor_load(c, c->index))) {
        skip(change);
    } else {
        quire_reserve_link(&change->reserve, change->table, c);
    }
    return true;
}

static void unmap_step(struct change *change)
{
    struct cursor *c = &change->cursor;
    const struct quire_format *format = c->format;
    uint64_t at = change->range.at;
    uint32_t n;

    if (skip_absent(change) || split(change)) {
        return;
    }
    n = quire_run_leaves(c, c->index, range_entries(&change->range, format, c->level, c->index));
    if (change->visitor != NULL) {
        clear_and_tell(change, n);
    } else {
        quire_run_fill(c, c->index, n, format->empty, 0);
    }
    add_flush(change, at, n);
    range_advance(&change->range, (uint64_t)n << format->level[c->level - 1].shift);
    free_empty_tables(change, at, n);
}

enum quire_status quire_table_unmap(struct quire_table *table, struct quire_batch *batch,
                                    quire_va va, uint64_t bytes,
                                    const struct quire_visitor *visitor)
{
    struct change change = {.visitor = visitor};
    enum quire_status status = prepare(&change, table, batch, va, bytes);

    while (status == QUIRE_OK && change.range.left != 0) {
        quire_cursor_seek(&change.cursor, change.range.at);
        unmap_step(&change);
    }
    quire_cursor_close(&change.cursor);
    return status;
}

/* Rewrites leaves that processors may be marking meanwhile. */
static uint32_t rewrite_live(const struct change *change, uint32_t n)
{
    const struct cursor *c = &change->cursor;
    uint32_t changed = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t old =
            entry_update(c->format, cursor_entry_at(c, c->index + i), change->clear, change->set);
        changed += ((old & ~change->clear) | change->set) != old;
    }
    return changed;
}

static void protect_step(struct change *change)
{
    struct cursor *c = &change->cursor;
    unsigned shift = c->format->level[c->level - 1].shift;
    uint32_t n, changed;

    if (skip_absent(change) || split(change)) {
        return;
    }
    n = range_entries(&change->range, c->format, c->level, c->index);
    if (change->table->host->concurrent_walks) {
        n = quire_run_leaves(c, c->index, n);
        changed = rewrite_live(change, n);
    } else {
        n = quire_run_rewrite(c, c->index, n, change->clear, change->set, &changed);
    }
    if (changed != 0) {
        add_flush(change, change->range.at, n);
    }
    change->changed += (uint64_t)changed << shift;
    range_advance(&change->range, (uint64_t)n << shift);
}

/* The bits of a leaf that rights, global and memory type decide. */
static uint64_t attribute_mask(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;

    return leaf->read.mask | leaf->write.mask | leaf->execute.mask | leaf->user.mask |
           leaf->global.mask | format->type_mask;
}

enum quire_status quire_table_protect(struct quire_table *table, struct quire_batch *batch,
                                      quire_va va, uint64_t bytes, unsigned attributes,
                                      uint64_t *changed)
{
    const struct quire_format *format = table->format;
    unsigned settable = QUIRE_RIGHTS | QUIRE_GLOBAL | QUIRE_TYPE;
    struct change change = {.visitor = NULL};
    enum quire_status status;

    change.clear = attribute_mask(format);
    change.set = quire_pte_with_attributes(format, 0, attributes & settable) & change.clear;
    status = change.clear == 0 ? quire_change_check(table, va, bytes)
                               : prepare(&change, table, batch, va, bytes);
    while (status == QUIRE_OK && change.range.left != 0) {
        quire_cursor_seek(&change.cursor, change.range.at);
        protect_step(&change);
    }
    quire_cursor_close(&change.cursor);
    if (changed != NULL) {
        *changed = change.changed;
    }
    return status;
}
