/*
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, FIFO Queues are All You Need for Cache Eviction, SOSP
 * 2023), twice.
 *
 *     comes --> SMALL, a tenth --> two hits meanwhile: MAIN, nine tenths --> no hit: evicted
 *                   |                       ^                 ^  |
 *                   | less: evicted,        | comes again     +--+ hits: one less, once more
 *                   v remembered            |
 *                 ghosts, as many as nine tenths
 *
 * With memory for K pages: SMALL is K/10 and MAIN the rest, ghosts are 9K/10, rounded down. Hits
 * are counted up to 3. The victim is sought in MAIN while that holds more than its share, or SMALL
 * nothing; else in SMALL, and in MAIN if all of SMALL has moved there. A page comes in, and into
 * MAIN, with no hits. Where the paper leaves things open, this is what the authors' simulator does
 * (and what its published counts need): a page that moves from SMALL to MAIN loses its hits; SMALL
 * has no limit of its own, it is only asked first; K may be small: then SMALL's share is 0.
 *
 *   s3-fifo      must be told of every reference: those are the hits.
 *   s3-fifo-mmu  A hit is the MMU's accessed bit, found set when the page is looked at; one is
 *                enough to move to MAIN. The bit that the load itself sets is cleared first, as in
 *                policy_sieve.c.
 */
#include "policy_ghosts.h"

enum { SMALL, MAIN, FRESH }; /* lists */

enum { REMEMBERED }; /* list of ghosts */

/* Hits are kept in a node's word above the list; for FRESH pages it is the list they go to. */
enum { HIT = QUIRE_POLICY_WHICH + 1, HITS_TO_MOVE = 2, HITS_MAX = 3 };

static uint32_t ghosts_of(uint32_t pages)
{
    return (uint32_t)((uint64_t)pages * 9 / 10);
}

static size_t state_bytes(uint32_t frames)
{
    return quire_ghosts_bytes(sizeof(struct quire_ghosts), frames, ghosts_of(frames));
}

static void init(struct quire_policy *policy)
{
    struct quire_ghosts *ghosts = policy->state;

    quire_ghosts_init(ghosts, ghosts + 1, policy->frames, ghosts_of(policy->frames));
}

/* Onto a list, with no hits; by way of FRESH if the MMU has to be asked. */
static void put(struct quire_policy *policy, uint32_t index, unsigned list)
{
    bool mmu = policy->ops->wants_accessed;

    policy->node[index].word = mmu ? list * HIT : 0;
    quire_policy_put(policy, index, mmu ? FRESH : list);
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct quire_ghosts *ghosts = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    ghosts->held[index] = page;
    put(policy, index, quire_ghosts_forget(ghosts, page) ? MAIN : SMALL);
}

static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);
    uint32_t word = policy->node[index].word, list = word & QUIRE_POLICY_WHICH;

    quire_ghosts_forget(policy->state, page);
    put(policy, index, list == FRESH ? word / HIT : list);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    struct quire_policy_node *node = &policy->node[quire_policy_index(policy, pfn)];

    if (node->word < HITS_MAX * HIT) {
        node->word += HIT;
    }
}

/* Hits of a page that is looked at. */
static uint32_t hits(const struct quire_policy *policy, uint32_t index, uint32_t one_is)
{
    if (policy->ops->wants_accessed) {
        return quire_policy_used(policy, index) ? one_is : 0;
    }
    return policy->node[index].word / HIT;
}

/* QUIRE_NONE: all of SMALL, perhaps nothing, has moved to MAIN. */
static uint32_t from_small(struct quire_policy *policy)
{
    struct quire_ghosts *ghosts = policy->state;
    uint32_t index;

    while ((index = policy->list[SMALL].head) != QUIRE_NONE) {
        quire_policy_take(policy, index);
        if (hits(policy, index, HITS_TO_MOVE) < HITS_TO_MOVE) {
            quire_ghosts_add(ghosts, REMEMBERED, ghosts_of(policy->capacity), ghosts->held[index],
                             0);
            break;
        }
        policy->node[index].word = 0;
        quire_policy_put(policy, index, MAIN);
    }
    return index;
}

/* After so many times around nothing can have hits left, unless processors set marks as fast as
 * they are cleared: then the next page goes all the same. */
static uint32_t from_main(struct quire_policy *policy)
{
    unsigned rounds = policy->ops->wants_accessed ? 1 : HITS_MAX;
    uint64_t looks = (uint64_t)policy->list[MAIN].length * rounds;
    uint32_t index;

    while ((index = policy->list[MAIN].head) != QUIRE_NONE) {
        uint32_t left = hits(policy, index, 1);

        quire_policy_take(policy, index);
        if (left == 0 || looks-- == 0) {
            break;
        }
        policy->node[index].word = (left - 1) * HIT;
        quire_policy_put(policy, index, MAIN);
    }
    return index;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    uint32_t share = policy->capacity - policy->capacity / 10;
    uint32_t index = QUIRE_NONE;

    quire_ghosts_await(policy->state, coming);
    if (policy->list[MAIN].length <= share) {
        index = from_small(policy);
    }
    if (index == QUIRE_NONE) {
        index = from_main(policy);
    }
    return quire_policy_pfn(policy, index);
}

static quire_pfn victim_mmu(struct quire_policy *policy, uint64_t coming)
{
    uint32_t fresh;

    while ((fresh = policy->list[FRESH].head) != QUIRE_NONE) {
        unsigned list = policy->node[fresh].word / HIT;

        quire_policy_used(policy, fresh); /* not to know, but to clear it */
        quire_policy_take(policy, fresh);
        policy->node[fresh].word = 0;
        quire_policy_put(policy, fresh, list);
    }
    return victim(policy, coming);
}

const struct quire_policy_ops quire_policy_s3_fifo = {
    .name = "s3-fifo",
    .wants_references = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = quire_policy_remove,
    .reference = reference,
    .victim = victim,
    .put_back = put_back,
    .forget = quire_policy_forget_ghost,
};

const struct quire_policy_ops quire_policy_s3_fifo_mmu = {
    .name = "s3-fifo-mmu",
    .wants_accessed = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = quire_policy_remove,
    .victim = victim_mmu,
    .put_back = put_back,
    .forget = quire_policy_forget_ghost,
};
