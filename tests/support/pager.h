/*
 * What page replacement does to a string of page numbers, worked out as plainly as can be: arrays
 * of slots and nothing of the core's. The witness for `quire replay`.
 */
#ifndef SUPPORT_PAGER_H
#define SUPPORT_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pager_policy {
    PAGER_FIFO,
    PAGER_CLOCK,     /* the use bit is 0 when a page comes in */
    PAGER_CLOCK_MMU, /* ... is 1 */
    PAGER_LRU,
    PAGER_POLICIES
};

/* Faults of `slots` empty slots on a string of n page numbers, each below `pages`. */
uint64_t pager_faults(enum pager_policy policy, const uint32_t *string, size_t n, uint32_t pages,
                      uint32_t slots);

#endif
