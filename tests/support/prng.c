/* Random numbers for tests: splitmix64. */
#include "tests/support/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t prng_seed(void)
{
    static uint64_t seed;
    static bool known;

    if (!known) {
        const char *given = getenv("QUIRE_SEED");
        seed = given != NULL ? strtoull(given, NULL, 0)
                             : mix((uint64_t)time(NULL) << 20 ^ (uint64_t)getpid()) >> 32;
        known = true;
        printf("# QUIRE_SEED=%#llx\n", (unsigned long long)seed);
        fflush(stdout);
    }
    return seed;
}

struct prng prng_new(uint64_t stream)
{
    struct prng prng = {mix(prng_seed() + stream * UINT64_C(0x9e3779b97f4a7c15))};
    return prng;
}

uint64_t prng_next(struct prng *prng)
{
    prng->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(prng->state);
}

uint64_t prng_below(struct prng *prng, uint64_t n)
{
    return prng_next(prng) % n;
}
