/*
 * What page replacement does to references: a few slots for pages, and a policy's model
 * (model_policy.h) that chooses. Nothing of the core's. The witness for `quire replay`.
 */
#ifndef SUPPORT_PAGER_H
#define SUPPORT_PAGER_H

#include <stddef.h>

#include "tests/support/model_policy.h"

struct pager;

/* `slots` empty slots for pages that are numbered below `pages`. */
struct pager *pager_open(enum model_kind kind, uint32_t pages, uint32_t slots);
void pager_close(struct pager *pager);

/* True: it was a fault. */
bool pager_refer(struct pager *pager, uint32_t page, bool write);
void pager_tick(struct pager *pager);

/* The fewest faults that are possible on a string of n page numbers (Belady's). */
uint64_t pager_optimum(const uint32_t *string, size_t n, uint32_t pages, uint32_t slots);

#endif
