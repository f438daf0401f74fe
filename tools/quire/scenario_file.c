/* Whole scenarios: every line of a file, and what came of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "json.h"
#include "scenario.h"

enum { SCENARIO_BYTES_MOST = 16 << 20, STATUS_UNMET = 1 };

struct run {
    struct scenario *scenario;
    const char *name;
    enum scenario_report report;
    FILE *out;
    struct json json;
};

/* ---- one line -------------------------------------------------------------------------------- */

static void on_unmet(void *context, unsigned long line, const char *text)
{
    struct run *run = context;

    if (run->report == SCENARIO_JSON) {
        json_open(&run->json, NULL, '{');
        json_number(&run->json, "line", line);
        json_string(&run->json, "unmet", text);
        json_close(&run->json);
    } else {
        fflush(run->out);
        fail("%s:%lu: %s", run->name, line, text);
    }
}

/* The line as it will be shown: without blanks around it. */
static const char *trim(const char *line, size_t *length)
{
    while (*length > 0 && strchr(" \t\r", line[*length - 1]) != NULL && line[*length - 1] != '\0') {
        --*length;
    }
    while (*length > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        --*length;
    }
    return line;
}

static bool run_as_json(struct run *run, const char *line, size_t length, unsigned long number,
                        struct problem *problem)
{
    char *said = NULL, *command = strndup(line, length);
    size_t bytes = 0;
    FILE *memory = open_memstream(&said, &bytes);
    bool fine = command != NULL && memory != NULL;

    if (!fine) {
        problem_set(problem, "no memory");
    } else {
        fine = scenario_line(run->scenario, line, length, number, memory, problem);
    }
    if (memory != NULL) {
        fclose(memory);
    }
    if (fine) {
        json_open(&run->json, NULL, '{');
        json_number(&run->json, "line", number);
        json_string(&run->json, "command", command);
        json_string(&run->json, "output", said);
        json_close(&run->json);
    }
    free(said);
    free(command);
    return fine;
}

static bool run_one(struct run *run, const char *line, size_t length, unsigned long number,
                    struct problem *problem)
{
    line = trim(line, &length);
    if (length == 0 || *line == '#') {
        return true;
    }
    if (run->report == SCENARIO_JSON) {
        return run_as_json(run, line, length, number, problem);
    }
    if (run->report == SCENARIO_ECHO) {
        bool says = length >= 4 && strncmp(line, "say ", 4) == 0;

        fprintf(run->out, says ? "\n" : "> %.*s\n", (int)length, line);
    }
    return scenario_line(run->scenario, line, length, number,
                         run->report == SCENARIO_ECHO ? run->out : NULL, problem);
}

/* ---- all lines ------------------------------------------------------------------------------- */

static bool run_all(struct run *run, const char *text, size_t size, struct problem *problem)
{
    const char *end = text + size;
    unsigned long number = 0;
    const char *what;

    while (text < end && !scenario_over(run->scenario)) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline != NULL ? newline : end) - text);
        struct problem why;

        number++;
        if (!run_one(run, text, length, number, &why)) {
            return problem_set(problem, "%s:%lu: %s", run->name, number, why.text);
        }
        if (!scenario_valid(run->scenario, &what)) {
            return problem_set(problem, "%s:%lu: quire itself is wrong here: %s", run->name, number,
                               what);
        }
        text += length + (newline != NULL);
    }
    scenario_end(run->scenario);
    return true;
}

static void print_end(struct run *run, const struct scenario_counts *before)
{
    struct scenario_counts now = scenario_counts(run->scenario);
    uint64_t expectations = now.expectations - before->expectations;
    uint64_t unmet = now.unmet - before->unmet;

    if (run->report == SCENARIO_JSON) {
        json_close(&run->json);
        json_number(&run->json, "expectations", expectations);
        json_number(&run->json, "unmet", unmet);
        json_close(&run->json);
    } else if (run->report == SCENARIO_ECHO) {
        fprintf(run->out, "%s: %" PRIu64 " commands, %" PRIu64 " expectations, %" PRIu64 " unmet\n",
                run->name, now.commands - before->commands, expectations, unmet);
    }
}

int scenario_text(struct scenario *scenario, const char *text, size_t size, const char *name,
                  enum scenario_report report, FILE *out)
{
    struct run run = {scenario, name, report, out, json_to(out)};
    struct scenario_counts before = scenario_counts(scenario);
    struct problem problem;
    bool fine;

    scenario_on_unmet(scenario, on_unmet, &run);
    if (report == SCENARIO_JSON) {
        json_open(&run.json, NULL, '{');
        json_string(&run.json, "scenario", name);
        json_open(&run.json, "lines", '[');
    }
    fine = run_all(&run, text, size, &problem);
    print_end(&run, &before);
    scenario_on_unmet(scenario, NULL, NULL);
    if (!fine) {
        fflush(out);
        return fail("%s", problem.text);
    }
    return scenario_counts(scenario).unmet != before.unmet ? STATUS_UNMET : STATUS_OK;
}

int scenario_file(struct scenario *scenario, const char *path, enum scenario_report report,
                  FILE *out)
{
    struct problem problem;
    struct bytes bytes;
    int status;

    if (!bytes_read(&bytes, path, BYTES_COPY, SCENARIO_BYTES_MOST, &problem)) {
        return fail("%s", problem.text);
    }
    status =
        scenario_text(scenario, (const char *)bytes.at, bytes.count, input_name(path), report, out);
    bytes_free(&bytes);
    return status;
}
