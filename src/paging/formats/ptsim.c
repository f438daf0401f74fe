/*
 * ptsim (seed 004): 64 frames of 256 bytes, a page table of 64 one-byte entries that takes one
 * frame.
 *
 *   13          8 7                0          entry: the frame number; 0 = not mapped
 *   +------------+------------------+         (frame 0 is the zero page and is never mapped)
 *   | entry      | offset           |
 *   +------------+------------------+
 *
 * The entry has no rights: what is mapped may be read, written and executed by anybody.
 */
#include "quire/formats.h"
#include "quire/walk.h"

static const struct quire_format_code instance_code;

const struct quire_format quire_format_ptsim = {
    .name = "ptsim",
    .title = "the ptsim assignment: one level, one-byte entries, 256-byte pages (seed 004)",
    .levels = 1,
    .va_bits = 14,
    .pa_bits = 16,
    .pte_bytes = 1,
    .canonical = QUIRE_ZERO_EXTENDED,
    .absent = {0xff, 0},
    .leaf = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .level = {{.shift = 8,
               .bits = 6,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{0, 8, 8}}},
               .name = "entry"}},
    .code = &instance_code,
};

#define FORMAT quire_format_ptsim
#include "instance.h"
