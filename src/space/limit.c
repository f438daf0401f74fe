/* Per-space replacement: see quire/limit.h. */
#include "quire/limit.h"

#include "../bytes.h"
#include "internal.h"

size_t quire_space_limit_size(const struct quire_system *system,
                              const struct quire_policy_ops *policy)
{
    return policy->state_bytes != NULL ? policy->state_bytes(system->frames) : 0;
}

/* Takes the space's pages off the policy that has them, or tells the one that it has now of
 * them. */
static void each_listed(struct quire_space *space,
                        void (*doing)(struct quire_system *system, quire_pfn pfn))
{
    uint64_t end = UINT64_C(1) << space->supplement.vpn_bits;
    struct quire_system *system = space->system;
    struct quire_record record;

    for (uint64_t vpn = 0; quire_supplement_next(&space->supplement, &vpn, end, &record); vpn++) {
        quire_pfn pfn = quire_pfn_of(record.number);

        if (record.kind == QUIRE_RECORD_FRAME && page_of(system, pfn)->space == space) {
            doing(system, pfn);
        }
    }
}

/* The new policy has never seen the page. */
static void introduce(struct quire_system *system, quire_pfn pfn)
{
    page_of(system, pfn)->was_listed = false;
    quire_page_list(system, pfn);
}

static void leave_limited(struct quire_space *space)
{
    struct quire_space **link = &space->system->limited;

    while (*link != NULL && *link != space) {
        link = &(*link)->next_limited;
    }
    if (*link != NULL) {
        *link = space->next_limited;
    }
}

void quire_space_unlimit(struct quire_space *space)
{
    if (space->limit == 0) {
        return;
    }
    each_listed(space, quire_page_unlist);
    leave_limited(space);
    space->limit = 0;
    each_listed(space, introduce);
}

static void begin_policy(struct quire_space *space, uint32_t pages,
                         const struct quire_policy_ops *ops, void *state)
{
    struct quire_policy *policy = &space->policy;

    *policy = space->system->policy; /* the same frames, nodes and questions */
    policy->ops = ops;
    policy->capacity = pages;
    policy->state = state;
    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        policy->list[i] = QUIRE_POLICY_LIST_EMPTY;
    }
    if (ops->init != NULL) {
        ops->init(policy);
    }
}

enum quire_status quire_locked_space_limit(struct quire_space *space, uint32_t pages,
                                           const struct quire_policy_ops *policy, void *state,
                                           size_t state_bytes)
{
    struct quire_system *system = space->system;
    size_t wanted = pages != 0 ? quire_space_limit_size(system, policy) : 0;

    if (pages != 0 && ((policy->wants_accessed && space->table.format->leaf.accessed.mask == 0) ||
                       state_bytes < wanted || (uintptr_t)state % 8 != 0)) {
        return QUIRE_INVALID;
    }
    quire_space_unlimit(space);
    if (pages == 0) {
        return QUIRE_OK;
    }
    each_listed(space, quire_page_unlist);
    if (wanted != 0) {
        memset(state, 0, wanted);
    }
    begin_policy(space, pages, policy, state);
    space->limit = pages;
    space->next_limited = system->limited;
    system->limited = space;
    each_listed(space, introduce);
    return QUIRE_OK;
}

void quire_system_reference_limited(struct quire_system *system, quire_pfn pfn)
{
    struct quire_policy *policy = page_policy(system, page_of(system, pfn));

    if (policy->ops->reference != NULL) {
        policy->ops->reference(policy, pfn);
    }
}

static void tick(struct quire_policy *policy)
{
    if (policy->ops->tick != NULL) {
        policy->ops->tick(policy);
    }
}

void quire_system_tick(struct quire_system *system)
{
    quire_lock_acquire(&system->lock);
    tick(&system->policy);
    for (struct quire_space *s = system->limited; s != NULL; s = s->next_limited) {
        tick(&s->policy);
    }
    quire_batch_commit(&system->batch); /* accessed bits that they cleared */
    quire_lock_release(&system->lock);
}
