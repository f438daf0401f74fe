/* Faults over time, in a fixed number of intervals. */
#include "replay_curve.h"

#include <string.h>

void curve_open(struct replay_curve *curve)
{
    memset(curve, 0, sizeof(*curve));
    curve->interval = CURVE_FIRST_INTERVAL;
}

uint64_t curve_left(const struct replay_curve *curve)
{
    return curve->interval - curve->total % curve->interval;
}

static void halve(struct replay_curve *curve)
{
    for (size_t i = 0; i < CURVE_INTERVALS / 2; i++) {
        curve->faults[i] = curve->faults[2 * i] + curve->faults[2 * i + 1];
    }
    curve->used = CURVE_INTERVALS / 2;
    curve->interval *= 2;
}

void curve_add(struct replay_curve *curve, uint64_t references, uint64_t faults)
{
    curve->faults[curve->used] += faults - curve->seen;
    curve->seen = faults;
    curve->total += references;
    if (references == 0 || curve->total % curve->interval != 0) {
        return;
    }
    curve->used++;
    if (curve->used == CURVE_INTERVALS) {
        halve(curve);
    }
    curve->faults[curve->used] = 0;
}

/* An interval that lies in two columns is shared out by the time that it spends in each. */
void curve_columns(const struct replay_curve *curve, double *out, size_t columns)
{
    double width = (double)curve->total / (double)columns; /* references in a column */

    memset(out, 0, columns * sizeof(*out));
    for (uint64_t i = 0; i * curve->interval < curve->total; i++) {
        uint64_t end = (i + 1) * curve->interval;
        double from = (double)(i * curve->interval) / width;
        double to = (double)(end < curve->total ? end : curve->total) / width;
        double rate = (double)curve->faults[i] / (to - from);

        while (from < to) {
            size_t column = (size_t)from < columns ? (size_t)from : columns - 1;
            double edge =
                column + 1 < columns && (double)(column + 1) < to ? (double)(column + 1) : to;
            out[column] += rate * (edge - from);
            from = edge > from ? edge : to;
        }
    }
}
