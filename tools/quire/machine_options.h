/* What a simulated machine is made of, as people write it: policies, the TLB. */
#ifndef QUIRE_TOOLS_MACHINE_OPTIONS_H
#define QUIRE_TOOLS_MACHINE_OPTIONS_H

#include "output.h"
#include "quire/policy.h"

/* The policy of that name: all but opt, which wants to know the future. */
bool policy_choose(const char *text, const struct quire_policy_ops **policy,
                   struct problem *problem);

/* ENTRIES or ENTRIES,WAYS; without ways (0), fully associative. */
bool tlb_choose(const char *text, uint64_t *entries, uint64_t *ways, struct problem *problem);

#endif
