/*
 * Generations of pages: what Linux calls the multi-gen LRU (Yu Zhao, Documentation/mm/
 * multigen_lru.rst, since Linux 6.1), without its memory control groups, page types, Bloom filters
 * and file descriptors.
 *
 *     oldest [ ... ] [ ... ] [ ... ] [ ... ] youngest      two to four generations
 *       |                        ^      ^
 *       victim                   |      comes in; found used when a generation is made
 *                                tier 1, unused, protected: one generation younger
 *
 * A tick makes a generation: all pages are looked at, and those that were used since the last look
 * go there. A fifth would be one too many, so that the oldest two become one first, in order. The
 * youngest two are not evicted from, as what is in the youngest was never looked at: if no other is
 * left when a victim is wanted, a generation is made there and then, once; and if even that leaves
 * none, the oldest there is will do.
 *
 * A page of the oldest generation goes if its accessed bit is not set; if it is, it goes to the
 * youngest. If processors set bits as fast as they are cleared, as many looks are taken as there
 * are pages, and then the oldest goes.
 *
 * Refaults. As many evicted pages are remembered as memory holds. A page's refault distance is the
 * number of evictions from its own on until it comes back. If that is at most what memory holds,
 * the page might have stayed had there been twice as much: it comes in as of tier 1, all others as
 * of tier 0. For each tier it is counted how many pages came up for eviction, unused, and how many
 * of those evicted came back from so near; both are halved when a generation is made. While those
 * of tier 1 come back more often than those of tier 0,
 *
 *     returned[1] / up[1]  >  (returned[0] + 1) / (up[0] + 64)    and returned[1] is 64 or more,
 *
 * an unused page of tier 1 is not evicted but moved one generation on. That counts in up[1] too, so
 * that sparing pages in vain ends by itself.
 */
#include "policy_ghosts.h"

enum { GENERATIONS = QUIRE_POLICY_LISTS, YOUNG = 2, AT_LEAST = 64 };

enum { TIER_1 = QUIRE_POLICY_WHICH + 1 }; /* in a node's word */

enum { REMEMBERED }; /* list of ghosts; a ghost's note: evictions before it * 2 + its tier */

struct state {
    struct quire_ghosts ghosts;
    uint32_t oldest, youngest;   /* generation n is list[n % GENERATIONS] */
    uint32_t evictions;          /* ever */
    uint32_t up[2], returned[2]; /* of late, by tier */
};

static size_t state_bytes(uint32_t frames)
{
    return quire_ghosts_bytes(sizeof(struct state), frames, frames);
}

static void init(struct quire_policy *policy)
{
    struct state *state = policy->state;

    state->youngest = YOUNG - 1;
    quire_ghosts_init(&state->ghosts, state + 1, policy->frames, policy->frames);
}

static struct quire_policy_list *generation(struct quire_policy *policy, uint32_t number)
{
    return &policy->list[number % GENERATIONS];
}

static void move(struct quire_policy *policy, uint32_t index, uint32_t number)
{
    quire_policy_take(policy, index);
    quire_policy_put(policy, index, number % GENERATIONS);
}

/* ---- making a generation ------------------------------------------------------------------- */

/* The oldest generation goes before the next, in order: from its end. */
static void join_oldest(struct quire_policy *policy)
{
    struct state *state = policy->state;
    const struct quire_policy_list *oldest = generation(policy, state->oldest++);

    while (oldest->tail != QUIRE_NONE) {
        uint32_t index = oldest->tail;
        struct quire_policy_node *node = &policy->node[index];

        quire_policy_take(policy, index);
        node->word = (node->word & TIER_1) | state->oldest % GENERATIONS;
        quire_policy_list_prepend(policy->node, generation(policy, state->oldest), index);
    }
}

static void make_generation(struct quire_policy *policy)
{
    struct state *state = policy->state;

    if (state->youngest - state->oldest == GENERATIONS - 1) {
        join_oldest(policy);
    }
    state->youngest++;
    for (uint32_t number = state->oldest; number != state->youngest; number++) {
        uint32_t index = generation(policy, number)->head;

        while (index != QUIRE_NONE) {
            uint32_t next = policy->node[index].next;

            if (quire_policy_used(policy, index)) {
                move(policy, index, state->youngest);
            }
            index = next;
        }
    }
    for (unsigned tier = 0; tier < 2; tier++) {
        state->up[tier] /= 2;
        state->returned[tier] /= 2;
    }
}

/* ---- coming and going ---------------------------------------------------------------------- */

/* A page comes back: the word of its node. */
static uint32_t refault(struct quire_policy *policy, uint32_t ghost)
{
    struct state *state = policy->state;
    uint32_t note = state->ghosts.ghost[ghost].note;
    uint32_t distance = (state->evictions * 2 - (note & ~UINT32_C(1))) / 2;

    quire_ghosts_drop(&state->ghosts, ghost);
    if (distance > policy->capacity) {
        return 0;
    }
    state->returned[note & 1]++;
    return TIER_1;
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);
    uint32_t ghost = quire_ghosts_find(&state->ghosts, page);

    state->ghosts.held[index] = page;
    policy->node[index].word = ghost != QUIRE_NONE ? refault(policy, ghost) : 0;
    quire_policy_put(policy, index, state->youngest % GENERATIONS);
}

/* To the youngest generation, of the same tier; if it was evicted, it was not. */
static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);
    unsigned tier = (policy->node[index].word & TIER_1) != 0;

    if (quire_ghosts_forget(&state->ghosts, page)) {
        state->up[tier] -= state->up[tier] != 0;
    }
    quire_policy_put(policy, index, state->youngest % GENERATIONS);
}

static bool protected(const struct quire_policy *policy, uint32_t index)
{
    const struct state *state = policy->state;
    const uint32_t *up = state->up, *returned = state->returned;

    return (policy->node[index].word & TIER_1) != 0 && returned[1] >= AT_LEAST &&
           (uint64_t)returned[1] * ((uint64_t)up[0] + AT_LEAST) >
               ((uint64_t)returned[0] + 1) * up[1];
}

/* Leaves empty generations behind, as long as the young ones remain. True: there is one more. */
static bool has_old(struct quire_policy *policy)
{
    struct state *state = policy->state;

    while (state->youngest - state->oldest >= YOUNG &&
           generation(policy, state->oldest)->head == QUIRE_NONE) {
        state->oldest++;
    }
    return state->youngest - state->oldest >= YOUNG;
}

static quire_pfn evict(struct quire_policy *policy, uint32_t index)
{
    struct state *state = policy->state;
    unsigned tier = (policy->node[index].word & TIER_1) != 0;

    quire_policy_take(policy, index);
    quire_ghosts_add(&state->ghosts, REMEMBERED, policy->capacity, state->ghosts.held[index],
                     state->evictions * 2 + tier);
    state->evictions++;
    state->up[tier]++;
    return quire_policy_pfn(policy, index);
}

/* The oldest page there is. */
static uint32_t oldest_page(struct quire_policy *policy)
{
    const struct state *state = policy->state;
    uint32_t number = state->oldest;

    while (number != state->youngest && generation(policy, number)->head == QUIRE_NONE) {
        number++;
    }
    return generation(policy, number)->head;
}

static uint32_t pages(const struct quire_policy *policy)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < GENERATIONS; i++) {
        sum += policy->list[i].length;
    }
    return sum;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    struct state *state = policy->state;
    bool made = false;
    uint32_t index;

    quire_ghosts_await(&state->ghosts, coming);
    for (uint32_t looks = pages(policy); looks != 0 && (has_old(policy) || !made); looks--) {
        if (!has_old(policy)) {
            make_generation(policy);
            made = true;
            continue;
        }
        index = generation(policy, state->oldest)->head;
        if (quire_policy_used(policy, index)) {
            move(policy, index, state->youngest);
        } else if (protected(policy, index)) {
            state->up[1]++;
            move(policy, index, state->oldest + 1);
        } else {
            return evict(policy, index);
        }
    }
    index = oldest_page(policy);
    return index != QUIRE_NONE ? evict(policy, index) : quire_pfn_of(QUIRE_NONE);
}

const struct quire_policy_ops quire_policy_generational = {
    .name = "generational",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = quire_policy_remove,
    .victim = victim,
    .put_back = put_back,
    .forget = quire_policy_forget_ghost,
    .tick = make_generation,
};
