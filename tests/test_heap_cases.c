/* The heap: each promise of heap.h, one by one; and does validate see what is wrong? */
#include <string.h>
#include <sys/mman.h>

#include "src/heap/internal.h"
#include "tests/support/heap_pages.h"
#include "tests/support/unit.h"

struct bed {
    struct heap_pages pages;
    struct quire_heap heap;
    unsigned reports;
    struct quire_heap_report report; /* the last one */
};

static void note_report(void *context, const struct quire_heap_report *report)
{
    struct bed *bed = context;

    bed->reports++;
    bed->report = *report;
}

static void open_bed(struct bed *bed, enum heap_pages_kind kind)
{
    struct quire_heap_options options = {.report = note_report, .report_context = bed};

    memset(bed, 0, sizeof(*bed));
    heap_pages_open(&bed->pages, kind, 12, true);
    options.source = heap_pages_source(&bed->pages);
    check(quire_heap_init(&bed->heap, &options) == QUIRE_OK);
}

static void close_bed(struct bed *bed)
{
    check(quire_heap_validate(&bed->heap, NULL) == QUIRE_OK);
    quire_heap_destroy(&bed->heap);
    check(heap_pages_held(&bed->pages) == 0);
    heap_pages_close(&bed->pages);
}

static void *must_alloc(struct bed *bed, size_t bytes)
{
    void *block = quire_heap_alloc(&bed->heap, bytes);

    checkf(block != NULL, "%zu bytes", bytes);
    return block;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void init_refuses(void **unused)
{
    struct heap_pages pages;
    struct quire_heap_options good = {.report = NULL}, bad;
    struct quire_heap heap;

    (void)unused;
    heap_pages_open(&pages, PAGES_BRK, 12, true);
    good.source = heap_pages_source(&pages);
    bad = good;
    bad.source.get = NULL;
    check(quire_heap_init(&heap, &bad) == QUIRE_INVALID);
    bad = good;
    bad.source.give = NULL;
    check(quire_heap_init(&heap, &bad) == QUIRE_INVALID);
    for (unsigned shift = 0; shift < 64; shift++) {
        bad = good;
        bad.source.page_shift = (uint8_t)shift;
        check(quire_heap_init(&heap, &bad) ==
              (shift >= 10 && shift <= 16 ? QUIRE_OK : QUIRE_OUT_OF_RANGE));
    }
    check(pages.gets == 0);
    heap_pages_close(&pages);
}

static void impossible_requests(void **unused)
{
    static const size_t huge[] = {
        SIZE_MAX,    SIZE_MAX - 15,      SIZE_MAX - 4096,     SIZE_MAX / 2 + 1,
        PTRDIFF_MAX, PTRDIFF_MAX - 4096, HEAP_PAGES_BYTES + 1};
    struct bed bed;
    char *block;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    block = memset(must_alloc(&bed, 100), 'x', 100);
    for (unsigned i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        check(quire_heap_alloc(&bed.heap, huge[i]) == NULL);
        check(quire_heap_calloc(&bed.heap, 1, huge[i]) == NULL);
        check(quire_heap_realloc(&bed.heap, NULL, huge[i]) == NULL);
        check(quire_heap_realloc(&bed.heap, block, huge[i]) == NULL);
        for (size_t align = 1; align != 0; align <<= 1) {
            check(quire_heap_aligned(&bed.heap, align, huge[i]) == NULL);
        }
    }
    check(block[0] == 'x' && block[99] == 'x');
    check(quire_heap_calloc(&bed.heap, SIZE_MAX / 2 + 2, 2) == NULL);
    check(quire_heap_calloc(&bed.heap, (size_t)1 << (sizeof(size_t) * 4),
                            (size_t)1 << (sizeof(size_t) * 4)) == NULL);
    check(quire_heap_aligned(&bed.heap, PTRDIFF_MAX / 2 + 1, 1) == NULL);
    for (size_t align = 0; align < 5000; align++) {
        if ((align & (align - 1)) != 0 || align == 0) {
            check(quire_heap_aligned(&bed.heap, align, 16) == NULL);
        }
    }
    check(bed.heap.in_use == 112 && bed.heap.asked == 100);
    close_bed(&bed);
}

static void nothing_at_all(void **unused)
{
    struct bed bed;
    void *a, *b;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    quire_heap_free(&bed.heap, NULL);
    check(quire_heap_usable(&bed.heap, NULL) == 0);
    check(bed.pages.gets == 0);
    a = quire_heap_alloc(&bed.heap, 0);
    b = quire_heap_calloc(&bed.heap, 0, 7);
    check(a != NULL && b != NULL && a != b && quire_heap_usable(&bed.heap, a) == 16);
    check(quire_heap_realloc(&bed.heap, a, 0) == a);
    a = quire_heap_realloc(&bed.heap, a, 100);
    a = quire_heap_realloc(&bed.heap, a, 0);
    check(a != NULL && a != b);
    quire_heap_free(&bed.heap, a);
    quire_heap_free(&bed.heap, b);
    check(bed.heap.in_use == 0);
    close_bed(&bed);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void little_is_wasted(void **unused)
{
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    for (size_t bytes = 1; bytes < 300000; bytes += bytes < 5000 ? 1 : 997) {
        void *block = must_alloc(&bed, bytes);
        size_t usable = quire_heap_usable(&bed.heap, block);
        size_t most = bytes <= QUIRE_HEAP_SMALL    ? bytes + bytes / 4 + 15
                      : bytes <= QUIRE_HEAP_MEDIUM ? bytes + 1023
                                                   : bytes + 4095;

        checkf(usable >= bytes && usable <= most, "%zu of %zu, expected %zu at most", usable, bytes,
               most);
        check((uintptr_t)block % 16 == 0);
        quire_heap_free(&bed.heap, block);
    }
    close_bed(&bed);
}

static void alignment(void **unused)
{
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_RANDOM);
    for (size_t align = 1; align <= 4 << 20; align *= 2) {
        for (size_t bytes = 0; bytes < 400000; bytes = bytes * 2 + 1) {
            void *block[3];

            for (unsigned i = 0; i < 3; i++) {
                block[i] = quire_heap_aligned(&bed.heap, align, bytes);
                checkf(block[i] != NULL && (uintptr_t)block[i] % align == 0,
                       "%p for alignment %zu, %zu bytes", block[i], align, bytes);
                check(quire_heap_usable(&bed.heap, block[i]) >= bytes);
            }
            check(quire_heap_validate(&bed.heap, NULL) == QUIRE_OK);
            for (unsigned i = 0; i < 3; i++) {
                quire_heap_free(&bed.heap, block[i]);
            }
        }
    }
    check(bed.heap.in_use == 0 && bed.reports == 0);
    close_bed(&bed);
}

/* A program with few blocks, but of twenty sizes, touches few pages. */
static void small_programs_stay_small(void **unused)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    for (size_t bytes = 8; bytes <= 256; bytes += 8) {
        uintptr_t at = (uintptr_t)must_alloc(&bed, bytes);
        low = at < low ? at : low;
        high = at > high ? at : high;
    }
    checkf(high - low < 16 * UNIT, "blocks over %zu bytes", (size_t)(high - low));
    close_bed(&bed);
}

/* ---- realloc --------------------------------------------------------------------------------- */

static void medium_in_place(void **unused)
{
    struct bed bed;
    char *a, *b;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    a = memset(must_alloc(&bed, 5000), 'a', 5000);
    check(quire_heap_realloc(&bed.heap, a, 100000) == a); /* all after it is free */
    check(quire_heap_realloc(&bed.heap, a, 3000) == a);
    b = must_alloc(&bed, 3000);
    check(b == a + 3072); /* what a gave up was free again */
    check(quire_heap_realloc(&bed.heap, a, 4000) != a && quire_heap_usable(&bed.heap, b) == 3072);
    check(bed.heap.in_use == 4096 + 3072);
    close_bed(&bed);
}

static void large_in_place(void **unused)
{
    static const enum heap_pages_kind kinds[] = {PAGES_BRK, PAGES_ADJACENT};

    (void)unused;
    for (unsigned k = 0; k < 2; k++) {
        struct bed bed;
        size_t held;
        char *a;

        open_bed(&bed, kinds[k]);
        a = must_alloc(&bed, 1000000);
        held = heap_pages_held(&bed.pages);
        a[999999] = 'a';
        check(quire_heap_realloc(&bed.heap, a, 3000000) == a && a[999999] == 'a');
        check(heap_pages_held(&bed.pages) >= held + 2000000 - QUIRE_HEAP_WINDOW);
        check(quire_heap_realloc(&bed.heap, a, 200000) == a);
        check(heap_pages_held(&bed.pages) <= held - 800000 + QUIRE_HEAP_WINDOW);
        check(quire_heap_validate(&bed.heap, NULL) == QUIRE_OK);
        close_bed(&bed);
    }
}

/* Under a break, what is freed below others stays; it must serve again, whole or in parts. */
static void spares_serve(void **unused)
{
    char *a, *b, *c, *top;
    struct bed bed;
    size_t held;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    a = must_alloc(&bed, 1000000);
    b = must_alloc(&bed, 1000000);
    top = must_alloc(&bed, 200000);
    held = bed.heap.held;
    quire_heap_free(&bed.heap, b);
    check(bed.heap.held == held && bed.heap.spares != NULL);
    check(quire_heap_realloc(&bed.heap, a, 1500000) == a); /* into b's place */
    c = must_alloc(&bed, 150000);
    check(c > a && c < top && bed.heap.held == held);
    quire_heap_free(&bed.heap, a);
    quire_heap_free(&bed.heap, c);
    check(bed.heap.held == held && quire_heap_validate(&bed.heap, NULL) == QUIRE_OK);
    quire_heap_free(&bed.heap, top);
    quire_heap_trim(&bed.heap); /* now all of it goes */
    check(bed.heap.held == 0 && bed.heap.spares == NULL);
    close_bed(&bed);
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* The source only says that its pages are zeros: where they still are junk nobody touched them. */
static void fresh_zeros_are_not_touched(void **unused)
{
    static const size_t sizes[] = {100000, 1000000};
    struct quire_heap_options options = {.report = NULL};
    struct heap_pages pages;
    struct quire_heap heap;

    (void)unused;
    heap_pages_open(&pages, PAGES_ADJACENT, 12, false);
    pages.lies = true;
    options.source = heap_pages_source(&pages);
    check(quire_heap_init(&heap, &options) == QUIRE_OK);
    for (unsigned i = 0; i < 2; i++) {
        unsigned char *block = quire_heap_calloc(&heap, 1, sizes[i]);
        check(block != NULL && block[0] == 0x5a && block[sizes[i] - 1] == 0x5a);
    }
    quire_heap_destroy(&heap);
    heap_pages_close(&pages);
}

/* What may lie free does. */
static void what_is_kept(void **unused)
{
    struct bed bed;
    uint64_t given;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    bed.heap.options.keep = 1000000;
    must_alloc(&bed, 100);
    given = bed.pages.given;            /* at first there was a misfit */
    for (unsigned i = 0; i < 20; i++) { /* the same pages again and again */
        quire_heap_free(&bed.heap, must_alloc(&bed, 400000));
        quire_heap_free(&bed.heap, must_alloc(&bed, 90000));
        check(bed.pages.given == given && bed.heap.discarded == 0);
    }
    quire_heap_free(&bed.heap, must_alloc(&bed, 1000001));
    check(bed.pages.given > given + 1000000);
    close_bed(&bed);
}

/* All is freed in the order in which it came: without a word most of the memory goes back. */
static void windows_go_back(void **unused)
{
    enum { BLOCKS = 4000 };
    static void *block[BLOCKS];
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_DESCENDING);
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = must_alloc(&bed, 2000);
    }
    check(bed.heap.held > BLOCKS * 2000);
    for (unsigned i = 0; i < BLOCKS; i++) {
        quire_heap_free(&bed.heap, block[i]);
    }
    checkf(bed.heap.held <= BLOCKS * 2000 / 4, "%zu bytes are held", bed.heap.held);
    close_bed(&bed);
}

static void discarded(void **unused)
{
    enum { BLOCKS = 512 };
    struct quire_heap_statistics statistics;
    void *block[BLOCKS];
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = must_alloc(&bed, 4096);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (i % 16 != 0) {
            quire_heap_free(&bed.heap, block[i]);
        }
    }
    quire_heap_statistics(&bed.heap, &statistics);
    check(statistics.blocks == BLOCKS / 16 && statistics.in_use == BLOCKS / 16 * 4096);
    check(statistics.in_use_peak == BLOCKS * 4096 && statistics.asked == BLOCKS * 4096);
    /* Three quarters of what was freed at least, without being told to. */
    check(statistics.discarded >= (BLOCKS - BLOCKS / 16) * 4096 / 4 * 3 - QUIRE_HEAP_WINDOW);
    quire_heap_trim(&bed.heap);
    quire_heap_statistics(&bed.heap, &statistics);
    /* A block that does not begin on a page keeps two: the units beside it cannot go. */
    check(statistics.discarded >= (BLOCKS - BLOCKS / 16 * 2) * 4096);
    for (unsigned i = 0; i < BLOCKS; i += 16) {
        quire_heap_free(&bed.heap, block[i]);
    }
    check(bed.heap.in_use == 0 && bed.heap.held != 0); /* a few pages may be wanted again */
    quire_heap_trim(&bed.heap);
    quire_heap_statistics(&bed.heap, &statistics);
    check(statistics.held == 0 && statistics.given_back == bed.pages.got);
    close_bed(&bed);
}

/*
 * Bookkeeping stays out of the blocks: while they cannot be touched at all, they are freed, others
 * are handed out, and everything is validated.
 */
static void free_memory_is_not_touched(void **unused)
{
    enum { BLOCKS = 3000, PAGE = 4096 };
    struct prng prng = prng_new(1);
    void *block[BLOCKS];
    struct bed bed;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    bed.heap.options.source.discard = NULL; /* this one writes */
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = must_alloc(&bed, prng_below(&prng, prng_one_in(&prng, 50) ? 20000 : 800));
    }
    for (const struct heap_region *r = bed.heap.regions; r != NULL; r = r->next) {
        size_t records = round_up(sizeof(struct heap_window), PAGE);
        check(mprotect((unsigned char *)(uintptr_t)r + records, WINDOW - records, PROT_NONE) == 0);
    }
    for (unsigned i = 0; i < 4 * BLOCKS; i++) {
        void **any = &block[prng_below(&prng, BLOCKS)];
        quire_heap_free(&bed.heap, *any);
        *any = must_alloc(&bed, prng_below(&prng, 500));
    }
    check(quire_heap_validate(&bed.heap, NULL) == QUIRE_OK);
    for (unsigned i = 0; i < BLOCKS; i++) {
        quire_heap_free(&bed.heap, block[i]);
    }
    check(bed.heap.in_use == 0 && bed.reports == 0);
    for (const struct heap_region *r = bed.heap.regions; r != NULL; r = r->next) {
        check(mprotect((void *)(uintptr_t)r, WINDOW, PROT_READ | PROT_WRITE) == 0);
    }
    close_bed(&bed);
}

/* ---- mistakes that are seen without checking ------------------------------------------------- */

static void double_free_of_a_small_block(void **unused)
{
    struct bed bed;
    char *a, *b;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    a = must_alloc(&bed, 40);
    b = must_alloc(&bed, 40);
    quire_heap_free(&bed.heap, a);
    check(bed.reports == 0);
    quire_heap_free(&bed.heap, a);
    check(bed.reports == 1 && bed.report.mistake == QUIRE_HEAP_DOUBLE_FREE && bed.report.at == a);
    check(bed.heap.in_use == 48 && must_alloc(&bed, 40) == a);
    quire_heap_free(&bed.heap, b);
    close_bed(&bed);
}

static void within_larger_blocks(void **unused)
{
    struct bed bed;
    char *a, *b;

    (void)unused;
    open_bed(&bed, PAGES_BRK);
    a = must_alloc(&bed, 10000);
    b = must_alloc(&bed, 1000000);
    quire_heap_free(&bed.heap, a + 5000);
    check(bed.reports == 1 && bed.report.mistake == QUIRE_HEAP_INTERIOR);
    check(bed.report.at == a + 5000 && bed.report.block == a);
    quire_heap_free(&bed.heap, b + 16);
    check(bed.reports == 2 && bed.report.mistake == QUIRE_HEAP_WILD && bed.report.at == b + 16);
    check(quire_heap_realloc(&bed.heap, b + 16, 10) == NULL && bed.reports == 3);
    check(quire_heap_usable(&bed.heap, b + 16) == 0 && bed.reports == 4);
    check(bed.heap.in_use >= 1010000);
    close_bed(&bed);
}

static void mistakes_have_names(void **unused)
{
    (void)unused;
    for (unsigned a = 0; a < QUIRE_HEAP_MISTAKES + 2; a++) {
        const char *text = quire_heap_mistake_text((enum quire_heap_mistake)a);
        check(text != NULL && text[0] != '\0');
        for (unsigned b = 0; b < a && a <= QUIRE_HEAP_MISTAKES; b++) {
            check(strcmp(text, quire_heap_mistake_text((enum quire_heap_mistake)b)) != 0);
        }
    }
}

/* ---- validate -------------------------------------------------------------------------------- */

struct victims {
    struct quire_heap *heap;
    struct heap_window *window;
    struct heap_run *slab; /* of class 2, with room */
    struct heap_run *medium;
    struct heap_region *large;
};

#define FIELD(name, expression) \
    static void *name(const struct victims *v) \
    { \
        return &(expression); \
    }
FIELD(slab_free, v->slab->free)
FIELD(slab_size, v->slab->size)
FIELD(slab_units, v->slab->units)
FIELD(slab_missing, v->slab->missing)
FIELD(slab_reciprocal, v->slab->reciprocal)
FIELD(slab_prev, v->slab->prev)
FIELD(slab_next, v->slab->next)
FIELD(medium_units, v->medium->units)
FIELD(medium_size, v->medium->size)
FIELD(window_bin, v->window->bin)
FIELD(window_longest, v->window->longest)
FIELD(window_free, v->window->free[3])
FIELD(window_record, v->window->free[0])
FIELD(window_head, v->window->head[v->medium - v->window->runs + 1])
FIELD(region_kind, v->large->kind)
FIELD(region_bytes, v->large->bytes)
FIELD(region_front, v->large->front)
FIELD(region_offset, v->large->offset)
FIELD(region_prev, v->large->prev)
FIELD(heap_in_use, v->heap->in_use)
FIELD(heap_held, v->heap->held)
FIELD(heap_bins_used, v->heap->bins_used)
FIELD(heap_bins, v->heap->bins[3])
FIELD(heap_partial, v->heap->partial[2])
FIELD(heap_slabs, v->heap->slabs[2])

/* Each is wrong when a bit of its first byte is turned over. */
static const struct damage {
    const char *what;
    void *(*where)(const struct victims *v);
} damages[] = {
    {"slab: free", slab_free},
    {"slab: size", slab_size},
    {"slab: units", slab_units},
    {"slab: missing", slab_missing},
    {"slab: reciprocal", slab_reciprocal},
    {"slab: prev", slab_prev},
    {"slab: next", slab_next},
    {"medium: units", medium_units},
    {"medium: size", medium_size},
    {"window: bin", window_bin},
    {"window: longest", window_longest},
    {"window: free", window_free},
    {"window: record", window_record},
    {"window: head", window_head},
    {"region: kind", region_kind},
    {"region: bytes", region_bytes},
    {"region: front", region_front},
    {"region: offset", region_offset},
    {"region: prev", region_prev},
    {"heap: in_use", heap_in_use},
    {"heap: held", heap_held},
    {"heap: bins_used", heap_bins_used},
    {"heap: bins", heap_bins},
    {"heap: partial", heap_partial},
    {"heap: slabs", heap_slabs},
};

static struct heap_run *run_holding(void *block)
{
    struct heap_window *window = window_of(block);

    return &window->runs[window->head[unit_of(block)]];
}

static void validate_sees(void **unused)
{
    struct bed bed;
    void *small[100];
    char *medium, *large;
    struct victims victims;

    (void)unused;
    open_bed(&bed, PAGES_ADJACENT);
    for (unsigned i = 0; i < 100; i++) {
        small[i] = must_alloc(&bed, 48);
    }
    medium = must_alloc(&bed, 5000);
    large = must_alloc(&bed, 500000);
    for (unsigned i = 0; i < 100; i += 3) {
        quire_heap_free(&bed.heap, small[i]);
    }
    victims = (struct victims){&bed.heap, window_of(medium), bed.heap.partial[2],
                               run_holding(medium), (struct heap_region *)window_of(large)};
    check(victims.slab != NULL && victims.slab->next != NULL);
    for (unsigned i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        unsigned char *byte = damages[i].where(&victims);

        check(quire_heap_validate(&bed.heap, NULL) == QUIRE_OK);
        *byte ^= 1;
        checkf(quire_heap_validate(&bed.heap, NULL) == QUIRE_CORRUPT, "%s", damages[i].what);
        *byte ^= 1;
    }
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses),
        cmocka_unit_test(impossible_requests),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(little_is_wasted),
        cmocka_unit_test(alignment),
        cmocka_unit_test(small_programs_stay_small),
        cmocka_unit_test(medium_in_place),
        cmocka_unit_test(large_in_place),
        cmocka_unit_test(spares_serve),
        cmocka_unit_test(fresh_zeros_are_not_touched),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(windows_go_back),
        cmocka_unit_test(discarded),
        cmocka_unit_test(free_memory_is_not_touched),
        cmocka_unit_test(double_free_of_a_small_block),
        cmocka_unit_test(within_larger_blocks),
        cmocka_unit_test(mistakes_have_names),
        cmocka_unit_test(validate_sees),
    };

    return unit_run(tests);
}
