/*
 * What the parts of the kernel know of each other. All of memory management is quire's; what is
 * here brings processes to it: tasks that run them, and calls that they make.
 *
 *     start.c    boot, in order; what must hold at the end
 *     options.c  the command line
 *     memory.c   frames, the kernel's own page table (seed 001), windows
 *     port.c     the hooks that quire asks for; flush.c is one of them
 *     swap.c     where evicted pages go
 *     program.c  the archive's files as images
 *     task.c     tasks and who runs; waiting for what quire answers PENDING and BUSY to
 *     process.c  spawn, exec, fork, exit, wait
 *     fault.c    page faults and what is said of those that cannot be resolved
 *     call.c     system calls
 *     console.c  text, in and out
 *     stop.c     stops at which all mappings can be compared with an MMU's
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "calls.h"
#include "machine.h"
#include "quire/elf.h"
#include "quire/port.h"
#include "quire/process.h"

enum { KERNEL_BYTES = 8 << 20 }; /* physical and virtual, from 0 on: seed 002 */

/* ---- options.c ------------------------------------------------------------------------------ */

struct options {
    const struct quire_layout *layout;
    const struct quire_policy_ops *policy;
    enum quire_loading loading;
    bool witness; /* stop at CALL_STOP */
    bool check;   /* validate() whenever a process has ended */
    bool no_swap;
    uint32_t ram_slots; /* swap to so many frames instead of to a disk */
    const char *command;
};
extern struct options options;

void options_read(const char *command_line);
/* What a word says behind its '='. False: no number above 0. */
bool options_number(const char *text, uint32_t *value);
/* Orders a fault, in a kernel that was built with faults. False: there is none such. */
bool faulty_option(const char *word);

/* ---- console.c ------------------------------------------------------------------------------ */

/* A line, of which "kernel: " and the end of it are not given. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Just that. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says it and ends the machine: what was asked for on its command line cannot be. */
_Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t bytes);
/* Waits until something was typed, and gives as much of it as fits. */
size_t console_read(char *to, size_t bytes);

/* ---- memory.c ------------------------------------------------------------------------------- */

extern struct quire_host host;
extern struct quire_frames frames;
extern struct quire_table kernel_table;
extern struct quire_system paging;

/* Frames from the firmware's list, records, the kernel's page table; then paging is on. */
void memory_start(const struct boot *boot);

/* Whole frames in a row that are always visible, zeroed, as few as hold `bytes`; NULL. */
void *memory_take(size_t bytes);
void memory_give(void *at, size_t bytes);

static inline unsigned page_shift(void)
{
    return quire_format_page_shift(machine_format);
}

static inline uintptr_t page_bytes(void)
{
    return (uintptr_t)1 << page_shift();
}

/* ---- port.c, flush.c ------------------------------------------------------------------------ */

void port_start(void);
/* All that quire checks of a port, on the machine's own MMU. */
void port_check(void);
void port_flush(void *context, const struct quire_flush *flush);
extern uint32_t port_flushes; /* how many there were */

void window_start(void);

/* ---- swap.c --------------------------------------------------------------------------------- */

/* The device, and its size in pages; 0: nothing is evicted but what is in the archive, too. */
struct quire_device swap_start(uint32_t *slots);
/* Takes what swap needs of the frames, before anybody else does. */
void swap_reserve(void);

/* ---- program.c ------------------------------------------------------------------------------ */

/* A file of the archive. */
struct program {
    char name[32];
    const unsigned char *at;
    size_t bytes;
    struct quire_image image;
    enum quire_elf_reason reason; /* why it cannot run, if it cannot */
    struct quire_library library;
};

extern struct quire_usermode usermode;

void program_start(const struct boot *boot);
/* The file that the first word of a command names; NULL. */
struct program *program_find(const char *command);

/* ---- task.c --------------------------------------------------------------------------------- */

enum task_state {
    TASK_READY,
    TASK_WAITS, /* for what waits_for says */
    TASK_ENDED  /* and its parent has not heard of it yet */
};

/* At the lower end of its kernel stack. */
struct task {
    struct task *next, *prev; /* ring; the idle task is one of them */
    struct task *parent;      /* NULL: nobody waits for it */
    void *context;            /* where it goes on, if it does not run */
    enum task_state state;
    const void *waits_for; /* WAITS: whoever has this address wakes it */
    uint16_t number;
    int32_t status; /* ENDED */

    struct quire_process *process; /* one of the two below; NULL: none, it ends or is idle */
    struct quire_process one, other;
    bool begins; /* its program has not begun: process_begin() is still to be called */
    char command[COMMAND_BYTES];

    struct quire_request request;
    bool request_ready;
    uint32_t mark; /* changed by a stack that is too small */
};

extern struct task idle;
extern struct task *current;

/* One that is not in the ring yet, with a number of its own; NULL: no memory. */
struct task *task_new(void);
void task_add(struct task *task, void *context);
/* => not running, not in the ring or ENDED */
void task_free(struct task *task);
void *task_stack_end(struct task *task);
/* A number that no task and no address space has. */
uint16_t task_number(void);

/* Others run; returns when it is this one's turn again. */
void task_yield(void);
/* The same, but not before task_wake() with the same address: of what is waited for. */
void task_wait(const void *what);
void task_wake(const void *what);
_Noreturn void task_end(int32_t status);
/* The idle task's work, until all tasks have ended: how the first one did. */
int32_t task_run_all(void);

/* Sees to the end what a fault, or whatever else works with current->request, began. */
enum quire_status task_finish(enum quire_status status);

/* What an operation of quire answered, which neither evicts nor waits: should it be tried again?
 *     do { status = quire_space_map(...); } while (task_again(status)); */
bool task_again(enum quire_status status);

/* ---- process.c ------------------------------------------------------------------------------ */

/* Numbers, or minus a status. */
intptr_t process_spawn(const char *command);
intptr_t process_exec(struct machine_frame *frame, const char *command);
intptr_t process_fork(const struct machine_frame *frame);
intptr_t process_wait(int32_t *status);
/* All there are, those included that are about to be gone. */
unsigned process_count(void);
_Noreturn void process_exit(int32_t status);
/* The last thing before a program's first instruction. */
void process_begin(void);
/* Brings in what eager loading owes to the current process. */
enum quire_status process_load(void);

/* ---- fault.c -------------------------------------------------------------------------------- */

/* Between kernel and program. QUIRE_FAULT: not all of it is the program's to use so. */
enum quire_status copy_in(void *to, uintptr_t from, size_t bytes);
enum quire_status copy_out(uintptr_t to, const void *from, size_t bytes);

/* ---- stop.c --------------------------------------------------------------------------------- */

/* Shows all mappings of all processes, and waits until they were compared with the MMU's. */
void stop(const char *name);
/* Every invariant of quire's, and of the frame allocator; what does not hold ends the machine. */
void validate(void);

#endif
