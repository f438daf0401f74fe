/*
 * Many references at best speed: what machine_reference() does when the TLB has the page, for loops
 * that do little else. Everything unusual is left to machine_reference().
 *
 *     struct machine_run run = machine_run_begin(&machine, &space);
 *     for (...) {
 *         if (!machine_run_hit(&run, va, access)) {
 *             machine_run_end(&run);
 *             ... machine_reference(&machine, &space, va, access, &pfn, &trap) ...
 *             run = machine_run_begin(&machine, &space);
 *         }
 *     }
 *     machine_run_end(&run);
 *
 * Counts and the TLB's clock are kept in registers meanwhile: between begin and end nobody else may
 * use or look at the machine.
 */
#ifndef SIMULATOR_RUN_H
#define SIMULATOR_RUN_H

#include "machine.h"

struct machine_run {
    struct machine *machine;
    uint64_t clock; /* the TLB's: one more for each hit */
    unsigned page_shift;
    unsigned asid; /* of the space; no entry has it if nothing can be done quickly */
    void (*reference)(struct quire_policy *policy, quire_pfn pfn);
};

enum { MACHINE_RUN_NEVER = 1 << 16 };

static inline struct machine_run machine_run_begin(struct machine *machine,
                                                   const struct quire_space *space)
{
    bool quick = !machine->watched && machine_runs(machine, space);
    struct machine_run run = {.machine = machine,
                              .clock = machine->tlb.clock,
                              .page_shift = machine->tlb.page_shift,
                              .asid = quick ? machine->tlb.asid : MACHINE_RUN_NEVER,
                              .reference = machine->system.policy.ops->reference};
    return run;
}

static inline void machine_run_end(struct machine_run *run)
{
    struct machine *machine = run->machine;
    uint64_t hits = run->clock - machine->tlb.clock;

    machine->tlb.clock = run->clock;
    machine->count.references += hits;
    machine->count.tlb_hits += hits;
}

/* True: the TLB has the page and allows the access, and the reference is done. Else nothing is. */
static inline bool machine_run_hit(struct machine_run *run, quire_va va, unsigned access)
{
    struct machine *machine = run->machine;
    uint64_t vpn = va.at >> run->page_shift;
    struct tlb_entry *entry = *tlb_hint(&machine->tlb, vpn, run->asid);

    /* One branch for all conditions. */
    if (((entry->vpn ^ vpn) | (entry->asid ^ run->asid) |
         (access & QUIRE_RIGHTS & ~(unsigned)entry->rights)) != 0) {
        return false;
    }
    entry->used = ++run->clock;
    if (run->reference != NULL) {
        run->reference(&machine->system.policy, entry->pfn);
    }
    return true;
}

#endif
