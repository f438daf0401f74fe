/*
 * Page replacement: which resident page goes next.
 *
 * A policy is a link unit: a table of functions over lists of frames. It knows frame numbers, not
 * address spaces. Those that come with quire, and what exactly they do:
 *
 *   fifo       the page that came in first goes first.
 *   clock      one use bit. It is 0 when the page comes in and set by every later reference (hit).
 *              The hand starts at the oldest page; it passes over pages in the order they came,
 *              clearing set bits, and evicts the first page whose bit is 0; the newcomer takes that
 *              place and the hand moves on. (Corbato, A Paging Experiment with the Multics System,
 *              1968; with this load rule: what trace simulators count.) It must be told of every
 *              reference, which only a simulator can do.
 *   clock-mmu  the same hand, but the use bit is the MMU's accessed bit. On a real machine the
 *              access that faulted is retried and sets the bit, so a page comes in with its bit at
 *              1. Its fault counts therefore differ from clock's. Needs a format with an accessed
 *              bit.
 *   lru        exactly least recently used: must be told of every reference (Mattson et al.,
 *              Evaluation Techniques for Storage Hierarchies, IBM Systems Journal 9(2), 1970).
 */
#ifndef QUIRE_POLICY_H
#define QUIRE_POLICY_H

#include "quire/status.h"
#include "quire/types.h"

/* One for each frame, the policy's own. Links are indices, QUIRE_NONE at the ends. */
struct quire_policy_node {
    uint32_t prev, next;
    uint32_t word; /* use bit, age, which list: as the policy likes */
};

struct quire_policy_list {
    uint32_t head, tail, length;
};

enum { QUIRE_POLICY_LISTS = 4 };

struct quire_policy {
    const struct quire_policy_ops *ops;
    struct quire_policy_node *node; /* by frame number - first */
    uint32_t first, frames;
    struct quire_policy_list list[QUIRE_POLICY_LISTS];
    uint64_t seed; /* for policies that throw dice */
    void *state;   /* ops->state_bytes() bytes, zeroed; NULL if it wants none */

    /* Has the page been accessed since this was last asked? Clears the accessed bits of all its
     * mappings and gathers their flushes. NULL outside an address space (plain simulations). */
    bool (*used)(void *context, quire_pfn pfn);
    void *context;
};

/* Context of all: the system locked; no I/O; no allocation. */
struct quire_policy_ops {
    const char *name;
    bool wants_references; /* useless unless `reference` is called for every access */
    bool wants_accessed;   /* asks `used` */
    size_t (*state_bytes)(uint32_t frames);    /* NULL: none */
    void (*init)(struct quire_policy *policy); /* NULL: lists are empty, and that is enough */

    /* A page came in. `page` says which, the same number each time the same page comes in. */
    void (*insert)(struct quire_policy *policy, quire_pfn pfn, uint64_t page);

    /* A page left without having been chosen: unmapped, wired. => inserted */
    void (*remove)(struct quire_policy *policy, quire_pfn pfn);

    /* A reference to a page that was resident. NULL: the policy does not care. */
    void (*reference)(struct quire_policy *policy, quire_pfn pfn);

    /* The page to evict, taken off the lists; QUIRE_NONE if there is no page. One that could not be
     * evicted after all is inserted again. */
    quire_pfn (*victim)(struct quire_policy *policy);
};

extern const struct quire_policy_ops quire_policy_fifo;
extern const struct quire_policy_ops quire_policy_clock;
extern const struct quire_policy_ops quire_policy_clock_mmu;
extern const struct quire_policy_ops quire_policy_lru;

/* Sets the policy up: nodes for `frames` frames from `first` on, and state as asked for. */
void quire_policy_init(struct quire_policy *policy, const struct quire_policy_ops *ops,
                       struct quire_policy_node *node, quire_pfn first, uint32_t frames,
                       void *state);

/* Lists of nodes, for policies. The head is the oldest. */
void quire_policy_list_append(struct quire_policy *policy, struct quire_policy_list *list,
                              uint32_t index);
void quire_policy_list_remove(struct quire_policy *policy, struct quire_policy_list *list,
                              uint32_t index);

/* A whole policy's worth of one queue (list[0]), for those that start from it: insert at the end
 * with word = 0, remove, and take the oldest. */
void quire_policy_queue_insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page);
void quire_policy_queue_remove(struct quire_policy *policy, quire_pfn pfn);
quire_pfn quire_policy_queue_oldest(struct quire_policy *policy);

#endif
