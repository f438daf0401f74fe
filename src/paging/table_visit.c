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

/* Takes the marks away from a leaf that has some; `leaf` becomes what it was at that moment. */
static void unmark_leaf(const struct look *look, const struct cursor *c, uint32_t index,
                        struct quire_leaf *leaf)
{
    const struct quire_format *format = c->format;
    void *where = cursor_entry_at(c, index);
    struct quire_flush_range range = {leaf->va, leaf->bytes, look->table->asid,
                                      format->level[c->level - 1].shift, true};

    if (look->table->host->concurrent_walks) {
        leaf->entry = entry_update(format, where, look->clear, look->set);
        leaf->attributes = quire_pte_attributes(format, leaf->entry);
    } else {
        entry_store(format, where, (leaf->entry & ~look->clear) | look->set);
    }
    quire_batch_add(look->batch, &range);
}

static void look_at(const struct look *look, const struct cursor *c, uint64_t at)
{
    uint32_t index = quire_va_index(c->format, c->level, quire_va_at(at));
    uint64_t entry = cursor_load(c, index);
    struct quire_leaf leaf;

    if (look->table != NULL && (entry & look->clear) == 0 && (entry & look->set) == look->set) {
        return; /* harvest: no bit of the marks is there. This is most leaves: seen at a glance */
    }
    leaf = leaf_at(c, at, entry);
    if (look->table != NULL) {
        if ((leaf.attributes & look->marks) == 0) {
            return;
        }
        unmark_leaf(look, c, index, &leaf);
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
        enum quire_pte_kind kind = quire_pte_kind(c->format, c->level, cursor_load(c, index));

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
    enum quire_status status = quire_change_check(table, va, bytes);

    if ((marks & QUIRE_ACCESSED) && leaf->accessed.mask != 0) {
        unmark(&look, leaf->accessed);
        look.marks |= QUIRE_ACCESSED;
    }
    if ((marks & QUIRE_DIRTY) && leaf->dirty.mask != 0) {
        unmark(&look, leaf->dirty);
        look.marks |= QUIRE_DIRTY;
    }
    return status == QUIRE_OK && look.marks != 0 ? look_through(&look, table, va, bytes) : status;
}

/* Does this entry set no reserved bit, and point to memory if it points to a table? */
static bool entry_sound(const struct cursor *c, uint64_t entry)
{
    const struct quire_format *format = c->format;
    enum quire_pte_kind kind = quire_pte_kind(format, c->level, entry);

    if (kind == QUIRE_PTE_ABSENT) {
        return true;
    }
    if (quire_pte_reserved(format, c->level, kind, entry)) {
        return false;
    }
    return kind == QUIRE_PTE_LEAF ||
           quire_memory_has(c->memory, quire_pte_address(format, c->level, kind, entry),
                            quire_format_table_bytes(format, c->level + 1));
}

/* The first entry of the table at `pa` that is not sound; 0 if it has none at all and is not the
 * root; else the number of its entries. */
static uint32_t first_unsound(const struct tour *tour, unsigned level, quire_pa pa)
{
    const struct quire_format *format = tour->at.format;
    uint64_t bytes = quire_format_table_bytes(format, level);
    uint32_t entries = level_entries(format, level), index = 0;
    struct cursor c = tour->at;
    bool empty = level > 1;

    c.level = level;
    c.table = quire_memory_at(c.memory, pa, bytes);
    for (; index < entries; index++) {
        uint64_t entry = cursor_load(&c, index);

        empty = empty && entry == format->empty;
        if (!entry_sound(&c, entry)) {
            break;
        }
    }
    quire_memory_done(c.memory, c.table, bytes);
    return empty ? 0 : index;
}

enum quire_status quire_table_validate(const struct quire_table *table, quire_va *at)
{
    const struct quire_format *format = table->format;
    struct tour tour = quire_tour_begin(table);
    uint64_t tables = 0, bytes = 0, wrong = 0;
    bool sound = true;
    unsigned level;
    quire_pa pa;

    /* Tables come after those below them: the first address is the lowest of all. A tree that goes
     * round in circles has more tables than were counted. */
    while (tables <= table->tables && (level = quire_tour_next(&tour, &pa)) != 0) {
        uint32_t index = first_unsound(&tour, level, pa);
        uint32_t differs = level == 1 ? quire_inherited_differs(table) : index;

        index = differs < index ? differs : index;
        tables++;
        bytes += quire_format_page_bytes(format) << quire_table_order(format, level);
        if (index != level_entries(format, level)) {
            uint64_t where = quire_tour_address(&tour, index);
            wrong = sound || where < wrong ? where : wrong;
            sound = false;
        }
    }
    if (at != NULL) {
        at->at = wrong;
    }
    return sound && tables == table->tables && bytes == table->table_bytes ? QUIRE_OK
                                                                           : QUIRE_CORRUPT;
}
