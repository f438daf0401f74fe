/*
 * The border between the kernel and a machine. common/ is the same everywhere; a directory for each
 * machine (i386/) has what is declared here.
 *
 * There is one processor. The kernel runs with interrupts off, but in machine_idle(); so nothing of
 * the kernel is ever interrupted at work, and quire needs no locks.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "quire/format.h"
#include "quire/transfer.h"

/* ---- what the machine tells at its start ---------------------------------------------------- */

struct boot_range {
    uint64_t first, bytes;
};

enum { BOOT_RANGES = 16 };

struct boot {
    const char *command_line; /* options, and after "--" the first program's command */
    const void *archive;      /* a tar file, identity-mapped; NULL: none was given */
    size_t archive_bytes;
    uint64_t own_end; /* first physical address behind the kernel, the archive, and what is here */
    unsigned ranges;  /* of RAM, as the firmware says; any order */
    struct boot_range range[BOOT_RANGES];
};

/* The format of the page tables. */
extern const struct quire_format *const machine_format;

/* e_machine of its programs. */
extern const uint16_t machine_elf;

/* Where the linker put the kernel. Pages of [kernel_text, kernel_text_end) are only read and
 * executed, pages up to kernel_rodata_end only read. All are aligned to pages. */
extern unsigned char kernel_begin[], kernel_text[], kernel_text_end[], kernel_rodata_end[],
    kernel_end[];

/* What must be mapped where it is, or the machine would not survive paging being switched on. */
struct machine_vital {
    const char *what; /* "the stack" */
    uintptr_t at;
    size_t bytes;
    unsigned access; /* QUIRE_READ, WRITE or EXECUTE */
};
/* How many there are. */
unsigned machine_vitals(const struct machine_vital **list);

/* ---- paging --------------------------------------------------------------------------------- */

/* Switches paging on, supervisor writes respecting read-only pages, with this table. */
void machine_paging_on(quire_pa root);
void machine_set_root(quire_pa root); /* and forget all translations */
quire_pa machine_root(void);
void machine_flush_page(quire_va va);

/* ---- programs ------------------------------------------------------------------------------- */

/* What a program was doing when it came into the kernel; at the upper end of its kernel stack. */
struct machine_frame;

/* The next instruction. */
uintptr_t machine_frame_at(const struct machine_frame *frame);
/* Begins a program afresh. */
void machine_frame_begin(struct machine_frame *frame, uintptr_t entry, uintptr_t stack);

/*
 * Kernel stacks. A context is a stack that waits in machine_switch(). The two below make one at the
 * upper end of a new kernel stack, for a program that will begin, or go on as a copy of `frame` (a
 * child: its system call answers 0).
 */
void *machine_context_begin(void *stack_end, uintptr_t entry, uintptr_t stack);
void *machine_context_copy(void *stack_end, const struct machine_frame *frame);
void machine_switch(void **from, void *to);
/* Where the processor puts the frame of whoever comes in next. */
void machine_set_kernel_stack(void *stack_end);

/* Copies between kernel and program, either way. False: a page could not be had; what was copied so
 * far is not told. Faults on the way go through kernel_page_fault() as all others. => the program's
 * side was found to be in its part of memory */
bool machine_copy(void *to, const void *from, size_t bytes);

/* ---- devices -------------------------------------------------------------------------------- */

/* Serial line. Waits until it is out. */
void machine_put(char c);
/* The next character that was received, or -1. */
int machine_get(void);

/* Lets an interrupt happen, and returns after at least one. */
void machine_idle(void);

/* Ends the machine, telling the world; status 0 .. 127. */
_Noreturn void machine_exit(unsigned status);

/* Stops in a debugger, if there is one that knows the mark (Bochs). */
void machine_mark(void);

/* The disk, for swap: pages in, pages out, with interrupts at their ends. Requests are queued.
 * Answers QUIRE_PENDING. bytes 0: there is no disk. */
struct quire_device machine_disk(void);
uint64_t machine_disk_bytes(void);

/* ---- what the machine calls ----------------------------------------------------------------- */

/* In the order of a boot: on a stack of its own, paging and interrupts off. */
_Noreturn void kernel_start(const struct boot *boot);

/* Interrupts are off in all of these, and the machine has acknowledged the device. Where they
 * return, the machine calls kernel_leave() before it goes back to a program. */
intptr_t kernel_call(struct machine_frame *frame, unsigned number, const uintptr_t argument[5]);

/* `access`: QUIRE_READ, WRITE or EXECUTE, and QUIRE_USER if a program made it. True: try again.
 * False: machine_copy() cannot have the page, and is to answer false. => a program's fault, or one
 * inside machine_copy(): any other of the kernel's own is the machine's to report */
bool kernel_page_fault(struct machine_frame *frame, quire_va va, unsigned access);

/* Any other exception, by the name of the manual. Returns never, or to another program. */
_Noreturn void kernel_exception(struct machine_frame *frame, const char *name);

/* A window onto one frame, for devices whose pages may lie anywhere; the last one that was opened
 * is closed first. NULL: there is no such frame. */
void *kernel_window(quire_pa pa);
void kernel_window_done(void *where);

/* The frame that a transfer is about: where it is visible, or through a window. */
static inline void *kernel_page(const struct quire_transfer *transfer)
{
    return transfer->where != NULL ? transfer->where : kernel_window(transfer->pa);
}

static inline void kernel_page_done(const struct quire_transfer *transfer, void *page)
{
    if (transfer->where == NULL) {
        kernel_window_done(page);
    }
}

void kernel_tick(void);  /* the timer's: 100 times a second */
void kernel_input(void); /* characters may have been received */
void kernel_leave(void); /* about to go back to a program: others may be first */

_Noreturn void kernel_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
