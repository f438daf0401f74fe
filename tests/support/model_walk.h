/*
 * What an MMU answers, worked out once more and as plainly as can be: nothing of the core's is used
 * but the types of question and answer. The machines that come with quire are written by hand from
 * their manuals and do not look at the descriptor; all others read it bit by bit.
 */
#ifndef SUPPORT_MODEL_WALK_H
#define SUPPORT_MODEL_WALK_H

#include "quire/walk.h"
#include "tests/support/arena.h"

/* The walk in the arena's memory, as quire_walk_traced(): marks are set when access says so.
 * *trace may be NULL. On a fault, `out` has only reason, level, index, entry_at and entry. */
enum quire_status model_walk(const struct quire_format *format, struct arena *arena, uint64_t root,
                             uint64_t va, unsigned access, struct quire_walk *out,
                             struct quire_trace *trace);

/* The same from the descriptor, for every format. */
enum quire_status model_walk_described(const struct quire_format *format, struct arena *arena,
                                       uint64_t root, uint64_t va, unsigned access,
                                       struct quire_walk *out, struct quire_trace *trace);

/* One entry, taken apart by the descriptor, bit by bit. */
enum model_kind { MODEL_ABSENT, MODEL_TABLE, MODEL_LEAF, MODEL_RESERVED };

struct model_entry {
    enum model_kind kind;
    uint64_t address;
    unsigned rights;
    unsigned marks; /* accessed, dirty, global, type; of a leaf */
};

struct model_entry model_decode(const struct quire_format *format, unsigned level, uint64_t entry);

/* Does a condition hold? And an entry where it does (or does not). */
bool model_holds(struct quire_bits bits, uint64_t entry);
uint64_t model_put(struct quire_bits bits, uint64_t entry, bool on);

/* The address in the fields of a layout, and the entry bits that hold it. */
uint64_t model_address(const struct quire_entry_layout *layout, uint64_t entry);
uint64_t model_address_bits(const struct quire_entry_layout *layout, uint64_t address);

/* Can a leaf (a table pointer) of this level hold this address and be recognized as one? */
bool model_fits(const struct quire_format *format, unsigned level, enum model_kind kind,
                uint64_t address);

/* Frames 1, 2, ... can be pointed to by every table pointer of the format: up to which number? The
 * first that cannot, or `most`. */
uint32_t model_table_frames(const struct quire_format *format, uint32_t most);

/* What a leaf comes to have that is given these attributes. */
unsigned model_granted(const struct quire_format *format, unsigned attributes);

/* Two answers say the same. Checks it, with `what` in the message. */
void model_same_walk(const char *what, const struct quire_format *format, uint64_t va,
                     unsigned access, enum quire_status expected_status,
                     const struct quire_walk *expected, enum quire_status status,
                     const struct quire_walk *walk);

#endif
