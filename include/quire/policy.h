/*
 * Page replacement: which resident page goes next.
 *
 * A policy is a link unit: a table of functions over lists of frames. It knows frame numbers, not
 * address spaces. Those that come with quire; the head of each one's file, src/memory/policy_*.c,
 * says exactly what it does and where it comes from:
 *
 *   fifo         the page that came in first goes first.
 *   random       any page, with equal chances.
 *   clock        fifo, but a page that was used since the hand last passed is passed over.
 *   clock-mmu
 *   clock-m      clock, but of unused pages the clean ones go first.                     A D
 *   lru          exactly least recently used.                                            R
 *   nru          not used since the last tick before used, clean before dirty.           A D T
 *   aging        least often used in the last ticks, the last of them counting most.     A T
 *   wsclock      clock, but it is age in ticks that counts, and clean pages go first.    A D T
 *   2q           a queue for pages on trial, lru for those that came back after it.      R G
 *   arc          lru for pages used once and for those used again; how much of memory    R G
 *                each gets follows from which evicted pages come back.
 *   sieve        clock, but a page that is passed over stays where it is.                R
 *   sieve-mmu
 *   s3-fifo      a small queue for pages on trial, a large clock for those that pass.    R G
 *   s3-fifo-mmu
 *   generational generations of pages, a new one at each tick; of the oldest go those    A T G
 *                that were not used, and among them rather not those that came back.
 *
 * R: must be told of every reference, which only a simulator can do. A: asks the MMU for accessed
 * bits, so it needs a format that has them. D: asks for dirty marks. T: needs ticks, or becomes
 * much like fifo. G: remembers pages that were evicted, ghosts.
 *
 * Policies whose names differ in -mmu alone are one idea for two kinds of machines: clock, sieve
 * and s3-fifo with a reference told (R), clock-mmu, sieve-mmu and s3-fifo-mmu with a bit read (A).
 * Their counts differ: on a real machine the access that faulted is retried and sets the bit.
 *
 * All take constant time for each operation, averaged over what references, faults and ticks paid
 * before; lru the logarithm of how many pages there are. A tick looks at every page.
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

#define QUIRE_POLICY_LIST_EMPTY ((struct quire_policy_list){QUIRE_NONE, QUIRE_NONE, 0})

enum { QUIRE_POLICY_LISTS = 4 };

struct quire_policy {
    const struct quire_policy_ops *ops;
    struct quire_policy_node *node; /* by frame number - first */
    uint32_t first, frames;
    uint32_t capacity; /* pages that memory has room for: 1 .. frames. At first as many as may be
                          resident; tables take their share, so that from the first eviction on it
                          is how many are when memory is full */
    struct quire_policy_list list[QUIRE_POLICY_LISTS];
    uint64_t seed; /* for policies that throw dice */
    void *state;   /* ops->state_bytes() bytes, zeroed; NULL if it wants none */

    /* Has the page been accessed since this was last asked? Clears the accessed bits of all its
     * mappings and gathers their flushes. NULL outside an address space (plain simulations). */
    bool (*used)(void *context, quire_pfn pfn);

    /* Would the page have to be written if it went now? Changes nothing. NULL as above. */
    bool (*dirty)(void *context, quire_pfn pfn);
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

    /* The page to evict so that `coming` can come, taken off the lists; QUIRE_NONE if there is no
     * page. It may be called in vain, and often, for the same page. */
    quire_pfn (*victim)(struct quire_policy *policy, uint64_t coming);

    /* A page that the policy knew in this frame, and that never left it: a victim that could not be
     * evicted after all, or one that was removed for a while, to be wired or written back. No page
     * came in, and none came back. NULL: insert() will do. */
    void (*put_back)(struct quire_policy *policy, quire_pfn pfn, uint64_t page);

    /* The page of this number, which is not resident, is no more: it was unmapped, or discarded.
     * One that comes by the same number is another. Not told of pages of objects, nor of those that
     * were dropped as all zeros and need no record. NULL: the policy remembers no pages. */
    void (*forget)(struct quire_policy *policy, uint64_t page);

    /* Time passes: the host's timer calls, see quire_system_tick(). NULL: it makes no difference */
    void (*tick)(struct quire_policy *policy);
};

extern const struct quire_policy_ops quire_policy_fifo;
extern const struct quire_policy_ops quire_policy_random;
extern const struct quire_policy_ops quire_policy_clock;
extern const struct quire_policy_ops quire_policy_clock_mmu;
extern const struct quire_policy_ops quire_policy_clock_m;
extern const struct quire_policy_ops quire_policy_lru;
extern const struct quire_policy_ops quire_policy_nru;
extern const struct quire_policy_ops quire_policy_aging;
extern const struct quire_policy_ops quire_policy_wsclock;
extern const struct quire_policy_ops quire_policy_2q;
extern const struct quire_policy_ops quire_policy_arc;
extern const struct quire_policy_ops quire_policy_sieve;
extern const struct quire_policy_ops quire_policy_sieve_mmu;
extern const struct quire_policy_ops quire_policy_s3_fifo;
extern const struct quire_policy_ops quire_policy_s3_fifo_mmu;
extern const struct quire_policy_ops quire_policy_generational;

/* Sets the policy up: nodes for `frames` frames from `first` on, all of which may hold pages (set
 * policy->capacity if not), and state as asked for. */
void quire_policy_init(struct quire_policy *policy, const struct quire_policy_ops *ops,
                       struct quire_policy_node *node, quire_pfn first, uint32_t frames,
                       void *state);

/* ---- for policies --------------------------------------------------------------------------- */

static inline uint32_t quire_policy_index(const struct quire_policy *policy, quire_pfn pfn)
{
    return pfn.n - policy->first;
}

static inline quire_pfn quire_policy_pfn(const struct quire_policy *policy, uint32_t index)
{
    return quire_pfn_of(index != QUIRE_NONE ? policy->first + index : QUIRE_NONE);
}

static inline bool quire_policy_used(const struct quire_policy *policy, uint32_t index)
{
    return policy->used(policy->context, quire_policy_pfn(policy, index));
}

static inline bool quire_policy_dirty(const struct quire_policy *policy, uint32_t index)
{
    return policy->dirty(policy->context, quire_policy_pfn(policy, index));
}

/* Lists of nodes. The head is the oldest. */
void quire_policy_list_append(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index);
void quire_policy_list_prepend(struct quire_policy_node *node, struct quire_policy_list *list,
                               uint32_t index);
void quire_policy_list_remove(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index);

/* Moves what is before the node, in order, to the end of the list. */
void quire_policy_list_rotate(struct quire_policy_node *node, struct quire_policy_list *list,
                              uint32_t index);

/* A whole policy's worth of one queue (list[0]), for those that start from it: insert at the end
 * with word = 0, remove, take the oldest, and move the oldest to the end. */
void quire_policy_queue_insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page);
void quire_policy_queue_remove(struct quire_policy *policy, quire_pfn pfn);
quire_pfn quire_policy_queue_oldest(struct quire_policy *policy);
void quire_policy_queue_pass(struct quire_policy *policy);

/* And for those of several lists: the two lowest bits of a node's word say which one it is on. Put
 * a node that is on none at the end of one, leaving the other bits; take it off; or take the frame
 * of a page off, which serves as a policy's remove(). */
enum { QUIRE_POLICY_WHICH = 3 };
void quire_policy_put(struct quire_policy *policy, uint32_t index, unsigned list);
void quire_policy_take(struct quire_policy *policy, uint32_t index);
void quire_policy_remove(struct quire_policy *policy, quire_pfn pfn);

/* Empties a list; its nodes remain a chain, linked by `next`, whose first is returned. */
uint32_t quire_policy_detach(struct quire_policy *policy, unsigned list);

#endif
