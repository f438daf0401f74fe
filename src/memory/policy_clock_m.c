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
 * it. A page comes in used, as the access that faulted is retried. A victim may cost four times
 * around: step 1 clears nothing that would make the next search shorter. If processors mark pages
 * as fast as marks are cleared, the hand stops after that all the same.
 */
#include "quire/policy.h"

static bool used(struct quire_policy *policy, uint32_t index)
{
    struct quire_policy_node *node = &policy->node[index];

    if (quire_policy_used(policy, index)) {
        node->word = 1;
    }
    return node->word != 0;
}

/* Its use bit may be known to nobody else. */
static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    (void)page;
    quire_policy_list_append(policy->node, &policy->list[0], quire_policy_index(policy, pfn));
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    const struct quire_policy_list *ring = &policy->list[0];

    (void)coming;
    for (unsigned round = 1; round <= 4; round++) {
        bool dirty_too = round % 2 == 0;

        for (uint32_t passed = 0; passed < ring->length; passed++) {
            uint32_t at = ring->head;

            if (!used(policy, at) && (dirty_too || !quire_policy_dirty(policy, at))) {
                return quire_policy_queue_oldest(policy);
            }
            if (dirty_too) {
                policy->node[at].word = 0;
            }
            quire_policy_queue_pass(policy);
        }
    }
    return quire_policy_queue_oldest(policy);
}

const struct quire_policy_ops quire_policy_clock_m = {
    .name = "clock-m",
    .wants_accessed = true,
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .victim = victim,
    .put_back = put_back,
};
