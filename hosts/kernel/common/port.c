/*
 * The port: the hooks that quire asks of this kernel. docs/porting.md walks through them.
 *
 * The bundled frame allocator, memory that is visible below 8 MiB and through windows above, a
 * flush (flush.c), and activate. Nothing else.
 */
#include <string.h>

#include "kernel.h"
#include "quire/pte.h"

enum { WINDOWS = 4 }; /* quire holds two at most, and a device that copies one more */

/* Windows are the last pages of the kernel's addresses. What they show is a matter of one PTE each,
 * which every address space shares. */
static struct {
    uintptr_t first; /* address of the first */
    unsigned char *entry[WINDOWS];
    uint64_t leaf; /* what they are set to, but for the address */
    unsigned open;
} windows;

void *kernel_window(quire_pa pa)
{
    const struct quire_entry_layout *layout =
        quire_pte_layout(machine_format, machine_format->levels, QUIRE_PTE_LEAF);
    uintptr_t at = windows.first + windows.open * page_bytes();
    quire_pa frame = {pa.at & ~(uint64_t)(page_bytes() - 1)};

    if (windows.open == WINDOWS || pa.at >> frames.page_shift >= frames.total) {
        return NULL;
    }
    quire_pte_store(machine_format, windows.entry[windows.open],
                    windows.leaf | quire_layout_with_address(layout, frame.at));
    machine_flush_page(quire_va_at(at));
    windows.open++;
    return (void *)(at + (uintptr_t)(pa.at - frame.at));
}

void kernel_window_done(void *where)
{
    windows.open--;
    if ((uintptr_t)where >> frames.page_shift !=
        (windows.first >> frames.page_shift) + windows.open) {
        kernel_panic("windows are closed out of order");
    }
}

/* Finds the windows' PTEs. => the kernel's page table is there; they are not mapped in it */
void window_start(void)
{
    const struct quire_mmu mmu = quire_table_mmu(&kernel_table);

    windows.leaf = quire_pte_leaf(machine_format, machine_format->levels, quire_pa_at(0),
                                  QUIRE_READ | QUIRE_WRITE);
    for (unsigned i = 0; i < WINDOWS; i++) {
        struct quire_walk walk;

        quire_walk(&mmu, quire_va_at(windows.first + i * page_bytes()), QUIRE_READ, &walk);
        if (walk.level != machine_format->levels) {
            kernel_panic("windows have no page table");
        }
        windows.entry[i] = (unsigned char *)(uintptr_t)walk.entry_at.at;
    }
}

static void *memory_map(void *context, quire_pa pa, uint64_t bytes)
{
    (void)context;
    return (pa.at & (page_bytes() - 1)) + bytes <= page_bytes() ? kernel_window(pa) : NULL;
}

static void memory_unmap(void *context, void *where, uint64_t bytes)
{
    (void)context;
    (void)bytes;
    kernel_window_done(where);
}

static void activate(void *context, quire_pa root, uint16_t asid)
{
    (void)context;
    (void)asid;
    machine_set_root(root);
}

struct quire_host host = {
    .frames = &frames,
    .memory = {.map = memory_map, .unmap = memory_unmap},
    .tlb_flush = port_flush,
    .activate = activate,
};

void port_start(void)
{
    uintptr_t page = page_bytes();

    windows.first = KERNEL_BYTES - WINDOWS * page;
    host.memory.direct = (unsigned char *)page; /* page 0 is nobody's */
    host.memory.base = page;
    host.memory.bytes = windows.first - page;
}

static enum quire_status prepare(void *context, struct quire_table *table)
{
    (void)context;
    return quire_table_inherit(table, &kernel_table, quire_va_at(0), KERNEL_BYTES);
}

static uint64_t read_through(void *context, quire_va va)
{
    (void)context;
    return *(volatile uint64_t *)(uintptr_t)va.at;
}

static void restore(void *context)
{
    (void)context;
    quire_table_activate(&kernel_table);
}

void port_check(void)
{
    const struct quire_port port = {.host = &host,
                                    .format = machine_format,
                                    .scratch = {KERNEL_BYTES},
                                    .read = read_through,
                                    .prepare = prepare,
                                    .restore = restore};
    const char *what;

    if (quire_port_check(&port, &what) != QUIRE_OK) {
        kernel_panic("this is no good host for quire: %s", what);
    }
}
