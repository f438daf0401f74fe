/*
 * Every way through: a run makes choices; the next run makes the same ones but the last, until
 * there are none left.
 *
 *     struct explorer explorer = {.depth = 0};
 *
 *     do {
 *         ... explorer_choose(&explorer, options) ...
 *     } while (explorer_next(&explorer));
 */
#ifndef SUPPORT_EXPLORER_H
#define SUPPORT_EXPLORER_H

#include <stdbool.h>

enum { EXPLORER_STEPS = 96 };

struct explorer {
    unsigned depth, length;
    unsigned choice[EXPLORER_STEPS], options[EXPLORER_STEPS];
};

/* One of 0 .. options-1. */
unsigned explorer_choose(struct explorer *explorer, unsigned options);

/* Begins the next run; false: that was the last. */
bool explorer_next(struct explorer *explorer);

#endif
