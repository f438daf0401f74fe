/* The heap: random operations on every kind of source against what their user knows. */
#include "quire/heap.h"
#include "tests/support/heap_model.h"
#include "tests/support/heap_pages.h"
#include "tests/support/unit.h"

enum { ROOM = 400, LIVE_MOST = 6 << 20 };

struct setup {
    enum heap_pages_kind kind;
    unsigned page_shift;
    bool zeroed;
    const struct quire_heap_checker *checker;
};

static void no_report(void *context, const struct quire_heap_report *report)
{
    (void)context;
    checkf(false, "%s at %p, block %p of %zu bytes", quire_heap_mistake_text(report->mistake),
           report->at, report->block, report->bytes);
}

static void open_heap(struct quire_heap *heap, struct heap_pages *pages, struct setup setup)
{
    struct quire_heap_options options = {
        .report = no_report, .checker = setup.checker, .quarantine = 100000};

    heap_pages_open(pages, setup.kind, setup.page_shift, setup.zeroed);
    options.source = heap_pages_source(pages);
    check(quire_heap_init(heap, &options) == QUIRE_OK);
}

/* All sizes, small ones most; and what lies about the limits between kinds of blocks. */
static size_t random_size(struct prng *prng)
{
    static const size_t limits[] = {
        0, QUIRE_HEAP_SMALL, QUIRE_HEAP_MEDIUM, QUIRE_HEAP_WINDOW, 4096, QUIRE_HEAP_MEDIUM / 2};

    if (prng_one_in(prng, 10)) {
        return limits[prng_below(prng, 6)] + prng_below(prng, 200);
    }
    return prng_below(prng, (uint64_t)16 << prng_below(prng, prng_one_in(prng, 6) ? 16 : 9));
}

static void random_alloc(struct prng *prng, struct heap_model *model, unsigned id)
{
    size_t bytes = random_size(prng);

    if (model->live_bytes + bytes > LIVE_MOST) {
        return;
    }
    switch (prng_below(prng, 6)) {
    case 0: heap_model_calloc(model, id, 1 + bytes / 24, prng_below(prng, 24)); break;
    case 1: heap_model_aligned(model, id, (size_t)1 << prng_below(prng, 21), bytes); break;
    default: heap_model_alloc(model, id, bytes);
    }
}

static void random_realloc(struct prng *prng, struct heap_model *model, unsigned id)
{
    size_t had = model->blocks[id].bytes;
    size_t bytes = random_size(prng);

    if (prng_one_in(prng, 2)) { /* as arrays grow, or shrink by a little */
        bytes = prng_one_in(prng, 2) ? had + had / 2 : had - had / 8;
    }
    if (model->live_bytes + bytes <= LIVE_MOST) {
        heap_model_realloc(model, id, bytes);
    }
}

static void step(struct prng *prng, struct heap_model *model, unsigned pressure)
{
    unsigned id = (unsigned)prng_below(prng, model->room);

    if (prng_one_in(prng, 300)) {
        quire_heap_trim(model->heap);
    } else if (prng_one_in(prng, 5)) {
        random_realloc(prng, model, id);
    } else if (model->blocks[id].at == NULL && prng_below(prng, 16) < pressure) {
        random_alloc(prng, model, id);
    } else if (model->blocks[id].at != NULL && prng_below(prng, 16) >= pressure / 2) {
        heap_model_free(model, id);
    }
}

static void run_random(struct setup setup, uint64_t stream, unsigned steps)
{
    struct prng prng = prng_new(stream);
    unsigned pressure = 12;
    struct quire_heap heap;
    struct heap_pages pages;
    struct heap_model model;

    open_heap(&heap, &pages, setup);
    heap_model_open(&model, &heap, ROOM);
    for (unsigned i = 0; i < steps; i++) {
        pressure = prng_one_in(&prng, 150) ? (unsigned)prng_below(&prng, 17) : pressure;
        step(&prng, &model, pressure);
        if (i % 16 == 0) {
            heap_model_validate(&model);
            check(pages.got - pages.given == heap.held && heap.given_back == pages.given);
        }
        if (i % 256 == 0) {
            heap_model_check(&model);
        }
    }
    heap_model_check(&model);
    if (prng_one_in(&prng, 2)) {
        heap_model_free_all(&model);
        quire_heap_trim(&heap);
        heap_model_validate(&model);
        check(heap.in_use == 0 && heap.held == 0);
    }
    quire_heap_destroy(&heap);
    checkf(heap_pages_held(&pages) == 0, "%zu bytes were not given back", heap_pages_held(&pages));
    heap_model_close(&model);
    heap_pages_close(&pages);
}

static void run_kinds(const struct quire_heap_checker *checker, uint64_t stream, unsigned steps)
{
    static const unsigned shifts[] = {10, 11, 12, 14, 16};

    for (unsigned kind = 0; kind < PAGES_KINDS; kind++) {
        for (unsigned s = 0; s < sizeof shifts / sizeof shifts[0]; s++) {
            struct setup setup = {(enum heap_pages_kind)kind, shifts[s], (kind + s) % 2 == 0,
                                  checker};
            run_random(setup, stream + kind * 16 + s, steps * (shifts[s] == 12 ? 3 : 1));
        }
    }
}

static void random_plain(void **unused)
{
    (void)unused;
    run_kinds(NULL, 0x100, 350 * EFFORT);
}

static void random_checking(void **unused)
{
    (void)unused;
    run_kinds(&quire_heap_checking, 0x200, 200 * EFFORT);
}

/* The break is raised by someone else again and again: what is below can never go back. */
static void broken_break(void **unused)
{
    struct prng prng = prng_new(0x300);
    struct quire_heap heap;
    struct heap_pages pages;
    struct heap_model model;

    (void)unused;
    open_heap(&heap, &pages, (struct setup){PAGES_BRK, 12, true, NULL});
    heap_model_open(&model, &heap, ROOM);
    for (unsigned i = 0; i < 800 * EFFORT; i++) {
        step(&prng, &model, 9);
        if (prng_one_in(&prng, 100) && pages.break_page < pages.pages / 2) {
            heap_pages_foreign(&pages);
        }
        if (i % 16 == 0) {
            heap_model_validate(&model);
            check(heap_pages_held(&pages) == heap.held);
        }
    }
    heap_model_free_all(&model);
    quire_heap_trim(&heap);
    heap_model_validate(&model);
    check(heap.in_use == 0 && heap.held == heap_pages_held(&pages));
    heap_model_close(&model);
    heap_pages_close(&pages);
}

/* A long time in little memory: what is free must be found again, whatever the source's ways. */
static void does_not_leak(void **unused)
{
    (void)unused;
    for (unsigned kind = 0; kind < PAGES_KINDS; kind++) {
        struct prng prng = prng_new(0x400 + kind);
        struct quire_heap heap;
        struct heap_pages pages;
        struct heap_model model;

        open_heap(&heap, &pages, (struct setup){(enum heap_pages_kind)kind, 12, false, NULL});
        heap_model_open(&model, &heap, 40);
        for (unsigned i = 0; i < 1500 * EFFORT; i++) {
            unsigned id = (unsigned)prng_below(&prng, model.room);
            heap_model_free(&model, id);
            heap_model_alloc(&model, id, prng_below(&prng, 200000));
        }
        /* At worst each block has a region to itself, between spares that are just too small. */
        check(heap.held_peak <= 2 * 42 * 2 * (size_t)QUIRE_HEAP_WINDOW);
        heap_model_free_all(&model);
        quire_heap_destroy(&heap);
        check(heap_pages_held(&pages) == 0);
        heap_model_close(&model);
        heap_pages_close(&pages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plain),
        cmocka_unit_test(random_checking),
        cmocka_unit_test(broken_break),
        cmocka_unit_test(does_not_leak),
    };

    return unit_run(tests);
}
