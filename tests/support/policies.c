/* The policies in the order of their models. */
#include "tests/support/policies.h"

#include "tools/quire/replay_opt.h"

const struct quire_policy_ops *const policies[POLICIES] = {
    [MODEL_FIFO] = &quire_policy_fifo,
    [MODEL_RANDOM] = &quire_policy_random,
    [MODEL_CLOCK] = &quire_policy_clock,
    [MODEL_CLOCK_MMU] = &quire_policy_clock_mmu,
    [MODEL_CLOCK_M] = &quire_policy_clock_m,
    [MODEL_LRU] = &quire_policy_lru,
    [MODEL_NRU] = &quire_policy_nru,
    [MODEL_AGING] = &quire_policy_aging,
    [MODEL_WSCLOCK] = &quire_policy_wsclock,
    [MODEL_2Q] = &quire_policy_2q,
    [MODEL_ARC] = &quire_policy_arc,
    [MODEL_SIEVE] = &quire_policy_sieve,
    [MODEL_SIEVE_MMU] = &quire_policy_sieve_mmu,
    [MODEL_S3_FIFO] = &quire_policy_s3_fifo,
    [MODEL_S3_FIFO_MMU] = &quire_policy_s3_fifo_mmu,
    [MODEL_GENERATIONAL] = &quire_policy_generational,
    [OPTIMAL] = &replay_policy_opt,
};
