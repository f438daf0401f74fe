/* Inheriting: root entries that are another table's, and all that they lead to with them. */
#include "quire/table.h"

#include "cursor.h"

bool quire_range_inherited(const struct quire_table *table, quire_va va, uint64_t bytes)
{
    uint32_t first = quire_va_index(table->format, 1, va);
    uint32_t last = quire_va_index(table->format, 1, quire_va_at(va.at + (bytes - 1)));

    return first < table->inherited_end && last >= table->inherited;
}

enum quire_status quire_change_check(const struct quire_table *table, quire_va va, uint64_t bytes)
{
    enum quire_status status = quire_range_check(table->format, va, bytes);

    return status == QUIRE_OK && quire_range_inherited(table, va, bytes) ? QUIRE_INVALID : status;
}

/* The root entry `index`, absent if it cannot be seen. */
static uint64_t root_entry(const struct quire_table *table, uint32_t index)
{
    struct cursor c = cursor_at_root(table);
    uint64_t entry;

    return quire_cursor_peek(&c, 1, index, &entry) ? entry : table->format->empty;
}

static bool root_has(const struct quire_table *table, uint32_t index)
{
    return quire_pte_kind(table->format, 1, root_entry(table, index)) != QUIRE_PTE_ABSENT;
}

/* Bits that an MMU may set in one root and not in the other. */
static uint64_t marks_of(const struct quire_format *format, uint64_t entry)
{
    bool table = quire_pte_kind(format, 1, entry) == QUIRE_PTE_TABLE;
    const struct quire_attribute_bits *bits = table ? &format->table : &format->leaf;

    return bits->accessed.mask | bits->dirty.mask;
}

/* Is it the same entry in both roots, but for marks? */
static bool same_entry(const struct quire_table *table, const struct quire_table *from,
                       uint32_t index)
{
    uint64_t theirs = root_entry(from, index);

    return ((root_entry(table, index) ^ theirs) & ~marks_of(table->format, theirs)) == 0;
}

uint32_t quire_inherited_differs(const struct quire_table *table)
{
    for (uint32_t i = table->inherited; i < table->inherited_end; i++) {
        if (!same_entry(table, table->from, i)) {
            return i;
        }
    }
    return level_entries(table->format, 1);
}

/* Leaves may be alike by chance, or because both map the same device; pointers may not. */
static bool shares_table(const struct quire_table *table, const struct quire_table *from,
                         uint32_t index)
{
    return quire_pte_kind(from->format, 1, root_entry(from, index)) == QUIRE_PTE_TABLE &&
           same_entry(table, from, index);
}

void quire_inherited_find(struct quire_table *table, const struct quire_table *from)
{
    uint32_t entries = level_entries(table->format, 1), i = 0;

    while (i < entries && !shares_table(table, from, i)) {
        i++;
    }
    table->from = i < entries ? from : NULL;
    table->inherited = table->inherited_end = i;
    while (i < entries && root_has(from, i) && same_entry(table, from, i)) {
        table->inherited_end = ++i;
    }
}

enum quire_status quire_table_inherit(struct quire_table *table, const struct quire_table *from,
                                      quire_va va, uint64_t bytes)
{
    const struct quire_format *format = table->format;
    uint32_t first = quire_va_index(format, 1, va), end;
    enum quire_status status = quire_range_check(format, va, bytes);
    struct cursor c = cursor_at_root(table);

    if (status != QUIRE_OK) {
        return status;
    }
    if (((va.at | bytes) & (level_span(format, 1) - 1)) != 0 || from->format != format ||
        table->from != NULL) {
        return QUIRE_INVALID;
    }
    end = first + (uint32_t)(bytes >> format->level[0].shift);
    for (uint32_t i = first; i < end; i++) {
        if (root_has(table, i)) {
            return QUIRE_EXISTS;
        }
        if (!root_has(from, i)) {
            return QUIRE_NOT_FOUND;
        }
    }
    quire_cursor_seek(&c, va.at); /* it stands in the root: that entry is absent */
    for (uint32_t i = first; i < end; i++) {
        entry_store(format, cursor_entry_at(&c, i), root_entry(from, i));
    }
    quire_cursor_close(&c);
    table->from = from;
    table->inherited = first;
    table->inherited_end = end;
    return QUIRE_OK;
}
