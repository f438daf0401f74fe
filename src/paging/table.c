/* Page tables: creating, destroying, adopting, and the look at one address. */
#include "quire/table.h"

#include "cursor.h"
#include "host_inline.h"
#include "tour.h"

static void table_event(const struct quire_table *table, enum quire_event_kind kind, unsigned level,
                        quire_pa pa)
{
    host_event(table->host,
               &(struct quire_event){.kind = kind,
                                     .asid = table->asid,
                                     .level = (uint8_t)level,
                                     .pa = pa,
                                     .value = quire_format_page_bytes(table->format)
                                              << quire_table_order(table->format, level)});
}

enum quire_status quire_table_create(struct quire_table *table, const struct quire_format *format,
                                     const struct quire_host *host, uint16_t asid)
{
    unsigned order = quire_table_order(format, 1);
    uint64_t bytes = quire_format_table_bytes(format, 1);
    enum quire_status status;
    unsigned char *where;
    quire_pa root;

    status = host_alloc_table(host, order, &root);
    if (status != QUIRE_OK) {
        return status;
    }
    where = quire_memory_at(&host->memory, root, bytes);
    if (where == NULL || (format->pa_bits < 64 && root.at >> format->pa_bits != 0)) {
        host_free_table(host, order, root);
        return QUIRE_OUT_OF_RANGE;
    }
    quire_table_clear(format, 1, where);
    quire_memory_done(&host->memory, where, bytes);

    *table = (struct quire_table){.format = format,
                                  .host = host,
                                  .root = root,
                                  .asid = asid,
                                  .tables = 1,
                                  .table_bytes = quire_format_page_bytes(format) << order};
    table_event(table, QUIRE_EVENT_TABLE_TAKEN, 1, root);
    return QUIRE_OK;
}

void quire_table_destroy(struct quire_table *table)
{
    const struct quire_flush_range whole = {.asid = table->asid, .global = true};
    const struct quire_flush flush = {&whole, 1, true, true, table->asid != 0};

    struct tour tour = quire_tour_begin(table);
    unsigned level;
    quire_pa pa;

    table->host->tlb_flush(table->host->context, &flush);
    while ((level = quire_tour_next(&tour, &pa)) != 0) {
        table_event(table, QUIRE_EVENT_TABLE_FREED, level, pa);
        host_free_table(table->host, quire_table_order(table->format, level), pa);
    }
    table->tables = 0;
    table->table_bytes = 0;
}

/* A processor would run on entries that `from` has no more. */
static void check_inherited(const struct quire_table *table)
{
#ifdef QUIRE_DEBUG
    if (quire_inherited_differs(table) != level_entries(table->format, 1)) {
        __builtin_trap();
    }
#else
    (void)table;
#endif
}

void quire_table_activate(const struct quire_table *table)
{
    check_inherited(table);
    table->host->activate(table->host->context, table->root, table->asid);
}

enum quire_status quire_table_adopt(struct quire_table *table, const struct quire_format *format,
                                    const struct quire_host *host, uint16_t asid, quire_pa root)
{
    uint64_t bytes = quire_format_table_bytes(format, 1);
    struct tour tour;
    unsigned level;
    quire_pa pa;

    if (!quire_memory_has(&host->memory, root, bytes)) {
        return QUIRE_OUT_OF_RANGE;
    }
    *table = (struct quire_table){.format = format, .host = host, .root = root, .asid = asid};
    tour = quire_tour_begin(table);
    while ((level = quire_tour_next(&tour, &pa)) != 0) {
        table->tables++;
        table->table_bytes += quire_format_page_bytes(format) << quire_table_order(format, level);
    }
    return tour.lost == 0 ? QUIRE_OK : QUIRE_CORRUPT;
}

enum quire_status quire_table_query(const struct quire_table *table, quire_va va,
                                    struct quire_leaf *leaf)
{
    struct quire_mmu mmu = quire_table_mmu(table);
    struct quire_walk walk;
    enum quire_status status = quire_walk(&mmu, va, 0, &walk);

    if (status != QUIRE_OK) {
        return QUIRE_NOT_FOUND;
    }
    leaf->va = quire_va_at(va.at & ~(walk.page_bytes - 1));
    leaf->pa = quire_pa_at(walk.pa.at & ~(walk.page_bytes - 1));
    leaf->bytes = walk.page_bytes;
    leaf->attributes = quire_pte_attributes(table->format, walk.entry);
    leaf->level = walk.level;
    leaf->entry = walk.entry;
    return QUIRE_OK;
}
