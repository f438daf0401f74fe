/*
 * The clock with a preference for pages that need not be written (the "enhanced second-chance
 * algorithm" of Silberschatz, Galvin, Gagne, Operating System Concepts, 9.4.5.3; in these words in
 * Stallings, Operating Systems, 8.2; the Macintosh used it).
 *
 * Each page is (used, dirty). From where the hand stands:
 *
 *   1. once around, the first page (0, 0) goes; no use bit is changed;
 *   2. if there is none: once around, the first page (0, 1) goes; use bits passed are cleared;
 *   3. if there is none, all use bits are 0 now: 1 and 2 again.
 *
 * Asking the MMU clears its bit, so that a use bit is kept in the node's word until step 2 clears
 * it. A page comes in used, as the access that faulted is retried. If processors mark pages as fast
 * as marks are cleared, the hand stops after that all the same.
 *
 * Step 1 clears nothing that would make the next search shorter. But a page that it found used or
 * dirty stays so until step 2 has passed it: the others, OPEN, are a list of their own, in the
 * order of the ring from the hand on, and only they are looked at.
 */
#include "quire/policy.h"

struct state {
    struct quire_policy_list open;
    struct quire_policy_node node[]; /* for that list; the word: is it on it? */
};

static size_t state_bytes(uint32_t frames)
{
    uint64_t bytes = sizeof(struct state) + frames * (uint64_t)sizeof(struct quire_policy_node);

    return bytes <= SIZE_MAX ? (size_t)bytes : SIZE_MAX;
}

static void init(struct quire_policy *policy)
{
    ((struct state *)policy->state)->open = QUIRE_POLICY_LIST_EMPTY;
}

static void open_add(struct quire_policy *policy, uint32_t index)
{
    struct state *state = policy->state;

    state->node[index].word = 1;
    quire_policy_list_append(state->node, &state->open, index);
}

static void open_drop(struct quire_policy *policy, uint32_t index)
{
    struct state *state = policy->state;

    if (state->node[index].word != 0) {
        state->node[index].word = 0;
        quire_policy_list_remove(state->node, &state->open, index);
    }
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    quire_policy_queue_insert(policy, pfn, page);
    open_add(policy, quire_policy_index(policy, pfn));
}

/* Its use bit may be known to nobody else. */
static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    quire_policy_list_append(policy->node, &policy->list[0], index);
    open_add(policy, index);
}

static void take_off(struct quire_policy *policy, quire_pfn pfn)
{
    open_drop(policy, quire_policy_index(policy, pfn));
    quire_policy_queue_remove(policy, pfn);
}

static bool used(struct quire_policy *policy, uint32_t index)
{
    struct quire_policy_node *node = &policy->node[index];

    if (quire_policy_used(policy, index)) {
        node->word = 1;
    }
    return node->word != 0;
}

/* Step 1: the hand comes to a page that is neither. False: there is none. */
static bool find_clean(struct quire_policy *policy)
{
    const struct quire_policy_list *open = &((struct state *)policy->state)->open;
    uint32_t at;

    while ((at = open->head) != QUIRE_NONE) {
        open_drop(policy, at);
        if (!used(policy, at) && !quire_policy_dirty(policy, at)) {
            quire_policy_list_rotate(policy->node, &policy->list[0], at);
            return true;
        }
    }
    return false;
}

/* Step 2, likewise: to one that is not used. => no page is open */
static bool find_dirty(struct quire_policy *policy)
{
    const struct quire_policy_list *ring = &policy->list[0];

    for (uint32_t passed = 0; passed < ring->length; passed++) {
        uint32_t at = ring->head;

        if (!used(policy, at)) {
            return true;
        }
        policy->node[at].word = 0;
        quire_policy_queue_pass(policy);
        open_add(policy, at);
    }
    return false;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    bool found = find_clean(policy) || find_dirty(policy) || find_clean(policy);

    (void)coming;
    if (!found) {
        find_dirty(policy);
    }
    if (policy->list[0].head != QUIRE_NONE) {
        open_drop(policy, policy->list[0].head);
    }
    return quire_policy_queue_oldest(policy);
}

const struct quire_policy_ops quire_policy_clock_m = {
    .name = "clock-m",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = take_off,
    .victim = victim,
    .put_back = put_back,
};
