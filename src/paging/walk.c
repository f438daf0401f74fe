/* The walk for descriptors met at run time, and the choice of the instantiated one. */
#include "quire/walk.h"

#define QUIRE_WALK_INTERPRETED
#include "walk_inline.h"

/* The walk as a loop over a descriptor that is only known now: one copy serves all callers. */
static __attribute__((noinline)) enum quire_status interpret(const struct quire_mmu *mmu,
                                                             quire_va va, unsigned access,
                                                             struct quire_walk *out,
                                                             struct quire_trace *trace,
                                                             quire_pa *pa)
{
    return walk_inline(mmu->format, mmu, va, access, WALK_FULL, out, trace, pa);
}

bool quire_walk_read_mapped(const struct quire_format *format, const struct quire_memory *memory,
                            quire_pa at, uint64_t *entry)
{
    void *where = quire_memory_at(memory, at, format->pte_bytes);

    if (where == NULL) {
        return false;
    }
    *entry = entry_load(format, where);
    quire_memory_done(memory, where, format->pte_bytes);
    return true;
}

enum quire_status quire_walk_in_full(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                     struct quire_walk *out)
{
    return interpret(mmu, va, access, out, NULL, NULL);
}

enum quire_status quire_translate_in_full(const struct quire_mmu *mmu, quire_va va, quire_pa *pa)
{
    return interpret(mmu, va, 0, NULL, NULL, pa);
}

enum quire_status quire_walk(const struct quire_mmu *mmu, quire_va va, unsigned access,
                             struct quire_walk *out)
{
    const struct quire_format *format = mmu->format;

    if (format->code != NULL) {
        return format->code->walk(mmu, va, access, out);
    }
    return interpret(mmu, va, access, out, NULL, NULL);
}

enum quire_status quire_walk_traced(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                    struct quire_walk *out, struct quire_trace *trace)
{
    trace->steps = 0;
    return interpret(mmu, va, access, out, trace, NULL);
}

enum quire_status quire_translate(const struct quire_mmu *mmu, quire_va va, quire_pa *pa)
{
    const struct quire_format *format = mmu->format;

    if (format->code != NULL) {
        return format->code->translate(mmu, va, pa);
    }
    return quire_translate_in_full(mmu, va, pa);
}

const char *quire_reason_text(enum quire_reason reason)
{
    static const char *const text[QUIRE_REASONS] = {
        [QUIRE_REASON_NONE] = "no fault",
        [QUIRE_REASON_NOT_PRESENT] = "not present",
        [QUIRE_REASON_READ] = "not readable",
        [QUIRE_REASON_WRITE] = "not writable",
        [QUIRE_REASON_EXECUTE] = "not executable",
        [QUIRE_REASON_USER] = "supervisor only",
        [QUIRE_REASON_RESERVED] = "reserved bit set",
        [QUIRE_REASON_NONCANONICAL] = "address outside the address space",
        [QUIRE_REASON_UNREACHABLE] = "table not reachable in physical memory",
    };

    return (unsigned)reason < QUIRE_REASONS ? text[reason] : "unknown reason";
}
