/*
 * Random numbers for tests: from one seed, which is printed, so that every run can be repeated:
 * QUIRE_SEED=0x... in the environment.
 */
#ifndef SUPPORT_PRNG_H
#define SUPPORT_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/* The seed of this run: QUIRE_SEED, else a fresh one. Printed (as a TAP comment) on first use. */
uint64_t prng_seed(void);

/* A generator of its own for each `stream`, derived from the seed. */
struct prng prng_new(uint64_t stream);

uint64_t prng_next(struct prng *prng);

/* 0 .. n-1. => n != 0 */
uint64_t prng_below(struct prng *prng, uint64_t n);

static inline bool prng_one_in(struct prng *prng, uint64_t n)
{
    return prng_below(prng, n) == 0;
}

#endif
