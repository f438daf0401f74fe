/*
 * A system: what the address spaces of one machine share. Frames, swap, the replacement policy, one
 * record for each frame, and the counts of all that happened.
 *
 * Its own records live in frames of the machine, so a machine's memory is all that it needs; what
 * they cost is told by quire_system_overhead(). One operation on a system, or on any of its spaces,
 * at a time: the caller sees to that, or gives the core locks (lock.h).
 */
#ifndef QUIRE_SYSTEM_H
#define QUIRE_SYSTEM_H

#include "quire/event.h"
#include "quire/frames.h"
#include "quire/host.h"
#include "quire/lock.h"
#include "quire/policy.h"
#include "quire/swap.h"
#include "quire/tlb.h"

struct quire_space;
struct quire_object;
struct quire_request;
struct quire_slab;
struct quire_registry;

/*
 * What a frame holds. A page of an object, or an anonymous page: one of a space's own. After a fork
 * an anonymous page has several owners, always at the same page number in spaces that descend from
 * each other; the frame's count says how many, and they are found by asking those spaces.
 */
struct quire_page {
    struct quire_object *object; /* NULL: anonymous */
    struct quire_space *space;   /* anonymous: one of the owners. Both NULL: no page is here */
    uint64_t vpn;                /* page number in the space, or in the object */
    quire_slot slot; /* the swap slot that holds a copy of it as it came in, or QUIRE_NONE */
    uint16_t wired;  /* must stay, so many times */
    uint8_t origin;  /* enum quire_origin: what it is if it has not been written */
    bool dirty;      /* written, as far as software knows; the MMU's mark comes on top */
    bool listed;     /* the policy knows it: it may be evicted */
    bool was_listed; /* it has been, ever since it came */
};

enum quire_origin { QUIRE_ORIGIN_ZERO, QUIRE_ORIGIN_FILE, QUIRE_ORIGIN_SWAP };

/* May more be mapped than could ever be in frames and swap at once? */
enum quire_commit {
    QUIRE_OVERCOMMIT,   /* yes: a fault may find no memory when it is too late to say no */
    QUIRE_COMMIT_STRICT /* no: mapping and forking fail with QUIRE_NO_SPACE instead */
};

struct quire_system_config {
    const struct quire_host *host; /* with frames set, and memory that can be seen directly */
    const struct quire_policy_ops *policy;
    uint64_t seed;            /* for policies that throw dice */
    struct quire_device swap; /* where pages go; not called if swap_slots is 0 */
    uint32_t swap_slots;
    uint32_t resident_limit; /* pages resident at once, at most; 0: as many as there are frames */

    enum quire_commit commit;

    /* A fault also maps the pages around it that are in frames already: 1 << fault_around in all,
     * from a multiple of that on. 0: it does not. Below 16. */
    uint8_t fault_around;

    /* Pages are never put below this frame: what is there is left for page tables and records,
     * which go elsewhere only when it is full. 0: anything goes anywhere. */
    quire_pfn pages_from;

    /* NULL: page tables are in any frames. Else every space's page table has a window of kernel
     * addresses (registry.h), which grows with it. The registry's host is this one; the registry,
     * its kernel table and its allocator of kernel addresses are under the system's lock, and
     * outlive it. */
    struct quire_registry *registry;

    /* Where the records live: NULL: in frames of the machine, which is right for machines of some
     * size; or memory of the caller's, aligned to 8, of quire_system_size() bytes. */
    void *state;
    size_t state_bytes;
};

struct quire_system {
    struct quire_lock lock; /* see lock.h */
    const struct quire_host *host;
    struct quire_registry *registry; /* NULL: page tables have no windows */
    struct quire_swap swap;
    struct quire_policy policy;
    struct quire_page *page; /* by frame number - first */
    uint32_t first, frames;
    uint32_t resident, resident_limit;
    uint8_t fault_around;
    quire_pfn pages_from;
    enum quire_commit commit;
    uint64_t committed, commit_limit; /* pages promised; pages there are, in frames and swap */
    struct quire_object *objects;
    struct quire_space *limited; /* spaces with a limit of their own: limit.h */
    uint16_t next_object_id;
    struct quire_slab *region_slab; /* blocks of region records; see src/space/slab.h */
    uint32_t slab_frames;
    uint32_t slot_hand; /* among frames: where to look first for a slot that can be taken back */
    struct quire_batch batch;      /* gathers flushes during one operation */
    uint64_t events[QUIRE_EVENTS]; /* how many of each kind */
    uint64_t drops[3];             /* by enum quire_drop */
    quire_pfn own_first;           /* the frames that hold page, policy and swap records */
    uint32_t own_frames;           /* 0: the caller gave the memory */
};

/* Bytes that the records take: one for each frame, what the policy wants, and swap slots. 0: more
 * than this machine can address. */
size_t quire_system_size(const struct quire_system_config *config);

/* QUIRE_NO_MEMORY: the machine is too small for the records of its own frames; QUIRE_OUT_OF_RANGE:
 * frame or slot numbers that records cannot hold (1 << 28 and up); QUIRE_INVALID: `state` is too
 * small or not aligned, or the registry's host is another. Nothing is kept on failure. */
enum quire_status quire_system_init(struct quire_system *system,
                                    const struct quire_system_config *config);

/* Gives back the system's frames. => no spaces left */
void quire_system_destroy(struct quire_system *system);

/* Bytes of memory that the system's own records take. */
uint64_t quire_system_overhead(const struct quire_system *system);

/* What quire_system_reference() does where spaces have limits. => a page that may be evicted is
 * there */
void quire_system_reference_limited(struct quire_system *system, quire_pfn pfn);

/* For exact policies: the program just used what is in a frame. Frames that hold no page, or one
 * that may not be evicted, make no difference. Machines that cannot see each access (real ones)
 * never call it. */
static inline void quire_system_reference(struct quire_system *system, quire_pfn pfn)
{
    uint32_t index = pfn.n - system->first;

    if (system->policy.ops->reference == NULL && system->limited == NULL) {
        return;
    }
    if (index >= system->frames || !system->page[index].listed) {
        return;
    }
    if (system->limited != NULL) {
        quire_system_reference_limited(system, pfn);
    } else {
        system->policy.ops->reference(&system->policy, pfn);
    }
}

/* Time passes, for policies that count it in ticks: a host's timer calls this at regular intervals,
 * such as 20 times a second; replay after so many references. May look at every resident page,
 * clear accessed bits and flush. Takes the system's lock: not for interrupt handlers. */
void quire_system_tick(struct quire_system *system);

static inline bool quire_page_used(const struct quire_page *page)
{
    return page->space != NULL || page->object != NULL;
}

/* The page in a frame, or NULL. */
static inline struct quire_page *quire_system_page(struct quire_system *system, quire_pfn pfn)
{
    uint32_t index = pfn.n - system->first;

    return index < system->frames && quire_page_used(&system->page[index]) ? &system->page[index]
                                                                           : NULL;
}

#endif
