/*
 * The checking mode: blocks between guards.
 *
 *   |guard|before, 0xbe ...|what the owner asked for|after, 0xaf ...|
 *   ^ block of the heap    ^ owner's block          ^ 16 to 64 bytes
 *
 * The guard knows where the owner's block is, how long, and whether it was freed; its seal, made of
 * all that and its own address, tells a guard from bytes that look like one. A block that is freed
 * is filled with 0xdf and waits in the quarantine, a queue through the guards. What cannot be
 * believed any more (a broken seal) is left alone for ever rather than freed: it costs memory, not
 * the next program's data.
 *
 * Filling stops after 4 KiB and zones after 64 bytes, so that large blocks need not be touched.
 */
#include "internal.h"

enum { BEFORE = 0xbe, AFTER = 0xaf, NEW = 0xad, FREED = 0xdf };
enum { ZONE_LEAST = 16, ZONE_MOST = 64, FILL_MOST = 4096 };

enum state { STATE_LIVE = 0x4c495645, STATE_FREED = 0x46524545 };

struct heap_guard {
    struct heap_guard *next; /* in the quarantine */
    size_t bytes;            /* that the owner asked for */
    uint32_t offset;         /* of the owner's block from here */
    uint32_t seal;
};

enum {
    FRONT = (sizeof(struct heap_guard) + ZONE_LEAST + QUIRE_HEAP_ALIGN - 1) / QUIRE_HEAP_ALIGN *
            QUIRE_HEAP_ALIGN
};

/* ---- guards ---------------------------------------------------------------------------------- */

static uint32_t seal_of(const struct heap_guard *guard, enum state state)
{
    uint32_t seal = (uint32_t)state;

    seal = (seal ^ (uint32_t)(uintptr_t)guard) * UINT32_C(0x9e3779b1);
    seal = (seal ^ (uint32_t)(uintptr_t)guard->next) * UINT32_C(0x85ebca6b);
    seal = (seal ^ (uint32_t)guard->bytes) * UINT32_C(0xc2b2ae35);
    seal = (seal ^ guard->offset) * UINT32_C(0x27d4eb2f);
    return seal ^ seal >> 15;
}

static bool is(const struct heap_guard *guard, enum state state)
{
    return guard->seal == seal_of(guard, state);
}

static unsigned char *owners(const struct heap_guard *guard)
{
    return (unsigned char *)(uintptr_t)guard + guard->offset;
}

/* ---- zones ----------------------------------------------------------------------------------- */

struct zone {
    unsigned char *at;
    size_t bytes;
};

static struct zone zone_before(const struct heap_guard *guard)
{
    size_t bytes = least(guard->offset - sizeof(*guard), ZONE_MOST);

    return (struct zone){owners(guard) - bytes, bytes};
}

static struct zone zone_after(const struct heap_guard *guard, size_t block_bytes)
{
    size_t bytes = least(block_bytes - guard->offset - guard->bytes, ZONE_MOST);

    return (struct zone){owners(guard) + guard->bytes, bytes};
}

static struct zone zone_filled(const struct heap_guard *guard)
{
    return (struct zone){owners(guard), least(guard->bytes, FILL_MOST)};
}

static void fill(struct zone zone, int byte)
{
    memset(zone.at, byte, zone.bytes);
}

/* The first byte that is not what it was filled with; NULL: none. */
static const unsigned char *damage_in(struct zone zone, unsigned char byte)
{
    for (size_t i = 0; i < zone.bytes; i++) {
        if (zone.at[i] != byte) {
            return zone.at + i;
        }
    }
    return NULL;
}

/* Looks at all that was filled around a block, and within if it was freed. Reports what is wrong;
 * answers the first such byte. => its guard is sound */
static const void *inspect(struct quire_heap *heap, const struct heap_block *block)
{
    const struct heap_guard *guard = (const struct heap_guard *)block->at;
    const struct look {
        enum quire_heap_mistake mistake;
        struct zone zone;
        unsigned char byte;
    } looks[] = {
        {QUIRE_HEAP_UNDERRUN, zone_before(guard), BEFORE},
        {QUIRE_HEAP_OVERRUN, zone_after(guard, block->bytes), AFTER},
        {QUIRE_HEAP_USE_AFTER_FREE, zone_filled(guard), FREED},
    };
    const void *first = NULL;

    for (unsigned i = 0; i < (is(guard, STATE_FREED) ? 3u : 2u); i++) {
        const void *damaged = damage_in(looks[i].zone, looks[i].byte);
        if (damaged != NULL) {
            quire_heap_tell(heap, looks[i].mistake, damaged, owners(guard), guard->bytes);
            first = first != NULL ? first : damaged;
        }
    }
    return first;
}

/* ---- the owner's blocks ---------------------------------------------------------------------- */

/* The guard of a live block, or NULL and a report. */
static struct heap_guard *guard_of(struct quire_heap *heap, const void *owned,
                                   struct heap_block *block)
{
    enum heap_place place = quire_heap_locate(heap, owned, block);
    struct heap_guard *guard = place == HEAP_IN_BLOCK ? (struct heap_guard *)block->at : NULL;

    if (place == HEAP_NOWHERE) {
        quire_heap_tell(heap, QUIRE_HEAP_WILD, owned, NULL, 0);
    } else if (place == HEAP_UNUSED) {
        quire_heap_tell(heap, QUIRE_HEAP_DOUBLE_FREE, owned, NULL, 0);
    } else if (!is(guard, STATE_LIVE) && !is(guard, STATE_FREED)) {
        quire_heap_tell(heap, QUIRE_HEAP_UNDERRUN, guard, owned, 0);
    } else if (owners(guard) != owned) {
        quire_heap_tell(heap, QUIRE_HEAP_INTERIOR, owned, owners(guard), guard->bytes);
    } else if (is(guard, STATE_FREED)) {
        quire_heap_tell(heap, QUIRE_HEAP_DOUBLE_FREE, owned, owned, guard->bytes);
    } else {
        return guard;
    }
    return NULL;
}

static void reseal(struct heap_guard *guard, struct heap_guard *next)
{
    guard->next = next;
    guard->seal = seal_of(guard, STATE_FREED);
}

/* Really frees the oldest blocks until no more than `most` bytes wait. */
static void shorten(struct quire_heap *heap, size_t most)
{
    while (heap->oldest != NULL && heap->quarantined > most) {
        struct heap_guard *guard = heap->oldest;
        struct heap_block block;

        if (quire_heap_locate(heap, guard, &block) != HEAP_IN_BLOCK || !is(guard, STATE_FREED)) {
            quire_heap_tell(heap, QUIRE_HEAP_UNDERRUN, guard, NULL, 0);
            heap->oldest = heap->newest = NULL; /* where it goes on is not known */
            heap->quarantined = 0;
            return;
        }
        inspect(heap, &block);
        heap->oldest = guard->next;
        heap->newest = heap->oldest != NULL ? heap->newest : NULL;
        heap->quarantined -= block.bytes;
        quire_heap_plain_free(heap, guard);
    }
}

static void *check_alloc(struct quire_heap *heap, size_t align, size_t bytes, bool zeroed)
{
    size_t offset = round_up(FRONT, align);
    struct heap_guard *guard;
    struct heap_block block;

    if (align > UINT32_MAX / 2 || bytes > PTRDIFF_MAX - offset - ZONE_LEAST) {
        return NULL;
    }
    guard = quire_heap_plain_alloc(heap, align, offset + bytes + ZONE_LEAST, false);
    if (guard == NULL && heap->oldest != NULL) {
        shorten(heap, 0);
        guard = quire_heap_plain_alloc(heap, align, offset + bytes + ZONE_LEAST, false);
    }
    if (guard == NULL) {
        return NULL;
    }
    quire_heap_locate(heap, guard, &block);
    *guard = (struct heap_guard){.bytes = bytes, .offset = (uint32_t)offset};
    guard->seal = seal_of(guard, STATE_LIVE);
    fill(zone_before(guard), BEFORE);
    fill(zone_after(guard, block.bytes), AFTER);
    if (zeroed) {
        memset(owners(guard), 0, bytes);
    } else {
        fill(zone_filled(guard), NEW);
    }
    return owners(guard);
}

static void check_free(struct quire_heap *heap, void *owned)
{
    struct heap_block block;
    struct heap_guard *guard = guard_of(heap, owned, &block);

    if (guard == NULL) {
        return;
    }
    inspect(heap, &block);
    fill(zone_before(guard), BEFORE); /* so that what was reported is not again */
    fill(zone_after(guard, block.bytes), AFTER);
    fill(zone_filled(guard), FREED);
    reseal(guard, NULL);
    if (heap->newest == NULL) {
        heap->oldest = guard;
    } else if (is(heap->newest, STATE_FREED)) {
        reseal(heap->newest, guard);
    } /* else it is found out when its turn comes */
    heap->newest = guard;
    heap->quarantined += block.bytes;
    shorten(heap, heap->options.quarantine);
}

static void *check_realloc(struct quire_heap *heap, void *owned, size_t bytes)
{
    struct heap_block block;
    struct heap_guard *guard = guard_of(heap, owned, &block);
    void *moved = NULL;

    if (guard != NULL) {
        moved = check_alloc(heap, QUIRE_HEAP_ALIGN, bytes, false);
        /* A smaller size is never refused. */
        if (moved == NULL && bytes <= guard->bytes) {
            inspect(heap, &block);
            guard->bytes = bytes;
            guard->seal = seal_of(guard, STATE_LIVE);
            fill(zone_after(guard, block.bytes), AFTER);
            return owned;
        }
    }
    if (moved != NULL) {
        memcpy(moved, owned, least(bytes, guard->bytes));
        check_free(heap, owned);
    }
    return moved;
}

static size_t check_usable(struct quire_heap *heap, const void *owned)
{
    struct heap_block block;
    const struct heap_guard *guard = guard_of(heap, owned, &block);

    return guard != NULL ? guard->bytes : 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct census {
    struct quire_heap *heap;
    const void *wrong;
    size_t freed; /* bytes of blocks that are marked so */
};

static bool count_block(void *context, const struct heap_block *block)
{
    struct census *census = context;
    const struct heap_guard *guard = (const struct heap_guard *)block->at;

    if (is(guard, STATE_LIVE) || is(guard, STATE_FREED)) {
        census->freed += is(guard, STATE_FREED) ? block->bytes : 0;
        census->wrong = inspect(census->heap, block);
    } else {
        quire_heap_tell(census->heap, QUIRE_HEAP_UNDERRUN, guard, NULL, 0);
        census->wrong = guard;
    }
    return census->wrong == NULL;
}

static enum quire_status check_validate(struct quire_heap *heap, const void **at)
{
    struct census census = {.heap = heap};

    if (!quire_heap_visit(heap, count_block, &census)) {
        *at = census.wrong;
        return QUIRE_CORRUPT;
    }
    *at = NULL;
    for (const struct heap_guard *guard = heap->oldest; guard != NULL; guard = guard->next) {
        struct heap_block block;
        if (quire_heap_locate(heap, guard, &block) != HEAP_IN_BLOCK || census.freed < block.bytes ||
            !is(guard, STATE_FREED) || (guard->next == NULL && guard != heap->newest)) {
            *at = guard;
            return QUIRE_CORRUPT;
        }
        census.freed -= block.bytes;
    }
    return census.freed == 0 ? QUIRE_OK : QUIRE_CORRUPT;
}

static void check_flush(struct quire_heap *heap)
{
    shorten(heap, 0);
}

const struct quire_heap_checker quire_heap_checking = {
    .alloc = check_alloc,
    .free = check_free,
    .realloc = check_realloc,
    .usable = check_usable,
    .validate = check_validate,
    .flush = check_flush,
};
