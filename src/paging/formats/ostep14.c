/*
 * The 14-bit machine of seed 003: 64-byte pages, a page directory and tables of 16 four-byte
 * entries.
 *
 *   13       10 9         6 5        0       31      24 23                4 3 2 1 0
 *   +----------+-----------+----------+      +---------+-------------------+-+-+-+-+
 *   | directory| table     | offset   |      | PFN     | (ignored)         |X|W|R|V|
 *   +----------+-----------+----------+      +---------+-------------------+-+-+-+-+
 *
 * The document gives an entry 8 bits of PFN and "24 bits of meta-data", draws the PFN leftmost, and
 * prints `valid` and `prot` (r, w, x) for table entries. It does not say which bits those are; they
 * are put lowest here. Directory entries have only `valid`.
 */
#include "quire/formats.h"
#include "quire/walk.h"

enum { V = 0, R = 1, W = 2, X = 3 };

static const struct quire_format_code instance_code;

const struct quire_format quire_format_ostep14 = {
    .name = "ostep14",
    .title = "14-bit teaching machine: two levels, 64-byte pages, 4-byte entries (seed 003)",
    .levels = 2,
    .va_bits = 14,
    .pa_bits = 14,
    .pte_bytes = 4,
    .canonical = QUIRE_ZERO_EXTENDED,
    .absent = QUIRE_IF_CLEAR(V),
    .soft = {.pte_bit = 1, .bits = 31},
    .ignored = QUIRE_MASK(23, 4),
    .leaf = {.read = QUIRE_IF_SET(R),
             .write = QUIRE_IF_SET(W),
             .execute = QUIRE_IF_SET(X),
             .accessed = QUIRE_NEVER,
             .dirty = QUIRE_NEVER,
             .global = QUIRE_NEVER},
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .level = {{.shift = 10,
               .bits = 4,
               .table = QUIRE_ALWAYS,
               .as_table = {.address = {{24, 8, 6}}, .set = QUIRE_BIT(V)},
               .name = "PDE"},
              {.shift = 6,
               .bits = 4,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{24, 8, 6}}, .set = QUIRE_BIT(V)},
               .name = "PTE"}},
    .code = &instance_code,
};

#define FORMAT quire_format_ostep14
#include "instance.h"
