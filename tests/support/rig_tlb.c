/*
 * The worst TLB: it caches each translation and each upper-level pointer as soon as it is there,
 * and keeps it until a flush that covers it. What it holds after a commit must still be so, and no
 * table may be freed that it can still reach.
 */
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/rig.h"

static enum quire_status look(struct rig *rig, uint64_t va, struct quire_walk *walk,
                              struct quire_trace *trace)
{
    struct quire_mmu mmu = {rig->format, &rig->view, rig->table.root};

    return quire_walk_traced(&mmu, quire_va_at(va), 0, walk, trace);
}

void rig_tlb_fill(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->pages; i++) {
        struct rig_cached *cached = &rig->cached[i];
        struct quire_walk walk;
        struct quire_trace trace;
        enum quire_status status = look(rig, rig->page[i].va, &walk, &trace);

        for (unsigned level = 2; level <= trace.steps; level++) {
            if (cached->upper[level - 1] == 0) {
                cached->upper[level - 1] = trace.step[level - 1].table.at + 1;
            }
        }
        if (status == QUIRE_OK && !cached->valid) {
            cached->valid = true;
            cached->pa = walk.pa.at;
            cached->attributes = walk.attributes;
        }
    }
}

void rig_tlb_check(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->pages; i++) {
        const struct rig_cached *cached = &rig->cached[i];
        struct quire_walk walk;
        struct quire_trace trace;

        if (!cached->valid) {
            continue;
        }
        checkf(look(rig, rig->page[i].va, &walk, &trace) == QUIRE_OK && walk.pa.at == cached->pa,
               "%s: a TLB may still translate %#llx to %#llx", rig->format->name,
               (unsigned long long)rig->page[i].va, (unsigned long long)cached->pa);
        checkf(((cached->attributes & ~walk.attributes) & ~(unsigned)QUIRE_TYPE) == 0 &&
                   (cached->attributes & QUIRE_TYPE) == (walk.attributes & QUIRE_TYPE),
               "%s: a TLB may still hold %#llx with attributes %#x, which are now %#x",
               rig->format->name, (unsigned long long)rig->page[i].va, cached->attributes,
               walk.attributes);
    }
}

static bool covered(const struct rig *rig, const struct quire_flush *flush, uint64_t va)
{
    if (flush->all) {
        return !flush->asid_only || flush->range[0].asid == rig->table.asid;
    }
    for (unsigned i = 0; i < flush->ranges; i++) {
        const struct quire_flush_range *range = &flush->range[i];
        if (va - range->va.at < range->bytes && (range->asid == rig->table.asid || range->global)) {
            return true;
        }
    }
    return false;
}

/* A range is made of whole leaves of one size. */
static void check_range(const struct rig *rig, const struct quire_flush_range *range)
{
    uint64_t leaf = UINT64_C(1) << range->page_shift;
    bool known = false;

    for (unsigned level = 1; level <= rig->format->levels; level++) {
        known = known || rig->format->level[level - 1].shift == range->page_shift;
    }
    checkf(known && range->va.at % leaf == 0 && range->bytes % leaf == 0 && range->bytes != 0,
           "flush of %#llx, %#llx bytes, page shift %u", (unsigned long long)range->va.at,
           (unsigned long long)range->bytes, range->page_shift);
}

static void on_flush(void *context, const struct quire_flush *flush)
{
    struct rig *rig = context;

    for (unsigned i = 0; i < flush->ranges && !flush->all; i++) {
        check_range(rig, &flush->range[i]);
    }
    for (uint32_t i = 0; i < rig->pages; i++) {
        struct rig_cached *cached = &rig->cached[i];
        if (covered(rig, flush, rig->page[i].va)) {
            cached->valid = false;
        }
        if (flush->tables || flush->all) {
            memset(cached->upper, 0, sizeof(cached->upper));
        }
    }
    if (rig->active) {
        rig_tlb_fill(rig); /* whatever is still in the tables is cached again at once */
    }
}

static void on_free(void *context, quire_pa pa, uint64_t bytes)
{
    const struct rig *rig = context;

    for (uint32_t i = 0; i < rig->pages; i++) {
        for (unsigned level = 2; level <= rig->format->levels; level++) {
            uint64_t upper = rig->cached[i].upper[level - 1];
            checkf(upper == 0 || upper - 1 - pa.at >= bytes,
                   "the table at %#llx was freed, but a TLB may still go through it to %#llx",
                   (unsigned long long)pa.at, (unsigned long long)rig->page[i].va);
        }
    }
}

void rig_tlb_watch(struct rig *rig)
{
    rig->arena->context = rig;
    rig->arena->on_flush = on_flush;
    rig->arena->on_free = on_free;
}
