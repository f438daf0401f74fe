/*
 * Faults over time, of a run whose length nobody knows before its end: a fixed number of intervals,
 * each of so many references; when all are full, pairs become one and the interval twice as long.
 */
#ifndef QUIRE_TOOLS_REPLAY_CURVE_H
#define QUIRE_TOOLS_REPLAY_CURVE_H

#include <stddef.h>
#include <stdint.h>

enum { CURVE_INTERVALS = 2048, CURVE_FIRST_INTERVAL = 64 };

struct replay_curve {
    uint64_t interval;                    /* references in each */
    uint64_t total;                       /* references so far */
    uint64_t seen;                        /* faults so far */
    size_t used;                          /* intervals that are full */
    uint64_t faults[CURVE_INTERVALS + 1]; /* the last: of the interval that is not full yet */
};

void curve_open(struct replay_curve *curve);

/* References until the interval that is not full yet will be: never 0. */
uint64_t curve_left(const struct replay_curve *curve);

/* So many references later, at most curve_left(), there were `faults` faults in all. */
void curve_add(struct replay_curve *curve, uint64_t references, uint64_t faults);

/* Spreads the curve over `columns` columns of equal width in time: `out` gets faults in each. */
void curve_columns(const struct replay_curve *curve, double *out, size_t columns);

#endif
