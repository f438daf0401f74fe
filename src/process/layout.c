/* The layouts that everybody knows. */
#include "quire/layout.h"

#define MIB (UINT64_C(1) << 20)
#define PAGE UINT64_C(4096)

const struct quire_layout quire_layout_seed = {
    .name = "seed",
    .kernel_bytes = 8 * MIB,
    .users = {8 * MIB},
    .last = {UINT32_MAX},
    .image = {8 * MIB + PAGE},
    .stack = {8 * MIB},
    .stack_bytes = PAGE,
    .stack_limit = PAGE,
};

const struct quire_layout quire_layout_classic_32 = {
    .name = "classic-32",
    .kernel = {UINT32_C(0xc0000000)},
    .kernel_bytes = 8 * MIB,
    .users = {0x10000},
    .last = {UINT32_C(0xbfffffff)},
    .image = {0x400000},
    .stack = {UINT32_C(0xc0000000) - 2 * PAGE},
    .stack_bytes = PAGE,
    .stack_limit = 8 * MIB,
    .mappings = {0x40000000},
};

const struct quire_layout quire_layout_classic_64 = {
    .name = "classic-64",
    .kernel = {UINT64_C(0xffff800000000000)},
    .kernel_bytes = 8 * MIB,
    .users = {0x10000},
    .last = {UINT64_C(0x7fffffffefff)},
    .image = {UINT64_C(0x555555554000)},
    .stack = {UINT64_C(0x7fffffffd000)},
    .stack_bytes = PAGE,
    .stack_limit = 8 * MIB,
    .mappings = {UINT64_C(0x7f0000000000)},
};
