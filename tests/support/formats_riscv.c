/* RISC-V: The RISC-V Instruction Set Manual, volume II, "Supervisor-Level ISA". */
#include "tests/support/formats.h"

enum { V = 0, R = 1, W = 2, X = 3, U = 4, G = 5, A = 6, D = 7 };

/* An entry that grants nothing is a pointer; at the last level it is nothing. */
#define POINTER \
    { \
        QUIRE_MASK(X, R), 0 \
    }
#define REFUSED \
    { \
        {QUIRE_MASK(W, R), QUIRE_BIT(W)}, POINTER \
    }

const struct quire_format tiny_rights = {
    .name = "tiny-rights",
    .title = "2 + 2 + 4, one-byte entries, told apart by their rights",
    .levels = 2,
    .va_bits = 8,
    .pa_bits = 8,
    .pte_bytes = 1,
    .absent = QUIRE_IF_CLEAR(V),
    .soft = {.pte_bit = 1, .bits = 7},
    .leaf = {.read = QUIRE_IF_SET(R),
             .write = QUIRE_IF_SET(W),
             .execute = QUIRE_IF_SET(X),
             .accessed = QUIRE_NEVER,
             .dirty = QUIRE_NEVER,
             .global = QUIRE_NEVER},
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .refused = REFUSED,
    .level = {{.shift = 6,
               .bits = 2,
               .leaf = true,
               .table = POINTER,
               .as_table = {.address = {{4, 4, 4}}, .set = QUIRE_BIT(V)},
               .as_leaf = {.address = {{6, 2, 6}}, .set = QUIRE_BIT(V), .reserved = 0x30},
               .name = "directory entry"},
              {.shift = 4,
               .bits = 2,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{4, 4, 4}}, .set = QUIRE_BIT(V)},
               .name = "table entry"}},
};

#define ATTRIBUTES \
    .absent = QUIRE_IF_CLEAR(V), .ignored = QUIRE_MASK(9, 8), \
    .leaf = {.read = QUIRE_IF_SET(R), \
             .write = QUIRE_IF_SET(W), \
             .execute = QUIRE_IF_SET(X), \
             .user = QUIRE_IF_SET(U), \
             .accessed = QUIRE_IF_SET(A), \
             .dirty = QUIRE_IF_SET(D), \
             .global = QUIRE_IF_SET(G)}, \
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_IF_SET(G)}, \
    .refused = REFUSED

/* D, A and U are for pages. */
#define NOT_IN_POINTERS (QUIRE_BIT(D) | QUIRE_BIT(A) | QUIRE_BIT(U))

/* A level whose pages are 1 << `at` bytes: PPN in bits 10 and up, `ppn` of them. */
#define LEVEL(at, index, ppn, high, word) \
    { \
        .shift = (at), .bits = (index), .leaf = true, .table = POINTER, \
        .as_table = {.address = {{10, (ppn), 12}}, \
                     .set = QUIRE_BIT(V), \
                     .reserved = (high) | NOT_IN_POINTERS}, \
        .as_leaf = {.address = {{(at)-2, (ppn) + 12 - (at), (at)}}, \
                    .set = QUIRE_BIT(V), \
                    .reserved = (high) | QUIRE_MASK((at)-3, 10)}, \
        .name = (word) \
    }
#define LAST_LEVEL(index, ppn, high) \
    { \
        .shift = 12, .bits = (index), .leaf = true, .table = QUIRE_NEVER, \
        .as_leaf = {.address = {{10, (ppn), 12}}, .set = QUIRE_BIT(V), .reserved = (high)}, \
        .name = "PTE0" \
    }
#define HIGH QUIRE_MASK(63, 54)

const struct quire_format sv32 = {
    .name = "sv32",
    .title = "RISC-V Sv32: two levels, pages of 4 KiB and 4 MiB",
    .levels = 2,
    .va_bits = 32,
    .pa_bits = 34,
    .pte_bytes = 4,
    .asid_bits = 9,
    .soft = {.pte_bit = 1, .bits = 31},
    ATTRIBUTES,
    .level = {LEVEL(22, 10, 22, 0, "PTE1"), LAST_LEVEL(10, 22, 0)},
};

const struct quire_format sv39 = {
    .name = "sv39",
    .title = "RISC-V Sv39: three levels, pages of 4 KiB, 2 MiB and 1 GiB",
    .levels = 3,
    .va_bits = 39,
    .pa_bits = 56,
    .pte_bytes = 8,
    .asid_bits = 16,
    .canonical = QUIRE_SIGN_EXTENDED,
    .soft = {.pte_bit = 1, .bits = 63},
    ATTRIBUTES,
    .level = {LEVEL(30, 9, 44, HIGH, "PTE2"), LEVEL(21, 9, 44, HIGH, "PTE1"),
              LAST_LEVEL(9, 44, HIGH)},
};

const struct quire_format sv48 = {
    .name = "sv48",
    .title = "RISC-V Sv48: four levels, pages of 4 KiB, 2 MiB, 1 GiB and 512 GiB",
    .levels = 4,
    .va_bits = 48,
    .pa_bits = 56,
    .pte_bytes = 8,
    .asid_bits = 16,
    .canonical = QUIRE_SIGN_EXTENDED,
    .soft = {.pte_bit = 1, .bits = 63},
    ATTRIBUTES,
    .level = {LEVEL(39, 9, 44, HIGH, "PTE3"), LEVEL(30, 9, 44, HIGH, "PTE2"),
              LEVEL(21, 9, 44, HIGH, "PTE1"), LAST_LEVEL(9, 44, HIGH)},
};
