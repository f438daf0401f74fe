/*
 * Memory for page tables that costs nothing to get: frames from a stack, touched beforehand. What
 * is measured is then the work on tables, not an allocator.
 */
#ifndef QUIRE_BENCH_TABLES_H
#define QUIRE_BENCH_TABLES_H

#include "quire/table.h"

struct bench_tables {
    struct quire_host host;
    unsigned char *ram; /* physical memory from address 0 on */
    uint32_t frames;
    uint32_t *stack; /* frames that are free; taken from the end */
    uint32_t free;
    struct quire_table table;
    struct quire_batch batch;
};

/* Memory of so many 4 KiB frames. */
void bench_tables_init(struct bench_tables *tables, uint32_t frames);
void bench_tables_free(struct bench_tables *tables);

/* A new, empty page table; whatever was there is forgotten. */
void bench_tables_reset(struct bench_tables *tables, const struct quire_format *format);

/* Maps, or says why not and exits. largest_leaf: 0 for the largest that fits. */
void bench_tables_map(struct bench_tables *tables, uint64_t va, uint64_t pa, uint64_t bytes,
                      uint64_t largest_leaf);

/* Exits with a message unless it went well. */
void bench_must(enum quire_status status, const char *what);

#endif
