/* Least recently used, exactly: one queue, and each reference moves a page to its end. */
#include "quire/policy.h"

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    struct quire_policy_list *list = &policy->list[0];
    uint32_t index = pfn.n - policy->first;

    if (list->tail != index) {
        quire_policy_list_remove(policy, list, index);
        quire_policy_list_append(policy, list, index);
    }
}

const struct quire_policy_ops quire_policy_lru = {
    .name = "lru",
    .wants_references = true,
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .reference = reference,
    .victim = quire_policy_queue_oldest,
};
