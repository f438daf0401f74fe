/*
 * System calls: what the kernel and its user programs agree on.
 *
 * i386: int 0x80 with the number in eax, arguments in ebx, ecx, edx, esi, edi, the result in eax.
 * A result from -QUIRE_STATUSES to -1 is an error: minus an enum quire_status. Pointers may be
 * anything at all: what cannot be read or written is -QUIRE_FAULT, and nothing was done; but write
 * counts what it wrote before that, and the part of a result that has room may be there.
 */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include <stdint.h>

#include "quire/status.h"

enum call {
    CALL_EXIT,     /* (status 0 .. STATUS_MOST); does not return */
    CALL_WRITE,    /* (1 or 2, buffer, bytes): to the console; bytes written */
    CALL_READ,     /* (0, buffer, bytes): waits until something was typed; bytes read */
    CALL_FORK,     /* (): the child's number, 0 in the child; copy-on-write */
    CALL_EXEC,     /* (command): this process becomes another program; returns only on failure */
    CALL_SPAWN,    /* (command): a new process; its number */
    CALL_WAIT,     /* (int32_t *status or NULL): waits until a child has ended; its number.
                    -QUIRE_NOT_FOUND: there are no children */
    CALL_MMAP,     /* (bytes, rights): zero pages where there is room; their address */
    CALL_MUNMAP,   /* (address, bytes): whole pages of mmap's, cut as you like */
    CALL_MPROTECT, /* (address, bytes, rights): of whole pages of the program's own */
    CALL_BRK,      /* (end; 0: only asks): where the heap's one piece ends now */
    CALL_LIBRARY,  /* (name): maps the library, if it is not there yet; its address */
    CALL_YIELD,    /* (): others first */
    CALL_MEMORY,   /* (struct memory_statistics *) */
    CALL_STOP,     /* (name): the kernel shows all mappings and waits to be examined, if it was
                      booted for that (`witness`); else nothing happens */
    CALLS
};

/* Rights: QUIRE_READ, QUIRE_WRITE, QUIRE_EXECUTE of quire/types.h, or 0. */

/* A command is at most so long, with its final zero: the program's name, blanks, arguments. The new
 * program finds a pointer to the whole text on its stack, at the stack pointer. */
enum { COMMAND_BYTES = 256 };

/* How a process ended. */
enum {
    STATUS_MOST = 99,     /* the most that exit() says; it takes larger ones for this */
    STATUS_KILLED = 111,  /* by a fault or another exception; the console says why */
    STATUS_REFUSED = 126, /* of the machine: its command line asks for what there is not */
    STATUS_PANIC = 127    /* of the machine: the kernel found itself wrong */
};

/* In pages, but where it says otherwise. */
struct memory_statistics {
    uint32_t process; /* its number */
    uint32_t page_bytes;
    uint32_t mapped;   /* by the caller: in its regions, without the kernel's */
    uint32_t resident; /* in frames: its own, and of what it maps */
    uint32_t shared;   /* of these: others have them too, or could have */
    uint32_t swapped;
    uint32_t faults;                        /* times */
    uint32_t frames, frames_free, low_free; /* the machine's; of the free, the kernel's 8 MiB */
    uint32_t slots, slots_used;             /* swap */
    uint32_t swapped_in, swapped_out, copied, zeroed; /* by the whole machine since it started */
    uint32_t flushes;                                 /* times that the TLB was told */
    uint32_t processes;
};

#endif
