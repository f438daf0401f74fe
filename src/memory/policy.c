/* What replacement policies share: set-up, and lists of frames. */
#include "quire/policy.h"

void quire_policy_init(struct quire_policy *policy, const struct quire_policy_ops *ops,
                       struct quire_policy_node *node, quire_pfn first, uint32_t frames,
                       void *state)
{
    const struct quire_policy_list empty = {QUIRE_NONE, QUIRE_NONE, 0};

    *policy = (struct quire_policy){
        .ops = ops, .node = node, .first = first.n, .frames = frames, .state = state};
    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        policy->list[i] = empty;
    }
    for (uint32_t i = 0; i < frames; i++) {
        node[i] = (struct quire_policy_node){QUIRE_NONE, QUIRE_NONE, 0};
    }
    if (ops->init != NULL) {
        ops->init(policy);
    }
}

void quire_policy_list_append(struct quire_policy *policy, struct quire_policy_list *list,
                              uint32_t index)
{
    struct quire_policy_node *node = &policy->node[index];

    node->prev = list->tail;
    node->next = QUIRE_NONE;
    if (list->tail == QUIRE_NONE) {
        list->head = index;
    } else {
        policy->node[list->tail].next = index;
    }
    list->tail = index;
    list->length++;
}

void quire_policy_list_remove(struct quire_policy *policy, struct quire_policy_list *list,
                              uint32_t index)
{
    struct quire_policy_node *node = &policy->node[index];

    if (node->prev == QUIRE_NONE) {
        list->head = node->next;
    } else {
        policy->node[node->prev].next = node->next;
    }
    if (node->next == QUIRE_NONE) {
        list->tail = node->prev;
    } else {
        policy->node[node->next].prev = node->prev;
    }
    list->length--;
}

void quire_policy_queue_insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = pfn.n - policy->first;

    (void)page;
    policy->node[index].word = 0;
    quire_policy_list_append(policy, &policy->list[0], index);
}

void quire_policy_queue_remove(struct quire_policy *policy, quire_pfn pfn)
{
    quire_policy_list_remove(policy, &policy->list[0], pfn.n - policy->first);
}

quire_pfn quire_policy_queue_oldest(struct quire_policy *policy)
{
    uint32_t index = policy->list[0].head;

    if (index == QUIRE_NONE) {
        return quire_pfn_of(QUIRE_NONE);
    }
    quire_policy_list_remove(policy, &policy->list[0], index);
    return quire_pfn_of(policy->first + index);
}
