/*
 * What it costs that the kernel sees every page table in its own addresses: taking one more table,
 * with a kernel that has all of memory mapped, with a window that has room, with one that must be
 * moved by remapping, and with one that is moved by copying its pages.
 */
#include "bench.h"
#include "tables.h"

#include "quire/formats.h"
#include "quire/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, MIB = 1 << 20, FRAMES = 24 << 10, SPACES_MOST = 512, ADDRESSES = 1 << 20 };

struct job {
    struct bench_tables tables; /* its host serves kernel and processes */
    unsigned pages;             /* of each window, before it grows: a power of two */
    unsigned spaces;
    struct quire_table kernel;
    struct quire_frames addresses;
    void *addresses_state;
    struct quire_registry registry;
    struct quire_registry_view view[SPACES_MOST];
    struct quire_table plain[SPACES_MOST];
    unsigned char *copies;
};

/* The n-th table of a process. */
static void map_region(struct quire_table *table, unsigned n)
{
    const struct quire_mapping mapping = {
        .va = quire_va_at((uint64_t)n * 4 * MIB), .bytes = PAGE, .attributes = QUIRE_RIGHTS};
    struct quire_batch batch = {0};

    quire_batch_begin(&batch, table->host);
    bench_must(quire_table_map(table, &batch, &mapping, NULL), "map");
    quire_batch_commit(&batch);
}

/* ---- before ---------------------------------------------------------------------------------- */

static void plain_spaces(void *context)
{
    struct job *job = context;

    bench_tables_reset(&job->tables, &quire_format_i386);
    for (unsigned i = 0; i < job->spaces; i++) {
        bench_must(quire_table_create(&job->plain[i], &quire_format_i386, &job->tables.host, 0),
                   "create");
        for (unsigned n = 0; n + 1 < job->pages; n++) {
            map_region(&job->plain[i], n);
        }
    }
}

static void registered(struct job *job, unsigned pages)
{
    bench_tables_reset(&job->tables, &quire_format_i386);
    bench_must(quire_registry_boot(&job->kernel, &quire_format_i386, &job->tables.host, MIB, MIB),
               "kernel");
    bench_must(quire_frames_init(&job->addresses, job->addresses_state,
                                 quire_frames_size(ADDRESSES), quire_pfn_of(0), ADDRESSES, 12),
               "addresses");
    bench_must(quire_frames_release(&job->addresses, quire_pfn_of(512), ADDRESSES - 512),
               "addresses");
    bench_must(
        quire_registry_init(&job->registry, &job->kernel, &job->tables.host, &job->addresses),
        "registry");
    for (unsigned i = 0; i < job->spaces; i++) {
        bench_must(quire_registry_create(&job->registry, 0, &job->view[i]), "space");
        for (unsigned n = 0; n + 1 < pages; n++) {
            map_region(&job->view[i].table, n);
        }
    }
}

/* The windows are full, and each but the last has a neighbour behind it. */
static void full_windows(void *context)
{
    registered(context, ((struct job *)context)->pages);
}

/* One page more than that: the room has doubled, and most of it is left. */
static void windows_with_room(void *context)
{
    registered(context, ((struct job *)context)->pages + 1);
}

/* ---- work ------------------------------------------------------------------------------------ */

static uint64_t grow_plain(void *context)
{
    struct job *job = context;

    for (unsigned i = 0; i < job->spaces; i++) {
        map_region(&job->plain[i], 1000);
    }
    return job->spaces;
}

static uint64_t grow_copying(void *context)
{
    struct job *job = context;
    size_t bytes = (size_t)job->pages * PAGE;

    for (unsigned i = 0; i < job->spaces; i++) {
        memcpy(job->copies + i * bytes, job->tables.ram + i * bytes, bytes);
        map_region(&job->plain[i], 1000);
    }
    bench_keep((uint64_t)job->copies[PAGE]);
    return job->spaces;
}

static uint64_t grow_windows(void *context)
{
    struct job *job = context;

    for (unsigned i = 0; i < job->spaces; i++) {
        map_region(&job->view[i].table, 1000);
    }
    return job->spaces;
}

/* The kernel address of the entry for the page that was mapped last. */
static uint64_t find_entries(void *context)
{
    struct job *job = context;
    quire_va at = {0};

    for (unsigned i = 0; i < job->spaces; i++) {
        quire_registry_entry(&job->view[i], quire_va_at((uint64_t)(job->pages - 2) * 4 * MIB), &at);
        bench_keep(at.at);
    }
    return job->spaces;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void measure(struct job *job, unsigned pages)
{
    const struct bench_case cases[] = {
        {"all of memory mapped", grow_plain, plain_spaces, job},
        {"window with room", grow_windows, windows_with_room, job},
        {"window moved by remapping", grow_windows, full_windows, job},
        {"window moved by copying", grow_copying, plain_spaces, job},
    };
    const struct bench_case finding[] = {{"find an entry", find_entries, full_windows, job}};
    char title[80];

    job->pages = pages;
    job->spaces = FRAMES / 3 / pages < SPACES_MOST ? FRAMES / 3 / pages : SPACES_MOST;
    snprintf(title, sizeof(title), "one more table for a process with %u", pages);
    bench_group(title, BENCH_NS, "table", cases, BENCH_CASES(cases));
    bench_table("its window", BENCH_NS, "entry", finding, BENCH_CASES(finding));
}

int main(void)
{
    struct job *job = bench_memory(sizeof(*job));

    bench_tables_init(&job->tables, FRAMES);
    job->addresses_state = bench_memory(quire_frames_size(ADDRESSES));
    job->copies = bench_memory((size_t)FRAMES / 3 * PAGE);
    memset(job->copies, 1, (size_t)FRAMES / 3 * PAGE);
    measure(job, 2);
    measure(job, 16);
    measure(job, 256);
    bench_tables_free(&job->tables);
    free(job->addresses_state);
    free(job->copies);
    free(job);
    return 0;
}
