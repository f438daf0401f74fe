/*
 * Where things go in the address space of a process: data, not code.
 *
 *   seed 002                             classic
 *                                        last ----------------------------
 *                                             stack, grows down to its limit
 *                                             |
 *             unreserved                      v    mappings: libraries, heap pages
 *   ---------------------------------    --------------------------------- mappings
 *             libraries, heap pages           ^
 *             (each where there is room)      |
 *             image                           heap (brk), grows up
 *   0x801000  ------------------------        image
 *             stack, one page            --------------------------------- image
 *   0x800000  ------------------------        nothing: null pointers fault
 *             kernel, supervisor only    --------------------------------- users
 *   0x000000  ------------------------
 *                                        kernel: above all programs, supervisor only
 */
#ifndef QUIRE_LAYOUT_H
#define QUIRE_LAYOUT_H

#include "quire/types.h"

/* All addresses and sizes are multiples of the page. */
struct quire_layout {
    const char *name;

    /* The kernel's addresses, mapped in every process at once and for supervisors only. bytes 0:
     * nothing is mapped for the kernel (a simulator's kernel has no addresses). */
    quire_va kernel;
    uint64_t kernel_bytes;
    quire_pa kernel_pa;

    quire_va users, last; /* the lowest and the highest address that programs may have */
    quire_va image;       /* images that can be anywhere lie here, or above */

    /* The stack as it begins, and the bytes that it may grow to, downwards; no more than it begins
     * with: it does not grow. */
    quire_va stack;
    uint64_t stack_bytes, stack_limit;

    quire_va heap; /* where brk begins; 0: where there is room above the image at its first use */
    quire_va mappings; /* libraries and heap pages: in the first gap from here on; 0: from the image
                          on */
};

/* Seed 002: kernel 0 - 0x7FFFFF, stack of one page at 0x800000, image at 0x801000. */
extern const struct quire_layout quire_layout_seed;

/* As on most systems: image low (or where its file says), heap above it, stack at the top growing
 * down to 8 MiB, libraries between. For 32-bit and for 48-bit (and wider) addresses. */
extern const struct quire_layout quire_layout_classic_32;
extern const struct quire_layout quire_layout_classic_64;

#endif
