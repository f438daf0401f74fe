/*
 * x86-64, 4-level paging: Intel SDM volume 3A, section 4.5, tables 4-15 to 4-20.
 *
 *   63    48 47    39 38    30 29    21 20    12 11        0
 *   +-------+--------+--------+--------+--------+-----------+
 *   | sign  | PML4E  | PDPTE  | PDE    | PTE    | offset    |      4 KiB page
 *   +-------+--------+--------+--------+--------+-----------+      PDE.PS: 2 MiB, PDPTE.PS: 1 GiB
 *
 * EFER.NXE = 1: bit 63 forbids execution. Physical addresses of 52 bits; a machine with fewer
 * (MAXPHYADDR) narrows its own copy with quire_format_limit_pa().
 */
#include "quire/formats.h"
#include "quire/walk.h"

enum { P = 0, RW = 1, US = 2, PWT = 3, PCD = 4, A = 5, D = 6, PS = 7, G = 8, XD = 63 };

/* A level whose entries point to 4 KiB tables. */
#define POINTS_TO_TABLE .as_table = {.address = {{12, 40, 12}}, .set = QUIRE_BIT(P)}

static const struct quire_format_code instance_code;

const struct quire_format quire_format_x86_64 = {
    .name = "x86-64",
    .title = "64-bit x86, four levels, 4 KiB, 2 MiB and 1 GiB pages",
    .levels = 4,
    .va_bits = 48,
    .pa_bits = 52,
    .pte_bytes = 8,
    .asid_bits = 12,
    .canonical = QUIRE_SIGN_EXTENDED,
    .absent = QUIRE_IF_CLEAR(P),
    .soft = {.pte_bit = 1, .bits = 63},
    .ignored = QUIRE_MASK(11, 9) | QUIRE_MASK(58, 52),
    .leaf = {.write = QUIRE_IF_SET(RW),
             .user = QUIRE_IF_SET(US),
             .execute = QUIRE_IF_CLEAR(XD),
             .accessed = QUIRE_IF_SET(A),
             .dirty = QUIRE_IF_SET(D),
             .global = QUIRE_IF_SET(G)},
    .table = {.write = QUIRE_IF_SET(RW),
              .user = QUIRE_IF_SET(US),
              .execute = QUIRE_IF_CLEAR(XD),
              .accessed = QUIRE_IF_SET(A),
              .dirty = QUIRE_NEVER,
              .global = QUIRE_NEVER},
    .type_mask = QUIRE_BIT(PWT) | QUIRE_BIT(PCD),
    .type = {0, QUIRE_BIT(PWT), QUIRE_BIT(PCD), QUIRE_BIT(PCD) | QUIRE_BIT(PWT)},
    .level =
        {{.shift = 39, .bits = 9, .table = QUIRE_IF_CLEAR(PS), POINTS_TO_TABLE, .name = "PML4E"},
         {.shift = 30,
          .bits = 9,
          .leaf = true,
          .table = QUIRE_IF_CLEAR(PS),
          POINTS_TO_TABLE,
          .as_leaf = {.address = {{30, 22, 30}},
                      .set = QUIRE_BIT(P) | QUIRE_BIT(PS),
                      .reserved = QUIRE_MASK(29, 13)},
          .name = "PDPTE"},
         {.shift = 21,
          .bits = 9,
          .leaf = true,
          .table = QUIRE_IF_CLEAR(PS),
          POINTS_TO_TABLE,
          .as_leaf = {.address = {{21, 31, 21}},
                      .set = QUIRE_BIT(P) | QUIRE_BIT(PS),
                      .reserved = QUIRE_MASK(20, 13)},
          .name = "PDE"},
         {.shift = 12,
          .bits = 9,
          .leaf = true,
          .table = QUIRE_NEVER,
          .as_leaf = {.address = {{12, 40, 12}}, .set = QUIRE_BIT(P)},
          .name = "PTE"}},
    .code = &instance_code,
};

#define FORMAT quire_format_x86_64
#include "instance.h"
