/*
 * Timing for the programs in this directory.
 *
 * What is compared runs side by side: the cases of a group take turns, round after round, so that
 * a slow moment of a shared machine hits all of them, and the best round of each counts. The first
 * case is the reference; every other line tells its speed relative to that, so 1.00 is as fast and
 * more is faster.
 *
 *     static uint64_t sum(void *context)          runs the work, answers how many operations it was
 *     {
 *         struct job *job = context;
 *         ...
 *         bench_keep(total);                      the compiler must not think it unused
 *         return job->count;
 *     }
 *
 *     static const struct bench_case cases[] = {
 *         {"by hand", by_hand, NULL, &job},
 *         {"quire", sum, fill, &job},
 *     };
 *
 *     int main(void)
 *     {
 *         bench_group("sum of a page", BENCH_NS, "page", cases, BENCH_CASES(cases));
 *         return 0;
 *     }
 *
 * prints
 *
 *     sum of a page
 *       by hand                                   52.10 ns/page
 *       quire                                     51.30 ns/page         (ratio 1.02 of reference)
 *
 * Time is what the processor spent on it, in the program and in the system: waiting for others who
 * want the processor too does not count (nor does waiting for a disk, or work of other threads).
 * A run should take 2 to 50 ms. QUIRE_BENCH_ROUNDS= says how many rounds (7; 1 to only try it).
 */
#ifndef QUIRE_BENCH_H
#define QUIRE_BENCH_H

#include <stddef.h>
#include <stdint.h>

enum bench_unit {
    BENCH_NS,     /* nanoseconds an operation */
    BENCH_MILLION /* million operations a second */
};

struct bench_case {
    const char *name;
    uint64_t (*run)(void *context); /* timed; answers the operations it did, at least 1 */
    void (*prepare)(void *context); /* before each run, not timed; may be NULL */
    void *context;
};

#define BENCH_CASES(array) (sizeof(array) / sizeof((array)[0]))

enum { BENCH_CASES_MAX = 16 };

/* Runs a group and prints it. `operation` is one operation's name, singular: "page". */
void bench_group(const char *title, enum bench_unit unit, const char *operation,
                 const struct bench_case *cases, size_t count);

/* The same for cases that are not to be compared with each other: without ratios. */
void bench_table(const char *title, enum bench_unit unit, const char *operation,
                 const struct bench_case *cases, size_t count);

/* Seconds of a clock that only goes forward. */
double bench_seconds(void);

/* malloc, or a message and exit: what a benchmark cannot have, it cannot measure. */
void *bench_memory(size_t bytes);

/* A random number; the same sequence in every run of the program. *state starts at any value. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15; /* splitmix64 (Steele, Lea, Flood 2014) */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Makes the compiler believe that a value, and all of memory, is looked at here. */
static inline void bench_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"((uintptr_t)value) : "memory");
}

#endif
