/*
 * A simulated machine, built to be unfair: RAM with real page tables in it, an MMU that walks them
 * through quire's walker and sets accessed and dirty bits, a TLB that keeps stale entries until it is
 * told, a swap disk, and a processor that loads and stores. Anything in it can be made to fail at a
 * chosen moment. Everything is deterministic.
 *
 *   processor --va--> TLB --miss--> MMU walk --+--> RAM        page fault --> quire_space_fault()
 *                      ^                       |                                |
 *                      +----- fills -----------+      flushes <--- batches -----+
 */
#ifndef SIMULATOR_MACHINE_H
#define SIMULATOR_MACHINE_H

#include "disk.h"
#include "quire/space.h"
#include "tlb.h"

struct machine_config {
    const struct quire_format *format;
    uint64_t ram_bytes;            /* all of the machine's memory; a multiple of the page */
    unsigned tlb_entries, tlb_ways; /* 0 entries: no TLB; ways divides entries; 0 ways: fully assoc. */
    const struct quire_policy_ops *policy;
    uint32_t resident_limit;       /* 0: none. See struct quire_system_config */
    uint64_t swap_bytes;           /* 0: no swap */
    const char *swap_path;         /* a file made for it; NULL: in the simulator's memory */
    bool verify_flushes;           /* check each access against a fresh walk (a missed flush is found
                                      at the exact access) */
};

/* What can be made to go wrong: counts down with each such operation and strikes at 1; 0: never. */
struct machine_faults {
    uint64_t frame;  /* the n-th frame or table allocation is refused (as the core asks the host) */
    uint64_t read, write; /* the n-th disk transfer in that direction fails */
    uint64_t flush;  /* the n-th TLB flush is lost */
    uint64_t frames_every, reads_every, writes_every; /* and again every so many afterwards; 0: once */
};

struct machine_counters {
    uint64_t accesses;    /* loads, stores and fetches asked for */
    uint64_t references;  /* page references: an access that crosses a page is two (or more) */
    uint64_t tlb_hits, tlb_misses, walks, walk_steps;
    uint64_t faults;      /* page references that faulted and were then served */
    uint64_t refused;
    uint64_t flushes, flushed_entries;
    uint64_t stale;       /* verify_flushes: accesses that a stale TLB entry would have misled */
};

struct machine {
    struct machine_config config;
    unsigned char *ram;
    struct quire_frames frames;
    void *frames_state;
    struct quire_host host;
    struct quire_system system;
    struct tlb tlb;
    struct disk disk;
    struct machine_faults faults;
    struct machine_counters count;
    void (*listener)(void *context, const struct quire_event *event); /* sees the event stream */
    void *listener_context;
};

/* Builds a machine. On failure returns a status, and *why (if not NULL) one line for people. */
enum quire_status machine_open(struct machine *machine, const struct machine_config *config,
                               const char **why);
void machine_close(struct machine *machine); /* => its spaces are destroyed */

enum machine_result {
    MACHINE_OK,
    MACHINE_REFUSED,  /* a fault the program must not survive: machine_trap says what */
    MACHINE_FAILED    /* no memory, no swap space or I/O error: status says which */
};

struct machine_trap {
    quire_va va; /* of the byte that could not be reached */
    unsigned access;
    enum quire_refusal refusal;
    enum quire_status status;
};

/*
 * The processor: loads into, or stores from, `data`. Any width, any alignment; pages that are crossed
 * are referenced one after the other, lowest first. Faults are handed to the core and the access is
 * retried. On anything but MACHINE_OK the bytes of lower pages have been moved, like on real machines.
 * `access`: QUIRE_READ, QUIRE_WRITE or QUIRE_EXECUTE, with QUIRE_USER as the privilege.
 */
enum machine_result machine_access(struct machine *machine, struct quire_space *space, quire_va va,
                                   unsigned access, void *data, uint64_t bytes,
                                   struct machine_trap *trap);

/* The same reference without moving data: what a trace replay without verification needs. */
enum machine_result machine_touch(struct machine *machine, struct quire_space *space, quire_va va,
                                  unsigned access, struct machine_trap *trap);

#endif
