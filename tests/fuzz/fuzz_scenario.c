/*
 * libFuzzer target: the whole language of scenarios, on machines kept small. After every line the
 * core is sound, and a line that is refused says why in one line. At the end half of the steps are
 * taken back and done again, which must lead to the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/quire/scenario.h"

#include "tests/support/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct scenario_limits limits = {
    .memory = 256 << 10, .references = 500, .steps = 60, .host_files = false};

static void run_line(struct scenario *scenario, const char *line, size_t length,
                     unsigned long number, FILE *out)
{
    struct problem problem = {""};
    const char *what = NULL;

    if (!scenario_line(scenario, line, length, number, out, &problem)) {
        check(problem.text[0] != '\0' && strchr(problem.text, '\n') == NULL);
    }
    checkf(scenario_valid(scenario, &what), "line %lu, '%.*s': %s", number, (int)length, line,
           what);
}

/* What can be compared without knowing more than the machine. */
static struct machine_counters counts_of(const struct scenario *scenario)
{
    const struct machine *machine = scenario_machine(scenario);

    return machine != NULL ? machine->count : (struct machine_counters){0};
}

static void there_and_back(struct scenario *scenario, FILE *out)
{
    struct machine_counters before = counts_of(scenario), after;
    uint64_t half = scenario_steps(scenario) / 2;
    struct problem problem = {""};

    check(scenario_back(scenario, half, &problem));
    check(scenario_forward(scenario, half, out, &problem));
    after = counts_of(scenario);
    check(memcmp(&before, &after, sizeof before) == 0);
}

static void complete(struct scenario *scenario, const char *line, size_t length)
{
    char begun[64], word[32];

    snprintf(begun, sizeof begun, "%.*s", (int)(length / 2), line);
    for (unsigned n = 0; scenario_complete(scenario, begun, n, word, sizeof word); n++) {
        check(n < 200 && word[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *scenario = scenario_open(&limits);
    const char *at = (const char *)data, *end = at + size;
    char *said = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&said, &bytes);
    unsigned long number = 0;

    check(scenario != NULL && out != NULL);
    while (at < end && number < 200 && !scenario_over(scenario)) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline != NULL ? newline : end) - at);

        run_line(scenario, at, length, ++number, out);
        if (newline == NULL) {
            complete(scenario, at, length);
        }
        at += length + 1;
    }
    scenario_end(scenario);
    there_and_back(scenario, out);
    scenario_close(scenario);
    fclose(out);
    free(said);
    return 0;
}
