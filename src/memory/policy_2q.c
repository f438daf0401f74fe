/*
 * 2Q, the full version (Johnson, Shasha, 2Q: A Low Overhead High Performance Buffer Management
 * Replacement Algorithm, VLDB 1994).
 *
 *     comes --> A1in, a queue --> evicted, remembered: A1out, a queue of page numbers
 *                                     | comes again
 *                                     v
 *                                 Am, least recently used --> evicted, forgotten
 *
 * With memory for K pages: A1in gives the victim while it holds more than K/4, else Am does. A1out
 * remembers K/2. References to a page in A1in change nothing: those that follow closely on the
 * first are one use, not many. Both quotients are rounded down. (The paper recommends these two.)
 * It must be told of every reference.
 */
#include "policy_ghosts.h"

enum { A1IN, AM }; /* lists */

enum { A1OUT }; /* of ghosts */

static size_t state_bytes(uint32_t frames)
{
    return quire_ghosts_bytes(sizeof(struct quire_ghosts), frames, frames / 2);
}

static void init(struct quire_policy *policy)
{
    struct quire_ghosts *ghosts = policy->state;

    quire_ghosts_init(ghosts, ghosts + 1, policy->frames, policy->frames / 2);
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct quire_ghosts *ghosts = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    ghosts->held[index] = page;
    quire_policy_put(policy, index, quire_ghosts_forget(ghosts, page) ? AM : A1IN);
}

static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    quire_ghosts_forget(policy->state, page);
    quire_policy_put(policy, index, policy->node[index].word & QUIRE_POLICY_WHICH);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    uint32_t index = quire_policy_index(policy, pfn);

    if (policy->node[index].word == AM && policy->list[AM].tail != index) {
        quire_policy_take(policy, index);
        quire_policy_put(policy, index, AM);
    }
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    struct quire_ghosts *ghosts = policy->state;
    bool trial = policy->list[A1IN].length > policy->capacity / 4 || policy->list[AM].length == 0;
    uint32_t index = policy->list[trial ? A1IN : AM].head;

    quire_ghosts_await(ghosts, coming);
    if (index == QUIRE_NONE) {
        return quire_pfn_of(QUIRE_NONE);
    }
    quire_policy_take(policy, index);
    if (trial) {
        quire_ghosts_add(ghosts, A1OUT, policy->capacity / 2, ghosts->held[index], 0);
    }
    return quire_policy_pfn(policy, index);
}

const struct quire_policy_ops quire_policy_2q = {
    .name = "2q",
    .wants_references = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = quire_policy_remove,
    .reference = reference,
    .victim = victim,
    .put_back = put_back,
    .forget = quire_policy_forget_ghost,
};
