/*
 * Usermode: what the processes of one machine have in common, and the two pictures of memory that
 * seed 002 prints.
 *
 *     PHYS: whose is each frame                    VIRT: what is at each address of one process
 *     00000000 - 007FFFFF  kernel                  00000000 - 007FFFFF  kernel
 *     00800000 - 00802FFF  proc1                   00800000 - 00802FFF  proc1
 *     00803000 - 00807FFF  proc2                   00803000 - 00805FFF  libgfx
 *     00808000 - 0080AFFF  libgfx                  00806000 - FFFFFFFF  unreserved
 *     0080B000 - FFFFFFFF  no-man's land
 *
 * docs/usermode.md tells it from the beginning.
 */
#ifndef QUIRE_USERMODE_H
#define QUIRE_USERMODE_H

#include "quire/layout.h"
#include "quire/library.h"

struct quire_process;

/* The caller's; stays where it is while there are processes or libraries. */
struct quire_usermode {
    struct quire_system *system;
    const struct quire_format *format;
    const struct quire_layout *layout;
    struct quire_process *processes, *youngest; /* the oldest first; linked by their next */
    struct quire_library *libraries;
    struct quire_process *running; /* the last that was switched to, or NULL */

    /* To be set after init, before the first process: the page table from which all of them inherit
     * the layout's kernel addresses, which must be whole root entries of it (quire_table_inherit()
     * has the conditions). NULL, as init leaves it: each maps layout->kernel_pa there, in tables of
     * its own. */
    const struct quire_table *kernel;
};

/* No processes, no libraries. QUIRE_INVALID, QUIRE_OUT_OF_RANGE: the layout does not fit the format
 * or itself (pages, order, rights that the MMU does not know). */
enum quire_status quire_usermode_init(struct quire_usermode *usermode, struct quire_system *system,
                                      const struct quire_format *format,
                                      const struct quire_layout *layout);

enum quire_owner {
    QUIRE_OWNER_NONE,    /* PHYS: free, or no memory at all. VIRT: unreserved */
    QUIRE_OWNER_KERNEL,  /* PHYS: also page tables and records, wherever they are */
    QUIRE_OWNER_PROCESS, /* PHYS: after a fork, one of those who share it */
    QUIRE_OWNER_IMAGE,   /* PHYS only: pages that all who run a program share */
    QUIRE_OWNER_LIBRARY,
    QUIRE_OWNER_OTHER, /* PHYS only: memory objects, and spaces that are no process */
    QUIRE_OWNERS
};

/* A range of addresses with one owner, as large as it can be: [first, last]. */
struct quire_range {
    uint64_t first, last;
    enum quire_owner owner;
    const struct quire_process *process; /* PROCESS */
    const struct quire_library *library; /* LIBRARY */
    const struct quire_image *image;     /* IMAGE */
    bool begun;                          /* false: the next range is the first */
};

/* The owner's name, or what to say instead of one ("kernel", "unreserved"...); never NULL. */
const char *quire_range_name(const struct quire_range *range);

/*
 * PHYS and VIRT, range by range from address 0 to the highest that a page can have; false: there
 * are no more.
 *
 *     struct quire_range range = {0};
 *     while (quire_usermode_physical(usermode, &range)) ...
 */
bool quire_usermode_physical(const struct quire_usermode *usermode, struct quire_range *range);
bool quire_process_virtual(const struct quire_process *process, struct quire_range *range);

#endif
