/*
 * What two processors do against one, with the core's locks as POSIX mutexes: loads and stores in
 * shared and separate spaces (tests/threads/processors.h), with all pages resident, and with too
 * few frames, where almost every tenth access faults and waits for the system's one lock.
 *
 * By the clock on the wall, as work of other threads is meant to count: on a busy machine, or one
 * with a single processor, two threads are no faster than one whatever the locks are like.
 */
#include <stdio.h>

#include "bench/bench.h"
#include "tests/threads/processors.h"

enum { ROUNDS = 5, STEPS = 200000 };

/* Million accesses a second; the best of the rounds is kept. */
static void measure(unsigned cpus, uint32_t limit, double *best)
{
    double begin, rate;
    uint64_t accesses;

    processors_open(cpus, STEPS, limit);
    begin = bench_seconds();
    accesses = processors_run();
    rate = (double)accesses / (bench_seconds() - begin) / 1e6;
    processors_close();
    *best = rate > *best ? rate : *best;
}

static void compare(const char *title, uint32_t limit)
{
    double one = 0, two = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        measure(1, limit, &one);
        measure(2, limit, &two);
    }
    printf("%s\n", title);
    printf("  %-38s %8.2f M accesses/s\n", "one thread", one);
    printf("  %-38s %8.2f M accesses/s (ratio %.2f of reference)\n", "two threads", two, two / one);
}

int main(void)
{
    compare("threads, all pages resident", 0);
    compare("threads, 40 frames for pages", 40);
    return 0;
}
