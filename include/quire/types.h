/*
 * Addresses and numbers that must not be mixed up: each is a type of its own.
 *
 *   virtual address  = VPN << page_shift | offset
 *   physical address = PFN << page_shift | offset
 *
 * A structure of one integer costs nothing on the targets that matter and turns "passed a virtual
 * address for a physical one" into a compile error.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t at;
} quire_va; /* virtual address, bytes */
typedef struct {
    uint64_t at;
} quire_pa; /* physical address, bytes */
typedef struct {
    uint32_t n;
} quire_pfn; /* physical frame number */
typedef struct {
    uint32_t n;
} quire_slot; /* swap slot: one page on the swap device */

/* No such frame / slot. Frame numbers run to 2^32 - 2. */
#define QUIRE_NONE UINT32_MAX

static inline quire_va quire_va_at(uint64_t at)
{
    quire_va va = {at};
    return va;
}

static inline quire_pa quire_pa_at(uint64_t at)
{
    quire_pa pa = {at};
    return pa;
}

static inline quire_pfn quire_pfn_of(uint32_t n)
{
    quire_pfn pfn = {n};
    return pfn;
}

static inline quire_slot quire_slot_of(uint32_t n)
{
    quire_slot slot = {n};
    return slot;
}

static inline bool quire_pfn_none(quire_pfn pfn)
{
    return pfn.n == QUIRE_NONE;
}

static inline bool quire_slot_none(quire_slot slot)
{
    return slot.n == QUIRE_NONE;
}

static inline quire_pa quire_pfn_pa(quire_pfn pfn, unsigned page_shift)
{
    return quire_pa_at((uint64_t)pfn.n << page_shift);
}

static inline quire_pfn quire_pa_pfn(quire_pa pa, unsigned page_shift)
{
    return quire_pfn_of((uint32_t)(pa.at >> page_shift));
}

/*
 * Rights and marks of a mapping, and what an access needs: one vocabulary for both, so that the
 * check is `need & ~have`. Combine with |.
 */
enum quire_attribute {
    QUIRE_READ = 1 << 0,
    QUIRE_WRITE = 1 << 1,
    QUIRE_EXECUTE = 1 << 2,
    QUIRE_USER = 1 << 3, /* reachable (mapping) or attempted (access) with user privilege */
    QUIRE_ACCESSED = 1 << 4,
    QUIRE_DIRTY = 1 << 5,
    QUIRE_GLOBAL = 1 << 6, /* the same in every address space: survives an address-space switch */

    /* Memory type, two bits; ordinary write-back memory is 0. */
    QUIRE_TYPE_NORMAL = 0 << 7,
    QUIRE_TYPE_WRITE_THROUGH = 1 << 7,
    QUIRE_TYPE_UNCACHED_WEAK = 2 << 7, /* x86: UC-, may be overridden by MTRRs */
    QUIRE_TYPE_UNCACHED = 3 << 7,

    QUIRE_RIGHTS = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE | QUIRE_USER,
    QUIRE_MARKS = QUIRE_ACCESSED | QUIRE_DIRTY,
    QUIRE_TYPE = 3 << 7
};
enum { QUIRE_TYPE_SHIFT = 7, QUIRE_TYPES_OF_MEMORY = 4 };

#endif
