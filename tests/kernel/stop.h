/*
 * Stops: what a kernel that was booted with `witness` prints when a program calls stop(), for each
 * process in turn, its page table being the one that the MMU uses:
 *
 *     stop NAME process NUMBER PROGRAM root 0x00123000
 *     phys FIRST LAST NAME         the whole machine's memory
 *     virt FIRST LAST NAME         the process's addresses
 *     map VA PA BYTES RIGHTS       u or -: for programs, w or -: writable
 *     examine                      then it waits for one character
 */
#ifndef KERNEL_STOP_H
#define KERNEL_STOP_H

#include "pages.h"

enum { STOP_RANGES = 2048 };

struct stop_range {
    uint32_t first, last;
    char name[32];
};

struct stop_ranges {
    struct stop_range range[STOP_RANGES];
    unsigned count;
};

struct stop {
    char name[64], program[64];
    unsigned process;
    uint32_t root;
    struct stop_ranges physical, virtual;
    struct pages pages;
};

enum stop_event {
    STOP_NOT,   /* no line of a stop: a program's output */
    STOP_PART,  /* noted */
    STOP_WAITS, /* it is complete, and the machine waits */
    STOP_WRONG, /* it cannot be understood */
};

/* The next line of the console, without its end. */
enum stop_event stop_read(struct stop *stop, const char *line);

#endif
