/* Timing for the programs in this directory: see bench.h. */
#include "bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

void *bench_memory(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == NULL) {
        fprintf(stderr, "quire: benchmark: no memory for %zu bytes\n", bytes);
        exit(2);
    }
    return memory;
}

static unsigned rounds_wanted(void)
{
    const char *text = getenv("QUIRE_BENCH_ROUNDS");
    char *end;
    long rounds;

    if (text == NULL) {
        return 7;
    }
    rounds = strtol(text, &end, 10);
    if (end == text || *end != '\0' || rounds < 1 || rounds > 1000) {
        fprintf(stderr, "quire: QUIRE_BENCH_ROUNDS: \"%s\": a number from 1 to 1000 is expected\n",
                text);
        exit(2);
    }
    return (unsigned)rounds;
}

/* Seconds that one operation took in one run. */
static double time_once(const struct bench_case *c)
{
    double start, seconds;
    uint64_t operations;

    if (c->prepare != NULL) {
        c->prepare(c->context);
    }
    start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    operations = c->run(c->context);
    seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
    if (operations == 0) {
        fprintf(stderr, "quire: benchmark: %s: did nothing\n", c->name);
        exit(1);
    }
    return seconds / (double)operations;
}

static void print_case(const struct bench_case *c, enum bench_unit unit, const char *operation,
                       double seconds, const double *reference)
{
    char unit_text[40];

    if (unit == BENCH_NS) {
        snprintf(unit_text, sizeof unit_text, "ns/%s", operation);
    } else {
        snprintf(unit_text, sizeof unit_text, "M %ss/s", operation);
    }
    printf("  %-36s %10.2f ", c->name, unit == BENCH_NS ? seconds * 1e9 : 1e-6 / seconds);
    if (reference != NULL) {
        printf("%-15s (ratio %.2f of reference)\n", unit_text, *reference / seconds);
    } else {
        printf("%s\n", unit_text);
    }
}

/* Runs all cases by turns; the best seconds of each go to `best`. */
static void run_rounds(const char *title, const struct bench_case *cases, size_t count,
                       double *best)
{
    unsigned rounds = rounds_wanted();

    if (count > BENCH_CASES_MAX) {
        fprintf(stderr, "quire: benchmark: %s: %zu cases, at most %d are expected\n", title, count,
                BENCH_CASES_MAX);
        exit(1);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            double seconds = time_once(&cases[i]);
            best[i] = round == 0 || seconds < best[i] ? seconds : best[i];
        }
    }
}

/* Runs the cases and prints them; with ratios, each against the first one. */
static void run_and_print(const char *title, enum bench_unit unit, const char *operation,
                          const struct bench_case *cases, size_t count, bool ratios)
{
    double best[BENCH_CASES_MAX];

    run_rounds(title, cases, count, best);
    printf("%s\n", title);
    for (size_t i = 0; i < count; i++) {
        print_case(&cases[i], unit, operation, best[i], ratios && i > 0 ? &best[0] : NULL);
    }
    fflush(stdout);
}

void bench_group(const char *title, enum bench_unit unit, const char *operation,
                 const struct bench_case *cases, size_t count)
{
    run_and_print(title, unit, operation, cases, count, true);
}

void bench_table(const char *title, enum bench_unit unit, const char *operation,
                 const struct bench_case *cases, size_t count)
{
    run_and_print(title, unit, operation, cases, count, false);
}
