/* First in, first out. */
#include "quire/policy.h"

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    (void)coming;
    return quire_policy_queue_oldest(policy);
}

const struct quire_policy_ops quire_policy_fifo = {
    .name = "fifo",
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .victim = victim,
};
