/*
 * A progress bar on standard error, for whoever waits at a terminal: it appears after a second,
 * and is gone without a trace at the end.
 */
#ifndef QUIRE_TOOLS_PROGRESS_H
#define QUIRE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool wanted; /* standard error is a terminal */
    bool shown;
    double start, next; /* seconds: when it began, when it is drawn next */
};

void progress_start(struct progress *progress);

/* `count` things are done, which is `position` of `size`; size 0: nobody knows how much it will
 * be. */
void progress_show(struct progress *progress, uint64_t count, uint64_t position, uint64_t size);

/* Clears the line. Before anything else is printed. */
void progress_end(struct progress *progress);

/* Seconds of a clock that only goes forward. */
double progress_clock(void);

#endif
