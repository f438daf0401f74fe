/* The heap when its source refuses: the n-th time, for every n; and from the n-th time on. */
#include "src/heap/internal.h"
#include "tests/support/heap_model.h"
#include "tests/support/heap_pages.h"
#include "tests/support/unit.h"

enum { ROOM = 60, STEPS = 120, EACH = 13 - 3 * EFFORT };

struct run {
    enum heap_pages_kind kind;
    const struct quire_heap_checker *checker;
    uint64_t refuse_at, refuse_after;
};

struct outcome {
    uint64_t gets;
    unsigned refused;
};

/* The same steps in every run of one program. */
static bool step(struct prng *prng, struct heap_model *model, unsigned i)
{
    unsigned id = i % ROOM;
    size_t bytes = prng_one_in(prng, 4) ? 100000 + prng_below(prng, 200000)
                                        : prng_below(prng, (uint64_t)16 << prng_below(prng, 13));
    bool done = true;

    if (prng_one_in(prng, 3) && model->blocks[id].at != NULL) {
        done = heap_model_realloc(model, id, bytes);
    } else if (model->blocks[id].at != NULL) {
        heap_model_free(model, id);
    } else if (prng_one_in(prng, 4)) {
        done = heap_model_aligned(model, id, (size_t)1 << prng_below(prng, 20), bytes);
    } else if (prng_one_in(prng, 3)) {
        done = heap_model_calloc(model, id, 1, bytes);
    } else {
        done = heap_model_alloc(model, id, bytes);
    }
    return done;
}

static struct outcome run_steps(struct run run)
{
    struct quire_heap_options options = {.checker = run.checker, .quarantine = 50000};
    struct prng prng = {1234};
    struct outcome outcome = {0, 0};
    struct heap_pages pages;
    struct quire_heap heap;
    struct heap_model model;

    heap_pages_open(&pages, run.kind, 12, true);
    pages.prng = (struct prng){99};
    pages.refuse_at = run.refuse_at;
    pages.refuse_after = run.refuse_after;
    options.source = heap_pages_source(&pages);
    check(quire_heap_init(&heap, &options) == QUIRE_OK);
    heap_model_open(&model, &heap, ROOM);
    for (unsigned i = 0; i < STEPS; i++) {
        if (!step(&prng, &model, i)) {
            outcome.refused++;
            heap_model_validate(&model);
        }
        check(pages.got - pages.given == heap.held);
    }
    heap_model_validate(&model);
    heap_model_check(&model);
    outcome.gets = pages.gets;
    heap_model_free_all(&model);
    quire_heap_destroy(&heap);
    check(heap_pages_held(&pages) == 0);
    heap_model_close(&model);
    heap_pages_close(&pages);
    return outcome;
}

static void every_refusal(const struct quire_heap_checker *checker)
{
    for (unsigned kind = 0; kind < PAGES_KINDS; kind++) {
        struct run run = {(enum heap_pages_kind)kind, checker, 0, 0};
        struct outcome plain = run_steps(run);
        unsigned refused = 0;

        checkf(plain.refused == 0 && plain.gets > 15, "%u refused, %llu gets", plain.refused,
               (unsigned long long)plain.gets);
        for (uint64_t n = 1 + kind % EACH; n <= plain.gets; n += EACH) {
            run.refuse_at = n;
            refused += run_steps(run).refused;
        }
        check(refused != 0); /* not each: what cannot grow is moved */
        run.refuse_at = 0;
        for (uint64_t n = 1; n <= plain.gets; n += 1 + n / 2) {
            run.refuse_after = n;
            check(run_steps(run).refused != 0 || n > 1); /* with some memory all may go well */
        }
    }
}

static void every_refusal_plain(void **unused)
{
    (void)unused;
    every_refusal(NULL);
}

static void every_refusal_checking(void **unused)
{
    (void)unused;
    every_refusal(&quire_heap_checking);
}

/* Memory that was used for one size serves for all others: slabs that are kept are given up. */
static void exhausted_and_freed(void **unused)
{
    static const size_t sizes[] = {16, 2048, 100, 130000, 700, 5000, 48};
    struct quire_heap_options options = {.report = NULL};
    struct heap_pages pages;
    struct quire_heap heap;
    struct heap_model model;

    (void)unused;
    heap_pages_open(&pages, PAGES_BRK, 12, true);
    pages.refuse_after = 3; /* one window, which does not fit at once, and no more */
    options.source = heap_pages_source(&pages);
    check(quire_heap_init(&heap, &options) == QUIRE_OK);
    heap_model_open(&model, &heap, QUIRE_HEAP_WINDOW / 16);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned id = 0;

        while (heap_model_alloc(&model, id, sizes[i])) {
            id++;
        }
        checkf(id * sizes[i] > QUIRE_HEAP_WINDOW * 8 / 10 || id * sizes[i] == 130000,
               "%u blocks of %zu bytes", id, sizes[i]);
        check(heap_model_realloc(&model, id - 1, sizes[i] / 2)); /* smaller is never refused */
        heap_model_validate(&model);
        heap_model_free_all(&model);
    }
    quire_heap_destroy(&heap);
    check(heap_pages_held(&pages) == 0);
    heap_model_close(&model);
    heap_pages_close(&pages);
}

/* Every class keeps an empty slab; then one window has to hold two blocks that fill it. */
static void kept_slabs_are_given_up(void **unused)
{
    struct quire_heap_options options = {.report = NULL};
    struct heap_pages pages;
    struct quire_heap heap;

    (void)unused;
    heap_pages_open(&pages, PAGES_BRK, 12, true);
    pages.refuse_after = 3;
    options.source = heap_pages_source(&pages);
    check(quire_heap_init(&heap, &options) == QUIRE_OK);
    check(quire_heap_alloc(&heap, (USABLE_UNITS - MEDIUM_UNITS) * UNIT) != NULL);
    for (unsigned cls = 0; cls < CLASSES; cls++) {
        quire_heap_free(&heap, quire_heap_alloc(&heap, quire_heap_class_size(cls) * 16));
        check(heap.slabs[cls] == 1);
    }
    check(quire_heap_alloc(&heap, MEDIUM_UNITS * UNIT) != NULL);
    check(quire_heap_alloc(&heap, 1) == NULL);
    check(quire_heap_validate(&heap, NULL) == QUIRE_OK);
    quire_heap_destroy(&heap);
    heap_pages_close(&pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_plain),
        cmocka_unit_test(every_refusal_checking),
        cmocka_unit_test(exhausted_and_freed),
        cmocka_unit_test(kept_slabs_are_given_up),
    };

    return unit_run(tests);
}
