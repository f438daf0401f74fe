/*
 * Scenarios: a small command language for a whole simulated machine (docs/scenarios.md).
 *
 *     struct scenario *scenario = scenario_open(&scenario_no_limits);
 *     result = scenario_line(scenario, "write A 0x10000 42", 1, stdout, &problem);
 *     scenario_close(scenario);
 *
 * One command a line. What the machine answers (a refused access, no memory, a broken disk) is the
 * command's outcome, never an error of the language; `expect` asks for it. Everything is
 * deterministic: the same lines give the same machine, which is how steps are taken back.
 */
#ifndef QUIRE_TOOLS_SCENARIO_H
#define QUIRE_TOOLS_SCENARIO_H

#include <stdio.h>

#include "machine.h"
#include "output.h"

struct scenario;

/* The most that a scenario may ask of the machine that simulates. */
struct scenario_limits {
    uint64_t memory;     /* bytes of RAM; of swap; of one file */
    uint64_t references; /* pages touched by one line */
    uint64_t steps;      /* lines that change something */
    bool host_files;     /* may it read files here? */
};
extern const struct scenario_limits scenario_no_limits;

/* What is made to go wrong in every machine from its start, whatever the scenario says. */
struct scenario_mishaps {
    struct mishap frame, read, write, delay;
};

struct scenario_counts {
    uint64_t commands, expectations, unmet;
};

/* NULL: no memory. The limits are copied. */
struct scenario *scenario_open(const struct scenario_limits *limits);
void scenario_close(struct scenario *scenario);

/* For machines that are made from now on. */
void scenario_inject(struct scenario *scenario, const struct scenario_mishaps *mishaps);

/* Who is told of expectations that do not hold: the line and what is wrong, one line of text. An
 * outcome that goes wrong must be expected, too: its line is told when the next one that does
 * something comes, or the end. */
void scenario_on_unmet(struct scenario *scenario,
                       void (*unmet)(void *context, unsigned long line, const char *text),
                       void *context);

/* Runs one line, without its newline; `number` is its line number. What the command prints goes to
 * `out`. False: it is not the language, problem says what is not, and nothing was done. What the
 * machine answers is no such thing. */
bool scenario_line(struct scenario *scenario, const char *line, size_t length, unsigned long number,
                   FILE *out, struct problem *problem);

/* After the last line. */
void scenario_end(struct scenario *scenario);

/* A person looks at every answer: outcomes that go wrong need not be expected. */
void scenario_interactive(struct scenario *scenario);

/* Was the last line `quit`? */
bool scenario_over(const struct scenario *scenario);

/* For signal handlers: the command that runs fails, somewhere on its way. */
void scenario_stop(struct scenario *scenario);

/* Was the last line stopped? Then it is taken back, and this is true, once. */
bool scenario_stopped(struct scenario *scenario);

/* Is everything sound (quire_validate)? *what says what is not. */
bool scenario_valid(struct scenario *scenario, const char **what);

/* Steps that can be taken back, and again. */
uint64_t scenario_steps(const struct scenario *scenario);
uint64_t scenario_undone(const struct scenario *scenario);

/* Takes back n steps, or does n again that were taken back. False: there are not so many. */
bool scenario_back(struct scenario *scenario, uint64_t n, struct problem *problem);
bool scenario_forward(struct scenario *scenario, uint64_t n, FILE *out, struct problem *problem);

struct scenario_counts scenario_counts(const struct scenario *scenario);

/* The machine as it is now; NULL: none was made yet. */
const struct machine *scenario_machine(const struct scenario *scenario);

/* ---- whole files: scenario_file.c ------------------------------------------------------------ */

enum scenario_report { SCENARIO_ECHO, SCENARIO_QUIET, SCENARIO_JSON };

/* Runs all lines of a text. Expectations that do not hold are printed to standard error, and the
 * run goes on; a bad line ends it. Returns the exit status: 0, 1 or 2. */
int scenario_text(struct scenario *scenario, const char *text, size_t size, const char *name,
                  enum scenario_report report, FILE *out);

/* The same for a file, "-" for standard input. */
int scenario_file(struct scenario *scenario, const char *path, enum scenario_report report,
                  FILE *out);

/* ---- help and completion: scenario_help.c ---------------------------------------------------- */

/* Prints what commands there are; or one command (or all that begin with the word). False: there is
 * none. */
bool scenario_help(const char *name, FILE *out);

/* The n-th word (from 0) that may stand where the last word of `line` begins, or is still to begin;
 * false: there are no more. */
bool scenario_complete(struct scenario *scenario, const char *line, unsigned n, char *word,
                       size_t word_bytes);

#endif
