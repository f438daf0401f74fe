/* Swap slots, counted by the frame allocator, and transfers of single slots. */
#include "quire/swap.h"

size_t quire_swap_size(uint32_t slots)
{
    return slots == 0 ? 0 : quire_frames_size(slots);
}

enum quire_status quire_swap_init(struct quire_swap *swap, const struct quire_device *device,
                                  void *state, size_t state_bytes, uint32_t slots,
                                  unsigned page_shift)
{
    enum quire_status status;

    *swap = (struct quire_swap){.device = *device, .page_shift = page_shift};
    if (slots == 0) {
        return QUIRE_OK;
    }
    status =
        quire_frames_init(&swap->slots, state, state_bytes, quire_pfn_of(0), slots, page_shift);
    if (status == QUIRE_OK) {
        status = quire_frames_release(&swap->slots, quire_pfn_of(0), slots);
    }
    return status;
}

enum quire_status quire_swap_alloc(struct quire_swap *swap, quire_slot *slot)
{
    quire_pfn pfn;

    if (swap->slots.free == 0 || quire_frames_alloc(&swap->slots, 0, &pfn) != QUIRE_OK) {
        return QUIRE_NO_SPACE;
    }
    *slot = quire_slot_of(pfn.n);
    return QUIRE_OK;
}

void quire_swap_ref(struct quire_swap *swap, quire_slot slot)
{
    quire_frames_ref(&swap->slots, quire_pfn_of(slot.n));
}

void quire_swap_unref(struct quire_swap *swap, quire_slot slot)
{
    quire_frames_unref(&swap->slots, quire_pfn_of(slot.n));
}
