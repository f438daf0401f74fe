/*
 * What each replacement policy should do, worked out as plainly as can be: arrays that are searched
 * and shifted, marks that are simply there, nothing of the core's. The rules are those that the
 * heads of src/memory/policy_*.c state. The witness for the core's policies, and for `quire replay`
 * (pager.h).
 */
#ifndef SUPPORT_MODEL_POLICY_H
#define SUPPORT_MODEL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum model_kind {
    MODEL_FIFO,
    MODEL_RANDOM,
    MODEL_CLOCK,
    MODEL_CLOCK_MMU,
    MODEL_CLOCK_M,
    MODEL_LRU,
    MODEL_NRU,
    MODEL_AGING,
    MODEL_WSCLOCK,
    MODEL_2Q,
    MODEL_ARC,
    MODEL_SIEVE,
    MODEL_SIEVE_MMU,
    MODEL_S3_FIFO,
    MODEL_S3_FIFO_MMU,
    MODEL_GENERATIONAL,
    MODEL_KINDS
};

#define MODEL_NONE UINT32_MAX

struct model_policy;

/* Frames are 0 .. frames - 1; capacity of them may hold pages. Ticks: at most 64 for MODEL_AGING,
 * whose counters have so many bits. */
struct model_policy *model_policy_open(enum model_kind kind, uint32_t frames, uint32_t capacity,
                                       uint64_t seed);
void model_policy_close(struct model_policy *model);

/* The events of struct quire_policy_ops. A page comes in with its marks clear: the access that
 * brought it in marks it, like every other. */
void model_policy_insert(struct model_policy *model, uint32_t frame, uint64_t page);
void model_policy_put_back(struct model_policy *model, uint32_t frame);
void model_policy_remove(struct model_policy *model, uint32_t frame);
void model_policy_reference(struct model_policy *model, uint32_t frame);
uint32_t model_policy_victim(struct model_policy *model, uint64_t coming); /* MODEL_NONE: none */
void model_policy_forget(struct model_policy *model, uint64_t page);
void model_policy_tick(struct model_policy *model);

/* What an MMU marks. */
void model_policy_mark(struct model_policy *model, uint32_t frame, bool write);

#endif
