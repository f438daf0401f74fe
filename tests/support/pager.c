/* Page replacement on plain arrays. */
#include "tests/support/pager.h"

#include <stdlib.h>

#include "tests/support/check.h"

enum { NOWHERE = -1 };

struct pager {
    struct model_policy *policy;
    uint32_t slots, used;
    uint32_t *page;   /* by slot */
    int32_t *slot_of; /* by page, or NOWHERE */
};

struct pager *pager_open(enum model_kind kind, uint32_t pages, uint32_t slots)
{
    struct pager *pager = malloc(sizeof(*pager));

    check(pager != NULL);
    *pager = (struct pager){.policy = model_policy_open(kind, slots, slots, 0),
                            .slots = slots,
                            .page = calloc(slots, sizeof(uint32_t)),
                            .slot_of = malloc(pages * sizeof(int32_t))};
    check(pager->page != NULL && pager->slot_of != NULL);
    for (uint32_t page = 0; page < pages; page++) {
        pager->slot_of[page] = NOWHERE;
    }
    return pager;
}

void pager_close(struct pager *pager)
{
    model_policy_close(pager->policy);
    free(pager->page);
    free(pager->slot_of);
    free(pager);
}

bool pager_refer(struct pager *pager, uint32_t page, bool write)
{
    int32_t slot = pager->slot_of[page];
    bool fault = slot == NOWHERE;

    if (!fault) {
        model_policy_reference(pager->policy, (uint32_t)slot);
    } else {
        slot = (int32_t)pager->used;
        if (pager->used < pager->slots) {
            pager->used++;
        } else {
            slot = (int32_t)model_policy_victim(pager->policy, page);
            pager->slot_of[pager->page[slot]] = NOWHERE;
        }
        pager->page[slot] = page;
        pager->slot_of[page] = slot;
        model_policy_insert(pager->policy, (uint32_t)slot, page);
    }
    model_policy_mark(pager->policy, (uint32_t)slot, write);
    return fault;
}

void pager_tick(struct pager *pager)
{
    model_policy_tick(pager->policy);
}

/* When each reference's page is referred to next; n: never. From the end, backwards. */
static size_t *next_uses(const uint32_t *string, size_t n, uint32_t pages)
{
    size_t *next = malloc(n * sizeof(size_t)), *seen = malloc(pages * sizeof(size_t));

    check(next != NULL && seen != NULL);
    for (uint32_t page = 0; page < pages; page++) {
        seen[page] = n;
    }
    for (size_t i = n; i-- > 0;) {
        next[i] = seen[string[i]];
        seen[string[i]] = i;
    }
    free(seen);
    return next;
}

uint64_t pager_optimum(const uint32_t *string, size_t n, uint32_t pages, uint32_t slots)
{
    size_t *next = next_uses(string, n, pages), *due = calloc(slots, sizeof(size_t));
    uint32_t *page = calloc(slots, sizeof(uint32_t)), used = 0;
    int32_t *slot_of = malloc(pages * sizeof(int32_t));
    uint64_t faults = 0;

    check(due != NULL && page != NULL && slot_of != NULL);
    for (uint32_t i = 0; i < pages; i++) {
        slot_of[i] = NOWHERE;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = 0;

        if (slot_of[string[i]] != NOWHERE) {
            slot = (uint32_t)slot_of[string[i]];
        } else {
            faults++;
            for (uint32_t s = 1; s < used; s++) {
                slot = due[s] > due[slot] ? s : slot;
            }
            if (used < slots) {
                slot = used++;
            } else {
                slot_of[page[slot]] = NOWHERE;
            }
            page[slot] = string[i];
            slot_of[string[i]] = (int32_t)slot;
        }
        due[slot] = next[i];
    }
    free(next);
    free(due);
    free(page);
    free(slot_of);
    return faults;
}
