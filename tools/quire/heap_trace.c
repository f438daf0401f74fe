/* Reading heap traces. */
#include "heap_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { FILE_LIMIT = 256 << 20, NUMBERS_MAX = 3 };

#define FIRST_LINE "heap-trace 1\n"

/* The numbers that follow each letter. */
static const struct call {
    char letter;
    uint8_t numbers;
    bool wants_live;
    const char *usage;
} calls[] = {
    {HEAP_CALL_ALLOC, 2, false, "a ID BYTES"},
    {HEAP_CALL_ZEROED, 2, false, "z ID BYTES"},
    {HEAP_CALL_ALIGNED, 3, false, "m ID ALIGNMENT BYTES"},
    {HEAP_CALL_REALLOC, 2, true, "r ID BYTES"},
    {HEAP_CALL_FREE, 1, true, "f ID"},
};

struct reader {
    struct heap_trace *trace;
    size_t room; /* steps */
    unsigned char *live;
    const char *path;
    size_t line;
    struct problem *problem;
};

/* A blank and a decimal number that is at most `most`. */
static bool take_number(const char **at, const char *end, uint64_t most, uint64_t *number)
{
    const char *c = *at;

    if (c == end || *c++ != ' ' || c == end || *c < '0' || *c > '9') {
        return false;
    }
    for (*number = 0; c != end && *c >= '0' && *c <= '9'; c++) {
        unsigned digit = (unsigned)(*c - '0');
        if (*number > (most - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    *at = c;
    return true;
}

static const struct call *call_of(char letter)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].letter == letter) {
            return &calls[i];
        }
    }
    return NULL;
}

static bool add_step(struct reader *reader, struct heap_step step)
{
    struct heap_trace *trace = reader->trace;

    if (trace->count == reader->room) {
        size_t room = reader->room != 0 ? reader->room * 2 : 4096;
        struct heap_step *steps = realloc(trace->steps, room * sizeof *steps);
        if (steps == NULL) {
            return problem_set(reader->problem, "%s: no memory for %zu lines", reader->path, room);
        }
        trace->steps = steps;
        reader->room = room;
    }
    trace->steps[trace->count++] = step;
    trace->ids = step.id >= trace->ids ? step.id + 1 : trace->ids;
    reader->live[step.id] = step.call != HEAP_CALL_FREE;
    return true;
}

/* "a 12 340" */
static bool take_line(struct reader *reader, const char *at, const char *end)
{
    const struct call *call = call_of(at != end ? *at++ : '\0');
    uint64_t number[NUMBERS_MAX] = {0};
    struct heap_step step;

    if (call == NULL) {
        return problem_set(reader->problem,
                           "%s:%zu: expected a line that begins with a, z, m, r, f "
                           "or #",
                           reader->path, reader->line);
    }
    for (unsigned i = 0; i < call->numbers; i++) {
        if (!take_number(&at, end, i == 0 ? HEAP_TRACE_IDS - 1 : INT64_MAX, &number[i])) {
            at = NULL;
            break;
        }
    }
    step = (struct heap_step){call->letter, 0, (uint32_t)number[0], number[call->numbers - 1]};
    if (call->letter == HEAP_CALL_ALIGNED) {
        while (step.align_shift < 62 && UINT64_C(1) << step.align_shift != number[1]) {
            step.align_shift++;
        }
    }
    if (at != end || step.align_shift == 62) {
        return problem_set(reader->problem,
                           "%s:%zu: expected \"%s\", IDs below %d, alignments that "
                           "are powers of two",
                           reader->path, reader->line, call->usage, HEAP_TRACE_IDS);
    }
    if (reader->live[step.id] != call->wants_live) {
        return problem_set(
            reader->problem, "%s:%zu: block %" PRIu32 " is %s", reader->path, reader->line, step.id,
            call->wants_live ? "not live, expected one that is" : "live, expected one that is not");
    }
    return add_step(reader, step);
}

static bool take_lines(struct reader *reader, const char *at, const char *end)
{
    reader->line = 1;
    if ((size_t)(end - at) < strlen(FIRST_LINE) ||
        memcmp(at, FIRST_LINE, strlen(FIRST_LINE)) != 0) {
        return problem_set(reader->problem, "%s:1: expected \"heap-trace 1\"", reader->path);
    }
    for (at += strlen(FIRST_LINE); at != end; at++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));

        reader->line++;
        if (line_end == NULL) {
            return problem_set(reader->problem, "%s:%zu: expected a newline at the end",
                               reader->path, reader->line);
        }
        if (*at != '#' && !take_line(reader, at, line_end)) {
            return false;
        }
        at = line_end;
    }
    return true;
}

bool heap_trace_read(struct heap_trace *trace, const char *path, struct problem *problem)
{
    struct reader reader = {.trace = trace, .path = path, .problem = problem};
    struct bytes text;
    bool sound;

    *trace = (struct heap_trace){.count = 0};
    if (!bytes_read(&text, path, BYTES_VIEW, FILE_LIMIT, problem)) {
        return false;
    }
    reader.live = calloc(HEAP_TRACE_IDS, 1);
    sound = reader.live != NULL
                ? take_lines(&reader, (const char *)text.at, (const char *)text.at + text.count)
                : problem_set(problem, "%s: no memory", path);
    free(reader.live);
    bytes_free(&text);
    if (!sound) {
        heap_trace_free(trace);
    }
    return sound;
}

void heap_trace_free(struct heap_trace *trace)
{
    free(trace->steps);
    *trace = (struct heap_trace){.count = 0};
}
