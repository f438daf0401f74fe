/*
 * WSClock (Carr, Hennessy, WSClock: A Simple and Effective Algorithm for Virtual Memory Management,
 * SOSP 1981): the clock's ring, and for each page the time when it was last found used.
 *
 * The hand passes over pages, and of each
 *     used:                            clears the bit, the time is now;
 *     not used for at most WINDOW:     it is in the working set, and stays;
 *     not used for longer, and clean:  this is the victim;
 *     not used for longer, and dirty:  it is queued to be written.
 * Back where it began, the first one queued is the victim; if there is none, the first clean page;
 * and if all are dirty, the first page.
 *
 * In the paper queued pages are written while the hand goes on, and it waits for the first of them
 * at the end. A policy starts no writes, and evicting a dirty page writes it: so that is when. One
 * that was used while it was queued is in the working set again.
 *
 * Time is counted in ticks, of the system, while the paper has each process count its own. No page
 * gets older between two ticks: so the hand goes around once in a tick at most, however many
 * victims are wanted, and pages come in behind it, used now.
 *
 *     UNSEEN [ not looked at in this tick ]       the hand is at the head of the first
 *     QUEUED [ old and dirty ]
 *     SEEN   [ in the working set ]
 *     DIRTY  [ likewise, and known to be dirty ]  at a tick all become unseen, in this order
 */
#include "quire/policy.h"

enum { UNSEEN, QUEUED, SEEN, DIRTY, LISTS };

/* A node's word is when the page was found used, in units that leave room for its list. */
enum { TICK = QUIRE_POLICY_WHICH + 1, WINDOW = 4 * TICK };

struct state {
    uint32_t now;
};

static size_t state_bytes(uint32_t frames)
{
    (void)frames;
    return sizeof(struct state);
}

static uint32_t now(const struct quire_policy *policy)
{
    return ((const struct state *)policy->state)->now;
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    policy->node[index].word = now(policy);
    quire_policy_put(policy, index, SEEN);
}

/* Looks at the first page of a list: the list that it belongs to. */
static unsigned look(struct quire_policy *policy, uint32_t index, unsigned list)
{
    struct quire_policy_node *node = &policy->node[index];

    if (list == DIRTY) {
        return DIRTY;
    }
    if (list == SEEN) {
        return quire_policy_dirty(policy, index) ? DIRTY : SEEN;
    }
    if (quire_policy_used(policy, index)) {
        node->word = now(policy) | list;
    }
    if (now(policy) - (node->word & ~(uint32_t)QUIRE_POLICY_WHICH) <= WINDOW) {
        return SEEN;
    }
    return quire_policy_dirty(policy, index) ? QUEUED : UNSEEN;
}

/* What belongs where it is goes; what does not moves to a later list. */
static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    (void)coming;
    for (unsigned list = 0; list < LISTS; list++) {
        uint32_t index;

        while ((index = policy->list[list].head) != QUIRE_NONE) {
            unsigned belongs = look(policy, index, list);

            quire_policy_take(policy, index);
            if (belongs <= list) {
                return quire_policy_pfn(policy, index);
            }
            quire_policy_put(policy, index, belongs);
        }
    }
    return quire_pfn_of(QUIRE_NONE);
}

static void tick(struct quire_policy *policy)
{
    ((struct state *)policy->state)->now += TICK;
    for (unsigned list = UNSEEN + 1; list < LISTS; list++) {
        uint32_t index = quire_policy_detach(policy, list);

        while (index != QUIRE_NONE) {
            uint32_t next = policy->node[index].next;

            quire_policy_put(policy, index, UNSEEN);
            index = next;
        }
    }
}

const struct quire_policy_ops quire_policy_wsclock = {
    .name = "wsclock",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .insert = insert,
    .remove = quire_policy_remove,
    .victim = victim,
    .tick = tick,
};
