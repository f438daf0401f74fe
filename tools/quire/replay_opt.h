/*
 * The optimal policy: what no machine can do, because it must know the future (Belady, A Study of
 * Replacement Algorithms for a Virtual-Storage Computer, IBM Systems Journal 5(2), 1966; Mattson
 * and others, 1970). The page goes whose next use is furthest away. Nobody can have fewer faults.
 *
 * So the trace is read twice: first for its future, then it is replayed:
 *
 *     future_open(&future, page_shift);
 *     ... future_add(&future, batch, n) for all of the trace ...
 *     config.policy = &replay_policy_opt, config.future = &future; ... replay ...
 *     future_close(&future);
 */
#ifndef QUIRE_TOOLS_REPLAY_OPT_H
#define QUIRE_TOOLS_REPLAY_OPT_H

#include "quire/policy.h"
#include "replay_shadow.h"
#include "trace.h"

#define FUTURE_NEVER UINT32_MAX

struct future {
    uint32_t *next; /* of each page reference, the number of the next one to the same page */
    size_t length, room;
    unsigned page_shift;
    struct shadow last; /* by page, 8 bytes: the number of the last reference so far, + 1; or 0 */
};

bool future_open(struct future *future, unsigned page_shift); /* false: no memory */
void future_close(struct future *future);

/* The next n records of the trace. False: no memory, or 2^32 - 1 page references or more. */
bool future_add(struct future *future, const struct trace_record *batch, size_t n);

extern const struct quire_policy_ops replay_policy_opt;

/* => set up with replay_policy_opt; the future stays where it is meanwhile */
void replay_opt_begin(struct quire_policy *policy, const struct future *future);

#endif
