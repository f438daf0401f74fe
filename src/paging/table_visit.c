/* Looking at every leaf of a range, gathering marks, and checking a whole table. */
#include "quire/table.h"

#include "cursor.h"
#include "runs.h"
#include "tour.h"

static struct quire_leaf leaf_at(const struct cursor *c, uint64_t at, uint64_t entry)
{
    uint64_t span = level_span(c->format, c->level);
    struct quire_leaf leaf = {.va = quire_va_at(at & ~(span - 1)),
                              .pa = quire_pte_address(c->format, c->level, QUIRE_PTE_LEAF, entry),
                              .bytes = span,
                              .attributes = quire_pte_attributes(c->format, entry),
                              .level = c->level,
                              .entry = entry};

    return leaf;
}

/* What is done with the leaves of a range. */
struct look {
    const struct quire_visitor *visitor;
    struct quire_table *table; /* harvest: to be changed; visit: NULL */
    struct quire_batch *batch;
    unsigned marks;
    uint64_t clear, set; /* how those marks are cleared in an entry */
};

static void look_at(const struct look *look, const struct cursor *c, uint64_t at)
{
    uint32_t index = quire_va_index(c->format, c->level, quire_va_at(at));
    uint64_t entry = cursor_load(c, index);
    struct quire_leaf leaf = leaf_at(c, at, entry);

    if (look->table != NULL) {
        struct quire_flush_range range = {leaf.va, leaf.bytes, look->table->asid,
                                          c->format->level[c->level - 1].shift, true};
        if ((leaf.attributes & look->marks) == 0) {
            return;
        }
        if (look->table->host->concurrent_walks) {
            leaf.entry = entry_update(c->format, cursor_entry_at(c, index), look->clear, look->set);
            leaf.attributes = quire_pte_attributes(c->format, leaf.entry);
        } else {
            entry_store(c->format, cursor_entry_at(c, index),
                        (entry & ~look->clear) | look->set);
        }
        quire_batch_add(look->batch, &range);
    }
    if (look->visitor != NULL) {
        look->visitor->leaf(look->visitor->context, &leaf);
    }
}

/* Walks along the entries of the cursor's table until it or the range ends, or a table is met. */
static void look_along(const struct look *look, const struct cursor *c, struct range *range)
{
    uint64_t span = level_span(c->format, c->level);
    uint32_t entries = level_entries(c->format, c->level);

    for (uint32_t index = c->index; index < entries && range->left != 0; index++) {
        enum quire_pte_kind kind =
            quire_pte_kind(c->format, c->level, cursor_load(c, index));

        if (kind == QUIRE_PTE_TABLE) {
            return;
        }
        if (kind == QUIRE_PTE_LEAF) {
            look_at(look, c, range->at);
        }
        range_advance(range, range_in_entry(range, span));
    }
}

static enum quire_status look_through(const struct look *look, const struct quire_table *table,
                                      quire_va va, uint64_t bytes)
{
    struct range range = {va.at, bytes};
    struct cursor c = cursor_at_root(table);
    enum quire_status status = quire_range_check(table->format, va, bytes);

    while (status == QUIRE_OK && range.left != 0) {
        if (quire_cursor_seek(&c, range.at)) {
            look_along(look, &c, &range);
        } else {
            status = QUIRE_CORRUPT;
        }
    }
    quire_cursor_close(&c);
    return status;
}

enum quire_status quire_table_visit(const struct quire_table *table, quire_va va, uint64_t bytes,
                                    const struct quire_visitor *visitor)
{
    struct look look = {.visitor = visitor};

    return look_through(&look, table, va, bytes);
}

/* What to clear and set in an entry so that the condition does not hold. */
static void unmark(struct look *look, struct quire_bits bits)
{
    look->clear |= bits.mask & bits.value;
    look->set |= bits.mask & ~bits.value;
}

enum quire_status quire_table_harvest(struct quire_table *table, struct quire_batch *batch,
                                      quire_va va, uint64_t bytes, unsigned marks,
                                      const struct quire_visitor *visitor)
{
    const struct quire_attribute_bits *leaf = &table->format->leaf;
    struct look look = {.visitor = visitor, .table = table, .batch = batch};

    if ((marks & QUIRE_ACCESSED) && leaf->accessed.mask != 0) {
        unmark(&look, leaf->accessed);
        look.marks |= QUIRE_ACCESSED;
    }
    if ((marks & QUIRE_DIRTY) && leaf->dirty.mask != 0) {
        unmark(&look, leaf->dirty);
        look.marks |= QUIRE_DIRTY;
    }
    if (look.marks == 0) {
        return quire_range_check(table->format, va, bytes);
    }
    return look_through(&look, table, va, bytes);
}

/* Is every entry of the table sound, and does it hold any (unless it is the root)? */
static bool table_sound(const struct tour *tour, unsigned level, quire_pa pa)
{
    const struct quire_format *format = tour->at.format;
    uint64_t bytes = quire_format_table_bytes(format, level);
    struct cursor c = tour->at;
    bool empty = true;
    uint32_t index = 0;

    c.level = level;
    c.table = quire_memory_at(c.memory, pa, bytes);
    for (; index < level_entries(format, level); index++) {
        uint64_t entry = cursor_load(&c, index);
        enum quire_pte_kind kind = quire_pte_kind(format, level, entry);

        empty = empty && entry == format->empty;
        if (kind != QUIRE_PTE_ABSENT && quire_pte_reserved(format, level, kind, entry)) {
            break;
        }
    }
    quire_memory_done(c.memory, c.table, bytes);
    return index == level_entries(format, level) && (level == 1 || !empty);
}

enum quire_status quire_table_validate(const struct quire_table *table, quire_va *at)
{
    const struct quire_format *format = table->format;
    struct tour tour = quire_tour_begin(table);
    uint64_t tables = 0, bytes = 0;
    unsigned level;
    quire_pa pa;

    while ((level = quire_tour_next(&tour, &pa)) != 0) {
        tables++;
        bytes += quire_format_page_bytes(format) << quire_table_order(format, level);
        if (tour.lost != 0 || tables > table->tables || !table_sound(&tour, level, pa)) {
            if (at != NULL) {
                *at = quire_va_at(quire_tour_address(&tour));
            }
            return QUIRE_CORRUPT;
        }
    }
    if (tables != table->tables || bytes != table->table_bytes) {
        if (at != NULL) {
            *at = quire_va_at(0);
        }
        return QUIRE_CORRUPT;
    }
    return QUIRE_OK;
}
