/*
 * The registry: the page tables of every process, to be seen in the kernel's own addresses.
 *
 * A kernel that does not have all of memory mapped must still reach the page tables of processes
 * that do not run. A fixed window for each, directory and all tables a process could ever have, is
 * 4 MiB + 4 KiB on i386: 1,023 processes fill all kernel addresses. Here windows start with two
 * pages and grow (docs/registry.md):
 *
 *     tracker array         kernel addresses                        frames
 *     +----------+-------+
 *     | pt_ptr   | count |----> +----------------+  kernel PTE --> page directory     (page A)
 *     +----------+-------+      | window page 0  |
 *     | ...              |      | window page 1  |  -----------> first page table    (page B)
 *     512 fill a 4 KiB page     | window page 2  |  -----------> the table made next
 *                               +----------------+  room for one more, or the neighbour's window
 *
 * A window that would collide with its neighbour is moved first, by remapping: kernel PTEs change,
 * the frames stay, not a byte of a page table is copied. References to a window exist only in its
 * tracker. Window pages stand in the order in which tables were made (on two levels: those that one
 * operation made, in the order of their addresses). Which page belongs to a directory entry is told
 * by the frame number, which directory entry and kernel PTE have in common: quire_registry_entry().
 *
 * Nothing else of page tables changes: a space that was created or opened here has a struct
 * quire_table for quire_table_map() and all others. Its host asks the registry for table frames. A
 * system of address spaces (system.h) that is given a registry keeps all of its page tables there.
 *
 * The caller locks: a registry, the kernel's table, both frame allocators and the page allocator
 * are one thing (class "registry", inside that of a process's table). Nothing sleeps.
 */
#ifndef QUIRE_REGISTRY_H
#define QUIRE_REGISTRY_H

#include "quire/frames.h"
#include "quire/table.h"

/* One address space. `pcount` pages of its window are mapped, 0: the tracker is free, and `pt_ptr`
 * the number of the next free one. The lowest bit of `pt_ptr` is not the address's: it is
 * QUIRE_TRACKER_SPARE while page B waits for the first directory entry that needs a table. */
struct quire_tracker {
    uint32_t pt_ptr;
    uint32_t pcount;
};

enum { QUIRE_TRACKER_SPARE = 1 };

/* Kernel address of the window's first page: the directory. */
static inline quire_va quire_tracker_va(struct quire_tracker tracker)
{
    return quire_va_at(tracker.pt_ptr & ~(uint32_t)QUIRE_TRACKER_SPARE);
}

/* Since init, for all windows, the tracker array's own included. */
struct quire_registry_counts {
    uint64_t grown;    /* times that a window grew where it was */
    uint64_t taken;    /* of these: into addresses behind it that were free */
    uint64_t moved;    /* times that it had to be moved before it could grow */
    uint64_t remapped; /* pages that got another kernel address */
};

struct quire_registry {
    struct quire_table *kernel;    /* windows are mapped here */
    const struct quire_host *host; /* where processes get their table frames */
    struct quire_frames *pages;    /* kernel page numbers that windows may use */
    struct quire_tracker trackers; /* the array of trackers: itself such a window */
    uint32_t free;                 /* the first free tracker, or QUIRE_NONE */
    uint32_t spaces;               /* trackers in use */
    uint32_t most;                 /* pages of the largest window there can be */
    struct quire_batch batch;      /* flushes of kernel addresses */
    struct quire_registry_counts count;
};

/*
 * `kernel`: a table whose host has the frames for kernel page tables and tracker pages, and
 * reaches these (an identity map does). `host`: for the tables of processes, which have the same
 * format; its hooks serve as they do without a registry. `pages`: an allocator of kernel *page
 * numbers* (kernel address >> page_shift), of which the free ones may be used for windows. All
 * three are the caller's and outlive the registry.
 *
 * Takes the first tracker page. QUIRE_INVALID: the format has tables that are not one page, or
 * `pages` another page size; QUIRE_OUT_OF_RANGE: addresses above 4 GiB, which pt_ptr cannot hold,
 * or that the format does not translate; QUIRE_NO_MEMORY, QUIRE_NO_SPACE.
 */
enum quire_status quire_registry_init(struct quire_registry *registry, struct quire_table *kernel,
                                      const struct quire_host *host, struct quire_frames *pages);

/* Gives back the tracker pages. => every space removed */
void quire_registry_destroy(struct quire_registry *registry);

/*
 * A space at work: what is needed while its page table is changed. Only the tracker must live as
 * long as the space; a view is made from it, or kept as part of the process. At most one view of a
 * space at a time; it stays where it is while it is used, and batches that changes of its table
 * were put in are begun with the registry's host, and committed before it ends.
 *
 * The table may inherit the kernel's entries, for as long as the view is kept: one that is opened
 * anew would not know of it.
 */
struct quire_registry_view {
    struct quire_table table; /* the first: struct quire_space shares it */
    struct quire_registry *registry;
    struct quire_host host;
    uint32_t id;
    uint32_t spare, spare_at; /* pages of the window that are no table yet; the first of them */
};

/* A new address space: page A, an empty directory; page B behind it; a tracker, whose number is
 * view->id. QUIRE_NO_MEMORY (frames), QUIRE_NO_SPACE (kernel addresses); nothing changed. */
enum quire_status quire_registry_create(struct quire_registry *registry, uint16_t asid,
                                        struct quire_registry_view *view);

/* A view of the space `id`, from its tracker. QUIRE_NOT_FOUND: there is no such space. */
enum quire_status quire_registry_open(struct quire_registry *registry, uint32_t id, uint16_t asid,
                                      struct quire_registry_view *view);

/* Frees the space's tables, window and tracker; pages still mapped are not touched. => not active
 * on any processor. The view ends. */
void quire_registry_remove(struct quire_registry_view *view);

/* The tracker of `id` as it is now: any operation that takes a table may move the window.
 * QUIRE_NOT_FOUND. */
enum quire_status quire_registry_tracker(const struct quire_registry *registry, uint32_t id,
                                         struct quire_tracker *tracker);

/* The kernel address, within the window, of the entry that decides about `va` in this space: of the
 * leaf, or of the entry where the walk ends. Takes time in proportion to the window's pages.
 * QUIRE_OUT_OF_RANGE: the format does not translate va; QUIRE_NOT_FOUND: that table is not one of
 * the window. */
enum quire_status quire_registry_entry(const struct quire_registry_view *view, quire_va va,
                                       quire_va *entry);

/*
 * Looking through the window: an MMU that reaches the space's tables by kernel addresses alone, for
 * quire_walk() and quire_translate(), marks included. The caller owns it and fills in the first
 * three; what it sees is there until the next change of the space's tables.
 *
 * `see` makes a pointer of a kernel address, within one page, which is mapped and writable.
 * Example: `return (void *)(uintptr_t)va.at;`
 */
struct quire_registry_sight {
    const struct quire_registry_view *view;
    void *(*see)(void *context, quire_va va, uint64_t bytes);
    void *context;
    struct quire_memory memory;
};

struct quire_mmu quire_registry_mmu(struct quire_registry_sight *sight);

/* Does all agree: trackers, kernel PTEs, kernel addresses taken, and each space's tables with its
 * window? QUIRE_CORRUPT and *id (may be NULL): of the first space that is wrong, QUIRE_NONE if it
 * is none. => no batch of a view has work in it */
enum quire_status quire_registry_validate(struct quire_registry *registry, uint32_t *id);

/*
 * The initial kernel table, in the steps of seed 001: an empty directory; every address that is
 * present maps itself; present are the first `low_bytes` (1 MiB: 256 pages, the BIOS's) and behind
 * them `own_bytes` for the kernel's own structures. Pages of the smallest size, readable, writable,
 * executable, not the user's. Give host->frames, or alloc_table, frames of the second part: then
 * all of the kernel's tables are visible at their physical addresses. Statuses are those of
 * quire_table_create() and quire_table_map(); nothing is kept on failure.
 */
enum quire_status quire_registry_boot(struct quire_table *kernel, const struct quire_format *format,
                                      const struct quire_host *host, uint64_t low_bytes,
                                      uint64_t own_bytes);

#endif
