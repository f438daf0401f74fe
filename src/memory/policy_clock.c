/*
 * The clock, twice: with a use bit of its own, and with the MMU's.
 *
 *          hand                The ring is a queue whose head is the hand. Passing over a page
 *           v                  moves it from the head to the tail, which is where the hand will
 *     [ oldest ... newest ]    meet it again last; a newcomer goes to the tail, which is the place
 *                              that its victim just left behind the hand.
 *
 *   clock      The use bit is 0 when the page comes in and set by every later reference (hit). The
 *              hand starts at the oldest page; it passes over pages in the order they came,
 *              clearing set bits, and evicts the first page whose bit is 0. (Corbato, A Paging
 *              Experiment with the Multics System, 1968; with this load rule: what trace
 *              simulators count.)
 *   clock-mmu  The same hand, but the use bit is the MMU's accessed bit: a page comes in with its
 *              bit at 1, as the access that faulted is retried.
 */
#include "quire/policy.h"

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    policy->node[quire_policy_index(policy, pfn)].word = 1;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    const struct quire_policy_list *ring = &policy->list[0];

    (void)coming;
    while (ring->head != QUIRE_NONE && policy->node[ring->head].word != 0) {
        policy->node[ring->head].word = 0;
        quire_policy_queue_pass(policy);
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
static quire_pfn victim_mmu(struct quire_policy *policy, uint64_t coming)
{
    const struct quire_policy_list *ring = &policy->list[0];

    (void)coming;
    for (uint32_t passed = 0; passed < ring->length; passed++) {
        if (!quire_policy_used(policy, ring->head)) {
            break;
        }
        quire_policy_queue_pass(policy);
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
