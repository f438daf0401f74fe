/*
 * Entries in memory: one access each, in the format's byte order.
 *
 * An MMU, or another processor, may look at an entry at any moment, so it is loaded and stored
 * whole, and a store comes after the writing of what the entry leads to (release). Where the
 * machine has no 8-byte access (32-bit targets) a store writes the upper half first: in every
 * format the bit that makes an entry present is in the lower half when bytes are little-endian.
 */
#ifndef QUIRE_PAGING_ENTRY_H
#define QUIRE_PAGING_ENTRY_H

#include "quire/pte.h"

/* Before a loop: up to eight turns of it in a row. */
#if defined(__clang__)
#define QUIRE_UNROLL _Pragma("unroll 8")
#pragma clang diagnostic ignored "-Wpass-failed" /* it says so when it had unrolled already */
#else
#define QUIRE_UNROLL _Pragma("GCC unroll 8")
#endif

typedef uint8_t __attribute__((may_alias)) entry8;
typedef uint16_t __attribute__((may_alias)) entry16;
typedef uint32_t __attribute__((may_alias)) entry32;
typedef uint64_t __attribute__((may_alias)) entry64;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define QUIRE_MACHINE_BIG_ENDIAN true
#else
#define QUIRE_MACHINE_BIG_ENDIAN false
#endif

/* Entries of a known width, raw or swapped: what loops over runs of entries are made of. */
QUIRE_INLINE bool entry_swapped(const struct quire_format *format)
{
    return format->big_endian != QUIRE_MACHINE_BIG_ENDIAN;
}

/* Spelled out: compilers know the pattern, and where the machine has no such instruction (RISC-V)
 * the builtin would be a call into their library. */
QUIRE_INLINE uint16_t entry_swap16(uint16_t x)
{
    return (uint16_t)(x << 8 | x >> 8);
}

QUIRE_INLINE uint32_t entry_swap32(uint32_t x)
{
    return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}

QUIRE_INLINE uint64_t entry_swap_width(unsigned width, bool swap, uint64_t entry)
{
    if (!swap) {
        return entry;
    }
    switch (width) {
    case 2: return entry_swap16((uint16_t)entry);
    case 4: return entry_swap32((uint32_t)entry);
    case 8:
        return (uint64_t)entry_swap32((uint32_t)entry) << 32 |
               entry_swap32((uint32_t)(entry >> 32));
    default: return entry;
    }
}

QUIRE_INLINE uint64_t entry_load_raw_64(const void *where)
{
#if UINTPTR_MAX == UINT32_MAX
    return *(const volatile entry64 *)where;
#else
    return __atomic_load_n((const entry64 *)where, __ATOMIC_ACQUIRE);
#endif
}

QUIRE_INLINE uint64_t entry_load_raw(unsigned width, const void *where)
{
    switch (width) {
    case 1: return __atomic_load_n((const entry8 *)where, __ATOMIC_ACQUIRE);
    case 2: return __atomic_load_n((const entry16 *)where, __ATOMIC_ACQUIRE);
    case 4: return __atomic_load_n((const entry32 *)where, __ATOMIC_ACQUIRE);
    default: return entry_load_raw_64(where);
    }
}

QUIRE_INLINE void entry_store_raw_64(void *where, uint64_t raw)
{
#if UINTPTR_MAX == UINT32_MAX
    volatile entry32 *half = where;
    unsigned low = QUIRE_MACHINE_BIG_ENDIAN ? 1 : 0;

    half[1 - low] = (uint32_t)(raw >> 32);
    half[low] = (uint32_t)raw;
#else
    __atomic_store_n((entry64 *)where, raw, __ATOMIC_RELEASE);
#endif
}

QUIRE_INLINE void entry_store_raw(unsigned width, void *where, uint64_t raw)
{
    switch (width) {
    case 1: __atomic_store_n((entry8 *)where, (uint8_t)raw, __ATOMIC_RELEASE); break;
    case 2: __atomic_store_n((entry16 *)where, (uint16_t)raw, __ATOMIC_RELEASE); break;
    case 4: __atomic_store_n((entry32 *)where, (uint32_t)raw, __ATOMIC_RELEASE); break;
    default: entry_store_raw_64(where, raw); break;
    }
}

QUIRE_INLINE uint64_t entry_swap(const struct quire_format *format, uint64_t entry)
{
    return entry_swap_width(format->pte_bytes, entry_swapped(format), entry);
}

QUIRE_INLINE uint64_t entry_load(const struct quire_format *format, const void *where)
{
    return entry_swap(format, entry_load_raw(format->pte_bytes, where));
}

QUIRE_INLINE void entry_store(const struct quire_format *format, void *where, uint64_t entry)
{
    entry_store_raw(format->pte_bytes, where, entry_swap(format, entry));
}

/*
 * Replaces an entry that an MMU may be marking right now, and tells what it really was: an accessed
 * or dirty bit set in the last moment is not lost. Widths for which the target has no atomic
 * exchange (formats of the simulator; 8 bytes on 32-bit targets) need the other processors kept
 * off.
 */
QUIRE_INLINE uint64_t entry_exchange(const struct quire_format *format, void *where, uint64_t entry)
{
    uint64_t old;

    if (format->pte_bytes == 4) {
        old = __atomic_exchange_n((entry32 *)where, (uint32_t)entry_swap(format, entry),
                                  __ATOMIC_ACQ_REL);
        return entry_swap(format, old);
    }
#if UINTPTR_MAX > UINT32_MAX
    if (format->pte_bytes == 8) {
        old = __atomic_exchange_n((entry64 *)where, entry_swap(format, entry), __ATOMIC_ACQ_REL);
        return entry_swap(format, old);
    }
#endif
    old = entry_load(format, where);
    entry_store(format, where, entry);
    return old;
}

/* Clears and sets bits of a live entry, atomically where entry_exchange() is; returns the old. */
QUIRE_INLINE uint64_t entry_update(const struct quire_format *format, void *where, uint64_t clear,
                                   uint64_t set)
{
    uint64_t old = entry_load(format, where);

    if (format->pte_bytes == 4) {
        uint32_t seen = (uint32_t)entry_swap(format, old);
        while (!__atomic_compare_exchange_n(
            (entry32 *)where, &seen,
            (uint32_t)entry_swap(format, (entry_swap(format, seen) & ~clear) | set), false,
            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        }
        return entry_swap(format, seen);
    }
#if UINTPTR_MAX > UINT32_MAX
    if (format->pte_bytes == 8) {
        uint64_t seen = entry_swap(format, old);
        while (!__atomic_compare_exchange_n(
            (entry64 *)where, &seen, entry_swap(format, (entry_swap(format, seen) & ~clear) | set),
            false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        }
        return entry_swap(format, seen);
    }
#endif
    entry_store(format, where, (old & ~clear) | set);
    return old;
}

#endif
