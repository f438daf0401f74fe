/* Pages that were evicted and are remembered. */
#include "policy_ghosts.h"

static uint32_t buckets_for(uint32_t ghosts)
{
    uint32_t buckets = 1;

    while (buckets < ghosts) {
        buckets *= 2;
    }
    return buckets;
}

size_t quire_ghosts_bytes(size_t own, uint32_t frames, uint32_t ghosts)
{
    uint64_t count = (uint64_t)ghosts + QUIRE_GHOSTS_ASIDE;
    uint64_t bytes = own + frames * (uint64_t)sizeof(uint64_t) +
                     count * (sizeof(struct quire_ghost) + sizeof(struct quire_policy_node)) +
                     buckets_for((uint32_t)count) * (uint64_t)sizeof(uint32_t);

    return bytes <= SIZE_MAX ? (size_t)bytes : SIZE_MAX;
}

void quire_ghosts_init(struct quire_ghosts *ghosts, void *memory, uint32_t frames, uint32_t count)
{
    count += QUIRE_GHOSTS_ASIDE;
    ghosts->held = memory;
    ghosts->ghost = (struct quire_ghost *)(void *)(ghosts->held + frames);
    ghosts->node = (struct quire_policy_node *)(void *)(ghosts->ghost + count);
    ghosts->bucket = (uint32_t *)(void *)(ghosts->node + count);
    ghosts->mask = buckets_for(count) - 1;
    for (unsigned i = 0; i <= QUIRE_GHOST_LISTS; i++) {
        ghosts->list[i] = QUIRE_POLICY_LIST_EMPTY;
    }
}

static uint32_t *bucket_of(const struct quire_ghosts *ghosts, uint64_t page)
{
    uint64_t hash = page * UINT64_C(0x9e3779b97f4a7c15);

    return &ghosts->bucket[(uint32_t)(hash >> 32) & ghosts->mask];
}

uint32_t quire_ghosts_find(const struct quire_ghosts *ghosts, uint64_t page)
{
    uint32_t chain = *bucket_of(ghosts, page);

    while (chain != 0 && ghosts->ghost[chain - 1].page != page) {
        chain = ghosts->ghost[chain - 1].chain;
    }
    return chain - 1; /* 0 - 1 is QUIRE_NONE */
}

static void put(struct quire_ghosts *ghosts, uint32_t index, unsigned list)
{
    ghosts->node[index].word = list;
    quire_policy_list_append(ghosts->node, &ghosts->list[list], index);
}

static void take(struct quire_ghosts *ghosts, uint32_t index)
{
    quire_policy_list_remove(ghosts->node, &ghosts->list[ghosts->node[index].word], index);
}

void quire_ghosts_drop(struct quire_ghosts *ghosts, uint32_t index)
{
    struct quire_ghost *ghost = &ghosts->ghost[index];
    uint32_t *link = bucket_of(ghosts, ghost->page);

    while (*link != index + 1) {
        link = &ghosts->ghost[*link - 1].chain;
    }
    *link = ghost->chain;
    take(ghosts, index);
    ghost->chain = ghosts->free;
    ghosts->free = index + 1;
}

void quire_ghosts_drop_oldest(struct quire_ghosts *ghosts, unsigned list)
{
    if (ghosts->list[list].head != QUIRE_NONE) {
        quire_ghosts_drop(ghosts, ghosts->list[list].head);
    }
}

bool quire_ghosts_forget(struct quire_ghosts *ghosts, uint64_t page)
{
    uint32_t index = quire_ghosts_find(ghosts, page);

    if (index != QUIRE_NONE) {
        quire_ghosts_drop(ghosts, index);
    }
    return index != QUIRE_NONE;
}

void quire_policy_forget_ghost(struct quire_policy *policy, uint64_t page)
{
    quire_ghosts_forget(policy->state, page);
}

uint32_t quire_ghosts_await(struct quire_ghosts *ghosts, uint64_t page)
{
    uint32_t index = quire_ghosts_find(ghosts, page);

    if (index == QUIRE_NONE || ghosts->node[index].word == QUIRE_GHOSTS_AWAITED) {
        return index;
    }
    if (ghosts->list[QUIRE_GHOSTS_AWAITED].length == QUIRE_GHOSTS_ASIDE) {
        quire_ghosts_drop_oldest(ghosts, QUIRE_GHOSTS_AWAITED);
    }
    take(ghosts, index);
    put(ghosts, index, QUIRE_GHOSTS_AWAITED);
    return index;
}

/* One that was given back, else one that was never used. */
static uint32_t take_free(struct quire_ghosts *ghosts)
{
    uint32_t index = ghosts->free - 1;

    if (ghosts->free == 0) {
        return ghosts->fresh++;
    }
    ghosts->free = ghosts->ghost[index].chain;
    return index;
}

void quire_ghosts_add(struct quire_ghosts *ghosts, unsigned list, uint32_t limit, uint64_t page,
                      uint32_t note)
{
    uint32_t *bucket = bucket_of(ghosts, page);
    uint32_t index;

    quire_ghosts_forget(ghosts, page); /* two pages of one number: see the header */
    while (ghosts->list[list].length != 0 && ghosts->list[list].length >= limit) {
        quire_ghosts_drop_oldest(ghosts, list);
    }
    if (limit == 0) {
        return;
    }
    index = take_free(ghosts);
    ghosts->ghost[index] = (struct quire_ghost){page, *bucket, note};
    *bucket = index + 1;
    put(ghosts, index, list);
}
