/*
 * The clock, twice: with a use bit of its own, and with the MMU's.
 *
 *          hand                The ring is a queue whose head is the hand. Passing over a page
 *           v                  moves it from the head to the tail, which is where the hand will
 *     [ oldest ... newest ]    meet it again last; a newcomer goes to the tail, which is the place
 *                              that its victim just left behind the hand.
 */
#include "quire/policy.h"

static void pass_over(struct quire_policy *policy, uint32_t index)
{
    quire_policy_list_remove(policy, &policy->list[0], index);
    quire_policy_list_append(policy, &policy->list[0], index);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    policy->node[pfn.n - policy->first].word = 1;
}

static quire_pfn victim(struct quire_policy *policy)
{
    const struct quire_policy_list *ring = &policy->list[0];

    while (ring->head != QUIRE_NONE && policy->node[ring->head].word != 0) {
        policy->node[ring->head].word = 0;
        pass_over(policy, ring->head);
    }
    return quire_policy_queue_oldest(policy);
}

const struct quire_policy_ops quire_policy_clock = {
    .name = "clock",
    .wants_references = true,
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .reference = reference,
    .victim = victim,
};

/* Once around is enough: the first page's accessed bit was cleared then, but if the processors set
 * bits as fast as they are cleared, the hand stops after that all the same. */
static quire_pfn victim_mmu(struct quire_policy *policy)
{
    const struct quire_policy_list *ring = &policy->list[0];

    for (uint32_t passed = 0; passed < ring->length; passed++) {
        if (!policy->used(policy->context, quire_pfn_of(policy->first + ring->head))) {
            break;
        }
        pass_over(policy, ring->head);
    }
    return quire_policy_queue_oldest(policy);
}

const struct quire_policy_ops quire_policy_clock_mmu = {
    .name = "clock-mmu",
    .wants_accessed = true,
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .victim = victim_mmu,
};
