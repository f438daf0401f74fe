/*
 * The simulated processor: one reference to a page, step by step, and accesses made of them.
 *
 *     TLB hit -----------------------------------------> there
 *     TLB miss --> walk --> ok --> fill the TLB -------> there
 *                   ^       fault --> the core: brought in, or its rights raised --+
 *                   +--------------------------------------------------------------+
 */
#include "machine.h"

#include <string.h>

/* The core says OK and the walk faults all the same: after so many times it is the core that is
 * wrong. One access can fault twice for good reasons (brought in read-only, then written). */
enum { TRIES = 8 };

static void tell(const struct machine *machine, const struct quire_event *event)
{
    if (machine->listener != NULL) {
        machine->listener(machine->listener_context, event);
    }
}

static enum machine_result stopped(struct machine_trap *trap, quire_va va, unsigned access,
                                   enum quire_status status)
{
    *trap = (struct machine_trap){va, access, QUIRE_REFUSAL_NONE, status};
    return MACHINE_FAILED;
}

/* ---- TLB hit --------------------------------------------------------------------------------- */

/* Would the MMU say the same as the TLB does? */
static bool still_true(const struct machine *machine, const struct tlb_entry *entry, quire_va va,
                       unsigned access)
{
    struct quire_walk walk;

    return quire_walk(&machine->mmu, va, access & QUIRE_RIGHTS, &walk) == QUIRE_OK &&
           quire_pa_pfn(walk.pa, machine->tlb.page_shift).n == entry->pfn.n &&
           ((access & QUIRE_WRITE) == 0 || !machine->tlb.marks_dirty ||
            (walk.attributes & QUIRE_DIRTY) != 0);
}

static enum machine_result hit(struct machine *machine, const struct tlb_entry *entry, quire_va va,
                               unsigned access, quire_pfn *pfn, struct machine_trap *trap)
{
    machine->count.references++;
    machine->count.tlb_hits++;
    tell(machine,
         &(struct quire_event){
             .kind = QUIRE_EVENT_TLB_HIT, .asid = machine->asid, .va = va, .pfn = entry->pfn});
    if (machine->config.verify_flushes && !still_true(machine, entry, va, access)) {
        machine->count.stale++;
        return stopped(trap, va, access, QUIRE_CORRUPT);
    }
    quire_system_reference(&machine->system, entry->pfn);
    *pfn = entry->pfn;
    return MACHINE_OK;
}

/* ---- TLB miss -------------------------------------------------------------------------------- */

static void tell_steps(const struct machine *machine, quire_va va, const struct quire_trace *trace)
{
    for (unsigned i = 0; i < trace->steps; i++) {
        tell(machine, &(struct quire_event){.kind = QUIRE_EVENT_WALK_STEP,
                                            .asid = machine->asid,
                                            .level = (uint8_t)(i + 1),
                                            .va = va,
                                            .pa = trace->step[i].entry_at,
                                            .value = trace->step[i].entry});
    }
}

/* The MMU's walk. A recorded one is slower: only where the steps are wanted, or cannot be told from
 * the answer, which for a missing right need not name the last entry read. */
static enum quire_status walk_tables(struct machine *machine, quire_va va, unsigned access,
                                     struct quire_walk *walk)
{
    struct quire_trace trace;
    enum quire_status status;

    machine->count.walks++;
    if (machine->listener == NULL) {
        status = quire_walk(&machine->mmu, va, access | QUIRE_ACCESSED, walk);
        if (status == QUIRE_OK || walk->reason == QUIRE_REASON_NOT_PRESENT) {
            machine->count.walk_steps += walk->level;
            return status;
        }
    }
    status = quire_walk_traced(&machine->mmu, va, access | QUIRE_ACCESSED, walk, &trace);
    machine->count.walk_steps += trace.steps;
    tell_steps(machine, va, &trace);
    return status;
}

/* MACHINE_OK: try again. */
static enum machine_result page_fault(struct machine *machine, struct quire_space *space,
                                      quire_va va, unsigned access, struct machine_trap *trap)
{
    struct quire_request request;
    enum quire_status status =
        machine_fault(machine, space, va, access & (unsigned)QUIRE_RIGHTS, &request);

    if (status == QUIRE_OK) {
        return MACHINE_OK;
    }
    if (status == QUIRE_FAULT) {
        machine->count.refused++;
        *trap = (struct machine_trap){va, access, request.refusal, QUIRE_FAULT};
        return MACHINE_REFUSED;
    }
    return stopped(trap, va, access, status);
}

/* How often has a page been brought in so far? */
static uint64_t brought_in(const struct quire_system *system)
{
    return system->events[QUIRE_EVENT_ZERO_FILL] + system->events[QUIRE_EVENT_FILE_READ] +
           system->events[QUIRE_EVENT_SWAP_IN];
}

/* Policies that count references are told of a page that was there, if only its rights or marks had
 * to be raised; to the others the page has just come in. */
static void count_reference(struct machine *machine, quire_pfn pfn, uint64_t brought_in_before)
{
    if (brought_in(&machine->system) != brought_in_before) {
        machine->count.faults++;
    } else {
        quire_system_reference(&machine->system, pfn);
    }
}

enum machine_result machine_reference_missed(struct machine *machine, struct quire_space *space,
                                             quire_va va, unsigned access, quire_pfn *pfn,
                                             struct machine_trap *trap)
{
    uint64_t before = brought_in(&machine->system);
    struct quire_walk walk;
    unsigned tries = 0;

    machine->count.references++;
    machine->count.tlb_misses++;
    tell(machine,
         &(struct quire_event){.kind = QUIRE_EVENT_TLB_MISS, .asid = machine->asid, .va = va});
    while (walk_tables(machine, va, access, &walk) != QUIRE_OK) {
        enum machine_result result = page_fault(machine, space, va, access, trap);

        if (result != MACHINE_OK) {
            return result;
        }
        if (++tries == TRIES) {
            return stopped(trap, va, access, QUIRE_CORRUPT);
        }
    }
    if (!quire_memory_has(&machine->host.memory, walk.pa, 1)) {
        return stopped(trap, va, access, QUIRE_CORRUPT); /* mapped to where no memory is */
    }
    tlb_fill(&machine->tlb, va, access, &walk);
    *pfn = quire_pa_pfn(walk.pa, machine->tlb.page_shift);
    count_reference(machine, *pfn, before);
    return MACHINE_OK;
}

enum machine_result machine_reference_slowly(struct machine *machine, struct quire_space *space,
                                             quire_va va, unsigned access, quire_pfn *pfn,
                                             struct machine_trap *trap)
{
    const struct tlb_entry *entry;

    if (!machine_runs(machine, space)) {
        quire_table_activate(&space->table);
    }
    entry = tlb_find(&machine->tlb, va, access);
    if (entry == NULL) {
        return machine_reference_missed(machine, space, va, access, pfn, trap);
    }
    return hit(machine, entry, va, access, pfn, trap);
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void move(unsigned char *memory, unsigned char *data, uint64_t bytes, unsigned access)
{
    if (access & QUIRE_WRITE) {
        memcpy(memory, data, (size_t)bytes);
    } else {
        memcpy(data, memory, (size_t)bytes);
    }
}

enum machine_result machine_access(struct machine *machine, struct quire_space *space, quire_va va,
                                   unsigned access, void *data, uint64_t bytes,
                                   struct machine_trap *trap)
{
    unsigned shift = machine->tlb.page_shift;
    uint64_t page = UINT64_C(1) << shift;
    unsigned char *next = data;

    machine->count.accesses++;
    while (bytes != 0) {
        uint64_t offset = va.at & (page - 1);
        uint64_t part = bytes < page - offset ? bytes : page - offset;
        quire_pfn pfn;
        enum machine_result result = machine_reference(machine, space, va, access, &pfn, trap);

        if (result != MACHINE_OK) {
            return result;
        }
        move(machine->ram + (quire_pfn_pa(pfn, shift).at | offset), next, part, access);
        va.at += part;
        next += part;
        bytes -= part;
    }
    return MACHINE_OK;
}
