/* What real programs asked of their heaps, asked of ours: and the reading of such traces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/quire/heap_trace.h"

#include "tests/support/heap_model.h"
#include "tests/support/heap_pages.h"
#include "tests/support/unit.h"

static const char *const names[] = {"cc1", "perl", "sqlite3"};
enum { NAMES = sizeof names / sizeof names[0] };

static void read_named(struct heap_trace *trace, const char *name)
{
    struct problem problem = {""};
    char path[80];

    snprintf(path, sizeof path, "examples/heap/%s.heap", name);
    checkf(heap_trace_read(trace, path, &problem), "%s", problem.text);
    checkf(trace->count > 1000, "%s: %zu steps", name, trace->count);
}

static bool take_step(struct heap_model *model, const struct heap_step *step)
{
    size_t bytes = (size_t)step->bytes;

    switch (step->call) {
    case HEAP_CALL_ALLOC: return heap_model_alloc(model, step->id, bytes);
    case HEAP_CALL_ZEROED: return heap_model_calloc(model, step->id, 1, bytes);
    case HEAP_CALL_ALIGNED:
        return heap_model_aligned(model, step->id, (size_t)1 << step->align_shift, bytes);
    case HEAP_CALL_REALLOC: return heap_model_realloc(model, step->id, bytes);
    default: heap_model_free(model, step->id); return true;
    }
}

static void replay(const struct heap_trace *trace, enum heap_pages_kind kind,
                   const struct quire_heap_checker *checker)
{
    struct quire_heap_options options = {.checker = checker, .quarantine = 1 << 16};
    struct heap_pages pages;
    struct quire_heap heap;
    struct heap_model model;

    heap_pages_open(&pages, kind, 12, true);
    options.source = heap_pages_source(&pages);
    check(quire_heap_init(&heap, &options) == QUIRE_OK);
    heap_model_open(&model, &heap, trace->ids);
    for (size_t i = 0; i < trace->count; i++) {
        checkf(take_step(&model, &trace->steps[i]), "step %zu was refused", i);
        if (i % 1024 == 0) {
            heap_model_validate(&model);
        }
    }
    heap_model_check(&model);
    heap_model_free_all(&model);
    quire_heap_trim(&heap);
    heap_model_validate(&model);
    check(heap.in_use == 0 && heap.held == 0 && heap_pages_held(&pages) == 0);
    heap_model_close(&model);
    heap_pages_close(&pages);
}

static void real_programs(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < NAMES; i++) {
        struct heap_trace trace;

        read_named(&trace, names[i]);
        replay(&trace, PAGES_BRK, NULL);
        replay(&trace, PAGES_DESCENDING, NULL);
        replay(&trace, PAGES_RANDOM, &quire_heap_checking);
        heap_trace_free(&trace);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_text(struct heap_trace *trace, const char *text, struct problem *problem)
{
    char path[] = "/tmp/quire-heap-XXXXXX";
    int file = mkstemp(path);
    bool sound;

    check(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    sound = heap_trace_read(trace, path, problem);
    unlink(path);
    return sound;
}

static void every_line(void **unused)
{
    static const struct heap_step expected[] = {{'a', 0, 0, 24},          {'z', 0, 7, 0},
                                                {'m', 12, 16777215, 100}, {'r', 0, 0, 48},
                                                {'f', 0, 7, 7},           {'a', 0, 7, INT64_MAX}};
    struct problem problem = {""};
    struct heap_trace trace;

    (void)unused;
    checkf(read_text(&trace,
                     "heap-trace 1\n# a remark\na 0 24\nz 7 0\nm 16777215 4096 100\n"
                     "r 0 48\nf 7\na 7 9223372036854775807\n",
                     &problem),
           "%s", problem.text);
    check(trace.count == 6 && trace.ids == 16777216);
    for (unsigned i = 0; i < 6; i++) {
        const struct heap_step *step = &trace.steps[i];
        checkf(step->call == expected[i].call && step->id == expected[i].id &&
                   step->align_shift == expected[i].align_shift &&
                   (step->call == 'f' || step->bytes == expected[i].bytes),
               "step %u", i);
    }
    heap_trace_free(&trace);
}

static void bad_lines(void **unused)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "is empty"},
        {"heap-trace 2\n", ":1: expected \"heap-trace 1\""},
        {"heap-trace 1\nx 1 2\n", ":2: expected a line that begins with"},
        {"heap-trace 1\n\n", ":2: expected a line that begins with"},
        {"heap-trace 1\na 1 2\na 2\n", ":3: expected \"a ID BYTES\""},
        {"heap-trace 1\na 1 2 3\n", ":2: expected \"a ID BYTES\""},
        {"heap-trace 1\na 1  2\n", ":2: expected \"a ID BYTES\""},
        {"heap-trace 1\na 1 -2\n", ":2: expected \"a ID BYTES\""},
        {"heap-trace 1\na 16777216 2\n", ":2: expected \"a ID BYTES\", IDs below 16777216"},
        {"heap-trace 1\na 1 9223372036854775808\n", ":2: expected \"a ID BYTES\""},
        {"heap-trace 1\nm 1 48 2\n", ":2: expected \"m ID ALIGNMENT BYTES\""},
        {"heap-trace 1\nm 1 0 2\n", ":2: expected \"m ID ALIGNMENT BYTES\""},
        {"heap-trace 1\nf 1\n", ":2: block 1 is not live"},
        {"heap-trace 1\nr 1 5\n", ":2: block 1 is not live"},
        {"heap-trace 1\na 1 5\nz 1 5\n", ":3: block 1 is live"},
        {"heap-trace 1\na 1 5", ":2: expected a newline"},
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct problem problem = {""};
        struct heap_trace trace;

        checkf(!read_text(&trace, cases[i].text, &problem), "was read: %s", cases[i].text);
        checkf(strstr(problem.text, cases[i].says) != NULL, "\"%s\", expected \"... %s ...\"",
               problem.text, cases[i].says);
        check(trace.steps == NULL && trace.count == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_programs),
        cmocka_unit_test(every_line),
        cmocka_unit_test(bad_lines),
    };

    return unit_run(tests);
}
