/*
 * i386, 32-bit paging: Intel SDM volume 3A, section 4.3, tables 4-4 to 4-6.
 *
 *   31            22 21            12 11          0
 *   +---------------+----------------+-------------+
 *   | directory     | table          | offset      |      4 KiB page
 *   +---------------+----------------+-------------+
 *   | directory     | offset                       |      4 MiB page (PDE.PS, CR4.PSE = 1)
 *   +---------------+------------------------------+
 *
 * PSE-36: bits 20:13 of a 4 MiB PDE are address bits 39:32; bit 21 is reserved. There is no
 * execute-disable: every present page may be executed.
 */
#include "quire/formats.h"
#include "quire/walk.h"

enum { P = 0, RW = 1, US = 2, PWT = 3, PCD = 4, A = 5, D = 6, PS = 7, G = 8 };

static const struct quire_format_code instance_code;

const struct quire_format quire_format_i386 = {
    .name = "i386",
    .title = "32-bit x86, two levels, 4 KiB and 4 MiB pages",
    .levels = 2,
    .va_bits = 32,
    .pa_bits = 40,
    .pte_bytes = 4,
    .asid_bits = 0,
    .canonical = QUIRE_ZERO_EXTENDED,
    .absent = QUIRE_IF_CLEAR(P),
    .soft = {.pte_bit = 1, .bits = 31},
    .ignored = QUIRE_MASK(11, 9),
    .leaf = {.write = QUIRE_IF_SET(RW),
             .user = QUIRE_IF_SET(US),
             .accessed = QUIRE_IF_SET(A),
             .dirty = QUIRE_IF_SET(D),
             .global = QUIRE_IF_SET(G)},
    .table = {.write = QUIRE_IF_SET(RW),
              .user = QUIRE_IF_SET(US),
              .accessed = QUIRE_IF_SET(A),
              .dirty = QUIRE_NEVER,
              .global = QUIRE_NEVER},
    .type_mask = QUIRE_BIT(PWT) | QUIRE_BIT(PCD),
    .type = {0, QUIRE_BIT(PWT), QUIRE_BIT(PCD), QUIRE_BIT(PCD) | QUIRE_BIT(PWT)},
    .level = {{.shift = 22,
               .bits = 10,
               .leaf = true,
               .table = QUIRE_IF_CLEAR(PS),
               .as_table = {.address = {{12, 20, 12}}, .set = QUIRE_BIT(P)},
               .as_leaf = {.address = {{22, 10, 22}, {13, 8, 32}},
                           .set = QUIRE_BIT(P) | QUIRE_BIT(PS),
                           .reserved = QUIRE_BIT(21)},
               .name = "PDE"},
              {.shift = 12,
               .bits = 10,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{12, 20, 12}}, .set = QUIRE_BIT(P)},
               .name = "PTE"}},
    .code = &instance_code,
};

#define FORMAT quire_format_i386
#include "instance.h"
