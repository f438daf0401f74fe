/* Commands about which pages are in memory: limits, advice, reading ahead, time. */
#include <inttypes.h>
#include <stdlib.h>

#include "quire/limit.h"
#include "scenario_internal.h"

static quire_va va_of(const struct call *call)
{
    return quire_va_at(call->value[OPERAND_VA].number);
}

bool run_limit(struct call *call)
{
    struct scenario_process *process = call_process(call);
    struct machine *machine = &call->scenario->machine;
    uint64_t pages = call->value[OPERAND_NUMBER].number;
    const struct quire_policy_ops *policy = call_has(call, OPERAND_POLICY)
                                                ? call->value[OPERAND_POLICY].policy
                                                : machine->config.policy;
    size_t bytes = quire_space_limit_size(&machine->system, policy);
    void *state = malloc(bytes + 1);
    enum quire_status status;

    if (pages > UINT32_MAX || state == NULL) {
        free(state);
        return problem_set(call->problem, state == NULL ? "limit: no memory"
                                                        : "limit: expected a number of pages");
    }
    status = quire_space_limit(process->space, (uint32_t)pages, policy, state, bytes);
    if (status != QUIRE_OK) {
        free(state);
        return outcome_failed(call, status,
                              "limit: policy %s needs an accessed bit, and the machine's MMU has "
                              "none",
                              policy->name);
    }
    free(process->limit_state);
    process->limit_state = state;
    return true;
}

bool run_advise(struct call *call)
{
    return outcome_of(call,
                      quire_space_advise(call_process(call)->space, va_of(call),
                                         call->value[OPERAND_SIZE].number,
                                         (enum quire_advice)call->value[OPERAND_ADVICE].number));
}

struct prefetch {
    struct quire_space *space;
    quire_va va;
    uint64_t bytes, done;
};

static enum quire_status prefetch_step(void *context, struct quire_request *request)
{
    struct prefetch *prefetch = context;

    return quire_space_prefetch(prefetch->space, prefetch->va, prefetch->bytes, &prefetch->done,
                                request);
}

bool run_prefetch(struct call *call)
{
    struct prefetch prefetch = {.space = call_process(call)->space,
                                .va = va_of(call),
                                .bytes = call->value[OPERAND_SIZE].number};
    struct quire_request request;
    uint64_t pages = prefetch.bytes >> scenario_page_shift(call->scenario);

    if (call->scenario->work < pages || call->scenario->stop) {
        return outcome_failed(call, QUIRE_BUSY, "prefetch: stopped, or more than is allowed here");
    }
    call->scenario->work -= pages;
    return outcome_of(
        call, machine_complete(&call->scenario->machine, prefetch_step, &prefetch, &request));
}

bool run_tick(struct call *call)
{
    uint64_t ticks = call_has(call, OPERAND_N) ? call->value[OPERAND_N].number : 1;

    for (; ticks != 0; ticks--) {
        if (call->scenario->work == 0 || call->scenario->stop) {
            return outcome_failed(call, QUIRE_BUSY, "tick: stopped, or more than is allowed here");
        }
        call->scenario->work--;
        quire_system_tick(&call->scenario->machine.system);
    }
    return true;
}
