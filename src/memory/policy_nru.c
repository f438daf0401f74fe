/*
 * Not recently used (Tanenbaum, Modern Operating Systems, 3.4.2): a page of the lowest class goes.
 *
 *   class 0  not used since the last tick, clean
 *         1  not used,                     dirty
 *         2  used,                         clean
 *         3  used,                         dirty
 *
 * The textbook takes any page of the class, at random; here it is the one that has been known to be
 * in it for longest. Each class has its list. Between ticks a page can only rise, so a list may
 * hold pages that have risen since they were looked at; a victim's class is looked up once more
 * before it goes, and what has risen moves to where it belongs: each page three times at most
 * between two ticks. A page comes in used. A tick clears all use bits: what was used becomes not
 * used, behind those that were so already.
 */
#include "quire/policy.h"

enum { DIRTY = 1, USED = 2, CLASSES = 4 };

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    (void)page;
    quire_policy_put(policy, quire_policy_index(policy, pfn), USED);
}

static unsigned class_now(struct quire_policy *policy, uint32_t index, unsigned class)
{
    if ((class & USED) == 0 && quire_policy_used(policy, index)) {
        class |= USED;
    }
    if ((class & DIRTY) == 0 && quire_policy_dirty(policy, index)) {
        class |= DIRTY;
    }
    return class;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    (void)coming;
    for (unsigned class = 0; class < CLASSES; class ++) {
        uint32_t index;

        while ((index = policy->list[class].head) != QUIRE_NONE) {
            unsigned now = class_now(policy, index, class);

            quire_policy_take(policy, index);
            if (now == class) {
                return quire_policy_pfn(policy, index);
            }
            quire_policy_put(policy, index, now);
        }
    }
    return quire_pfn_of(QUIRE_NONE);
}

static void tick(struct quire_policy *policy)
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        uint32_t index = quire_policy_detach(policy, class);

        while (index != QUIRE_NONE) {
            uint32_t next = policy->node[index].next;

            quire_policy_used(policy, index); /* not to know, but to clear it */
            quire_policy_put(policy, index, class & ~(unsigned)USED);
            index = next;
        }
    }
}

const struct quire_policy_ops quire_policy_nru = {
    .name = "nru",
    .wants_accessed = true,
    .insert = insert,
    .remove = quire_policy_remove,
    .victim = victim,
    .tick = tick,
};
