/* Scenarios under test: lines that are right, and all that their machine is. */
#ifndef TESTS_SUPPORT_STAGE_H
#define TESTS_SUPPORT_STAGE_H

#include "tools/quire/scenario_internal.h"

struct scenario *stage_open(void);

/* All is sound after this line. */
void stage_check(struct scenario *scenario, const char *line);

/* Runs a line that is right. */
void stage_run(struct scenario *scenario, const char *line, FILE *out);

/* All that a machine is, in one number; but for the frames that hold the core's own records, which
 * have this program's addresses in them. */
uint64_t stage_state(struct scenario *scenario);

/* All processes exit, and what had a name goes: frames, slots and promises are those of a machine
 * that was just made. */
void stage_leave(struct scenario *scenario);

#endif
