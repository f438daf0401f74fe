/* The five steps of seed 002, as its text prints them: what the stops of proc1 and proc2 show. */
#ifndef KERNEL_FIVE_STEPS_H
#define KERNEL_FIVE_STEPS_H

#include "stop.h"

/* How often a table is shown: the kernel's at all steps, and of each process that is there. */
enum { FIVE_STEPS_STOPS = 5 + 4 + 3 };

/* The kernel's ranges against the table, and the MMU's physical addresses against the ranges. True:
 * as they should be; else `text` tells the first difference. */
bool five_steps_check(const struct stop *stop, const struct pages *mmu, char *text, size_t bytes);

#endif
