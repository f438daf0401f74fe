/*
 * Mapping, protecting and unmapping long ranges against plain stores of the same bytes.
 *
 * The reference writes the entries that the operation writes, into memory of the same size, and
 * does nothing else: no table is looked up, nothing planned, nothing flushed, no frame taken. The
 * goal is at most 1 ns a page.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tables.h"

enum { KIB4 = 4096, MIB2 = 1 << 21, PAGES = 1 << 20 };

struct job {
    struct bench_tables tables;
    const struct quire_format *format;
    uint64_t va, leaf, leaves;
    unsigned char *plain; /* as many bytes as the entries take */
};

static uint64_t range_bytes(const struct job *job)
{
    return job->leaf * job->leaves;
}

/* ---- the reference --------------------------------------------------------------------------- */

static uint64_t plain_entries(void *context)
{
    struct job *job = context;

    if (job->format->pte_bytes == 8) {
        uint64_t *entry = (uint64_t *)(void *)job->plain;
        for (uint64_t i = 0; i < job->leaves; i++) {
            entry[i] = i * job->leaf | 7;
        }
    } else {
        uint32_t *entry = (uint32_t *)(void *)job->plain;
        for (uint64_t i = 0; i < job->leaves; i++) {
            entry[i] = (uint32_t)(i * job->leaf) | 7;
        }
    }
    bench_keep(job->plain[0]);
    return job->leaves;
}

static uint64_t plain_zeros(void *context)
{
    struct job *job = context;

    memset(job->plain, 0, job->leaves * job->format->pte_bytes);
    bench_keep(job->plain[0]);
    return job->leaves;
}

static uint64_t plain_rewrite(void *context)
{
    struct job *job = context;

    if (job->format->pte_bytes == 8) {
        uint64_t *entry = (uint64_t *)(void *)job->plain;
        for (uint64_t i = 0; i < job->leaves; i++) {
            entry[i] &= ~UINT64_C(2);
        }
    } else {
        uint32_t *entry = (uint32_t *)(void *)job->plain;
        for (uint64_t i = 0; i < job->leaves; i++) {
            entry[i] &= ~UINT32_C(2);
        }
    }
    bench_keep(job->plain[0]);
    return job->leaves;
}

/* ---- before ---------------------------------------------------------------------------------- */

static void empty(void *context)
{
    struct job *job = context;

    bench_tables_reset(&job->tables, job->format);
}

static void mapped(void *context)
{
    struct job *job = context;

    empty(context);
    bench_tables_map(&job->tables, job->va, 0, range_bytes(job), job->leaf);
}

/* ---- work ------------------------------------------------------------------------------------ */

static uint64_t map(void *context)
{
    struct job *job = context;

    bench_tables_map(&job->tables, job->va, 0, range_bytes(job), job->leaf);
    return job->leaves;
}

/* The same again, where the tables are there already. */
static uint64_t map_over(void *context)
{
    struct job *job = context;
    const struct quire_mapping mapping = {.va = quire_va_at(job->va),
                                          .pa = quire_pa_at(job->leaf),
                                          .bytes = range_bytes(job),
                                          .attributes = QUIRE_RIGHTS,
                                          .existing = QUIRE_EXISTING_REPLACE,
                                          .largest_leaf = job->leaf};

    bench_must(quire_table_map(&job->tables.table, &job->tables.batch, &mapping, NULL), "map");
    quire_batch_commit(&job->tables.batch);
    return job->leaves;
}

static uint64_t protect(void *context)
{
    struct job *job = context;

    bench_must(quire_table_protect(&job->tables.table, &job->tables.batch, quire_va_at(job->va),
                                   range_bytes(job), QUIRE_READ | QUIRE_EXECUTE | QUIRE_USER, NULL),
               "protect");
    quire_batch_commit(&job->tables.batch);
    return job->leaves;
}

static uint64_t unmap(void *context)
{
    struct job *job = context;

    bench_must(quire_table_unmap(&job->tables.table, &job->tables.batch, quire_va_at(job->va),
                                 range_bytes(job), NULL),
               "unmap");
    quire_batch_commit(&job->tables.batch);
    return job->leaves;
}

static void count(void *context, const struct quire_leaf *leaf)
{
    *(uint64_t *)context += leaf->bytes;
}

static uint64_t unmap_and_tell(void *context)
{
    struct job *job = context;
    uint64_t bytes = 0;
    const struct quire_visitor visitor = {count, &bytes};

    bench_must(quire_table_unmap(&job->tables.table, &job->tables.batch, quire_va_at(job->va),
                                 range_bytes(job), &visitor),
               "unmap");
    quire_batch_commit(&job->tables.batch);
    bench_keep(bytes);
    return job->leaves;
}

static uint64_t visit(void *context)
{
    struct job *job = context;
    uint64_t bytes = 0;
    const struct quire_visitor visitor = {count, &bytes};

    bench_must(
        quire_table_visit(&job->tables.table, quire_va_at(job->va), range_bytes(job), &visitor),
        "visit");
    bench_keep(bytes);
    return job->leaves;
}

static uint64_t harvest(void *context)
{
    struct job *job = context;

    bench_must(quire_table_harvest(&job->tables.table, &job->tables.batch, quire_va_at(job->va),
                                   range_bytes(job), QUIRE_MARKS, NULL),
               "harvest");
    quire_batch_commit(&job->tables.batch);
    return job->leaves;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void measure(const char *name, const struct quire_format *format, uint64_t va, uint64_t leaf,
                    uint64_t leaves)
{
    struct job job = {.format = format, .va = va, .leaf = leaf, .leaves = leaves};
    const struct bench_case maps[] = {
        {"plain stores", plain_entries, NULL, &job},
        {"map, new tables", map, empty, &job},
        {"map, replacing", map_over, mapped, &job},
    };
    const struct bench_case protects[] = {
        {"plain loop", plain_rewrite, NULL, &job},
        {"protect", protect, mapped, &job},
    };
    const struct bench_case unmaps[] = {
        {"memset", plain_zeros, NULL, &job},
        {"unmap", unmap, mapped, &job},
        {"unmap, visiting", unmap_and_tell, mapped, &job},
    };
    const struct bench_case looks[] = {
        {"visit", visit, mapped, &job},
        {"harvest (no marks set)", harvest, mapped, &job},
    };
    char title[96];

    bench_tables_init(&job.tables, (uint32_t)(leaves * format->pte_bytes / KIB4 * 2 + 64));
    job.plain = bench_memory(leaves * format->pte_bytes);
    snprintf(title, sizeof(title), "%s: map", name);
    bench_group(title, BENCH_NS, "leaf", maps, BENCH_CASES(maps));
    snprintf(title, sizeof(title), "%s: protect", name);
    bench_group(title, BENCH_NS, "leaf", protects, BENCH_CASES(protects));
    snprintf(title, sizeof(title), "%s: unmap", name);
    bench_group(title, BENCH_NS, "leaf", unmaps, BENCH_CASES(unmaps));
    snprintf(title, sizeof(title), "%s: look", name);
    bench_table(title, BENCH_NS, "leaf", looks, BENCH_CASES(looks));
    bench_tables_free(&job.tables);
    free(job.plain);
}

int main(void)
{
    measure("x86-64, 1 Mi pages of 4 KiB", &quire_format_x86_64, UINT64_C(0x7f0000000000), KIB4,
            PAGES);
    measure("x86-64, 128 Ki pages of 2 MiB", &quire_format_x86_64, UINT64_C(0x100000000000), MIB2,
            PAGES / 8);
    measure("i386, 896 Ki pages of 4 KiB", &quire_format_i386, 0x10000000, KIB4, PAGES / 8 * 7);
    return 0;
}
