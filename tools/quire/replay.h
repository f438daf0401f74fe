/*
 * Replays a reference trace: every reference goes through the TLB, the page tables and the fault
 * handler of a simulated machine with too little memory.
 *
 *     struct replay replay;
 *     if (!replay_open(&replay, &config, &problem)) ...
 *     while ((n = trace_read(trace, batch, BATCH)) != 0 && replay_run(&replay, batch, n)) {
 *     }
 *     ... replay.outcome, replay.problem, replay_figures(&replay) ...
 *     replay_close(&replay);                  in between it stays where it is in memory
 *
 * A record is one page reference, or one for each page that it touches, lowest first. A fetch is an
 * execute access, TRACE_MODIFY a single write access (it loads first). Nothing is collapsed.
 *
 * The program has one zero-filled region that it may read, write and execute: all addresses that
 * the format translates. A trace tells where the program went, not what its memory held. So code
 * and constants are zeros; and with `verify` every store writes bytes made from the number of its
 * reference, and every load and fetch is compared with a shadow copy that the machine knows
 * nothing of. Without, a store writes just one byte: what is dropped or swapped is the same.
 */
#ifndef QUIRE_TOOLS_REPLAY_H
#define QUIRE_TOOLS_REPLAY_H

#include "machine.h"
#include "output.h"
#include "replay_curve.h"
#include "replay_opt.h"
#include "replay_shadow.h"
#include "trace.h"

enum { REPLAY_PAGES_MAX = 1 << 22, REPLAY_SLOTS_MAX = 1 << 26 };

struct replay_config {
    const struct quire_format *format;
    const struct quire_policy_ops *policy;
    const struct future *future; /* for replay_policy_opt: of this trace */
    uint64_t seed;               /* for policies that throw dice */
    uint64_t tick; /* records between ticks, for policies whose time is that; 0: no ticks */

    /* One of the two; the other is 0. */
    uint64_t ram_bytes; /* all memory of the machine: pages, tables, supplement and records */
    uint64_t frames;    /* frames that pages may occupy; memory for all else is added */

    uint64_t tlb_entries, tlb_ways; /* 0 entries: no TLB; 0 ways: fully associative */
    const char *swap_path;          /* NULL: in memory */
    uint64_t swap_bytes;            /* 0: replay_default_swap() */
    bool verify;
};

enum replay_outcome {
    REPLAY_OK,
    REPLAY_MISMATCH, /* a byte came back other than it was stored: quire is wrong */
    REPLAY_STUCK     /* the trace does not fit the machine, or the machine cannot go on */
};

struct replay {
    struct replay_config config;
    struct machine machine;
    struct quire_space space;
    struct shadow shadow;
    struct replay_curve curve;
    uint64_t records[TRACE_MODIFY + 1]; /* by kind */
    uint64_t done;                      /* records replayed: the number of the last one */
    uint64_t until_tick;                /* records until the next tick: never 0 */
    uint64_t verified_loads, verified_bytes;
    unsigned page_shift;
    bool quick; /* see run_quickly() */

    enum replay_outcome outcome;
    struct problem problem; /* of the outcome, if it is not REPLAY_OK */
};

/* Bytes of swap that a machine gets if nobody says how many: plenty for a program that suits it. */
uint64_t replay_default_swap(const struct replay_config *config);

/* Records between ticks, likewise: so many that looking at each page costs little beside them. */
uint64_t replay_default_tick(const struct replay_config *config);

/* Builds the machine. False: *problem says why, and there is nothing to close. */
bool replay_open(struct replay *replay, const struct replay_config *config,
                 struct problem *problem);

/* Replays n records. False: it ended before, and `outcome` and `problem` say where and why. */
bool replay_run(struct replay *replay, const struct trace_record *batch, size_t n);

void replay_close(struct replay *replay);

/* What happened, from all counters of the machine and the core. */
struct replay_figures {
    uint64_t records, page_references;
    uint64_t tlb_hits, walks, walk_steps;
    uint64_t faults; /* pages brought in: the three below. Other simulators' "misses" */
    uint64_t zero_fills, file_reads, swap_ins;
    uint64_t upgrades;  /* faults of resident pages: the first write, where the MMU marks none */
    uint64_t evictions; /* the four below */
    uint64_t dropped_zero, dropped_in_file, dropped_in_swap, swap_outs;
    uint64_t disk_reads, disk_writes;       /* transfers of pages */
    uint64_t resident, swapped, swap_slots; /* pages at the end */
    uint64_t touched;                       /* pages that were ever referenced */
    uint64_t ram_bytes, table_bytes, tables, supplement_bytes, record_bytes;
    uint64_t verified_loads, verified_bytes, shadow_bytes;
};
struct replay_figures replay_figures(const struct replay *replay);

#endif
