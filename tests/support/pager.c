/* Page replacement on plain arrays. */
#include "tests/support/pager.h"

#include <stdlib.h>

#include "tests/support/check.h"

enum { NOWHERE = -1 };

struct pager {
    uint32_t slots, used, hand;
    uint32_t *page; /* by slot */
    bool *bit;
    uint64_t *when;
    int32_t *slot_of; /* by page, or NOWHERE */
};

/* The slot to be filled: free ones in order, then as the policy says. */
static uint32_t choose(struct pager *pager, enum pager_policy policy)
{
    uint32_t slot;

    if (pager->used < pager->slots) {
        return pager->used++;
    }
    if (policy == PAGER_LRU) {
        slot = 0;
        for (uint32_t i = 1; i < pager->slots; i++) {
            slot = pager->when[i] < pager->when[slot] ? i : slot;
        }
        return slot;
    }
    while (policy != PAGER_FIFO && pager->bit[pager->hand]) {
        pager->bit[pager->hand] = false;
        pager->hand = (pager->hand + 1) % pager->slots;
    }
    slot = pager->hand;
    pager->hand = (pager->hand + 1) % pager->slots;
    return slot;
}

uint64_t pager_faults(enum pager_policy policy, const uint32_t *string, size_t n, uint32_t pages,
                      uint32_t slots)
{
    struct pager pager = {.slots = slots,
                          .page = calloc(slots, sizeof(uint32_t)),
                          .bit = calloc(slots, sizeof(bool)),
                          .when = calloc(slots, sizeof(uint64_t)),
                          .slot_of = malloc(pages * sizeof(int32_t))};
    uint64_t faults = 0;

    check(pager.page != NULL && pager.bit != NULL && pager.when != NULL && pager.slot_of != NULL);
    for (uint32_t page = 0; page < pages; page++) {
        pager.slot_of[page] = NOWHERE;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t at = pager.slot_of[string[i]];

        if (at == NOWHERE) {
            bool full = pager.used == slots;

            faults++;
            at = (int32_t)choose(&pager, policy);
            if (full) {
                pager.slot_of[pager.page[at]] = NOWHERE;
            }
            pager.page[at] = string[i];
            pager.slot_of[string[i]] = at;
            pager.bit[at] = policy == PAGER_CLOCK_MMU;
        } else {
            pager.bit[at] = true;
        }
        pager.when[at] = i;
    }
    free(pager.page);
    free(pager.bit);
    free(pager.when);
    free(pager.slot_of);
    return faults;
}
