/*
 * Programs for replays: what they refer to, and the string of page references that it makes. And
 * replays of them, one at a time, and what a model says of them.
 */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H

#include "tests/support/pager.h"
#include "tests/support/policies.h"
#include "tests/support/prng.h"
#include "tools/quire/replay.h"

struct program {
    struct trace_record *record;
    size_t records;
    uint32_t *string; /* pages, numbered by their order in the address space */
    size_t length;
    uint32_t pages;
};

/* Accesses around some places, which change; now and then a walk through many pages. */
struct program random_program(struct prng *prng, const struct quire_format *format, size_t records);

/* The first `most` records of a trace, for pages of 4 KiB. */
struct program load_program(const char *path, size_t most);

void program_end(struct program *program);

/* Faults of policies[policy], as its model says. tick: records between ticks; the aging model has
 * 64 at most. */
uint64_t program_faults(const struct program *program, const struct quire_format *format,
                        unsigned policy, uint32_t frames, uint64_t tick);

/* ---- replays ------------------------------------------------------------------------------- */

extern struct replay replay; /* one at a time; too large for a stack */

/* From the first record to the last, in batches of all sizes. It stays open. */
void replay_program(const struct replay_config *config, const struct program *program);

/* Checks every invariant of its machine. */
void replay_validate(void);

/* Validates and closes it, and tells its figures: those that must agree do. */
struct replay_figures replay_end(const struct program *program);

/* Verified or not, all figures must be the same. These are the verified ones. */
struct replay_figures replay_twice(struct replay_config *config, const struct program *program);

#endif
