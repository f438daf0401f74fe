/* The heap's checking mode: each mistake is found, where it is and when it can be. */
#include <string.h>

#include "quire/heap.h"
#include "tests/support/heap_pages.h"
#include "tests/support/unit.h"

enum { REPORTS = 8 };

struct bed {
    struct heap_pages pages;
    struct quire_heap heap;
    unsigned reports;
    struct quire_heap_report report[REPORTS];
};

/* Blocks of each kind, with a size that fills its place and one that does not. */
static const size_t sizes[] = {1, 16, 40, 100, 1000, 1990, 3000, 70000, 130000, 500000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void note_report(void *context, const struct quire_heap_report *report)
{
    struct bed *bed = context;

    checkf(bed->reports < REPORTS, "one more report: %s", quire_heap_mistake_text(report->mistake));
    bed->report[bed->reports++] = *report;
}

static void open_bed(struct bed *bed, size_t quarantine)
{
    struct quire_heap_options options = {.report = note_report,
                                         .report_context = bed,
                                         .checker = &quire_heap_checking,
                                         .quarantine = quarantine};

    memset(bed, 0, sizeof(*bed));
    heap_pages_open(&bed->pages, PAGES_ADJACENT, 12, true);
    options.source = heap_pages_source(&bed->pages);
    check(quire_heap_init(&bed->heap, &options) == QUIRE_OK);
}

static void close_bed(struct bed *bed)
{
    quire_heap_destroy(&bed->heap);
    check(heap_pages_held(&bed->pages) == 0);
    heap_pages_close(&bed->pages);
}

static unsigned char *must_alloc(struct bed *bed, size_t bytes)
{
    unsigned char *block = quire_heap_alloc(&bed->heap, bytes);

    checkf(block != NULL, "%zu bytes", bytes);
    return block;
}

/* Exactly one report since the last time, and this one. */
static void expect(struct bed *bed, enum quire_heap_mistake mistake, const void *at,
                   const void *block, size_t bytes)
{
    const struct quire_heap_report *report = &bed->report[0];

    checkf(bed->reports == 1, "%u reports, expected 1 (%s)", bed->reports,
           quire_heap_mistake_text(mistake));
    checkf(report->mistake == mistake && report->at == at && report->block == block &&
               report->bytes == bytes,
           "%s at %p, block %p of %zu; expected %s at %p, block %p of %zu",
           quire_heap_mistake_text(report->mistake), report->at, report->block, report->bytes,
           quire_heap_mistake_text(mistake), at, block, bytes);
    bed->reports = 0;
}

static void expect_valid(struct bed *bed)
{
    check(quire_heap_validate(&bed->heap, NULL) == QUIRE_OK && bed->reports == 0);
}

/* ---- no mistakes ----------------------------------------------------------------------------- */

static void sound_programs_are_left_alone(void **unused)
{
    struct bed bed;

    (void)unused;
    open_bed(&bed, 10000);
    for (unsigned i = 0; i < SIZES; i++) {
        unsigned char *a = must_alloc(&bed, sizes[i]);
        unsigned char *b = quire_heap_calloc(&bed.heap, 1, sizes[i]);
        unsigned char *c = quire_heap_aligned(&bed.heap, 4096, sizes[i]);
        unsigned char *moved;

        check(quire_heap_usable(&bed.heap, a) == sizes[i]);
        check((uintptr_t)c % 4096 == 0 && b[0] == 0 && b[sizes[i] - 1] == 0);
        memset(a, 1, sizes[i]);
        memset(c, 3, sizes[i]);
        moved = quire_heap_realloc(&bed.heap, a, sizes[i] + 1);
        check(moved != NULL && moved != a && moved[0] == 1 && moved[sizes[i] - 1] == 1);
        moved[sizes[i]] = 1;
        expect_valid(&bed);
        quire_heap_free(&bed.heap, moved);
        quire_heap_free(&bed.heap, c);
        quire_heap_free(&bed.heap, b);
        quire_heap_free(&bed.heap, NULL);
        expect_valid(&bed);
    }
    quire_heap_trim(&bed.heap);
    check(bed.heap.in_use == 0 && bed.heap.held == 0 && bed.reports == 0);
    close_bed(&bed);
}

/* What one reads without having written it, or after it is gone, is not what was there. */
static void blocks_are_filled(void **unused)
{
    struct bed bed;
    unsigned char *a;

    (void)unused;
    open_bed(&bed, 1000);
    a = must_alloc(&bed, 50);
    check(a[0] == 0xad && a[49] == 0xad);
    memset(a, 7, 50);
    quire_heap_free(&bed.heap, a);
    check(a[0] == 0xdf && a[49] == 0xdf);
    check(must_alloc(&bed, 50) != a); /* it is in quarantine */
    close_bed(&bed);
}

static void quarantine_is_bounded(void **unused)
{
    struct bed bed;

    (void)unused;
    open_bed(&bed, 5000);
    for (unsigned i = 0; i < 1000; i++) {
        quire_heap_free(&bed.heap, must_alloc(&bed, i));
        check(bed.heap.quarantined <= 5000 && bed.heap.in_use == bed.heap.quarantined);
    }
    check(bed.heap.quarantined > 2500);
    expect_valid(&bed);
    close_bed(&bed);
}

/* ---- pointers -------------------------------------------------------------------------------- */

static void double_free(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++) {
        struct bed bed;
        unsigned char *a, *b;

        open_bed(&bed, 1 << 20);
        a = must_alloc(&bed, sizes[i]);
        b = must_alloc(&bed, sizes[i]);
        quire_heap_free(&bed.heap, a);
        quire_heap_free(&bed.heap, a);
        expect(&bed, QUIRE_HEAP_DOUBLE_FREE, a, a, sizes[i]);
        check(quire_heap_realloc(&bed.heap, a, 5) == NULL);
        expect(&bed, QUIRE_HEAP_DOUBLE_FREE, a, a, sizes[i]);
        expect_valid(&bed);
        quire_heap_free(&bed.heap, b);
        expect_valid(&bed);
        close_bed(&bed);
    }
}

/* Out of quarantine it is only known that the place is free. */
static void late_double_free(void **unused)
{
    struct bed bed;
    unsigned char *a;

    (void)unused;
    open_bed(&bed, 0);
    a = must_alloc(&bed, 100);
    must_alloc(&bed, 100);
    quire_heap_free(&bed.heap, a);
    quire_heap_free(&bed.heap, a);
    expect(&bed, QUIRE_HEAP_DOUBLE_FREE, a, NULL, 0);
    expect_valid(&bed);
    close_bed(&bed);
}

static void wild_pointers(void **unused)
{
    struct bed bed;
    unsigned char *a;
    void *const wild[] = {&bed, (void *)(uintptr_t)16, (void *)(uintptr_t)-16,
                          (void *)(uintptr_t)0x1234567};

    (void)unused;
    open_bed(&bed, 1000);
    for (unsigned round = 0; round < 2; round++) { /* without blocks and with some */
        for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {
            quire_heap_free(&bed.heap, wild[i]);
            expect(&bed, QUIRE_HEAP_WILD, wild[i], NULL, 0);
            check(quire_heap_usable(&bed.heap, wild[i]) == 0);
            expect(&bed, QUIRE_HEAP_WILD, wild[i], NULL, 0);
        }
        a = must_alloc(&bed, 100);
        must_alloc(&bed, 1000000);
    }
    a = (unsigned char *)((uintptr_t)a & ~(uintptr_t)(QUIRE_HEAP_WINDOW - 1));
    quire_heap_free(&bed.heap, a + 64); /* the heap's own records */
    expect(&bed, QUIRE_HEAP_WILD, a + 64, NULL, 0);
    expect_valid(&bed);
    close_bed(&bed);
}

static void interior_pointers(void **unused)
{
    (void)unused;
    for (unsigned i = 2; i < SIZES; i++) {
        const size_t offsets[] = {1, 16, sizes[i] / 2, sizes[i] - 1};
        struct bed bed;
        unsigned char *a;

        open_bed(&bed, 1000);
        a = memset(must_alloc(&bed, sizes[i]), 0, sizes[i]);
        for (unsigned o = 0; o < 4; o++) {
            quire_heap_free(&bed.heap, a + offsets[o]);
            expect(&bed, QUIRE_HEAP_INTERIOR, a + offsets[o], a, sizes[i]);
        }
        expect_valid(&bed);
        quire_heap_free(&bed.heap, a);
        expect_valid(&bed);
        close_bed(&bed);
    }
}

/* ---- contents -------------------------------------------------------------------------------- */

/* One byte at each distance from a block; found by validate, then by free, then not again. */
static void zones(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++) {
        for (int distance = -16; distance < 16; distance++) {
            const bool before = distance < 0;
            const enum quire_heap_mistake mistake =
                before ? QUIRE_HEAP_UNDERRUN : QUIRE_HEAP_OVERRUN;
            const void *found = NULL;
            unsigned char *a, *at;
            struct bed bed;

            open_bed(&bed, 1 << 20);
            a = must_alloc(&bed, sizes[i]);
            at = before ? a + distance : a + sizes[i] + distance;
            *at ^= 0x40;
            check(quire_heap_validate(&bed.heap, &found) == QUIRE_CORRUPT && found == at);
            expect(&bed, mistake, at, a, sizes[i]);
            quire_heap_free(&bed.heap, a);
            expect(&bed, mistake, at, a, sizes[i]);
            expect_valid(&bed);
            close_bed(&bed);
        }
    }
}

static void realloc_looks_too(void **unused)
{
    struct bed bed;
    unsigned char *a;

    (void)unused;
    open_bed(&bed, 1000);
    a = must_alloc(&bed, 100);
    a[100] = 1;
    check(quire_heap_realloc(&bed.heap, a, 200) != NULL);
    expect(&bed, QUIRE_HEAP_OVERRUN, a + 100, a, 100);
    close_bed(&bed);
}

/* Written while it waits: found by validate, and when it leaves the quarantine. */
static void use_after_free(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < SIZES; i++) {
        const void *found = NULL;
        struct bed bed;
        unsigned char *a, *at;

        open_bed(&bed, 1 << 20);
        a = must_alloc(&bed, sizes[i]);
        at = a + (sizes[i] < 4096 ? sizes[i] - 1 : 4095);
        quire_heap_free(&bed.heap, a);
        expect_valid(&bed);
        *at = 0;
        check(quire_heap_validate(&bed.heap, &found) == QUIRE_CORRUPT && found == at);
        expect(&bed, QUIRE_HEAP_USE_AFTER_FREE, at, a, sizes[i]);
        quire_heap_trim(&bed.heap);
        expect(&bed, QUIRE_HEAP_USE_AFTER_FREE, at, a, sizes[i]);
        check(bed.heap.in_use == 0);
        expect_valid(&bed);
        close_bed(&bed);
    }
}

/* A guard that was overwritten: the block, and the queue behind it, is left alone. */
static void broken_guards(void **unused)
{
    for (unsigned freed = 0; freed < 2; freed++) {
        struct bed bed;
        unsigned char *a, *b;

        (void)unused;
        open_bed(&bed, 1 << 20);
        a = must_alloc(&bed, 100);
        b = must_alloc(&bed, 100);
        if (freed) {
            quire_heap_free(&bed.heap, a);
            quire_heap_free(&bed.heap, b);
        }
        memset(a - 48 + (sizeof(void *) == 4 ? 16 : 0), 'x', 8);
        check(quire_heap_validate(&bed.heap, NULL) == QUIRE_CORRUPT && bed.reports == 1);
        check(bed.report[0].mistake == QUIRE_HEAP_UNDERRUN);
        bed.reports = 0;
        quire_heap_free(&bed.heap, a);
        check(bed.reports == 1 && bed.report[0].mistake == QUIRE_HEAP_UNDERRUN);
        bed.reports = 0;
        quire_heap_trim(&bed.heap);
        check(bed.reports == freed && bed.heap.in_use != 0);
        check(must_alloc(&bed, 100) != a);
        close_bed(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_programs_are_left_alone),
        cmocka_unit_test(blocks_are_filled),
        cmocka_unit_test(quarantine_is_bounded),
        cmocka_unit_test(double_free),
        cmocka_unit_test(late_double_free),
        cmocka_unit_test(wild_pointers),
        cmocka_unit_test(interior_pointers),
        cmocka_unit_test(zones),
        cmocka_unit_test(realloc_looks_too),
        cmocka_unit_test(use_after_free),
        cmocka_unit_test(broken_guards),
    };

    return unit_run(tests);
}
