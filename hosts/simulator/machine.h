/*
 * A simulated machine, built to be unfair: RAM with real page tables in it, an MMU that walks them
 * through quire's walker and sets accessed and dirty bits, a TLB that keeps stale entries until it
 * is told, a swap disk, and a processor that loads and stores. Anything in it can be made to fail
 * at a chosen moment. Everything is deterministic.
 *
 *   processor --va--> TLB --miss--> MMU walk --+--> RAM        page fault --> quire_space_fault()
 *                      ^                       |                                |
 *                      +----- fills -----------+      flushes <--- batches -----+
 *
 * machine.c builds it, cpu.c runs it; run.h is for many references at best speed.
 */
#ifndef SIMULATOR_MACHINE_H
#define SIMULATOR_MACHINE_H

#include "disk.h"
#include "mishap.h"
#include "quire/advice.h"
#include "tlb.h"

/* Where the core keeps one record for each frame and swap slot. */
enum machine_records {
    MACHINE_RECORDS_INSIDE, /* in frames of the machine, like everything that it needs */
    MACHINE_RECORDS_BESIDE  /* in the simulator's memory, for machines too tiny to hold them */
};

struct machine_config {
    const struct quire_format *format;
    uint64_t ram_bytes;   /* all of the machine's memory; a multiple of the page */
    unsigned tlb_entries; /* 0: no TLB */
    unsigned tlb_ways;    /* divides the entries; 0: fully associative */
    const struct quire_policy_ops *policy;
    uint64_t seed;           /* of the policy's dice */
    uint32_t resident_limit; /* 0: none. See struct quire_system_config */
    enum machine_records records;
    uint64_t pages_from;   /* physical address below which are no pages: the kernel's part */
    uint64_t swap_bytes;   /* rounded down to whole pages; 0: no swap */
    const char *swap_path; /* a file made for it; NULL: in the simulator's memory */
    bool slow_disk;        /* transfers wait; see machine.queue and machine_settle() */
    bool reads_ahead;      /* as the core advises; see quire/advice.h */
    uint8_t fault_around;  /* see struct quire_system_config */
    enum quire_commit commit;
    bool verify_flushes; /* check each access against a fresh walk (a missed flush is found
                                      at the exact access) */
};

/* What can be made to go wrong, any time. The disk has its own: disk.fail_read, disk.fail_write. */
struct machine_faults {
    struct mishap frame; /* an allocation of frames (for a page, a table, a record) is refused */
    struct mishap flush; /* a TLB flush is lost */
};

/* references = tlb_hits + tlb_misses: the retry after a fault walks again, but is no new
 * reference. */
struct machine_counters {
    uint64_t accesses;   /* loads, stores and fetches asked for */
    uint64_t references; /* page references: an access that crosses a page is two (or more) */
    uint64_t tlb_hits;   /* served without a walk */
    uint64_t tlb_misses;
    uint64_t walks, walk_steps; /* steps: entries read */
    uint64_t faults; /* references served by bringing a page in: zeros, from a file, from swap */
    uint64_t refused;
    uint64_t waits;          /* transfers that somebody had to wait for, or that were waited out */
    uint64_t frames_refused; /* allocations that machine.faults refused */
    uint64_t switches;       /* from one address space to another */
    uint64_t flushes, flushed_entries;
    uint64_t stale; /* verify_flushes: accesses that a stale TLB entry would have misled */
};

/* A range that is being read ahead. */
struct machine_ahead {
    struct quire_request request;
    struct quire_space *space; /* NULL: not in use */
    quire_va va;
    uint64_t bytes, done;
    bool ready; /* its transfer is over */
};
enum { MACHINE_AHEAD = 4 };

/* Stays where it is while it is open: the core holds pointers into it. */
struct machine {
    struct machine_config config;
    unsigned char *ram;
    struct quire_frames frames;
    struct quire_host host;
    struct quire_system system;
    struct quire_mmu mmu; /* its root is that of the address space that runs */
    uint16_t asid;        /* of the same */
    bool watched;         /* there is a listener, or verify_flushes */
    struct tlb tlb;
    struct disk disk;
    struct disk_queue queue; /* of the swap disk; others may use it, too */
    uint64_t dice;           /* in which order transfers complete */
    struct machine_ahead ahead[MACHINE_AHEAD];
    struct machine_faults faults;
    struct machine_counters count;
    void (*listener)(void *context, const struct quire_event *event);
    void *listener_context;
    void *frames_state, *system_state; /* the simulator's memory */
};

/*
 * Builds a machine. On failure returns a status and *why (if not NULL) says it for people, in words
 * that go after a colon; nothing is left behind. QUIRE_INVALID, QUIRE_OUT_OF_RANGE: the
 * configuration is at odds with itself or its format; QUIRE_NO_MEMORY: here, or in the machine for
 * its records; QUIRE_IO_ERROR: the swap file cannot be made, and errno tells more.
 */
enum quire_status machine_open(struct machine *machine, const struct machine_config *config,
                               const char **why);
void machine_close(struct machine *machine); /* => its spaces are destroyed */

/* Who sees the stream of events from now on, the core's and the machine's own; NULL: nobody. */
void machine_listen(struct machine *machine,
                    void (*listener)(void *context, const struct quire_event *event),
                    void *context);

enum machine_result {
    MACHINE_OK,
    MACHINE_REFUSED, /* a fault the program must not survive: the trap says what */
    MACHINE_FAILED   /* no memory, no swap space, I/O error, stale TLB: see the trap's status */
};

/* Why an access did not happen; only written then. */
struct machine_trap {
    quire_va va; /* of the byte that could not be reached */
    unsigned access;
    enum quire_refusal refusal; /* if the result is MACHINE_REFUSED */
    enum quire_status status;   /* QUIRE_FAULT; or why it failed: QUIRE_CORRUPT for a stale TLB */
};

/*
 * The processor: loads into, or stores from, `data`. Any width, any alignment; pages that are
 * crossed are referenced one after the other, lowest first. Faults are handed to the core and the
 * access is retried. On anything but MACHINE_OK the bytes of lower pages have been moved, like on
 * real machines. `access`: QUIRE_READ, QUIRE_WRITE or QUIRE_EXECUTE, with QUIRE_USER as the
 * privilege.
 *
 * Policies that want to know of each reference are told of those to pages that were resident, not
 * of those that brought their page in.
 */
enum machine_result machine_access(struct machine *machine, struct quire_space *space, quire_va va,
                                   unsigned access, void *data, uint64_t bytes,
                                   struct machine_trap *trap);

/* One page reference: all but moving the data. The frame that holds the page goes to *pfn. This one
 * has not been looked up in the TLB; that one has, in vain. */
enum machine_result machine_reference_slowly(struct machine *machine, struct quire_space *space,
                                             quire_va va, unsigned access, quire_pfn *pfn,
                                             struct machine_trap *trap);
enum machine_result machine_reference_missed(struct machine *machine, struct quire_space *space,
                                             quire_va va, unsigned access, quire_pfn *pfn,
                                             struct machine_trap *trap);

/* With a slow disk: waits until every transfer is over and nothing is being read ahead. Spaces and
 * objects can be destroyed then, and no operation answers QUIRE_BUSY. */
void machine_settle(struct machine *machine);

/* For operations that may answer QUIRE_PENDING or QUIRE_BUSY: lets one transfer end, any one, and
 * goes on reading ahead. False: none was waiting. */
bool machine_wait(struct machine *machine);

/* A fault from beginning to end, waiting as long as it takes. Answers as quire_space_fault(), but
 * for QUIRE_PENDING; QUIRE_BUSY: in vain. */
enum quire_status machine_fault(struct machine *machine, struct quire_space *space, quire_va va,
                                unsigned access, struct quire_request *request);

/* Goes on with a request that is pending until it is over. */
enum quire_status machine_finish(struct machine *machine, struct quire_request *request);

/* For operations that are asked for again when what they waited for is there: calls `step` until it
 * answers neither QUIRE_PENDING nor, with transfers under way, QUIRE_BUSY. */
enum quire_status machine_complete(struct machine *machine,
                                   enum quire_status (*step)(void *context,
                                                             struct quire_request *request),
                                   void *context, struct quire_request *request);

/* For what does not evict by itself (making spaces, regions, forks): as often as it answers
 * QUIRE_NO_MEMORY, evicts a page and does it again; not if machine.faults refused a frame, which is
 * meant to be seen. */
enum quire_status machine_insist(struct machine *machine, enum quire_status (*doing)(void *context),
                                 void *context);

/* The processor runs no address space any more: what has to be so before its space is destroyed. */
void machine_idle(struct machine *machine);

/* Is this the address space that the processor runs? */
static inline bool machine_runs(const struct machine *machine, const struct quire_space *space)
{
    return machine->mmu.root.at == space->table.root.at && machine->asid == space->table.asid;
}

static inline enum machine_result machine_reference(struct machine *machine,
                                                    struct quire_space *space, quire_va va,
                                                    unsigned access, quire_pfn *pfn,
                                                    struct machine_trap *trap)
{
    const struct tlb_entry *entry;

    if (machine->watched || !machine_runs(machine, space)) {
        return machine_reference_slowly(machine, space, va, access, pfn, trap);
    }
    entry = tlb_find(&machine->tlb, va, access);
    if (entry == NULL) {
        return machine_reference_missed(machine, space, va, access, pfn, trap);
    }
    machine->count.references++;
    machine->count.tlb_hits++;
    quire_system_reference(&machine->system, entry->pfn);
    *pfn = entry->pfn;
    return MACHINE_OK;
}

/* An access without data, within one page: what a trace replay without verification needs. */
static inline enum machine_result machine_touch(struct machine *machine, struct quire_space *space,
                                                quire_va va, unsigned access,
                                                struct machine_trap *trap)
{
    quire_pfn pfn;

    machine->count.accesses++;
    return machine_reference(machine, space, va, access, &pfn, trap);
}

#endif
