/* The replacement policies by name. */
#include "replay_policy.h"

#include <stdio.h>
#include <string.h>

#include "replay_opt.h"

const struct replay_policy replay_policies[] = {
    {&quire_policy_fifo, "first in, first out"},
    {&quire_policy_random, "any page (--seed)"},
    {&quire_policy_clock, "fifo, but pages used since they were last passed are passed"},
    {&quire_policy_clock_mmu, "the same"},
    {&quire_policy_clock_m, "the same, unused pages that are clean before dirty ones"},
    {&quire_policy_lru, "least recently used"},
    {&quire_policy_nru, "not used since the last tick before used, clean before dirty"},
    {&quire_policy_aging, "least used in the last ticks"},
    {&quire_policy_wsclock, "clock by age in ticks, clean before dirty"},
    {&quire_policy_2q, "a queue on trial, then lru for what came back"},
    {&quire_policy_arc, "lru of pages used once, and of those used again, in balance"},
    {&quire_policy_sieve, "clock whose passed pages stay where they are"},
    {&quire_policy_sieve_mmu, "the same"},
    {&quire_policy_s3_fifo, "a small queue on trial before a large clock"},
    {&quire_policy_s3_fifo_mmu, "the same"},
    {&quire_policy_generational, "generations of pages, a new one each tick; refaults protect"},
    {&replay_policy_opt, "Belady's optimum: furthest next use; the trace is read twice"},
    {NULL, NULL},
};

const struct quire_policy_ops *replay_policy_find(const char *name)
{
    const struct replay_policy *policy = replay_policies;

    while (policy->ops != NULL && strcmp(policy->ops->name, name) != 0) {
        policy++;
    }
    return policy->ops;
}

/* What it takes to know what the program does. */
static const char *needs(const struct quire_policy_ops *ops)
{
    if (ops->wants_references) {
        return "every reference";
    }
    if (ops->wants_accessed) {
        return ops->tick != NULL ? "accessed bit, ticks" : "accessed bit";
    }
    return "nothing";
}

void replay_policy_list(void)
{
    for (const struct replay_policy *policy = replay_policies; policy->ops != NULL; policy++) {
        printf("%-13s %-20s %s\n", policy->ops->name, needs(policy->ops), policy->what);
    }
}
