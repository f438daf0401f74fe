/* What replacement policies share: set-up, and lists of frames. */
#include "quire/policy.h"

void quire_policy_init(struct quire_policy *policy, const struct quire_policy_ops *ops,
                       struct quire_policy_node *node, quire_pfn first, uint32_t frames,
                       void *state)
{
    *policy = (struct quire_policy){.ops = ops,
                                    .node = node,
                                    .first = first.n,
                                    .frames = frames,
                                    .capacity = frames,
                                    .state = state};
    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        policy->list[i] = QUIRE_POLICY_LIST_EMPTY;
    }
    for (uint32_t i = 0; i < frames; i++) {
        node[i] = (struct quire_policy_node){QUIRE_NONE, QUIRE_NONE, 0};
    }
    if (ops->init != NULL) {
        ops->init(policy);
    }
}

/* ---- lists --------------------------------------------------------------------------------- */

/* Where a list's link to a neighbour is kept: in the neighbour, or at the list's end. */
static uint32_t *next_of(struct quire_policy_node *node, struct quire_policy_list *list,
                         uint32_t index)
{
    return index != QUIRE_NONE ? &node[index].next : &list->head;
}

static uint32_t *prev_of(struct quire_policy_node *node, struct quire_policy_list *list,
                         uint32_t index)
{
    return index != QUIRE_NONE ? &node[index].prev : &list->tail;
}

static void link_between(struct quire_policy_node *node, struct quire_policy_list *list,
                         uint32_t prev, uint32_t index, uint32_t next)
{
    node[index].prev = prev;
    node[index].next = next;
    *next_of(node, list, prev) = index;
    *prev_of(node, list, next) = index;
    list->length++;
}

void quire_policy_list_append(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index)
{
    link_between(node, list, list->tail, index, QUIRE_NONE);
}

void quire_policy_list_prepend(struct quire_policy_node *node, struct quire_policy_list *list,
                               uint32_t index)
{
    link_between(node, list, QUIRE_NONE, index, list->head);
}

void quire_policy_list_remove(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index)
{
    *next_of(node, list, node[index].prev) = node[index].next;
    *prev_of(node, list, node[index].next) = node[index].prev;
    list->length--;
}

void quire_policy_list_rotate(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index)
{
    uint32_t prev = node[index].prev;

    if (prev != QUIRE_NONE) {
        node[list->tail].next = list->head;
        node[list->head].prev = list->tail;
        node[prev].next = QUIRE_NONE;
        node[index].prev = QUIRE_NONE;
        list->head = index;
        list->tail = prev;
    }
}

/* ---- policies of one queue ----------------------------------------------------------------- */

void quire_policy_queue_insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    policy->node[index].word = 0;
    quire_policy_list_append(policy->node, &policy->list[0], index);
}

void quire_policy_queue_remove(struct quire_policy *policy, quire_pfn pfn)
{
    quire_policy_list_remove(policy->node, &policy->list[0], quire_policy_index(policy, pfn));
}

quire_pfn quire_policy_queue_oldest(struct quire_policy *policy)
{
    uint32_t index = policy->list[0].head;

    if (index != QUIRE_NONE) {
        quire_policy_list_remove(policy->node, &policy->list[0], index);
    }
    return quire_policy_pfn(policy, index);
}

void quire_policy_queue_pass(struct quire_policy *policy)
{
    uint32_t second = policy->node[policy->list[0].head].next;

    if (second != QUIRE_NONE) {
        quire_policy_list_rotate(policy->node, &policy->list[0], second);
    }
}

/* ---- policies of several lists ------------------------------------------------------------- */

void quire_policy_put(struct quire_policy *policy, uint32_t index, unsigned list)
{
    struct quire_policy_node *node = &policy->node[index];

    node->word = (node->word & ~(uint32_t)QUIRE_POLICY_WHICH) | list;
    quire_policy_list_append(policy->node, &policy->list[list], index);
}

void quire_policy_take(struct quire_policy *policy, uint32_t index)
{
    unsigned list = policy->node[index].word & QUIRE_POLICY_WHICH;

    quire_policy_list_remove(policy->node, &policy->list[list], index);
}

void quire_policy_remove(struct quire_policy *policy, quire_pfn pfn)
{
    quire_policy_take(policy, quire_policy_index(policy, pfn));
}

uint32_t quire_policy_detach(struct quire_policy *policy, unsigned list)
{
    uint32_t first = policy->list[list].head;

    policy->list[list] = QUIRE_POLICY_LIST_EMPTY;
    return first;
}
