/*
 * Least recently used, exactly (Mattson, Gecsei, Slutz, Traiger, Evaluation Techniques for Storage
 * Hierarchies, IBM Systems Journal 9(2), 1970); and a reference, of which there are so many, is one
 * store.
 *
 *     sorted   [ oldest ... newest ]   by their last use, as of `sorted_at`
 *     unsorted [ ... ]                 all pages that came or were found in use since then
 *
 * The victim is the first sorted page that was not used after the sorting: whatever is behind it,
 * or unsorted, was used later. Those before it were, and become unsorted. When no sorted page is
 * left, the unsorted ones are sorted. Every page of a sorting came or was used since the one
 * before: so a sorting of n pages costs its log n for references and faults that there were.
 */
#include "quire/policy.h"

enum { SORTED, UNSORTED }; /* lists */

struct state {
    uint64_t now, sorted_at;
    uint64_t used[]; /* by frame: when last */
};

static size_t state_bytes(uint32_t frames)
{
    return sizeof(struct state) + (size_t)frames * sizeof(uint64_t);
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    state->used[index] = ++state->now;
    quire_policy_put(policy, index, UNSORTED);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    struct state *state = policy->state;

    state->used[quire_policy_index(policy, pfn)] = ++state->now;
}

/* ---- sorting: chains of nodes, linked by `next` alone -------------------------------------- */

/* Of two chains in order, one in order; either may be empty. */
static uint32_t merge(struct quire_policy *policy, uint32_t a, uint32_t b)
{
    const uint64_t *used = ((const struct state *)policy->state)->used;
    uint32_t first = QUIRE_NONE;
    uint32_t *end = &first;

    while (a != QUIRE_NONE && b != QUIRE_NONE) {
        uint32_t *from = used[a] < used[b] ? &a : &b;

        *end = *from;
        end = &policy->node[*from].next;
        *from = *end;
    }
    *end = a != QUIRE_NONE ? a : b;
    return first;
}

/* Merge sort from below: run[i] is empty or a chain of 1 << i nodes in order. */
static uint32_t sort(struct quire_policy *policy, uint32_t chain)
{
    uint32_t run[32];
    uint32_t all = QUIRE_NONE;

    for (unsigned i = 0; i < 32; i++) {
        run[i] = QUIRE_NONE;
    }
    while (chain != QUIRE_NONE) {
        uint32_t one = chain;
        unsigned i;

        chain = policy->node[one].next;
        policy->node[one].next = QUIRE_NONE;
        for (i = 0; run[i] != QUIRE_NONE; i++) {
            one = merge(policy, run[i], one);
            run[i] = QUIRE_NONE;
        }
        run[i] = one;
    }
    for (unsigned i = 0; i < 32; i++) {
        all = merge(policy, run[i], all);
    }
    return all;
}

static void sort_all(struct quire_policy *policy)
{
    struct state *state = policy->state;
    uint32_t chain = sort(policy, quire_policy_detach(policy, UNSORTED));

    while (chain != QUIRE_NONE) {
        uint32_t index = chain;

        chain = policy->node[index].next;
        quire_policy_put(policy, index, SORTED);
    }
    state->sorted_at = state->now;
}

/* -------------------------------------------------------------------------------------------- */

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    const struct state *state = policy->state;
    const struct quire_policy_list *sorted = &policy->list[SORTED];

    (void)coming;
    for (;;) {
        uint32_t index = sorted->head;

        if (index == QUIRE_NONE && policy->list[UNSORTED].head == QUIRE_NONE) {
            return quire_pfn_of(QUIRE_NONE);
        }
        if (index == QUIRE_NONE) {
            sort_all(policy);
            continue;
        }
        quire_policy_take(policy, index);
        if (state->used[index] <= state->sorted_at) {
            return quire_policy_pfn(policy, index);
        }
        quire_policy_put(policy, index, UNSORTED);
    }
}

const struct quire_policy_ops quire_policy_lru = {
    .name = "lru",
    .wants_references = true,
    .state_bytes = state_bytes,
    .insert = insert,
    .remove = quire_policy_remove,
    .reference = reference,
    .victim = victim,
};
