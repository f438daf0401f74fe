/*
 * A scenario's session: one line after the other, what came of it, and steps taken back.
 *
 * `back` runs the steps again from the start, silently, but for the last ones. Snapshots would be
 * the other way: but a machine's state is spread over its RAM, TLB, disk, files, the core's records
 * in RAM with pointers among them, and the counters of all; every new part would have to be thought
 * of, and a copy of RAM for each step costs more than most steps do. The machine is deterministic,
 * so its history is its state, in a few bytes a step. A step is some microseconds of work: hundreds
 * are run again in less time than a key takes to come up.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_internal.h"

const struct scenario_limits scenario_no_limits = {
    .memory = UINT64_C(64) << 30, .references = UINT64_MAX, .steps = SIZE_MAX, .host_files = true};

struct scenario *scenario_open(const struct scenario_limits *limits)
{
    struct scenario *scenario = calloc(1, sizeof *scenario);

    if (scenario != NULL) {
        scenario->limits = *limits;
    }
    return scenario;
}

static void forget_undone(struct steps *steps)
{
    while (steps->count > steps->done) {
        free(steps->line[--steps->count]);
    }
}

void scenario_close(struct scenario *scenario)
{
    scenario_reset(scenario);
    scenario->steps.done = 0;
    forget_undone(&scenario->steps);
    free(scenario->steps.line);
    while (scenario->files != NULL) {
        struct host_file *file = scenario->files;

        scenario->files = file->next;
        free(file->path);
        free(file->bytes);
        free(file);
    }
    free(scenario->said);
    free(scenario);
}

void scenario_inject(struct scenario *scenario, const struct scenario_mishaps *mishaps)
{
    scenario->inject = *mishaps;
}

void scenario_on_unmet(struct scenario *scenario,
                       void (*unmet)(void *context, unsigned long line, const char *text),
                       void *context)
{
    scenario->unmet = unmet;
    scenario->unmet_context = context;
}

void scenario_interactive(struct scenario *scenario)
{
    scenario->interactive = true;
}

bool scenario_over(const struct scenario *scenario)
{
    return scenario->over;
}

void scenario_stop(struct scenario *scenario)
{
    scenario->stop = 1;
}

/* How far it got depends on when it was stopped, which no history could tell. */
bool scenario_stopped(struct scenario *scenario)
{
    struct problem problem;
    bool stopped = scenario->stop != 0;

    scenario->stop = 0;
    return stopped && scenario->stepped && scenario_back(scenario, 1, &problem);
}

struct scenario_counts scenario_counts(const struct scenario *scenario)
{
    return scenario->counts;
}

const struct machine *scenario_machine(const struct scenario *scenario)
{
    return scenario->open ? &scenario->machine : NULL;
}

/* ---- outcomes and expectations --------------------------------------------------------------- */

static void tell_unmet(struct scenario *scenario, unsigned long line, const char *text)
{
    scenario->counts.unmet++;
    if (scenario->unmet != NULL) {
        scenario->unmet(scenario->unmet_context, line, text);
    }
}

bool outcome_failed(struct call *call, enum quire_status status, const char *format, ...)
{
    struct scenario *scenario = call->scenario;
    struct problem text;
    va_list list;

    va_start(list, format);
    vsnprintf(text.text, sizeof text.text, format, list);
    va_end(list);
    if (call->command->kind == COMMAND_EXPECTS) {
        return expectation(call, false, "%s", text.text);
    }
    outcome_wrong(scenario, OUTCOME_FAILED, text.text);
    scenario->outcome.status = status;
    fprintf(call->out, "failed: %s\n", text.text);
    return true;
}

void outcome_wrong(struct scenario *scenario, enum outcome_kind kind, const char *what)
{
    struct outcome *outcome = &scenario->outcome;

    outcome->kind = kind;
    outcome->has_value = false;
    snprintf(outcome->what, sizeof outcome->what, "%s", what);
    scenario->owed = !scenario->interactive;
    scenario->outcome_line = scenario->line;
}

bool outcome_of(struct call *call, enum quire_status status)
{
    static const char *const because[QUIRE_STATUSES] = {
        [QUIRE_BUSY] = "it is in use",
        [QUIRE_NO_MEMORY] = "there is no free frame for what it needs",
        [QUIRE_NO_SPACE] = "that is more than can be promised or found room for",
        [QUIRE_EXISTS] = "something is there already",
        [QUIRE_NOT_FOUND] = "not all of it is mapped",
        [QUIRE_INVALID] = "not whole pages, or more than is allowed there",
        [QUIRE_OUT_OF_RANGE] = "the address is beyond what the format or the machine has",
        [QUIRE_IO_ERROR] = "the device failed",
    };

    if (status == QUIRE_OK) {
        return true;
    }
    return outcome_failed(call, status, "%s: %s", call->command->name,
                          because[status] != NULL ? because[status] : quire_status_text(status));
}

bool expectation(struct call *call, bool holds, const char *format, ...)
{
    struct problem text;
    va_list list;

    call->scenario->counts.expectations++;
    if (!holds) {
        va_start(list, format);
        vsnprintf(text.text, sizeof text.text, format, list);
        va_end(list);
        tell_unmet(call->scenario, call->scenario->line, text.text);
    }
    return true;
}

/* Nobody has expected the outcome, and now it is too late. */
static void settle(struct scenario *scenario)
{
    struct problem text;

    if (scenario->owed) {
        scenario->owed = false;
        problem_set(&text, "did not expect this: %s", scenario->outcome.what);
        tell_unmet(scenario, scenario->outcome_line, text.text);
    }
}

void scenario_end(struct scenario *scenario)
{
    settle(scenario);
}

/* ---- a command ------------------------------------------------------------------------------- */

struct scenario_process *call_process(struct call *call)
{
    return call_has(call, OPERAND_PROCESS) ? call->value[OPERAND_PROCESS].process
                                           : call->scenario->running;
}

/* Does the command say, or imply, a process or object that is gone or never came to be? */
static bool names_the_dead(struct call *call)
{
    const struct scenario_process *process = call_process(call);
    const struct scenario_object *object =
        call_has(call, OPERAND_OBJECT) ? call->value[OPERAND_OBJECT].object : NULL;

    if (process != NULL && !process->alive && call_has(call, OPERAND_PROCESS)) {
        return outcome_failed(call, QUIRE_NOT_FOUND, "%s: %s does not run", call->command->name,
                              process->name);
    }
    if (object != NULL && !object->alive) {
        return outcome_failed(call, QUIRE_NOT_FOUND, "%s: %s is not there", call->command->name,
                              object->name);
    }
    if (process == NULL && strncmp(call->command->syntax, "[PROCESS]", 9) == 0) {
        return outcome_failed(call, QUIRE_NOT_FOUND,
                              "%s: no process runs, and the command names none",
                              call->command->name);
    }
    return false;
}

static bool machine_ready(struct scenario *scenario, const struct command *command,
                          struct problem *problem)
{
    struct machine_config config = scenario_machine_default(scenario);

    return scenario->open || command->kind == COMMAND_TELLS || command->run == run_machine ||
           scenario_machine_open(scenario, &config, &quire_layout_seed, problem);
}

static bool no_command(const struct word *word, struct problem *problem)
{
    return problem_set(problem, "no command '%s' (help lists them)", word->text);
}

bool run_words(struct scenario *scenario, const struct word *words, unsigned count, FILE *out,
               struct problem *problem)
{
    unsigned length;
    struct call call = {.scenario = scenario,
                        .command = command_find(words, count, &length),
                        .out = out,
                        .problem = problem};
    bool fine;

    if (call.command == NULL) {
        return no_command(words, problem);
    }
    call.words = words + length;
    call.count = count - length;
    if (scenario->depth == DEPTH_MAX) {
        return problem_set(problem, "%s: too many commands within each other", call.command->name);
    }
    if (!machine_ready(scenario, call.command, problem) || !call_read(&call)) {
        return false;
    }
    if (call.command->kind == COMMAND_CHANGES) {
        scenario->outcome.kind = OUTCOME_OK;
        scenario->outcome.has_value = false;
    }
    scenario->depth++;
    fine = !names_introduce(&call) || names_the_dead(&call) || call.command->run(&call);
    scenario->depth--;
    return fine;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static bool step_add(struct steps *steps, const char *line, size_t length)
{
    char *copy = malloc(length + 1);

    forget_undone(steps);
    if (steps->count == steps->room) {
        size_t room = steps->room * 2 + 16;
        char **more = realloc(steps->line, room * sizeof *more);

        if (more == NULL) {
            free(copy);
            return false;
        }
        steps->line = more;
        steps->room = room;
    }
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    steps->line[steps->count++] = copy;
    steps->done = steps->count;
    return true;
}

/* What was printed is kept, for `expect shows`. */
static bool run_and_keep(struct scenario *scenario, const struct words *words,
                         const struct command *command, FILE *out, struct problem *problem)
{
    char *said = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&said, &bytes);
    bool fine;

    if (memory == NULL) {
        return problem_set(problem, "no memory for what the command prints");
    }
    scenario->work = scenario->limits.references;
    fine = run_words(scenario, words->word, words->count, memory, problem);
    fclose(memory);
    if (out != NULL) {
        fwrite(said, 1, bytes, out);
    }
    if (command->kind == COMMAND_EXPECTS) {
        free(said);
        return fine;
    }
    free(scenario->said);
    scenario->said = said;
    scenario->said_bytes = bytes;
    return fine;
}

/* A line again, as it was done before: not as a part of the command that wants it. */
static bool run_silently(struct scenario *scenario, const char *line, FILE *out,
                         struct problem *problem)
{
    unsigned depth = scenario->depth, length;
    struct words words;
    bool fine;

    if (!words_read(&words, line, strlen(line), problem)) {
        return false;
    }
    scenario->depth = 0;
    fine = run_and_keep(scenario, &words, command_find(words.word, words.count, &length), out,
                        problem);
    scenario->depth = depth;
    words_free(&words);
    return fine;
}

static bool run_line(struct scenario *scenario, const struct words *words, const char *line,
                     size_t length, FILE *out, struct problem *problem)
{
    unsigned in_name;
    const struct command *command = command_find(words->word, words->count, &in_name);
    bool step;

    if (command == NULL) {
        return no_command(&words->word[0], problem);
    }
    step = command->kind == COMMAND_CHANGES;
    scenario->stepped = false;
    if (step && scenario->steps.done >= scenario->limits.steps) {
        return problem_set(problem, "%s: no more steps are allowed", command->name);
    }
    if (step) {
        settle(scenario);
    }
    if (!run_and_keep(scenario, words, command, out, problem)) {
        return false;
    }
    scenario->counts.commands += command->kind != COMMAND_EXPECTS;
    scenario->stepped = step && step_add(&scenario->steps, line, length);
    return scenario->stepped == step || problem_set(problem, "no memory to remember the step");
}

bool scenario_line(struct scenario *scenario, const char *line, size_t length, unsigned long number,
                   FILE *out, struct problem *problem)
{
    struct words words;
    bool fine;

    scenario->line = number;
    if (!words_read(&words, line, length, problem)) {
        return false;
    }
    fine = words.count == 0 || run_line(scenario, &words, line, length, out, problem);
    words_free(&words);
    return fine;
}

/* ---- steps ----------------------------------------------------------------------------------- */

uint64_t scenario_steps(const struct scenario *scenario)
{
    return scenario->steps.done;
}

uint64_t scenario_undone(const struct scenario *scenario)
{
    return scenario->steps.count - scenario->steps.done;
}

bool scenario_back(struct scenario *scenario, uint64_t n, struct problem *problem)
{
    if (n > scenario->steps.done) {
        return problem_set(problem, "back: expected at most %zu, the steps that were made",
                           scenario->steps.done);
    }
    scenario_reset(scenario);
    scenario->steps.done -= (size_t)n;
    for (size_t i = 0; i < scenario->steps.done; i++) {
        if (!run_silently(scenario, scenario->steps.line[i], NULL, problem)) {
            return false;
        }
    }
    scenario->owed = false; /* that was told when it came the first time */
    return true;
}

bool scenario_forward(struct scenario *scenario, uint64_t n, FILE *out, struct problem *problem)
{
    if (n > scenario_undone(scenario)) {
        return problem_set(problem, "forward: expected at most %zu, the steps that were taken back",
                           (size_t)scenario_undone(scenario));
    }
    for (; n != 0; n--) {
        if (!run_silently(scenario, scenario->steps.line[scenario->steps.done], out, problem)) {
            return false;
        }
        scenario->steps.done++;
    }
    return true;
}
