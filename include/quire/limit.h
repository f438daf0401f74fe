/*
 * Per-space (local) replacement: a space that may have so many resident pages and no more.
 *
 * Without a limit, all pages compete for all frames, under the system's policy: global replacement.
 * A space with a limit competes with itself: to bring in a page of its own when as many are
 * resident as may be, it gives up one of these, chosen by a policy of its own. Other spaces take
 * its frames only when nothing else can be evicted. Pages of objects belong to nobody and stay
 * global. (Denning, The Working Set Model for Program Behavior, CACM 11(5), 1968, is on why; how
 * large the limit should be is the host's to say: see quire_space_working_set().)
 *
 * After a fork, a page that parent and child share counts for both, and is in the hands of the
 * policy of one of them. The child begins without a limit.
 */
#ifndef QUIRE_LIMIT_H
#define QUIRE_LIMIT_H

#include "quire/space.h"

/* Bytes of state that the policy wants for a space of this system; often 0. */
size_t quire_space_limit_size(const struct quire_system *system,
                              const struct quire_policy_ops *policy);

/* Limits the space to `pages` resident pages of its own, or with 0 no longer. `state`:
 * quire_space_limit_size() bytes, aligned to 8, that stay in place as long as the limit does. Pages
 * that are too many leave at the next faults. QUIRE_INVALID: the policy needs an accessed bit and
 * the format has none, or the state is too small. */
enum quire_status quire_space_limit(struct quire_space *space, uint32_t pages,
                                    const struct quire_policy_ops *policy, void *state,
                                    size_t state_bytes);

#endif
