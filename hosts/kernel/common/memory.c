/*
 * Physical memory, and the kernel's own page table by the steps of seed 001.
 *
 *     0        BIOS's first MiB   kernel, archive  frames'   page tables, tasks,     windows
 *     |  (page 0 is not mapped)  |                | records | quire's own records   |       |
 *     +--------------------------+----------------+---------+-----------------------+-------+
 *     0                          1 MiB                                                      8 MiB
 *
 * All of it is mapped where it is, and nothing else ever: what lies above is for programs, and for
 * whatever finds no room below; it is seen through windows (port.c).
 */
#include <string.h>

#include "kernel.h"
#include "quire/registry.h"

enum {
    FIRST_MIB = 1 << 20,
    ROOM = 1 << 20, /* of the first 8 MiB, for tables and tasks, at least */
};

struct quire_frames frames;
struct quire_table kernel_table;
struct quire_system paging;

static uint64_t round_up(uint64_t at)
{
    return (at + page_bytes() - 1) >> page_shift() << page_shift();
}

static uint64_t ram_end(const struct boot *boot)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < boot->ranges; i++) {
        if (boot->range[i].first + boot->range[i].bytes > end) {
            end = boot->range[i].first + boot->range[i].bytes;
        }
    }
    return end < UINT32_MAX ? end : UINT32_MAX;
}

/* Hands over [first, end), as far as it is behind `from`. */
static void release(uint64_t first, uint64_t end, uint64_t from)
{
    uint64_t limit = (uint64_t)frames.total << page_shift();

    first = round_up(first > from ? first : from);
    end = (end < limit ? end : limit) >> page_shift() << page_shift();
    if (first < end) {
        quire_frames_release(&frames, quire_pfn_of((uint32_t)(first >> page_shift())),
                             (uint32_t)((end - first) >> page_shift()));
    }
}

static void release_ram(const struct boot *boot, uint64_t own_end)
{
    uint64_t windows = host.memory.base + host.memory.bytes;

    for (unsigned i = 0; i < boot->ranges; i++) {
        uint64_t first = boot->range[i].first, end = first + boot->range[i].bytes;

        release(first, end < windows ? end : windows, own_end);
        release(first, end, KERNEL_BYTES);
    }
}

/*
 * The records of frames, and of what quire keeps in them, lie behind the kernel: `config` is told
 * where. A machine may have more frames than there is room to keep records of; the rest is not
 * used. Returns where the records end.
 */
static uint64_t make_records(const struct boot *boot, struct quire_system_config *config)
{
    uint64_t begin = round_up(boot->own_end), end = ram_end(boot);
    uint64_t limit = host.memory.base + host.memory.bytes - ROOM;
    uint32_t total = (uint32_t)(end >> page_shift());
    uint64_t state;

    if (end < KERNEL_BYTES + 4 * page_bytes()) {
        refuse("%u KiB of memory, of which the kernel keeps %u", (unsigned)(end >> 10),
               KERNEL_BYTES >> 10);
    }
    for (;; total -= total / 16) {
        if (total < KERNEL_BYTES / page_bytes()) {
            refuse("the kernel and its archive end at 0x%08x: no room below 8 MiB for records",
                   (unsigned)begin);
        }
        state = round_up(begin + quire_frames_size(total));
        if (state < limit &&
            quire_frames_init(&frames, (void *)(uintptr_t)begin, (size_t)(state - begin),
                              quire_pfn_of(0), total, page_shift()) == QUIRE_OK) {
            config->state = (void *)(uintptr_t)state;
            config->state_bytes = quire_system_size(config);
            if (config->state_bytes < limit - state) {
                break;
            }
        }
    }
    if (total < end >> page_shift()) {
        say("only %u of %u MiB are used: records of more frames find no room",
            total >> (20 - page_shift()), (unsigned)(end >> 20));
    }
    return state + config->state_bytes;
}

static void must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        kernel_panic("%s: %s", what, quire_status_text(status));
    }
}

static void protect(struct quire_batch *batch, const unsigned char *from, const unsigned char *to,
                    unsigned rights)
{
    must(quire_table_protect(&kernel_table, batch, quire_va_at((uintptr_t)from),
                             (uintptr_t)to - (uintptr_t)from, rights, NULL),
         "the kernel's text");
}

/* Would the machine survive with this table? Asked of the walk before the MMU is. */
static void check_vitals(void)
{
    const struct quire_mmu mmu = quire_table_mmu(&kernel_table);
    const struct machine_vital *vital;
    unsigned vitals = machine_vitals(&vital);

    for (unsigned i = 0; i < vitals; i++) {
        uintptr_t last = vital[i].at + vital[i].bytes - 1;

        for (uintptr_t at = vital[i].at; at <= last; at = (at | (page_bytes() - 1)) + 1) {
            struct quire_walk walk;

            if (quire_walk(&mmu, quire_va_at(at), vital[i].access, &walk) != QUIRE_OK) {
                kernel_panic("%s at %08x: %s", vital[i].what, (unsigned)at,
                             quire_reason_text(walk.reason));
            }
            if (walk.pa.at != at) {
                kernel_panic("%s at %08x would be at %08x", vital[i].what, (unsigned)at,
                             (unsigned)walk.pa.at);
            }
        }
    }
}

/* Seed 001: an empty directory; every address that is present maps itself; present are the first
 * MiB, and behind it the kernel's own. */
static void make_kernel_table(void)
{
    struct quire_batch batch = {0};
    uint64_t windows = host.memory.base + host.memory.bytes;

    must(quire_registry_boot(&kernel_table, machine_format, &host, FIRST_MIB,
                             KERNEL_BYTES - FIRST_MIB),
         "the kernel's page table");
    quire_batch_begin(&batch, &host);
    must(quire_table_unmap(&kernel_table, &batch, quire_va_at(0), page_bytes(), NULL), "page 0");
    must(quire_table_unmap(&kernel_table, &batch, quire_va_at(windows), KERNEL_BYTES - windows,
                           NULL),
         "windows");
    protect(&batch, kernel_text, kernel_text_end, QUIRE_READ | QUIRE_EXECUTE);
    protect(&batch, kernel_text_end, kernel_rodata_end, QUIRE_READ);
    quire_batch_commit(&batch);
    check_vitals();
    machine_paging_on(kernel_table.root);
    window_start();
}

void memory_start(const struct boot *boot)
{
    struct quire_system_config config = {
        .host = &host, .policy = options.policy, .pages_from = {KERNEL_BYTES >> page_shift()}};

    port_start();
    config.swap = swap_start(&config.swap_slots);
    release_ram(boot, make_records(boot, &config));
    swap_reserve();
    make_kernel_table();
    port_check();
    must(quire_system_init(&paging, &config), "quire");
}

static unsigned order_of(size_t bytes)
{
    unsigned order = 0;

    while (page_bytes() << order < bytes) {
        order++;
    }
    return order;
}

void *memory_take(size_t bytes)
{
    unsigned order = order_of(bytes);
    quire_pfn first;
    uint64_t at;

    if (quire_frames_alloc(&frames, order, &first) != QUIRE_OK) {
        return NULL;
    }
    at = quire_pfn_pa(first, page_shift()).at;
    if (at >= KERNEL_BYTES) {
        quire_frames_free(&frames, first, order);
        return NULL;
    }
    return memset((void *)(uintptr_t)at, 0, page_bytes() << order);
}

void memory_give(void *at, size_t bytes)
{
    quire_frames_free(&frames, quire_pfn_of((uint32_t)((uintptr_t)at >> page_shift())),
                      order_of(bytes));
}
