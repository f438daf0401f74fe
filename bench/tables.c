/* Memory for page tables: see tables.h. */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { FRAME = 4096 };

static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct bench_tables *tables = context;

    if (order != 0 || tables->free == 0) {
        return QUIRE_NO_MEMORY;
    }
    *pa = quire_pa_at((uint64_t)tables->stack[--tables->free] * FRAME);
    return QUIRE_OK;
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct bench_tables *tables = context;

    (void)order;
    tables->stack[tables->free++] = (uint32_t)(pa.at / FRAME);
}

static void tlb_flush(void *context, const struct quire_flush *flush)
{
    (void)context;
    bench_keep(flush->ranges);
}

void bench_must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "quire: benchmark: %s: %s\n", what, quire_status_text(status));
        exit(2);
    }
}

void bench_tables_init(struct bench_tables *tables, uint32_t frames)
{
    memset(tables, 0, sizeof(*tables));
    tables->frames = frames;
    tables->ram = aligned_alloc(2 << 20, ((size_t)frames * FRAME + (2 << 20) - 1) >> 21 << 21);
    if (tables->ram == NULL) {
        bench_must(QUIRE_NO_MEMORY, "page tables");
    }
    memset(tables->ram, 0, (size_t)frames * FRAME);
    tables->stack = bench_memory(frames * sizeof(*tables->stack));
    tables->host.context = tables;
    tables->host.memory.direct = tables->ram;
    tables->host.memory.bytes = (uint64_t)frames * FRAME;
    tables->host.alloc_table = alloc_table;
    tables->host.free_table = free_table;
    tables->host.tlb_flush = tlb_flush;
}

void bench_tables_free(struct bench_tables *tables)
{
    free(tables->ram);
    free(tables->stack);
}

void bench_tables_reset(struct bench_tables *tables, const struct quire_format *format)
{
    for (uint32_t i = 0; i < tables->frames; i++) {
        tables->stack[i] = tables->frames - 1 - i;
    }
    tables->free = tables->frames;
    bench_must(quire_table_create(&tables->table, format, &tables->host, 0), "create");
    quire_batch_begin(&tables->batch, &tables->host);
}

void bench_tables_map(struct bench_tables *tables, uint64_t va, uint64_t pa, uint64_t bytes,
                      uint64_t largest_leaf)
{
    const struct quire_mapping mapping = {.va = quire_va_at(va),
                                          .pa = quire_pa_at(pa),
                                          .bytes = bytes,
                                          .attributes = QUIRE_RIGHTS,
                                          .largest_leaf = largest_leaf};

    bench_must(quire_table_map(&tables->table, &tables->batch, &mapping, NULL), "map");
}
