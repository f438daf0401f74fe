/*
 * Swap: slots of one page each on a device.
 *
 * Slots are counted like frames, by the same allocator: a slot may have several owners (pages
 * shared after a fork), and the lowest free one is taken.
 */
#ifndef QUIRE_SWAP_H
#define QUIRE_SWAP_H

#include "quire/frames.h"
#include "quire/transfer.h"

struct quire_swap {
    struct quire_device device;
    struct quire_frames slots; /* slot numbers are its frame numbers */
    unsigned page_shift;
};

/* Bytes of state for so many slots. */
size_t quire_swap_size(uint32_t slots);

/* All slots free. `state` as quire_swap_size() says, aligned to 8. 0 slots: there is no swap. */
enum quire_status quire_swap_init(struct quire_swap *swap, const struct quire_device *device,
                                  void *state, size_t state_bytes, uint32_t slots,
                                  unsigned page_shift);

/* A free slot, with one owner. QUIRE_NO_SPACE. */
enum quire_status quire_swap_alloc(struct quire_swap *swap, quire_slot *slot);

void quire_swap_ref(struct quire_swap *swap, quire_slot slot);
void quire_swap_unref(struct quire_swap *swap, quire_slot slot);

/* How many owners a slot has; 0: free. */
static inline uint32_t quire_swap_owners(const struct quire_swap *swap, quire_slot slot)
{
    return quire_frames_count(&swap->slots, quire_pfn_of(slot.n));
}

static inline uint32_t quire_swap_used(const struct quire_swap *swap)
{
    return swap->slots.total - swap->slots.free;
}

#endif
