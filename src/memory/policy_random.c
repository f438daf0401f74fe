/*
 * Any page, with equal chances: the yardstick that a policy must beat to be worth its trouble, and
 * one that no program can defeat on purpose (Belady, A Study of Replacement Algorithms for a
 * Virtual-Storage Computer, IBM Systems Journal 5(2), 1966).
 *
 * The pages stand in an array without holes. A draw is 32 bits of splitmix64 (Steele, Lea, Flood,
 * Fast Splittable Pseudorandom Number Generators, OOPSLA 2014) from policy->seed, scaled to how
 * many pages there are: no page is favoured by more than one part in 2^32 a page.
 */
#include "quire/policy.h"

/* The state: the pages' nodes, in no order. A node's word is its place here. */
static size_t state_bytes(uint32_t frames)
{
    return (size_t)frames * sizeof(uint32_t);
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t *at = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);
    uint32_t place = policy->list[0].length;

    quire_policy_queue_insert(policy, pfn, page);
    policy->node[index].word = place;
    at[place] = index;
}

/* The last page takes its place. */
static void take_off(struct quire_policy *policy, quire_pfn pfn)
{
    uint32_t *at = policy->state;
    uint32_t place = policy->node[quire_policy_index(policy, pfn)].word;
    uint32_t last = at[policy->list[0].length - 1];

    at[place] = last;
    policy->node[last].word = place;
    quire_policy_queue_remove(policy, pfn);
}

static uint32_t draw(struct quire_policy *policy)
{
    uint64_t z = policy->seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    const uint32_t *at = policy->state;
    uint32_t pages = policy->list[0].length;
    quire_pfn pfn;

    (void)coming;
    if (pages == 0) {
        return quire_pfn_of(QUIRE_NONE);
    }
    pfn = quire_policy_pfn(policy, at[(uint64_t)draw(policy) * pages >> 32]);
    take_off(policy, pfn);
    return pfn;
}

const struct quire_policy_ops quire_policy_random = {
    .name = "random",
    .state_bytes = state_bytes,
    .insert = insert,
    .remove = take_off,
    .victim = victim,
};
