/* tlb_flush: the processor forgets translations. */
#include "kernel.h"

enum { SINGLE = 32 }; /* as many pages, and more, take longer than to forget all */

static bool flush_range(const struct quire_flush_range *range)
{
    uint64_t page = UINT64_C(1) << range->page_shift;

    if (range->bytes >> range->page_shift >= SINGLE) {
        return false;
    }
    for (uint64_t offset = 0; offset < range->bytes; offset += page) {
        machine_flush_page(quire_va_at(range->va.at + offset));
    }
    return true;
}

uint32_t port_flushes;

/* The TLB holds only what is the current address space's: any other was forgotten when it was
 * left. That the ranges of others are flushed, too, does no harm. */
void port_flush(void *context, const struct quire_flush *flush)
{
    bool all = flush->all || flush->tables;

    (void)context;
    port_flushes++;
    for (unsigned i = 0; i < flush->ranges && !all; i++) {
        all = !flush_range(&flush->range[i]);
    }
    if (all) {
        machine_set_root(machine_root());
    }
}
