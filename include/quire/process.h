/*
 * Processes: an address space with a program in it, its libraries and its heap.
 *
 *     quire_process_spawn(&process, &usermode, &spec)     all mapped, or nothing changed
 *     while (process.owes)                                eager: page by page, in order of address
 *         quire_process_load(&process, &request); as long as that is PENDING: wait, and
 *         quire_space_resume(&request); BUSY: let others run; anything else but OK: stop
 *     quire_process_switch(&process)
 *     ... faults: quire_space_fault(&process.space, ...); QUIRE_FAULT: quire_process_exit()
 *
 * The caller owns the records. Faults are served by quire/space.h: a process adds nothing to them.
 */
#ifndef QUIRE_PROCESS_H
#define QUIRE_PROCESS_H

#include "quire/space.h"
#include "quire/usermode.h"

enum { QUIRE_PROCESS_LIBRARIES = 16 };

/* When pages come in: all at spawn, one after the other, which puts them into consecutive frames on
 * a machine that was not used much; or each when it is first touched. */
enum quire_loading { QUIRE_LOAD_EAGER, QUIRE_LOAD_DEMAND };

/* A library in a process. */
struct quire_mapped_library {
    quire_va va;
    struct quire_library *library; /* the entry in the kernel's list */
};

/* What seed 002 says that must be known of a process. The physical addresses of its image are what
 * quire_process_physical() finds: a list, and true at any time. Its heap pages are the regions that
 * quire_process_heap() finds. */
struct quire_process {
    struct quire_usermode *usermode;
    struct quire_process *prev, *next;
    const char *name; /* the caller's */
    struct quire_space space;
    enum quire_loading loading;

    struct quire_image *image;
    quire_va image_va; /* of its first page */
    quire_va entry;    /* where execution begins */
    unsigned libraries;
    struct quire_mapped_library
        library[QUIRE_PROCESS_LIBRARIES]; /* in the order they were opened */
    quire_va heap, brk; /* [heap, brk) is what quire_process_brk() gave; both 0: nothing yet */

    bool owes;                /* there may be pages for quire_process_load() ... */
    quire_va owed, owed_last; /* ... between these */
    uint64_t loads;           /* pages that it brought in */
};

struct quire_process_spec {
    const char *name; /* not NULL; stays where it is */
    uint16_t id;      /* see quire_space_create() */
    struct quire_image *image;
    enum quire_loading loading;
};

/* A process that has not run yet: kernel, stack and image are mapped. QUIRE_NO_MEMORY;
 * QUIRE_NO_SPACE: the commit limit; QUIRE_EXISTS: the image lies where the stack is;
 * QUIRE_OUT_OF_RANGE: it lies, at least partly, where programs may not be; QUIRE_INVALID: as
 * quire_space_create() and quire_image_open(). Inheriting the kernel's addresses may fail as
 * quire_table_inherit() does. Nothing changed on failure. */
enum quire_status quire_process_spawn(struct quire_process *process,
                                      struct quire_usermode *usermode,
                                      const struct quire_process_spec *spec);

/*
 * Brings in what eager loading still owes, in order of address: after spawn, after a library was
 * opened, after the heap grew. QUIRE_OK: all is there (at once, if the process loads on demand);
 * QUIRE_PENDING: wait, quire_space_resume(request) until that is OK, call again;
 * QUIRE_BUSY: let others run, call again.
 * QUIRE_NO_MEMORY, QUIRE_NO_SPACE, QUIRE_IO_ERROR: not now: the process can still be run (faults
 * will try again), loaded later, or exit.
 */
enum quire_status quire_process_load(struct quire_process *process, struct quire_request *request);

/* Makes its address space the processor's (the host's activate hook). */
void quire_process_switch(struct quire_process *process);

/* Ends it; all that nobody else has is free afterwards. QUIRE_BUSY: a page is in transit for
 * somebody else's fault: nothing changed, try again. => not active on any processor (switch to
 * another first, or to none), no request of its own pending */
enum quire_status quire_process_exit(struct quire_process *process);

/* A copy of the process, copy-on-write, with the same libraries. As quire_space_fork(); nothing
 * changed on failure. */
enum quire_status quire_process_fork(struct quire_process *child, struct quire_process *parent,
                                     const char *name, uint16_t id);

/* Maps a library of the kernel's list where there is room; *va (may be NULL): where. A process has
 * it once: the second time answers the same place. QUIRE_NO_SPACE: no room, or
 * QUIRE_PROCESS_LIBRARIES are there already; QUIRE_NO_MEMORY. Nothing changed on failure. */
enum quire_status quire_process_open_library(struct quire_process *process,
                                             struct quire_library *library, quire_va *va);

/* Takes it away. QUIRE_NOT_FOUND; QUIRE_BUSY: a page of the process's own is in transit;
 * QUIRE_NO_MEMORY. Nothing changed on failure. */
enum quire_status quire_process_close_library(struct quire_process *process,
                                              struct quire_library *library);

/*
 * The heap: what a usermode malloc asks for pages. Readable and writable, zeros at first.
 *
 * map: whole pages (bytes is rounded up) wherever there is room; unmap: any pages of those, cut as
 * you like; QUIRE_INVALID: others are among them, or pages of brk's.
 * brk: moves the end of one contiguous piece to `end` (any byte; 0: only asks, which settles where
 * the piece begins) and tells in *brk (may be NULL) where the end is now, also on failure; 0: the
 * piece has not begun.
 * QUIRE_INVALID: below the beginning; QUIRE_NO_SPACE: no room, or something is in the way;
 * QUIRE_NO_MEMORY; QUIRE_BUSY as above. Nothing changed on failure.
 */
enum quire_status quire_process_map_heap(struct quire_process *process, uint64_t bytes,
                                         quire_va *va);
enum quire_status quire_process_unmap_heap(struct quire_process *process, quire_va va,
                                           uint64_t bytes);
enum quire_status quire_process_brk(struct quire_process *process, quire_va end, quire_va *brk);

/* What of a process lies at an address. */
enum quire_part {
    QUIRE_PART_NOTHING,
    QUIRE_PART_KERNEL,
    QUIRE_PART_STACK,
    QUIRE_PART_IMAGE,
    QUIRE_PART_LIBRARY,
    QUIRE_PART_HEAP,
    QUIRE_PART_OTHER, /* what the host mapped by itself */
    QUIRE_PARTS
};
const char *quire_part_text(enum quire_part part);

/* The piece of a process that begins at or above `at`, within one region: [*va, *va + *bytes) and
 * what it is. NOTHING: there are no more. */
enum quire_part quire_process_part(const struct quire_process *process, quire_va at, quire_va *va,
                                   uint64_t *bytes);

/* The list of heap pages: the first piece at or above `at`. False: no more. */
bool quire_process_heap(const struct quire_process *process, quire_va at, quire_va *va,
                        uint64_t *bytes);

/* Where the resident pages of the image are: the first at or above `at`, and its frame. (The seed's
 * image physical base, now a list.) False: no more. */
bool quire_process_physical(const struct quire_process *process, quire_va at, quire_va *va,
                            quire_pfn *pfn);

/* In pages, as they are now. The working set is quire_space_working_set(&process->space). */
struct quire_process_stats {
    uint64_t mapped;   /* in its regions, without the kernel's */
    uint64_t resident; /* in frames: its own, and of what it maps */
    uint64_t shared;   /* of these: others have them too, or could have */
    uint64_t swapped;
    uint64_t faults; /* all that it took, without those of quire_process_load() */
    uint64_t loads;  /* pages that quire_process_load() brought in */
};
void quire_process_stats(const struct quire_process *process, struct quire_process_stats *stats);

#endif
