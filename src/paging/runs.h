/*
 * Runs: entries that follow each other in one table, handled in one loop.
 *
 * Long ranges spend their time here, so each loop is made once for each width of an entry.
 */
#ifndef QUIRE_PAGING_RUNS_H
#define QUIRE_PAGING_RUNS_H

#include "cursor.h"

/* entry, entry + step, entry + 2 * step, ... into `n` entries from `index` on. */
void quire_run_fill(const struct cursor *c, uint32_t index, uint32_t n, uint64_t entry,
                    uint64_t step);

/* How many of the `n` entries from `index` on, counted from the first, are exactly `entry`. */
uint32_t quire_run_same(const struct cursor *c, uint32_t index, uint32_t n, uint64_t entry);

/* How many, counted from the first, are present leaves. */
uint32_t quire_run_leaves(const struct cursor *c, uint32_t index, uint32_t n);

/* The same, and each becomes (entry & ~clear) | set, without regard for marks that an MMU may be
 * setting; *changed: how many entries that changed. */
uint32_t quire_run_rewrite(const struct cursor *c, uint32_t index, uint32_t n, uint64_t clear,
                           uint64_t set, uint32_t *changed);

#endif
