/*
 * Mapping a range: twice over the same ground.
 *
 *   plan    reads only: is something there already, does every address fit, how many new tables?
 *   reserve gets those table frames, or fails with nothing changed
 *   commit  writes the entries; it cannot fail
 */
#include "quire/table.h"

#include "cursor.h"
#include "runs.h"

struct map {
    const struct quire_mapping *wanted;
    struct range range; /* what is left to do */
    quire_pa pa;        /* of range.at */
    struct cursor cursor;
    struct reserve reserve;
    uint64_t mapped;
};

static void advance(struct map *map, uint64_t bytes)
{
    range_advance(&map->range, bytes);
    map->pa.at += bytes;
}

/* The level of the largest leaf that alignment, length and the caller allow here. */
static unsigned largest_level(const struct map *map)
{
    const struct quire_format *format = map->cursor.format;
    uint64_t largest = map->wanted->largest_leaf;
    unsigned level = 1;

    for (; level < format->levels; level++) {
        uint64_t span = level_span(format, level);

        if (format->level[level - 1].leaf && range_covers(&map->range, format, level) &&
            (map->pa.at & (span - 1)) == 0 && (largest == 0 || span <= largest) &&
            quire_pte_fits(format, level, map->pa)) {
            break;
        }
    }
    return level;
}

/* Where to map at the cursor: as large as fits, but never above a table that is there already. */
static unsigned mapping_level(const struct map *map)
{
    unsigned level = largest_level(map);

    return level > map->cursor.level ? level : map->cursor.level;
}

/* Is some address, in a leaf, the mark of an absent entry (ptsim's frame 0)? */
static bool address_marks(const struct quire_format *format, unsigned level)
{
    const struct quire_entry_layout *layout = &format->level[level - 1].as_leaf;

    return (quire_layout_with_address(layout, UINT64_MAX) & format->absent.mask) != 0;
}

/* Of `n` leaves of `level` from the current physical address on, how many fit into their entries?
 * The first and the last speak for those between, unless some address is a mark. */
static uint32_t run_fits(const struct map *map, unsigned level, uint32_t n)
{
    const struct quire_format *format = map->cursor.format;
    unsigned shift = format->level[level - 1].shift;
    uint64_t last = map->pa.at + ((uint64_t)(n - 1) << shift);
    uint32_t fit = 0;

    if (n > 1 && !address_marks(format, level) && quire_pte_fits(format, level, map->pa) &&
        quire_pte_fits(format, level, quire_pa_at(last))) {
        return n;
    }
    while (fit < n &&
           quire_pte_fits(format, level, quire_pa_at(map->pa.at + ((uint64_t)fit << shift)))) {
        fit++;
    }
    return fit;
}

/* From the cursor on: entries of its table to be mapped in one go, all absent or all leaves. The
 * smallest are not looked at if the mapping is to do `whatever` about them. */
static uint32_t run_here(const struct map *map, enum quire_existing whatever)
{
    const struct cursor *c = &map->cursor;
    uint32_t most = range_entries(&map->range, c->format, c->level, c->index);
    uint32_t n;

    if (c->level == c->format->levels && map->wanted->existing == whatever) {
        return most;
    }
    n = quire_run_same(c, c->index, most, c->format->empty);
    if (n == 0) {
        n = quire_run_leaves(c, c->index, most);
    }
    return n == 0 ? 1 : n; /* one absent entry with software's bits in it */
}

/* A leaf is in the way. True: the mapping goes around it. */
static bool keeps(const struct map *map, enum quire_pte_kind kind)
{
    return kind == QUIRE_PTE_LEAF && map->wanted->existing == QUIRE_EXISTING_KEEP;
}

static void skip_leaf(struct map *map)
{
    advance(map, range_in_entry(&map->range, level_span(map->cursor.format, map->cursor.level)));
}

static enum quire_status plan_step(struct map *map)
{
    const struct cursor *c = &map->cursor;
    const struct quire_format *format = c->format;
    uint64_t entry = cursor_load(c, c->index);
    enum quire_pte_kind kind = quire_pte_kind(format, c->level, entry);
    unsigned level = mapping_level(map);
    uint32_t n;

    if (keeps(map, kind)) {
        skip_leaf(map);
        return QUIRE_OK;
    }
    if (kind == QUIRE_PTE_LEAF && map->wanted->existing == QUIRE_EXISTING_FAIL) {
        return QUIRE_EXISTS;
    }
    if (level == c->level) {
        n = run_here(map, QUIRE_EXISTING_REPLACE);
    } else {
        if (kind == QUIRE_PTE_LEAF && !range_covers(&map->range, format, c->level) &&
            !quire_leaf_can_split(format, c->level, level, entry)) {
            return QUIRE_OUT_OF_RANGE;
        }
        quire_reserve_plan(&map->reserve, format, c->level, level, map->range.at);
        n = range_entries(&map->range, format, level,
                          quire_va_index(format, level, quire_va_at(map->range.at)));
    }
    n = run_fits(map, level, n);
    if (n == 0) {
        return QUIRE_OUT_OF_RANGE;
    }
    advance(map, (uint64_t)n << format->level[level - 1].shift);
    return QUIRE_OK;
}

static enum quire_status plan(struct map *map)
{
    enum quire_status status = QUIRE_OK;

    while (map->range.left != 0 && status == QUIRE_OK) {
        status = quire_cursor_seek(&map->cursor, map->range.at) ? plan_step(map) : QUIRE_CORRUPT;
    }
    return status;
}

/* Writes a run of leaves. Where the address is in two parts a carry between them breaks the step.
 * */
static void write_run(struct map *map, uint32_t n)
{
    const struct cursor *c = &map->cursor;
    const struct quire_format *format = c->format;
    uint64_t span = level_span(format, c->level);
    unsigned attributes = map->wanted->attributes;
    uint64_t first = quire_pte_leaf(format, c->level, map->pa, attributes);
    uint64_t second, last;

    entry_store(format, cursor_entry_at(c, c->index), first);
    if (n == 1) {
        return;
    }
    second = quire_pte_leaf(format, c->level, quire_pa_at(map->pa.at + span), attributes);
    last = quire_pte_leaf(format, c->level, quire_pa_at(map->pa.at + (n - 1) * span), attributes);
    if (first + (n - 1) * (second - first) == last) {
        quire_run_fill(c, c->index + 1, n - 1, second, second - first);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        uint64_t leaf =
            quire_pte_leaf(format, c->level, quire_pa_at(map->pa.at + i * span), attributes);
        entry_store(format, cursor_entry_at(c, c->index + i), leaf);
    }
}

/* Puts a table where there is an absent entry or a leaf. A leaf that goes as a whole, and could not
 * be said in smaller ones, is taken away first. */
static void make_way(struct map *map, struct quire_table *table, struct quire_batch *batch,
                     unsigned to)
{
    struct cursor *c = &map->cursor;
    unsigned shift = c->format->level[c->level - 1].shift;
    uint64_t entry = cursor_load(c, c->index);

    if (quire_pte_kind(c->format, c->level, entry) == QUIRE_PTE_LEAF &&
        !quire_leaf_can_split(c->format, c->level, to, entry)) {
        struct quire_flush_range range = {quire_va_at(map->range.at), UINT64_C(1) << shift,
                                          table->asid, (uint8_t)shift, true};
        entry_store(c->format, cursor_entry_at(c, c->index), c->format->empty);
        quire_batch_add(batch, &range);
    }
    quire_reserve_link(&map->reserve, table, c);
}

static void commit_step(struct map *map, struct quire_table *table, struct quire_batch *batch)
{
    struct cursor *c = &map->cursor;
    unsigned shift = c->format->level[c->level - 1].shift;
    uint64_t entry = cursor_load(c, c->index);
    enum quire_pte_kind kind = quire_pte_kind(c->format, c->level, entry);
    uint32_t n;

    if (keeps(map, kind)) {
        skip_leaf(map);
        return;
    }
    if (mapping_level(map) > c->level) {
        make_way(map, table, batch, mapping_level(map));
        return; /* and seek again: one level further down now */
    }
    /* The plan has seen that nothing is in the way, and that the first one fits. */
    n = run_here(map, QUIRE_EXISTING_FAIL);
    n = n > 1 ? run_fits(map, c->level, n) : n;
    write_run(map, n);
    if (kind == QUIRE_PTE_LEAF) {
        struct quire_flush_range range = {quire_va_at(map->range.at), (uint64_t)n << shift,
                                          table->asid, (uint8_t)shift, true};
        quire_batch_add(batch, &range);
    }
    map->mapped += (uint64_t)n << shift;
    advance(map, (uint64_t)n << shift);
}

static void commit(struct map *map, struct quire_table *table, struct quire_batch *batch)
{
    while (map->range.left != 0) {
        quire_cursor_seek(&map->cursor, map->range.at);
        commit_step(map, table, batch);
    }
}

/* Stands at the beginning. */
static void begin(struct map *map)
{
    map->range = (struct range){map->wanted->va.at, map->wanted->bytes};
    map->pa = map->wanted->pa;
}

enum quire_status quire_table_map(struct quire_table *table, struct quire_batch *batch,
                                  const struct quire_mapping *mapping, uint64_t *mapped)
{
    const struct quire_format *format = table->format;
    struct map map = {.wanted = mapping, .cursor = cursor_at_root(table)};
    enum quire_status status;

    if (mapped != NULL) {
        *mapped = 0;
    }
    status = quire_range_check(format, mapping->va, mapping->bytes);
    if (status != QUIRE_OK) {
        return status;
    }
    if ((mapping->pa.at & (quire_format_page_bytes(format) - 1)) != 0 ||
        (mapping->largest_leaf != 0 && mapping->largest_leaf < quire_format_page_bytes(format))) {
        return QUIRE_INVALID;
    }
    if (mapping->pa.at + (mapping->bytes - 1) < mapping->pa.at) {
        return QUIRE_OUT_OF_RANGE;
    }
    if (quire_range_inherited(table, mapping->va, mapping->bytes)) {
        return QUIRE_EXISTS;
    }

    begin(&map);
    status = plan(&map);
    if (status == QUIRE_OK) {
        status = quire_reserve_fill(&map.reserve, table);
    }
    if (status == QUIRE_OK) {
        begin(&map);
        commit(&map, table, batch);
    }
    quire_cursor_close(&map.cursor);
    if (mapped != NULL) {
        *mapped = map.mapped;
    }
    return status;
}
