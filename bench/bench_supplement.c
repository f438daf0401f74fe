/*
 * The supplemental page table against two other ways to keep a record for each page: a hash table
 * and a linear array (tools/quire/supplement_size.h says how they are made), on the pages of real
 * traces and of layouts that are made up: one dense, two with pages far from each other in 48 bits.
 *
 * What a process does: its pages come one by one, in the order of the trace; each time it goes to
 * another page, that one is looked up; its regions are gone through one by one; and at its exit
 * every record is visited, for the frames and slots behind it, before all is freed. All functions
 * are called, none is inlined: quire's are in a library, too.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tools/quire/replay_shadow.h"
#include "tools/quire/supplement_size.h"
#include "tools/quire/trace.h"
#include "traces.h"

enum {
    SEQUENCE_MAX = 1 << 20,
    COPIES_MAX = 32,        /* processes with the same layout: one alone is over too soon */
    PAGES_ENOUGH = 1 << 15, /* of all copies */
    REGION_GAP = 16,        /* untouched pages that are still within a region */
    LINEAR_BITS_MAX = 20,   /* larger address spaces cannot have a linear array */
    BATCH = 1024
};

/* A process: where its pages are, and how it goes from one to the other. */
struct layout {
    const char *name;
    const struct quire_format *format;
    uint64_t *page; /* in the order of their first use */
    size_t pages;
    uint64_t *sequence;
    size_t length;
    struct address_range *region; /* of page numbers */
    size_t regions;
};

static void out_of_luck(const char *what, const char *why)
{
    fprintf(stderr, "quire: benchmark: %s: %s\n", what, why);
    exit(1);
}

static unsigned vpn_bits(const struct layout *layout)
{
    return layout->format->va_bits - quire_format_page_shift(layout->format);
}

/* ---- the hash table -------------------------------------------------------------------------- */

struct hash {
    void *number;     /* page numbers, of 4 or 8 bytes */
    uint32_t *record; /* 0: the entry is free */
    size_t room;      /* entries, less one: a mask */
    size_t used;
    bool wide;
};

static uint64_t hash_number(const struct hash *hash, size_t i)
{
    return hash->wide ? ((const uint64_t *)hash->number)[i] : ((const uint32_t *)hash->number)[i];
}

static void hash_open(struct hash *hash, size_t entries, bool wide)
{
    hash->number = malloc(entries * (wide ? 8 : 4));
    hash->record = calloc(entries, sizeof(*hash->record));
    if (hash->number == NULL || hash->record == NULL) {
        out_of_luck("hash table", "no memory");
    }
    hash->room = entries - 1;
    hash->used = 0;
    hash->wide = wide;
}

static void hash_close(struct hash *hash)
{
    free(hash->number);
    free(hash->record);
}

/* The entry of the page, or the free one where it would be. */
static inline size_t hash_place(const struct hash *hash, uint64_t vpn)
{
    size_t i =
        (size_t)(vpn * 0x9e3779b97f4a7c15 >> 32) & hash->room; /* Fibonacci hashing (Knuth) */

    while (hash->record[i] != 0 && hash_number(hash, i) != vpn) {
        i = (i + 1) & hash->room;
    }
    return i;
}

static void hash_put(struct hash *hash, uint64_t vpn, uint32_t record)
{
    size_t i = hash_place(hash, vpn);

    hash->used += hash->record[i] == 0;
    hash->record[i] = record;
    if (hash->wide) {
        ((uint64_t *)hash->number)[i] = vpn;
    } else {
        ((uint32_t *)hash->number)[i] = (uint32_t)vpn;
    }
}

static void hash_grow(struct hash *hash)
{
    struct hash old = *hash;

    hash_open(hash, (old.room + 1) * 2, old.wide);
    for (size_t i = 0; i <= old.room; i++) {
        if (old.record[i] != 0) {
            hash_put(hash, hash_number(&old, i), old.record[i]);
        }
    }
    hash_close(&old);
}

/* ---- all three ------------------------------------------------------------------------------- */

union store {
    struct quire_supplement radix;
    struct hash hash;
    uint32_t *linear;
};

struct bed {
    struct layout layout;
    struct supplement_memory memory; /* for radix */
    union store store[COPIES_MAX];
    unsigned copies;
    bool filled;
};

struct kind {
    const char *name;
    void (*create)(struct bed *bed, union store *store);
    void (*destroy)(union store *store);
    void (*set)(union store *store, uint64_t vpn, uint32_t number);
    uint32_t (*get)(const union store *store, uint64_t vpn);
    uint64_t (*visit)(const union store *store, uint64_t first, uint64_t end); /* records found */
};

#define CALLED __attribute__((noinline)) static

CALLED void radix_create(struct bed *bed, union store *store)
{
    if (quire_supplement_create(&store->radix, &bed->memory.host, vpn_bits(&bed->layout)) !=
        QUIRE_OK) {
        out_of_luck("supplement", "no memory");
    }
}

CALLED void radix_destroy(union store *store)
{
    quire_supplement_destroy(&store->radix);
}

CALLED void radix_set(union store *store, uint64_t vpn, uint32_t number)
{
    struct quire_record record = {QUIRE_RECORD_FRAME, false, number};

    if (quire_supplement_reserve(&store->radix, vpn) != QUIRE_OK) {
        out_of_luck("supplement", "no memory");
    }
    quire_supplement_set(&store->radix, vpn, record);
}

CALLED uint32_t radix_get(const union store *store, uint64_t vpn)
{
    return quire_supplement_get(&store->radix, vpn).number;
}

CALLED uint64_t radix_visit(const union store *store, uint64_t first, uint64_t end)
{
    struct quire_record record;
    uint64_t found = 0;

    for (; quire_supplement_next(&store->radix, &first, end, &record); first++) {
        bench_keep(record.number);
        found++;
    }
    return found;
}

CALLED void hash_create(struct bed *bed, union store *store)
{
    hash_open(&store->hash, SUPPLEMENT_HASH_FIRST,
              supplement_hash_entry(vpn_bits(&bed->layout)) > 8);
}

CALLED void hash_destroy(union store *store)
{
    hash_close(&store->hash);
}

CALLED void hash_set(union store *store, uint64_t vpn, uint32_t number)
{
    struct hash *hash = &store->hash;

    hash_put(hash, vpn, number);
    if (hash->used > (hash->room + 1) / 4 * 3) {
        hash_grow(hash);
    }
}

CALLED uint32_t hash_get(const union store *store, uint64_t vpn)
{
    return store->hash.record[hash_place(&store->hash, vpn)];
}

/* Page after page, or all of the table, whichever is less. */
CALLED uint64_t hash_visit(const union store *store, uint64_t first, uint64_t end)
{
    const struct hash *hash = &store->hash;
    uint64_t found = 0;

    if (end - first <= hash->room) {
        for (uint64_t vpn = first; vpn < end; vpn++) {
            uint32_t record = hash->record[hash_place(hash, vpn)];
            bench_keep(record);
            found += record != 0;
        }
        return found;
    }
    for (size_t i = 0; i <= hash->room; i++) {
        if (hash->record[i] != 0 && hash_number(hash, i) - first < end - first) {
            bench_keep(hash->record[i]);
            found++;
        }
    }
    return found;
}

CALLED void linear_create(struct bed *bed, union store *store)
{
    size_t bytes = (size_t)SUPPLEMENT_RECORD << vpn_bits(&bed->layout);

    store->linear = bench_memory(bytes);
    memset(store->linear, 0, bytes);
}

CALLED void linear_destroy(union store *store)
{
    free(store->linear);
}

CALLED void linear_set(union store *store, uint64_t vpn, uint32_t number)
{
    store->linear[vpn] = number;
}

CALLED uint32_t linear_get(const union store *store, uint64_t vpn)
{
    return store->linear[vpn];
}

CALLED uint64_t linear_visit(const union store *store, uint64_t first, uint64_t end)
{
    uint64_t found = 0;

    for (uint64_t vpn = first; vpn < end; vpn++) {
        if (store->linear[vpn] != 0) {
            bench_keep(store->linear[vpn]);
            found++;
        }
    }
    return found;
}

static const struct kind radix = {
    "quire's radix tree", radix_create, radix_destroy, radix_set, radix_get, radix_visit};
static const struct kind hash = {"hash table", hash_create, hash_destroy,
                                 hash_set,     hash_get,    hash_visit};
static const struct kind linear = {"linear array", linear_create, linear_destroy,
                                   linear_set,     linear_get,    linear_visit};

/* ---- what is measured: once for each kind, which the compiler knows -------------------------- */

#define WITH_EACH __attribute__((always_inline)) static inline

WITH_EACH void fill(struct bed *bed, const struct kind *kind)
{
    for (unsigned copy = 0; copy < bed->copies && !bed->filled; copy++) {
        kind->create(bed, &bed->store[copy]);
        for (size_t i = 0; i < bed->layout.pages; i++) {
            kind->set(&bed->store[copy], bed->layout.page[i], (uint32_t)i + 1);
        }
    }
    bed->filled = true;
}

WITH_EACH void empty(struct bed *bed, const struct kind *kind)
{
    for (unsigned copy = 0; copy < bed->copies && bed->filled; copy++) {
        kind->destroy(&bed->store[copy]);
    }
    bed->filled = false;
}

static uint64_t all_pages(const struct bed *bed)
{
    return bed->layout.pages * bed->copies;
}

WITH_EACH uint64_t insert(struct bed *bed, const struct kind *kind)
{
    fill(bed, kind);
    return all_pages(bed);
}

WITH_EACH uint64_t look_up(struct bed *bed, const struct kind *kind)
{
    uint64_t missing = 0;

    for (size_t i = 0; i < bed->layout.length; i++) {
        missing += kind->get(&bed->store[0], bed->layout.sequence[i]) == 0;
    }
    if (missing != 0) {
        out_of_luck(kind->name, "a page has no record");
    }
    return bed->layout.length;
}

static void expect_all(const struct bed *bed, const struct kind *kind, uint64_t found)
{
    if (found != all_pages(bed)) {
        out_of_luck(kind->name, "not every record was visited once");
    }
}

WITH_EACH uint64_t go_through_regions(struct bed *bed, const struct kind *kind)
{
    uint64_t found = 0;

    for (unsigned copy = 0; copy < bed->copies; copy++) {
        for (size_t i = 0; i < bed->layout.regions; i++) {
            const struct address_range *region = &bed->layout.region[i];
            found += kind->visit(&bed->store[copy], region->first, region->last + 1);
        }
    }
    expect_all(bed, kind, found);
    return found;
}

WITH_EACH uint64_t leave(struct bed *bed, const struct kind *kind)
{
    uint64_t found = 0;

    for (unsigned copy = 0; copy < bed->copies; copy++) {
        found += kind->visit(&bed->store[copy], 0, UINT64_C(1) << vpn_bits(&bed->layout));
    }
    expect_all(bed, kind, found);
    empty(bed, kind);
    return found;
}

#define MEASURED(kind) \
    static void kind##_full(void *bed) \
    { \
        fill(bed, &kind); \
    } \
    static void kind##_empty(void *bed) \
    { \
        empty(bed, &kind); \
    } \
    static uint64_t kind##_look_up(void *bed) \
    { \
        return look_up(bed, &kind); \
    } \
    static uint64_t kind##_insert(void *bed) \
    { \
        return insert(bed, &kind); \
    } \
    static uint64_t kind##_regions(void *bed) \
    { \
        return go_through_regions(bed, &kind); \
    } \
    static uint64_t kind##_leave(void *bed) \
    { \
        return leave(bed, &kind); \
    }

MEASURED(radix)
MEASURED(hash)
MEASURED(linear)

/* ---- layouts --------------------------------------------------------------------------------- */

static int compare_pages(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Regions are what touched pages, and small gaps between them, cover. */
static void find_regions(struct layout *layout)
{
    uint64_t *sorted = bench_memory(layout->pages * sizeof(*sorted));

    memcpy(sorted, layout->page, layout->pages * sizeof(*sorted));
    qsort(sorted, layout->pages, sizeof(*sorted), compare_pages);
    layout->region = bench_memory(layout->pages * sizeof(*layout->region));
    layout->regions = 0;
    for (size_t i = 0; i < layout->pages; i++) {
        if (i == 0 || sorted[i] - sorted[i - 1] > REGION_GAP) {
            layout->region[layout->regions++].first = sorted[i];
        }
        layout->region[layout->regions - 1].last = sorted[i];
    }
    free(sorted);
}

static void layout_open(struct layout *layout, const char *name, const struct quire_format *format,
                        size_t room)
{
    *layout = (struct layout){.name = name, .format = format};
    layout->page = bench_memory(room * sizeof(*layout->page));
    layout->sequence = bench_memory(SEQUENCE_MAX * sizeof(*layout->sequence));
}

/* One reference: its page may be a new one, and another than the last. */
static void add_reference(struct layout *layout, struct shadow *shadow, uint64_t vpn)
{
    size_t before = shadow->pages;

    if (shadow_page(shadow, vpn) == NULL || shadow->pages > SEQUENCE_MAX) {
        out_of_luck(layout->name, "too many pages");
    }
    if (shadow->pages > before) {
        layout->page[layout->pages++] = vpn;
    }
    if (layout->length < SEQUENCE_MAX &&
        (layout->length == 0 || vpn != layout->sequence[layout->length - 1])) {
        layout->sequence[layout->length++] = vpn;
    }
}

static void layout_of_trace(struct layout *layout, const char *path,
                            const struct quire_format *format)
{
    static struct trace_record batch[BATCH];
    unsigned shift = quire_format_page_shift(format);
    struct trace *trace = trace_open(path);
    struct shadow shadow;
    size_t n;

    layout_open(layout, path, format, SEQUENCE_MAX);
    if (!shadow_open(&shadow, SHADOW_OF_NUMBERS, shift)) {
        out_of_luck(path, "no memory");
    }
    while ((n = trace_read(trace, batch, BATCH)) != 0) {
        for (size_t i = 0; i < n; i++) {
            add_reference(layout, &shadow, batch[i].address >> shift);
        }
    }
    if (trace_error(trace) != NULL) {
        out_of_luck("trace", trace_error(trace));
    }
    shadow_close(&shadow);
    trace_close(trace);
}

/* `runs` stretches of `each` pages, a power of two, anywhere in the lower half of the addresses;
 * all are used at random. */
static void layout_made_up(struct layout *layout, const char *name,
                           const struct quire_format *format, unsigned runs, unsigned each)
{
    uint64_t seed = runs;

    layout_open(layout, name, format, (size_t)runs * each);
    for (unsigned run = 0; run < runs; run++) {
        uint64_t any = bench_random(&seed) >> (64 - (vpn_bits(layout) - 1));
        for (unsigned i = 0; i < each; i++) {
            layout->page[layout->pages++] = (any & ~(uint64_t)(each - 1)) + i;
        }
    }
    while (layout->length < SEQUENCE_MAX / 4) {
        layout->sequence[layout->length++] = layout->page[bench_random(&seed) % layout->pages];
    }
}

/* ---- one layout after the other -------------------------------------------------------------- */

static void print_bytes(const char *what, uint64_t bytes, uint64_t pages)
{
    printf("  %-36s %10.1f bytes/page     (%s)\n", what, (double)bytes / (double)pages,
           grouped(bytes).text);
}

/* What they take, and how many frames the radix tree needs. */
static uint64_t measure_bytes(const struct layout *layout)
{
    unsigned shift = quire_format_page_shift(layout->format);
    struct address_range *range = bench_memory(layout->pages * sizeof(*range));
    struct supplement_size size;
    struct problem problem;

    for (size_t i = 0; i < layout->pages; i++) {
        range[i].first = layout->page[i] << shift;
        range[i].last = range[i].first;
    }
    if (!supplement_size(layout->format, range, layout->pages, &size, &problem)) {
        out_of_luck(layout->name, problem.text);
    }
    free(range);
    printf("\n%s: %s pages", layout->name, grouped(layout->pages).text);
    printf(" in %s regions, %s\n", grouped(layout->regions).text, layout->format->name);
    printf("memory\n");
    print_bytes(radix.name, size.radix, size.pages);
    print_bytes(hash.name, size.hash, size.pages);
    print_bytes("hash table while it doubles", size.hash_growing, size.pages);
    print_bytes(linear.name, size.linear, size.pages);
    return size.radix >> shift;
}

struct measure {
    const char *title, *operation;
    uint64_t (*run[3])(void *bed);
    void (*prepare[3])(void *bed);
};

static const struct measure measures[] = {
    {"look up a page, each time that another one is used",
     "lookup",
     {radix_look_up, hash_look_up, linear_look_up},
     {radix_full, hash_full, linear_full}},
    {"begin with nothing, and insert every page",
     "page",
     {radix_insert, hash_insert, linear_insert},
     {radix_empty, hash_empty, linear_empty}},
    {"go through all regions",
     "page",
     {radix_regions, hash_regions, linear_regions},
     {radix_full, hash_full, linear_full}},
    {"exit: visit everything, then free it",
     "page",
     {radix_leave, hash_leave, linear_leave},
     {radix_full, hash_full, linear_full}},
};

static void measure(struct layout *layout)
{
    static const struct kind *const kinds[] = {&radix, &hash, &linear};
    static struct bed bed[3];
    size_t count = vpn_bits(layout) <= LINEAR_BITS_MAX ? 3 : 2;
    uint64_t nodes;
    unsigned copies;

    find_regions(layout);
    nodes = measure_bytes(layout);
    copies = (unsigned)(PAGES_ENOUGH / layout->pages);
    copies = copies < 1 ? 1 : copies > COPIES_MAX ? COPIES_MAX : copies;
    for (size_t i = 0; i < count; i++) {
        bed[i].layout = *layout;
        bed[i].copies = copies;
        bed[i].filled = false;
    }
    if (!supplement_memory_open(&bed[0].memory, (uint32_t)(nodes * copies),
                                quire_format_page_shift(layout->format))) {
        out_of_luck(layout->name, "no memory");
    }
    for (size_t m = 0; m < BENCH_CASES(measures); m++) {
        struct bench_case cases[3];

        for (size_t i = 0; i < count; i++) {
            cases[i] = (struct bench_case){kinds[i]->name, measures[m].run[i],
                                           measures[m].prepare[i], &bed[i]};
        }
        bench_group(measures[m].title, BENCH_NS, measures[m].operation, cases, count);
    }
    radix_empty(&bed[0]);
    hash_empty(&bed[1]);
    linear_empty(&bed[2]);
    supplement_memory_close(&bed[0].memory);
    free(layout->page);
    free(layout->sequence);
    free(layout->region);
}

int main(void)
{
    const char *small = bench_trace_at("examples/traces/perl-words.qtrace");
    const char *large = bench_trace();
    struct layout layout;

    if (small != NULL) {
        layout_of_trace(&layout, small, &quire_format_i386);
        measure(&layout);
    }
    if (large != NULL) {
        layout_of_trace(&layout, large, &quire_format_x86_64);
        measure(&layout);
    }
    layout_made_up(&layout, "one stretch of 64 MiB", &quire_format_i386, 1, 1 << 14);
    measure(&layout);
    layout_made_up(&layout, "stretches of 256 KiB, anywhere", &quire_format_x86_64, 256, 1 << 6);
    measure(&layout);
    layout_made_up(&layout, "single pages, anywhere", &quire_format_x86_64, 1 << 12, 1);
    measure(&layout);
    return 0;
}
