/*
 * An address space: regions say what may be there, the supplement what became of each page, the
 * page table what the MMU sees.
 *
 * The fault handler is the heart (src/space/fault.c). A host's page-fault entry does no more than
 *
 *     switch (quire_space_fault(space, va, access, &request)) {
 *     case QUIRE_OK:      retry the instruction
 *     case QUIRE_PENDING: sleep until request.ready() was called, then quire_space_resume(&request)
 *     case QUIRE_BUSY:    let others run, then retry the instruction
 *     case QUIRE_FAULT:   the program is wrong: request.refusal says how
 *     default:            out of memory, or the device failed: the access cannot be served now
 *     }
 */
#ifndef QUIRE_SPACE_H
#define QUIRE_SPACE_H

#include "quire/object.h"
#include "quire/region.h"
#include "quire/registry.h"
#include "quire/supplement.h"
#include "quire/system.h"

struct quire_space {
    struct quire_system *system;
    union {
        struct quire_table table;
        struct quire_registry_view view; /* the same table in its window, if system->registry */
    };
    struct quire_supplement supplement;
    struct quire_region *regions; /* the lowest */
    struct quire_region *last_hit;
    uint32_t limit;             /* pages of its own that may be resident; 0: none. See limit.h */
    struct quire_policy policy; /* that chooses among them, if there is a limit */
    struct quire_space *next_limited;
    struct quire_space *kin; /* ring of spaces that descend from each other by fork */
    uint16_t id;
    uint32_t resident, swapped; /* pages in frames; in swap only */
    uint64_t faults;
};

/* An empty space. `id` becomes the table's ASID and must be unique among the system's spaces; below
 * 1 << asid_bits, or anything if the format has no ASIDs. QUIRE_NO_MEMORY; QUIRE_INVALID: the
 * policy needs an accessed bit and the format has none; QUIRE_EXISTS is not checked. Where the
 * system has a registry, QUIRE_INVALID: that is of another format; QUIRE_NO_SPACE: no kernel
 * addresses for a window (nor, in faults and for fixed regions, for one that is larger). */
enum quire_status quire_space_create(struct quire_space *space, struct quire_system *system,
                                     const struct quire_format *format, uint16_t id);

/* Frees all: frames, slots, nodes, regions, tables. => no request of its own pending, not active
 * anywhere, and nothing of it in transit: a fault of another space may be evicting a page. */
void quire_space_destroy(struct quire_space *space);

/* Is a page in transit that is the space's own, or that it shows of an object? Where devices answer
 * QUIRE_PENDING, ask before it is destroyed. */
bool quire_space_in_transit(struct quire_space *space);

struct quire_region_spec {
    quire_va va;
    uint64_t bytes;
    unsigned prot;               /* QUIRE_RIGHTS; a region without QUIRE_USER is the kernel's */
    unsigned max_prot;           /* 0: the same as prot */
    struct quire_object *object; /* NULL: zeros */
    uint64_t offset;             /* in the object */
    enum quire_sharing sharing;
    const struct quire_table *from; /* QUIRE_INHERITED: whose; else NULL */
    uint64_t stack_limit; /* bytes that the region may grow to, downwards, by itself; 0: not at all.
                             It never grows closer than QUIRE_STACK_GUARD pages to a neighbour */
};
enum {
    QUIRE_STACK_GUARD = 1,
    QUIRE_STACK_NEAR = 256 /* pages: an access so close below a stack that may not grow to there is
                              told as the stack's (QUIRE_REFUSAL_STACK) */
};

/* Adds a region. Nothing is read and no frame taken before a page is touched; a fixed one is mapped
 * at once, in leaves as large as possible, and an inherited one by quire_table_inherit(), whose
 * conditions and statuses hold: whole root entries, one such region in a space. Both are refused
 * (QUIRE_INVALID) to unmap, protect, discard, advise and wire. What is mapped in an inherited one
 * is for `from` to say; `prot` says which accesses are refused for want of a right, without a look
 * at its tables: without QUIRE_USER all of a program's.
 *
 * QUIRE_EXISTS: it would overlap another; QUIRE_INVALID, QUIRE_OUT_OF_RANGE as for page tables;
 * QUIRE_INVALID, too: rights beyond max_prot, an offset that is not a page's or would wrap, sharing
 * without an object, a stack or what is not paged with one, fixed memory without rights, an
 * inherited region without `from` or another with it; QUIRE_OUT_OF_RANGE, too: a shared region that
 * goes past the last page of its object (a private one shows zeros there); QUIRE_NO_MEMORY;
 * QUIRE_NO_SPACE: the commit limit. */
enum quire_status quire_space_map(struct quire_space *space, const struct quire_region_spec *spec);

/* Removes what lies in the range, cutting regions where needed; pages and slots in it are freed.
 * QUIRE_BUSY: a page of it is in transit; QUIRE_NO_MEMORY: a region could not be cut in two. In
 * both cases nothing changed. */
enum quire_status quire_space_unmap(struct quire_space *space, quire_va va, uint64_t bytes);

/* Changes the protection of a range that regions cover without holes (else QUIRE_NOT_FOUND), within
 * their max_prot (else QUIRE_INVALID). QUIRE_NO_MEMORY as above. Nothing changed on failure. */
enum quire_status quire_space_protect(struct quire_space *space, quire_va va, uint64_t bytes,
                                      unsigned prot);

/*
 * Makes `child` a copy of `parent`: the same regions; private pages are shared until one of them
 * writes (copy-on-write), without copying a byte now. The child's page table is empty: its pages
 * are mapped as it touches them. Wired pages are copied now, and the copies are not wired.
 * QUIRE_BUSY: a page is in transit; QUIRE_NO_MEMORY; QUIRE_NO_SPACE: the commit limit;
 * QUIRE_INVALID: the format's MMU cannot withhold the right to write. In all of these nothing
 * changed.
 */
enum quire_status quire_space_fork(struct quire_space *child, struct quire_space *parent,
                                   uint16_t id);

/* Gives up the contents of the range, which stays mapped: private pages are as at the beginning
 * (zeros, or the object's). QUIRE_BUSY: a page is in transit, nothing changed. */
enum quire_status quire_space_discard(struct quire_space *space, quire_va va, uint64_t bytes);

/*
 * Makes the page at va resident for `access` and keeps it so, in the same frame, until it is
 * unwired as often as it was wired. Answers as quire_space_fault(); PENDING: resume, and wire
 * again; QUIRE_NO_SPACE, too: wired 65,535 times. The page may still come off the MMU (protected,
 * written back, after a fork); the next access then maps it again, without I/O. A wire goes with
 * the page where a space's own page is unmapped or discarded; one on an object's page stays.
 * => a private page that is wired while its region is read-only does not become writable
 * meanwhile: the first write might copy it
 */
enum quire_status quire_space_wire(struct quire_space *space, quire_va va, unsigned access,
                                   struct quire_request *request);

/* QUIRE_NOT_FOUND: no wired page is seen at va. */
enum quire_status quire_space_unwire(struct quire_space *space, quire_va va);

/* Pages that were accessed since this was last asked: the working set over that time. Clears the
 * accessed bits. 0 for formats without one. */
uint32_t quire_space_working_set(struct quire_space *space);

/* The region that holds va, or NULL. */
const struct quire_region *quire_space_region(struct quire_space *space, quire_va va);

/* What became of the page that is seen at va, mapped just now or not: of the space's own, or, where
 * it has none, of the one that its region shows of an object: QUIRE_RECORD_ZERO behind the object's
 * end. QUIRE_RECORD_UNTOUCHED: nothing yet, or there is no region. */
struct quire_record quire_space_record(const struct quire_space *space, quire_va va);

/* Page number of an address, as the supplement counts; and the page's first address. */
uint64_t quire_space_vpn(const struct quire_space *space, quire_va va);
quire_va quire_space_va(const struct quire_space *space, uint64_t vpn);

enum quire_refusal {
    QUIRE_REFUSAL_NONE,
    QUIRE_REFUSAL_NO_REGION, /* nothing may be there */
    QUIRE_REFUSAL_READ,      /* the region does not allow it */
    QUIRE_REFUSAL_WRITE,
    QUIRE_REFUSAL_EXECUTE,
    QUIRE_REFUSAL_USER,
    QUIRE_REFUSAL_STACK, /* below a stack that may not grow further */
    QUIRE_REFUSALS
};
const char *quire_refusal_text(enum quire_refusal refusal);

/*
 * One fault on its way. The caller owns it and keeps it until the fault has ended; `ready` and
 * `context` are his to set (ready may be NULL where no device ever answers QUIRE_PENDING).
 * Everything else is the core's; refusal is there to be read after QUIRE_FAULT, ahead, ahead_bytes
 * and in_vain after QUIRE_OK.
 */
struct quire_request {
    void (*ready)(struct quire_request *request); /* from quire_transfer_done(); any context */
    void *context;

    struct quire_system *system;
    struct quire_space *space;
    quire_va va;
    unsigned access;
    enum quire_refusal refusal;
    quire_va ahead; /* after QUIRE_OK: what is likely to be wanted next; see advice.h */
    uint64_t ahead_bytes;
    uint32_t in_vain; /* pages that were tried, the last time that one had to be evicted, and had to
                         stay for want of a swap slot: close to system->resident, memory is full */

    uint8_t step;                /* where fault.c goes on */
    quire_pfn pfn;               /* the frame for the page, once there is one */
    struct quire_record was;     /* what the page was before that */
    struct quire_object *object; /* the page is one of the object's, not of the space's own */
    uint64_t page;               /* its number there */
    bool prefetch;               /* nobody has touched the page */
    uint8_t origin;              /* what it will be when it has been filled */
    uint32_t failed_writes;      /* of the object, when reading from its device began */
    quire_pfn victim;            /* being written out */
    bool keeps;                  /* ... to be kept afterwards (synchronised), not to make room */
    struct quire_transfer transfer;
};

/* Makes the page at va usable for `access` (QUIRE_READ, WRITE or EXECUTE, with QUIRE_USER), or says
 * why not. Statuses as at the head of this file; QUIRE_BUSY: the page, or all memory that it could
 * have, is in transit for other requests; on any but OK and PENDING the state is as before, but for
 * pages that were evicted on the way, and a stack that grew (a refused access never makes it grow).
 * May start I/O, never waits for it. */
enum quire_status quire_space_fault(struct quire_space *space, quire_va va, unsigned access,
                                    struct quire_request *request);

/* Goes on after the request's transfer is done. */
enum quire_status quire_space_resume(struct quire_request *request);

/*
 * Frees a frame by evicting a page, chosen as for a fault. Faults do this by themselves; the other
 * operations do not: where one of them answers QUIRE_NO_MEMORY, a host calls this and tries again,
 * or keeps some frames free by calling it from time to time (after looking at host->frames->free).
 * QUIRE_OK; QUIRE_PENDING: the page is being written, resume when the request is ready; others as
 * quire_space_fault(): QUIRE_NO_MEMORY: there is nothing to evict, QUIRE_NO_SPACE: nor to swap to.
 *
 *     do {
 *         status = quire_space_map(space, &spec);
 *     } while (status == QUIRE_NO_MEMORY && quire_system_reclaim(system, &request) == QUIRE_OK);
 */
enum quire_status quire_system_reclaim(struct quire_system *system, struct quire_request *request);

/* Checks every invariant of the system and the spaces given (all of its spaces): each resident page
 * has exactly its record, its mapping and its frame; each slot its owners; nothing is both free and
 * used; policy lists and counts agree. QUIRE_CORRUPT and *what (may be NULL): which one. */
enum quire_status quire_validate(struct quire_system *system, struct quire_space *const *spaces,
                                 unsigned count, const char **what);

#endif
