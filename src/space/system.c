/* The system: setting up and taking down what address spaces share. */
#include "quire/system.h"

#include "../bytes.h"
#include "internal.h"

/* Where each kind of record lies in the system's state. More than a 32-bit machine can address must
 * not look like less. */
struct layout {
    uint64_t pages, nodes, policy, swap, total;
};

static uint64_t align8(uint64_t bytes)
{
    return (bytes + 7) & ~UINT64_C(7);
}

static struct layout layout_of(const struct quire_system_config *config)
{
    uint32_t frames = config->host->frames->total;
    struct layout at;

    at.pages = 0;
    at.nodes = align8(at.pages + (uint64_t)frames * sizeof(struct quire_page));
    at.policy = align8(at.nodes + (uint64_t)frames * sizeof(struct quire_policy_node));
    at.swap = at.policy;
    if (config->policy->state_bytes != NULL) {
        at.swap = align8(at.policy + config->policy->state_bytes(frames));
    }
    at.total = at.swap + quire_swap_size(config->swap_slots);
    return at;
}

size_t quire_system_size(const struct quire_system_config *config)
{
    uint64_t bytes = layout_of(config).total;

    return bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

/* Frames in a row for `bytes`, which must lie in the direct part of memory: records are used by
 * pointer. What a power of two has too many goes back at once. */
static unsigned char *take_own_frames(struct quire_system *system, uint64_t bytes)
{
    const struct quire_memory *memory = &system->host->memory;
    struct quire_frames *frames = system->host->frames;
    uint64_t needed = ((bytes - 1) >> frames->page_shift) + 1;
    unsigned order = 0;
    uint64_t offset;
    quire_pfn first;

    while (order <= QUIRE_ORDER_MAX && UINT64_C(1) << order < needed) {
        order++;
    }
    if (order > QUIRE_ORDER_MAX || quire_frames_alloc(frames, order, &first) != QUIRE_OK) {
        return NULL;
    }
    for (uint32_t extra = (uint32_t)needed; extra < UINT32_C(1) << order; extra++) {
        quire_frames_unref(frames, quire_pfn_of(first.n + extra));
    }
    system->own_first = first;
    system->own_frames = (uint32_t)needed;
    offset = quire_pfn_pa(first, frames->page_shift).at - memory->base;
    return offset < memory->bytes && bytes <= memory->bytes - offset ? memory->direct + offset
                                                                     : NULL;
}

static void give_back_own_frames(struct quire_system *system)
{
    for (; system->own_frames != 0; system->own_frames--) {
        quire_frames_unref(system->host->frames,
                           quire_pfn_of(system->own_first.n + system->own_frames - 1));
    }
}

/* The policy's question: was the page used since last asked? */
static bool page_used(void *context, quire_pfn pfn)
{
    return quire_owners_used(context, pfn);
}

/* And: would it have to be written? */
static bool page_dirty(void *context, quire_pfn pfn)
{
    return quire_owners_dirty(context, pfn);
}

/* Free frames in which pages may be. */
static uint32_t frames_for_pages(const struct quire_system *system)
{
    const struct quire_frames *frames = system->host->frames;
    uint32_t free = frames->free;

    for (uint32_t n = frames->first; n < system->pages_from.n && n - frames->first < frames->total;
         n++) {
        free -= quire_frames_count(frames, quire_pfn_of(n)) == 0;
    }
    return free;
}

enum quire_status quire_system_init(struct quire_system *system,
                                    const struct quire_system_config *config)
{
    struct quire_frames *frames = config->host->frames;
    struct layout at = layout_of(config);
    unsigned char *state = config->state;
    enum quire_status status;

    if ((uint64_t)frames->first + frames->total > QUIRE_RECORD_NUMBERS ||
        config->swap_slots > QUIRE_RECORD_NUMBERS) {
        return QUIRE_OUT_OF_RANGE;
    }
    if ((state != NULL && (config->state_bytes < at.total || (uintptr_t)state % 8 != 0)) ||
        (config->registry != NULL && config->registry->host != config->host)) {
        return QUIRE_INVALID;
    }
    *system = (struct quire_system){.host = config->host,
                                    .registry = config->registry,
                                    .first = frames->first,
                                    .frames = frames->total,
                                    .resident_limit = config->resident_limit,
                                    .pages_from = config->pages_from,
                                    .commit = config->commit,
                                    .fault_around = config->fault_around & 15U};
    quire_lock_init(&system->lock, QUIRE_LOCK_SYSTEM);
    if (state == NULL) {
        state = take_own_frames(system, at.total);
    }
    if (state == NULL) {
        give_back_own_frames(system);
        return QUIRE_NO_MEMORY;
    }
    memset(state, 0, (size_t)at.total); /* it is all there, so the number fits */
    status = quire_swap_init(&system->swap, &config->swap, state + at.swap,
                             (size_t)(at.total - at.swap), config->swap_slots, frames->page_shift);
    if (status != QUIRE_OK) {
        give_back_own_frames(system);
        return status;
    }
    system->page = (struct quire_page *)(void *)(state + at.pages);
    for (uint32_t i = 0; i < system->frames; i++) {
        system->page[i].slot = quire_slot_of(QUIRE_NONE);
    }
    quire_policy_init(&system->policy, config->policy,
                      (struct quire_policy_node *)(void *)(state + at.nodes),
                      quire_pfn_of(system->first), system->frames, state + at.policy);
    system->policy.seed = config->seed;
    if (config->resident_limit != 0 && config->resident_limit < system->frames) {
        system->policy.capacity = config->resident_limit;
    }
    system->policy.used = page_used;
    system->policy.dirty = page_dirty;
    system->policy.context = system;
    quire_batch_begin(&system->batch, system->host);
    system->commit_limit = (uint64_t)frames_for_pages(system) + config->swap_slots;
    return QUIRE_OK;
}

void quire_system_destroy(struct quire_system *system)
{
    quire_batch_commit(&system->batch);
    give_back_own_frames(system);
}

uint64_t quire_system_overhead(const struct quire_system *system)
{
    return (uint64_t)(system->own_frames + system->slab_frames) << system->host->frames->page_shift;
}
