/* The pages of a trace: a set of page numbers, then the runs in it. */
#include "trace_ranges.h"

#include <stdlib.h>

#include "progress.h"
#include "replay_shadow.h"
#include "trace.h"

enum { BATCH = 1024 };

/* False: no memory. */
static bool add_pages(struct shadow *shadow, const struct trace_record *record)
{
    uint64_t vpn = record->address >> shadow->page_shift;
    uint64_t last = (record->address + (record->size - 1)) >> shadow->page_shift;

    while (shadow_page(shadow, vpn) != NULL) {
        if (vpn++ == last) {
            return true;
        }
    }
    return false;
}

static bool read_all(struct trace *trace, struct shadow *shadow)
{
    static struct trace_record batch[BATCH];
    struct progress progress;
    uint64_t count = 0;
    bool fine = true;
    size_t n;

    progress_start(&progress);
    while (fine && (n = trace_read(trace, batch, BATCH)) != 0) {
        for (size_t i = 0; i < n && fine; i++) {
            fine = add_pages(shadow, &batch[i]);
        }
        count += n;
        progress_show(&progress, count, trace_position(trace), trace_size(trace));
    }
    progress_end(&progress);
    return fine;
}

/* Merges page numbers that follow each other; NULL: no memory. => there is one at least */
static struct address_range *runs(const struct shadow *shadow, size_t *ranges)
{
    struct address_range *range = malloc(shadow->pages * sizeof(*range));
    uint64_t *number = shadow_numbers(shadow);
    uint64_t offset = (UINT64_C(1) << shadow->page_shift) - 1;
    size_t count = 0;

    for (size_t i = 0; range != NULL && number != NULL && i < shadow->pages; i++) {
        uint64_t first = number[i] << shadow->page_shift;

        if (count == 0 || number[i] != number[i - 1] + 1) {
            range[count++].first = first;
        }
        range[count - 1].last = first | offset;
    }
    free(number);
    if (count == 0) {
        free(range);
        return NULL;
    }
    *ranges = count;
    return range;
}

bool trace_ranges(const char *path, unsigned page_shift, struct address_range **range,
                  size_t *ranges, struct problem *problem)
{
    struct trace *trace = trace_open(path);
    struct shadow shadow;
    bool fine = shadow_open(&shadow, SHADOW_OF_NUMBERS, page_shift) && read_all(trace, &shadow);

    if (fine && trace_error(trace) != NULL) {
        fine = problem_set(problem, "%s", trace_error(trace));
    } else if (!fine || (*range = runs(&shadow, ranges)) == NULL) {
        fine = problem_set(problem, "%s: no memory for so many pages", path);
    }
    shadow_close(&shadow);
    trace_close(trace);
    return fine;
}
