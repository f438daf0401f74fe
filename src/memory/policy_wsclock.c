/*
 * WSClock (Carr, Hennessy, WSClock: A Simple and Effective Algorithm for Virtual Memory Management,
 * SOSP 1981): the clock's ring, and for each page the time when it was last found used.
 *
 * The hand passes over pages, and of each
 *     used:                            clears the bit, the time is now;
 *     not used for at most WINDOW:     it is in the working set, and stays;
 *     not used for longer, and clean:  this is the victim;
 *     not used for longer, and dirty:  the paper starts writing it and goes on.
 * Back where it began, the paper waits for the first of those writes; if there were none, it takes
 * the first clean page; and if all are dirty, the page at the hand.
 *
 * A policy starts no writes, and evicting a dirty page writes it: so the first such page is the
 * victim, once no clean one was found. Time is counted in ticks, of the system, while the paper has
 * each process count its own. A page comes in used now. The hand goes on behind the victim.
 *
 * A victim may cost once around, or twice, when many pages are in the working set.
 */
#include "quire/policy.h"

enum { WINDOW = 4 }; /* ticks */

struct state {
    uint32_t now; /* ticks; a node's word is when it was last found used */
};

static size_t state_bytes(uint32_t frames)
{
    (void)frames;
    return sizeof(struct state);
}

static uint32_t now(const struct quire_policy *policy)
{
    return ((const struct state *)policy->state)->now;
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    quire_policy_queue_insert(policy, pfn, page);
    policy->node[quire_policy_index(policy, pfn)].word = now(policy);
}

/* Has the page left the working set? */
static bool outside(struct quire_policy *policy, uint32_t index)
{
    struct quire_policy_node *node = &policy->node[index];

    if (quire_policy_used(policy, index)) {
        node->word = now(policy);
    }
    return now(policy) - node->word > WINDOW;
}

/* The first clean page from the hand on, else the page there. */
static uint32_t first_clean(struct quire_policy *policy)
{
    uint32_t index = policy->list[0].head;

    while (index != QUIRE_NONE && quire_policy_dirty(policy, index)) {
        index = policy->node[index].next;
    }
    return index != QUIRE_NONE ? index : policy->list[0].head;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    const struct quire_policy_list *ring = &policy->list[0];
    uint32_t chosen = QUIRE_NONE;

    (void)coming;
    for (uint32_t passed = 0; passed < ring->length; passed++) {
        uint32_t at = ring->head;

        if (outside(policy, at)) {
            if (!quire_policy_dirty(policy, at)) {
                return quire_policy_queue_oldest(policy);
            }
            chosen = chosen == QUIRE_NONE ? at : chosen;
        }
        quire_policy_queue_pass(policy);
    }
    chosen = chosen == QUIRE_NONE ? first_clean(policy) : chosen;
    while (ring->head != chosen) {
        quire_policy_queue_pass(policy);
    }
    return quire_policy_queue_oldest(policy);
}

static void tick(struct quire_policy *policy)
{
    ((struct state *)policy->state)->now++;
}

const struct quire_policy_ops quire_policy_wsclock = {
    .name = "wsclock",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .insert = insert,
    .remove = quire_policy_queue_remove,
    .victim = victim,
    .tick = tick,
};
