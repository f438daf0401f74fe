/*
 * SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, SIEVE is Simpler than LRU: an Efficient Turn-Key
 * Eviction Algorithm for Web Caches, NSDI 2024), twice.
 *
 *     [ oldest ... ^ ... newest ]    A page that the hand passes over stays where it is: old ones
 *                 hand -->           that are used gather behind the hand, and newcomers are
 *                                    reached soon, by a hand that has not far to go.
 *
 *   sieve      The use bit is 0 when a page comes in and set by every later reference. The hand
 *              goes from older to newer pages, clearing set bits, and evicts the first page whose
 *              bit is 0; then it stands on the next newer one. From the newest page it goes on to
 *              the oldest.
 *   sieve-mmu  The use bit is the MMU's accessed bit. The access that faulted is retried and sets
 *              it, which says nothing: so the first thing that happens when a victim is wanted is
 *              that the bits of all pages that came since the last one are cleared. Uses between
 *              the load and the next fault that evicts are lost with it.
 */
#include "quire/policy.h"

enum { QUEUE, FRESH }; /* lists */

enum { USED = QUIRE_POLICY_WHICH + 1 }; /* in a node's word */

struct state {
    uint32_t hand; /* QUIRE_NONE: at the oldest */
};

static size_t state_bytes(uint32_t frames)
{
    (void)frames;
    return sizeof(struct state);
}

static void init(struct quire_policy *policy)
{
    ((struct state *)policy->state)->hand = QUIRE_NONE;
}

static void take_off(struct quire_policy *policy, quire_pfn pfn)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    if (state->hand == index) {
        state->hand = policy->node[index].next;
    }
    quire_policy_take(policy, index);
}

/* The page at the hand. */
static uint32_t at_hand(const struct quire_policy *policy)
{
    uint32_t hand = ((const struct state *)policy->state)->hand;

    return hand != QUIRE_NONE ? hand : policy->list[QUEUE].head;
}

static void pass(struct quire_policy *policy)
{
    ((struct state *)policy->state)->hand = policy->node[at_hand(policy)].next;
}

static quire_pfn take_at_hand(struct quire_policy *policy)
{
    quire_pfn pfn = quire_policy_pfn(policy, at_hand(policy));

    if (!quire_pfn_none(pfn)) {
        pass(policy);
        take_off(policy, pfn);
    }
    return pfn;
}

/* ---- with its own use bit ------------------------------------------------------------------ */

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    policy->node[index].word = 0;
    quire_policy_put(policy, index, QUEUE);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    policy->node[quire_policy_index(policy, pfn)].word |= USED;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    (void)coming;
    while (at_hand(policy) != QUIRE_NONE && (policy->node[at_hand(policy)].word & USED) != 0) {
        policy->node[at_hand(policy)].word &= ~(uint32_t)USED;
        pass(policy);
    }
    return take_at_hand(policy);
}

const struct quire_policy_ops quire_policy_sieve = {
    .name = "sieve",
    .wants_references = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = take_off,
    .reference = reference,
    .victim = victim,
};

/* ---- with the MMU's ------------------------------------------------------------------------ */

static void insert_mmu(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    (void)page;
    quire_policy_put(policy, quire_policy_index(policy, pfn), FRESH);
}

/* Once around is enough: see policy_clock.c. */
static quire_pfn victim_mmu(struct quire_policy *policy, uint64_t coming)
{
    uint32_t fresh;

    (void)coming;
    while ((fresh = policy->list[FRESH].head) != QUIRE_NONE) {
        quire_policy_used(policy, fresh); /* not to know, but to clear it */
        quire_policy_take(policy, fresh);
        quire_policy_put(policy, fresh, QUEUE);
    }
    for (uint32_t passed = 0; passed < policy->list[QUEUE].length; passed++) {
        if (!quire_policy_used(policy, at_hand(policy))) {
            break;
        }
        pass(policy);
    }
    return take_at_hand(policy);
}

const struct quire_policy_ops quire_policy_sieve_mmu = {
    .name = "sieve-mmu",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert_mmu,
    .remove = take_off,
    .victim = victim_mmu,
};
