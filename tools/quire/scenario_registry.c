/* Commands about the registry of page tables (seed 001): a kernel of its own, with a machine of its
 * own, whose frames are refused where those of the scenario's machine are. */
#include <inttypes.h>
#include <stdlib.h>

#include "registry_show.h"
#include "scenario_internal.h"

enum { RAM_DEFAULT = 64 << 20, OWN_DEFAULT = 8 << 20 };

void registry_end(struct scenario *scenario)
{
    if (scenario->registry != NULL) {
        registry_run_close(scenario->registry);
        free(scenario->registry);
        scenario->registry = NULL;
    }
}

bool registry_valid(struct scenario *scenario, const char **what)
{
    uint32_t id;

    *what = "the registry is not as its page tables are";
    return scenario->registry == NULL ||
           quire_registry_validate(&scenario->registry->registry, &id) == QUIRE_OK;
}

/* `fail frame` counts what is asked for here, too. */
static void lend_mishaps(struct scenario *scenario)
{
    scenario->registry->machine.faults.frame = scenario->machine.faults.frame;
}

static bool worked(struct call *call, bool fine, const struct problem *problem)
{
    struct scenario *scenario = call->scenario;

    scenario->machine.faults.frame = scenario->registry->machine.faults.frame;
    return fine || outcome_failed(call, scenario->registry->status, "%s: %s", call->command->name,
                                  problem->text);
}

/* ---- a kernel, and its crowd ----------------------------------------------------------------- */

static bool check_size(struct call *call, const struct registry_config *config)
{
    const struct scenario_limits *limits = &call->scenario->limits;

    if (config->spaces > REGISTRY_SPACES_MOST || config->pages > REGISTRY_PAGES_MOST ||
        config->spaces * config->pages > call->scenario->work ||
        config->ram_bytes > limits->memory || config->own_bytes > limits->memory) {
        return problem_set(call->problem, "registry: more than is allowed here");
    }
    return true;
}

/* The texts are of an option's words. */
static bool bad_config(struct call *call, const struct problem *why)
{
    return problem_set(call->problem, "registry: %s",
                       why->text + (why->text[0] == '-' ? sizeof "--" - 1 : 0));
}

static bool open_registry(struct call *call, const struct registry_config *config)
{
    struct registry_run *run = malloc(sizeof *run);
    struct problem why;

    if (run == NULL) {
        return problem_set(call->problem, "registry: no memory to simulate one");
    }
    if (!registry_run_open(run, config, &why)) {
        free(run);
        return bad_config(call, &why);
    }
    registry_end(call->scenario);
    call->scenario->registry = run;
    return true;
}

static uint64_t said(const struct call *call, enum operand_kind kind, uint64_t otherwise)
{
    return call_has(call, kind) ? call->value[kind].number : otherwise;
}

bool run_registry(struct call *call)
{
    uint64_t most = call->scenario->limits.memory;
    uint64_t ram = most < RAM_DEFAULT ? most : RAM_DEFAULT;
    struct registry_config config = {.format = scenario_format(call->scenario),
                                     .ram_bytes = said(call, OPERAND_SIZE, ram),
                                     .own_bytes = said(call, OPERAND_BYTES, OWN_DEFAULT),
                                     .spaces = said(call, OPERAND_N, 0),
                                     .pages = said(call, OPERAND_M, 3),
                                     .seed = 1};
    struct problem problem;
    struct registry_run *run;

    if (!check_size(call, &config) || !open_registry(call, &config)) {
        return false;
    }
    run = call->scenario->registry;
    if (config.spaces == 0) {
        registry_show_kernel(run, call->out);
        return true;
    }
    lend_mishaps(call->scenario);
    if (!worked(call, registry_run_grow(run, &problem) && registry_run_verify(run, &problem),
                &problem)) {
        return false;
    }
    if (call->scenario->outcome.kind == OUTCOME_OK) {
        registry_show_crowd(run, call->out);
    }
    return true;
}

/* ---- one space after the other --------------------------------------------------------------- */

static bool has_registry(struct call *call)
{
    return call->scenario->registry != NULL ||
           !outcome_failed(call, QUIRE_NOT_FOUND, "%s: there is no registry (registry makes one)",
                           call->command->name);
}

static bool has_space(struct call *call)
{
    uint64_t id = call->value[OPERAND_NUMBER].number;

    return has_registry(call) &&
           (id < call->scenario->registry->registry.spaces ||
            !outcome_failed(call, QUIRE_NOT_FOUND, "%s: there is no address space %" PRIu64,
                            call->command->name, id));
}

static bool show_window(struct call *call, uint32_t id)
{
    fprintf(call->out, "address space %" PRIu32 "\n", id);
    return registry_show_window(call->scenario->registry, id, call->out);
}

bool run_registry_new(struct call *call)
{
    struct problem problem;

    if (!has_registry(call)) {
        return true;
    }
    lend_mishaps(call->scenario);
    worked(call, registry_run_create(call->scenario->registry, &problem), &problem);
    return call->scenario->outcome.kind != OUTCOME_OK ||
           show_window(call, call->scenario->registry->registry.spaces - 1);
}

bool run_registry_grow(struct call *call)
{
    uint32_t id = (uint32_t)call->value[OPERAND_NUMBER].number;
    struct problem problem;

    if (!has_space(call)) {
        return true;
    }
    lend_mishaps(call->scenario);
    worked(call, registry_run_extend(call->scenario->registry, id, &problem), &problem);
    return call->scenario->outcome.kind != OUTCOME_OK || show_window(call, id);
}

bool run_show_registry(struct call *call)
{
    if (has_registry(call)) {
        registry_show_crowd(call->scenario->registry, call->out);
    }
    return true;
}

bool run_show_window(struct call *call)
{
    return !has_space(call) || show_window(call, (uint32_t)call->value[OPERAND_NUMBER].number);
}
