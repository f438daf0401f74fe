/*
 * MMUs written by hand, each from its manual, without the descriptor: the witnesses that the
 * descriptors of the formats that come with quire are right.
 */
#ifndef SUPPORT_MODEL_MACHINES_H
#define SUPPORT_MODEL_MACHINES_H

#include "quire/walk.h"
#include "tests/support/arena.h"

/* => *out and *trace are zeroed. pa_bits: the machine's physical address width. */
typedef enum quire_status model_machine(unsigned pa_bits, struct arena *arena, uint64_t root,
                                        uint64_t va, unsigned access, struct quire_walk *out,
                                        struct quire_trace *trace);

/* The machine of this name, or NULL. */
model_machine *model_machine_of(const struct quire_format *format);

/* After a walk that found a leaf: is a right missing? Then fills in the first entry from the root
 * that withholds one, and the reason: user before write before execute before read. */
bool model_missing_right(unsigned access, const struct quire_trace *trace, struct quire_walk *out);

#endif
