/*
 * OSTEP's two-level homework machine (chapter "Paging: Smaller Tables"): 15-bit addresses, 32-byte
 * pages, directory and tables of 32 one-byte entries.
 *
 *   14       10 9        5 4        0        7 6             0
 *   +----------+----------+----------+       +-+---------------+
 *   | directory| table    | offset   |       |V| PFN           |     not valid: 0x7f
 *   +----------+----------+----------+       +-+---------------+
 */
#include "quire/formats.h"
#include "quire/walk.h"

enum { V = 7 };

static const struct quire_format_code instance_code;

const struct quire_format quire_format_ostep_multilevel = {
    .name = "ostep-multilevel",
    .title = "OSTEP homework, multi-level: 15-bit addresses, 32-byte pages, 1-byte entries",
    .levels = 2,
    .va_bits = 15,
    .pa_bits = 12,
    .pte_bytes = 1,
    .canonical = QUIRE_ZERO_EXTENDED,
    .absent = QUIRE_IF_CLEAR(V),
    .empty = 0x7f,
    .soft = {.pte_bit = 0, .bits = 7},
    .leaf = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .level = {{.shift = 10,
               .bits = 5,
               .table = QUIRE_ALWAYS,
               .as_table = {.address = {{0, 7, 5}}, .set = QUIRE_BIT(V)},
               .name = "PDE"},
              {.shift = 5,
               .bits = 5,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{0, 7, 5}}, .set = QUIRE_BIT(V)},
               .name = "PTE"}},
    .code = &instance_code,
};

#define FORMAT quire_format_ostep_multilevel
#include "instance.h"
