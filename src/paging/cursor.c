/* Finding one's way in a page table, and setting table frames aside for a change. */
#include "cursor.h"

#include "../bytes.h"
#include "host_inline.h"

void quire_cursor_close(struct cursor *c)
{
    if (c->table != NULL) {
        quire_memory_done(c->memory, c->table, quire_format_table_bytes(c->format, c->level));
        c->table = NULL;
    }
}

static void cursor_open(struct cursor *c)
{
    c->table = quire_memory_at(c->memory, c->path[c->level - 1],
                               quire_format_table_bytes(c->format, c->level));
}

/* The lowest table of the path that the way to `at` leads through, too. */
static unsigned common_level(const struct cursor *c, uint64_t at)
{
    unsigned level = c->level;

    while (level > 1 && (c->at ^ at) >> c->format->level[level - 2].shift != 0) {
        level--;
    }
    return level;
}

bool quire_cursor_seek(struct cursor *c, uint64_t at)
{
    const struct quire_format *format = c->format;
    unsigned level = common_level(c, at);

    if (level != c->level) {
        quire_cursor_close(c);
        c->level = level;
    }
    if (c->table == NULL) {
        cursor_open(c);
    }
    c->at = at;
    while (c->table != NULL) {
        uint64_t entry;

        c->index = quire_va_index(format, c->level, quire_va_at(at));
        entry = cursor_load(c, c->index);
        if (c->level == c->lowest || quire_pte_kind(format, c->level, entry) != QUIRE_PTE_TABLE) {
            return true;
        }
        quire_cursor_close(c);
        c->path[c->level] = quire_pte_address(format, c->level, QUIRE_PTE_TABLE, entry);
        c->level++;
        cursor_open(c);
    }
    return false;
}

bool quire_cursor_peek(const struct cursor *c, unsigned level, uint32_t index, uint64_t *entry)
{
    const struct quire_format *format = c->format;
    quire_pa at = quire_pa_at(c->path[level - 1].at + (uint64_t)index * format->pte_bytes);
    void *where = quire_memory_at(c->memory, at, format->pte_bytes);

    if (where == NULL) {
        return false;
    }
    *entry = entry_load(format, where);
    quire_memory_done(c->memory, where, format->pte_bytes);
    return true;
}

bool quire_cursor_pointer(const struct cursor *c, unsigned level, uint32_t index, quire_pa *below)
{
    const struct quire_format *format = c->format;
    uint64_t entry;

    if (!quire_cursor_peek(c, level, index, &entry) ||
        quire_pte_kind(format, level, entry) != QUIRE_PTE_TABLE) {
        return false;
    }
    *below = quire_pte_address(format, level, QUIRE_PTE_TABLE, entry);
    return true;
}

enum quire_status quire_range_check(const struct quire_format *format, quire_va va, uint64_t bytes)
{
    uint64_t last = va.at + (bytes - 1);

    if (bytes == 0 || last < va.at ||
        ((va.at | bytes) & (quire_format_page_bytes(format) - 1)) != 0) {
        return QUIRE_INVALID;
    }
    if (!quire_va_valid(format, va) || !quire_va_valid(format, quire_va_at(last)) ||
        (format->canonical == QUIRE_SIGN_EXTENDED && va.at >> 63 != last >> 63)) {
        return QUIRE_OUT_OF_RANGE;
    }
    return QUIRE_OK;
}

unsigned quire_table_order(const struct quire_format *format, unsigned level)
{
    uint64_t bytes = quire_format_table_bytes(format, level);
    unsigned order = 0;

    while (quire_format_page_bytes(format) << order < bytes) {
        order++;
    }
    return order;
}

void quire_reserve_plan(struct reserve *reserve, const struct quire_format *format, unsigned above,
                        unsigned level, uint64_t at)
{
    for (unsigned l = above + 1; l <= level; l++) {
        uint64_t span = level_span(format, l - 1);
        uint64_t begin = at & ~(span - 1);

        if (!reserve->counting[l - 1] || reserve->counted_to[l - 1] != begin) {
            reserve->need[l - 1]++;
            reserve->counting[l - 1] = true;
            reserve->counted_to[l - 1] = begin;
        }
    }
}

/* The chain goes through the first bytes of frames that no table points to yet. */
static bool chain_push(struct reserve *reserve, const struct quire_memory *memory, unsigned level,
                       quire_pa pa)
{
    quire_pa *next = quire_memory_at(memory, pa, sizeof(*next));

    if (next == NULL) {
        return false;
    }
    memcpy(next, &reserve->chain[level - 1], sizeof(*next));
    quire_memory_done(memory, next, sizeof(*next));
    reserve->chain[level - 1] = pa;
    return true;
}

static quire_pa chain_pop(struct reserve *reserve, const struct quire_memory *memory,
                          unsigned level)
{
    quire_pa pa = reserve->chain[level - 1];
    quire_pa *next = quire_memory_at(memory, pa, sizeof(*next));

    memcpy(&reserve->chain[level - 1], next, sizeof(*next));
    quire_memory_done(memory, next, sizeof(*next));
    reserve->need[level - 1]--;
    return pa;
}

static void chain_drop(struct reserve *reserve, const struct quire_table *table)
{
    for (unsigned level = 2; level <= table->format->levels; level++) {
        unsigned order = quire_table_order(table->format, level);

        while (reserve->need[level - 1] != 0) {
            host_free_table(table->host, order, chain_pop(reserve, &table->host->memory, level));
        }
    }
}

bool quire_table_fits(const struct quire_format *format, unsigned level, quire_pa pa)
{
    uint64_t entry = quire_pte_table(format, level, pa);

    return quire_pte_kind(format, level, entry) == QUIRE_PTE_TABLE &&
           quire_pte_address(format, level, QUIRE_PTE_TABLE, entry).at == pa.at &&
           !quire_pte_reserved(format, level, QUIRE_PTE_TABLE, entry);
}

static enum quire_status chain_add(struct reserve *reserve, const struct quire_table *table,
                                   unsigned level)
{
    unsigned order = quire_table_order(table->format, level);
    enum quire_status status;
    quire_pa pa;

    status = host_alloc_table(table->host, order, &pa);
    if (status != QUIRE_OK) {
        return status;
    }
    if (!quire_table_fits(table->format, level - 1, pa) ||
        !chain_push(reserve, &table->host->memory, level, pa)) {
        host_free_table(table->host, order, pa);
        return QUIRE_OUT_OF_RANGE;
    }
    reserve->need[level - 1]++;
    return QUIRE_OK;
}

static uint32_t tables_planned(const struct reserve *reserve, const struct quire_format *format)
{
    uint32_t tables = 0;

    for (unsigned level = 2; level <= format->levels; level++) {
        tables += reserve->need[level - 1];
    }
    return tables;
}

/* Gets so many tables as are planned; a host that wants to know beforehand is told how many. */
static enum quire_status fill(struct reserve *reserve, const struct quire_table *table,
                              uint32_t tables)
{
    const struct quire_host *host = table->host;
    struct reserve got = {.need = {0}};
    enum quire_status status = QUIRE_OK;

    if (host->expect_tables != NULL) {
        status = host->expect_tables(host->context, tables);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    for (unsigned level = 2; level <= table->format->levels; level++) {
        while (got.need[level - 1] < reserve->need[level - 1]) {
            status = chain_add(&got, table, level);
            if (status != QUIRE_OK) {
                chain_drop(&got, table);
                return status;
            }
        }
    }
    *reserve = got;
    return QUIRE_OK;
}

enum quire_status quire_reserve_fill(struct reserve *reserve, const struct quire_table *table)
{
    uint32_t tables = tables_planned(reserve, table->format);

    return tables == 0 ? QUIRE_OK : fill(reserve, table, tables);
}

bool quire_leaf_can_split(const struct quire_format *format, unsigned level, unsigned to,
                          uint64_t entry)
{
    quire_pa pa = quire_pte_address(format, level, QUIRE_PTE_LEAF, entry);

    for (unsigned l = level + 1; l <= to; l++) {
        uint64_t last = level_span(format, level) - level_span(format, l);

        if (!quire_pte_fits(format, l, pa) ||
            !quire_pte_fits(format, l, quire_pa_at(pa.at + last))) {
            return false;
        }
    }
    return true;
}

void quire_table_clear(const struct quire_format *format, unsigned level, unsigned char *where)
{
    uint32_t entries = level_entries(format, level);

    if (format->empty == 0) {
        memset(where, 0, (size_t)quire_format_table_bytes(format, level));
        return;
    }
    for (uint32_t i = 0; i < entries; i++) {
        entry_store(format, where + (uint64_t)i * format->pte_bytes, format->empty);
    }
}

/* Fills a new table of `level` with what the entry above it meant. */
static void table_fill(const struct quire_format *format, unsigned level, unsigned char *where,
                       uint64_t above)
{
    uint32_t entries = level_entries(format, level);
    uint64_t span = level_span(format, level);
    unsigned attributes;
    quire_pa pa;

    if (quire_pte_kind(format, level - 1, above) == QUIRE_PTE_ABSENT) {
        quire_table_clear(format, level, where);
        return;
    }
    attributes = quire_pte_attributes(format, above);
    pa = quire_pte_address(format, level - 1, QUIRE_PTE_LEAF, above);
    for (uint32_t i = 0; i < entries; i++, pa.at += span) {
        uint64_t leaf = quire_pte_leaf(format, level, pa, attributes);
        entry_store(format, where + (uint64_t)i * format->pte_bytes,
                    leaf | (above & format->ignored));
    }
}

void quire_reserve_link(struct reserve *reserve, struct quire_table *table, struct cursor *c)
{
    const struct quire_format *format = c->format;
    unsigned level = c->level + 1;
    uint64_t bytes = quire_format_table_bytes(format, level);
    quire_pa pa = chain_pop(reserve, c->memory, level);
    unsigned char *where = quire_memory_at(c->memory, pa, bytes);
    uint64_t frames = quire_format_page_bytes(format) << quire_table_order(format, level);

    table_fill(format, level, where, cursor_load(c, c->index));
    quire_memory_done(c->memory, where, bytes);
    entry_store(format, cursor_entry_at(c, c->index), quire_pte_table(format, c->level, pa));
    table->tables++;
    table->table_bytes += frames;
    host_event(table->host, &(struct quire_event){.kind = QUIRE_EVENT_TABLE_TAKEN,
                                                  .asid = table->asid,
                                                  .level = (uint8_t)level,
                                                  .pa = pa,
                                                  .value = frames});
}
