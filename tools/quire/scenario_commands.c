/* Commands about the machine as a whole, and about other commands. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format_list.h"
#include "machine_options.h"
#include "options.h"
#include "scenario_internal.h"

/* ---- machine --------------------------------------------------------------------------------- */

enum { AROUND_MOST = 1 << 15 }; /* pages */

struct settings {
    struct scenario *scenario;
    struct machine_config config;
    struct format_described *described;
    const struct quire_layout *layout;
    bool has_ram, has_swap, has_records, has_layout, has_kernel;
};

/* Formats from files are for scenarios that may read files; none may read its own input as one. */
static bool is_built_in(const char *text)
{
    for (size_t i = 0; i < format_list_length; i++) {
        if (strcmp(format_list[i]->name, text) == 0) {
            return true;
        }
    }
    return strncmp(text, "ostep-linear:", 13) == 0;
}

static bool set_format(struct settings *settings, const char *text, struct problem *problem)
{
    if (!is_built_in(text) && (!settings->scenario->limits.host_files || strcmp(text, "-") == 0)) {
        return problem_set(problem, "%s: no files are read here", text);
    }
    return format_choose(text, settings->described, &settings->config.format, problem);
}

static bool set_size(const char *text, uint64_t *size, struct problem *problem)
{
    return size_parse(text, size) ||
           problem_set(problem, "'%s' is not a size such as 64K or 16M", text);
}

static bool set_ram(struct settings *settings, const char *text, struct problem *problem)
{
    settings->has_ram = true;
    return set_size(text, &settings->config.ram_bytes, problem);
}

static bool set_swap(struct settings *settings, const char *text, struct problem *problem)
{
    settings->has_swap = true;
    return set_size(text, &settings->config.swap_bytes, problem);
}

static bool set_tlb(struct settings *settings, const char *text, struct problem *problem)
{
    uint64_t entries, ways;

    if (!tlb_choose(text, &entries, &ways, problem)) {
        return false;
    }
    settings->config.tlb_entries = (unsigned)entries;
    settings->config.tlb_ways = (unsigned)ways;
    return true;
}

static bool set_policy(struct settings *settings, const char *text, struct problem *problem)
{
    return policy_choose(text, &settings->config.policy, problem);
}

static bool set_resident(struct settings *settings, const char *text, struct problem *problem)
{
    uint64_t pages;

    if (!number_parse(text, &pages) || pages > UINT32_MAX) {
        return problem_set(problem, "'%s' is not a number of pages (0: no limit)", text);
    }
    settings->config.resident_limit = (uint32_t)pages;
    return true;
}

/* One of two words: true for `yes`. */
static bool set_either(const char *text, const char *yes, const char *no, bool *is,
                       struct problem *problem)
{
    *is = strcmp(text, yes) == 0;
    return *is || strcmp(text, no) == 0 ||
           problem_set(problem, "'%s' is neither %s nor %s", text, yes, no);
}

static bool set_commit(struct settings *settings, const char *text, struct problem *problem)
{
    bool strict;

    if (!set_either(text, "strict", "over", &strict, problem)) {
        return false;
    }
    settings->config.commit = strict ? QUIRE_COMMIT_STRICT : QUIRE_OVERCOMMIT;
    return true;
}

static bool set_records(struct settings *settings, const char *text, struct problem *problem)
{
    bool inside;

    if (!set_either(text, "inside", "beside", &inside, problem)) {
        return false;
    }
    settings->has_records = true;
    settings->config.records = inside ? MACHINE_RECORDS_INSIDE : MACHINE_RECORDS_BESIDE;
    return true;
}

static const struct quire_layout *const layouts[] = {&quire_layout_seed, &quire_layout_classic_32,
                                                     &quire_layout_classic_64};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static bool set_layout(struct settings *settings, const char *text, struct problem *problem)
{
    settings->has_layout = true;
    for (unsigned i = 0; i < LAYOUTS; i++) {
        if (strcmp(layouts[i]->name, text) == 0) {
            settings->layout = layouts[i];
            return true;
        }
    }
    return problem_set(problem, "'%s' is none of seed, classic-32 and classic-64", text);
}

static bool set_kernel(struct settings *settings, const char *text, struct problem *problem)
{
    settings->has_kernel = true;
    return set_size(text, &settings->config.pages_from, problem);
}

static bool set_disk(struct settings *settings, const char *text, struct problem *problem)
{
    return set_either(text, "slow", "fast", &settings->config.slow_disk, problem);
}

static bool set_ahead(struct settings *settings, const char *text, struct problem *problem)
{
    return set_either(text, "on", "off", &settings->config.reads_ahead, problem);
}

/* How many pages, as a power of two. */
static bool set_around(struct settings *settings, const char *text, struct problem *problem)
{
    uint64_t pages;
    uint8_t shift = 0;

    if (!number_parse(text, &pages) || pages == 0 || pages > AROUND_MOST ||
        (pages & (pages - 1)) != 0) {
        return problem_set(problem, "'%s' is not a power of two from 1 (none) to %d", text,
                           AROUND_MOST);
    }
    while (pages >> shift != 1) {
        shift++;
    }
    settings->config.fault_around = shift;
    return true;
}

static const struct setting {
    const char *name;
    bool (*set)(struct settings *settings, const char *text, struct problem *problem);
} setting_table[] = {
    {"format", set_format}, {"ram", set_ram},         {"swap", set_swap},
    {"tlb", set_tlb},       {"policy", set_policy},   {"resident", set_resident},
    {"commit", set_commit}, {"records", set_records}, {"layout", set_layout},
    {"kernel", set_kernel}, {"disk", set_disk},       {"ahead", set_ahead},
    {"around", set_around},
};
enum { SETTINGS = sizeof setting_table / sizeof setting_table[0] };

const char *setting_name(unsigned n)
{
    return n < SETTINGS ? setting_table[n].name : NULL;
}

static bool set(struct settings *settings, const struct word *word, struct problem *problem)
{
    size_t length = strcspn(word->text, "=");
    struct problem why;

    for (unsigned i = 0; i < SETTINGS && word->text[length] == '='; i++) {
        if (strlen(setting_table[i].name) == length &&
            strncmp(setting_table[i].name, word->text, length) == 0) {
            return setting_table[i].set(settings, word->text + length + 1, &why) ||
                   problem_set(problem, "machine: %s: %s", setting_table[i].name, why.text);
        }
    }
    return problem_set(problem,
                       "machine: expected format=, ram=, swap=, tlb=, policy=, resident=, commit=, "
                       "records=, layout=, kernel=, disk=, ahead= or around=, got '%s'",
                       word->text);
}

/* What was not said follows from the rest: no more memory than the format reaches; as much for the
 * kernel as a layout has that was said; records that would fill a tiny machine lie beside it. */
static void set_the_rest(struct settings *settings)
{
    struct machine_config *config = &settings->config;
    unsigned pa_bits = config->format->pa_bits;

    if (!settings->has_ram && config->ram_bytes >> pa_bits != 0) {
        config->ram_bytes = UINT64_C(1) << pa_bits;
    }
    if (!settings->has_swap) {
        config->swap_bytes = config->ram_bytes;
    }
    if (settings->has_layout && !settings->has_kernel) {
        config->pages_from = settings->layout->kernel_bytes;
    }
    if (!settings->has_records && quire_format_page_bytes(config->format) < 4096) {
        config->records = MACHINE_RECORDS_BESIDE;
    }
}

static bool open_as_set(struct call *call, struct settings *settings)
{
    for (unsigned i = call->first; i < call->end; i++) {
        if (!set(settings, &call->words[i], call->problem)) {
            return false;
        }
    }
    set_the_rest(settings);
    if (!scenario_machine_open(call->scenario, &settings->config, settings->layout,
                               call->problem)) {
        return false;
    }
    return !settings->has_layout || call->scenario->usermode.layout != NULL ||
           outcome_failed(call, QUIRE_INVALID, "machine: layout %s does not suit format %s",
                          settings->layout->name, settings->config.format->name);
}

/* A format that is not built in lives as long as its machine. */
bool run_machine(struct call *call)
{
    struct settings settings = {.scenario = call->scenario,
                                .config = scenario_machine_default(call->scenario),
                                .layout = &quire_layout_seed,
                                .described = malloc(sizeof *settings.described)};
    bool fine;

    if (settings.described == NULL) {
        return problem_set(call->problem, "machine: no memory");
    }
    fine = open_as_set(call, &settings);
    if (fine && settings.config.format == &settings.described->format) {
        call->scenario->described = settings.described;
    } else {
        free(settings.described);
    }
    return fine;
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

bool run_fail(struct call *call)
{
    struct machine *machine = &call->scenario->machine;
    struct mishap *const mishaps[] = {&machine->faults.frame, &machine->disk.fail_read,
                                      &machine->disk.fail_write, &machine->faults.flush};
    enum { MISHAPS = sizeof mishaps / sizeof mishaps[0] };

    if (call->command->variant < MISHAPS) {
        *mishaps[call->command->variant] =
            (struct mishap){call->value[OPERAND_N].number,
                            call_has(call, OPERAND_M) ? call->value[OPERAND_M].number : 0};
        return true;
    }
    for (unsigned i = 0; i < MISHAPS; i++) {
        *mishaps[i] = (struct mishap){0};
    }
    return true;
}

bool run_mark(struct call *call)
{
    counters_mark(call->scenario);
    return true;
}

/* ---- commands about commands ----------------------------------------------------------------- */

bool run_say(struct call *call)
{
    for (unsigned i = 0; i < call->count; i++) {
        fprintf(call->out, "%s%s", i > 0 ? " " : "", call->words[i].text);
    }
    fputc('\n', call->out);
    return true;
}

bool run_help(struct call *call)
{
    char name[40] = "";

    for (unsigned i = call->first; i < call->end; i++) {
        size_t length = strlen(name);
        snprintf(name + length, sizeof name - length, "%s%s", i > call->first ? " " : "",
                 call->words[i].text);
    }
    return scenario_help(name, call->out) ||
           problem_set(call->problem, "help: there is no command '%s'", name);
}

/* Steps are of lines, not of parts of one. */
static bool alone(struct call *call)
{
    return call->scenario->depth == 1 ||
           problem_set(call->problem, "%s: not within another command", call->command->name);
}

static uint64_t steps_of(const struct call *call)
{
    return call_has(call, OPERAND_N) ? call->value[OPERAND_N].number : 1;
}

/* Where the history is now, for who cannot see the file. */
static bool tell_place(const struct call *call)
{
    const struct steps *steps = &call->scenario->steps;

    if (call->scenario->interactive) {
        fprintf(call->out, "at step %zu%s%s\n", steps->done,
                steps->done != 0 ? ": " : ", the start",
                steps->done != 0 ? steps->line[steps->done - 1] : "");
    }
    return true;
}

bool run_back(struct call *call)
{
    return alone(call) && scenario_back(call->scenario, steps_of(call), call->problem) &&
           tell_place(call);
}

bool run_forward(struct call *call)
{
    return alone(call) &&
           scenario_forward(call->scenario, steps_of(call), call->out, call->problem) &&
           tell_place(call);
}

bool run_quit(struct call *call)
{
    call->scenario->over = true;
    return true;
}

bool run_repeat(struct call *call)
{
    uint64_t times = call->value[OPERAND_N].number;

    for (; times != 0; times--) {
        if (call->scenario->work == 0 || call->scenario->stop) {
            return outcome_failed(call, QUIRE_BUSY,
                                  "repeat: stopped, or more than is allowed here");
        }
        call->scenario->work--;
        if (!run_words(call->scenario, call->words + call->first, call->end - call->first,
                       call->out, call->problem)) {
            return false;
        }
        if (call->scenario->outcome.kind != OUTCOME_OK) {
            break;
        }
    }
    return true;
}

bool run_explain(struct call *call)
{
    bool fine;

    if (call->scenario->tale != NULL) {
        return problem_set(call->problem, "explain: not within another explain");
    }
    tale_begin(call->scenario, call->out);
    fine = run_words(call->scenario, call->words + call->first, call->end - call->first, call->out,
                     call->problem);
    tale_end(call->scenario, fine);
    return fine;
}
