/*
 * A complete small port: everything a kernel has to write to get paging from quire.
 *
 * The machine is an i386 with 4 MiB of memory, all of it visible to the kernel (a direct map), and
 * one processor. Three hooks and a memory map are all there is. Where a real kernel has an
 * instruction, this file has a call into machine.c, which stands in for the hardware, so that the
 * port runs anywhere; docs/porting.md goes through it line by line.
 */
#include "port.h"

#include "machine.h"
#include "quire/formats.h"

/* The kernel's memory: where frames are, who has them. No allocation: it is all in one place. */
static struct quire_frames frames;
static uint64_t frames_state[MACHINE_FRAMES];
static struct quire_host host;

/* Hook 1 of 3: forget translations. On a real i386: invlpg for each page, or mov to CR3 for many.
 * */
static void tlb_flush(void *context, const struct quire_flush *flush)
{
    (void)context;
    if (flush->all || flush->tables) {
        machine_flush_all();
        return;
    }
    for (unsigned i = 0; i < flush->ranges; i++) {
        const struct quire_flush_range *range = &flush->range[i];

        for (uint64_t at = 0; at < range->bytes; at += UINT64_C(1) << range->page_shift) {
            machine_flush_page((uint32_t)(range->va.at + at));
        }
    }
}

/* Hook 2 of 3: use this page table. On a real i386: mov to CR3. */
static void activate(void *context, quire_pa root, uint16_t asid)
{
    (void)context;
    (void)asid; /* an i386 has none */
    machine_set_root((uint32_t)root.at);
}

/* Hook 3 of 3, frames for page tables, is the bundled allocator: it only has to be told what is
 * RAM. A real kernel reads this from its boot loader's memory map. */
static enum quire_status give_memory(void)
{
    enum quire_status status;

    status = quire_frames_init(&frames, frames_state, sizeof(frames_state), quire_pfn_of(0),
                               MACHINE_FRAMES, 12);
    if (status != QUIRE_OK) {
        return status;
    }
    /* The first MiB stays reserved: BIOS, video memory, the kernel. */
    return quire_frames_release(&frames, quire_pfn_of(256), MACHINE_FRAMES - 256);
}

enum quire_status port_init(void)
{
    host = (struct quire_host){.memory = {.direct = machine_memory(), .bytes = MACHINE_BYTES},
                               .frames = &frames,
                               .tlb_flush = tlb_flush,
                               .activate = activate};
    return give_memory();
}

const struct quire_host *port_host(void)
{
    return &host;
}

static uint64_t read_virtual(void *context, quire_va va)
{
    (void)context;
    return machine_read((uint32_t)va.at);
}

static void restore(void *context)
{
    (void)context;
    machine_set_root(0);
}

/* Run once at boot: does the port keep its promises? */
enum quire_status port_check(const char **what)
{
    const struct quire_port port = {.host = &host,
                                    .format = &quire_format_i386,
                                    .scratch = {0x40000000},
                                    .read = read_virtual,
                                    .restore = restore};

    return quire_port_check(&port, what);
}

/*
 * The page-fault entry. On a real i386: CR2 and the error code that the processor pushed. The
 * answer is what the trap handler does next.
 */
enum port_answer port_page_fault(struct quire_space *space, uint32_t address, uint32_t error_code)
{
    struct quire_request request = {.ready = NULL}; /* the disk below is never PENDING */
    unsigned access = error_code & 2 ? QUIRE_WRITE : QUIRE_READ;

    if (error_code & 4) {
        access |= QUIRE_USER;
    }
    switch (quire_space_fault(space, quire_va_at(address), access, &request)) {
    case QUIRE_OK: return PORT_RETRY;
    case QUIRE_BUSY: return PORT_YIELD;
    default: return PORT_KILL;
    }
}
