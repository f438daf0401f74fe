/* Where evicted pages go: a disk whose interrupts end transfers; or, to measure without waiting,
 * frames that were set aside. */
#include <string.h>

#include "kernel.h"

enum { SLOTS_MOST = 1 << 19 }; /* 2 GiB: their records take a quarter of the kernel's memory */

/* RAM as a disk: the last frames there are. */
static quire_pa ram_first;

static enum quire_status ram_transfer(void *context, struct quire_transfer *transfer)
{
    void *frame = kernel_page(transfer);
    void *slot = kernel_window(quire_pa_at(ram_first.at + transfer->offset));

    (void)context;
    memcpy(transfer->direction == QUIRE_TRANSFER_IN ? frame : slot,
           transfer->direction == QUIRE_TRANSFER_IN ? slot : frame, (size_t)transfer->bytes);
    kernel_window_done(slot);
    kernel_page_done(transfer, frame);
    return QUIRE_OK;
}

struct quire_device swap_start(uint32_t *slots)
{
    struct quire_device ram = {ram_transfer, NULL};
    uint64_t disk;

    *slots = options.ram_slots;
    if (*slots != 0 || options.no_swap) {
        return ram;
    }
    disk = machine_disk_bytes() / page_bytes();
    *slots = disk < SLOTS_MOST ? (uint32_t)disk : SLOTS_MOST;
    return machine_disk();
}

void swap_reserve(void)
{
    quire_pfn first = {frames.total - options.ram_slots};

    if (options.ram_slots == 0) {
        return;
    }
    if (options.ram_slots > frames.total ||
        quire_frames_alloc_at(&frames, first, options.ram_slots) != QUIRE_OK) {
        refuse("no %u frames in a row to swap to", options.ram_slots);
    }
    ram_first = quire_pfn_pa(first, frames.page_shift);
}
