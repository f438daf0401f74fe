/*
 * Aging (Tanenbaum, Modern Operating Systems, 3.4.7): each page has a counter; a tick shifts it to
 * the right and puts the accessed bit in front; the page with the lowest counter goes.
 *
 * There are no counters here, only the order that they would have, and that takes no search:
 *
 *     OLD  [ 0... ]   not used in the last interval between ticks    pages in the order of their
 *     NEW  [ 1000 ]   came in since                                  counters, lowest first
 *     USED [ 1... ]   used in the last interval
 *
 * After a tick the pages that were not used stand before those that were; among each of the two the
 * order is as before. So a tick deals the pages, in order, to two lists. What this decides is what
 * counters of any length would: the textbook's of 8 bits forget what was more than 8 ticks ago.
 * Pages with the same history go in the order in which they came.
 *
 * A page comes in with its highest bit set, as if a tick had just seen it used: with 0 it would be
 * the next victim. Uses since the last tick do not count yet, as in the textbook.
 */
#include "quire/policy.h"

enum { OLD, NEW, USED, LISTS };

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    (void)page;
    quire_policy_put(policy, quire_policy_index(policy, pfn), NEW);
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    unsigned list = 0;
    uint32_t index;

    (void)coming;
    while (list < LISTS - 1 && policy->list[list].head == QUIRE_NONE) {
        list++;
    }
    index = policy->list[list].head;
    if (index != QUIRE_NONE) {
        quire_policy_take(policy, index);
    }
    return quire_policy_pfn(policy, index);
}

static void tick(struct quire_policy *policy)
{
    uint32_t chain[LISTS];

    for (unsigned list = 0; list < LISTS; list++) {
        chain[list] = quire_policy_detach(policy, list);
    }
    for (unsigned list = 0; list < LISTS; list++) {
        while (chain[list] != QUIRE_NONE) {
            uint32_t index = chain[list];

            chain[list] = policy->node[index].next;
            quire_policy_put(policy, index, quire_policy_used(policy, index) ? USED : OLD);
        }
    }
}

const struct quire_policy_ops quire_policy_aging = {
    .name = "aging",
    .wants_accessed = true,
    .insert = insert,
    .remove = quire_policy_remove,
    .victim = victim,
    .tick = tick,
};
