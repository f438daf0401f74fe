/* The optimal policy, for replays. */
#include "replay_opt.h"

#include <stdlib.h>
#include <string.h>

/* ---- the future ---------------------------------------------------------------------------- */

enum { FIRST_ROOM = 1 << 16, LAST_SHIFT = 3 /* 8 bytes for each page */ };

bool future_open(struct future *future, unsigned page_shift)
{
    memset(future, 0, sizeof(*future));
    future->page_shift = page_shift;
    return shadow_open(&future->last, SHADOW_OF_BYTES, LAST_SHIFT);
}

void future_close(struct future *future)
{
    free(future->next);
    shadow_close(&future->last);
}

static bool grow(struct future *future)
{
    size_t room = future->room != 0 ? future->room * 2 : FIRST_ROOM;
    uint32_t *next;

    if (future->length >= FUTURE_NEVER - 1 || room > SIZE_MAX / sizeof(*next)) {
        return false;
    }
    next = realloc(future->next, room * sizeof(*next));
    if (next == NULL) {
        return false;
    }
    future->next = next;
    future->room = room;
    return true;
}

static bool add_page(struct future *future, uint64_t page)
{
    unsigned char *place = shadow_page(&future->last, page);
    uint64_t last;

    if (place == NULL || (future->length == future->room && !grow(future))) {
        return false;
    }
    memcpy(&last, place, sizeof(last));
    if (last != 0) {
        future->next[last - 1] = (uint32_t)future->length;
    }
    future->next[future->length++] = FUTURE_NEVER;
    last = future->length;
    memcpy(place, &last, sizeof(last));
    return true;
}

bool future_add(struct future *future, const struct trace_record *batch, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t page = batch[i].address >> future->page_shift;
        uint64_t last = (batch[i].address + (batch[i].size - 1)) >> future->page_shift;

        for (; page <= last; page++) {
            if (!add_page(future, page)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the policy ---------------------------------------------------------------------------- */

/*
 * A heap of the resident pages, the one that is due last on top. A reference takes its page further
 * away, always: it is noted, and the page comes to its new place in the heap when a victim is
 * wanted, once however often it was used. Until then the heap knows it by the key that it had:
 * SETTLED pages are those whose key is true.
 */
enum { SETTLED, CHANGED }; /* lists */

struct opt {
    const struct future *future;
    size_t now; /* page references so far */
    uint32_t heaped;
    uint32_t by_frame[]; /* arrays: due; key; place in the heap, or QUIRE_NONE; and the heap */
};

static size_t state_bytes(uint32_t frames)
{
    return sizeof(struct opt) + 4 * (size_t)frames * sizeof(uint32_t);
}

static uint32_t *due(const struct quire_policy *policy)
{
    return ((struct opt *)policy->state)->by_frame;
}

static uint32_t *keys(const struct quire_policy *policy)
{
    return due(policy) + policy->frames;
}

static uint32_t *places(const struct quire_policy *policy)
{
    return due(policy) + 2 * (size_t)policy->frames;
}

static uint32_t *heap(const struct quire_policy *policy)
{
    return due(policy) + 3 * (size_t)policy->frames;
}

void replay_opt_begin(struct quire_policy *policy, const struct future *future)
{
    ((struct opt *)policy->state)->future = future;
}

static void set(struct quire_policy *policy, uint32_t place, uint32_t index)
{
    heap(policy)[place] = index;
    places(policy)[index] = place;
}

/* Puts a page into the heap, at this place or nearer to the top. */
static void rise(struct quire_policy *policy, uint32_t place, uint32_t index)
{
    while (place != 0 && keys(policy)[heap(policy)[(place - 1) / 2]] < keys(policy)[index]) {
        set(policy, place, heap(policy)[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set(policy, place, index);
}

/* Closes a gap: the later of the two below it moves up, and so on; the last page fills the rest. */
static void close_gap(struct quire_policy *policy, uint32_t gap)
{
    struct opt *opt = policy->state;
    const uint32_t *page = heap(policy);
    uint32_t last = page[--opt->heaped];
    uint32_t below;

    while ((below = 2 * gap + 1) < opt->heaped) {
        if (below + 1 < opt->heaped && keys(policy)[page[below + 1]] > keys(policy)[page[below]]) {
            below++;
        }
        set(policy, gap, page[below]);
        gap = below;
    }
    if (gap < opt->heaped) {
        rise(policy, gap, last);
    }
}

static void take_off(struct quire_policy *policy, uint32_t index)
{
    uint32_t place = places(policy)[index];

    quire_policy_take(policy, index);
    if (place != QUIRE_NONE) {
        close_gap(policy, place);
    }
}

/* This reference is to that page: when is the next one? A trace that grew meanwhile has none. */
static void refer(struct quire_policy *policy, uint32_t index)
{
    struct opt *opt = policy->state;

    due(policy)[index] =
        opt->now < opt->future->length ? opt->future->next[opt->now] : FUTURE_NEVER;
    opt->now++;
}

static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    uint32_t index = quire_policy_index(policy, pfn);

    (void)page;
    places(policy)[index] = QUIRE_NONE;
    quire_policy_put(policy, index, CHANGED);
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    refer(policy, quire_policy_index(policy, pfn));
    put_back(policy, pfn, page);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    uint32_t index = quire_policy_index(policy, pfn);

    refer(policy, index);
    if (policy->node[index].word == SETTLED) {
        quire_policy_take(policy, index);
        quire_policy_put(policy, index, CHANGED);
    }
}

static void take_away(struct quire_policy *policy, quire_pfn pfn)
{
    take_off(policy, quire_policy_index(policy, pfn));
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    struct opt *opt = policy->state;
    uint32_t index;

    (void)coming;
    while ((index = policy->list[CHANGED].head) != QUIRE_NONE) {
        uint32_t place = places(policy)[index];

        quire_policy_take(policy, index);
        quire_policy_put(policy, index, SETTLED);
        keys(policy)[index] = due(policy)[index];
        rise(policy, place != QUIRE_NONE ? place : opt->heaped++, index);
    }
    if (opt->heaped == 0) {
        return quire_pfn_of(QUIRE_NONE);
    }
    index = heap(policy)[0];
    take_off(policy, index);
    return quire_policy_pfn(policy, index);
}

const struct quire_policy_ops replay_policy_opt = {
    .name = "opt",
    .wants_references = true,
    .state_bytes = state_bytes,
    .insert = insert,
    .remove = take_away,
    .reference = reference,
    .victim = victim,
    .put_back = put_back,
};
