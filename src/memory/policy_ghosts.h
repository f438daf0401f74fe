/*
 * Ghosts: pages that a policy evicted and still remembers, by number, in up to two lists; and what
 * each frame holds, so that a victim's number is known.
 *
 * Between the choice of a victim and the coming of the page that it makes room for, a policy may be
 * asked again, for this page or another, as writing takes its time and may fail. So the ghost of a
 * page that is awaited is taken aside, off its list, where the victims' ghosts cannot push it out.
 *
 * A page's number is found by hashing; all operations take constant time. 36 bytes for a ghost, at
 * most, and 8 for a frame. A page that is unmapped is forgotten (ops->forget). Two pages can have
 * one number all the same: the one that a process left to its children, and its own copy. Then one
 * is taken for the other, which costs a good decision but nothing else.
 */
#ifndef QUIRE_POLICY_GHOSTS_H
#define QUIRE_POLICY_GHOSTS_H

#include "quire/policy.h"

enum {
    QUIRE_GHOST_LISTS = 2,
    QUIRE_GHOSTS_AWAITED = QUIRE_GHOST_LISTS, /* the list of those taken aside */
    QUIRE_GHOSTS_ASIDE = 16                   /* so many at most: the oldest goes */
};

struct quire_ghost {
    uint64_t page;
    uint32_t chain; /* next with the same hash; also of those that are free. + 1; 0: none */
    uint32_t note;  /* the policy's */
};

struct quire_ghosts {
    struct quire_policy_list list[QUIRE_GHOST_LISTS + 1]; /* a node's word is which */
    struct quire_policy_node *node;
    struct quire_ghost *ghost;
    uint64_t *held;   /* by node of the policy: the page in its frame */
    uint32_t *bucket; /* the first ghost with this hash, + 1 */
    uint32_t mask, fresh, free;
};

/* Memory for the policy's own structure, with this one in it, and for so many frames and ghosts in
 * lists behind it. SIZE_MAX: more than can be addressed. */
size_t quire_ghosts_bytes(size_t own, uint32_t frames, uint32_t ghosts);

/* => memory: zeroed, aligned to 8 */
void quire_ghosts_init(struct quire_ghosts *ghosts, void *memory, uint32_t frames, uint32_t count);

/* Index of the ghost, or QUIRE_NONE. */
uint32_t quire_ghosts_find(const struct quire_ghosts *ghosts, uint64_t page);

/* The same, and it is taken aside. */
uint32_t quire_ghosts_await(struct quire_ghosts *ghosts, uint64_t page);

/* Remembers a page at the end of a list that holds `limit` at most: the oldest goes. No more than
 * there is memory for. */
void quire_ghosts_add(struct quire_ghosts *ghosts, unsigned list, uint32_t limit, uint64_t page,
                      uint32_t note);

/* => index is one's, not QUIRE_NONE */
void quire_ghosts_drop(struct quire_ghosts *ghosts, uint32_t index);
void quire_ghosts_drop_oldest(struct quire_ghosts *ghosts, unsigned list); /* if there is one */

/* The page is back, or no more: nothing is remembered of it. Was it a ghost? */
bool quire_ghosts_forget(struct quire_ghosts *ghosts, uint64_t page);

/* For ops->forget. => the policy's state begins with its ghosts */
void quire_policy_forget_ghost(struct quire_policy *policy, uint64_t page);

#endif
